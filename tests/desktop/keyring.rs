//! The session's keyring, as programs of another make see it. Locks it, and unlocks it as its owner
//! would.

use crate::desktop::eventually;
use crate::windows;
use std::collections::HashMap;
use std::process::Command;
use zbus::blocking::{Connection, Proxy};
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

const SERVICE: &str = "dev.keyfob.Keyfob";
const NAME: &str = "org.freedesktop.secrets";
const PATH: &str = "/org/freedesktop/secrets";
/// What `session.sh` unlocks it with.
const PASSWORD: &str = "keyfob";
/// Of what comes up when a program wants to read it.
const DIALOG: &str = "Unlock Login Keyring";

/// Accounts and values of what Keyfob stored.
pub fn held() -> HashMap<String, String> {
    let ran = Command::new("secret-tool")
        .args(["search", "--all", "service", SERVICE])
        .output();
    let ran = ran.expect("`./x test` installs it");
    // It writes attributes to the one and secrets to the other, in the same order.
    let lines = |bytes: &[u8], start: &str| -> Vec<String> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.lines()
            .filter_map(|line| line.strip_prefix(start))
            .map(str::to_owned)
            .collect()
    };
    let accounts = lines(&ran.stderr, "attribute.username = ");
    accounts
        .into_iter()
        .zip(lines(&ran.stdout, "secret = "))
        .collect()
}

pub fn empty() {
    let ran = Command::new("secret-tool")
        .args(["clear", "service", SERVICE])
        .output();
    ran.expect("`./x test` installs it");
    assert_eq!(held(), HashMap::new());
}

/// Until it is dropped.
pub struct Locked(Connection);

impl Locked {
    pub fn now() -> Locked {
        let bus = Connection::session().expect("`./x test` gives a session bus");
        let service =
            Proxy::new(&bus, NAME, PATH, "org.freedesktop.Secret.Service").expect("a keyring");
        let _: (Vec<OwnedObjectPath>, OwnedObjectPath) = service
            .call("Lock", &(vec![collection(&bus)],))
            .expect("it can be locked");
        let locked = Locked(bus);
        eventually("the keyring is locked", || locked.is_locked().then_some(()));
        locked
    }

    /// In the dialog that comes up when a program wants to read it.
    pub fn answer(&self) {
        let dialog = windows::appears(DIALOG);
        windows::type_into(&dialog, PASSWORD);
        windows::press_keys(&dialog, "Return");
        eventually("the keyring is unlocked", || {
            (!self.is_locked()).then_some(())
        });
    }

    /// The dialog is closed without an answer.
    pub fn dismiss(&self) {
        windows::press_keys(&windows::appears(DIALOG), "Escape");
        windows::disappears(DIALOG);
        assert!(self.is_locked());
    }

    pub fn raises_no_dialog() {
        assert!(windows::titled(DIALOG).is_empty());
    }

    fn is_locked(&self) -> bool {
        let collection = collection(&self.0);
        let proxy = Proxy::new(
            &self.0,
            NAME,
            collection.as_str(),
            "org.freedesktop.Secret.Collection",
        );
        proxy
            .and_then(|it| it.get_property("Locked"))
            .expect("a collection")
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        if !self.is_locked() {
            return;
        }
        let service =
            Proxy::new(&self.0, NAME, PATH, "org.freedesktop.Secret.Service").expect("a keyring");
        let (_, session): (OwnedValue, OwnedObjectPath) = service
            .call("OpenSession", &("plain", Value::from("")))
            .expect("a session");
        let master = (
            session,
            Vec::<u8>::new(),
            PASSWORD.as_bytes().to_vec(),
            "text/plain",
        );
        let interface = "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface";
        let owner = Proxy::new(&self.0, NAME, PATH, interface).expect("GNOME's");
        let () = owner
            .call("UnlockWithMasterPassword", &(collection(&self.0), master))
            .expect("the password is right");
        eventually("the keyring is unlocked", || {
            (!self.is_locked()).then_some(())
        });
    }
}

fn collection(bus: &Connection) -> OwnedObjectPath {
    let service = Proxy::new(bus, NAME, PATH, "org.freedesktop.Secret.Service").expect("a keyring");
    service
        .call("ReadAlias", &("default",))
        .expect("there is a default")
}
