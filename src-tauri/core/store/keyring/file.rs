//! The keyring in one file, encrypted with a passphrase (age). Changed only under its lock, written
//! beside and renamed. A passphrase that does not fit and a file that cannot be read leave the file
//! as it is.

use super::backend::{Backend, Entries, Progress, accounts, locked, unavailable};
use super::entry::{Attributes, Deletion, ValuedEntry};
use crate::ask::PassphraseUse;
use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::files;
use crate::files::{FileLock, Patience};
use crate::secret::Secret;
use age::secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// A tenth of a second or so. Fixed, for age would otherwise measure the machine; more is refused,
/// since reading it could take hours.
const WORK_FACTOR: u8 = 15;
/// Each of those ahead of us derives two keys, and fifty may be ahead on a slow machine.
const QUEUE_LIMIT: Duration = Duration::from_mins(1);
const VERSION: u32 = 1;

pub(super) struct FileKeyring {
    path: PathBuf,
    password_env: String,
    passphrase: Option<Secret>,
    /// The encrypted text that the passphrase was wrong for: no need to derive again to know.
    refused: Option<Vec<u8>>,
    /// The encrypted text last read or written, and what it holds.
    known: Option<(Vec<u8>, Entries)>,
    progress: Arc<Progress>,
}

#[derive(Serialize, Deserialize)]
struct FileContent<E> {
    v: u32,
    entries: BTreeMap<String, E>,
}

#[derive(Serialize)]
struct EntryWritten<'a> {
    configuration: Option<&'a str>,
    v: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holds: Option<&'a str>,
    value: &'a str,
}

#[derive(Deserialize)]
struct EntryRead {
    configuration: Option<String>,
    v: Option<String>,
    holds: Option<String>,
    value: String,
}

static NOTHING: Entries = BTreeMap::new();

impl FileKeyring {
    pub fn new(
        path: PathBuf,
        passphrase: Option<Secret>,
        password_env: String,
        progress: Arc<Progress>,
    ) -> FileKeyring {
        let passphrase = passphrase.filter(|passphrase| !passphrase.expose().is_empty());
        FileKeyring {
            path,
            password_env,
            passphrase,
            refused: None,
            known: None,
            progress,
        }
    }

    /// The file's entries. Derives the key only when the file has changed since.
    fn entries(&mut self) -> Result<&Entries> {
        let passphrase = self.passphrase()?;
        let Some(text) = files::read(&self.real_path())? else {
            self.known = None;
            return Ok(&NOTHING);
        };
        if self.known.as_ref().is_none_or(|(known, _)| *known != text) {
            if self.refused.as_ref() == Some(&text) {
                return Err(self.wrong_passphrase());
            }
            let entries = self.decrypt(&text, &passphrase)?;
            self.known = Some((text, entries));
        }
        Ok(self.known.as_ref().map_or(&NOTHING, |(_, entries)| entries))
    }

    /// Reads, changes and writes under the file's lock, so that no change is lost.
    fn change<T>(&mut self, edit: impl FnOnce(&mut Entries) -> T) -> Result<T> {
        let passphrase = self.passphrase()?;
        let _lock = self.lock()?;
        let mut entries = self.entries()?.clone();
        let result = edit(&mut entries);
        let text = self.encrypt(&entries, &passphrase)?;
        files::replace(&self.real_path(), &text)?;
        self.known = Some((text, entries));
        Ok(result)
    }

    fn passphrase(&self) -> Result<Secret> {
        self.passphrase.clone().ok_or_else(|| {
            locked(format!(
                "the keyring file {} is locked: its passphrase is not known",
                self.path.display()
            ))
            .hint(format!("set {}", self.password_env))
        })
    }

    fn wrong_passphrase(&self) -> Error {
        locked(format!(
            "the passphrase does not open the keyring file {}",
            self.path.display()
        ))
        .hint(format!(
            "set {} to the passphrase that the file was made with",
            self.password_env
        ))
    }

    fn broken(&self, why: &str) -> Error {
        let path = self.path.display();
        Error::new(
            Code::KeyringEntryInvalid,
            format!("the keyring file {path} cannot be used: {why}"),
        )
        .hint(format!(
            "put a good copy in its place, or move {path} away to start with an empty keyring"
        ))
    }

    /// A link is written through, not over.
    fn real_path(&self) -> PathBuf {
        dunce::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    /// Beside the file, because all who share the file must share the lock.
    fn lock(&self) -> Result<FileLock> {
        let path = self.real_path();
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".lock");
        let _deriving = self.progress.deriving();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime
            .map_err(|error| unavailable(format!("the keyring thread cannot wait: {error}")))?
            .block_on(FileLock::acquire(
                &path.with_file_name(name),
                Patience::AtMost(QUEUE_LIMIT),
                &Clock::system(),
            ))
    }

    fn decrypt(&mut self, text: &[u8], passphrase: &Secret) -> Result<Entries> {
        let mut identity = age::scrypt::Identity::new(secret_string(passphrase));
        identity.set_max_work_factor(WORK_FACTOR);
        let decrypted = {
            let _deriving = self.progress.deriving();
            age::decrypt(&identity, text)
        };
        let plain = match decrypted {
            Ok(plain) => Zeroizing::new(plain),
            Err(age::DecryptError::DecryptionFailed) => {
                self.refused = Some(text.to_vec());
                return Err(self.wrong_passphrase());
            }
            Err(age::DecryptError::ExcessiveWork { .. }) => {
                return Err(
                    self.broken("it was not encrypted by Keyfob (its work factor is not 15)")
                );
            }
            Err(_) => return Err(self.broken("it is damaged, or is not a keyring file")),
        };
        let damaged = |_| self.broken("its content is not what Keyfob writes");
        let version: VersionOnly = serde_json::from_slice(&plain).map_err(damaged)?;
        if version.v != VERSION {
            return Err(self.broken(&format!(
                "its version is {}, this Keyfob knows {VERSION}",
                version.v
            )));
        }
        let content: FileContent<EntryRead> = serde_json::from_slice(&plain).map_err(damaged)?;
        let entry = |entry: EntryRead| {
            let attributes = Attributes {
                configuration: entry.configuration,
                version: entry.v,
                holds: entry.holds,
            };
            (attributes, Secret::new(entry.value))
        };
        Ok(content
            .entries
            .into_iter()
            .map(|(account, stored)| (account, entry(stored)))
            .collect())
    }

    fn encrypt(&self, entries: &Entries, passphrase: &Secret) -> Result<Vec<u8>> {
        let stored = entries.iter().map(|(account, (attributes, value))| {
            let Attributes {
                configuration,
                version,
                holds,
            } = attributes;
            let entry = EntryWritten {
                configuration: configuration.as_deref(),
                v: version.as_deref(),
                holds: holds.as_deref(),
                value: value.expose(),
            };
            (account.clone(), entry)
        });
        let content = FileContent {
            v: VERSION,
            entries: stored.collect(),
        };
        let plain = Zeroizing::new(serde_json::to_vec(&content).expect("text always becomes JSON"));
        let _deriving = self.progress.deriving();
        let mut recipient = age::scrypt::Recipient::new(secret_string(passphrase));
        recipient.set_work_factor(WORK_FACTOR);
        age::encrypt(&recipient, &plain).map_err(|error| {
            unavailable(format!(
                "{} cannot be encrypted: {error}",
                self.path.display()
            ))
        })
    }
}

impl Backend for FileKeyring {
    fn read(&mut self, account: &str) -> Result<Option<Secret>> {
        let entries = self.entries()?;
        Ok(entries.get(account).map(|(_, value)| value.clone()))
    }

    fn attributes(&mut self, account: &str) -> Result<Option<Attributes>> {
        let entries = self.entries()?;
        Ok(entries
            .get(account)
            .map(|(attributes, _)| attributes.clone()))
    }

    fn write(&mut self, account: &str, attributes: &Attributes, value: &Secret) -> Result<()> {
        let entry = (attributes.clone(), value.clone());
        self.change(|entries| drop(entries.insert(account.to_owned(), entry)))
    }

    fn write_all(&mut self, all: &[ValuedEntry]) -> Result<()> {
        self.change(|entries| {
            entries.extend(all.iter().map(|ValuedEntry { entry, value }| {
                let held = (entry.attributes.clone(), value.clone());
                (entry.name.to_string(), held)
            }));
        })
    }

    fn delete(&mut self, account: &str) -> Result<Deletion> {
        if !self.entries()?.contains_key(account) {
            return Ok(Deletion::Absent);
        }
        self.change(|entries| match entries.remove(account) {
            Some(_) => Deletion::Removed,
            None => Deletion::Absent,
        })
    }

    fn list(&mut self) -> Result<Vec<(String, Attributes)>> {
        Ok(accounts(self.entries()?))
    }

    fn check(&mut self) -> Result<()> {
        self.entries().map(drop)
    }

    fn needs_passphrase(&mut self) -> Result<Option<PassphraseUse>> {
        Ok(match (&self.passphrase, files::read(&self.real_path())?) {
            (None, None) => Some(PassphraseUse::New),
            (None, Some(_)) => Some(PassphraseUse::Existing),
            (Some(_), Some(text)) if self.refused.as_ref() == Some(&text) => {
                Some(PassphraseUse::Existing)
            }
            (Some(_), _) => None,
        })
    }

    fn provide_passphrase(&mut self, passphrase: Secret) -> Result<()> {
        if passphrase.expose().is_empty() {
            return Err(Error::new(
                Code::InvalidInput,
                "the passphrase of the keyring file is empty",
            ));
        }
        let before = (
            self.passphrase.replace(passphrase),
            self.refused.take(),
            self.known.take(),
        );
        self.entries()
            .map(|_| ())
            .inspect_err(|_| (self.passphrase, self.refused, self.known) = before)
    }
}

#[derive(Deserialize)]
struct VersionOnly {
    v: u32,
}

fn secret_string(passphrase: &Secret) -> SecretString {
    SecretString::from(passphrase.expose().to_owned())
}

#[cfg(test)]
mod tests;
