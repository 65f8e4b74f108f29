//! Keys that AWS no longer accepts: noticed without a request, announced once, and replaced in the
//! window.

use crate::app::{App, MAIN};
use crate::desktop::{Desktop, eventually};
use crate::home::{Home, KIM, csv, short_sessions};
use crate::keyring;
use crate::tray::Tray;
use crate::windows;
use keyfob_core::sandbox::SandboxSettings;

#[test]
fn revoked_keys_are_told_of_and_new_ones_pasted_into_the_form_sign_in_again() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM);
    home.aws()
        .set_settings(short_sessions())
        .expect("they can be played");
    let old = home.key();
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.press("Sign in: kim");
    page.sees("Signed in to kim");
    home.aws()
        .revoke_key(&old.access_key_id)
        .expect("kim has it");
    let notice = desktop
        .notices
        .arrives("AWS no longer accepts the keys of kim");
    assert!(
        notice.body.contains("fob "),
        "the next step is in the text: {notice:?}"
    );
    assert!(
        !notice.body.contains(old.access_key_id.as_str()),
        "{notice:?}"
    );
    let secret = old.secret_access_key.expose();
    let holding = || -> Vec<String> {
        let held = keyring::held().into_iter();
        let holding = held.filter(|(_, value)| value.contains(secret));
        holding.map(|(account, _)| account).collect()
    };
    assert_eq!(
        holding(),
        ["default/set-aside/kim"],
        "the stale secret is set aside"
    );
    page.sees("Revoked");
    Tray::of(&desktop, &app).says("kim (default) — revoked");

    desktop.notices.press(&notice, "Enter new keys");
    page.sees("Access keys for kim");
    page.sees("AWS no longer accepts the stored access keys");
    home.aws()
        .set_settings(SandboxSettings::default())
        .expect("they can be played");
    let new = home.aws().create_key("kim").expect("there is room for one");
    page.paste("Access key ID", &csv(&new));
    eventually("the form is filled", || {
        (page.value("Access key ID") == new.access_key_id.as_str()).then_some(())
    });
    assert_eq!(
        page.value("Secret access key"),
        "",
        "the secret does not come back"
    );
    page.press("Store");
    page.sees("kim default Valid");
    desktop.notices.is_withdrawn(&notice);
    let credentials = home.json(&["credential-process", "kim"]);
    assert_eq!(credentials["Version"], 1, "{credentials}");
    let held = keyring::held();
    assert!(
        held.values()
            .any(|value| value.contains(new.secret_access_key.expose())),
        "{:?}",
        held.keys()
    );
    assert_eq!(holding(), [""; 0], "until new keys are accepted");
}

#[test]
fn in_the_sandbox_a_new_key_is_copied_and_pasted_with_the_keyboard() {
    let desktop = Desktop::new();
    let home = Home::empty();
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.press("Try the sandbox");
    page.press("Sign in: kim");
    page.sees("kim default Valid");
    page.press("Revoke keys: kim");
    page.sees("The access keys of kim are revoked");
    page.press("Copy new key: kim");
    page.sees("A new access key for kim is on the clipboard");
    page.press("kim default Valid");
    page.press("Renew");
    page.sees("AWS no longer accepts the stored access keys");
    windows::press_keys(&windows::appears(MAIN), "ctrl+v");
    eventually("the form is filled", || {
        page.value("Access key ID")
            .starts_with("AKIA")
            .then_some(())
    });
    page.press("Store");
    page.sees("Signed in to kim");
    page.sees("kim default Valid");
}
