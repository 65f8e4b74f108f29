//! Sign-out marks: signed out stays signed out. Each name has a generation, raised by every
//! sign-out, and a mark that lasts until somebody signs in again. A sign-in takes its [`Ticket`]
//! when it begins and may store only while the generation is still the ticket's; both are looked at
//! under the lock of the name's session entry, so that there is no gap between.

use super::keyring::{EntryKind, EntryName};
use super::{Store, value};
use crate::error::{Code, Error, Result};
use crate::files::{self, FileLock, unwritable};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::SystemTime;

const VERSION: u32 = 1;

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
struct Marks {
    v: u32,
    marks: Vec<Mark>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    configuration: String,
    name: String,
    generation: u64,
    signed_out_at: Option<jiff::Timestamp>,
}

impl Marks {
    fn none() -> Marks {
        Marks {
            v: VERSION,
            marks: Vec::new(),
        }
    }
}

impl Store {
    /// Since when the name is signed out; `None`: it is not. Writes nothing.
    pub fn signed_out_since(&self, name: &str) -> Result<Option<SystemTime>> {
        let marks = self.marks(name)?;
        Ok(self
            .mark(&marks, name)
            .and_then(|mark| mark.signed_out_at)
            .map(SystemTime::from))
    }

    /// Taken when a sign-in begins. Writes nothing.
    pub fn ticket(&self, name: &str) -> Result<Ticket> {
        let marks = self.marks(name)?;
        let generation = self.mark(&marks, name).map_or(0, |mark| mark.generation);
        Ok(Ticket {
            name: name.to_owned(),
            generation,
        })
    }

    /// From now on nobody who began to sign in before stores anything under this name, and nobody
    /// is served by it. A file of marks that cannot be read is replaced: whatever it said, this
    /// holds.
    pub async fn sign_out(&self, name: &str) -> Result<()> {
        let _lock = self.session_lock(name).await?;
        let now = value::timestamp(self.clock.now())?;
        let (mut marks, lowest) = match self.marks(name) {
            Ok(marks) => (marks, 0),
            Err(error) => {
                tracing::warn!(%error, "unreadable sign-out marks replaced");
                // Above any count of sign-outs.
                (
                    Marks::none(),
                    u64::try_from(now.as_second()).unwrap_or_default(),
                )
            }
        };
        let generation = self
            .mark(&marks, name)
            .map_or(lowest, |mark| mark.generation)
            + 1;
        self.put(&mut marks, name, generation, Some(now))?;
        tracing::info!(name, generation, "signed out");
        Ok(())
    }

    /// Somebody has signed in: the mark goes, unless another sign-out came after the ticket was
    /// taken.
    pub async fn lift_sign_out(&self, ticket: &Ticket) -> Result<()> {
        if self.signed_out_since(&ticket.name)?.is_none() {
            return self.unchanged(ticket);
        }
        let _lock = self.session_lock(&ticket.name).await?;
        self.unchanged(ticket)?;
        let mut marks = self.marks(&ticket.name)?;
        self.put(&mut marks, &ticket.name, ticket.generation, None)
    }

    /// While the result lives nobody can sign the name out; an error if somebody has since the
    /// ticket was taken.
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
        Err(Error::new(
            Code::SignedOut,
            format!("{name} was signed out while it was signing in; nothing was stored"),
        )
        .hint(format!("fob login {name}"))
        .identity(name))
    }

    /// Where the mark is kept.
    pub fn mark_path(&self, name: &str) -> PathBuf {
        self.marks.join(format!(
            "{}.json",
            files::file_name(&name.to_ascii_lowercase())
        ))
    }

    fn marks(&self, name: &str) -> Result<Marks> {
        let path = self.mark_path(name);
        let Some(text) = files::read(&path)? else {
            return Ok(Marks::none());
        };
        match serde_json::from_slice::<Marks>(&text) {
            Ok(marks) if marks.v == VERSION => Ok(marks),
            Ok(_) | Err(_) => {
                let cause = std::io::Error::other("it is not what this Keyfob writes");
                let error = unwritable(&path, "read the sign-out mark", &cause);
                Err(error.hint(format!("`fob logout {name}` writes it anew")))
            }
        }
    }

    fn mark<'m>(&self, marks: &'m Marks, name: &str) -> Option<&'m Mark> {
        marks.marks.iter().find(|mark| self.is_of(mark, name))
    }

    fn is_of(&self, mark: &Mark, name: &str) -> bool {
        mark.configuration == self.configuration && mark.name.eq_ignore_ascii_case(name)
    }

    /// The caller holds the lock.
    fn put(
        &self,
        marks: &mut Marks,
        name: &str,
        generation: u64,
        since: Option<jiff::Timestamp>,
    ) -> Result<()> {
        marks.marks.retain(|mark| !self.is_of(mark, name));
        let (configuration, name) = (self.configuration.clone(), name.to_ascii_lowercase());
        let path = self.mark_path(&name);
        marks.marks.push(Mark {
            configuration,
            name,
            generation,
            signed_out_at: since,
        });
        files::create_folder(&self.marks)?;
        let text = serde_json::to_vec(&marks).expect("text, numbers and times always become JSON");
        files::replace(&path, &text)
    }

    async fn session_lock(&self, name: &str) -> Result<FileLock> {
        self.entry_lock(&EntryName::new(&self.realm, EntryKind::Session, name))
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::tests::session;
    use crate::store::{Backend, Keychain, Options};
    use std::fs;
    use std::path::Path;

    fn store(folder: &Path, configuration: &str) -> Store {
        Store::open(Options {
            keychain: Keychain::open(Backend::Memory),
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
        let before = store.ticket("Dev").expect("readable");
        store.sign_out("dev").await.expect("signed out");
        assert!(store.signed_out_since("DEV").expect("readable").is_some());
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
                .unless_signed_out(&before)
                .await
                .expect_err("too late")
                .code,
            Code::SignedOut
        );
        assert_eq!(
            store
                .lift_sign_out(&before)
                .await
                .expect_err("too late")
                .code,
            Code::SignedOut
        );
        assert_eq!(store.session("dev").await.expect("none"), None);
        let after = store.ticket("dev").expect("readable");
        store.put_session(&after, &session()).await.expect("put");
        assert!(
            store.signed_out_since("dev").expect("readable").is_some(),
            "storing alone lifts nothing"
        );
        store.lift_sign_out(&after).await.expect("lifted");
        assert_eq!(store.signed_out_since("dev").expect("readable"), None);
        assert!(
            store.unless_signed_out(&after).await.is_ok(),
            "signing in raises no generation"
        );
        assert!(
            store.unless_signed_out(&before).await.is_err(),
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
        mine.sign_out("a/b").await.expect("signed out");
        assert_eq!(mine.mark_path("a/b"), mine.mark_path("a_b"));
        assert_eq!(mine.signed_out_since("a_b").expect("readable"), None);
        assert_eq!(other.signed_out_since("a/b").expect("readable"), None);
        other.sign_out("a/b").await.expect("signed out");
        mine.lift_sign_out(&mine.ticket("a/b").expect("readable"))
            .await
            .expect("lifted");
        assert!(other.signed_out_since("a/b").expect("readable").is_some());
    }

    #[tokio::test]
    async fn a_damaged_mark_serves_nobody_until_the_next_sign_out_replaces_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path(), "/a.yaml");
        let old = store.ticket("dev").expect("readable");
        store.sign_out("dev").await.expect("signed out");
        for damage in ["", "{", "{\"v\":2,\"marks\":[]}"] {
            fs::write(store.mark_path("dev"), damage).expect("written");
            let error = store.signed_out_since("dev").expect_err("damaged");
            assert!(
                error.message.contains("dev.json") && !error.hints.is_empty(),
                "{error}"
            );
            assert!(store.unless_signed_out(&old).await.is_err());
        }
        store.sign_out("dev").await.expect("replaced");
        assert!(store.signed_out_since("dev").expect("readable").is_some());
        assert!(store.ticket("dev").expect("readable").generation > 1_000_000);
        #[cfg(unix)]
        assert_eq!(crate::files::child::mode(&store.mark_path("dev")), 0o600);
    }

    #[tokio::test]
    async fn what_is_being_stored_under_the_lock_is_there_before_the_sign_out_comes_through() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path(), "/a.yaml");
        let held = store
            .unless_signed_out(&store.ticket("dev").expect("readable"))
            .await
            .expect("not signed out");
        let signing_out = tokio::spawn({
            let store = store.clone();
            async move { store.sign_out("dev").await }
        });
        Clock::nap(std::time::Duration::from_millis(150)).await;
        assert!(
            !signing_out.is_finished()
                && store.signed_out_since("dev").expect("readable").is_none()
        );
        drop(held);
        signing_out.await.expect("no panic").expect("signed out");
    }
}
