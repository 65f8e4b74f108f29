//! The calls to the sandbox, one by one. Holds no secret: neither MFA codes nor the value of any
//! parameter it does not know by name.

use super::protocol::timestamp;
use super::request::Incoming;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

/// The oldest calls are forgotten beyond this many.
const MOST_CALLS: usize = 10_000;

/// Parameters shown with their values; of any other only the name. A dot at the end: all of them.
const SHOWN: &[&str] = &[
    "UserName",
    "Status",
    "RoleArn",
    "RoleSessionName",
    "PrincipalArn",
    "TargetPrincipal",
    "TaskPolicyArn.arn",
    "ExternalId",
    "DurationSeconds",
    "SerialNumber",
    "SessionDuration",
    "Issuer",
    "Destination",
    "SourceIdentity",
    "Tags.member.",
    "TransitiveTagKeys.member.",
    // Of sign-ins.
    "clientName",
    "clientType",
    "grantType",
    "grantTypes",
    "issuerUrl",
    "redirectUri",
    "redirectUris",
    "redirect_uri",
    "response_type",
    "code_challenge_method",
    "scope",
    "scopes",
    "startUrl",
    "account_id",
    "role_name",
    "max_result",
    "principal",
    "refuse",
];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedCall {
    /// RFC 3339, by the sandbox's clock without any offset.
    pub time: String,
    /// As the call names it; empty if it names none.
    pub action: String,
    /// As the call was signed for.
    pub region: Option<String>,
    pub access_key_id: Option<String>,
    /// The ARN of the signer, or the name of the signed-in person, once verified.
    pub principal: Option<String>,
    /// By name; `(hidden)` for the value of an MFA code and of anything not known to be harmless.
    pub parameters: BTreeMap<String, String>,
    /// `ok`, the code AWS answered with, `html`, or `outage`.
    pub outcome: String,
}

impl RecordedCall {
    pub(super) fn new(
        time: SystemTime,
        incoming: &Incoming,
        principal: Option<String>,
        outcome: &str,
    ) -> RecordedCall {
        let shown = |(name, value): (&String, &String)| {
            let is_it =
                |shown: &&str| name == shown || shown.ends_with('.') && name.starts_with(*shown);
            let value = if SHOWN.iter().any(is_it) {
                value
            } else {
                "(hidden)"
            };
            (name.clone(), value.to_owned())
        };
        RecordedCall {
            time: format!("{:.3}", timestamp(time)),
            action: match incoming.sign_in {
                Some(action) => action.name().to_owned(),
                None => incoming.parameter("Action").unwrap_or_default().to_owned(),
            },
            region: incoming.region().map(str::to_owned),
            access_key_id: incoming
                .authorization
                .as_ref()
                .ok()
                .map(|it| it.access_key_id.clone()),
            principal,
            parameters: incoming
                .parameters
                .iter()
                .flatten()
                .filter(|(name, _)| *name != "Action" && *name != "Version")
                .map(shown)
                .collect(),
            outcome: outcome.to_owned(),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Journal(VecDeque<RecordedCall>);

impl Journal {
    pub fn record(&mut self, call: RecordedCall) {
        if self.0.len() >= MOST_CALLS {
            self.0.pop_front();
        }
        self.0.push_back(call);
    }

    pub fn calls(&self) -> Vec<RecordedCall> {
        self.0.iter().cloned().collect()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}
