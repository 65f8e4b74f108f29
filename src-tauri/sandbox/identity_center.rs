//! The simulated IAM Identity Center: its clients, device codes and sign-ins. Holds what is true of
//! them; wording and shapes are elsewhere.

use super::grants::{Grants, is};
use super::random;
use crate::secret::Secret;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// Who signs in: there is one person.
pub(super) const PERSON: &str = "kim";
pub(super) const DEVICE_CODE_LIFE: Duration = Duration::from_secs(600);
const INTERVAL: Duration = Duration::from_secs(1);
/// What a client that polls too fast must wait in addition, as RFC 8628 has it.
const SLOWER: Duration = Duration::from_secs(5);
const ONE_SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct SimulatedCenter {
    clients: BTreeMap<String, OidcClient>,
    devices: Vec<Device>,
    pub grants: Grants,
    /// The calls of the last second to what is limited.
    recent: Vec<SystemTime>,
}

#[derive(Clone, Debug)]
pub(super) struct OidcClient {
    pub secret: Secret,
    pub expires_at: SystemTime,
    pub scopes: Vec<String>,
    pub redirect_uris: Vec<String>,
    pub grant_types: Vec<String>,
}

#[derive(Debug)]
struct Device {
    code: Secret,
    user_code: String,
    client_id: String,
    expires_at: SystemTime,
    decision: Option<DeviceDecision>,
    asked_at: Option<SystemTime>,
    interval: Duration,
}

/// A device code as the device gets it.
pub(super) struct DeviceCode {
    pub code: Secret,
    pub user_code: String,
    pub interval: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeviceDecision {
    Allowed,
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Poll {
    Unknown,
    Expired,
    TooFast,
    Pending,
    Decided(DeviceDecision),
}

impl SimulatedCenter {
    /// The id of the new client.
    pub fn register(&mut self, client: OidcClient) -> String {
        let id = random::token("").expose()[..22].to_owned();
        self.clients.insert(id.clone(), client);
        id
    }

    pub fn client(&self, id: &str, now: SystemTime) -> Option<&OidcClient> {
        let client = self.clients.get(id);
        client.filter(|client| client.expires_at > now)
    }

    /// Also of one whose registration is over.
    pub fn scopes(&self, client_id: &str) -> Option<&[String]> {
        self.clients.get(client_id).map(|client| &client.scopes[..])
    }

    pub fn start_device(&mut self, client_id: &str, now: SystemTime) -> DeviceCode {
        let started = DeviceCode {
            code: random::token(""),
            user_code: random::user_code(),
            interval: INTERVAL,
        };
        self.devices.push(Device {
            code: started.code.clone(),
            user_code: started.user_code.clone(),
            client_id: client_id.to_owned(),
            expires_at: now + DEVICE_CODE_LIFE,
            decision: None,
            asked_at: None,
            interval: INTERVAL,
        });
        started
    }

    /// Whether a person can still decide on it.
    pub fn is_open(&self, user_code: &str, now: SystemTime) -> bool {
        let mut devices = self.devices.iter();
        devices.any(|device| device.is_open(user_code, now))
    }

    /// `false`: there is nothing to decide on.
    pub fn decide(&mut self, user_code: &str, decision: DeviceDecision, now: SystemTime) -> bool {
        let mut devices = self.devices.iter_mut();
        let device = devices.find(|device| device.is_open(user_code, now));
        let open = device.is_some();
        if let Some(device) = device {
            device.decision = Some(decision);
        }
        open
    }

    /// What the device hears about its code. A decision is heard once.
    pub fn poll(&mut self, code: &str, client_id: &str, now: SystemTime) -> Poll {
        let is_it = |device: &Device| device.client_id == client_id && is(&device.code, code);
        let Some(at) = self.devices.iter().position(is_it) else {
            return Poll::Unknown;
        };
        let device = &mut self.devices[at];
        let next = device.asked_at.map(|asked_at| asked_at + device.interval);
        device.asked_at = Some(now);
        if device.expires_at <= now {
            return Poll::Expired;
        }
        if let Some(decision) = device.decision {
            self.devices.swap_remove(at);
            return Poll::Decided(decision);
        }
        if next.is_some_and(|next| now < next) {
            device.interval += SLOWER;
            return Poll::TooFast;
        }
        Poll::Pending
    }

    /// Counts a call; `false` if there were as many within a second.
    pub fn admits(&mut self, calls_a_second: u32, now: SystemTime) -> bool {
        self.recent
            .retain(|call| *call + ONE_SECOND > now && *call <= now);
        let admitted = self.recent.len() < calls_a_second as usize;
        if admitted {
            self.recent.push(now);
        }
        admitted
    }
}

impl Device {
    fn is_open(&self, user_code: &str, now: SystemTime) -> bool {
        let is_it = self.user_code.eq_ignore_ascii_case(user_code.trim());
        is_it && self.decision.is_none() && self.expires_at > now
    }
}
