//! The tray app, `keyfob`: starts, shows the tray and stays until somebody quits. Holds no logic of its own.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod tray;

use anyhow::Context as _;
use std::process::ExitCode;
use tauri::RunEvent;

fn main() -> ExitCode {
    keyfob_core::hardening::harden_process();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    #[cfg(target_os = "linux")]
    require_display(&keyfob_core::environment::Environment::capture())?;
    let app = tauri::Builder::default()
        .setup(|app| {
            #[cfg(target_os = "macos")]
            app.set_activation_policy(tauri::ActivationPolicy::Accessory);
            Ok(tray::show(app)?)
        })
        .build(tauri::generate_context!())
        .context("the tray app could not start")?;
    app.run(|_, event| {
        // The last window closed; only an exit that somebody asked for carries a code.
        if let RunEvent::ExitRequested { code: None, api, .. } = event {
            api.prevent_exit();
        }
    });
    Ok(())
}

/// GTK ends the process without a word that helps when there is no display.
#[cfg(target_os = "linux")]
fn require_display(environment: &keyfob_core::environment::Environment) -> anyhow::Result<()> {
    let is_set = |name| environment.raw(name).is_some_and(|value| !value.is_empty());
    anyhow::ensure!(
        is_set("DISPLAY") || is_set("WAYLAND_DISPLAY"),
        "the tray app needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set\nhint: `fob` works without one"
    );
    Ok(())
}
