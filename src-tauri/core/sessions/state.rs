//! How an identity stands, as clients see it.

use crate::clock::moment;
use crate::error::Error;
use crate::foreign::Foreign;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Asks STS who this is.
    Online,
    /// Only what is remembered.
    Offline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
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
    /// What is stored under the name is another configuration's, or another endpoint's.
    BelongsElsewhere,
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
    #[serde(with = "moment::optional")]
    pub expires_at: Option<SystemTime>,
    pub expires_in_seconds: Option<u32>,
    pub source: Option<String>,
    pub realm: String,
    /// The access key itself, not a session.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hands_out_keys: bool,
    /// What the session is made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<SignInStatus>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct ListedProvider {
    pub name: String,
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<SignInStatus>,
}

/// A sign-in that sessions are made with: how long it is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct SignInStatus {
    #[serde(with = "moment")]
    #[cfg_attr(feature = "app", specta(type = String))]
    pub expires_at: SystemTime,
    /// Without a person, until AWS refuses it.
    pub renews_itself: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct IdentityStatus {
    pub name: String,
    pub kind: String,
    pub provider: Option<String>,
    /// From the source to the identity.
    pub chain: Vec<String>,
    /// What the chain ends with: the role's ARN, the permission set's name.
    pub role: Option<String>,
    /// Twelve digits, as far as it is known.
    pub account: Option<String>,
    /// Of the session that is held: where it comes from, and its time.
    pub source: Option<String>,
    pub state: State,
    /// Programs get a long-lived access key in place of a session.
    #[serde(default)]
    pub hands_out_keys: bool,
    #[serde(with = "moment::optional")]
    #[cfg_attr(feature = "app", specta(type = Option<String>))]
    pub issued_at: Option<SystemTime>,
    #[serde(with = "moment::optional")]
    #[cfg_attr(feature = "app", specta(type = Option<String>))]
    pub expires_at: Option<SystemTime>,
    pub expires_in_seconds: Option<u32>,
    /// Its own, where it stands alone and a person signs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<SignInStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key: Option<AccessKeyStatus>,
    pub default: bool,
    /// When the agent renews it; `None` where it does not, or a person is needed.
    #[serde(with = "moment::optional")]
    #[cfg_attr(feature = "app", specta(type = Option<String>))]
    pub next_refresh: Option<SystemTime>,
    /// Why the last renewal failed.
    pub failing: Option<Error>,
    #[serde(rename = "last_asker")]
    pub last_caller: Option<LastCaller>,
}

/// The long-lived key that is stored for an IAM user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct AccessKeyStatus {
    /// Shortened.
    pub id: String,
    /// When it was stored first, or made here; `None`: that is not known.
    #[serde(with = "moment::optional")]
    #[cfg_attr(feature = "app", specta(type = Option<String>))]
    pub since: Option<SystemTime>,
    /// Older than the configuration wants.
    pub is_old: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct LastCaller {
    pub program: Foreign,
    pub pid: u32,
    #[serde(with = "moment")]
    #[cfg_attr(feature = "app", specta(type = String))]
    pub at: SystemTime,
}

pub(super) fn seconds_left(expires_at: SystemTime, now: SystemTime) -> u32 {
    u32::try_from(crate::duration::time_left(expires_at, now).as_secs()).unwrap_or(u32::MAX)
}
