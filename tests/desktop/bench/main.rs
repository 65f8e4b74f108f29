//! What `./x bench` measures of the tray app, against an empty one that is built the same way and
//! started in turn with it: the time until it is in the tray and until its window is there, memory
//! without a window, also after many were closed, and what it does while it is idle. Runs in
//! `session.sh`.

#![allow(
    dead_code,
    reason = "the figures are shared with the other bench, which has more kinds of them"
)]

#[path = "../../peers/bench/figures.rs"]
mod figures;
#[path = "../../peers/bench/process.rs"]
mod process;

use figures::{Figure, mebibytes, median, milliseconds, ratio};
use keyfob_core::clock::Clock;
use keyfob_core::environment::Environment;
use process::{Minute, Process, wait};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use zbus::blocking::{Connection, Proxy, fdo::DBusProxy};
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

const FIGURES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/desktop/bench/figures.md"
);
const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const STARTS: usize = 9;
const LIMIT: Duration = Duration::from_secs(30);
/// After a start, until nothing more happens by itself.
const SETTLED: Duration = Duration::from_secs(8);
/// After a window was closed.
const BACK_WITHIN: Duration = Duration::from_secs(10);
const OPENINGS: usize = 200;
const DEB_LIMIT: u64 = 12_000_000;

fn main() {
    let release = PathBuf::from(given("KEYFOB_RELEASE"));
    let (keyfob, empty) = (release.join("keyfob"), release.join("empty"));
    let bus = Connection::session().expect("`./x bench` gives a session bus");
    let _panel = Panel::start(&bus);
    configure();
    let mut figures = start(&bus, &keyfob, &empty);
    figures.extend(windows(&bus, &keyfob, &empty));
    figures.extend(memory(&bus, &keyfob, &empty));
    figures.extend(idle(&bus, &keyfob));
    figures.extend(package(&release));
    figures::publish(
        FIGURES,
        "an empty Tauri app with an icon in the tray, built the same way",
        &figures,
    );
}

fn start(bus: &Connection, keyfob: &Path, empty: &Path) -> Vec<Figure> {
    let (mut of_keyfob, mut of_empty) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        of_empty.push(App::start(bus, empty, &[]).in_tray_after);
        of_keyfob.push(App::start(bus, keyfob, &["--hidden"]).in_tray_after);
    }
    let (keyfob, empty) = (median(&mut of_keyfob), median(&mut of_empty));
    let times = ratio(keyfob, empty);
    vec![
        Figure::anchor(
            "the empty app is in the tray after",
            1.0,
            milliseconds(empty),
        ),
        Figure::new("`keyfob --hidden` is", Some(times), milliseconds(keyfob))
            .limit("1.30", times <= 1.3),
    ]
}

/// Each in a process that has just been started.
fn windows(bus: &Connection, keyfob: &Path, empty: &Path) -> Vec<Figure> {
    let app = App::start(bus, keyfob, &["--hidden"]);
    let menu = app.menu(bus);
    let (mut of_keyfob, mut of_empty, mut of_second) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STARTS {
        of_empty.push(until_a_window(|| {
            Process::of(quiet(Command::new(empty).arg("--window")))
        }));
        of_keyfob.push(until_a_window(|| menu.press("Open Keyfob")));
        of_second.push(until_a_window(open));
    }
    drop(app);
    let (keyfob, empty) = (median(&mut of_keyfob), median(&mut of_empty));
    let second = median(&mut of_second);
    let times = ratio(keyfob, empty);
    vec![
        Figure::anchor("an empty window is there after", 1.0, milliseconds(empty)),
        Figure::new(
            "the window of `keyfob`, chosen in the tray's menu",
            Some(times),
            milliseconds(keyfob),
        )
        .limit("1.30", times <= 1.3),
        Figure::new(
            "the same by a second start, which loads the same libraries first",
            Some(ratio(second, empty)),
            milliseconds(second),
        ),
    ]
}

/// A second start opens the window of the first one.
fn open() -> Process {
    Process::of(quiet(&mut Command::new(release_of("keyfob"))))
}

fn until_a_window<T>(start: impl FnOnce() -> T) -> Duration {
    let clock = Clock::system();
    let began = clock.now();
    let started = start();
    let window = eventually("a window", window);
    let took = clock.now().duration_since(began).unwrap_or_default();
    close(&window);
    drop(started);
    took
}

/// What the tray's process does in a minute in which nothing happens: not the first one, which
/// reads the code again that was given back after the start.
fn idle(bus: &Connection, keyfob: &Path) -> Vec<Figure> {
    let app = App::start(bus, keyfob, &["--hidden"]);
    wait(SETTLED + Duration::from_secs(60));
    let Minute { wake_ups, busy, .. } = app.child.idle_minute();
    vec![
        Figure::new("wake-ups in an idle minute", None, wake_ups.to_string())
            .limit("2", wake_ups <= 2),
        Figure::new("processor time of an idle minute", None, milliseconds(busy))
            .limit("3.3 ms", busy <= Duration::from_micros(3_333)),
    ]
}

fn memory(bus: &Connection, keyfob: &Path, empty: &Path) -> Vec<Figure> {
    let empty = {
        let empty = App::start(bus, empty, &[]);
        wait(SETTLED);
        empty.memory()
    };
    let (before, open, after, processes, last, files) = {
        let keyfob = App::start(bus, keyfob, &["--hidden"]);
        wait(SETTLED);
        let before = keyfob.memory();
        let second = self::open();
        let window = eventually("a window", window);
        drop(second);
        wait(SETTLED);
        let open = keyfob.memory();
        close(&window);
        wait(BACK_WITHIN);
        let (after, processes, files) = (
            keyfob.memory(),
            keyfob.processes().len(),
            keyfob.open_files(),
        );
        for _ in 1..OPENINGS {
            until_a_window(self::open);
        }
        wait(BACK_WITHIN);
        let files = (files, keyfob.open_files());
        (before, open, after, processes, keyfob.memory(), files)
    };
    let kibibytes =
        |bytes: u64| f64::from(u32::try_from(bytes >> 10).expect("less than four tebibytes"));
    let to_empty = |bytes: u64| kibibytes(bytes) / kibibytes(empty);
    let kept = |bytes: u64| to_empty(bytes) <= 1.15;
    let figure =
        |what: String, bytes: u64| Figure::new(what, Some(to_empty(bytes)), mebibytes(bytes));
    let seconds = BACK_WITHIN.as_secs();
    vec![
        Figure::anchor("memory of the empty app (PSS)", 1.0, mebibytes(empty)),
        figure(
            "of `keyfob` without a window, one identity".to_owned(),
            before,
        )
        .limit("1.15", kept(before)),
        figure("with its window open".to_owned(), open),
        figure(
            format!("{seconds} s after it was closed (processes: {processes})"),
            after,
        )
        .limit("1.15", kept(after)),
        figure(format!("after {OPENINGS} openings"), last).limit("1.15", kept(last)),
        Figure::new(
            format!("open files after one and after {OPENINGS} openings"),
            None,
            format!("{}, {}", files.0, files.1),
        )
        .limit("no growth", files.1 <= files.0),
    ]
}

/// The newest that `./x bundle` made.
fn package(release: &Path) -> Option<Figure> {
    let packages = std::fs::read_dir(release.join("bundle/deb"))
        .ok()?
        .flatten();
    let packages = packages.filter(|it| {
        it.path()
            .extension()
            .is_some_and(|extension| extension == "deb")
    });
    let size = packages
        .filter_map(|it| it.metadata().ok())
        .map(|it| it.len())
        .max()?;
    let value = format!("{}.{} MB", size / 1_000_000, size % 1_000_000 / 100_000);
    Some(Figure::new("size of the `.deb`", None, value).limit("12 MB", size < DEB_LIMIT))
}

/// The menu in the tray, as the tray's host sees it.
struct Menu(Proxy<'static>);

impl Menu {
    fn press(&self, label: &str) {
        type Line = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);
        let layout = self.0.call("GetLayout", &(0, 1, vec!["label"]));
        let (_, (_, _, lines)): (u32, Line) = layout.expect("the tray shows the menu");
        let line = lines.into_iter().find_map(|line| {
            let (id, mut properties, _) = Line::try_from(line).ok()?;
            let text = String::try_from(properties.remove("label")?).ok()?;
            (text == label).then_some(id)
        });
        let press = (line.expect(label), "clicked", Value::from(0_i32), 0_u32);
        let () = self.0.call("Event", &press).expect("a menu takes presses");
    }
}

/// Ends with the measurement.
struct Panel(Child);

impl Panel {
    fn start(bus: &Connection) -> Panel {
        let folder =
            PathBuf::from(given("XDG_CONFIG_HOME")).join("xfce4/xfconf/xfce-perchannel-xml");
        std::fs::create_dir_all(&folder).expect("the session's own folder");
        std::fs::write(folder.join("xfce4-panel.xml"), include_str!("../panel.xml"))
            .expect("the session's own folder");
        let panel = quiet(Command::new("xfce4-panel").arg("--disable-wm-check"));
        eventually("there is a tray", || {
            let names = DBusProxy::new(bus).ok()?;
            names
                .name_has_owner(WATCHER.try_into().ok()?)
                .ok()?
                .then_some(())
        });
        Panel(panel)
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct App {
    child: Process,
    in_tray_after: Duration,
}

impl App {
    /// Returns once it is in the tray.
    fn start(bus: &Connection, program: &Path, words: &[&str]) -> App {
        let clock = Clock::system();
        let began = clock.now();
        let child = Process::of(quiet(Command::new(program).args(words)));
        eventually("it is in the tray", || item(bus, child.id()));
        let in_tray_after = clock.now().duration_since(began).unwrap_or_default();
        App {
            child,
            in_tray_after,
        }
    }

    fn menu(&self, bus: &Connection) -> Menu {
        let (name, object) = item(bus, self.child.id()).expect("it is in the tray");
        let of_item = "org.kde.StatusNotifierItem";
        let item = Proxy::new(bus, name.clone(), object, of_item).expect("an item");
        let menu: OwnedObjectPath = item.get_property("Menu").expect("it has a menu");
        Menu(Proxy::new(bus, name, menu, "com.canonical.dbusmenu").expect("a menu"))
    }

    /// Its own, and that of every process below it; shared memory is divided among those who share
    /// it.
    fn memory(&self) -> u64 {
        self.processes()
            .iter()
            .map(|pid| proportional_memory(*pid))
            .sum()
    }

    fn open_files(&self) -> usize {
        let folder = std::fs::read_dir(format!("/proc/{}/fd", self.child.id()));
        folder.expect("it is running").count()
    }

    fn processes(&self) -> Vec<u32> {
        let mut all = vec![self.child.id()];
        let parents: Vec<(u32, u32)> = std::fs::read_dir("/proc")
            .expect("a system with processes")
            .flatten()
            .filter_map(|folder| {
                let stat = std::fs::read_to_string(folder.path().join("stat")).ok()?;
                let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
                Some((folder.file_name().to_str()?.parse().ok()?, parent))
            })
            .collect();
        let mut next = 0;
        while let Some(parent) = all.get(next).copied() {
            all.extend(
                parents
                    .iter()
                    .filter(|(_, of)| *of == parent)
                    .map(|(pid, _)| *pid),
            );
            next += 1;
        }
        all
    }
}

/// The bus name and the object of what a process has put in the tray.
fn item(bus: &Connection, pid: u32) -> Option<(String, String)> {
    // Asked anew each time: what is remembered of a property arrives by a signal.
    let items: OwnedValue = bus
        .call_method(
            Some(WATCHER),
            "/StatusNotifierWatcher",
            Some("org.freedesktop.DBus.Properties"),
            "Get",
            &(WATCHER, "RegisteredStatusNotifierItems"),
        )
        .ok()?
        .body()
        .deserialize()
        .ok()?;
    let names = DBusProxy::new(bus).ok()?;
    Vec::<String>::try_from(items)
        .ok()?
        .into_iter()
        .find_map(|item| {
            let (name, object) = item.split_at(item.find('/')?);
            let owner = names.get_connection_unix_process_id(name.try_into().ok()?);
            (owner.ok()? == pid).then(|| (name.to_owned(), object.to_owned()))
        })
}

/// Only root may ask it of a process that is not dumpable.
fn proportional_memory(pid: u32) -> u64 {
    let rollup =
        std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("root measures");
    let kibibytes = rollup.lines().find_map(|line| {
        line.strip_prefix("Pss:")?
            .split_whitespace()
            .next()?
            .parse()
            .ok()
    });
    kibibytes.unwrap_or(0_u64) << 10
}

/// One identity, not signed in to.
fn configure() {
    let folder = PathBuf::from(given("XDG_CONFIG_HOME")).join("keyfob");
    std::fs::create_dir_all(&folder).expect("the session's own folder");
    let text = "auth: { identities: { dev: { kind: aws/user, default: true } } }\n";
    std::fs::write(folder.join("config.yaml"), text).expect("the session's own folder");
}

fn window() -> Option<String> {
    let found = Command::new("xdotool")
        .args(["search", "--onlyvisible", "--name", "^Keyfob$"])
        .output()
        .ok()?;
    String::from_utf8_lossy(&found.stdout)
        .lines()
        .next()
        .map(str::to_owned)
}

fn close(window: &str) {
    let keys = [
        "windowfocus",
        "--sync",
        window,
        "key",
        "--clearmodifiers",
        "alt+F4",
    ];
    let closed = Command::new("xdotool")
        .args(keys)
        .status()
        .expect("`./x bench` installs it");
    assert!(closed.success());
    eventually("the window is closed", || {
        self::window().is_none().then_some(())
    });
}

fn release_of(name: &str) -> PathBuf {
    PathBuf::from(given("KEYFOB_RELEASE")).join(name)
}

fn given(variable: &str) -> String {
    let environment = Environment::capture();
    let value = environment.var(variable).expect("plain text");
    value
        .unwrap_or_else(|| panic!("{variable} is not set: `./x bench` sets it"))
        .to_owned()
}

fn quiet(command: &mut Command) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts")
}

fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let clock = Clock::system();
    let end = clock.now() + LIMIT;
    while clock.now() < end {
        if let Some(found) = look() {
            return found;
        }
        wait(Duration::from_millis(2));
    }
    panic!("never: {what}");
}
