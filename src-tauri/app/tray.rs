//! The tray icon and its menu.

use tauri::image::Image;
use tauri::menu::{Menu, MenuItem, PredefinedMenuItem};
use tauri::tray::TrayIconBuilder;
use tauri::{App, Result, include_image};

const QUIT: &str = "quit";

/// macOS draws a template icon in the menu bar's own colour; other systems show ours.
const ICON: Image<'_> = if cfg!(target_os = "macos") {
    include_image!("./icons/tray/ok-template.png")
} else {
    include_image!("./icons/tray/ok.png")
};

/// Puts the icon into the tray, where it stays until the process ends.
pub fn show(app: &App) -> Result<()> {
    let version = format!("Keyfob {}", app.package_info().version);
    let menu = Menu::with_items(
        app,
        &[
            &MenuItem::new(app, version, false, None::<&str>)?,
            &PredefinedMenuItem::separator(app)?,
            &MenuItem::with_id(app, QUIT, "Quit", true, None::<&str>)?,
        ],
    )?;
    TrayIconBuilder::with_id("keyfob")
        .icon(ICON)
        .icon_as_template(cfg!(target_os = "macos"))
        .tooltip("Keyfob")
        .menu(&menu)
        .on_menu_event(|app, event| {
            if event.id() == QUIT {
                app.exit(0);
            }
        })
        .build(app)?;
    Ok(())
}
