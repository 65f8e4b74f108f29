//! The keyring: the system's, an encrypted file, or memory. One thread does all keyring work,
//! because some keyrings do not allow two; every request has a time-out, because some never answer.
//! A keyring that is locked or missing is an error that says so, never "no entry".

mod backend;
mod entry;
mod file;
mod memory;
mod parts;
#[cfg_attr(target_os = "linux", path = "linux.rs")]
mod system;
mod whole;

pub(super) use backend::unusable;
pub use entry::{Attributes, Deletion, EntryKind, EntryName, KeyringEntry, SERVICE, ValuedEntry};

use crate::ask::PassphraseUse;
use crate::config::KeyringChoice;
use crate::environment::Environment;
use crate::error::{Code, Error, Result};
use crate::hardening::KEYRING_PASSWORD;
use crate::secret::Secret;
use backend::{Backend, HOW_TO_GET_ONE, HOW_TO_UNLOCK, Progress, locked, unavailable};
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::sync::oneshot;
use whole::WholeValues;

/// A keyring may wait for a person who is not there. Deriving the key of the file keyring is not
/// counted.
const LIMIT: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyringState {
    Ready,
    Locked,
    Unavailable(String),
}

/// A handle to the thread that owns the keyring; clones share it. The thread ends with the last
/// handle.
#[derive(Clone)]
pub struct Keyring {
    jobs: mpsc::Sender<Job>,
    progress: Arc<Progress>,
    limit: Duration,
}

type Job = Box<dyn FnOnce(&mut WholeValues) + Send>;

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}

impl Keyring {
    /// Starts nothing but the thread: a keyring that is not there is noticed by the first request,
    /// and looked for again by the next.
    pub fn open(choice: &KeyringChoice, environment: &Environment) -> Result<Keyring> {
        let progress = Arc::<Progress>::default();
        let backend: Box<dyn Backend> = match choice {
            KeyringChoice::System => Box::new(system::open(progress.clone())),
            KeyringChoice::Memory => Box::new(memory::MemoryKeyring::default()),
            KeyringChoice::File { path, password_env } => {
                let variable = password_env.as_deref().unwrap_or(KEYRING_PASSWORD);
                let passphrase = environment.var(variable)?.map(Secret::new);
                let (path, variable) = (path.clone(), variable.to_owned());
                let progress = progress.clone();
                Box::new(file::FileKeyring::new(path, passphrase, variable, progress))
            }
        };
        Ok(Keyring::start(backend, progress, LIMIT))
    }

    fn start(backend: Box<dyn Backend>, progress: Arc<Progress>, limit: Duration) -> Keyring {
        let (jobs, queue) = mpsc::channel::<Job>();
        let mut values = WholeValues { backend };
        // Should no thread start, the queue is gone, and every request says so.
        let _ = std::thread::Builder::new()
            .name("keyring".to_owned())
            .spawn(move || {
                while let Ok(job) = queue.recv() {
                    job(&mut values);
                }
            });
        Keyring {
            jobs,
            progress,
            limit,
        }
    }

    pub async fn read(&self, name: &EntryName) -> Result<Option<Secret>> {
        let name = name.clone();
        self.run(move |values| values.read(&name)).await
    }

    /// Read without the secret.
    pub async fn attributes(&self, name: &EntryName) -> Result<Option<Attributes>> {
        let account = name.to_string();
        self.run(move |values| values.backend.attributes(&account))
            .await
    }

    /// The value is one line of ASCII.
    pub async fn write(&self, entry: &KeyringEntry, value: Secret) -> Result<()> {
        let entry = entry.clone();
        self.write_all(vec![ValuedEntry { entry, value }]).await
    }

    /// In this order; in a keyring that is one file all of them or none.
    pub async fn write_all(&self, all: Vec<ValuedEntry>) -> Result<()> {
        self.run(move |values| values.write_all(&all)).await
    }

    pub async fn delete(&self, name: &EntryName) -> Result<Deletion> {
        let account = name.to_string();
        let deletion = self.run(move |values| values.delete(&account)).await?;
        tracing::info!(entry = %name, ?deletion, "keyring entry deleted");
        Ok(deletion)
    }

    /// Every entry of Keyfob's, of all realms; no secret is read.
    pub async fn list(&self) -> Result<Vec<KeyringEntry>> {
        self.run(WholeValues::list).await
    }

    /// Whether it can be read. Never makes the system ask for a password.
    pub async fn check(&self) -> Result<()> {
        self.run(|values| values.backend.check()).await
    }

    pub async fn state(&self) -> KeyringState {
        match self.check().await {
            Ok(()) => KeyringState::Ready,
            Err(error) if error.code == Code::KeyringLocked => KeyringState::Locked,
            Err(error) => KeyringState::Unavailable(error.message),
        }
    }

    /// `Some`: the keyring file's passphrase is missing, or wrong.
    pub async fn needs_passphrase(&self) -> Result<Option<PassphraseUse>> {
        self.run(|values| values.backend.needs_passphrase()).await
    }

    /// Tried at once on an existing file. A wrong one is refused, and forgotten.
    pub async fn provide_passphrase(&self, passphrase: Secret) -> Result<()> {
        self.run(move |values| values.backend.provide_passphrase(passphrase))
            .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut WholeValues) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, mut answer) = oneshot::channel();
        let job: Job = Box::new(move |values| {
            // A caller that was given an error must not find the work done later.
            if !reply.is_closed() {
                let _ = reply.send(work(values));
            }
        });
        let stopped =
            || unavailable("the keyring thread has stopped").hint("start the program again");
        self.jobs.send(job).map_err(|_| stopped())?;
        loop {
            let before = self.progress.derivations.load(Ordering::Relaxed);
            if let Ok(answer) = tokio::time::timeout(self.limit, &mut answer).await {
                return answer.map_err(|_| stopped())?;
            }
            let after = self.progress.derivations.load(Ordering::Relaxed);
            if before == after && after.is_multiple_of(2) {
                return Err(self.too_slow());
            }
        }
    }

    fn too_slow(&self) -> Error {
        let seconds = self.limit.as_secs_f32();
        if self.progress.connected.load(Ordering::Relaxed) {
            locked(format!(
                "the keyring has not answered for {seconds} s: it is waiting to be unlocked"
            ))
            .hint(HOW_TO_UNLOCK)
        } else {
            unavailable(format!("the keyring did not answer within {seconds} s"))
                .hint(HOW_TO_GET_ONE)
        }
    }
}

#[cfg(test)]
pub(super) use tests::{file_keyring, memory_keyring};

#[cfg(test)]
mod tests;
