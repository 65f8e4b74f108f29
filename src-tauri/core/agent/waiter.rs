//! A request that waits for its reply, and the terms of the sign-in that it wants.

use super::api::{
    Answer, Answered, Call, Caller, Login, Maintain, Note, PasteKind, Person, Prompt, PromptKind,
    Renewal, Reply, Request, SessionRequest, VariablesForm,
};
use crate::config::{Chain, Kind};
use crate::console;
use crate::databases;
use crate::environment::BrowserUse;
use crate::error::{Error, Result};
use crate::files::Patience;
use crate::secret::Session;
use crate::sign_in::{HeldSession, Intent, Options};
use crate::world::World;
use crate::world::freshness::{Freshness, freshness};
use std::time::{Duration, SystemTime};
use tokio::sync::oneshot;

pub(super) type ClientId = u32;

/// A program waits at least this long for a sign-in that another process is making; one that asks a
/// person there is waited for no longer.
const OTHER_PROCESSES: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub(super) struct Waiter {
    pub client: ClientId,
    pub call: Call,
    pub reply: oneshot::Sender<Answered>,
    /// Until when it waits for a person.
    pub until: SystemTime,
    pub part: Part,
}

/// Whether the job is done as this request wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Leads,
    Joins,
    /// It gave the answer to a prompt: what that led to is new to it.
    Answered,
}

/// Where a sign-in may turn when it needs a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attendance {
    /// A renewal ahead of time, which no request wants.
    Scheduled,
    /// Fails where a person is needed.
    Unattended,
    Asks,
}

impl Waiter {
    pub fn answer(self, notes: Vec<Note>, reply: Reply) {
        // A client that hung up needs no answer.
        let _ = self.reply.send(Answered { notes, reply });
    }

    pub fn fail(self, error: Error) {
        self.answer(Vec::new(), Reply::Failed(error));
    }

    /// Warnings are for all, and what came of a person's answer for persons alone.
    pub fn notes_for_it(&self, notes: &[Note]) -> Vec<Note> {
        let for_it = |note: &&Note| self.is_person() || matches!(note, Note::Warning(_));
        notes.iter().filter(for_it).cloned().collect()
    }

    pub fn is_person(&self) -> bool {
        self.call.caller.person == Person::Present
    }

    pub fn session_request(&self) -> Option<&SessionRequest> {
        match &self.call.request {
            Request::Session(request) => Some(request),
            Request::Maintain(_) | Request::Look(_) | Request::Control(_) => None,
        }
    }

    /// Whether a new session is wanted although a usable one is held.
    pub fn insists(&self) -> bool {
        matches!(
            self.session_request(),
            Some(SessionRequest::Login(login)) if login.renewal != Renewal::WhenDue
        )
    }

    /// What it brings for a prompt of this kind, once. The sign-in that it leads has it already.
    pub fn take_answer(&mut self, kind: &PromptKind) -> Option<Answer> {
        let Request::Session(SessionRequest::Login(login)) = &mut self.call.request else {
            return None;
        };
        if self.part == Part::Leads {
            return None;
        }
        match kind {
            PromptKind::Mfa { .. } => login.mfa_code.take().map(Answer::MfaCode),
            PromptKind::Paste {
                what: PasteKind::SamlAssertion,
                ..
            } => login.assertion.take().map(Answer::Pasted),
            PromptKind::Paste {
                what: PasteKind::SignInCode,
                ..
            }
            | PromptKind::Keys { .. }
            | PromptKind::KeyringPassphrase { .. }
            | PromptKind::OtherUser { .. }
            | PromptKind::Program { .. }
            | PromptKind::Browser { .. } => None,
        }
    }

    pub fn has_an_answer(&self) -> bool {
        let brings = |it: &Login| it.mfa_code.is_some() || it.assertion.is_some();
        self.part != Part::Leads
            && matches!(self.session_request(), Some(SessionRequest::Login(it)) if brings(it))
    }

    /// Beyond the session.
    pub fn calls_aws(&self) -> bool {
        match self.session_request() {
            Some(SessionRequest::Console { .. }) => true,
            Some(SessionRequest::DatabaseToken(wanted)) => !wanted.with.is_token(),
            Some(
                SessionRequest::Login(_)
                | SessionRequest::Credentials { .. }
                | SessionRequest::Variables { .. },
            )
            | None => false,
        }
    }

    /// Where its client is not to open one.
    pub fn why_no_browser(&self) -> Option<&'static str> {
        match &self.call.request {
            Request::Session(SessionRequest::Login(Login { browser, .. }))
            | Request::Maintain(Maintain::ListRoles { browser, .. }) => browser.why_not(),
            Request::Session(_) | Request::Maintain(_) | Request::Look(_) | Request::Control(_) => {
                None
            }
        }
    }

    pub fn is_login(&self) -> bool {
        matches!(self.session_request(), Some(SessionRequest::Login(_)))
    }
}

/// The identity that a request needs a session of.
pub(super) fn identity_of(world: &World, request: &SessionRequest) -> Result<String> {
    Ok(match request {
        SessionRequest::Login(login) => login.identity.clone(),
        SessionRequest::Credentials { identity, .. }
        | SessionRequest::Variables { identity, .. } => identity.clone(),
        SessionRequest::DatabaseToken(wanted) => {
            databases::database(world, wanted)?.identity().to_owned()
        }
        SessionRequest::Console {
            identity,
            destination,
            duration,
        } => {
            let target = console::console(world, identity, destination.as_deref(), *duration)?;
            target.identity().to_owned()
        }
    })
}

/// Whether a held session will do. Neither a token nor a browser's session outlives what it was
/// made with, so a session that is due will not.
pub(super) fn is_enough(request: &SessionRequest, session: &Session, now: SystemTime) -> bool {
    match request {
        SessionRequest::Login(_) => false,
        SessionRequest::DatabaseToken(_) | SessionRequest::Console { .. } => {
            freshness(session, now) == Freshness::Fresh
        }
        SessionRequest::Credentials { .. } | SessionRequest::Variables { .. } => true,
    }
}

/// How long a request waits for a person to answer elsewhere.
pub(super) fn patience_of(request: &SessionRequest) -> Duration {
    match request {
        SessionRequest::Credentials { wait_seconds, .. } => {
            Duration::from_secs((*wait_seconds).into())
        }
        SessionRequest::Login(_)
        | SessionRequest::Variables { .. }
        | SessionRequest::DatabaseToken(_)
        | SessionRequest::Console { .. } => Duration::ZERO,
    }
}

/// How the sign-in for a request is to be done. `here`: whether this process has a browser.
pub(super) fn options(
    caller: &Caller,
    request: &SessionRequest,
    reach: Attendance,
    part: Part,
    here: BrowserUse,
) -> Options {
    let person = match reach {
        Attendance::Scheduled | Attendance::Unattended => Person::Absent,
        Attendance::Asks => Person::Present,
    };
    let caller = Caller {
        person,
        ..caller.clone()
    };
    let patience = match (request, reach) {
        (SessionRequest::Login(login), _) => {
            // What the answer to a prompt led to was made a moment ago.
            let (renewal, held) = match part {
                Part::Leads | Part::Joins => (login.renewal, login.held),
                Part::Answered => (Renewal::WhenDue, HeldSession::Kept),
            };
            return Options {
                duration: login.duration,
                renewal,
                held,
                mfa_code: login.mfa_code.clone(),
                assertion: login.assertion.clone(),
                caller,
                intent: Intent::SignIn,
                patience: Patience::Forever,
                browser: login.browser,
            };
        }
        (SessionRequest::Credentials { .. }, Attendance::Unattended) => patience_of(request),
        (_, Attendance::Scheduled | Attendance::Unattended | Attendance::Asks) => {
            patience_of(request).max(OTHER_PROCESSES)
        }
    };
    Options {
        duration: None,
        renewal: Renewal::WhenDue,
        held: HeldSession::Kept,
        mfa_code: None,
        assertion: None,
        caller,
        intent: Intent::Use,
        patience: Patience::AtMost(patience),
        browser: here,
    }
}

/// A profile and an endpoint renew themselves, so there is no sign-in for them; the session's own
/// keys, and what the machine itself has for a profile, must be there now.
pub(super) fn needs_no_session(chain: &Chain, request: &SessionRequest) -> Option<VariablesForm> {
    let SessionRequest::Variables { form, .. } = request else {
        return None;
    };
    let renews_itself = match form {
        VariablesForm::Profile => !matches!(chain.source().kind, Kind::Ambient),
        VariablesForm::Static => false,
        VariablesForm::Endpoint => true,
    };
    renews_itself.then_some(*form)
}

/// The error for a caller that cannot answer the open prompt.
pub(super) fn prompt_is_open(world: &World, prompt: &Prompt, waiter: &Waiter) -> Error {
    let command = prompt.answered_by();
    let open = format!("a prompt is open: `{command}` answers it");
    let error = prompt.unanswered.clone().hint(open);
    let wanted = waiter
        .session_request()
        .map(|request| identity_of(world, request));
    match wanted {
        Some(Ok(name)) if error.context.identity.is_none() => match world.chain(&name) {
            Ok(chain) => error.identity(chain.identity),
            Err(_) => error,
        },
        Some(Ok(_) | Err(_)) | None => error,
    }
}
