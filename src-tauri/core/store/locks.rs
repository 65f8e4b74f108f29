//! The lock files of a realm: two writers of one thing, in any process, wait for each other.

use super::keyring::EntryName;
use crate::clock::Clock;
use crate::error::Result;
use crate::files::{self, FILE_LOCK_LIMIT, FileLock, Patience};
use std::path::PathBuf;

#[derive(Clone, Debug)]
pub(super) struct RealmLocks {
    pub folder: PathBuf,
    pub clock: Clock,
}

impl RealmLocks {
    pub async fn entry(&self, name: &EntryName) -> Result<FileLock> {
        self.named(&format!("{}-{}", name.kind.as_str(), name.name()))
            .await
    }

    pub async fn named(&self, name: &str) -> Result<FileLock> {
        let path = self.folder.join(format!("{}.lock", files::file_name(name)));
        FileLock::acquire(&path, Patience::AtMost(FILE_LOCK_LIMIT), &self.clock).await
    }
}
