//! The sign-in endpoint of the sandbox's console, as AWS's: a token for the keys of a role's
//! session, and a page for the bearer of the token. Answers in pages for browsers; like AWS it does
//! not say what is wrong with keys.

use super::answer::HttpAnswer;
use super::faults::{FaultsMet, SandboxFault};
use super::pages::page;
use super::protocol::escape;
use super::refusal::AwsRefusal;
use super::request::Incoming;
use super::simulated_aws::{Assumed, SimulatedAws, Standing, VerifiedCaller};
use crate::duration::SessionKind;
use crate::secret::{Secret, on_the_wire};
use serde::Deserialize;
use serde_json::json;
use std::time::{Duration, SystemTime};
use subtle::ConstantTimeEq;

pub(super) const PATH: &str = "/federation";
const TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);

/// The parameter `Session`: the keys themselves, instead of a signature.
#[derive(Deserialize)]
struct PresentedSession {
    #[serde(rename = "sessionId")]
    access_key_id: String,
    #[serde(rename = "sessionKey", deserialize_with = "on_the_wire::deserialize")]
    secret_access_key: Secret,
    #[serde(rename = "sessionToken", deserialize_with = "on_the_wire::deserialize")]
    token: Secret,
}

/// The caller, once verified, and the reply.
pub(super) fn answer(
    aws: &mut SimulatedAws,
    incoming: &Incoming,
    faults: &FaultsMet,
    now: SystemTime,
) -> (Option<VerifiedCaller>, Result<HttpAnswer, AwsRefusal>) {
    if let Some(refusal) = faults.iter().find_map(refused_by) {
        return (None, Err(refusal));
    }
    if let Err(refusal) = &incoming.parameters {
        return (None, Err(refusal.clone()));
    }
    match incoming.parameter("Action") {
        Some("getSigninToken") => {
            match authenticate(aws, incoming, now) {
                Ok((caller, session_ends_at)) => {
                    let given = check(incoming, &caller).map(|()| {
                    let until = session_ends_at.min(now + TOKEN_LIFE);
                    HttpAnswer::json(&json!({ "SigninToken": aws.console_token(caller.clone(), until, now) }))
                });
                    (Some(caller), given)
                }
                Err(refusal) => (None, Err(refusal)),
            }
        }
        Some("login") => {
            let token = incoming.parameter("SigninToken").unwrap_or_default();
            match aws.console_caller(token, now).cloned() {
                Some(caller) => {
                    let page = welcome(&caller, incoming.parameter("Destination"));
                    (Some(caller), Ok(page))
                }
                None => (
                    None,
                    Err(AwsRefusal::new(
                        400,
                        "InvalidSigninToken",
                        "Invalid or expired sign-in token",
                    )),
                ),
            }
        }
        Some(_) | None => (
            None,
            Err(AwsRefusal::new(
                400,
                "InvalidAction",
                "Invalid action parameter",
            )),
        ),
    }
}

fn authenticate(
    aws: &SimulatedAws,
    incoming: &Incoming,
    now: SystemTime,
) -> Result<(VerifiedCaller, SystemTime), AwsRefusal> {
    let presented = incoming
        .parameter("Session")
        .and_then(|text| serde_json::from_str::<PresentedSession>(text).ok());
    let PresentedSession {
        access_key_id,
        secret_access_key,
        token,
    } = presented.ok_or_else(invalid_credentials)?;
    let credential = aws
        .credential(&access_key_id, Some(token.expose()), now)
        .ok_or_else(invalid_credentials)?;
    let own = credential.secret.expose().as_bytes();
    let key_is_right = bool::from(own.ct_eq(secret_access_key.expose().as_bytes()));
    match credential.expires_at {
        Some(end) if key_is_right && end > now => Ok((credential.caller, end)),
        Some(_) | None => Err(invalid_credentials()),
    }
}

/// A user is refused, and a duration for a role that was assumed with a session.
fn check(incoming: &Incoming, caller: &VerifiedCaller) -> Result<(), AwsRefusal> {
    let Standing::RoleSession { assumed, .. } = &caller.standing else {
        return Err(invalid_credentials());
    };
    let Some(text) = incoming.parameter("SessionDuration") else {
        return Ok(());
    };
    let limits = SessionKind::AssumedRole.limits();
    let in_limits = text
        .parse()
        .is_ok_and(|seconds| (limits.shortest..=limits.longest).contains(&seconds));
    match (in_limits, assumed) {
        (false, _) => Err(AwsRefusal::new(
            400,
            "InvalidSessionDuration",
            "Invalid session duration parameter",
        )),
        (true, Assumed::WithSession) => Err(invalid_credentials()),
        (true, Assumed::WithKeys | Assumed::BySignIn) => Ok(()),
    }
}

fn invalid_credentials() -> AwsRefusal {
    AwsRefusal::new(400, "InvalidCredentials", "Invalid credentials parameter")
}

fn refused_by(fault: &SandboxFault) -> Option<AwsRefusal> {
    match fault {
        SandboxFault::Throttling => Some(AwsRefusal::new(429, "Throttling", "Too many requests")),
        SandboxFault::AccessDenied => Some(AwsRefusal::access_denied("Access denied")),
        SandboxFault::ExpiredToken | SandboxFault::ExpiredTokenException => {
            Some(invalid_credentials())
        }
        SandboxFault::InternalFailure | SandboxFault::ServiceUnavailable => fault.early_refusal(),
        // Nothing is signed for a region here; the rest is met on the way.
        SandboxFault::RegionNotEnabled { .. }
        | SandboxFault::WrongMfaCode
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

fn welcome(caller: &VerifiedCaller, destination: Option<&str>) -> HttpAnswer {
    let opens = destination.map_or_else(String::new, |page| {
        format!("<p>At AWS this opens {}</p>", escape(page))
    });
    page(
        "Sandbox console",
        &format!(
            "<p>Signed in to the sandbox console as {}</p>{opens}",
            escape(&caller.arn)
        ),
    )
}
