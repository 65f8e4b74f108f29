//! The AWS console in the browser, signed in by a role's session.

use crate::app::App;
use crate::desktop::{Desktop, eventually, prepared};
use crate::home::{Home, KIM};
use crate::tray::Tray;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

const DEPLOY: &str = "    deploy:
      kind: aws/assume-role
      via: { identity: kim }
      principal: { assume_role: \"arn:aws:iam::420000000025:role/deploy\" }
";

#[test]
fn the_console_opens_in_the_browser_from_the_tray_and_its_link_is_in_no_page() {
    let desktop = Desktop::new();
    let mut home = Home::signed_up(&format!("{KIM}{DEPLOY}"));
    // The person's browser: it remembers where it was sent.
    let browser = home.path("bin/xdg-open");
    fs::create_dir(home.path("bin")).expect("the home is ours");
    fs::write(&browser, "#!/bin/sh\nprintf %s \"$1\" >\"$HOME/opened\"\n").expect("the home is ours");
    fs::set_permissions(&browser, Permissions::from_mode(0o755)).expect("it is ours");
    home.set("PATH", &format!("{}:{}", home.path("bin").display(), prepared("PATH")));
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.press("Sign in: deploy");
    page.sees("deploy Valid");
    let tray = Tray::of(&desktop, &app);
    tray.says_one_of(&["deploy — 59 min", "deploy — 1 h"]);
    tray.press(&["deploy", "Open console"]);
    let opened = eventually("the browser is sent somewhere", || {
        fs::read_to_string(home.path("opened")).ok().filter(|address| !address.is_empty())
    });
    let start = format!("{}/federation?Action=login", home.aws().url());
    assert!(opened.starts_with(&start) && opened.contains("SigninToken="), "{opened}");
    assert!(!page.script("return document.documentElement.outerHTML", &[]).to_string().contains("SigninToken"));
    assert!(!app.said().contains("SigninToken"), "nor in a log");
}
