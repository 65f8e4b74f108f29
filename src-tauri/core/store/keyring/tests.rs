//! What every keyring promises; what the file keyring promises besides is tested with it.

use super::memory::MemoryKeyring;
use super::*;
use std::path::Path;

/// A back end that answers when the channel is closed.
struct StuckKeyring(mpsc::Receiver<()>);

impl StuckKeyring {
    fn wait<T>(&self) -> Result<T> {
        let _ = self.0.recv();
        Err(unavailable("the keyring was stuck"))
    }
}

impl Backend for StuckKeyring {
    fn read(&mut self, _: &str) -> Result<Option<Secret>> {
        self.wait()
    }

    fn attributes(&mut self, _: &str) -> Result<Option<Attributes>> {
        self.wait()
    }

    fn write(&mut self, _: &str, _: &Attributes, _: &Secret) -> Result<()> {
        self.wait()
    }

    fn delete(&mut self, _: &str) -> Result<Deletion> {
        self.wait()
    }

    fn list(&mut self) -> Result<Vec<(String, Attributes)>> {
        self.wait()
    }

    fn check(&mut self) -> Result<()> {
        self.wait()
    }
}

/// Memory that takes only values of the size that Windows takes.
#[derive(Default)]
struct SmallKeyring(MemoryKeyring);

impl Backend for SmallKeyring {
    fn read(&mut self, account: &str) -> Result<Option<Secret>> {
        self.0.read(account)
    }

    fn attributes(&mut self, account: &str) -> Result<Option<Attributes>> {
        self.0.attributes(account)
    }

    fn write(&mut self, account: &str, attributes: &Attributes, value: &Secret) -> Result<()> {
        assert!(value.expose().len() <= 2560);
        self.0.write(account, attributes, value)
    }

    fn delete(&mut self, account: &str) -> Result<Deletion> {
        self.0.delete(account)
    }

    fn list(&mut self) -> Result<Vec<(String, Attributes)>> {
        self.0.list()
    }

    fn check(&mut self) -> Result<()> {
        self.0.check()
    }

    fn value_limit(&self) -> Option<usize> {
        Some(2560)
    }
}

pub fn memory_keyring() -> Keyring {
    open(&KeyringChoice::Memory)
}

pub fn file_keyring(path: &Path, passphrase: &str) -> Keyring {
    let choice = KeyringChoice::File {
        path: path.to_owned(),
        password_env: None,
    };
    let environment = Environment::of([("FOB_KEYRING_PASSWORD", passphrase)]);
    Keyring::open(&choice, &environment).expect("a thread")
}

fn open(choice: &KeyringChoice) -> Keyring {
    Keyring::open(choice, &Environment::of::<&str, &str>([])).expect("a thread")
}

fn started(backend: impl Backend + 'static, limit: Duration) -> Keyring {
    Keyring::start(Box::new(backend), Arc::default(), limit)
}

fn name(name: &str) -> EntryName {
    EntryName::new("default", EntryKind::Session, name)
}

fn entry(of: &str) -> KeyringEntry {
    let attributes = Attributes {
        configuration: Some("/home/kim/config.yaml".into()),
        version: Some("1".into()),
        holds: Some("access key AKIA…WXYZ".into()),
    };
    KeyringEntry {
        name: name(of),
        attributes,
    }
}

async fn tells_the_same_as_it_was_told(keyring: &Keyring) {
    assert_eq!(keyring.state().await, KeyringState::Ready);
    assert_eq!(keyring.read(&name("dev")).await.expect("none"), None);
    assert_eq!(keyring.attributes(&name("dev")).await.expect("none"), None);
    assert_eq!(
        keyring.delete(&name("dev")).await.expect("none"),
        Deletion::Absent
    );
    for value in ["first", "second", ""] {
        keyring
            .write(&entry("Dev"), Secret::new(value))
            .await
            .expect("written");
        assert_eq!(
            keyring.read(&name("DEV")).await.expect("there"),
            Some(Secret::new(value))
        );
    }
    keyring
        .write(&entry("team/a"), Secret::new("other"))
        .await
        .expect("written");
    assert_eq!(
        keyring.attributes(&name("dev")).await.expect("there"),
        Some(entry("dev").attributes)
    );
    let mut listed = keyring.list().await.expect("listed");
    listed.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(listed, [entry("dev"), entry("team/a")]);
    assert_eq!(
        keyring.clone().delete(&name("dev")).await.expect("gone"),
        Deletion::Removed
    );
    assert_eq!(keyring.read(&name("dev")).await.expect("none"), None);
    assert_eq!(
        keyring.read(&name("team/a")).await.expect("there"),
        Some(Secret::new("other"))
    );
    assert_eq!(
        keyring.delete(&name("team/a")).await.expect("gone"),
        Deletion::Removed
    );
    assert_eq!(keyring.list().await.expect("empty"), []);
}

#[tokio::test]
async fn every_keyring_tells_what_it_was_told() {
    tells_the_same_as_it_was_told(&memory_keyring()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = file_keyring(&folder.path().join("keys.age"), "pw");
    tells_the_same_as_it_was_told(&file).await;
}

#[test]
fn account_names_are_read_back() {
    for account in [
        "default/keys/dev",
        "a/b/session/team/dev",
        "default/token/keys/x",
    ] {
        assert_eq!(
            EntryName::parse(account)
                .map(|name| name.to_string())
                .as_deref(),
            Some(account)
        );
    }
    for account in ["", "default", "default/other/x", "keys/x"] {
        assert_eq!(EntryName::parse(account), None, "{account}");
    }
}

#[tokio::test]
async fn a_keyring_that_does_not_answer_is_an_error_in_time_and_never_no_entry() {
    let (release, until) = mpsc::channel();
    let keyring = started(StuckKeyring(until), Duration::from_millis(50));
    let error = keyring.read(&name("dev")).await.expect_err("stuck");
    assert_eq!(error.code, Code::KeyringUnavailable);
    assert!(!error.hints.is_empty());
    assert!(matches!(
        keyring.state().await,
        KeyringState::Unavailable(_)
    ));
    keyring.progress.connected.store(true, Ordering::Relaxed);
    let error = keyring
        .write(&entry("dev"), Secret::new("x"))
        .await
        .expect_err("stuck");
    assert_eq!(
        (error.code, error.hints.is_empty()),
        (Code::KeyringLocked, false),
        "{error}"
    );
    drop(release);
    assert_eq!(
        keyring.read(&name("dev")).await.expect_err("freed").message,
        "the keyring was stuck"
    );
}

#[tokio::test]
async fn deriving_a_key_is_not_counted_as_not_answering() {
    let keyring = started(MemoryKeyring::default(), Duration::from_millis(400));
    let progress = keyring.progress.clone();
    let slow = move |_: &mut WholeValues| {
        let _deriving = progress.deriving();
        crate::files::child::pause(Duration::from_secs(1));
        Ok(())
    };
    let queued = keyring.clone();
    let queued = tokio::spawn(async move { queued.read(&name("dev")).await });
    keyring.run(slow.clone()).await.expect("waited for");
    keyring.run(slow).await.expect("waited for");
    assert_eq!(queued.await.expect("no panic").expect("waited for"), None);
}

#[tokio::test]
async fn what_was_given_up_is_not_done_later() {
    let keyring = started(MemoryKeyring::default(), Duration::from_millis(50));
    let (release, until) = mpsc::channel::<()>();
    keyring
        .jobs
        .send(Box::new(move |_| assert!(until.recv().is_err())))
        .expect("running");
    keyring
        .write(&entry("dev"), Secret::new("late"))
        .await
        .expect_err("too slow");
    drop(release);
    assert_eq!(
        keyring.read(&name("dev")).await.expect("answers again"),
        None
    );
}

#[tokio::test]
async fn values_that_are_too_large_for_the_keyring_are_kept_in_parts() {
    let keyring = started(SmallKeyring::default(), LIMIT);
    let accounts = || {
        keyring.run(|owner| {
            Ok(owner
                .backend
                .list()?
                .into_iter()
                .map(|(account, _)| account)
                .collect::<Vec<_>>())
        })
    };
    for size in [6000, 2561, 2560, 9000, 10] {
        let value = Secret::new("x".repeat(size));
        keyring
            .write(&entry("dev"), value.clone())
            .await
            .expect("written");
        assert_eq!(
            keyring.read(&name("dev")).await.expect("whole"),
            Some(value)
        );
        assert_eq!(
            accounts().await.expect("listed").len(),
            1 + if size > 2560 { size.div_ceil(2560) } else { 0 }
        );
        assert_eq!(keyring.list().await.expect("listed"), [entry("dev")]);
    }
    keyring
        .write(&entry("dev"), Secret::new("x".repeat(9000)))
        .await
        .expect("written");
    assert_eq!(
        keyring.delete(&name("dev")).await.expect("gone"),
        Deletion::Removed
    );
    assert_eq!(accounts().await.expect("listed"), Vec::<String>::new());
}

#[tokio::test]
async fn a_torn_set_of_parts_is_detected_and_left_alone() {
    let keyring = started(SmallKeyring::default(), LIMIT);
    keyring
        .write(&entry("dev"), Secret::new("x".repeat(6000)))
        .await
        .expect("written");
    keyring
        .run(|owner| {
            owner.backend.write(
                "default/session/dev#a2",
                &Attributes::default(),
                &Secret::new("y".repeat(2560)),
            )
        })
        .await
        .expect("torn");
    assert_eq!(
        keyring.read(&name("dev")).await.expect_err("torn").code,
        Code::KeyringEntryInvalid
    );
    keyring
        .run(|owner| owner.backend.delete("default/session/dev#a2"))
        .await
        .expect("torn");
    assert_eq!(
        keyring.read(&name("dev")).await.expect_err("torn").code,
        Code::KeyringEntryInvalid
    );
    assert_eq!(keyring.list().await.expect("still there").len(), 1);
}

#[tokio::test]
async fn only_the_file_keyring_takes_a_passphrase() {
    let keyring = memory_keyring();
    assert_eq!(keyring.needs_passphrase().await.expect("no"), None);
    assert_eq!(
        keyring
            .provide_passphrase(Secret::new("x"))
            .await
            .expect_err("no")
            .code,
        Code::InvalidInput
    );
}

/// Without a bus there is nobody to ask, and that is known at once. A child, because the bus is
/// named by a variable.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn without_a_secret_service_the_keyring_is_unavailable_quickly() {
    use crate::clock::Clock;
    use crate::files::child;
    if child::role().is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let nowhere = format!("unix:path={}/nowhere", folder.path().display());
        for bus in [Some(nowhere.as_str()), Some("rubbish"), None] {
            let test = "without_a_secret_service_the_keyring_is_unavailable_quickly";
            let mut command = child::command(module_path!(), test, "ask", folder.path());
            command
                .env_remove("DBUS_SESSION_BUS_ADDRESS")
                .env("XDG_RUNTIME_DIR", folder.path());
            command.envs(bus.map(|bus| ("DBUS_SESSION_BUS_ADDRESS", bus)));
            child::finish(vec![command.spawn().expect("a child")]);
        }
        return;
    }
    let keyring = open(&KeyringChoice::System);
    let clock = Clock::system();
    let before = clock.now();
    for _ in 0..2 {
        let error = keyring.read(&name("dev")).await.expect_err("nobody there");
        assert_eq!(error.code, Code::KeyringUnavailable, "{error}");
        assert!(!error.hints.is_empty());
    }
    assert!(matches!(
        keyring.state().await,
        KeyringState::Unavailable(_)
    ));
    assert!(clock.now().duration_since(before).expect("later") < Duration::from_secs(2));
}

/// One test, for it locks the keyring at its end.
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs a Secret Service; ./x test runs it under dbus-run-session"]
async fn system_keyring_entries_can_be_found_by_other_programs_and_a_locked_one_says_so() {
    let keyring = open(&KeyringChoice::System);
    tells_the_same_as_it_was_told(&keyring).await;
    keyring
        .write(&entry("dev"), Secret::new("{\"v\":1}"))
        .await
        .expect("written");
    let found = secret_tool_search("default/session/dev");
    let attributes = [
        "kind = session",
        "configuration = /home/kim/config.yaml",
        "v = 1",
    ];
    for line in attributes
        .map(|attribute| format!("attribute.{attribute}"))
        .iter()
        .chain([&"secret = {\"v\":1}".into()])
    {
        assert!(found.contains(line), "{line} is missing in {found}");
    }
    assert_eq!(
        keyring.delete(&name("dev")).await.expect("gone"),
        Deletion::Removed
    );
    assert_eq!(secret_tool_search("default/session/dev"), "");

    keyring
        .write(&entry("locked"), Secret::new("kept"))
        .await
        .expect("written");
    tokio::task::spawn_blocking(lock_the_keyring)
        .await
        .expect("no panic")
        .expect("locked");
    assert_eq!(keyring.state().await, KeyringState::Locked);
    for error in [
        keyring.read(&name("locked")).await.expect_err("locked"),
        keyring
            .write(&entry("new"), Secret::new("x"))
            .await
            .expect_err("locked"),
        keyring.list().await.expect_err("locked"),
    ] {
        assert_eq!(
            (error.code, error.hints.is_empty()),
            (Code::KeyringLocked, false),
            "{error}"
        );
    }
}

/// Windows' store splits names at dots, and keeps one of our attributes; that of macOS none.
#[cfg(not(target_os = "linux"))]
#[tokio::test]
#[ignore = "writes to the keyring of this user"]
async fn system_keyring_entries_are_listed_by_their_whole_names() {
    let keyring = open(&KeyringChoice::System);
    let names = ["kim", "kim.berger", "team/a.b", "long"];
    for of in names {
        let value = if of == "long" {
            "x".repeat(6000)
        } else {
            of.into()
        };
        keyring
            .write(&entry(of), Secret::new(value.as_str()))
            .await
            .expect("written");
        let read = keyring.read(&name(of)).await.expect("there");
        assert_eq!(read, Some(Secret::new(value)), "{of}");
    }
    let listed = keyring.list().await.expect("a list");
    let kept = Attributes {
        configuration: entry("kim")
            .attributes
            .configuration
            .filter(|_| cfg!(windows)),
        ..Attributes::default()
    };
    for of in names {
        let found = listed.iter().filter(|it| it.name == name(of));
        let attributes: Vec<_> = found.map(|it| &it.attributes).collect();
        assert_eq!(attributes, [&kept], "{of}");
        let deleted = keyring.delete(&name(of)).await.expect("deleted");
        assert_eq!(deleted, Deletion::Removed, "{of}");
    }
    let listed = keyring.list().await.expect("a list");
    assert!(!listed.iter().any(|it| names.map(name).contains(&it.name)));
}

/// A service that was never given a keyring finds nothing; that is not "no entry".
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs a Secret Service; ./x test runs it under dbus-run-session"]
async fn system_keyring_without_a_collection_is_unavailable() {
    if ran_in_a_session_of_its_own("system_keyring_without_a_collection_is_unavailable") {
        return;
    }
    let keyring = open(&KeyringChoice::System);
    for error in [
        keyring.read(&name("dev")).await.expect_err("no keyring"),
        keyring.delete(&name("dev")).await.expect_err("no keyring"),
        keyring
            .write(&entry("dev"), Secret::new("x"))
            .await
            .expect_err("no keyring"),
        keyring.list().await.expect_err("no keyring"),
    ] {
        assert_eq!(
            (error.code, error.hints.is_empty()),
            (Code::KeyringUnavailable, false),
            "{error}"
        );
    }
}

/// A service may not have noted a client yet whose first wish is a session, and GNOME's ends of it.
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs a Secret Service; ./x test runs it under dbus-run-session"]
async fn system_keyring_is_asked_something_else_before_a_session() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    if ran_in_a_session_of_its_own("system_keyring_is_asked_something_else_before_a_session") {
        return;
    }
    let mut monitor = Command::new("dbus-monitor")
        .args(["--session", "destination='org.freedesktop.secrets'"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("dbus-monitor");
    let mut lines = BufReader::new(monitor.stdout.take().expect("it is piped")).lines();
    // The last that it says of itself: from now on it listens.
    lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("NameLost")));
    let checked = open(&KeyringChoice::System).check().await;
    assert_eq!(checked.expect_err("empty").code, Code::KeyringUnavailable);
    let calls = lines
        .map_while(std::result::Result::ok)
        .filter_map(|line| Some(line.rsplit_once("; member=")?.1.to_owned()));
    let first_two: Vec<String> = calls.take(2).collect();
    monitor.kill().expect("it runs");
    monitor.wait().expect("it ends");
    assert_eq!(first_two, ["Get", "OpenSession"]);
}

/// Whose keyring was never made; `false` in there.
#[cfg(target_os = "linux")]
fn ran_in_a_session_of_its_own(test: &str) -> bool {
    use crate::files::child;
    if child::role().is_some() {
        return false;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let inner = child::command(module_path!(), test, "ask", folder.path());
    let mut session = std::process::Command::new("dbus-run-session");
    session
        .arg("--")
        .arg(inner.get_program())
        .args(inner.get_args())
        .arg("--ignored");
    session.envs(
        inner
            .get_envs()
            .filter_map(|(key, value)| Some((key, value?))),
    );
    for variable in ["HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME"] {
        session.env(variable, folder.path());
    }
    child::assert_passed(&session.output().expect("dbus-run-session"));
    true
}

#[cfg(target_os = "linux")]
fn secret_tool_search(account: &str) -> String {
    let output = std::process::Command::new("secret-tool")
        .args(["search", "--all", "service", SERVICE, "username", account])
        .output()
        .expect("secret-tool");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[cfg(target_os = "linux")]
fn lock_the_keyring() -> Result<(), secret_service::Error> {
    use secret_service::{EncryptionType, blocking::SecretService};
    SecretService::connect(EncryptionType::Plain)?
        .get_default_collection()?
        .lock()
}
