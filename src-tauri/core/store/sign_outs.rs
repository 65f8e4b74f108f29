//! Sign-out records: what was signed out of stays so. Each name, of an identity or a provider's
//! ([`of_provider`]), has a generation, raised by every sign-out, and a record that lasts until the
//! next sign-in. A sign-in takes its [`Ticket`] when it begins and may store only while the
//! generation is still the ticket's; both are compared under the lock of the name's session entry,
//! so that there is no gap between. Beside it: that AWS no longer knew the name's session, until
//! another is stored.

use super::keyring::{EntryKind, EntryName};
use super::locks::RealmLocks;
use super::value;
use crate::error::{Code, Error, Result};
use crate::files::{self, FileLock, unwritable};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::SystemTime;

const VERSION: u32 = 1;

/// No name of the configuration has a `~`.
const OF_PROVIDER: &str = "~provider";

/// A provider's name beside that of an identity, which may be the same.
pub fn of_provider(name: &str) -> String {
    format!("{name}{OF_PROVIDER}")
}

fn command(verb: &str, name: &str) -> String {
    match name.strip_suffix(OF_PROVIDER) {
        Some(provider) => format!("fob {verb} --provider {provider}"),
        None => format!("fob {verb} {name}"),
    }
}

/// The generation that a sign-in began with.
#[derive(Clone, Debug)]
pub struct Ticket {
    name: String,
    generation: u64,
}

impl Ticket {
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// One file for each name; two names that share a file name share the file.
#[derive(Debug, Serialize, Deserialize)]
struct SignOutFile {
    v: u32,
    marks: Vec<SignOutRecord>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct SignOutRecord {
    configuration: String,
    name: String,
    generation: u64,
    signed_out_at: Option<Timestamp>,
    /// When AWS no longer knew the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused_at: Option<Timestamp>,
}

impl SignOutFile {
    fn empty() -> SignOutFile {
        SignOutFile {
            v: VERSION,
            marks: Vec::new(),
        }
    }
}

/// The sign-out records of one configuration.
#[derive(Clone, Debug)]
pub struct SignOuts {
    realm: String,
    configuration: String,
    pub(super) folder: PathBuf,
    locks: RealmLocks,
}

impl SignOuts {
    pub(super) fn new(
        realm: &str,
        configuration: &str,
        folder: PathBuf,
        locks: RealmLocks,
    ) -> SignOuts {
        SignOuts {
            realm: realm.to_owned(),
            configuration: configuration.to_owned(),
            folder,
            locks,
        }
    }

    /// The moment of the sign-out; `None`: the name is not signed out. Writes nothing.
    pub fn since(&self, name: &str) -> Result<Option<SystemTime>> {
        let file = self.read(name)?;
        let record = self.record(&file, name);
        Ok(record
            .and_then(|record| record.signed_out_at)
            .map(SystemTime::from))
    }

    /// Whether AWS no longer knew the last session. Writes nothing.
    pub fn is_refused(&self, name: &str) -> Result<bool> {
        let file = self.read(name)?;
        let record = self.record(&file, name);
        Ok(record.is_some_and(|record| record.refused_at.is_some()))
    }

    /// AWS no longer knows the session of the name.
    pub async fn refused(&self, name: &str) -> Result<()> {
        let _lock = self.session_lock(name).await?;
        let now = value::timestamp(self.locks.clock.now())?;
        let (file, record) = self.now(name)?;
        let refused_at = Some(now);
        self.put(
            file,
            SignOutRecord {
                refused_at,
                ..record
            },
        )
    }

    /// Another session is stored. The caller holds the lock.
    pub(super) fn replaced(&self, name: &str) -> Result<()> {
        if !self.is_refused(name)? {
            return Ok(());
        }
        let (file, record) = self.now(name)?;
        let refused_at = None;
        self.put(
            file,
            SignOutRecord {
                refused_at,
                ..record
            },
        )
    }

    /// Taken when a sign-in begins. Writes nothing.
    pub fn ticket(&self, name: &str) -> Result<Ticket> {
        let file = self.read(name)?;
        let generation = self
            .record(&file, name)
            .map_or(0, |record| record.generation);
        Ok(Ticket {
            name: name.to_owned(),
            generation,
        })
    }

    /// Ends the name's generation: a sign-in that began before stores nothing any more, and no
    /// client is served. A file that cannot be read is replaced.
    pub async fn sign_out(&self, name: &str) -> Result<()> {
        let _lock = self.session_lock(name).await?;
        let now = value::timestamp(self.locks.clock.now())?;
        let (file, lowest) = match self.read(name) {
            Ok(file) => (file, 0),
            Err(error) => {
                tracing::warn!(%error, "unreadable sign-out marks replaced");
                // Above any count of sign-outs.
                let lowest = u64::try_from(now.as_second()).unwrap_or_default();
                (SignOutFile::empty(), lowest)
            }
        };
        let before = self.record(&file, name);
        let generation = before.map_or(lowest, |record| record.generation) + 1;
        let record = SignOutRecord {
            generation,
            signed_out_at: Some(now),
            ..self.first(name)
        };
        self.put(file, record)?;
        tracing::info!(name, generation, "signed out");
        Ok(())
    }

    /// After a sign-in: the record goes, unless there was another sign-out since the ticket was
    /// taken.
    pub async fn lift(&self, ticket: &Ticket) -> Result<()> {
        if self.since(&ticket.name)?.is_none() {
            return self.unchanged(ticket);
        }
        let _lock = self.session_lock(&ticket.name).await?;
        self.unchanged(ticket)?;
        let (file, record) = self.now(&ticket.name)?;
        let signed_out_at = None;
        self.put(
            file,
            SignOutRecord {
                signed_out_at,
                ..record
            },
        )
    }

    /// A guard that keeps sign-outs of the name waiting; an error if there was one since the ticket
    /// was taken.
    pub async fn unless_signed_out(&self, ticket: &Ticket) -> Result<FileLock> {
        let lock = self.session_lock(&ticket.name).await?;
        self.unchanged(ticket)?;
        Ok(lock)
    }

    /// An error if the name was signed out since the ticket was taken.
    pub fn unchanged(&self, ticket: &Ticket) -> Result<()> {
        let Ticket { name, generation } = ticket;
        if self.ticket(name)?.generation == *generation {
            return Ok(());
        }
        let shown = name.strip_suffix(OF_PROVIDER).unwrap_or(name);
        let message = format!("{shown} was signed out while it was signing in; nothing was stored");
        Err(Error::new(Code::SignedOut, message)
            .hint(command("login", name))
            .identity(shown))
    }

    /// The file that holds the name's record.
    pub fn path(&self, name: &str) -> PathBuf {
        let file = files::file_name(&name.to_ascii_lowercase());
        self.folder.join(format!("{file}.json"))
    }

    fn read(&self, name: &str) -> Result<SignOutFile> {
        let path = self.path(name);
        let Some(text) = files::read(&path)? else {
            return Ok(SignOutFile::empty());
        };
        match serde_json::from_slice::<SignOutFile>(&text) {
            Ok(file) if file.v == VERSION => Ok(file),
            Ok(_) | Err(_) => {
                let cause = std::io::Error::other("it was not written by this version of Keyfob");
                let error = unwritable(&path, "read the sign-out record", &cause);
                Err(error.hint(format!("`{}` writes it anew", command("logout", name))))
            }
        }
    }

    fn record<'f>(&self, file: &'f SignOutFile, name: &str) -> Option<&'f SignOutRecord> {
        file.marks.iter().find(|record| self.is_of(record, name))
    }

    /// The file, and the name's record in it.
    fn now(&self, name: &str) -> Result<(SignOutFile, SignOutRecord)> {
        let file = self.read(name)?;
        let record = self.record(&file, name).cloned();
        Ok((file, record.unwrap_or_else(|| self.first(name))))
    }

    fn first(&self, name: &str) -> SignOutRecord {
        SignOutRecord {
            configuration: self.configuration.clone(),
            name: name.to_ascii_lowercase(),
            generation: 0,
            signed_out_at: None,
            refused_at: None,
        }
    }

    fn is_of(&self, record: &SignOutRecord, name: &str) -> bool {
        record.configuration == self.configuration && record.name.eq_ignore_ascii_case(name)
    }

    /// The caller holds the lock.
    fn put(&self, mut file: SignOutFile, record: SignOutRecord) -> Result<()> {
        let path = self.path(&record.name);
        file.marks.retain(|other| !self.is_of(other, &record.name));
        file.marks.push(record);
        files::create_folder(&self.folder)?;
        let text = serde_json::to_vec(&file).expect("text, numbers and times always become JSON");
        files::replace(&path, &text)
    }

    async fn session_lock(&self, name: &str) -> Result<FileLock> {
        let entry = EntryName::new(&self.realm, EntryKind::Session, name);
        self.locks.entry(&entry).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::keyring::memory_keyring;
    use crate::store::tests::session;
    use crate::store::{Store, StoreScope};
    use std::fs;
    use std::path::Path;

    fn store(folder: &Path, configuration: &str) -> Store {
        Store::open(StoreScope {
            keyring: memory_keyring(),
            realm: "default".to_owned(),
            configuration: configuration.into(),
            state_folder: folder.to_owned(),
            clock: Clock::system(),
        })
    }

    #[tokio::test]
    async fn a_sign_in_that_began_before_a_sign_out_stores_nothing_and_lifts_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path(), "/a.yaml");
        let before = store.sign_outs.ticket("Dev").expect("readable");
        store.sign_outs.sign_out("dev").await.expect("signed out");
        assert!(store.sign_outs.since("DEV").expect("readable").is_some());
        assert_eq!(
            store
                .put_session(&before, &session())
                .await
                .expect_err("too late")
                .code,
            Code::SignedOut
        );
        assert_eq!(
            store
                .sign_outs
                .unless_signed_out(&before)
                .await
                .expect_err("too late")
                .code,
            Code::SignedOut
        );
        assert_eq!(
            store
                .sign_outs
                .lift(&before)
                .await
                .expect_err("too late")
                .code,
            Code::SignedOut
        );
        assert_eq!(store.session("dev", None).await.expect("none"), None);
        let after = store.sign_outs.ticket("dev").expect("readable");
        store.put_session(&after, &session()).await.expect("put");
        assert!(
            store.sign_outs.since("dev").expect("readable").is_some(),
            "storing alone lifts nothing"
        );
        store.sign_outs.lift(&after).await.expect("lifted");
        assert_eq!(store.sign_outs.since("dev").expect("readable"), None);
        assert!(
            store.sign_outs.unless_signed_out(&after).await.is_ok(),
            "signing in raises no generation"
        );
        assert!(
            store.sign_outs.unless_signed_out(&before).await.is_err(),
            "the old ticket stays old"
        );
    }

    #[tokio::test]
    async fn two_configurations_and_two_names_of_one_file_have_marks_of_their_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mine, other) = (
            store(folder.path(), "/a.yaml"),
            store(folder.path(), "/b.yaml"),
        );
        mine.sign_outs.sign_out("a/b").await.expect("signed out");
        assert_eq!(mine.sign_outs.path("a/b"), mine.sign_outs.path("a_b"));
        assert_eq!(mine.sign_outs.since("a_b").expect("readable"), None);
        assert_eq!(other.sign_outs.since("a/b").expect("readable"), None);
        other.sign_outs.sign_out("a/b").await.expect("signed out");
        mine.sign_outs
            .lift(&mine.sign_outs.ticket("a/b").expect("readable"))
            .await
            .expect("lifted");
        assert!(other.sign_outs.since("a/b").expect("readable").is_some());
    }

    #[tokio::test]
    async fn a_damaged_mark_serves_nobody_until_the_next_sign_out_replaces_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path(), "/a.yaml");
        let old = store.sign_outs.ticket("dev").expect("readable");
        store.sign_outs.sign_out("dev").await.expect("signed out");
        for damage in ["", "{", "{\"v\":2,\"marks\":[]}"] {
            fs::write(store.sign_outs.path("dev"), damage).expect("written");
            let error = store.sign_outs.since("dev").expect_err("damaged");
            assert!(
                error.message.contains("dev.json") && !error.hints.is_empty(),
                "{error}"
            );
            assert!(store.sign_outs.unless_signed_out(&old).await.is_err());
        }
        store.sign_outs.sign_out("dev").await.expect("replaced");
        assert!(store.sign_outs.since("dev").expect("readable").is_some());
        assert!(store.sign_outs.ticket("dev").expect("readable").generation > 1_000_000);
        #[cfg(unix)]
        assert_eq!(
            crate::files::child::mode(&store.sign_outs.path("dev")),
            0o600
        );
    }

    #[tokio::test]
    async fn what_is_being_stored_under_the_lock_is_there_before_the_sign_out_comes_through() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path(), "/a.yaml");
        let held = store
            .sign_outs
            .unless_signed_out(&store.sign_outs.ticket("dev").expect("readable"))
            .await
            .expect("not signed out");
        let signing_out = tokio::spawn({
            let store = store.clone();
            async move { store.sign_outs.sign_out("dev").await }
        });
        Clock::nap(std::time::Duration::from_millis(150)).await;
        assert!(
            !signing_out.is_finished() && store.sign_outs.since("dev").expect("readable").is_none()
        );
        drop(held);
        signing_out.await.expect("no panic").expect("signed out");
    }
}
