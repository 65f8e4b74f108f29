//! What is wrong with a configuration, where, and whose chains it blocks. Problems never quote a
//! secret.

use super::yaml::Position;
use serde::Serialize;
use std::fmt;

/// Beyond this many problems the nearest word is no longer told, so that nonsense is refused
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
    #[serde(skip)]
    pub(super) blocks: Blocks,
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

/// Which chains an error blocks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Blocks {
    Nothing,
    /// Where things are kept is unclear.
    Everything,
    /// By key: lower case.
    Provider(String),
    Identity(String),
    Database(String),
}

/// Where a problem is, and what it blocks should it be an error.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub at: Position,
    pub path: String,
    pub blocks: Blocks,
}

impl Place {
    /// One key further down.
    pub fn below(&self, key: &str, at: Position) -> Place {
        Place {
            at,
            path: format!("{}.{key}", self.path),
            blocks: self.blocks.clone(),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Problems {
    all: Vec<Problem>,
    errors: usize,
}

impl Problems {
    pub fn error(&mut self, place: &Place, message: impl Into<String>) {
        self.errors += 1;
        self.report(Severity::Error, place, message.into());
    }

    pub fn warning(&mut self, place: &Place, message: impl Into<String>) {
        self.report(Severity::Warning, place, message.into());
    }

    pub fn notice(&mut self, place: &Place, message: impl Into<String>) {
        self.report(Severity::Notice, place, message.into());
    }

    fn report(&mut self, severity: Severity, place: &Place, message: String) {
        self.all.push(Problem {
            severity,
            line: place.at.line,
            column: place.at.column,
            path: place.path.clone(),
            message,
            blocks: place.blocks.clone(),
        });
    }

    /// How many errors there are so far.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// Ends a sentence that found an unknown word: the nearest known one, then what is known.
    pub fn instead_of(&self, found: &str, known: &[&str]) -> String {
        const SHOWN: usize = 12;
        let is_worth_it = self.all.len() < MOST_SUGGESTIONS;
        let near = match is_worth_it
            .then(|| nearest(found, known.iter().copied()))
            .flatten()
        {
            Some(near) => format!("; did you mean `{near}`?"),
            None => ".".to_owned(),
        };
        let (shown, rest) = known.split_at(known.len().min(SHOWN));
        let rest = if rest.is_empty() { "" } else { ", …" };
        format!(
            "{near} Known here: {}{rest}",
            if shown.is_empty() {
                "none".to_owned()
            } else {
                list(shown)
            }
        )
    }

    pub fn in_file_order(mut self) -> Vec<Problem> {
        self.all
            .sort_by_key(|problem| (problem.line, problem.column));
        self.all
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
