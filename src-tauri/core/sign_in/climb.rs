//! The way through the chain: what is held for each link, what is made, and under which locks.

use super::options::{HeldSession, Options, Renewal};
use super::outcome::NotRenewed;
use crate::ask::{Ask, Caller, Note, Prompt, PromptKind};
use crate::config::{Chain, Gives};
use crate::error::{Code, Error, Result};
use crate::files::Patience;
use crate::providers::{self, Obtain, Parent, Refusal, SignInPlace, Trail};
use crate::secret::{Session, SignIn};
use crate::store::audit::{AuditEvent, AuditOutcome, Happened};
use crate::store::{SignInLock, StoredSession, Ticket};
use crate::world::{RefusedSession, World};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

const PASSPHRASE_ATTEMPTS: u32 = 3;

/// The session that is held for a link, on the way down.
pub(super) enum LinkState {
    Fresh(Session),
    /// Usable, and to be renewed.
    Due(Session),
    Nothing,
}

/// The one sign-in under way: what its steps share.
pub(super) struct Climb<'a> {
    pub world: &'a World,
    pub ask: &'a Ask,
    pub chain: Chain,
    pub options: Options,
    /// One for each link, taken at the start: after a sign-out they are worth nothing.
    pub tickets: Vec<Ticket>,
    pub locks: BTreeMap<usize, SignInLock>,
    /// Links with a usable session that is made anew all the same.
    pub renewing: BTreeSet<usize>,
    /// What ends this sign-in is the outcome of another process's.
    pub took_over: bool,
    pub trail: Trail,
    pub made: BTreeSet<usize>,
    pub not_renewed: Option<Error>,
    pub not_renewed_below: Vec<NotRenewed>,
}

impl<'a> Climb<'a> {
    pub(super) fn start(
        world: &'a World,
        chain: Chain,
        options: Options,
        ask: &'a Ask,
    ) -> Result<Climb<'a>> {
        let tickets = chain.links().iter().map(|link| {
            world
                .store
                .sign_outs
                .ticket(&providers::signed_out_as(link))
        });
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

    pub(super) fn target(&self) -> usize {
        self.chain.links().len() - 1
    }

    pub(super) fn name(&self, at: usize) -> &str {
        &self.chain.links()[at].name
    }

    /// A keyring that a passphrase would open is a question before it is a failure.
    pub(super) async fn with_an_open_keyring(&mut self) -> Result<Session> {
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
    pub(super) async fn known_to_aws(&mut self, session: Session) -> Result<Session> {
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
        drop_refused(self, at, &session).await?;
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
            let parent = given_to(self, at).await?;
            let error = match self.make(at, &parent).await {
                Ok(session) => return Ok(session),
                Err(Refusal::Parent(_)) if !parent_was_refused => {
                    parent_was_refused = true;
                    match &parent {
                        Parent::Session(session) => drop_refused(self, at - 1, session).await?,
                        Parent::SignIn(sign_in) => end_sign_in(self, at - 1, sign_in).await?,
                        Parent::Token(_) | Parent::Assertion(_) | Parent::None => {}
                    }
                    continue;
                }
                Err(Refusal::Parent(error) | Refusal::Failed(error)) => error,
            };
            return self.keep(at, due, error);
        }
    }

    /// The link whose session signs for this one; without one long-lived keys do, or a source has
    /// its own ways.
    pub(super) fn parent_of(&self, at: usize) -> Option<usize> {
        let asked = self.options.duration.filter(|_| at == self.target());
        let with_keys = providers::signs_with_keys(&self.chain, at, asked);
        at.checked_sub(1).filter(|_| !with_keys)
    }

    pub(super) fn obtain<'o>(&'o mut self, at: usize, step: &'o str, ask: &'o Ask) -> Obtain<'o> {
        // The held session is used if this fails, and what keeps it fresh tries again later.
        let patience = if self.renewing.contains(&at) && !self.is_forced(at) {
            Patience::NotAtAll
        } else {
            self.options.patience
        };
        Obtain {
            world: self.world,
            ask,
            chain: &self.chain,
            at,
            step,
            tickets: &self.tickets,
            duration: self.options.duration.filter(|_| at == self.target()),
            mfa_code: self.options.mfa_code.take(),
            assertion: self.options.assertion.clone(),
            patience,
            browser: self.options.browser,
            signs_in_anew: self.options.renewal == Renewal::WholeChain,
            trail: &mut self.trail,
        }
    }

    /// Makes the session of one link and stores it.
    async fn make(&mut self, at: usize, parent: &Parent) -> Result<Session, Refusal> {
        let step = step(&self.chain, at);
        tracing::debug!(identity = %self.chain.identity, step, "making a session");
        let is_target = at == self.target();
        let ask = marked(self.ask, &self.locks, &self.options.caller);
        let session = providers::obtain(self.obtain(at, &step, &ask), parent)
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

    pub(super) fn is_forced(&self, at: usize) -> bool {
        match self.options.renewal {
            Renewal::WhenDue => false,
            Renewal::Always => at == self.target(),
            Renewal::WholeChain => true,
        }
    }

    pub(super) async fn stored(&mut self, at: usize) -> Result<Option<Session>> {
        let link = &self.chain.links()[at];
        // What is stored under a provider's name is of an identity of that name.
        if link.kind.gives() != Gives::Session {
            return Ok(None);
        }
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
    pub(super) async fn renewable(&mut self, at: usize) -> Result<bool> {
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
        providers::renews_alone(self.world, &self.chain, on).await
    }

    /// Notes that the session of a link was made, or could not be.
    pub(super) fn happened(&mut self, at: usize, what: String, outcome: AuditOutcome) {
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

/// The stored session of a link that AWS does not accept, unless it was replaced meanwhile.
async fn drop_refused(climb: &mut Climb<'_>, at: usize, refused: &Session) -> Result<()> {
    let (world, link) = (climb.world, &climb.chain.links()[at]);
    let name = link.name.clone();
    let came = world.drop_refused_session(link, refused).await?;
    if came == RefusedSession::Dropped {
        climb.made.remove(&at);
        climb.trail.dropped.push(name.clone());
        climb.trail.happened.push(Happened {
            event: AuditEvent::Revocation,
            identity: name,
            what: "session dropped".to_owned(),
            outcome: AuditOutcome::Ok,
        });
    }
    Ok(())
}

/// By the link below, for this one to be made with.
async fn given_to(climb: &mut Climb<'_>, at: usize) -> Result<Parent> {
    let Some(below) = climb.parent_of(at) else {
        hold_keys_below(climb, at).await?;
        return Ok(Parent::None);
    };
    Ok(match climb.chain.links()[below].kind.gives() {
        Gives::SignIn => Parent::SignIn(climb.signed_in(below).await?),
        Gives::Session => Parent::Session(Box::pin(climb.session_of(below)).await?),
        Gives::Assertion => Parent::Assertion(climb.asserted(below).await?),
        Gives::Token => {
            climb.refuse_signed_out(below)?;
            Parent::Token(providers::token(climb.world, &climb.chain).await?)
        }
    })
}

/// A role that is assumed with long-lived keys uses them under the lock of their own link.
async fn hold_keys_below(climb: &mut Climb<'_>, at: usize) -> Result<()> {
    for below in (0..at)
        .filter(|below| !climb.locks.contains_key(below))
        .collect::<Vec<_>>()
    {
        climb.refuse_signed_out(below)?;
        climb.lock_or_say(below, climb.options.patience).await?;
    }
    Ok(())
}

/// AWS does not accept it: what renews it is tried next.
pub(super) async fn end_sign_in(climb: &Climb<'_>, at: usize, refused: &SignIn) -> Result<()> {
    let place = SignInPlace::of(climb.world, &climb.chain.links()[at])?;
    let sign_ins = &climb.world.store.sign_ins;
    sign_ins.end(&place.name, refused, &place.endpoint).await
}

/// As people see it: `org-admin → deploy`.
pub(super) fn step(chain: &Chain, at: usize) -> String {
    let name = |at: usize| &chain.links()[at].name;
    match at.checked_sub(1) {
        None => name(at).clone(),
        Some(below) => format!("{} → {}", name(below), name(at)),
    }
}

/// While a question is open, the locks that are held say so.
pub(super) fn marked(ask: &Ask, held: &BTreeMap<usize, SignInLock>, caller: &Caller) -> Ask {
    ask.marked(held.values().map(|lock| lock.mark(caller)).collect())
}

pub(super) fn in_utc(end: SystemTime) -> String {
    Timestamp::try_from(end).map_or_else(
        |_| "the end of time".to_owned(),
        |end| end.strftime("%FT%TZ").to_string(),
    )
}

pub(super) fn at_step(error: Error, at: usize, step: &str) -> Error {
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
