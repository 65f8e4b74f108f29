//! What jobs come to, handed to all that waited for it: a session, a failure, the effects of
//! upkeep.

use super::actor::{Actor, Message};
use super::answers::{self, Effects};
use super::api::{Event, Note, Reply};
use super::jobs::{About, JobId};
use super::keys;
use super::prompts;
use super::role::Role;
use super::tend;
use super::waiter::{self, Attendance, Part, Waiter};
use crate::config::Chain;
use crate::error::{Code, Error, Remedy};
use crate::rotation::KeysLook;
use crate::sign_in::{Completed, Failure};
use std::collections::BTreeSet;

pub(super) fn signed_in(actor: &mut Actor, id: JobId, outcome: Result<Box<Completed>, Failure>) {
    prompts::withdrawn(actor, id);
    let Some(job) = actor.jobs.end(id) else {
        return;
    };
    let About::SignIn { chain, reach, .. } = job.about else {
        return;
    };
    let outcome = match outcome {
        Err(failure) if !job.waiters.iter().any(Waiter::insists) => or_held(actor, &chain, failure),
        outcome => outcome,
    };
    let dropped = match &outcome {
        Ok(completed) => &completed.dropped,
        Err(failure) => &failure.dropped,
    };
    for name in dropped {
        actor.forget(name);
    }
    match outcome {
        Ok(completed) => {
            tend::completed(actor, reach, &completed);
            hand_over(actor, *completed, job.waiters);
        }
        Err(Failure { error, notes, .. }) => {
            tend::not_signed_in(actor, &chain, reach, &error);
            if !job.is_turned_away {
                actor.jobs.fail_tickets(id, &error);
            }
            for waiter in job.waiters {
                if job.is_turned_away {
                    waiter.answer(Vec::new(), Reply::RunInProcess);
                } else {
                    let still_needed = job.closed.as_ref().filter(|_| !waiter.is_person());
                    let why = still_needed.unwrap_or(&error);
                    let failure = Failure {
                        error: Error {
                            code: why.code,
                            remedy: why.remedy,
                            ..error.clone()
                        },
                        notes: notes.clone(),
                        dropped: Vec::new(),
                    };
                    failed(actor, waiter, &chain, reach, failure);
                }
            }
        }
    }
    tend::renew_those_that_are_due(actor);
}

/// The session that the agent holds counts, although the keyring was closed meanwhile.
fn or_held(actor: &Actor, chain: &Chain, failure: Failure) -> Result<Box<Completed>, Failure> {
    let is_closed = matches!(
        failure.error.code,
        Code::KeyringLocked | Code::KeyringUnavailable
    );
    let held = actor.sessions.usable(&actor.world, chain);
    let Some((session, ticket)) = held.filter(|_| is_closed) else {
        return Err(failure);
    };
    if actor.world.store.sign_outs.unchanged(&ticket).is_err() {
        return Err(failure);
    }
    let Failure {
        error,
        mut notes,
        dropped,
    } = failure;
    let name = &chain.identity;
    notes.push(Note::Warning(format!(
        "the session of {name} that the agent holds is used: {error}"
    )));
    Ok(Box::new(Completed {
        chain: chain.clone(),
        session,
        ticket,
        notes,
        made: BTreeSet::new(),
        not_renewed: Some(error),
        not_renewed_below: Vec::new(),
        dropped,
    }))
}

/// What this sign-in could not do, one with a person or after a sign-out may.
fn failed(actor: &Actor, waiter: Waiter, chain: &Chain, reach: Attendance, failure: Failure) {
    let Failure { error, notes, .. } = failure;
    let can_do_more = match error.code {
        Code::SignedOut => waiter.is_login(),
        // Ahead of time it is tried once, without waiting.
        Code::Network | Code::Throttled | Code::LockTimeout => reach == Attendance::Scheduled,
        _ => {
            let may_ask =
                reach != Attendance::Asks && actor.reach(chain, &waiter) == Attendance::Asks;
            error.remedy == Remedy::Person && (may_ask || waiter.has_an_answer())
        }
    };
    let keyring_closed = actor.role == Role::Hosted && error.code == Code::KeyringLocked;
    if can_do_more && waiter.part == Part::Joins {
        actor.again(waiter);
    } else if keyring_closed && !waiter.is_person() {
        // Not necessarily to the caller's own process.
        waiter.answer(Vec::new(), Reply::RunInProcess);
    } else {
        let notes = waiter.notes_for_it(&notes);
        waiter.answer(notes, Reply::Failed(error));
    }
}

/// All that waited get the reply to their own request.
fn hand_over(actor: &mut Actor, completed: Completed, waiters: Vec<Waiter>) {
    let identity = completed.chain.identity.to_string();
    let made_one = !completed.made.is_empty();
    let is_same = |waiter: &Waiter| {
        let named = waiter
            .session_request()
            .map(|it| waiter::identity_of(&actor.world, it));
        let same = matches!(named, Some(Ok(name)) if name.eq_ignore_ascii_case(&identity));
        same && (!waiter.insists() || waiter.part == Part::Leads || made_one)
    };
    let (same, others): (Vec<_>, Vec<_>) = waiters.into_iter().partition(is_same);
    for waiter in others {
        actor.again(waiter);
    }
    let (world, tokens) = (actor.world.clone(), actor.tokens.clone());
    actor.spawn(async move {
        answers::hand_over(&world, &tokens, &completed, same).await;
        if completed.not_renewed.is_some() {
            return Message::Nothing;
        }
        Message::how_it_is_renewed(&world, identity).await
    });
}

pub(super) fn keys_looked_at(actor: &mut Actor, looked: KeysLook) {
    let KeysLook { trail, next, aged } = looked;
    for identity in &trail.dropped {
        actor.forget(identity);
        keys_stored(actor, identity);
    }
    for key in aged {
        actor.tell(Event::KeyIsOld(key));
    }
    keys::look_no_later_than(actor, next);
}

fn keys_stored(actor: &mut Actor, identity: &str) {
    tend::keys_stored(actor, identity);
    actor.tell(Event::KeysStored {
        identity: identity.to_owned(),
    });
}

pub(super) fn maintained(actor: &mut Actor, effects: &Effects, mut reply: Reply) -> Reply {
    for name in &effects.dropped {
        actor.forget(name);
    }
    for identity in &effects.signed_out {
        actor.forget(identity);
        actor.sessions.signed_out(identity);
        let error = Error::new(Code::SignedOut, format!("{identity} was signed out"))
            .hint(format!("fob login {identity}"));
        if let Some(job) = actor.jobs.sign_in_to(identity) {
            prompts::close(actor, job, Some(&error.identity(identity)));
        }
        actor.tell(Event::SignedOut {
            identity: identity.clone(),
        });
    }
    if let Some(identity) = &effects.keys_stored {
        keys_stored(actor, identity);
    }
    if effects.is_edited {
        tend::look_at_configuration(actor);
    }
    if let Reply::Repaired(findings) = &mut reply {
        prompts::findings(actor, findings);
    }
    if let Reply::Rotated(rotated) = &reply {
        keys::rotated(actor, rotated);
    }
    if let Reply::Edited { problem } = &mut reply {
        *problem = actor.schedule.configuration_problem().cloned();
    }
    reply
}
