//! The system's keyring on macOS and Windows: Keychain, Credential Manager. Connected when first
//! needed; a connection that failed is made anew by the next request.

use super::backend::{
    Backend, HOW_TO_GET_ONE, HOW_TO_UNLOCK, Progress, locked, not_text, removed_while_written,
    several, unavailable,
};
use super::entry::{Attributes, Deletion, SERVICE};
use crate::error::{Error, Result};
use crate::secret::Secret;
use keyring_core::{CredentialStore, Error as Fault};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use zeroize::Zeroizing;

/// `CRED_MAX_CREDENTIAL_BLOB_SIZE` is 5 × 512 bytes.
const WINDOWS_VALUE_LIMIT: usize = 2560;
/// `CRED_MAX_STRING_LENGTH`: what Windows takes as a comment.
const WINDOWS_COMMENT_LIMIT: usize = 256;

/// `errSecInteractionNotAllowed`, `errSecAuthFailed`, and `errSecUserCanceled`: its dialog was
/// closed.
const MACOS_LOCKED: [Option<i32>; 3] = [Some(-25308), Some(-25293), Some(-128)];

pub(super) struct SystemKeyring {
    store: Option<Arc<CredentialStore>>,
    progress: Arc<Progress>,
}

pub(super) fn open(progress: Arc<Progress>) -> SystemKeyring {
    SystemKeyring {
        store: None,
        progress,
    }
}

impl SystemKeyring {
    /// Runs `work` on one entry. Some keyrings find nothing while they are locked: only an open one
    /// is believed that there is no such entry.
    fn if_there<T>(
        &mut self,
        account: &str,
        work: impl Fn(&keyring_core::Entry) -> keyring_core::Result<T>,
    ) -> Result<Option<T>> {
        let found = self.on(account, work)?;
        if found.is_none() {
            self.check()?;
        }
        Ok(found)
    }

    /// Runs `work` on one entry; `None` when there is no such entry.
    fn on<T>(
        &mut self,
        account: &str,
        work: impl Fn(&keyring_core::Entry) -> keyring_core::Result<T>,
    ) -> Result<Option<T>> {
        self.with(|store| {
            match store
                .build(SERVICE, account, kept_here().as_ref())
                .and_then(|entry| work(&entry))
            {
                Ok(value) => Ok(Some(value)),
                Err(Fault::NoEntry) => Ok(None),
                Err(fault) => Err(fault),
            }
        })
    }

    /// Runs `work` once more when an older connection failed: the keyring service may have been
    /// started anew.
    fn with<T>(&mut self, work: impl Fn(&CredentialStore) -> keyring_core::Result<T>) -> Result<T> {
        if let Some(store) = self.store.take() {
            match work(&*store) {
                Err(fault @ Fault::PlatformFailure(_)) if !is_locked(&fault) => {}
                done => {
                    self.store = Some(store);
                    return done.map_err(|fault| explain(&fault));
                }
            }
        }
        self.progress.connected.store(false, Ordering::Relaxed);
        let store = connect().map_err(|fault| explain(&fault))?;
        self.progress.connected.store(true, Ordering::Relaxed);
        let done = work(&*store).map_err(|fault| explain(&fault))?;
        self.store = Some(store);
        Ok(done)
    }
}

impl Backend for SystemKeyring {
    fn read(&mut self, account: &str) -> Result<Option<Secret>> {
        let Some(bytes) = self.if_there(account, |entry| entry.get_secret().map(Zeroizing::new))?
        else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| not_text(account))?;
        Ok(Some(Secret::new(text)))
    }

    fn attributes(&mut self, account: &str) -> Result<Option<Attributes>> {
        self.if_there(account, |entry| {
            if cfg!(target_os = "macos") {
                entry.get_credential()?;
            }
            attributes_of(entry)
        })
    }

    fn write(&mut self, account: &str, attributes: &Attributes, value: &Secret) -> Result<()> {
        let updates = attributes_to_write(attributes);
        let written = self.on(account, |entry| {
            entry.set_secret(value.expose().as_bytes())?;
            if updates.is_empty() {
                Ok(())
            } else {
                entry.update_attributes(&updates)
            }
        })?;
        written.ok_or_else(|| removed_while_written(account))
    }

    fn delete(&mut self, account: &str) -> Result<Deletion> {
        let deleted = self.if_there(account, |entry| match entry.delete_credential() {
            // Two writers who met: neither of them is kept.
            Err(Fault::Ambiguous(entries)) => entries
                .iter()
                .try_for_each(keyring_core::Entry::delete_credential),
            other => other,
        })?;
        Ok(if deleted.is_some() {
            Deletion::Removed
        } else {
            Deletion::Absent
        })
    }

    fn list(&mut self) -> Result<Vec<(String, Attributes)>> {
        self.with(|store| {
            let query = if cfg!(windows) {
                ("pattern", r"\.dev\.keyfob\.Keyfob$")
            } else {
                ("service", SERVICE)
            };
            let mut found = Vec::new();
            for entry in store.search(&HashMap::from([query]))? {
                // Windows' store splits an entry's name at its last dot; our service has dots.
                let split = entry.get_specifiers().filter(|_| !cfg!(windows));
                let account = match split {
                    Some((_, account)) => Some(account),
                    None => entry.get_attributes()?.remove("username"),
                };
                if let Some(account) = account {
                    found.push((account, attributes_of(&entry)?));
                }
            }
            Ok(found)
        })
    }

    fn check(&mut self) -> Result<()> {
        self.on("state", keyring_core::Entry::get_secret)
            .map(|_| ())
    }

    fn value_limit(&self) -> Option<usize> {
        cfg!(windows).then_some(WINDOWS_VALUE_LIMIT)
    }
}

/// Windows takes a user's credentials to other machines unless it is told not to; the audit log and
/// the marks, which belong to them, stay here.
fn kept_here() -> Option<HashMap<&'static str, &'static str>> {
    cfg!(windows).then(|| HashMap::from([("persistence", "Local")]))
}

#[cfg(target_os = "macos")]
fn connect() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(apple_native_keyring_store::keychain::Store::new()?)
}

#[cfg(windows)]
fn connect() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(windows_native_keyring_store::Store::new()?)
}

#[cfg(not(any(target_os = "macos", windows)))]
fn connect() -> keyring_core::Result<Arc<CredentialStore>> {
    Err(Fault::NoDefaultStore)
}

/// Windows keeps one comment, and macOS nothing (there, asking reads the secret).
fn attributes_to_write(attributes: &Attributes) -> HashMap<&'static str, &str> {
    let configuration = attributes.configuration.as_deref();
    configuration
        .filter(|path| cfg!(windows) && path.len() <= WINDOWS_COMMENT_LIMIT)
        .map(|path| ("comment", path))
        .into_iter()
        .collect()
}

fn attributes_of(entry: &keyring_core::Entry) -> keyring_core::Result<Attributes> {
    if cfg!(target_os = "macos") {
        return Ok(Attributes::default());
    }
    let comment = entry.get_attributes()?.remove("comment");
    Ok(Attributes {
        configuration: comment.filter(|path| !path.is_empty()),
        ..Attributes::default()
    })
}

fn explain(fault: &Fault) -> Error {
    if let Fault::Ambiguous(entries) = fault {
        return several(entries.len());
    }
    if is_locked(fault) {
        locked(format!("the system's keyring is locked: {fault}")).hint(HOW_TO_UNLOCK)
    } else {
        unavailable(format!("the system's keyring cannot be used: {fault}")).hint(HOW_TO_GET_ONE)
    }
}

fn is_locked(fault: &Fault) -> bool {
    let (Fault::PlatformFailure(cause) | Fault::NoStorageAccess(cause)) = fault else {
        return false;
    };
    MACOS_LOCKED.contains(&macos_code(&format!("{cause:?}")))
}

/// The number stands only in the debug form of the error, behind its first field's name.
fn macos_code(debug: &str) -> Option<i32> {
    let (_, code) = debug.split_once("code: ")?;
    let end = code.find(|c: char| c != '-' && !c.is_ascii_digit());
    code[..end.unwrap_or(code.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn a_keyring_that_may_not_ask_counts_as_locked_and_one_that_broke_does_not() {
        let fault =
            |text: &str| Fault::PlatformFailure(Box::new(std::io::Error::other(text.to_owned())));
        for locked in [
            "Error { code: -25308 }",
            "Error { code: -128, message: \"User canceled the operation.\" }",
        ] {
            let error = explain(&fault(locked));
            assert_eq!(error.code, Code::KeyringLocked, "{locked}");
        }
        for broken in ["Error { code: -67585 }", "Error { code: -12800 }", "x"] {
            let error = explain(&fault(broken));
            assert_eq!(error.code, Code::KeyringUnavailable, "{broken}");
        }
    }
}
