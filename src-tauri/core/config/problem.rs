//! What is wrong with a configuration, where, and which chains that blocks. Problems never quote a
//! secret.

use super::yaml::Position;
use serde::Serialize;
use std::cell::RefCell;
use std::fmt;

/// Beyond this many problems the nearest word is no longer looked for, so that nonsense is refused
/// quickly.
const MOST_SUGGESTIONS: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Blocks the chains that use it.
    Error,
    /// Something is ignored, changed or unwise.
    Warning,
    /// Keyfob leaves it to other tools.
    Notice,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Notice => "notice",
        })
    }
}

/// Shown as `line 12, column 5: auth.identities.dev.via: …`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub severity: Severity,
    /// From 1, as editors count.
    pub line: usize,
    pub column: usize,
    /// `auth.identities.dev.via`
    pub path: String,
    /// What was found, what is allowed, the nearest known word.
    pub message: String,
    /// What is blocked by it.
    #[serde(skip)]
    pub(super) subject: Blocked,
}

impl Problem {
    /// Whether it is about a credential of that identity.
    pub fn is_about_credentials_of(&self, identity: &str) -> bool {
        self.subject == Blocked::Identity(identity.to_ascii_lowercase())
            && self.is_about_credentials()
    }

    pub(super) fn is_about_credentials(&self) -> bool {
        self.path.contains(".credentials.")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, column {}: {}: {}",
            self.line, self.column, self.path, self.message
        )
    }
}

/// What a problem is about: an error blocks it, and the chains that use it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Blocked {
    /// Nothing that a chain needs.
    None,
    /// Where things are kept: every chain needs it.
    Everything,
    /// By key: lower case.
    Provider(String),
    Identity(String),
    Database(String),
}

/// Where something is written, and what it belongs to.
#[derive(Clone, Debug)]
pub(super) struct Location {
    pub at: Position,
    pub path: String,
    pub subject: Blocked,
}

impl Location {
    /// One key further down.
    pub fn below(&self, key: &str, at: Position) -> Location {
        Location {
            at,
            path: format!("{}.{key}", self.path),
            subject: self.subject.clone(),
        }
    }

    pub fn about(&self, subject: Blocked) -> Location {
        Location {
            subject,
            ..self.clone()
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Problems {
    all: RefCell<Vec<Problem>>,
}

impl Problems {
    pub fn error(&self, location: &Location, message: impl Into<String>) {
        self.report(Severity::Error, location, message.into());
    }

    pub fn warning(&self, location: &Location, message: impl Into<String>) {
        self.report(Severity::Warning, location, message.into());
    }

    pub fn notice(&self, location: &Location, message: impl Into<String>) {
        self.report(Severity::Notice, location, message.into());
    }

    fn report(&self, severity: Severity, location: &Location, message: String) {
        self.all.borrow_mut().push(Problem {
            severity,
            line: location.at.line,
            column: location.at.column,
            path: location.path.clone(),
            message,
            subject: location.subject.clone(),
        });
    }

    /// Ends a sentence that found an unknown word: the nearest known one, then what is known.
    pub fn instead_of(&self, found: &str, known: &[&str]) -> String {
        const SHOWN: usize = 12;
        let is_worth_it = self.all.borrow().len() < MOST_SUGGESTIONS;
        let near = is_worth_it
            .then(|| nearest(found, known.iter().copied()))
            .flatten();
        let near = near.map_or_else(
            || ".".to_owned(),
            |near| format!("; did you mean `{near}`?"),
        );
        let known = match known {
            [] => "none".to_owned(),
            [shown @ .., _] if shown.len() >= SHOWN => format!("{}, …", list(&shown[..SHOWN])),
            all => list(all),
        };
        format!("{near} Known here: {known}")
    }

    pub fn in_file_order(self) -> Vec<Problem> {
        let mut all = self.all.into_inner();
        all.sort_by_key(|problem| (problem.line, problem.column));
        all
    }
}

/// The known word that was probably meant.
pub(super) fn nearest<'a>(
    found: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let found = found.to_ascii_lowercase();
    let tolerance = found.len().div_ceil(3).min(3);
    known
        .into_iter()
        .filter(|word| word.len().abs_diff(found.len()) <= tolerance)
        .map(|word| {
            (
                strsim::damerau_levenshtein(&found, &word.to_ascii_lowercase()),
                word,
            )
        })
        .filter(|(distance, _)| *distance <= tolerance)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// `a`, `b`, `c`
pub(super) fn list(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
