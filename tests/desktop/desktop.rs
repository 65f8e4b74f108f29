//! The desktop a test sits in front of: one at a time. Owns the panel with its tray, and every
//! deadline.

use crate::notices::Notices;
use keyfob_core::environment::Environment;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use zbus::blocking::{Connection, fdo::DBusProxy};

/// A session has one screen, one tray, one keyring.
static SCREEN: Mutex<()> = Mutex::new(());

/// What has not come about by then never will.
const LIMIT: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

pub struct Desktop {
    pub notices: Notices,
    pub bus: Connection,
    panel: Option<Child>,
    dunst: Option<Child>,
    _turn: MutexGuard<'static, ()>,
}

impl Desktop {
    pub fn new() -> Desktop {
        let mut desktop = Desktop::without_tray();
        desktop.start_panel();
        desktop
    }

    /// As GNOME is without its extension.
    pub fn without_tray() -> Desktop {
        let turn = SCREEN.lock().unwrap_or_else(PoisonError::into_inner);
        let bus = Connection::session().expect("`./x test` gives a session bus");
        Desktop {
            notices: Notices::here(),
            bus,
            panel: None,
            dunst: None,
            _turn: turn,
        }
    }

    pub fn start_panel(&mut self) {
        let folder = prepared("XDG_CONFIG_HOME") + "/xfce4/xfconf/xfce-perchannel-xml";
        std::fs::create_dir_all(&folder).expect("the session's own folder");
        std::fs::write(folder + "/xfce4-panel.xml", include_str!("panel.xml"))
            .expect("the session's own folder");
        let mut panel = Command::new("xfce4-panel");
        panel
            .arg("--disable-wm-check")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.panel = Some(panel.spawn().expect("`./x test` installs it"));
        eventually("there is a tray", || {
            self.is_owned("org.kde.StatusNotifierWatcher").then_some(())
        });
    }

    pub fn end_panel(&mut self) {
        if let Some(mut panel) = self.panel.take() {
            // It may have ended before.
            let _ = panel.kill();
            let _ = panel.wait();
            eventually("there is no tray", || {
                (!self.is_owned("org.kde.StatusNotifierWatcher")).then_some(())
            });
        }
    }

    /// In the place of the test's own server: for the eye.
    pub fn show_notices_with_dunst(&mut self) {
        self.notices.give_up();
        let mut dunst = Command::new("dunst");
        dunst
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.dunst = Some(dunst.spawn().expect("`./x test` installs it"));
        eventually("notices are shown", || {
            self.is_owned("org.freedesktop.Notifications").then_some(())
        });
    }

    pub fn is_owned(&self, name: &str) -> bool {
        let bus = DBusProxy::new(&self.bus).expect("a bus");
        bus.name_has_owner(name.try_into().expect("a name"))
            .expect("the bus answers")
    }

    /// The process that has this name on the bus.
    pub fn owner(&self, name: &str) -> Option<u32> {
        let bus = DBusProxy::new(&self.bus).expect("a bus");
        bus.get_connection_unix_process_id(name.try_into().ok()?)
            .ok()
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for mut program in self.panel.take().into_iter().chain(self.dunst.take()) {
            // It may have ended before.
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

/// Looks until there is something; what never comes fails.
pub fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    eventually_or(look, || what.to_owned())
}

/// The same; what did not come about is said in the end, when it is known what did instead.
pub fn eventually_or<T>(mut look: impl FnMut() -> Option<T>, what: impl Fn() -> String) -> T {
    for _ in 0..LIMIT.as_millis() / BETWEEN_LOOKS.as_millis() {
        if let Some(found) = look() {
            return found;
        }
        pause();
    }
    panic!("never: {}", what());
}

#[expect(clippy::disallowed_methods, reason = "other processes take real time")]
fn pause() {
    std::thread::sleep(BETWEEN_LOOKS);
}

/// What `session.sh` prepared.
pub fn prepared(variable: &str) -> String {
    let environment = Environment::capture();
    let value = environment
        .var(variable)
        .expect("`./x test` sets plain text");
    value
        .unwrap_or_else(|| panic!("{variable} is not set: run these tests with `./x test`"))
        .to_owned()
}
