//! What each kind of link does: obtain a session, and whether it can do so without a person. One
//! file a kind, and the one dispatch. Knows nothing of locks, of what is stored for the identity,
//! or of the links above.

mod ambient;
mod keys;
mod process;
mod role;
mod user;

pub use keys::{Check, Configured, configure};

use crate::ask::{Ask, Caller, Note};
use crate::aws::{Place, Tries};
use crate::config::{Chain, Kind, Link};
use crate::duration::{SessionDuration, SessionKind};
use crate::error::{Code, Error, Result};
use crate::files::Patience;
use crate::secret::Session;
use crate::store::Ticket;
use crate::store::audit::Happened;
use crate::world::World;

/// What there is to obtain the session of one link with.
#[derive(Debug)]
pub struct Obtain<'a> {
    pub world: &'a World,
    pub ask: &'a Ask,
    pub chain: &'a Chain,
    /// The link's place in the chain.
    pub at: usize,
    /// For errors: `org-admin → deploy`.
    pub step: &'a str,
    pub ticket: &'a Ticket,
    /// Beats what is written; of the target alone.
    pub duration: Option<SessionDuration>,
    /// Answers the first MFA prompt.
    pub mfa_code: Option<String>,
    pub patience: Patience,
    pub trail: &'a mut Trail,
}

/// What is noticed and done on the way of one sign-in.
#[derive(Debug)]
pub struct Trail {
    pub caller: Caller,
    pub notes: Vec<Note>,
    /// Not in the audit log yet.
    pub happened: Vec<Happened>,
    /// Identities whose stored session is gone.
    pub dropped: Vec<String>,
}

/// Why a link has no new session.
#[derive(Debug)]
pub enum Refusal {
    Failed(Error),
    /// AWS does not accept the session of the link below. The error if that was made anew already.
    Parent(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::Failed(error)
    }
}

/// The one dispatch over the kinds: `parent` is the session of the link below.
pub async fn obtain(it: Obtain<'_>, parent: Option<&Session>) -> Result<Session, Refusal> {
    let link = it.link();
    match (&link.kind, parent) {
        (Kind::User(user), _) => Ok(user::obtain(it, user).await?),
        (Kind::Ambient, _) => Ok(ambient::obtain(it.world).await?),
        (Kind::Process(process), _) => Ok(process::obtain(it.world, process).await?),
        (Kind::AssumeRole(role), Some(parent)) => role::obtain(it, role, parent).await,
        (Kind::AssumeRole(_), None)
        | (
            Kind::IdentityCenter(_)
            | Kind::Saml(_)
            | Kind::GithubOidc(_)
            | Kind::WebIdentity(_)
            | Kind::PermissionSet(_)
            | Kind::AssumeRoot(_),
            _,
        ) => Err(Refusal::Failed(unsupported(it.chain))),
    }
}

/// Whether the source of a chain can make a session while nobody is there.
pub async fn renews_alone(world: &World, link: &Link, notes: &mut Vec<Note>) -> Result<bool> {
    match &link.kind {
        Kind::User(user) => user::renews_alone(world, &link.name, user, notes).await,
        Kind::Ambient | Kind::Process(_) => Ok(true),
        Kind::IdentityCenter(_)
        | Kind::Saml(_)
        | Kind::GithubOidc(_)
        | Kind::WebIdentity(_)
        | Kind::PermissionSet(_)
        | Kind::AssumeRole(_)
        | Kind::AssumeRoot(_) => Ok(false),
    }
}

/// Whether sessions of this kind are stored: the machine itself has its own ways of renewing, and
/// is read anew each time.
pub fn keeps_sessions(kind: &Kind) -> bool {
    match kind {
        Kind::Ambient => false,
        Kind::User(_)
        | Kind::Process(_)
        | Kind::IdentityCenter(_)
        | Kind::Saml(_)
        | Kind::GithubOidc(_)
        | Kind::WebIdentity(_)
        | Kind::PermissionSet(_)
        | Kind::AssumeRole(_)
        | Kind::AssumeRoot(_) => true,
    }
}

/// Said before anything is locked or a prompt is shown.
pub fn refuse_unsupported(chain: &Chain) -> Result<()> {
    let is_supported = |link: &Link| match link.kind {
        Kind::User(_) | Kind::Ambient | Kind::Process(_) | Kind::AssumeRole(_) => true,
        Kind::IdentityCenter(_)
        | Kind::Saml(_)
        | Kind::GithubOidc(_)
        | Kind::WebIdentity(_)
        | Kind::PermissionSet(_)
        | Kind::AssumeRoot(_) => false,
    };
    if chain.links().iter().all(is_supported) {
        Ok(())
    } else {
        Err(unsupported(chain))
    }
}

fn unsupported(chain: &Chain) -> Error {
    let mut kinds = chain.links().iter().map(|link| link.kind.as_str());
    let known = ["aws/user", "aws/ambient", "aws/process", "aws/assume-role"];
    let kind = kinds.find(|kind| !known.contains(kind));
    let message = format!(
        "{}: this version cannot sign in through {} yet",
        chain.identity,
        kind.unwrap_or("this kind")
    );
    Error::new(Code::Unsupported, message)
        .hint("it signs in through aws/user, aws/assume-role, aws/ambient and aws/process")
}

impl<'a> Obtain<'a> {
    pub fn link(&self) -> &'a Link {
        &self.chain.links()[self.at]
    }

    fn name(&self) -> &'a str {
        &self.link().name
    }

    /// A caller that does not wait for other processes does not wait for AWS to recover either.
    fn place(&self) -> Place<'a> {
        let tries = match self.patience {
            Patience::NotAtAll => Tries::One,
            Patience::AtMost(_) | Patience::Forever => Tries::Several,
        };
        Place {
            tries,
            ..place(self.link())
        }
    }

    /// The duration requested of AWS, with a warning, once, when it was moved into the limits.
    fn bounded(&mut self, written: Option<SessionDuration>, kind: SessionKind) -> SessionDuration {
        let (duration, warning) = kind.bound(self.duration.or(written));
        self.trail.warn_once(warning);
        duration
    }
}

impl Trail {
    pub fn of(caller: Caller) -> Trail {
        Trail {
            caller,
            notes: Vec::new(),
            happened: Vec::new(),
            dropped: Vec::new(),
        }
    }

    fn warn_once(&mut self, warning: Option<String>) {
        let warning = warning.map(Note::Warning);
        self.notes.extend(
            warning
                .filter(|warning| !self.notes.contains(warning))
                .into_iter()
                .collect::<Vec<_>>(),
        );
    }

    /// Into the audit log: before a prompt is shown, and at the end.
    pub async fn record(&mut self, world: &World) {
        let happened = std::mem::take(&mut self.happened);
        self.notes
            .extend(world.record(&self.caller, &happened).await);
    }
}

pub fn place(link: &Link) -> Place<'_> {
    Place {
        region: &link.region,
        endpoint_url: link.endpoint_url.as_deref(),
        tries: Tries::Several,
    }
}

/// Where to look when AWS denies a call.
fn denied_hints(error: Error, where_to_look: &str) -> Error {
    match error.code {
        Code::AccessDenied => error.hint(format!("look at: {where_to_look}")),
        _ => error,
    }
}
