//! Fault switches: which misbehaviour a call meets, for which action, how often.

use super::actions::{AwsAction, SignInAction, SignInService};
use super::protocol::StsAction;
use super::refusal::AwsRefusal;
use super::request::Incoming;
use crate::error::{Code, Error, Result};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

const LONGEST_DELAY: u64 = 600_000;
const LARGEST_OFFSET: u64 = 10 * 366 * 24 * 3600;
const MOST_SWITCHES: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SandboxFault {
    /// No MFA code is right. Meets only calls that carry one.
    WrongMfaCode,
    AccessDenied,
    ExpiredToken,
    ExpiredTokenException,
    Throttling,
    InternalFailure,
    ServiceUnavailable,
    /// The answer takes this much real time, also under a manual clock.
    Delay {
        milliseconds: u64,
    },
    /// The sandbox's clock is ahead by so much, or behind if negative.
    ClockOffset {
        seconds: i64,
    },
    /// Calls signed for this region answer `InvalidClientTokenId`; the same keys work elsewhere.
    RegionNotEnabled {
        region: String,
    },
    /// No client is known. Meets only calls to SSO OIDC.
    InvalidClient,
    /// No code and no refresh token is good. Meets only calls to SSO OIDC.
    InvalidGrant,
    /// A device asks too often for its token. Meets only the calls that ask for one.
    SlowDown,
    /// Meets only calls to STS with a token or an assertion, as the next one does.
    IdpCommunicationError,
    IdpRejectedClaim,
    /// The password was changed, for example. Meets only calls to the console's sign-in.
    UserCredentialsChanged,
    /// A page for people instead of an answer, as the sign-in page of a hotel's network.
    Html,
    /// The connection is closed without an answer.
    Outage,
}

impl SandboxFault {
    /// The refusal of a call before its signature is looked at.
    pub(super) fn early_refusal(&self) -> Option<AwsRefusal> {
        match self {
            SandboxFault::Throttling => Some(AwsRefusal::new(400, "Throttling", "Rate exceeded")),
            SandboxFault::InternalFailure => Some(AwsRefusal::internal_failure()),
            SandboxFault::ServiceUnavailable => Some(AwsRefusal::new(
                503,
                "ServiceUnavailable",
                "The request has failed due to a temporary failure of the server.",
            )),
            SandboxFault::RegionNotEnabled { .. } => Some(AwsRefusal::invalid_token()),
            SandboxFault::WrongMfaCode
            | SandboxFault::AccessDenied
            | SandboxFault::ExpiredToken
            | SandboxFault::ExpiredTokenException
            | SandboxFault::Delay { .. }
            | SandboxFault::ClockOffset { .. }
            | SandboxFault::InvalidClient
            | SandboxFault::InvalidGrant
            | SandboxFault::SlowDown
            | SandboxFault::UserCredentialsChanged
            | SandboxFault::IdpCommunicationError
            | SandboxFault::IdpRejectedClaim
            | SandboxFault::Html
            | SandboxFault::Outage => None,
        }
    }
}

/// A fault that is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSwitch {
    pub fault: SandboxFault,
    /// `None`: every call, also those that name no action.
    #[serde(default)]
    pub action: Option<AwsAction>,
    /// How many calls it still meets; `None`: until it is cleared.
    #[serde(default)]
    pub times: Option<u32>,
}

impl FaultSwitch {
    /// For every action, until cleared.
    pub fn on(fault: SandboxFault) -> FaultSwitch {
        FaultSwitch {
            fault,
            action: None,
            times: None,
        }
    }

    #[must_use]
    pub fn for_action(self, action: impl Into<AwsAction>) -> FaultSwitch {
        FaultSwitch {
            action: Some(action.into()),
            ..self
        }
    }

    #[must_use]
    pub fn times(self, times: u32) -> FaultSwitch {
        FaultSwitch {
            times: Some(times),
            ..self
        }
    }

    fn meets(&self, incoming: &Incoming) -> bool {
        self.action
            .is_none_or(|action| incoming.called() == Some(action))
            && match &self.fault {
                SandboxFault::WrongMfaCode => incoming.parameter("TokenCode").is_some(),
                SandboxFault::RegionNotEnabled { region } => incoming.region() == Some(region),
                SandboxFault::AccessDenied
                | SandboxFault::ExpiredToken
                | SandboxFault::ExpiredTokenException
                | SandboxFault::Throttling
                | SandboxFault::InternalFailure
                | SandboxFault::ServiceUnavailable
                | SandboxFault::Delay { .. }
                | SandboxFault::ClockOffset { .. }
                | SandboxFault::Html
                | SandboxFault::Outage => true,
                SandboxFault::InvalidClient | SandboxFault::InvalidGrant => {
                    incoming.service() == Some(SignInService::Oidc)
                }
                SandboxFault::SlowDown => {
                    incoming.called() == Some(SignInAction::CreateToken.into())
                }
                SandboxFault::IdpCommunicationError | SandboxFault::IdpRejectedClaim => matches!(
                    incoming.action(),
                    Ok(StsAction::AssumeRoleWithSAML | StsAction::AssumeRoleWithWebIdentity)
                ),
                SandboxFault::UserCredentialsChanged => {
                    incoming.service() == Some(SignInService::Login)
                }
            }
    }
}

#[derive(Debug, Default)]
pub(super) struct Faults(Vec<FaultSwitch>);

impl Faults {
    pub fn inject(&mut self, switch: FaultSwitch) -> Result<()> {
        let refuse = |problem: &str| Err(Error::new(Code::InvalidInput, problem));
        if matches!(switch.fault, SandboxFault::Delay { milliseconds } if milliseconds > LONGEST_DELAY)
        {
            return refuse("a delay is at most 600000 milliseconds");
        }
        if matches!(switch.fault, SandboxFault::ClockOffset { seconds } if seconds.unsigned_abs() > LARGEST_OFFSET)
        {
            return refuse("the clock is off by at most ten years");
        }
        if self.0.len() >= MOST_SWITCHES {
            return refuse("a hundred faults are on already: clear them first");
        }
        self.0.push(switch);
        Ok(())
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn list(&self) -> Vec<FaultSwitch> {
        self.0.clone()
    }

    /// The faults this call meets, which counts as one time for each of them.
    pub fn meet(&mut self, incoming: &Incoming) -> FaultsMet {
        let mut met = Vec::new();
        self.0.retain_mut(|switch| {
            if switch.times == Some(0) {
                return false;
            }
            if switch.meets(incoming) {
                met.push(switch.fault.clone());
                switch.times = switch.times.map(|times| times - 1);
            }
            switch.times != Some(0)
        });
        FaultsMet(met)
    }
}

/// The faults one call meets.
#[derive(Debug)]
pub(super) struct FaultsMet(Vec<SandboxFault>);

impl FaultsMet {
    pub fn has(&self, fault: &SandboxFault) -> bool {
        self.0.contains(fault)
    }

    pub fn iter(&self) -> impl Iterator<Item = &SandboxFault> {
        self.0.iter()
    }

    pub fn delay(&self) -> Duration {
        let delay = |fault: &SandboxFault| {
            if let SandboxFault::Delay { milliseconds } = fault {
                *milliseconds
            } else {
                0
            }
        };
        Duration::from_millis(self.0.iter().map(delay).sum())
    }

    /// The time as the sandbox's clock shows it to this call.
    pub fn shift(&self, now: SystemTime) -> SystemTime {
        self.0.iter().fold(now, |now, fault| {
            let SandboxFault::ClockOffset { seconds } = fault else {
                return now;
            };
            let by = Duration::from_secs(seconds.unsigned_abs());
            let shifted = if *seconds < 0 {
                now.checked_sub(by)
            } else {
                now.checked_add(by)
            };
            shifted.unwrap_or(now)
        })
    }
}
