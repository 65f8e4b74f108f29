//! The app's icon in the tray and its menu, as the tray's host reads them over the bus; and what
//! they have to be.

use crate::app::{App, MAIN, SINGLE};
use crate::desktop::{Desktop, eventually, eventually_or};
use crate::home::{Home, KIM};
use crate::windows;
use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::{Command, Stdio};
use zbus::blocking::{Connection, Proxy};
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

const WATCHER: &str = "org.kde.StatusNotifierWatcher";

/// A line of the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub id: i32,
    /// Empty: a separator.
    pub label: String,
    pub is_enabled: bool,
    pub is_checked: bool,
    pub lines: Vec<Line>,
}

pub struct Tray {
    bus: Connection,
    pid: u32,
}

impl Tray {
    pub fn of(desktop: &Desktop, app: &App) -> Tray {
        let tray = Tray {
            bus: desktop.bus.clone(),
            pid: app.pid(),
        };
        eventually("the tray shows the app", || tray.item());
        tray
    }

    /// The bus name and the object of what the app has put there.
    fn item(&self) -> Option<(String, String)> {
        let watcher = Proxy::new(&self.bus, WATCHER, "/StatusNotifierWatcher", WATCHER).ok()?;
        let items: Vec<String> = watcher.get_property("RegisteredStatusNotifierItems").ok()?;
        let bus = zbus::blocking::fdo::DBusProxy::new(&self.bus).ok()?;
        items.into_iter().find_map(|item| {
            let (name, object) = item.split_at(item.find('/')?);
            let pid = bus
                .get_connection_unix_process_id(name.try_into().ok()?)
                .ok()?;
            (pid == self.pid).then(|| (name.to_owned(), object.to_owned()))
        })
    }

    fn proxy(&self) -> Option<Proxy<'static>> {
        let (name, object) = self.item()?;
        let item = Proxy::new(
            &self.bus,
            name.clone(),
            object,
            "org.kde.StatusNotifierItem",
        )
        .ok()?;
        let menu: OwnedObjectPath = item.get_property("Menu").ok()?;
        Proxy::new(&self.bus, name, menu, "com.canonical.dbusmenu").ok()
    }

    pub fn menu(&self) -> Vec<Line> {
        eventually("the tray's menu", || {
            let (_, root): (u32, Node) = self
                .proxy()?
                .call("GetLayout", &(0, -1, Vec::<String>::new()))
                .ok()?;
            Some(lines(root)?.lines)
        })
    }

    /// Waits for a line, or a submenu, that says exactly this.
    pub fn says(&self, label: &str) -> Line {
        self.says_one_of(&[label])
    }

    pub fn says_one_of(&self, labels: &[&str]) -> Line {
        eventually_or(
            || {
                let mut menu = self.menu().into_iter();
                menu.find(|line| labels.contains(&line.label.as_str()))
            },
            || {
                format!(
                    "the tray says {labels:?} instead of {:?}",
                    self::labels(&self.menu())
                )
            },
        )
    }

    /// `path`: the label of the line, after those of the submenus it is in.
    pub fn press(&self, path: &[&str]) {
        let (last, above) = path.split_last().expect("a line");
        let mut lines = self.menu();
        for label in above {
            let is_it = |line: &Line| line.label.starts_with(label);
            lines = lines
                .into_iter()
                .find(is_it)
                .unwrap_or_else(|| panic!("no {label}"))
                .lines;
        }
        let line = lines
            .iter()
            .find(|line| line.label == *last)
            .unwrap_or_else(|| panic!("no {last} in {lines:?}"));
        assert!(line.is_enabled, "{last} cannot be pressed");
        let proxy = self.proxy().expect("the tray shows the app");
        let () = proxy
            .call("Event", &(line.id, "clicked", Value::from(0_i32), 0_u32))
            .expect("a menu takes presses");
    }
}

type Node = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

fn lines((id, mut properties, below): Node) -> Option<Line> {
    let mut text = |name: &str| properties.remove(name);
    let is_separator = text("type")
        .and_then(|it| String::try_from(it).ok())
        .is_some_and(|it| it == "separator");
    let label = text("label")
        .and_then(|it| String::try_from(it).ok())
        .filter(|_| !is_separator);
    let is_enabled = text("enabled")
        .and_then(|it| bool::try_from(it).ok())
        .unwrap_or(true);
    let is_checked = text("toggle-state").and_then(|it| i32::try_from(it).ok()) == Some(1);
    let below = below
        .into_iter()
        .map(|node| lines(Node::try_from(node).ok()?))
        .collect::<Option<Vec<_>>>()?;
    Some(Line {
        id,
        label: label.unwrap_or_default(),
        is_enabled,
        is_checked,
        lines: below,
    })
}

fn labels(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.label.as_str()).collect()
}

fn ids(lines: &[Line]) -> Vec<i32> {
    lines
        .iter()
        .flat_map(|line| [vec![line.id], ids(&line.lines)].concat())
        .collect()
}

#[test]
fn the_menu_has_its_order_and_a_sign_in_changes_its_texts_in_place() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM);
    let app = App::start(&desktop, &home, &["--hidden"]);
    let tray = Tray::of(&desktop, &app);
    let kim = tray.says("kim (default) — needs sign-in");
    let before = tray.menu();
    let order = [
        "Open Keyfob",
        "",
        &kim.label,
        "",
        "Sign in to…",
        "Log out…",
        "Pause refresh",
        "Start at login",
        "",
        "Quit",
    ];
    assert_eq!(labels(&before), order);
    let order = [
        "Sign in",
        "Log out…",
        "",
        "Copy environment",
        "Copy profile name",
        "Open console",
        "Use as default",
    ];
    assert_eq!(labels(&kim.lines), order);
    assert!(kim.lines[6].is_checked, "it is the default");
    assert!(
        !kim.lines[3].is_enabled,
        "there is no environment to copy yet"
    );
    tray.press(&["kim", "Sign in"]);
    let kim = tray.says_one_of(&["kim (default) — 11 h", "kim (default) — 12 h"]);
    assert_eq!(labels(&kim.lines)[0], "Renew");
    assert!(kim.lines[3].is_enabled);
    assert_eq!(ids(&tray.menu()), ids(&before), "the same lines");
    tray.press(&["Pause refresh"]);
    eventually("it is checked", || {
        tray.says("Pause refresh").is_checked.then_some(())
    });
    assert_eq!(ids(&tray.menu()), ids(&before), "the same lines");
}

#[test]
fn quit_ends_the_app_and_gives_up_its_socket() {
    let desktop = Desktop::new();
    let home = Home::with(KIM);
    let mut app = App::start(&desktop, &home, &["--hidden"]);
    let tray = Tray::of(&desktop, &app);
    tray.says("kim (default) — needs sign-in");
    app.serves(&home);
    assert_eq!(sockets(&home.path("run")).len(), 1);
    tray.press(&["Quit"]);
    assert_eq!(app.ends().code(), Some(0), "{}", app.said());
    assert!(home.json(&["status", "--json"])["agent"].is_null());
    assert_eq!(sockets(&home.path("run")), Vec::<String>::new());
}

#[test]
fn hidden_it_opens_no_window_until_it_is_started_again() {
    let desktop = Desktop::new();
    let home = Home::with(KIM);
    let mut app = App::start(&desktop, &home, &["--hidden"]);
    Tray::of(&desktop, &app).says("kim (default) — needs sign-in");
    assert!(windows::titled(MAIN).is_empty());
    let again = App::command(&home, &[]).status().expect("keyfob starts");
    assert_eq!(
        again.code(),
        Some(0),
        "the second one leaves it to the first"
    );
    windows::appears(MAIN);
    assert!(app.is_running());
    assert_eq!(desktop.owner(SINGLE), Some(app.pid()));
}

#[test]
fn with_its_display_gone_the_app_leaves_what_it_leaves_after_quit() {
    let desktop = Desktop::new();
    let mut home = Home::with(KIM);
    let mut server = Command::new("Xvfb")
        .args(["-displayfd", "1", "-nolisten", "tcp"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the tests have Xvfb");
    let mut number = String::new();
    let said = server.stdout.take().expect("it was asked for");
    BufReader::new(said)
        .read_line(&mut number)
        .expect("the server says where it is");
    home.set("DISPLAY", &format!(":{}", number.trim()));
    let start = || {
        let app = App::start(&desktop, &home, &["--hidden"]);
        app.serves(&home);
        assert_eq!(sockets(&home.path("run")).len(), 1);
        app
    };
    assert!(start().terminate().success());
    let after_quit = files(&home.path("run"));
    let mut app = start();
    server.kill().expect("a child of ours");
    server.wait().expect("a child of ours");
    assert!(!app.ends().success());
    assert_eq!(files(&home.path("run")), after_quit);
    assert_eq!(sockets(&home.path("run")), Vec::<String>::new());
}

fn sockets(folder: &Path) -> Vec<String> {
    let is_socket =
        |path: &String| fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket());
    files(folder).into_iter().filter(is_socket).collect()
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("it is ours").flatten();
    let mut files: Vec<String> = entries
        .flat_map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path()),
            Ok(_) | Err(_) => vec![entry.path().display().to_string()],
        })
        .collect();
    files.sort();
    files
}
