//! The lock files of a realm: two writers of one thing, in any process, wait for each other.

use super::keyring::EntryName;
use crate::clock::Clock;
use crate::error::Result;
use crate::files::{self, FILE_LOCK_LIMIT, FileLock, Generation, Patience, Stamp};
use std::path::PathBuf;

#[derive(Clone, Debug)]
pub(super) struct RealmLocks {
    pub folder: PathBuf,
    pub clock: Clock,
}

impl RealmLocks {
    pub async fn entry(&self, name: &EntryName) -> Result<FileLock> {
        let lock = self.named(&named(name)).await?;
        Ok(lock.noted_in(self.changes()))
    }

    /// Another one once any entry may have been written, or signed out of, by any process.
    pub fn generation(&self) -> Generation {
        Generation::of(&self.changes())
    }

    fn changes(&self) -> PathBuf {
        self.folder.join("changes")
    }

    /// When the entry was last written, by any process: its lock file says.
    pub fn stamp(&self, name: &EntryName) -> Stamp {
        Stamp::of(&self.path_of(name))
    }

    pub fn path_of(&self, name: &EntryName) -> PathBuf {
        self.path(&named(name))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{}.lock", files::file_name(name)))
    }

    pub async fn named(&self, name: &str) -> Result<FileLock> {
        let path = self.path(name);
        FileLock::acquire(&path, Patience::AtMost(FILE_LOCK_LIMIT), &self.clock).await
    }
}

fn named(entry: &EntryName) -> String {
    format!("{}-{}", entry.kind.as_str(), entry.name())
}
