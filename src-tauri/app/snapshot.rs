//! What the windows and the tray show: the agent's own answers, whole, and what only the app knows
//! beside them. Pure.

use keyfob_core::agent::api::{
    DatabaseStatus, IdentityStatus, Note, OpenPrompt, Prompt, PromptId, Refresh, Renewal, Snapshot,
    State, Target,
};
use keyfob_core::doctor::Checked;
use keyfob_core::error::{Code, Error};
use keyfob_core::view::state::is_usable;
use keyfob_core::view::time::time_left;
use serde::{Deserialize, Serialize};
use specta::Type;
use std::time::{Duration, SystemTime};
use tauri_specta::Event;

/// The tray and the windows sign in under this name, on the user's behalf.
const OURSELVES: &str = "keyfob";

pub fn is_of_a_program(prompt: &Prompt) -> bool {
    !prompt
        .caller
        .program
        .as_str()
        .eq_ignore_ascii_case(OURSELVES)
}

/// What a window is opened to show.
#[derive(Clone, Debug, Serialize, Deserialize, Type)]
#[serde(tag = "view", rename_all = "snake_case")]
pub enum View {
    Identities,
    /// The identities, and a sign-in to this one begins at once.
    SignIn {
        identity: String,
        renewal: Renewal,
    },
    /// The identities, and the form for the keys of this one.
    EnterKeys {
        identity: String,
    },
    Activity,
    Settings,
    /// What may be wrong on this machine, looked at anew.
    Doctor,
    FirstRun,
    LogOut {
        target: Target,
    },
    /// One that is open; its number is in the snapshot's prompts.
    Prompt {
        prompt: u32,
    },
    /// The identities, and above them why something that was chosen elsewhere failed.
    Failed {
        error: Error,
    },
    /// The tray's process has ended: nothing works any more.
    Ended,
}

/// To a window that is open already.
#[derive(Clone, Debug, Serialize, Deserialize, Type, Event)]
pub struct Show(pub View);

#[derive(Clone, Debug, Serialize, Deserialize, Type, Event)]
pub struct SnapshotChanged(pub AppSnapshot);

/// What one check of the doctor has found, while others are open.
#[derive(Clone, Debug, Serialize, Deserialize, Type, Event)]
pub struct DoctorProgress {
    pub found: Vec<Checked>,
    pub open: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize, Type)]
pub struct AppSnapshot {
    /// RFC 3339.
    pub now: String,
    /// Shown as `~`; empty where it is not known.
    pub home: String,
    pub configuration: Configuration,
    pub sandbox: Option<SandboxInfo>,
    pub tray: TrayHost,
    pub refresh: Refresh,
    pub health: OverallHealth,
    /// What the agent knows; `None` while there is no configuration in force.
    pub agent: Option<Snapshot>,
    pub notes: Vec<Note>,
}

#[derive(Clone, Debug, Serialize, Deserialize, Type)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Configuration {
    Missing {
        path: String,
    },
    Unusable {
        path: String,
        error: Error,
    },
    InForce {
        path: String,
        /// The file has changed and cannot be used.
        problem: Option<Error>,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize, Type)]
pub struct SandboxInfo {
    pub url: String,
    pub mfa_code: String,
    pub users: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum TrayHost {
    Shown,
    /// No tray host: the window has to say how to get one.
    Missing,
}

/// One icon of the tray each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum OverallHealth {
    /// Signed in, and renewed in time.
    Ok,
    /// Nothing is signed in.
    Idle,
    /// Sessions are not renewed.
    Paused,
    /// Something ends soon.
    Due,
    /// A person is needed.
    Attention,
    /// AWS cannot be reached.
    Offline,
}

impl Configuration {
    pub fn path(&self) -> &str {
        match self {
            Configuration::Missing { path }
            | Configuration::Unusable { path, .. }
            | Configuration::InForce { path, .. } => path,
        }
    }
}

impl AppSnapshot {
    /// Nothing is known yet.
    pub fn empty(now: String, configuration: Configuration) -> AppSnapshot {
        AppSnapshot {
            now,
            home: String::new(),
            configuration,
            sandbox: None,
            tray: TrayHost::Shown,
            refresh: Refresh::Runs,
            health: OverallHealth::Idle,
            agent: None,
            notes: Vec::new(),
        }
    }

    pub fn identities(&self) -> &[IdentityStatus] {
        self.agent.as_ref().map_or(&[], |agent| &agent.identities)
    }

    pub fn databases(&self) -> &[DatabaseStatus] {
        self.agent.as_ref().map_or(&[], |agent| &agent.databases)
    }

    pub fn prompts(&self) -> &[OpenPrompt] {
        self.agent.as_ref().map_or(&[], |agent| &agent.prompts)
    }

    /// Not one that the user began in the tray or the main window.
    pub fn is_of_a_program(&self, prompt: PromptId) -> bool {
        let mut prompts = self.prompts().iter().map(|open| &open.prompt);
        prompts.any(|it| it.id == prompt && is_of_a_program(it))
    }

    pub fn is_keyring_closed(&self) -> bool {
        let agent = self.agent.as_ref();
        agent.is_some_and(|agent| agent.keyring.is_some())
    }

    fn identity(&self, name: &str) -> Option<&IdentityStatus> {
        self.identities().iter().find(|it| it.name == name)
    }

    /// How long the times that the tray shows stay right, if nothing happens: hours, and in the end
    /// minutes.
    pub fn reads_the_same_for(&self, now: SystemTime) -> Duration {
        let identities = self.identities().iter();
        let held = identities.filter(|it| is_usable(it.state));
        match held.filter_map(|it| it.expires_at).min() {
            None => Duration::from_secs(3600),
            Some(end) if time_left(end, now) > Duration::from_secs(2 * 3600) => {
                Duration::from_secs(600)
            }
            Some(_) => Duration::from_secs(60),
        }
    }

    pub fn is_revoked(&self, identity: &str) -> bool {
        let revoked = |it: &IdentityStatus| it.state == State::Revoked;
        self.identity(identity).is_some_and(revoked)
    }

    pub fn is_signed_in(&self, identity: &str) -> bool {
        let held = |it: &IdentityStatus| is_usable(it.state);
        self.identity(identity).is_some_and(held)
    }

    /// The start of the identity's chain, which holds the keys: itself, or another identity.
    pub fn source_of<'a>(&'a self, identity: &'a str) -> &'a str {
        let source = self.identity(identity).and_then(|it| it.chain.first());
        source.map_or(identity, String::as_str)
    }

    /// The open prompt about an identity, or about another one of its chain.
    pub fn prompt_for(&self, identity: &str) -> Option<u32> {
        let chain = self.identity(identity).map_or(&[][..], |it| &it.chain);
        let about = |name: &str| name == identity || chain.iter().any(|link| link == name);
        let mut prompts = self.prompts().iter().map(|open| &open.prompt);
        prompts
            .find(|prompt| about(&prompt.identity))
            .map(|prompt| prompt.id)
    }

    /// A person, then the network, then time, then what the user wants.
    #[must_use]
    pub fn judged(mut self) -> AppSnapshot {
        let broken = match &self.configuration {
            Configuration::Missing { .. } => false,
            Configuration::Unusable { .. } => true,
            Configuration::InForce { problem, .. } => problem.is_some(),
        };
        let has_prompts = !self.prompts().is_empty();
        let any = |wanted: &dyn Fn(&IdentityStatus) -> bool| self.identities().iter().any(wanted);
        let is_offline = |it: &IdentityStatus| {
            let network = |error: &Error| error.code == Code::Network;
            it.failing.as_ref().is_some_and(network)
        };
        let needs_new_keys = |it: &IdentityStatus| {
            let keys = |error: &Error| error.code == Code::AwsCredentialsInvalid;
            it.failing.as_ref().is_some_and(keys)
        };
        let needs_a_person = |it: &IdentityStatus| match it.state {
            _ if needs_new_keys(it) => true,
            State::Revoked | State::Denied | State::BelongsElsewhere => true,
            // It is renewed by itself once there is a network.
            State::Expired => !is_offline(it),
            State::Valid
            | State::Expiring
            | State::NeedsSignIn
            | State::SignedOut
            | State::Unknown
            | State::Unsupported => false,
        };
        let ends_soon = |it: &IdentityStatus| {
            let renews_alone = it.next_refresh.is_some() && it.failing.is_none();
            it.state == State::Expiring && !renews_alone
        };
        self.health = if broken || has_prompts || self.is_keyring_closed() || any(&needs_a_person) {
            OverallHealth::Attention
        } else if any(&is_offline) {
            OverallHealth::Offline
        } else if any(&ends_soon) {
            OverallHealth::Due
        } else if self.refresh == Refresh::Paused {
            OverallHealth::Paused
        } else if any(&|it| is_usable(it.state)) {
            OverallHealth::Ok
        } else {
            OverallHealth::Idle
        };
        self
    }
}

#[cfg(test)]
pub mod tests;
