//! What a person is asked, and what may come back. Plain data: who can ask shows it, everybody else
//! passes it on.

use crate::clock::moment;
use crate::duration::SessionDuration;
use crate::error::Error;
pub use crate::error::Note;
use crate::ids::MfaArn;
use crate::secret::{Secret, on_the_wire};
pub use crate::store::PassphraseUse;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// Whether somebody can answer a prompt where the request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Person {
    Present,
    Absent,
}

/// Signing in cannot go on without a person.
#[derive(Clone, Debug)]
pub struct Prompt {
    pub kind: PromptKind,
    /// 1 for the first time this is asked.
    pub attempt: u32,
    /// The error where nobody answers.
    pub unanswered: Error,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
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
        purpose: PassphraseUse,
        refused: Option<String>,
    },
    /// A sign-in in the browser, which shows the code as well; nobody answers it here, it ends by
    /// itself.
    Browser {
        address: String,
        code: String,
        #[serde(with = "moment")]
        #[cfg_attr(feature = "app", specta(type = String))]
        expires_at: SystemTime,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
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

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Keys(TypedKeys),
    MfaCode(String),
    Passphrase(#[serde(with = "on_the_wire")] Secret),
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

impl Answer {
    /// What was answered, without saying it.
    pub fn noun(&self) -> &'static str {
        match self {
            Answer::Keys(_) => "access keys",
            Answer::MfaCode(_) => "an MFA code",
            Answer::Passphrase(_) => "a passphrase",
        }
    }
}
