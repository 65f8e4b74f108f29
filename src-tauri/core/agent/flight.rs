//! One sign-in under way, and everybody who waits for it: fifty who ask share one climb and one
//! prompt, and each gets the answer to its own question.

use super::api::{
    self, Answered, Call, Caller, Note, Person, PromptKind, Renewal, Reply, Request,
    SessionRequest, VariablesForm,
};
use super::owner::VisitorId;
use crate::auth::refresh::{Freshness, freshness};
use crate::auth::{Auth, Intent, Options, Patience, SignIn};
use crate::config::{Chain, Kind};
use crate::error::{Code, Error, Result};
use crate::secret::Session;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::oneshot;

/// A program waits at least this long for a sign-in that another process is making; one that asks a
/// person there is waited for no longer.
const OTHER_PROCESSES: Duration = Duration::from_secs(15);

/// A sign-in of one identity.
#[derive(Debug)]
pub(super) struct Flight {
    pub chain: Chain,
    pub reach: FlightReach,
    pub stage: Stage,
    pub waiters: Vec<Waiter>,
}

/// Whom a flight may turn to when it needs a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlightReach {
    /// A renewal ahead of time: nobody asked for it.
    Scheduled,
    /// Fails where a person is needed.
    Unattended,
    /// Asks.
    Asks,
}

#[derive(Debug)]
pub(super) enum Stage {
    UnderWay,
    Asking(Box<Asking>),
}

/// Stopped for want of an answer; its locks are held meanwhile.
#[derive(Debug)]
pub(super) struct Asking {
    pub sign_in: Box<SignIn>,
    pub prompt: api::Prompt,
    pub since: SystemTime,
    /// When somebody last asked for what it would give.
    pub wanted_at: SystemTime,
    /// Told to everybody, because a program is the one who waits.
    pub announced: bool,
}

#[derive(Debug)]
pub(super) struct Waiter {
    pub visitor: VisitorId,
    pub call: Call,
    pub reply: oneshot::Sender<Answered>,
    /// Until when it waits for a person.
    pub until: SystemTime,
    pub part: Part,
}

/// Whether the sign-in is done as this one asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Leads,
    Joins,
}

impl Waiter {
    pub fn answer(self, notes: Vec<Note>, reply: Reply) {
        // Whoever hung up needs no answer.
        let _ = self.reply.send(Answered { notes, reply });
    }

    /// What was noticed on the way is for everybody, and what came of a person's answer for persons
    /// alone.
    pub fn notes_for_it(&self, notes: &[Note]) -> Vec<Note> {
        notes
            .iter()
            .filter(|note| self.is_person() || matches!(note, Note::Warning(_)))
            .cloned()
            .collect()
    }

    pub fn wants_the_console(&self) -> bool {
        matches!(
            self.call.request,
            Request::Session(SessionRequest::Console { .. })
        )
    }

    pub fn is_person(&self) -> bool {
        self.call.caller.person == Person::Present
    }

    /// Whether a new session is wanted although a usable one is held.
    pub fn insists(&self) -> bool {
        matches!(&self.call.request, Request::Session(SessionRequest::Login(login)) if login.renewal == Renewal::Always)
    }
}

impl Flight {
    /// Whether a sign-in along `chain` has to wait for the answer that this one waits for.
    pub fn asking_for(&self, chain: &Chain) -> Option<&Asking> {
        let Stage::Asking(asking) = &self.stage else {
            return None;
        };
        let concerns_all = matches!(asking.prompt.kind, PromptKind::KeyringPassphrase { .. });
        let shares = chain
            .source()
            .name
            .eq_ignore_ascii_case(&self.chain.source().name);
        (concerns_all || shares).then_some(asking)
    }
}

/// The identity that a request needs a session of; `None`: of none.
pub(super) fn identity_of(auth: &Auth, request: &Request) -> Result<Option<String>> {
    Ok(match request {
        Request::Session(SessionRequest::Login(login)) => Some(login.identity.clone()),
        Request::Session(
            SessionRequest::Credentials { identity, .. }
            | SessionRequest::Variables { identity, .. },
        ) => Some(identity.clone()),
        Request::Session(SessionRequest::DatabaseToken(asked)) => {
            Some(auth.database(&asked.database)?.identity().to_owned())
        }
        Request::Session(SessionRequest::Console {
            identity,
            destination,
        }) => Some(
            auth.console(identity, destination.as_deref())?
                .identity()
                .to_owned(),
        ),
        _ => None,
    })
}

/// Whether a held session will do. Neither a token nor a browser's session outlives what it was
/// made with, so that is not one that is due.
pub(super) fn is_enough(request: &Request, session: &Session, now: SystemTime) -> bool {
    match request {
        Request::Session(SessionRequest::Login(_)) => false,
        Request::Session(SessionRequest::DatabaseToken(_) | SessionRequest::Console { .. }) => {
            freshness(session, now) == Freshness::Fresh
        }
        _ => true,
    }
}

/// How long a request waits for a person to answer elsewhere.
pub(super) fn patience_of(request: &Request) -> Duration {
    match request {
        Request::Session(SessionRequest::Credentials { wait_seconds, .. }) => {
            Duration::from_secs((*wait_seconds).into())
        }
        _ => Duration::ZERO,
    }
}

/// How the sign-in for a request is to be done.
pub(super) fn options(call: &Call, reach: FlightReach) -> Options {
    let person = match reach {
        FlightReach::Scheduled | FlightReach::Unattended => Person::Absent,
        FlightReach::Asks => Person::Present,
    };
    let caller = Caller {
        person,
        ..call.caller.clone()
    };
    match &call.request {
        Request::Session(SessionRequest::Login(login)) => Options {
            duration: login.duration,
            renewal: login.renewal,
            mfa_code: login.mfa_code.clone(),
            caller,
            intent: Intent::SignIn,
            patience: Patience::Forever,
        },
        request => {
            let patience = match (request, reach) {
                (Request::Session(SessionRequest::Credentials { .. }), FlightReach::Unattended) => {
                    patience_of(request)
                }
                (_, FlightReach::Scheduled | FlightReach::Unattended | FlightReach::Asks) => {
                    patience_of(request).max(OTHER_PROCESSES)
                }
            };
            let patience = Patience::AtMost(patience);
            Options {
                duration: None,
                renewal: Renewal::WhenDue,
                mfa_code: None,
                caller,
                intent: Intent::Use,
                patience,
            }
        }
    }
}

/// The answer to a request whose session is there.
pub(super) async fn deliver(
    auth: &Auth,
    sign_in: &SignIn,
    session: &Session,
    request: &Request,
    notes: &mut Vec<Note>,
) -> Result<Reply> {
    let Request::Session(SessionRequest::Login(_)) = request else {
        return hand_out(auth, sign_in.chain(), session, request, notes);
    };
    let chain = sign_in.chain();
    auth.write_profile(sign_in, session, notes).await?;
    Ok(Reply::SignedIn(api::SignedIn {
        identity: chain.identity.to_string(),
        provider: chain.provider.to_string(),
        chain: chain.names().into_iter().map(str::to_owned).collect(),
        account: auth.account(chain, session).await,
        region: chain.region.to_string(),
        expires_at: session.expires_at,
        source: session.origin.to_string(),
    }))
}

/// The same for a program that takes what there is; writes nothing.
pub(super) fn hand_out(
    auth: &Auth,
    chain: &Chain,
    session: &Session,
    request: &Request,
    notes: &mut Vec<Note>,
) -> Result<Reply> {
    match request {
        Request::Session(SessionRequest::DatabaseToken(asked)) => {
            let target = auth.database(&asked.database)?;
            let (token, said) = auth.database_token(session, &target, asked.renewal)?;
            notes.extend(said);
            Ok(Reply::DatabaseToken(token))
        }
        Request::Session(SessionRequest::Variables { form, .. }) => Ok(Reply::Variables(
            auth.variables(chain, *form, Some(session))?,
        )),
        Request::Session(SessionRequest::Console { .. }) => Err(Error::new(
            Code::Unsupported,
            "a link into the console is not at hand",
        )),
        _ => Ok(Reply::Credentials(api::Credentials {
            access_key_id: session.keys.access_key_id.as_str().to_owned(),
            secret_access_key: session.keys.secret_access_key.clone(),
            session_token: session.token.clone(),
            expires_at: session.expires_at,
            account: session.account.clone().map(String::from),
        })),
    }
}

/// For those who ask for a link into the console: it takes a call to AWS, for which nobody else
/// waits.
pub(super) fn open_console(
    auth: &Arc<Auth>,
    session: &Session,
    waiter: Waiter,
    mut notes: Vec<Note>,
) {
    let (auth, session) = (auth.clone(), session.clone());
    tokio::spawn(async move {
        let reply = console_link(&auth, &session, &waiter.call.request, &mut notes).await;
        waiter.answer(notes, reply.unwrap_or_else(Reply::Failed));
    });
}

async fn console_link(
    auth: &Auth,
    session: &Session,
    request: &Request,
    notes: &mut Vec<Note>,
) -> Result<Reply> {
    let Request::Session(SessionRequest::Console {
        identity,
        destination,
    }) = request
    else {
        return Err(Error::new(
            Code::Unsupported,
            "no link into the console was asked for",
        ));
    };
    let target = auth.console(identity, destination.as_deref())?;
    let (link, said) = auth.console_link(session, &target).await?;
    notes.extend(said);
    Ok(Reply::Console(link))
}

/// A profile and an endpoint renew themselves, so nobody is signed in for them; the session's own
/// keys, and what the machine itself has for a profile, must be there now.
pub(super) fn needs_no_session(chain: &Chain, request: &Request) -> bool {
    let Request::Session(SessionRequest::Variables { form, .. }) = request else {
        return false;
    };
    match form {
        VariablesForm::Profile => !matches!(chain.source().kind, Kind::Ambient),
        VariablesForm::Static => false,
        VariablesForm::Endpoint => true,
    }
}

/// What those are told who cannot answer a prompt that is open.
pub(super) fn unanswered(auth: &Auth, asking: &Asking, request: &Request) -> Error {
    let open = format!(
        "a prompt is open: `fob login {}` answers it",
        asking.prompt.identity
    );
    let error = asking.prompt.unanswered.clone().hint(open);
    let chain = identity_of(auth, request).and_then(|name| auth.chain(&name.unwrap_or_default()));
    match chain {
        Ok(chain) if error.context.identity.is_none() => error.identity(chain.identity),
        Ok(_) | Err(_) => error,
    }
}
