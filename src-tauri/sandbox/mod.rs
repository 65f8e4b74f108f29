//! An AWS on loopback: Keyfob can be tried without an account, and tests fake the wire instead of
//! the interface. Owns users, keys, roles, sessions and sign-ins, checks signatures by its own
//! means, keeps a journal of its calls and misbehaves on demand (faults). It never speaks to AWS
//! and writes nothing to disk.

mod actions;
mod answer;
mod authentication;
mod client;
mod consent;
mod console;
mod control;
pub mod demonstration;
mod dpop;
mod faults;
mod federation;
mod grants;
mod iam;
mod identity_center;
mod jose;
mod journal;
mod login;
mod oidc;
mod pages;
mod portal;
mod protocol;
mod random;
mod refusal;

mod request;
mod rest;
mod served;
mod server;
mod settings;
mod sign_in;
mod signature;
mod simulated_aws;
mod sts;
#[cfg(test)]
mod tests;

pub use actions::{AwsAction, SignInAction};
pub use client::SandboxClient;
pub use control::{SandboxState, SessionState, SignInState, UserState};
pub use faults::{FaultSwitch, SandboxFault};
pub use journal::RecordedCall;
pub use protocol::{IamAction, StsAction};
pub use settings::{ExpiredCode, SandboxAccount, SandboxSettings, SkewCode};
pub use simulated_aws::{MfaDevice, RoleTrust, SandboxRole};

use crate::clock::Clock;
use crate::error::Result;
use crate::ids::AccessKeyId;
use crate::secret::Keys;
use served::Served;
use simulated_aws::seconds_since_epoch;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Serves until it is dropped.
#[derive(Debug)]
pub struct Sandbox {
    served: Arc<Served>,
    _open: oneshot::Sender<()>,
}

impl Sandbox {
    /// On a free port of 127.0.0.1. Needs a tokio runtime. It holds the user `kim` with one access
    /// key and an optional MFA device, and the role `arn:aws:iam::420000000025:role/deploy`, which
    /// every caller may assume.
    pub fn start(clock: Clock) -> Result<Sandbox> {
        Sandbox::start_on(clock, 0)
    }

    /// As [`Sandbox::start`], on a port of the caller's choice.
    pub fn start_on(clock: Clock, port: u16) -> Result<Sandbox> {
        let (open, closed) = oneshot::channel();
        Ok(Sandbox {
            served: server::open(clock, port, closed)?,
            _open: open,
        })
    }

    /// `http://127.0.0.1:PORT`: the endpoint for `AWS_ENDPOINT_URL`, and what [`SandboxClient::at`]
    /// takes.
    pub fn url(&self) -> String {
        self.served.url()
    }

    /// Everything there is, without secrets.
    pub fn state(&self) -> SandboxState {
        control::state(&self.served)
    }

    /// Adds an IAM user without keys and MFA device and returns its ARN.
    pub fn add_user(&self, name: &str) -> Result<String> {
        self.served.aws().add_user(name)
    }

    /// Whether the user has an MFA device, and whether roles are out of reach without it.
    pub fn set_mfa(&self, user: &str, mfa: MfaDevice) -> Result<()> {
        self.served.aws().set_mfa(user, mfa)
    }

    /// The serial number of the MFA device that the user has, or would have.
    pub fn mfa_serial(&self, user: &str) -> String {
        self.served.aws().mfa_serial(user)
    }

    pub fn create_key(&self, user: &str) -> Result<Keys> {
        let now = self.served.clock.now();
        self.served.aws().create_key(user, now)
    }

    /// The user's access keys, the oldest first.
    pub fn keys(&self, user: &str) -> Vec<Keys> {
        self.served.aws().keys_of(user)
    }

    /// Deletes an access key. Sessions made with it live on, as they do at AWS.
    pub fn revoke_key(&self, id: &AccessKeyId) -> Result<()> {
        self.served.aws().revoke_key(id.as_str())
    }

    /// Ends every session of a user's, a role's or a role session's ARN and returns how many there
    /// were.
    pub fn revoke_sessions(&self, principal: &str) -> usize {
        self.served.aws().revoke_sessions(principal)
    }

    /// Ends every sign-in, as an administrator does, and returns how many there were. Sessions made
    /// with them live on.
    pub fn revoke_sign_ins(&self) -> usize {
        self.served.aws().end_sign_ins()
    }

    /// A token for AssumeRoleWithWebIdentity, from an identity provider that every account knows;
    /// AWS's audience is `sts.amazonaws.com`.
    pub fn web_identity_token(&self, subject: &str, audience: &str, life: Duration) -> String {
        let aws = self.served.aws();
        let now = seconds_since_epoch(self.served.clock.now());
        aws.identity_provider.key.sign(&serde_json::json!({
            "iss": aws.identity_provider.issuer,
            "sub": subject,
            "aud": audience,
            "iat": now,
            "exp": now + life.as_secs(),
        }))
    }

    /// Adds the role, or replaces the one with its ARN.
    pub fn add_role(&self, role: SandboxRole) -> Result<()> {
        self.served.aws().add_role(role)
    }

    pub fn settings(&self) -> SandboxSettings {
        self.served.aws().settings().clone()
    }

    pub fn set_settings(&self, settings: SandboxSettings) -> Result<()> {
        self.served.aws().set_settings(settings)
    }

    pub fn inject(&self, switch: FaultSwitch) -> Result<()> {
        self.served.aws().faults.inject(switch)
    }

    pub fn clear_faults(&self) {
        self.served.aws().faults.clear();
    }

    /// Every call to AWS since the start or the last [`Sandbox::clear_journal`], the oldest first.
    pub fn journal(&self) -> Vec<RecordedCall> {
        self.served.aws().journal.calls()
    }

    pub fn clear_journal(&self) {
        self.served.aws().journal.clear();
    }
}
