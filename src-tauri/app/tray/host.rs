//! Whether the desktop shows trays. On Linux that is the program with the name
//! `org.kde.StatusNotifierWatcher` on the session bus; on GNOME it takes an extension. Other
//! systems always do.

use crate::snapshot::TrayHost;

/// Reports it now and whenever it changes, on a thread of its own. Returns at once.
#[cfg(not(target_os = "linux"))]
pub fn watch(mut report: impl FnMut(TrayHost) + Send + 'static) {
    report(TrayHost::Shown);
}

#[cfg(target_os = "linux")]
pub fn watch(report: impl FnMut(TrayHost) + Send + 'static) {
    let thread = std::thread::Builder::new()
        .name("tray-host".to_owned())
        .spawn(move || {
            if let Err(error) = on_the_bus(report) {
                tracing::warn!(%error, "the tray's host cannot be watched");
            }
        });
    if let Err(error) = thread {
        tracing::warn!(%error, "the tray's host cannot be watched");
    }
}

#[cfg(target_os = "linux")]
fn on_the_bus(mut report: impl FnMut(TrayHost)) -> zbus::Result<()> {
    use zbus::blocking::{Connection, fdo::DBusProxy};
    const HOST: &str = "org.kde.StatusNotifierWatcher";
    let bus = DBusProxy::new(&Connection::session()?)?;
    let changes = bus.receive_name_owner_changed_with_args(&[(0, HOST)])?;
    let shown = |is_there| {
        if is_there {
            TrayHost::Shown
        } else {
            TrayHost::Missing
        }
    };
    report(shown(bus.name_has_owner(HOST.try_into()?)?));
    for change in changes {
        report(shown(change.args()?.new_owner().is_some()));
    }
    Ok(())
}
