//! What a profile means by itself: an identity, and the provider or identity that it needs below
//! it.

use super::source::ImportSource;
use crate::config::edit::{NewIdentity, NewIdentityCenter, NewKind, NewSettings, NewWebIdentity};
use crate::config::profiles::SharedProfile;
use crate::config::reader::sentence;
use crate::error::shorten;
use crate::ids::{AccessKeyId, is_placeholder};
use serde::{Deserialize, Serialize};
use std::fmt;

const SESSION_KEYS: &str = "its keys belong to a session and expire";
/// What the name of a provider or identity is until it is known.
const UNNAMED: &str = "source";

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
    /// `aws login`.
    ConsoleLogin,
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
            ProfileKind::ConsoleLogin => f.write_str("sign-in of the AWS console"),
            ProfileKind::Session => f.write_str("session"),
        }
    }
}

/// The identity that a profile becomes. Names of others in it are those of profiles, or not known
/// yet.
pub(super) struct Meaning {
    pub kind: NewKind,
    pub settings: Box<NewSettings>,
    pub below: Needed,
    /// What becomes of the profile otherwise than it is written.
    pub notes: Vec<String>,
}

/// What an identity stands on, besides other profiles.
pub(super) enum Needed {
    Nothing,
    Center(NewIdentityCenter),
    Token(NewWebIdentity),
    /// The machine's own credentials.
    Machine,
}

/// What a profile is, and what it becomes or why it cannot.
pub(super) type Meant = (ProfileKind, Result<Meaning, String>);

/// In the order in which AWS tools decide it. `None`: the profile holds no credentials.
/// `sessions`: what `sso_session` names.
pub(super) fn meant(
    profile: &SharedProfile,
    sessions: &[SharedProfile],
    source: ImportSource,
) -> Option<Meant> {
    let (what, meaning) = meant_unchecked(profile, sessions, source)?;
    let meaning = meaning.and_then(|mut meaning| {
        *meaning.settings = settings(profile, &meaning.kind)?;
        meaning.notes.extend(left_out(profile, &meaning.kind));
        // The reader's own checks; names are checked when they are known.
        let checked = match &meaning.below {
            Needed::Center(center) => center.value().map(drop),
            Needed::Token(token) => token.value().map(drop),
            Needed::Nothing | Needed::Machine => Ok(()),
        };
        let mut identity = NewIdentity {
            name: String::new(),
            is_default: false,
            kind: meaning.kind.clone(),
            settings: meaning.settings.clone(),
        };
        identity.kind.stand_on(UNNAMED);
        let checked = checked.and_then(|()| identity.value());
        checked.map(|_| meaning).map_err(|error| sentence(&error))
    });
    Some((what, meaning))
}

fn meant_unchecked(
    profile: &SharedProfile,
    sessions: &[SharedProfile],
    source: ImportSource,
) -> Option<Meant> {
    const SESSION: &[&str] = &["aws_session_token", "aws_security_token"];
    const KEYS: &[&str] = &["aws_access_key_id", "aws_secret_access_key"];
    let region = profile.owned("region");
    let user = NewKind::User {
        region: region.clone(),
        mfa_arn: profile.owned("mfa_serial"),
    };
    if let Some(role_arn) = profile.owned("role_arn") {
        return Some(role(profile, role_arn));
    }
    if let Some(center) = permission_set(profile, sessions) {
        return Some((ProfileKind::IdentityCenter, center));
    }
    if profile.has_any(&["login_session"]) {
        return Some((
            ProfileKind::ConsoleLogin,
            Ok(NewKind::Login { region }.into()),
        ));
    }
    if profile.has_any(SESSION) {
        let why = source.of_session().unwrap_or(SESSION_KEYS);
        return Some((ProfileKind::Session, Err(why.to_owned())));
    }
    if profile.has_any(KEYS) {
        let id = profile.value("aws_access_key_id");
        let is_session = id.is_some_and(|id| id.starts_with("ASIA"));
        let what = if is_session {
            ProfileKind::Session
        } else {
            ProfileKind::IamUser
        };
        return Some((what, checked_keys(profile).map(|()| user.into())));
    }
    if let Some(keeper) = source.keeper_of(profile) {
        let mut meaning = Meaning::from(user);
        meaning.notes.push(keeper);
        return Some((ProfileKind::IamUser, Ok(meaning)));
    }
    let command = profile.command()?.to_owned();
    let process = NewKind::Process { command, region };
    Some((ProfileKind::Program, Ok(process.into())))
}

impl From<NewKind> for Meaning {
    fn from(kind: NewKind) -> Meaning {
        Meaning {
            kind,
            settings: Box::default(),
            below: Needed::Nothing,
            notes: Vec::new(),
        }
    }
}

/// `None`: it is not of IAM Identity Center. Granted writes the same settings with a prefix.
fn permission_set(
    profile: &SharedProfile,
    sessions: &[SharedProfile],
) -> Option<Result<Meaning, String>> {
    const SETTINGS: [&str; 5] = [
        "sso_session",
        "sso_start_url",
        "sso_region",
        "sso_account_id",
        "sso_role_name",
    ];
    let value = |key: &str| {
        let granted = profile.value(&format!("granted_{key}"));
        granted.or_else(|| profile.value(key)).map(str::to_owned)
    };
    let [session, start_url, region, account, role_name] = SETTINGS.map(value);
    if session.is_none() && start_url.is_none() && account.is_none() && role_name.is_none() {
        return None;
    }
    let mut center = NewIdentityCenter {
        name: start_url.as_deref().map_or(String::new(), place_of),
        start_url: start_url.unwrap_or_default(),
        region: region.unwrap_or_default(),
        only_written: true,
    };
    let mut notes = Vec::new();
    if let Some(name) = session {
        let Some(session) = sessions.iter().find(|it| it.name == name) else {
            let name = shorten(&name);
            return Some(Err(format!("there is no section [sso-session {name}]")));
        };
        let value = |key| session.owned(key);
        center.start_url = value("sso_start_url").unwrap_or(center.start_url);
        center.region = value("sso_region").unwrap_or(center.region);
        notes.extend(session.warnings.iter().cloned());
        center.name = name;
    }
    let (Some(account), Some(role_name)) = (account, role_name) else {
        let why = "it names no account and role (sso_account_id, sso_role_name)";
        return Some(Err(why.to_owned()));
    };
    Some(Ok(Meaning {
        kind: NewKind::PermissionSet {
            provider: UNNAMED.to_owned(),
            role_name,
            account,
            region: profile.owned("region"),
        },
        settings: Box::default(),
        below: Needed::Center(center),
        notes,
    }))
}

/// `corp` of `https://corp.awsapps.com/start`
pub(super) fn place_of(start_url: &str) -> String {
    let host = start_url.split_once("://").map_or(start_url, |it| it.1);
    host.split(['.', '/', ':'])
        .next()
        .unwrap_or(host)
        .to_owned()
}

fn role(profile: &SharedProfile, role_arn: String) -> Meant {
    let (region, duration) = (profile.owned("region"), profile.owned("duration_seconds"));
    let session_name = profile.owned("role_session_name");
    let on = |via: String| NewKind::AssumeRole {
        via,
        role_arn: role_arn.clone(),
        external_id: profile.owned("external_id"),
        session_name: session_name.clone(),
        region: region.clone(),
        duration: duration.clone(),
    };
    let (through, meaning) = if let Some(via) = profile.owned("source_profile") {
        let has_keys = via == profile.name && profile.has_any(&["aws_access_key_id"]);
        let why = "it has keys and a role that is assumed with them: split it into two profiles";
        let meaning = if has_keys {
            Err(why.to_owned())
        } else {
            Ok(on(via.clone()).into())
        };
        (via, meaning)
    } else if let Some(token_file) = profile.owned("web_identity_token_file") {
        let token = NewWebIdentity {
            name: format!("{}-token", profile.name),
            token_file,
            region: region.clone(),
        };
        let meaning = Meaning {
            kind: NewKind::AssumeRoleWithToken {
                provider: UNNAMED.to_owned(),
                role_arn,
                session_name,
                region,
                duration,
            },
            settings: Box::default(),
            below: Needed::Token(token),
            notes: Vec::new(),
        };
        ("a web identity".to_owned(), Ok(meaning))
    } else if let Some(source) = profile.owned("credential_source") {
        let shown = shorten(&source);
        let note = format!(
            "the role of `{}` is assumed with the machine's own credentials: a container's, else \
             the instance's, else the environment's; the profile says {shown}",
            shorten(&profile.name)
        );
        let meaning = Meaning {
            below: Needed::Machine,
            notes: vec![note],
            ..Meaning::from(on(UNNAMED.to_owned()))
        };
        (source, Ok(meaning))
    } else {
        let why = "it names a role, but not what the role is assumed with (source_profile)";
        ("nothing".to_owned(), Err(why.to_owned()))
    };
    (ProfileKind::Role { through }, meaning)
}

/// Of a profile besides those of its kind. aws-vault has tags as `a=1,b=2`.
fn settings(profile: &SharedProfile, kind: &NewKind) -> Result<NewSettings, String> {
    let each = |key: &str| {
        let all = if is_role(kind) {
            profile.value(key)
        } else {
            None
        };
        let all = all.unwrap_or_default().split(',').map(str::trim);
        all.filter(|it| !it.is_empty()).map(str::to_owned)
    };
    let mut tags = Vec::new();
    for tag in each("session_tags") {
        let Some((key, value)) = tag.split_once('=') else {
            let tag = shorten(&tag);
            return Err(format!("`{tag}` of its session_tags is not KEY=VALUE"));
        };
        tags.push((key.trim().to_owned(), value.trim().to_owned()));
    }
    let flag = |key: &str| match profile.value(key).map(str::to_ascii_lowercase).as_deref() {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(other) => Err(format!(
            "`{}` of its {key} is neither true nor false",
            shorten(other)
        )),
    };
    Ok(NewSettings {
        endpoint_url: profile.owned("endpoint_url"),
        fips: flag("use_fips_endpoint")?,
        dual_stack: flag("use_dualstack_endpoint")?,
        mfa_process: profile.owned("mfa_process").filter(|_| is_user(kind)),
        tags,
        transitive_tag_keys: each("transitive_session_tags").collect(),
        source_identity: profile.owned("source_identity").filter(|_| is_role(kind)),
    })
}

/// The program for MFA codes goes to the user below.
const OF_ROLE_ON_PROFILE: &[&str] = &[
    "source_profile",
    "credential_source",
    "external_id",
    "mfa_process",
];

/// What the identity has no setting for. AWS tools go on reading it from the profile.
fn left_out(profile: &SharedProfile, kind: &NewKind) -> Option<String> {
    const OF_ALL: &[&str] = &[
        "region",
        "endpoint_url",
        "use_fips_endpoint",
        "use_dualstack_endpoint",
        "include_profile",
        "parent_profile",
    ];
    const OF_USER: &[&str] = &[
        "aws_access_key_id",
        "aws_secret_access_key",
        "mfa_serial",
        "mfa_process",
        "credential_process",
        "source_profile",
    ];
    const OF_ROLE: &[&str] = &[
        "role_arn",
        "role_session_name",
        "duration_seconds",
        "mfa_serial",
        "session_tags",
        "transitive_session_tags",
        "source_identity",
    ];
    let own: &[&str] = match kind {
        NewKind::User { .. } => OF_USER,
        NewKind::AssumeRole { .. } if profile.has_any(&["source_profile"]) => OF_ROLE_ON_PROFILE,
        NewKind::AssumeRole { .. } => &["credential_source", "external_id"],
        NewKind::AssumeRoleWithToken { .. } => &["web_identity_token_file"],
        NewKind::Process { .. } => &["credential_process"],
        NewKind::Login { .. } => &["login_session"],
        NewKind::PermissionSet { .. } | NewKind::Ambient { .. } => &[],
    };
    let of_center = |key: &str| {
        let granted = key.strip_prefix("granted_");
        granted.unwrap_or(key).starts_with("sso_")
            || key == "credential_process" && profile.has_any(&["granted_sso_start_url"])
    };
    let is_used = |key: &str| {
        OF_ALL.contains(&key)
            || own.contains(&key)
            || is_role(kind) && OF_ROLE.contains(&key)
            || matches!(kind, NewKind::PermissionSet { .. }) && of_center(key)
    };
    let mut keys: Vec<&str> = profile.all_keys().filter(|key| !is_used(key)).collect();
    keys.sort_unstable();
    keys.dedup();
    let names: Vec<_> = keys
        .into_iter()
        .map(|key| format!("`{}`", shorten(key)))
        .collect();
    let name = shorten(&profile.name);
    let text = format!(
        "an identity has no place for these settings of the profile `{name}`: {}",
        names.join(", ")
    );
    (!names.is_empty()).then_some(text)
}

fn is_user(kind: &NewKind) -> bool {
    matches!(kind, NewKind::User { .. })
}

fn is_role(kind: &NewKind) -> bool {
    matches!(
        kind,
        NewKind::AssumeRole { .. } | NewKind::AssumeRoleWithToken { .. }
    )
}

fn checked_keys(profile: &SharedProfile) -> Result<(), String> {
    let (id, secret) = (
        profile.value("aws_access_key_id"),
        profile.value("aws_secret_access_key"),
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
