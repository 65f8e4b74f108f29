//! Values found by dotted key, with `!env` filled in, and a report of everything that is not as it
//! should be: a key that no reader looks for is not known.

use super::atmos;
use super::problem::{Blocked, Location, Problems, list};
use super::sensitive::{self, PartKind, SensitivePart};
use super::values;
use super::yaml::{Node, Value};
use crate::environment::Environment;
use crate::error::{Code, Error, Result, shorten};
use crate::ids::is_placeholder;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use zeroize::Zeroizing;

/// What `!env` may stand for: what is sent to a server, run or shown in a message is written out,
/// since a variable may hold a secret.
const FROM_ENVIRONMENT: &[&str] = &[
    "credentials.access_key_id",
    "credentials.secret_access_key",
    "credentials.mfa_arn",
    "region",
    "credentials.region",
    "principal.region",
    "spec.path",
    "spec.token_file",
    "spec.files.base_path",
    "spec.endpoint_url",
    atmos::IDENTITY_ENDPOINT,
    atmos::PROVIDER_ENDPOINT,
    // The database's, which is not used; and of a variable for the child, which has them all.
    "password",
    "value",
];

pub(super) struct Reader<'e> {
    pub problems: Problems,
    /// What takes values from the environment, or was meant to.
    pub from_environment: RefCell<HashSet<Blocked>>,
    pub sensitive_parts: RefCell<Vec<SensitivePart>>,
    pub environment: &'e Environment,
    /// Relative paths start here.
    pub folder: &'e Path,
    /// For messages.
    pub file_name: &'e str,
}

impl<'e> Reader<'e> {
    pub fn new(path: &'e Path, file_name: &'e str, environment: &'e Environment) -> Reader<'e> {
        Reader {
            problems: Problems::default(),
            from_environment: RefCell::default(),
            sensitive_parts: RefCell::default(),
            environment,
            folder: path.parent().unwrap_or(path),
            file_name,
        }
    }
}

/// A mapping of the file, and the keys that were looked for in it.
pub(super) struct Fields<'r> {
    pub reader: &'r Reader<'r>,
    pub node: &'r Node,
    pub location: Location,
    sought: Rc<RefCell<Vec<&'static str>>>,
}

/// A single value that is there.
pub(super) struct Single {
    pub text: Zeroizing<String>,
    pub location: Location,
    /// The environment variable it came from.
    pub variable: Option<String>,
}

impl Single {
    /// For messages that must not quote the value.
    pub fn source(&self) -> String {
        match &self.variable {
            Some(variable) => format!("the environment variable {variable}"),
            None => "the value".to_owned(),
        }
    }
}

/// There is something, and it cannot be used: that has been reported.
pub(super) struct Reported;

/// `None` where nothing is written.
pub(super) type Reading<T> = std::result::Result<Option<T>, Reported>;

/// A value, and where it is written.
pub(super) struct Placed<T> {
    pub value: T,
    pub location: Location,
}

/// The keys of a mapping, for what is said about others.
#[derive(Clone, Copy)]
struct KnownKeys<'a> {
    /// `aws/user`
    of: &'a str,
    keys: &'a [&'static str],
    /// Keys that others of the same section have.
    elsewhere: &'a [&'static str],
}

impl<'r> Fields<'r> {
    pub fn new(reader: &'r Reader<'r>, node: &'r Node, location: Location) -> Fields<'r> {
        Fields {
            reader,
            node,
            location,
            sought: Rc::default(),
        }
    }

    pub fn is_sensitive(&self, part: SensitivePart) {
        self.reader.sensitive_parts.borrow_mut().push(part);
    }

    pub fn problems(&self) -> &'r Problems {
        &self.reader.problems
    }

    /// The same keys, with problems about something else.
    pub fn about(&self, subject: Blocked) -> Fields<'r> {
        Fields {
            reader: self.reader,
            node: self.node,
            location: self.location.about(subject),
            sought: Rc::clone(&self.sought),
        }
    }

    /// Every key that was looked for, in that order.
    pub fn into_sought(self) -> Vec<&'static str> {
        self.sought.take()
    }

    /// A path, relative to the folder of the file.
    pub fn path(&self, text: &str) -> Result<PathBuf> {
        values::path(text, self.reader.environment, self.reader.folder)
    }

    /// A value that may be left out; one that is written must not be empty or hold control
    /// characters.
    pub fn single(&self, key: &'static str) -> Reading<Single> {
        let Some((node, location)) = self.seek(key)? else {
            return Ok(None);
        };
        if let Some(kind) = sensitive::kind_of(key) {
            self.is_sensitive(SensitivePart::written(kind, &location.path, node));
        }
        let Some(found) = self.scalar(key, node, location)? else {
            return Ok(None);
        };
        let source = found.source();
        let flaw = if found.text.trim().is_empty() {
            format!("{source} is empty: write one, or leave the key out")
        } else if found.text.contains(char::is_control) {
            format!("{source} contains a line break or another control character")
        } else {
            return Ok(Some(found));
        };
        self.problems().error(&found.location, flaw);
        Err(Reported)
    }

    /// As it is written, and be it nothing.
    pub fn maybe_empty(&self, key: &'static str) -> Reading<Single> {
        self.sought.borrow_mut().push(key);
        if !matches!(self.node.value, Value::Mapping(_)) {
            return Err(Reported);
        }
        match self.node.child(key) {
            Some(node) => self.scalar(key, node, self.location.below(key, node.at)),
            None => Ok(None),
        }
    }

    /// As [`Fields::single`], and understood.
    pub fn try_read<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T>,
    ) -> Reading<Placed<T>> {
        let Some(found) = self.single(key)? else {
            return Ok(None);
        };
        let location = found.location;
        match parse(&found.text) {
            Ok(value) => Ok(Some(Placed { value, location })),
            Err(error) => {
                // A variable may hold a secret, which is not quoted.
                let message = found.variable.map_or_else(
                    || sentence(&error),
                    |variable| {
                        let reasons = error.hints.join("; ");
                        format!(
                            "the environment variable {variable} holds no value for `{key}`: \
                            {reasons}"
                        )
                    },
                );
                self.problems().error(&location, message);
                Err(Reported)
            }
        }
    }

    /// As [`Fields::try_read`], where it makes no difference why there is no value.
    pub fn read<T>(&self, key: &'static str, parse: impl FnOnce(&str) -> Result<T>) -> Option<T> {
        self.read_placed(key, parse).map(|it| it.value)
    }

    pub fn read_placed<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T>,
    ) -> Option<Placed<T>> {
        self.try_read(key, parse).ok().flatten()
    }

    /// As [`Fields::read`], and must be there.
    pub fn required<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T>,
    ) -> Option<T> {
        self.required_placed(key, parse).map(|it| it.value)
    }

    pub fn required_placed<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T>,
    ) -> Option<Placed<T>> {
        match self.try_read(key, parse) {
            Ok(None) => {
                let message = format!("`{key}` is missing");
                self.problems().error(&self.location, message);
                None
            }
            Ok(found) => found,
            Err(Reported) => None,
        }
    }

    /// `true` or `false`; not written is `false`.
    pub fn is_set(&self, key: &'static str) -> bool {
        self.flag(key).unwrap_or(false)
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &'static str) -> Option<bool> {
        let parse = |text: &str| match text {
            "true" | "True" | "TRUE" => Ok(true),
            "false" | "False" | "FALSE" => Ok(false),
            _ => Err(Error::new(
                Code::InvalidInput,
                format!("`{}` is neither true nor false", shorten(text)),
            )),
        };
        self.read(key, parse)
    }

    /// A credential: one that is empty or a placeholder is reported by its key and treated as
    /// absent.
    pub fn credential(&self, key: &'static str) -> Option<Single> {
        let (node, location) = self.seek(key).ok()??;
        let found = self.scalar(key, node, location).ok()??;
        let flaw = if found.text.trim().is_empty() {
            "empty"
        } else if is_placeholder(&found.text) {
            "a placeholder"
        } else {
            return Some(found);
        };
        let (_, name) = key.rsplit_once('.').unwrap_or(("", key));
        let source = found.source();
        let message = format!("`{name}`: {source} is {flaw} and is treated as absent");
        self.problems().warning(&found.location, message);
        None
    }

    /// A mapping or a list that is read by itself.
    pub fn below(&self, key: &'static str) -> Option<Fields<'r>> {
        let (node, location) = self.seek(key).ok()??;
        Some(Fields::new(self.reader, node, location))
    }

    /// The single value of a node, from the environment where it says `!env`.
    pub fn scalar(&self, key: &str, node: &Node, location: Location) -> Reading<Single> {
        let text = match &node.value {
            Value::Scalar(text) => text.clone(),
            Value::Null => Zeroizing::new(String::new()),
            Value::Sequence(_) | Value::Mapping(_) => {
                let message = format!("{} where a single value is expected", node.noun());
                self.problems().error(&location, message);
                return Err(Reported);
            }
        };
        match node.tag.as_deref() {
            None => Ok(Some(Single {
                text,
                location,
                variable: None,
            })),
            Some("!env") if !FROM_ENVIRONMENT.contains(&key) => {
                let key = key.rsplit('.').next().unwrap_or(key);
                let message = format!(
                    "`{key}` is not taken from `!env`: only keys, regions, paths and endpoints are"
                );
                self.problems().error(&location, message);
                Err(Reported)
            }
            Some("!env") => self.variable(text.trim(), location),
            Some(tag) => {
                let tag = shorten(tag);
                let message = format!("the tag `{tag}` is not known; only `!env NAME` is");
                self.problems().error(&location, message);
                Err(Reported)
            }
        }
    }

    fn variable(&self, name: &str, location: Location) -> Reading<Single> {
        let problems = self.problems();
        if values::variable_name(name).is_err() {
            let message =
                "`!env` is followed by the name of an environment variable: `!env DEV_KEY`";
            problems.error(&location, message);
            return Err(Reported);
        }
        self.is_sensitive(SensitivePart::new(
            PartKind::Takes,
            &location.path,
            name,
            name,
        ));
        let mut from_environment = self.reader.from_environment.borrow_mut();
        from_environment.insert(location.subject.clone());
        let environment = self.reader.environment;
        match environment.var(name) {
            Ok(Some(value)) => Ok(Some(Single {
                text: Zeroizing::new(value.to_owned()),
                location,
                variable: Some(name.to_owned()),
            })),
            Ok(None) => {
                let is_there = environment.raw(name).is_some();
                let state = if is_there { "empty" } else { "not set" };
                let name = shorten(name);
                let message = format!(
                    "the environment variable {name} is {state}; the value is treated as absent"
                );
                problems.warning(&location, message);
                Ok(None)
            }
            Err(error) => {
                problems.error(&location, sentence(&error));
                Err(Reported)
            }
        }
    }

    /// `Reported` where something on the way is not a mapping: [`Fields::finish`] says so.
    fn seek(&self, key: &'static str) -> Reading<(&'r Node, Location)> {
        self.sought.borrow_mut().push(key);
        let (mut node, mut location) = (self.node, self.location.clone());
        for part in key.split('.') {
            let next = match &node.value {
                Value::Mapping(_) => node.child(part).filter(|next| !next.is_null()),
                Value::Null => None,
                Value::Scalar(_) | Value::Sequence(_) => return Err(Reported),
            };
            let Some(next) = next else {
                return Ok(None);
            };
            location = location.below(part, next.at);
            node = next;
        }
        Ok(Some((node, location)))
    }

    /// The entries of a section (`providers`, …) with their names, in file order.
    pub fn section(&self, section: &'static str) -> Vec<(String, Fields<'r>)> {
        let Some(all) = self.below(section) else {
            return Vec::new();
        };
        if !matches!(all.node.value, Value::Mapping(_)) {
            let noun = all.node.noun();
            let message = format!("{noun} where a mapping from names to {section} is expected");
            self.problems().error(&all.location, message);
        }
        let mut entries = Vec::new();
        for member in all.node.members() {
            let at = member.key.at;
            match member.key.text() {
                Some(name) => {
                    let location = all.location.below(&shorten(name), at);
                    let fields = Fields::new(self.reader, &member.value, location);
                    entries.push((name.to_owned(), fields));
                }
                None => {
                    let location = all.location.below("?", at);
                    self.problems()
                        .error(&location, "a name must be a single word");
                }
            }
        }
        entries
    }

    /// Once everything was read: reports keys that are unknown, repeated, without effect on
    /// `of`, or not where a mapping belongs.
    pub fn finish(self, of: &str, elsewhere: &[&'static str]) {
        let keys = self.sought.take();
        let known = KnownKeys {
            of,
            keys: &keys,
            elsewhere,
        };
        self.check(self.node, &self.location, "", known);
    }

    fn check(&self, node: &Node, location: &Location, prefix: &str, known: KnownKeys<'_>) {
        let problems = self.problems();
        if !matches!(node.value, Value::Mapping(_)) {
            if !node.is_null() {
                let keys = list(&level(known.keys, prefix));
                let noun = node.noun();
                let message = format!("{noun} where a mapping is expected, with {keys}");
                problems.error(location, message);
            }
            return;
        }
        if let Some(tag) = &node.tag {
            let message = format!("the tag `{}` has no meaning on a mapping", shorten(tag));
            problems.error(location, message);
        }
        let mut lines: HashMap<&str, usize> = HashMap::new();
        for member in node.members() {
            let at = member.key.at;
            let Some(key) = member.key.text() else {
                problems.error(&location.below("?", at), "a key must be a single word");
                continue;
            };
            let here = location.below(&shorten(key), at);
            if let Some(first) = lines.insert(key, at.line) {
                let key = shorten(key);
                let message = format!("`{key}` is written twice; first on line {first}");
                problems.error(&unclear(here), message);
                continue;
            }
            let dotted = format!("{prefix}{key}");
            let group = format!("{dotted}.");
            if known.keys.contains(&dotted.as_str()) {
                continue;
            }
            if known.keys.iter().any(|known| known.starts_with(&group)) {
                let below = location.below(key, member.value.at);
                self.check(&member.value, &below, &group, known);
            } else {
                self.not_known(key, prefix, &here, known);
            }
        }
    }

    fn not_known(&self, key: &str, prefix: &str, here: &Location, known: KnownKeys<'_>) {
        let (problems, of) = (self.problems(), known.of);
        let dotted = format!("{prefix}{key}");
        let group = format!("{dotted}.");
        let is_it = |other: &&str| **other == dotted || other.starts_with(&group);
        if known.elsewhere.iter().any(is_it) {
            problems.warning(here, format!("`{key}` has no effect on {of}"));
        } else if atmos::KEYS.contains(&key)
            || prefix.is_empty() && atmos::ENTRY_KEYS.contains(&key)
        {
            let message = format!("`{key}` is left to Atmos; Keyfob does not use it");
            problems.notice(here, message);
        } else {
            let instead = problems.instead_of(key, &level(known.keys, prefix));
            let key = shorten(key);
            problems.error(here, format!("`{key}` is not known for {of}{instead}"));
        }
    }
}

/// Which of two values at the top was meant decides where things are kept.
fn unclear(location: Location) -> Location {
    match location.subject {
        Blocked::None => location.about(Blocked::Everything),
        Blocked::Everything
        | Blocked::Provider(_)
        | Blocked::Identity(_)
        | Blocked::Database(_) => location,
    }
}

/// The next words of the dotted keys that start with `prefix`, each once.
fn level(keys: &[&'static str], prefix: &str) -> Vec<&'static str> {
    let mut words: Vec<&str> = Vec::new();
    for key in keys.iter().filter_map(|key| key.strip_prefix(prefix)) {
        let word = key.split('.').next().unwrap_or(key);
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// An error as one sentence, for the list of problems.
pub(super) fn sentence(error: &Error) -> String {
    let mut text = error.message.clone();
    for hint in &error.hints {
        text.push_str("; ");
        text.push_str(hint);
    }
    text
}
