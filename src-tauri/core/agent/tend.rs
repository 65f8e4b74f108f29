//! What is kept fresh without a request: each held session is watched, the configuration on disk is
//! looked at, what other processes stored is read, and once a day what has expired is cleared away.
//! One more look every 30 seconds at the latest, because laptops sleep and clocks move.

use super::actor::{Actor, Message, Then};
use super::api::{Event, ListedProvider, OpenPrompt, Refresh, Reply, Running, Snapshot};
use super::role::Role;
use super::schedule::caller;
use super::waiter::{Reach, Waiter};
use crate::config::{Chain, Config};
use crate::error::{Code, Error};
use crate::logout::{self, Cleanup, LongLivedKeys};
use crate::sessions::sync::{self, Scope};
use crate::sessions::{Action, Announcement, Renewable, key};
use crate::sign_in::{Completed, NotRenewed, Options};
use crate::store::Mode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Between two looks at the clock and at the configuration.
const LOOK: Duration = Duration::from_secs(30);
/// Later than expected by so much: the machine slept.
const SLEPT: Duration = Duration::from_secs(60);
/// Renewals at the same time, so that a thousand identities that expire together do not starve
/// requests.
const RENEWALS_AT_ONCE: usize = 8;
const BETWEEN_CLEANUPS: Duration = Duration::from_secs(24 * 60 * 60);

impl Actor {
    /// When there is something to do although no request comes.
    pub fn wake_at(&self) -> SystemTime {
        let watches = self
            .sessions
            .records()
            .filter_map(|(_, record)| record.watch()?.wake_at());
        let look = self.schedule.last_look + LOOK;
        watches
            .chain(self.next_overdue())
            .fold(look, SystemTime::min)
    }

    pub fn tend(&mut self) {
        let now = self.clock.now();
        let passed = now.duration_since(self.schedule.last_look);
        self.schedule.last_look = now;
        self.sessions.notice_the_time(&self.world, now);
        if passed.is_ok_and(|passed| passed >= LOOK + SLEPT) && self.role == Role::Hosted {
            tracing::info!("woke up");
            let message = "the machine slept while a prompt was open";
            self.close_all(&Error::new(Code::PersonNeeded, message));
            self.sessions
                .watches()
                .for_each(|(_, watch)| watch.woke(now));
        }
        self.look_at_configuration();
        self.read_what_is_stored();
        self.clean_up(now);
        self.look_at_watches(now);
        self.close_overdue(now);
    }

    fn look_at_watches(&mut self, now: SystemTime) {
        let (mut announcements, queue) = (Vec::new(), &mut self.schedule.queue);
        for (key, watch) in self.sessions.watches() {
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
            self.announce(&key, announcement);
        }
        self.renew_those_that_are_due();
    }

    pub fn renewable(&mut self, identity: &str, how: Renewable) {
        let (now, key) = (self.clock.now(), key(identity));
        let Some(watch) = self.sessions.is_renewable(identity, how) else {
            return;
        };
        let expires_at = watch.expires_at();
        // Of a thousand that change together, each costs one look.
        for action in watch.look(now) {
            match action {
                Action::Renew => {
                    self.schedule.queue.insert((expires_at, key.clone()));
                }
                Action::Announce(announcement) => self.announce(&key, announcement),
            }
        }
        self.renew_those_that_are_due();
    }

    pub fn renew_those_that_are_due(&mut self) {
        while self.schedule.refresh == Refresh::Runs
            && self.jobs.renewals() < RENEWALS_AT_ONCE
            && let Some((_, key)) = self.schedule.queue.pop_first()
        {
            self.renew(&key);
        }
    }

    /// What becomes due while it is paused waits in the queue.
    pub fn set_refresh(&mut self, refresh: Refresh) {
        self.schedule.refresh = refresh;
        self.renew_those_that_are_due();
    }

    fn renew(&mut self, key: &str) {
        let now = self.clock.now();
        let is_under_way = self.jobs.sign_in_to(key).is_some();
        let Some(watch) = self
            .sessions
            .get_mut(key)
            .and_then(|record| record.watch_mut())
        else {
            return;
        };
        if is_under_way {
            watch.failed(
                Error::new(Code::LockTimeout, "another sign-in is under way"),
                now,
            );
            return;
        }
        match self.world.chain(key) {
            Ok(chain) => {
                let options = Options::ahead_of_time(caller());
                self.sign_in(chain, Reach::Scheduled, options, Vec::new());
            }
            Err(error) => {
                tracing::info!(identity = key, %error, "no longer kept fresh");
                self.sessions.forget(key);
            }
        }
    }

    /// Whatever these keys make is made with them now, also what was refused with the ones before.
    pub fn keys_stored(&mut self, identity: &str) {
        let is_built_on = |key: &str| {
            let chain = self.world.chain(key);
            chain.is_ok_and(|chain| chain.source().name.eq_ignore_ascii_case(identity))
        };
        let records = self.sessions.records().filter(|(key, _)| is_built_on(key));
        for key in records.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            self.begin_again(&key);
        }
        self.renew_those_that_are_due();
    }

    fn begin_again(&mut self, key: &str) {
        if let Some(watch) = self
            .sessions
            .get_mut(key)
            .and_then(|record| record.watch_mut())
        {
            watch.begin_again();
            self.schedule
                .queue
                .insert((watch.expires_at(), key.to_owned()));
        }
    }

    /// A session came out of a sign-in, the one that was held before or a new one.
    pub fn completed(&mut self, reach: Reach, completed: &Completed) {
        let Completed {
            chain,
            session,
            ticket,
            ..
        } = completed;
        let (now, identity) = (self.clock.now(), chain.identity.to_string());
        for it in &completed.not_renewed_below {
            self.not_renewed_below(it);
        }
        for name in completed.made_below() {
            // What was made for this one is there for them, without a call.
            self.begin_again(&key(name));
        }
        if let Some(error) = &completed.not_renewed {
            self.sessions.keep(chain, session, ticket.clone());
            if reach == Reach::Scheduled {
                self.renewal_failed(&key(&identity), error.clone());
            }
            return;
        }
        self.sessions.hold(chain, session, ticket.clone(), now);
        if !completed.made.is_empty() {
            let expires_at = session.expires_at;
            self.tell(match reach {
                Reach::Scheduled => Event::Renewed {
                    identity,
                    expires_at,
                },
                Reach::Unattended | Reach::Asks => Event::SignedIn {
                    identity,
                    expires_at,
                },
            });
        }
    }

    pub fn not_signed_in(&mut self, chain: &Chain, reach: Reach, error: &Error) {
        if reach == Reach::Scheduled {
            self.renewal_failed(&key(chain.identity.as_str()), error.clone());
        }
    }

    /// Found out on the way to another identity's session: as if it had been looked for.
    fn not_renewed_below(&mut self, it: &NotRenewed) {
        let Ok(identity) = self.world.config.identity(&it.name) else {
            return;
        };
        if self.jobs.sign_in_to(&it.name).is_none() {
            self.sessions.watch_anew(&identity.name, &it.session);
            self.renewal_failed(&key(&it.name), it.error.clone());
        }
    }

    fn renewal_failed(&mut self, key: &str, error: Error) {
        let now = self.clock.now();
        if error.code == Code::SignedOut {
            return self.sessions.signed_out(key);
        }
        let Some(watch) = self
            .sessions
            .get_mut(key)
            .and_then(|record| record.watch_mut())
        else {
            return;
        };
        tracing::info!(identity = key, %error, "not renewed");
        if let Some(announcement) = watch.failed(error, now) {
            self.announce(key, announcement);
        }
    }

    /// An identity that was signed out of elsewhere has nothing to announce.
    fn announce(&mut self, key: &str, announcement: Announcement) {
        let Some(record) = self.sessions.get(key) else {
            return;
        };
        let identity = record.name.to_string();
        if self.world.is_signed_out(&identity) {
            return self.sessions.signed_out(key);
        }
        self.tell(match announcement {
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
    fn read_what_is_stored(&mut self) {
        if self.role == Role::InProcess || self.schedule.is_reading {
            return;
        }
        self.schedule.is_reading = true;
        let (world, known) = (self.world.clone(), self.sessions.known());
        self.spawn(async move {
            let reading = sync::read(&world, known, Scope::All).await;
            Message::Read {
                reading,
                then: Then::Schedule,
            }
        });
    }

    fn clean_up(&mut self, now: SystemTime) {
        if self.role == Role::InProcess || now < self.schedule.next_cleanup {
            return;
        }
        self.schedule.next_cleanup = now + BETWEEN_CLEANUPS;
        let world = self.world.clone();
        self.spawn(async move {
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
    pub fn look_at_configuration(&mut self) {
        let on_disk = &mut self.schedule.configuration;
        let stamp = on_disk.stamp();
        if self.role == Role::InProcess || stamp == on_disk.stamp {
            return;
        }
        on_disk.stamp = stamp;
        let read = Config::load(&on_disk.path, &self.world.environment)
            .and_then(|config| self.world.reconfigured(config));
        match read {
            Ok(world) => {
                tracing::info!("configuration changed");
                self.world = Arc::new(world);
                self.schedule.configuration.problem = None;
                self.sessions.follow(&self.world.config);
                self.tell(Event::ConfigurationChanged);
            }
            Err(error) => {
                tracing::warn!(%error, "the changed configuration cannot be used");
                self.schedule.configuration.problem = Some(error.clone());
                self.tell(Event::ConfigurationBroken { error });
            }
        }
    }

    pub fn show_snapshot(&self, waiter: Waiter) {
        let config = &self.world.config;
        let (identities, notes) = self.sessions.statuses(config, self.clock.now());
        let open = self.jobs.iter().filter_map(|(_, job)| {
            let open = job.prompt.as_ref().filter(|_| job.sign_in().is_some())?;
            Some(OpenPrompt {
                prompt: open.prompt.clone(),
                since: open.since,
            })
        });
        let mut prompts: Vec<OpenPrompt> = open.collect();
        prompts.sort_by_key(|open| open.prompt.id);
        let providers = config.providers().iter().map(|provider| ListedProvider {
            name: provider.name.to_string(),
            kind: provider.kind.clone(),
        });
        let agent = (self.role == Role::Hosted).then(|| Running {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            since: self.since,
            configuration: config.path().display().to_string(),
            configuration_problem: self.schedule.configuration_problem().cloned(),
            refresh: self.schedule.refresh,
        });
        let snapshot = Snapshot {
            agent,
            providers: providers.collect(),
            identities,
            prompts,
            keyring: self.sessions.keyring().cloned(),
        };
        waiter.answer(notes, Reply::Snapshot(snapshot));
    }
}
