//! Fault switches: which misbehaviour a call meets, for which action, how often. Knows nothing of
//! what each does to it.

use super::request::Incoming;
use super::sts::Action;
use crate::error::{Code, Error, Result};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

const LONGEST_DELAY: u64 = 600_000;
const LARGEST_OFFSET: u64 = 10 * 366 * 24 * 3600;
const MOST_SWITCHES: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// No MFA code is right. Meets only calls that carry one.
    WrongMfaCode,
    AccessDenied,
    ExpiredToken,
    ExpiredTokenException,
    Throttling,
    InternalFailure,
    ServiceUnavailable,
    /// The answer takes this much real time, also under a manual clock: it is the caller's patience
    /// that is tried.
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
    /// The connection is closed without an answer.
    Outage,
}

/// A fault that is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    pub fault: Fault,
    /// `None`: every call, also those that name no action.
    #[serde(default)]
    pub action: Option<Action>,
    /// How many calls it still meets; `None`: until it is cleared.
    #[serde(default)]
    pub times: Option<u32>,
}

impl Switch {
    /// For every action, until cleared.
    pub fn on(fault: Fault) -> Switch {
        Switch {
            fault,
            action: None,
            times: None,
        }
    }

    #[must_use]
    pub fn for_action(self, action: Action) -> Switch {
        Switch {
            action: Some(action),
            ..self
        }
    }

    #[must_use]
    pub fn times(self, times: u32) -> Switch {
        Switch {
            times: Some(times),
            ..self
        }
    }

    fn meets(&self, incoming: &Incoming) -> bool {
        let action_matches = self
            .action
            .is_none_or(|action| incoming.action() == Ok(action));
        action_matches
            && match &self.fault {
                Fault::WrongMfaCode => incoming.parameter("TokenCode").is_some(),
                Fault::RegionNotEnabled { region } => incoming.region() == Some(region),
                Fault::AccessDenied
                | Fault::ExpiredToken
                | Fault::ExpiredTokenException
                | Fault::Throttling
                | Fault::InternalFailure
                | Fault::ServiceUnavailable
                | Fault::Delay { .. }
                | Fault::ClockOffset { .. }
                | Fault::Outage => true,
            }
    }
}

#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Switch>);

impl Faults {
    pub fn inject(&mut self, switch: Switch) -> Result<()> {
        let refuse = |problem: &str| Err(Error::new(Code::InvalidInput, problem));
        if matches!(switch.fault, Fault::Delay { milliseconds } if milliseconds > LONGEST_DELAY) {
            return refuse("a delay is at most 600000 milliseconds");
        }
        if matches!(switch.fault, Fault::ClockOffset { seconds } if seconds.unsigned_abs() > LARGEST_OFFSET)
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

    pub fn list(&self) -> Vec<Switch> {
        self.0.clone()
    }

    /// The faults this call meets, which counts as one time for each of them.
    pub fn strike(&mut self, incoming: &Incoming) -> Struck {
        let mut struck = Vec::new();
        self.0.retain_mut(|switch| {
            if switch.times == Some(0) {
                return false;
            }
            if switch.meets(incoming) {
                struck.push(switch.fault.clone());
                switch.times = switch.times.map(|times| times - 1);
            }
            switch.times != Some(0)
        });
        Struck(struck)
    }
}

/// The faults one call meets.
#[derive(Debug)]
pub(super) struct Struck(Vec<Fault>);

impl Struck {
    pub fn by(&self, fault: &Fault) -> bool {
        self.0.contains(fault)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }

    pub fn delay(&self) -> Duration {
        let delay = |fault: &Fault| {
            if let Fault::Delay { milliseconds } = fault {
                *milliseconds
            } else {
                0
            }
        };
        Duration::from_millis(self.0.iter().map(delay).sum())
    }

    /// The moment as the sandbox's clock shows it to this call.
    pub fn shift(&self, now: SystemTime) -> SystemTime {
        self.0.iter().fold(now, |now, fault| {
            let Fault::ClockOffset { seconds } = fault else {
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
