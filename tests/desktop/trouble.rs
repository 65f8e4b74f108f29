//! What is out of order around the app: said in the window, in words, and gone once it is mended.

use crate::app::App;
use crate::app::MAIN;
use crate::desktop::{Desktop, eventually};
use crate::home::{Home, KIM};
use crate::keyring::Locked;
use crate::tray::Tray;
use crate::windows;
use keyfob_core::sandbox::{FaultSwitch, SandboxFault};
use std::fs;

#[test]
fn a_configuration_that_breaks_leaves_the_last_good_one_in_force_until_it_is_mended() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM);
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.press("Sign in: kim");
    page.sees("kim default Valid");
    home.write_config("auth:\n  identities: [\n");
    assert_eq!(
        home.json(&["credential-process", "kim"])["Version"],
        1,
        "it goes on"
    );
    page.sees("the last valid version stays in use");
    page.sees("line 3");
    page.sees("kim default Valid");
    home.write_config(KIM);
    home.json(&["credential-process", "kim"]);
    page.sees_no_more("the last valid version stays in use");
}

#[test]
fn a_configuration_that_cannot_be_used_at_the_start_is_taken_over_once_it_can() {
    let desktop = Desktop::new();
    let home = Home::with("auth: [\n");
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.sees("The configuration cannot be used");
    page.sees("config.yaml");
    home.write_config(KIM);
    page.sees("kim default Needs sign-in");
}

#[test]
fn a_locked_keyring_is_told_of_and_read_again_once_it_is_unlocked() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM);
    let locked = Locked::now();
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.sees("The keyring cannot be read");
    page.sees("unlock the system's keyring");
    locked.answer();
    page.sees_no_more("The keyring cannot be read");
    page.press("Sign in: kim");
    page.sees("kim default Valid");
}

#[test]
fn without_aws_a_sign_in_fails_in_words_and_the_keys_are_kept() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM);
    home.aws()
        .inject(FaultSwitch::on(SandboxFault::Outage))
        .expect("it can be played");
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.press("Sign in: kim");
    page.sees("AWS could not be reached");
    home.aws().clear_faults();
    page.press("Sign in: kim");
    page.sees("kim default Valid");
}

#[test]
fn without_a_tray_the_window_comes_up_and_says_how_to_get_one_and_the_icon_appears_with_it() {
    let mut desktop = Desktop::without_tray();
    let home = Home::with(KIM);
    let app = App::start(&desktop, &home, &["--hidden"]);
    windows::appears(MAIN);
    let page = app.page();
    page.sees("This desktop shows no tray icon");
    desktop.start_panel();
    page.sees_no_more("This desktop shows no tray icon");
    Tray::of(&desktop, &app).says("kim (default) — needs sign-in");
    desktop.end_panel();
    page.sees("This desktop shows no tray icon");
}

#[test]
fn an_agent_that_is_told_to_stop_ends_the_app() {
    let desktop = Desktop::new();
    let home = Home::with(KIM);
    let mut app = App::start(&desktop, &home, &[]);
    app.serves(&home);
    assert!(home.run(&["agent", "stop"]).status.success());
    assert_eq!(app.ends().code(), Some(0), "{}", app.said());
    assert!(!desktop.is_owned(crate::app::SINGLE));
}

#[test]
fn an_agent_without_a_screen_hands_over_to_the_app() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM);
    let log = fs::File::create(home.path("agent.log")).expect("the home is ours");
    let mut agent = home
        .fob(&["agent", "run"])
        .stderr(log)
        .spawn()
        .expect("fob starts");
    eventually("it runs", || {
        (home.json(&["status", "--json"])["agent"]["pid"] == agent.id()).then_some(())
    });
    assert!(home.run(&["login", "kim"]).status.success());
    let app = App::start(&desktop, &home, &["--hidden"]);
    Tray::of(&desktop, &app).says_one_of(&["kim (default) — 11 h", "kim (default) — 12 h"]);
    app.serves(&home);
    let ended = eventually("the other has ended", || {
        agent.try_wait().expect("a child of ours")
    });
    assert_eq!(ended.code(), Some(0));
}
