//! What the files of AWS tools hold and Keyfob can import: a list for people to choose from,
//! and what follows from a choice as plain data. Writes nothing; secrets go to the caller, for the
//! keyring, and never into a [`Change`].

use super::configuration::Config;
use super::edit::{Change, NewIdentity, NewKind};
use super::names::folded;
use super::profiles::{SharedProfile, SharedProfiles};
use super::reader::sentence;
use crate::environment::Environment;
use crate::error::{Code, Error, Result, shorten};
use crate::ids::{AccessKeyId, IdentityName, is_placeholder};
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::fmt;

const LONGEST_NAME: usize = 64;
const SESSION_KEYS: &str = "its keys belong to a session and expire";
/// A chain of profiles is never longer.
const LONGEST_CHAIN: usize = 32;

/// A profile of `~/.aws/config` or `~/.aws/credentials`, as far as it means credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Importable {
    pub profile: String,
    pub what: ProfileKind,
    /// Why it cannot be imported.
    pub obstacle: Option<String>,
    /// What becomes of it otherwise than it is written: another name, lines that are left out.
    pub notes: Vec<String>,
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

/// What importing some profiles comes to.
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
    let importable = |profile: &SharedProfile| {
        let (what, meant) = profiles.meant(profile)?;
        let obstacle = meant.err().or_else(|| profiles.chain(profile).err());
        let mut notes = profile.warnings.clone();
        if obstacle.is_none() {
            notes.extend(renamed(&profile.name, &valid(&profile.name)));
        }
        Some(Importable {
            profile: profile.name.clone(),
            what,
            obstacle,
            notes,
        })
    };
    Ok(profiles.shared.all.iter().filter_map(importable).collect())
}

/// What to change so that the configuration has the profiles of `names`, and those that their roles
/// are assumed with. `beside`: what is there already. AWS tools use the profile `default` where none
/// is named, and so does the configuration, if it has no default yet.
///
/// # Errors
/// As [`importable`]; and [`Code::InvalidInput`]: there is no such profile, or one of them cannot
/// be imported.
pub fn import(
    environment: &Environment,
    names: &[String],
    beside: Option<&Config>,
) -> Result<Import> {
    let profiles = Profiles::read(environment)?;
    let mut notes = Vec::new();
    let chosen = profiles.chosen(names, &mut notes)?;
    let present = beside.map_or(&[][..], Config::identities);
    let has_default = present.iter().any(|it| it.is_default);
    let mut identities = Identities::beside(present.iter().map(|it| it.name.as_str()));
    for profile in &chosen {
        notes.extend(profile.warnings.iter().cloned());
        notes.extend(renamed(&profile.name, identities.name(&profile.name)));
    }
    let devices = profiles.devices(&chosen, &mut notes);
    let mut import = Import {
        changes: Vec::new(),
        keys: Vec::new(),
        notes,
    };
    for profile in chosen {
        let name = identities.of(&profile.name);
        let Some((_, Ok(mut kind))) = profiles.meant(profile) else {
            continue;
        };
        match &mut kind {
            NewKind::User { mfa_arn, .. } => {
                let device = devices.get(&profile.name).cloned();
                *mfa_arn = mfa_arn.take().or(device);
                import.keys.extend(profile.keys(&name, mfa_arn.clone()));
            }
            NewKind::AssumeRole { via, .. } => *via = identities.of(via),
            NewKind::Process { .. } | NewKind::Ambient { .. } => {}
        }
        import.changes.push(Change::AddIdentity(NewIdentity {
            name,
            is_default: profile.name == "default" && !has_default,
            kind,
        }));
    }
    Ok(import)
}

fn renamed(profile: &str, identity: &str) -> Option<String> {
    let profile_name = shorten(profile);
    (identity != profile)
        .then(|| format!("the profile `{profile_name}` becomes the identity `{identity}`"))
}

/// All profiles of both files.
struct Profiles {
    shared: SharedProfiles,
    /// Those that Keyfob wrote.
    own: HashSet<String>,
}

impl Profiles {
    fn read(environment: &Environment) -> Result<Profiles> {
        let shared = SharedProfiles::read(environment)?;
        let own = shared.all.iter().filter(|it| it.is_own(environment));
        let own = own.map(|profile| profile.name.clone()).collect();
        Ok(Profiles { shared, own })
    }

    /// What a profile is by itself, in the order in which AWS tools decide it, and the identity it
    /// becomes; roles name the profile of their source. `None`: it holds no credentials, or is
    /// Keyfob's own.
    fn meant(&self, profile: &SharedProfile) -> Option<Meant> {
        if self.own.contains(&profile.name) {
            return None;
        }
        let (what, kind) = meant_by_itself(profile)?;
        let checked = kind.and_then(|kind| {
            // The reader's own checks; names are checked when they are known.
            let mut identity = NewIdentity {
                name: String::new(),
                is_default: false,
                kind: kind.clone(),
            };
            if let NewKind::AssumeRole { via, .. } = &mut identity.kind {
                "source".clone_into(via);
            }
            let checked = identity.value();
            checked.map(|_| kind).map_err(|error| sentence(&error))
        });
        Some((what, checked))
    }

    /// The profile and those its role is assumed with, from the role down to the keys; or why that
    /// does not work.
    fn chain<'p>(&'p self, profile: &'p SharedProfile) -> Result<Vec<&'p SharedProfile>, String> {
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
            let source = self.shared.find(&via).ok_or_else(|| {
                format!(
                    "there is no profile `{}`, which `{}` names as source_profile",
                    shorten(&via),
                    shorten(&last.name)
                )
            })?;
            chain.push(source);
        }
    }

    /// The profiles of `names`, each behind those that its role is assumed with.
    fn chosen(&self, names: &[String], notes: &mut Vec<String>) -> Result<Vec<&SharedProfile>> {
        let mut chosen: Vec<&SharedProfile> = Vec::new();
        for name in names {
            let short = shorten(name);
            let refused = |why: String| Error::new(Code::InvalidInput, why);
            let profile = self.shared.find(name).ok_or_else(|| {
                refused(format!("there is no profile `{short}` in the AWS files"))
            })?;
            let chain = self.chain(profile).map_err(|why| {
                refused(format!("the profile `{short}` cannot be imported: {why}"))
            })?;
            for link in chain.into_iter().rev() {
                if chosen.iter().any(|it| it.name == link.name) {
                    continue;
                }
                if !names.contains(&link.name) {
                    let source = shorten(&link.name);
                    notes.push(format!(
                        "the profile `{source}` is imported too: `{short}` is assumed with it"
                    ));
                }
                chosen.push(link);
            }
        }
        Ok(chosen)
    }

    /// The MFA device of each user: AWS wants its code where a role is assumed, Keyfob where the
    /// user signs in.
    fn devices(
        &self,
        chosen: &[&SharedProfile],
        notes: &mut Vec<String>,
    ) -> HashMap<String, String> {
        let mut devices: HashMap<String, String> = HashMap::new();
        for role in chosen {
            let (Some(device), Ok(chain)) = (role.value("mfa_serial"), self.chain(role)) else {
                continue;
            };
            let [_, .., source] = chain.as_slice() else {
                continue;
            };
            let is_user = matches!(self.meant(source), Some((ProfileKind::IamUser, _)));
            let given = devices.get(&source.name).map(String::as_str);
            let given = source.value("mfa_serial").or(given);
            let (name, source_name) = (shorten(&role.name), shorten(&source.name));
            let what = match given {
                _ if !is_user => {
                    format!("is left out: `{source_name}` is not a user who can enter a code")
                }
                Some(given) if given == device => continue,
                Some(_) => {
                    format!("is left out: its user `{source_name}` signs in with another one")
                }
                None => {
                    devices.insert(source.name.clone(), device.to_owned());
                    format!("is used when its user `{source_name}` signs in")
                }
            };
            notes.push(format!("the MFA device of `{name}` {what}"));
        }
        devices
    }
}

/// What a profile is, and the identity it becomes or why it cannot.
type Meant = (ProfileKind, Result<NewKind, String>);

fn meant_by_itself(profile: &SharedProfile) -> Option<Meant> {
    const SSO: &[&str] = &[
        "sso_session",
        "sso_start_url",
        "sso_account_id",
        "sso_role_name",
    ];
    const SESSION: &[&str] = &["aws_session_token", "aws_security_token", "login_session"];
    const KEYS: &[&str] = &["aws_access_key_id", "aws_secret_access_key"];
    let region = profile.owned("region");
    if let Some(role_arn) = profile.owned("role_arn") {
        return Some(role(profile, role_arn));
    }
    if profile.has_any(SSO) {
        let why = "IAM Identity Center: not in this version yet";
        return Some((ProfileKind::IdentityCenter, Err(why.to_owned())));
    }
    if profile.has_any(SESSION) {
        return Some((ProfileKind::Session, Err(SESSION_KEYS.to_owned())));
    }
    if profile.has_any(KEYS) {
        let user = profile.checked_keys().map(|()| NewKind::User {
            region,
            mfa_arn: profile.owned("mfa_serial"),
        });
        let id = profile.value("aws_access_key_id");
        let is_session = id.is_some_and(|id| id.starts_with("ASIA"));
        let what = if is_session {
            ProfileKind::Session
        } else {
            ProfileKind::IamUser
        };
        return Some((what, user));
    }
    let command = profile.command()?.to_owned();
    let process = NewKind::Process { command, region };
    Some((ProfileKind::Program, Ok(process)))
}

fn role(profile: &SharedProfile, role_arn: String) -> Meant {
    let (through, meant) = if let Some(via) = profile.owned("source_profile") {
        let has_keys = via == profile.name && profile.has_any(&["aws_access_key_id"]);
        let why = "it has keys and a role that is assumed with them: split it into two profiles";
        let role = NewKind::AssumeRole {
            via: via.clone(),
            role_arn,
            external_id: profile.owned("external_id"),
            session_name: profile.owned("role_session_name"),
            region: profile.owned("region"),
            duration: profile.owned("duration_seconds"),
        };
        (
            via,
            if has_keys {
                Err(why.to_owned())
            } else {
                Ok(role)
            },
        )
    } else if let Some(token) = profile.value("web_identity_token_file") {
        let token = shorten(token);
        let why = format!("its role is assumed with the token in {token}: add it by hand");
        ("a web identity".to_owned(), Err(why))
    } else if let Some(source) = profile.owned("credential_source") {
        let shown = shorten(&source);
        let why = format!(
            "its role is assumed with the machine's own credentials ({shown}): add an identity of kind aws/ambient by hand"
        );
        (source, Err(why))
    } else {
        let why = "it names a role, but not what the role is assumed with (source_profile)";
        ("nothing".to_owned(), Err(why.to_owned()))
    };
    (ProfileKind::Role { through }, meant)
}

impl SharedProfile {
    fn owned(&self, key: &str) -> Option<String> {
        self.value(key).map(str::to_owned)
    }

    fn checked_keys(&self) -> Result<(), String> {
        let (id, secret) = (
            self.value("aws_access_key_id"),
            self.value("aws_secret_access_key"),
        );
        let id = id.ok_or("it has no aws_access_key_id")?;
        let secret = secret.ok_or("it has no aws_secret_access_key")?;
        let parsed = AccessKeyId::parse(id).map_err(|error| error.message)?;
        if parsed.is_of_a_session() {
            return Err(SESSION_KEYS.to_owned());
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
    /// By profile.
    names: HashMap<String, String>,
}

impl Identities {
    fn beside<'n>(taken: impl Iterator<Item = &'n str>) -> Identities {
        Identities {
            taken: taken.map(folded).collect(),
            names: HashMap::new(),
        }
    }

    /// The name of a profile, made valid and unlike all others.
    fn name(&mut self, profile: &str) -> &str {
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
        self.names
            .entry(profile.to_owned())
            .insert_entry(name)
            .into_mut()
    }

    fn of(&self, profile: &str) -> String {
        let name = self.names.get(profile).map(String::as_str);
        name.unwrap_or(profile).to_owned()
    }
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
