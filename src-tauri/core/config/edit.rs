//! Changes of the configuration file that somebody asked for in a window: only the lines of what
//! changes are touched, and the rest stays byte for byte, comments and all. What cannot be changed
//! so is refused, with what to write by hand; a changed text is held against the old one before it
//! replaces it.

mod entry;
mod layout;
mod patch;
mod replacement;
mod sameness;

use super::configuration::Config;
use super::file::{self, not_found};
use super::names::Named;
use super::problem::{Problem, Severity};
use super::yaml::Node;
use super::{kinds, yaml};
use crate::duration::SessionDuration;
use crate::environment::Environment;
use crate::error::shorten;
use crate::error::{Code, Error, Result};
use entry::{Braces, Item};
use layout::Page;
use patch::{Obstacle, Patch, Wanted};
use replacement::Original;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::rc::Rc;
use std::str::FromStr;
use zeroize::Zeroizing;

/// The first line of a file that was not there before.
const OPENING: &str =
    "# Keyfob's configuration. Made by Keyfob, and yours to edit: comments and order are kept.\n";

/// One thing to change. Text is as somebody typed it: it is checked as the reader of the file would
/// check it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Of a name that is not there yet.
    AddIdentity(NewIdentity),
    /// The identity to use when none is named; no other is it afterwards. Those of other clouds are
    /// left as they are.
    MakeDefault(String),
    /// How long before the end of a session people are told: `30m`.
    NotifyBefore(String),
}

/// An identity that is to be written. What is optional and blank is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewIdentity {
    pub name: String,
    /// As [`Change::MakeDefault`] for it.
    pub is_default: bool,
    pub kind: NewKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewKind {
    /// `aws/user`; its keys are kept in the keyring and never written to the file.
    User {
        region: Option<String>,
        mfa_arn: Option<String>,
    },
    /// `aws/assume-role`
    AssumeRole {
        /// The identity that assumes it.
        via: String,
        role_arn: String,
        external_id: Option<String>,
        session_name: Option<String>,
        region: Option<String>,
        duration: Option<String>,
    },
    /// `aws/process`
    Process {
        command: String,
        region: Option<String>,
    },
}

impl NewIdentity {
    /// As far as it can be checked without the file it is for.
    pub(super) fn check(&self) -> Result<()> {
        self.item().map(drop)
    }
}

impl NewKind {
    /// As the file has it.
    pub fn written(&self) -> &'static str {
        match self {
            NewKind::User { .. } => kinds::USER.name,
            NewKind::AssumeRole { .. } => kinds::ASSUME_ROLE.name,
            NewKind::Process { .. } => kinds::PROCESS.name,
        }
    }
}

impl Config {
    /// Makes all of `changes`, in their order, or none. A file that is missing is made, with its
    /// folder, if the first change adds an identity. Where a link leads to the file, what it leads
    /// to is replaced.
    ///
    /// # Errors
    /// [`Code::InvalidInput`]: what was typed cannot be used, or the name is taken.
    /// [`Code::IdentityNotFound`]: there is no such identity. [`Code::ConfigInvalid`]: the file is
    /// broken, or written so that only a person can change it. [`Code::ConfigNotFound`]: there is
    /// no file. [`Code::FilesUnwritable`]: it cannot be read or written, or somebody changed it
    /// meanwhile. The file is as it was, whatever the error.
    pub fn change(path: &Path, environment: &Environment, changes: &[Change]) -> Result<()> {
        let path = environment.working_directory().join(path);
        let original = match Original::read(&path)? {
            Some(original) => original,
            None if matches!(changes.first(), Some(Change::AddIdentity(_))) => {
                Original::missing(&path)
            }
            None => return Err(not_found(&path, "the path given")),
        };
        let mut text = match original.text() {
            Some(text) => text.clone(),
            None => Zeroizing::new(OPENING.to_owned()),
        };
        for change in changes {
            text = edited(&path, &text, change)?;
        }
        if original.text().is_some_and(|original| *original == text) {
            return Ok(());
        }
        refuse_new_errors(
            original.path(),
            environment,
            (original.text().map(|text| text.as_str()), &text),
        )?;
        original.replace(&text)?;
        for change in changes {
            match change {
                Change::AddIdentity(new) => {
                    tracing::info!(
                        identity = new.name.trim(),
                        "identity added to the configuration"
                    );
                }
                Change::MakeDefault(name) => {
                    tracing::info!(identity = name.trim(), "identity made the default");
                }
                Change::NotifyBefore(_) => tracing::info!("time of notices changed"),
            }
        }
        Ok(())
    }
}

/// `text` with the change made. Pure; `path` is for messages.
pub(super) fn edited(path: &Path, text: &str, change: &Change) -> Result<Zeroizing<String>> {
    match change {
        Change::AddIdentity(new) => add_identity(path, text, new),
        Change::MakeDefault(name) => make_default(path, text, name.trim()),
        Change::NotifyBefore(before) => {
            let before = before.trim();
            SessionDuration::from_str(before)?;
            put(
                path,
                text,
                &["auth", "notify", "before"],
                &Item::Text(before.to_owned()),
            )
        }
    }
}

fn add_identity(path: &Path, text: &str, new: &NewIdentity) -> Result<Zeroizing<String>> {
    let (name, item) = new.item()?;
    let root = root(path, text)?;
    let identities = root.as_deref().and_then(identities);
    let names: Vec<(&str, usize)> = identities
        .map(Node::members)
        .unwrap_or_default()
        .iter()
        .filter_map(|pair| pair.key.text().map(|text| (text, pair.key.at.line)))
        .collect();
    let folded = |name: &str| name.to_ascii_lowercase().replace('/', "_");
    if let Some((taken, line)) = names
        .iter()
        .find(|(taken, _)| folded(taken) == folded(name.as_str()))
    {
        let taken = shorten(taken);
        let there = format!(
            "there is an identity `{taken}` already, on line {line} of {}",
            path.display()
        );
        let error = Error::new(Code::InvalidInput, there).hint("choose another name");
        return Err(if taken.eq_ignore_ascii_case(name.as_str()) {
            error
        } else {
            error.hint("case, `/` and `_` do not tell names apart")
        });
    }
    if let NewKind::AssumeRole { via, .. } = &new.kind {
        let known = names.iter().map(|(name, _)| *name);
        if !known.clone().any(|it| it.eq_ignore_ascii_case(via.trim())) {
            return Err(Named::Identity.unknown(via.trim(), known));
        }
    }
    let added = put(path, text, &["auth", "identities", name.as_str()], &item)?;
    if new.is_default {
        make_default(path, &added, name.as_str())
    } else {
        Ok(added)
    }
}

fn make_default(path: &Path, text: &str, asked: &str) -> Result<Zeroizing<String>> {
    let Some(before) = root(path, text)? else {
        return Err(unknown_identity(None, asked));
    };
    let named = identities(&before)
        .and_then(|all| all.members().iter().find(|pair| is_named(pair, asked)))
        .ok_or_else(|| unknown_identity(identities(&before), asked))?;
    let name = named.key.text().unwrap_or_default().to_owned();
    if named
        .value
        .child("kind")
        .and_then(|kind| kind.text())
        .is_some_and(kinds::is_foreign)
    {
        return Err(Error::new(
            Code::Unsupported,
            format!("Keyfob cannot sign in as {name}: it is of another cloud"),
        ));
    }
    let by_hand = || {
        format!(
            "write it by hand: `default: true` below `auth.identities.{name}` and at no other identity"
        )
    };
    let mut text = Zeroizing::new(text.to_owned());
    let mut node = Rc::clone(&before);
    // Others first: what they say may come into the named one by a merge. Then what they take from
    // others themselves.
    for step in [Step::Unset, Step::Overrule, Step::Set] {
        let (mark, body) = without_mark(&text);
        let page = Page::of(body)
            .ok_or_else(|| unsafe_change(path, "the file cannot be followed", by_hand()))?;
        let refused = |why: Obstacle| unsafe_change(path, &why, by_hand());
        let patches = step.patches(&page, &node, &name).map_err(refused)?;
        if patches.is_empty() {
            continue;
        }
        text = joined(mark, &patch::apply(body, patches).map_err(refused)?);
        node = reread(path, &text, by_hand)?;
    }
    if !sameness::is_made_default(&before, &node, &name) {
        return Err(unsafe_change(
            path,
            "what it says in one place is used in another",
            by_hand(),
        ));
    }
    Ok(text)
}

/// What is done to make one identity the default.
#[derive(Clone, Copy)]
enum Step {
    /// Take `default: true` out where another has it.
    Unset,
    /// Write `default: false` where another still gets it through a merge.
    Overrule,
    /// Write it where it belongs.
    Set,
}

impl Step {
    fn patches(self, page: &Page<'_>, root: &Node, name: &str) -> Result<Vec<Patch>, Obstacle> {
        let mut patches = Vec::new();
        for pair in identities(root).map(Node::members).unwrap_or_default() {
            let Some(key) = pair.key.text() else { continue };
            let is_foreign = pair
                .value
                .child("kind")
                .and_then(|kind| kind.text())
                .is_some_and(kinds::is_foreign);
            let path = ["auth", "identities", key, "default"];
            let (is_default, is_written) = (
                sameness::is_default(&pair.value),
                patch::is_written(page, &path),
            );
            let value = |item| Wanted {
                item,
                behind: Some("kind"),
            };
            match self {
                Step::Set if key == name && !is_default => {
                    patches.extend(patch::put(page, &path, &value(&Item::Is(true)))?);
                }
                Step::Unset if key != name && is_default && !is_foreign && is_written => {
                    patches.extend(patch::unset(page, &path)?);
                }
                Step::Overrule if key != name && is_default && !is_foreign => {
                    patches.extend(patch::put(page, &path, &value(&Item::Is(false)))?);
                }
                Step::Set | Step::Unset | Step::Overrule => {}
            }
        }
        Ok(patches)
    }
}

/// A value at the end of a path of keys, and nothing else changed.
fn put(path: &Path, text: &str, keys: &[&str], item: &Item) -> Result<Zeroizing<String>> {
    let before = root(path, text)?;
    if before
        .as_deref()
        .is_some_and(|before| sameness::is_put(Some(before), before, keys, item))
    {
        return Ok(Zeroizing::new(text.to_owned()));
    }
    let by_hand = || {
        let (key, above) = keys.split_last().unwrap_or((&"", &[]));
        let line = item.inline(key, Braces::USUAL);
        format!("write it by hand: `{line}` below `{}`", above.join("."))
    };
    let (mark, body) = without_mark(text);
    let page = Page::of(body)
        .ok_or_else(|| unsafe_change(path, "the file cannot be followed", by_hand()))?;
    let wanted = Wanted { item, behind: None };
    let refused = |why: Obstacle| unsafe_change(path, &why, by_hand());
    let patches = patch::put(&page, keys, &wanted).map_err(refused)?;
    let text = joined(mark, &patch::apply(body, patches).map_err(refused)?);
    let after = reread(path, &text, by_hand)?;
    if !sameness::is_put(before.as_deref(), &after, keys, item) {
        return Err(unsafe_change(
            path,
            "what it says in one place is used in another",
            by_hand(),
        ));
    }
    Ok(text)
}

/// Everything the file says; `None` where it says nothing.
fn root(path: &Path, text: &str) -> Result<Option<Rc<Node>>> {
    let root = file::root(path, text)?;
    if let Some(root) = &root {
        file::only_auth(path, root)?;
    }
    Ok(root)
}

fn reread(path: &Path, text: &str, by_hand: impl Fn() -> String) -> Result<Rc<Node>> {
    match yaml::parse(text) {
        Ok(Some(root)) => Ok(root),
        Ok(None) | Err(_) => Err(unsafe_change(
            path,
            "it is written in a form that only a person can add to",
            by_hand(),
        )),
    }
}

fn identities(root: &Node) -> Option<&Node> {
    root.child("auth").and_then(|auth| auth.child("identities"))
}

fn is_named(pair: &yaml::Member, name: &str) -> bool {
    pair.key
        .text()
        .is_some_and(|key| key.eq_ignore_ascii_case(name))
}

fn unknown_identity(identities: Option<&Node>, name: &str) -> Error {
    let names = identities
        .map(Node::members)
        .unwrap_or_default()
        .iter()
        .filter_map(|pair| pair.key.text());
    Named::Identity.unknown(name, names)
}

fn unsafe_change(path: &Path, why: &str, by_hand: String) -> Error {
    file::unusable(path, &format!("cannot be changed safely: {why}")).hint(by_hand)
}

/// A byte order mark, and the rest.
fn without_mark(text: &str) -> (&str, &str) {
    match text.strip_prefix('\u{feff}') {
        Some(body) => text.split_at(text.len() - body.len()),
        None => ("", text),
    }
}

fn joined(mark: &str, body: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(mark.len() + body.len()));
    text.push_str(mark);
    text.push_str(body);
    text
}

/// What was typed may be right by itself and wrong among the others: a role that stands on
/// something it cannot.
fn refuse_new_errors(
    path: &Path,
    environment: &Environment,
    (before, after): (Option<&str>, &str),
) -> Result<()> {
    let errors = |config: &Config| -> Vec<Problem> {
        config
            .problems()
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .cloned()
            .collect()
    };
    // A file that held nothing cannot be loaded, and has no errors.
    let read = |text: &str| {
        let root = file::root(path, text)?;
        Config::understand(path, root.as_deref(), environment)
    };
    let before = before.and_then(|text| read(text).ok());
    let before = before.as_ref().map(errors).unwrap_or_default();
    let after = errors(&read(after)?);
    if after.len() <= before.len() {
        return Ok(());
    }
    let is_old = |new: &Problem| {
        before
            .iter()
            .any(|old| old.path == new.path && old.message == new.message)
    };
    match after.iter().find(|problem| !is_old(problem)) {
        Some(new) => Err(Error::new(
            Code::InvalidInput,
            format!("{}: {}", new.path, new.message),
        )),
        None => Ok(()),
    }
}
