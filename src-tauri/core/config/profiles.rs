//! The profiles of the files that AWS tools share, one laid over the other: what `credentials` says
//! counts before what `config` says. A key pair is taken whole from one of them.

use super::file;
use crate::environment::Environment;
use crate::error::{Code, Error, Result, shorten};
use crate::files::ini::{IniSection, Settings, sections};
use crate::files::words_of;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const PAIR: &[&str] = &[
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_security_token",
];

/// What is written under one name.
pub(crate) struct SharedProfile {
    pub name: String,
    /// Later ones count before earlier ones. Any of them may be a secret.
    settings: Settings,
    /// Where it is written twice in one file, or holds a line that is no setting.
    pub warnings: Vec<String>,
    /// Another tool keeps its keys.
    pub is_kept: bool,
}

/// All profiles, in the order of the files, those of `config` first.
pub(crate) struct SharedProfiles {
    pub all: Vec<SharedProfile>,
    /// The sections `sso-session`, by their names.
    pub sessions: Vec<SharedProfile>,
    pub paths: [PathBuf; 2],
}

/// One file, or a text that was pasted.
struct Source<'a> {
    text: &'a str,
    name: String,
    /// Or a `credentials` file, which names profiles without the word `profile`.
    is_config: bool,
}

impl SharedProfile {
    fn called(name: &str) -> SharedProfile {
        SharedProfile {
            name: name.to_owned(),
            settings: Vec::new(),
            warnings: Vec::new(),
            is_kept: false,
        }
    }

    /// A value that is not empty, without a comment behind it.
    pub fn value(&self, key: &str) -> Option<&str> {
        let value = self.whole(key)?;
        let end = [" #", " ;", "\t#", "\t;"]
            .iter()
            .filter_map(|mark| value.find(mark))
            .min();
        Some(value[..end.unwrap_or(value.len())].trim_end()).filter(|value| !value.is_empty())
    }

    /// The command of `credential_process`, in which anything may stand.
    pub fn command(&self) -> Option<&str> {
        self.whole("credential_process")
    }

    pub fn owned(&self, key: &str) -> Option<String> {
        self.value(key).map(str::to_owned)
    }

    pub fn has_keys(&self) -> bool {
        self.has_any(PAIR)
    }

    pub fn has_any(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.value(key).is_some())
    }

    /// Whether Keyfob wrote it: by its `credential_process`.
    pub fn is_own(&self, environment: &Environment) -> bool {
        let words = words_of(self.value("credential_process").unwrap_or_default());
        let Ok([program, arguments @ ..]) = words.as_deref() else {
            return false;
        };
        let file = program.rsplit(['/', '\\']).next().unwrap_or(program);
        let is_fob = file == "fob"
            || file.eq_ignore_ascii_case("fob.exe")
            || Path::new(program) == environment.program();
        is_fob && arguments.iter().any(|word| word == "credential-process")
    }

    /// Of all settings, also of those that hold others below them.
    pub fn all_keys(&self) -> impl Iterator<Item = &str> {
        self.settings.iter().map(|(key, _)| key.as_str())
    }

    fn whole(&self, key: &str) -> Option<&str> {
        let found = self.settings.iter().rev().find(|(name, _)| name == key);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

impl SharedProfiles {
    /// Files that are missing hold none.
    pub fn read(environment: &Environment) -> Result<SharedProfiles> {
        let mut profiles = SharedProfiles {
            all: Vec::new(),
            sessions: Vec::new(),
            paths: [
                shared_config_path(environment)?,
                path(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials")?,
            ],
        };
        for (path, is_config) in profiles.paths.clone().iter().zip([true, false]) {
            profiles.add(&Source {
                text: &read(path)?,
                name: path.display().to_string(),
                is_config,
            })?;
        }
        Ok(profiles)
    }

    /// Of the `credentials` file alone.
    pub fn of_credentials(environment: &Environment) -> Result<SharedProfiles> {
        let path = path(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
        let profiles = SharedProfiles::of_text(&read(&path)?)?;
        Ok(SharedProfiles {
            paths: [PathBuf::new(), path],
            ..profiles
        })
    }

    /// Of a text as it stands in `~/.aws/credentials`.
    pub fn of_text(text: &str) -> Result<SharedProfiles> {
        let mut profiles = SharedProfiles {
            all: Vec::new(),
            sessions: Vec::new(),
            paths: Default::default(),
        };
        profiles.add(&Source {
            text,
            name: "the text".to_owned(),
            is_config: false,
        })?;
        Ok(profiles)
    }

    pub fn find(&self, name: &str) -> Option<&SharedProfile> {
        self.all.iter().find(|profile| profile.name == name)
    }

    /// As aws-vault does it: what a profile does not say, the one says that it includes, or else
    /// the default one.
    pub fn inherit(&mut self) {
        let lines: Vec<Vec<usize>> = (0..self.all.len()).map(|at| self.line_of(at)).collect();
        let own: Vec<Settings> = self.all.iter().map(|it| it.settings.clone()).collect();
        for (profile, line) in self.all.iter_mut().zip(lines) {
            let all = line
                .iter()
                .rev()
                .flat_map(|at| own[*at].iter().map(move |it| (*at, it)));
            let is_key = |key: &String| PAIR.contains(&key.as_str());
            let own = line.first();
            let all = all.filter(|(at, (key, _))| own == Some(at) || !is_key(key));
            profile.settings = all.map(|(_, setting)| setting.clone()).collect();
        }
    }

    /// A profile and those that it inherits from, by position.
    fn line_of(&self, start: usize) -> Vec<usize> {
        let mut line = vec![start];
        let mut next = Some(start);
        while let Some(profile) = next.map(|at| &self.all[at]) {
            let named = profile.value("include_profile");
            let named = named.or_else(|| profile.value("parent_profile"));
            let name = named.unwrap_or("default");
            let position = self.all.iter().position(|it| it.name == name);
            next = position.filter(|at| !line.contains(at));
            line.extend(next);
        }
        line
    }

    /// A profile whose keys another tool keeps, also one that is not in the files.
    pub fn keep(&mut self, name: &str) {
        match self.all.iter_mut().find(|it| it.name == name) {
            Some(profile) => profile.is_kept = true,
            None => self.all.push(SharedProfile {
                is_kept: true,
                ..SharedProfile::called(name)
            }),
        }
    }

    /// Of one name in a file, the later section counts.
    fn add(&mut self, source: &Source<'_>) -> Result<()> {
        let mut found: Vec<(IniSection<'_>, SharedProfile)> = Vec::new();
        for mut section in sections(source.text, &source.name)? {
            let Some(name) = source.profile(&section) else {
                if let Some(name) = section.name("sso-session").filter(|_| source.is_config) {
                    let settings = std::mem::take(&mut section.settings);
                    self.add_session(name, settings, &source.name);
                }
                continue;
            };
            let repeated = section.repeated().map(|(key, [line, later])| {
                format!(
                    "{} is written twice in {}, in line {line} and in line {later}: the later one \
                     counts",
                    shorten(key),
                    source.name
                )
            });
            let mut warnings: Vec<String> = repeated.collect();
            let settings = std::mem::take(&mut section.settings);
            let stray = section.stray.iter().map(|line| {
                format!(
                    "line {line} of {} is no setting of a profile and is left out",
                    source.name
                )
            });
            warnings.extend(stray);
            if let Some((earlier, profile)) = found.iter_mut().find(|(_, it)| it.name == name) {
                profile.warnings.push(format!(
                    "the profile `{}` is written twice in {}, in line {} and in line {}: the later \
                     one counts",
                    shorten(name),
                    source.name,
                    earlier.line,
                    section.line
                ));
                profile.settings = settings;
                profile.warnings.extend(warnings);
                *earlier = section;
            } else {
                let profile = SharedProfile {
                    settings,
                    warnings,
                    ..SharedProfile::called(name)
                };
                found.push((section, profile));
            }
        }
        for (_, profile) in found {
            self.lay_over(profile);
        }
        Ok(())
    }

    /// Of one name, the later one counts.
    fn add_session(&mut self, name: &str, settings: Settings, file: &str) {
        let earlier = self.sessions.len();
        self.sessions.retain(|it| it.name != name);
        let is_again = self.sessions.len() < earlier;
        let warning = || {
            let name = shorten(name);
            format!("[sso-session {name}] is written twice in {file}: the later one counts")
        };
        self.sessions.push(SharedProfile {
            settings,
            warnings: is_again.then(warning).into_iter().collect(),
            ..SharedProfile::called(name)
        });
    }

    fn lay_over(&mut self, profile: SharedProfile) {
        match self.all.iter_mut().find(|it| it.name == profile.name) {
            Some(below) => {
                if profile.has_keys() {
                    below
                        .settings
                        .retain(|(key, _)| !PAIR.contains(&key.as_str()));
                }
                below.settings.extend(profile.settings);
                below.warnings.extend(profile.warnings);
            }
            None => self.all.push(profile),
        }
    }
}

impl Source<'_> {
    fn profile<'s>(&self, section: &IniSection<'s>) -> Option<&'s str> {
        let bare = section
            .name("")
            .filter(|name| !self.is_config && !name.is_empty());
        section.profile().or(bare)
    }
}

fn path(environment: &Environment, variable: &str, name: &str) -> Result<PathBuf> {
    match environment.var(variable)? {
        Some(path) => environment.expand(path, environment.working_directory()),
        None => Ok(environment.home()?.join(".aws").join(name)),
    }
}

/// The `config` file, where it is or would be.
pub(crate) fn shared_config_path(environment: &Environment) -> Result<PathBuf> {
    path(environment, "AWS_CONFIG_FILE", "config")
}

/// One of these files, to be changed: no other user may have written it.
pub(crate) fn shared_text(path: &Path) -> Result<Zeroizing<String>> {
    file::unshared_text(path, refuse)
}

fn refuse(path: &Path, why: &str) -> Error {
    Error::new(
        Code::InvalidInput,
        format!("the file {} {why}", path.display()),
    )
}

pub(super) fn read(path: &Path) -> Result<Zeroizing<String>> {
    // `/dev/null` is how people switch one of them off.
    if file::is_missing(path) || path == Path::new("/dev/null") {
        return Ok(Zeroizing::default());
    }
    file::bounded_text(path, refuse)
}
