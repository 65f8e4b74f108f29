//! The other settings of the user's own AWS files (output, CA bundle, services, more profiles), for
//! a file that stands in for theirs. Credentials, and where they come from, are left out: a profile
//! that has some gets them from `fob` by its own name. `fob` answers if an identity is called that,
//! and otherwise says which identities there are.

use super::configuration::Config;
use super::profiles::SharedProfiles;
use crate::environment::Environment;
use crate::error::Result;
use crate::files::FobCommand;
use crate::files::ini::{self, COPY, IniSection};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// Besides everything that begins with `aws_`, `sso_` or `role_`, or speaks of a secret.
const SOURCES: &[&str] = &[
    "credential_process",
    "credential_source",
    "duration_seconds",
    "external_id",
    "login_session",
    "mfa_serial",
    "source_profile",
];

#[derive(Clone, Debug)]
pub struct UserSettings {
    /// Of the `config` file.
    text: Zeroizing<String>,
    path: String,
    /// All profiles of both files.
    profiles: Vec<String>,
    /// Identities of the configuration, each with its region.
    identities: Vec<(String, String)>,
}

/// A profile's settings without credentials.
struct Carried {
    lines: String,
    had_credentials: bool,
}

impl UserSettings {
    /// Of the files that the environment names. Reads no secret into the result.
    ///
    /// # Errors
    /// One of the files cannot be read, or is none that AWS tools could read.
    pub fn read(environment: &Environment, config: &Config) -> Result<UserSettings> {
        let shared = SharedProfiles::read(environment)?;
        let [path, _] = &shared.paths;
        let text = super::profiles::read(path)?;
        let identities = config.identities().iter().filter(|it| it.is_supported);
        let identities = identities.filter_map(|it| {
            let chain = config.chain(it).ok()?;
            Some((it.name.to_string(), chain.region.to_string()))
        });
        Ok(UserSettings {
            text,
            path: path.display().to_string(),
            profiles: shared.all.iter().map(|it| it.name.clone()).collect(),
            identities: identities.collect(),
        })
    }

    pub fn none() -> UserSettings {
        UserSettings {
            text: Zeroizing::default(),
            path: String::new(),
            profiles: Vec::new(),
            identities: Vec::new(),
        }
    }

    /// What belongs below a header of ours with a region of its own: the settings of the profile of
    /// that name, or else of the default one.
    pub fn of_profile(&self, name: &str) -> Result<String> {
        let sections = self.sections()?;
        let of = |name: &str| {
            let mut named = sections
                .iter()
                .filter(|it| it.configuration.is_none() && is_profile(it, name));
            named.next_back()
        };
        let section = of(name).or_else(|| of("default"));
        Ok(section.map_or_else(String::new, |section| {
            let passes = |key: &str| key != "region" && !is_credential(key);
            section.lines(&self.text, passes).0
        }))
    }

    /// The sections of everything else, each marked as a copy, except for the profiles that the
    /// file has itself.
    pub fn beside(&self, own: &[String], fob: &FobCommand) -> Result<String> {
        let is_own = |name: &str| own.iter().any(|it| it.eq_ignore_ascii_case(name));
        let sections = self.sections()?;
        let mut text = String::new();
        let mut seen = BTreeSet::new();
        for (at, section) in sections.iter().enumerate() {
            let again = |later: &IniSection| later.header() == section.header();
            if section.configuration.is_some() || sections[at + 1..].iter().any(again) {
                continue;
            }
            let (name, carried) = match section.profile() {
                Some(name) if is_own(name) => continue,
                Some(name) => (Some(name), self.without_credentials(section)),
                // How to get credentials, and nothing else.
                None if section.name("sso-session").is_some() => continue,
                None => (None, self.whole(section)),
            };
            let _ = write!(
                text,
                "\n[{}]\n{COPY} from {}\n{}",
                section.header(),
                self.path,
                carried.lines
            );
            seen.extend(name.map(str::to_ascii_lowercase));
            if let Some(name) = name.filter(|_| carried.had_credentials) {
                let _ = writeln!(
                    text,
                    "credential_process = {}",
                    fob.credential_process(name)?
                );
            }
        }
        let identities = self
            .identities
            .iter()
            .map(|(name, region)| (name, Some(region)));
        let others = self.profiles.iter().map(|name| (name, None));
        for (name, region) in identities.chain(others) {
            if is_own(name) || name.contains([']', '\n']) || !seen.insert(name.to_ascii_lowercase())
            {
                continue;
            }
            let header = if name == "default" {
                String::new()
            } else {
                "profile ".to_owned()
            };
            let _ = writeln!(text, "\n[{header}{name}]\n{COPY}");
            if let Some(region) = region {
                let _ = writeln!(text, "region = {region}");
            }
            let _ = writeln!(
                text,
                "credential_process = {}",
                fob.credential_process(name)?
            );
        }
        Ok(text)
    }

    fn sections(&self) -> Result<Vec<IniSection<'_>>> {
        ini::sections(&self.text, &self.path)
    }

    fn without_credentials(&self, section: &IniSection<'_>) -> Carried {
        let (lines, all) = section.lines(&self.text, |key| !is_credential(key));
        Carried {
            lines,
            had_credentials: !all,
        }
    }

    fn whole(&self, section: &IniSection<'_>) -> Carried {
        Carried {
            lines: section.lines(&self.text, |_| true).0,
            had_credentials: false,
        }
    }
}

fn is_profile(section: &IniSection<'_>, name: &str) -> bool {
    let profile = section.profile();
    profile.is_some_and(|it| it.eq_ignore_ascii_case(name))
}

fn is_credential(key: &str) -> bool {
    ["aws_", "sso_", "role_"]
        .iter()
        .any(|start| key.starts_with(start))
        || ["secret", "token", "password"]
            .iter()
            .any(|word| key.contains(word))
        || SOURCES.contains(&key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "\
[default]
region = us-west-2
output = json
ca_bundle = /etc/corp.pem
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
s3 =
  max_concurrent_requests = 20
  # of a nested comment
  addressing_style = path
# secret in a comment: wJalr
[profile lake]
retry_mode = adaptive
role_arn = arn:aws:iam::420000000025:role/lake
source_profile = default
[profile plain]
cli_pager =
[profile dev]
output = text
[sso-session corp]
sso_start_url = https://corp.example
[services local]
dynamodb =
  endpoint_url = http://localhost:8000
[profile lake]
retry_mode = standard
services = local
role_arn = arn:aws:iam::420000000025:role/lake
";
    const KEYS: &str = "[only here]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI\n";

    fn settings(config: &str, credentials: &str) -> UserSettings {
        let home = tempfile::tempdir().expect("a folder");
        let at = |name: &str| home.path().join(name);
        std::fs::create_dir(at(".aws")).expect("a folder");
        std::fs::write(at(".aws/config"), config).expect("written");
        std::fs::write(at(".aws/credentials"), credentials).expect("written");
        let yaml = "auth: { identities: { dev: { kind: aws/user }, ops: { kind: aws/user, credentials: { region: eu-west-1 } } } }";
        std::fs::write(at("config.yaml"), yaml).expect("written");
        let folder = home.path().to_str().expect("UTF-8");
        let environment = Environment::of([("HOME", folder), ("USERPROFILE", folder)]);
        let config = Config::load(&at("config.yaml"), &environment).expect("a configuration");
        let settings = UserSettings::read(&environment, &config).expect("settings");
        UserSettings {
            path: "~/.aws/config".to_owned(),
            ..settings
        }
    }

    fn fob() -> FobCommand {
        FobCommand {
            program: "/bin/fob".into(),
            configuration: "/c.yaml".to_owned(),
        }
    }

    #[test]
    fn settings_stay_and_credentials_do_not() {
        let settings = settings(CONFIG, KEYS);
        let own = settings.of_profile("default").expect("a profile");
        insta::assert_snapshot!(own, @r"
        output = json
        ca_bundle = /etc/corp.pem
        s3 =
          max_concurrent_requests = 20
          # of a nested comment
          addressing_style = path
        ");
        assert_eq!(settings.of_profile("ops"), Ok(own), "no profile of its own");
        assert_eq!(settings.of_profile("dev").as_deref(), Ok("output = text\n"));
        let beside = settings.beside(&["default".to_owned(), "dev".to_owned()], &fob());
        let beside = beside.expect("sections");
        insta::assert_snapshot!(beside, @r#"

        [profile plain]
        # Copied by Keyfob from ~/.aws/config
        cli_pager =

        [services local]
        # Copied by Keyfob from ~/.aws/config
        dynamodb =
          endpoint_url = http://localhost:8000

        [profile lake]
        # Copied by Keyfob from ~/.aws/config
        retry_mode = standard
        services = local
        credential_process = "/bin/fob" --config "/c.yaml" credential-process lake

        [profile ops]
        # Copied by Keyfob
        region = eu-west-1
        credential_process = "/bin/fob" --config "/c.yaml" credential-process ops

        [profile only here]
        # Copied by Keyfob
        credential_process = "/bin/fob" --config "/c.yaml" credential-process "only here"
        "#);
    }

    #[test]
    fn copies_of_copies_are_the_same() {
        let first = settings(CONFIG, KEYS);
        let own = ["default".to_owned()];
        let text = first.beside(&own, &fob()).expect("sections");
        let again = settings(&text, "").beside(&own, &fob()).expect("sections");
        let sorted = |text: &str| {
            let mut sections: Vec<_> = text
                .split("\n[")
                .map(|it| it.trim().replace(" from ~/.aws/config", ""))
                .collect();
            sections.sort();
            sections
        };
        assert_eq!(sorted(&again), sorted(&text));
    }

    #[test]
    fn a_file_that_aws_tools_cannot_read_is_an_error() {
        let error = settings("[default]\noutput = json\n", "").of_profile("default");
        assert!(error.is_ok());
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().to_str().expect("UTF-8");
        std::fs::create_dir(home.path().join(".aws")).expect("a folder");
        std::fs::write(home.path().join(".aws/config"), "[default\n").expect("written");
        std::fs::write(home.path().join("c.yaml"), "auth: { identities: {} }").expect("written");
        let environment = Environment::of([("HOME", folder), ("USERPROFILE", folder)]);
        let config =
            Config::load(&home.path().join("c.yaml"), &environment).expect("a configuration");
        let error = UserSettings::read(&environment, &config).expect_err("no header");
        assert!(error.message.contains("line 1"), "{error}");
    }
}
