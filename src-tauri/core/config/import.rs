//! What the files of AWS tools hold and Keyfob could take over: a list for people to choose from,
//! and what follows from a choice as plain data. Writes nothing; secrets go to the caller, for the
//! keyring, and never into a [`Change`].

mod shared;

use super::edit::{Change, NewIdentity, NewKind};
use super::profiles::sections;
use super::reader::sentence;
use crate::environment::Environment;
use crate::error::shorten;
use crate::error::{Code, Error, Result};
use crate::ids::IdentityName;
use crate::ids::{AccessKeyId, is_placeholder};
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use shared::Profile;
use std::collections::HashSet;
use std::fmt;

const LONGEST_NAME: usize = 64;
/// A chain of profiles is never longer.
const LONGEST_CHAIN: usize = 32;

/// A profile of `~/.aws/config` or `~/.aws/credentials`, as far as it means credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Importable {
    pub profile: String,
    pub what: ProfileKind,
    /// Why it cannot be taken over.
    pub obstacle: Option<String>,
}

/// Shown as `IAM user`, `role through dev`, `program`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileKind {
    IamUser,
    Role {
        /// What it is assumed with: a profile, or what the profile says in its place.
        through: String,
    },
    Program,
    IdentityCenter,
    /// Keys that expire, written there by some tool.
    Session,
}

impl fmt::Display for ProfileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProfileKind::IamUser => f.write_str("IAM user"),
            ProfileKind::Role { through } => write!(f, "role through {}", shorten(through)),
            ProfileKind::Program => f.write_str("program"),
            ProfileKind::IdentityCenter => f.write_str("IAM Identity Center"),
            ProfileKind::Session => f.write_str("session"),
        }
    }
}

/// What taking over some profiles comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// One identity each, sources before the roles that are assumed with them.
    pub changes: Vec<Change>,
    /// For the keyring, once the changes are made.
    pub keys: Vec<ImportedKeys>,
    /// What people should know: names that had to be changed, profiles that came along, what is
    /// left out.
    pub notes: Vec<String>,
}

/// The long-lived keys of one of the identities.
#[derive(Clone, PartialEq, Eq)]
pub struct ImportedKeys {
    pub identity: String,
    pub access_key_id: String,
    pub secret: Secret,
    pub mfa_arn: Option<String>,
}

impl fmt::Debug for ImportedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ImportedKeys {
            identity,
            access_key_id: _,
            secret,
            mfa_arn,
        } = self;
        f.debug_struct("ImportedKeys")
            .field("identity", identity)
            .field("secret", secret)
            .field("mfa_arn", mfa_arn)
            .finish_non_exhaustive()
    }
}

/// Every profile that means credentials, in the order of the files; without those that Keyfob wrote
/// itself. Files that are missing hold none.
///
/// # Errors
/// [`Code::FilesUnwritable`] and [`Code::InvalidInput`]: a file is there and cannot be read, or is
/// no text.
pub fn importable(environment: &Environment) -> Result<Vec<Importable>> {
    let profiles = Profiles::read(environment)?;
    let importable = |profile: &Profile| {
        let (what, meant) = profiles.meant(profile)?;
        let obstacle = meant.err().or_else(|| profiles.chain(profile).err());
        Some(Importable {
            profile: profile.name.clone(),
            what,
            obstacle,
        })
    };
    Ok(profiles.all.iter().filter_map(importable).collect())
}

/// What to change so that the configuration has the profiles of `names`, and those that their roles
/// are assumed with. `taken` are the names of the identities that are there.
///
/// # Errors
/// As [`importable`]; and [`Code::InvalidInput`]: there is no such profile, or one of them cannot
/// be taken over.
pub fn import(environment: &Environment, names: &[String], taken: &[String]) -> Result<Import> {
    let profiles = Profiles::read(environment)?;
    let mut chosen: Vec<&Profile> = Vec::new();
    let mut notes = Vec::new();
    for name in names {
        let profile = profiles.find(name).ok_or_else(|| {
            Error::new(
                Code::InvalidInput,
                format!(
                    "there is no profile `{}` in the files of AWS tools",
                    shorten(name)
                ),
            )
        })?;
        let chain = profiles.chain(profile).map_err(|why| {
            Error::new(
                Code::InvalidInput,
                format!("the profile `{}` cannot be imported: {why}", shorten(name)),
            )
        })?;
        for link in chain.into_iter().rev() {
            if chosen.iter().any(|it| it.name == link.name) {
                continue;
            }
            if !names.contains(&link.name) {
                let (source, name) = (shorten(&link.name), shorten(name));
                notes.push(format!(
                    "the profile `{source}` comes along: `{name}` is assumed with it"
                ));
            }
            chosen.push(link);
        }
    }
    let mut identities = Identities::beside(taken);
    for profile in &chosen {
        let identity = identities.name(&profile.name);
        if identity != profile.name {
            notes.push(format!(
                "the profile `{}` becomes the identity `{identity}`",
                shorten(&profile.name)
            ));
        }
    }
    let devices = profiles.devices(&chosen, &mut notes);
    let mut import = Import {
        changes: Vec::new(),
        keys: Vec::new(),
        notes,
    };
    for profile in chosen {
        let identity = identities.of(profile);
        let Some((_, Ok(mut kind))) = profiles.meant(profile) else {
            continue;
        };
        match &mut kind {
            NewKind::User { mfa_arn, .. } => {
                let device = devices.iter().find(|(user, _)| *user == profile.name);
                *mfa_arn = mfa_arn
                    .take()
                    .or_else(|| device.map(|(_, device)| device.clone()));
                import.keys.extend(profile.keys(&identity, mfa_arn.clone()));
            }
            NewKind::AssumeRole { via, .. } => {
                if let Some(source) = profiles.find(via) {
                    *via = identities.of(source);
                }
            }
            NewKind::Process { .. } => {}
        }
        import.changes.push(Change::AddIdentity(NewIdentity {
            name: identity,
            is_default: false,
            kind,
        }));
    }
    Ok(import)
}

/// All profiles of both files.
struct Profiles {
    all: Vec<Profile>,
    /// Those that Keyfob wrote.
    own: HashSet<String>,
}

impl Profiles {
    fn read(environment: &Environment) -> Result<Profiles> {
        let all = shared::profiles(environment)?;
        let is_own = |profile: &&Profile| {
            profile
                .value("credential_process")
                .is_some_and(|command| shared::is_own(command, environment))
        };
        let own = all
            .iter()
            .filter(is_own)
            .map(|profile| profile.name.clone())
            .collect();
        Ok(Profiles { all, own })
    }

    fn find(&self, name: &str) -> Option<&Profile> {
        self.all.iter().find(|profile| profile.name == name)
    }

    /// What a profile is by itself, in the order in which AWS tools decide it, and the identity it
    /// becomes; roles name the profile of their source. `None`: it holds no credentials, or is
    /// Keyfob's own.
    fn meant(&self, profile: &Profile) -> Option<(ProfileKind, Result<NewKind, String>)> {
        if self.own.contains(&profile.name) {
            return None;
        }
        let (what, kind) = meant_by_itself(profile)?;
        let checked = kind.and_then(|kind| {
            // The reader's own checks; the name is checked when it is known.
            let via_checked = match &kind {
                NewKind::AssumeRole { .. } => kind.clone().via("source"),
                NewKind::User { .. } | NewKind::Process { .. } => kind.clone(),
            };
            let identity = NewIdentity {
                name: "it".to_owned(),
                is_default: false,
                kind: via_checked,
            };
            identity
                .check()
                .map(|()| kind)
                .map_err(|error| sentence(&error))
        });
        Some((what, checked))
    }

    /// The profile and those its role is assumed with, from the role down to the keys; or why that
    /// does not work.
    fn chain<'p>(&'p self, profile: &'p Profile) -> Result<Vec<&'p Profile>, String> {
        let mut chain = vec![profile];
        loop {
            let last = chain.last().copied().unwrap_or(profile);
            let about = |why: String| {
                if chain.len() == 1 {
                    why
                } else {
                    format!("its source_profile `{}`: {why}", shorten(&last.name))
                }
            };
            let Some((_, meant)) = self.meant(last) else {
                let why = if self.own.contains(&last.name) {
                    "Keyfob wrote it itself"
                } else {
                    "it holds no credentials"
                };
                return Err(about(why.to_owned()));
            };
            let NewKind::AssumeRole { via, .. } = meant.map_err(about)? else {
                return Ok(chain);
            };
            if chain.iter().any(|it| it.name == via) || chain.len() > LONGEST_CHAIN {
                let names = chain
                    .iter()
                    .map(|it| shorten(&it.name))
                    .chain([shorten(&via)]);
                return Err(format!(
                    "its source_profile leads in a circle: {}",
                    names.collect::<Vec<_>>().join(" → ")
                ));
            }
            let source = self.find(&via).ok_or_else(|| {
                format!(
                    "there is no profile `{}`, which `{}` names as source_profile",
                    shorten(&via),
                    shorten(&last.name)
                )
            })?;
            chain.push(source);
        }
    }

    /// Which user gets which MFA device: AWS asks for it where a role is assumed, Keyfob where its
    /// user signs in.
    fn devices(&self, chosen: &[&Profile], notes: &mut Vec<String>) -> Vec<(String, String)> {
        let mut devices: Vec<(String, String)> = Vec::new();
        for role in chosen {
            let Ok(chain) = self.chain(role) else {
                continue;
            };
            let (Some(device), [_, .., source]) = (role.value("mfa_serial"), chain.as_slice())
            else {
                continue;
            };
            let (name, source_name) = (shorten(&role.name), shorten(&source.name));
            let given = devices
                .iter()
                .find(|(user, _)| *user == source.name)
                .map(|(_, device)| device.as_str());
            match (self.meant(source), source.value("mfa_serial").or(given)) {
                (Some((ProfileKind::IamUser, _)), None) => {
                    notes.push(format!(
                        "the MFA device of `{name}` is asked for when its user `{source_name}` signs in"
                    ));
                    devices.push((source.name.clone(), device.to_owned()));
                }
                (Some((ProfileKind::IamUser, _)), Some(other)) if other != device => notes.push(format!(
                    "the MFA device of `{name}` is left out: its user `{source_name}` signs in with another one"
                )),
                (Some((ProfileKind::IamUser, _)), Some(_)) => {}
                (Some(_) | None, _) => notes.push(format!(
                    "the MFA device of `{name}` is left out: `{source_name}` is no user that could be asked for a code"
                )),
            }
        }
        devices
    }
}

impl NewKind {
    fn via(self, name: &str) -> NewKind {
        match self {
            NewKind::AssumeRole {
                via: _,
                role_arn,
                external_id,
                session_name,
                region,
                duration,
            } => {
                let via = name.to_owned();
                NewKind::AssumeRole {
                    via,
                    role_arn,
                    external_id,
                    session_name,
                    region,
                    duration,
                }
            }
            NewKind::User { .. } | NewKind::Process { .. } => self,
        }
    }
}

fn meant_by_itself(profile: &Profile) -> Option<(ProfileKind, Result<NewKind, String>)> {
    let owned = |key: &str| profile.value(key).map(str::to_owned);
    let region = owned("region");
    if let Some(role_arn) = owned("role_arn") {
        return Some(role(profile, role_arn));
    }
    if profile.has_any(&[
        "sso_session",
        "sso_start_url",
        "sso_account_id",
        "sso_role_name",
    ]) {
        return Some((
            ProfileKind::IdentityCenter,
            Err("IAM Identity Center: not in this version yet".to_owned()),
        ));
    }
    if profile.has_any(&["aws_session_token", "aws_security_token", "login_session"]) {
        return Some((
            ProfileKind::Session,
            Err("keys of a session, they expire".to_owned()),
        ));
    }
    if profile.has_any(&["aws_access_key_id", "aws_secret_access_key"]) {
        let user = profile.checked_keys().map(|()| NewKind::User {
            region,
            mfa_arn: owned("mfa_serial"),
        });
        let is_session = profile
            .value("aws_access_key_id")
            .is_some_and(|id| id.starts_with("ASIA"));
        return Some((
            if is_session {
                ProfileKind::Session
            } else {
                ProfileKind::IamUser
            },
            user,
        ));
    }
    let command = profile.command()?.to_owned();
    Some((
        ProfileKind::Program,
        Ok(NewKind::Process { command, region }),
    ))
}

fn role(profile: &Profile, role_arn: String) -> (ProfileKind, Result<NewKind, String>) {
    let owned = |key: &str| profile.value(key).map(str::to_owned);
    let through = |through: &str| ProfileKind::Role {
        through: through.to_owned(),
    };
    if let Some(via) = owned("source_profile") {
        let own_keys = via == profile.name && profile.has_any(&["aws_access_key_id"]);
        let kind = NewKind::AssumeRole {
            via: via.clone(),
            role_arn,
            external_id: owned("external_id"),
            session_name: owned("role_session_name"),
            region: owned("region"),
            duration: owned("duration_seconds"),
        };
        let why = "it holds the keys as well as the role that is assumed with them: make two profiles of it";
        return (
            through(&via),
            if own_keys {
                Err(why.to_owned())
            } else {
                Ok(kind)
            },
        );
    }
    if let Some(token) = owned("web_identity_token_file") {
        let why = format!(
            "its role is assumed with the token in {}: write it by hand",
            shorten(&token)
        );
        return (through("a web identity"), Err(why));
    }
    match owned("credential_source") {
        Some(source) => {
            let why = format!(
                "its role is assumed with what the machine has ({}): write an identity of kind aws/ambient by hand",
                shorten(&source)
            );
            (through(&source), Err(why))
        }
        None => {
            let why = "it names a role and not what it is assumed with (source_profile)";
            (through("nothing"), Err(why.to_owned()))
        }
    }
}

impl Profile {
    fn checked_keys(&self) -> Result<(), String> {
        let (id, secret) = (
            self.value("aws_access_key_id"),
            self.value("aws_secret_access_key"),
        );
        let (Some(id), Some(secret)) = (id, secret) else {
            let missing = if id.is_none() {
                "aws_access_key_id"
            } else {
                "aws_secret_access_key"
            };
            return Err(format!("it has no {missing}"));
        };
        let parsed = AccessKeyId::parse(id).map_err(|error| error.message)?;
        if parsed.is_of_a_session() {
            return Err("keys of a session, they expire".to_owned());
        }
        if is_placeholder(secret) {
            return Err("the secret access key is a placeholder".to_owned());
        }
        if secret.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("the secret access key contains a space or line break".to_owned());
        }
        Ok(())
    }

    fn keys(&self, identity: &str, mfa_arn: Option<String>) -> Option<ImportedKeys> {
        Some(ImportedKeys {
            identity: identity.to_owned(),
            access_key_id: self.value("aws_access_key_id")?.to_owned(),
            secret: Secret::new(self.value("aws_secret_access_key")?),
            mfa_arn,
        })
    }
}

/// Names for identities, each once.
struct Identities {
    taken: HashSet<String>,
    names: Vec<(String, String)>,
}

impl Identities {
    fn beside(taken: &[String]) -> Identities {
        Identities {
            taken: taken.iter().map(|name| folded(name)).collect(),
            names: Vec::new(),
        }
    }

    /// The name of a profile, made valid and unlike all others.
    fn name(&mut self, profile: &str) -> String {
        let valid = valid(profile);
        let numbered = (2..).map(|number| {
            let end = format!("-{number}");
            format!(
                "{}{end}",
                &valid[..valid.len().min(LONGEST_NAME - end.len())]
            )
        });
        let mut all = [valid.clone()].into_iter().chain(numbered);
        let name = all
            .find(|name| !self.taken.contains(&folded(name)))
            .unwrap_or_default();
        self.taken.insert(folded(&name));
        self.names.push((profile.to_owned(), name.clone()));
        name
    }

    fn of(&self, profile: &Profile) -> String {
        let found = self.names.iter().find(|(name, _)| *name == profile.name);
        found
            .map(|(_, identity)| identity.clone())
            .unwrap_or_default()
    }
}

/// As the reader tells names apart.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace('/', "_")
}

fn valid(profile: &str) -> String {
    if profile.parse::<IdentityName>().is_ok() {
        return profile.to_owned();
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._@+/-".contains(c);
    let mut name: String = profile
        .chars()
        .map(|c| if allowed(c) { c } else { '-' })
        .collect();
    while name.contains("..") {
        name = name.replace("..", ".");
    }
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let name = name[..name.len().min(LONGEST_NAME)].trim_end_matches('-');
    if name.is_empty() {
        "profile".to_owned()
    } else {
        name.to_owned()
    }
}
