//! An entry's value: one line of ASCII JSON with a version. Refuses what it does not understand,
//! and never quotes it: the text holds secrets.

use super::belonging::Belonging;
use super::keyring::{EntryKind, EntryName, unusable};
use crate::duration::SessionDuration;
use crate::endpoint::Endpoint;
use crate::error::{Code, Error, Result};
use crate::foreign::Foreign;
use crate::ids::{AccessKeyId, AccountId, MfaArn};
use crate::secret::{Keys, LongLived, Origin, Secret, SecretAccessKey, Session, SessionToken};
use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::time::SystemTime;
use zeroize::Zeroizing;

pub(super) const VERSION: u32 = 1;

/// A session, and the fingerprint of the chain that made it: made by another chain, it is another
/// identity's session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    pub session: Session,
    pub plan: String,
    /// Where it was made.
    pub endpoint: Endpoint,
}

/// An IAM user's keys, and the server whose word about them counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKeys {
    pub long_lived: LongLived,
    /// `None`: none has accepted them yet.
    pub endpoint: Option<Endpoint>,
    /// When they were stored here first; not known of those that an older Keyfob stored.
    pub since: Option<SystemTime>,
    pub rotation: Option<Rotation>,
}

/// New keys on their way to take the place of the stored ones, as far as they got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    pub step: RotationStep,
    pub since: SystemTime,
    /// AWS is to know the old ones until then.
    pub keep_until: SystemTime,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RotationStep {
    /// AWS may have made a key already, whose secret did not arrive here.
    Making,
    /// These were made, and are not in use yet.
    Made(Keys),
    /// These were in use before, and AWS still knows them.
    Replaced(Keys),
}

impl Rotation {
    /// The keys beside those that are in use.
    pub fn others(&self) -> Option<&Keys> {
        match &self.step {
            RotationStep::Making => None,
            RotationStep::Made(keys) | RotationStep::Replaced(keys) => Some(keys),
        }
    }
}

/// Keys that their own endpoint no longer knew: out of use, and not lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysSetAside {
    pub stored: StoredKeys,
    pub since: SystemTime,
    pub reason: String,
}

/// What every entry says about itself, in every version.
#[derive(Deserialize)]
pub(super) struct EntryHead {
    v: u32,
    pub configuration: Option<String>,
}

#[derive(Deserialize)]
struct BelongingText {
    configuration: Option<String>,
    endpoint: Option<Endpoint>,
    /// Of a session.
    expires_at: Option<Timestamp>,
}

impl EntryHead {
    /// `None`: not something that any Keyfob wrote.
    pub fn of(text: &Secret) -> Option<EntryHead> {
        serde_json::from_str(text.expose()).ok()
    }

    pub fn version(&self) -> String {
        self.v.to_string()
    }
}

#[derive(Serialize, Deserialize)]
struct LongLivedText {
    v: u32,
    configuration: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    endpoint: Option<Endpoint>,
    access_key_id: Option<String>,
    #[serde(default, with = "secret_text")]
    secret_access_key: Option<Secret>,
    mfa_arn: Option<MfaArn>,
    session_duration: Option<SessionDuration>,
    account: Option<AccountId>,
    principal: Option<Foreign>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotation: Option<RotationText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    set_aside_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(
        default,
        skip_serializing,
        alias = "aws_session_token",
        alias = "SessionToken",
        alias = "token"
    )]
    session_token: Option<IgnoredAny>,
}

#[derive(Serialize, Deserialize)]
struct RotationText {
    /// `made` or `replaced`: of the keys below, if there are some.
    step: StepText,
    since: Timestamp,
    keep_until: Timestamp,
    access_key_id: Option<String>,
    #[serde(default, with = "secret_text")]
    secret_access_key: Option<Secret>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StepText {
    Making,
    Made,
    Replaced,
}

#[derive(Serialize, Deserialize)]
struct SessionText {
    v: u32,
    configuration: Option<String>,
    plan: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    endpoint: Option<Endpoint>,
    access_key_id: String,
    #[serde(with = "secret_text")]
    secret_access_key: Option<Secret>,
    #[serde(default, with = "secret_text")]
    session_token: Option<Secret>,
    issued_at: Timestamp,
    expires_at: Timestamp,
    principal: Option<Foreign>,
    account: Option<AccountId>,
    origin: Origin,
}

pub(super) fn check_version(name: &EntryName, version: &str) -> Result<()> {
    if version == VERSION.to_string() {
        return Ok(());
    }
    let version = crate::error::shorten(version);
    Err(unusable(
        name,
        format!("has version {version}, and this Keyfob knows only version {VERSION}"),
    )
    .hint("a newer Keyfob wrote it: use that one"))
}

/// `None`: not something that any Keyfob wrote.
pub(super) fn belonging(
    name: &EntryName,
    text: &Secret,
    now: SystemTime,
) -> Result<Option<Belonging>> {
    if EntryHead::of(text).is_none() {
        return Ok(None);
    }
    let text: BelongingText = parse(name, text)?;
    let has_ended = text
        .expires_at
        .is_some_and(|end| SystemTime::from(end) <= now);
    let of_old = (name.kind == EntryKind::Session).then_some(Endpoint::AWS);
    Ok(Some(Belonging {
        configuration: text.configuration,
        endpoint: text.endpoint.or(of_old).filter(|_| !has_ended),
    }))
}

pub(super) fn encode_keys(value: &StoredKeys, configuration: &str) -> Result<Secret> {
    Ok(line(&text_of(value, configuration)?))
}

pub(super) fn encode_set_aside(value: &KeysSetAside, configuration: &str) -> Result<Secret> {
    Ok(line(&LongLivedText {
        set_aside_at: Some(timestamp(value.since)?),
        reason: Some(value.reason.clone()),
        ..text_of(&value.stored, configuration)?
    }))
}

fn text_of(value: &StoredKeys, configuration: &str) -> Result<LongLivedText> {
    let StoredKeys {
        long_lived,
        endpoint,
        since,
        rotation,
    } = value.clone();
    let LongLived {
        keys,
        mfa_arn,
        session_duration,
        account,
        principal,
        file,
    } = long_lived;
    let (id, secret) = keys.map(apart).unzip();
    Ok(LongLivedText {
        v: VERSION,
        configuration: Some(configuration.to_owned()),
        endpoint,
        access_key_id: id,
        secret_access_key: secret,
        mfa_arn,
        session_duration,
        account,
        principal,
        file,
        since: since.map(timestamp).transpose()?,
        rotation: rotation.map(rotation_text).transpose()?,
        set_aside_at: None,
        reason: None,
        session_token: None,
    })
}

fn apart(keys: Keys) -> (String, Secret) {
    let id = keys.access_key_id.as_str().to_owned();
    (id, keys.secret_access_key.into())
}

fn rotation_text(value: Rotation) -> Result<RotationText> {
    let (step, keys) = match value.step {
        RotationStep::Making => (StepText::Making, None),
        RotationStep::Made(keys) => (StepText::Made, Some(keys)),
        RotationStep::Replaced(keys) => (StepText::Replaced, Some(keys)),
    };
    let (access_key_id, secret_access_key) = keys.map(apart).unzip();
    Ok(RotationText {
        step,
        since: timestamp(value.since)?,
        keep_until: timestamp(value.keep_until)?,
        access_key_id,
        secret_access_key,
    })
}

fn rotation_of(name: &EntryName, text: RotationText) -> Result<Rotation> {
    let others = both(name, text.access_key_id, text.secret_access_key)?;
    let step = match (text.step, others) {
        (StepText::Making, None) => RotationStep::Making,
        (StepText::Made, Some(keys)) => RotationStep::Made(keys),
        (StepText::Replaced, Some(keys)) => RotationStep::Replaced(keys),
        (StepText::Making, Some(_)) | (StepText::Made | StepText::Replaced, None) => {
            return Err(broken(name));
        }
    };
    Ok(Rotation {
        step,
        since: text.since.into(),
        keep_until: text.keep_until.into(),
    })
}

/// Long-lived keys and nothing else: keys of a session are said to be that, and not returned.
pub(super) fn decode_keys(name: &EntryName, text: &Secret) -> Result<StoredKeys> {
    keys_of(name, parse(name, text)?)
}

pub(super) fn decode_set_aside(name: &EntryName, text: &Secret) -> Result<KeysSetAside> {
    let mut text: LongLivedText = parse(name, text)?;
    let (since, reason) = (text.set_aside_at.take(), text.reason.take());
    Ok(KeysSetAside {
        stored: keys_of(name, text)?,
        since: since.ok_or_else(|| broken(name))?.into(),
        reason: reason.unwrap_or_default(),
    })
}

fn keys_of(name: &EntryName, stored: LongLivedText) -> Result<StoredKeys> {
    let of_a_session = stored.session_token.is_some()
        || stored
            .access_key_id
            .as_deref()
            .is_some_and(|id| id.trim_start().starts_with("ASIA"));
    if of_a_session {
        return Err(unusable(
            name,
            "holds the keys of a session, which are not long-lived access keys",
        )
        .hint("`fob user configure` stores long-lived access keys (AKIA…) in its place"));
    }
    let keys = both(name, stored.access_key_id, stored.secret_access_key)?;
    let rotation = stored.rotation.map(|text| rotation_of(name, text));
    Ok(StoredKeys {
        long_lived: LongLived {
            keys,
            mfa_arn: stored.mfa_arn,
            session_duration: stored.session_duration,
            account: stored.account,
            principal: stored.principal,
            file: stored.file,
        },
        endpoint: stored.endpoint,
        since: stored.since.map(SystemTime::from),
        rotation: rotation.transpose()?,
    })
}

fn both(name: &EntryName, id: Option<String>, secret: Option<Secret>) -> Result<Option<Keys>> {
    match (id, secret) {
        (None, None) => Ok(None),
        (Some(id), Some(secret)) => keys(name, &id, &secret).map(Some),
        (Some(_), None) | (None, Some(_)) => Err(broken(name)),
    }
}

pub(super) fn encode_session(value: &StoredSession, configuration: &str) -> Result<Secret> {
    let StoredSession {
        session,
        plan,
        endpoint,
    } = value.clone();
    let Session {
        keys,
        token,
        issued_at,
        expires_at,
        principal,
        account,
        origin,
    } = session;
    Ok(line(&SessionText {
        v: VERSION,
        configuration: Some(configuration.to_owned()),
        plan,
        endpoint: Some(endpoint),
        access_key_id: keys.access_key_id.as_str().to_owned(),
        secret_access_key: Some(keys.secret_access_key.into()),
        session_token: token.map(Secret::from),
        issued_at: timestamp(issued_at)?,
        expires_at: timestamp(expires_at)?,
        principal,
        account,
        origin,
    }))
}

pub(super) fn decode_session(name: &EntryName, text: &Secret) -> Result<StoredSession> {
    let stored: SessionText = parse(name, text)?;
    let secret = stored.secret_access_key.ok_or_else(|| broken(name))?;
    let session = Session {
        keys: keys(name, &stored.access_key_id, &secret)?,
        token: stored
            .session_token
            .map(|token| SessionToken::parse(token.expose()))
            .transpose()
            .map_err(|_| broken(name))?,
        issued_at: stored.issued_at.into(),
        expires_at: stored.expires_at.into(),
        principal: stored.principal,
        account: stored.account,
        origin: stored.origin,
    };
    Ok(StoredSession {
        session,
        plan: stored.plan,
        endpoint: stored.endpoint.unwrap_or(Endpoint::AWS),
    })
}

/// The same entry, for another configuration.
pub(super) fn of_configuration(
    name: &EntryName,
    text: &Secret,
    configuration: &str,
) -> Result<Secret> {
    match name.kind {
        EntryKind::Keys => encode_keys(&decode_keys(name, text)?, configuration),
        EntryKind::SetAside => encode_set_aside(&decode_set_aside(name, text)?, configuration),
        EntryKind::Session => encode_session(&decode_session(name, text)?, configuration),
        EntryKind::Token | EntryKind::Audit => Err(broken(name)),
    }
}

pub(super) fn parse<'a, T: Deserialize<'a>>(name: &EntryName, text: &'a Secret) -> Result<T> {
    let head = EntryHead::of(text).ok_or_else(|| broken(name))?;
    check_version(name, &head.version())?;
    serde_json::from_str(text.expose()).map_err(|_| broken(name))
}

fn keys(name: &EntryName, id: &str, secret: &Secret) -> Result<Keys> {
    Ok(Keys {
        access_key_id: AccessKeyId::parse(id).map_err(|_| broken(name))?,
        secret_access_key: SecretAccessKey::parse(secret.expose()).map_err(|_| broken(name))?,
    })
}

pub(super) fn broken(name: &EntryName) -> Error {
    unusable(name, "is not what Keyfob writes there")
}

pub(super) fn timestamp(moment: SystemTime) -> Result<Timestamp> {
    Timestamp::try_from(moment).map_err(|_| {
        Error::new(
            Code::InvalidInput,
            "a session cannot be kept whose times lie beyond the year 9999",
        )
    })
}

/// One line of ASCII: some keyrings have their own idea of every other character.
pub(super) fn line(value: &impl Serialize) -> Secret {
    let json = Zeroizing::new(
        serde_json::to_string(value).expect("text, numbers and times always become JSON"),
    );
    let mut ascii = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(ascii, "\\u{unit:04x}").expect("a string takes all that is written");
            }
        }
    }
    Secret::new(ascii)
}

pub(super) mod secret_text {
    use super::Secret;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde's signature")]
    pub fn serialize<S: Serializer>(
        secret: &Option<Secret>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::expose).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
    }
}
