//! What is kept fresh without a request: each held session is watched, the configuration on disk is
//! looked at, what other processes stored is read, and once a day what has expired is cleared away.
//! One more look every 30 seconds at the latest, because laptops sleep and clocks move.

use super::actor::{Actor, Message, Shown, Then};
use super::api::{Event, ListedProvider, Note, OpenPrompt, Refresh, Reply, Running, Snapshot};
use super::databases;
use super::jobs::PendingPrompt;
use super::keys;
use super::prompts;
use super::role::Role;
use super::schedule::caller;
use super::sign_ins;
use super::waiter::{Attendance, Waiter};
use crate::ask::PromptKind;
use crate::config::{Chain, Config};
use crate::error::{Code, Error};
use crate::logout::{self, Cleanup, LongLivedKeys};
use crate::sessions::sync::{self, ReadScope};
use crate::sessions::{Action, Announcement, Held, Renewable, Watch, key};
use crate::sign_in::{Completed, NotRenewed, Options};
use crate::store::Mode;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::timeout;

/// Later than that tray and windows show that the keyring is awaited.
const KEYRING_ANSWERS: Duration = Duration::from_secs(1);
/// Between two looks at the clock and at the configuration.
const LOOK: Duration = Duration::from_secs(30);
/// Later than expected by so much: the machine slept.
const SLEPT: Duration = Duration::from_secs(60);
/// Renewals at the same time, so that a thousand identities that expire together do not starve
/// requests.
const RENEWALS_AT_ONCE: usize = 8;
const BETWEEN_CLEANUPS: Duration = Duration::from_secs(24 * 60 * 60);

/// When there is something to do although no request comes.
pub(super) fn wake_at(actor: &Actor) -> SystemTime {
    let watches = actor
        .sessions
        .records()
        .filter_map(|(_, record)| record.watch()?.wake_at());
    let (now, last_look) = (actor.clock.now(), actor.schedule.last_look);
    // Set back between two messages: what is due by the old time may be far away by the new one.
    let look = if now < last_look {
        now
    } else {
        last_look + LOOK
    };
    watches
        .chain(prompts::next_overdue(actor))
        .chain(sign_ins::wake_at(actor))
        .chain((actor.role == Role::Hosted).then_some(actor.schedule.next_look_at_keys))
        .fold(look, SystemTime::min)
}

pub(super) fn tend(actor: &mut Actor) {
    let now = actor.clock.now();
    let passed = now.duration_since(actor.schedule.last_look);
    actor.schedule.last_look = now;
    actor.sessions.notice_the_time(&actor.world, now);
    if passed.is_ok_and(|passed| passed >= LOOK + SLEPT) && actor.role == Role::Hosted {
        tracing::info!("woke up");
        let message = "the machine slept while a prompt was open";
        prompts::close_all(actor, &Error::new(Code::PersonNeeded, message));
        actor
            .sessions
            .watches()
            .for_each(|(_, watch)| watch.woke(now));
    }
    look_at_configuration(actor);
    databases::look_at_ports(actor);
    read_what_is_stored(actor);
    clean_up(actor, now);
    keys::look(actor, now);
    look_at_watches(actor, now);
    sign_ins::tend(actor, now);
    prompts::close_overdue(actor, now);
}

pub(super) fn look_at_watches(actor: &mut Actor, now: SystemTime) {
    let (mut announcements, queue) = (Vec::new(), &mut actor.schedule.queue);
    for (key, watch) in actor.sessions.watches() {
        for action in watch.look(now) {
            match action {
                Action::Renew => {
                    queue.insert((watch.expires_at(), key.clone()));
                }
                Action::Announce(announcement) => {
                    announcements.push((key.clone(), announcement));
                }
            }
        }
    }
    for (key, announcement) in announcements {
        announce(actor, &key, announcement);
    }
    renew_those_that_are_due(actor);
}

pub(super) fn renewable(actor: &mut Actor, identity: &str, how: Option<Renewable>) {
    let (now, key) = (actor.clock.now(), key(identity));
    let Some(watch) = actor.sessions.is_renewable(identity, how) else {
        return;
    };
    let expires_at = watch.expires_at();
    // Of a thousand that change together, each costs one look.
    for action in watch.look(now) {
        match action {
            Action::Renew => {
                actor.schedule.queue.insert((expires_at, key.clone()));
            }
            Action::Announce(announcement) => announce(actor, &key, announcement),
        }
    }
    renew_those_that_are_due(actor);
}

pub(super) fn renew_those_that_are_due(actor: &mut Actor) {
    while actor.schedule.refresh == Refresh::Runs
        && actor.jobs.renewals() < RENEWALS_AT_ONCE
        && let Some((_, key)) = actor.schedule.queue.pop_first()
    {
        renew(actor, &key);
    }
}

/// What becomes due while it is paused waits in the queue.
pub(super) fn set_refresh(actor: &mut Actor, refresh: Refresh) {
    actor.schedule.refresh = refresh;
    renew_those_that_are_due(actor);
}

fn watch_of<'a>(actor: &'a mut Actor, key: &str) -> Option<&'a mut Watch> {
    actor.sessions.get_mut(key)?.watch_mut()
}

pub(super) fn renew(actor: &mut Actor, key: &str) {
    let now = actor.clock.now();
    let is_under_way = actor.jobs.sign_in_to(key).is_some();
    let Some(watch) = watch_of(actor, key) else {
        return;
    };
    if is_under_way {
        watch.failed(
            Error::new(Code::LockTimeout, "another sign-in is under way"),
            now,
        );
        return;
    }
    match actor.world.chain(key) {
        Ok(chain) => {
            let options = Options::ahead_of_time(caller());
            actor.sign_in(chain, Attendance::Scheduled, options, Vec::new());
        }
        Err(error) => {
            tracing::info!(identity = key, %error, "no longer kept fresh");
            actor.sessions.forget(key);
        }
    }
}

/// Whatever these keys make is made with them now, also what was refused with the ones before.
pub(super) fn keys_stored(actor: &mut Actor, identity: &str) {
    let is_built_on = |key: &str| {
        let chain = actor.world.chain(key);
        chain.is_ok_and(|chain| chain.source().name.eq_ignore_ascii_case(identity))
    };
    let records = actor.sessions.records().filter(|(key, _)| is_built_on(key));
    for key in records.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
        begin_again(actor, &key);
    }
    renew_those_that_are_due(actor);
}

pub(super) fn begin_again(actor: &mut Actor, key: &str) {
    if let Some(watch) = actor
        .sessions
        .get_mut(key)
        .and_then(|record| record.watch_mut())
    {
        watch.begin_again();
        actor
            .schedule
            .queue
            .insert((watch.expires_at(), key.to_owned()));
    }
}

/// A session that AWS no longer knows is made anew where that takes no person.
pub(super) fn refused(actor: &mut Actor, identity: &str) {
    actor.forget(identity);
    if actor.role == Role::Hosted {
        begin_again(actor, &key(identity));
        renew_those_that_are_due(actor);
    }
}

/// A session came out of a sign-in, the one that was held before or a new one.
pub(super) fn completed(actor: &mut Actor, reach: Attendance, completed: &Completed) {
    let Completed {
        chain,
        session,
        ticket,
        ..
    } = completed;
    let (now, identity) = (actor.clock.now(), chain.identity.to_string());
    let held = Held::new(&actor.world, chain, session, ticket.clone());
    for it in &completed.not_renewed_below {
        not_renewed_below(actor, it);
    }
    for name in completed.made_below() {
        // What was made for this one is there for them, without a call.
        begin_again(actor, &key(name));
    }
    if let Some(error) = &completed.not_renewed {
        actor.sessions.keep(chain, held);
        if reach == Attendance::Scheduled {
            renewal_failed(actor, &key(&identity), error.clone());
        }
        return;
    }
    actor.sessions.hold(chain, held, now);
    if !completed.made.is_empty() {
        if reach == Attendance::Asks {
            sign_ins::list_roles_if_old(actor, chain);
        }
        let expires_at = session.expires_at;
        actor.tell(match reach {
            Attendance::Scheduled => Event::Renewed {
                identity,
                expires_at,
            },
            Attendance::Unattended | Attendance::Asks => Event::SignedIn {
                identity,
                expires_at,
            },
        });
    }
}

pub(super) fn not_signed_in(actor: &mut Actor, chain: &Chain, reach: Attendance, error: &Error) {
    if reach == Attendance::Scheduled {
        renewal_failed(actor, &key(chain.identity.as_str()), error.clone());
    }
}

/// Found out on the way to another identity's session: as if it had been looked for.
pub(super) fn not_renewed_below(actor: &mut Actor, it: &NotRenewed) {
    let Ok(identity) = actor.world.config.identity(&it.name) else {
        return;
    };
    if actor.jobs.sign_in_to(&it.name).is_none() {
        actor.sessions.watch_anew(&identity.name, &it.session);
        renewal_failed(actor, &key(&it.name), it.error.clone());
    }
}

pub(super) fn renewal_failed(actor: &mut Actor, key: &str, error: Error) {
    let now = actor.clock.now();
    if error.code == Code::SignedOut {
        return actor.sessions.signed_out(key);
    }
    let Some(watch) = watch_of(actor, key) else {
        return;
    };
    tracing::info!(identity = key, %error, "not renewed");
    let code = |watch: &Watch| watch.failing().map(|error| error.code);
    let before = code(watch);
    let announcement = watch.failed(error, now);
    let cause = watch.failing().filter(|cause| Some(cause.code) != before);
    let cause = cause.filter(|_| announcement.is_none()).cloned();
    let identity = key.to_owned();
    if let Some(announcement) = announcement {
        announce(actor, key, announcement);
    } else if let Some(cause) = cause {
        actor.tell(Event::NotRenewed { identity, cause });
    }
}

/// An identity that was signed out of elsewhere has nothing to announce, and long-lived keys do not
/// end.
pub(super) fn announce(actor: &mut Actor, key: &str, announcement: Announcement) {
    let Some(record) = actor.sessions.get(key) else {
        return;
    };
    let identity = record.name.to_string();
    if actor.world.is_signed_out(&identity) {
        return actor.sessions.signed_out(key);
    }
    let about_an_end = match announcement {
        Announcement::ExpiresSoon { .. } | Announcement::Expired => true,
        Announcement::Failing { .. }
        | Announcement::KeysRevoked { .. }
        | Announcement::Refused { .. } => false,
    };
    if about_an_end && record.hands_out_keys {
        return;
    }
    actor.tell(match announcement {
        Announcement::ExpiresSoon { expires_at } => Event::ExpiresSoon {
            identity,
            expires_at,
        },
        Announcement::Expired => Event::Expired { identity },
        Announcement::Failing { expires_at, cause } => Event::RenewalFailing {
            identity,
            expires_at,
            cause,
        },
        Announcement::KeysRevoked { error } => Event::KeysRevoked { identity, error },
        Announcement::Refused { error } => Event::RenewalRefused { identity, error },
    });
}

/// What earlier runs left, and what other processes do: usable without a call to AWS.
pub(super) fn read_what_is_stored(actor: &mut Actor) {
    let is_idle = actor.role == Role::InProcess || actor.schedule.readers.is_some();
    if !is_idle && !actor.sessions.are_current(&actor.world) {
        read(actor, || None);
    }
}

/// Tray and windows do not wait for a person who has to open the keyring.
pub(super) fn read(actor: &mut Actor, shown: impl FnOnce() -> Shown + Send + 'static) {
    actor.schedule.readers = Some(Vec::new());
    let (world, known) = (actor.world.clone(), actor.sessions.known());
    let post = actor.post.clone();
    actor.spawn(async move {
        let shown = shown();
        let mut reading = pin!(sync::read(&world, known, ReadScope::All));
        match timeout(KEYRING_ANSWERS, &mut reading).await {
            Ok(reading) => Message::Read {
                reading,
                then: Then::Windows(shown),
            },
            Err(_) => {
                if let Some(post) = post.upgrade() {
                    // An agent that has ended needs no news.
                    let _ = post.send(Message::KeyringAwaited(shown));
                }
                Message::Read {
                    reading: reading.await,
                    then: Then::Windows(None),
                }
            }
        }
    });
}

pub(super) fn clean_up(actor: &mut Actor, now: SystemTime) {
    if actor.role == Role::InProcess || now < actor.schedule.next_cleanup {
        return;
    }
    actor.schedule.next_cleanup = now + BETWEEN_CLEANUPS;
    let world = actor.world.clone();
    actor.spawn(async move {
        let cleanup = Cleanup {
            long_lived_keys: LongLivedKeys::Keep,
            mode: Mode::Run,
        };
        match logout::clean_up(&world, cleanup).await {
            Ok(report) => drop(logout::record_removals(&world, &caller(), &report).await),
            Err(error) => tracing::warn!(%error, "cannot clean up"),
        }
        Message::Nothing
    });
}

/// A change is taken over if it can be used; else the last good one stays in force.
pub(super) fn look_at_configuration(actor: &mut Actor) {
    let on_disk = &mut actor.schedule.configuration;
    let stamp = on_disk.stamp();
    if actor.role == Role::InProcess || stamp == on_disk.stamp {
        return;
    }
    on_disk.stamp = stamp;
    let read = Config::load(&on_disk.path, &actor.world.environment)
        .and_then(|config| actor.world.reconfigured(config));
    match read {
        Ok(world) => {
            tracing::info!("configuration changed");
            actor.world = Arc::new(world);
            actor.schedule.configuration.problem = None;
            actor.sessions.follow(&actor.world.config);
            databases::look_at_ports(actor);
            actor.tell(Event::ConfigurationChanged);
        }
        Err(error) if on_disk.problem.as_ref() == Some(&error) => {}
        Err(error) => {
            tracing::warn!(%error, "the changed configuration cannot be used");
            actor.schedule.configuration.problem = Some(error.clone());
            actor.tell(Event::ConfigurationBroken { error });
        }
    }
}

pub(super) fn show_snapshot(actor: &Actor, waiter: Waiter, more: Vec<Note>) {
    let config = &actor.world.config;
    let (identities, mut notes) = actor.sessions.statuses(config, actor.clock.now());
    notes.extend(more);
    let open = actor.jobs.iter().filter_map(|(_, job)| {
        // The others are their own client's.
        let is_for_all = |open: &&PendingPrompt| {
            job.sign_in().is_some() || matches!(open.prompt.kind, PromptKind::Browser { .. })
        };
        let open = job.prompt.as_ref().filter(is_for_all)?;
        Some(OpenPrompt {
            prompt: open.prompt.clone(),
            is_waited_for: !open.is_announced || !job.waiters.is_empty(),
            since: open.since,
        })
    });
    let mut prompts: Vec<OpenPrompt> = open.collect();
    prompts.sort_by_key(|open| open.prompt.id);
    let providers = config.providers().iter().map(|provider| ListedProvider {
        name: provider.name.to_string(),
        kind: provider.kind.clone(),
        sign_in: actor.sessions.sign_ins.status(provider.name.as_str()),
    });
    let agent = (actor.role == Role::Hosted).then(|| Running {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        since: actor.since,
        configuration: config.path().display().to_string(),
        configuration_problem: actor.schedule.configuration_problem().cloned(),
        refresh: actor.schedule.refresh,
        surroundings: actor.schedule.fingerprint().to_owned(),
    });
    let snapshot = Snapshot {
        agent,
        providers: providers.collect(),
        identities,
        prompts,
        rotations: actor
            .jobs
            .iter()
            .filter_map(|(_, job)| job.rotation())
            .collect(),
        databases: databases::statuses(actor),
        keyring: actor.sessions.keyring().cloned(),
    };
    waiter.answer(notes, Reply::Snapshot(Box::new(snapshot)));
}
