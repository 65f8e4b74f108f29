//! Where the agent of a configuration listens: worked out from the configuration's canonical path
//! and the environment alone, so that a client need not read the configuration. Writes nothing.

use crate::encode::short_hex;
use crate::environment::Environment;
use crate::error::{Error, Result};
use interprocess::local_socket::{GenericFilePath, Name, ToFsName};
use sha2::{Digest, Sha256};
use std::io;
use std::path::{Path, PathBuf};

/// Bytes of a Unix socket's path with the NUL at its end. Linux takes four more, macOS does not.
#[cfg(unix)]
const LONGEST_PATH: usize = 104;

/// Of one agent: its socket, and what lies beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    folder: PathBuf,
    name: String,
    socket: PathBuf,
}

impl Address {
    /// `configuration` as [`crate::config::locate`](crate::config::locate) finds it, or canonical.
    pub fn of(configuration: &Path, environment: &Environment) -> Result<Address> {
        let configuration = environment.working_directory().join(configuration);
        let canonical = dunce::canonicalize(&configuration)
            .map_err(|cause| Error::file(&configuration, "read", &cause))?;
        let name = short_hex(&Sha256::digest(canonical.as_os_str().as_encoded_bytes()));
        let folder = folder(environment)?;
        let socket = socket(&folder, &name, environment)?;
        Ok(Address {
            folder,
            name,
            socket,
        })
    }

    /// Of the socket, or the name of the pipe.
    pub fn path(&self) -> &Path {
        &self.socket
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.folder.join(format!("{}.lock", self.name))
    }

    /// Where the agent leaves its process id.
    pub(super) fn pid_file(&self) -> PathBuf {
        self.folder.join(format!("{}.pid", self.name))
    }

    /// Of the agent, if it left one.
    pub fn pid(&self) -> Option<u32> {
        std::fs::read_to_string(self.pid_file())
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    pub(super) fn name(&self) -> io::Result<Name<'_>> {
        self.socket.as_path().to_fs_name::<GenericFilePath>()
    }
}

/// The user this process works for.
#[cfg(unix)]
pub(super) fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The user's own runtime folder; the state folder where there is none. A variable that points into
/// another user's, as after `sudo -E`, does not count.
#[cfg(unix)]
fn folder(environment: &Environment) -> Result<PathBuf> {
    let usual =
        || (!cfg!(target_os = "macos")).then(|| PathBuf::from(format!("/run/user/{}", me())));
    let parent = [environment.path(RUNTIME_FOLDER), usual()]
        .into_iter()
        .flatten()
        .find(|folder| is_ours(folder));
    parent.map_or_else(
        || environment.state_folder(),
        |parent| Ok(parent.join("keyfob")),
    )
}

#[cfg(unix)]
const RUNTIME_FOLDER: &str = if cfg!(target_os = "macos") {
    "TMPDIR"
} else {
    "XDG_RUNTIME_DIR"
};

#[cfg(unix)]
fn is_ours(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    folder
        .metadata()
        .is_ok_and(|it| it.is_dir() && it.uid() == me())
}

#[cfg(unix)]
fn socket(folder: &Path, name: &str, _environment: &Environment) -> Result<PathBuf> {
    let socket = folder.join(name);
    let length = socket.as_os_str().len() + 1;
    if length > LONGEST_PATH {
        let message = format!(
            "the path of the agent's socket is too long: {} has {length} bytes with its end, and \
             {LONGEST_PATH} is the most",
            socket.display()
        );
        let hint = format!("set {RUNTIME_FOLDER} to a folder of yours with a shorter path");
        return Err(Error::new(crate::error::Code::FilesUnwritable, message).hint(hint));
    }
    Ok(socket)
}

/// Pipes have a place of their own; the lock lies here.
#[cfg(not(unix))]
fn folder(environment: &Environment) -> Result<PathBuf> {
    environment.state_folder()
}

#[cfg(not(unix))]
fn socket(_folder: &Path, name: &str, environment: &Environment) -> Result<PathBuf> {
    let user = environment
        .var("USERNAME")?
        .unwrap_or_default()
        .replace('\\', "_");
    Ok(PathBuf::from(format!(r"\\.\pipe\keyfob-{user}-{name}")))
}
