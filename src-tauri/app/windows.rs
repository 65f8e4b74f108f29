//! Windows: made when there is something to show, destroyed when they are closed. The main one
//! shows every view; a prompt that a program waits for comes up in a window of its own where the
//! main one is not open.

#[cfg(target_os = "linux")]
mod webkit;

use crate::snapshot::{Show, SnapshotChanged, View};
use crate::state::{AppState, Snapshots};
use keyfob_core::agent::api::PromptId;
#[cfg(target_os = "linux")]
use keyfob_core::clock::Clock;
use tauri::utils::config::Color;
use tauri::{
    AppHandle, LogicalSize, Manager, Theme, WebviewUrl, WebviewWindow, WebviewWindowBuilder,
    WindowEvent,
};
use tauri_specta::Event as _;

pub const MAIN: &str = "main";
const PROMPT: &str = "prompt-";
/// After the last window another may still be about to open.
#[cfg(target_os = "linux")]
const LAST_FOR: std::time::Duration = std::time::Duration::from_secs(3);
/// In CSS pixels.
const MAIN_SIZE: (f64, f64) = (420.0, 640.0);
const SMALLEST: (f64, f64) = (360.0, 400.0);
const PROMPT_WIDTH: f64 = 400.0;
/// Until the page has said how high it is, and the most it gets.
const PROMPT_HEIGHTS: std::ops::RangeInclusive<f64> = 120.0..=800.0;
const FIRST_PROMPT_HEIGHT: f64 = 320.0;

/// Sends each new snapshot to the windows, for as long as the app runs.
pub async fn follow(app: AppHandle, mut snapshots: Snapshots) {
    while let Some(snapshot) = snapshots.next().await {
        if let Err(error) = SnapshotChanged(snapshot).emit(&app) {
            tracing::warn!(%error, "the windows cannot be sent what has changed");
        }
    }
}

/// In the main window, which is made if there is none.
pub fn show(app: &AppHandle, view: View) {
    if let Some(window) = app.get_webview_window(MAIN) {
        bring_up(&window);
        if let Err(error) = Show(view).emit_to(app, MAIN) {
            tracing::warn!(%error, "the window cannot be sent what to show");
        }
        return;
    }
    open(app, MAIN, view);
}

/// A program waits: in the main window if it is there.
pub fn show_prompt(app: &AppHandle, prompt: PromptId) {
    if app.get_webview_window(MAIN).is_some() {
        return show(app, View::Prompt { prompt });
    }
    let label = format!("{PROMPT}{prompt}");
    match app.get_webview_window(&label) {
        Some(window) => bring_up(&window),
        None => open(app, &label, View::Prompt { prompt }),
    }
}

/// As high as its page; the main window keeps its size.
pub fn fit(window: &WebviewWindow, height: f64) -> tauri::Result<()> {
    if !window.label().starts_with(PROMPT) || !height.is_finite() {
        return Ok(());
    }
    let size = LogicalSize::new(
        PROMPT_WIDTH,
        height.clamp(*PROMPT_HEIGHTS.start(), *PROMPT_HEIGHTS.end()),
    );
    // Fixed by its bounds: what is not resizable GTK does not resize for us either.
    window.set_min_size(Some(size))?;
    window.set_max_size(Some(size))?;
    window.set_size(size)
}

fn bring_up(window: &WebviewWindow) {
    // A window manager may refuse the one or the other; what it grants is enough.
    let _ = window
        .show()
        .and(window.unminimize())
        .and(window.set_focus());
}

/// A window cannot be made inside an event of another one on every system: a task of its own makes
/// it.
fn open(app: &AppHandle, label: &str, view: View) {
    let (app, label) = (app.clone(), label.to_owned());
    tauri::async_runtime::spawn(async move {
        let state = app.state::<AppState>();
        state.windows.add(&label, view);
        if let Err(error) = build(&app, &label) {
            state.window_closed(&label);
            tracing::warn!(%error, label, "a window cannot be opened");
        }
    });
}

fn build(app: &AppHandle, label: &str) -> tauri::Result<()> {
    let builder = WebviewWindowBuilder::new(app, label, WebviewUrl::default()).title("Keyfob");
    let builder = if label == MAIN {
        builder
            .inner_size(MAIN_SIZE.0, MAIN_SIZE.1)
            .min_inner_size(SMALLEST.0, SMALLEST.1)
    } else {
        builder
            .title("Keyfob: a program is waiting for you")
            .inner_size(PROMPT_WIDTH, FIRST_PROMPT_HEIGHT)
            .maximizable(false)
            .always_on_top(true)
            .center()
    };
    let window = builder.visible(false).build()?;
    // What shows until the page does; a bright flash in the dark would be all that is seen of it.
    let background = if window.theme().is_ok_and(|theme| theme == Theme::Dark) {
        0x1e
    } else {
        0xf6
    };
    let _ = window.set_background_color(Some(Color(background, background, background, 0xff)));
    let (app, own) = (app.clone(), label.to_owned());
    window.on_window_event(move |event| {
        if matches!(event, WindowEvent::Destroyed) {
            app.state::<AppState>().window_closed(&own);
            #[cfg(target_os = "linux")]
            tauri::async_runtime::spawn(clear_up(app.clone()));
        }
    });
    window.show()?;
    window.set_focus()
}

/// Once no window is left, and none has come up in its place.
#[cfg(target_os = "linux")]
async fn clear_up(app: AppHandle) {
    Clock::nap(LAST_FOR).await;
    if app.state::<AppState>().windows.is_empty() {
        webkit::end();
    }
}
