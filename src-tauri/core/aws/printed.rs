//! Credentials as JSON: printed by programs (the AWS SDKs' process protocol, version 1), answered
//! by container endpoints. The same checks for both; an error names the field and never quotes it.

use super::fault::answer_expired;
use crate::duration::{in_units, time_left};
use crate::error::Error;
use crate::ids::{AccessKeyId, AccountId};
use crate::secret::{Keys, Origin, Secret, SecretAccessKey, Session, SessionToken};
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// Credentials without an expiry are obtained again after this time: they would otherwise be held
/// for ever.
pub const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(3600);

/// Who wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Printer {
    Program,
    Container,
}

impl Printer {
    fn token_field(self) -> &'static str {
        match self {
            Printer::Program => "SessionToken",
            Printer::Container => "Token",
        }
    }

    fn origin(self) -> Origin {
        match self {
            Printer::Program => Origin::Process,
            Printer::Container => Origin::ContainerRole,
        }
    }
}

/// Why there are no credentials in it.
#[derive(Debug)]
pub(super) enum Useless {
    /// What is wrong with the JSON.
    Flawed(String),
    Expired(Error),
}

impl From<String> for Useless {
    fn from(why: String) -> Useless {
        Useless::Flawed(why)
    }
}

pub(super) fn session(json: &str, printer: Printer, now: SystemTime) -> Result<Session, Useless> {
    let mut fields: Map<String, Value> = serde_json::from_str(json).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        format!("it is not a JSON object (line {line}, column {column})")
    })?;
    if printer == Printer::Program && fields.get("Version").and_then(Value::as_u64) != Some(1) {
        return Err("`Version` is not 1".to_owned().into());
    }
    let id = required(&mut fields, "AccessKeyId")?;
    let access_key_id = AccessKeyId::parse(id.expose())
        .map_err(|error| format!("`AccessKeyId`: {}", error.message))?;
    let secret = required(&mut fields, "SecretAccessKey")?;
    let secret_access_key = SecretAccessKey::parse(secret.expose())
        .map_err(|error| format!("`SecretAccessKey`: {}", error.message))?;
    let field = printer.token_field();
    let token = text(&mut fields, field)?;
    let token = token
        .map(|token| SessionToken::parse(token.expose()))
        .transpose();
    let token = token.map_err(|error| format!("`{field}`: {}", error.message))?;
    let expiration = text(&mut fields, "Expiration")?;
    let expires_at = match &expiration {
        Some(written) => end(written.expose())?,
        None => now + LOOK_AGAIN_AFTER,
    };
    refuse_expired(expires_at, now).map_err(Useless::Expired)?;
    let account = text(&mut fields, "AccountId")?;
    Ok(Session {
        keys: Keys {
            access_key_id,
            secret_access_key,
        },
        token,
        issued_at: now,
        expires_at,
        principal: None,
        account: account.and_then(|id| id.expose().parse::<AccountId>().ok()),
        origin: printer.origin(),
    })
}

pub(super) fn refuse_expired(expires_at: SystemTime, now: SystemTime) -> Result<(), Error> {
    if expires_at > now {
        return Ok(());
    }
    let ago = in_units(time_left(now, expires_at));
    let message = format!("the credentials that came had expired already, {ago} ago");
    Err(answer_expired(message))
}

/// Without blanks around it; a field that is empty or `null` is absent.
fn text(fields: &mut Map<String, Value>, name: &str) -> Result<Option<Secret>, String> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            let text = Zeroizing::new(text);
            Ok(Some(text.trim())
                .filter(|text| !text.is_empty())
                .map(Secret::new))
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err(format!("`{name}` is not text in quotes"))
        }
    }
}

fn required(fields: &mut Map<String, Value>, name: &str) -> Result<Secret, String> {
    text(fields, name)?.ok_or_else(|| format!("`{name}` is missing or empty"))
}

fn end(written: &str) -> Result<SystemTime, String> {
    // What many write for "never" is a day beyond the calendar.
    if written.starts_with("9999-12-31T") {
        return Ok(Timestamp::MAX.into());
    }
    if let Ok(time) = written.parse::<Timestamp>() {
        return Ok(time.into());
    }
    Err(match written.parse::<jiff::civil::DateTime>() {
        Ok(_) => "`Expiration` has no time zone: it must end in Z or in an offset such as +01:00",
        Err(_) => "`Expiration` is not a time such as 2026-12-24T04:58:00Z",
    }
    .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str = r#""AccessKeyId":" ASIAIOSFODNN7SAMPLE ","SecretAccessKey":" secret\n""#;

    fn refused(fields: &str, printer: Printer) -> String {
        let json = format!("{{{fields}}}");
        match session(&json, printer, SystemTime::UNIX_EPOCH).expect_err(fields) {
            Useless::Flawed(why) => why,
            Useless::Expired(error) => format!("{} {error}", error.code),
        }
    }

    #[test]
    fn values_are_trimmed_and_empty_ones_absent_whoever_wrote_them() {
        for (printer, fields) in [
            (Printer::Program, r#""Version":1,"SessionToken":" t ""#),
            (
                Printer::Container,
                r#""Token":" t ","AccountId":"","Expiration":null"#,
            ),
        ] {
            let json = format!("{{{KEYS},{fields}}}");
            let read = session(&json, printer, SystemTime::UNIX_EPOCH).expect("credentials");
            assert_eq!(read.keys.secret_access_key.expose(), "secret");
            assert_eq!(read.token.as_ref().map(SessionToken::expose), Some("t"));
            assert_eq!(read.expires_at, SystemTime::UNIX_EPOCH + LOOK_AGAIN_AFTER);
        }
    }

    #[test]
    fn an_error_names_the_field_and_never_quotes_it() {
        for (fields, says) in [
            (
                r#""AccessKeyId":"","SecretAccessKey":"s3cr3t""#,
                "`AccessKeyId` is missing or empty",
            ),
            (
                r#""AccessKeyId":"s3cr3t","SecretAccessKey":"x""#,
                "`AccessKeyId`: ",
            ),
            (
                r#""AccessKeyId":"ASIAIOSFODNN7SAMPLE","SecretAccessKey":["s3cr3t"]"#,
                "`SecretAccessKey` is not text",
            ),
            (
                &format!(r#"{KEYS},"Expiration":"2099-01-01T00:00:00""#),
                "`Expiration` has no time zone",
            ),
            (
                &format!(r#"{KEYS},"Expiration":"s3cr3t""#),
                "`Expiration` is not a time",
            ),
            (
                &format!(r#"{KEYS},"Expiration":"1969-12-31T23:00:00Z""#),
                "answer_expired the credentials that came had expired already",
            ),
            (
                r#""AccessKeyId":"ASIAIOSFODNN7SAMPLE","SecretAccessKey":"s3cr3t\n[x]""#,
                "`SecretAccessKey`: the secret access key holds a space, a line end",
            ),
            (
                &format!(r#"{KEYS},"Token":"s3cr3t\n[prod]\ncredential_process=x""#),
                "`Token`: the session token holds a space, a line end",
            ),
        ] {
            let error = refused(fields, Printer::Container);
            assert!(error.contains(says) && !error.contains("s3cr3t"), "{error}");
        }
        assert!(refused(KEYS, Printer::Program).contains("`Version`"));
    }
}
