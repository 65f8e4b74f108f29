//! The system's keyring: Secret Service, macOS Keychain or Windows Credential Manager. Connected
//! when first needed; a connection that failed is made anew by the next request.

use super::backend::{Backend, Progress, locked, unavailable};
use super::entry::{Attributes, Deletion, SERVICE};
use crate::error::{Code, Error, Result};
use crate::secret::Secret;
use keyring_core::{CredentialStore, Error as Fault};
#[cfg(target_os = "linux")]
use secret_service::{EncryptionType, blocking::SecretService};
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

pub(super) const HOW_TO_GET_ONE: &str =
    "start the system's keyring, or keep entries in an encrypted file: FOB_KEYRING=file";
pub(super) const HOW_TO_UNLOCK: &str =
    "unlock the system's keyring (sign in to the desktop, or answer its question), then try again";

pub(super) struct SystemKeyring {
    store: Option<Arc<CredentialStore>>,
    #[cfg(target_os = "linux")]
    service: Option<SecretService<'static>>,
    progress: Arc<Progress>,
}

impl SystemKeyring {
    pub fn new(progress: Arc<Progress>) -> SystemKeyring {
        SystemKeyring {
            store: None,
            #[cfg(target_os = "linux")]
            service: None,
            progress,
        }
    }

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
                Err(fault @ Fault::PlatformFailure(_))
                    if failure(&fault) == KeyringFailure::Broken => {}
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

#[cfg(target_os = "linux")]
impl SystemKeyring {
    /// Over a connection of its own, kept as the store's is: making one takes longer than all else
    /// that is done with an entry.
    fn check_that_it_is_open(&mut self) -> Result<()> {
        let is_locked =
            |service: &SecretService<'static>| service.get_default_collection()?.is_locked();
        let kept = self
            .service
            .take()
            .filter(|service| is_locked(service).is_ok());
        let service = match kept {
            Some(service) => Ok(service),
            None => SecretService::connect(EncryptionType::Plain),
        };
        let looked = service.and_then(|service| Ok((is_locked(&service)?, service)));
        let (is_locked, service) =
            looked.map_err(|error| explain(&Fault::NoStorageAccess(Box::new(error))))?;
        self.service = Some(service);
        if is_locked {
            return Err(locked("the system's keyring is locked").hint(HOW_TO_UNLOCK));
        }
        Ok(())
    }
}

impl Backend for SystemKeyring {
    fn read(&mut self, account: &str) -> Result<Option<Secret>> {
        let Some(bytes) = self.if_there(account, |entry| entry.get_secret().map(Zeroizing::new))?
        else {
            return Ok(None);
        };
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(_) => Err(Error::new(
                Code::KeyringEntryInvalid,
                format!(
                    "the keyring entry {account} of {SERVICE} is not text: it was not written by \
                     Keyfob"
                ),
            )),
        }
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
        let updates = attributes_to_write(account, attributes);
        let written = self.on(account, |entry| {
            entry.set_secret(value.expose().as_bytes())?;
            if updates.is_empty() {
                Ok(())
            } else {
                entry.update_attributes(&updates)
            }
        })?;
        let gone = || {
            unavailable(format!(
                "the keyring entry {account} was removed while it was written"
            ))
        };
        written.ok_or_else(|| gone().hint("try again"))
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
        self.with(|_| Ok(()))?;
        #[cfg(target_os = "linux")]
        return self.check_that_it_is_open();
        #[cfg(not(target_os = "linux"))]
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

#[cfg(target_os = "linux")]
fn connect() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(zbus_secret_service_keyring_store::Store::new()?)
}

#[cfg(target_os = "macos")]
fn connect() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(apple_native_keyring_store::keychain::Store::new()?)
}

#[cfg(windows)]
fn connect() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(windows_native_keyring_store::Store::new()?)
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn connect() -> keyring_core::Result<Arc<CredentialStore>> {
    Err(Fault::NoDefaultStore)
}

/// The Secret Service keeps any attribute, Windows one comment, and macOS none (there, asking reads
/// the secret).
fn attributes_to_write<'a>(
    account: &'a str,
    attributes: &'a Attributes,
) -> HashMap<&'static str, &'a str> {
    let configuration = attributes.configuration.as_deref();
    if cfg!(target_os = "linux") {
        let kind = account.rsplit('/').nth(1);
        let known = [
            ("kind", kind),
            ("configuration", configuration),
            ("v", attributes.version.as_deref()),
            ("holds", attributes.holds.as_deref()),
        ];
        known
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .collect()
    } else if cfg!(windows) {
        configuration
            .filter(|path| path.len() <= WINDOWS_COMMENT_LIMIT)
            .map(|path| ("comment", path))
            .into_iter()
            .collect()
    } else {
        HashMap::new()
    }
}

fn attributes_of(entry: &keyring_core::Entry) -> keyring_core::Result<Attributes> {
    if cfg!(target_os = "macos") {
        return Ok(Attributes::default());
    }
    let mut found = entry.get_attributes()?;
    let configuration = found.remove(if cfg!(windows) {
        "comment"
    } else {
        "configuration"
    });
    Ok(Attributes {
        configuration: configuration.filter(|path| !path.is_empty()),
        version: found.remove("v"),
        holds: found.remove("holds"),
    })
}

/// Faults of the system's keyring, by remedy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyringFailure {
    /// Locked, and not unlocked.
    Locked,
    /// The service is there, but was never given a keyring.
    #[cfg(target_os = "linux")]
    NoCollection,
    Broken,
}

fn explain(fault: &Fault) -> Error {
    if let Fault::Ambiguous(entries) = fault {
        let message = format!(
            "the keyring holds {} entries where one belongs",
            entries.len()
        );
        return Error::new(Code::KeyringEntryInvalid, message).hint(format!(
            "remove all but one of the entries of {SERVICE} that have the same name"
        ));
    }
    match failure(fault) {
        KeyringFailure::Locked => locked(format!(
            "the system's keyring is locked: \
            {fault}"
        ))
        .hint(HOW_TO_UNLOCK),
        #[cfg(target_os = "linux")]
        KeyringFailure::NoCollection => unavailable(
            "the system's keyring service has no default \
            keyring to keep entries in",
        )
        .hint(
            "make one (GNOME: Passwords and Keys), or keep entries in an encrypted file: \
                FOB_KEYRING=file",
        ),
        KeyringFailure::Broken => unavailable(format!(
            "the system's keyring cannot be used: \
            {fault}"
        ))
        .hint(HOW_TO_GET_ONE),
    }
}

fn failure(fault: &Fault) -> KeyringFailure {
    let (Fault::PlatformFailure(cause) | Fault::NoStorageAccess(cause)) = fault else {
        return KeyringFailure::Broken;
    };
    #[cfg(target_os = "linux")]
    if let Some(cause) = cause.downcast_ref::<secret_service::Error>() {
        use secret_service::Error;
        return match cause {
            Error::Locked | Error::Prompt | Error::PromptDisconnected => KeyringFailure::Locked,
            Error::NoResult => KeyringFailure::NoCollection,
            _ => KeyringFailure::Broken,
        };
    }
    if MACOS_LOCKED.contains(&macos_code(&format!("{cause:?}"))) {
        KeyringFailure::Locked
    } else {
        KeyringFailure::Broken
    }
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
        #[cfg(target_os = "linux")]
        {
            let dismissed = Fault::PlatformFailure(Box::new(secret_service::Error::Prompt));
            assert_eq!(explain(&dismissed).code, Code::KeyringLocked);
            let empty = Fault::NoStorageAccess(Box::new(secret_service::Error::NoResult));
            assert_eq!(explain(&empty).code, Code::KeyringUnavailable);
            let gone = Fault::PlatformFailure(Box::new(secret_service::Error::Unavailable));
            assert_eq!(explain(&gone).code, Code::KeyringUnavailable);
        }
    }
}
