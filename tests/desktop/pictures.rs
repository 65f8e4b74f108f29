//! Pictures of every view in the real window, light and dark, and one of the whole desktop, for
//! people to look at; a test only sees that something was drawn. They go to `KEYFOB_SHOTS`, or
//! below the target folder.

use crate::app::{App, MAIN, PROMPT};
use crate::desktop::{Desktop, eventually};
use crate::home::{Home, KIM, KIM_WITH_MFA};
use crate::page::Page;
use crate::tray::Tray;
use crate::windows::{self, DialogButton};
use keyfob_core::environment::Environment;
use keyfob_core::sandbox::SandboxSettings;
use std::path::PathBuf;

/// Less is a window with nothing in it.
const FEWEST_COLOURS: usize = 40;
const SEVERAL: &str = "    deploy:
      kind: aws/assume-role
      via: { identity: kim }
      principal: { assume_role: \"arn:aws:iam::420000000025:role/deploy\" }
    robin: { kind: aws/user, credentials: { region: us-east-1, mfa_arn: \"arn:aws:iam::123456789012:mfa/robin\" } }
  databases:
    orders: { engine: postgres, host: orders.abc.eu-central-1.rds.amazonaws.com, user: app, via: { identity: deploy } }
";

pub struct Album {
    folder: PathBuf,
    theme: &'static str,
}

impl Album {
    pub fn of(theme: &'static str) -> Album {
        let wanted = Environment::capture()
            .raw("KEYFOB_SHOTS")
            .map(PathBuf::from);
        let folder =
            wanted.unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("shots"));
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        Album { folder, theme }
    }

    /// Once it is drawn.
    pub fn take(&self, window: &str, name: &str) {
        let file = self.folder.join(format!("{name}-{}.png", self.theme));
        eventually(&format!("{} shows something", file.display()), || {
            windows::picture(window, &file);
            (windows::colours(&file) >= FEWEST_COLOURS).then_some(())
        });
    }
}

fn home_in(theme: &str, mut home: Home) -> Home {
    home.set(
        "GTK_THEME",
        if theme == "dark" {
            "Adwaita:dark"
        } else {
            "Adwaita"
        },
    );
    home
}

/// Two frames: what was found in the page is on the screen.
fn settle(page: &Page) {
    page.script(
        "window.drawn = 0; requestAnimationFrame(() => requestAnimationFrame(() => { window.drawn = 1; }))",
        &[],
    );
    eventually("the page is drawn", || {
        (page.script("return window.drawn", &[]) == 1).then_some(())
    });
}

/// A program that they run is gone.
fn break_profiles(home: &Home) {
    let file = home.path(".aws/keyfob/aws-user/config");
    let text = std::fs::read_to_string(&file).expect("a profile of kim");
    let text = text.replace(env!("CARGO_BIN_EXE_fob"), "/gone/fob");
    std::fs::write(&file, text).expect("the home is ours");
}

/// Of kim's key, which AWS takes a while to know.
fn rotation(home: &Home, page: &Page, take: impl Fn(&str)) {
    let settings = SandboxSettings {
        key_delay_seconds: Some(4),
        ..home.aws().settings()
    };
    home.aws()
        .set_settings(settings)
        .expect("they can be played");
    page.press("kim default Valid");
    page.press("More actions");
    page.press("Rotate access key…");
    windows::press_in_dialog("Rotate the access key\\?", DialogButton::Agree);
    page.sees("This takes some seconds");
    take("rotation");
    page.sees("The old one was deleted at AWS");
    take("rotated");
}

fn every_view(theme: &'static str) {
    let desktop = Desktop::new();
    let album = Album::of(theme);
    {
        let home = home_in(theme, Home::empty());
        let app = App::start(&desktop, &home, &[]);
        let page = app.page();
        let window = windows::appears(MAIN);
        let take = |name: &str| {
            settle(&page);
            album.take(&window, name);
        };
        page.sees("Set up Keyfob");
        take("first-run");
        page.press("Try the sandbox");
        page.sees("Sandbox: a simulated AWS on this machine");
        page.press("Sign in: kim");
        page.sees("kim default Valid");
        take("sandbox");
    }
    {
        let home = home_in(theme, Home::with("auth:\n  identities: [\n"));
        let app = App::start(&desktop, &home, &[]);
        let page = app.page();
        let window = windows::appears(MAIN);
        page.sees("The configuration cannot be used");
        settle(&page);
        album.take(&window, "unusable");
    }
    {
        let home = home_in(theme, Home::signed_up(&format!("{KIM}{SEVERAL}")));
        let app = App::start(&desktop, &home, &[]);
        let page = app.page();
        let window = windows::appears(MAIN);
        let take = |name: &str| {
            settle(&page);
            album.take(&window, name);
        };
        assert_eq!(
            page.script(
                "return matchMedia('(prefers-color-scheme: dark)').matches",
                &[]
            ),
            theme == "dark"
        );
        page.press("Sign in: kim");
        page.press("Sign in: deploy");
        page.sees("deploy Valid");
        take("identities");
        page.press("deploy Valid");
        page.sees("Next refresh");
        take("details");
        rotation(&home, &page, take);
        page.press("Sign in: robin");
        page.sees("Access key ID");
        take("keys");
        page.press("Cancel");
        page.press("Activity");
        page.sees("Signed in to deploy");
        take("activity");
        page.press("Settings");
        page.sees("Lead time");
        take("settings");
        break_profiles(&home);
        page.press("Check this machine");
        page.sees("identity deploy");
        page.sees("Fix what is safe");
        take("doctor");
        page.press("Identities");
        page.press("Log out of everything…");
        page.sees("Will be removed");
        take("log-out-preview");
        page.press("Log out");
        page.sees("Logged out");
        take("log-out-result");
    }
    {
        let home = home_in(theme, Home::signed_up(KIM_WITH_MFA));
        let app = App::start(&desktop, &home, &[]);
        let page = app.page();
        let window = windows::appears(MAIN);
        page.press("Sign in: kim");
        page.sees("MFA code");
        settle(&page);
        album.take(&window, "code");
    }
    let home = home_in(theme, Home::signed_up(KIM_WITH_MFA));
    let app = App::start(&desktop, &home, &["--hidden"]);
    app.serves(&home);
    let mut program = home.start_fob(&["credential-process", "kim", "--wait", "60"]);
    let window = windows::appears(PROMPT);
    eventually("it is as high as its page", || {
        (windows::height(&window) < 300).then_some(())
    });
    album.take(&window, "prompt-window");
    let _ = program.kill();
    let _ = program.wait();
}

#[test]
fn every_view_is_drawn_in_light() {
    every_view("light");
}

#[test]
fn every_view_is_drawn_in_dark() {
    every_view("dark");
}

#[test]
fn the_desktop_shows_icon_menu_window_and_notice() {
    let mut desktop = Desktop::new();
    desktop.show_notices_with_dunst();
    let home = Home::signed_up(&format!("{KIM}{SEVERAL}"));
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.press("Sign in: kim");
    page.sees("kim default Valid");
    let tray = Tray::of(&desktop, &app);
    tray.says_one_of(&["kim (default) — 11 h", "kim (default) — 12 h"]);
    let mut program = home.start_fob(&["credential-process", "robin", "--wait", "60"]);
    page.sees("Access key ID");
    windows::appears("Dunst");
    let album = Album::of("light");
    let before = album.folder.join("desktop-before.png");
    windows::picture("root", &before);
    windows::click_at(16, 16);
    let file = album.folder.join("desktop.png");
    eventually("the menu is on the screen", || {
        windows::picture("root", &file);
        windows::differs_much(&before, &file).then_some(())
    });
    let _ = std::fs::remove_file(&before);
    let _ = program.kill();
    let _ = program.wait();
}
