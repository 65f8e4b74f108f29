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
        done.map_err(|cause| {
            let message = format!("start at login cannot be changed: {cause}");
            Error::new(Code::FilesUnwritable, message)
                .hint("check that you own the folder for programs started at login")
        })
    }
}
