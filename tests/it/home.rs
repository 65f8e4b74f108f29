//! A machine of its own for a test: an empty home, a sandbox AWS, and the real `fob` run in a
//! cleared environment.

use crate::loopback::Loopback;
#[cfg(unix)]
use crate::screen::Terminal;
use keyfob_core::agent::socket::Address;
use keyfob_core::clock::Clock;
use keyfob_core::config::{Config, KeyringChoice};
use keyfob_core::environment::Environment;
use keyfob_core::sandbox::Sandbox;
use keyfob_core::secret::Keys;
use keyfob_core::store::{EntryKind, Keyring, Store, StoreScope};
#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

pub const DEV: &str = "auth:\n  identities:\n    dev: { kind: aws/user, default: true }\n";
pub const DEPLOY: &str = "    deploy:
      kind: aws/assume-role
      via: { identity: dev }
      principal: { assume_role: \"arn:aws:iam::420000000025:role/deploy\" }
";
/// The variable with the home folder.
pub const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
pub const PASSPHRASE: &str = "correct-horse-battery-staple";

pub struct Home {
    folder: tempfile::TempDir,
    /// For the agent's socket: not below the home folder, which tests compare before and after.
    runtime: tempfile::TempDir,
    sandbox: Loopback,
}

impl Home {
    pub fn with(config: &str) -> Home {
        let folder = tempfile::tempdir().expect("a folder");
        write_own_config(folder.path(), config);
        let runtime = tempfile::tempdir().expect("a folder");
        Home {
            folder,
            runtime,
            sandbox: Loopback::start(),
        }
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
        self.sandbox()
            .keys("kim")
            .into_iter()
            .next_back()
            .expect("kim has a key")
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
        own_config(self.path())
    }

    /// A configuration that is not the user's own file, trusted.
    pub fn other_config(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        fs::write(&path, text).expect("a configuration");
        let path = path.display().to_string();
        let ran = self.run(&["trust", &path, "--yes"]);
        assert!(ran.status.success(), "{}", self::text(&ran.stderr));
        path
    }

    pub fn fob(&self, arguments: &[&str]) -> Command {
        let mut fob = self.at_home(Command::new(env!("CARGO_BIN_EXE_fob")), arguments);
        fob.stdin(Stdio::null());
        fob
    }

    /// For a terminal that [`crate::screen::Terminal`] makes.
    #[cfg(unix)]
    pub fn fob_on_a_terminal(&self, arguments: &[&str]) -> Command {
        let (program, sized) = Terminal::SIZED
            .split_first()
            .expect("a program and its arguments");
        let mut shell = Command::new(program);
        shell.args(sized).arg(env!("CARGO_BIN_EXE_fob"));
        self.at_home(shell, arguments)
    }

    /// The same.
    #[cfg(windows)]
    pub fn fob_on_a_terminal(&self, arguments: &[&str]) -> Command {
        self.at_home(Command::new(env!("CARGO_BIN_EXE_fob")), arguments)
    }

    fn at_home(&self, mut fob: Command, arguments: &[&str]) -> Command {
        fob.args(arguments).env_clear().current_dir(self.path());
        fob.env(HOME, self.path()).env("TERM", "xterm");
        if cfg!(unix) {
            fob.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        } else {
            // Windows opens no socket without it.
            fob.envs(std::env::vars_os().filter(|(name, _)| {
                let name = name.to_ascii_uppercase();
                name == "PATH" || name == "SYSTEMROOT"
            }));
        }
        fob.env("FOB_CONFIG", self.config())
            .env("FOB_KEYRING", "file")
            .env("FOB_KEYRING_PASSWORD", PASSPHRASE);
        fob.env("AWS_ENDPOINT_URL", self.sandbox().url())
            .env("AWS_EC2_METADATA_DISABLED", "true");
        fob.env("XDG_RUNTIME_DIR", self.runtime.path());
        fob
    }

    #[cfg(unix)]
    pub fn runtime(&self) -> &Path {
        self.runtime.path()
    }

    /// Where the agent for the configuration of this home listens.
    pub fn address(&self) -> Address {
        let environment = Environment::of([
            (HOME, self.path()),
            ("XDG_RUNTIME_DIR", self.runtime.path()),
        ]);
        Address::of(&self.config(), &environment).expect("an address")
    }

    /// An agent that answers already.
    pub fn start_agent(&self) -> RunningAgent {
        self.agent(self.fob(&["agent", "run"]))
    }

    /// The same, started in a way of its own.
    pub fn agent(&self, mut fob: Command) -> RunningAgent {
        let log = tempfile::NamedTempFile::new_in(self.runtime.path())
            .expect("a file")
            .into_temp_path();
        let file = || {
            fs::OpenOptions::new()
                .append(true)
                .open(&log)
                .expect("a file that is there")
        };
        let child = fob
            .stdout(file())
            .stderr(file())
            .spawn()
            .expect("fob starts");
        let mut agent = RunningAgent { child, log };
        until("the agent listens", || {
            let ended = agent
                .child
                .try_wait()
                .expect("a child of ours can be asked");
            assert!(ended.is_none(), "{ended:?}: {}", agent.said());
            agent.said().contains("is running, pid")
        });
        agent
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.fob(arguments).output().expect("fob starts")
    }

    /// Programs that start together, and all get the same credentials.
    pub fn fifty_get(&self, identity: &str) {
        let start = |_| {
            let mut fob = self.fob(&["credential-process", identity, "--wait", "60"]);
            let fob = fob.stdout(Stdio::piped()).stderr(Stdio::piped());
            fob.spawn().expect("fob starts")
        };
        let programs: Vec<Child> = (0..50).map(start).collect();
        let ends = |it: Child| it.wait_with_output().expect("fob ends");
        let outputs: Vec<Output> = programs.into_iter().map(ends).collect();
        for output in &outputs {
            assert_eq!(code(output), 0, "{}", text(&output.stderr));
            assert_eq!(text(&output.stdout), text(&outputs[0].stdout));
        }
    }

    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        with_input(self.fob(arguments), input)
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.run(arguments);
        serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| {
            panic!(
                "{arguments:?}: {error}: {}{}",
                text(&ran.stdout),
                text(&ran.stderr)
            )
        })
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
        let environment = Environment::of([(HOME, self.path())]);
        Config::load(&self.config(), &environment).expect("a configuration")
    }

    pub fn keychain(&self) -> Keyring {
        let choice = KeyringChoice::File {
            path: self.path().join(".config/keyfob/keyring.age"),
            password_env: None,
        };
        let environment = Environment::of([("FOB_KEYRING_PASSWORD", PASSPHRASE)]);
        Keyring::open(&choice, &environment).expect("a keyring")
    }

    /// What `fob` remembers for the configuration at `path`.
    pub fn store(&self, path: &Path) -> Store {
        Store::open(StoreScope {
            keyring: self.keychain(),
            realm: self.configuration().realm().to_string(),
            configuration: dunce::canonicalize(path).expect("it is there"),
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
                let value = keychain
                    .read(&entry.name)
                    .await
                    .expect("readable")
                    .expect("there");
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

/// Where the user's own file is.
pub fn own_config(home: &Path) -> PathBuf {
    let environment = Environment::of([(HOME, home)]);
    let folder = environment.config_folder().expect("a home");
    folder.join("config.yaml")
}

pub fn write_own_config(home: &Path, text: &str) -> PathBuf {
    let path = own_config(home);
    let folder = path.parent().expect("it is in a folder");
    fs::create_dir_all(folder).expect("a folder");
    fs::write(&path, text).expect("a configuration");
    path
}

/// `fob agent run` in the background, until it is dropped.
pub struct RunningAgent {
    child: Child,
    log: tempfile::TempPath,
}

impl RunningAgent {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All it has written so far.
    pub fn said(&self) -> String {
        text(&fs::read(&self.log).expect("it was made when the agent was started"))
    }

    #[cfg(unix)]
    pub fn signal(&self, signal: Signal) {
        self::signal(self.pid().into(), signal);
    }

    /// Waits until it has ended by itself.
    pub fn ends(&mut self) -> ExitStatus {
        let mut ended = None;
        until("the agent ends", || {
            ended = self.child.try_wait().expect("a child of ours can be asked");
            ended.is_some()
        });
        ended.expect("it has ended")
    }
}

impl Drop for RunningAgent {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(unix)]
pub fn signal(pid: i64, signal: Signal) {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .expect("the id of a process");
    kill_process(pid, signal).expect("it is running");
}

/// Returns once it is so; what never comes fails.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
    const LOOKS: u32 = 3000;
    for _ in 0..LOOKS {
        if is_so() {
            return;
        }
        pause(BETWEEN_LOOKS);
    }
    panic!("never: {what}");
}

pub fn wait_for<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
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

pub fn with_input(mut fob: Command, input: &str) -> Output {
    let mut child = fob
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("fob starts");
    child
        .stdin
        .take()
        .expect("it was piped")
        .write_all(input.as_bytes())
        .expect("fob reads its input");
    child.wait_with_output().expect("fob ends")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}
