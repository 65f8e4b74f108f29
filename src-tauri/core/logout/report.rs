//! What became of a list of removals: one step each, and the exit code that follows from them.

use crate::clock::moment;
use crate::error::{Code, Error, Result};
use crate::store::{Dropped, Mode};
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum What {
    Keyring,
    Section,
    File,
    Folder,
    /// A sign-in at AWS itself.
    ProviderSession,
    /// What the agent holds in memory.
    Agent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum StepResult {
    Removed,
    WouldRemove,
    Absent,
    Kept,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename = "RemovalStep")]
pub struct Step {
    pub what: What,
    /// Of the identity or the provider.
    pub name: String,
    /// Of the file or folder; in the keyring the account, in memory what it is.
    pub path: String,
    pub result: StepResult,
    pub detail: Option<String>,
    /// The flag of `fob` to remove it all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
    /// Why it failed; for the audit log, which asks no keyring again that has just failed.
    #[serde(skip)]
    pub code: Option<Code>,
}

impl Step {
    /// `detail` says what it is, until [`Step::became`] knows why it stays.
    pub(super) fn at(what: What, name: &str, path: String, detail: impl Into<String>) -> Step {
        Step {
            what,
            name: name.to_owned(),
            path,
            result: StepResult::Absent,
            detail: Some(detail.into()),
            flag: None,
            code: None,
        }
    }

    pub(super) fn became(mut self, dropped: Result<Dropped>, mode: Mode) -> Step {
        self.result = match (dropped, mode) {
            (Ok(Dropped::Removed), Mode::Run) => StepResult::Removed,
            (Ok(Dropped::Removed), Mode::DryRun) => StepResult::WouldRemove,
            (Ok(Dropped::Absent), _) => StepResult::Absent,
            (Ok(Dropped::Kept { configuration }), _) => {
                self.detail = Some(format!("kept: it belongs to {configuration}"));
                StepResult::Kept
            }
            (Err(error), _) => {
                self.detail = Some(error.message);
                self.code = Some(error.code);
                StepResult::Failed
            }
        };
        self
    }

    pub(super) fn stays(mut self) -> Step {
        self.result = StepResult::Kept;
        self
    }

    pub(super) fn stays_unless_told(self, flag: &str) -> Step {
        Step {
            flag: Some(flag.to_owned()),
            ..self.stays()
        }
    }
}

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    Identity,
    Provider,
    All,
    Cleanup,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct Report {
    pub subject: Subject,
    /// The identity's or provider's name; else `all` or `cleanup`.
    pub target: String,
    pub mode: Mode,
    /// From the source to the identity, when one was named.
    pub chain: Vec<String>,
    /// All that the target comes to.
    pub identities: Vec<String>,
    /// In the order they were done.
    pub steps: Vec<Step>,
    pub others: Vec<OtherSession>,
    pub notes: Vec<String>,
}

/// The session of an identity that shared a sign-in: it lives on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct OtherSession {
    pub identity: String,
    #[serde(with = "moment")]
    #[cfg_attr(feature = "app", specta(type = String))]
    pub expires_at: SystemTime,
}

impl Report {
    pub(super) fn of(subject: Subject, target: &str, mode: Mode) -> Report {
        Report {
            subject,
            target: target.to_owned(),
            mode,
            chain: Vec::new(),
            identities: Vec::new(),
            steps: Vec::new(),
            others: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub fn count(&self, result: StepResult) -> usize {
        self.steps
            .iter()
            .filter(|step| step.result == result)
            .count()
    }

    /// What failed, as an error; `None` when nothing did.
    pub fn error(&self) -> Option<Error> {
        let removed = self.count(StepResult::Removed) + self.count(StepResult::WouldRemove);
        let failed = self.count(StepResult::Failed);
        match (removed, failed) {
            (_, 0) => None,
            (0, _) => Some(Error::new(Code::LogoutFailed, "nothing could be removed")),
            (_, 1) => Some(Error::new(
                Code::PartialLogout,
                "1 thing could not be removed",
            )),
            (_, _) => Some(Error::new(
                Code::PartialLogout,
                format!("{failed} things could not be removed"),
            )),
        }
    }

    /// 0 if anything was removed or nothing was there, 1 if nothing was removed and something
    /// failed.
    pub fn exit_code(&self) -> u8 {
        match self.error().map(|error| error.code) {
            Some(Code::LogoutFailed) => 1,
            Some(_) | None => 0,
        }
    }
}
