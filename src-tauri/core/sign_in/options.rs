//! How a sign-in is to be done.

use crate::ask::{Caller, Person};
use crate::duration::SessionDuration;
use crate::environment::BrowserUse;
use crate::error::{Error, Remedy};
use crate::files::Patience;
use crate::secret::Secret;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Renewal {
    /// A usable session is kept, unless it is due and can be renewed without a person.
    WhenDue,
    /// `--force`: the target's session is made anew.
    Always,
    /// `--force-all`: so is every session of the chain.
    WholeChain,
}

/// What a sign-in does with a session that it finds good by its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldSession {
    #[default]
    Kept,
    /// Shown to AWS first: one that AWS no longer knows is made anew.
    Checked,
}

impl HeldSession {
    pub fn is_kept(&self) -> bool {
        *self == HeldSession::Kept
    }
}

/// What a session is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// A person signs in: an earlier sign-out is over.
    SignIn,
    /// A program wants what there is: signed out stays signed out.
    Use,
}

/// How a sign-in is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// For the target; beats every other place a duration is written.
    pub duration: Option<SessionDuration>,
    pub renewal: Renewal,
    pub held: HeldSession,
    /// Answers the first MFA prompt.
    pub mfa_code: Option<String>,
    /// Of the identity provider that the chain starts at.
    pub assertion: Option<Secret>,
    pub caller: Caller,
    pub intent: Intent,
    /// For another sign-in of the same identity.
    pub patience: Patience,
    /// Whether a sign-in that takes one may use it where the person is.
    pub browser: BrowserUse,
}

impl Options {
    /// Without a person, and without waiting: it is tried again later.
    pub fn ahead_of_time(caller: Caller) -> Options {
        Options {
            duration: None,
            renewal: Renewal::WhenDue,
            held: HeldSession::Kept,
            mfa_code: None,
            assertion: None,
            caller: Caller {
                person: Person::Absent,
                ..caller
            },
            intent: Intent::Use,
            patience: Patience::NotAtAll,
            browser: BrowserUse::default(),
        }
    }

    /// A person wants it, and waits.
    pub fn of_a_person(caller: Caller, browser: BrowserUse) -> Options {
        Options {
            intent: Intent::SignIn,
            patience: Patience::Forever,
            browser,
            caller: caller.clone(),
            ..Options::ahead_of_time(caller)
        }
    }

    /// Whether it brings what a prompt would ask for.
    pub(super) fn has_an_answer(&self) -> bool {
        self.mfa_code.is_some() || self.assertion.is_some()
    }

    /// A failure for want of a person is no outcome where there is one.
    pub(super) fn accepts(&self, error: &Error) -> bool {
        match (error.remedy, self.caller.person) {
            (Remedy::Person, Person::Present) => false,
            (Remedy::Person, Person::Absent) | (Remedy::Fix, _) => true,
        }
    }
}
