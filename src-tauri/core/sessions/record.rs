//! What is known of one identity: its session, when that is due, what came of renewing it, and the
//! caller that last wanted it. [`Record::state`] is the only function that says how it stands.

use super::state::{AccessKeyStatus, LastCaller, State};
use super::watch::Watch;
use crate::config::Chain;
use crate::error::{Code, Error};
use crate::files::Stamp;
use crate::ids::IdentityName;
use crate::secret::Session;
use crate::store::Ticket;
use crate::world::World;
use std::time::{Duration, SystemTime};

#[derive(Clone, Debug)]
pub struct Record {
    pub name: IdentityName,
    pub(super) held: Option<Held>,
    /// Outlives the session: what AWS refused, and when it is tried again.
    pub(super) watch: Option<Watch>,
    /// How it is renewed is known.
    pub(super) is_watched: bool,
    pub is_signed_out: bool,
    pub(super) revoked: NoLongerKnown,
    /// Programs get its long-lived keys themselves, and there are some.
    pub hands_out_keys: bool,
    /// Its own, as of when it was last read.
    pub(super) access_key: Option<AccessKeyStatus>,
    /// Why what is stored is not known.
    pub unreadable: Option<Error>,
    /// As of the last time that it was read.
    pub(super) stamp: Option<RecordStamp>,
    pub last_caller: Option<LastCaller>,
}

/// What AWS no longer knew.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NoLongerKnown {
    /// The last session.
    pub session: bool,
    /// The keys that a session would be made with: they are set aside.
    pub keys: bool,
}

/// When what a record shows was last written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordStamp {
    pub session: Stamp,
    /// The keys at the start of its chain.
    pub keys: Stamp,
}

impl RecordStamp {
    /// What is being written now may be another thing in a moment.
    pub fn is_settled(self) -> bool {
        self.session != Stamp::Now && self.keys != Stamp::Now
    }
}

/// A session with what goes with it.
#[derive(Clone, Debug)]
pub struct Held {
    pub session: Session,
    pub plan: String,
    /// Taken before the session was made or read.
    pub ticket: Ticket,
}

impl Held {
    pub fn new(world: &World, chain: &Chain, session: &Session, ticket: Ticket) -> Held {
        Held {
            session: session.clone(),
            plan: world.fingerprint(chain, chain.links().len() - 1),
            ticket,
        }
    }
}

impl Record {
    pub(super) fn new(name: IdentityName) -> Record {
        Record {
            name,
            held: None,
            watch: None,
            is_watched: false,
            is_signed_out: false,
            revoked: NoLongerKnown::default(),
            hands_out_keys: false,
            access_key: None,
            unreadable: None,
            stamp: None,
            last_caller: None,
        }
    }

    /// How the identity stands.
    pub fn state(&self, now: SystemTime) -> State {
        match self.state_of_session(now) {
            // Nothing ends where no session is made.
            State::NeedsSignIn | State::Expired | State::Expiring if self.hands_out_keys => {
                State::Valid
            }
            state => state,
        }
    }

    fn state_of_session(&self, now: SystemTime) -> State {
        let watched = self.watch.as_ref().map(|watch| watch.state(now));
        match (watched, &self.held) {
            _ if self.is_signed_out => State::SignedOut,
            (_, None) if self.elsewhere().is_some() => State::BelongsElsewhere,
            // What AWS refused shows only when it is tried.
            (Some(state @ (State::Revoked | State::Denied)), _) => state,
            // A session that has ended cannot be made anew.
            (Some(State::Expired) | None, _) | (_, None) if self.revoked.keys => State::Revoked,
            (Some(state), Some(_)) => state,
            (_, None) if self.revoked.session => State::Revoked,
            (Some(State::Expired), None) => State::Expired,
            (_, None) if self.unreadable.is_some() => State::Unknown,
            (_, None) => State::NeedsSignIn,
            (None, Some(_)) => State::Valid,
        }
    }

    /// `old_after`: how old it may become.
    pub(super) fn access_key(
        &self,
        old_after: Option<Duration>,
        now: SystemTime,
    ) -> Option<AccessKeyStatus> {
        let key = self.access_key.clone()?;
        let ends = key.since.zip(old_after).map(|(since, after)| since + after);
        Some(AccessKeyStatus {
            is_old: ends.is_some_and(|end| end <= now),
            ..key
        })
    }

    /// Why it cannot be renewed now, also where a session outlives the keys it was made with.
    pub(super) fn failing(&self, state: State) -> Option<Error> {
        let outlives = self.revoked.keys && matches!(state, State::Valid | State::Expiring);
        let needs_new_keys = || {
            let message = "AWS no longer accepts the access keys; this session is the last one";
            Error::new(Code::AwsCredentialsInvalid, message)
                .hint("enter new ones with `fob user configure`")
        };
        let failing = self.watch().and_then(Watch::failing).cloned();
        failing.or_else(|| outlives.then(needs_new_keys))
    }

    /// Why what is stored is not used here.
    pub fn elsewhere(&self) -> Option<&Error> {
        let error = self.unreadable.as_ref();
        error.filter(|error| error.code == Code::BelongsElsewhere)
    }

    pub fn session(&self) -> Option<&Session> {
        let held = self.held.as_ref().filter(|_| !self.is_signed_out)?;
        Some(&held.session)
    }

    /// What is known of renewing it.
    pub fn watch(&self) -> Option<&Watch> {
        self.watch.as_ref().filter(|_| self.is_watched)
    }

    pub fn watch_mut(&mut self) -> Option<&mut Watch> {
        self.watch.as_mut().filter(|_| self.is_watched)
    }
}
