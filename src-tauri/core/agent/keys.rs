//! Long-lived keys, looked at by an agent now and then: a rotation that was cut off goes on or is
//! undone, a key that was kept is deleted when its time has come, and an old one is announced.

use super::actor::{Actor, Message};
use super::api::{Event, Note, OldKey, Rotated, RotationStage};
use super::jobs::{About, JobId};
use super::role::Role;
use super::schedule::caller;
use crate::rotation;
use std::time::{Duration, SystemTime};

/// Other processes rotate as well.
const BETWEEN_LOOKS: Duration = Duration::from_secs(3600);

pub(super) fn look(actor: &mut Actor, now: SystemTime) {
    if actor.role == Role::InProcess || now < actor.schedule.next_look_at_keys {
        return;
    }
    actor.schedule.next_look_at_keys = now + BETWEEN_LOOKS;
    let world = actor.world.clone();
    actor.spawn(async move {
        let looked = rotation::look(&world, &caller()).await;
        for note in &looked.trail.notes {
            match note {
                Note::Info(text) => tracing::info!(text, "access keys"),
                Note::Warning(text) => tracing::warn!(text, "access keys"),
            }
        }
        Message::KeysLookedAt(looked)
    });
}

/// The windows show how far it is.
pub(super) fn rotates(actor: &mut Actor, job: JobId, stage: RotationStage) {
    let Some(job) = actor.jobs.get_mut(job) else {
        return;
    };
    if let About::Upkeep { rotating, .. } = &mut job.about {
        *rotating = Some(stage);
    }
    if let Some(rotation) = job.rotation() {
        actor.tell(Event::Rotating(rotation));
    }
}

pub(super) fn rotated(actor: &mut Actor, rotated: &Rotated) {
    let until = match rotated.old_key {
        OldKey::Kept { until } => Some(until),
        OldKey::Deleted | OldKey::Left { .. } => None,
    };
    look_no_later_than(actor, until);
}

pub(super) fn look_no_later_than(actor: &mut Actor, at: Option<SystemTime>) {
    let next = &mut actor.schedule.next_look_at_keys;
    *next = at.unwrap_or(*next).min(*next);
}
