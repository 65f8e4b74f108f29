//! The keyring is locked while the agent holds a session.

use super::answered;
use crate::home::{DEV, Home, code, text, wait_for};
use crate::logout_table::stored_keys;
use keyfob_core::clock::Clock;
use keyfob_core::config::KeyringChoice;
use keyfob_core::environment::Environment;
use keyfob_core::store::{Keyring, Store, StoreScope};
use std::fs;

/// Its passphrase is another one from now on.
fn lock(home: &Home) {
    let path = home.path().join("other.age");
    let choice = KeyringChoice::File {
        path: path.clone(),
        password_env: None,
    };
    let environment = Environment::of([("FOB_KEYRING_PASSWORD", "another-passphrase")]);
    let other = Keyring::open(&choice, &environment).expect("a keyring");
    let store = Store::open(StoreScope {
        keyring: other,
        realm: "default".to_owned(),
        configuration: home.config(),
        state_folder: home.path().join("elsewhere"),
        clock: Clock::system(),
    });
    let kept = stored_keys(home);
    wait_for(store.keys.put("other", &kept, None)).expect("stored");
    fs::rename(path, home.path().join(".config/keyfob/keyring.age")).expect("replaced");
}

#[test]
fn a_session_that_the_agent_holds_counts_although_the_keyring_was_locked_meanwhile() {
    let home = Home::signed_up(DEV);
    let _agent = home.start_agent();
    assert_eq!(code(&home.run(&["login", "dev"])), 0);
    let before = answered(&home.run(&["credential-process", "dev"]));
    lock(&home);
    for arguments in [
        &["credential-process", "dev"][..],
        &["login", "dev"],
        &["exec", "dev", "--", "true"],
        &["env", "dev", "--static"],
        &["whoami", "dev", "--offline"],
        &["list"],
        &["status"],
    ] {
        let ran = home.run(arguments);
        assert_eq!(code(&ran), 0, "{arguments:?}: {}", text(&ran.stderr));
    }
    assert_eq!(answered(&home.run(&["credential-process", "dev"])), before);
    assert_eq!(
        home.json(&["list", "--json"])["identities"][0]["state"],
        "valid"
    );
    let forced = home.run(&["login", "dev", "--force"]);
    assert_ne!(code(&forced), 0, "a new one cannot be stored");
    let without = home.run(&["exec", "dev", "--no-agent", "--", "true"]);
    assert_ne!(code(&without), 0);
}

#[test]
fn a_keyring_that_was_opened_again_is_not_reported_as_locked() {
    let home = Home::signed_up(DEV);
    let _agent = home.start_agent();
    assert_eq!(code(&home.run(&["login", "dev"])), 0);
    let (keyring, kept) = (
        home.path().join(".config/keyfob/keyring.age"),
        home.path().join("kept.age"),
    );
    fs::copy(&keyring, &kept).expect("copied");
    // The agent reads the session again once another process had its lock.
    assert_eq!(code(&home.run(&["cleanup", "--no-agent"])), 0);
    lock(&home);
    let whoami = || {
        let ran = home.run(&["whoami", "dev", "--offline"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        text(&ran.stderr)
    };
    let said = whoami();
    assert!(said.contains("the passphrase does not open"), "{said}");
    fs::rename(kept, keyring).expect("put back");
    assert_eq!(whoami(), "");
}
