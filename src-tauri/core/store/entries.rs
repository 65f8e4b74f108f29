//! The keyring entries of one configuration, one at a time: read, written and removed whole, and
//! only where they belong.

use super::belonging::{Belonging, Here, is_gone};
use super::keyring::{
    Attributes, Deletion, EntryKind, EntryName, Keyring, KeyringEntry, ValuedEntry,
};
use super::locks::RealmLocks;
use super::outcome::{Dropped, Mode};
use super::value::{self, EntryHead};
use crate::endpoint::Endpoint;
use crate::error::Result;
use crate::files::FileLock;
use crate::secret::Secret;
use std::time::SystemTime;

#[derive(Clone, Debug)]
pub(super) struct Entries {
    pub keyring: Keyring,
    pub realm: String,
    pub configuration: String,
    pub locks: RealmLocks,
}

/// An entry on its way into the keyring.
pub(super) struct NewEntry {
    pub name: EntryName,
    pub text: Secret,
    /// In words, for what shows it without its secret.
    pub holds: Option<String>,
}

impl Entries {
    pub fn name(&self, kind: EntryKind, name: &str) -> EntryName {
        EntryName::new(&self.realm, kind, name)
    }

    pub fn now(&self) -> SystemTime {
        self.locks.clock.now()
    }

    /// `at`: where calls go that it is for; `None`: it is only looked at.
    pub async fn read<T>(
        &self,
        name: &EntryName,
        at: Option<&Endpoint>,
        decode: fn(&EntryName, &Secret) -> Result<T>,
    ) -> Result<Option<T>> {
        let Some(text) = self.keyring.read(name).await? else {
            return Ok(None);
        };
        let value = decode(name, &text)?;
        self.admit(name, &text, at).await?;
        Ok(Some(value))
    }

    /// The caller holds the entry's lock.
    pub async fn write(&self, new: NewEntry, at: Option<&Endpoint>) -> Result<()> {
        self.may_write(&new.name, at).await?;
        self.overwrite(vec![new]).await
    }

    /// An error if what stands under the name belongs elsewhere.
    pub async fn may_write(&self, name: &EntryName, at: Option<&Endpoint>) -> Result<()> {
        match self.keyring.read(name).await? {
            Some(before) => self.admit(name, &before, at).await,
            None => Ok(()),
        }
    }

    /// Whosever they were. The caller holds the entries' locks.
    pub async fn overwrite(&self, all: Vec<NewEntry>) -> Result<()> {
        let written = all.into_iter().map(|NewEntry { name, text, holds }| {
            let attributes = Attributes {
                configuration: Some(self.configuration.clone()),
                version: Some(value::VERSION.to_string()),
                holds,
            };
            ValuedEntry {
                entry: KeyringEntry { name, attributes },
                value: text,
            }
        });
        self.keyring.write_all(written.collect()).await
    }

    /// A dry run writes nothing, not even a lock.
    pub async fn drop(&self, name: &EntryName, mode: Mode) -> Result<Dropped> {
        let _lock = self.lock_to(name, mode).await?;
        self.drop_locked(name, mode).await
    }

    pub async fn lock_to(&self, name: &EntryName, mode: Mode) -> Result<Option<FileLock>> {
        match mode {
            Mode::DryRun => Ok(None),
            Mode::Run => self.locks.entry(name).await.map(Some),
        }
    }

    pub async fn drop_locked(&self, name: &EntryName, mode: Mode) -> Result<Dropped> {
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

    /// Removes an entry of another configuration, whose name is this one's from now on.
    pub async fn evict(&self, name: &EntryName) -> Result<()> {
        let _lock = self.locks.entry(name).await?;
        let standing = self.standing(name).await?;
        if standing.is_some_and(|it| self.other(it.configuration).is_some()) {
            self.keyring.delete(name).await?;
        }
        Ok(())
    }

    /// Makes an entry this configuration's whose own file is gone, and names that file. `rewrite`:
    /// its text for another configuration.
    pub async fn take_over(
        &self,
        name: &EntryName,
        rewrite: fn(&EntryName, &Secret, &str) -> Result<Secret>,
    ) -> Result<Option<String>> {
        let _lock = self.locks.entry(name).await?;
        let Some(Attributes {
            configuration,
            holds,
            version: _,
        }) = self.standing(name).await?
        else {
            return Ok(None);
        };
        let gone = self.other(configuration).filter(|other| is_gone(other));
        let Some((gone, text)) = gone.zip(self.keyring.read(name).await?) else {
            return Ok(None);
        };
        let ours = NewEntry {
            text: rewrite(name, &text, &self.configuration)?,
            name: name.clone(),
            holds,
        };
        self.overwrite(vec![ours]).await?;
        tracing::info!(entry = %name, from = gone, "keyring entry taken over");
        Ok(Some(gone))
    }

    pub fn other(&self, configuration: Option<String>) -> Option<String> {
        configuration.filter(|it| *it != self.configuration)
    }

    async fn admit(&self, name: &EntryName, text: &Secret, at: Option<&Endpoint>) -> Result<()> {
        let here = Here {
            configuration: &self.configuration,
            endpoint: at,
        };
        let belonging = match value::belonging(name, text, self.now())? {
            Some(belonging) => belonging,
            None => Belonging {
                configuration: self
                    .keyring
                    .attributes(name)
                    .await?
                    .and_then(|it| it.configuration),
                endpoint: None,
            },
        };
        here.admits(name, &belonging)
    }

    /// The attributes of an entry that is about to be removed. Refuses to touch one that a newer
    /// Keyfob wrote; the version is `None` when no Keyfob did. Reads the secret only where the
    /// keyring keeps no attributes.
    async fn standing(&self, name: &EntryName) -> Result<Option<Attributes>> {
        let Some(mut attributes) = self.keyring.attributes(name).await? else {
            return Ok(None);
        };
        if attributes.version.is_none() {
            let text = self.keyring.read(name).await?;
            if let Some(head) = text.as_ref().and_then(EntryHead::of) {
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
