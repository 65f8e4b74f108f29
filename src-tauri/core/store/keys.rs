//! Long-lived access keys of IAM users. Keys that the endpoint which accepted them no longer knows
//! are set aside, not destroyed: until others were accepted, and at most for [`KEPT_ASIDE`].

use super::entries::{Entries, NewEntry};
use super::keyring::{EntryKind, EntryName};
use super::outcome::{ClearedKeys, Dropped, Mode};
use super::value::{self, KeysSetAside, Rotation, StoredKeys};
use crate::clock::day;
use crate::endpoint::Endpoint;
use crate::error::Result;
use crate::files::{self, Stamp};
use crate::ids::AccessKeyId;
use crate::secret::{Keys, LongLived};
use std::time::{Duration, SystemTime};

pub const KEPT_ASIDE: Duration = Duration::from_hours(30 * 24);

#[derive(Clone, Debug)]
pub struct UserKeys {
    pub(super) entries: Entries,
}

impl KeysSetAside {
    pub fn until(&self) -> SystemTime {
        self.since + KEPT_ASIDE
    }
}

impl UserKeys {
    /// An IAM user's entry. Keys of a session, or an entry that cannot be read, are an error and
    /// stay. `at`: where they are to sign; `None`: they are only looked at.
    pub async fn find(&self, identity: &str, at: Option<&Endpoint>) -> Result<Option<StoredKeys>> {
        let name = self.entries.name(EntryKind::Keys, identity);
        self.entries.read(&name, at, value::decode_keys).await
    }

    /// For calls to `at`; `None`: in the place of keys for any endpoint. Accepted keys end what was
    /// set aside.
    pub async fn put(
        &self,
        identity: &str,
        keys: &StoredKeys,
        at: Option<&Endpoint>,
    ) -> Result<()> {
        let name = self.entries.name(EntryKind::Keys, identity);
        let _lock = self.entries.locks.entry(&name).await?;
        self.write(name, keys, at).await?;
        if keys.endpoint.is_some() {
            self.forget_set_aside(identity, Mode::Run).await?;
        }
        Ok(())
    }

    /// Changes what goes with the keys, or puts others in their place, for calls to `at`; `None`:
    /// they are not the stored ones any more, and nothing was changed.
    pub async fn change(
        &self,
        identity: &str,
        stored: &AccessKeyId,
        at: &Endpoint,
        change: impl FnOnce(StoredKeys) -> StoredKeys,
    ) -> Result<Option<StoredKeys>> {
        let name = self.entries.name(EntryKind::Keys, identity);
        let _lock = self.entries.locks.entry(&name).await?;
        let found = self.find(identity, Some(at)).await?;
        let Some(found) = found.filter(|it| id_of(&it.long_lived) == Some(stored)) else {
            return Ok(None);
        };
        let changed = change(found);
        self.write(name, &changed, Some(at)).await?;
        Ok(Some(changed))
    }

    /// The endpoint took a call that these keys had signed: they are bound to it, unless they are
    /// bound already or were replaced.
    pub async fn accepted(&self, identity: &str, id: &AccessKeyId, at: &Endpoint) -> Result<()> {
        let name = self.entries.name(EntryKind::Keys, identity);
        let _lock = self.entries.locks.entry(&name).await?;
        let Some(stored) = self.find(identity, Some(at)).await? else {
            return Ok(());
        };
        if stored.endpoint.is_some() || id_of(&stored.long_lived) != Some(id) {
            return Ok(());
        }
        let bound = StoredKeys {
            endpoint: Some(at.clone()),
            ..stored
        };
        self.write(name, &bound, Some(at)).await?;
        self.forget_set_aside(identity, Mode::Run).await.map(drop)
    }

    /// Sets the key pair aside that `at` refused, only if it is still the stored one and `at` is
    /// what accepted it. MFA ARN and duration stay. The other keys of a rotation take its place.
    pub async fn clear_revoked(
        &self,
        identity: &str,
        refused: &AccessKeyId,
        at: &Endpoint,
    ) -> Result<ClearedKeys> {
        let name = self.entries.name(EntryKind::Keys, identity);
        let _lock = self.entries.locks.entry(&name).await?;
        let Some(stored) = self.find(identity, Some(at)).await? else {
            return Ok(ClearedKeys::Absent);
        };
        match id_of(&stored.long_lived) {
            None => return Ok(ClearedKeys::Absent),
            Some(id) if id != refused => return Ok(ClearedKeys::Changed),
            Some(_) if stored.endpoint.is_none() => return Ok(ClearedKeys::NeverAccepted),
            Some(_) => {}
        }
        let others = stored.rotation.as_ref().and_then(Rotation::others).cloned();
        let cleared = match others {
            Some(_) => ClearedKeys::Changed,
            None => ClearedKeys::Cleared,
        };
        let rest = StoredKeys {
            long_lived: LongLived {
                keys: others,
                ..stored.long_lived.clone()
            },
            endpoint: stored.endpoint.clone(),
            since: stored.since,
            rotation: None,
        };
        let aside = KeysSetAside {
            stored,
            since: self.entries.now(),
            reason: format!("{at} no longer knew the access key"),
        };
        self.write_with_set_aside(identity, &rest, &aside).await?;
        tracing::info!(identity, key = %refused, "refused access key set aside");
        Ok(cleared)
    }

    /// Keys that are not in use, until they are over.
    pub async fn set_aside(&self, identity: &str) -> Result<Option<KeysSetAside>> {
        let name = self.entries.name(EntryKind::SetAside, identity);
        let found = self.entries.read(&name, None, value::decode_set_aside);
        let now = self.entries.now();
        Ok(found.await?.filter(|aside| now < aside.until()))
    }

    /// Puts keys that were set aside back into use; those that are stored meanwhile, which no
    /// endpoint has accepted, change places with them.
    pub async fn restore(&self, identity: &str) -> Result<Option<Keys>> {
        let name = self.entries.name(EntryKind::Keys, identity);
        let _lock = self.entries.locks.entry(&name).await?;
        let Some(aside) = self.set_aside(identity).await? else {
            return Ok(None);
        };
        let stored = self.find(identity, None).await?;
        match stored.filter(|stored| stored.long_lived.keys.is_some()) {
            Some(stored) => {
                let others = KeysSetAside {
                    stored,
                    since: self.entries.now(),
                    reason: "others were restored in their place".to_owned(),
                };
                self.write_with_set_aside(identity, &aside.stored, &others)
                    .await?;
            }
            None => {
                let at = aside.stored.endpoint.as_ref();
                self.write(name, &aside.stored, at).await?;
                self.forget_set_aside(identity, Mode::Run).await?;
            }
        }
        Ok(aside.stored.long_lived.keys)
    }

    /// Removes keys whose time aside is over.
    pub async fn forget_if_over(&self, identity: &str, mode: Mode) -> Result<Dropped> {
        match self.set_aside(identity).await? {
            Some(_) => Ok(Dropped::Absent),
            None => self.forget_set_aside(identity, mode).await,
        }
    }

    /// When they were last written, by any process.
    pub fn stamp(&self, identity: &str) -> Stamp {
        let name = self.entries.name(EntryKind::Keys, identity);
        self.entries.locks.stamp(&name)
    }

    /// Whether this is the first time that people hear of this key. Noted in the state folder.
    pub fn announced(&self, identity: &str, id: &AccessKeyId) -> bool {
        let folder = self.entries.locks.folder.with_file_name("announced-keys");
        let (path, id) = (folder.join(files::file_name(identity)), id.to_string());
        let is_known = matches!(files::read(&path), Ok(Some(text)) if text == id.as_bytes());
        !is_known
            && files::create_folder(&folder)
                .and_then(|()| files::replace(&path, id.as_bytes()))
                .is_ok()
    }

    async fn forget_set_aside(&self, identity: &str, mode: Mode) -> Result<Dropped> {
        let name = self.entries.name(EntryKind::SetAside, identity);
        self.entries.drop(&name, mode).await
    }

    async fn write(&self, name: EntryName, keys: &StoredKeys, at: Option<&Endpoint>) -> Result<()> {
        self.entries.write(self.new_keys(name, keys)?, at).await
    }

    /// Both at once: neither may be lost on the way. The caller holds the lock of the keys.
    async fn write_with_set_aside(
        &self,
        identity: &str,
        keys: &StoredKeys,
        aside: &KeysSetAside,
    ) -> Result<()> {
        let entries = &self.entries;
        let name = entries.name(EntryKind::SetAside, identity);
        let _lock = entries.locks.entry(&name).await?;
        entries.may_write(&name, None).await?;
        let until = day(aside.until());
        let id = id_of(&aside.stored.long_lived);
        let aside = NewEntry {
            name,
            text: value::encode_set_aside(aside, &entries.configuration)?,
            holds: id.map(|id| format!("access key {id}, set aside until {until}")),
        };
        let name = entries.name(EntryKind::Keys, identity);
        entries.may_write(&name, keys.endpoint.as_ref()).await?;
        let keys = self.new_keys(name, keys)?;
        entries.overwrite(vec![aside, keys]).await
    }

    fn new_keys(&self, name: EntryName, keys: &StoredKeys) -> Result<NewEntry> {
        let others = keys.rotation.as_ref().and_then(Rotation::others);
        let others =
            others.map(|keys| format!(", access key {} of a rotation", keys.access_key_id));
        Ok(NewEntry {
            name,
            text: value::encode_keys(keys, &self.entries.configuration)?,
            holds: Some(keys.long_lived.summary() + &others.unwrap_or_default()),
        })
    }
}

fn id_of(long_lived: &LongLived) -> Option<&AccessKeyId> {
    long_lived.keys.as_ref().map(|keys| &keys.access_key_id)
}
