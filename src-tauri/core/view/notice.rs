//! An [`Event`] in words: the notice that a person gets when no window is open, which notice
//! replaces which and when it no longer holds. Shows nothing itself. The next step is in the text,
//! because not every desktop shows buttons.

use super::time::{in_units, in_words, time_left};
use crate::agent::api::{
    AgedKey, Caller, Event, OtherUserBy, PasteKind, Person, Prompt, PromptKind, WhyKeys,
};
use crate::error::Error;
use crate::error::shorten_to;
use crate::ids::AccessKeyId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::SystemTime;

/// A line of a notice, in characters: desktops cut longer ones where they like.
const LONGEST_LINE: usize = 160;
/// As many as a combined notice names; the rest is counted.
const MOST_LINES: usize = 5;

/// Each can be switched off in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    KeysRevoked,
    RenewalRefused,
    RenewalFailing,
    ExpiresSoon,
    Expired,
    KeyIsOld,
    PersonAwaited,
}

impl NoticeKind {
    pub const ALL: [NoticeKind; 7] = [
        NoticeKind::KeysRevoked,
        NoticeKind::RenewalRefused,
        NoticeKind::RenewalFailing,
        NoticeKind::ExpiresSoon,
        NoticeKind::Expired,
        NoticeKind::KeyIsOld,
        NoticeKind::PersonAwaited,
    ];

    /// Those that end once there is a session again, or it is signed out.
    const OF_A_SESSION: [NoticeKind; 5] = [
        NoticeKind::KeysRevoked,
        NoticeKind::RenewalRefused,
        NoticeKind::RenewalFailing,
        NoticeKind::ExpiresSoon,
        NoticeKind::Expired,
    ];
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// One for each notice that is combined in this one. It holds as long as one of them does.
    pub about: Vec<NoticeKey>,
    pub title: String,
    /// Why, in lines.
    pub why: String,
    /// What to do, where no button does it.
    pub next: String,
    pub buttons: Vec<Button>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NoticeKey {
    pub kind: NoticeKind,
    /// Empty where a notice is about none.
    pub identity: String,
}

impl Notice {
    /// There is one notice of each key, and one that combines several (`None`): a later one takes
    /// its place.
    pub fn key(&self) -> Option<&NoticeKey> {
        match self.about.as_slice() {
            [key] => Some(key),
            [] | [..] => None,
        }
    }

    /// Its lines; a button needs no words beside it.
    pub fn body(&self, buttons: Buttons) -> String {
        let has_one = buttons == Buttons::Shown && !self.buttons.is_empty();
        let lines = [&self.why, &self.next]
            .into_iter()
            .take(if has_one { 1 } else { 2 });
        let lines: Vec<&str> = lines
            .map(String::as_str)
            .filter(|it| !it.is_empty())
            .collect();
        lines.join("\n")
    }
}

/// Whether the desktop shows any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buttons {
    Shown,
    NotShown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Button {
    EnterNewKeys,
    EnterCode,
    SignIn,
    SignInNow,
    Unlock,
    Retry,
    Details,
    Later,
}

impl Button {
    /// What comes back when it is pressed.
    pub fn id(self) -> &'static str {
        match self {
            Button::EnterNewKeys => "enter-new-keys",
            Button::EnterCode => "enter-code",
            Button::SignIn | Button::SignInNow => "sign-in",
            Button::Unlock => "unlock",
            Button::Retry => "retry",
            Button::Details => "details",
            Button::Later => "later",
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            Button::EnterNewKeys => "Enter new keys",
            Button::EnterCode => "Enter code",
            Button::SignIn => "Sign in",
            Button::SignInNow => "Sign in now",
            Button::Unlock => "Unlock",
            Button::Retry => "Retry",
            Button::Details => "Details",
            Button::Later => "Later",
        }
    }
}

/// `None` for what needs no notice: it went well, or its caller is prompted itself.
pub fn notice(event: &Event, now: SystemTime) -> Option<Notice> {
    let draft = match event {
        Event::KeysRevoked { identity, error } => keys_revoked(identity, error),
        Event::RenewalRefused { identity, error } => Draft {
            kind: NoticeKind::RenewalRefused,
            identity,
            title: format!("AWS refuses to renew {identity}"),
            why: [vec![reason(error)], sentences(error)].concat(),
            next: format!("Once that is fixed: fob login {identity}"),
            buttons: vec![Button::Details],
        },
        Event::RenewalFailing {
            identity,
            expires_at,
            cause,
        } => renewal_failing(identity, &in_words(*expires_at, now), cause),
        Event::ExpiresSoon {
            identity,
            expires_at,
        } => ends_soon(identity, &format!("{identity}'s session"), *expires_at, now),
        Event::SignInEndsSoon {
            provider,
            identity,
            expires_at,
        } => Draft {
            next: format!("Sign in: fob login {identity} --force-all"),
            buttons: vec![Button::Later],
            ..ends_soon(
                provider,
                &format!("The sign-in to {provider}"),
                *expires_at,
                now,
            )
        },
        Event::Expired { identity } => Draft {
            kind: NoticeKind::Expired,
            identity,
            title: format!("{identity} has expired"),
            why: Vec::new(),
            next: format!("Sign in: fob login {identity}"),
            buttons: vec![Button::SignIn],
        },
        Event::KeyIsOld(key) => key_is_old(key, now),
        Event::PromptOpened(prompt) => person_awaited(prompt)?,
        Event::SignedIn { .. }
        | Event::KeysStored { .. }
        | Event::SignedOut { .. }
        | Event::Renewed { .. }
        | Event::NotRenewed { .. }
        | Event::PromptNotWaitedFor { .. }
        | Event::PromptClosed { .. }
        | Event::WaitsForHolder { .. }
        | Event::Rotating(_)
        | Event::DatabaseConnections { .. }
        | Event::ConfigurationChanged
        | Event::ConfigurationBroken { .. } => return None,
    };
    Some(draft.finish())
}

fn renewal_failing<'e>(identity: &'e str, end: &str, cause: &Error) -> Draft<'e> {
    Draft {
        kind: NoticeKind::RenewalFailing,
        identity,
        title: format!("{identity} cannot be renewed and ends {end}"),
        why: vec![reason(cause)],
        next: format!("Keyfob keeps trying. To try now: fob login {identity}"),
        buttons: vec![Button::Retry],
    }
}

fn ends_soon<'e>(about: &'e str, what: &str, end: SystemTime, now: SystemTime) -> Draft<'e> {
    Draft {
        kind: NoticeKind::ExpiresSoon,
        identity: about,
        title: format!("{what} ends {}", in_words(end, now)),
        why: vec!["It cannot be renewed without you".to_owned()],
        next: format!("Sign in: fob login {about} --force"),
        buttons: vec![Button::SignInNow, Button::Later],
    }
}

fn key_is_old(key: &AgedKey, now: SystemTime) -> Draft<'_> {
    let AgedKey {
        identity,
        access_key_id: id,
        since,
    } = key;
    let age = in_units(time_left(now, *since));
    Draft {
        kind: NoticeKind::KeyIsOld,
        identity,
        title: format!("The access key of {identity} is {age} old"),
        why: vec![format!(
            "{id} should be replaced by a new one: Keyfob makes it and deletes the old one"
        )],
        next: format!("Replace it: fob user rotate {identity}"),
        buttons: vec![Button::Details, Button::Later],
    }
}

/// The notices that no longer hold after this event.
pub fn withdrawn_by(event: &Event) -> Vec<NoticeKey> {
    let (identity, kinds): (_, &[NoticeKind]) = match event {
        Event::SignedIn { identity, .. }
        | Event::Renewed { identity, .. }
        | Event::SignedOut { identity } => (identity, &NoticeKind::OF_A_SESSION),
        Event::KeysRevoked { identity, .. }
        | Event::RenewalRefused { identity, .. }
        | Event::Expired { identity } => (
            identity,
            &[NoticeKind::RenewalFailing, NoticeKind::ExpiresSoon],
        ),
        Event::ExpiresSoon { identity, .. }
        | Event::SignInEndsSoon {
            provider: identity, ..
        } => (identity, &[NoticeKind::RenewalFailing]),
        Event::PromptClosed { identity, .. } => (identity, &[NoticeKind::PersonAwaited]),
        Event::KeysStored { identity } => (identity, &[NoticeKind::KeyIsOld]),
        Event::RenewalFailing { .. }
        | Event::KeyIsOld(_)
        | Event::NotRenewed { .. }
        | Event::PromptOpened(_)
        | Event::PromptNotWaitedFor { .. }
        | Event::WaitsForHolder { .. }
        | Event::Rotating(_)
        | Event::DatabaseConnections { .. }
        | Event::ConfigurationChanged
        | Event::ConfigurationBroken { .. } => return Vec::new(),
    };
    let key = |kind: &NoticeKind| NoticeKey {
        kind: *kind,
        identity: identity.clone(),
    };
    kinds.iter().map(key).collect()
}

/// What an open prompt is for, and how to answer it.
pub fn requested(prompt: &Prompt) -> String {
    let what = match &prompt.kind {
        PromptKind::Keys { .. } => "access keys",
        PromptKind::Mfa { .. } => "an MFA code",
        PromptKind::KeyringPassphrase { .. } => "the passphrase of the keyring",
        PromptKind::OtherUser { .. } => "a yes to another user",
        PromptKind::Paste { what, .. } => pasted(*what),
        PromptKind::Browser { .. } => "a browser sign-in",
        // What it says is for no log.
        PromptKind::Program { .. } => "what a program of the configuration waits for",
    };
    let Caller { program, pid, .. } = &prompt.caller;
    let command = prompt.answered_by();
    format!("{what}, requested by {program}, pid {pid}; answer with `{command}`")
}

/// Several that came together, as after waking, as one; `None` when there are none.
pub fn combined(mut notices: Vec<Notice>) -> Option<Notice> {
    if notices.len() < 2 {
        return notices.pop();
    }
    let identities: BTreeSet<_> = notices
        .iter()
        .flat_map(|it| &it.about)
        .map(|key| &key.identity)
        .collect();
    let title = match identities.len() {
        1 => "An identity needs attention".to_owned(),
        several => format!("{several} identities need attention"),
    };
    let has_buttons = notices.iter().any(|notice| !notice.buttons.is_empty());
    let mut lines: Vec<String> = notices
        .iter()
        .take(MOST_LINES)
        .map(|it| it.title.clone())
        .collect();
    if let Some(more @ 1..) = notices.len().checked_sub(MOST_LINES) {
        lines.push(format!("and {more} more"));
    }
    Some(Notice {
        about: notices.into_iter().flat_map(|it| it.about).collect(),
        title,
        why: lines.join("\n"),
        next: "See all of them: fob status".to_owned(),
        buttons: has_buttons.then_some(Button::Details).into_iter().collect(),
    })
}

/// A notice before its text is made fit to be shown.
struct Draft<'a> {
    kind: NoticeKind,
    identity: &'a str,
    title: String,
    why: Vec<String>,
    next: String,
    buttons: Vec<Button>,
}

impl Draft<'_> {
    fn finish(self) -> Notice {
        let lines = self.why.iter();
        Notice {
            about: vec![NoticeKey {
                kind: self.kind,
                identity: self.identity.to_owned(),
            }],
            title: fit(&self.title),
            why: lines.map(|line| fit(line)).collect::<Vec<_>>().join("\n"),
            next: fit(&self.next),
            buttons: self.buttons,
        }
    }
}

fn keys_revoked<'a>(identity: &'a str, error: &Error) -> Draft<'a> {
    // A command among the hints names the identity that has the keys, where this one is built on
    // it.
    let command = error.hints.iter().find(|hint| is_command(hint));
    let command = command.map_or_else(|| format!("fob login {identity}"), String::clone);
    Draft {
        kind: NoticeKind::KeysRevoked,
        identity,
        title: format!("AWS no longer accepts the keys of {identity}"),
        why: sentences(error),
        next: format!("Enter new ones: {command}"),
        buttons: vec![Button::EnterNewKeys],
    }
}

/// `None` where the caller is prompted itself.
fn person_awaited(prompt: &Prompt) -> Option<Draft<'_>> {
    let Caller {
        program,
        pid,
        person,
        trail,
    } = &prompt.caller;
    match person {
        Person::Present => return None,
        Person::Absent => {}
    }
    let identity = prompt.identity.as_str();
    let what = match (&prompt.wanted, identity) {
        (Some(wanted), _) => format!("{identity} (for {wanted})"),
        (None, "") => "the keyring".to_owned(),
        (None, _) => identity.to_owned(),
    };
    let (awaited, button) = match &prompt.kind {
        PromptKind::Mfa { .. } => ("an MFA code".to_owned(), Button::EnterCode),
        PromptKind::Keys { why, .. } => {
            let (keys, button) = keys_awaited(*why);
            (keys.to_owned(), button)
        }
        PromptKind::KeyringPassphrase { path, .. } => {
            (format!("the passphrase of {path}"), Button::Unlock)
        }
        PromptKind::OtherUser { stored, given, by } => {
            (other_user(stored, given, *by), Button::SignIn)
        }
        PromptKind::Paste { what, address, .. } => {
            (format!("{} from {address}", pasted(*what)), Button::SignIn)
        }
        PromptKind::Program { program, says } => {
            (format!("`{program}`, which says: {says}"), Button::SignIn)
        }
        PromptKind::Browser { code, .. } if code.is_empty() => {
            ("a sign-in in the browser".to_owned(), Button::SignIn)
        }
        PromptKind::Browser { address, code, .. } => (
            format!("a browser sign-in: code {code} at {address}"),
            Button::SignIn,
        ),
    };
    Some(Draft {
        kind: NoticeKind::PersonAwaited,
        identity,
        title: format!("{program} (pid {pid}) needs {what}"),
        why: std::iter::once(format!("It is waiting for {awaited}"))
            .chain(trail.as_ref().map(|trail| format!("It runs {trail}")))
            .collect(),
        next: format!("Answer it: {}", prompt.answered_by()),
        buttons: vec![button],
    })
}

fn other_user(stored: &str, given: &str, by: OtherUserBy) -> String {
    match by {
        OtherUserBy::Keys => {
            format!("a yes: the new keys are those of {given}, the old ones of {stored}")
        }
        OtherUserBy::SignIn => {
            format!("a yes: the browser signed in as {given}, and last time it was {stored}")
        }
    }
}

fn pasted(what: PasteKind) -> &'static str {
    match what {
        PasteKind::SignInCode => "the code of a browser sign-in",
        PasteKind::SamlAssertion => "a sign-in at the identity provider",
    }
}

fn keys_awaited(why: WhyKeys) -> (&'static str, Button) {
    match why {
        WhyKeys::Missing | WhyKeys::Asked => ("access keys", Button::SignIn),
        WhyKeys::Revoked => (
            "new access keys: AWS no longer accepts the old ones",
            Button::EnterNewKeys,
        ),
        WhyKeys::SecretMismatch => (
            "access keys: the last secret does not belong to its key id",
            Button::EnterNewKeys,
        ),
        WhyKeys::Refused => (
            "access keys: the last ones were not accepted",
            Button::EnterNewKeys,
        ),
    }
}

/// The name of a step of the chain stays as it is written.
fn reason(error: &Error) -> String {
    match &error.context.step {
        Some(step) if error.message.starts_with(step) => error.message.clone(),
        Some(_) | None => sentence(&error.message),
    }
}

/// An error's hints as sentences. A command among them is left out: the last line of a notice says
/// what to do.
fn sentences(error: &Error) -> Vec<String> {
    error
        .hints
        .iter()
        .filter(|hint| !hint.contains("fob "))
        .map(|hint| sentence(hint))
        .collect()
}

fn is_command(hint: &str) -> bool {
    hint.starts_with("fob ")
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// On one line of bearable length, with key ids shortened: AWS's own words may hold whole ones.
fn fit(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let shown = |word: &str| match AccessKeyId::parse(word.trim_end_matches(|c| !is_part(c))) {
        Ok(id) if ["AKIA", "ASIA"].iter().any(|start| word.starts_with(start)) => {
            word.replacen(id.as_str(), &id.to_string(), 1)
        }
        Ok(_) | Err(_) => word.to_owned(),
    };
    let shown: String = text.split_inclusive(|c| !is_part(c)).map(shown).collect();
    shorten_to(LONGEST_LINE, &shown)
}

#[cfg(test)]
mod tests;
