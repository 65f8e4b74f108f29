//! A sign-in is one function: down the chain from the target to the first fresh session, then up
//! again, one AWS call a link. Each link is made under its own sign-in lock, so that fifty
//! processes that start together make one call and show one prompt; those who waited take over the
//! outcome, failures too. Dropping the function's future frees its locks and withdraws its prompt.

mod locks;

use crate::ask::{Ask, Caller, Note, Person, Prompt, PromptKind};
use crate::clock::moment;
use crate::config::Chain;
use crate::duration::SessionDuration;
use crate::error::{Code, Error, Remedy, Result};
use crate::files::Patience;
use crate::providers::{self, Obtain, Refusal, Trail};
use crate::secret::Session;
use crate::store::audit::{AuditEvent, AuditOutcome, Happened};
use crate::store::{SignInLock, StoredSession, Ticket};
use crate::world::{RefusedSession, World};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

const PASSPHRASE_ATTEMPTS: u32 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Renewal {
    /// A usable session is kept, unless it is due and can be renewed without a person.
    WhenDue,
    /// `--force`: the target's session is made anew.
    Always,
    /// `--force-all`: so is every session of the chain.
    WholeChain,
}

/// What a sign-in does with a session that it finds good by its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldSession {
    #[default]
    Kept,
    /// Shown to AWS first: one that AWS no longer knows is made anew.
    Checked,
}

impl HeldSession {
    pub fn is_kept(&self) -> bool {
        *self == HeldSession::Kept
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct SignedIn {
    pub identity: String,
    pub provider: String,
    /// From the source to the identity.
    pub chain: Vec<String>,
    pub account: Option<String>,
    pub region: String,
    #[serde(with = "moment")]
    #[cfg_attr(feature = "app", specta(type = String))]
    pub expires_at: SystemTime,
    pub source: String,
    /// The session was there before: nothing was made.
    #[serde(default)]
    pub kept: bool,
}

/// What a session is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// A person signs in: an earlier sign-out is over.
    SignIn,
    /// A program wants what there is: signed out stays signed out.
    Use,
}

/// How a sign-in is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// For the target; beats every other place a duration is written.
    pub duration: Option<SessionDuration>,
    pub renewal: Renewal,
    pub held: HeldSession,
    /// Answers the first MFA prompt.
    pub mfa_code: Option<String>,
    pub caller: Caller,
    pub intent: Intent,
    /// For another sign-in of the same identity.
    pub patience: Patience,
}

impl Options {
    /// Without a person, and without waiting: it is tried again later.
    pub fn ahead_of_time(caller: Caller) -> Options {
        Options {
            duration: None,
            renewal: Renewal::WhenDue,
            held: HeldSession::Kept,
            mfa_code: None,
            caller: Caller {
                person: Person::Absent,
                ..caller
            },
            intent: Intent::Use,
            patience: Patience::NotAtAll,
        }
    }

    /// A failure for want of a person is no outcome where there is one.
    fn accepts(&self, error: &Error) -> bool {
        match (error.remedy, self.caller.person) {
            (Remedy::Person, Person::Present) => false,
            (Remedy::Person, Person::Absent) | (Remedy::Fix, _) => true,
        }
    }
}

/// A sign-in that has a session to show for it.
#[derive(Debug)]
pub struct Completed {
    pub chain: Chain,
    pub session: Session,
    /// Of the target, from the start of the sign-in.
    pub ticket: Ticket,
    pub notes: Vec<Note>,
    /// The links that AWS was called for: without any nothing has changed.
    pub made: BTreeSet<usize>,
    /// Why the session is the one that was held before, although it was due.
    pub not_renewed: Option<Error>,
    /// The same of links below the target.
    pub not_renewed_below: Vec<NotRenewed>,
    /// Identities that lost their stored session, because it or its keys were replaced.
    pub dropped: Vec<String>,
}

#[derive(Debug)]
pub struct NotRenewed {
    pub name: String,
    pub session: Session,
    pub error: Error,
}

impl Completed {
    /// The links below the target with a session made on the way.
    pub fn made_below(&self) -> impl Iterator<Item = &str> {
        let links = self.chain.links();
        let below = self.made.iter().filter(|at| **at + 1 < links.len());
        below.map(|at| links[*at].name.as_str())
    }
}

/// A sign-in that has no session to show for it.
#[derive(Debug)]
pub struct Failure {
    pub error: Error,
    pub notes: Vec<Note>,
    pub dropped: Vec<String>,
}

/// The session that is held for a link, on the way down.
enum LinkState {
    Fresh(Session),
    /// Usable, and to be renewed.
    Due(Session),
    Nothing,
}

/// Signs in to an identity: what is held and fresh is used, the rest is made.
pub async fn sign_in(
    world: &World,
    identity: &str,
    options: Options,
    ask: &Ask,
) -> Result<Completed, Failure> {
    let mut climb = Climb::start(world, identity, options, ask).map_err(|error| Failure {
        error,
        notes: Vec::new(),
        dropped: Vec::new(),
    })?;
    let outcome = match climb.with_an_open_keyring().await {
        Ok(session) => climb.known_to_aws(session).await,
        Err(error) => Err(error),
    };
    let outcome = match outcome {
        Ok(session) => lift_sign_outs(&climb).await.map(|()| session),
        Err(error) => Err(error),
    };
    climb.finish(outcome).await
}

/// Whether an identity's session can be made again without a person.
pub async fn renews_alone(world: &World, identity: &str, caller: Caller) -> Result<bool> {
    let (options, ask) = (Options::ahead_of_time(caller), Ask::nobody());
    let mut climb = Climb::start(world, identity, options, &ask)?;
    climb.renewable(climb.target()).await
}

/// The one sign-in under way: what its steps share.
struct Climb<'a> {
    world: &'a World,
    ask: &'a Ask,
    chain: Chain,
    options: Options,
    /// One for each link, taken at the start: after a sign-out they are worth nothing.
    tickets: Vec<Ticket>,
    locks: BTreeMap<usize, SignInLock>,
    /// Links with a usable session that is made anew all the same.
    renewing: BTreeSet<usize>,
    /// What ends this sign-in is the outcome of another process's.
    took_over: bool,
    trail: Trail,
    made: BTreeSet<usize>,
    not_renewed: Option<Error>,
    not_renewed_below: Vec<NotRenewed>,
}

impl<'a> Climb<'a> {
    fn start(
        world: &'a World,
        identity: &str,
        options: Options,
        ask: &'a Ask,
    ) -> Result<Climb<'a>> {
        let chain = world.chain(identity)?;
        providers::refuse_unsupported(&chain)?;
        let tickets = chain
            .names()
            .into_iter()
            .map(|name| world.store.sign_outs.ticket(name));
        Ok(Climb {
            tickets: tickets.collect::<Result<_>>()?,
            world,
            ask,
            chain,
            locks: BTreeMap::new(),
            renewing: BTreeSet::new(),
            took_over: false,
            trail: Trail::of(options.caller.clone()),
            options,
            made: BTreeSet::new(),
            not_renewed: None,
            not_renewed_below: Vec::new(),
        })
    }

    fn target(&self) -> usize {
        self.chain.links().len() - 1
    }

    fn name(&self, at: usize) -> &str {
        &self.chain.links()[at].name
    }

    /// A keyring that a passphrase would open is a question before it is a failure.
    async fn with_an_open_keyring(&mut self) -> Result<Session> {
        let mut attempts = 0;
        loop {
            let mut error = match self.session_of(self.target()).await {
                Ok(session) => return Ok(session),
                Err(error) => error,
            };
            loop {
                let asks = error.code == Code::KeyringLocked && attempts < PASSPHRASE_ATTEMPTS;
                let needed = if asks {
                    self.world.needs_passphrase().await
                } else {
                    None
                };
                let Some((path, purpose)) = needed else {
                    return Err(error);
                };
                attempts += 1;
                let refused = (attempts > 1).then(|| error.message.clone());
                let prompt = Prompt {
                    kind: PromptKind::KeyringPassphrase {
                        path,
                        purpose,
                        refused,
                    },
                    attempt: attempts,
                    unanswered: error.for_want_of_a_person(),
                    refused_key: None,
                };
                self.trail.record(self.world).await;
                let passphrase = marked(self.ask, &self.locks, &self.options.caller)
                    .passphrase(prompt)
                    .await?;
                match self.world.provide_passphrase(passphrase).await {
                    Ok(()) => break,
                    Err(again) => error = again,
                }
            }
        }
    }

    /// A held session that AWS no longer knows is none, however much time it has left.
    async fn known_to_aws(&mut self, session: Session) -> Result<Session> {
        let at = self.target();
        // It was called for a renewal a moment ago.
        let is_silent = self
            .not_renewed
            .as_ref()
            .is_some_and(|error| matches!(error.code, Code::Network | Code::Throttled));
        let is_new = self.made.contains(&at);
        if self.options.held == HeldSession::Kept || is_new || is_silent {
            return Ok(session);
        }
        let link = self.chain.target();
        let Err(fault) = providers::session_owner(self.world, link, &session).await else {
            return Ok(session);
        };
        if !fault.ends_a_session() {
            let error = fault.into_error(&link.region);
            let warning =
                format!("AWS could not be asked whether it still knows the session: {error}");
            self.trail.notes.push(Note::Warning(warning));
            return Ok(session);
        }
        let name = link.name.clone();
        self.drop_refused(at, Some(&session)).await?;
        let warning = format!("AWS no longer knows the session of {name}: it is made anew");
        self.trail.notes.push(Note::Warning(warning));
        self.with_an_open_keyring().await
    }

    /// The session of a link: the one that is held, or a new one with that of the link below.
    async fn session_of(&mut self, at: usize) -> Result<Session> {
        let due = match self.look(at).await? {
            LinkState::Fresh(session) => return Ok(session),
            LinkState::Due(session) => {
                self.renewing.insert(at);
                Some(session)
            }
            LinkState::Nothing => {
                self.renewing.remove(&at);
                None
            }
        };
        let mut parent_was_refused = false;
        loop {
            let parent = match self.parent_of(at) {
                Some(below) => Some(Box::pin(self.session_of(below)).await?),
                None => {
                    self.hold_keys_below(at).await?;
                    None
                }
            };
            let error = match self.make(at, parent.as_ref()).await {
                Ok(session) => return Ok(session),
                Err(Refusal::Parent(_)) if !parent_was_refused => {
                    parent_was_refused = true;
                    self.drop_refused(at - 1, parent.as_ref()).await?;
                    continue;
                }
                Err(Refusal::Parent(error) | Refusal::Failed(error)) => error,
            };
            return self.keep(at, due, error);
        }
    }

    /// The link whose session signs for this one; without one long-lived keys do, or a source has
    /// its own ways.
    fn parent_of(&self, at: usize) -> Option<usize> {
        let asked = self.options.duration.filter(|_| at == self.target());
        let with_keys = providers::signs_with_keys(&self.chain, at, asked);
        at.checked_sub(1).filter(|_| !with_keys)
    }

    /// A role that is assumed with long-lived keys uses them under the lock of their own link.
    async fn hold_keys_below(&mut self, at: usize) -> Result<()> {
        for below in (0..at)
            .filter(|below| !self.locks.contains_key(below))
            .collect::<Vec<_>>()
        {
            self.refuse_signed_out(below)?;
            self.lock_or_say(below, self.options.patience).await?;
        }
        Ok(())
    }

    /// Makes the session of one link and stores it.
    async fn make(&mut self, at: usize, parent: Option<&Session>) -> Result<Session, Refusal> {
        let name = self.name(at).to_owned();
        let step = match at.checked_sub(1) {
            None => name,
            Some(below) => format!("{} → {name}", self.name(below)),
        };
        tracing::debug!(identity = %self.chain.identity, step, "making a session");
        let is_target = at == self.target();
        let ask = marked(self.ask, &self.locks, &self.options.caller);
        let obtain = Obtain {
            world: self.world,
            ask: &ask,
            chain: &self.chain,
            at,
            step: &step,
            tickets: &self.tickets,
            duration: self.options.duration.filter(|_| is_target),
            mfa_code: self.options.mfa_code.take(),
            // The held session is used if this fails, and what keeps it fresh tries again later.
            patience: if self.renewing.contains(&at) && !self.is_forced(at) {
                Patience::NotAtAll
            } else {
                self.options.patience
            },
            trail: &mut self.trail,
        };
        let session = providers::obtain(obtain, parent)
            .await
            .map_err(|refusal| refusal.map(|error| at_step(error, at, &step)))?;
        self.made.insert(at);
        let link = &self.chain.links()[at];
        let kept = session.token.is_some() && providers::keeps_sessions(&link.kind);
        if kept {
            let stored = StoredSession {
                session: session.clone(),
                plan: self.world.fingerprint(&self.chain, at),
                endpoint: self.world.endpoint(link)?,
            };
            self.world
                .store
                .put_session(&self.tickets[at], &stored)
                .await?;
        } else {
            self.world.store.sign_outs.unchanged(&self.tickets[at])?;
        }
        if kept || is_target {
            let until = in_utc(session.expires_at);
            self.happened(
                at,
                format!("{step}: session until {until}"),
                AuditOutcome::Ok,
            );
        }
        Ok(session)
    }

    /// The stored session of a link that AWS does not accept, unless it was replaced meanwhile.
    async fn drop_refused(
        &mut self,
        at: usize,
        refused: Option<&Session>,
    ) -> Result<RefusedSession> {
        let Some(refused) = refused else {
            return Ok(RefusedSession::Replaced);
        };
        let (world, link) = (self.world, &self.chain.links()[at]);
        let name = link.name.clone();
        let came = world.drop_refused_session(link, refused).await?;
        if came == RefusedSession::Dropped {
            self.made.remove(&at);
            self.trail.dropped.push(name.clone());
            self.trail.happened.push(Happened {
                event: AuditEvent::Revocation,
                identity: name,
                what: "session dropped".to_owned(),
                outcome: AuditOutcome::Ok,
            });
        }
        Ok(came)
    }

    /// A failed renewal keeps the held session in use, at every link; only `--force` insists on a
    /// new one. What was signed out of meanwhile is not used any more.
    fn keep(&mut self, at: usize, due: Option<Session>, error: Error) -> Result<Session> {
        let usable = |session: &Session| !self.is_forced(at) && self.world.is_usable(session);
        let Some(session) = due.filter(usable) else {
            return Err(error);
        };
        if !self.options.accepts(&error) || error.code == Code::SignedOut {
            return Err(error);
        }
        if !is_untried(&error) {
            let outcome = AuditOutcome::Failed { error: error.code };
            self.happened(at, self.chain.names()[..=at].join(" → "), outcome);
        }
        let name = self.name(at).to_owned();
        self.trail.notes.push(Note::Warning(format!(
            "the session of {name} could not be renewed and is used as it is: {error}"
        )));
        if at == self.target() {
            self.not_renewed = Some(error);
        } else {
            let session = session.clone();
            self.not_renewed_below.push(NotRenewed {
                name,
                session,
                error,
            });
        }
        Ok(session)
    }

    fn is_forced(&self, at: usize) -> bool {
        match self.options.renewal {
            Renewal::WhenDue => false,
            Renewal::Always => at == self.target(),
            Renewal::WholeChain => true,
        }
    }

    async fn stored(&mut self, at: usize) -> Result<Option<Session>> {
        let link = &self.chain.links()[at];
        let endpoint = self.world.endpoint(link)?;
        let stored = self
            .world
            .store
            .session(&link.name, Some(&endpoint))
            .await?;
        let plan = self.world.fingerprint(&self.chain, at);
        Ok(stored
            .filter(|stored| stored.plan == plan)
            .map(|stored| stored.session))
    }

    /// Whether a link's session can be made again without a person.
    async fn renewable(&mut self, at: usize) -> Result<bool> {
        let mut on = at;
        while let Some(below) = self.parent_of(on) {
            on = below;
            if self.refuse_signed_out(below).is_err() {
                return Ok(false);
            }
            let held = self.stored(below).await?;
            if held.is_some_and(|session| self.world.is_usable(&session)) {
                return Ok(true);
            }
        }
        providers::renews_alone(self.world, self.chain.source()).await
    }

    /// Tells those who wait how it ended. A failed renewal keeps the held session in use.
    async fn finish(mut self, outcome: Result<Session>) -> Result<Completed, Failure> {
        let error = match outcome {
            Ok(session) => {
                release(std::mem::take(&mut self.locks), None);
                return Ok(self.completed(session).await);
            }
            Err(error) if error.context.identity.is_some() => error,
            Err(error) => error.identity(&self.chain.identity),
        };
        let held = match self.options.renewal {
            Renewal::WhenDue => self.stored(self.target()).await.ok().flatten(),
            Renewal::Always | Renewal::WholeChain => None,
        };
        let signed_out = self.world.is_signed_out(self.chain.identity.as_str());
        release(std::mem::take(&mut self.locks), Some(&error));
        if !self.took_over && !is_untried(&error) {
            let outcome = AuditOutcome::Failed { error: error.code };
            self.happened(self.target(), self.chain.names().join(" → "), outcome);
        }
        match held.filter(|session| self.world.is_usable(session) && !signed_out) {
            Some(session) => {
                self.trail.notes.push(Note::Warning(format!(
                    "the session could not be renewed and is used as it is: {error}"
                )));
                self.not_renewed = Some(error);
                Ok(self.completed(session).await)
            }
            None => {
                self.trail.record(self.world).await;
                let Trail { notes, dropped, .. } = self.trail;
                Err(Failure {
                    error,
                    notes,
                    dropped,
                })
            }
        }
    }

    async fn completed(mut self, session: Session) -> Completed {
        let target = self.target();
        if let Some(below) = self.parent_of(target)
            && self.is_forced(target)
            && !self.made.contains(&below)
        {
            let (below, target) = (self.name(below), self.name(target));
            self.trail.notes.push(Note::Info(format!(
                "the session of {below} stays: `fob login {target} --force-all` renews it as well"
            )));
        }
        self.trail.record(self.world).await;
        Completed {
            session,
            ticket: self.tickets.pop().expect("a chain has a link"),
            chain: self.chain,
            notes: self.trail.notes,
            made: self.made,
            not_renewed: self.not_renewed,
            not_renewed_below: self.not_renewed_below,
            dropped: self.trail.dropped,
        }
    }

    /// Notes that the session of a link was made, or could not be.
    fn happened(&mut self, at: usize, what: String, outcome: AuditOutcome) {
        let event = if self.renewing.contains(&at) {
            AuditEvent::Refresh
        } else {
            AuditEvent::SignIn
        };
        let identity = self.name(at).to_owned();
        self.trail.happened.push(Happened {
            event,
            identity,
            what,
            outcome,
        });
    }
}

/// Lifts the marks of the whole chain. A target that was signed out of meanwhile is not handed
/// over; a link below that was, stays so.
async fn lift_sign_outs(climb: &Climb<'_>) -> Result<()> {
    let Some((target, below)) = climb.tickets.split_last() else {
        return Ok(());
    };
    let sign_outs = &climb.world.store.sign_outs;
    match climb.options.intent {
        Intent::Use => sign_outs.unchanged(target),
        Intent::SignIn => {
            for ticket in below {
                match sign_outs.lift(ticket).await {
                    Err(error) if error.code != Code::SignedOut => return Err(error),
                    Ok(()) | Err(_) => {}
                }
            }
            sign_outs.lift(target).await
        }
    }
}

/// Tells those who wait how it ended. A note that cannot be written costs them a call of their own.
fn release(locks: BTreeMap<usize, SignInLock>, failure: Option<&Error>) {
    for (_, lock) in locks {
        if let Err(error) = lock.record(failure) {
            tracing::warn!(%error, "cannot leave a note for those who wait");
        }
    }
}

/// Nothing was tried: a program that polls leaves no trace of each time.
fn is_untried(error: &Error) -> bool {
    error.code == Code::LockTimeout
        || error.remedy == Remedy::Person
            && matches!(error.code, Code::PersonNeeded | Code::SignedOut)
}

/// While a question is open, the locks that are held say so.
fn marked(ask: &Ask, held: &BTreeMap<usize, SignInLock>, caller: &Caller) -> Ask {
    ask.marked(held.values().map(|lock| lock.mark(caller)).collect())
}

fn in_utc(end: SystemTime) -> String {
    Timestamp::try_from(end).map_or_else(
        |_| "the end of time".to_owned(),
        |end| end.strftime("%FT%TZ").to_string(),
    )
}

fn at_step(error: Error, at: usize, step: &str) -> Error {
    if error.context.step.is_some() {
        return error;
    }
    let message = if at == 0 {
        error.message.clone()
    } else {
        format!("{step}: {}", error.message)
    };
    Error { message, ..error }.step(step)
}
