//! What is remembered, and where: keys and sessions in the keyring, profiles for AWS tools, locks,
//! sign-out marks. It keeps and returns whole values and knows nothing of AWS. Reading writes
//! nothing. What it does not understand, or what was written for another configuration, is never
//! deleted.

pub mod audit;
mod aws_files;
mod keyring;
mod lock;
mod marks;
mod value;

use crate::files;
pub use crate::files::{FILE_LOCK_LIMIT, FileLock, Patience, Stamp};
pub use aws_files::{Cleared as ClearedProfile, Place, Profile, UpTo};
pub use keyring::{
    Attributes, Backend, Deletion, Entry, EntryKind, EntryName, Keychain, PassphraseUse, SERVICE,
    State,
};
pub use lock::SignInLock;
pub use marks::Ticket;
pub use value::StoredSession;

use crate::clock::Clock;
use crate::error::Result;
use crate::ids::AccessKeyId;
use crate::secret::{LongLived, Secret};
use audit::AuditLog;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What a store is for and where it may write.
#[derive(Debug)]
pub struct Options {
    pub keychain: Keychain,
    pub realm: String,
    /// The absolute path of the configuration; entries carry it.
    pub configuration: PathBuf,
    /// `…/keyfob`, without the realm.
    pub state_folder: PathBuf,
    pub clock: Clock,
}

/// Clones share the keyring and the warnings.
#[derive(Clone, Debug)]
pub struct Store {
    keychain: Keychain,
    realm: String,
    configuration: String,
    locks: PathBuf,
    marks: PathBuf,
    clock: Clock,
    warnings: Arc<Mutex<Vec<String>>>,
}

/// What became of keys that AWS refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleared {
    Cleared,
    /// Somebody stored other keys meanwhile: they stay.
    Changed,
    Absent,
}

/// Whether something is done, or only told what would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    DryRun,
    Run,
}

/// What became of something that was to be removed; after [`Mode::DryRun`], what would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dropped {
    Removed,
    Absent,
    /// It stays: it was written for this other configuration.
    Kept {
        configuration: String,
    },
}

impl Store {
    /// Touches nothing yet.
    pub fn open(options: Options) -> Store {
        let Options {
            keychain,
            realm,
            configuration,
            state_folder,
            clock,
        } = options;
        let state = state_folder.join(files::file_name(&realm));
        let configuration = configuration.to_string_lossy().into_owned();
        let (locks, marks) = (state.join("locks"), state.join("marks"));
        Store {
            keychain,
            realm,
            configuration,
            locks,
            marks,
            clock,
            warnings: Arc::default(),
        }
    }

    pub fn keychain(&self) -> &Keychain {
        &self.keychain
    }

    /// The realm's audit log.
    pub fn audit(&self) -> AuditLog {
        let folder = self.locks.parent().unwrap_or(&self.locks);
        AuditLog::new(
            folder,
            &self.realm,
            self.keychain.clone(),
            self.clock.clone(),
        )
    }

    /// What was noticed since the last call, each thing once: entries and profiles of another
    /// configuration.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is kept for an IAM user. Keys of a session, or an entry that cannot be read, are an
    /// error and stay.
    pub async fn long_lived(&self, identity: &str) -> Result<Option<LongLived>> {
        let name = self.entry(EntryKind::Keys, identity);
        self.read(&name)
            .await?
            .map(|text| value::decode_long_lived(&name, &text))
            .transpose()
    }

    pub async fn put_long_lived(&self, identity: &str, keys: &LongLived) -> Result<()> {
        let name = self.entry(EntryKind::Keys, identity);
        let _lock = self.entry_lock(&name).await?;
        self.write(name, value::encode_long_lived(keys, &self.configuration))
            .await
    }

    /// Clears the key pair that AWS refused, only if it is still the stored one. MFA ARN and
    /// duration stay.
    pub async fn clear_revoked_keys(
        &self,
        identity: &str,
        refused: &AccessKeyId,
    ) -> Result<Cleared> {
        let name = self.entry(EntryKind::Keys, identity);
        let _lock = self.entry_lock(&name).await?;
        let Some(mut stored) = self.long_lived(identity).await? else {
            return Ok(Cleared::Absent);
        };
        match stored.keys.take() {
            None => Ok(Cleared::Absent),
            Some(keys) if keys.access_key_id != *refused => Ok(Cleared::Changed),
            Some(_) => {
                tracing::info!(entry = %name, key = %refused, "refused access key cleared");
                self.write(name, value::encode_long_lived(&stored, &self.configuration))
                    .await?;
                Ok(Cleared::Cleared)
            }
        }
    }

    pub async fn session(&self, name: &str) -> Result<Option<StoredSession>> {
        let name = self.entry(EntryKind::Session, name);
        self.read(&name)
            .await?
            .map(|text| value::decode_session(&name, &text))
            .transpose()
    }

    /// Stores nothing under a name that was signed out since the ticket was taken.
    pub async fn put_session(&self, ticket: &Ticket, session: &StoredSession) -> Result<()> {
        let text = value::encode_session(session, &self.configuration)?;
        let _lock = self.unless_signed_out(ticket).await?;
        self.write(self.entry(EntryKind::Session, ticket.name()), text)
            .await
    }

    pub async fn drop_session(&self, name: &str) -> Result<Dropped> {
        self.drop_entry(EntryKind::Session, name, Mode::Run).await
    }

    /// A session that has ended, and only that: one that was just renewed stays.
    pub async fn drop_expired_session(&self, name: &str, mode: Mode) -> Result<Dropped> {
        let entry = self.entry(EntryKind::Session, name);
        let _lock = self.lock_to(mode, &entry).await?;
        match self.session(name).await? {
            Some(stored) if !stored.session.is_usable(self.clock.now()) => {
                self.drop_locked(&entry, mode).await
            }
            Some(_) | None => Ok(Dropped::Absent),
        }
    }

    /// Removes an entry of this configuration; a dry run writes nothing, not even a lock.
    pub async fn drop_entry(&self, kind: EntryKind, name: &str, mode: Mode) -> Result<Dropped> {
        let entry = self.entry(kind, name);
        let _lock = self.lock_to(mode, &entry).await?;
        self.drop_locked(&entry, mode).await
    }

    /// The name in the keyring, as keyring programs show it.
    pub fn account(&self, kind: EntryKind, name: &str) -> String {
        self.entry(kind, name).to_string()
    }

    /// What this configuration has in the keyring; no secret is read.
    pub async fn entries(&self) -> Result<Vec<EntryName>> {
        let all = self.keychain.list().await?;
        let ours = all.into_iter().filter(|entry| {
            entry.name.realm == self.realm
                && entry.attributes.configuration.as_ref() == Some(&self.configuration)
        });
        Ok(ours.map(|entry| entry.name).collect())
    }

    /// When the stored session of an identity was last written, by any process: its lock file says.
    pub fn session_stamp(&self, identity: &str) -> Stamp {
        let name = self.entry(EntryKind::Session, identity);
        Stamp::of(&self.lock_path(&name))
    }

    /// Held while somebody signs in to `identity`, by this process or any other.
    pub async fn sign_in_lock(&self, identity: &str, patience: Patience) -> Result<SignInLock> {
        SignInLock::acquire(&self.locks, identity, patience, &self.clock).await
    }

    fn entry(&self, kind: EntryKind, name: &str) -> EntryName {
        EntryName::new(&self.realm, kind, name)
    }

    async fn read(&self, name: &EntryName) -> Result<Option<Secret>> {
        let Some(text) = self.keychain.read(name).await? else {
            return Ok(None);
        };
        if let Some(other) = value::Head::of(&text).and_then(|head| head.configuration) {
            self.check_configuration(name, &other);
        }
        Ok(Some(text))
    }

    /// The caller holds the entry's lock.
    async fn write(&self, name: EntryName, text: Secret) -> Result<()> {
        if let Some(Attributes {
            configuration: Some(other),
            ..
        }) = self.standing(&name).await?
        {
            self.check_configuration(&name, &other);
        }
        let attributes = Attributes {
            configuration: Some(self.configuration.clone()),
            version: Some(value::VERSION.to_string()),
        };
        self.keychain.write(&Entry { name, attributes }, text).await
    }

    async fn lock_to(&self, mode: Mode, entry: &EntryName) -> Result<Option<FileLock>> {
        match mode {
            Mode::DryRun => Ok(None),
            Mode::Run => self.entry_lock(entry).await.map(Some),
        }
    }

    async fn drop_locked(&self, name: &EntryName, mode: Mode) -> Result<Dropped> {
        match (self.standing(name).await?, mode) {
            (None, _) => Ok(Dropped::Absent),
            (
                Some(Attributes {
                    configuration: Some(configuration),
                    ..
                }),
                _,
            ) if configuration != self.configuration => Ok(Dropped::Kept { configuration }),
            (Some(Attributes { version: None, .. }), _) => Err(value::broken(name)),
            (Some(_), Mode::DryRun) => Ok(Dropped::Removed),
            (Some(_), Mode::Run) => Ok(match self.keychain.delete(name).await? {
                Deletion::Removed => Dropped::Removed,
                Deletion::Absent => Dropped::Absent,
            }),
        }
    }

    /// What is known of an entry that is about to be replaced or removed. Refuses to touch one that
    /// a newer Keyfob wrote; the version is `None` when no Keyfob did. Reads the secret only where
    /// the keyring keeps no attributes.
    async fn standing(&self, name: &EntryName) -> Result<Option<Attributes>> {
        let Some(mut attributes) = self.keychain.attributes(name).await? else {
            return Ok(None);
        };
        if attributes.version.is_none() {
            let text = self.keychain.read(name).await?;
            if let Some(head) = text.as_ref().and_then(value::Head::of) {
                attributes = Attributes {
                    version: Some(head.version()),
                    configuration: head.configuration,
                };
            }
        }
        if let Some(version) = &attributes.version {
            value::check_version(name, version)?;
        }
        Ok(Some(attributes))
    }

    fn check_configuration(&self, name: &EntryName, other: &str) {
        if other != self.configuration {
            self.warn(format!(
                "the keyring entry {name} was written for {other}, and {} uses the same name; set another `realm` in one of them",
                self.configuration
            ));
        }
    }

    fn warn(&self, warning: String) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    async fn entry_lock(&self, name: &EntryName) -> Result<FileLock> {
        let limit = Patience::AtMost(FILE_LOCK_LIMIT);
        FileLock::acquire(&self.lock_path(name), limit, &self.clock).await
    }

    fn lock_path(&self, name: &EntryName) -> PathBuf {
        let file = files::file_name(&format!("{}-{}", name.kind.as_str(), name.name()));
        self.locks.join(format!("{file}.lock"))
    }

    async fn file_lock(&self, name: &str) -> Result<FileLock> {
        let path: &Path = &self.locks.join(format!("{}.lock", files::file_name(name)));
        FileLock::acquire(path, Patience::AtMost(FILE_LOCK_LIMIT), &self.clock).await
    }
}

#[cfg(test)]
mod tests;
