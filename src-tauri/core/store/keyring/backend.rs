//! The interface of a keyring back end: one entry at a time, by account, all on the keyring's
//! thread.

use super::entry::{Attributes, Deletion, EntryName, SERVICE, ValuedEntry};
use crate::ask::PassphraseUse;
use crate::error::{Code, Error, Result};
use crate::secret::Secret;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

pub(super) trait Backend: Send {
    fn read(&mut self, account: &str) -> Result<Option<Secret>>;

    /// Read without the secret.
    fn attributes(&mut self, account: &str) -> Result<Option<Attributes>>;

    fn write(&mut self, account: &str, attributes: &Attributes, value: &Secret) -> Result<()>;

    fn write_all(&mut self, all: &[ValuedEntry]) -> Result<()> {
        all.iter().try_for_each(|ValuedEntry { entry, value }| {
            self.write(&entry.name.to_string(), &entry.attributes, value)
        })
    }

    fn delete(&mut self, account: &str) -> Result<Deletion>;

    fn list(&mut self) -> Result<Vec<(String, Attributes)>>;

    /// An error if entries could not be read now. Shows no question.
    fn check(&mut self) -> Result<()>;

    /// Larger values are kept in parts.
    fn value_limit(&self) -> Option<usize> {
        None
    }

    /// `Some`: the back end needs a passphrase that it does not have.
    fn needs_passphrase(&mut self) -> Result<Option<PassphraseUse>> {
        Ok(None)
    }

    fn provide_passphrase(&mut self, _passphrase: Secret) -> Result<()> {
        Err(Error::new(
            Code::InvalidInput,
            "this keyring does not take a passphrase",
        ))
    }
}

/// Entries by account, as the file and memory back ends hold them.
pub(super) type Entries = BTreeMap<String, (Attributes, Secret)>;

pub(super) fn accounts(entries: &Entries) -> Vec<(String, Attributes)> {
    entries
        .iter()
        .map(|(account, (attributes, _))| (account.clone(), attributes.clone()))
        .collect()
}

/// Shared with the waiting callers, to explain a time-out.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The keyring service has answered before: it is there, so it probably waits to be unlocked.
    pub connected: AtomicBool,
    /// How often the file keyring began or ended deriving its key, or waiting for others who do:
    /// odd while it does.
    pub derivations: AtomicU32,
}

impl Progress {
    /// While the result lives, and for a whole time-out after, callers wait on.
    pub fn deriving(&self) -> Deriving<'_> {
        self.derivations.fetch_add(1, Ordering::Relaxed);
        Deriving(self)
    }
}

pub(super) struct Deriving<'a>(&'a Progress);

impl Drop for Deriving<'_> {
    fn drop(&mut self) {
        self.0.derivations.fetch_add(1, Ordering::Relaxed);
    }
}

pub(super) const HOW_TO_GET_ONE: &str =
    "start the system's keyring, or keep entries in an encrypted file: FOB_KEYRING=file";
pub(super) const HOW_TO_UNLOCK: &str =
    "unlock the system's keyring (sign in to the desktop, or answer its question), then try again";

pub(super) fn locked(message: impl Into<String>) -> Error {
    Error::new(Code::KeyringLocked, message)
}

pub(super) fn unavailable(message: impl Into<String>) -> Error {
    Error::new(Code::KeyringUnavailable, message)
}

pub(super) fn not_text(account: &str) -> Error {
    let message = format!(
        "the keyring entry {account} of {SERVICE} is not text: it was not written by Keyfob"
    );
    Error::new(Code::KeyringEntryInvalid, message)
}

/// Where one belongs.
pub(super) fn several(entries: usize) -> Error {
    let message = format!("the keyring holds {entries} entries where one belongs");
    Error::new(Code::KeyringEntryInvalid, message).hint(format!(
        "remove all but one of the entries of {SERVICE} that have the same name"
    ))
}

pub(super) fn removed_while_written(account: &str) -> Error {
    unavailable(format!(
        "the keyring entry {account} was removed while it was written"
    ))
    .hint("try again")
}

/// An entry that is there and cannot be used as it is. It stays.
pub fn unusable(name: &EntryName, why: impl fmt::Display) -> Error {
    Error::new(
        Code::KeyringEntryInvalid,
        format!("the keyring entry {name} {why}"),
    )
    .hint(format!(
        "Keyfob does not change it: look at {name} of {SERVICE} in the keyring"
    ))
    .identity(name.name())
}
