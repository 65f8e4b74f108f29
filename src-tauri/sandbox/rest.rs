//! The JSON of the services people sign in with: requests read from a body, refusals in the shape
//! and with the header that AWS's clients read.

use super::actions::SignInService;
use super::answer::HttpAnswer;
use super::faults::SandboxFault;
use super::grants::Redemption;
use super::pages;
use super::random;
use super::refusal::AwsRefusal;
use super::request::Incoming;
use crate::secret::{Secret, on_the_wire};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::time::SystemTime;

/// A call to one of these services.
pub(super) struct RestCall<'a> {
    pub incoming: &'a Incoming,
    /// The sandbox's own address.
    pub url: String,
    pub now: SystemTime,
}

/// For a token, of both services that give them; each says what it needs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenRequest {
    pub client_id: String,
    #[serde(default, with = "on_the_wire::optional")]
    pub client_secret: Option<Secret>,
    pub grant_type: String,
    #[serde(default, with = "on_the_wire::optional")]
    code: Option<Secret>,
    #[serde(default, with = "on_the_wire::optional")]
    code_verifier: Option<Secret>,
    redirect_uri: Option<String>,
    #[serde(default, with = "on_the_wire::optional")]
    pub device_code: Option<Secret>,
    #[serde(default, with = "on_the_wire::optional")]
    pub refresh_token: Option<Secret>,
}

impl TokenRequest {
    /// With a code.
    pub fn redemption(&self) -> Option<Redemption<'_>> {
        Some(Redemption {
            code: self.code.as_ref()?.expose(),
            client_id: &self.client_id,
            redirect_uri: self.redirect_uri.as_deref()?,
            verifier: self.code_verifier.as_ref()?.expose(),
        })
    }
}

impl RestCall<'_> {
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.incoming.body).ok()
    }
}

pub(super) fn refused(refusal: &AwsRefusal, service: SignInService) -> HttpAnswer {
    let AwsRefusal { code, message, .. } = refusal;
    let (kind, body) = match service {
        SignInService::Oidc => {
            let body = json!({ "error": oauth(code), "error_description": message });
            (*code, body)
        }
        SignInService::Portal => (*code, json!({ "message": message })),
        SignInService::Login => {
            let (kind, error) = of_login(code);
            (kind, json!({ "error": error, "message": message }))
        }
        SignInService::Pages => return pages::refused(refusal),
    };
    let answer = HttpAnswer::json(&body).with("x-amzn-errortype", kind);
    answer
        .with("x-amzn-requestid", random::request_id())
        .because_of(refusal)
}

/// The kind of an error, and what `error` says of it.
fn of_login(code: &'static str) -> (&'static str, &'static str) {
    match code {
        "TOKEN_EXPIRED"
        | "USER_CREDENTIALS_CHANGED"
        | "AUTHCODE_EXPIRED"
        | "INSUFFICIENT_PERMISSIONS" => ("AccessDeniedException", code),
        "INVALID_REQUEST" | "invalid_client" | "unsupported_grant_type" => {
            ("ValidationException", code)
        }
        "TooManyRequestsException" => ("TooManyRequestsError", "rate_exceeded"),
        "InternalServerException" => (code, "server_error"),
        "ServiceUnavailableException" => (code, "service_unavailable"),
        // Of a signature.
        other => (other, other),
    }
}

/// `InvalidGrantException` is `invalid_grant`.
fn oauth(exception: &str) -> String {
    if exception == "InternalServerException" {
        return "server_error".to_owned();
    }
    let name = exception.strip_suffix("Exception").unwrap_or(exception);
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

/// The refusal of a call that meets this fault.
pub(super) fn refused_by(fault: &SandboxFault, service: SignInService) -> Option<AwsRefusal> {
    match fault {
        SandboxFault::Throttling => Some(AwsRefusal::too_many_requests()),
        SandboxFault::InternalFailure => Some(AwsRefusal::new(
            500,
            "InternalServerException",
            "Unexpected error, please try again",
        )),
        SandboxFault::ServiceUnavailable => Some(AwsRefusal::new(
            503,
            "ServiceUnavailableException",
            "Service is unavailable, please try again",
        )),
        SandboxFault::AccessDenied => Some(match service {
            SignInService::Oidc | SignInService::Pages => {
                AwsRefusal::new(400, "AccessDeniedException", "Access denied")
            }
            SignInService::Portal => AwsRefusal::no_access(),
            SignInService::Login => {
                AwsRefusal::new(400, "INSUFFICIENT_PERMISSIONS", "Insufficient permissions")
            }
        }),
        SandboxFault::ExpiredToken | SandboxFault::ExpiredTokenException => Some(match service {
            SignInService::Oidc | SignInService::Pages => {
                AwsRefusal::new(400, "ExpiredTokenException", "Token is expired")
            }
            SignInService::Portal => AwsRefusal::unauthorized(),
            SignInService::Login => AwsRefusal::new(400, "TOKEN_EXPIRED", "Token is expired"),
        }),
        // These meet only calls to the service that answers so.
        SandboxFault::InvalidClient => Some(AwsRefusal::invalid_client()),
        SandboxFault::InvalidGrant => Some(AwsRefusal::invalid_grant()),
        SandboxFault::SlowDown => Some(AwsRefusal::new(
            400,
            "SlowDownException",
            "Client is polling too fast",
        )),
        SandboxFault::UserCredentialsChanged => Some(AwsRefusal::new(
            400,
            "USER_CREDENTIALS_CHANGED",
            "The user's credentials have changed",
        )),
        // Met on the way, or by other services.
        SandboxFault::RegionNotEnabled { .. }
        | SandboxFault::WrongMfaCode
        | SandboxFault::Delay { .. }
        | SandboxFault::ClockOffset { .. }
        | SandboxFault::IdpCommunicationError
        | SandboxFault::IdpRejectedClaim
        | SandboxFault::Html
        | SandboxFault::Outage => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oauths_names_of_errors_follow_from_awss() {
        for (exception, error) in [
            ("InvalidGrantException", "invalid_grant"),
            ("AuthorizationPendingException", "authorization_pending"),
            ("SlowDownException", "slow_down"),
            ("InvalidRedirectUriException", "invalid_redirect_uri"),
            ("InternalServerException", "server_error"),
        ] {
            assert_eq!(oauth(exception), error);
        }
    }
}
