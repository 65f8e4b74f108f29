//! The task that owns the state: who asks for what, which sign-ins are under way, which prompts are
//! open. Nothing here waits: slow work is spawned and reports back as a [`Message`].

use super::Role;
use super::api::{
    Answered, Call, Control, Event, LastCaller, Look, Maintain, Note, Reply, Request,
    SessionRequest,
};
use super::edits;
use super::errand::{Errand, Interrupted, Upkeep};
use super::flight::{self, Flight, FlightReach, Part, Stage, Waiter};
use super::prompts::{LIFETIME, Tickets};
use super::schedule::{self, Schedule, Tended};
use crate::auth::{Auth, Outcome, SignIn};
use crate::clock::{Alarm, Clock};
use crate::config::Chain;
use crate::error::{Code, Error, Remedy, Result};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::{broadcast, mpsc, oneshot};

pub(super) type VisitorId = u32;

/// What reaches the task.
#[derive(Debug)]
pub(super) enum Message {
    Ask {
        waiter: Waiter,
        surroundings: Option<String>,
    },
    Left(VisitorId),
    /// A sign-in is over, or needs an answer.
    Stopped {
        key: String,
        sign_in: Box<SignIn>,
        outcome: Result<Outcome>,
    },
    /// An errand needs an answer from the one who asked for it.
    ErrandAsks(Box<Interrupted>),
    /// These were signed out of.
    SignedOut(Vec<String>),
    /// Of this identity, and by an errand: a sign-in goes on with them itself.
    KeysStored(String),
    Tended(Tended),
    /// The file was changed, or not.
    Edited {
        waiter: Waiter,
        answered: Box<Answered>,
    },
}

impl Message {
    pub fn ask(
        visitor: VisitorId,
        surroundings: Option<String>,
        call: Call,
        reply: oneshot::Sender<Answered>,
    ) -> Message {
        let waiter = Waiter {
            visitor,
            call,
            reply,
            until: SystemTime::UNIX_EPOCH,
            part: Part::Joins,
        };
        Message::Ask {
            waiter,
            surroundings,
        }
    }
}

#[derive(Debug)]
pub(super) struct Owner {
    pub auth: Arc<Auth>,
    pub role: Role,
    pub clock: Clock,
    pub since: SystemTime,
    pub post: mpsc::WeakUnboundedSender<Message>,
    pub events: broadcast::Sender<Event>,
    /// By identity, in lower case.
    pub flights: HashMap<String, Flight>,
    pub tickets: Tickets,
    /// Sources whose prompt somebody closed, and until when it is not raised again.
    pub declined: HashMap<String, SystemTime>,
    /// By identity, in lower case.
    pub callers: HashMap<String, LastCaller>,
    pub schedule: Schedule,
}

impl Owner {
    pub fn new(
        auth: Auth,
        role: Role,
        post: mpsc::WeakUnboundedSender<Message>,
        events: broadcast::Sender<Event>,
    ) -> Owner {
        let clock = auth.clock().clone();
        let since = clock.now();
        let schedule = Schedule::new(role, auth.config(), auth.environment().fingerprint(), since);
        Owner {
            auth: Arc::new(auth),
            role,
            clock,
            since,
            post,
            events,
            flights: HashMap::new(),
            tickets: Tickets::default(),
            declined: HashMap::new(),
            callers: HashMap::new(),
            schedule,
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

    fn take(&mut self, message: Message) -> std::ops::ControlFlow<()> {
        match message {
            Message::Ask { waiter, .. }
                if matches!(waiter.call.request, Request::Control(Control::Stop))
                    && self.role == Role::Hosted =>
            {
                self.withdraw_all(&Error::new(
                    Code::PersonNeeded,
                    "the agent was stopped while a prompt was open",
                ));
                waiter.answer(Vec::new(), Reply::Stopping);
                return std::ops::ControlFlow::Break(());
            }
            Message::Ask {
                waiter,
                surroundings,
            } => self.ask(waiter, surroundings.as_deref()),
            Message::Left(visitor) => self.left(visitor),
            Message::Stopped {
                key,
                sign_in,
                outcome,
            } => self.stopped(&key, sign_in, outcome),
            Message::ErrandAsks(interrupted) => self.errand_asks(*interrupted),
            Message::SignedOut(identities) => self.signed_out(&identities),
            Message::KeysStored(identity) => self.keys_stored(&identity),
            Message::Tended(tended) => self.tended(tended),
            Message::Edited {
                waiter,
                mut answered,
            } => {
                self.look_at_configuration();
                if let Reply::Edited { problem } = &mut answered.reply {
                    *problem = self.schedule.configuration_problem().cloned();
                }
                waiter.answer(answered.notes, answered.reply);
            }
        }
        std::ops::ControlFlow::Continue(())
    }

    /// When there is something to do although nobody asks.
    fn wake_at(&self) -> SystemTime {
        let asking = self
            .flights
            .values()
            .filter_map(|flight| match &flight.stage {
                Stage::UnderWay => None,
                Stage::Asking(asking) => {
                    let waiting = flight.waiters.iter().map(|waiter| waiter.until).min();
                    Some(waiting.map_or(asking.wanted_at + LIFETIME, |until| {
                        until.min(asking.wanted_at + LIFETIME)
                    }))
                }
            });
        asking
            .chain([self.schedule.wake_at()])
            .min()
            .expect("the schedule always has a next moment")
    }

    /// What is due, and what has waited long enough.
    fn tend(&mut self) {
        let now = self.clock.now();
        self.keep_up(now);
        let mut forgotten = Vec::new();
        for (key, flight) in &mut self.flights {
            let Stage::Asking(asking) = &flight.stage else {
                continue;
            };
            let (over, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut flight.waiters)
                .into_iter()
                .partition(|waiter| waiter.until <= now);
            flight.waiters = waiting;
            for waiter in over {
                let unanswered = flight::unanswered(&self.auth, asking, &waiter.call.request);
                waiter.answer(Vec::new(), Reply::Failed(unanswered));
            }
            if asking.wanted_at + LIFETIME <= now {
                forgotten.push(key.clone());
            }
        }
        for key in forgotten {
            self.withdraw(&key, None);
        }
        self.declined.retain(|_, until| *until > now);
    }

    fn ask(&mut self, waiter: Waiter, surroundings: Option<&str>) {
        self.look_at_configuration();
        if self.needs_the_callers_process(&waiter.call.request, surroundings) {
            return waiter.answer(Vec::new(), Reply::RunInProcess);
        }
        match waiter.call.request.clone() {
            Request::Session(
                SessionRequest::Login(_)
                | SessionRequest::Credentials { .. }
                | SessionRequest::Variables { .. }
                | SessionRequest::DatabaseToken(_)
                | SessionRequest::Console { .. },
            ) => self.with_session(waiter),
            Request::Maintain(Maintain::Configure(configure)) => {
                self.errand(waiter, Errand::configure(configure), None);
            }
            Request::Maintain(Maintain::Logout(logout)) => {
                self.errand(waiter, Errand::upkeep(Upkeep::Logout(logout)), None);
            }
            Request::Maintain(Maintain::Cleanup(cleanup)) => {
                self.errand(waiter, Errand::upkeep(Upkeep::Cleanup(cleanup)), None);
            }
            Request::Maintain(Maintain::Repair { identity }) => {
                self.errand(waiter, Errand::upkeep(Upkeep::Repair(identity)), None);
            }
            Request::Maintain(Maintain::Edit { changes }) => {
                let auth = self.auth.clone();
                self.spawn(async move {
                    let answered = Box::new(edits::change(&auth, &changes));
                    Message::Edited { waiter, answered }
                });
            }
            Request::Maintain(Maintain::Import { profiles }) => {
                let auth = self.auth.clone();
                self.spawn(async move {
                    let answered = edits::import(&auth, &profiles, &waiter.call.caller).await;
                    let answered = Box::new(answered);
                    Message::Edited { waiter, answered }
                });
            }
            Request::Look(Look::List) => {
                let is_elsewhere = surroundings.is_some();
                self.tell_status(waiter, is_elsewhere);
            }
            Request::Look(Look::Status) => self.tell_status(waiter, false),
            Request::Control(Control::Refresh(refresh)) => {
                self.set_refresh(refresh);
                self.tell_status(waiter, false);
            }
            Request::Control(Control::Answer { prompt, answer }) => {
                self.answered(waiter, prompt, answer);
            }
            Request::Control(Control::Cancel { prompt }) => self.cancelled(waiter, prompt),
            Request::Control(Control::Stop) => {
                waiter.answer(
                    Vec::new(),
                    Reply::Failed(Error::new(Code::Usage, "no agent is running")),
                );
            }
            request @ Request::Look(
                Look::Whoami { .. } | Look::Audit { .. } | Look::AuditVerify,
            ) => {
                // Another process's environment may hold the passphrase.
                let is_elsewhere = surroundings.is_some();
                let auth = self.auth.clone();
                tokio::spawn(async move {
                    let mut notes = Vec::new();
                    if is_elsewhere && auth.passphrase_prompt(0).await.is_some() {
                        return waiter.answer(notes, Reply::RunInProcess);
                    }
                    let reply = look(&auth, request, &mut notes)
                        .await
                        .unwrap_or_else(Reply::Failed);
                    waiter.answer(notes, reply);
                });
            }
        }
    }

    /// A chain that is read from the environment, and calls that would go elsewhere, are not the
    /// agent's.
    fn needs_the_callers_process(&self, request: &Request, surroundings: Option<&str>) -> bool {
        if self.role == Role::InProcess
            || matches!(
                request,
                Request::Look(Look::Status)
                    | Request::Maintain(Maintain::Edit { .. } | Maintain::Import { .. })
                    | Request::Control(
                        Control::Refresh(_)
                            | Control::Stop
                            | Control::Answer { .. }
                            | Control::Cancel { .. }
                    )
            )
        {
            return false;
        }
        let config = self.auth.config();
        let elsewhere = surroundings.is_some_and(|theirs| theirs != self.schedule.surroundings());
        let named = match request {
            Request::Look(Look::Whoami { identity, .. })
            | Request::Session(SessionRequest::Console { identity, .. }) => {
                Ok(Some(identity.clone()))
            }
            Request::Maintain(Maintain::Configure(configure)) => {
                Ok(Some(configure.identity.clone()))
            }
            request => flight::identity_of(&self.auth, request),
        };
        elsewhere
            || match named {
                Ok(Some(name)) => config
                    .identity(&name)
                    .is_ok_and(|it| config.needs_the_callers_environment(it)),
                Ok(None) | Err(_) => config.uses_the_environment(),
            }
    }

    /// For a request that needs a session: from memory, from a sign-in under way, or from a new
    /// one.
    fn with_session(&mut self, waiter: Waiter) {
        let named = flight::identity_of(&self.auth, &waiter.call.request);
        let chain = match named.and_then(|name| self.auth.chain(&name.unwrap_or_default())) {
            Ok(chain) => chain,
            Err(error) => return waiter.answer(Vec::new(), Reply::Failed(error)),
        };
        let key = chain.identity.as_str().to_ascii_lowercase();
        let now = self.clock.now();
        let caller = &waiter.call.caller;
        let last = LastCaller {
            program: caller.program.clone(),
            pid: caller.pid,
            at: now,
        };
        self.callers.insert(key.clone(), last);
        if flight::needs_no_session(&chain, &waiter.call.request) {
            let Request::Session(SessionRequest::Variables { form, .. }) = waiter.call.request
            else {
                return;
            };
            let variables = self.auth.variables(&chain, form, None);
            return waiter.answer(
                Vec::new(),
                variables.map_or_else(Reply::Failed, Reply::Variables),
            );
        }
        if let Some(session) = self.auth.in_memory(&chain)
            && flight::is_enough(&waiter.call.request, &session, now)
        {
            let mut notes = Vec::new();
            if waiter.wants_the_console() {
                return flight::open_console(&self.auth, &session, waiter, notes);
            }
            let reply = flight::hand_out(
                &self.auth,
                &chain,
                &session,
                &waiter.call.request,
                &mut notes,
            );
            return waiter.answer(notes, reply.unwrap_or_else(Reply::Failed));
        }
        let until = now + flight::patience_of(&waiter.call.request);
        let waiter = Waiter {
            until,
            part: Part::Joins,
            ..waiter
        };
        let asking = self
            .flights
            .iter()
            .find(|(_, flight)| flight.asking_for(&chain).is_some());
        if let Some(asking) = asking.map(|(key, _)| key.clone()) {
            return self.show_prompt(&asking, waiter, Vec::new());
        }
        match self.flights.get_mut(&key) {
            Some(flight) => flight.waiters.push(waiter),
            None => {
                let reach = self.reach(&chain, &waiter);
                let options = flight::options(&waiter.call, reach);
                match SignIn::new(&self.auth, chain.identity.as_str(), options) {
                    Ok(sign_in) => {
                        self.start(
                            Box::new(sign_in),
                            reach,
                            vec![Waiter {
                                part: Part::Leads,
                                ..waiter
                            }],
                        );
                    }
                    Err(error) => waiter.answer(Vec::new(), Reply::Failed(error)),
                }
            }
        }
    }

    /// Programs raise a prompt only where somebody may answer it, and not right after somebody
    /// refused to.
    fn reach(&self, chain: &Chain, waiter: &Waiter) -> FlightReach {
        let declined = self.declined.get(&chain.source().name.to_ascii_lowercase());
        let declined = declined.is_some_and(|until| *until > self.clock.now());
        let is_login = matches!(
            waiter.call.request,
            Request::Session(SessionRequest::Login(_))
        );
        if waiter.is_person() && is_login || self.role == Role::Hosted && !is_login && !declined {
            FlightReach::Asks
        } else {
            FlightReach::Unattended
        }
    }

    pub fn start(&mut self, mut sign_in: Box<SignIn>, reach: FlightReach, waiters: Vec<Waiter>) {
        let chain = sign_in.chain().clone();
        let key = chain.identity.as_str().to_ascii_lowercase();
        self.flights.insert(
            key.clone(),
            Flight {
                chain,
                reach,
                stage: Stage::UnderWay,
                waiters,
            },
        );
        let auth = self.auth.clone();
        self.spawn(async move {
            let outcome = sign_in.run(&auth).await;
            Message::Stopped {
                key,
                sign_in,
                outcome,
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

    fn stopped(&mut self, key: &str, sign_in: Box<SignIn>, outcome: Result<Outcome>) {
        match outcome {
            Ok(Outcome::Needs(prompt)) => self.asks(key, sign_in, prompt),
            Ok(Outcome::Done(session)) => {
                let Some(flight) = self.flights.remove(key) else {
                    return;
                };
                self.auth.remember(&sign_in, &session);
                self.signed_in(&flight, &sign_in, &session);
                self.hand_over(flight, sign_in, session);
                self.renew_those_that_are_due();
            }
            Err(error) => {
                let Some(flight) = self.flights.remove(key) else {
                    return;
                };
                self.not_signed_in(&flight, &error);
                self.renew_those_that_are_due();
                let mut sign_in = sign_in;
                let notes = sign_in.take_notes();
                for waiter in flight.waiters {
                    // What this flight could not do, one with a person or after a sign-out may.
                    let can_do_more = match error.code {
                        Code::SignedOut => matches!(
                            waiter.call.request,
                            Request::Session(SessionRequest::Login(_))
                        ),
                        // Ahead of time it is tried once, and nobody is waited for.
                        Code::Network | Code::LockTimeout => flight.reach == FlightReach::Scheduled,
                        _ => {
                            error.remedy == Remedy::Person
                                && flight.reach != FlightReach::Asks
                                && self.reach(&flight.chain, &waiter) == FlightReach::Asks
                        }
                    };
                    let keyring_closed =
                        self.role == Role::Hosted && error.code == Code::KeyringLocked;
                    if can_do_more && waiter.part == Part::Joins {
                        self.again(waiter);
                    } else if keyring_closed && !waiter.is_person() {
                        // Not necessarily to the caller's own process.
                        waiter.answer(Vec::new(), Reply::RunInProcess);
                    } else {
                        let notes = waiter.notes_for_it(&notes);
                        waiter.answer(notes, Reply::Failed(error.clone()));
                    }
                }
            }
        }
    }

    /// Everybody who waited gets an answer to its own question.
    fn hand_over(
        &mut self,
        flight: Flight,
        mut sign_in: Box<SignIn>,
        session: crate::secret::Session,
    ) {
        let made_one = sign_in.made_one();
        let notes = sign_in.take_notes();
        let (same, others): (Vec<_>, Vec<_>) = flight.waiters.into_iter().partition(|waiter| {
            let named = flight::identity_of(&self.auth, &waiter.call.request)
                .ok()
                .flatten();
            let same = named
                .is_some_and(|name| flight.chain.identity.as_str().eq_ignore_ascii_case(&name));
            same && (!waiter.insists() || waiter.part == Part::Leads || made_one)
        });
        for waiter in others {
            self.again(waiter);
        }
        let auth = self.auth.clone();
        self.spawn(async move {
            let mut notes = notes;
            let written = if made_one {
                auth.renew_files(&sign_in, &session, &mut notes).await
            } else {
                Ok(())
            };
            for waiter in same {
                let mut notes = waiter.notes_for_it(&notes);
                if waiter.wants_the_console() && written.is_ok() {
                    flight::open_console(&auth, &session, waiter, notes);
                    continue;
                }
                let reply = match &written {
                    Ok(()) => {
                        flight::deliver(&auth, &sign_in, &session, &waiter.call.request, &mut notes)
                            .await
                    }
                    Err(error) => Err(error.clone()),
                };
                waiter.answer(notes, reply.unwrap_or_else(Reply::Failed));
            }
            if sign_in.not_renewed().is_some() {
                return Message::Tended(Tended::Nothing);
            }
            let identity = sign_in.chain().identity.clone();
            let renewable = auth
                .renews_alone(identity.as_str(), schedule::caller())
                .await;
            Message::Tended(Tended::Held {
                identity,
                session,
                renewable,
            })
        });
    }

    /// As if it were asked only now.
    pub fn again(&self, waiter: Waiter) {
        if let Some(post) = self.post.upgrade() {
            let _ = post.send(Message::Ask {
                waiter,
                surroundings: None,
            });
        }
    }

    pub fn tell(&self, event: Event) {
        // Nobody may be listening.
        let _ = self.events.send(event);
    }
}

async fn look(auth: &Auth, request: Request, notes: &mut Vec<Note>) -> Result<Reply> {
    match request {
        Request::Look(Look::Whoami { identity, reach }) => {
            let (whoami, said) = auth.whoami(&identity, reach).await?;
            notes.extend(said);
            Ok(Reply::Whoami(whoami))
        }
        Request::Look(Look::Audit { since }) => Ok(Reply::Audit(auth.audit(since)?)),
        Request::Look(Look::AuditVerify) => Ok(Reply::AuditVerified(auth.verify_audit().await?)),
        _ => Err(Error::new(Code::Unsupported, "this is not only looked at")),
    }
}
