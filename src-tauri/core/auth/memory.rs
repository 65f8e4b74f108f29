//! What this process holds of sessions, so that a program is answered without a look into the
//! keyring. Nothing is served that somebody signed out of since, in whatever process, and a session
//! once seen at its end stays ended, also when the clock is set back.

use super::database::Tokens;
use super::refresh::{self, Freshness};
use super::{Auth, SignIn, fingerprint};
use crate::clock::Clock;
use crate::config::Chain;
use crate::error::Result;
use crate::ids::AccessKeyId;
use crate::secret::Session;
use crate::store::{EntryKind, Ticket};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// By name, in lower case.
#[derive(Debug)]
pub(super) struct Memory {
    sessions: Mutex<Inner>,
    pub(super) tokens: Tokens,
}

#[derive(Debug, Default)]
struct Inner {
    held: HashMap<String, Remembered>,
    ended: HashSet<AccessKeyId>,
}

#[derive(Debug)]
struct Remembered {
    session: Session,
    plan: String,
    /// Taken before the session was made or read.
    ticket: Ticket,
}

impl Memory {
    pub(super) fn new(clock: Clock) -> Memory {
        Memory {
            sessions: Mutex::default(),
            tokens: Tokens::new(clock),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, chain: &Chain, ticket: Ticket, session: &Session) {
        let plan = fingerprint(chain, chain.links().len() - 1);
        let name = chain.identity.as_str().to_ascii_lowercase();
        self.inner().held.insert(
            name,
            Remembered {
                session: session.clone(),
                plan,
                ticket,
            },
        );
    }

    pub(super) fn holds(&self, name: &str) -> bool {
        self.inner().held.contains_key(&name.to_ascii_lowercase())
    }

    /// Whether there was anything to forget.
    pub(super) fn forget(&self, name: &str) -> bool {
        self.inner()
            .held
            .remove(&name.to_ascii_lowercase())
            .is_some()
    }
}

impl Auth {
    /// The session held for a chain's target, if it may be used now.
    pub fn in_memory(&self, chain: &Chain) -> Option<Session> {
        let name = chain.identity.as_str().to_ascii_lowercase();
        let Inner { held, ended } = &mut *self.memory.inner();
        let Remembered {
            session,
            plan,
            ticket,
        } = held.get(&name)?;
        let current = *plan == fingerprint(chain, chain.links().len() - 1)
            && self.store.sign_outs.unchanged(ticket).is_ok();
        if current && freshness(ended, session, self.clock.now()) != Freshness::Expired {
            return Some(session.clone());
        }
        held.remove(&name);
        None
    }

    /// Kept for those who ask next, until it is due to be made again.
    pub fn remember(&self, sign_in: &SignIn, session: &Session) {
        if let Some(ticket) = sign_in.tickets.last() {
            self.memory
                .remember(&sign_in.chain, ticket.clone(), session);
        }
    }

    /// Takes over what the keyring holds from earlier, without a call to AWS. Only entries that are
    /// there are read.
    pub async fn pick_up(&self) -> Result<Vec<(Chain, Session)>> {
        let sessions = self
            .store
            .entries()
            .await?
            .into_iter()
            .filter(|entry| entry.kind == EntryKind::Session);
        let stored: HashSet<String> = sessions.map(|entry| entry.name().to_owned()).collect();
        let mut found = Vec::new();
        for identity in self.config.identities() {
            let name = identity.name.as_str();
            let is_stored = stored.contains(&name.to_ascii_lowercase());
            let Ok(chain) = self.config.chain(identity) else {
                continue;
            };
            if !is_stored || self.config.needs_the_callers_environment(identity) {
                continue;
            }
            let ticket = self.store.sign_outs.ticket(name)?;
            let stored = self.store.session(name).await;
            let session = match stored.map(|stored| stored.value) {
                Ok(Some(stored)) if stored.plan == fingerprint(&chain, chain.links().len() - 1) => {
                    stored.session
                }
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(identity = name, %error, "cannot read what is stored");
                    continue;
                }
            };
            if self.store.sign_outs.since(name)?.is_none()
                && self.freshness(&session) != Freshness::Expired
            {
                self.memory.remember(&chain, ticket, &session);
                found.push((chain, session));
            }
        }
        Ok(found)
    }

    /// Whatever has ended by now has ended for good, also where nobody asked for it.
    pub fn notice_the_time(&self) {
        let now = self.clock.now();
        let Inner { held, ended } = &mut *self.memory.inner();
        for Remembered { session, .. } in held.values() {
            freshness(ended, session, now);
        }
    }

    pub(super) fn freshness(&self, session: &Session) -> Freshness {
        freshness(&mut self.memory.inner().ended, session, self.clock.now())
    }

    pub(super) fn is_usable(&self, session: &Session) -> bool {
        self.freshness(session) != Freshness::Expired
    }

    /// Whether somebody signed out of it, here or elsewhere. An unreadable mark counts as one.
    pub fn is_signed_out(&self, identity: &str) -> bool {
        !matches!(self.store.sign_outs.since(identity), Ok(None))
    }
}

fn freshness(ended: &mut HashSet<AccessKeyId>, session: &Session, now: SystemTime) -> Freshness {
    if ended.contains(&session.keys.access_key_id) {
        return Freshness::Expired;
    }
    let freshness = refresh::freshness(session, now);
    if freshness == Freshness::Expired {
        ended.insert(session.keys.access_key_id.clone());
    }
    freshness
}
