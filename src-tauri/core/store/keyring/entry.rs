//! Names and attributes of keyring entries.

use crate::secret::Secret;
use std::fmt;

pub const SERVICE: &str = "dev.keyfob.Keyfob";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// Long-lived access keys.
    Keys,
    /// Long-lived access keys that their endpoint no longer knew.
    SetAside,
    Session,
    /// A provider's sign-in token.
    Token,
    /// The end of the audit log; of a realm, not of a configuration.
    Audit,
}

impl EntryKind {
    const ALL: [EntryKind; 5] = [
        EntryKind::Keys,
        EntryKind::SetAside,
        EntryKind::Session,
        EntryKind::Token,
        EntryKind::Audit,
    ];

    /// What an identity may have.
    pub const OF_AN_IDENTITY: [EntryKind; 3] =
        [EntryKind::Keys, EntryKind::SetAside, EntryKind::Session];

    pub fn as_str(self) -> &'static str {
        match self {
            EntryKind::Keys => "keys",
            EntryKind::SetAside => "set-aside",
            EntryKind::Session => "session",
            EntryKind::Token => "token",
            EntryKind::Audit => "audit",
        }
    }
}

/// `<realm>/<keys|set-aside|session|token|audit>/<name in lower case>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryName {
    pub realm: String,
    pub kind: EntryKind,
    name: String,
}

impl EntryName {
    pub fn new(realm: &str, kind: EntryKind, name: &str) -> EntryName {
        EntryName {
            realm: realm.to_owned(),
            kind,
            name: name.to_ascii_lowercase(),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// `None`: an account that is not of this form.
    pub(super) fn parse(account: &str) -> Option<EntryName> {
        let (at, kind) = EntryKind::ALL
            .into_iter()
            .filter_map(|kind| Some((account.find(&format!("/{}/", kind.as_str()))?, kind)))
            .min()?;
        let name = &account[at + kind.as_str().len() + 2..];
        Some(EntryName::new(&account[..at], kind, name))
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.realm, self.kind.as_str(), self.name)
    }
}

/// What is known of an entry without reading its secret; `None` where the keyring does not keep it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// The path of the configuration that the entry was written for.
    pub configuration: Option<String>,
    /// The `v` of the value.
    pub version: Option<String>,
    /// What it holds, in words: `access key AKIA…WXYZ, MFA device`.
    pub holds: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyringEntry {
    pub name: EntryName,
    pub attributes: Attributes,
}

/// An entry on its way into the keyring.
#[derive(Debug)]
pub struct ValuedEntry {
    pub entry: KeyringEntry,
    pub value: Secret,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    Removed,
    Absent,
}
