//! The keyring in one file, encrypted with a passphrase (age). Changed only under its lock, written
//! beside and renamed. A passphrase that does not fit and a file that cannot be read leave the file
//! as it is.

use super::backend::{Backend, Entries, Progress, accounts, locked, unavailable};
use super::entry::{Attributes, Deletion};
use crate::ask::PassphraseUse;
use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::files;
use crate::files::{FileLock, Patience};
use crate::secret::Secret;
use age::secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// A tenth of a second or so. Fixed, for age would otherwise measure the machine; more is refused,
/// since reading it could take hours.
const WORK_FACTOR: u8 = 15;
/// Each of those ahead of us derives two keys, and fifty may be ahead on a slow machine.
const QUEUE_LIMIT: Duration = Duration::from_mins(1);
const VERSION: u32 = 1;

pub(super) struct FileKeyring {
    path: PathBuf,
    password_env: String,
    passphrase: Option<Secret>,
    /// The encrypted text that the passphrase was wrong for: no need to derive again to know.
    refused: Option<Vec<u8>>,
    /// The encrypted text last read or written, and what it holds.
    known: Option<(Vec<u8>, Entries)>,
    progress: Arc<Progress>,
}

#[derive(Serialize, Deserialize)]
struct FileContent<E> {
    v: u32,
    entries: BTreeMap<String, E>,
}

#[derive(Serialize)]
struct EntryWritten<'a> {
    configuration: Option<&'a str>,
    v: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holds: Option<&'a str>,
    value: &'a str,
}

#[derive(Deserialize)]
struct EntryRead {
    configuration: Option<String>,
    v: Option<String>,
    holds: Option<String>,
    value: String,
}

static NOTHING: Entries = BTreeMap::new();

impl FileKeyring {
    pub fn new(
        path: PathBuf,
        passphrase: Option<Secret>,
        password_env: String,
        progress: Arc<Progress>,
    ) -> FileKeyring {
        let passphrase = passphrase.filter(|passphrase| !passphrase.expose().is_empty());
        FileKeyring {
            path,
            password_env,
            passphrase,
            refused: None,
            known: None,
            progress,
        }
    }

    /// The file's entries. Derives the key only when the file has changed since.
    fn entries(&mut self) -> Result<&Entries> {
        let passphrase = self.passphrase()?;
        let Some(text) = files::read(&self.real_path())? else {
            self.known = None;
            return Ok(&NOTHING);
        };
        if self.known.as_ref().is_none_or(|(known, _)| *known != text) {
            if self.refused.as_ref() == Some(&text) {
                return Err(self.wrong_passphrase());
            }
            let entries = self.decrypt(&text, &passphrase)?;
            self.known = Some((text, entries));
        }
        Ok(self.known.as_ref().map_or(&NOTHING, |(_, entries)| entries))
    }

    /// Reads, changes and writes under the file's lock, so that no change is lost.
    fn change<T>(&mut self, edit: impl FnOnce(&mut Entries) -> T) -> Result<T> {
        let passphrase = self.passphrase()?;
        let _lock = self.lock()?;
        let mut entries = self.entries()?.clone();
        let result = edit(&mut entries);
        let text = self.encrypt(&entries, &passphrase)?;
        files::replace(&self.real_path(), &text)?;
        self.known = Some((text, entries));
        Ok(result)
    }

    fn passphrase(&self) -> Result<Secret> {
        self.passphrase.clone().ok_or_else(|| {
            locked(format!(
                "the keyring file {} is locked: its passphrase is not known",
                self.path.display()
            ))
            .hint(format!("set {}", self.password_env))
        })
    }

    fn wrong_passphrase(&self) -> Error {
        locked(format!(
            "the passphrase does not open the keyring file {}",
            self.path.display()
        ))
        .hint(format!(
            "set {} to the passphrase that the file was made with",
            self.password_env
        ))
    }

    fn broken(&self, why: &str) -> Error {
        let path = self.path.display();
        Error::new(
            Code::KeyringEntryInvalid,
            format!("the keyring file {path} cannot be used: {why}"),
        )
        .hint(format!(
            "put a good copy in its place, or move {path} away to start with an empty keyring"
        ))
    }

    /// A link is written through, not over.
    fn real_path(&self) -> PathBuf {
        fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    /// Beside the file, because all who share the file must share the lock.
    fn lock(&self) -> Result<FileLock> {
        let path = self.real_path();
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".lock");
        let _deriving = self.progress.deriving();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime
            .map_err(|error| unavailable(format!("the keyring thread cannot wait: {error}")))?
            .block_on(FileLock::acquire(
                &path.with_file_name(name),
                Patience::AtMost(QUEUE_LIMIT),
                &Clock::system(),
            ))
    }

    fn decrypt(&mut self, text: &[u8], passphrase: &Secret) -> Result<Entries> {
        let mut identity = age::scrypt::Identity::new(secret_string(passphrase));
        identity.set_max_work_factor(WORK_FACTOR);
        let decrypted = {
            let _deriving = self.progress.deriving();
            age::decrypt(&identity, text)
        };
        let plain = match decrypted {
            Ok(plain) => Zeroizing::new(plain),
            Err(age::DecryptError::DecryptionFailed) => {
                self.refused = Some(text.to_vec());
                return Err(self.wrong_passphrase());
            }
            Err(age::DecryptError::ExcessiveWork { .. }) => {
                return Err(
                    self.broken("it was not encrypted by Keyfob (its work factor is not 15)")
                );
            }
            Err(_) => return Err(self.broken("it is damaged, or is not a keyring file")),
        };
        let damaged = |_| self.broken("its content is not what Keyfob writes");
        let version: VersionOnly = serde_json::from_slice(&plain).map_err(damaged)?;
        if version.v != VERSION {
            return Err(self.broken(&format!(
                "its version is {}, this Keyfob knows {VERSION}",
                version.v
            )));
        }
        let content: FileContent<EntryRead> = serde_json::from_slice(&plain).map_err(damaged)?;
        let entry = |entry: EntryRead| {
            let attributes = Attributes {
                configuration: entry.configuration,
                version: entry.v,
                holds: entry.holds,
            };
            (attributes, Secret::new(entry.value))
        };
        Ok(content
            .entries
            .into_iter()
            .map(|(account, stored)| (account, entry(stored)))
            .collect())
    }

    fn encrypt(&self, entries: &Entries, passphrase: &Secret) -> Result<Vec<u8>> {
        let stored = entries.iter().map(|(account, (attributes, value))| {
            let Attributes {
                configuration,
                version,
                holds,
            } = attributes;
            let entry = EntryWritten {
                configuration: configuration.as_deref(),
                v: version.as_deref(),
                holds: holds.as_deref(),
                value: value.expose(),
            };
            (account.clone(), entry)
        });
        let content = FileContent {
            v: VERSION,
            entries: stored.collect(),
        };
        let plain = Zeroizing::new(serde_json::to_vec(&content).expect("text always becomes JSON"));
        let _deriving = self.progress.deriving();
        let mut recipient = age::scrypt::Recipient::new(secret_string(passphrase));
        recipient.set_work_factor(WORK_FACTOR);
        age::encrypt(&recipient, &plain).map_err(|error| {
            unavailable(format!(
                "{} cannot be encrypted: {error}",
                self.path.display()
            ))
        })
    }
}

impl Backend for FileKeyring {
    fn read(&mut self, account: &str) -> Result<Option<Secret>> {
        let entries = self.entries()?;
        Ok(entries.get(account).map(|(_, value)| value.clone()))
    }

    fn attributes(&mut self, account: &str) -> Result<Option<Attributes>> {
        let entries = self.entries()?;
        Ok(entries
            .get(account)
            .map(|(attributes, _)| attributes.clone()))
    }

    fn write(&mut self, account: &str, attributes: &Attributes, value: &Secret) -> Result<()> {
        let entry = (attributes.clone(), value.clone());
        self.change(|entries| drop(entries.insert(account.to_owned(), entry)))
    }

    fn delete(&mut self, account: &str) -> Result<Deletion> {
        if !self.entries()?.contains_key(account) {
            return Ok(Deletion::Absent);
        }
        self.change(|entries| match entries.remove(account) {
            Some(_) => Deletion::Removed,
            None => Deletion::Absent,
        })
    }

    fn list(&mut self) -> Result<Vec<(String, Attributes)>> {
        Ok(accounts(self.entries()?))
    }

    fn check(&mut self) -> Result<()> {
        self.entries().map(drop)
    }

    fn needs_passphrase(&mut self) -> Result<Option<PassphraseUse>> {
        Ok(match (&self.passphrase, files::read(&self.real_path())?) {
            (None, None) => Some(PassphraseUse::New),
            (None, Some(_)) => Some(PassphraseUse::Existing),
            (Some(_), Some(text)) if self.refused.as_ref() == Some(&text) => {
                Some(PassphraseUse::Existing)
            }
            (Some(_), _) => None,
        })
    }

    fn provide_passphrase(&mut self, passphrase: Secret) -> Result<()> {
        if passphrase.expose().is_empty() {
            return Err(Error::new(
                Code::InvalidInput,
                "the passphrase of the keyring file is empty",
            ));
        }
        let before = (
            self.passphrase.replace(passphrase),
            self.refused.take(),
            self.known.take(),
        );
        self.entries()
            .map(|_| ())
            .inspect_err(|_| (self.passphrase, self.refused, self.known) = before)
    }
}

#[derive(Deserialize)]
struct VersionOnly {
    v: u32,
}

fn secret_string(passphrase: &Secret) -> SecretString {
    SecretString::from(passphrase.expose().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::child;
    use crate::store::keyring::{EntryKind, EntryName, KeyringEntry, KeyringState, file_keyring};
    use std::path::Path;

    fn keyring(folder: &Path, passphrase: Option<&str>) -> FileKeyring {
        let path = folder.join("ring/keys.age");
        FileKeyring::new(
            path,
            passphrase.map(Secret::new),
            "RING_PASSWORD".to_owned(),
            Arc::default(),
        )
    }

    fn put(ring: &mut FileKeyring, account: &str, value: &str) -> Result<()> {
        let stored = (Attributes::default(), Secret::new(value));
        ring.change(|entries| drop(entries.insert(account.to_owned(), stored)))
    }

    fn content(folder: &Path) -> Vec<u8> {
        fs::read(folder.join("ring/keys.age")).expect("the file")
    }

    #[test]
    fn the_file_tells_nothing_and_belongs_to_its_owner() {
        let folder = tempfile::tempdir().expect("a folder");
        put(
            &mut keyring(folder.path(), Some("pw")),
            "default/keys/dev",
            "wJalrXUtnFEMI",
        )
        .expect("written");
        let text = String::from_utf8_lossy(&content(folder.path())).into_owned();
        assert!(
            text.starts_with("age-encryption.org/v1\n-> scrypt ") && text.contains(" 15\n"),
            "{text}"
        );
        assert!(!text.contains("wJalr") && !text.contains("dev"));
        #[cfg(unix)]
        for (name, mode) in [
            ("ring", 0o700),
            ("ring/keys.age", 0o600),
            ("ring/keys.age.lock", 0o600),
        ] {
            assert_eq!(child::mode(&folder.path().join(name)), mode, "{name}");
        }
    }

    #[test]
    fn a_wrong_or_missing_passphrase_is_said_and_leaves_the_file_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut nobody = keyring(folder.path(), None);
        assert_eq!(
            nobody.needs_passphrase().expect("none"),
            Some(PassphraseUse::New)
        );
        let error = nobody.entries().expect_err("locked");
        assert_eq!(
            (error.code, error.hints),
            (Code::KeyringLocked, vec!["set RING_PASSWORD".to_owned()])
        );

        put(&mut keyring(folder.path(), Some("pw")), "a", "1").expect("written");
        let before = content(folder.path());
        assert_eq!(
            nobody.needs_passphrase().expect("there"),
            Some(PassphraseUse::Existing)
        );
        assert_eq!(
            put(&mut nobody, "b", "2").expect_err("locked").code,
            Code::KeyringLocked
        );

        let mut wrong = keyring(folder.path(), Some("wrong"));
        for _ in 0..2 {
            assert_eq!(
                wrong.entries().expect_err("wrong").code,
                Code::KeyringLocked
            );
            assert_eq!(
                put(&mut wrong, "b", "2").expect_err("wrong").code,
                Code::KeyringLocked
            );
        }
        assert_eq!(
            wrong.needs_passphrase().expect("there"),
            Some(PassphraseUse::Existing)
        );
        assert_eq!(
            wrong
                .provide_passphrase(Secret::new("still wrong"))
                .expect_err("wrong")
                .code,
            Code::KeyringLocked
        );
        assert_eq!(
            wrong
                .provide_passphrase(Secret::new(""))
                .expect_err("empty")
                .code,
            Code::InvalidInput
        );
        assert_eq!(content(folder.path()), before);

        wrong.provide_passphrase(Secret::new("pw")).expect("right");
        assert_eq!(wrong.needs_passphrase().expect("known"), None);
        assert_eq!(wrong.entries().expect("open").len(), 1);
    }

    #[test]
    fn a_broken_file_is_said_and_never_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut ring = keyring(folder.path(), Some("pw"));
        put(&mut ring, "a", "1").expect("written");
        let good = content(folder.path());
        let mut flipped = good.clone();
        *flipped.last_mut().expect("not empty") ^= 1;
        let sealed = |plain: &str, factor: u8| {
            let mut recipient = age::scrypt::Recipient::new(SecretString::from("pw".to_owned()));
            recipient.set_work_factor(factor);
            age::encrypt(&recipient, plain.as_bytes()).expect("encrypted")
        };
        let broken = [
            Vec::new(),
            b"rubbish".to_vec(),
            good[..good.len() / 2].to_vec(),
            good[..good.len() - 1].to_vec(),
            flipped,
            sealed("not json", 15),
            sealed("{\"v\":2,\"entries\":{}}", 15),
            sealed("{\"v\":1,\"entries\":[]}", 15),
            sealed("{\"v\":1,\"entries\":{}}", 16),
        ];
        for text in broken {
            fs::write(folder.path().join("ring/keys.age"), &text).expect("written");
            let error = ring.entries().expect_err("broken");
            assert_eq!(error.code, Code::KeyringEntryInvalid, "{error}");
            assert!(error.message.contains("keys.age"), "{error}");
            assert_eq!(
                put(&mut ring, "b", "2").expect_err("broken").code,
                Code::KeyringEntryInvalid
            );
            assert_eq!(content(folder.path()), text);
        }
        fs::write(folder.path().join("ring/keys.age"), &good).expect("written");
        assert_eq!(ring.entries().expect("good again").len(), 1);
    }

    #[test]
    fn a_folder_where_the_file_should_be_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("ring/keys.age")).expect("a folder");
        let error = put(&mut keyring(folder.path(), Some("pw")), "a", "1").expect_err("a folder");
        assert_eq!(error.code, Code::FilesUnwritable);
        assert!(error.message.contains("keys.age"), "{error}");
    }

    #[test]
    fn the_key_is_derived_again_only_when_the_file_has_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut ring = keyring(folder.path(), Some("pw"));
        put(&mut ring, "a", "1").expect("written");
        ring.passphrase = Some(Secret::new("wrong"));
        assert_eq!(ring.entries().expect("not derived").len(), 1);
        put(&mut keyring(folder.path(), Some("pw")), "b", "2").expect("written");
        assert_eq!(
            ring.entries().expect_err("derived").code,
            Code::KeyringLocked
        );
        ring.passphrase = Some(Secret::new("pw"));
        put(&mut keyring(folder.path(), Some("pw")), "c", "3").expect("written");
        assert_eq!(ring.entries().expect("derived").len(), 3);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_the_file_is_written_through() {
        let folder = tempfile::tempdir().expect("a folder");
        put(&mut keyring(folder.path(), Some("pw")), "a", "1").expect("written");
        let link = folder.path().join("link.age");
        std::os::unix::fs::symlink(folder.path().join("ring/keys.age"), &link).expect("a link");
        let mut linked = FileKeyring::new(
            link.clone(),
            Some(Secret::new("pw")),
            String::new(),
            Arc::default(),
        );
        put(&mut linked, "b", "2").expect("written");
        assert!(
            fs::symlink_metadata(&link)
                .expect("still there")
                .is_symlink()
        );
        assert_eq!(
            keyring(folder.path(), Some("pw"))
                .entries()
                .expect("readable")
                .len(),
            2
        );
    }

    #[tokio::test]
    async fn processes_that_write_at_once_lose_nothing() {
        let open = |folder: &Path| file_keyring(&folder.join("ring/keys.age"), "pw");
        let name = |name: &str| EntryName::new("default", EntryKind::Session, name);
        if let Some(role) = child::role() {
            let entry = KeyringEntry {
                name: name(&role.name),
                attributes: Attributes::default(),
            };
            let keyring = open(&role.folder);
            keyring
                .write(&entry, Secret::new(role.name.clone()))
                .await
                .expect("written");
            let own = keyring.read(&entry.name).await.expect("readable");
            return assert_eq!(own.map(|value| value.expose().to_owned()), Some(role.name));
        }
        let folder = tempfile::tempdir().expect("a folder");
        let children = (0..PROCESSES)
            .map(|number| {
                let test = "processes_that_write_at_once_lose_nothing";
                child::start(module_path!(), test, &format!("p{number}"), folder.path())
            })
            .collect();
        child::finish(children);
        let keyring = open(folder.path());
        assert_eq!(keyring.list().await.expect("listed").len(), PROCESSES);
        assert_eq!(keyring.state().await, KeyringState::Ready);
    }

    const PROCESSES: usize = 50;

    #[test]
    fn killed_at_any_moment_the_file_is_whole() {
        if let Some(role) = child::role() {
            child::say("writing");
            let mut ring = keyring(&role.folder, Some("pw"));
            for number in 0.. {
                put(&mut ring, "count", &format!("{number}")).expect("written");
            }
        }
        let folder = tempfile::tempdir().expect("a folder");
        put(&mut keyring(folder.path(), Some("pw")), "kept", "1").expect("written");
        for moment in 0..12_u64 {
            let mut writer = child::start(
                module_path!(),
                "killed_at_any_moment_the_file_is_whole",
                "write",
                folder.path(),
            );
            child::wait_for(&mut writer, "writing");
            child::pause(Duration::from_millis(moment * 37));
            writer.kill().expect("kill -9");
            writer.wait().expect("gone");
            let mut ring = keyring(folder.path(), Some("pw"));
            assert_eq!(ring.entries().expect("whole")["kept"].1.expose(), "1");
        }
        put(&mut keyring(folder.path(), Some("pw")), "last", "1").expect("the lock is free");
        let left = fs::read_dir(folder.path().join("ring"))
            .expect("a folder")
            .count();
        assert_eq!(
            left, 2,
            "the file and its lock; what the killed left is swept away"
        );
    }
}
