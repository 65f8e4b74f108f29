//! The keyring: the system's, an encrypted file, or memory. One thread does all keyring work,
//! because some keyrings may not be asked from two; every request has a time-out, because some
//! never answer. A keyring that is locked or missing is an error that says so, never "no entry".

mod file;
mod parts;
mod system;

use crate::error::{Code, Error, Result};
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::sync::oneshot;

pub const SERVICE: &str = "dev.keyfob.Keyfob";

/// A keyring may wait for a person who is not there. Deriving the key of the file keyring is not
/// counted.
const LIMIT: Duration = Duration::from_secs(5);

/// Where entries are kept.
#[derive(Debug)]
pub enum Backend {
    System,
    File {
        path: PathBuf,
        /// From the environment; [`Keyring::provide_passphrase`] can give it later.
        passphrase: Option<Secret>,
        /// The variable that hints speak of.
        password_env: String,
    },
    /// Lost with the last clone of its [`Keyring`].
    Memory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// Long-lived access keys.
    Keys,
    Session,
    /// A provider's sign-in token.
    Token,
    /// Where the audit log ends; of a realm, not of a configuration.
    Audit,
}

impl EntryKind {
    const ALL: [EntryKind; 4] = [
        EntryKind::Keys,
        EntryKind::Session,
        EntryKind::Token,
        EntryKind::Audit,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            EntryKind::Keys => "keys",
            EntryKind::Session => "session",
            EntryKind::Token => "token",
            EntryKind::Audit => "audit",
        }
    }
}

/// `<realm>/<keys|session|token|audit>/<name in lower case>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryName {
    pub realm: String,
    pub kind: EntryKind,
    name: String,
}

impl EntryName {
    pub fn new(realm: &str, kind: EntryKind, name: &str) -> EntryName {
        EntryName {
            realm: realm.to_owned(),
            kind,
            name: name.to_ascii_lowercase(),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// `None`: an account that is not of this form.
    fn parse(account: &str) -> Option<EntryName> {
        let (at, kind) = EntryKind::ALL
            .into_iter()
            .filter_map(|kind| Some((account.find(&format!("/{}/", kind.as_str()))?, kind)))
            .min()?;
        Some(EntryName::new(
            &account[..at],
            kind,
            &account[at + kind.as_str().len() + 2..],
        ))
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.realm, self.kind.as_str(), self.name)
    }
}

/// What is known of an entry without reading its secret. A keyring may not keep it: then it is
/// `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// The path of the configuration that the entry was written for.
    pub configuration: Option<String>,
    /// The `v` of the value.
    pub version: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyringEntry {
    pub name: EntryName,
    pub attributes: Attributes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    Removed,
    Absent,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyringState {
    Ready,
    Locked,
    Unavailable(String),
}

/// What a passphrase would be good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum PassphraseUse {
    /// There is no file yet: it would be chosen now, so ask twice.
    New,
    Existing,
}

/// A handle to the thread that owns the keyring; clones share it. The thread ends with the last
/// handle.
#[derive(Clone)]
pub struct Keyring {
    jobs: mpsc::Sender<Job>,
    progress: Arc<Progress>,
    limit: Duration,
}

type Job = Box<dyn FnOnce(&mut Owner) + Send>;

/// What a request that takes too long is told.
#[derive(Debug, Default)]
struct Progress {
    /// The keyring service has answered before: it is there, so it probably waits to be unlocked.
    connected: AtomicBool,
    /// How often the file keyring began or ended deriving its key, or waiting for others who do:
    /// odd while it does.
    derivations: AtomicU32,
}

impl Progress {
    /// While the result lives, and for a whole time-out after, those who asked wait on.
    fn deriving(&self) -> Deriving<'_> {
        self.derivations.fetch_add(1, Ordering::Relaxed);
        Deriving(self)
    }
}

struct Deriving<'a>(&'a Progress);

impl Drop for Deriving<'_> {
    fn drop(&mut self) {
        self.0.derivations.fetch_add(1, Ordering::Relaxed);
    }
}

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
    pub fn open(backend: Backend) -> Keyring {
        let progress = Arc::new(Progress::default());
        let ring = match backend {
            Backend::System => Ring::System(system::SystemKeyring::new(progress.clone())),
            Backend::File {
                path,
                passphrase,
                password_env,
            } => Ring::File(Box::new(file::FileKeyring::new(
                path,
                passphrase,
                password_env,
                progress.clone(),
            ))),
            Backend::Memory => Ring::Memory(BTreeMap::new()),
        };
        let value_limit = match &ring {
            Ring::System(_) if cfg!(windows) => Some(system::WINDOWS_VALUE_LIMIT),
            Ring::System(_) | Ring::File(_) | Ring::Memory(_) => None,
            #[cfg(test)]
            Ring::Stuck(_) => None,
        };
        Keyring::start(Owner { ring, value_limit }, progress, LIMIT)
    }

    fn start(mut owner: Owner, progress: Arc<Progress>, limit: Duration) -> Keyring {
        let (jobs, queue) = mpsc::channel::<Job>();
        // Should no thread start, the queue is gone, and every request says so.
        let _ = std::thread::Builder::new()
            .name("keyring".to_owned())
            .spawn(move || {
                while let Ok(job) = queue.recv() {
                    job(&mut owner);
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
        self.ask(move |owner| owner.read(&name)).await
    }

    /// Read without the secret.
    pub async fn attributes(&self, name: &EntryName) -> Result<Option<Attributes>> {
        let account = name.to_string();
        self.ask(move |owner| owner.ring.attributes(&account)).await
    }

    /// The value is one line of ASCII.
    pub async fn write(&self, entry: &KeyringEntry, value: Secret) -> Result<()> {
        let entry = entry.clone();
        self.ask(move |owner| owner.write(&entry, &value)).await
    }

    pub async fn delete(&self, name: &EntryName) -> Result<Deletion> {
        let account = name.to_string();
        let deletion = self.ask(move |owner| owner.delete(&account)).await?;
        tracing::info!(entry = %name, ?deletion, "keyring entry deleted");
        Ok(deletion)
    }

    /// Every entry of Keyfob's, of all realms; no secret is read.
    pub async fn list(&self) -> Result<Vec<KeyringEntry>> {
        self.ask(Owner::list).await
    }

    /// Asks nobody to unlock anything.
    pub async fn state(&self) -> KeyringState {
        match self.ask(|owner| owner.ring.check()).await {
            Ok(()) => KeyringState::Ready,
            Err(error) if error.code == Code::KeyringLocked => KeyringState::Locked,
            Err(error) => KeyringState::Unavailable(error.message),
        }
    }

    /// `Some`: whoever can ask a person should ask for the keyring file's passphrase.
    pub async fn needs_passphrase(&self) -> Result<Option<PassphraseUse>> {
        self.ask(|owner| match &owner.ring {
            Ring::File(ring) => ring.needs_passphrase(),
            Ring::System(_) | Ring::Memory(_) => Ok(None),
            #[cfg(test)]
            Ring::Stuck(_) => Ok(None),
        })
        .await
    }

    /// Tried at once on an existing file. A wrong one is refused, and forgotten.
    pub async fn provide_passphrase(&self, passphrase: Secret) -> Result<()> {
        self.ask(move |owner| match &mut owner.ring {
            Ring::File(ring) => ring.provide_passphrase(passphrase),
            Ring::System(_) | Ring::Memory(_) => Err(no_passphrase()),
            #[cfg(test)]
            Ring::Stuck(_) => Err(no_passphrase()),
        })
        .await
    }

    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Owner) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, mut answer) = oneshot::channel();
        let job: Job = Box::new(move |owner| {
            // Who was told that it failed must not find it done later.
            if !reply.is_closed() {
                let _ = reply.send(work(owner));
            }
        });
        let stopped = || unavailable("the keyring thread is gone").hint("start the program again");
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
                "the keyring has not answered for {seconds} s: it waits to be unlocked"
            ))
            .hint(system::HOW_TO_UNLOCK)
        } else {
            unavailable(format!("the keyring does not answer within {seconds} s"))
                .hint(system::HOW_TO_GET_ONE)
        }
    }
}

/// The keyring and what only its thread may touch.
struct Owner {
    ring: Ring,
    value_limit: Option<usize>,
}

enum Ring {
    System(system::SystemKeyring),
    File(Box<file::FileKeyring>),
    Memory(Entries),
    /// A keyring that answers when the channel is closed.
    #[cfg(test)]
    Stuck(mpsc::Receiver<()>),
}

type Entries = BTreeMap<String, (Attributes, Secret)>;

impl Owner {
    fn read(&mut self, name: &EntryName) -> Result<Option<Secret>> {
        let account = name.to_string();
        let Some(value) = self.ring.read(&account)? else {
            return Ok(None);
        };
        let Some(head) = parts::PartsHead::parse(value.expose()) else {
            return Ok(Some(value));
        };
        let mut found = Vec::new();
        for part in head.accounts(&account) {
            found.extend(self.ring.read(&part)?);
        }
        match head.join(&found) {
            Some(whole) => Ok(Some(whole)),
            None => Err(unusable(
                name,
                "is kept in parts that do not belong together",
            )),
        }
    }

    fn write(&mut self, entry: &KeyringEntry, value: &Secret) -> Result<()> {
        let account = entry.name.to_string();
        let Some(limit) = self.value_limit else {
            return self.ring.write(&account, &entry.attributes, value);
        };
        let previous = self.head(&account)?;
        match parts::split(value, limit, previous.as_ref()) {
            None => self.ring.write(&account, &entry.attributes, value)?,
            Some((head, parts)) => {
                for (part, text) in head.accounts(&account).iter().zip(&parts) {
                    self.ring.write(part, &entry.attributes, text)?;
                }
                self.ring.write(&account, &entry.attributes, &head.text())?;
            }
        }
        self.delete_parts(&account, previous.as_ref())
    }

    fn delete(&mut self, account: &str) -> Result<Deletion> {
        let previous = match self.value_limit {
            Some(_) => self.head(account)?,
            None => None,
        };
        let deletion = self.ring.delete(account)?;
        self.delete_parts(account, previous.as_ref())?;
        Ok(deletion)
    }

    fn list(&mut self) -> Result<Vec<KeyringEntry>> {
        let found = self
            .ring
            .list()?
            .into_iter()
            .filter(|(account, _)| !parts::is_part(account));
        Ok(found
            .filter_map(|(account, attributes)| {
                Some(KeyringEntry {
                    name: EntryName::parse(&account)?,
                    attributes,
                })
            })
            .collect())
    }

    fn head(&mut self, account: &str) -> Result<Option<parts::PartsHead>> {
        Ok(self
            .ring
            .read(account)?
            .and_then(|value| parts::PartsHead::parse(value.expose())))
    }

    fn delete_parts(&mut self, account: &str, head: Option<&parts::PartsHead>) -> Result<()> {
        for part in head.iter().flat_map(|head| head.accounts(account)) {
            self.ring.delete(&part)?;
        }
        Ok(())
    }
}

/// One entry at a time, by account.
impl Ring {
    fn read(&mut self, account: &str) -> Result<Option<Secret>> {
        match self {
            Ring::System(ring) => ring.read(account),
            Ring::File(ring) => Ok(ring.entries()?.get(account).map(|(_, value)| value.clone())),
            Ring::Memory(entries) => Ok(entries.get(account).map(|(_, value)| value.clone())),
            #[cfg(test)]
            Ring::Stuck(until) => stuck(until),
        }
    }

    fn attributes(&mut self, account: &str) -> Result<Option<Attributes>> {
        match self {
            Ring::System(ring) => ring.attributes(account),
            Ring::File(ring) => Ok(ring
                .entries()?
                .get(account)
                .map(|(attributes, _)| attributes.clone())),
            Ring::Memory(entries) => Ok(entries
                .get(account)
                .map(|(attributes, _)| attributes.clone())),
            #[cfg(test)]
            Ring::Stuck(until) => stuck(until),
        }
    }

    fn write(&mut self, account: &str, attributes: &Attributes, value: &Secret) -> Result<()> {
        let insert = |entries: &mut Entries| {
            entries.insert(account.to_owned(), (attributes.clone(), value.clone()));
        };
        match self {
            Ring::System(ring) => ring.write(account, attributes, value),
            Ring::File(ring) => ring.change(insert),
            Ring::Memory(entries) => {
                insert(entries);
                Ok(())
            }
            #[cfg(test)]
            Ring::Stuck(until) => stuck(until),
        }
    }

    fn delete(&mut self, account: &str) -> Result<Deletion> {
        let remove = |entries: &mut Entries| match entries.remove(account) {
            Some(_) => Deletion::Removed,
            None => Deletion::Absent,
        };
        match self {
            Ring::System(ring) => ring.delete(account),
            Ring::File(ring) => {
                let is_there = ring.entries()?.contains_key(account);
                if is_there {
                    ring.change(remove)
                } else {
                    Ok(Deletion::Absent)
                }
            }
            Ring::Memory(entries) => Ok(remove(entries)),
            #[cfg(test)]
            Ring::Stuck(until) => stuck(until),
        }
    }

    fn list(&mut self) -> Result<Vec<(String, Attributes)>> {
        let names = |entries: &Entries| {
            entries
                .iter()
                .map(|(account, (attributes, _))| (account.clone(), attributes.clone()))
                .collect()
        };
        match self {
            Ring::System(ring) => ring.list(),
            Ring::File(ring) => Ok(names(ring.entries()?)),
            Ring::Memory(entries) => Ok(names(entries)),
            #[cfg(test)]
            Ring::Stuck(until) => stuck(until),
        }
    }

    fn check(&mut self) -> Result<()> {
        match self {
            Ring::System(ring) => ring.check(),
            Ring::File(ring) => ring.entries().map(|_| ()),
            Ring::Memory(_) => Ok(()),
            #[cfg(test)]
            Ring::Stuck(until) => stuck(until),
        }
    }
}

#[cfg(test)]
fn stuck<T>(until: &mpsc::Receiver<()>) -> Result<T> {
    let _ = until.recv();
    Err(unavailable("the keyring was stuck"))
}

fn locked(message: impl Into<String>) -> Error {
    Error::new(Code::KeyringLocked, message)
}

fn unavailable(message: impl Into<String>) -> Error {
    Error::new(Code::KeyringUnavailable, message)
}

fn no_passphrase() -> Error {
    Error::new(
        Code::InvalidInput,
        "this keyring takes no passphrase from Keyfob",
    )
}

/// An entry that is there and cannot be used as it is. It stays.
pub(super) fn unusable(name: &EntryName, why: impl fmt::Display) -> Error {
    Error::new(
        Code::KeyringEntryInvalid,
        format!("the keyring entry {name} {why}"),
    )
    .hint(format!(
        "Keyfob leaves it alone: look at {name} of {SERVICE} in the keyring"
    ))
    .identity(name.name())
}

#[cfg(test)]
mod tests;
