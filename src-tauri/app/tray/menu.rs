//! What the tray's menu says, as a pure function of the snapshot, and what has to change for one
//! menu to become another: texts in place where the lines stay the same, since every other change
//! closes a menu that is open on GNOME.

use crate::autostart::StartAtLogin;
use crate::snapshot::{AppSnapshot, Configuration};
use keyfob_core::agent::api::{
    DatabaseStatus, IdentityStatus, OpenedWith, PasteKind, Person, Prompt, PromptId, PromptKind,
    Refresh, State,
};
use keyfob_core::view::state::{is_usable, word};
use keyfob_core::view::time::{rounded, time_left};
use std::cmp::Reverse;
use std::time::SystemTime;

/// More would fill the screen: the window shows all.
const MOST_IDENTITIES: usize = 20;
/// Of more than those.
const LAST_USED: usize = 10;
/// For a name, in characters.
const NAME_ROOM: usize = 33;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MenuEntry {
    Line(MenuLine),
    Submenu {
        id: String,
        text: String,
        items: Vec<MenuEntry>,
    },
    Separator,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MenuLine {
    pub id: String,
    pub text: String,
    pub is_enabled: bool,
    /// `None`: a line that is not switched on and off.
    pub is_checked: Option<bool>,
}

/// What a line does: its id is this, written out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    Answer(PromptId),
    Open,
    SignIn(String),
    LogOut(String),
    CopyEnvironment(String),
    CopyProfileName(String),
    OpenConsole(String),
    CopyDatabaseToken(String),
    OpenDatabaseTerminal(String),
    UseAsDefault(String),
    SignInTo,
    LogOutOf,
    PauseRefresh,
    StartAtLogin,
    Quit,
}

impl Choice {
    pub fn id(&self) -> String {
        let (name, identity) = match self {
            Choice::Answer(prompt) => return format!("answer:{prompt}"),
            Choice::Open => ("open", ""),
            Choice::SignIn(identity) => ("sign-in", identity.as_str()),
            Choice::LogOut(identity) => ("log-out", identity.as_str()),
            Choice::CopyEnvironment(identity) => ("copy-environment", identity.as_str()),
            Choice::CopyProfileName(identity) => ("copy-profile-name", identity.as_str()),
            Choice::OpenConsole(identity) => ("open-console", identity.as_str()),
            Choice::CopyDatabaseToken(database) => ("copy-database-token", database.as_str()),
            Choice::OpenDatabaseTerminal(database) => ("open-database-terminal", database.as_str()),
            Choice::UseAsDefault(identity) => ("use-as-default", identity.as_str()),
            Choice::SignInTo => ("sign-in-to", ""),
            Choice::LogOutOf => ("log-out-of", ""),
            Choice::PauseRefresh => ("pause-refresh", ""),
            Choice::StartAtLogin => ("start-at-login", ""),
            Choice::Quit => ("quit", ""),
        };
        format!("{name}:{identity}")
    }

    pub fn of(id: &str) -> Option<Choice> {
        let (name, identity) = id.split_once(':')?;
        let identity = identity.to_owned();
        Some(match name {
            "answer" => Choice::Answer(identity.parse().ok()?),
            "open" => Choice::Open,
            "sign-in" => Choice::SignIn(identity),
            "log-out" => Choice::LogOut(identity),
            "copy-environment" => Choice::CopyEnvironment(identity),
            "copy-profile-name" => Choice::CopyProfileName(identity),
            "open-console" => Choice::OpenConsole(identity),
            "copy-database-token" => Choice::CopyDatabaseToken(identity),
            "open-database-terminal" => Choice::OpenDatabaseTerminal(identity),
            "use-as-default" => Choice::UseAsDefault(identity),
            "sign-in-to" => Choice::SignInTo,
            "log-out-of" => Choice::LogOutOf,
            "pause-refresh" => Choice::PauseRefresh,
            "start-at-login" => Choice::StartAtLogin,
            "quit" => Choice::Quit,
            _ => return None,
        })
    }
}

pub fn menu(
    snapshot: &AppSnapshot,
    start_at_login: StartAtLogin,
    now: SystemTime,
) -> Vec<MenuEntry> {
    let mut items: Vec<_> = programs_that_wait(snapshot).map(answer).collect();
    items.extend([line(&Choice::Open, "Open Keyfob"), MenuEntry::Separator]);
    let identities = snapshot.identities();
    items.extend(listed(identities).map(|it| identity(it, now)));
    if identities.len() > MOST_IDENTITIES {
        items.push(line(
            &Choice::SignInTo,
            &format!("All {} identities…", identities.len()),
        ));
    }
    items.extend(databases(snapshot.databases()));
    if !identities.is_empty() {
        items.push(MenuEntry::Separator);
    }
    let works = matches!(snapshot.configuration, Configuration::InForce { .. });
    items.extend([
        enabled(&Choice::SignInTo, "Sign in to…", works),
        enabled(&Choice::LogOutOf, "Log out…", works),
        checked(
            &Choice::PauseRefresh,
            "Pause refresh",
            works,
            snapshot.refresh == Refresh::Paused,
        ),
        checked(
            &Choice::StartAtLogin,
            "Start at login",
            true,
            start_at_login == StartAtLogin::On,
        ),
        MenuEntry::Separator,
        line(&Choice::Quit, "Quit"),
    ]);
    items
}

/// All; of very many those that were used last, and the default. Their order stays: a menu that
/// is open does not move.
fn listed(all: &[IdentityStatus]) -> impl Iterator<Item = &IdentityStatus> {
    let used_at = |it: &IdentityStatus| it.last_caller.as_ref().map(|caller| caller.at);
    let mut last: Vec<_> = all.iter().collect();
    last.sort_by_key(|it| Reverse((it.default, used_at(it), is_usable(it.state))));
    last.truncate(LAST_USED);
    let is_few = all.len() <= MOST_IDENTITIES;
    all.iter()
        .filter(move |it| is_few || last.iter().any(|last| std::ptr::eq(*last, *it)))
}

fn programs_that_wait(snapshot: &AppSnapshot) -> impl Iterator<Item = &Prompt> {
    let prompts = snapshot.prompts().iter().map(|open| &open.prompt);
    prompts.filter(|prompt| prompt.caller.person == Person::Absent)
}

fn answer(prompt: &Prompt) -> MenuEntry {
    let Prompt {
        id,
        identity,
        caller,
        kind,
        ..
    } = prompt;
    let (identity, program) = (short(identity), short(caller.program.as_str()));
    let text = match kind {
        PromptKind::Keys { .. } => format!("Enter keys for {identity} ({program})…"),
        PromptKind::Mfa { .. } => format!("Enter code for {identity} ({program})…"),
        PromptKind::Browser { .. } => format!("Sign in to {identity} in the browser ({program})…"),
        PromptKind::Program { program, .. } => format!("See what {program} waits for…"),
        PromptKind::KeyringPassphrase { .. } => format!("Unlock the keyring ({program})…"),
        PromptKind::OtherUser { .. } => format!("Confirm another user for {identity} ({program})…"),
        PromptKind::Paste {
            what: PasteKind::SignInCode,
            ..
        } => format!("Paste the code for {identity} ({program})…"),
        PromptKind::Paste {
            what: PasteKind::SamlAssertion,
            ..
        } => format!("Open the sign-in page of {identity} ({program})…"),
    };
    line(&Choice::Answer(*id), &text)
}

fn identity(it: &IdentityStatus, now: SystemTime) -> MenuEntry {
    let state = it.state;
    let is_held = is_usable(state);
    let name = it.name.clone();
    let can_sign_in = state != State::Unsupported;
    let sign_in = if is_held { "Renew" } else { "Sign in" };
    let mark = if it.default { " (default)" } else { "" };
    MenuEntry::Submenu {
        id: format!("identity:{name}"),
        text: format!("{}{mark} — {}", short(&name), standing(it, state, now)),
        items: vec![
            enabled(&Choice::SignIn(name.clone()), sign_in, can_sign_in),
            enabled(&Choice::LogOut(name.clone()), "Log out…", can_sign_in),
            MenuEntry::Separator,
            enabled(
                &Choice::CopyEnvironment(name.clone()),
                "Copy environment",
                is_held,
            ),
            enabled(
                &Choice::CopyProfileName(name.clone()),
                "Copy profile name",
                can_sign_in,
            ),
            enabled(
                &Choice::OpenConsole(name.clone()),
                "Open console",
                is_held && it.role.is_some(),
            ),
            checked(
                &Choice::UseAsDefault(name),
                "Use as default",
                can_sign_in,
                it.default,
            ),
        ],
    }
}

/// None where the configuration has none.
fn databases(all: &[DatabaseStatus]) -> Option<MenuEntry> {
    let items: Vec<_> = all.iter().map(database).collect();
    (!items.is_empty()).then(|| MenuEntry::Submenu {
        id: "databases".to_owned(),
        text: "Databases".to_owned(),
        items,
    })
}

fn database(it: &DatabaseStatus) -> MenuEntry {
    let name = it.name.clone();
    let port = match &it.proxy {
        None => String::new(),
        Some(proxy) if proxy.problem.is_some() => format!(" — port {} not open", proxy.port),
        Some(proxy) => format!(" — 127.0.0.1:{}, {}", proxy.port, open(proxy.connections)),
    };
    let copy = match it.with {
        OpenedWith::Password => "Copy password",
        OpenedWith::Token | OpenedWith::Either => "Copy token",
    };
    MenuEntry::Submenu {
        id: format!("database:{name}"),
        text: format!("{}{port}", short(&name)),
        items: vec![
            line(&Choice::CopyDatabaseToken(name.clone()), copy),
            line(&Choice::OpenDatabaseTerminal(name), "Open terminal"),
        ],
    }
}

fn open(connections: u32) -> String {
    match connections {
        1 => "1 connection".to_owned(),
        count => format!("{count} connections"),
    }
}

/// The time left of a usable session; otherwise the state.
fn standing(it: &IdentityStatus, state: State, now: SystemTime) -> String {
    if !is_usable(state) {
        return word(state).to_owned();
    }
    match it.expires_at {
        Some(end) => rounded(time_left(end, now)),
        // Long-lived keys.
        None => word(state).to_owned(),
    }
}

/// Without its middle: start and end tell names apart.
fn short(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let half = (NAME_ROOM - 1) / 2;
    if letters.len() <= NAME_ROOM {
        return name.to_owned();
    }
    let (start, end) = (&letters[..half], &letters[letters.len() - half..]);
    [start, &['…'], end].concat().into_iter().collect()
}

/// Shown while the pointer rests on the icon.
pub fn tooltip(snapshot: &AppSnapshot, now: SystemTime) -> String {
    if let Some(prompt) = programs_that_wait(snapshot).next() {
        let Prompt {
            identity, caller, ..
        } = prompt;
        return format!("Keyfob: {} needs {identity}", caller.program);
    }
    let identities = snapshot.identities().iter();
    let held: Vec<_> = identities.filter(|it| is_usable(it.state)).collect();
    let first = held
        .iter()
        .filter_map(|it| Some((it.expires_at?, &it.name)))
        .min();
    let Some((end, name)) = first else {
        return match held.len() {
            0 => "Keyfob: not signed in".to_owned(),
            count => format!("Keyfob: {count} signed in"),
        };
    };
    let left = rounded(time_left(end, now));
    match held.len() {
        1 => format!("Keyfob: {name} signed in, ends in {left}"),
        count => format!("Keyfob: {count} signed in, {name} ends in {left}"),
    }
}

fn line(choice: &Choice, text: &str) -> MenuEntry {
    enabled(choice, text, true)
}

fn enabled(choice: &Choice, text: &str, is_enabled: bool) -> MenuEntry {
    MenuEntry::Line(MenuLine {
        id: choice.id(),
        text: text.to_owned(),
        is_enabled,
        is_checked: None,
    })
}

fn checked(choice: &Choice, text: &str, is_enabled: bool, is_checked: bool) -> MenuEntry {
    MenuEntry::Line(MenuLine {
        id: choice.id(),
        text: text.to_owned(),
        is_enabled,
        is_checked: Some(is_checked),
    })
}

/// How a menu that is shown becomes the wanted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    None,
    /// The same lines; these look different now. A submenu counts with its own text alone.
    Looks(Vec<MenuEntry>),
    /// Other lines: it has to be made anew.
    Lines,
}

pub fn difference(shown: &[MenuEntry], wanted: &[MenuEntry]) -> Difference {
    let mut looks = Vec::new();
    if !same_lines(shown, wanted, &mut looks) {
        Difference::Lines
    } else if looks.is_empty() {
        Difference::None
    } else {
        Difference::Looks(looks)
    }
}

fn same_lines(shown: &[MenuEntry], wanted: &[MenuEntry], looks: &mut Vec<MenuEntry>) -> bool {
    shown.len() == wanted.len()
        && shown
            .iter()
            .zip(wanted)
            .all(|(shown, wanted)| same_line(shown, wanted, looks))
}

fn same_line(shown: &MenuEntry, wanted: &MenuEntry, looks: &mut Vec<MenuEntry>) -> bool {
    match (shown, wanted) {
        (MenuEntry::Separator, MenuEntry::Separator) => true,
        (MenuEntry::Line(before), MenuEntry::Line(after)) => {
            if before != after {
                looks.push(wanted.clone());
            }
            before.id == after.id && before.is_checked.is_some() == after.is_checked.is_some()
        }
        (
            MenuEntry::Submenu {
                id: before,
                text: old,
                items: shown,
            },
            MenuEntry::Submenu {
                id: after,
                text: new,
                items: wanted,
            },
        ) => {
            if old != new {
                looks.push(MenuEntry::Submenu {
                    id: after.clone(),
                    text: new.clone(),
                    items: Vec::new(),
                });
            }
            before == after && same_lines(shown, wanted, looks)
        }
        (MenuEntry::Separator | MenuEntry::Line(_) | MenuEntry::Submenu { .. }, _) => false,
    }
}
