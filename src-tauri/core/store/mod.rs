//! What is remembered: keys and sessions in the keyring, profiles for AWS tools, locks, sign-out
//! records, the audit log. Stores and returns whole values and knows nothing of AWS. Reading writes
//! nothing. An entry that Keyfob cannot read, or that belongs elsewhere, is never used or deleted.

pub mod audit;
mod belonging;
mod entries;
mod glance;
mod keyring;
mod keys;
mod lock;
mod locks;
mod outcome;
mod pages;
mod profiles;
mod shared_config;
mod sign_ins;
mod sign_outs;
mod value;

pub use glance::Glance;
pub use keyring::{
    Attributes, Deletion, EntryKind, EntryName, Keyring, KeyringEntry, KeyringState, SERVICE,
};
pub use keys::UserKeys;
pub use lock::{SignInLock, WaitingHolder};
pub use outcome::{ClearedKeys, Dropped, Mode, Noted};
pub use pages::page_folder;
pub use profiles::{AwsProfile, AwsProfiles, BrokenProfile, ClearedProfile, ProfilePart, UpTo};
pub use shared_config::{ProfileOutcome, ProfileResult};
pub(crate) use shared_config::{SharedConfigFile, WantedProfile};
pub use sign_ins::{SignIns, StoredSignIn};
pub use sign_outs::{SignOuts, Ticket, of_provider};
pub use value::{KeysSetAside, Rotation, RotationStep, StoredKeys, StoredSession};

use crate::clock::Clock;
use crate::endpoint::Endpoint;
use crate::error::{Code, Error, Result};
use crate::files::{self, Generation};
use crate::secret::{Secret, Session};
use audit::AuditLog;
use entries::{Entries, NewEntry};
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
    pub keys: UserKeys,
    pub sign_ins: SignIns,
    pub sign_outs: SignOuts,
    pub profiles: AwsProfiles,
    entries: Entries,
    /// The realm's.
    state: PathBuf,
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
        let entries = Entries {
            keyring: keyring.clone(),
            realm,
            configuration: configuration.clone(),
            locks: locks.clone(),
        };
        let sign_outs = SignOuts::new(&entries.realm, &configuration, marks, locks.clone());
        Store {
            keyring,
            sign_ins: SignIns {
                entries: entries.clone(),
                sign_outs: sign_outs.clone(),
            },
            sign_outs,
            profiles: AwsProfiles::new(&configuration, locks),
            keys: UserKeys {
                entries: entries.clone(),
            },
            entries,
            state,
        }
    }

    /// What the window with the sign-in page at this address keeps.
    pub fn page(&self, address: &str) -> PathBuf {
        pages::all_of(&self.state, address)
    }

    pub fn drop_page(&self, address: &str, mode: Mode) -> Result<Dropped> {
        pages::remove(&self.page(address), mode)
    }

    /// The realm's audit log.
    pub fn audit(&self) -> AuditLog {
        let Entries {
            keyring,
            realm,
            locks,
            ..
        } = &self.entries;
        let folder = locks.folder.parent().unwrap_or(&locks.folder);
        AuditLog::new(folder, realm, keyring.clone(), locks.clock.clone())
    }

    /// For [`SignInLock::acquire`].
    pub fn sign_in_locks_folder(&self) -> PathBuf {
        self.entries.locks.folder.clone()
    }

    /// `at`: where its identity's calls go; `None`: it is only looked at. One that has ended is
    /// nowhere's.
    pub async fn session(
        &self,
        name: &str,
        at: Option<&Endpoint>,
    ) -> Result<Option<StoredSession>> {
        let name = self.entries.name(EntryKind::Session, name);
        self.entries.read(&name, at, value::decode_session).await
    }

    /// Stores nothing under a name that was signed out since the ticket was taken.
    pub async fn put_session(&self, ticket: &Ticket, session: &StoredSession) -> Result<()> {
        let text = value::encode_session(session, &self.entries.configuration)?;
        let _lock = self.sign_outs.unless_signed_out(ticket).await?;
        let new = NewEntry {
            name: self.entries.name(EntryKind::Session, ticket.name()),
            text,
            holds: None,
        };
        self.entries.write(new, Some(&session.endpoint)).await?;
        self.sign_outs.replaced(ticket.name())
    }

    /// Drops a session only if it has ended: one that was just renewed stays.
    pub async fn drop_expired_session(&self, name: &str, mode: Mode) -> Result<Dropped> {
        let now = self.entries.now();
        let has_ended = |session: &Session| !session.is_usable(now);
        self.drop_if(name, mode, has_ended).await
    }

    /// One that was replaced meanwhile may stay, and one of another configuration does.
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
        let entry = self.entries.name(EntryKind::Session, name);
        let _lock = self.entries.lock_to(&entry, mode).await?;
        match self.session(name, None).await {
            Ok(Some(stored)) if is_it(&stored.session) => {
                self.entries.drop_locked(&entry, mode).await
            }
            Ok(_) => Ok(Dropped::Absent),
            Err(error) if error.code == Code::BelongsElsewhere => Ok(Dropped::Absent),
            Err(error) => Err(error),
        }
    }

    /// Removes an entry of this configuration; a dry run writes nothing, not even a lock.
    pub async fn drop_entry(&self, kind: EntryKind, name: &str, mode: Mode) -> Result<Dropped> {
        self.entries
            .drop(&self.entries.name(kind, name), mode)
            .await
    }

    /// The name is this configuration's from now on: what another one has under it goes.
    pub async fn evict_others(&self, name: &str) -> Result<()> {
        for kind in EntryKind::OF_AN_IDENTITY {
            self.entries.evict(&self.entries.name(kind, name)).await?;
        }
        Ok(())
    }

    /// Makes this configuration's what is stored under the name for a file that is gone, and names
    /// that file.
    pub async fn take_over(&self, name: &str) -> Result<Option<String>> {
        let mut from = None;
        for kind in EntryKind::OF_AN_IDENTITY {
            let entry = self.entries.name(kind, name);
            let taken = self.entries.take_over(&entry, value::of_configuration);
            from = taken.await?.or(from);
        }
        Ok(from)
    }

    /// Whether the keyring keeps what is put into it: an entry of its own is written, read and
    /// removed. One that a process leaves behind in its end, `fob cleanup` removes.
    pub async fn probe(&self) -> Result<()> {
        let entry = KeyringEntry {
            name: self.entries.name(
                EntryKind::Session,
                &format!("probe of {}", std::process::id()),
            ),
            attributes: Attributes {
                configuration: Some(self.entries.configuration.clone()),
                version: Some(value::VERSION.to_string()),
                holds: None,
            },
        };
        let (keyring, name) = (&self.keyring, &entry.name);
        let written = Secret::new("nothing of worth");
        keyring.write(&entry, written.clone()).await?;
        let read = keyring.read(name).await;
        let removed = keyring.delete(name).await?;
        if read? == Some(written) && removed == Deletion::Removed {
            return Ok(());
        }
        let message = "the keyring does not give back what was put into it";
        Err(Error::new(Code::KeyringUnavailable, message)
            .hint("look at the keyring's own program, or use a file: FOB_KEYRING=file"))
    }

    /// Another one once what is stored, or signed out of, may be, by any process.
    pub fn generation(&self) -> Generation {
        self.entries.locks.generation()
    }

    /// For looks at all identities.
    pub fn glance(&self) -> Glance<'_> {
        Glance::of(&self.entries, &self.sign_outs)
    }

    /// For a look at one.
    pub fn glance_at_one(&self) -> Glance<'_> {
        Glance::at_each(&self.entries, &self.sign_outs)
    }

    /// The name in the keyring, as keyring programs show it.
    pub fn account(&self, kind: EntryKind, name: &str) -> String {
        self.entries.name(kind, name).to_string()
    }

    /// What is known of an entry without reading its secret; the configuration only if it is
    /// another one.
    pub async fn attributes(&self, kind: EntryKind, name: &str) -> Result<Option<Attributes>> {
        let found = self
            .keyring
            .attributes(&self.entries.name(kind, name))
            .await?;
        Ok(found.map(|it| Attributes {
            configuration: self.entries.other(it.configuration),
            ..it
        }))
    }

    /// The keyring entries of this configuration; no secret is read.
    pub async fn entries(&self) -> Result<Vec<EntryName>> {
        let all = self.keyring.list().await?;
        let ours = all.into_iter().filter(|entry| {
            entry.name.realm == self.entries.realm
                && entry.attributes.configuration.as_ref() == Some(&self.entries.configuration)
        });
        Ok(ours.map(|entry| entry.name).collect())
    }
}

#[cfg(test)]
mod tests;
