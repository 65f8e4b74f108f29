//! What is kept fresh without anybody asking: each held session is watched by the rules of
//! [`crate::auth::refresh`], the configuration on disk is looked at, and once a day what has
//! expired is cleared away. One more look every 30 seconds at the latest, because laptops sleep and
//! clocks move.

use super::Role;
use super::api::{Caller, Cleanup, Event, LongLivedKeys, Mode, Person, Refresh};
use super::flight::{Flight, FlightReach};
use super::owner::{Message, Owner};
use crate::auth::refresh::{Action, Announcement, Renewable, Watch};
use crate::auth::{Options, SignIn};
use crate::config::{Chain, Config};
use crate::error::{Code, Error, Result};
use crate::ids::IdentityName;
use crate::secret::Session;
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Between two looks at the clock and at the configuration.
const LOOK: Duration = Duration::from_secs(30);
/// Later than expected by so much: the machine slept.
const SLEPT: Duration = Duration::from_secs(60);
/// Renewals at the same time, so that a thousand identities that expire together do not starve
/// those who ask.
const RENEWALS_AT_ONCE: usize = 8;
const BETWEEN_CLEANUPS: Duration = Duration::from_secs(24 * 60 * 60);
/// After the start, when everybody is busy signing in.
const BEFORE_FIRST_CLEANUP: Duration = Duration::from_secs(5 * 60);

/// What work beside the requests has come to.
#[derive(Debug)]
pub(super) enum Tended {
    /// A session is held now, and whether it can be renewed without a person.
    Held {
        identity: IdentityName,
        session: Session,
        renewable: bool,
    },
    PickedUp(Result<Vec<Tended>>),
    Nothing,
}

/// Due, and waiting until fewer are under way: those that end first come first.
type Queue = BTreeSet<(SystemTime, String)>;

#[derive(Debug)]
pub(super) struct Schedule {
    surroundings: String,
    /// By identity, in lower case.
    watches: HashMap<String, Watched>,
    queue: Queue,
    refresh: Refresh,
    last_look: SystemTime,
    picked_up: PickUp,
    next_cleanup: SystemTime,
    configuration: OnDisk,
}

#[derive(Debug)]
struct Watched {
    identity: IdentityName,
    expires_at: SystemTime,
    watch: Watch,
}

impl Watched {
    /// What is to be renewed goes into the queue; what is to be told comes back.
    fn look(&mut self, key: &str, queue: &mut Queue, now: SystemTime) -> Option<Announcement> {
        let mut told = None;
        for action in self.watch.look(now) {
            match action {
                Action::Renew => drop(queue.insert((self.expires_at, key.to_owned()))),
                Action::Announce(announcement) => told = Some(announcement),
            }
        }
        told
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PickUp {
    /// The keyring could not be read yet.
    Wanted,
    UnderWay,
    Done,
}

/// The file as it was when it was last read.
#[derive(Debug)]
struct OnDisk {
    path: PathBuf,
    stamp: Option<(SystemTime, u64)>,
    problem: Option<Error>,
}

impl OnDisk {
    fn stamp(&self) -> Option<(SystemTime, u64)> {
        let metadata = std::fs::metadata(&self.path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    }
}

impl Schedule {
    pub fn new(role: Role, config: &Config, surroundings: String, now: SystemTime) -> Schedule {
        let mut configuration = OnDisk {
            path: config.path().to_owned(),
            stamp: None,
            problem: None,
        };
        configuration.stamp = configuration.stamp();
        Schedule {
            surroundings,
            watches: HashMap::new(),
            queue: BTreeSet::new(),
            refresh: Refresh::Runs,
            last_look: now,
            picked_up: if role == Role::Hosted {
                PickUp::Wanted
            } else {
                PickUp::Done
            },
            next_cleanup: now + BEFORE_FIRST_CLEANUP,
            configuration,
        }
    }

    /// By identity, in lower case.
    pub fn watch_of(&self, key: &str) -> Option<&Watch> {
        self.watches.get(key).map(|watched| &watched.watch)
    }

    /// Why the file on disk is not the one in force.
    pub fn configuration_problem(&self) -> Option<&Error> {
        self.configuration.problem.as_ref()
    }

    pub fn refresh(&self) -> Refresh {
        self.refresh
    }

    pub fn surroundings(&self) -> &str {
        &self.surroundings
    }

    pub fn wake_at(&self) -> SystemTime {
        let watches = self
            .watches
            .values()
            .filter_map(|watched| watched.watch.wake_at());
        watches
            .chain([self.last_look + LOOK])
            .min()
            .unwrap_or(self.last_look + LOOK)
    }

    pub fn forget(&mut self, key: &str) {
        self.watches.remove(key);
    }
}

impl Owner {
    pub(super) fn keep_up(&mut self, now: SystemTime) {
        let slept = now
            .duration_since(self.schedule.last_look)
            .is_ok_and(|passed| passed >= LOOK + SLEPT);
        self.schedule.last_look = now;
        self.auth.notice_the_time();
        if slept && self.role == Role::Hosted {
            tracing::info!("woke up");
            self.withdraw_all(&Error::new(
                Code::PersonNeeded,
                "the machine slept while a prompt was open",
            ));
            self.schedule
                .watches
                .values_mut()
                .for_each(|watched| watched.watch.woke(now));
        }
        self.look_at_configuration();
        self.pick_up();
        self.clean_up(now);
        self.look_at_watches(now);
    }

    fn look_at_watches(&mut self, now: SystemTime) {
        let mut told = Vec::new();
        let Schedule { watches, queue, .. } = &mut self.schedule;
        for (key, watched) in watches {
            told.extend(
                watched
                    .look(key, queue, now)
                    .map(|announcement| (key.clone(), announcement)),
            );
        }
        for (key, announcement) in told {
            self.announce(&key, announcement);
        }
        self.renew_those_that_are_due();
    }

    /// Of a thousand that change together, each costs one look.
    fn look_at(&mut self, key: &str, now: SystemTime) {
        let Schedule { watches, queue, .. } = &mut self.schedule;
        let Some(watched) = watches.get_mut(key) else {
            return;
        };
        if let Some(announcement) = watched.look(key, queue, now) {
            self.announce(key, announcement);
        }
        self.renew_those_that_are_due();
    }

    pub(super) fn renew_those_that_are_due(&mut self) {
        let under_way = |owner: &Owner| {
            owner
                .flights
                .values()
                .filter(|flight| flight.reach == FlightReach::Scheduled)
                .count()
        };
        while self.schedule.refresh == Refresh::Runs
            && under_way(self) < RENEWALS_AT_ONCE
            && let Some((_, key)) = self.schedule.queue.pop_first()
        {
            self.renew(&key);
        }
    }

    /// What becomes due while it is paused waits in the queue.
    pub(super) fn set_refresh(&mut self, refresh: Refresh) {
        self.schedule.refresh = refresh;
        self.renew_those_that_are_due();
    }

    fn renew(&mut self, key: &str) {
        let Some(watched) = self.schedule.watches.get_mut(key) else {
            return;
        };
        if self.flights.contains_key(key) {
            let under_way = Error::new(Code::LockTimeout, "another sign-in is under way");
            watched.watch.failed(under_way, self.clock.now());
            return;
        }
        let identity = watched.identity.clone();
        match SignIn::new(
            &self.auth,
            identity.as_str(),
            Options::ahead_of_time(caller()),
        ) {
            Ok(sign_in) => self.start(Box::new(sign_in), FlightReach::Scheduled, Vec::new()),
            Err(error) => {
                tracing::info!(identity = %identity, %error, "no longer kept fresh");
                self.schedule.forget(key);
            }
        }
    }

    /// Whatever these keys make is made with them now, also what was refused with the ones before.
    pub(super) fn keys_stored(&mut self, identity: &str) {
        let is_built_on = |watched: &Watched| {
            let chain = self.auth.chain(watched.identity.as_str());
            chain.is_ok_and(|chain| chain.source().name.eq_ignore_ascii_case(identity))
        };
        let watches = self
            .schedule
            .watches
            .iter()
            .filter(|(_, watched)| is_built_on(watched));
        for key in watches.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            self.begin_again(&key);
        }
        self.renew_those_that_are_due();
    }

    fn begin_again(&mut self, key: &str) {
        if let Some(watched) = self.schedule.watches.get_mut(key) {
            watched.watch.begin_again();
            self.schedule
                .queue
                .insert((watched.expires_at, key.to_owned()));
        }
    }

    /// A session came out of a sign-in, the one that was held before or a new one.
    pub(super) fn signed_in(&mut self, flight: &Flight, sign_in: &SignIn, session: &Session) {
        let identity = flight.chain.identity.to_string();
        let key = identity.to_ascii_lowercase();
        for (name, session, error) in sign_in.not_renewed_below() {
            self.not_renewed_below(name, session, error);
        }
        for name in sign_in.made_below() {
            // What was made for this one is there for them, without a call.
            self.begin_again(&name.to_ascii_lowercase());
        }
        if let (Some(error), FlightReach::Scheduled) = (sign_in.not_renewed(), flight.reach) {
            self.renewal_failed(&key, error.clone());
        } else if sign_in.made_one() {
            let expires_at = session.expires_at;
            self.tell(match flight.reach {
                FlightReach::Scheduled => Event::Renewed {
                    identity,
                    expires_at,
                },
                FlightReach::Unattended | FlightReach::Asks => Event::SignedIn {
                    identity,
                    expires_at,
                },
            });
        }
    }

    pub(super) fn not_signed_in(&mut self, flight: &Flight, error: &Error) {
        let key = flight.chain.identity.as_str().to_ascii_lowercase();
        if flight.reach == FlightReach::Scheduled {
            self.renewal_failed(&key, error.clone());
        }
    }

    /// Found out on the way to somebody else's session: told as if it had been looked for.
    fn not_renewed_below(&mut self, name: &str, session: &Session, error: &Error) {
        let Ok(identity) = self
            .auth
            .config()
            .identity(name)
            .map(|identity| identity.name.clone())
        else {
            return;
        };
        let key = name.to_ascii_lowercase();
        if self.flights.contains_key(&key) {
            return;
        }
        if !self.schedule.watches.contains_key(&key) {
            let watch = Watch::new(
                session,
                Renewable::Alone,
                self.auth.config().notify_before(),
            );
            self.schedule.watches.insert(
                key.clone(),
                Watched {
                    identity,
                    expires_at: session.expires_at,
                    watch,
                },
            );
        }
        self.renewal_failed(&key, error.clone());
    }

    fn renewal_failed(&mut self, key: &str, error: Error) {
        let now = self.clock.now();
        if error.code == Code::SignedOut {
            return self.schedule.forget(key);
        }
        let Some(watched) = self.schedule.watches.get_mut(key) else {
            return;
        };
        tracing::info!(identity = %watched.identity, %error, "not renewed");
        if let Some(announcement) = watched.watch.failed(error, now) {
            self.announce(key, announcement);
        }
    }

    /// Somebody may have signed out elsewhere: then there is nothing to tell.
    fn announce(&mut self, key: &str, announcement: Announcement) {
        let Some(watched) = self.schedule.watches.get(key) else {
            return;
        };
        let identity = watched.identity.to_string();
        if self.auth.is_signed_out(&identity) {
            return self.schedule.forget(key);
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

    pub(super) fn tended(&mut self, tended: Tended) {
        match tended {
            Tended::Held {
                identity,
                session,
                renewable,
            } => self.watch(identity, &session, renewable),
            Tended::PickedUp(Ok(held)) => {
                self.schedule.picked_up = PickUp::Done;
                for held in held {
                    self.tended(held);
                }
            }
            Tended::PickedUp(Err(error)) => {
                tracing::warn!(%error, "cannot look into the keyring yet");
                self.schedule.picked_up = PickUp::Wanted;
            }
            Tended::Nothing => {}
        }
    }

    fn watch(&mut self, identity: IdentityName, session: &Session, renewable: bool) {
        let key = identity.as_str().to_ascii_lowercase();
        let renewable = if renewable {
            Renewable::Alone
        } else {
            Renewable::ByAPerson
        };
        let (now, expires_at) = (self.clock.now(), session.expires_at);
        let known = self.schedule.watches.remove(&key).map(|mut watched| {
            watched.watch.renewed(session, renewable, now);
            watched.watch
        });
        let watch = known
            .unwrap_or_else(|| Watch::new(session, renewable, self.auth.config().notify_before()));
        self.schedule.watches.insert(
            key.clone(),
            Watched {
                identity,
                expires_at,
                watch,
            },
        );
        self.look_at(&key, now);
    }

    /// What earlier runs left: usable without a call to AWS.
    fn pick_up(&mut self) {
        if self.schedule.picked_up != PickUp::Wanted {
            return;
        }
        self.schedule.picked_up = PickUp::UnderWay;
        let auth = self.auth.clone();
        self.spawn(async move {
            let found = match auth.pick_up().await {
                Ok(found) => found,
                Err(error) => return Message::Tended(Tended::PickedUp(Err(error))),
            };
            let mut held = Vec::new();
            for (Chain { identity, .. }, session) in found {
                let renewable = auth.renews_alone(identity.as_str(), caller()).await;
                held.push(Tended::Held {
                    identity,
                    session,
                    renewable,
                });
            }
            Message::Tended(Tended::PickedUp(Ok(held)))
        });
    }

    fn clean_up(&mut self, now: SystemTime) {
        if self.role == Role::InProcess || now < self.schedule.next_cleanup {
            return;
        }
        self.schedule.next_cleanup = now + BETWEEN_CLEANUPS;
        let auth = self.auth.clone();
        self.spawn(async move {
            match auth
                .clean_up(Cleanup {
                    long_lived_keys: LongLivedKeys::Keep,
                    mode: Mode::Run,
                })
                .await
            {
                Ok(report) => drop(auth.record_removals(&caller(), &report).await),
                Err(error) => tracing::warn!(%error, "cannot clean up"),
            }
            Message::Tended(Tended::Nothing)
        });
    }

    /// A change is taken over if it can be used; else the last good one stays in force.
    pub(super) fn look_at_configuration(&mut self) {
        let stamp = self.schedule.configuration.stamp();
        if self.role == Role::InProcess || stamp == self.schedule.configuration.stamp {
            return;
        }
        self.schedule.configuration.stamp = stamp;
        let read = Config::load(&self.schedule.configuration.path, self.auth.environment())
            .and_then(|config| self.auth.reconfigured(config));
        match read {
            Ok(auth) => {
                tracing::info!("configuration changed");
                self.auth = std::sync::Arc::new(auth);
                self.schedule.configuration.problem = None;
                let config = self.auth.config();
                self.schedule
                    .watches
                    .retain(|_, watched| config.identity(watched.identity.as_str()).is_ok());
                self.tell(Event::ConfigurationChanged);
            }
            Err(error) => {
                tracing::warn!(%error, "the changed configuration cannot be used");
                self.schedule.configuration.problem = Some(error.clone());
                self.tell(Event::ConfigurationBroken { error });
            }
        }
    }
}

/// Who renews ahead of time.
pub(super) fn caller() -> Caller {
    Caller {
        program: "keyfob".to_owned(),
        pid: std::process::id(),
        person: Person::Absent,
    }
}
