//! The contract between the agent and those who ask it: requests, replies, prompts; plain data, with a version. The
//! command line speaks it to an agent in its own process; a socket slips in behind the same types. What signing in
//! itself speaks of is defined in [`crate::auth`] and named here again, so that callers need only this file.

pub use crate::auth::{
    Answer, Asker, Audit, AuditAsker, AuditEvent, AuditLine, AuditOutcome, AuditPlace, Audited, Check, Cleanup,
    Configured, Damage, DamageKind, Depth, Finding, HeadState, Health, List, ListedIdentity, ListedProvider, Logout,
    LongLivedKeys, Mode, Note, PassphraseUse, Person, PromptKind, Reach, RemovalStep, Renewal, Report, SignedIn, State,
    StepResult, Subject, Target, TypedKeys, Variable, Variables, VariablesForm, Verdict, What, Whoami, WhyKeys,
};
use crate::credentials::on_the_wire;
pub use crate::credentials::{AccessKeyId, MfaArn, Secret, SessionDuration, time_left};
use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// Raised when a request or reply changes in a way an older side cannot read.
pub const VERSION: u32 = 1;

/// A request, and who asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call {
    pub asker: Asker,
    pub request: Request,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Answered by [`Reply::SignedIn`].
    Login(Login),
    /// Usable credentials, renewed when due; never starts a prompt, and waits this long for somebody else's sign-in.
    /// Answered by [`Reply::Credentials`].
    Credentials { identity: String, wait_seconds: u32 },
    /// Variables for a child process or a shell. Answered by [`Reply::Variables`].
    Variables { identity: String, form: VariablesForm },
    /// Answered by [`Reply::Whoami`].
    Whoami { identity: String, reach: Reach },
    /// Answered by [`Reply::List`].
    List,
    /// What the audit log says, from a moment on. Answered by [`Reply::Audit`].
    Audit { since: Option<SystemTime> },
    /// Whether the audit log is as it was written. Answered by [`Reply::AuditVerified`].
    AuditVerify,
    /// Store long-lived keys, after STS has accepted them. Answered by [`Reply::Configured`].
    Configure(Configure),
    /// Answered by [`Reply::Removed`].
    Logout(Logout),
    /// Answered by [`Reply::Removed`].
    Cleanup(Cleanup),
    /// One identity with its chain, or all. Answered by [`Reply::Repaired`].
    Repair { identity: Option<String> },
    /// Goes on with what a [`Reply::Needs`] interrupted; answered as the interrupted request would have been.
    Answer { prompt: PromptId, answer: Answer },
    /// Gives up what a [`Reply::Needs`] interrupted. Answered by [`Reply::Failed`].
    Cancel { prompt: PromptId },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Login {
    pub identity: String,
    /// Beats the configuration, which beats the keyring, which beats the default.
    pub duration: Option<SessionDuration>,
    pub renewal: Renewal,
    /// Answers the first MFA prompt, should there be one.
    pub mfa_code: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Configure {
    pub identity: String,
    /// `None` asks for them ([`PromptKind::Keys`]).
    pub keys: Option<TypedKeys>,
    pub check: Check,
}

pub type PromptId = u64;

/// A person is needed. Whoever can ask one sends [`Request::Answer`]; for everybody else `unanswered` is the error.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Prompt {
    pub id: PromptId,
    pub identity: String,
    pub kind: PromptKind,
    /// 1 for the first time this is asked.
    pub attempt: u32,
    pub asker: Asker,
    pub unanswered: Error,
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
    List(List),
    Configured(Configured),
    Audit(Audit),
    AuditVerified(Verdict),
    Removed(Report),
    Repaired(Vec<Finding>),
    Needs(Box<Prompt>),
    Failed(Error),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Credentials {
    pub access_key_id: String,
    #[serde(with = "on_the_wire")]
    pub secret_access_key: Secret,
    #[serde(with = "on_the_wire::optional")]
    pub session_token: Option<Secret>,
    pub expires_at: SystemTime,
    pub account: Option<String>,
}
