//! Notices on a desktop: a notification server of another make reads what arrives over a real
//! session bus, presses buttons and dismisses, and stays away.

#![expect(
    clippy::needless_pass_by_value,
    clippy::too_many_arguments,
    clippy::used_underscore_binding,
    reason = "the server's signatures are the desktop's, and its attribute writes what uses them"
)]

#[expect(
    dead_code,
    reason = "only what shows notices is looked at here, not what makes them of events"
)]
#[path = "../../src-tauri/desktop/mod.rs"]
mod desktop;

use crate::home::Home;
use desktop::Notifier;
use keyfob_core::agent::api::Event;
use keyfob_core::error::{Code, Error};
use keyfob_core::view::notice::{Button, Notice, NoticeKey, combined, notice, withdrawn_by};
use std::collections::HashMap;
use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, SystemTime};
use zbus::blocking::fdo::DBusProxy;
use zbus::blocking::{Connection, connection};
use zbus::message::Header;
use zbus::zvariant::OwnedValue;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
/// Nothing here takes longer; what does has failed.
const LIMIT: Duration = Duration::from_secs(20);

/// A session has one desktop: one test at a time is it.
static DESKTOP: Mutex<()> = Mutex::new(());

/// What the desktop was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Notify {
        id: u32,
        replaces: u32,
        app: String,
        title: String,
        body: String,
        actions: Vec<String>,
        sender: String,
    },
    Close {
        id: u32,
    },
}

/// The desktop's notification server.
struct Server {
    capabilities: Vec<&'static str>,
    last_id: u32,
    asked: Sender<Asked>,
    /// Held by a test: the desktop hangs.
    busy: Arc<Mutex<()>>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Server {
    fn notify(
        &mut self,
        #[zbus(header)] header: Header<'_>,
        app_name: String,
        replaces_id: u32,
        _app_icon: &str,
        summary: String,
        body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _expire_timeout: i32,
    ) -> u32 {
        let _busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let id = if replaces_id == 0 {
            self.last_id + 1
        } else {
            replaces_id
        };
        self.last_id = self.last_id.max(id);
        let sender = header.sender().expect("a bus names the sender").to_string();
        let asked = Asked::Notify {
            id,
            replaces: replaces_id,
            app: app_name,
            title: summary,
            body,
            actions,
            sender,
        };
        self.asked.send(asked).expect("the test listens");
        id
    }

    fn close_notification(&mut self, id: u32) {
        self.asked
            .send(Asked::Close { id })
            .expect("the test listens");
    }

    fn get_capabilities(&self) -> Vec<&'static str> {
        self.capabilities.clone()
    }
}

/// A desktop, what it was asked for, and the hands of the person in front of it.
struct Desktop {
    connection: Connection,
    asked: Receiver<Asked>,
    busy: Arc<Mutex<()>>,
    _turn: Turn,
}

type Turn = MutexGuard<'static, ()>;

fn turn() -> Turn {
    DESKTOP.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desktop {
    fn that_can(capabilities: &[&'static str]) -> Desktop {
        Desktop::after(turn(), capabilities)
    }

    fn after(turn: Turn, capabilities: &[&'static str]) -> Desktop {
        let (sender, asked) = channel();
        let busy = Arc::new(Mutex::new(()));
        let capabilities = capabilities.to_vec();
        let server = Server {
            capabilities,
            last_id: 40,
            asked: sender,
            busy: busy.clone(),
        };
        let connection = connection::Builder::session()
            .and_then(|builder| builder.serve_at(PATH, server))
            .and_then(|builder| builder.name(NAME))
            .and_then(connection::Builder::build)
            .expect("`./x test` gives a session bus without a desktop");
        Desktop {
            connection,
            asked,
            busy,
            _turn: turn,
        }
    }

    fn asked(&self) -> Asked {
        self.asked
            .recv_timeout(LIMIT)
            .expect("the desktop is asked for something")
    }

    /// The id, the title and the body of the next notice, which is no replacement.
    fn shown(&self) -> (u32, String, String) {
        match self.asked() {
            Asked::Notify {
                id,
                replaces: 0,
                title,
                body,
                ..
            } => (id, title, body),
            other => panic!("not a new notice: {other:?}"),
        }
    }

    fn emit(&self, signal: &str, body: &(impl serde::Serialize + zbus::zvariant::DynamicType)) {
        self.connection
            .emit_signal(None::<&str>, PATH, NAME, signal, body)
            .expect("the bus takes a signal");
    }

    fn is_connected(&self, sender: &str) -> bool {
        let bus = DBusProxy::new(&self.connection).expect("a bus");
        bus.name_has_owner(sender.try_into().expect("a name"))
            .expect("the bus answers")
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        // The next desktop is not refused for want of the name.
        let _ = self.connection.release_name(NAME);
    }
}

/// A notifier and what was pressed on what it shows.
fn notifier() -> (Notifier, Receiver<(Vec<NoticeKey>, Button)>) {
    let (sender, pressed) = channel();
    let notifier = Notifier::start(move |about, button| {
        let _ = sender.send((about.to_vec(), button));
    });
    (notifier, pressed)
}

fn of(event: &Event) -> Notice {
    notice(event, SystemTime::UNIX_EPOCH).expect("a notice")
}

fn expired(identity: &str) -> Notice {
    of(&Event::Expired {
        identity: identity.to_owned(),
    })
}

fn failing(cause: &str) -> Notice {
    let (expires_at, cause) = (
        SystemTime::UNIX_EPOCH + Duration::from_secs(600),
        Error::new(Code::Network, cause),
    );
    of(&Event::RenewalFailing {
        identity: "dev".to_owned(),
        expires_at,
        cause,
    })
}

/// Tries until it is so: what happens between two processes takes its time.
#[expect(clippy::disallowed_methods, reason = "other processes keep real time")]
fn eventually<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    for _ in 0..200 {
        if let Some(found) = attempt() {
            return found;
        }
        std::thread::sleep(LIMIT / 200);
    }
    panic!("it does not come to pass");
}

#[test]
fn a_notice_arrives_whole_and_the_next_of_its_key_takes_its_place_until_it_is_withdrawn() {
    let desktop = Desktop::that_can(&["actions", "body"]);
    let (notifier, _pressed) = notifier();
    notifier.show(failing("AWS & you"));
    let Asked::Notify {
        id,
        replaces,
        app,
        title,
        body,
        actions,
        sender,
    } = desktop.asked()
    else {
        panic!("no notice")
    };
    assert_eq!((replaces, app.as_str()), (0, "Keyfob"));
    assert_eq!(title, "dev cannot be renewed and ends in 10 min");
    assert_eq!(body, "AWS & you", "its button needs no command");
    assert_eq!(actions, ["retry", "Retry"]);
    notifier.show(failing("still no network"));
    match desktop.asked() {
        Asked::Notify {
            id: again,
            replaces,
            body,
            sender: the_same,
            ..
        } => {
            assert_eq!(
                (again, replaces, the_same.as_str()),
                (id, id, sender.as_str())
            );
            assert!(body == "Still no network", "{body}");
        }
        other @ Asked::Close { .. } => panic!("not a replacement: {other:?}"),
    }
    notifier.show(expired("other"));
    assert_eq!(desktop.shown().1, "other has expired");
    assert!(
        desktop.is_connected(&sender),
        "a desktop takes away what somebody left who is gone"
    );
    let expires_at = SystemTime::UNIX_EPOCH;
    notifier.withdraw(withdrawn_by(&Event::Renewed {
        identity: "dev".to_owned(),
        expires_at,
    }));
    assert_eq!(desktop.asked(), Asked::Close { id });
    eventually(|| (!desktop.is_connected(&sender)).then_some(()));
    notifier.show(failing("again"));
    assert_ne!(desktop.shown().0, id);
}

#[test]
fn a_pressed_button_comes_back_with_what_it_was_about() {
    let desktop = Desktop::that_can(&["actions"]);
    let (notifier, pressed) = notifier();
    let notice = expired("dev");
    notifier.show(notice.clone());
    let (id, ..) = desktop.shown();
    desktop.emit("ActionInvoked", &(id + 1, "sign-in"));
    let answer = eventually(|| {
        desktop.emit("ActionInvoked", &(id, "sign-in"));
        pressed.try_recv().ok()
    });
    assert_eq!(answer, (notice.about, Button::SignIn));
    notifier.finish();
    assert_eq!(pressed.iter().count(), 0, "pressed once");
}

#[test]
fn a_dismissed_notice_is_shown_anew_and_not_replaced() {
    let desktop = Desktop::that_can(&["actions"]);
    let (notifier, pressed) = notifier();
    notifier.show(expired("dev"));
    let Asked::Notify { id, sender, .. } = desktop.asked() else {
        panic!("no notice")
    };
    eventually(|| {
        desktop.emit("NotificationClosed", &(id, 2_u32));
        (!desktop.is_connected(&sender)).then_some(())
    });
    notifier.show(expired("dev"));
    desktop.shown();
    assert!(pressed.try_recv().is_err());
}

#[test]
fn a_desktop_without_buttons_is_sent_none_and_one_that_reads_marks_gets_them_escaped() {
    let desktop = Desktop::that_can(&["body", "body-markup"]);
    let (notifier, _pressed) = notifier();
    notifier.show(failing("<b>AWS</b> & you"));
    match desktop.asked() {
        Asked::Notify { body, actions, .. } => {
            assert!(
                body.starts_with("&lt;b&gt;AWS&lt;/b&gt; &amp; you\n"),
                "{body}"
            );
            assert!(actions.is_empty(), "{actions:?}");
        }
        other @ Asked::Close { .. } => panic!("no notice: {other:?}"),
    }
}

#[test]
fn a_combined_notice_replaces_what_it_sums_up_and_stays_until_none_of_it_holds() {
    let desktop = Desktop::that_can(&["actions"]);
    let (notifier, _pressed) = notifier();
    notifier.show(expired("a"));
    let (alone, ..) = desktop.shown();
    let several = combined(vec![expired("a"), expired("b")]).expect("a notice");
    notifier.show(several.clone());
    let asked = [desktop.asked(), desktop.asked()];
    assert!(asked.contains(&Asked::Close { id: alone }), "{asked:?}");
    let is_combined =
        |asked: &&Asked| matches!(asked, Asked::Notify { title, .. } if *title == several.title);
    let Some(Asked::Notify { id, .. }) = asked.iter().find(is_combined) else {
        panic!("{asked:?}")
    };
    notifier.withdraw(expired("a").about);
    notifier.show(expired("c"));
    assert_eq!(
        desktop.shown().1,
        "c has expired",
        "nothing is closed while it holds for one"
    );
    notifier.withdraw(expired("b").about);
    assert_eq!(desktop.asked(), Asked::Close { id: *id });
}

#[test]
fn a_desktop_that_hangs_delays_no_client() {
    let desktop = Desktop::that_can(&["actions"]);
    let (notifier, _pressed) = notifier();
    let busy = desktop.busy.lock().expect("free");
    for number in 0..10 {
        notifier.show(expired(&format!("dev-{number}")));
    }
    drop(busy);
    let mut titles: Vec<String> = (0..10).map(|_| desktop.shown().1).collect();
    titles.sort();
    assert_eq!(
        titles,
        (0..10)
            .map(|number| format!("dev-{number} has expired"))
            .collect::<Vec<_>>()
    );
}

#[test]
fn without_a_desktop_that_is_logged_once_and_one_that_comes_later_is_used() {
    let turn = turn();
    let before = complaints();
    let (notifier, _pressed) = notifier();
    notifier.show(expired("a"));
    notifier.show(expired("b"));
    eventually(|| (complaints() > before).then_some(()));
    let desktop = Desktop::after(turn, &["actions"]);
    let arrived = eventually(|| {
        notifier.show(expired("a"));
        desktop.asked.recv_timeout(LIMIT / 200).ok()
    });
    assert!(matches!(arrived, Asked::Notify { title, .. } if title == "a has expired"));
    notifier.finish();
    assert_eq!(complaints(), before + 1);
}

#[test]
fn the_doctor_sees_what_the_desktop_has() {
    const TRAY: &str = "org.kde.StatusNotifierWatcher";
    let desktop = Desktop::that_can(&[]);
    let mut home = Home::new();
    home.set("DISPLAY", ":0");
    let doctor = || home.run(&[env!("CARGO_BIN_EXE_fob"), "doctor"]).stdout;
    let shown = doctor();
    assert!(shown.contains("ok      notices: "), "{shown}");
    assert!(
        shown.contains("warning tray: this desktop shows no tray"),
        "{shown}"
    );
    desktop.connection.request_name(TRAY).expect("it is free");
    let shown = doctor();
    assert!(shown.contains("ok      tray: "), "{shown}");
    desktop.connection.release_name(TRAY).expect("it was ours");
}

/// How often it was logged, at `warn`, that nothing can be shown.
fn complaints() -> usize {
    static LOGGED: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    static LOGGING: Once = Once::new();

    struct Log;
    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            LOGGED
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    LOGGING.call_once(|| {
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(|| Log)
            .init();
    });
    let logged = String::from_utf8(
        LOGGED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone(),
    )
    .expect("text");
    logged
        .lines()
        .filter(|line| line.contains("WARN") && line.contains("the desktop shows no notices"))
        .count()
}
