//! A configuration as text and tree, and the changes that can be made to it.

use super::change::{
    AutoProvision, Change, EntryList, NewIdentity, NewIdentityCenter, NewKind, NewWebIdentity,
    WrittenEntry,
};
use super::patch::{Obstacle, Page, Patch, position};
use super::replacement::Original;
use super::value::NewValue;
use crate::config::configuration::understand;
use crate::config::general::key_age;
use crate::config::names::{LookedUp, folded};
use crate::config::problem::{Problem, Severity};
use crate::config::yaml::{self, Member, Node, Value};
use crate::config::{file, kinds};
use crate::duration::SessionDuration;
use crate::environment::Environment;
use crate::error::{Code, Error, Result, shorten};
use crate::ids::{IdentityName, ProviderName};
use std::path::Path;
use std::rc::Rc;
use std::str::FromStr;
use zeroize::Zeroizing;

/// The first line of a file that was not there before.
const OPENING: &str =
    "# Keyfob's configuration. Made by Keyfob, and yours to edit: comments and order are kept.\n";
const MARK: &str = "\u{feff}";

/// Makes all of `changes`, in their order, or none. A file that is missing is made, with its
/// folder, if the first change adds an identity or a provider. Where a link leads to the file, what
/// it leads to is replaced.
///
/// # Errors
/// [`Code::InvalidInput`]: what was typed cannot be used, or the name is taken.
/// [`Code::IdentityNotFound`]: there is no such identity. [`Code::ConfigInvalid`]: the file is
/// broken, or written so that only a person should change it. [`Code::ConfigNotFound`]: there
/// is no file. [`Code::FilesUnwritable`]: it cannot be read or written, or was changed
/// meanwhile. The file is as it was, whatever the error.
pub fn change(path: &Path, environment: &Environment, changes: &[Change]) -> Result<()> {
    let path = environment.working_directory().join(path);
    let original = match Original::read(&path, file::text)? {
        Some(original) => original,
        None if matches!(
            changes.first(),
            Some(Change::AddIdentity(_) | Change::AddIdentityCenter(_) | Change::AddWebIdentity(_))
        ) =>
        {
            Original::missing(&path, file::text)
        }
        None => return Err(file::not_found(&path, "the path given")),
    };
    let text = original.text().map_or(OPENING, |text| text.as_str());
    let before = Document::read(original.path(), text)?;
    let mut after = before.clone();
    for change in changes {
        after = after.changed(change)?;
    }
    let is_new = original.text().is_none();
    if !is_new && after.text == before.text {
        return Ok(());
    }
    let old_errors = if is_new {
        Vec::new()
    } else {
        before.errors(environment).unwrap_or_default()
    };
    refuse_new_errors(&old_errors, after.errors(environment)?)?;
    original.replace(&after.text)?;
    for change in changes {
        match change {
            Change::AddIdentity(new) => {
                let identity = new.name.trim();
                tracing::info!(identity, "identity added to the configuration");
            }
            Change::AddEntry(WrittenEntry { name, .. }) => {
                tracing::info!(name, "entry added to the configuration");
            }
            Change::AddIdentityCenter(NewIdentityCenter { name, .. })
            | Change::AddWebIdentity(NewWebIdentity { name, .. }) => {
                let provider = name.trim();
                tracing::info!(provider, "provider added to the configuration");
            }
            Change::MakeDefault(name) => {
                tracing::info!(identity = name.trim(), "identity made the default");
            }
            Change::NotifyBefore(_) | Change::KeyAge(_) => {
                tracing::info!("time of notices changed");
            }
            Change::AutoProvision(AutoProvision { provider, .. }) => {
                tracing::info!(provider, "listing of roles changed");
            }
        }
    }
    Ok(())
}

/// What was typed may be right by itself and wrong among the others: a role that stands on
/// something it cannot.
fn refuse_new_errors(old: &[Problem], new: Vec<Problem>) -> Result<()> {
    let is_old = |new: &Problem| {
        old.iter()
            .any(|old| old.path == new.path && old.message == new.message)
    };
    let is_worse = new.len() > old.len();
    match new.into_iter().find(|it| is_worse && !is_old(it)) {
        Some(Problem { path, message, .. }) => {
            Err(Error::new(Code::InvalidInput, format!("{path}: {message}")))
        }
        None => Ok(()),
    }
}

/// Pure; the path is for messages.
#[derive(Clone)]
pub struct Document<'p> {
    path: &'p Path,
    pub text: Zeroizing<String>,
    /// Nothing where there is nothing but comments.
    root: Rc<Node>,
}

/// One value to put, or with `None` one to take out, at the end of a path of keys.
struct Operation<'a> {
    path: Vec<&'a str>,
    value: Option<NewValue>,
}

impl<'p> Document<'p> {
    pub fn read(path: &'p Path, text: &str) -> Result<Document<'p>> {
        let root = file::root(path, text)?.unwrap_or_else(|| Rc::new(Node::nothing()));
        file::only_auth(path, &root)?;
        Ok(Document {
            path,
            text: Zeroizing::new(text.to_owned()),
            root,
        })
    }

    /// With the change made, and nothing else.
    pub fn changed(&self, change: &Change) -> Result<Document<'p>> {
        match change {
            Change::AddIdentity(new) => self.with_identity(new),
            Change::AddIdentityCenter(new) => {
                self.with_provider(&new.checked_name()?, new.value()?)
            }
            Change::AddWebIdentity(new) => self.with_provider(&new.checked_name()?, new.value()?),
            Change::AddEntry(new) => match new.of {
                EntryList::Providers => self.with_provider(&new.name.parse()?, new.value()?),
                EntryList::Identities => {
                    let name: IdentityName = new.name.parse()?;
                    self.with_entry(LookedUp::Identity, name.as_str(), new.value()?)
                }
            },
            Change::MakeDefault(name) => self.with_default(name.trim()),
            Change::NotifyBefore(before) => {
                let before = before.trim();
                SessionDuration::from_str(before)?;
                self.with_notify("before", before)
            }
            Change::KeyAge(age) => {
                let age = age.trim();
                key_age(age)?;
                self.with_notify("key_age", age)
            }
            Change::AutoProvision(new) => self.with_auto_provision(new),
        }
    }

    fn with_notify(&self, key: &str, text: &str) -> Result<Document<'p>> {
        let notify = Operation {
            path: vec!["auth", "notify", key],
            value: Some(NewValue::text(text)),
        };
        let line = NewValue::text(text).inline_after(key, " ");
        self.with(&[notify], &format!("`{line}` below `auth.notify`"))
    }

    fn errors(&self, environment: &Environment) -> Result<Vec<Problem>> {
        let root = Some(&*self.root).filter(|root| !root.is_null());
        let config = understand(self.path, root, environment)?;
        let problems = config.problems().iter();
        let errors = problems.filter(|problem| problem.severity == Severity::Error);
        Ok(errors.cloned().collect())
    }

    fn identities(&self) -> &[Member] {
        self.entries("identities")
    }

    fn entries(&self, group: &str) -> &[Member] {
        let auth = self.root.child("auth");
        auth.and_then(|auth| auth.child(group))
            .map_or(&[], Node::members)
    }

    fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.identities().iter().filter_map(|it| it.key.text())
    }

    fn with_identity(&self, new: &NewIdentity) -> Result<Document<'p>> {
        let (name, value) = (new.checked_name()?, new.value()?);
        let name = name.as_str();
        self.refuse_taken(LookedUp::Identity, name)?;
        if let NewKind::AssumeRole { via, .. } = &new.kind {
            let via = via.trim();
            if !self.names().any(|it| it.eq_ignore_ascii_case(via)) {
                return Err(LookedUp::Identity.unknown(via, self.names()));
            }
        }
        let by_hand = format!(
            "`{}` below `auth.identities`",
            value.inline_after(name, " ")
        );
        let mut operations = vec![Operation {
            path: vec!["auth", "identities", name],
            value: Some(value),
        }];
        if new.is_default {
            operations.extend(self.without_defaults(name));
        }
        self.with(&operations, &by_hand)
    }

    fn with_provider(&self, name: &ProviderName, value: NewValue) -> Result<Document<'p>> {
        self.with_entry(LookedUp::Provider, name.as_str(), value)
    }

    fn with_entry(&self, what: LookedUp, name: &str, value: NewValue) -> Result<Document<'p>> {
        self.refuse_taken(what, name)?;
        let (of, entry) = (what.plural(), value.inline_after(name, " "));
        let by_hand = format!("`{entry}` below `auth.{of}`");
        let operation = Operation {
            path: vec!["auth", of, name],
            value: Some(value),
        };
        self.with(&[operation], &by_hand)
    }

    fn refuse_taken(&self, what: LookedUp, name: &str) -> Result<()> {
        let is_it = |it: &&Member| it.key.text().is_some_and(|key| folded(key) == folded(name));
        let Some(taken) = self.entries(what.plural()).iter().find(is_it) else {
            return Ok(());
        };
        let (line, path) = (taken.key.at.line, self.path.display());
        let (taken, noun) = (shorten(taken.key.text().unwrap_or_default()), what.noun());
        let article = if noun.starts_with('i') { "an" } else { "a" };
        let there =
            format!("there is already {article} {noun} `{taken}`, on line {line} of {path}");
        let error = Error::new(Code::InvalidInput, there).hint("choose another name");
        Err(if taken.eq_ignore_ascii_case(name) {
            error
        } else {
            error.hint("names that differ only in case, or in `/` and `_`, count as the same")
        })
    }

    fn with_default(&self, asked: &str) -> Result<Document<'p>> {
        let is_it = |it: &&Member| {
            it.key
                .text()
                .is_some_and(|key| key.eq_ignore_ascii_case(asked))
        };
        let Some(named) = self.identities().iter().find(is_it) else {
            return Err(LookedUp::Identity.unknown(asked, self.names()));
        };
        let name = named.key.text().unwrap_or_default();
        if is_foreign(&named.value) {
            let message = format!("Keyfob cannot sign in as {name}: it is of another cloud");
            return Err(Error::new(Code::Unsupported, message));
        }
        let mut operations = self.without_defaults(name);
        if !is_default(&named.value) {
            operations.push(Operation {
                path: vec!["auth", "identities", name, "default"],
                value: Some(NewValue::Is(true)),
            });
        }
        let by_hand =
            format!("`default: true` below `auth.identities.{name}` and at no other identity");
        self.with(&operations, &by_hand)
    }

    fn with_auto_provision(&self, new: &AutoProvision) -> Result<Document<'p>> {
        const KEY: &str = "auto_provision_identities";
        let named = new.provider.as_str();
        let keys = self.entries("providers").iter();
        let keys = keys.filter_map(|it| it.key.text());
        let Some(name) = keys.clone().find(|key| key.eq_ignore_ascii_case(named)) else {
            return Err(LookedUp::Provider.unknown(named, keys));
        };
        let operation = Operation {
            path: vec!["auth", "providers", name, KEY],
            value: Some(NewValue::Is(new.is_on)),
        };
        let by_hand = format!("`{KEY}: {}` below `auth.providers.{name}`", new.is_on);
        self.with(&[operation], &by_hand)
    }

    /// For every default but `name`. Those of other clouds keep what they say.
    fn without_defaults(&self, name: &str) -> Vec<Operation<'_>> {
        let others = self.identities().iter().filter(|it| {
            it.key.text() != Some(name) && is_default(&it.value) && !is_foreign(&it.value)
        });
        let operation = |key| Operation {
            path: vec!["auth", "identities", key, "default"],
            value: None,
        };
        others
            .filter_map(|it| it.key.text().map(operation))
            .collect()
    }

    /// With all of `operations` done, once the text reads exactly as the tree with them.
    fn with(&self, operations: &[Operation<'_>], by_hand: &str) -> Result<Document<'p>> {
        let refused = |why: &str| {
            file::unusable(self.path, &format!("cannot be changed safely: {why}"))
                .hint(format!("write it by hand: {by_hand}"))
        };
        let body = self.text.strip_prefix(MARK).unwrap_or(&self.text);
        let page = Page {
            text: body,
            root: &self.root,
        };
        let mut expected = Rc::clone(&self.root);
        let mut patches = Vec::new();
        for operation in operations {
            let path = operation.path.as_slice();
            let removal = find(&self.root, path)
                .filter(|_| operation.value.is_none())
                .and_then(|(parent, member)| page.remove(parent, member));
            if let Some(removal) = removal {
                expected = Rc::new(without(&expected, path));
                patches.push(removal);
                continue;
            }
            // What cannot be taken out is switched off.
            let value = operation.value.as_ref().unwrap_or(&NewValue::Is(false));
            expected = Rc::new(with(Some(&expected), path, value));
            let put = page.put(path, value, "kind");
            patches.extend(put.map_err(|why| refused(&why))?);
        }
        let text = apply(&self.text, self.text.len() - body.len(), patches)
            .map_err(|why| refused(&why))?;
        match yaml::parse(&text) {
            Ok(Some(root)) if root.says_the_same_as(&expected) => Ok(Document {
                path: self.path,
                text,
                root,
            }),
            Ok(_) => Err(refused("it would change something else as well")),
            Err(_) => Err(refused(
                "it is written in a form that only a person should change",
            )),
        }
    }
}

fn is_foreign(identity: &Node) -> bool {
    let kind = identity.child("kind").and_then(Node::text);
    kind.is_some_and(kinds::is_foreign)
}

fn is_default(identity: &Node) -> bool {
    identity
        .child("default")
        .is_some_and(|it| it.tag.is_none() && matches!(it.text(), Some("true" | "True" | "TRUE")))
}

/// A mapping on the way, and the member of it that a path ends with.
fn find<'n>(root: &'n Node, path: &[&str]) -> Option<(&'n Node, &'n Member)> {
    let (last, above) = path.split_last()?;
    let parent = above.iter().try_fold(root, |node, key| node.child(key))?;
    let mut members = parent.members().iter();
    let member = members.find(|it| it.key.text() == Some(last))?;
    Some((parent, member))
}

/// The tree with a value at the end of a path, where the text will have it.
fn with(old: Option<&Node>, path: &[&str], value: &NewValue) -> Node {
    let [key, rest @ ..] = path else {
        return value.node();
    };
    let mut members = old.map_or(&[][..], Node::members).to_vec();
    match members.iter_mut().find(|it| it.key.text() == Some(key)) {
        Some(member) => member.value = Rc::new(with(Some(&member.value), rest, value)),
        None => {
            let member = Member {
                key: Rc::new(NewValue::text(key).node()),
                value: Rc::new(with(None, rest, value)),
            };
            members.insert(position(&members, "kind"), member);
        }
    }
    Node::of(Value::Mapping(members)).tagged(old.and_then(|old| old.tag.clone()))
}

/// The tree without the key at the end of a path.
fn without(old: &Node, path: &[&str]) -> Node {
    let [key, rest @ ..] = path else {
        return Node::nothing();
    };
    let kept = |it: &Member| match (it.key.text() == Some(key), rest) {
        (false, _) => Some(it.clone()),
        (true, []) => None,
        (true, rest) => Some(Member {
            key: Rc::clone(&it.key),
            value: Rc::new(without(&it.value, rest)),
        }),
    };
    let members = old.members().iter().filter_map(kept).collect();
    Node::of(Value::Mapping(members)).tagged(old.tag.clone())
}

/// No comment is ever lost. Patches count from behind the first `mark` bytes.
fn apply(text: &str, mark: usize, mut patches: Vec<Patch>) -> Result<Zeroizing<String>, Obstacle> {
    let (mark, body) = text.split_at(mark);
    patches.sort_by_key(|patch| (patch.at.start, patch.at.end));
    patches.dedup();
    let mut result = Zeroizing::new(String::with_capacity(text.len() + 1024));
    result.push_str(mark);
    let mut from = 0;
    for patch in patches {
        if body[patch.at.clone()].contains('#') {
            return Err("a comment is in the way".to_owned());
        }
        let kept = body.get(from..patch.at.start);
        result.push_str(kept.ok_or("two changes are in the same place")?);
        result.push_str(&patch.with);
        from = patch.at.end;
    }
    result.push_str(&body[from..]);
    Ok(result)
}
