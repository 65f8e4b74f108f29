//! What can be changed, as typed by a person: checked as the reader of the file would check it.

use super::value::NewValue;
use crate::config::{kinds, values, yaml};
use crate::duration::SessionDuration;
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, IdentityName, MfaArn, ProviderName, Region};
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
    /// A provider whose tokens are in a file, of a name that is not there yet.
    AddWebIdentity(NewWebIdentity),
    /// Of a name that is not there yet, as another configuration has it.
    AddEntry(WrittenEntry),
    /// The identity to use when none is named; no other is it afterwards. Those of other clouds are
    /// left as they are.
    MakeDefault(String),
    /// How long before the end of a session a notice is shown: `30m`.
    NotifyBefore(String),
    /// How old an access key may become before a notice is shown: `90d`, or `off`.
    KeyAge(String),
    /// Whether the roles that an IAM Identity Center assigns are identities unwritten.
    AutoProvision(AutoProvision),
}

impl Change {
    /// The entry that it adds, as lines below `auth`, in the style of a new file.
    fn entry(&self, section: &str) -> Result<Vec<String>> {
        let (of, name, value) = match self {
            Change::AddIdentity(new) => ("identities", &new.name, new.value()?),
            Change::AddIdentityCenter(new) => ("providers", &new.name, new.value()?),
            Change::AddWebIdentity(new) => ("providers", &new.name, new.value()?),
            Change::AddEntry(new) => (new.of.plural(), &new.name, new.value()?),
            Change::MakeDefault(_)
            | Change::NotifyBefore(_)
            | Change::KeyAge(_)
            | Change::AutoProvision(_) => {
                return Ok(Vec::new());
            }
        };
        Ok(if of == section {
            value.lines(name, 4, 2)
        } else {
            Vec::new()
        })
    }
}

/// An entry that is written already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenEntry {
    pub of: EntryList,
    pub name: String,
    /// YAML.
    pub text: String,
}

/// The list that an entry belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryList {
    Providers,
    Identities,
}

impl EntryList {
    pub(super) fn plural(self) -> &'static str {
        match self {
            EntryList::Providers => "providers",
            EntryList::Identities => "identities",
        }
    }
}

impl WrittenEntry {
    pub(crate) fn value(&self) -> Result<NewValue> {
        let node = yaml::parse(&self.text).ok().flatten();
        let value = node.as_deref().and_then(NewValue::of);
        value.ok_or_else(|| Error::new(Code::InvalidInput, "the entry is no YAML"))
    }
}

/// What `changes` add, as YAML.
pub fn added(changes: &[Change]) -> Result<String> {
    let mut text = String::from("auth:\n");
    for section in ["providers", "identities"] {
        let mut lines = Vec::new();
        for change in changes {
            lines.extend(change.entry(section)?);
        }
        if !lines.is_empty() {
            text.extend(["  ", section, ":\n", &lines.join("\n"), "\n"]);
        }
    }
    Ok(text)
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoProvision {
    pub provider: String,
    pub is_on: bool,
}

/// An identity that is to be written. What is optional and blank is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewIdentity {
    pub name: String,
    /// As [`Change::MakeDefault`] for it.
    pub is_default: bool,
    pub kind: NewKind,
    #[serde(default, skip_serializing_if = "NewSettings::is_empty")]
    pub settings: Box<NewSettings>,
}

/// What only an import fills in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSettings {
    pub endpoint_url: Option<String>,
    pub fips: Option<bool>,
    pub dual_stack: Option<bool>,
    /// Of a user.
    pub mfa_process: Option<String>,
    /// Of a role, as the others below.
    pub tags: Vec<(String, String)>,
    pub transitive_tag_keys: Vec<String>,
    pub source_identity: Option<String>,
}

impl NewSettings {
    pub fn is_empty(&self) -> bool {
        *self == NewSettings::default()
    }

    fn spec(&self) -> Result<Vec<KeyAndValue>> {
        let flag = |key: &str, is_on: Option<bool>| Some((key.to_owned(), NewValue::Is(is_on?)));
        Ok(vec![
            optional("endpoint_url", self.endpoint_url.as_deref(), values::url)?,
            flag("use_fips_endpoint", self.fips),
            flag("use_dualstack_endpoint", self.dual_stack),
        ])
    }

    fn of_user(&self, region: KeyAndValue, mfa_arn: Option<&str>) -> Result<Vec<KeyAndValue>> {
        let program = self.mfa_process.as_deref();
        Ok(vec![
            region,
            optional("mfa_arn", mfa_arn, MfaArn::from_str)?,
            optional("mfa_process", program, values::any)?,
        ])
    }

    fn of_role(&self) -> Result<Vec<KeyAndValue>> {
        let mut tags = Vec::new();
        for (key, value) in &self.tags {
            values::session_tag(key, value)?;
            tags.push((key.clone(), NewValue::text(value)));
        }
        let keys = self.transitive_tag_keys.iter();
        let keys = keys.map(|it| NewValue::text(it));
        let source = self.source_identity.as_deref();
        Ok(vec![
            written("tags", tags, NewValue::Mapping),
            written("transitive_tag_keys", keys.collect(), NewValue::Sequence),
            optional("source_identity", source, values::source_identity)?,
        ])
    }
}

fn written<T>(key: &str, all: Vec<T>, value: impl FnOnce(Vec<T>) -> NewValue) -> KeyAndValue {
    (!all.is_empty()).then(|| (key.to_owned(), value(all)))
}

/// An `aws/iam-identity-center`, with an identity for each account and role that it assigns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewIdentityCenter {
    pub name: String,
    pub start_url: String,
    pub region: String,
    /// Without those identities: only the ones that are written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_written: bool,
}

/// An `aws/web-identity`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewWebIdentity {
    pub name: String,
    pub token_file: String,
    pub region: Option<String>,
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
    /// `aws/login`
    Login { region: Option<String> },
    /// `aws/permission-set`
    PermissionSet {
        /// The provider that assigns it.
        provider: String,
        role_name: String,
        /// Twelve digits.
        account: String,
        region: Option<String>,
    },
    /// `aws/assume-role`, with the tokens of a provider.
    AssumeRoleWithToken {
        provider: String,
        role_arn: String,
        session_name: Option<String>,
        region: Option<String>,
        duration: Option<String>,
    },
}

impl NewKind {
    /// As the file has it.
    pub fn written(&self) -> &'static str {
        match self {
            NewKind::User { .. } => kinds::USER.name,
            NewKind::AssumeRole { .. } | NewKind::AssumeRoleWithToken { .. } => {
                kinds::ASSUME_ROLE.name
            }
            NewKind::Process { .. } => kinds::PROCESS.name,
            NewKind::Ambient { .. } => kinds::AMBIENT.name,
            NewKind::Login { .. } => kinds::LOGIN.name,
            NewKind::PermissionSet { .. } => kinds::PERMISSION_SET.name,
        }
    }

    /// Puts it on another identity or provider, where it stands on any.
    pub(crate) fn stand_on(&mut self, name: &str) {
        match self {
            NewKind::AssumeRole { via: below, .. }
            | NewKind::PermissionSet {
                provider: below, ..
            }
            | NewKind::AssumeRoleWithToken {
                provider: below, ..
            } => name.clone_into(below),
            NewKind::User { .. }
            | NewKind::Process { .. }
            | NewKind::Ambient { .. }
            | NewKind::Login { .. } => {}
        }
    }
}

impl NewWebIdentity {
    pub(super) fn checked_name(&self) -> Result<ProviderName> {
        self.name.trim().parse()
    }

    pub(crate) fn value(&self) -> Result<NewValue> {
        let kind = NewValue::text(kinds::WEB_IDENTITY.name);
        let region = optional("region", self.region.as_deref(), Region::from_str)?;
        let token_file = required("token_file", &self.token_file, values::any)?;
        let spec = NewValue::Mapping(token_file.into_iter().collect());
        let all = [
            Some(("kind".to_owned(), kind)),
            region,
            Some(("spec".to_owned(), spec)),
        ];
        Ok(NewValue::Mapping(all.into_iter().flatten().collect()))
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
        let found = (!self.only_written).then_some(found);
        let rest = written.into_iter().flatten().chain(found);
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
        let spec = ("spec", self.settings.spec()?);
        for (key, group) in self.groups()?.into_iter().chain([spec]) {
            let written: Vec<(String, NewValue)> = group.into_iter().flatten().collect();
            if !written.is_empty() {
                entry.push((key.to_owned(), NewValue::Mapping(written)));
            }
        }
        Ok(NewValue::Mapping(entry))
    }

    fn groups(&self) -> Result<Vec<Group>> {
        let region =
            |region: &Option<String>| optional("region", region.as_deref(), Region::from_str);
        Ok(match &self.kind {
            NewKind::User {
                region: at,
                mfa_arn,
            } => {
                let user = self.settings.of_user(region(at)?, mfa_arn.as_deref())?;
                vec![("credentials", user)]
            }
            NewKind::Process {
                command,
                region: at,
            } => {
                let process = required("process", command, values::any)?;
                vec![("credentials", vec![process, region(at)?])]
            }
            NewKind::Ambient { region: at } => vec![("principal", vec![region(at)?])],
            NewKind::Login { region: at } => vec![("credentials", vec![region(at)?])],
            NewKind::PermissionSet {
                provider,
                role_name,
                account,
                region: at,
            } => {
                let mut set = permission_set(role_name, account)?;
                set.push(region(at)?);
                vec![via_provider(provider)?, ("principal", set)]
            }
            NewKind::AssumeRole {
                via,
                role_arn,
                external_id: id,
                session_name,
                region: at,
                duration,
            } => {
                let via = required("identity", via, IdentityName::from_str)?;
                let mut role = self.role(role_arn, session_name.as_deref(), duration.as_deref())?;
                role.insert(
                    2,
                    optional("external_id", id.as_deref(), values::external_id)?,
                );
                role.push(region(at)?);
                vec![("via", vec![via]), ("principal", role)]
            }
            NewKind::AssumeRoleWithToken {
                provider,
                role_arn,
                session_name,
                region: at,
                duration,
            } => {
                let mut role = self.role(role_arn, session_name.as_deref(), duration.as_deref())?;
                role.push(region(at)?);
                vec![via_provider(provider)?, ("principal", role)]
            }
        })
    }

    fn role(
        &self,
        role_arn: &str,
        session_name: Option<&str>,
        duration: Option<&str>,
    ) -> Result<Vec<KeyAndValue>> {
        let mut role = vec![
            required("assume_role", role_arn, values::role_arn)?,
            optional("session_name", session_name, values::any)?,
            optional("duration", duration, SessionDuration::from_str)?,
        ];
        role.extend(self.settings.of_role()?);
        Ok(role)
    }
}

fn permission_set(name: &str, account: &str) -> Result<Vec<KeyAndValue>> {
    let id = required("id", account, AccountId::from_str)?;
    let account = NewValue::Mapping(id.into_iter().collect());
    Ok(vec![
        required("name", name, values::permission_set_name)?,
        Some(("account".to_owned(), account)),
    ])
}

/// Keys below one key.
type Group = (&'static str, Vec<KeyAndValue>);

fn via_provider(name: &str) -> Result<Group> {
    Ok((
        "via",
        vec![required("provider", name, ProviderName::from_str)?],
    ))
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
