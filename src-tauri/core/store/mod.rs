//! What is remembered: keys and sessions in the keyring, profiles for AWS tools, locks, sign-out
//! records, the audit log. Stores and returns whole values and knows nothing of AWS. Reading writes
//! nothing. An entry that Keyfob cannot read, or that was written for another configuration, is
//! never deleted.

pub mod audit;
mod keyring;
mod lock;
mod locks;
mod outcome;
mod profiles;
mod sign_outs;
mod value;

pub use keyring::{
    Attributes, Deletion, EntryKind, EntryName, Keyring, KeyringEntry, KeyringState, SERVICE,
};
pub use lock::{SignInLock, WaitingHolder};
pub use outcome::{ClearedKeys, Dropped, Mode, Noted};
pub use profiles::{AwsProfile, AwsProfiles, BrokenProfile, ClearedProfile, ProfilePart, UpTo};
pub use sign_outs::{SignOuts, Ticket};
pub use value::StoredSession;

use crate::clock::Clock;
use crate::error::Result;
use crate::files::{self, FileLock, Generation, Stamp};
use crate::ids::AccessKeyId;
use crate::secret::{LongLived, Secret, Session};
use audit::AuditLog;
use locks::RealmLocks;
use std::path::PathBuf;

/// The configuration that a store belongs to, and where it may write.
#[derive(Debug)]
pub struct StoreScope {
    pub keyring: Keyring,
    pub realm: String,
    /// The absolute path of the configuration; entries carry it.
    pub configuration: PathBuf,
    /// `…/keyfob`, without the realm.
    pub state_folder: PathBuf,
    pub clock: Clock,
}

/// The keyring entries of one configuration, beside its sign-out records and AWS profiles.
#[derive(Clone, Debug)]
pub struct Store {
    pub keyring: Keyring,
    pub sign_outs: SignOuts,
    pub profiles: AwsProfiles,
    realm: String,
    configuration: String,
    locks: RealmLocks,
}

impl Store {
    /// Touches nothing yet.
    pub fn open(scope: StoreScope) -> Store {
        let StoreScope {
            keyring,
            realm,
            configuration,
            state_folder,
            clock,
        } = scope;
        let state = state_folder.join(files::file_name(&realm));
        let configuration = configuration.to_string_lossy().into_owned();
        let locks = RealmLocks {
            folder: state.join("locks"),
            clock,
        };
        let marks = state.join("marks");
        Store {
            keyring,
            sign_outs: SignOuts::new(&realm, &configuration, marks, locks.clone()),
            profiles: AwsProfiles::new(&configuration, locks.clone()),
            realm,
            configuration,
            locks,
        }
    }

    /// The realm's audit log.
    pub fn audit(&self) -> AuditLog {
        let folder = self.locks.folder.parent().unwrap_or(&self.locks.folder);
        let (keyring, clock) = (self.keyring.clone(), self.locks.clock.clone());
        AuditLog::new(folder, &self.realm, keyring, clock)
    }

    /// For [`SignInLock::acquire`].
    pub fn sign_in_locks_folder(&self) -> PathBuf {
        self.locks.folder.clone()
    }

    /// An IAM user's entry. Keys of a session, or an entry that cannot be read, are an error and
    /// stay.
    pub async fn long_lived(&self, identity: &str) -> Result<Noted<Option<LongLived>>> {
        let name = self.entry(EntryKind::Keys, identity);
        self.read(&name, value::decode_long_lived).await
    }

    pub async fn put_long_lived(&self, identity: &str, keys: &LongLived) -> Result<Noted<()>> {
        let name = self.entry(EntryKind::Keys, identity);
        let _lock = self.locks.entry(&name).await?;
        self.write_long_lived(name, keys).await
    }

    /// Clears the key pair that AWS refused, only if it is still the stored one. MFA ARN and
    /// duration stay.
    pub async fn clear_revoked_keys(
        &self,
        identity: &str,
        refused: &AccessKeyId,
    ) -> Result<Noted<ClearedKeys>> {
        let name = self.entry(EntryKind::Keys, identity);
        let _lock = self.locks.entry(&name).await?;
        let found = self.long_lived(identity).await?;
        let Some(mut stored) = found.value.clone() else {
            return Ok(found.map(|_| ClearedKeys::Absent));
        };
        match stored.keys.take() {
            None => Ok(found.map(|_| ClearedKeys::Absent)),
            Some(keys) if keys.access_key_id != *refused => Ok(found.map(|_| ClearedKeys::Changed)),
            Some(_) => {
                tracing::info!(entry = %name, key = %refused, "refused access key cleared");
                let written = self.write_long_lived(name, &stored).await?;
                Ok(written.map(|()| ClearedKeys::Cleared))
            }
        }
    }

    pub async fn session(&self, name: &str) -> Result<Noted<Option<StoredSession>>> {
        let name = self.entry(EntryKind::Session, name);
        self.read(&name, value::decode_session).await
    }

    /// Stores nothing under a name that was signed out since the ticket was taken.
    pub async fn put_session(&self, ticket: &Ticket, session: &StoredSession) -> Result<Noted<()>> {
        let text = value::encode_session(session, &self.configuration)?;
        let _lock = self.sign_outs.unless_signed_out(ticket).await?;
        let name = self.entry(EntryKind::Session, ticket.name());
        self.write(name, text, None).await
    }

    pub async fn drop_session(&self, name: &str) -> Result<Dropped> {
        self.drop_entry(EntryKind::Session, name, Mode::Run).await
    }

    /// Drops a session only if it has ended: one that was just renewed stays.
    pub async fn drop_expired_session(&self, name: &str, mode: Mode) -> Result<Dropped> {
        let now = self.locks.clock.now();
        let has_ended = |session: &Session| !session.is_usable(now);
        self.drop_if(name, mode, has_ended).await
    }

    /// One that was replaced meanwhile may stay.
    pub async fn drop_session_if(
        &self,
        name: &str,
        is_it: impl FnOnce(&Session) -> bool,
    ) -> Result<Dropped> {
        self.drop_if(name, Mode::Run, is_it).await
    }

    async fn drop_if(
        &self,
        name: &str,
        mode: Mode,
        is_it: impl FnOnce(&Session) -> bool,
    ) -> Result<Dropped> {
        let entry = self.entry(EntryKind::Session, name);
        let _lock = lock_to(&self.locks, mode, &entry).await?;
        match self.session(name).await?.value {
            Some(stored) if is_it(&stored.session) => self.drop_locked(&entry, mode).await,
            Some(_) | None => Ok(Dropped::Absent),
        }
    }

    /// Removes an entry of this configuration; a dry run writes nothing, not even a lock.
    pub async fn drop_entry(&self, kind: EntryKind, name: &str, mode: Mode) -> Result<Dropped> {
        let entry = self.entry(kind, name);
        let _lock = lock_to(&self.locks, mode, &entry).await?;
        self.drop_locked(&entry, mode).await
    }

    /// Another one once what is stored, or signed out of, may be, by any process.
    pub fn generation(&self) -> Generation {
        self.locks.generation()
    }

    /// When the stored session of an identity was last written, by any process.
    pub fn session_stamp(&self, identity: &str) -> Stamp {
        self.locks.stamp(&self.entry(EntryKind::Session, identity))
    }

    /// When the long-lived keys of an IAM user were last written, by any process.
    pub fn keys_stamp(&self, identity: &str) -> Stamp {
        self.locks.stamp(&self.entry(EntryKind::Keys, identity))
    }

    /// The name in the keyring, as keyring programs show it.
    pub fn account(&self, kind: EntryKind, name: &str) -> String {
        self.entry(kind, name).to_string()
    }

    /// What is known of an entry without reading its secret; the configuration only if it is
    /// another one.
    pub async fn attributes(&self, kind: EntryKind, name: &str) -> Result<Option<Attributes>> {
        let found = self.keyring.attributes(&self.entry(kind, name)).await?;
        let other = |it: &String| *it != self.configuration;
        Ok(found.map(|it| Attributes {
            configuration: it.configuration.filter(other),
            ..it
        }))
    }

    /// The keyring entries of this configuration; no secret is read.
    pub async fn entries(&self) -> Result<Vec<EntryName>> {
        let all = self.keyring.list().await?;
        let ours = all.into_iter().filter(|entry| {
            entry.name.realm == self.realm
                && entry.attributes.configuration.as_ref() == Some(&self.configuration)
        });
        Ok(ours.map(|entry| entry.name).collect())
    }

    fn entry(&self, kind: EntryKind, name: &str) -> EntryName {
        EntryName::new(&self.realm, kind, name)
    }

    async fn read<T>(
        &self,
        name: &EntryName,
        decode: fn(&EntryName, &Secret) -> Result<T>,
    ) -> Result<Noted<Option<T>>> {
        let text = self.keyring.read(name).await?;
        let head = text.as_ref().and_then(value::EntryHead::of);
        Ok(Noted {
            value: text.map(|text| decode(name, &text)).transpose()?,
            warnings: foreign(
                name,
                head.and_then(|head| head.configuration),
                &self.configuration,
            ),
        })
    }

    async fn write_long_lived(&self, name: EntryName, keys: &LongLived) -> Result<Noted<()>> {
        let text = value::encode_long_lived(keys, &self.configuration);
        self.write(name, text, Some(keys.summary())).await
    }

    /// The caller holds the entry's lock.
    async fn write(
        &self,
        name: EntryName,
        text: Secret,
        holds: Option<String>,
    ) -> Result<Noted<()>> {
        let before = self.standing(&name).await?;
        let warnings = foreign(
            &name,
            before.and_then(|it| it.configuration),
            &self.configuration,
        );
        let attributes = Attributes {
            configuration: Some(self.configuration.clone()),
            version: Some(value::VERSION.to_string()),
            holds,
        };
        self.keyring
            .write(&KeyringEntry { name, attributes }, text)
            .await?;
        Ok(Noted {
            value: (),
            warnings,
        })
    }

    async fn drop_locked(&self, name: &EntryName, mode: Mode) -> Result<Dropped> {
        let Some(Attributes {
            configuration,
            version,
            holds: _,
        }) = self.standing(name).await?
        else {
            return Ok(Dropped::Absent);
        };
        if let Some(configuration) = configuration.filter(|it| *it != self.configuration) {
            return Ok(Dropped::Kept { configuration });
        }
        if version.is_none() {
            return Err(value::broken(name));
        }
        match mode {
            Mode::DryRun => Ok(Dropped::Removed),
            Mode::Run => Ok(match self.keyring.delete(name).await? {
                Deletion::Removed => Dropped::Removed,
                Deletion::Absent => Dropped::Absent,
            }),
        }
    }

    /// The attributes of an entry that is about to be replaced or removed. Refuses to touch one
    /// that a newer Keyfob wrote; the version is `None` when no Keyfob did. Reads the secret only
    /// where the keyring keeps no attributes.
    async fn standing(&self, name: &EntryName) -> Result<Option<Attributes>> {
        let Some(mut attributes) = self.keyring.attributes(name).await? else {
            return Ok(None);
        };
        if attributes.version.is_none() {
            let text = self.keyring.read(name).await?;
            if let Some(head) = text.as_ref().and_then(value::EntryHead::of) {
                attributes = Attributes {
                    version: Some(head.version()),
                    configuration: head.configuration,
                    holds: attributes.holds,
                };
            }
        }
        if let Some(version) = &attributes.version {
            value::check_version(name, version)?;
        }
        Ok(Some(attributes))
    }
}

async fn lock_to(locks: &RealmLocks, mode: Mode, entry: &EntryName) -> Result<Option<FileLock>> {
    match mode {
        Mode::DryRun => Ok(None),
        Mode::Run => locks.entry(entry).await.map(Some),
    }
}

/// A warning if an entry of the configuration `own` was written for another one.
fn foreign(name: &EntryName, written_for: Option<String>, own: &str) -> Vec<String> {
    let other = written_for.filter(|other| other != own);
    let warning = other.map(|other| {
        format!(
            "the keyring entry {name} was written for {other}, and {own} uses the same name; set another `realm` in one of them"
        )
    });
    warning.into_iter().collect()
}

#[cfg(test)]
mod tests;
