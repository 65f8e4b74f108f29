//! A second start is the first one's to show. Called over the session bus before this process
//! loads GTK, which takes longer than all the rest; the plugin does the same, only later.

use zbus::blocking::Connection;

const NAME: &str = "dev.keyfob.Keyfob.SingleInstance";
const PATH: &str = "/dev/keyfob/Keyfob/SingleInstance";
const INTERFACE: &str = "org.SingleInstance.DBus";

/// Whether there is one; it then shows its window.
pub fn shows() -> bool {
    let arguments: (Vec<String>, &str) = (Vec::new(), "");
    let called = Connection::session().and_then(|bus| {
        bus.call_method(
            Some(NAME),
            PATH,
            Some(INTERFACE),
            "ExecuteCallback",
            &arguments,
        )
    });
    called.is_ok()
}
