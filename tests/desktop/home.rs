//! A person's machine: an empty home, an AWS on loopback, an empty keyring, and the programs run
//! there.

use crate::desktop::prepared;
use crate::keyring;
use crate::loopback::Loopback;
use keyfob_core::sandbox::{Sandbox, SandboxSettings};
use keyfob_core::secret::Keys;
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// kim, who has a key in the sandbox, with comments where people write them.
pub const KIM: &str = "# Ours.
auth:
  identities:
    kim: # The first.
      kind: aws/user
      default: true
      credentials: { region: eu-central-1 } # Frankfurt
";
pub const KIM_WITH_MFA: &str = "auth:
  identities:
    kim:
      kind: aws/user
      default: true
      credentials: { region: eu-central-1, mfa_arn: \"arn:aws:iam::123456789012:mfa/kim\" }
";

pub struct Home {
    folder: TempDir,
    aws: Loopback,
    variables: Vec<(String, String)>,
}

impl Home {
    pub fn empty() -> Home {
        keyring::empty();
        let folder = tempfile::Builder::new()
            .prefix("kf")
            .tempdir()
            .expect("a temporary folder can be made");
        let mut home = Home {
            folder,
            aws: Loopback::start(),
            variables: Vec::new(),
        };
        for (name, below) in [
            ("HOME", ""),
            ("XDG_CONFIG_HOME", ".config"),
            ("XDG_STATE_HOME", ".local/state"),
            ("XDG_CACHE_HOME", ".cache"),
            ("XDG_DATA_HOME", ".local/share"),
            ("XDG_RUNTIME_DIR", "run"),
            ("TMPDIR", "tmp"),
        ] {
            let path = home.path(below);
            fs::create_dir_all(&path).expect("an empty home can be filled");
            home.set(
                name,
                path.to_str().expect("temporary folders have plain names"),
            );
        }
        fs::set_permissions(home.path("run"), Permissions::from_mode(0o700))
            .expect("the folder is ours");
        for name in [
            "PATH",
            "LANG",
            "DISPLAY",
            "DBUS_SESSION_BUS_ADDRESS",
            "GDK_BACKEND",
            "GSETTINGS_BACKEND",
        ] {
            home.set(name, &prepared(name));
        }
        home.set("NO_AT_BRIDGE", "1");
        home.set("WEBKIT_DISABLE_COMPOSITING_MODE", "1");
        home.set("AWS_EC2_METADATA_DISABLED", "true");
        home.set("AWS_ENDPOINT_URL", &home.aws.url());
        home
    }

    pub fn with(config: &str) -> Home {
        let home = Home::empty();
        home.write_config(config);
        home
    }

    /// With kim's key stored.
    pub fn signed_up(config: &str) -> Home {
        let home = Home::with(config);
        home.store_key("kim", &home.key());
        home
    }

    pub fn aws(&self) -> &Sandbox {
        &self.aws
    }

    /// kim's newest.
    pub fn key(&self) -> Keys {
        self.aws
            .keys("kim")
            .into_iter()
            .next_back()
            .expect("kim has a key")
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    pub fn config(&self) -> PathBuf {
        self.path(".config/keyfob/config.yaml")
    }

    pub fn configuration(&self) -> String {
        fs::read_to_string(self.config()).expect("there is a configuration")
    }

    pub fn write_config(&self, text: &str) {
        let path = self.config();
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("the home is ours");
        fs::write(path, text).expect("the home is ours");
    }

    /// From now on every program run here has this variable.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// A program of this home, with nothing to read.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    pub fn fob(&self, words: &[&str]) -> Command {
        let mut fob = self.command(env!("CARGO_BIN_EXE_fob"));
        fob.args(words);
        fob
    }

    /// In the background; what it says is kept.
    pub fn start_fob(&self, words: &[&str]) -> Child {
        self.fob(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("fob starts")
    }

    pub fn run(&self, words: &[&str]) -> Output {
        self.fob(words).output().expect("fob starts")
    }

    pub fn json(&self, words: &[&str]) -> Value {
        let ran = self.run(words);
        serde_json::from_slice(&ran.stdout)
            .unwrap_or_else(|error| panic!("{words:?}: {error}: {ran:?}"))
    }

    pub fn store_key(&self, identity: &str, keys: &Keys) {
        let typed = json!({
            "access_key_id": keys.access_key_id.as_str(),
            "secret_access_key": keys.secret_access_key.expose(),
        });
        let mut fob = self.fob(&["--no-agent", "user", "configure", identity, "--stdin"]);
        let mut fob = fob
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("fob starts");
        fob.stdin
            .take()
            .expect("it is piped")
            .write_all(typed.to_string().as_bytes())
            .expect("fob reads it");
        let ran = fob.wait_with_output().expect("fob ends");
        assert!(ran.status.success(), "{ran:?}");
    }
}

/// They have to be renewed while a test looks on.
pub fn short_sessions() -> SandboxSettings {
    SandboxSettings {
        session_seconds: Some(20),
        ..SandboxSettings::default()
    }
}

/// As AWS hands them out.
pub fn csv(keys: &Keys) -> String {
    let (id, secret) = (keys.access_key_id.as_str(), keys.secret_access_key.expose());
    format!("Access key ID,Secret access key\n{id},{secret}\n")
}
