//! `aws/user`. Credentials that are empty or placeholders are absent; nothing secret gets into a
//! message.

use super::footing::KindName;
use crate::config::atmos;
use crate::config::problem::list;
use crate::config::reader::{Fields, Single, sentence};
use crate::config::values;
use crate::duration::{SessionDuration, SessionKind};
use crate::endpoint::is_on_loopback;
use crate::error::{Code, Error, Result, shorten};
use crate::ids::{AccessKeyId, MfaArn, is_example};
use crate::secret::{Keys, Origin, SecretAccessKey};
use std::str::FromStr;

pub(crate) const NAME: KindName = KindName::stand_alone("aws/user");

#[derive(Clone, Debug)]
pub struct User {
    pub hands_out: HandedOut,
    pub keys: Option<ConfiguredKeys>,
    pub mfa_arn: Option<MfaArn>,
    /// A program that prints the six digits.
    pub mfa_process: Option<String>,
    /// As written; limits are applied when signing in.
    pub session_duration: Option<SessionDuration>,
}

/// What programs get for an IAM user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HandedOut {
    /// Of `GetSessionToken`.
    #[default]
    Session,
    /// The access key itself: AWS allows IAM calls to it, and to a session only with MFA.
    LongLivedKeys,
}

impl FromStr for HandedOut {
    type Err = Error;

    fn from_str(text: &str) -> Result<HandedOut> {
        match text {
            "session" => Ok(HandedOut::Session),
            "keys" => Ok(HandedOut::LongLivedKeys),
            _ => {
                let (text, known) = (shorten(text), list(&["session", "keys"]));
                let message = format!("the session kind `{text}` is not known. Known: {known}");
                Err(Error::new(Code::InvalidInput, message))
            }
        }
    }
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
    let hands_out = hands_out(fields);
    let warning = match hands_out {
        HandedOut::Session => SessionKind::IamUser.bound(session_duration).1,
        HandedOut::LongLivedKeys => {
            Some("`duration` has no effect with `kind: keys`: an access key does not end".into())
        }
    };
    if let (Some(duration), Some(warning)) = (duration, warning) {
        fields.problems().warning(&duration.location, warning);
    }
    let id = fields.credential("credentials.access_key_id");
    let secret = fields.credential("credentials.secret_access_key");
    User {
        hands_out,
        keys: keys(fields, id, secret),
        mfa_arn: mfa_arn(fields),
        mfa_process: fields.read("credentials.mfa_process", values::any),
        session_duration,
    }
}

fn hands_out(fields: &Fields<'_>) -> HandedOut {
    let Some(written) = fields.read_placed("session.kind", HandedOut::from_str) else {
        return HandedOut::default();
    };
    if written.value == HandedOut::LongLivedKeys {
        let message = "programs get the long-lived access key itself, which does not end and \
                       needs no MFA code; a session is safer where no IAM call is made";
        fields.problems().warning(&written.location, message);
    }
    written.value
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
    let access_key_id = access_key_id(fields, id)?;
    for it in [id, secret] {
        if is_example(&it.text) {
            let source = it.source();
            let message = format!(
                "{source} is an example of AWS's documentation, which no account has: it is never \
                 sent to AWS"
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

fn access_key_id(fields: &Fields<'_>, id: &Single) -> Option<AccessKeyId> {
    let problems = fields.problems();
    let error = match AccessKeyId::parse(&id.text) {
        Ok(parsed) if !parsed.is_of_a_session() => return Some(parsed),
        Ok(_) => "an access key id that starts with ASIA belongs to a session and is useless \
                  without its token; long-lived keys start with AKIA"
            .to_owned(),
        Err(error) => sentence(&error),
    };
    let other = AccessKeyId::of_any_aws(id.text.trim())
        .filter(|other| !other.is_of_iam() && is_for_this_machine(fields));
    if other.is_some() {
        let message = "the access key id is none of AWS's: it is sent to an AWS on this machine \
                       (`spec.endpoint_url`), and to no other";
        problems.warning(&id.location, message);
    } else {
        problems.error(&id.location, error);
    }
    other
}

/// Whether calls go to an endpoint on this machine, or to one that a variable will name.
fn is_for_this_machine(fields: &Fields<'_>) -> bool {
    let environment = fields.reader.environment;
    let variable = |name: &str| environment.var(name).ok().flatten();
    let written = fields.node.below("spec.endpoint_url");
    let url = match written.or_else(|| fields.node.below(atmos::IDENTITY_ENDPOINT)) {
        Some(node) if node.tag.is_some() => match variable(node.text().unwrap_or_default()) {
            // Its absence is reported there.
            None => return true,
            url => url,
        },
        Some(node) => node.text(),
        None => variable("AWS_ENDPOINT_URL_STS").or_else(|| variable("AWS_ENDPOINT_URL")),
    };
    url.is_some_and(is_on_loopback)
}
