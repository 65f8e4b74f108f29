//! The desktop: the start at login, and the services that show notices and the tray.

use super::check::Checked;
use crate::environment::Environment;
use crate::files::is_gone;
use std::path::PathBuf;

/// Nothing where it is kept in no file.
pub(super) fn start_at_login(environment: &Environment) -> Vec<Checked> {
    const NAME: &str = "start at login";
    let Some(path) = entry(environment) else {
        return Vec::new();
    };
    let Ok(text) = std::fs::read_to_string(&path) else {
        return vec![Checked::ok(NAME, "off")];
    };
    let gone = program(&text).filter(|it| is_gone(it));
    vec![match gone {
        Some(program) => {
            let text = format!("it starts {}, which is gone", program.display());
            Checked::broken(NAME, text).remedy(format!("rm '{}'", path.display()))
        }
        None => Checked::ok(NAME, "on"),
    }]
}

/// Where the app writes it.
fn entry(environment: &Environment) -> Option<PathBuf> {
    if cfg!(target_os = "macos") {
        let home = environment.home().ok()?;
        Some(home.join("Library/LaunchAgents/Keyfob.plist"))
    } else if cfg!(target_os = "linux") {
        let home = environment.home().ok()?;
        Some(home.join(".config/autostart/Keyfob.desktop"))
    } else {
        None
    }
}

fn program(entry: &str) -> Option<PathBuf> {
    const HIDDEN: &str = " --hidden";
    let line = entry.lines().find_map(|line| line.strip_prefix("Exec="));
    let of_a_list = || {
        let (_, list) = entry.split_once("<key>ProgramArguments</key>")?;
        let (_, first) = list.split_once("<string>")?;
        Some(first.split_once("</string>")?.0)
    };
    let command = line.or_else(of_a_list)?.trim();
    let program = command.strip_suffix(HIDDEN).unwrap_or(command);
    Some(PathBuf::from(program.trim_matches('"')))
}

/// What others provide and Keyfob shows things by.
#[cfg(target_os = "linux")]
pub(super) async fn services(environment: &Environment) -> Vec<Checked> {
    let is_set = |name: &&str| environment.raw(name).is_some_and(|it| !it.is_empty());
    if !["DISPLAY", "WAYLAND_DISPLAY"].iter().any(is_set) {
        return vec![Checked::ok("desktop", "none here: no notices and no tray")];
    }
    match on_the_bus().await {
        Ok(services) => {
            let notices = if services.shows_notices {
                Checked::ok("notices", "the desktop shows them")
            } else {
                let text = "no program shows notices on this desktop";
                Checked::warning("notices", text).remedy("start one, such as dunst or mako")
            };
            let tray = if services.has_a_tray {
                Checked::ok("tray", "the desktop has one")
            } else {
                let text = "this desktop shows no tray: the window opens in its place";
                Checked::warning("tray", text)
                    .remedy("GNOME: install the extension AppIndicator and KStatusNotifierItem")
            };
            vec![notices, tray]
        }
        Err(error) => {
            let text = format!("the session bus cannot be reached: {error}");
            let remedy = "sign in to the desktop anew, or set DBUS_SESSION_BUS_ADDRESS";
            vec![Checked::warning("desktop", text).remedy(remedy)]
        }
    }
}

/// Other systems always have both.
#[cfg(not(target_os = "linux"))]
pub(super) fn services(_: &Environment) -> std::future::Ready<Vec<Checked>> {
    std::future::ready(Vec::new())
}

#[cfg(target_os = "linux")]
struct DesktopServices {
    shows_notices: bool,
    has_a_tray: bool,
}

#[cfg(target_os = "linux")]
async fn on_the_bus() -> zbus::Result<DesktopServices> {
    const NOTICES: &str = "org.freedesktop.Notifications";
    const TRAY: &str = "org.kde.StatusNotifierWatcher";
    let bus = zbus::fdo::DBusProxy::new(&zbus::Connection::session().await?).await?;
    // A service that starts when it is called is as good.
    let startable = bus.list_activatable_names().await?;
    let starts = startable.iter().any(|it| it.as_str() == NOTICES);
    Ok(DesktopServices {
        shows_notices: starts || bus.name_has_owner(NOTICES.try_into()?).await?,
        has_a_tray: bus.name_has_owner(TRAY.try_into()?).await?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_of_an_entry_is_read_back_as_it_was_written() {
        let desktop = "[Desktop Entry]\nType=Application\nExec=/opt/key fob/keyfob --hidden\n";
        assert_eq!(program(desktop), Some("/opt/key fob/keyfob".into()));
        let list = "<dict><key>Label</key><string>Keyfob</string>\n<key>ProgramArguments</key>\n\
                    <array><string>/Applications/Keyfob.app/x</string><string>--hidden</string></array>";
        assert_eq!(program(list), Some("/Applications/Keyfob.app/x".into()));
        assert_eq!(program("nothing"), None);
    }
}
