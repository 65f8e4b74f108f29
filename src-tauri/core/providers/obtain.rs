//! What a kind is given to obtain a session with, and what it leaves behind.

use crate::ask::{Ask, Caller, Note};
use crate::aws::{Place, Tries};
use crate::config::{Chain, Link};
use crate::duration::{SessionDuration, SessionKind};
use crate::environment::BrowserUse;
use crate::error::{Code, Error};
use crate::files::Patience;
use crate::secret::{Secret, Session, SignIn};
use crate::store::Ticket;
use crate::store::audit::Happened;
use crate::world::World;

/// What there is to obtain the session of one link with.
#[derive(Debug)]
pub struct Obtain<'a> {
    pub world: &'a World,
    pub ask: &'a Ask,
    pub chain: &'a Chain,
    /// The link's place in the chain.
    pub at: usize,
    /// For errors: `org-admin → deploy`.
    pub step: &'a str,
    /// One for each link.
    pub tickets: &'a [Ticket],
    /// Beats what is written; of the target alone.
    pub duration: Option<SessionDuration>,
    /// Answers the first MFA prompt.
    pub mfa_code: Option<String>,
    /// Of the identity provider that the chain starts at.
    pub assertion: Option<Secret>,
    pub patience: Patience,
    pub browser: BrowserUse,
    /// A person signs in also where that is not needed yet.
    pub signs_in_anew: bool,
    pub trail: &'a mut Trail,
}

/// What the link below gives.
#[derive(Clone, Debug)]
pub enum Parent {
    /// It is a source, or the keys below sign.
    None,
    Session(Session),
    SignIn(SignIn),
    /// By which an identity provider vouches.
    Token(Secret),
    Assertion(Secret),
}

/// What is noticed and done on the way of one sign-in.
#[derive(Debug)]
pub struct Trail {
    pub caller: Caller,
    pub notes: Vec<Note>,
    /// Not in the audit log yet.
    pub happened: Vec<Happened>,
    /// Identities that lost their stored session.
    pub dropped: Vec<String>,
}

/// Why a link has no new session.
#[derive(Debug)]
pub enum Refusal {
    Failed(Error),
    /// AWS does not accept the session of the link below. The error if that was made anew already.
    Parent(Error),
}

impl Refusal {
    #[must_use]
    pub fn map(self, change: impl FnOnce(Error) -> Error) -> Refusal {
        match self {
            Refusal::Failed(error) => Refusal::Failed(change(error)),
            Refusal::Parent(error) => Refusal::Parent(change(error)),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::Failed(error)
    }
}

impl<'a> Obtain<'a> {
    pub fn link(&self) -> &'a Link {
        &self.chain.links()[self.at]
    }

    pub fn name(&self) -> &'a str {
        &self.link().name
    }

    pub fn ticket(&self) -> &'a Ticket {
        &self.tickets[self.at]
    }

    /// A caller that does not wait for other processes does not wait for AWS to recover either.
    pub fn place(&self) -> Place<'a> {
        let tries = match self.patience {
            Patience::NotAtAll => Tries::One,
            Patience::AtMost(_) | Patience::Forever => Tries::Several,
        };
        Place {
            tries,
            ..place(self.link())
        }
    }

    /// Of the provider, whatever the identity above it says.
    pub fn place_of_provider(&self) -> Place<'a> {
        Place {
            tries: self.place().tries,
            ..place(self.chain.source())
        }
    }

    /// The duration requested of AWS, with a warning, once, when it was moved into the limits.
    pub fn bounded(
        &mut self,
        written: Option<SessionDuration>,
        kind: SessionKind,
    ) -> SessionDuration {
        let (duration, warning) = kind.bound(self.duration.or(written));
        self.trail.warn_once(warning);
        duration
    }
}

impl Trail {
    pub fn of(caller: Caller) -> Trail {
        Trail {
            caller,
            notes: Vec::new(),
            happened: Vec::new(),
            dropped: Vec::new(),
        }
    }

    /// What another one of the same request has.
    pub fn take(&mut self, other: Trail) {
        self.notes.extend(other.notes);
        self.happened.extend(other.happened);
        self.dropped.extend(other.dropped);
    }

    pub(super) fn warn_once(&mut self, warning: Option<String>) {
        let warning = warning.map(Note::Warning);
        self.notes.extend(
            warning
                .filter(|warning| !self.notes.contains(warning))
                .into_iter()
                .collect::<Vec<_>>(),
        );
    }

    /// Into the audit log: before a prompt is shown, and at the end.
    pub async fn record(&mut self, world: &World) {
        let happened = std::mem::take(&mut self.happened);
        self.notes
            .extend(world.record(&self.caller, &happened).await);
    }
}

pub fn place(link: &Link) -> Place<'_> {
    Place {
        region: &link.region,
        endpoint_url: link.endpoint_url.as_deref(),
        hosts: link.hosts,
        tries: Tries::Several,
    }
}

/// Where to look when AWS denies a call.
pub(super) fn denied_hints(error: Error, where_to_look: &str) -> Error {
    match error.code {
        Code::AccessDenied => error.hint(format!("look at: {where_to_look}")),
        _ => error,
    }
}
