//! Locks that hold between tasks and between processes, because the operating system keeps them: a holder that is killed
//! frees its lock. Lock files are never deleted. The sign-in lock also keeps how the last sign-in failed, so that those
//! who waited take over the outcome instead of repeating it.

use super::disk;
use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long a read or a write waits for another one.
pub const FILE_LOCK_LIMIT: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// How long to wait for somebody else's lock; as long as it takes means as long as its holder lives.
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
}

impl FileLock {
    /// Every call opens the file anew, so that tasks of one process exclude each other as well. The file is made, with
    /// its folders, when it is missing, and then stays.
    pub async fn acquire(path: &Path, patience: Patience, clock: &Clock) -> Result<FileLock> {
        if let Some(folder) = path.parent() {
            disk::create_folder(folder)?;
        }
        let mut waited_since = None;
        loop {
            let file = disk::open_private(path)?;
            match file.try_lock() {
                Ok(()) if is_still_there(&file, path) => {
                    sign(&file);
                    return Ok(FileLock { file, waited_since });
                }
                // Somebody removed the file by hand meanwhile: a lock on it would exclude nobody.
                Ok(()) => continue,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(disk::unwritable(path, "lock", &error)),
            }
            let now = clock.now();
            let waited = now.duration_since(*waited_since.get_or_insert(now)).unwrap_or_default();
            match patience {
                Patience::AtMost(limit) if waited >= limit => return Err(taken(path, waited)),
                Patience::NotAtAll => return Err(taken(path, waited)),
                Patience::Forever | Patience::AtMost(_) => Clock::nap(BETWEEN_LOOKS).await,
            }
        }
    }

    /// When the wait began, if somebody else held the lock.
    pub fn waited_since(&self) -> Option<SystemTime> {
        self.waited_since
    }
}

impl Drop for FileLock {
    /// Closing the file would do, were it not for a child process that was just being started and still shares it.
    fn drop(&mut self) {
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

/// Leaves this process's id for the message of those who wait in vain; a full disk is no reason to refuse the lock.
fn sign(mut file: &File) {
    let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id()));
}

fn taken(path: &Path, waited: Duration) -> Error {
    let mut pid = String::new();
    let _ = File::open(path).and_then(|file| file.take(20).read_to_string(&mut pid));
    let holder = match pid.trim().parse::<u32>() {
        Ok(pid) => format!("process {pid}"),
        Err(_) => "another process".to_owned(),
    };
    let so_far = if waited.is_zero() { String::new() } else { format!("; waited for {} s", waited.as_secs()) };
    Error::new(Code::LockTimeout, format!("{holder} holds the lock file {}{so_far}", path.display()))
        .hint(format!("wait for {holder} to finish, or end it: the lock is then free, the file need not be deleted"))
}

/// Held while somebody signs in to an identity.
#[derive(Debug)]
pub struct SignInLock {
    lock: FileLock,
    name: String,
    note: PathBuf,
    clock: Clock,
}

/// How a sign-in failed.
#[derive(Debug, Serialize, Deserialize)]
struct Outcome {
    /// Two names can share a file name.
    name: String,
    finished_at: jiff::Timestamp,
    error: Error,
}

impl SignInLock {
    pub async fn acquire(folder: &Path, name: &str, patience: Patience, clock: &Clock) -> Result<SignInLock> {
        let name = name.to_ascii_lowercase();
        let file = disk::file_name(&name);
        let lock = FileLock::acquire(&folder.join(format!("sign-in-{file}.lock")), patience, clock)
            .await
            .map_err(|error| error.identity(&name))?;
        let note = folder.join(format!("sign-in-{file}.outcome.json"));
        Ok(SignInLock { lock, name, note, clock: clock.clone() })
    }

    /// When the wait began, if somebody else was signing in: what to hand to [`SignInLock::outcome_since`].
    pub fn waited_since(&self) -> Option<SystemTime> {
        self.lock.waited_since()
    }

    /// Notes how this sign-in ended, before the lock is given up. A success needs no note: its session is in the keyring.
    pub fn record(&self, failure: Option<&Error>) -> Result<()> {
        let Some(error) = failure else {
            return match fs::remove_file(&self.note) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(disk::unwritable(&self.note, "remove", &error))
                }
                Ok(()) | Err(_) => Ok(()),
            };
        };
        let finished_at = jiff::Timestamp::try_from(self.clock.now())
            .map_err(|_| Error::new(Code::ClockSkew, "the clock shows a year that no sign-in can end in"))?;
        let outcome = Outcome { name: self.name.clone(), finished_at, error: error.clone() };
        let text = serde_json::to_vec(&outcome).expect("an error is text and enums throughout");
        disk::replace(&self.note, &text)
    }

    /// How the last sign-in failed, if it ended after `moment`. A note that cannot be read says nothing.
    pub fn outcome_since(&self, moment: SystemTime) -> Option<Error> {
        let text = disk::read(&self.note).ok()??;
        let outcome: Outcome = serde_json::from_slice(&text).ok()?;
        (outcome.name == self.name && SystemTime::from(outcome.finished_at) >= moment).then_some(outcome.error)
    }
}
