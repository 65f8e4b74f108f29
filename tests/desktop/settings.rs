//! What a person sets in the window: kept over a restart, and written where it belongs.

use crate::app::App;
use crate::desktop::{Desktop, eventually};
use crate::home::{Home, KIM, short_sessions};
use crate::tray::Tray;
use std::fs;

const TWO: &str = "# Ours.
auth:
  notify: { before: 30m } # Long enough.
  identities:
    kim: { kind: aws/user, default: true } # The first.
    lee: { kind: aws/user } # The second.
";

#[test]
fn settings_outlive_a_restart_and_comments_outlive_settings() {
    let desktop = Desktop::new();
    let home = Home::with(TWO);
    let autostart = home.path(".config/autostart/Keyfob.desktop");
    {
        let mut app = App::start(&desktop, &home, &[]);
        let page = app.page();
        page.press("Settings");
        page.sees("Lead time");
        assert_eq!(page.value("Lead time"), "30m");
        page.tick("A session has expired");
        page.sees("Saved");
        page.fill("Lead time", "45m");
        page.press("Save");
        eventually("the lead time is written", || {
            home.configuration().contains("45m").then_some(())
        });
        assert_eq!(page.value("Access keys are old after"), "90");
        page.fill("Access keys are old after", "60");
        page.press("Save: Access keys are old after");
        eventually("the age is written", || {
            home.configuration().contains("key_age: 60d").then_some(())
        });
        page.choose("Default identity", "lee");
        eventually("the tray agrees", || {
            let tray = Tray::of(&desktop, &app);
            tray.says("lee (default) — needs sign-in")
                .lines
                .last()?
                .is_checked
                .then_some(())
        });
        assert!(!autostart.exists());
        page.tick("Start at login");
        let entry = eventually("it starts at login", || fs::read_to_string(&autostart).ok());
        assert!(
            entry
                .lines()
                .any(|line| line.starts_with("Exec=") && line.ends_with("keyfob --hidden")),
            "{entry}"
        );
        drop(page);
        assert_eq!(app.terminate().code(), Some(0), "{}", app.said());
    }
    let written = home.configuration();
    for kept in [
        "# Ours.\n",
        "{ before: 45m, key_age: 60d } # Long enough.\n",
        "# The first.\n",
        "# The second.\n",
    ] {
        assert!(written.contains(kept), "{written}");
    }
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.press("Settings");
    page.sees("Lead time");
    assert_eq!(page.value("Lead time"), "45m");
    assert_eq!(page.value("Access keys are old after"), "60");
    assert_eq!(page.value("Default identity"), "lee");
    assert!(!page.is_ticked("A session has expired"));
    assert!(page.is_ticked("Renewals keep failing"));
    assert!(page.is_ticked("Start at login"));
    page.tick("Start at login");
    eventually("it no longer starts at login", || {
        (!autostart.exists()).then_some(())
    });
}

#[test]
fn a_notice_that_is_switched_off_is_not_shown_and_the_others_are() {
    let desktop = Desktop::new();
    let home = Home::signed_up(&format!("{KIM}    robin: {{ kind: aws/user }}\n"));
    home.aws()
        .set_settings(short_sessions())
        .expect("they can be played");
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.press("Settings");
    page.tick("A program is waiting for you");
    page.sees("Saved");
    page.press("Identities");
    page.press("Sign in: kim");
    page.sees("Signed in to kim");
    let mut program = home.start_fob(&["credential-process", "robin", "--wait", "60"]);
    page.sees(" needs robin");
    home.aws()
        .revoke_key(&home.key().access_key_id)
        .expect("kim has it");
    desktop
        .notices
        .arrives("AWS no longer accepts the keys of kim");
    let shown = desktop.notices.so_far();
    assert!(
        !shown.iter().any(|notice| notice.title.contains("robin")),
        "{shown:?}"
    );
    let _ = program.kill();
    let _ = program.wait();
}
