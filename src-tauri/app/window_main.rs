//! The process of the windows: started by the tray's when there is something to show, ended with
//! the last window. The tray's process has the agent and never makes a webview.

use crate::contract;
use crate::link::{FromWindows, ToWindows};
use crate::sign_in_page;
use crate::snapshot::{Show, SnapshotChanged, View};
use crate::tray_link::{self, TrayMessages};
use crate::windows::{self, Windows};
use anyhow::Context as _;
use keyfob_core::environment::Environment;
use tauri::{AppHandle, Manager, RunEvent, WindowEvent};
use tauri_specta::Event as _;

/// Until the last window is closed, or the tray's process ends.
pub fn run(environment: Environment) -> anyhow::Result<()> {
    let (link, mut incoming) = tray_link::open().context("this is the tray's to start")?;
    let Some(ToWindows::Snapshot(snapshot)) = incoming.next() else {
        anyhow::bail!("`keyfob` itself starts its windows: run it without `--windows`");
    };
    let contract = contract::builder();
    let app = tauri::Builder::default()
        .plugin(crate::autostart::plugin())
        .invoke_handler(contract.invoke_handler())
        .setup(move |app| {
            contract.mount_events(app);
            app.manage(Windows::new(environment, link, *snapshot));
            let handle = app.handle().clone();
            std::thread::Builder::new()
                .name("tray-link".to_owned())
                .spawn(move || follow(&handle, incoming))?;
            Ok(())
        })
        .build(tauri::generate_context!())
        .context("the windows could not start")?;
    app.run(|app, event| match event {
        // A window's own listeners are there only once it is whole.
        RunEvent::WindowEvent {
            label,
            event: WindowEvent::Destroyed,
            ..
        } => app.state::<Windows>().closed(&label),
        RunEvent::WindowEvent {
            label,
            event: WindowEvent::CloseRequested { .. },
            ..
        } => sign_in_page::closed(app, &label),
        // Another one may be about to open.
        RunEvent::ExitRequested {
            code: None, api, ..
        } if !app.state::<Windows>().open.is_empty() => api.prevent_exit(),
        _ => {}
    });
    Ok(())
}

fn follow(app: &AppHandle, mut incoming: TrayMessages) {
    let windows = app.state::<Windows>();
    while let Some(message) = incoming.next() {
        match message {
            ToWindows::Snapshot(snapshot) => {
                windows.take((*snapshot).clone());
                sign_in_page::close_answered(app);
                if let Err(error) = SnapshotChanged(*snapshot).emit(app) {
                    tracing::warn!(%error, "the windows cannot be sent what has changed");
                }
            }
            ToWindows::Open(wish) => {
                windows::open(app, wish);
                windows.link.tell(&FromWindows::Opened);
            }
            ToWindows::Checked(progress) => {
                if let Err(error) = progress.emit(app) {
                    tracing::warn!(%error, "the windows cannot be sent what a check has found");
                }
            }
            ToWindows::Answered { id, result } => windows.link.answered(id, *result),
            ToWindows::Quit => return app.exit(0),
        }
    }
    windows.link.ended();
    // The windows say so before they are closed.
    if windows.open.is_empty() || Show(View::Ended).emit(app).is_err() {
        app.exit(0);
    }
}
