//! Checks of a form's fields as they are typed; the same on a terminal and in a window. Never
//! quotes the input.

use crate::agent::api::{AccessKeyId, MfaArn, SessionDuration};
use crate::config;
use crate::duration::SessionKind;
use crate::error::Error;
use crate::ids::{IdentityName, MfaCode, Region};
use std::str::FromStr;

/// An IAM user's: those of a session begin with ASIA.
pub fn access_key_id(text: &str) -> Result<(), String> {
    let id = AccessKeyId::parse(text).map_err(said)?;
    if id.is_of_a_session() {
        return Err(
            "ASIA… is the key ID of a session; that of an IAM user begins with AKIA".to_owned(),
        );
    }
    Ok(())
}

pub fn identity_name(text: &str) -> Result<(), String> {
    text.trim().parse::<IdentityName>().map(drop).map_err(said)
}

/// Empty is fine.
pub fn region(text: &str) -> Result<(), String> {
    if_filled::<Region>(text)
}

pub fn role_arn(text: &str) -> Result<(), String> {
    config::role_arn(text.trim()).map(drop).map_err(said)
}

pub fn required(text: &str) -> Result<(), String> {
    match filled(text) {
        Some(_) => Ok(()),
        None => Err("this field is required".to_owned()),
    }
}

/// Empty is fine.
pub fn mfa_arn(text: &str) -> Result<(), String> {
    if_filled::<MfaArn>(text)
}

/// Empty is fine.
pub fn session_duration(text: &str) -> Result<(), String> {
    if_filled::<SessionDuration>(text)
}

/// What is changed of a duration that is taken.
pub fn duration_warning(text: &str) -> Option<String> {
    let duration = text.parse::<SessionDuration>().ok()?;
    SessionKind::IamUser.bound(Some(duration)).1
}

pub fn mfa_code(text: &str) -> Result<(), String> {
    text.parse::<MfaCode>().map(drop).map_err(said)
}

/// `None` for a field that was left empty.
pub fn filled(text: &str) -> Option<String> {
    Some(text.trim())
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn if_filled<T: FromStr<Err = Error>>(text: &str) -> Result<(), String> {
    filled(text).map_or(Ok(()), |text| text.parse::<T>().map(drop).map_err(said))
}

fn said(error: Error) -> String {
    std::iter::once(error.message)
        .chain(error.hints)
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_checked_as_they_are_typed() {
        assert!(access_key_id("AKIAIOSFODNN7EXAMPLE").is_ok());
        for id in ["", "changeme", "ASIAIOSFODNN7EXAMPLE", "AKIA"] {
            assert!(access_key_id(id).is_err(), "{id}");
        }
        assert!(mfa_code(" 123456 ").is_ok());
        for code in ["12345", "1234567", "12345a", "", "１２３４５６"] {
            assert!(mfa_code(code).is_err(), "{code}");
        }
        assert!(session_duration("").is_ok() && session_duration("36h").is_ok());
        assert!(
            session_duration("12x")
                .expect_err("no unit")
                .contains("90m"),
            "the reason says what is allowed"
        );
        for (duration, warning) in [("48h", Some("36h is used")), ("5m", Some("15m is used"))] {
            assert!(session_duration(duration).is_ok());
            let said = duration_warning(duration);
            assert!(said.is_some_and(|said| warning.is_some_and(|it| said.contains(it))));
        }
        for text in ["", "36h", "12x"] {
            assert_eq!(duration_warning(text), None, "{text}");
        }
        assert!(mfa_arn(" ").is_ok() && mfa_arn("arn:aws:iam::123456789012:mfa/kim").is_ok());
        assert!(mfa_arn("my phone, the black one").is_err());
    }
}
