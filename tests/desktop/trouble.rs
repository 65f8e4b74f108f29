//! What is out of order around the app: said in the window, in words, and gone once it is mended.

use crate::app::App;
use crate::app::MAIN;
use crate::desktop::{Desktop, eventually};
use crate::home::{Home, KIM, short_sessions};
use crate::keyring::Locked;
use crate::tray::Tray;
use crate::windows;
use keyfob_core::sandbox::{FaultSwitch, SandboxFault, SandboxSettings};
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
    // Nobody requests anything, and it is seen at once.
    page.sees_soon("the last valid version stays in use");
    page.sees("line 3");
    page.sees("kim default Valid");
    assert_eq!(
        home.json(&["credential-process", "kim"])["Version"],
        1,
        "it goes on"
    );
    for view in ["Activity", "Settings"] {
        page.press(view);
        page.sees("the last valid version stays in use");
    }
    page.sees("Error the configuration");
    assert!(!page.text().contains("No problems"), "{}", page.text());
    home.write_config("auth: 3\n");
    page.sees_soon("auth holds a single value");
    fs::remove_dir_all(home.config().parent().expect("a folder")).expect("it is ours");
    page.sees_soon("there is no configuration at");
    page.sees("the last valid version stays in use");
    home.write_config("");
    page.sees_soon("config.yaml is empty");
    let new = home.path("new.yaml");
    fs::write(&new, format!("{KIM}    lee: {{ kind: aws/user }}\n")).expect("the home is ours");
    fs::rename(&new, home.config()).expect("the home is ours");
    page.sees_soon("No problems");
    assert!(!page.text().contains("stays in use"), "{}", page.text());
    page.press("Identities");
    page.sees("lee Needs sign-in");
}

#[test]
fn an_empty_configuration_offers_what_the_first_start_offers() {
    let desktop = Desktop::new();
    let home = Home::with("# Nothing yet.\n");
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.sees("Set up Keyfob");
    page.press("Add an access key");
    page.fill("Name", "work");
    page.fill("Region", "eu-central-1");
    page.press("Add");
    page.sees("Access keys for work");
    assert!(
        home.configuration().starts_with("# Nothing yet.\n"),
        "{}",
        home.configuration()
    );
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
fn while_the_keyrings_dialog_is_unanswered_identities_are_unknown_and_the_keyring_is_awaited() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM);
    let locked = Locked::now();
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.sees("Waiting for the system keyring");
    page.sees("kim default Unknown");
    page.sees("unlock the system's keyring");
    page.sees("kim default Unknown");
    assert!(!page.text().contains("No identities"), "{}", page.text());
    let tray = Tray::of(&desktop, &app);
    tray.says("kim (default) — unknown");
    locked.answer();
    page.sees_soon("kim default Needs sign-in");
    page.sees_no_more("Waiting for the system keyring");
    page.press("Sign in: kim");
    page.sees("kim default Valid");
}

#[test]
fn a_keyrings_dialog_that_was_dismissed_leaves_identities_unknown_until_it_is_answered() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM);
    let locked = Locked::now();
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    locked.dismiss();
    page.sees("Waiting for the system keyring");
    home.json(&["status", "--json"]);
    page.sees("kim default Unknown");
    // Neither the schedule nor tray and window raise it again by themselves.
    home.json(&["status", "--json"]);
    Locked::raises_no_dialog();
    page.press("Retry");
    locked.answer();
    page.sees_soon("kim default Needs sign-in");
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
fn without_a_network_the_window_and_a_notice_say_so_and_once_it_is_back_sessions_are_renewed() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM);
    home.aws()
        .set_settings(SandboxSettings {
            session_seconds: Some(60),
            ..SandboxSettings::default()
        })
        .expect("they can be played");
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.press("Sign in: kim");
    page.sees("Signed in to kim");
    home.aws()
        .inject(FaultSwitch::on(SandboxFault::Outage))
        .expect("it can be played");
    page.sees("AWS cannot be reached; current sessions stay in use");
    let notice = desktop.notices.arrives_about("kim cannot be renewed");
    assert!(
        notice.body.contains("AWS could not be reached"),
        "{notice:?}"
    );
    home.aws().clear_faults();
    page.sees_no_more("AWS cannot be reached");
    page.sees("kim default Valid");
    desktop.notices.is_withdrawn(&notice);
}

#[test]
fn throttled_is_not_offline() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM);
    home.aws()
        .set_settings(short_sessions())
        .expect("they can be played");
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.press("Sign in: kim");
    page.sees("Signed in to kim");
    home.aws()
        .inject(FaultSwitch::on(SandboxFault::Throttling))
        .expect("it can be played");
    page.sees("AWS is busy");
    assert!(
        !page.text().contains("cannot be reached"),
        "{}",
        page.text()
    );
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
