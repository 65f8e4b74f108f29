//! A person's machine: an empty home of their own, and programs that see of the outside only the
//! session bus, where the keyring lives.

use crate::terminal::Terminal;
use keyfob_core::environment::Environment;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// No program run here takes longer, unless more is allowed; one that hangs ends with code 124.
const LIMIT_SECONDS: u32 = 120;

pub struct Home {
    folder: TempDir,
    variables: Vec<(String, String)>,
    limit_seconds: u32,
}

/// A program that ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Home {
    pub fn new() -> Home {
        let folder = tempfile::Builder::new()
            .prefix("kf")
            .tempdir()
            .expect("a temporary folder can be made");
        let mut home = Home {
            folder,
            variables: Vec::new(),
            limit_seconds: LIMIT_SECONDS,
        };
        for (name, below) in [
            ("HOME", ""),
            ("XDG_CONFIG_HOME", ".config"),
            ("XDG_STATE_HOME", ".local/state"),
            ("XDG_CACHE_HOME", ".cache"),
            ("XDG_DATA_HOME", ".local/share"),
            ("XDG_RUNTIME_DIR", "run"),
        ] {
            let path = home.path(below);
            std::fs::create_dir_all(&path).expect("an empty home can be filled");
            home.set(
                name,
                path.to_str().expect("temporary folders have plain names"),
            );
        }
        home.set("PATH", "/usr/bin:/bin");
        home.set("LANG", "C.UTF-8");
        home.set("TERM", "xterm");
        home.set(
            "DBUS_SESSION_BUS_ADDRESS",
            &prepared("DBUS_SESSION_BUS_ADDRESS"),
        );
        home
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// The user's own configuration.
    pub fn config(&self) -> PathBuf {
        self.path(".config/keyfob/config.yaml")
    }

    pub fn configure(&self, text: &str) {
        let path = self.config();
        std::fs::create_dir_all(path.parent().expect("it is in a folder"))
            .and_then(|()| std::fs::write(path, text))
            .expect("the home can be written to");
    }

    /// From now on every program run here has this variable.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// From now on programs run here may take so much longer.
    pub fn allow(&mut self, seconds: u32) {
        self.limit_seconds += seconds;
    }

    /// Runs a program and its arguments to the end, with nothing to read.
    pub fn run(&self, words: &[&str]) -> Ran {
        self.feed(words, "")
    }

    /// Runs a program and its arguments to the end; it reads `input`.
    pub fn feed(&self, words: &[&str], input: &str) -> Ran {
        let mut command = self.command(words);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|cause| panic!("{words:?} cannot be started: {cause}"));
        // A program that reads nothing has closed its end already: not a fault.
        let _ = child
            .stdin
            .take()
            .expect("it is piped")
            .write_all(input.as_bytes());
        let output = child
            .wait_with_output()
            .expect("a child of ours can be waited for");
        Ran {
            code: output
                .status
                .code()
                .expect("`timeout` reports a signal as a code"),
            stdout: String::from_utf8(output.stdout).expect("programs run here print UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("programs run here print UTF-8"),
        }
    }

    /// Starts a program and its arguments on a terminal of its own.
    pub fn terminal(&self, words: &[&str]) -> Terminal {
        Terminal::start(self.command(&[Terminal::SIZED, words].concat()))
    }

    /// Runs Python with boto3 at hand. The script finds its arguments in `sys.argv[1:]`.
    pub fn python(&self, script: &str, arguments: &[&str]) -> Ran {
        let python = prepared("KEYFOB_PYTHON");
        self.run(&[&[python.as_str(), "-c", script], arguments].concat())
    }

    /// A program and its arguments with nothing between, for measuring it.
    pub fn bare(&self, words: &[&str]) -> Command {
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The words that run JavaScript with the AWS SDK at hand, for any program that runs another.
    pub fn javascript(&mut self, script: &str) -> Vec<String> {
        self.set("NODE_PATH", &prepared("KEYFOB_NODE_MODULES"));
        vec![
            prepared("KEYFOB_NODE"),
            "--eval".to_owned(),
            script.to_owned(),
        ]
    }

    fn command(&self, words: &[&str]) -> Command {
        let limit = self.limit_seconds.to_string();
        let limited = ["timeout", "--foreground", "--kill-after=5", &limit];
        let mut command = self.bare(&[&limited, words].concat());
        command.current_dir(self.folder.path());
        command
    }
}

impl Ran {
    /// What it printed, once it is sure that it succeeded.
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:#?}");
        self.stdout
    }
}

/// What `./x test` prepared for these tests.
pub fn prepared(variable: &str) -> String {
    let environment = Environment::capture();
    let value = environment
        .var(variable)
        .expect("`./x test` sets plain text");
    value
        .unwrap_or_else(|| panic!("{variable} is not set: run these tests with `./x test`"))
        .to_owned()
}
