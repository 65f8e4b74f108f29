//! Whether anybody shows the tray. On Linux that is whoever has the name
//! `org.kde.StatusNotifierWatcher` on the session bus, and on GNOME nobody has it without an
//! extension. Other systems always have one.

use crate::snapshot::Tray;

/// Tells how it is, and again whenever that changes, on a thread of its own. Returns at once.
#[cfg(not(target_os = "linux"))]
pub fn watch(mut tell: impl FnMut(Tray) + Send + 'static) {
    tell(Tray::Shown);
}

#[cfg(target_os = "linux")]
pub fn watch(tell: impl FnMut(Tray) + Send + 'static) {
    let thread = std::thread::Builder::new()
        .name("tray-host".to_owned())
        .spawn(move || {
            if let Err(error) = on_the_bus(tell) {
                tracing::warn!(%error, "whether there is a tray cannot be told");
            }
        });
    if let Err(error) = thread {
        tracing::warn!(%error, "whether there is a tray cannot be told");
    }
}

#[cfg(target_os = "linux")]
fn on_the_bus(mut tell: impl FnMut(Tray)) -> zbus::Result<()> {
    use zbus::blocking::{Connection, fdo::DBusProxy};
    const HOST: &str = "org.kde.StatusNotifierWatcher";
    let bus = DBusProxy::new(&Connection::session()?)?;
    let changes = bus.receive_name_owner_changed_with_args(&[(0, HOST)])?;
    let shown = |is_there| if is_there { Tray::Shown } else { Tray::Missing };
    tell(shown(bus.name_has_owner(HOST.try_into()?)?));
    for change in changes {
        tell(shown(change.args()?.new_owner().is_some()));
    }
    Ok(())
}
