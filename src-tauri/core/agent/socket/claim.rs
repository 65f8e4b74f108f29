//! One agent per address: the process that holds the lock file beside the socket may listen there.
//! The system keeps the lock, so a killed agent frees it and a live one is never pushed aside; lock
//! files are never deleted.

use super::address::Address;
use crate::error::{Error, Result};
use crate::files;
use interprocess::local_socket::ListenerOptions;
use interprocess::local_socket::tokio::Listener;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

/// Given back when dropped.
#[derive(Debug)]
pub(super) struct Claim {
    address: Address,
    lock: File,
    listening: bool,
}

impl Claim {
    /// `None` when another process has it.
    pub fn stake(address: &Address) -> Result<Option<Claim>> {
        let folder = address.folder();
        files::create_folder(folder)?;
        files::make_private(folder)?;
        let path = address.lock();
        loop {
            let lock = files::open_private(&path)?;
            match lock.try_lock() {
                Ok(()) if is_at(&lock, &path) => {
                    return Ok(Some(Claim {
                        address: address.clone(),
                        lock,
                        listening: false,
                    }));
                }
                // The file was removed by hand meanwhile: a lock on it would keep no process out.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(cause)) => return Err(failed(&path, "lock", &cause)),
            }
        }
    }

    /// Replaces a stale socket. `None` when a live one stands there although its lock file is gone.
    pub fn listen(&mut self) -> Result<Option<Listener>> {
        let path = self.address.path();
        // A pipe ends with the process that made it, and only one process can make it.
        #[cfg(unix)]
        if is_live(&self.address)? {
            return Ok(None);
        }
        let failed = |cause: io::Error| failed(path, "listen at", &cause);
        if cfg!(unix) {
            match fs::remove_file(path) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(failed(cause)),
                Ok(()) | Err(_) => {}
            }
        }
        // A second agent names this one by its process id.
        let pid = std::process::id().to_string();
        files::replace(&self.address.pid_file(), pid.as_bytes())?;
        let listener = options(&self.address)
            .and_then(ListenerOptions::create_tokio)
            .map_err(failed)?;
        self.listening = true;
        // A pipe has an access list instead.
        if cfg!(unix) {
            files::make_private(path)?;
        }
        Ok(Some(listener))
    }

    /// Clients no longer find the agent; the address stays taken. If the lock file was removed by
    /// hand, what stands there may be another agent's.
    pub fn withdraw(&mut self) {
        if std::mem::take(&mut self.listening) && is_at(&self.lock, &self.address.lock()) {
            // A pipe goes by itself.
            if cfg!(unix) {
                let _ = fs::remove_file(self.address.path());
            }
            let _ = fs::remove_file(self.address.pid_file());
        }
    }
}

impl Drop for Claim {
    /// Closing the lock file would do, were it not for a child process that was just being started
    /// and still shares it.
    fn drop(&mut self) {
        self.withdraw();
        let _ = self.lock.unlock();
    }
}

fn failed(path: &Path, doing: &str, cause: &io::Error) -> Error {
    Error::file(path, doing, cause)
        .hint("check that the folder is yours, and that the disk is not full")
}

#[cfg(unix)]
fn options(address: &Address) -> io::Result<ListenerOptions<'_>> {
    use interprocess::os::unix::local_socket::ListenerOptionsExt;
    let options = ListenerOptions::new()
        .name(address.name()?)
        .reclaim_name(false);
    // Elsewhere the folder keeps others out until the mode is set.
    Ok(if cfg!(target_os = "linux") {
        options.mode(0o600)
    } else {
        options
    })
}

/// Full control for this user and no other; the owner of what an administrator makes is a group.
#[cfg(not(unix))]
fn options(address: &Address) -> io::Result<ListenerOptions<'_>> {
    use interprocess::os::windows::local_socket::ListenerOptionsExt;
    use interprocess::os::windows::security_descriptor::SecurityDescriptor;
    use widestring::U16CString;
    let user = crate::kernel::own_user()
        .ok_or_else(|| io::Error::other("the system does not tell which user this is"))?;
    let list = U16CString::from_str(format!("D:P(A;;GA;;;{user})")).map_err(io::Error::other)?;
    let this_user_only = SecurityDescriptor::deserialize(&list)?;
    Ok(ListenerOptions::new()
        .name(address.name()?)
        .security_descriptor(this_user_only))
}

/// Whether an agent listens there: the socket of one that was killed remains. Anything but a socket
/// is not ours to remove.
#[cfg(unix)]
fn is_live(address: &Address) -> Result<bool> {
    use interprocess::local_socket::{Stream, traits::Stream as _};
    use std::os::unix::fs::FileTypeExt;
    let path = address.path();
    let failed = |cause: io::Error| failed(path, "listen at", &cause);
    match fs::symlink_metadata(path) {
        Ok(it) if !it.file_type().is_socket() => {
            let cause = io::Error::other("what is there is not a socket");
            return Err(Error::file(path, "listen at", &cause).hint("move it away"));
        }
        Ok(_) => {}
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(cause) => return Err(failed(cause)),
    }
    match address.name().and_then(Stream::connect) {
        Ok(_) => Ok(true),
        Err(cause) if cause.kind() == io::ErrorKind::ConnectionRefused => Ok(false),
        Err(cause) => Err(failed(cause)),
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(there)) => place(held) == place(there),
        (Err(_), _) | (_, Err(_)) => false,
    }
}

#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}
