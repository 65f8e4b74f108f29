//! The AWS console in the browser, signed in by a role's session.

use crate::app::App;
use crate::desktop::{Desktop, eventually, prepared};
use crate::home::{Home, KIM};
use crate::tray::Tray;
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

const DEPLOY: &str = "    deploy:
      kind: aws/assume-role
      via: { identity: kim }
      principal: { assume_role: \"arn:aws:iam::420000000025:role/deploy\" }
";

fn host_of(address: &str) -> &str {
    address
        .trim_start_matches("http://")
        .split('/')
        .next()
        .expect("a host")
}

/// The person's: it remembers where it was sent, and with which environment.
fn install_browser(home: &mut Home) {
    let browser = home.path("bin/xdg-open");
    fs::create_dir(home.path("bin")).expect("the home is ours");
    let script = "#!/bin/sh\nenv >\"$HOME/environment\"\nprintf %s \"$1\" >\"$HOME/opened\"\n";
    fs::write(&browser, script).expect("the home is ours");
    fs::set_permissions(&browser, Permissions::from_mode(0o755)).expect("it is ours");
    let path = format!("{}:{}", home.path("bin").display(), prepared("PATH"));
    home.set("PATH", &path);
}

#[test]
fn neither_the_browser_nor_the_windows_process_gets_a_passphrase() {
    let desktop = Desktop::new();
    let named = "  keyring: { type: system, spec: { password_env: RING_PASSPHRASE } }\n";
    let mut home = Home::signed_up(&format!("{KIM}{DEPLOY}{named}"));
    install_browser(&mut home);
    for name in ["FOB_KEYRING_PASSWORD", "RING_PASSPHRASE"] {
        home.set(name, "correct horse");
    }
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.press("Sign in: deploy");
    page.sees("deploy Valid");
    let windows = app.windows_process().expect("a window is open").pid;
    let of_windows = fs::read_to_string(format!("/proc/{windows}/environ"));
    let tray = Tray::of(&desktop, &app);
    tray.says_one_of(&["deploy — 59 min", "deploy — 1 h"]);
    tray.press(&["deploy", "Open console"]);
    let of_browser = eventually("the browser is started", || {
        let opened = fs::read_to_string(home.path("opened")).ok();
        opened.and_then(|_| fs::read_to_string(home.path("environment")).ok())
    });
    for environment in [of_browser, of_windows.expect("readable by its owner")] {
        assert!(environment.contains("HOME="), "{environment}");
        assert!(!environment.contains("correct horse"), "{environment}");
    }
}

/// As a browser follows it.
fn fetched(address: &str) -> String {
    let host = host_of(address);
    let path = &address["http://".len() + host.len()..];
    let mut browser = TcpStream::connect(host).expect("it listens");
    write!(browser, "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    browser.read_to_string(&mut answer).expect("it answers");
    answer
}

#[test]
fn the_console_opens_in_the_browser_from_the_tray_and_its_link_is_in_no_page() {
    let desktop = Desktop::new();
    let mut home = Home::signed_up(&format!("{KIM}{DEPLOY}"));
    install_browser(&mut home);
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.press("Sign in: deploy");
    page.sees("deploy Valid");
    let tray = Tray::of(&desktop, &app);
    tray.says_one_of(&["deploy — 59 min", "deploy — 1 h"]);
    tray.press(&["deploy", "Open console"]);
    let opened = eventually("the browser is sent somewhere", || {
        fs::read_to_string(home.path("opened"))
            .ok()
            .filter(|address| !address.is_empty())
    });
    // What a program is started with can be read by everybody on the machine.
    assert!(
        opened.starts_with("http://127.0.0.1:") && !opened.contains("SigninToken"),
        "{opened}"
    );
    let answer = fetched(&opened);
    let link = format!("location: {}/federation?Action=login", home.aws().url());
    assert!(
        answer.starts_with("HTTP/1.1 302")
            && answer.contains(&link)
            && answer.contains("SigninToken="),
        "{answer}"
    );
    eventually("it leads there once", || {
        TcpStream::connect(host_of(&opened)).is_err().then_some(())
    });
    assert!(
        !page
            .script("return document.documentElement.outerHTML", &[])
            .to_string()
            .contains("SigninToken")
    );
    assert!(!app.said().contains("SigninToken"), "nor in a log");
}

#[test]
fn without_a_browser_the_window_says_why_the_console_did_not_open_and_what_to_do() {
    let desktop = Desktop::new();
    let mut home = Home::signed_up(&format!("{KIM}{DEPLOY}"));
    fs::create_dir(home.path("bin")).expect("the home is ours");
    for launcher in ["xdg-open", "gio", "gnome-open", "kde-open", "wslview"] {
        let program = home.path("bin").join(launcher);
        fs::write(&program, "#!/bin/sh\nexit 3\n").expect("the home is ours");
        fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("it is ours");
    }
    home.set(
        "PATH",
        &format!("{}:{}", home.path("bin").display(), prepared("PATH")),
    );
    assert!(home.run(&["login", "deploy"]).status.success());
    let app = App::start(&desktop, &home, &["--hidden"]);
    let tray = Tray::of(&desktop, &app);
    tray.says_one_of(&["deploy — 59 min", "deploy — 1 h"]);
    tray.press(&["deploy", "Open console"]);
    let page = app.page();
    page.sees("The browser cannot be opened");
    page.sees("set a default program for it");
    assert!(!page.text().contains("SigninToken"), "{}", page.text());
    page.press("Dismiss");
    page.sees_no_more("The browser cannot be opened");
}

#[test]
fn what_aws_denies_to_a_choice_in_the_tray_is_said_in_the_window() {
    let desktop = Desktop::new();
    let home = Home::signed_up(&format!("{KIM}{}", DEPLOY.replace("/deploy", "/nobody")));
    let app = App::start(&desktop, &home, &["--hidden"]);
    let tray = Tray::of(&desktop, &app);
    tray.says("deploy — needs sign-in");
    tray.press(&["deploy", "Sign in"]);
    let page = app.page();
    page.sees("AWS denied the role deploy");
    page.sees("trust policy");
}
