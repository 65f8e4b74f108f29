//! What a page that was taken over cannot do alone: the person is asked outside of it.

use crate::app::App;
use crate::desktop::{Desktop, eventually};
use crate::home::{Home, KIM};
use crate::keyring;
use crate::page::Page;
use crate::windows::{self, DialogButton};
use std::fs;

/// As its own scripts would, without a button.
fn invoke(page: &Page, command: &str, arguments: &str) {
    let script = format!(
        "window.__TAURI_INTERNALS__.invoke('{command}', {arguments}).catch(() => {{}}); return true;"
    );
    assert_eq!(page.script(&script, &[]), true);
}

#[test]
fn a_page_alone_forgets_no_access_keys() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM);
    let secret = home.key().secret_access_key;
    let is_held = || {
        let held = keyring::held();
        held.values().any(|value| value.contains(secret.expose()))
    };
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    for button in [DialogButton::Cancel, DialogButton::Agree] {
        invoke(
            &page,
            "log_out",
            "{ target: 'all', longLivedKeys: 'remove' }",
        );
        windows::appears("Forget the access keys\\?");
        assert!(is_held(), "before an answer");
        windows::press_in_dialog("Forget the access keys\\?", button);
        match button {
            DialogButton::Cancel => {
                page.sees("kim");
                assert!(is_held());
            }
            DialogButton::Agree => {
                eventually("the keys go", || (!is_held()).then_some(()));
            }
        }
    }
}

#[test]
fn a_page_alone_trusts_no_configuration() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM);
    let file = home.path("cloned.yaml");
    let text = "auth: { identities: { vendor: { kind: aws/process, credentials: { process: \"./creds %s%s%n\" } } } }\n";
    fs::write(&file, text).expect("the home is ours");
    let words = ["--config", file.to_str().expect("a plain path")];
    let is_trusted = || {
        let listed = home.run(&["trust", "--list"]);
        String::from_utf8_lossy(&listed.stdout).contains("cloned.yaml")
    };
    let app = App::start(&desktop, &home, &words);
    let page = app.page();
    page.sees("The configuration is not trusted yet");
    for button in [DialogButton::Cancel, DialogButton::Agree] {
        page.press("Trust this configuration");
        windows::appears("Trust this configuration\\?");
        assert!(!is_trusted(), "before an answer");
        windows::press_in_dialog("Trust this configuration\\?", button);
        if let DialogButton::Agree = button {
            eventually("it is trusted", || is_trusted().then_some(()));
        }
    }
    page.sees("vendor");
}
