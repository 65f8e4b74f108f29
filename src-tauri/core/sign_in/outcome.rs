//! How a sign-in ended: with a session, new or the held one, or without.

use crate::ask::Note;
use crate::clock::moment;
use crate::config::Chain;
use crate::error::Error;
use crate::secret::Session;
use crate::store::Ticket;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::SystemTime;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct SignedIn {
    pub identity: String,
    pub provider: String,
    /// From the source to the identity.
    pub chain: Vec<String>,
    pub account: Option<String>,
    pub region: String,
    #[serde(with = "moment")]
    #[cfg_attr(feature = "app", specta(type = String))]
    pub expires_at: SystemTime,
    pub source: String,
    /// The session was there before: nothing was made.
    #[serde(default)]
    pub kept: bool,
    /// The access key itself, which does not end: callers only ask again then.
    #[serde(default)]
    pub hands_out_keys: bool,
}

/// A sign-in that has a session to show for it.
#[derive(Debug)]
pub struct Completed {
    pub chain: Chain,
    pub session: Session,
    /// Of the target, from the start of the sign-in.
    pub ticket: Ticket,
    pub notes: Vec<Note>,
    /// The links that AWS was called for: without any nothing has changed.
    pub made: BTreeSet<usize>,
    /// Why the session is the one that was held before, although it was due.
    pub not_renewed: Option<Error>,
    /// The same of links below the target.
    pub not_renewed_below: Vec<NotRenewed>,
    /// Identities that lost their stored session, because it or its keys were replaced.
    pub dropped: Vec<String>,
}

#[derive(Debug)]
pub struct NotRenewed {
    pub name: String,
    pub session: Session,
    pub error: Error,
}

impl Completed {
    /// The links below the target with a session made on the way.
    pub fn made_below(&self) -> impl Iterator<Item = &str> {
        let links = self.chain.links();
        let below = self.made.iter().filter(|at| **at + 1 < links.len());
        below.map(|at| links[*at].name.as_str())
    }
}

/// A sign-in that has no session to show for it.
#[derive(Debug)]
pub struct Failure {
    pub error: Error,
    pub notes: Vec<Note>,
    pub dropped: Vec<String>,
}
