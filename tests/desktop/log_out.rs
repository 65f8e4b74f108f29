//! Logging out in the window: what is shown before is what is done.

use crate::app::App;
use crate::desktop::{Desktop, eventually};
use crate::home::{Home, KIM};
use crate::keyring;
use crate::windows::{self, DialogButton};

#[test]
fn what_the_preview_lists_is_removed_and_afterwards_programs_are_told_to_sign_in() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM);
    let secret = home.key();
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.press("Sign in: kim");
    page.press("kim default Valid");
    page.press("More actions");
    page.press("Log out…");
    page.sees("Will be removed");
    let alone = page.lines("Entries");
    assert!(!alone.is_empty());
    assert_eq!(
        home.run(&["credential-process", "kim"]).status.code(),
        Some(0),
        "nothing is done yet"
    );
    page.tick("Also forget the access key");
    let planned = eventually("the access key is in the list", || {
        let planned = page.lines("Entries");
        (planned.len() > alone.len()).then_some(planned)
    });
    page.press("Log out");
    windows::press_in_dialog("Forget the access keys\\?", DialogButton::Agree);
    page.sees("Logged out");
    let done = page.lines("Entries");
    assert_eq!(done.len(), planned.len(), "{planned:#?} {done:#?}");
    page.sees("To end a browser session, choose Sign out in the AWS console");
    assert_eq!(
        home.run(&["credential-process", "kim"]).status.code(),
        Some(3)
    );
    let secret = secret.secret_access_key.expose();
    assert!(!keyring::held().values().any(|value| value.contains(secret)));
    page.press("Done");
    page.sees("kim default Signed out");
}
