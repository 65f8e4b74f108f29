use super::*;
use crate::files::child;
use crate::store::keyring::{EntryKind, EntryName, KeyringEntry, KeyringState, file_keyring};
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;

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

#[test]
fn several_values_are_written_in_one_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ring = keyring(folder.path(), Some("pw"));
    let value = |name: &str| ValuedEntry {
        entry: KeyringEntry {
            name: EntryName::new("default", EntryKind::Keys, name),
            attributes: Attributes::default(),
        },
        value: Secret::new(name),
    };
    let mut derived = |all: &[ValuedEntry]| {
        let before = ring.progress.derivations.load(Ordering::Relaxed);
        ring.write_all(all).expect("written");
        ring.progress.derivations.load(Ordering::Relaxed) - before
    };
    let for_one = derived(&[value("a")]);
    assert_eq!(derived(&[value("b"), value("c")]), for_one);
    let mut read = keyring(folder.path(), Some("pw"));
    let names: Vec<_> = read.entries().expect("readable").keys().cloned().collect();
    assert_eq!(
        names,
        ["default/keys/a", "default/keys/b", "default/keys/c"]
    );
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
