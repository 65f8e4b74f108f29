//! Rotation of an IAM user's access key: a new one is made, stored beside the old one, checked, put
//! into use; then the old one is deactivated and deleted. The keyring says how far it got, so after
//! a kill the next run, sign-in, repair or start of an agent goes on or undoes it, and at every
//! moment a key is stored that works.

mod age;
mod outcome;
mod refusals;
mod steps;

pub use age::AgedKey;
pub use outcome::{OldKey, Rotated};

use crate::ask::{Ask, Caller, Note};
use crate::config::{Chain, Kind};
use crate::duration::SessionDuration;
use crate::error::Result;
use crate::files::Patience;
use crate::providers::{Trail, user_chain};
use crate::store::audit::{AuditEvent, AuditOutcome, Happened};
use crate::store::{Rotation, RotationStep, SignInLock};
use crate::world::World;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};
use steps::Rotating;

/// What could not be done is tried again after this time.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(3600);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rotate {
    pub identity: String,
    /// AWS is to know the old key for so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_old: Option<SessionDuration>,
}

/// Those that want the same rotation share it, in all processes. `ask` hears of each step.
///
/// # Errors
/// What was refused, with what became of the keys.
pub async fn rotate(
    world: &World,
    wanted: &Rotate,
    ask: &Ask,
    trail: &mut Trail,
) -> Result<Rotated> {
    let chain = user_chain(world, &wanted.identity, "user rotate")?;
    let rotated = shared(world, &chain, wanted.keep_old, ask, trail).await;
    rotated.map_err(|error| error.identity(&chain.identity))
}

async fn shared(
    world: &World,
    chain: &Chain,
    keep_old: Option<SessionDuration>,
    ask: &Ask,
    trail: &mut Trail,
) -> Result<Rotated> {
    let lock = lock(world, &chain.source().name, Patience::Forever).await?;
    let began = lock.waited_since();
    if let Some(error) = began.and_then(|began| lock.outcome_since(began)) {
        return Err(error);
    }
    let rotated = match Rotating::of(world, chain.source(), ask).await {
        Ok(mut rotating) => match began.and_then(|began| rotating.ended_since(began)) {
            Some(rotated) => Ok(rotated),
            None => rotating.run(keep_old, trail).await,
        },
        Err(error) => Err(error),
    };
    lock.record(rotated.as_ref().err());
    if let Err(error) = &rotated {
        trail.happened.push(Happened {
            event: AuditEvent::Rotation,
            identity: chain.identity.to_string(),
            what: "access key".to_owned(),
            outcome: AuditOutcome::Failed { error: error.code },
        });
    }
    rotated
}

/// Goes on with what an earlier run has left, or undoes it, and notes what came of it. When there
/// is something to do again; `None`: nothing.
pub async fn go_on(world: &World, identity: &str, trail: &mut Trail) -> Option<SystemTime> {
    let chain = user_chain(world, identity, "user rotate").ok()?;
    let (name, now) = (&chain.source().name, world.clock.now());
    let later = Some(now + TRIED_AGAIN_AFTER);
    let stored = world.store.keys.find(name, None).await;
    let Rotation {
        step, keep_until, ..
    } = stored.ok()??.rotation?;
    if matches!(step, RotationStep::Replaced(_)) && now < keep_until {
        return Some(keep_until);
    }
    let Ok(_lock) = lock(world, name, Patience::NotAtAll).await else {
        // It is under way.
        return later;
    };
    let gone_on = match Rotating::of(world, chain.source(), &Ask::nobody()).await {
        Ok(mut rotating) => rotating.go_on(trail).await,
        Err(error) => Err(error),
    };
    let (note, next) = match gone_on {
        Ok(Some(rotated)) => {
            let next = match rotated.old_key {
                OldKey::Deleted => None,
                OldKey::Kept { until } => Some(until),
                OldKey::Left { .. } => later,
            };
            (Some(Note::Info(rotated.to_string())), next)
        }
        Ok(None) => (None, None),
        Err(error) => {
            let text = format!("the rotation of the access key of {name} is not finished: {error}");
            (Some(Note::Warning(text)), later)
        }
    };
    trail.notes.extend(note);
    next
}

/// Whether a run was cut off, or has left a key that is to be deleted by now.
pub async fn is_unfinished(world: &World, name: &str) -> bool {
    let stored = world.store.keys.find(name, None).await.ok().flatten();
    stored.and_then(|it| it.rotation).is_some_and(|it| {
        !matches!(it.step, RotationStep::Replaced(_)) || it.keep_until <= world.clock.now()
    })
}

/// What a look at the keys of all users came to.
#[derive(Debug)]
pub struct KeysLook {
    /// The identities that lost a session got other keys.
    pub trail: Trail,
    /// When there is something to do again.
    pub next: Option<SystemTime>,
    /// That were not announced yet.
    pub aged: Vec<AgedKey>,
}

/// Goes on with every rotation, and finds keys that have become old. Without a person: a locked
/// keyring stays so.
pub async fn look(world: &World, caller: &Caller) -> KeysLook {
    let mut looked = KeysLook {
        trail: Trail::of(caller.clone()),
        next: None,
        aged: Vec::new(),
    };
    if world.store.keyring.check().await.is_err() {
        return looked;
    }
    for identity in world.config.identities() {
        let is_user = |it: Chain| matches!(it.target().kind, Kind::User(_));
        if world.config.chain(identity).is_ok_and(is_user) {
            let name = identity.name.as_str();
            let due = go_on(world, name, &mut looked.trail).await;
            looked.next = looked.next.into_iter().chain(due).min();
            looked.aged.extend(age::unannounced(world, name).await);
        }
    }
    looked.trail.record(world).await;
    looked
}

async fn lock(world: &World, name: &str, patience: Patience) -> Result<SignInLock> {
    let folder = world.store.sign_in_locks_folder();
    SignInLock::acquire(&folder, &format!("{name}~rotation"), patience, &world.clock).await
}
