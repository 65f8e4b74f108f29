//! The tray: an icon for each health and the menu, changed in place where that is enough. What the
//! menu says is decided in `menu`; what a line does, here.

pub mod host;
#[cfg(target_os = "linux")]
mod label;
mod menu;
#[cfg(test)]
mod tests;

use crate::actions;
use crate::autostart::StartAtLogin;
use crate::mutex::lock;
use crate::snapshot::{AppSnapshot, OverallHealth, View};
use crate::state::{AppState, Snapshots};
use crate::window_process;
use keyfob_core::agent::api::{
    BrowserUse, Control, Depth, HeldSession, Login, Refresh, Renewal, SessionRequest, Target,
};
use keyfob_core::clock::Clock;
use keyfob_core::error::Remedy;
use menu::{Choice, Difference, MenuEntry, MenuLine, difference, menu, tooltip};
use std::collections::HashMap;
use std::sync::Mutex;
use tauri::image::Image;
use tauri::menu::{
    CheckMenuItem, IsMenuItem, Menu, MenuEvent, MenuItem, PredefinedMenuItem, Submenu,
};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Manager, Result, Wry, include_image};

/// macOS draws a template icon in the menu bar's own colour; other systems show ours.
macro_rules! icon {
    ($colour:literal, $template:literal) => {
        if cfg!(target_os = "macos") {
            include_image!($template)
        } else {
            include_image!($colour)
        }
    };
}

const OK: Image<'_> = icon!("./icons/tray/ok.png", "./icons/tray/ok-template.png");
const IDLE: Image<'_> = icon!("./icons/tray/idle.png", "./icons/tray/idle-template.png");
const PAUSED: Image<'_> = icon!(
    "./icons/tray/paused.png",
    "./icons/tray/paused-template.png"
);
const DUE: Image<'_> = icon!("./icons/tray/due.png", "./icons/tray/due-template.png");
const ATTENTION: Image<'_> = icon!(
    "./icons/tray/attention.png",
    "./icons/tray/attention-template.png"
);
const OFFLINE: Image<'_> = icon!(
    "./icons/tray/offline.png",
    "./icons/tray/offline-template.png"
);

/// What is on the screen, for as long as the app runs.
struct Tray(Mutex<ShownTray>);

struct ShownTray {
    icon: TrayIcon,
    health: OverallHealth,
    tooltip: String,
    entries: Vec<MenuEntry>,
    handles: HashMap<String, Handle>,
}

enum Handle {
    Line(MenuItem<Wry>),
    Check(CheckMenuItem<Wry>),
    Submenu(Submenu<Wry>),
}

/// Puts the icon into the tray, where it stays until the process ends.
pub fn start(app: &AppHandle) -> Result<()> {
    let snapshot = app.state::<AppState>().snapshot();
    let items = menu(&snapshot, StartAtLogin::now(app), Clock::system().now());
    let mut handles = HashMap::new();
    let icon = TrayIconBuilder::with_id("keyfob")
        .icon(icon(snapshot.health))
        .icon_as_template(cfg!(target_os = "macos"))
        .tooltip("Keyfob")
        .menu(&built(app, &items, &mut handles)?)
        .on_menu_event(|app, event| chosen(app, &event))
        .build(app)?;
    let shown = ShownTray {
        icon,
        health: snapshot.health,
        tooltip: String::new(),
        entries: items,
        handles,
    };
    app.manage(Tray(Mutex::new(shown)));
    Ok(())
}

/// Shows each new snapshot, for as long as the app runs.
pub async fn follow(app: AppHandle, mut snapshots: Snapshots) {
    while let Some(snapshot) = snapshots.next().await {
        show(&app, snapshot);
    }
}

/// On the thread that owns the menus.
fn show(app: &AppHandle, snapshot: AppSnapshot) {
    let handle = app.clone();
    let shown = app.run_on_main_thread(move || {
        let Some(tray) = handle.try_state::<Tray>() else {
            return;
        };
        let mut shown = lock(&tray.0);
        if let Err(error) = shown.become_like(&handle, &snapshot) {
            tracing::warn!(%error, "the tray cannot be changed");
        }
    });
    if let Err(error) = shown {
        tracing::warn!(%error, "the tray cannot be reached");
    }
}

impl ShownTray {
    fn become_like(&mut self, app: &AppHandle, snapshot: &AppSnapshot) -> Result<()> {
        let now = Clock::system().now();
        if self.health != snapshot.health {
            self.icon.set_icon(Some(icon(snapshot.health)))?;
            self.icon.set_icon_as_template(cfg!(target_os = "macos"))?;
            self.health = snapshot.health;
        }
        let tooltip = tooltip(snapshot, now);
        if self.tooltip != tooltip {
            self.icon.set_tooltip(Some(&tooltip))?;
            self.tooltip = tooltip;
        }
        let wanted = menu(snapshot, StartAtLogin::now(app), now);
        match difference(&self.entries, &wanted) {
            Difference::None => {}
            Difference::Looks(looks) => looks.iter().try_for_each(|item| self.look_like(item))?,
            Difference::Lines => {
                self.handles.clear();
                self.icon
                    .set_menu(Some(built(app, &wanted, &mut self.handles)?))?;
            }
        }
        self.entries = wanted;
        Ok(())
    }

    fn look_like(&self, item: &MenuEntry) -> Result<()> {
        match item {
            MenuEntry::Separator => Ok(()),
            MenuEntry::Submenu { id, text, .. } => match self.handles.get(id) {
                Some(Handle::Submenu(submenu)) => {
                    #[cfg(target_os = "linux")]
                    label::replace(&submenu.text()?, text);
                    submenu.set_text(text)
                }
                Some(Handle::Line(_) | Handle::Check(_)) | None => Ok(()),
            },
            MenuEntry::Line(MenuLine {
                id,
                text,
                is_enabled,
                is_checked,
            }) => match self.handles.get(id) {
                Some(Handle::Line(line)) => line
                    .set_text(text)
                    .and_then(|()| line.set_enabled(*is_enabled)),
                Some(Handle::Check(check)) => check
                    .set_text(text)
                    .and_then(|()| check.set_enabled(*is_enabled))
                    .and_then(|()| check.set_checked(*is_checked == Some(true))),
                Some(Handle::Submenu(_)) | None => Ok(()),
            },
        }
    }
}

fn icon(health: OverallHealth) -> Image<'static> {
    match health {
        OverallHealth::Ok => OK,
        OverallHealth::Idle => IDLE,
        OverallHealth::Paused => PAUSED,
        OverallHealth::Due => DUE,
        OverallHealth::Attention => ATTENTION,
        OverallHealth::Offline => OFFLINE,
    }
}

fn built(
    app: &AppHandle,
    items: &[MenuEntry],
    handles: &mut HashMap<String, Handle>,
) -> Result<Menu<Wry>> {
    let menu = Menu::new(app)?;
    for item in items {
        menu.append(&*made(app, item, handles)?)?;
    }
    Ok(menu)
}

fn made(
    app: &AppHandle,
    item: &MenuEntry,
    handles: &mut HashMap<String, Handle>,
) -> Result<Box<dyn IsMenuItem<Wry>>> {
    Ok(match item {
        MenuEntry::Separator => Box::new(PredefinedMenuItem::separator(app)?),
        MenuEntry::Line(MenuLine {
            id,
            text,
            is_enabled,
            is_checked: None,
        }) => {
            let line = MenuItem::with_id(app, id, text, *is_enabled, None::<&str>)?;
            handles.insert(id.clone(), Handle::Line(line.clone()));
            Box::new(line)
        }
        MenuEntry::Line(MenuLine {
            id,
            text,
            is_enabled,
            is_checked: Some(is_checked),
        }) => {
            let check =
                CheckMenuItem::with_id(app, id, text, *is_enabled, *is_checked, None::<&str>)?;
            handles.insert(id.clone(), Handle::Check(check.clone()));
            Box::new(check)
        }
        MenuEntry::Submenu { id, text, items } => {
            let submenu = Submenu::with_id(app, id, text, true)?;
            for item in items {
                submenu.append(&*made(app, item, handles)?)?;
            }
            handles.insert(id.clone(), Handle::Submenu(submenu.clone()));
            Box::new(submenu)
        }
    })
}

fn chosen(app: &AppHandle, event: &MenuEvent) {
    let Some(choice) = Choice::of(&event.id().0) else {
        return;
    };
    let (app, id) = (app.clone(), event.id().0.clone());
    tauri::async_runtime::spawn(async move {
        if let Err(error) = carry_out(&app, choice).await {
            // Only a window has room for it.
            tracing::warn!(%error, "what was chosen in the tray failed");
            window_process::show(&app, View::Failed { error });
        }
        // A line that was checked by the click says again what holds.
        if let Some(tray) = app.try_state::<Tray>() {
            forget(&mut lock(&tray.0).entries, &id);
        }
        app.state::<AppState>().changed();
    });
}

/// What the system itself did to a line is unknown here: the next look sets it.
fn forget(items: &mut [MenuEntry], id: &str) {
    for item in items {
        match item {
            MenuEntry::Line(line) if line.id == id => {
                line.is_checked = line.is_checked.map(|is_checked| !is_checked);
            }
            MenuEntry::Submenu { items, .. } => forget(items, id),
            MenuEntry::Line(_) | MenuEntry::Separator => {}
        }
    }
}

async fn carry_out(app: &AppHandle, choice: Choice) -> keyfob_core::error::Result<()> {
    let state = app.state::<AppState>();
    match choice {
        Choice::Open | Choice::SignInTo => window_process::show(app, View::Identities),
        Choice::Answer(prompt) => window_process::show_prompt(app, prompt),
        Choice::SignIn(identity) => sign_in(app, &state, identity).await?,
        Choice::LogOut(name) => {
            let depth = Depth::Chain;
            let target = Target::Identity { name, depth };
            window_process::show(app, View::LogOut { target });
        }
        Choice::LogOutOf => {
            let target = Target::All;
            window_process::show(app, View::LogOut { target });
        }
        Choice::CopyEnvironment(identity) => actions::copy_environment(&state, &identity).await?,
        Choice::CopyProfileName(identity) => state.clipboard.copy(&identity)?,
        Choice::OpenConsole(identity) => actions::open_console(&state, &identity).await?,
        Choice::CopyDatabaseToken(name) => actions::copy_database_token(&state, &name).await?,
        Choice::OpenDatabaseTerminal(name) => {
            actions::open_database_terminal(&state, &name).await?;
        }
        Choice::UseAsDefault(identity) => actions::use_as_default(&state, identity).await?,
        Choice::PauseRefresh => {
            let to = match state.snapshot().refresh {
                Refresh::Runs => Refresh::Paused,
                Refresh::Paused => Refresh::Runs,
            };
            state.host.request(Control::Refresh(to).into()).await?;
        }
        Choice::StartAtLogin => StartAtLogin::now(app).other().set(app)?,
        Choice::Quit => app.exit(0),
    }
    Ok(())
}

/// In the window where a person is needed.
async fn sign_in(
    app: &AppHandle,
    state: &AppState,
    identity: String,
) -> keyfob_core::error::Result<()> {
    let renewal = if state.snapshot().is_signed_in(&identity) {
        Renewal::Always
    } else {
        Renewal::WhenDue
    };
    let login = Login {
        identity: identity.clone(),
        duration: None,
        renewal,
        mfa_code: None,
        assertion: None,
        held: HeldSession::Checked,
        browser: BrowserUse::Here,
    };
    match state
        .host
        .request(SessionRequest::Login(login).into())
        .await
    {
        Err(error) if error.remedy == Remedy::Person => {
            window_process::show(app, View::SignIn { identity, renewal });
            Ok(())
        }
        done => done.map(drop),
    }
}
