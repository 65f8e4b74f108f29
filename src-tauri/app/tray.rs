//! The tray: an icon for each health and the menu, changed in place where that is enough. What the
//! menu says is decided in `menu`; what a line does, here.

pub mod host;
#[cfg(target_os = "linux")]
mod label;
mod menu;
#[cfg(test)]
mod tests;

use crate::commands;
use crate::desk::Desk;
use crate::snapshot::{AppSnapshot, Health, View};
use crate::windows;
use keyfob_core::agent::api::{
    Control, Depth, Login, Refresh, Renewal, Reply, Request, SessionRequest, State, Target,
};
use keyfob_core::clock::Clock;
use keyfob_core::error::Remedy;
use menu::{Choice, Difference, Item, Line, StartAtLogin, difference, menu, tooltip};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tauri::image::Image;
use tauri::menu::{
    CheckMenuItem, IsMenuItem, Menu, MenuEvent, MenuItem, PredefinedMenuItem, Submenu,
};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Manager, Result, Wry, include_image};
use tauri_plugin_autostart::ManagerExt;

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
struct Tray(Mutex<Shown>);

struct Shown {
    icon: TrayIcon,
    health: Health,
    tooltip: String,
    items: Vec<Item>,
    handles: HashMap<String, Handle>,
}

enum Handle {
    Line(MenuItem<Wry>),
    Check(CheckMenuItem<Wry>),
    Submenu(Submenu<Wry>),
}

/// Puts the icon into the tray, where it stays until the process ends.
pub fn start(app: &AppHandle) -> Result<()> {
    let snapshot = app.state::<Desk>().snapshot();
    let items = menu(&snapshot, starts_at_login(app), Clock::system().now());
    let mut handles = HashMap::new();
    let icon = TrayIconBuilder::with_id("keyfob")
        .icon(icon(snapshot.health))
        .icon_as_template(cfg!(target_os = "macos"))
        .tooltip("Keyfob")
        .menu(&built(app, &items, &mut handles)?)
        .on_menu_event(|app, event| chosen(app, &event))
        .build(app)?;
    let shown = Shown {
        icon,
        health: snapshot.health,
        tooltip: String::new(),
        items,
        handles,
    };
    app.manage(Tray(Mutex::new(shown)));
    Ok(())
}

/// On the thread that owns the menus.
pub fn show(app: &AppHandle, snapshot: AppSnapshot) {
    let handle = app.clone();
    let shown = app.run_on_main_thread(move || {
        let Some(tray) = handle.try_state::<Tray>() else {
            return;
        };
        let mut shown = tray.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = shown.become_like(&handle, &snapshot) {
            tracing::warn!(%error, "the tray cannot be changed");
        }
    });
    if let Err(error) = shown {
        tracing::warn!(%error, "the tray cannot be reached");
    }
}

impl Shown {
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
        let wanted = menu(snapshot, starts_at_login(app), now);
        match difference(&self.items, &wanted) {
            Difference::None => {}
            Difference::Looks(looks) => looks.iter().try_for_each(|item| self.look_like(item))?,
            Difference::Lines => {
                self.handles.clear();
                self.icon
                    .set_menu(Some(built(app, &wanted, &mut self.handles)?))?;
            }
        }
        self.items = wanted;
        Ok(())
    }

    fn look_like(&self, item: &Item) -> Result<()> {
        match item {
            Item::Separator => Ok(()),
            Item::Submenu { id, text, .. } => match self.handles.get(id) {
                Some(Handle::Submenu(submenu)) => {
                    #[cfg(target_os = "linux")]
                    label::replace(&submenu.text()?, text);
                    submenu.set_text(text)
                }
                Some(Handle::Line(_) | Handle::Check(_)) | None => Ok(()),
            },
            Item::Line(Line {
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

fn icon(health: Health) -> Image<'static> {
    match health {
        Health::Ok => OK,
        Health::Due => DUE,
        Health::Attention => ATTENTION,
        Health::Offline => OFFLINE,
    }
}

fn built(
    app: &AppHandle,
    items: &[Item],
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
    item: &Item,
    handles: &mut HashMap<String, Handle>,
) -> Result<Box<dyn IsMenuItem<Wry>>> {
    Ok(match item {
        Item::Separator => Box::new(PredefinedMenuItem::separator(app)?),
        Item::Line(Line {
            id,
            text,
            is_enabled,
            is_checked: None,
        }) => {
            let line = MenuItem::with_id(app, id, text, *is_enabled, None::<&str>)?;
            handles.insert(id.clone(), Handle::Line(line.clone()));
            Box::new(line)
        }
        Item::Line(Line {
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
        Item::Submenu { id, text, items } => {
            let submenu = Submenu::with_id(app, id, text, true)?;
            for item in items {
                submenu.append(&*made(app, item, handles)?)?;
            }
            handles.insert(id.clone(), Handle::Submenu(submenu.clone()));
            Box::new(submenu)
        }
    })
}

fn starts_at_login(app: &AppHandle) -> StartAtLogin {
    match app.autolaunch().is_enabled() {
        Ok(true) => StartAtLogin::On,
        Ok(false) | Err(_) => StartAtLogin::Off,
    }
}

fn chosen(app: &AppHandle, event: &MenuEvent) {
    let Some(choice) = Choice::of(&event.id().0) else {
        return;
    };
    let (app, id) = (app.clone(), event.id().0.clone());
    tauri::async_runtime::spawn(async move {
        if let Err(error) = carry_out(&app, choice).await {
            // The window is where things can be said.
            tracing::warn!(%error, "what was chosen in the tray failed");
            app.state::<Desk>().complain(error);
            windows::show(&app, View::Identities);
        }
        // A line that was checked by the click says again what holds.
        if let Some(tray) = app.try_state::<Tray>() {
            tray.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .forget(&id);
        }
        app.state::<Desk>().changed();
    });
}

impl Shown {
    /// What the system itself did to a line is unknown here: the next look sets it.
    fn forget(&mut self, id: &str) {
        forget(&mut self.items, id);
    }
}

fn forget(items: &mut [Item], id: &str) {
    for item in items {
        match item {
            Item::Line(line) if line.id == id => {
                line.is_checked = line.is_checked.map(|is_checked| !is_checked);
            }
            Item::Submenu { items, .. } => forget(items, id),
            Item::Line(_) | Item::Separator => {}
        }
    }
}

async fn carry_out(app: &AppHandle, choice: Choice) -> keyfob_core::error::Result<()> {
    let desk = app.state::<Desk>();
    match choice {
        Choice::Open | Choice::SignInTo => windows::show(app, View::Identities),
        Choice::SignIn(identity) => {
            let snapshot = desk.snapshot();
            let listed = snapshot.identities().iter().find(|it| it.name == identity);
            let is_held =
                listed.is_some_and(|it| matches!(it.state, State::Valid | State::Expiring));
            let renewal = if is_held {
                Renewal::Always
            } else {
                Renewal::WhenDue
            };
            let login = Login {
                identity: identity.clone(),
                duration: None,
                renewal,
                mfa_code: None,
            };
            match desk
                .look(Request::Session(SessionRequest::Login(login)))
                .await
            {
                Some((_, Reply::Failed(error))) if error.remedy == Remedy::Person => {
                    windows::show(app, View::SignIn { identity, renewal });
                }
                Some((_, Reply::Failed(error))) => return Err(error),
                Some(_) | None => {}
            }
        }
        Choice::LogOut(name) => {
            let target = Target::Identity {
                name,
                depth: Depth::Chain,
            };
            windows::show(app, View::LogOut { target });
        }
        Choice::LogOutOf => windows::show(
            app,
            View::LogOut {
                target: Target::All,
            },
        ),
        Choice::CopyEnvironment(identity) => {
            commands::environment_to_clipboard(&desk, &identity).await?;
        }
        Choice::CopyProfileName(identity) => desk.clipboard.copy(&identity)?,
        Choice::OpenConsole(identity) => commands::console_in_browser(&desk, &identity).await?,
        Choice::UseAsDefault(identity) => commands::make_default(&desk, &identity)?,
        Choice::PauseRefresh => {
            let to = match desk.snapshot().refresh {
                Refresh::Runs => Refresh::Paused,
                Refresh::Paused => Refresh::Runs,
            };
            desk.look(Request::Control(Control::Refresh(to))).await;
        }
        Choice::StartAtLogin => {
            let to = match starts_at_login(app) {
                StartAtLogin::On => commands::Switch::Off,
                StartAtLogin::Off => commands::Switch::On,
            };
            commands::set_start_at_login(app, to)?;
        }
        Choice::Quit => app.exit(0),
    }
    Ok(())
}
