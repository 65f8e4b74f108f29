//! What can be changed, as typed by a person: checked as the reader of the file would check it.

use super::value::NewValue;
use crate::config::{kinds, values};
use crate::duration::SessionDuration;
use crate::error::{Code, Error, Result};
use crate::ids::{IdentityName, MfaArn, ProviderName, Region};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// One thing to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Of a name that is not there yet.
    AddIdentity(NewIdentity),
    /// IAM Identity Center, of a name that is not there yet.
    AddIdentityCenter(NewIdentityCenter),
    /// The identity to use when none is named; no other is it afterwards. Those of other clouds are
    /// left as they are.
    MakeDefault(String),
    /// How long before the end of a session a notice is shown: `30m`.
    NotifyBefore(String),
}

/// An identity that is to be written. What is optional and blank is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewIdentity {
    pub name: String,
    /// As [`Change::MakeDefault`] for it.
    pub is_default: bool,
    pub kind: NewKind,
}

/// An `aws/iam-identity-center`, with an identity for each account and role that it assigns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewIdentityCenter {
    pub name: String,
    pub start_url: String,
    pub region: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewKind {
    /// `aws/user`; its keys are kept in the keyring and never written to the file.
    User {
        region: Option<String>,
        mfa_arn: Option<String>,
    },
    /// `aws/assume-role`
    AssumeRole {
        /// The identity that assumes it.
        via: String,
        role_arn: String,
        external_id: Option<String>,
        session_name: Option<String>,
        region: Option<String>,
        duration: Option<String>,
    },
    /// `aws/process`
    Process {
        command: String,
        region: Option<String>,
    },
    /// `aws/ambient`
    Ambient { region: Option<String> },
}

impl NewKind {
    /// As the file has it.
    pub fn written(&self) -> &'static str {
        match self {
            NewKind::User { .. } => kinds::USER.name,
            NewKind::AssumeRole { .. } => kinds::ASSUME_ROLE.name,
            NewKind::Process { .. } => kinds::PROCESS.name,
            NewKind::Ambient { .. } => kinds::AMBIENT.name,
        }
    }
}

impl NewIdentityCenter {
    pub(super) fn checked_name(&self) -> Result<ProviderName> {
        self.name.trim().parse()
    }

    pub(crate) fn value(&self) -> Result<NewValue> {
        let kind = (
            "kind".to_owned(),
            NewValue::text(kinds::IDENTITY_CENTER.name),
        );
        let written = [
            required("region", &self.region, Region::from_str)?,
            required("start_url", &self.start_url, values::url)?,
        ];
        let found = ("auto_provision_identities".to_owned(), NewValue::Is(true));
        let rest = written.into_iter().flatten().chain([found]);
        Ok(NewValue::Mapping([kind].into_iter().chain(rest).collect()))
    }
}

impl NewIdentity {
    pub(super) fn checked_name(&self) -> Result<IdentityName> {
        self.name.trim().parse()
    }

    /// What is written below the name, once all of it is checked.
    pub(crate) fn value(&self) -> Result<NewValue> {
        let mut entry = vec![("kind".to_owned(), NewValue::text(self.kind.written()))];
        if self.is_default {
            entry.push(("default".to_owned(), NewValue::Is(true)));
        }
        let groups = match &self.kind {
            NewKind::User { region, mfa_arn } => vec![(
                "credentials",
                vec![
                    optional("region", region.as_deref(), Region::from_str)?,
                    optional("mfa_arn", mfa_arn.as_deref(), MfaArn::from_str)?,
                ],
            )],
            NewKind::AssumeRole {
                via,
                role_arn,
                external_id,
                session_name,
                region,
                duration,
            } => vec![
                (
                    "via",
                    vec![required("identity", via, IdentityName::from_str)?],
                ),
                (
                    "principal",
                    vec![
                        required("assume_role", role_arn, values::role_arn)?,
                        optional("session_name", session_name.as_deref(), values::any)?,
                        optional("external_id", external_id.as_deref(), values::external_id)?,
                        optional("duration", duration.as_deref(), SessionDuration::from_str)?,
                        optional("region", region.as_deref(), Region::from_str)?,
                    ],
                ),
            ],
            NewKind::Process { command, region } => vec![(
                "credentials",
                vec![
                    required("process", command, values::any)?,
                    optional("region", region.as_deref(), Region::from_str)?,
                ],
            )],
            NewKind::Ambient { region } => vec![(
                "principal",
                vec![optional("region", region.as_deref(), Region::from_str)?],
            )],
        };
        for (key, group) in groups {
            let written: Vec<(String, NewValue)> = group.into_iter().flatten().collect();
            if !written.is_empty() {
                entry.push((key.to_owned(), NewValue::Mapping(written)));
            }
        }
        Ok(NewValue::Mapping(entry))
    }
}

/// A key and its value; `None` for what is left out.
type KeyAndValue = Option<(String, NewValue)>;

fn required<T>(
    key: &str,
    text: &str,
    check: impl FnOnce(&str) -> Result<T>,
) -> Result<KeyAndValue> {
    if text.trim().is_empty() {
        return Err(Error::new(Code::InvalidInput, format!("`{key}` is empty")));
    }
    optional(key, Some(text), check)
}

fn optional<T>(
    key: &str,
    text: Option<&str>,
    check: impl FnOnce(&str) -> Result<T>,
) -> Result<KeyAndValue> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if text.contains(char::is_control) {
        let message = format!("`{key}` contains a line break or another control character");
        return Err(Error::new(Code::InvalidInput, message));
    }
    check(text)?;
    Ok(Some((key.to_owned(), NewValue::text(text))))
}
