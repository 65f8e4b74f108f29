//! Sign-ins that identities share, kept fresh without a request: renewed ahead of time, and
//! announced once where only a person can.

use super::actor::{Actor, Message};
use super::api::{Event, Refresh};
use super::role::Role;
use super::schedule::caller;
use crate::ask::Ask;
use crate::config::{Chain, Identity, Kind};
use crate::providers::Trail;
use crate::sign_in::{Options, list_roles, renew_sign_in};
use std::time::{Duration, SystemTime};

/// A list of roles that is older is made anew when the person has signed in.
const OLD: Duration = Duration::from_secs(12 * 60 * 60);

/// Between two tries.
const PAUSE: Duration = Duration::from_secs(60);

pub(super) fn tend(actor: &mut Actor, now: SystemTime) {
    if actor.role == Role::InProcess {
        return;
    }
    announce(actor, now);
    if actor.schedule.refresh == Refresh::Paused {
        return;
    }
    let due = next_tries(actor).filter(|(_, [_, at])| *at <= now);
    for (provider, [due_at, _]) in due.collect::<Vec<_>>() {
        let tried = &mut actor.schedule.sign_ins_tried;
        tried.insert(provider.clone(), [due_at, now]);
        let Some(identity) = identity_of(actor, &provider) else {
            continue;
        };
        let world = actor.world.clone();
        actor.spawn(async move {
            if let Err(error) = renew_sign_in(&world, &identity, caller()).await {
                tracing::info!(provider, %error, "sign-in not renewed");
            }
            Message::SignInTried
        });
    }
}

/// Without a person, after one has signed in.
pub(super) fn list_roles_if_old(actor: &Actor, chain: &Chain) {
    let (world, now) = (actor.world.clone(), actor.clock.now());
    let provider = chain.provider.to_string();
    let listed_at = world.assigned_by(chain.source()).kept_at();
    let is_old = listed_at.is_none_or(|at| at + OLD < now);
    if !is_old || !chain.source().kind.lists_roles() {
        return;
    }
    actor.spawn(async move {
        let options = Options::ahead_of_time(caller());
        let (mut trail, ask) = (Trail::of(caller()), Ask::nobody());
        let listed = list_roles(&world, &provider, options, &ask, &mut trail);
        if let Err(error) = listed.await {
            tracing::info!(provider, %error, "roles not listed");
        }
        Message::SignInTried
    });
}

/// When the next one is due, or to be announced.
pub(super) fn wake_at(actor: &Actor) -> Option<SystemTime> {
    if actor.role == Role::InProcess {
        return None;
    }
    let runs = actor.schedule.refresh == Refresh::Runs;
    let tries = next_tries(actor).filter(|_| runs).map(|(_, [_, at])| at);
    let announcements = unannounced(actor).map(|(_, [at, _])| at);
    tries.chain(announcements).min()
}

/// Since when it is due, and when it is tried.
fn next_tries(actor: &Actor) -> impl Iterator<Item = (String, [SystemTime; 2])> {
    actor.sessions.sign_ins.due().map(|(provider, due_at)| {
        let tried = actor.schedule.sign_ins_tried.get(provider);
        let failed = tried.filter(|[of, _]| *of == due_at);
        let at = failed.map_or(due_at, |[_, tried]| *tried + PAUSE);
        (provider.clone(), [due_at, at])
    })
}

fn unannounced(actor: &Actor) -> impl Iterator<Item = (String, [SystemTime; 2])> {
    let ending = actor
        .sessions
        .sign_ins
        .ending(actor.world.config.notify().before);
    let announced = &actor.schedule.sign_ins_announced;
    let news = ending.filter(|(provider, [_, end])| announced.get(*provider) != Some(end));
    news.map(|(provider, times)| (provider.clone(), times))
}

fn announce(actor: &mut Actor, now: SystemTime) {
    let near = unannounced(actor).filter(|(_, [at, _])| *at <= now);
    for (provider, [_, expires_at]) in near.collect::<Vec<_>>() {
        let announced = &mut actor.schedule.sign_ins_announced;
        announced.insert(provider.clone(), expires_at);
        if let Some(identity) = identity_of(actor, &provider).filter(|_| expires_at > now) {
            actor.tell(Event::SignInEndsSoon {
                provider,
                identity,
                expires_at,
            });
        }
    }
}

/// The first identity that stands on the provider, or the one of this name that stands alone.
fn identity_of(actor: &Actor, provider: &str) -> Option<String> {
    let config = &actor.world.config;
    let stands_on_it = |it: &&Identity| {
        let is_named = |name: &str| name.eq_ignore_ascii_case(provider);
        let is_above = it.provider.as_ref().is_some_and(|it| is_named(it.as_str()));
        let is_it = is_named(it.name.as_str()) && it.kind == Kind::Login.as_str();
        (is_above || is_it) && config.chain(it).is_ok()
    };
    let first = config.identities().iter().find(stands_on_it)?;
    Some(first.name.to_string())
}
