//! One thing that was looked at, what came of it, and what mends it.

use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    Ok,
    /// Something works otherwise than one might think, or soon will not.
    Warning,
    Broken,
}

/// Shown as one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct Checked {
    /// What was looked at: `keyring`, `identity dev`.
    pub name: String,
    pub status: CheckStatus,
    pub detail: String,
    /// A command; where none helps, what to do.
    pub remedy: Option<String>,
    /// What `--fix` does about it, where that loses nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safe_fix: Option<String>,
    #[serde(skip)]
    #[cfg_attr(feature = "app", specta(skip))]
    pub(super) fix: Option<Fix>,
}

/// What mends it without losing anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Of this identity, in the folder for the files of AWS tools.
    WriteProfile(String),
    /// The same in the user's own file.
    WriteSharedProfile(String),
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fix::WriteProfile(name) => write!(f, "writes the profile {name} anew"),
            Fix::WriteSharedProfile(name) => {
                write!(
                    f,
                    "writes the profile {name} anew in your AWS configuration file"
                )
            }
        }
    }
}

impl Checked {
    pub fn ok(name: impl Into<String>, detail: impl Into<String>) -> Checked {
        Checked {
            name: name.into(),
            status: CheckStatus::Ok,
            detail: detail.into(),
            remedy: None,
            safe_fix: None,
            fix: None,
        }
    }

    pub fn warning(name: impl Into<String>, detail: impl Into<String>) -> Checked {
        Checked {
            status: CheckStatus::Warning,
            ..Checked::ok(name, detail)
        }
    }

    pub fn broken(name: impl Into<String>, detail: impl Into<String>) -> Checked {
        Checked {
            status: CheckStatus::Broken,
            ..Checked::ok(name, detail)
        }
    }

    /// With the way out that the error names.
    pub fn failed(name: impl Into<String>, error: &Error) -> Checked {
        Checked {
            remedy: (!error.hints.is_empty()).then(|| error.hints.join("; ")),
            ..Checked::broken(name, &error.message)
        }
    }

    #[must_use]
    pub fn remedy(self, command: impl Into<String>) -> Checked {
        Checked {
            remedy: Some(command.into()),
            ..self
        }
    }

    #[must_use]
    pub fn fixed_by(self, fix: Fix) -> Checked {
        Checked {
            safe_fix: Some(fix.to_string()),
            fix: Some(fix),
            ..self
        }
    }

    /// The same, no worse than a warning.
    #[must_use]
    pub fn no_worse_than_a_warning(self) -> Checked {
        let status = match self.status {
            CheckStatus::Ok => CheckStatus::Ok,
            CheckStatus::Warning | CheckStatus::Broken => CheckStatus::Warning,
        };
        Checked { status, ..self }
    }
}
