//! The way into the sandbox's console, as AWS's sign-in endpoint opens it: a token for the keys of
//! a role's session, and a page for whoever comes with the token. Speaks in pages for browsers;
//! like AWS it does not say what is wrong with keys.

use super::faults::{Fault, Struck};
use super::mint;
use super::refusal::{Refusal, escape};
use super::request::Incoming;
use super::world::{Assumed, Requester, Standing, World};
use crate::duration::SessionKind;
use crate::secret::{Secret, on_the_wire};
use serde::Deserialize;
use serde_json::json;
use std::time::{Duration, SystemTime};
use subtle::ConstantTimeEq;

pub(super) const PATH: &str = "/federation";
const TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);

/// What a call is answered with.
pub(super) enum Answer {
    Token(String),
    Page(String),
}

impl Answer {
    pub fn content_type(&self) -> &'static str {
        match self {
            Answer::Token(_) => "application/json",
            Answer::Page(_) => "text/html; charset=utf-8",
        }
    }

    pub fn body(self) -> String {
        match self {
            Answer::Token(token) => json!({ "SigninToken": token }).to_string(),
            Answer::Page(page) => page,
        }
    }
}

/// The parameter `Session`. The keys are proven by being told.
#[derive(Deserialize)]
struct Told {
    #[serde(rename = "sessionId")]
    access_key_id: String,
    #[serde(rename = "sessionKey", deserialize_with = "on_the_wire::deserialize")]
    secret_access_key: Secret,
    #[serde(rename = "sessionToken", deserialize_with = "on_the_wire::deserialize")]
    token: Secret,
}

/// Who came, once that is proven, and what they get.
pub(super) fn visit(
    world: &mut World,
    incoming: &Incoming,
    struck: &Struck,
    now: SystemTime,
) -> (Option<Requester>, Result<Answer, Refusal>) {
    if let Some(refusal) = struck.iter().find_map(refused_by) {
        return (None, Err(refusal));
    }
    if let Err(refusal) = &incoming.parameters {
        return (None, Err(refusal.clone()));
    }
    match incoming.parameter("Action") {
        Some("getSigninToken") => match authenticate(world, incoming, now) {
            Ok((caller, session_ends_at)) => {
                let given = check(incoming, &caller).map(|()| {
                    let until = session_ends_at.min(now + TOKEN_LIFE);
                    Answer::Token(world.let_in(mint::signin_token(), caller.clone(), until, now))
                });
                (Some(caller), given)
            }
            Err(refusal) => (None, Err(refusal)),
        },
        Some("login") => {
            let token = incoming.parameter("SigninToken").unwrap_or_default();
            match world.let_in_with(token, now).cloned() {
                Some(caller) => {
                    let page = welcome(&caller, incoming.parameter("Destination"));
                    (Some(caller), Ok(Answer::Page(page)))
                }
                None => (
                    None,
                    Err(Refusal::new(
                        400,
                        "InvalidSigninToken",
                        "Invalid or expired sign-in token",
                    )),
                ),
            }
        }
        Some(_) | None => (
            None,
            Err(Refusal::new(
                400,
                "InvalidAction",
                "Invalid action parameter",
            )),
        ),
    }
}

fn authenticate(
    world: &World,
    incoming: &Incoming,
    now: SystemTime,
) -> Result<(Requester, SystemTime), Refusal> {
    let told = incoming
        .parameter("Session")
        .and_then(|text| serde_json::from_str::<Told>(text).ok());
    let Told {
        access_key_id,
        secret_access_key,
        token,
    } = told.ok_or_else(invalid_credentials)?;
    let credential = world
        .credential(&access_key_id, Some(token.expose()))
        .ok_or_else(invalid_credentials)?;
    let (own, told) = (
        credential.secret.expose().as_bytes(),
        secret_access_key.expose().as_bytes(),
    );
    let key_is_right = bool::from(own.ct_eq(told));
    match credential.expires_at {
        Some(end) if key_is_right && end > now => Ok((credential.caller, end)),
        Some(_) | None => Err(invalid_credentials()),
    }
}

/// A user is refused, and a duration for a role that was assumed with a session.
fn check(incoming: &Incoming, caller: &Requester) -> Result<(), Refusal> {
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
        (false, _) => Err(Refusal::new(
            400,
            "InvalidSessionDuration",
            "Invalid session duration parameter",
        )),
        (true, Assumed::WithSession) => Err(invalid_credentials()),
        (true, Assumed::WithKeys) => Ok(()),
    }
}

fn invalid_credentials() -> Refusal {
    Refusal::new(400, "InvalidCredentials", "Invalid credentials parameter")
}

fn refused_by(fault: &Fault) -> Option<Refusal> {
    match fault {
        Fault::Throttling => Some(Refusal::new(429, "Throttling", "Too many requests")),
        Fault::AccessDenied => Some(Refusal::access_denied("Access denied")),
        Fault::ExpiredToken | Fault::ExpiredTokenException => Some(invalid_credentials()),
        Fault::InternalFailure | Fault::ServiceUnavailable => Refusal::at_the_door(fault),
        // Keys are told here, not signed with in a region; the rest is met on the way.
        Fault::RegionNotEnabled { .. }
        | Fault::WrongMfaCode
        | Fault::Delay { .. }
        | Fault::ClockOffset { .. }
        | Fault::Outage => None,
    }
}

fn welcome(caller: &Requester, destination: Option<&str>) -> String {
    let told = destination.map_or_else(String::new, |page| {
        format!("<p>At AWS this opens {}</p>", escape(page))
    });
    page(
        "Sandbox console",
        &format!(
            "<p>Signed in to the sandbox console as {}</p>{told}",
            escape(&caller.arn)
        ),
    )
}

pub(super) fn refused(refusal: &Refusal) -> String {
    let title = format!(
        "HTTP Status {} - {}",
        refusal.status,
        escape(&refusal.message)
    );
    page(&title, &format!("<p>{title}</p>"))
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><title>{title}</title></head><body>{body}</body></html>\n"
    )
}
