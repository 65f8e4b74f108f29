//! A machine of its own for a test: an empty home, a sandbox AWS, and the real `fob` run in a cleared environment.

use crate::loopback::Loopback;
use crate::screen::Terminal;
use keyfob_core::clock::Clock;
use keyfob_core::config::Config;
use keyfob_core::credentials::{Keys, Secret};
use keyfob_core::environment::Environment;
use keyfob_core::sandbox::Sandbox;
use keyfob_core::store::{Backend, EntryKind, Keychain, Options, Store};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub const DEV: &str = "auth:\n  identities:\n    dev: { kind: aws/user, default: true }\n";
pub const DEPLOY: &str = "    deploy:
      kind: aws/assume-role
      via: { identity: dev }
      principal: { assume_role: \"arn:aws:iam::420000000025:role/deploy\" }
";
const PASSPHRASE: &str = "correct-horse-battery-staple";

pub struct Home {
    folder: tempfile::TempDir,
    sandbox: Loopback,
}

impl Home {
    pub fn with(config: &str) -> Home {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("config.yaml"), config).expect("a configuration");
        Home { folder, sandbox: Loopback::start() }
    }

    /// With kim's key of the sandbox stored for `dev`.
    pub fn signed_up(config: &str) -> Home {
        let home = Home::with(config);
        home.store_key("dev", &home.key());
        home
    }

    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    pub fn key(&self) -> Keys {
        self.sandbox().keys("kim").into_iter().next_back().expect("kim has a key")
    }

    pub fn store_key(&self, identity: &str, keys: &Keys) {
        let json = typed(keys);
        let ran = self.run_with_input(&["user", "configure", identity, "--stdin"], &json);
        assert!(ran.status.success(), "{}", text(&ran.stderr));
        self.sandbox().clear_journal();
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("config.yaml")
    }

    pub fn fob(&self, arguments: &[&str]) -> Command {
        let mut fob = self.at_home(Command::new(env!("CARGO_BIN_EXE_fob")), arguments);
        fob.stdin(Stdio::null());
        fob
    }

    /// For a terminal that [`crate::screen::Terminal`] makes.
    pub fn fob_on_a_terminal(&self, arguments: &[&str]) -> Command {
        let (program, sized) = Terminal::SIZED.split_first().expect("a program and its arguments");
        let mut shell = Command::new(program);
        shell.args(sized).arg(env!("CARGO_BIN_EXE_fob"));
        self.at_home(shell, arguments)
    }

    fn at_home(&self, mut fob: Command, arguments: &[&str]) -> Command {
        fob.args(arguments).env_clear().current_dir(self.path());
        fob.env("HOME", self.path()).env("PATH", "/usr/local/bin:/usr/bin:/bin").env("TERM", "xterm");
        fob.env("FOB_CONFIG", self.config()).env("FOB_KEYRING", "file").env("FOB_KEYRING_PASSWORD", PASSPHRASE);
        fob.env("AWS_ENDPOINT_URL", self.sandbox().url()).env("AWS_EC2_METADATA_DISABLED", "true");
        fob
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.fob(arguments).output().expect("fob starts")
    }

    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut fob = self.fob(arguments);
        let mut child =
            fob.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("fob starts");
        child.stdin.take().expect("it was piped").write_all(input.as_bytes()).expect("fob reads its input");
        child.wait_with_output().expect("fob ends")
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.run(arguments);
        serde_json::from_slice(&ran.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}{}", text(&ran.stdout), text(&ran.stderr)))
    }

    /// How often each action was called, successful or not.
    pub fn calls(&self) -> BTreeMap<String, usize> {
        let mut calls = BTreeMap::new();
        for call in self.sandbox().journal() {
            *calls.entry(call.action).or_default() += 1;
        }
        calls
    }

    /// As `fob` reads it in this home.
    pub fn configuration(&self) -> Config {
        let environment = Environment::of([("HOME", self.path())]);
        Config::load(&self.config(), &environment).expect("a configuration")
    }

    pub fn keychain(&self) -> Keychain {
        Keychain::open(Backend::File {
            path: self.path().join(".config/keyfob/keyring.age"),
            passphrase: Some(Secret::new(PASSPHRASE)),
            password_env: "FOB_KEYRING_PASSWORD".to_owned(),
        })
    }

    /// What `fob` remembers for the configuration at `path`.
    pub fn store(&self, path: &Path) -> Store {
        Store::open(Options {
            keychain: self.keychain(),
            realm: self.configuration().realm().to_string(),
            configuration: fs::canonicalize(path).expect("it is there"),
            state_folder: self.path().join(".local/state/keyfob"),
            clock: Clock::system(),
        })
    }

    /// The whole keyring: accounts and values.
    pub fn keyring(&self) -> BTreeMap<String, String> {
        let keychain = self.keychain();
        wait_for(async {
            let mut found = BTreeMap::new();
            // The end of the audit log moves with whatever is done, also with a logout.
            let all = keychain.list().await.expect("a keyring").into_iter();
            for entry in all.filter(|entry| entry.name.kind != EntryKind::Audit) {
                let value = keychain.read(&entry.name).await.expect("readable").expect("there");
                found.insert(entry.name.to_string(), value.expose().to_owned());
            }
            found
        })
    }

    /// Every file below the home folder with a digest of what is in it.
    pub fn digest(&self) -> BTreeMap<PathBuf, String> {
        let mut found = BTreeMap::new();
        let mut open = vec![self.path().to_owned()];
        while let Some(folder) = open.pop() {
            found.insert(folder.clone(), "folder".to_owned());
            for entry in fs::read_dir(&folder).expect("a readable folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let digest = Sha256::digest(fs::read(&path).expect("a readable file"));
                    found.insert(path, format!("{digest:x?}"));
                }
            }
        }
        found
    }
}

pub fn wait_for<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(work)
}

#[expect(clippy::disallowed_methods, reason = "other processes take real time")]
pub fn pause(time: std::time::Duration) {
    std::thread::sleep(time);
}

/// What `fob user configure --stdin` reads.
pub fn typed(keys: &Keys) -> String {
    serde_json::json!({
        "access_key_id": keys.access_key_id.as_str(),
        "secret_access_key": keys.secret_access_key.expose(),
    })
    .to_string()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}
