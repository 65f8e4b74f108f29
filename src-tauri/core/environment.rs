//! A snapshot of everything the process was started with: variables, home and folders. `main` takes it once and hands it
//! in; nothing else in the library looks at the process.

use crate::error::{Code, Error, Result};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    working_directory: PathBuf,
    /// The absolute path of the running `fob`, written into `credential_process` lines.
    program: PathBuf,
}

/// Names only: values can be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

impl Environment {
    /// The running process, as it is now.
    pub fn capture() -> Environment {
        Environment {
            variables: std::env::vars_os().collect(),
            working_directory: std::env::current_dir().unwrap_or_default(),
            program: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("fob")),
        }
    }

    /// For tests and the sandbox: exactly these variables.
    pub fn of<K: Into<OsString>, V: Into<OsString>>(variables: impl IntoIterator<Item = (K, V)>) -> Environment {
        Environment {
            variables: variables.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
            working_directory: PathBuf::from("/"),
            program: PathBuf::from("fob"),
        }
    }

    /// A variable that is set and not empty. One that is not UTF-8 is an error that names it.
    pub fn var(&self, name: &str) -> Result<Option<&str>> {
        match self.variables.get(OsStr::new(name)) {
            None => Ok(None),
            Some(value) => match value.to_str() {
                Some("") => Ok(None),
                Some(text) => Ok(Some(text)),
                None => Err(Error::new(Code::Usage, format!("the environment variable {name} is not valid UTF-8"))
                    .hint(format!("set {name} again, or unset it"))),
            },
        }
    }

    /// Also tells a variable that is set to nothing (`Some("")`) from one that is not set.
    pub fn raw(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.raw(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    pub fn working_directory(&self) -> &Path {
        &self.working_directory
    }

    pub fn program(&self) -> &Path {
        &self.program
    }

    pub fn home(&self) -> Result<PathBuf> {
        let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        self.path(name).ok_or_else(|| {
            Error::new(
                Code::Usage,
                format!("{name} is not set to an absolute path, so there is no home folder to work in"),
            )
            .hint(format!("set {name}"))
        })
    }

    /// `~` and `~/…` become the home folder; a relative path is taken from `base`.
    pub fn expand(&self, path: &str, base: &Path) -> Result<PathBuf> {
        if path == "~" {
            return self.home();
        }
        match path.strip_prefix("~/") {
            Some(rest) => Ok(self.home()?.join(rest)),
            None => Ok(base.join(path)),
        }
    }

    /// Where the user's own `config.yaml` lives.
    pub fn config_folder(&self) -> Result<PathBuf> {
        self.folder("XDG_CONFIG_HOME", ".config", "APPDATA")
    }

    /// Locks, the audit log, marks: no secrets. `XDG_STATE_HOME` counts on every system: the sandbox moves it there.
    pub fn state_folder(&self) -> Result<PathBuf> {
        if let Some(parent) = self.path("XDG_STATE_HOME") {
            return Ok(parent.join("keyfob"));
        }
        self.folder("XDG_STATE_HOME", ".local/state", "LOCALAPPDATA")
    }

    fn folder(&self, xdg: &str, below_home: &str, windows: &str) -> Result<PathBuf> {
        let parent = if cfg!(windows) {
            self.path(windows)
        } else if cfg!(target_os = "macos") {
            Some(self.home()?.join("Library/Application Support"))
        } else {
            self.path(xdg)
        };
        match parent {
            Some(parent) => Ok(parent.join("keyfob")),
            None => Ok(self.home()?.join(below_home).join("keyfob")),
        }
    }
}
