//! The windows: the main one shows every view; a prompt that a program waits for comes up in a
//! window of its own where the main one is not open. What they show and do comes from the tray's
//! process.

use crate::link::{AppReply, AppRequest, FromWindows, Wish};
use crate::mutex::lock;
use crate::open_windows::OpenWindows;
use crate::snapshot::{AppSnapshot, Show, View};
use crate::tray_link::TrayLink;
use keyfob_core::agent::api::{Answered, PromptId, Reply, Request};
use keyfob_core::doctor::Checked;
use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error, Result};
use std::path::PathBuf;
use std::sync::Mutex;
use tauri::utils::config::Color;
use tauri::{
    AppHandle, LogicalSize, Manager, Theme, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder,
    Wry,
};
use tauri_specta::Event as _;

pub const NAME: &str = "Keyfob";
/// As `freezePrototype` does, which other pages may not bear.
const FREEZES: &str = "Object.freeze(Object.prototype)";
const MAIN: &str = "main";
const PROMPT: &str = "prompt-";
/// In CSS pixels.
const MAIN_SIZE: (f64, f64) = (420.0, 640.0);
const SMALLEST: (f64, f64) = (360.0, 400.0);
const PROMPT_WIDTH: f64 = 400.0;
/// Until the page has said how high it is, and the most it gets.
const PROMPT_HEIGHTS: std::ops::RangeInclusive<f64> = 120.0..=800.0;
const FIRST_PROMPT_HEIGHT: f64 = 320.0;

/// What the windows share.
pub struct Windows {
    pub environment: Environment,
    pub open: OpenWindows,
    pub link: TrayLink,
    theme: Option<Theme>,
    snapshot: Mutex<AppSnapshot>,
    /// Of the doctor's last look.
    remedies: Mutex<Vec<Option<String>>>,
}

impl Windows {
    pub fn new(environment: Environment, link: TrayLink, snapshot: AppSnapshot) -> Windows {
        Windows {
            environment,
            open: OpenWindows::default(),
            link,
            theme: theme(),
            snapshot: Mutex::new(snapshot),
            remedies: Mutex::default(),
        }
    }

    pub fn take(&self, snapshot: AppSnapshot) {
        *lock(&self.snapshot) = snapshot;
    }

    pub fn snapshot(&self) -> AppSnapshot {
        lock(&self.snapshot).clone()
    }

    pub fn checked(&self, found: &[Checked]) {
        let remedies = found.iter().map(|it| it.remedy.clone());
        *lock(&self.remedies) = remedies.collect();
    }

    pub fn remedy(&self, position: u32) -> Option<String> {
        let position = usize::try_from(position).ok()?;
        lock(&self.remedies).get(position)?.clone()
    }

    /// The configuration file.
    pub fn configuration(&self) -> PathBuf {
        lock(&self.snapshot).configuration.path().into()
    }

    pub async fn ask(&self, request: AppRequest) -> Result<AppReply> {
        self.link.ask(None, request).await
    }

    /// For the person in front of this window. What waits for an answer is given up when the window
    /// is closed.
    pub async fn request(&self, label: &str, request: Request) -> Result<Answered> {
        if let Some(prompt) = request.answered_prompt()
            && !self.shows(label, prompt)
        {
            let message = "this prompt is not shown in this window, or is no longer open";
            return Err(Error::new(Code::InvalidInput, message));
        }
        let window = self.open.holds(label).then(|| label.to_owned());
        let reply = self.link.ask(window, AppRequest::Agent(request)).await?;
        let answered = reply.answered()?;
        if let Reply::Needs(prompt) = &answered.reply {
            self.open.led_to(label, prompt.id);
        }
        Ok(answered)
    }

    /// The main window shows every prompt; that of the prompts those of programs, and what follows
    /// from its own answers.
    fn shows(&self, label: &str, prompt: PromptId) -> bool {
        label == MAIN
            || self.open.has_led_to(label, prompt)
            || lock(&self.snapshot).is_of_a_program(prompt)
    }

    pub fn closed(&self, label: &str) {
        self.open.remove(label);
        self.link.tell(&FromWindows::Closed(label.to_owned()));
    }
}

pub fn open(app: &AppHandle, wish: Wish) {
    match wish {
        Wish::View(view) => show(app, view),
        Wish::Prompt(prompt) => show_prompt(app, prompt),
    }
}

/// In the main window, which is made if there is none.
fn show(app: &AppHandle, view: View) {
    if let Some(window) = app.get_webview_window(MAIN) {
        bring_up(&window);
        if let Err(error) = Show(view).emit_to(app, MAIN) {
            tracing::warn!(%error, "the window cannot be sent what to show");
        }
        return;
    }
    start(app, MAIN, view);
}

/// A program waits: in the main window if it is there, else in the one window of prompts. Where
/// another prompt is shown already, this one waits behind it, and the focus stays.
fn show_prompt(app: &AppHandle, prompt: PromptId) {
    let view = View::Prompt { prompt };
    if app.get_webview_window(MAIN).is_some() {
        return show(app, view);
    }
    let mut windows = app.webview_windows().into_iter();
    match windows.find(|(label, _)| label.starts_with(PROMPT)) {
        Some((label, window)) => {
            // A window manager may refuse the one or the other; what it grants is enough.
            let _ = window.show().and(window.unminimize());
            if let Err(error) = Show(view).emit_to(app, label) {
                tracing::warn!(%error, "the window cannot be sent what to show");
            }
        }
        None => start(app, &format!("{PROMPT}{prompt}"), view),
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
fn start(app: &AppHandle, label: &str, view: View) {
    let (app, label) = (app.clone(), label.to_owned());
    let windows = app.state::<Windows>();
    windows.open.add(&label, view);
    tauri::async_runtime::spawn(async move {
        let windows = app.state::<Windows>();
        if let Err(error) = build(&app, &label) {
            windows.closed(&label);
            tracing::warn!(%error, label, "a window cannot be opened");
            if windows.open.is_empty() {
                app.exit(1);
            }
        } else if !windows.open.holds(&label) {
            // Closed before it was whole: it is taken for an open one for as long as this process
            // lives.
            app.exit(0);
        }
    });
}

/// The page stays in its window, and no other page comes in.
fn is_own_page(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        "http" | "https" => url.host_str() == Some("tauri.localhost"),
        "about" => url.as_str() == "about:blank",
        _ => false,
    }
}

fn build(app: &AppHandle, label: &str) -> tauri::Result<()> {
    let builder = WebviewWindowBuilder::new(app, label, WebviewUrl::default())
        .title(NAME)
        .initialization_script(FREEZES)
        .on_navigation(is_own_page);
    let builder = if label == MAIN {
        builder
            .inner_size(MAIN_SIZE.0, MAIN_SIZE.1)
            .min_inner_size(SMALLEST.0, SMALLEST.1)
    } else {
        builder
            .title("Keyfob: a program is waiting for you")
            .on_document_title_changed(|window, title| {
                // The page's first title is the main window's.
                if title == NAME {
                    return;
                }
                // One without a title of its own is known by its page.
                let _ = window.set_title(&title);
            })
            .inner_size(PROMPT_WIDTH, FIRST_PROMPT_HEIGHT)
            .maximizable(false)
            .always_on_top(true)
            .center()
    };
    shown(app, builder)?.set_focus()
}

/// In the colour of its page until that is there; a bright flash in the dark would be all that is
/// seen of it. Shown before its page is made, where the colour is known by then.
fn shown<'a>(
    app: &'a AppHandle,
    builder: WebviewWindowBuilder<'a, Wry, AppHandle>,
) -> tauri::Result<WebviewWindow> {
    if let Some(theme) = app.state::<Windows>().theme {
        return builder.background_color(background(theme)).build();
    }
    let window = builder.visible(false).build()?;
    let theme = window.theme().unwrap_or(Theme::Light);
    // Without it the page is no different.
    let _ = window.set_background_color(Some(background(theme)));
    window.show()?;
    Ok(window)
}

fn background(theme: Theme) -> Color {
    let grey = if theme == Theme::Dark { 0x1e } else { 0xf6 };
    Color(grey, grey, grey, 0xff)
}

/// Where it is known before there is a window: to ask a window takes as long as all the rest.
#[cfg(target_os = "linux")]
fn theme() -> Option<Theme> {
    use gtk::prelude::{GtkSettingsExt as _, ObjectExt as _};
    let settings = gtk::Settings::default()?;
    let name: String = settings.property("gtk-theme-name");
    let is_dark = settings.is_gtk_application_prefer_dark_theme() || name.ends_with("-dark");
    Some(if is_dark { Theme::Dark } else { Theme::Light })
}

#[cfg(not(target_os = "linux"))]
fn theme() -> Option<Theme> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_shows_its_own_page_and_no_other() {
        let is_own = |url: &str| is_own_page(&url.parse().expect("an address"));
        for own in ["tauri://localhost/", "http://tauri.localhost/index.html#x"] {
            assert!(is_own(own), "{own}");
        }
        for other in [
            "https://aws.amazon.com/",
            "http://localhost/",
            "http://tauri.localhost.elsewhere/",
            "file:///etc/passwd",
            "data:text/html,x",
            "javascript:alert(1)",
        ] {
            assert!(!is_own(other), "{other}");
        }
    }
}
