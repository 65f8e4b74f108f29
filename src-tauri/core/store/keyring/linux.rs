//! The system's keyring on Linux: the Secret Service of GNOME, KDE or KeePassXC. Connected when
//! first needed; a connection that failed is made anew by the next request.

use super::backend::{
    Backend, HOW_TO_GET_ONE, HOW_TO_UNLOCK, Progress, locked, not_text, removed_while_written,
    several, unavailable,
};
use super::entry::{Attributes, Deletion, SERVICE};
use crate::error::{Error, Result};
use crate::secret::Secret;
use secret_service::blocking::{Item, SecretService};
use secret_service::{EncryptionType, Error as Fault};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use zbus::blocking::Connection;
use zeroize::Zeroizing;

const BINARY: &str = "application/octet-stream";

pub(super) struct SecretServiceKeyring {
    service: Option<SecretService<'static>>,
    progress: Arc<Progress>,
}

pub(super) fn open(progress: Arc<Progress>) -> SecretServiceKeyring {
    SecretServiceKeyring {
        service: None,
        progress,
    }
}

/// What a request comes to: done, or why not.
type Done<T> = std::result::Result<T, Undone>;

enum Undone {
    By(Fault),
    /// So many entries where one belongs.
    Several(usize),
}

impl From<Fault> for Undone {
    fn from(fault: Fault) -> Undone {
        Undone::By(fault)
    }
}

impl SecretServiceKeyring {
    /// Runs `work` once more when an older connection failed: the service may have been started
    /// anew.
    fn with<T>(&mut self, work: impl Fn(&SecretService<'static>) -> Done<T>) -> Result<T> {
        if let Some(service) = self.service.take() {
            match work(&service) {
                Err(Undone::By(fault)) if way_out(&fault) == WayOut::GetOne => {}
                done => {
                    self.service = Some(service);
                    return done.map_err(explain);
                }
            }
        }
        self.progress.connected.store(false, Ordering::Relaxed);
        let service = connect().map_err(|fault| explain(fault.into()))?;
        self.progress.connected.store(true, Ordering::Relaxed);
        let done = work(&service).map_err(explain);
        self.service = Some(service);
        done
    }

    /// Runs `work` on one entry. Some keyrings find nothing while they are locked: only an open one
    /// is believed that there is no such entry.
    fn if_there<T>(
        &mut self,
        account: &str,
        work: impl Fn(&Item<'_>) -> std::result::Result<T, Fault>,
    ) -> Result<Option<T>> {
        let found = self.with(|service| match single(service, account)? {
            Some(item) => Ok(Some(work(&item)?)),
            None => Ok(None),
        })?;
        if found.is_none() {
            self.check()?;
        }
        Ok(found)
    }
}

impl Backend for SecretServiceKeyring {
    fn read(&mut self, account: &str) -> Result<Option<Secret>> {
        let read = self.if_there(account, |item| item.get_secret().map(Zeroizing::new))?;
        let Some(bytes) = read else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| not_text(account))?;
        Ok(Some(Secret::new(text)))
    }

    fn attributes(&mut self, account: &str) -> Result<Option<Attributes>> {
        self.if_there(account, |item| item.get_attributes().map(attributes_of))
    }

    fn write(&mut self, account: &str, attributes: &Attributes, value: &Secret) -> Result<()> {
        let bytes = value.expose().as_bytes();
        let is_there = self.with(|service| {
            if let Some(item) = single(service, account)? {
                item.set_secret(bytes, BINARY)?;
            } else {
                let keyring = service.get_default_collection()?;
                if keyring.is_locked()? {
                    keyring.unlock()?;
                }
                let label = format!("keyring:{account}@{SERVICE}");
                // By its name alone, so that two who write it at once write one.
                keyring.create_item(&label, named(account), bytes, true, BINARY)?;
            }
            let Some(item) = single(service, account)? else {
                return Ok(false);
            };
            let found = item.get_attributes()?;
            let before: HashMap<&str, &str> = found
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str()))
                .collect();
            let mut after = before.clone();
            after.extend(described(account, attributes));
            if after != before {
                item.set_attributes(after)?;
            }
            Ok(true)
        })?;
        if is_there {
            return Ok(());
        }
        Err(removed_while_written(account))
    }

    fn delete(&mut self, account: &str) -> Result<Deletion> {
        let deleted = self.with(|service| {
            // Two writers who met: neither of them is kept.
            let items = items(service, named(account))?;
            items.iter().try_for_each(Item::delete)?;
            Ok(!items.is_empty())
        })?;
        if deleted {
            return Ok(Deletion::Removed);
        }
        self.check()?;
        Ok(Deletion::Absent)
    }

    fn list(&mut self) -> Result<Vec<(String, Attributes)>> {
        let found = self.with(|service| {
            let mut found = Vec::new();
            for item in items(service, HashMap::from([("service", SERVICE)]))? {
                let mut attributes = item.get_attributes()?;
                if let Some(account) = attributes.remove("username") {
                    found.push((account, attributes_of(attributes)));
                }
            }
            Ok(found)
        })?;
        if found.is_empty() {
            self.check()?;
        }
        Ok(found)
    }

    fn check(&mut self) -> Result<()> {
        let is_locked =
            self.with(|service| Ok(service.get_default_collection()?.is_locked()?))?;
        if is_locked {
            return Err(locked("the system's keyring is locked").hint(HOW_TO_UNLOCK));
        }
        Ok(())
    }
}

fn connect() -> std::result::Result<SecretService<'static>, Fault> {
    let bus = Connection::session().map_err(|_| Fault::Unavailable)?;
    // GNOME's service can end, and leave the keyring locked for every program, when a session is a
    // client's first request: it may not have noted the client yet. After an answer it has.
    bus.call_method(
        Some("org.freedesktop.secrets"),
        "/org/freedesktop/secrets",
        Some("org.freedesktop.DBus.Properties"),
        "Get",
        &("org.freedesktop.Secret.Service", "Collections"),
    )?;
    SecretService::connect_with_existing(EncryptionType::Dh, bus)
}

fn named(account: &str) -> HashMap<&'static str, &str> {
    HashMap::from([("service", SERVICE), ("username", account)])
}

/// Unlocked first: the service may ask the person.
fn items<'s>(
    service: &'s SecretService<'static>,
    named: HashMap<&str, &str>,
) -> std::result::Result<Vec<Item<'s>>, Fault> {
    let mut found = service.search_items(named)?;
    if !found.locked.is_empty() {
        let locked: Vec<&Item<'_>> = found.locked.iter().collect();
        service.unlock_all(&locked)?;
    }
    found.unlocked.append(&mut found.locked);
    Ok(found.unlocked)
}

fn single<'s>(service: &'s SecretService<'static>, account: &str) -> Done<Option<Item<'s>>> {
    let mut items = items(service, named(account))?;
    match items.len() {
        0 | 1 => Ok(items.pop()),
        more => Err(Undone::Several(more)),
    }
}

fn described<'a>(
    account: &'a str,
    attributes: &'a Attributes,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let known = [
        ("kind", account.rsplit('/').nth(1)),
        ("configuration", attributes.configuration.as_deref()),
        ("v", attributes.version.as_deref()),
        ("holds", attributes.holds.as_deref()),
    ];
    known
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
}

fn attributes_of(mut found: HashMap<String, String>) -> Attributes {
    Attributes {
        configuration: found
            .remove("configuration")
            .filter(|path| !path.is_empty()),
        version: found.remove("v"),
        holds: found.remove("holds"),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WayOut {
    Unlock,
    /// The service is there, but was never given a keyring.
    MakeKeyring,
    GetOne,
}

fn way_out(fault: &Fault) -> WayOut {
    match fault {
        Fault::Locked | Fault::Prompt | Fault::PromptDisconnected => WayOut::Unlock,
        Fault::NoResult => WayOut::MakeKeyring,
        _ => WayOut::GetOne,
    }
}

fn explain(undone: Undone) -> Error {
    let fault = match undone {
        Undone::Several(entries) => return several(entries),
        Undone::By(fault) => fault,
    };
    match way_out(&fault) {
        WayOut::Unlock => {
            locked(format!("the system's keyring is locked: {fault}")).hint(HOW_TO_UNLOCK)
        }
        WayOut::MakeKeyring => {
            unavailable("the system's keyring service has no default keyring to keep entries in")
                .hint(
                    "make one (GNOME: Passwords and Keys), or keep entries in an encrypted file: \
             FOB_KEYRING=file",
                )
        }
        WayOut::GetOne => unavailable(format!("the system's keyring cannot be used: {fault}"))
            .hint(HOW_TO_GET_ONE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn a_closed_question_counts_as_locked_and_a_service_without_a_keyring_as_unavailable() {
        for (fault, code) in [
            (Fault::Prompt, Code::KeyringLocked),
            (Fault::NoResult, Code::KeyringUnavailable),
            (Fault::Unavailable, Code::KeyringUnavailable),
        ] {
            assert_eq!(explain(fault.into()).code, code);
        }
    }
}
