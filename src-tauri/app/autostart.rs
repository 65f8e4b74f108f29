//! Whether the app starts when its user logs in to the desktop.

use keyfob_core::error::{Code, Error, Result};
use serde::{Deserialize, Serialize};
use tauri::plugin::TauriPlugin;
use tauri::{AppHandle, Wry};
use tauri_plugin_autostart::{MacosLauncher, ManagerExt};

/// The word for a start without a window, as at login.
pub const HIDDEN: &str = "--hidden";

pub fn plugin() -> TauriPlugin<Wry> {
    tauri_plugin_autostart::init(MacosLauncher::LaunchAgent, Some(vec![HIDDEN]))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "snake_case")]
pub enum StartAtLogin {
    On,
    Off,
}

impl StartAtLogin {
    pub fn now(app: &AppHandle) -> StartAtLogin {
        match app.autolaunch().is_enabled() {
            Ok(true) => StartAtLogin::On,
            Ok(false) | Err(_) => StartAtLogin::Off,
        }
    }

    pub fn other(self) -> StartAtLogin {
        match self {
            StartAtLogin::On => StartAtLogin::Off,
            StartAtLogin::Off => StartAtLogin::On,
        }
    }

    pub fn set(self, app: &AppHandle) -> Result<()> {
        let autolaunch = app.autolaunch();
        let done = match self {
            StartAtLogin::On => autolaunch.enable(),
            StartAtLogin::Off => autolaunch.disable(),
        };
        done.map_err(|cause| cannot_change(&cause))?;
        #[cfg(windows)]
        registry::quote_all().map_err(|cause| cannot_change(&cause))?;
        Ok(())
    }
}

fn cannot_change(cause: &dyn std::fmt::Display) -> Error {
    let message = format!("start at login cannot be changed: {cause}");
    Error::new(Code::FilesUnwritable, message)
        .hint("check that you own the folder for programs started at login")
}

/// The plugin writes the program's path as it is, and of one with spaces Windows first tries the
/// part before each of them.
#[cfg(windows)]
mod registry {
    use super::HIDDEN;
    use windows_registry::{CURRENT_USER, Key, LOCAL_MACHINE, Result};

    const RUN: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Run";
    const NAME: &str = "Keyfob";

    /// Of this user, and where an administrator made one, of all users.
    pub fn quote_all() -> Result<()> {
        [CURRENT_USER, LOCAL_MACHINE]
            .iter()
            .filter_map(|root| root.options().read().write().open(RUN).ok())
            .try_for_each(|key| quote(&key))
    }

    fn quote(key: &Key) -> Result<()> {
        match key.get_string(NAME) {
            Ok(command) if !command.starts_with('"') => {
                let program = command.trim_end();
                let program = program.strip_suffix(HIDDEN).unwrap_or(program);
                key.set_string(NAME, format!("\"{}\" {HIDDEN}", program.trim_end()))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_path_of_the_program_stands_in_quotation_marks() {
            let path = format!(r"Software\Keyfob-test-{}", std::process::id());
            let key = CURRENT_USER.create(&path).expect("a key");
            quote(&key).expect("there is nothing to quote");
            assert!(key.get_string(NAME).is_err());
            let written = r"C:\Program Files\Keyfob\keyfob.exe --hidden";
            key.set_string(NAME, written).expect("written");
            for _ in 0..2 {
                quote(&key).expect("written");
                let found = key.get_string(NAME).expect("there");
                assert_eq!(found, r#""C:\Program Files\Keyfob\keyfob.exe" --hidden"#);
            }
            CURRENT_USER.remove_tree(&path).expect("removed");
        }
    }
}
