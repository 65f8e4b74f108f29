//! What the tray app is measured against: a Tauri app with an icon in the tray, a menu, and nothing
//! behind it; built the same way. With `--window` it opens the empty page's window instead.

use tauri::image::Image;
use tauri::menu::{Menu, MenuItem};
use tauri::tray::TrayIconBuilder;
use tauri::{RunEvent, WebviewUrl, WebviewWindowBuilder, include_image};

const ICON: Image<'_> = include_image!("./icons/tray/ok.png");

fn main() {
    let app = tauri::Builder::default()
        .setup(|app| {
            if std::env::args().any(|word| word == "--window") {
                let page = WebviewUrl::External("about:blank".parse()?);
                WebviewWindowBuilder::new(app, "main", page)
                    .title("Keyfob")
                    .build()?;
                return Ok(());
            }
            let quit = MenuItem::with_id(app, "quit", "Quit", true, None::<&str>)?;
            TrayIconBuilder::with_id("empty")
                .icon(ICON)
                .menu(&Menu::with_items(app, &[&quit])?)
                .on_menu_event(|app, _| app.exit(0))
                .build(app)?;
            Ok(())
        })
        .build(tauri::generate_context!())
        .expect("a display is there");
    app.run(|_, event| {
        if let RunEvent::ExitRequested {
            code: None, api, ..
        } = event
        {
            api.prevent_exit();
        }
    });
}
