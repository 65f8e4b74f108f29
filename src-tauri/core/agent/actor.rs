//! The task that owns the state: requests come in, jobs are started, replies and events go out.
//! Nothing here waits: slow work is spawned and reports back as a [`Message`].

use super::answers::{self, Effects, Held};
use super::api::{
    Answered, Call, Control, Event, LastCaller, Look, Maintain, Note, Reply, Request,
    SessionRequest,
};
use super::jobs::{About, JobId, Jobs};
use super::role::Role;
use super::schedule::Schedule;
use super::waiter::ClientId;
use super::waiter::{self, Part, Reach, Waiter};
use crate::ask::{Ask, Person, Question};
use crate::clock::{Alarm, Clock};
use crate::config::Chain;
use crate::databases::Tokens;
use crate::error::{Code, Error, Remedy};
use crate::logout::InMemory;
use crate::sessions::sync::{self, Reading, Scope};
use crate::sessions::{self, Renewable, Sessions, variables, whoami};
use crate::sign_in::{Completed, Failure, Options, renews_alone, sign_in};
use crate::world::World;
use std::collections::HashMap;
use std::ops::ControlFlow;
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
    /// A job cannot go on without a person.
    Question {
        job: JobId,
        question: Question,
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
    /// What is stored was read, for those who look.
    Read {
        reading: Reading,
        then: Then,
    },
    /// How the session of an identity is renewed.
    Renewable {
        identity: String,
        how: Renewable,
    },
    Nothing,
}

/// What a reading was made for.
#[derive(Debug)]
pub(super) enum Then {
    Schedule,
    Snapshot(Waiter),
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
    tokens: Arc<Tokens>,
    pub schedule: Schedule,
    /// Sources whose prompt was closed, and until when programs do not raise it again.
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

    pub async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Message>) {
        let alarm = Alarm::new(self.clock.clone());
        self.tend();
        loop {
            let wake = self.wake_at();
            tokio::select! {
                biased;
                message = inbox.recv() => match message {
                    Some(message) => if self.take(message).is_break() { return },
                    None => return,
                },
                () = alarm.rest_until(wake) => self.tend(),
            }
        }
    }

    fn take(&mut self, message: Message) -> ControlFlow<()> {
        match message {
            Message::Request {
                waiter,
                fingerprint,
            } => {
                return self.request(waiter, fingerprint.as_deref());
            }
            Message::Left(client) => self.left(client),
            Message::Question { job, question } => self.question(job, question),
            Message::SignedIn { job, outcome } => self.signed_in(job, outcome),
            Message::Maintained {
                job,
                notes,
                reply,
                effects,
            } => {
                let reply = self.maintained(&effects, reply);
                for waiter in self.jobs.end(job).map_or_else(Vec::new, |job| job.waiters) {
                    waiter.answer(notes.clone(), reply.clone());
                }
            }
            Message::Read { reading, then } => self.read(reading, then),
            Message::Renewable { identity, how } => self.renewable(&identity, how),
            Message::Nothing => {}
        }
        ControlFlow::Continue(())
    }

    fn request(&mut self, waiter: Waiter, fingerprint: Option<&str>) -> ControlFlow<()> {
        self.look_at_configuration();
        if self.needs_the_callers_process(&waiter.call.request, fingerprint) {
            waiter.answer(Vec::new(), Reply::RunInProcess);
            return ControlFlow::Continue(());
        }
        match waiter.call.request.clone() {
            Request::Session(request) => self.with_session(waiter, &request),
            Request::Maintain(request) => self.maintain(waiter, request),
            Request::Look(request) => self.look(waiter, request, fingerprint.is_some()),
            Request::Control(Control::Refresh(refresh)) => {
                self.set_refresh(refresh);
                self.look(waiter, Look::Status, false);
            }
            Request::Control(Control::Answer { prompt, answer }) => {
                self.answered(waiter, prompt, answer);
            }
            Request::Control(Control::Cancel { prompt }) => self.cancelled(waiter, prompt),
            Request::Control(Control::Stop) if self.role == Role::Hosted => {
                let message = "the agent was stopped while a prompt was open";
                self.close_all(&Error::new(Code::PersonNeeded, message));
                waiter.answer(Vec::new(), Reply::Stopping);
                return ControlFlow::Break(());
            }
            Request::Control(Control::Stop) => {
                waiter.fail(Error::new(Code::Usage, "no agent is running"));
            }
        }
        ControlFlow::Continue(())
    }

    /// A chain that is read from the environment, and calls that would go elsewhere, are not the
    /// agent's.
    fn needs_the_callers_process(&self, request: &Request, fingerprint: Option<&str>) -> bool {
        let identity = match request {
            _ if self.role == Role::InProcess => return false,
            Request::Control(_) | Request::Look(Look::Status) => return false,
            Request::Session(request) => waiter::identity_of(&self.world, request).ok(),
            Request::Look(Look::Whoami { identity, .. }) => Some(identity.clone()),
            Request::Maintain(Maintain::Configure(configure)) => Some(configure.identity.clone()),
            Request::Maintain(
                Maintain::Logout(_)
                | Maintain::Cleanup(_)
                | Maintain::Repair { .. }
                | Maintain::Edit { .. }
                | Maintain::Import { .. },
            )
            | Request::Look(Look::List | Look::Audit { .. } | Look::AuditVerify) => None,
        };
        let config = &self.world.config;
        fingerprint.is_some_and(|theirs| theirs != self.schedule.fingerprint())
            || match identity {
                Some(name) => config
                    .identity(&name)
                    .is_ok_and(|it| config.needs_the_callers_environment(it)),
                None => config.uses_the_environment(),
            }
    }

    /// From the record, from a sign-in under way, or from a new one.
    fn with_session(&mut self, waiter: Waiter, request: &SessionRequest) {
        let named = waiter::identity_of(&self.world, request);
        let chain = match named.and_then(|name| self.world.chain(&name)) {
            Ok(chain) => chain,
            Err(error) => return waiter.fail(error),
        };
        let now = self.clock.now();
        self.sessions.record(&chain.identity).last_caller = Some(LastCaller {
            program: waiter.call.caller.program.clone(),
            pid: waiter.call.caller.pid,
            at: now,
        });
        if let Some(form) = waiter::needs_no_session(&chain, request) {
            let variables = variables(&self.world, &chain, form, None);
            let reply = variables.map_or_else(Reply::Failed, Reply::Variables);
            return waiter.answer(Vec::new(), reply);
        }
        if let Some((session, ticket)) = self.sessions.usable(&self.world, &chain)
            && waiter::is_enough(request, &session, now)
        {
            match self.world.store.sign_outs.unchanged(&ticket) {
                Ok(()) => return self.give(waiter, chain, session),
                Err(_) => self.sessions.forget(chain.identity.as_str()),
            }
        }
        let until = now + waiter::patience_of(request);
        let waiter = Waiter {
            until,
            part: Part::Joins,
            ..waiter
        };
        if let Some(job) = self.jobs.asking_for(&chain) {
            return self.show_prompt(job, waiter, Vec::new());
        }
        let under_way = self.jobs.sign_in_to(chain.identity.as_str());
        if let Some(job) = under_way.and_then(|job| self.jobs.get_mut(job)) {
            return job.waiters.push(waiter);
        }
        let reach = self.reach(&chain, &waiter);
        let options = waiter::options(&waiter.call.caller, request, reach);
        let waiter = Waiter {
            part: Part::Leads,
            ..waiter
        };
        self.sign_in(chain, reach, options, vec![waiter]);
    }

    fn give(&self, waiter: Waiter, chain: Chain, session: crate::secret::Session) {
        let (world, tokens) = (self.world.clone(), self.tokens.clone());
        tokio::spawn(async move {
            let mut notes = Vec::new();
            let Some(request) = waiter.session_request() else {
                return;
            };
            let held = Held {
                world: &world,
                tokens: &tokens,
                session: &session,
                chain: &chain,
            };
            let reply = held.give(request, &mut notes).await;
            waiter.answer(notes, reply.unwrap_or_else(Reply::Failed));
        });
    }

    /// Programs raise a prompt only where a person may answer it, and not right after one refused
    /// to.
    pub fn reach(&self, chain: &Chain, waiter: &Waiter) -> Reach {
        let declined = self.declined.get(&sessions::key(&chain.source().name));
        let declined = declined.is_some_and(|until| *until > self.clock.now());
        let is_login = waiter.is_login();
        if waiter.is_person() && is_login || self.role == Role::Hosted && !is_login && !declined {
            Reach::Asks
        } else {
            Reach::Unattended
        }
    }

    pub fn sign_in(&mut self, chain: Chain, reach: Reach, options: Options, waiters: Vec<Waiter>) {
        let identity = chain.identity.to_string();
        let about = About::SignIn {
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

    fn maintain(&mut self, waiter: Waiter, request: Maintain) {
        let identity = match &request {
            Maintain::Configure(configure) => configure.identity.clone(),
            Maintain::Logout(_)
            | Maintain::Cleanup(_)
            | Maintain::Repair { .. }
            | Maintain::Edit { .. }
            | Maintain::Import { .. } => String::new(),
        };
        let (world, memory) = (self.world.clone(), self.in_memory());
        let caller = waiter.call.caller.clone();
        let is_hosted = self.role == Role::Hosted;
        let job = self.jobs.start(About::Upkeep { identity }, vec![waiter]);
        self.run_job(job, caller.person, move |ask| async move {
            let is_absent = caller.person == Person::Absent;
            if is_hosted && is_absent && world.passphrase_prompt(0).await.is_some() {
                // The caller's environment may hold the passphrase.
                return Message::Maintained {
                    job,
                    notes: Vec::new(),
                    reply: Reply::RunInProcess,
                    effects: Effects::default(),
                };
            }
            let (notes, reply, effects) =
                answers::maintain(&world, request, caller, &ask, &memory).await;
            let reply = reply.unwrap_or_else(Reply::Failed);
            Message::Maintained {
                job,
                notes,
                reply,
                effects,
            }
        });
    }

    /// On a task of its own, with a person to ask where there is one.
    fn run_job<W: Future<Output = Message> + Send + 'static>(
        &self,
        job: JobId,
        person: Person,
        work: impl FnOnce(Ask) -> W,
    ) {
        let Some(post) = self.post.upgrade() else {
            return;
        };
        let post = post.downgrade();
        let (ask, mut questions) = match person {
            Person::Present => Ask::open(),
            Person::Absent => (Ask::nobody(), mpsc::unbounded_channel().1),
        };
        let work = work(ask);
        tokio::spawn(async move {
            tokio::pin!(work);
            loop {
                let message = tokio::select! {
                    Some(question) = questions.recv() => Message::Question { job, question },
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

    fn look(&mut self, waiter: Waiter, request: Look, is_elsewhere: bool) {
        let world = self.world.clone();
        let known = self.sessions.known();
        let asks_the_keyring = !matches!(request, Look::Status) && is_elsewhere;
        self.spawn(async move {
            // The caller's environment may hold the passphrase.
            if asks_the_keyring && world.passphrase_prompt(0).await.is_some() {
                waiter.answer(Vec::new(), Reply::RunInProcess);
                return Message::Nothing;
            }
            if let Some(reply) = answers::look(&world, &request).await {
                let notes = Vec::new();
                waiter.answer(notes, reply.unwrap_or_else(Reply::Failed));
                return Message::Nothing;
            }
            match &request {
                Look::Whoami { identity, .. } => Message::Read {
                    reading: sync::read(&world, known, Scope::One(identity)).await,
                    then: Then::Whoami(waiter),
                },
                _ => Message::Read {
                    reading: sync::read(&world, known, Scope::All).await,
                    then: Then::Snapshot(waiter),
                },
            }
        });
    }

    fn read(&mut self, reading: Reading, then: Then) {
        let changed = self.sessions.take(reading, self.clock.now());
        if self.role == Role::Hosted {
            for (chain, _) in changed {
                self.find_out_how_it_is_renewed(chain.identity.to_string());
            }
        }
        match then {
            Then::Schedule => self.schedule.was_read(),
            Then::Snapshot(waiter) => self.show_snapshot(waiter),
            Then::Whoami(waiter) => self.who_is_it(waiter),
        }
    }

    fn who_is_it(&mut self, waiter: Waiter) {
        let Request::Look(Look::Whoami { identity, reach }) = waiter.call.request.clone() else {
            return waiter.fail(Error::new(
                Code::Unsupported,
                "another request was answered",
            ));
        };
        let name = match self.world.config.identity(&identity) {
            Ok(identity) => identity.name.clone(),
            Err(error) => return waiter.fail(error),
        };
        let record = self.sessions.record(&name).clone();
        let world = self.world.clone();
        tokio::spawn(async move {
            let (notes, reply) = match whoami(&world, &record, reach).await {
                Ok((whoami, notes)) => (notes, Reply::Whoami(whoami)),
                Err(error) => (Vec::new(), Reply::Failed(error)),
            };
            waiter.answer(notes, reply);
        });
    }

    pub fn find_out_how_it_is_renewed(&self, identity: String) {
        let world = self.world.clone();
        self.spawn(async move {
            let alone = renews_alone(&world, &identity, super::schedule::caller()).await;
            let how = if alone {
                Renewable::Alone
            } else {
                Renewable::ByAPerson
            };
            Message::Renewable { identity, how }
        });
    }

    fn signed_in(&mut self, job: JobId, outcome: Result<Box<Completed>, Failure>) {
        let Some(job) = self.jobs.end(job) else {
            return;
        };
        let About::SignIn { chain, reach } = job.about else {
            return;
        };
        let dropped = match &outcome {
            Ok(completed) => &completed.dropped,
            Err(failure) => &failure.dropped,
        };
        for name in dropped {
            self.forget(name);
        }
        match outcome {
            Ok(completed) => {
                self.completed(reach, &completed);
                self.hand_over(*completed, job.waiters);
            }
            Err(Failure { error, notes, .. }) => {
                self.not_signed_in(&chain, reach, &error);
                for waiter in job.waiters {
                    if job.is_turned_away {
                        waiter.answer(Vec::new(), Reply::RunInProcess);
                    } else {
                        let still_needed = job.closed.filter(|_| !waiter.is_person());
                        let remedy = still_needed.unwrap_or(error.remedy);
                        let error = Error {
                            remedy,
                            ..error.clone()
                        };
                        self.failed(waiter, &chain, reach, (&error, &notes));
                    }
                }
            }
        }
        self.renew_those_that_are_due();
    }

    /// What this sign-in could not do, one with a person or after a sign-out may.
    fn failed(
        &self,
        waiter: Waiter,
        chain: &Chain,
        reach: Reach,
        (error, notes): (&Error, &[Note]),
    ) {
        let can_do_more = match error.code {
            Code::SignedOut => waiter.is_login(),
            // Ahead of time it is tried once, without waiting.
            Code::Network | Code::LockTimeout => reach == Reach::Scheduled,
            _ => {
                error.remedy == Remedy::Person
                    && reach != Reach::Asks
                    && self.reach(chain, &waiter) == Reach::Asks
            }
        };
        let keyring_closed = self.role == Role::Hosted && error.code == Code::KeyringLocked;
        if can_do_more && waiter.part == Part::Joins {
            self.again(waiter);
        } else if keyring_closed && !waiter.is_person() {
            // Not necessarily to the caller's own process.
            waiter.answer(Vec::new(), Reply::RunInProcess);
        } else {
            let notes = waiter.notes_for_it(notes);
            waiter.answer(notes, Reply::Failed(error.clone()));
        }
    }

    /// All that waited get the reply to their own request.
    fn hand_over(&mut self, completed: Completed, waiters: Vec<Waiter>) {
        let identity = completed.chain.identity.to_string();
        let made_one = !completed.made.is_empty();
        let is_same = |waiter: &Waiter| {
            let named = waiter
                .session_request()
                .map(|it| waiter::identity_of(&self.world, it));
            let same = matches!(named, Some(Ok(name)) if name.eq_ignore_ascii_case(&identity));
            same && (!waiter.insists() || waiter.part == Part::Leads || made_one)
        };
        let (same, others): (Vec<_>, Vec<_>) = waiters.into_iter().partition(is_same);
        for waiter in others {
            self.again(waiter);
        }
        let (world, tokens) = (self.world.clone(), self.tokens.clone());
        self.spawn(async move {
            answers::hand_over(&world, &tokens, &completed, same).await;
            if completed.not_renewed.is_some() {
                return Message::Nothing;
            }
            let alone = renews_alone(&world, &identity, super::schedule::caller()).await;
            let how = if alone {
                Renewable::Alone
            } else {
                Renewable::ByAPerson
            };
            Message::Renewable { identity, how }
        });
    }

    fn maintained(&mut self, effects: &Effects, mut reply: Reply) -> Reply {
        for name in &effects.dropped {
            self.forget(name);
        }
        for identity in &effects.signed_out {
            self.forget(identity);
            self.sessions.signed_out(identity);
            let error = Error::new(Code::SignedOut, format!("{identity} was signed out"));
            if let Some(job) = self.jobs.sign_in_to(identity) {
                self.close(job, Some(&error.identity(identity)));
            }
            self.tell(Event::SignedOut {
                identity: identity.clone(),
            });
        }
        if let Some(identity) = &effects.keys_stored {
            self.keys_stored(identity);
        }
        if effects.is_edited {
            self.look_at_configuration();
        }
        if let Reply::Edited { problem } = &mut reply {
            *problem = self.schedule.configuration_problem().cloned();
        }
        reply
    }

    /// The session of an identity is gone, and what it signed with it.
    fn forget(&mut self, identity: &str) {
        self.sessions.forget(identity);
        self.tokens.forget(identity);
    }

    fn in_memory(&self) -> InMemory {
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
