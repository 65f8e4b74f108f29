//! A lock that holds between tasks and between processes, because the operating system keeps it: a
//! holder that is killed frees it. Lock files are never deleted.

use super::private::{create_folder, open_private, unwritable};
use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long a read or a write waits for another one.
pub const FILE_LOCK_LIMIT: Duration = Duration::from_secs(10);
/// Behind the process id once the lock is free again.
const RELEASED: &[u8] = b"\n";
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// How long to wait for a lock that is held; forever means as long as its holder
/// lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    Forever,
    AtMost(Duration),
    NotAtAll,
}

/// Held until dropped.
#[derive(Debug)]
pub struct FileLock {
    file: File,
    waited_since: Option<SystemTime>,
    changes: Option<PathBuf>,
}

/// The longest file of changes, in bytes: one a change.
const MOST_CHANGES: u64 = 64 << 10;

impl FileLock {
    /// Every call opens the file anew, so that tasks of one process exclude each other as well. The
    /// file is made, with its folders, when it is missing, and then stays.
    pub async fn acquire(path: &Path, patience: Patience, clock: &Clock) -> Result<FileLock> {
        if let Some(folder) = path.parent() {
            create_folder(folder)?;
        }
        let mut waited_since = None;
        loop {
            let file = open_private(path)?;
            match file.try_lock() {
                Ok(()) if is_still_there(&file, path) => {
                    sign(&file);
                    return Ok(FileLock {
                        file,
                        waited_since,
                        changes: None,
                    });
                }
                // The file was removed by hand meanwhile: a lock on it would exclude no one.
                Ok(()) => continue,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    return Err(unwritable(path, "lock", &error));
                }
            }
            let now = clock.now();
            let waited = now
                .duration_since(*waited_since.get_or_insert(now))
                .unwrap_or_default();
            match patience {
                Patience::AtMost(limit) if waited >= limit => return Err(taken(path, waited)),
                Patience::NotAtAll => return Err(taken(path, waited)),
                Patience::Forever | Patience::AtMost(_) => Clock::nap(BETWEEN_LOOKS).await,
            }
        }
    }

    /// That it is taken and freed shows in a file as well, which does so for many locks.
    #[must_use]
    pub fn noted_in(mut self, changes: PathBuf) -> FileLock {
        note_change(&changes);
        self.changes = Some(changes);
        self
    }

    /// When the wait began, if the lock was held.
    pub fn waited_since(&self) -> Option<SystemTime> {
        self.waited_since
    }
}

/// When a lock was last held, as its file says; what it guards was written no later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    Never,
    /// It is held, or its holder was killed.
    Now,
    At(SystemTime),
}

impl Stamp {
    /// Windows lets no other process read a file that is locked.
    pub fn of(path: &Path) -> Stamp {
        let text = fs::read(path);
        let changed = fs::metadata(path).and_then(|metadata| metadata.modified());
        match (text, changed) {
            (Ok(text), Ok(at)) if text.ends_with(RELEASED) => Stamp::At(at),
            (Err(cause), _) if cause.kind() == io::ErrorKind::NotFound => Stamp::Never,
            (Ok(_) | Err(_), _) => Stamp::Now,
        }
    }
}

/// What a file of changes says: as long as it is the same, none of its locks was taken or freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation(Option<SystemTime>, u64);

impl Generation {
    /// Opens nothing.
    pub fn of(changes: &Path) -> Generation {
        let found = fs::metadata(changes).ok();
        let length = found.as_ref().map_or(0, fs::Metadata::len);
        Generation(found.and_then(|it| it.modified().ok()), length)
    }
}

/// Longer each time, as times are too coarse to tell two changes apart.
fn note_change(changes: &Path) {
    let noted = open_private(changes).and_then(|mut file| {
        let failed = |error| unwritable(changes, "write", &error);
        if file.seek(SeekFrom::End(0)).map_err(failed)? >= MOST_CHANGES {
            file.set_len(0).map_err(failed)?;
            file.rewind().map_err(failed)?;
        }
        file.write_all(b".").map_err(failed)
    });
    if let Err(error) = noted {
        tracing::warn!(%error, "other processes may not see a change");
    }
}

impl Drop for FileLock {
    /// Closing the file would do, were it not for a child process that was just being started and
    /// still shares it.
    fn drop(&mut self) {
        if let Some(changes) = &self.changes {
            note_change(changes);
        }
        let _ = (&self.file).write_all(RELEASED);
        let _ = self.file.unlock();
    }
}

#[cfg(unix)]
fn is_still_there(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(named)) => place(held) == place(named),
        (Err(_), _) | (_, Err(_)) => false,
    }
}

#[cfg(not(unix))]
fn is_still_there(_file: &File, _path: &Path) -> bool {
    true
}

/// Leaves this process's id for the message of those who wait in vain; a full disk is no reason to
/// refuse the lock.
fn sign(mut file: &File) {
    let _ = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| write!(file, "{}", std::process::id()));
}

/// The process that holds a lock, or held it last, where the system lets its file be read.
pub fn holder_of(path: &Path) -> Option<u32> {
    let mut pid = String::new();
    let file = File::open(path).ok()?;
    file.take(20).read_to_string(&mut pid).ok()?;
    pid.trim().parse().ok()
}

fn taken(path: &Path, waited: Duration) -> Error {
    let holder = match holder_of(path) {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    };
    let so_far = if waited.is_zero() {
        String::new()
    } else {
        format!("; waited for {} s", waited.as_secs())
    };
    Error::new(
        Code::LockTimeout,
        format!(
            "{holder} holds the lock file \
        {}{so_far}",
            path.display()
        ),
    )
    .hint(format!(
        "wait for {holder} to finish, or end it: the lock is then free, the file \
            need not be deleted"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::child;
    use std::path::PathBuf;

    fn lock_path(folder: &Path) -> PathBuf {
        folder.join("locks").join("a.lock")
    }

    #[tokio::test]
    async fn tasks_of_one_process_exclude_each_other_and_the_file_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, clock) = (lock_path(folder.path()), Clock::system());
        let held = FileLock::acquire(&path, Patience::NotAtAll, &clock)
            .await
            .expect("free");
        let error = FileLock::acquire(&path, Patience::NotAtAll, &clock)
            .await
            .expect_err("held");
        assert_eq!(error.code, Code::LockTimeout);
        assert_eq!(held.waited_since(), None);
        assert_eq!(Stamp::of(&path), Stamp::Now);
        let second = tokio::spawn(async move {
            FileLock::acquire(&path, Patience::Forever, &Clock::system()).await
        });
        Clock::nap(BETWEEN_LOOKS * 2).await;
        assert!(!second.is_finished());
        drop(held);
        let second = second.await.expect("no panic").expect("free now");
        assert!(second.waited_since().is_some());
        drop(second);
        assert!(matches!(Stamp::of(&lock_path(folder.path())), Stamp::At(_)));
        assert_eq!(Stamp::of(&folder.path().join("no.lock")), Stamp::Never);
        #[cfg(unix)]
        assert_eq!(
            (
                child::mode(&lock_path(folder.path())),
                child::mode(&folder.path().join("locks"))
            ),
            (0o600, 0o700)
        );
    }

    #[tokio::test]
    async fn a_lock_held_for_ten_seconds_is_an_error_that_names_the_file_and_its_holder() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, clock) = (
            lock_path(folder.path()),
            Clock::manual(SystemTime::UNIX_EPOCH),
        );
        let _held = FileLock::acquire(&path, Patience::NotAtAll, &clock)
            .await
            .expect("free");
        let waiting = tokio::spawn({
            let (path, clock) = (path.clone(), clock.clone());
            async move { FileLock::acquire(&path, Patience::AtMost(FILE_LOCK_LIMIT), &clock).await }
        });
        Clock::nap(BETWEEN_LOOKS * 2).await;
        clock.advance(Duration::from_secs(9));
        Clock::nap(BETWEEN_LOOKS * 3).await;
        assert!(!waiting.is_finished(), "nine seconds are not ten");
        clock.advance(Duration::from_secs(1));
        let error = waiting.await.expect("no panic").expect_err("held");
        assert_eq!(error.code, Code::LockTimeout);
        let holder = format!("process {}", std::process::id());
        let names_it = cfg!(windows) || error.message.contains(&holder);
        let names_the_file = error.message.contains(&*path.to_string_lossy());
        assert!(names_the_file && names_it, "{error}");
    }

    #[tokio::test]
    async fn another_process_holds_its_lock_until_it_is_killed() {
        let clock = Clock::system();
        if let Some(role) = child::role() {
            let _held = FileLock::acquire(&lock_path(&role.folder), Patience::NotAtAll, &clock)
                .await
                .expect("free");
            return child::stay_after("held");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let path = lock_path(folder.path());
        let mut other = child::start(
            module_path!(),
            "another_process_holds_its_lock_until_it_is_killed",
            "hold",
            folder.path(),
        );
        child::wait_for(&mut other, "held");
        let limit = Patience::AtMost(Duration::from_millis(120));
        let error = FileLock::acquire(&path, limit, &clock)
            .await
            .expect_err("held");
        assert!(
            cfg!(windows) || error.message.contains(&other.id().to_string()),
            "{error}"
        );
        other.kill().expect("kill -9");
        other.wait().expect("gone");
        FileLock::acquire(&path, Patience::NotAtAll, &clock)
            .await
            .expect("the system freed it");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_lock_file_removed_by_hand_does_not_let_two_in() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, clock) = (lock_path(folder.path()), Clock::system());
        let old = FileLock::acquire(&path, Patience::NotAtAll, &clock)
            .await
            .expect("free");
        fs::remove_file(&path).expect("removed");
        drop(old);
        let _held = FileLock::acquire(&path, Patience::NotAtAll, &clock)
            .await
            .expect("a new file");
        FileLock::acquire(&path, Patience::NotAtAll, &clock)
            .await
            .expect_err("held");
    }

    #[tokio::test]
    async fn a_file_where_the_folder_should_be_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("locks"), "").expect("a file");
        let path = lock_path(folder.path());
        let error = FileLock::acquire(&path, Patience::Forever, &Clock::system())
            .await
            .expect_err("no folder");
        assert_eq!(error.code, Code::FilesUnwritable);
        assert!(error.message.contains("locks"), "{error}");
    }
}
