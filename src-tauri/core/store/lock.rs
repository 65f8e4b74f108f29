//! The sign-in lock: held while one sign-in runs. It also keeps how the last sign-in failed, so
//! that those who waited take over the outcome instead of repeating it, and says while its holder
//! waits for a person.

use crate::ask::{Caller, Mark};
use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::files::{self, FileLock, Patience};
use crate::foreign::Foreign;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Held while one sign-in to an identity runs.
#[derive(Debug)]
pub struct SignInLock {
    lock: FileLock,
    name: String,
    note: PathBuf,
    prompt: PathBuf,
    clock: Clock,
}

/// The holder of a sign-in lock, while it waits for a person.
#[derive(Debug, Serialize, Deserialize)]
pub struct WaitingHolder {
    pid: u32,
    since: jiff::Timestamp,
    /// The program that wants the session.
    program: Foreign,
}

impl fmt::Display for WaitingHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pid, program) = (self.pid, &self.program);
        let since = self.since.strftime("%H:%M:%S UTC");
        write!(
            f,
            "process {pid}, for {program}, has waited for an answer since {since}"
        )
    }
}

/// How a sign-in failed.
#[derive(Debug, Serialize, Deserialize)]
struct FailureNote {
    /// Two names can share a file name.
    name: String,
    finished_at: jiff::Timestamp,
    error: Error,
}

impl SignInLock {
    pub async fn acquire(
        folder: &Path,
        name: &str,
        patience: Patience,
        clock: &Clock,
    ) -> Result<SignInLock> {
        let name = name.to_ascii_lowercase();
        let path = |what| beside(folder, &name, what);
        Ok(SignInLock {
            lock: FileLock::acquire(&path("lock"), patience, clock).await?,
            note: path("outcome.json"),
            prompt: path("prompt.json"),
            name,
            clock: clock.clone(),
        })
    }

    /// The file that is locked.
    pub(super) fn path(folder: &Path, name: &str) -> PathBuf {
        beside(folder, &name.to_ascii_lowercase(), "lock")
    }

    /// Stands while a question is open, for those who wait for the lock.
    pub fn mark(&self, caller: &Caller) -> Mark {
        let holder = WaitingHolder {
            pid: std::process::id(),
            since: jiff::Timestamp::try_from(self.clock.now()).unwrap_or_default(),
            program: caller.program.clone(),
        };
        Mark {
            path: self.prompt.clone(),
            text: serde_json::to_vec(&holder).expect("numbers and text"),
        }
    }

    /// Ready once the holder of the lock waits for a person.
    pub async fn holder_waits(folder: &Path, name: &str) -> WaitingHolder {
        let name = name.to_ascii_lowercase();
        let (lock, note) = (
            beside(folder, &name, "lock"),
            beside(folder, &name, "prompt.json"),
        );
        loop {
            let text = files::read(&note).ok().flatten();
            let holder: Option<WaitingHolder> =
                text.and_then(|text| serde_json::from_slice(&text).ok());
            // One that was killed left its note to the next holder.
            let holds =
                |it: &WaitingHolder| files::holder_of(&lock).is_none_or(|pid| pid == it.pid);
            if let Some(holder) = holder.filter(holds) {
                return holder;
            }
            Clock::nap(BETWEEN_LOOKS).await;
        }
    }

    /// When the wait began, if another sign-in was running: to be passed to
    /// [`SignInLock::outcome_since`].
    pub fn waited_since(&self) -> Option<SystemTime> {
        self.lock.waited_since()
    }

    /// Notes how this sign-in ended, before the lock is given up. A success needs no note: its
    /// session is in the keyring. A note that cannot be written costs those who wait a call of
    /// their own.
    pub fn record(&self, failure: Option<&Error>) {
        let noted = match failure {
            Some(error) => self.note(error),
            None => files::remove(&self.note),
        };
        if let Err(error) = noted {
            tracing::warn!(%error, "cannot leave a note for those who wait");
        }
    }

    fn note(&self, error: &Error) -> Result<()> {
        let finished_at = jiff::Timestamp::try_from(self.clock.now()).map_err(|_| {
            Error::new(
                Code::ClockSkew,
                "the clock shows a year that no sign-in can end in",
            )
        })?;
        let outcome = FailureNote {
            name: self.name.clone(),
            finished_at,
            error: error.clone(),
        };
        let text = serde_json::to_vec(&outcome).expect("an error is text and enums throughout");
        files::replace(&self.note, &text)
    }

    /// How the last sign-in failed, if it ended after `moment`. A note that cannot be read says
    /// nothing.
    pub fn outcome_since(&self, moment: SystemTime) -> Option<Error> {
        let text = files::read(&self.note).ok()??;
        let outcome: FailureNote = serde_json::from_slice(&text).ok()?;
        (outcome.name == self.name && SystemTime::from(outcome.finished_at) >= moment)
            .then_some(outcome.error)
    }
}

fn beside(folder: &Path, name: &str, what: &str) -> PathBuf {
    folder.join(format!("sign-in-{}.{what}", files::file_name(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn who_waited_takes_over_a_failure_and_a_success_forgets_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::manual(SystemTime::UNIX_EPOCH);
        let first = SignInLock::acquire(folder.path(), "Team/Dev", Patience::Forever, &clock)
            .await
            .expect("free");
        assert_eq!(first.waited_since(), None);
        let waiters: Vec<_> = (0..5)
            .map(|_| {
                let (folder, clock) = (folder.path().to_owned(), clock.clone());
                tokio::spawn(async move {
                    let lock = SignInLock::acquire(&folder, "team/dev", Patience::Forever, &clock)
                        .await
                        .expect("freed");
                    lock.outcome_since(lock.waited_since().expect("it waited"))
                })
            })
            .collect();
        Clock::nap(Duration::from_millis(50)).await;
        let failure = Error::new(Code::MfaRefused, "wrong code")
            .hint("wait")
            .identity("dev");
        first.record(Some(&failure));
        drop(first);
        for waiter in waiters {
            assert_eq!(waiter.await.expect("no panic"), Some(failure.clone()));
        }
        clock.advance(Duration::from_secs(1));
        let later = SignInLock::acquire(folder.path(), "team/dev", Patience::Forever, &clock)
            .await
            .expect("free");
        assert_eq!(
            later.outcome_since(clock.now()),
            None,
            "who did not wait for it signs in anew"
        );
        assert!(later.outcome_since(SystemTime::UNIX_EPOCH).is_some());
        later.record(None);
        assert_eq!(later.outcome_since(SystemTime::UNIX_EPOCH), None);
    }
}
