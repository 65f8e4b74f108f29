//! `aws/user`. Credentials that are empty or placeholders are absent; nothing secret gets into a
//! message.

use super::footing::KindName;
use crate::config::reader::{Fields, Single, sentence};
use crate::config::values;
use crate::duration::{SessionDuration, SessionKind};
use crate::ids::{AccessKeyId, MfaArn, is_example};
use crate::secret::{Keys, Origin, SecretAccessKey};
use std::str::FromStr;

pub(crate) const NAME: KindName = KindName::stand_alone("aws/user");

#[derive(Clone, Debug)]
pub struct User {
    pub keys: Option<ConfiguredKeys>,
    pub mfa_arn: Option<MfaArn>,
    /// A program that prints the six digits.
    pub mfa_process: Option<String>,
    /// As written; limits are applied when signing in.
    pub session_duration: Option<SessionDuration>,
}

/// Long-lived keys written in the file, or named there with `!env`.
#[derive(Clone, Debug)]
pub struct ConfiguredKeys {
    pub keys: Keys,
    /// `Configuration` or `Environment`.
    pub origin: Origin,
    /// For messages: `config.yaml line 12`, or `the environment variable DEV_KEY`.
    pub place: String,
}

pub(super) fn read(fields: &Fields<'_>) -> User {
    let duration = fields.read_placed("session.duration", SessionDuration::from_str);
    let session_duration = duration.as_ref().map(|it| it.value);
    let (_, warning) = SessionKind::IamUser.bound(session_duration);
    if let (Some(duration), Some(warning)) = (duration, warning) {
        fields.problems().warning(&duration.location, warning);
    }
    let id = fields.credential("credentials.access_key_id");
    let secret = fields.credential("credentials.secret_access_key");
    User {
        keys: keys(fields, id, secret),
        mfa_arn: mfa_arn(fields),
        mfa_process: fields.read("credentials.mfa_process", values::any),
        session_duration,
    }
}

fn mfa_arn(fields: &Fields<'_>) -> Option<MfaArn> {
    let written = fields.credential("credentials.mfa_arn")?;
    let parsed = MfaArn::from_str(&written.text);
    let report = |error| fields.problems().error(&written.location, sentence(&error));
    parsed.map_err(report).ok()
}

fn keys(fields: &Fields<'_>, id: Option<Single>, secret: Option<Single>) -> Option<ConfiguredKeys> {
    let one_of_two = |only: Single, written: &str, missing: &str| {
        let message = format!("`{written}` is useless without `{missing}`: write both or neither");
        fields.problems().error(&only.location, message);
        None
    };
    match (id, secret) {
        (Some(id), Some(secret)) => pair(fields, &id, &secret),
        (None, None) => None,
        (Some(id), None) => one_of_two(id, "access_key_id", "secret_access_key"),
        (None, Some(secret)) => one_of_two(secret, "secret_access_key", "access_key_id"),
    }
}

fn pair(fields: &Fields<'_>, id: &Single, secret: &Single) -> Option<ConfiguredKeys> {
    let problems = fields.problems();
    if secret.variable.is_none() {
        let message = "a secret access key in a file is read by backups and other programs; \
                       `fob user configure` keeps it in the keyring";
        problems.warning(&secret.location, message);
    }
    let secret_access_key = match SecretAccessKey::parse(&secret.text) {
        Ok(parsed) => parsed,
        Err(error) => {
            problems.error(&secret.location, error.message);
            return None;
        }
    };
    let access_key_id = match AccessKeyId::parse(&id.text) {
        Ok(parsed) if parsed.is_of_a_session() => {
            let message = "an access key id that starts with ASIA belongs to a session and is \
                           useless without its token; long-lived keys start with AKIA";
            problems.error(&id.location, message);
            return None;
        }
        Ok(parsed) => parsed,
        Err(error) => {
            problems.error(&id.location, sentence(&error));
            return None;
        }
    };
    for it in [id, secret] {
        if is_example(&it.text) {
            let source = it.source();
            let message = format!(
                "{source} is an example of AWS's documentation, which no account has: it is never sent to AWS"
            );
            problems.warning(&it.location, message);
        }
    }
    let line_of = |it: &Single| format!("{} line {}", fields.reader.file_name, it.location.at.line);
    let (origin, place) = match (&id.variable, &secret.variable) {
        (Some(id), Some(secret)) => (
            Origin::Environment,
            format!("the environment variables {id} and {secret}"),
        ),
        (None, Some(_)) => (Origin::Configuration, line_of(id)),
        (_, None) => (Origin::Configuration, line_of(secret)),
    };
    Some(ConfiguredKeys {
        keys: Keys {
            access_key_id,
            secret_access_key,
        },
        origin,
        place,
    })
}
