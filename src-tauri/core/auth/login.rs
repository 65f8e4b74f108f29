//! Login is a climb: down the chain from the target to the first fresh session, then up again, one
//! AWS call a step. Each step is made under its own sign-in lock, so that fifty processes that
//! start together make one call and show one prompt; those who waited take over what came out,
//! failures too.

use super::keys::{Check, Rejected, keys_stored};
use super::prompt::{Answer, Note, Person, Prompt, PromptKind, WhyKeys};
use super::record::Caller;
use super::refresh::Freshness;
use super::{Auth, fingerprint, name_at, place_at};
use crate::clock::moment;
use crate::config::{Chain, Kind};
use crate::duration::SessionDuration;
use crate::error::{Code, Error, Remedy, Result};
use crate::files::Patience;
use crate::secret::Session;
use crate::store::audit::{AuditEvent, AuditOutcome, Happened};
use crate::store::{SignInLock, Ticket};
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
}

/// What a session is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Somebody wants to be signed in: an earlier sign-out is over.
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
    /// Answers the first MFA prompt.
    pub mfa_code: Option<String>,
    pub caller: Caller,
    pub intent: Intent,
    /// For somebody else's sign-in of the same identity.
    pub patience: Patience,
}

impl Options {
    /// Nobody is asked, and nobody is waited for: it is tried again later.
    pub fn ahead_of_time(caller: Caller) -> Options {
        Options {
            duration: None,
            renewal: Renewal::WhenDue,
            mfa_code: None,
            caller: Caller {
                person: Person::Absent,
                ..caller
            },
            intent: Intent::Use,
            patience: Patience::NotAtAll,
        }
    }
}

impl Auth {
    /// Whether an identity's session can be made again without a person.
    pub async fn renews_alone(&self, identity: &str, caller: Caller) -> bool {
        match SignIn::new(self, identity, Options::ahead_of_time(caller)) {
            Ok(mut sign_in) => {
                let target = sign_in.chain.links().len() - 1;
                sign_in.renewable(self, target).await.unwrap_or(false)
            }
            Err(_) => false,
        }
    }
}

#[derive(Debug)]
pub enum Outcome {
    Done(Session),
    Needs(Prompt),
}

/// Why a climb stopped.
pub(super) enum Stop {
    Needs(Prompt),
    Failed(Error),
    /// The session of the step below was refused and dropped.
    ClimbAgain,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Failed(error)
    }
}

/// What is held for a step, on the way down.
enum Held {
    Fresh(Session),
    /// Usable, and to be renewed.
    Due(Session),
    Nothing,
}

/// One sign-in, from the first request over its prompts to its end. Its locks are held in between,
/// also while a person is being asked: whoever comes later waits for this answer.
#[derive(Debug)]
pub struct SignIn {
    pub(super) chain: Chain,
    pub(super) options: Options,
    pub(super) notes: Vec<Note>,
    pub(super) locks: BTreeMap<usize, SignInLock>,
    pub(super) asked: Option<PromptKind>,
    pub(super) mfa_code: Option<String>,
    pub(super) mfa_refusals: u32,
    pub(super) secret_mismatches: u32,
    pub(super) passphrases: u32,
    pub(super) climbed_again: bool,
    /// The steps that AWS was asked for: without any nothing has changed.
    pub(super) made: BTreeSet<usize>,
    /// Positions whose session is made although a usable one is held.
    pub(super) renewing: BTreeSet<usize>,
    /// One for each name of the chain, taken at the start: after a sign-out they are worth nothing.
    pub(super) tickets: Vec<Ticket>,
    /// Not in the audit log yet.
    pub(super) happened: Vec<Happened>,
    /// What ends this sign-in is the outcome of somebody else's.
    took_over: bool,
    /// Why the target's held session is used although it was due.
    not_renewed: Option<Error>,
    /// The same of the steps below it, by name.
    not_renewed_below: Vec<(String, Session, Error)>,
}

impl SignIn {
    pub fn new(auth: &Auth, identity: &str, options: Options) -> Result<SignIn> {
        let chain = auth.chain(identity)?;
        supported(&chain)?;
        let tickets = chain
            .names()
            .into_iter()
            .map(|name| auth.store.sign_outs.ticket(name))
            .collect::<Result<_>>()?;
        Ok(SignIn {
            mfa_code: options.mfa_code.clone(),
            chain,
            options,
            notes: Vec::new(),
            locks: BTreeMap::new(),
            asked: None,
            mfa_refusals: 0,
            secret_mismatches: 0,
            passphrases: 0,
            climbed_again: false,
            made: BTreeSet::new(),
            renewing: BTreeSet::new(),
            tickets,
            happened: Vec::new(),
            took_over: false,
            not_renewed: None,
            not_renewed_below: Vec::new(),
        })
    }

    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Whether a new session was made, rather than a held one found.
    pub fn made_one(&self) -> bool {
        !self.made.is_empty()
    }

    /// The steps below the target whose session was made on the way.
    pub fn made_below(&self) -> impl Iterator<Item = &str> {
        self.made
            .iter()
            .filter(|position| **position < self.chain.links().len() - 1)
            .map(|it| name_at(&self.chain, *it))
    }

    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Why what came out is the session that was held before.
    pub fn not_renewed(&self) -> Option<&Error> {
        self.not_renewed.as_ref()
    }

    /// Sessions of the chain that were used as they are, and why.
    pub fn not_renewed_below(&self) -> &[(String, Session, Error)] {
        &self.not_renewed_below
    }

    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Goes as far as it can without a person. After [`Outcome::Needs`] it is continued by
    /// [`SignIn::answer`].
    pub async fn run(&mut self, auth: &Auth) -> Result<Outcome> {
        loop {
            match self.climb(auth).await {
                Ok(session) => match self.signed_in(auth).await {
                    Ok(()) => {
                        self.release(None);
                        self.record(auth).await;
                        return Ok(Outcome::Done(session));
                    }
                    Err(error) => return self.end_with(auth, error).await,
                },
                Err(Stop::ClimbAgain) => {}
                Err(Stop::Needs(prompt)) => return self.needs(auth, prompt).await,
                Err(Stop::Failed(error)) => return self.failed(auth, error).await,
            }
        }
    }

    /// A person's answer to the prompt that [`SignIn::run`] ended with.
    pub async fn answer(&mut self, auth: &Auth, answer: Answer) -> Result<Outcome> {
        match (self.asked.take(), answer) {
            (Some(PromptKind::Keys { why, .. }), Answer::Keys(typed)) => {
                match auth
                    .accept_typed(&typed, place_at(&self.chain, 0), why, Check::WithSts)
                    .await
                {
                    Ok(long_lived) => {
                        let saved = auth.save_keys(&self.tickets[0], &long_lived).await;
                        self.happened.push(keys_stored(
                            name_at(&self.chain, 0),
                            &long_lived,
                            (&saved).into(),
                        ));
                        match saved {
                            Ok(notes) => self.notes.extend(notes),
                            Err(error) => return self.end_with(auth, error).await,
                        }
                    }
                    Err(Rejected::SecretMismatch(error)) if self.secret_mismatches == 0 => {
                        self.secret_mismatches += 1;
                        let kind = PromptKind::Keys {
                            why: WhyKeys::SecretMismatch,
                            mfa_arn: typed.mfa_arn.and_then(|text| text.parse().ok()),
                            session_duration: typed
                                .session_duration
                                .and_then(|text| text.parse().ok()),
                        };
                        self.asked = Some(kind.clone());
                        return Ok(Outcome::Needs(Prompt {
                            kind,
                            attempt: 2,
                            unanswered: error,
                        }));
                    }
                    Err(Rejected::SecretMismatch(error) | Rejected::Final(error)) => {
                        return self.end_with(auth, error).await;
                    }
                }
            }
            (Some(PromptKind::Mfa { .. }), Answer::MfaCode(code)) => self.mfa_code = Some(code),
            (Some(PromptKind::KeyringPassphrase { .. }), Answer::Passphrase(passphrase)) => {
                if let Err(error) = auth.store.keyring.provide_passphrase(passphrase).await {
                    return self.failed(auth, error).await;
                }
            }
            (_, answer) => {
                let message = format!("{} was not what was asked for", answer.noun());
                return self
                    .end_with(auth, Error::new(Code::InvalidInput, message))
                    .await;
            }
        }
        self.run(auth).await
    }

    /// Nobody answers. Those who wait for this sign-in get the same error.
    pub async fn cancel(mut self, auth: &Auth, unanswered: Error) -> Error {
        let error = Error {
            remedy: Remedy::Fix,
            ..unanswered
        };
        match self.end_with(auth, error.clone()).await {
            Err(error) => error,
            Ok(_) => error,
        }
    }

    /// A failed renewal keeps the held session in use; anything else is told to those who wait, and
    /// ends the sign-in.
    async fn end_with(&mut self, auth: &Auth, error: Error) -> Result<Outcome> {
        let error = if error.context.identity.is_none() {
            error.identity(&self.chain.identity)
        } else {
            error
        };
        let held = match self.options.renewal {
            Renewal::WhenDue => self
                .stored(auth, self.chain.links().len() - 1)
                .await
                .ok()
                .flatten(),
            Renewal::Always => None,
        };
        let signed_out = auth
            .store
            .sign_outs
            .since(self.chain.identity.as_str())
            .map_or(true, |since| since.is_some());
        self.release(Some(&error));
        if !self.took_over && !untried(&error) {
            let outcome = AuditOutcome::Failed { error: error.code };
            self.happened(
                self.chain.links().len() - 1,
                self.chain.names().join(" → "),
                outcome,
            );
        }
        self.record(auth).await;
        match held.filter(|session| auth.is_usable(session) && !signed_out) {
            Some(session) => {
                self.not_renewed = Some(error.clone());
                self.notes.push(Note::Warning(format!(
                    "the session could not be renewed and is used as it is: {error}"
                )));
                Ok(Outcome::Done(session))
            }
            None => Err(error),
        }
    }

    /// Tells those who wait how it ended, and lets them go on. A note that cannot be written costs
    /// them a call of their own.
    fn release(&mut self, failure: Option<&Error>) {
        for (_, lock) in std::mem::take(&mut self.locks) {
            if let Err(error) = lock.record(failure) {
                tracing::warn!(%error, "cannot leave a note for those who wait");
            }
        }
    }

    /// Notes that the session of a step was made, or could not be.
    pub(super) fn happened(&mut self, position: usize, what: String, outcome: AuditOutcome) {
        let event = if self.renewing.contains(&position) {
            AuditEvent::Refresh
        } else {
            AuditEvent::SignIn
        };
        let identity = name_at(&self.chain, position).to_owned();
        self.happened.push(Happened {
            event,
            identity,
            what,
            outcome,
        });
    }

    /// Before anybody is asked, and at the end: when it is not in the way of those who wait.
    async fn record(&mut self, auth: &Auth) {
        let happened = std::mem::take(&mut self.happened);
        self.notes
            .extend(auth.record(&self.options.caller, &happened).await);
    }

    /// Lifts the marks of the whole chain. Who was signed out meanwhile is not handed over; a step
    /// below that was, stays so.
    async fn signed_in(&self, auth: &Auth) -> Result<()> {
        let Some((target, below)) = self.tickets.split_last() else {
            return Ok(());
        };
        match self.options.intent {
            Intent::Use => auth.store.sign_outs.unchanged(target),
            Intent::SignIn => {
                for ticket in below {
                    match auth.store.sign_outs.lift(ticket).await {
                        Err(error) if error.code != Code::SignedOut => return Err(error),
                        Ok(()) | Err(_) => {}
                    }
                }
                auth.store.sign_outs.lift(target).await
            }
        }
    }

    async fn needs(&mut self, auth: &Auth, prompt: Prompt) -> Result<Outcome> {
        match self.options.caller.person {
            Person::Present => {
                self.record(auth).await;
                self.asked = Some(prompt.kind.clone());
                Ok(Outcome::Needs(prompt))
            }
            Person::Absent => self.end_with(auth, prompt.unanswered).await,
        }
    }

    /// A keyring that a passphrase would open is a question before it is a failure.
    async fn failed(&mut self, auth: &Auth, error: Error) -> Result<Outcome> {
        let needed = match error.code {
            Code::KeyringLocked if self.passphrases < PASSPHRASE_ATTEMPTS => {
                auth.needs_passphrase().await
            }
            _ => None,
        };
        let Some((path, purpose)) = needed else {
            return self.end_with(auth, error).await;
        };
        self.passphrases += 1;
        let refused = (self.passphrases > 1).then(|| error.message.clone());
        let kind = PromptKind::KeyringPassphrase {
            path,
            purpose,
            refused,
        };
        let prompt = Prompt {
            kind,
            attempt: self.passphrases,
            unanswered: error.for_want_of_a_person(),
        };
        self.needs(auth, prompt).await
    }

    async fn climb(&mut self, auth: &Auth) -> std::result::Result<Session, Stop> {
        let mut session = None;
        // What is still to be made, from the target down, with what is held meanwhile.
        let mut steps = Vec::new();
        for position in (0..self.chain.links().len()).rev() {
            match self.look(auth, position).await? {
                Held::Fresh(fresh) => {
                    session = Some(fresh);
                    break;
                }
                Held::Due(due) => {
                    self.renewing.insert(position);
                    steps.push((position, Some(due)));
                }
                Held::Nothing => {
                    self.renewing.remove(&position);
                    steps.push((position, None));
                }
            }
        }
        while let Some((position, due)) = steps.pop() {
            session = Some(match self.make(auth, position, session.as_ref()).await {
                Ok(made) => made,
                Err(stop) => self.keep(auth, position, due, stop)?,
            });
        }
        Ok(session.expect("the climb ends with the target's session"))
    }

    /// A failed renewal keeps the held session in use, at every step; only `--force` insists on a
    /// new one. What somebody signed out of meanwhile is not used any more.
    fn keep(
        &mut self,
        auth: &Auth,
        position: usize,
        due: Option<Session>,
        stop: Stop,
    ) -> std::result::Result<Session, Stop> {
        let forced =
            self.options.renewal == Renewal::Always && position == self.chain.links().len() - 1;
        let due = due.filter(|session| !forced && auth.is_usable(session));
        match (stop, due) {
            (
                Stop::Failed(error)
                | Stop::Needs(Prompt {
                    unanswered: error, ..
                }),
                Some(session),
            ) if self.accepts(&error) && error.code != Code::SignedOut => {
                if !untried(&error) {
                    let outcome = AuditOutcome::Failed { error: error.code };
                    self.happened(
                        position,
                        self.chain.names()[..=position].join(" → "),
                        outcome,
                    );
                }
                let name = name_at(&self.chain, position);
                let warning = format!(
                    "the session of {name} could not be renewed and is used as it is: {error}"
                );
                self.notes.push(Note::Warning(warning));
                if position == self.chain.links().len() - 1 {
                    self.not_renewed = Some(error);
                } else {
                    self.not_renewed_below
                        .push((name.to_owned(), session.clone(), error));
                }
                Ok(session)
            }
            (stop, _) => Err(stop),
        }
    }

    /// What is held for a step; takes its sign-in lock unless a fresh session makes that
    /// unnecessary.
    async fn look(&mut self, auth: &Auth, position: usize) -> std::result::Result<Held, Stop> {
        self.refuse_signed_out(auth, position)?;
        if position == 0 && matches!(self.chain.source().kind, Kind::Ambient) {
            return Ok(Held::Nothing);
        }
        if self.locks.contains_key(&position) {
            return Ok(self.held(auth, position, None).await?);
        }
        let name = name_at(&self.chain, position).to_owned();
        let lock = match self.held(auth, position, None).await? {
            Held::Fresh(session) => return Ok(Held::Fresh(session)),
            // Somebody may be renewing it already: theirs will do, and this one is good until then.
            Held::Due(session) if self.options.renewal == Renewal::WhenDue => {
                match auth.sign_in_lock(&name, Patience::NotAtAll).await {
                    Err(error) if error.code == Code::LockTimeout => {
                        return Ok(Held::Fresh(session));
                    }
                    lock => lock?,
                }
            }
            Held::Due(_) | Held::Nothing => {
                auth.sign_in_lock(&name, self.options.patience)
                    .await
                    .map_err(|error| {
                        match self.options.patience {
                            // Nobody is told of it: it is tried again.
                            Patience::NotAtAll => error,
                            Patience::AtMost(_) | Patience::Forever
                                if error.code == Code::LockTimeout =>
                            {
                                under_way(&name, &error)
                            }
                            Patience::AtMost(_) | Patience::Forever => error,
                        }
                    })?
            }
        };
        let since = lock.waited_since();
        let outcome = since.and_then(|since| lock.outcome_since(since));
        self.locks.insert(position, lock);
        self.refuse_signed_out(auth, position)?;
        match (self.held(auth, position, since).await?, outcome) {
            (Held::Nothing | Held::Due(_), Some(error)) if self.accepts(&error) => {
                self.took_over = true;
                Err(Stop::Failed(error))
            }
            (held, _) => Ok(held),
        }
    }

    /// Programs are not served what somebody signed out of, nor is it made anew for them.
    fn refuse_signed_out(&self, auth: &Auth, position: usize) -> Result<()> {
        let name = name_at(&self.chain, position);
        match (self.options.intent, auth.store.sign_outs.since(name)?) {
            (Intent::Use, Some(_)) => {
                let identity = &self.chain.identity;
                Err(Error::new(Code::SignedOut, format!("{name} is signed out"))
                    .hint(format!("fob login {identity}"))
                    .identity(identity))
            }
            (Intent::Use, None) | (Intent::SignIn, _) => Ok(()),
        }
    }

    /// A failure for want of a person is no outcome for somebody who can be asked.
    fn accepts(&self, error: &Error) -> bool {
        match (error.remedy, self.options.caller.person) {
            (Remedy::Person, Person::Present) => false,
            (Remedy::Person, Person::Absent) | (Remedy::Fix, _) => true,
        }
    }

    /// `since`: a session made after this moment counts as fresh even for `--force`, because
    /// somebody else just made it.
    async fn held(
        &mut self,
        auth: &Auth,
        position: usize,
        since: Option<SystemTime>,
    ) -> Result<Held> {
        let Some(session) = self.stored(auth, position).await? else {
            return Ok(Held::Nothing);
        };
        let already_made = self.made.contains(&position);
        // What a sign-out could not remove is not what somebody who signs in again gets.
        if !already_made
            && auth
                .store
                .sign_outs
                .since(name_at(&self.chain, position))?
                .is_some()
        {
            return Ok(Held::Nothing);
        }
        let forced =
            self.options.renewal == Renewal::Always && position == self.chain.links().len() - 1;
        let just_made = since.is_some_and(|since| session.issued_at >= since);
        Ok(match auth.freshness(&session) {
            Freshness::Expired => Held::Nothing,
            Freshness::Fresh | Freshness::Due if forced && !just_made && !already_made => {
                Held::Due(session)
            }
            Freshness::Fresh => Held::Fresh(session),
            Freshness::Due if self.renewable(auth, position).await? => Held::Due(session),
            Freshness::Due => Held::Fresh(session),
        })
    }

    pub(super) async fn stored(&mut self, auth: &Auth, position: usize) -> Result<Option<Session>> {
        let stored = auth.store.session(name_at(&self.chain, position)).await?;
        let stored = stored.note(&mut self.notes);
        let plan = fingerprint(&self.chain, position);
        Ok(stored
            .filter(|stored| stored.plan == plan)
            .map(|stored| stored.session))
    }

    /// Whether a step's session can be made again without a person.
    async fn renewable(&mut self, auth: &Auth, position: usize) -> Result<bool> {
        for below in (0..position).rev() {
            if self.refuse_signed_out(auth, below).is_err() {
                return Ok(false);
            }
            if self
                .stored(auth, below)
                .await?
                .is_some_and(|session| auth.is_usable(&session))
            {
                return Ok(true);
            }
        }
        Ok(match &self.chain.source().kind {
            Kind::User(user) => {
                let (found, remembered) = auth
                    .find_keys(name_at(&self.chain, 0), user, &mut self.notes)
                    .await?;
                let device = user.mfa_arn.is_some() || remembered.mfa_arn.is_some();
                found.is_some() && (!device || user.mfa_process.is_some())
            }
            Kind::Ambient | Kind::Process(_) => true,
            Kind::IdentityCenter(_)
            | Kind::Saml(_)
            | Kind::GithubOidc(_)
            | Kind::WebIdentity(_)
            | Kind::PermissionSet(_)
            | Kind::AssumeRole(_)
            | Kind::AssumeRoot(_) => false,
        })
    }
}

/// Nothing was tried: whoever polls without a person leaves no trace of each time.
fn untried(error: &Error) -> bool {
    error.code == Code::LockTimeout
        || error.remedy == Remedy::Person
            && matches!(error.code, Code::PersonNeeded | Code::SignedOut)
}

fn under_way(name: &str, error: &Error) -> Error {
    Error::new(
        Code::PersonNeeded,
        format!("another sign-in to {name} is under way and has not ended yet: {error}"),
    )
    .hint(format!(
        "answer it where it asks; the next call gets its result, and so does `fob login {name}`"
    ))
}

/// Told before anything is asked or locked.
fn supported(chain: &Chain) -> Result<()> {
    let source = matches!(
        chain.source().kind,
        Kind::User(_) | Kind::Ambient | Kind::Process(_)
    );
    let roles = chain.links()[1..]
        .iter()
        .all(|link| matches!(link.kind, Kind::AssumeRole(_)));
    if source && roles {
        Ok(())
    } else {
        Err(unsupported(chain))
    }
}

pub(super) fn unsupported(chain: &Chain) -> Error {
    let mut kinds = chain.links().iter().map(|link| link.kind.as_str());
    let kind = kinds.find(|kind| {
        !matches!(
            *kind,
            "aws/user" | "aws/ambient" | "aws/process" | "aws/assume-role"
        )
    });
    let message = format!(
        "{}: this version cannot sign in through {} yet",
        chain.identity,
        kind.unwrap_or("this kind")
    );
    Error::new(Code::Unsupported, message)
        .hint("it signs in through aws/user, aws/assume-role, aws/ambient and aws/process")
}
