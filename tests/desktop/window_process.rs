//! The windows live in a process of their own: either of the two may end or crash without the
//! other.

use crate::app::{App, MAIN, children};
use crate::desktop::{Desktop, eventually};
use crate::home::{Home, KIM, KIM_WITH_MFA};
use crate::tray::Tray;
use crate::windows;
use std::fs;

/// It draws a page.
fn is_drawing(app: &App) -> bool {
    app.windows_process().is_some_and(|windows| {
        children(windows.pid)
            .iter()
            .any(|it| it.name.starts_with("WebKitWebProces"))
    })
}

#[test]
fn the_last_window_takes_all_that_drew_it_along_and_the_next_click_opens_a_new_one() {
    let desktop = Desktop::new();
    let home = Home::with(KIM);
    let mut app = App::start(&desktop, &home, &["--hidden"]);
    let tray = Tray::of(&desktop, &app);
    tray.says("kim (default) — needs sign-in");
    assert!(!app.has_children(), "nothing to show yet");
    let mut after_the_first = None;
    for _ in 0..5 {
        tray.press(&["Open Keyfob"]);
        let window = windows::appears(MAIN);
        eventually("something draws the page", || {
            is_drawing(&app).then_some(())
        });
        windows::close(&window);
        windows::disappears(MAIN);
        eventually("nothing draws or fetches any more", || {
            (!app.has_children()).then_some(())
        });
        after_the_first.get_or_insert_with(|| app.open_files());
    }
    eventually("no more files are open than after the first", || {
        (Some(app.open_files()) <= after_the_first).then_some(())
    });
    assert!(app.is_running());
    assert_eq!(app.terminate().code(), Some(0), "{}", app.said());
}

#[test]
fn a_window_that_is_closed_as_soon_as_it_is_there_is_followed_by_the_next() {
    let desktop = Desktop::new();
    let home = Home::with(KIM);
    let app = App::start(&desktop, &home, &["--hidden"]);
    let tray = Tray::of(&desktop, &app);
    tray.says("kim (default) — needs sign-in");
    for _ in 0..8 {
        tray.press(&["Open Keyfob"]);
        windows::close(&windows::appears(MAIN));
        windows::disappears(MAIN);
    }
    eventually("no process is left of the last one", || {
        (!app.has_children()).then_some(())
    });
}

#[test]
fn a_crash_of_the_windows_leaves_the_tray_and_the_open_prompt() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM_WITH_MFA);
    let app = App::start(&desktop, &home, &[]);
    let tray = Tray::of(&desktop, &app);
    windows::appears(MAIN);
    let program = home.start_fob(&["credential-process", "kim", "--wait", "60"]);
    desktop.notices.arrives_about(" needs kim");
    let windows_process = app.windows_process().expect("it shows the window");
    windows_process.kill();
    windows::disappears(MAIN);
    let prompts = &home.json(&["status", "--json"])["prompts"];
    assert_eq!(prompts.as_array().map(Vec::len), Some(1), "{prompts}");
    tray.press(&["Open Keyfob"]);
    let page = app.page();
    page.press("Enter code");
    page.fill("MFA code", "123456");
    let ran = program.wait_with_output().expect("fob ends");
    assert!(ran.status.success(), "{ran:?}");
    let new = app.windows_process().expect("it shows the window");
    assert_ne!(new.pid, windows_process.pid);
}

#[test]
fn a_crash_of_the_tray_is_said_in_the_window_which_can_then_be_closed() {
    let desktop = Desktop::new();
    let home = Home::with(KIM);
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    let windows_process = app.windows_process().expect("it shows the window");
    app.crash();
    page.sees("Keyfob has ended");
    windows::press_keys(&windows::appears(MAIN), "Escape");
    windows::disappears(MAIN);
    eventually("its process has ended", || {
        (!fs::exists(format!("/proc/{}/stat", windows_process.pid)).unwrap_or(true)).then_some(())
    });
}

#[test]
fn quitting_closes_the_windows() {
    let desktop = Desktop::new();
    let home = Home::with(KIM);
    let mut app = App::start(&desktop, &home, &[]);
    let tray = Tray::of(&desktop, &app);
    windows::appears(MAIN);
    let windows_process = app.windows_process().expect("it shows the window");
    tray.press(&["Quit"]);
    assert_eq!(app.ends().code(), Some(0), "{}", app.said());
    assert!(
        !fs::exists(format!("/proc/{}", windows_process.pid)).expect("a system with processes")
    );
    assert!(windows::titled(MAIN).is_empty());
}
