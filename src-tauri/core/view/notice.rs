//! What a person is told about an [`Event`] when no window is open: the words, which notice
//! replaces which, and when one no longer holds. Shows nothing itself. The next step is in the
//! text, because not every desktop shows buttons.

use crate::agent::api::{Caller, Event, Person, Prompt, PromptKind, WhyKeys};
use crate::duration::{in_units, time_left};
use crate::error::Error;
use crate::error::shorten_to;
use crate::ids::AccessKeyId;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

/// A line of a notice, in characters: desktops cut longer ones where they like.
const LONGEST_LINE: usize = 160;
/// As many as a combined notice names; the rest is counted.
const MOST_LINES: usize = 5;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub key: Key,
    /// One for each notice that is combined in this one, else its own key. It holds as long as one
    /// of them does.
    pub about: Vec<Key>,
    pub title: String,
    /// Lines: why, and what to do.
    pub body: String,
    pub buttons: Vec<Button>,
}

/// There is one notice of each key: a later one takes its place.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub kind: Kind,
    /// Empty where a notice is about none, or several.
    pub identity: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    KeysRevoked,
    RenewalRefused,
    RenewalFailing,
    ExpiresSoon,
    Expired,
    PersonAwaited,
    Combined,
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

/// `None` for what needs no notice: it went well, or whoever asked is there and is asked.
pub fn notice(event: &Event, now: SystemTime) -> Option<Notice> {
    let left = |expires_at: &SystemTime| match time_left(*expires_at, now) {
        Duration::ZERO => "now".to_owned(),
        left => format!("in {}", in_units(left)),
    };
    let notice = match event {
        Event::KeysRevoked { identity, error } => Draft {
            kind: Kind::KeysRevoked,
            identity,
            title: format!("AWS no longer accepts the keys of {identity}"),
            why: sentences(error),
            next: match error.hints.iter().find(|hint| is_command(hint)) {
                // It names the identity whose keys they are, where this one is built on it.
                Some(command) => format!("Enter new ones: {command}"),
                None => format!("Enter new ones: fob login {identity}"),
            },
            buttons: vec![Button::EnterNewKeys],
        },
        Event::RenewalRefused { identity, error } => Draft {
            kind: Kind::RenewalRefused,
            identity,
            title: format!("AWS refuses to renew {identity}"),
            why: std::iter::once(reason(error))
                .chain(sentences(error))
                .collect(),
            next: format!("Once that is mended: fob login {identity}"),
            buttons: vec![Button::Details],
        },
        Event::RenewalFailing {
            identity,
            expires_at,
            cause,
        } => Draft {
            kind: Kind::RenewalFailing,
            identity,
            title: format!(
                "{identity} cannot be renewed and expires {}",
                left(expires_at)
            ),
            why: vec![reason(cause)],
            next: format!("It is tried again by itself, or at once: fob login {identity}"),
            buttons: vec![Button::Retry],
        },
        Event::ExpiresSoon {
            identity,
            expires_at,
        } => Draft {
            kind: Kind::ExpiresSoon,
            identity,
            title: format!("{identity} expires {}", left(expires_at)),
            why: vec!["It cannot be renewed without you".to_owned()],
            next: format!("Sign in: fob login {identity} --force"),
            buttons: vec![Button::SignInNow, Button::Later],
        },
        Event::Expired { identity } => Draft {
            kind: Kind::Expired,
            identity,
            title: format!("{identity} has expired"),
            why: Vec::new(),
            next: format!("Sign in: fob login {identity}"),
            buttons: vec![Button::SignIn],
        },
        Event::PromptOpened(prompt) => awaited(prompt)?,
        Event::SignedIn { .. }
        | Event::SignedOut { .. }
        | Event::Renewed { .. }
        | Event::PromptClosed { .. }
        | Event::ConfigurationChanged
        | Event::ConfigurationBroken { .. } => return None,
    };
    Some(notice.finish())
}

/// The notices that no longer hold once this has happened.
pub fn withdrawn_by(event: &Event) -> Vec<Key> {
    let (identity, kinds): (_, &[Kind]) = match event {
        Event::SignedIn { identity, .. }
        | Event::Renewed { identity, .. }
        | Event::SignedOut { identity } => (
            identity,
            &[
                Kind::KeysRevoked,
                Kind::RenewalRefused,
                Kind::RenewalFailing,
                Kind::ExpiresSoon,
                Kind::Expired,
            ],
        ),
        Event::KeysRevoked { identity, .. }
        | Event::RenewalRefused { identity, .. }
        | Event::Expired { identity } => (identity, &[Kind::RenewalFailing, Kind::ExpiresSoon]),
        Event::ExpiresSoon { identity, .. } => (identity, &[Kind::RenewalFailing]),
        Event::PromptClosed { identity, .. } => (identity, &[Kind::PersonAwaited]),
        Event::RenewalFailing { .. }
        | Event::PromptOpened(_)
        | Event::ConfigurationChanged
        | Event::ConfigurationBroken { .. } => return Vec::new(),
    };
    kinds
        .iter()
        .map(|kind| Key {
            kind: *kind,
            identity: identity.clone(),
        })
        .collect()
}

/// What came together, after waking, as one; `None` when nothing came.
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
    lines.push("See them all: fob status".to_owned());
    Some(Notice {
        key: Key {
            kind: Kind::Combined,
            identity: String::new(),
        },
        about: notices.into_iter().flat_map(|it| it.about).collect(),
        title,
        body: lines.join("\n"),
        buttons: if has_buttons {
            vec![Button::Details]
        } else {
            Vec::new()
        },
    })
}

/// A notice before its text is made fit to be shown.
struct Draft<'a> {
    kind: Kind,
    identity: &'a str,
    title: String,
    why: Vec<String>,
    next: String,
    buttons: Vec<Button>,
}

impl Draft<'_> {
    fn finish(self) -> Notice {
        let lines: Vec<String> = self
            .why
            .iter()
            .chain([&self.next])
            .map(|line| fit(line))
            .collect();
        let key = Key {
            kind: self.kind,
            identity: self.identity.to_owned(),
        };
        Notice {
            about: vec![key.clone()],
            key,
            title: fit(&self.title),
            body: lines.join("\n"),
            buttons: self.buttons,
        }
    }
}

/// Nobody can be asked where the program runs; where somebody can, no notice is needed.
fn awaited(prompt: &Prompt) -> Option<Draft<'_>> {
    let Prompt {
        identity,
        kind,
        caller: Caller {
            program,
            pid,
            person,
        },
        ..
    } = prompt;
    match person {
        Person::Present => return None,
        Person::Absent => {}
    }
    let what = if identity.is_empty() {
        "the keyring"
    } else {
        identity
    };
    let (why, button) = match kind {
        PromptKind::Mfa { .. } => ("It waits for an MFA code".to_owned(), Button::EnterCode),
        PromptKind::Keys {
            why: WhyKeys::Missing | WhyKeys::Asked,
            ..
        } => ("It waits for access keys".to_owned(), Button::SignIn),
        PromptKind::Keys {
            why: WhyKeys::Revoked,
            ..
        } => (
            "It waits for new access keys: AWS no longer accepts the old ones".to_owned(),
            Button::EnterNewKeys,
        ),
        PromptKind::Keys {
            why: WhyKeys::SecretMismatch,
            ..
        } => (
            "It waits for access keys: the last secret does not belong to its key id".to_owned(),
            Button::EnterNewKeys,
        ),
        PromptKind::Keys {
            why: WhyKeys::Refused,
            ..
        } => (
            "It waits for access keys: the last ones were not accepted".to_owned(),
            Button::EnterNewKeys,
        ),
        PromptKind::KeyringPassphrase { path, .. } => (
            format!("It waits for the passphrase of {path}"),
            Button::Unlock,
        ),
        PromptKind::Browser { address, code, .. } => (
            format!("It waits for a sign-in in the browser: code {code} at {address}"),
            Button::SignIn,
        ),
    };
    Some(Draft {
        kind: Kind::PersonAwaited,
        identity,
        title: format!("{program} (pid {pid}) needs {what}"),
        why: vec![why],
        next: format!("Answer it: fob login {identity}")
            .trim_end()
            .to_owned(),
        buttons: vec![button],
    })
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
        .filter(|hint| !is_command(hint))
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
