//! The file as written: bytes with bounds, then a reader that finds values by dotted key, fills in
//! `!env`, and reports everything that is not as it should be. What the values mean is decided
//! elsewhere.

use super::kinds::KindKeys;
use super::problem::{Blocks, Place, Problems, list};
use super::values;
use super::yaml::{self, Node, Pair, Value};
use crate::environment::Environment;
use crate::error::shorten;
use crate::error::{Code, Error, Result};
use crate::ids::is_placeholder;
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::Path;
use std::rc::Rc;
use zeroize::Zeroizing;

const LARGEST: u64 = 1024 * 1024;

/// Keys under `auth` that Atmos knows and Keyfob has no use for.
const ATMOS_KEYS: &[&str] = &[
    "alias",
    "browser_executable_path",
    "browser_type",
    "default",
    "download_browser_driver",
    "driver",
    "integrations",
    "isolated",
    "logs",
    "password",
    "provider_type",
    "tags",
    "username",
    "webflow_enabled",
];

/// The bytes of the file as text, whole and bounded.
pub(super) fn text(path: &Path) -> Result<Zeroizing<String>> {
    bounded_text(path, unusable)
}

/// As [`text`], for a file that `refuse` speaks of.
pub(super) fn bounded_text(
    path: &Path,
    refuse: fn(&Path, &str) -> Error,
) -> Result<Zeroizing<String>> {
    let unreadable = |cause: &std::io::Error| Error::file(path, "read", cause);
    let metadata = std::fs::metadata(path).map_err(|cause| unreadable(&cause))?;
    if metadata.is_dir() {
        return Err(refuse(path, "is a folder").hint("name the file in it"));
    }
    if !metadata.is_file() {
        return Err(refuse(path, "is not a regular file"));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    let file = std::fs::File::open(path).map_err(|cause| unreadable(&cause))?;
    if metadata.len() <= LARGEST {
        file.take(LARGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(|cause| unreadable(&cause))?;
    }
    if metadata.len() > LARGEST || bytes.len() as u64 > LARGEST {
        return Err(refuse(path, "is larger than 1 MiB"));
    }
    if bytes.contains(&0) {
        return Err(refuse(path, "is not text: it contains NUL bytes"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|cause| {
        refuse(
            path,
            &format!(
                "is not UTF-8 text: byte {} is wrong",
                cause.valid_up_to() + 1
            ),
        )
    })?;
    Ok(Zeroizing::new(text.to_owned()))
}

const HINT: &str =
    "a configuration has the top-level key `auth`, with `providers` and `identities` below it";

/// Everything in the file; `None` where it holds nothing but comments.
pub(super) fn root(path: &Path, text: &str) -> Result<Option<Rc<Node>>> {
    let root = yaml::parse(text).map_err(|fault| {
        unusable(
            path,
            &format!(
                "cannot be used: line {}, column {}: {}",
                fault.line, fault.column, fault.message
            ),
        )
    })?;
    match root {
        Some(root) if !matches!(root.value, Value::Mapping(_)) => {
            Err(unusable(path, &format!("holds {} instead of a mapping", root.noun())).hint(HINT))
        }
        root => Ok(root),
    }
}

/// The key `auth`, where there is one.
pub(super) fn only_auth<'r>(path: &Path, root: &'r Node) -> Result<Option<&'r Pair>> {
    let mut found = root
        .pairs()
        .iter()
        .filter(|pair| pair.key.text() == Some("auth"));
    let auth = found.next();
    if let (Some(first), Some(second)) = (auth, found.next()) {
        let (first, second) = (first.key.at.line, second.key.at.line);
        return Err(unusable(
            path,
            &format!("has the top-level key `auth` twice, on lines {first} and {second}"),
        ));
    }
    Ok(auth)
}

/// What stands under `auth`, the only key that is read.
pub(super) fn auth(path: &Path, text: &str) -> Result<Rc<Node>> {
    let Some(root) = root(path, text)? else {
        return Err(unusable(path, "is empty").hint(HINT));
    };
    let Some(auth) = only_auth(path, &root)? else {
        return Err(unusable(path, "has no top-level key `auth`").hint(HINT));
    };
    if !matches!(auth.value.value, Value::Mapping(_)) {
        let (at, noun) = (auth.value.at, auth.value.noun());
        let found = format!(
            "line {}, column {}: `auth` holds {noun} instead of a mapping",
            at.line, at.column
        );
        return Err(unusable(path, &format!("cannot be used: {found}")).hint(HINT));
    }
    Ok(Rc::clone(&auth.value))
}

pub(super) fn unusable(path: &Path, why: &str) -> Error {
    Error::new(
        Code::ConfigInvalid,
        format!("the configuration {} {why}", path.display()),
    )
}

/// A mapping of the file.
pub(super) struct Entry {
    pub node: Rc<Node>,
    pub place: Place,
}

/// A single value that is there.
pub(super) struct Found {
    pub text: Zeroizing<String>,
    pub place: Place,
    /// The environment variable it came from.
    pub variable: Option<String>,
}

impl Found {
    /// For messages that must not quote the value.
    pub fn source(&self) -> String {
        match &self.variable {
            Some(variable) => format!("the environment variable {variable}"),
            None => "the value".to_owned(),
        }
    }
}

/// Which dotted keys an entry may have.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a> {
    /// Whose keys these are: `aws/user`.
    pub of: &'a str,
    pub allowed: &'a [&'a str],
    /// Entries of these kinds have keys that mean nothing here.
    pub elsewhere: &'a [KindKeys],
}

enum Sought {
    Absent,
    /// Something on the way is not a mapping: reported with the keys.
    Unreachable,
    Here(Rc<Node>, Place),
}

pub(super) struct Reader<'e> {
    pub problems: Problems,
    /// Whose values were taken from the environment, or were meant to be.
    pub from_environment: HashSet<Blocks>,
    pub environment: &'e Environment,
    /// Relative paths start here.
    pub folder: &'e Path,
    /// For messages.
    pub file_name: String,
}

impl Reader<'_> {
    /// A value that may be left out; one that is written must not be empty or hold control
    /// characters.
    pub fn find(&mut self, entry: &Entry, key: &str) -> Option<Found> {
        let Sought::Here(node, place) = seek(entry, key) else {
            return None;
        };
        let found = self.scalar(&node, place)?;
        if found.text.trim().is_empty() {
            self.problems.error(
                &found.place,
                format!(
                    "{} is empty: write one, or leave the key out",
                    found.source()
                ),
            );
            return None;
        }
        if found.text.contains(char::is_control) {
            let message = format!(
                "{} contains a line break or another control character",
                found.source()
            );
            self.problems.error(&found.place, message);
            return None;
        }
        Some(found)
    }

    /// As [`Reader::find`], and understood.
    pub fn read<T>(
        &mut self,
        entry: &Entry,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T>,
    ) -> Option<T> {
        self.read_placed(entry, key, parse).map(|(value, _)| value)
    }

    /// As [`Reader::read`], with where it is written.
    pub fn read_placed<T>(
        &mut self,
        entry: &Entry,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T>,
    ) -> Option<(T, Place)> {
        let found = self.find(entry, key)?;
        match parse(&found.text) {
            Ok(value) => Some((value, found.place)),
            Err(error) => {
                self.problems.error(&found.place, told(&error));
                None
            }
        }
    }

    /// As [`Reader::read`], and must be there.
    pub fn required<T>(
        &mut self,
        entry: &Entry,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T>,
    ) -> Option<T> {
        self.required_placed(entry, key, parse)
            .map(|(value, _)| value)
    }

    /// As [`Reader::required`], with where it is written.
    pub fn required_placed<T>(
        &mut self,
        entry: &Entry,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T>,
    ) -> Option<(T, Place)> {
        let before = self.problems.errors();
        let value = self.read_placed(entry, key, parse);
        if value.is_none() && self.problems.errors() == before && is_reachable(entry, key) {
            self.problems
                .error(&entry.place, format!("`{key}` is missing"));
        }
        value
    }

    /// `true` or `false`; not written is `false`.
    pub fn is_set(&mut self, entry: &Entry, key: &str) -> bool {
        self.read(entry, key, |text| match text {
            "true" | "True" | "TRUE" => Ok(true),
            "false" | "False" | "FALSE" => Ok(false),
            _ => Err(Error::new(
                Code::InvalidInput,
                format!("`{}` is neither true nor false", shorten(text)),
            )),
        })
        .unwrap_or(false)
    }

    /// A credential: what is empty or a placeholder is said by name and treated as absent.
    pub fn credential(&mut self, entry: &Entry, key: &str) -> Option<Found> {
        let Sought::Here(node, place) = seek(entry, key) else {
            return None;
        };
        let found = self.scalar(&node, place)?;
        let flaw = if found.text.trim().is_empty() {
            "empty"
        } else if is_placeholder(&found.text) {
            "a placeholder"
        } else {
            return Some(found);
        };
        let name = key.rsplit('.').next().unwrap_or(key);
        let source = found.source();
        self.problems.warning(
            &found.place,
            format!("`{name}`: {source} is {flaw} and is treated as absent"),
        );
        None
    }

    /// The single value of a node, from the environment where it says `!env`.
    pub fn scalar(&mut self, node: &Node, place: Place) -> Option<Found> {
        let text = match &node.value {
            Value::Scalar(text) => text.clone(),
            Value::Null => Zeroizing::new(String::new()),
            Value::Sequence(_) | Value::Mapping(_) => {
                self.problems.error(
                    &place,
                    format!("{} where a single value is expected", node.noun()),
                );
                return None;
            }
        };
        match node.tag.as_deref() {
            None => Some(Found {
                text,
                place,
                variable: None,
            }),
            Some("!env") => self.variable(text.trim(), place),
            Some(tag) => {
                let tag = shorten(tag);
                self.problems.error(
                    &place,
                    format!("the tag `{tag}` is not known; only `!env NAME` is"),
                );
                None
            }
        }
    }

    fn variable(&mut self, name: &str, place: Place) -> Option<Found> {
        if values::variable_name(name).is_err() {
            self.problems.error(
                &place,
                "`!env` is followed by the name of an environment variable: `!env DEV_KEY`",
            );
            return None;
        }
        self.from_environment.insert(place.blocks.clone());
        match self.environment.var(name) {
            Ok(Some(value)) => Some(Found {
                text: Zeroizing::new(value.to_owned()),
                place,
                variable: Some(name.to_owned()),
            }),
            Ok(None) => {
                let state = if self.environment.raw(name).is_some() {
                    "empty"
                } else {
                    "not set"
                };
                let name = shorten(name);
                let message = format!(
                    "the environment variable {name} is {state}; the value is treated as absent"
                );
                self.problems.warning(&place, message);
                None
            }
            Err(error) => {
                self.problems.error(&place, told(&error));
                None
            }
        }
    }

    /// Reports keys that are unknown, repeated, without effect here, or not where a mapping
    /// belongs.
    pub fn check_keys(&mut self, entry: &Entry, keys: Keys<'_>) {
        self.check_level(&entry.node, &entry.place, "", keys);
    }

    fn check_level(&mut self, node: &Node, place: &Place, prefix: &str, keys: Keys<'_>) {
        let allowed = level(keys.allowed, prefix);
        if !matches!(node.value, Value::Mapping(_)) {
            if !node.is_null() {
                let message = format!(
                    "{} where a mapping is expected, with {}",
                    node.noun(),
                    list(&allowed)
                );
                self.problems.error(place, message);
            }
            return;
        }
        if let Some(tag) = &node.tag {
            self.problems.error(
                place,
                format!("the tag `{}` has no meaning on a mapping", shorten(tag)),
            );
        }
        let mut lines: HashMap<&str, usize> = HashMap::new();
        for pair in node.pairs() {
            let Some(key) = pair.key.text() else {
                self.problems.error(
                    &place.below("?", pair.key.at),
                    "a key must be a single word",
                );
                continue;
            };
            let here = place.below(&shorten(key), pair.key.at);
            if let Some(first) = lines.insert(key, pair.key.at.line) {
                self.problems.error(
                    &unclear(here),
                    format!("`{}` is written twice; first on line {first}", shorten(key)),
                );
                continue;
            }
            let dotted = format!("{prefix}{key}");
            let group = format!("{dotted}.");
            if keys.allowed.contains(&dotted.as_str()) {
                continue;
            }
            if keys.allowed.iter().any(|known| known.starts_with(&group)) {
                self.check_level(&pair.value, &place.below(key, pair.value.at), &group, keys);
            } else {
                self.not_allowed(key, &dotted, &here, (keys, &allowed));
            }
        }
    }

    fn not_allowed(
        &mut self,
        key: &str,
        dotted: &str,
        here: &Place,
        (keys, allowed): (Keys<'_>, &[&str]),
    ) {
        let group = format!("{dotted}.");
        let is_known = |known: &&str| *known == dotted || known.starts_with(&group);
        if keys
            .elsewhere
            .iter()
            .any(|other| other.keys.iter().any(is_known))
        {
            self.problems
                .warning(here, format!("`{key}` has no effect on {}", keys.of));
        } else if ATMOS_KEYS.contains(&key) {
            self.problems.notice(
                here,
                format!("`{key}` is left to Atmos; Keyfob does not use it"),
            );
        } else {
            let instead = self.problems.instead_of(key, allowed);
            self.problems.error(
                here,
                format!("`{}` is not known for {}{instead}", shorten(key), keys.of),
            );
        }
    }

    /// The items of a section (`providers`, …) with their names, in file order.
    pub fn items(&mut self, auth: &Entry, section: &str) -> Vec<(String, Place, Rc<Node>)> {
        let Some(node) = auth.node.child(section).filter(|node| !node.is_null()) else {
            return Vec::new();
        };
        let place = auth.place.below(section, node.at);
        if !matches!(node.value, Value::Mapping(_)) {
            let message = format!(
                "{} where a mapping from names to {section} is expected",
                node.noun()
            );
            self.problems.error(&place, message);
        }
        let mut items = Vec::new();
        for pair in node.pairs() {
            match pair.key.text() {
                Some(name) => {
                    let place = place.below(&shorten(name), pair.key.at);
                    items.push((name.to_owned(), place, Rc::clone(&pair.value)));
                }
                None => self.problems.error(
                    &place.below("?", pair.key.at),
                    "a name must be a single word",
                ),
            }
        }
        items
    }
}

pub(super) fn is_written(entry: &Entry, key: &str) -> bool {
    matches!(seek(entry, key), Sought::Here(..))
}

/// False where something on the way is not a mapping, which is reported with the keys.
pub(super) fn is_reachable(entry: &Entry, key: &str) -> bool {
    !matches!(seek(entry, key), Sought::Unreachable)
}

/// Which of two values at the top was meant decides where things are kept.
fn unclear(place: Place) -> Place {
    match place.blocks {
        Blocks::Nothing => Place {
            blocks: Blocks::Everything,
            ..place
        },
        Blocks::Everything | Blocks::Provider(_) | Blocks::Identity(_) | Blocks::Database(_) => {
            place
        }
    }
}

fn seek(entry: &Entry, key: &str) -> Sought {
    let (mut node, mut place) = (Rc::clone(&entry.node), entry.place.clone());
    for part in key.split('.') {
        let next = match &node.value {
            Value::Mapping(_) => node.child(part).map(Rc::clone),
            Value::Null => None,
            Value::Scalar(_) | Value::Sequence(_) => return Sought::Unreachable,
        };
        let Some(next) = next.filter(|next| !next.is_null()) else {
            return Sought::Absent;
        };
        place = place.below(part, next.at);
        node = next;
    }
    Sought::Here(node, place)
}

/// The next words of the dotted keys that start with `prefix`, each once.
fn level<'a>(keys: &[&'a str], prefix: &str) -> Vec<&'a str> {
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
pub(super) fn told(error: &Error) -> String {
    let mut text = error.message.clone();
    for hint in &error.hints {
        text.push_str("; ");
        text.push_str(hint);
    }
    text
}

/// The whole file.
pub(super) fn entry(node: Rc<Node>) -> Entry {
    let place = Place {
        at: node.at,
        path: "auth".to_owned(),
        blocks: Blocks::Nothing,
    };
    Entry { node, place }
}
