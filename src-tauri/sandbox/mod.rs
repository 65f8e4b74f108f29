//! An AWS on loopback: anybody can try Keyfob without an account, and tests fake the wire instead
//! of the interface. Owns one world of users, keys, roles and sessions, checks signatures by its
//! own means, remembers what it was asked (journal) and misbehaves on demand (faults). It never
//! speaks to AWS and writes nothing to disk.

mod client;
mod console;
mod control;
pub mod demonstration;
mod faults;
mod journal;
mod mint;
mod refusal;
mod request;
mod server;
mod signature;
mod sts;
#[cfg(test)]
mod tests;
mod world;

pub use client::Control;
pub use control::{SessionState, State, UserState};
pub use faults::{Fault, Switch};
pub use journal::Call;
pub use sts::Action;
pub use world::{ExpiredCode, Mfa, Role, Settings, SkewCode, Trust};

use crate::clock::Clock;
use crate::error::Result;
use crate::ids::AccessKeyId;
use crate::secret::Keys;
use server::Premises;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Serves until it is dropped.
#[derive(Debug)]
pub struct Sandbox {
    premises: Arc<Premises>,
    _open: oneshot::Sender<()>,
}

impl Sandbox {
    /// On a free port of 127.0.0.1. Needs a tokio runtime. The world holds the user `kim` with one
    /// access key and an MFA device that nothing demands, and the role
    /// `arn:aws:iam::420000000025:role/deploy` that everybody may assume.
    pub fn start(clock: Clock) -> Result<Sandbox> {
        Sandbox::start_on(clock, 0)
    }

    /// As [`Sandbox::start`], on a port of the caller's choice.
    pub fn start_on(clock: Clock, port: u16) -> Result<Sandbox> {
        let (open, closed) = oneshot::channel();
        Ok(Sandbox {
            premises: server::open(clock, port, closed)?,
            _open: open,
        })
    }

    /// `http://127.0.0.1:PORT`: the endpoint for `AWS_ENDPOINT_URL`, and what [`Control::at`]
    /// takes.
    pub fn url(&self) -> String {
        self.premises.url()
    }

    /// Everything there is, without secrets.
    pub fn state(&self) -> State {
        control::state(&self.premises)
    }

    /// Adds an IAM user without keys and MFA device and returns its ARN.
    pub fn add_user(&self, name: &str) -> Result<String> {
        self.premises.world().add_user(name)
    }

    /// Whether the user has an MFA device, and whether roles are out of reach without it.
    pub fn set_mfa(&self, user: &str, mfa: Mfa) -> Result<()> {
        self.premises.world().set_mfa(user, mfa)
    }

    /// The serial number of the MFA device that the user has, or would have.
    pub fn mfa_serial(&self, user: &str) -> String {
        self.premises.world().mfa_serial(user)
    }

    pub fn create_key(&self, user: &str) -> Result<Keys> {
        self.premises.world().create_key(user)
    }

    /// The user's access keys, the oldest first.
    pub fn keys(&self, user: &str) -> Vec<Keys> {
        self.premises.world().keys_of(user)
    }

    /// Deletes an access key. Sessions made with it live on, as they do at AWS.
    pub fn revoke_key(&self, id: &AccessKeyId) -> Result<()> {
        self.premises.world().revoke_key(id.as_str())
    }

    /// Ends every session of a user's, a role's or a role session's ARN and returns how many there
    /// were.
    pub fn revoke_sessions(&self, principal: &str) -> usize {
        self.premises.world().revoke_sessions(principal)
    }

    /// Adds the role, or replaces the one with its ARN.
    pub fn add_role(&self, role: Role) -> Result<()> {
        self.premises.world().add_role(role)
    }

    pub fn settings(&self) -> Settings {
        self.premises.world().settings().clone()
    }

    pub fn set_settings(&self, settings: Settings) -> Result<()> {
        self.premises.world().set_settings(settings)
    }

    pub fn inject(&self, switch: Switch) -> Result<()> {
        self.premises.world().faults.inject(switch)
    }

    pub fn clear_faults(&self) {
        self.premises.world().faults.clear();
    }

    /// Every call to AWS since the start or the last [`Sandbox::clear_journal`], the oldest first.
    pub fn journal(&self) -> Vec<Call> {
        self.premises.world().journal.calls()
    }

    pub fn clear_journal(&self) {
        self.premises.world().journal.clear();
    }
}
