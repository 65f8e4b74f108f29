//! The state of each identity, in one record: the session that is held, when it is due, what came
//! of renewing it, who last wanted it. [`Record::state`] is the only function that says how it
//! stands, and [`Sessions::statuses`] is what every shell shows. The keyring is read by [`sync`]
//! alone.

mod profile;
mod record;
mod sign_ins;
mod state;
pub mod sync;
mod watch;
mod whoami;

pub use profile::{Variable, Variables, VariablesForm, variables, write_profile};
pub use record::{Held, Record};
pub use state::{
    AccessKeyStatus, IdentityStatus, LastCaller, ListedProvider, Reach, SignInStatus, State, Whoami,
};
pub use watch::{Action, Announcement, Renewable, Watch};
pub use whoami::{account, whoami};

use crate::ask::Note;
use crate::config::{Chain, Config, Identity};
use crate::error::{Code, Error};
use crate::files::Generation;
use crate::ids::IdentityName;
use crate::secret::Session;
use crate::store::Ticket;
use crate::world::World;
pub use sign_ins::KnownSignIns;
use state::seconds_left;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

/// All records, by identity in lower case.
#[derive(Debug)]
pub struct Sessions {
    records: HashMap<String, Record>,
    /// How long before its end a session is announced.
    notice: Duration,
    pub sign_ins: KnownSignIns,
    /// Why the keyring could not be read.
    keyring: Option<Error>,
    /// Of what is stored, as the records show it.
    generation: Option<Generation>,
}

pub fn key(identity: &str) -> String {
    identity.to_ascii_lowercase()
}

impl Sessions {
    pub fn new(world: &World) -> Sessions {
        Sessions {
            records: HashMap::new(),
            sign_ins: KnownSignIns::default(),
            notice: world.config.notify().before,
            keyring: None,
            generation: None,
        }
    }

    /// Whether nothing that is stored has changed since all of it was read.
    pub fn are_current(&self, world: &World) -> bool {
        self.generation == Some(world.store.generation())
    }

    /// After the configuration changed: identities that it no longer has are forgotten, and all is
    /// read again, since a session is that of the chain it was made for.
    pub fn follow(&mut self, config: &Config) {
        self.notice = config.notify().before;
        self.generation = None;
        self.records.retain(|key, _| config.identity(key).is_ok());
        for record in self.records.values_mut() {
            record.stamp = None;
        }
    }

    pub fn records(&self) -> impl Iterator<Item = (&String, &Record)> {
        self.records.iter()
    }

    pub fn get(&self, key: &str) -> Option<&Record> {
        self.records.get(key)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Record> {
        self.records.get_mut(key)
    }

    pub fn record(&mut self, name: &IdentityName) -> &mut Record {
        self.records
            .entry(key(name.as_str()))
            .or_insert_with(|| Record::new(name.clone()))
    }

    /// The session of a chain's target, if it is this chain's and may be used now, with the ticket
    /// to hold against the sign-out marks before it is served.
    pub fn usable(&self, world: &World, chain: &Chain) -> Option<(Session, Ticket)> {
        let record = self.records.get(&key(chain.identity.as_str()))?;
        let held = record.held.as_ref()?;
        let is_of_it = held.plan == world.fingerprint(chain, chain.links().len() - 1);
        (is_of_it && world.is_usable(&held.session))
            .then(|| (held.session.clone(), held.ticket.clone()))
    }

    /// A session came out of a sign-in, or was read and is another one. The same as before takes
    /// nothing back. Until [`Sessions::is_renewable`] says how it is renewed, nothing is done.
    pub fn hold(&mut self, chain: &Chain, held: Held, now: SystemTime) {
        let notice = self.notice;
        let session = &held.session.clone();
        let record = self.record(&chain.identity);
        record.is_signed_out = false;
        record.unreadable = None;
        record.held = Some(held);
        match &mut record.watch {
            Some(watch) => watch.renewed(session, watch.renewable(), now),
            None => record.watch = Some(Watch::new(session, Renewable::ByAPerson, notice)),
        }
    }

    /// The session of a sign-in that could not renew it: what is known of it stays.
    pub fn keep(&mut self, chain: &Chain, held: Held) {
        let notice = self.notice;
        let record = self.record(&chain.identity);
        let watch = || Watch::new(&held.session, Renewable::ByAPerson, notice);
        record.watch.get_or_insert_with(watch);
        record.held = Some(held);
    }

    /// A session that was found, on the way to another identity's, not to be renewed.
    pub fn watch_anew(&mut self, name: &IdentityName, session: &Session) {
        let notice = self.notice;
        let record = self.record(name);
        if !record.is_watched {
            record.is_watched = true;
            record.watch = Some(Watch::new(session, Renewable::Alone, notice));
        }
    }

    /// Signed out of, here or elsewhere.
    pub fn signed_out(&mut self, identity: &str) {
        self.forget(identity);
        if let Some(record) = self.records.get_mut(&key(identity)) {
            record.watch = None;
            record.is_watched = false;
            record.is_signed_out = true;
            record.last_caller = None;
        }
    }

    /// Sessions with a known renewal.
    pub fn watches(&mut self) -> impl Iterator<Item = (&String, &mut Watch)> {
        let records = self.records.iter_mut();
        records.filter_map(|(key, record)| Some((key, record.watch_mut()?)))
    }

    /// What has ended by now has ended for good.
    pub fn notice_the_time(&mut self, world: &World, now: SystemTime) {
        for record in self.records.values_mut() {
            if let Some(held) = &record.held {
                world.freshness(&held.session);
            }
            if let Some(watch) = record.watch.as_mut().filter(|_| !record.is_watched) {
                watch.seen(now);
            }
        }
    }

    /// From now on the session is announced and renewed; `None`: it is not held any more. Where
    /// the keyring cannot say how, what was known stays.
    pub fn is_renewable(&mut self, identity: &str, how: Option<Renewable>) -> Option<&mut Watch> {
        let record = self.records.get_mut(&key(identity))?;
        let watch = record.watch.as_mut()?;
        if how.is_some() || !record.is_watched {
            watch.set_renewable(how.unwrap_or(Renewable::ByAPerson));
        }
        record.is_watched = true;
        Some(watch)
    }

    pub fn forget(&mut self, identity: &str) {
        if let Some(record) = self.records.get_mut(&key(identity)) {
            record.held = None;
        }
    }

    /// Identities, in lower case, with a session held.
    pub fn held(&self) -> impl Iterator<Item = &String> {
        let held = self
            .records
            .iter()
            .filter(|(_, record)| record.held.is_some());
        held.map(|(key, _)| key)
    }

    /// It has not answered yet, and may be showing a dialog.
    pub fn await_keyring(&mut self) {
        self.keyring.get_or_insert_with(|| {
            let message = "the system's keyring has not answered yet";
            Error::new(Code::KeyringLocked, message)
                .hint("if it asks for a password, answer its dialog")
        });
    }

    /// Why the keyring could not be read.
    pub fn keyring(&self) -> Option<&Error> {
        self.keyring.as_ref()
    }

    /// Every identity of the configuration, in its order.
    pub fn statuses(&self, config: &Config, now: SystemTime) -> (Vec<IdentityStatus>, Vec<Note>) {
        let mut notes = Vec::new();
        if let Some(error) = &self.keyring {
            notes.push(Note::Warning(error.to_string()));
        }
        let identities = config.identities().iter();
        let statuses = identities
            .map(|it| self.status(config, it, now, &mut notes))
            .collect();
        (statuses, notes)
    }

    fn status(
        &self,
        config: &Config,
        identity: &Identity,
        now: SystemTime,
        notes: &mut Vec<Note>,
    ) -> IdentityStatus {
        let chain = config.chain(identity);
        let record = self.records.get(&key(identity.name.as_str()));
        let state = match (&chain, record) {
            (Ok(_), record) => {
                match record.map_or(State::NeedsSignIn, |record| record.state(now)) {
                    State::NeedsSignIn if self.keyring.is_some() => State::Unknown,
                    state => state,
                }
            }
            (Err(error), _) if error.code == Code::Unsupported => State::Unsupported,
            (Err(error), _) if error.code == Code::PersonNeeded => State::NeedsSignIn,
            (Err(error), _) => {
                notes.push(Note::Warning(format!("{}: {error}", identity.name)));
                State::Unknown
            }
        };
        let target = chain.as_ref().ok().map(|chain| chain.target().kind.facts());
        if let Some(error) = record.and_then(Record::elsewhere) {
            notes.push(Note::Warning(format!(
                "{error}; {}",
                error.hints.join("; ")
            )));
        }
        let held = record.and_then(Record::session);
        let watch = record.and_then(Record::watch);
        let known = held.and_then(|session| session.account.as_ref());
        let hands_out_keys = chain
            .as_ref()
            .is_ok_and(|it| it.target().kind.hands_out_keys());
        let names = config.chain_names(identity).into_iter();
        // Long-lived keys do not end.
        let ends = held.filter(|_| !hands_out_keys);
        IdentityStatus {
            name: identity.name.to_string(),
            kind: identity.kind.clone(),
            provider: identity.provider.as_ref().map(ToString::to_string),
            chain: names.map(str::to_owned).collect(),
            role: target.as_ref().and_then(|facts| facts.role.clone()),
            account: known.map(ToString::to_string).or_else(|| target?.account),
            source: held.map(|session| session.origin.to_string()),
            state,
            hands_out_keys,
            issued_at: ends.map(|session| session.issued_at),
            expires_at: ends.map(|session| session.expires_at),
            expires_in_seconds: ends.map(|session| seconds_left(session.expires_at, now)),
            sign_in: self.sign_ins.own(identity),
            access_key: record.and_then(|it| it.access_key(config.notify().key_age, now)),
            default: identity.is_default,
            next_refresh: watch.and_then(Watch::next_renewal),
            failing: record.and_then(|record| record.failing(state)),
            last_caller: record.and_then(|record| record.last_caller.clone()),
        }
    }
}
