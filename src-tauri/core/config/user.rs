//! The `credentials` of an `aws/user`. Whatever is empty or a placeholder is absent; nothing secret
//! gets into a message.

use super::chain::{ConfiguredKeys, User};
use super::file::{Entry, Found, Reader, told};
use super::items::warn_beyond_limits;
use super::values;
use crate::duration::{SessionDuration, SessionKind};
use crate::ids::{AccessKeyId, MfaArn};
use crate::secret::{Keys, Origin, Secret};
use std::str::FromStr;

pub(super) fn user(reader: &mut Reader<'_>, entry: &Entry) -> User {
    let duration = reader.read_placed(entry, "session.duration", SessionDuration::from_str);
    if let Some((asked, place)) = &duration {
        warn_beyond_limits(reader, (SessionKind::IamUser, *asked), place);
    }
    let mfa_arn = reader
        .credential(entry, "credentials.mfa_arn")
        .and_then(|found| {
            found
                .text
                .parse::<MfaArn>()
                .map_err(|error| reader.problems.error(&found.place, told(&error)))
                .ok()
        });
    User {
        keys: keys(reader, entry),
        mfa_arn,
        mfa_process: reader.read(entry, "credentials.mfa_process", values::any),
        session_duration: duration.map(|(asked, _)| asked),
    }
}

fn keys(reader: &mut Reader<'_>, entry: &Entry) -> Option<ConfiguredKeys> {
    let id = reader.credential(entry, "credentials.access_key_id");
    let secret = reader.credential(entry, "credentials.secret_access_key");
    let (id, secret) = match (id, secret) {
        (Some(id), Some(secret)) => (id, secret),
        (None, None) => return None,
        (Some(only), None) => {
            return one_of_two(reader, &only, ("access_key_id", "secret_access_key"));
        }
        (None, Some(only)) => {
            return one_of_two(reader, &only, ("secret_access_key", "access_key_id"));
        }
    };
    if secret.variable.is_none() {
        let message = "a secret access key in a file is read by backups and other programs; \
                       `fob user configure` keeps it in the keyring";
        reader.problems.warning(&secret.place, message);
    }
    let secret_text = secret.text.trim();
    if secret_text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        reader.problems.error(
            &secret.place,
            "the secret access key contains a space or line break",
        );
        return None;
    }
    let access_key_id = match AccessKeyId::parse(&id.text) {
        Ok(parsed) if parsed.is_of_a_session() => {
            let message = "an access key id that starts with ASIA belongs to a session and is useless without its \
                           token; long-lived keys start with AKIA";
            reader.problems.error(&id.place, message);
            return None;
        }
        Ok(parsed) => parsed,
        Err(error) => {
            reader.problems.error(&id.place, told(&error));
            return None;
        }
    };
    let (origin, place) = source_of(&reader.file_name, &id, &secret);
    let keys = Keys {
        access_key_id,
        secret_access_key: Secret::new(secret_text),
    };
    Some(ConfiguredKeys {
        keys,
        origin,
        place,
    })
}

fn one_of_two(
    reader: &mut Reader<'_>,
    only: &Found,
    (there, absent): (&str, &str),
) -> Option<ConfiguredKeys> {
    reader.problems.error(
        &only.place,
        format!("`{there}` is of no use without `{absent}`: write both or neither"),
    );
    None
}

fn source_of(file_name: &str, id: &Found, secret: &Found) -> (Origin, String) {
    match (&id.variable, &secret.variable) {
        (Some(id), Some(secret)) => (
            Origin::Environment,
            format!("the environment variables {id} and {secret}"),
        ),
        (None, Some(_)) => (
            Origin::Configuration,
            format!("{file_name} line {}", id.place.at.line),
        ),
        (_, None) => (
            Origin::Configuration,
            format!("{file_name} line {}", secret.place.at.line),
        ),
    }
}
