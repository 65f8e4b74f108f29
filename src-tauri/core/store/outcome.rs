//! How the store answers: what became of something, and the notes that go with it.

use crate::error::Note;
use serde::{Deserialize, Serialize};

/// A result and the warnings about it, for the reply to the request that caused them.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted<T> {
    pub value: T,
    pub warnings: Vec<String>,
}

impl<T> Noted<T> {
    /// Adds the warnings to `notes`, each once.
    pub fn note(self, notes: &mut Vec<Note>) -> T {
        for note in self.warnings.into_iter().map(Note::Warning) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        self.value
    }
}

/// Whether to act, or only to report what would be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    DryRun,
    Run,
}

/// What became of something that was to be removed; after [`Mode::DryRun`], what would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dropped {
    Removed,
    Absent,
    /// It stays, because it was written for this other configuration.
    Kept {
        configuration: String,
    },
}

/// What became of keys that AWS refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClearedKeys {
    Cleared,
    /// Other keys have been stored since: they stay.
    Changed,
    /// The endpoint that refused them never accepted them: they stay.
    NeverAccepted,
    Absent,
}
