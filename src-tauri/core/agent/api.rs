//! The contract between the agent and its clients: requests, replies, prompts; plain data, with a
//! version. What the parts of the library speak of is named here again, so that clients need only
//! this file.

pub use crate::ask::{
    Answer, Caller, Note, OtherUserBy, PassphraseUse, PasteKind, Person, PromptKind, RotationStage,
    TypedKeys, WhyKeys,
};
use crate::clock::moment;
use crate::config::Change;
pub use crate::console::ConsoleLink;
pub use crate::databases::{DatabaseChoice, DatabaseToken, DatabaseTokenRequest, OpenedWith};
pub use crate::duration::{SessionDuration, in_units, time_left};
pub use crate::environment::BrowserUse;
use crate::error::Error;
pub use crate::ids::{AccessKeyId, MfaArn};
pub use crate::logout::{
    Cleanup, Depth, Finding, Health, Logout, LongLivedKeys, OtherSession, Recover, RemovalStep,
    Report, StepResult, Subject, Target, What,
};
pub use crate::providers::{Check, Configured, OtherUser, Replaces};
pub use crate::rotation::{AgedKey, OldKey, Rotate, Rotated};
pub use crate::saml::LONGEST_ASSERTION;
pub use crate::secret::Secret;
use crate::secret::on_the_wire;
pub use crate::sessions::{
    AccessKeyStatus, IdentityStatus, LastCaller, ListedProvider, Reach, SignInStatus, State,
    Variable, Variables, VariablesForm, Whoami,
};
pub use crate::sign_in::{AssignedRoles, HeldSession, Renewal, SignedIn};
pub use crate::store::audit::{
    AuditCaller, AuditEvent, AuditLine, AuditOutcome, AuditPlace, Damage, DamageKind, HeadState,
    Verdict,
};
pub use crate::store::{Mode, ProfileOutcome, ProfileResult, page_folder};
pub use crate::world::{Audit, Audited};
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// Raised when a request or reply changes in a way an older side cannot read.
pub const VERSION: u32 = 1;

/// A request, and its caller.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call {
    #[serde(rename = "asker")]
    pub caller: Caller,
    pub request: Request,
}

/// What can be requested, in groups, so that only what needs a session can be answered with one. On
/// the wire the groups do not show.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Request {
    Session(SessionRequest),
    Maintain(Maintain),
    Look(Look),
    Control(Control),
}

impl Request {
    /// The prompt that this answers or closes; only a client that it was shown to may.
    pub fn answered_prompt(&self) -> Option<PromptId> {
        match self {
            Request::Control(Control::Answer { prompt, .. } | Control::Cancel { prompt }) => {
                Some(*prompt)
            }
            Request::Control(
                Control::Refresh(_)
                | Control::Stop
                | Control::LookAt { .. }
                | Control::Follow { .. },
            )
            | Request::Session(_)
            | Request::Maintain(_)
            | Request::Look(_) => None,
        }
    }
}

/// Needs a session of an identity: one that is held, or a sign-in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionRequest {
    /// Answered by [`Reply::SignedIn`].
    Login(Login),
    /// Usable credentials, renewed when due; never starts a prompt in this process, and waits this
    /// long for a sign-in that is under way. Answered by [`Reply::Credentials`].
    Credentials { identity: String, wait_seconds: u32 },
    /// Variables for a child process or a shell. Answered by [`Reply::Variables`].
    Variables {
        identity: String,
        form: VariablesForm,
    },
    /// What opens a database: an RDS auth token, signed with the identity's session, or the
    /// password of its `password_secret`. Answered by [`Reply::DatabaseToken`].
    DatabaseToken(DatabaseTokenRequest),
    /// A link that signs a browser in to the AWS console: at its home, a service (`s3`), or a whole
    /// address of it. Answered by [`Reply::Console`].
    Console {
        identity: String,
        destination: Option<String>,
        /// Of the browser's session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duration: Option<SessionDuration>,
    },
}

/// Changes what is stored, once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Maintain {
    /// Store long-lived keys, after STS has accepted them. Answered by [`Reply::Configured`].
    Configure(Configure),
    /// A new access key in place of the stored one. Answered by [`Reply::Rotated`].
    Rotate(Rotate),
    /// Answered by [`Reply::Removed`].
    Logout(Logout),
    /// Answered by [`Reply::Removed`].
    Cleanup(Cleanup),
    /// One identity with its chain, or all. Answered by [`Reply::Repaired`].
    Repair {
        identity: Option<String>,
        #[serde(default, skip_serializing_if = "Recover::nothing")]
        recover: Recover,
    },
    /// Changes the configuration file: all of it or nothing. Answered by [`Reply::Edited`].
    Edit { changes: Vec<Change> },
    /// Adds profiles of the files of AWS tools to the configuration, and stores their keys.
    /// Answered by [`Reply::Imported`].
    Import { profiles: Vec<String> },
    /// Lists the roles that an IAM Identity Center assigns to the person, after a sign-in there if
    /// one is needed. Answered by [`Reply::RolesListed`].
    ListRoles {
        provider: String,
        #[serde(default, skip_serializing_if = "BrowserUse::is_here")]
        browser: BrowserUse,
    },
}

/// Changes nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// Answered by [`Reply::Whoami`].
    Whoami { identity: String, reach: Reach },
    /// What this configuration holds, as the caller's environment reads it. Answered by
    /// [`Reply::Snapshot`].
    List,
    /// What the agent holds. Answered by [`Reply::Snapshot`].
    Status,
    /// What the audit log says, from a moment on. Answered by [`Reply::Audit`].
    Audit {
        #[serde(with = "moment::optional")]
        since: Option<SystemTime>,
    },
    /// Whether the audit log is as it was written. Answered by [`Reply::AuditVerified`].
    AuditVerify,
}

/// Steers the agent and its open prompts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Whether sessions are renewed ahead of time, until said otherwise or the agent ends. What a
    /// caller requests is made all the same. Answered by [`Reply::Snapshot`].
    Refresh(Refresh),
    /// The agent withdraws its prompts, gives up its socket and ends. Answered by
    /// [`Reply::Stopping`].
    Stop,
    /// Goes on with what a [`Reply::Needs`] interrupted; answered as the interrupted request would
    /// have been.
    Answer { prompt: PromptId, answer: Answer },
    /// Gives up what a [`Reply::Needs`] interrupted. Answered by [`Reply::Failed`].
    Cancel { prompt: PromptId },
    /// Whether a prompt that is shown still waits. Answered by [`Reply::Prompt`].
    LookAt { prompt: PromptId },
    /// Goes on with what a [`Reply::Needs`] interrupted, as its prompt was answered elsewhere.
    Follow { prompt: PromptId },
}

macro_rules! groups {
    ($($group:ident($type:ty))*) => {
        $(impl From<$type> for Request {
            fn from(request: $type) -> Request {
                Request::$group(request)
            }
        })*
    };
}

groups! { Session(SessionRequest) Maintain(Maintain) Look(Look) Control(Control) }

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Login {
    pub identity: String,
    /// Beats the configuration, which beats the keyring, which beats the default.
    pub duration: Option<SessionDuration>,
    pub renewal: Renewal,
    /// Answers the first MFA prompt, should there be one.
    pub mfa_code: Option<String>,
    /// Of the identity provider that the chain starts at.
    #[serde(
        default,
        with = "on_the_wire::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub assertion: Option<Secret>,
    #[serde(default, skip_serializing_if = "HeldSession::is_kept")]
    pub held: HeldSession,
    /// Whether a sign-in that takes one may use it where the caller is.
    #[serde(default, skip_serializing_if = "BrowserUse::is_here")]
    pub browser: BrowserUse,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Configure {
    pub identity: String,
    /// `None` asks for them ([`PromptKind::Keys`]).
    pub keys: Option<TypedKeys>,
    pub check: Check,
    /// `--yes`: keys of another user than the stored ones are meant.
    #[serde(default)]
    pub other_user: OtherUser,
    #[serde(default, skip_serializing_if = "Replaces::own")]
    pub replaces: Replaces,
}

pub type PromptId = u32;

/// A person is needed. A client that can ask one sends [`Control::Answer`]; for all others
/// `unanswered` is the error.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct Prompt {
    pub id: PromptId,
    pub identity: String,
    /// The role that is signed in to through `identity`, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
    pub kind: PromptKind,
    /// 1 for the first time.
    pub attempt: u32,
    #[serde(rename = "asker")]
    pub caller: Caller,
    pub unanswered: Error,
}

impl Prompt {
    /// The command that shows it, where it is open; a provider alone may have it.
    pub fn answered_by(&self) -> String {
        let mut hints = self.unanswered.hints.iter();
        let of_provider = hints.find(|it| it.starts_with("fob login --provider "));
        let name = &self.identity;
        match (&self.kind, of_provider) {
            (_, Some(command)) => command.clone(),
            (PromptKind::Paste { what, .. }, None) if *what == PasteKind::SamlAssertion => {
                format!("fob login --provider {name}")
            }
            (_, None) => format!("fob login {name}").trim_end().to_owned(),
        }
    }
}

/// A reply, with what happened on the way to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answered {
    pub notes: Vec<Note>,
    pub reply: Reply,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    SignedIn(SignedIn),
    Credentials(Credentials),
    Variables(Variables),
    Whoami(Whoami),
    Configured(Configured),
    Rotated(Rotated),
    Audit(Audit),
    AuditVerified(Verdict),
    Removed(Report),
    Repaired(Vec<Finding>),
    DatabaseToken(DatabaseToken),
    Console(ConsoleLink),
    Snapshot(Box<Snapshot>),
    /// `problem`: the changed file cannot be used, and the last good one stays in force.
    Edited {
        problem: Option<Error>,
    },
    /// The identities that were added.
    Imported {
        identities: Vec<String>,
    },
    RolesListed(AssignedRoles),
    Stopping,
    /// The request needs the caller's own environment: the caller does it in its own process.
    RunInProcess,
    Needs(Box<Prompt>),
    Prompt(PromptState),
    Failed(Error),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptState {
    Open,
    /// By another client, or what it asks for was stored.
    Answered,
    Closed,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Credentials {
    pub access_key_id: String,
    #[serde(with = "on_the_wire")]
    pub secret_access_key: Secret,
    #[serde(with = "on_the_wire::optional")]
    pub session_token: Option<Secret>,
    #[serde(with = "moment")]
    pub expires_at: SystemTime,
    pub account: Option<String>,
}

/// All that is known, for `list`, `status`, tray and window: one record per identity.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct Snapshot {
    /// `None`: no agent is running; what follows is what is stored.
    pub agent: Option<Running>,
    pub providers: Vec<ListedProvider>,
    /// In the order of the configuration.
    pub identities: Vec<IdentityStatus>,
    pub prompts: Vec<OpenPrompt>,
    #[serde(default)]
    pub rotations: Vec<RotationUnderWay>,
    #[serde(default)]
    pub databases: Vec<DatabaseStatus>,
    /// Why states are [`State::Unknown`]: the keyring cannot be read.
    pub keyring: Option<Error>,
}

/// Of the access key of an IAM user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct RotationUnderWay {
    pub identity: String,
    pub stage: RotationStage,
}

/// A database of the configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct DatabaseStatus {
    pub name: String,
    pub engine: String,
    pub host: String,
    pub port: u16,
    pub user: String,
    pub identity: String,
    pub with: OpenedWith,
    /// Of the token or the password that an agent holds.
    #[serde(with = "moment::optional")]
    #[cfg_attr(feature = "app", specta(type = Option<String>))]
    pub expires_at: Option<SystemTime>,
    /// The port on which an agent listens for its clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ProxyStatus>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct ProxyStatus {
    pub port: u16,
    /// Those that are open.
    pub connections: u32,
    /// Why it is not listened on.
    pub problem: Option<Error>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct Running {
    pub pid: u32,
    pub version: String,
    #[serde(with = "moment")]
    #[cfg_attr(feature = "app", specta(type = String))]
    pub since: SystemTime,
    pub configuration: String,
    /// The file on disk has changed and cannot be used: the last good one stays in force.
    pub configuration_problem: Option<Error>,
    pub refresh: Refresh,
    /// [Of its environment](crate::environment::Environment::fingerprint).
    #[serde(default)]
    pub surroundings: String,
}

/// Renewing ahead of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Refresh {
    Runs,
    Paused,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct OpenPrompt {
    pub prompt: Prompt,
    /// A request waits for it, or the person who began it has it. Programs give up after a while;
    /// an answer is there for their next try.
    #[serde(default)]
    pub is_waited_for: bool,
    #[serde(with = "moment")]
    #[cfg_attr(feature = "app", specta(type = String))]
    pub since: SystemTime,
}

/// What happened without a request: what a tray shows and a headless agent logs. Each is sent
/// once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    SignedIn {
        identity: String,
        #[serde(with = "moment")]
        expires_at: SystemTime,
    },
    SignedOut {
        identity: String,
    },
    Renewed {
        identity: String,
        #[serde(with = "moment")]
        expires_at: SystemTime,
    },
    /// A renewal failed and is tried again; once for each cause.
    NotRenewed {
        identity: String,
        cause: Error,
    },
    /// The end is near and renewals keep failing, for want of the network or because AWS is
    /// overloaded.
    RenewalFailing {
        identity: String,
        #[serde(with = "moment")]
        expires_at: SystemTime,
        cause: Error,
    },
    /// AWS no longer accepts the keys; the stale secret was cleared.
    KeysRevoked {
        identity: String,
        error: Error,
    },
    /// AWS refused the renewal; it is not tried again by itself.
    RenewalRefused {
        identity: String,
        error: Error,
    },
    /// The session ends soon, and a person is needed to renew it.
    ExpiresSoon {
        identity: String,
        #[serde(with = "moment")]
        expires_at: SystemTime,
    },
    Expired {
        identity: String,
    },
    /// An access key is older than the configuration wants.
    KeyIsOld(AgedKey),
    /// An IAM user has other access keys.
    KeysStored {
        identity: String,
    },
    /// What sessions of a provider's identities are made with ends soon, and a person is needed to
    /// renew it: signing in to this identity does.
    SignInEndsSoon {
        provider: String,
        identity: String,
        #[serde(with = "moment")]
        expires_at: SystemTime,
    },
    /// A program waits for a person.
    PromptOpened(Box<Prompt>),
    /// The last program that waited for it has given up.
    PromptNotWaitedFor {
        prompt: PromptId,
        identity: String,
    },
    /// Answered, or withdrawn.
    PromptClosed {
        prompt: PromptId,
        identity: String,
    },
    /// A sign-in waits for one in another process, which waits for a person.
    WaitsForHolder {
        identity: String,
        holder: String,
    },
    /// Begins the next step.
    Rotating(RotationUnderWay),
    /// Of its port on this machine, at most once a second.
    DatabaseConnections {
        database: String,
        /// Those that are open.
        connections: u32,
    },
    ConfigurationChanged,
    ConfigurationBroken {
        error: Error,
    },
}
