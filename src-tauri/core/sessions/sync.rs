//! Reading what is stored, by this process or another, into the records: at the start, after a job,
//! and when another process wrote. A session is read again only when its lock file says that it was
//! written since.

use super::record::RecordStamp;
use super::sign_ins::KnownSignIns;
use super::state::AccessKeyStatus;
use super::{Held, Sessions, key};
use crate::config::{Chain, Identity, Kind};
use crate::error::{Code, Error, Result};
use crate::files::Generation;
use crate::ids::IdentityName;
use crate::providers::handed_out;
use crate::secret::Session;
use crate::store::{EntryKind, Glance, StoredKeys};
use crate::world::World;
use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

/// What the records know before a reading.
#[derive(Debug)]
pub struct Known {
    /// By identity in lower case.
    stamps: HashMap<String, RecordStamp>,
    sign_ins: KnownSignIns,
    /// A keyring that was locked is not made to raise its dialog again.
    was_locked: bool,
}

impl Known {
    /// A person wants it: the system may raise its dialog.
    #[must_use]
    pub fn for_a_person(self) -> Known {
        Known {
            was_locked: false,
            ..self
        }
    }
}

/// What was found; [`Sessions::take`] makes records of it.
#[derive(Debug)]
pub struct Reading {
    found: Vec<FoundSession>,
    /// `None`: as when they were last read.
    sign_ins: Option<KnownSignIns>,
    keyring: Option<Error>,
    is_of_all: bool,
    /// From before it, if it left nothing open.
    generation: Option<Generation>,
}

#[derive(Debug)]
struct FoundSession {
    name: IdentityName,
    is_signed_out: bool,
    is_refused: bool,
    /// `None`: it is read again next time.
    stamp: Option<RecordStamp>,
    stored: Stored,
    access_key: FoundKey,
    /// `None`: as when it was last read.
    are_keys_revoked: Option<bool>,
    hands_out_keys: bool,
}

#[derive(Debug)]
enum Stored {
    /// As it was when it was last read.
    Unchanged,
    Nothing,
    Session(Box<(Chain, Held)>),
    Unreadable(Error),
}

#[derive(Debug)]
enum FoundKey {
    /// As it was when it was last read.
    Unchanged,
    Stored(AccessKeyStatus),
    Nothing,
}

/// Of entries, in lower case.
type Names = HashSet<(EntryKind, String)>;

/// Which identities are read.
#[derive(Clone, Copy, Debug)]
pub enum ReadScope<'a> {
    All,
    One(&'a str),
}

impl ReadScope<'_> {
    fn glance(self, world: &World) -> Glance<'_> {
        match self {
            ReadScope::All => world.store.glance(),
            ReadScope::One(_) => world.store.glance_at_one(),
        }
    }

    fn has(self, identity: &str) -> bool {
        match self {
            ReadScope::All => true,
            ReadScope::One(name) => identity.eq_ignore_ascii_case(name),
        }
    }
}

/// The keyring is read for a list once, and for the sessions that changed.
pub async fn read(world: &World, known: Known, scope: ReadScope<'_>) -> Reading {
    let mut reading = Reading {
        found: Vec::new(),
        sign_ins: None,
        keyring: None,
        is_of_all: matches!(scope, ReadScope::All),
        generation: Some(world.store.generation()),
    };
    if known.was_locked
        && let Err(error) = world.store.keyring.check().await
    {
        reading.keyring = Some(error);
        reading.generation = None;
        return reading;
    }
    let mut listed = None;
    let mut glance = scope.glance(world);
    let identities = world.config.identities().iter();
    for identity in identities.filter(|it| scope.has(it.name.as_str())) {
        let name = identity.name.as_str();
        let Ok(chain) = world.config.chain(identity) else {
            continue;
        };
        let stamp = RecordStamp {
            session: glance.session_stamp(name),
            keys: glance.keys_stamp(&chain.source().name),
        };
        let aside = (EntryKind::SetAside, key(&chain.source().name));
        let hands_out_keys = matches!(handed_out(world, chain.target()).await, Ok(Some(_)));
        let stored = match known.stamps.get(&key(name)) {
            Some(known) if *known == stamp && known.is_settled() => Stored::Unchanged,
            _ if reading.keyring.is_some() => continue,
            Some(_) => stored(world, chain).await,
            None => {
                let listed = match &listed {
                    Some(listed) => listed,
                    None => listed.insert(names(world, scope, name).await),
                };
                listed_as(world, chain, listed).await
            }
        };
        let stamp = reading.settled(&stored, stamp);
        let are_keys_revoked = match (&stored, &listed, scope) {
            (Stored::Unchanged | Stored::Unreadable(_), ..) => None,
            (_, Some(Ok(names)), ReadScope::All) if !names.contains(&aside) => Some(false),
            _ => Some(are_revoked(world, &aside.1).await),
        };
        reading.found.push(FoundSession {
            name: identity.name.clone(),
            is_signed_out: glance.is_signed_out(name),
            is_refused: glance.is_refused(name),
            stamp,
            access_key: access_key(world, identity, &stored).await,
            stored,
            are_keys_revoked,
            hands_out_keys,
        });
    }
    reading.with_sign_ins(world, known.sign_ins).await
}

impl Reading {
    async fn with_sign_ins(mut self, world: &World, known: KnownSignIns) -> Reading {
        if self.is_of_all && self.keyring.is_none() {
            self.sign_ins = Some(known.read_again(world).await);
        }
        self
    }

    /// As of when it is known; `None`: it is to be read again.
    fn settled(&mut self, stored: &Stored, stamp: RecordStamp) -> Option<RecordStamp> {
        // What belongs elsewhere does so until it is written again.
        let is_open = match stored {
            Stored::Unreadable(error) => {
                if matches!(error.code, Code::KeyringLocked | Code::KeyringUnavailable) {
                    self.keyring = Some(error.clone());
                }
                error.code != Code::BelongsElsewhere
            }
            Stored::Unchanged | Stored::Nothing | Stored::Session(_) => false,
        };
        if is_open || !stamp.is_settled() {
            self.generation = None;
        }
        (!is_open).then_some(stamp)
    }
}

/// Of an IAM user.
async fn access_key(world: &World, identity: &Identity, stored: &Stored) -> FoundKey {
    match stored {
        Stored::Unchanged | Stored::Unreadable(_) => return FoundKey::Unchanged,
        Stored::Nothing | Stored::Session(_) => {}
    }
    let name = identity.name.as_str();
    let is_own = |kind: &Kind| matches!(kind, Kind::User(user) if user.keys.is_none());
    let chain = world.config.chain(identity);
    if !chain.is_ok_and(|chain| is_own(&chain.target().kind)) {
        return FoundKey::Nothing;
    }
    let Ok(found) = world.store.keys.find(name, None).await else {
        return FoundKey::Unchanged;
    };
    let (keys, since) = found
        .map(|it| (it.long_lived.keys, it.since))
        .unwrap_or_default();
    match keys {
        Some(keys) => FoundKey::Stored(AccessKeyStatus {
            id: keys.access_key_id.to_string(),
            since,
            is_old: false,
        }),
        None => FoundKey::Nothing,
    }
}

/// Whether keys were set aside, and no others were stored since.
async fn are_revoked(world: &World, source: &str) -> bool {
    let keys = &world.store.keys;
    let has_keys = |stored: StoredKeys| stored.long_lived.keys.is_some();
    match keys.set_aside(source).await {
        Ok(Some(_)) => !keys
            .find(source, None)
            .await
            .is_ok_and(|it| it.is_some_and(has_keys)),
        Ok(None) | Err(_) => false,
    }
}

async fn names(world: &World, scope: ReadScope<'_>, name: &str) -> Result<Names> {
    match scope {
        ReadScope::All => entries(world).await,
        // One that is not there costs no more than a list.
        ReadScope::One(_) => Ok(HashSet::from([(EntryKind::Session, key(name))])),
    }
}

async fn listed_as(world: &World, chain: Chain, names: &Result<Names>) -> Stored {
    let session = (EntryKind::Session, key(chain.identity.as_str()));
    let keys = (EntryKind::Keys, key(&chain.source().name));
    match names {
        Ok(names) if names.contains(&session) => stored(world, chain).await,
        Ok(names) if names.contains(&keys) => without_session(world, &chain).await,
        Err(error) => Stored::Unreadable(error.clone()),
        Ok(_) => Stored::Nothing,
    }
}

/// What this realm has; also what belongs to another configuration.
async fn entries(world: &World) -> Result<Names> {
    let realm = world.config.realm().as_str();
    let entries = world.store.keyring.list().await?.into_iter();
    let ours = entries
        .map(|entry| entry.name)
        .filter(|name| name.realm == realm);
    Ok(ours.map(|name| (name.kind, key(name.name()))).collect())
}

async fn stored(world: &World, chain: Chain) -> Stored {
    let name = chain.identity.as_str();
    let ticket = match world.store.sign_outs.ticket(name) {
        Ok(ticket) => ticket,
        Err(error) => return Stored::Unreadable(error),
    };
    let session = match world.endpoint(chain.target()) {
        Ok(at) => world.store.session(name, Some(&at)).await,
        Err(error) => Err(error),
    };
    match session {
        Ok(Some(stored)) if stored.plan == world.fingerprint(&chain, chain.links().len() - 1) => {
            let held = Held::new(world, &chain, &stored.session, ticket);
            Stored::Session(Box::new((chain, held)))
        }
        Ok(_) => without_session(world, &chain).await,
        Err(error) => {
            tracing::warn!(identity = name, %error, "cannot read what is stored");
            Stored::Unreadable(error)
        }
    }
}

/// Whether the keys that a session would be made with belong elsewhere.
async fn without_session(world: &World, chain: &Chain) -> Stored {
    let source = chain.source();
    let are_stored = matches!(&source.kind, Kind::User(user) if user.keys.is_none());
    let Ok(at) = world.endpoint(source) else {
        return Stored::Nothing;
    };
    if !are_stored {
        return Stored::Nothing;
    }
    match world.store.keys.find(&source.name, Some(&at)).await {
        Err(error) if error.code == Code::BelongsElsewhere => Stored::Unreadable(error),
        // A sign-in says what else is wrong with them.
        Ok(_) | Err(_) => Stored::Nothing,
    }
}

impl Sessions {
    /// To be read again: what changed since.
    pub fn known(&self) -> Known {
        let stamps = self
            .records
            .iter()
            .filter_map(|(key, record)| Some((key.clone(), record.stamp?)));
        let is_locked = |error: &Error| error.code == Code::KeyringLocked;
        Known {
            stamps: stamps.collect(),
            sign_ins: self.sign_ins.clone(),
            was_locked: self.keyring.as_ref().is_some_and(is_locked),
        }
    }

    /// Identities with another session now, and that session.
    pub fn take(&mut self, reading: Reading, now: SystemTime) -> Vec<(Chain, Session)> {
        let Reading {
            found,
            sign_ins,
            keyring,
            is_of_all,
            generation,
        } = reading;
        self.keyring = keyring;
        self.sign_ins = sign_ins.unwrap_or_else(|| std::mem::take(&mut self.sign_ins));
        if is_of_all {
            self.generation = generation;
        }
        let mut changed = Vec::new();
        for it in found {
            let record = self.record(&it.name);
            record.stamp = it.stamp;
            let had = record
                .held
                .as_ref()
                .map(|held| held.session.keys.access_key_id.clone());
            record.is_signed_out = it.is_signed_out;
            record.revoked.session = it.is_refused;
            record.hands_out_keys = it.hands_out_keys;
            match it.access_key {
                FoundKey::Unchanged => {}
                FoundKey::Stored(key) => record.access_key = Some(key),
                FoundKey::Nothing => record.access_key = None,
            }
            record.revoked.keys = it.are_keys_revoked.unwrap_or(record.revoked.keys);
            match it.stored {
                Stored::Unchanged => {}
                Stored::Nothing => {
                    record.held = None;
                    record.unreadable = None;
                }
                Stored::Unreadable(error) => {
                    if error.code == Code::BelongsElsewhere {
                        record.held = None;
                    }
                    record.unreadable = Some(error);
                }
                Stored::Session(stored) => {
                    record.unreadable = None;
                    let (chain, held) = *stored;
                    let session = held.session.clone();
                    let is_other = had != Some(session.keys.access_key_id.clone());
                    if is_other {
                        self.hold(&chain, held, now);
                        self.record(&it.name).is_signed_out = it.is_signed_out;
                        changed.push((chain, session));
                    }
                }
            }
        }
        changed
    }
}
