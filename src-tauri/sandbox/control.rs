//! The control interface: JSON over HTTP under `/_sandbox/`, for processes that do not hold the
//! [`super::Sandbox`]. Refuses what a web page could send: another `Host` than the served address,
//! or any `Origin`.

use super::faults::FaultSwitch;
use super::federation;
use super::grants::Grants;
use super::identity_center::PERSON;
use super::journal::RecordedCall;
use super::protocol::timestamp;
use super::served::Served;
use super::settings::SandboxSettings;
use super::simulated_aws::{MfaDevice, SandboxRole};
use crate::error::{Code, Error, Result};
use crate::secret::Keys;
use axum::http::request::Parts;
use axum::http::{Method, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub(super) const PREFIX: &str = "/_sandbox/";

/// Everything in the sandbox, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxState {
    pub url: String,
    pub account: String,
    /// RFC 3339.
    pub now: String,
    pub users: Vec<UserState>,
    pub roles: Vec<SandboxRole>,
    pub sessions: Vec<SessionState>,
    pub sign_ins: Vec<SignInState>,
    pub settings: SandboxSettings,
    pub faults: Vec<FaultSwitch>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserState {
    pub name: String,
    pub arn: String,
    pub mfa: MfaDevice,
    pub mfa_serial: String,
    /// The ids of the access keys, the oldest first.
    pub keys: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionState {
    pub access_key_id: String,
    pub principal: String,
    /// RFC 3339.
    pub expires_at: String,
}

/// Of Identity Center or of the console's sign-in, by its client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInState {
    pub client_id: String,
    pub principal: String,
    /// RFC 3339.
    pub ends_at: String,
}

/// A new access key for the calling process: the only secret of this interface.
#[derive(Serialize, Deserialize)]
pub(super) struct CreatedKey {
    pub access_key_id: String,
    pub secret_access_key: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfUser {
    pub user: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfPrincipal {
    pub principal: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfRole {
    pub role: String,
}

/// As an identity provider posts it to AWS.
#[derive(Serialize, Deserialize)]
pub(super) struct Asserted {
    pub assertion: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Journalled {
    pub calls: Vec<RecordedCall>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Revoked {
    pub revoked: usize,
}

/// The body of every refusal.
#[derive(Serialize, Deserialize)]
pub(super) struct ControlFailure {
    pub error: Error,
}

/// Status and JSON.
pub(super) fn answer(served: &Served, head: &Parts, body: &[u8]) -> (u16, String) {
    let host = head
        .headers
        .get(header::HOST)
        .map(axum::http::HeaderValue::as_bytes);
    if host != Some(served.address.to_string().as_bytes())
        || head.headers.contains_key(header::ORIGIN)
    {
        return refused(
            403,
            "the sandbox is controlled only from this machine and never from a web page",
        );
    }
    let rest = head.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let aws = || served.aws();
    let done = json!({});
    let result = match (&head.method, rest) {
        (&Method::GET, "state") => to_json(&state(served)),
        (&Method::GET, "journal") => to_json(&Journalled {
            calls: aws().journal.calls(),
        }),
        (&Method::DELETE, "journal") => {
            aws().journal.clear();
            Ok(done)
        }
        (&Method::POST, "faults") => read(body)
            .and_then(|switch| aws().faults.inject(switch))
            .map(|()| done),
        (&Method::DELETE, "faults") => {
            aws().faults.clear();
            Ok(done)
        }
        (&Method::POST, "keys") => read(body)
            .and_then(|OfUser { user }| aws().create_key(&user, served.clock.now()))
            .and_then(|keys| to_json(&created(&keys))),
        (&Method::DELETE, path) if path.starts_with("keys/") => {
            aws().revoke_key(&path["keys/".len()..]).map(|()| done)
        }
        (&Method::POST, "sessions/revoke") => read(body).and_then(|OfPrincipal { principal }| {
            to_json(&Revoked {
                revoked: aws().revoke_sessions(&principal),
            })
        }),
        (&Method::POST, "assertion") => read(body).and_then(|OfRole { role }| {
            let assertion = federation::assertion(&role, PERSON, served.clock.now());
            to_json(&Asserted { assertion })
        }),
        (&Method::POST, "sign-ins/revoke") => to_json(&Revoked {
            revoked: aws().end_sign_ins(),
        }),
        (&Method::PUT, "settings") => read(body)
            .and_then(|settings| aws().set_settings(settings))
            .map(|()| done),
        _ => return refused(404, "the sandbox has no such control"),
    };
    match result {
        Ok(json) => (200, json.to_string()),
        Err(error) => (400, json!(ControlFailure { error }).to_string()),
    }
}

pub(super) fn refused(status: u16, message: &str) -> (u16, String) {
    (
        status,
        json!(ControlFailure {
            error: Error::new(Code::InvalidInput, message)
        })
        .to_string(),
    )
}

pub(super) fn state(served: &Served) -> SandboxState {
    let aws = served.aws();
    SandboxState {
        url: served.url(),
        account: aws.account().to_owned(),
        now: timestamp(served.clock.now()).to_string(),
        users: aws
            .users()
            .map(|(name, user)| UserState {
                name: name.clone(),
                arn: user.arn.clone(),
                mfa: user.mfa,
                mfa_serial: aws.mfa_serial(name),
                keys: user.keys.iter().map(|key| key.id().to_owned()).collect(),
            })
            .collect(),
        roles: aws.roles().cloned().collect(),
        sessions: aws
            .sessions()
            .map(|session| SessionState {
                access_key_id: session.keys.access_key_id.as_str().to_owned(),
                principal: session.caller.arn.clone(),
                expires_at: timestamp(session.expires_at).to_string(),
            })
            .collect(),
        sign_ins: sign_ins(&aws.identity_center.grants)
            .chain(sign_ins(&aws.login))
            .collect(),
        settings: aws.settings().clone(),
        faults: aws.faults.list(),
    }
}

fn sign_ins(grants: &Grants) -> impl Iterator<Item = SignInState> {
    grants.sign_ins().map(|sign_in| SignInState {
        client_id: sign_in.holder.client_id.clone(),
        principal: sign_in.principal.clone(),
        ends_at: timestamp(sign_in.ends_at).to_string(),
    })
}

fn created(keys: &Keys) -> CreatedKey {
    CreatedKey {
        access_key_id: keys.access_key_id.as_str().to_owned(),
        secret_access_key: keys.secret_access_key.expose().to_owned(),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|cause| {
        Error::new(
            Code::InvalidInput,
            format!("the sandbox cannot read this: {cause}"),
        )
    })
}

fn to_json(value: &impl Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(value).map_err(|cause| {
        Error::new(
            Code::InvalidInput,
            format!("the sandbox cannot write its answer: {cause}"),
        )
    })
}
