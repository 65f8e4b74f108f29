//! The tools that identities are imported from. All of them work on the files of AWS tools; what
//! each keeps elsewhere, and what of it can be read.

use crate::config::edit::NewIdentityCenter;
use crate::config::profiles::{self, SharedProfile, SharedProfiles};
use crate::environment::Environment;
use crate::error::{Result, shorten};
use crate::files::ini;
use std::collections::HashSet;

/// Stands in notes until the name is known.
pub(super) const IDENTITY: &str = "<IDENTITY>";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportSource {
    /// The AWS CLI and the SDKs.
    Aws,
    AwsVault,
    Granted,
    Leapp,
}

impl ImportSource {
    /// Why keys with a session token in these files are of no use.
    pub(super) fn of_session(self) -> Option<&'static str> {
        match self {
            ImportSource::Leapp => Some(
                "Leapp wrote the keys of a session there, which expire; what it made them from is \
                 in its own encrypted file",
            ),
            ImportSource::Aws | ImportSource::AwsVault | ImportSource::Granted => None,
        }
    }

    /// How to take the keys of a user along that the tool keeps in a store of its own.
    pub(super) fn keeper_of(self, profile: &SharedProfile) -> Option<String> {
        let short = shorten(&profile.name);
        let command = profile.command().unwrap_or_default();
        let runs = |programs: &[&str]| {
            let program = command.split_whitespace().next().unwrap_or_default();
            let file = program.rsplit(['/', '\\']).next().unwrap_or_default();
            programs.contains(&file.trim_end_matches(".exe"))
        };
        match self {
            ImportSource::AwsVault if profile.is_kept || runs(&["aws-vault"]) => Some(format!(
                "the access key of `{short}` stays in aws-vault, whose store only aws-vault can \
                 open: `aws-vault export --no-session --format=json '{short}' | fob user configure \
                     {IDENTITY} --stdin` takes it along"
            )),
            ImportSource::Granted if runs(&["granted", "dgranted"]) => Some(format!(
                "the access key of `{short}` stays in Granted, whose store only Granted can open: \
                 `granted credentials export-plaintext '{short}'` writes it to ~/.aws/credentials, \
                     and `fob user configure {IDENTITY} --profile '{short}'` takes it from there"
            )),
            ImportSource::Aws
            | ImportSource::AwsVault
            | ImportSource::Granted
            | ImportSource::Leapp => None,
        }
    }

    /// The profiles of the files, as the tool reads them.
    pub(super) fn read(self, environment: &Environment) -> Result<SharedProfiles> {
        let mut shared = SharedProfiles::read(environment)?;
        if self == ImportSource::AwsVault {
            let sources = shared.all.iter().filter(|it| it.has_any(&["role_arn"]));
            let sources = sources.filter_map(|it| it.owned("source_profile"));
            let mut kept: HashSet<String> = sources.collect();
            let with_device = shared.all.iter().filter(|it| it.has_any(&["mfa_serial"]));
            kept.extend(with_device.map(|it| it.name.clone()));
            kept.extend(in_files_of_aws_vault(environment)?);
            shared.inherit();
            for name in kept {
                shared.keep(&name);
            }
        }
        Ok(shared)
    }

    /// Places of IAM Identity Center that the tool knows besides those of profiles.
    pub(super) fn centers(self, environment: &Environment) -> Result<Vec<NewIdentityCenter>> {
        match self {
            ImportSource::Granted => granted_centers(environment),
            ImportSource::Aws | ImportSource::AwsVault | ImportSource::Leapp => Ok(Vec::new()),
        }
    }

    /// What the tool has besides profiles, and what becomes of it.
    pub fn notes(self, environment: &Environment) -> Result<Vec<String>> {
        let home = environment.home()?;
        Ok(match self {
            ImportSource::Aws | ImportSource::Granted => Vec::new(),
            ImportSource::AwsVault => vec![
                "aws-vault keeps access keys in a store of its own, with a passphrase that Keyfob \
                 does not ask for: users are imported without their keys"
                    .to_owned(),
            ],
            ImportSource::Leapp => {
                let file = home.join(".Leapp").join("Leapp-lock.json");
                let why = format!(
                    "{} is encrypted with a key that only Leapp has: what is in it is left out; \
                     sign in to the same IAM Identity Center with a provider of kind \
                         aws/iam-identity-center, and store access keys with `fob user configure`",
                    file.display()
                );
                file.exists().then_some(why).into_iter().collect()
            }
        })
    }
}

/// The profiles whose keys are in aws-vault's own folder: a file each, encrypted, under the
/// profile's name. Those with a comma are sessions.
fn in_files_of_aws_vault(environment: &Environment) -> Result<Vec<String>> {
    let folder = match environment.var("AWS_VAULT_FILE_DIR")? {
        Some(folder) => environment.expand(folder, environment.working_directory())?,
        None => environment.home()?.join(".awsvault").join("keys"),
    };
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = files.filter_map(|file| file.file_name().into_string().ok());
    let names = names.map(|name| name.replace("%2F", "/").replace("%25", "%"));
    Ok(names.filter(|name| !name.contains(',')).collect())
}

/// The places of IAM Identity Center in Granted's own file.
fn granted_centers(environment: &Environment) -> Result<Vec<NewIdentityCenter>> {
    let home = environment.home()?.join(".granted");
    let folder = match environment.path("XDG_CONFIG_HOME") {
        Some(folder) if !home.exists() => folder.join("granted"),
        Some(_) | None => home,
    };
    let text = profiles::read(&folder.join("config"))?;
    let mut centers = Vec::new();
    for section in ini::scan(text.as_bytes()) {
        let value = |key: &str| {
            let found = section.settings.iter().find(|(name, _)| name == key);
            let value = found.map(|(_, value)| value.trim_matches('"'));
            value.unwrap_or_default().to_owned()
        };
        if let Some(name) = section.header().strip_prefix("SSO.") {
            centers.push(NewIdentityCenter {
                name: name.trim_matches('"').to_owned(),
                start_url: value("starturl"),
                region: value("ssoregion"),
                only_written: false,
            });
        }
    }
    Ok(centers)
}
