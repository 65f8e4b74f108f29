//! The desktop: the start at login, and the services that show notices and the tray.

use super::check::Checked;
use crate::environment::Environment;
use crate::files::is_gone;
use std::path::PathBuf;

/// What starts the app at login, as the app has written it.
struct LoginEntry {
    program: PathBuf,
    /// Switched off by the user where the system lists such programs.
    is_off: bool,
    /// Takes it out.
    removal: String,
}

pub(super) fn start_at_login(environment: &Environment) -> Vec<Checked> {
    const NAME: &str = "start at login";
    vec![match entry(environment) {
        None => Checked::ok(NAME, "off"),
        Some(it) if it.is_off => Checked::ok(NAME, "switched off in the system's settings"),
        Some(it) if is_gone(&it.program) => {
            let text = format!("it starts {}, which is gone", it.program.display());
            Checked::broken(NAME, text).remedy(it.removal)
        }
        Some(_) => Checked::ok(NAME, "on"),
    }]
}

#[cfg(not(windows))]
fn entry(environment: &Environment) -> Option<LoginEntry> {
    let file = if cfg!(target_os = "macos") {
        "Library/LaunchAgents/Keyfob.plist"
    } else {
        ".config/autostart/Keyfob.desktop"
    };
    let path = environment.home().ok()?.join(file);
    let text = std::fs::read_to_string(&path).ok()?;
    Some(LoginEntry {
        program: program(&text).unwrap_or_default(),
        is_off: false,
        removal: format!("rm '{}'", path.display()),
    })
}

/// A value of the registry, for this user or for all of them.
#[cfg(windows)]
fn entry(_: &Environment) -> Option<LoginEntry> {
    use windows_registry::{CURRENT_USER, LOCAL_MACHINE};
    const NAME: &str = "Keyfob";
    const RUN: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Run";
    /// Where the task manager notes what is switched off, and since when.
    const APPROVED: &str =
        r"SOFTWARE\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run";
    let roots = [(CURRENT_USER, "HKCU"), (LOCAL_MACHINE, "HKLM")];
    roots.into_iter().find_map(|(root, short)| {
        let command = root.open(RUN).ok()?.get_string(NAME).ok()?;
        let noted = root.open(APPROVED).and_then(|key| key.get_value(NAME));
        Some(LoginEntry {
            program: of_a_command(&command),
            is_off: noted.is_ok_and(|it| {
                it.get(4..)
                    .is_some_and(|since| since.iter().any(|b| *b != 0))
            }),
            removal: format!(r"reg delete {short}\{RUN} /v {NAME}"),
        })
    })
}

#[cfg(not(windows))]
fn program(entry: &str) -> Option<PathBuf> {
    let line = entry.lines().find_map(|line| line.strip_prefix("Exec="));
    let of_a_list = || {
        let (_, list) = entry.split_once("<key>ProgramArguments</key>")?;
        let (_, first) = list.split_once("<string>")?;
        Some(first.split_once("</string>")?.0)
    };
    line.or_else(of_a_list).map(of_a_command)
}

/// As it is started without a window.
fn of_a_command(command: &str) -> PathBuf {
    const HIDDEN: &str = " --hidden";
    let command = command.trim();
    let program = command.strip_suffix(HIDDEN).unwrap_or(command);
    PathBuf::from(program.trim_matches('"'))
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

    #[cfg(windows)]
    #[test]
    fn the_program_of_the_registry_is_read_with_and_without_quotation_marks() {
        let program = PathBuf::from(r"C:\key fob\keyfob.exe");
        for command in [
            r#""C:\key fob\keyfob.exe" --hidden"#,
            r"C:\key fob\keyfob.exe --hidden ",
        ] {
            assert_eq!(of_a_command(command), program, "{command}");
        }
    }

    #[cfg(not(windows))]
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
