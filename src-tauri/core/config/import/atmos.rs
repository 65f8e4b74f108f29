//! The entries of another configuration that Keyfob reads, such as an `atmos.yaml`: taken over as
//! they are written, without what only Atmos uses, and without access keys.

use super::draft::{Import, ImportedKeys, LeftOut};
use super::names::{FreeNames, renamed};
use crate::config::configuration::Config;
use crate::config::edit::{Change, EntryList, NewValue, WrittenEntry};
use crate::config::file;
use crate::config::kinds::USER;
use crate::config::names::LookedUp;
use crate::config::problem::Severity;
use crate::config::yaml::{Node, Value};
use crate::environment::Environment;
use crate::error::Result;
use crate::secret::Secret;
use std::collections::HashSet;
use std::path::Path;
use std::rc::Rc;

/// What the configuration at `path` comes to beside another one, and what of it is left out.
///
/// # Errors
/// As [`Config::load`].
pub fn import_configuration(
    path: &Path,
    environment: &Environment,
    beside: Option<&Config>,
) -> Result<(Import, Vec<LeftOut>)> {
    let config = Config::load(path, environment)?;
    let mut taken = Taken::beside(beside, &config)?;
    let mut left_out = Vec::new();
    let mut refuse = |name: &str, reason: String| {
        let name = name.to_owned();
        left_out.push(LeftOut { name, reason });
    };
    for provider in config.providers() {
        match config.source(provider) {
            Ok(_) => taken.choose(LookedUp::Provider, provider.name.as_str()),
            Err(error) => refuse(provider.name.as_str(), error.message),
        }
    }
    for identity in config.identities() {
        match config.chain(identity) {
            Ok(_) => taken.choose(LookedUp::Identity, identity.name.as_str()),
            Err(error) => refuse(identity.name.as_str(), error.message),
        }
    }
    Ok((taken.import(), left_out))
}

struct Taken {
    root: Option<Rc<Node>>,
    /// Of the configuration that is there.
    root_there: Option<Rc<Node>>,
    has_default: bool,
    /// Paths of keys that only Atmos uses.
    unused: HashSet<String>,
    providers: FreeNames,
    identities: FreeNames,
    new: Vec<(LookedUp, String)>,
    import: Import,
}

impl Taken {
    fn beside(beside: Option<&Config>, config: &Config) -> Result<Taken> {
        let root = |config: &Config| file::root(config.path(), &file::text(config.path())?);
        let identities = beside.map_or(&[][..], Config::identities);
        let providers = beside.map_or(&[][..], Config::providers);
        let notices = config.problems().iter();
        let notices = notices.filter(|it| it.severity == Severity::Notice);
        let has_default = identities.iter().any(|it| it.is_default);
        let kept = "the default identity stays the one that is there".to_owned();
        Ok(Taken {
            root: root(config)?,
            root_there: beside.map(root).transpose()?.flatten(),
            has_default,
            unused: notices.clone().map(|it| it.path.clone()).collect(),
            providers: FreeNames::beside(providers.iter().map(|it| it.name.as_str())),
            identities: FreeNames::beside(identities.iter().map(|it| it.name.as_str())),
            new: Vec::new(),
            import: Import {
                changes: Vec::new(),
                keys: Vec::new(),
                notes: notices
                    .map(ToString::to_string)
                    .chain(has_default.then_some(kept))
                    .collect(),
            },
        })
    }

    /// Gives the entry the name of one that is there and says the same, or a free one.
    fn choose(&mut self, what: LookedUp, name: &str) {
        let ours = self.value(what, name).map(|(value, _)| value.node());
        let numbered = (2..10).map(|number| format!("{name}-{number}"));
        let mut candidates = [name.to_owned()].into_iter().chain(numbered);
        let same = candidates.find(|candidate| {
            let there = entry(self.root_there.as_deref(), what, candidate);
            let both = there.zip(ours.as_ref());
            both.is_some_and(|(there, ours)| there.says_the_same_as(ours))
        });
        let names = match what {
            LookedUp::Identity | LookedUp::Database => &mut self.identities,
            LookedUp::Provider => &mut self.providers,
        };
        if let Some(same) = same {
            names.reuse(name, &same);
            let note = format!("`{name}` is there already, as `{same}`");
            self.import.notes.push(note);
        } else {
            let renamed = renamed(name, names.name(name, name));
            self.import.notes.extend(renamed);
            self.new.push((what, name.to_owned()));
        }
    }

    fn import(mut self) -> Import {
        for (what, old) in std::mem::take(&mut self.new) {
            let Some((value, keys)) = self.value(what, &old) else {
                continue;
            };
            let (of, name) = match what {
                LookedUp::Identity | LookedUp::Database => {
                    (EntryList::Identities, self.identities.of(&old))
                }
                LookedUp::Provider => (EntryList::Providers, self.providers.of(&old)),
            };
            self.import.keys.extend(keys.map(|keys| ImportedKeys {
                identity: name.clone(),
                ..keys
            }));
            let text = value.inline(" ");
            let new = WrittenEntry { of, name, text };
            self.import.changes.push(Change::AddEntry(new));
        }
        self.import
    }

    /// As it is written beside the others, and the keys out of it.
    fn value(&self, what: LookedUp, name: &str) -> Option<(NewValue, Option<ImportedKeys>)> {
        let node = entry(self.root.as_deref(), what, name)?;
        let mut value = self.kept(node, &format!("auth.{}.{name}", what.plural()))?;
        if let Some(via) = value.child_mut("via") {
            for (key, names) in [
                ("provider", &self.providers),
                ("identity", &self.identities),
            ] {
                if let Some(NewValue::Text(below)) = via.child_mut(key) {
                    *below = names.of(below);
                }
            }
        }
        if self.has_default {
            value.take("default");
        }
        let keys = taken_keys(&mut value);
        Some((value, keys))
    }

    fn kept(&self, node: &Node, path: &str) -> Option<NewValue> {
        Some(match &node.value {
            Value::Mapping(members) => {
                let kept = members.iter().filter_map(|member| {
                    let key = member.key.text()?;
                    let path = format!("{path}.{key}");
                    let value = self.kept(&member.value, &path);
                    let value = value.filter(|_| !self.unused.contains(&path))?;
                    Some((key.to_owned(), value))
                });
                NewValue::Mapping(kept.collect())
            }
            Value::Null | Value::Scalar(_) | Value::Sequence(_) => NewValue::of(node)?,
        })
    }
}

fn entry<'r>(root: Option<&'r Node>, what: LookedUp, name: &str) -> Option<&'r Node> {
    root?.child("auth")?.child(what.plural())?.child(name)
}

/// Access keys that stand in the file, out of it; those of the environment stay where they are.
fn taken_keys(value: &mut NewValue) -> Option<ImportedKeys> {
    let is_user = value.child_mut("kind") == Some(&mut NewValue::text(USER.name));
    let credentials = value.child_mut("credentials").filter(|_| is_user)?;
    let is_text = |it: Option<&mut NewValue>| matches!(it, Some(NewValue::Text(_)));
    if !is_text(credentials.child_mut("access_key_id"))
        || !is_text(credentials.child_mut("secret_access_key"))
    {
        return None;
    }
    let mut text = |key: &str| match credentials.take(key) {
        Some(NewValue::Text(text)) => text,
        _ => String::new(),
    };
    let (access_key_id, secret) = (text("access_key_id"), text("secret_access_key"));
    Some(ImportedKeys {
        identity: String::new(),
        access_key_id,
        secret: Secret::new(&secret),
        mfa_arn: None,
    })
}
