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
        !notice.body.contains("fob "),
        "the button is the next step: {notice:?}"
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

#[test]
fn revoked_stays_revoked_after_the_session_has_ended_and_after_a_form_that_was_cancelled() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM);
    home.aws()
        .set_settings(short_sessions())
        .expect("they can be played");
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    let tray = Tray::of(&desktop, &app);
    page.press("Sign in: kim");
    page.sees("Signed in to kim");
    home.aws()
        .revoke_key(&home.key().access_key_id)
        .expect("kim has it");
    let notice = desktop
        .notices
        .arrives("AWS no longer accepts the keys of kim");
    let is_revoked = || {
        page.sees("kim default Revoked");
        tray.says("kim (default) — revoked");
        for words in [&["list", "--json"][..], &["--no-agent", "list", "--json"]] {
            let listed = home.json(words);
            assert_eq!(listed["identities"][0]["state"], "revoked", "{words:?}");
        }
    };
    eventually("the session has ended", || {
        let ran = home.run(&["credential-process", "kim", "--wait", "0"]);
        (!ran.status.success()).then_some(())
    });
    page.press("Cancel");
    is_revoked();
    page.press("Enter new keys: kim");
    page.sees("Access keys for kim");
    page.press("Cancel");
    is_revoked();
    assert!(!page.text().contains("under way"), "{}", page.text());
    let shown = desktop.notices.so_far();
    assert!(
        !shown.iter().any(|it| it.title.contains("has expired")),
        "{shown:?}"
    );
    assert!(desktop.notices.shown().iter().any(|it| it.id == notice.id));
    drop(page);
    drop(app);
    let app = App::start(&desktop, &home, &["--hidden"]);
    Tray::of(&desktop, &app).says("kim (default) — revoked");
}
