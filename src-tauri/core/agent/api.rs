//! The contract between the agent and those who ask it: requests, replies, prompts; plain data, with a version. The
//! command line speaks it to an agent in its own process; a socket slips in behind the same types. Secrets are spelled
//! out only by [`on_the_wire`], here.

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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asker {
    /// The asking program's name, as people know it: `terraform`.
    pub program: String,
    pub pid: u32,
    pub person: Person,
}

/// Whether somebody can answer a prompt where the request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Person {
    Present,
    Absent,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Answered by [`Reply::SignedIn`].
    Login(Login),
    /// Usable credentials, renewed when due; never starts a prompt. Answered by [`Reply::Credentials`].
    Credentials { identity: String },
    /// Variables for a child process or a shell. Answered by [`Reply::Variables`].
    Variables { identity: String, form: VariablesForm },
    /// Answered by [`Reply::Whoami`].
    Whoami { identity: String, reach: Reach },
    /// Answered by [`Reply::List`].
    List,
    /// Store long-lived keys, after STS has accepted them. Answered by [`Reply::Configured`].
    Configure(Configure),
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Renewal {
    /// A usable session is kept, unless it is due and can be renewed without a person.
    WhenDue,
    /// `--force`: the target's session is made anew.
    Always,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VariablesForm {
    /// A profile whose `credential_process` is `fob`: renews itself, holds no secret.
    Profile,
    /// The session's own keys; they end with the session.
    Static,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Asks STS who this is.
    Online,
    /// Only what is remembered.
    Offline,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Configure {
    pub identity: String,
    /// `None` asks for them ([`PromptKind::Keys`]).
    pub keys: Option<TypedKeys>,
    pub check: Check,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    WithSts,
    /// `--no-check`: stored unseen.
    Skip,
}

/// Keys as somebody typed or pasted them; checked by the agent, whoever sent them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TypedKeys {
    pub access_key_id: String,
    #[serde(with = "on_the_wire")]
    pub secret_access_key: Secret,
    #[serde(default)]
    pub mfa_arn: Option<String>,
    #[serde(default)]
    pub session_duration: Option<String>,
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

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptKind {
    /// The form of long-lived keys, prefilled.
    Keys {
        why: WhyKeys,
        mfa_arn: Option<MfaArn>,
        session_duration: Option<SessionDuration>,
    },
    /// Six digits; `refused` says why the last ones were not taken.
    Mfa {
        device: MfaArn,
        refused: Option<String>,
    },
    KeyringPassphrase {
        path: String,
        use_: PassphraseUse,
        refused: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyKeys {
    /// Nothing is stored.
    Missing,
    /// AWS no longer accepts the stored ones; they were cleared.
    Revoked,
    /// The secret typed last does not belong to its key id.
    SecretMismatch,
    /// `fob user configure`.
    Asked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassphraseUse {
    New,
    Existing,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Keys(TypedKeys),
    MfaCode(String),
    Passphrase(#[serde(with = "on_the_wire")] Secret),
}

/// A reply, with what happened on the way to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answered {
    pub notes: Vec<Note>,
    pub reply: Reply,
}

/// Something to tell a person, whatever the reply: "Credentials saved to keyring: dev".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    Info(String),
    Warning(String),
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
    Needs(Box<Prompt>),
    Failed(Error),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignedIn {
    pub identity: String,
    pub provider: String,
    /// From the source to the identity.
    pub chain: Vec<String>,
    pub account: Option<String>,
    pub region: String,
    pub expires_at: SystemTime,
    pub source: String,
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

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Variables {
    pub set: Vec<Variable>,
    /// The caller's own credentials variables, which would win over ours.
    pub remove: Vec<String>,
    pub expires_at: SystemTime,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Variable {
    pub name: String,
    #[serde(with = "on_the_wire")]
    pub value: Secret,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Valid,
    /// Due for renewal, or announced.
    Expiring,
    Expired,
    /// Nothing usable is held; also: keys stored, no session.
    NeedsSignIn,
    SignedOut,
    Revoked,
    Denied,
    /// The keyring cannot be read.
    Unknown,
    Unsupported,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Whoami {
    pub identity: String,
    pub provider: String,
    pub kind: String,
    pub principal: Option<String>,
    pub account: Option<String>,
    pub region: String,
    pub state: State,
    pub expires_at: Option<SystemTime>,
    pub expires_in_seconds: Option<u32>,
    pub source: Option<String>,
    pub realm: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct List {
    pub providers: Vec<ListedProvider>,
    pub identities: Vec<ListedIdentity>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ListedProvider {
    pub name: String,
    pub kind: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ListedIdentity {
    pub name: String,
    pub kind: String,
    pub provider: Option<String>,
    pub chain: Vec<String>,
    pub state: State,
    pub expires_at: Option<SystemTime>,
    pub expires_in_seconds: Option<u32>,
    pub default: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Configured {
    pub identity: String,
    /// Shortened: `AKIA…MPLE`.
    pub access_key_id: String,
    pub account: Option<String>,
    pub principal: Option<String>,
    pub checked: bool,
}

/// The one place where a secret is written into a message between processes.
mod on_the_wire {
    use super::Secret;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }

    pub mod optional {
        use super::{Deserialize, Deserializer, Secret, Serializer};

        #[expect(clippy::ref_option, reason = "the signature serde asks for")]
        pub fn serialize<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
            match secret {
                Some(secret) => serializer.serialize_some(secret.expose()),
                None => serializer.serialize_none(),
            }
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
            Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
        }
    }
}
