//! The state of an agent, and what starts work beside it. Nothing here waits: slow work is spawned
//! and reports back as a [`Message`].

use super::answers::Effects;
use super::api::{Answered, Call, Event, Note, PromptId, Reply};
use super::jobs::{About, JobId, Jobs};
use super::ports::Ports;
use super::role::Role;
use super::schedule::Schedule;
use super::waiter::ClientId;
use super::waiter::{Attendance, Part, Waiter};
use crate::ask::{Ask, AskMessage, Person};
use crate::clock::Clock;
use crate::config::Chain;
use crate::databases::Tokens;
use crate::files::Stamp;
use crate::logout::InMemory;
use crate::providers::lock_name;
use crate::rotation::KeysLook;
use crate::sessions::sync::Reading;
use crate::sessions::{self, Renewable, Sessions};
use crate::sign_in::{Completed, Failure, Options, renews_alone, sign_in};
use crate::world::World;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::{broadcast, mpsc, oneshot};

/// What reaches the task.
#[derive(Debug)]
pub(super) enum Message {
    Request {
        waiter: Waiter,
        fingerprint: Option<String>,
    },
    Left(ClientId),
    Ask {
        job: JobId,
        message: AskMessage,
    },
    SignedIn {
        job: JobId,
        outcome: Result<Box<Completed>, Failure>,
    },
    Maintained {
        job: JobId,
        notes: Vec<Note>,
        reply: Reply,
        effects: Effects,
    },
    /// Whether keys were stored that answer the prompt for them, before these are shown it.
    KeysLookedFor {
        job: JobId,
        prompt: PromptId,
        found: Found,
        waiting: Vec<Waiter>,
        notes: Vec<Note>,
    },
    /// What is stored was read, for those who look.
    Read {
        reading: Reading,
        then: Then,
    },
    /// What is stored is still being read; tray and windows do not wait so long.
    KeyringAwaited(Shown),
    /// A provider's sign-in was renewed, or could not be.
    SignInTried,
    KeysLookedAt(KeysLook),
    /// AWS no longer knows the session of an identity.
    Refused {
        identity: String,
    },
    /// How the session of an identity is renewed; `None`: the keyring cannot say.
    Renewable {
        identity: String,
        how: Option<Renewable>,
    },
    /// Of the host, for the status.
    Warning(String),
    Nothing,
}

impl Message {
    pub async fn how_it_is_renewed(world: &World, identity: String) -> Message {
        let alone = renews_alone(world, &identity, super::schedule::caller()).await;
        let how = alone.ok().map(|alone| {
            if alone {
                Renewable::Alone
            } else {
                Renewable::ByAPerson
            }
        });
        Message::Renewable { identity, how }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Found {
    Keys,
    /// With the keyring as it was then.
    Nothing(Stamp),
}

/// The request of a window that began a reading, and what goes along with the reply.
pub(super) type Shown = Option<(Waiter, Vec<Note>)>;

/// What a reading was made for.
#[derive(Debug)]
pub(super) enum Then {
    /// What is shown to tray and windows, if one of them began it.
    Windows(Shown),
    /// With what goes along.
    Snapshot(Waiter, Vec<Note>),
    Whoami(Waiter),
}

impl Message {
    pub fn request(
        client: ClientId,
        fingerprint: Option<String>,
        call: Call,
        reply: oneshot::Sender<Answered>,
    ) -> Message {
        let waiter = Waiter {
            client,
            call,
            reply,
            until: SystemTime::UNIX_EPOCH,
            part: Part::Joins,
        };
        Message::Request {
            waiter,
            fingerprint,
        }
    }
}

#[derive(Debug)]
pub(super) struct Actor {
    pub world: Arc<World>,
    pub role: Role,
    pub clock: Clock,
    pub since: SystemTime,
    pub post: mpsc::WeakUnboundedSender<Message>,
    pub events: broadcast::Sender<Event>,
    pub jobs: Jobs,
    pub sessions: Sessions,
    pub tokens: Arc<Tokens>,
    pub ports: Ports,
    pub schedule: Schedule,
    /// Sources with a prompt that was closed, and until when programs do not raise it again.
    pub declined: HashMap<String, SystemTime>,
}

impl Actor {
    pub fn new(
        world: World,
        role: Role,
        post: mpsc::WeakUnboundedSender<Message>,
        events: broadcast::Sender<Event>,
    ) -> Actor {
        let clock = world.clock.clone();
        let since = clock.now();
        Actor {
            sessions: Sessions::new(&world),
            tokens: Arc::new(Tokens::new(clock.clone())),
            ports: Ports::new(),
            schedule: Schedule::new(&world, since),
            world: Arc::new(world),
            role,
            clock,
            since,
            post,
            events,
            jobs: Jobs::default(),
            declined: HashMap::new(),
        }
    }

    /// What the sign-ins from its source are locked by.
    fn source_lock(&self, chain: &Chain) -> String {
        sessions::key(&lock_name(&self.world.config, chain.source()))
    }

    /// The job with the open prompt that a sign-in along `chain` has to wait for.
    pub fn asking_for(&self, chain: &Chain) -> Option<JobId> {
        self.jobs.asking_for(&self.source_lock(chain))
    }

    /// Programs raise a prompt only where a person may answer it, and not right after one refused
    /// to.
    pub fn reach(&self, chain: &Chain, waiter: &Waiter) -> Attendance {
        let declined = self.declined.get(&self.source_lock(chain));
        let declined = declined.is_some_and(|until| *until > self.clock.now());
        let is_login = waiter.is_login();
        if waiter.is_person() && is_login || self.role == Role::Hosted && !is_login && !declined {
            Attendance::Asks
        } else {
            Attendance::Unattended
        }
    }

    pub fn sign_in(
        &mut self,
        chain: Chain,
        reach: Attendance,
        options: Options,
        waiters: Vec<Waiter>,
    ) {
        let identity = chain.identity.to_string();
        let about = About::SignIn {
            source_lock: self.source_lock(&chain),
            chain: Box::new(chain),
            reach,
        };
        let job = self.jobs.start(about, waiters);
        let world = self.world.clone();
        self.run_job(job, options.caller.person, move |ask| async move {
            let outcome = sign_in(&world, &identity, options, &ask)
                .await
                .map(Box::new);
            Message::SignedIn { job, outcome }
        });
    }

    /// On a task of its own, with a person to ask where there is one.
    pub fn run_job<W: Future<Output = Message> + Send + 'static>(
        &self,
        job: JobId,
        person: Person,
        work: impl FnOnce(Ask) -> W,
    ) {
        let Some(post) = self.post.upgrade() else {
            return;
        };
        let post = post.downgrade();
        let (ask, mut messages) = match person {
            Person::Present => Ask::open(),
            Person::Absent => (Ask::nobody(), mpsc::unbounded_channel().1),
        };
        let work = work(ask);
        tokio::spawn(async move {
            tokio::pin!(work);
            loop {
                let message = tokio::select! {
                    Some(message) = messages.recv() => Message::Ask { job, message },
                    message = &mut work => {
                        // An agent that has ended needs no news.
                        if let Some(post) = post.upgrade() {
                            let _ = post.send(message);
                        }
                        return;
                    }
                };
                let Some(post) = post.upgrade() else { return };
                let _ = post.send(message);
            }
        });
    }

    pub fn spawn(&self, work: impl Future<Output = Message> + Send + 'static) {
        let Some(post) = self.post.upgrade() else {
            return;
        };
        tokio::spawn(async move {
            // An agent that has ended needs no news.
            let _ = post.send(work.await);
        });
    }

    pub fn find_out_how_it_is_renewed(&self, identity: String) {
        let world = self.world.clone();
        self.spawn(async move { Message::how_it_is_renewed(&world, identity).await });
    }

    /// The session of an identity is gone, and what it signed with it.
    pub fn forget(&mut self, identity: &str) {
        self.sessions.forget(identity);
        self.tokens.forget(identity);
    }

    pub fn in_memory(&self) -> InMemory {
        let names = self.sessions.records().map(|(key, _)| key.clone());
        InMemory {
            sessions: self.sessions.held().cloned().collect(),
            with_tokens: names.filter(|name| self.tokens.count(name) > 0).collect(),
        }
    }

    /// As if it were requested only now.
    pub fn again(&self, waiter: Waiter) {
        if let Some(post) = self.post.upgrade() {
            let fingerprint = None;
            let _ = post.send(Message::Request {
                waiter,
                fingerprint,
            });
        }
    }

    pub fn tell(&self, event: Event) {
        // There may be no listener.
        let _ = self.events.send(event);
    }
}
