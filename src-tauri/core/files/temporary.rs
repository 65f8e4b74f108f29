//! A private folder that lives as long as a process. One that a killed process left is removed by
//! the next that makes a folder of the same kind in the same place.

use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// Locked by the process that uses the folder.
const IN_USE: &str = "in-use";
/// A folder may be younger than its lock by a moment.
const YOUNG: Duration = Duration::from_secs(60);

/// Removed when it is dropped.
#[derive(Debug)]
pub struct TemporaryFolder {
    folder: TempDir,
    _in_use: File,
}

impl TemporaryFolder {
    pub fn create(prefix: &str, parent: &Path) -> Result<TemporaryFolder> {
        let failed = |cause: std::io::Error| {
            Error::new(
                Code::FilesUnwritable,
                format!("cannot create a temporary folder: {cause}"),
            )
            .hint("set TMPDIR to a writable folder")
        };
        sweep(prefix, parent);
        let mut builder = tempfile::Builder::new();
        builder.prefix(prefix);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = builder.tempdir_in(parent).map_err(failed)?;
        let in_use = super::open_private(&folder.path().join(IN_USE))?;
        in_use.lock().map_err(failed)?;
        Ok(TemporaryFolder {
            folder,
            _in_use: in_use,
        })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: impl AsRef<Path>, text: &str) -> Result<PathBuf> {
        let path = self.path().join(name);
        let written = super::open_private(&path)?.write_all(text.as_bytes());
        written.map_err(|cause| Error::file(&path, "write", &cause))?;
        Ok(path)
    }
}

/// Those of other users cannot be opened.
fn sweep(prefix: &str, parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    let ours = entries
        .flatten()
        .filter(|it| it.file_name().to_string_lossy().starts_with(prefix));
    for folder in ours.map(|it| it.path()).filter(|path| is_left(path)) {
        let removed = fs::remove_dir_all(&folder);
        tracing::info!(folder = %folder.display(), ?removed, "folder of a killed process");
    }
}

/// Whether its process is gone. Links are not followed.
fn is_left(folder: &Path) -> bool {
    let path = folder.join(IN_USE);
    let is_plain = |path: &Path| !path.is_symlink();
    let now = Clock::system().now();
    let is_old = fs::metadata(&path)
        .and_then(|metadata| metadata.modified())
        .is_ok_and(|made| now.duration_since(made).is_ok_and(|age| age >= YOUNG));
    is_old
        && is_plain(folder)
        && is_plain(&path)
        && OpenOptions::new()
            .write(true)
            .open(&path)
            .is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age(folder: &Path) {
        let hour_ago = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let file = OpenOptions::new()
            .write(true)
            .open(folder.join(IN_USE))
            .expect("there");
        file.set_modified(hour_ago).expect("changed");
    }

    #[test]
    fn a_folder_that_a_killed_process_left_is_removed_by_the_next_of_its_kind() {
        let parent = tempfile::tempdir().expect("a folder");
        let make = |prefix| TemporaryFolder::create(prefix, parent.path()).expect("made");
        let in_use = make("fob-x-");
        age(in_use.path());
        let left = parent.path().join("fob-x-left");
        fs::create_dir_all(left.join("state/deep")).expect("a folder");
        File::create(left.join(IN_USE)).expect("a file");
        make("fob-y-");
        assert!(left.exists(), "another kind");
        make("fob-x-");
        assert!(left.exists(), "its lock may be a moment away");
        age(&left);
        make("fob-x-");
        assert!(!left.exists());
        assert!(in_use.path().exists(), "that one is in use");
        let elsewhere = parent.path().join("fob-x-no-lock");
        fs::create_dir(&elsewhere).expect("a folder");
        make("fob-x-");
        assert!(elsewhere.exists(), "made by another program");
    }
}
