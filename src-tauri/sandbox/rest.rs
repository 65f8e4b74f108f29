//! The JSON of the services people sign in with: requests read from a body, refusals in the shape
//! and with the header that AWS's clients read.

use super::actions::SignInService;
use super::answer::HttpAnswer;
use super::faults::SandboxFault;
use super::pages;
use super::random;
use super::refusal::AwsRefusal;
use super::request::Incoming;
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

impl RestCall<'_> {
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.incoming.body).ok()
    }
}

pub(super) fn refused(refusal: &AwsRefusal, service: SignInService) -> HttpAnswer {
    let AwsRefusal { code, message, .. } = refusal;
    let body = match service {
        SignInService::Oidc => json!({ "error": oauth(code), "error_description": message }),
        SignInService::Portal => json!({ "message": message }),
        SignInService::Pages => return pages::refused(refusal),
    };
    let reply = HttpAnswer::json(&body).with("x-amzn-errortype", *code);
    reply
        .with("x-amzn-requestid", random::request_id())
        .because_of(refusal)
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
    let (of_oidc, of_portal) = (
        service == SignInService::Oidc,
        service == SignInService::Portal,
    );
    let refusal = AwsRefusal::new;
    match fault {
        SandboxFault::Throttling => Some(AwsRefusal::too_many_requests()),
        SandboxFault::InternalFailure => Some(refusal(
            500,
            "InternalServerException",
            "Unexpected error, please try again",
        )),
        SandboxFault::ServiceUnavailable => Some(refusal(
            503,
            "ServiceUnavailableException",
            "Service is unavailable, please try again",
        )),
        SandboxFault::AccessDenied if of_portal => Some(AwsRefusal::no_access()),
        SandboxFault::AccessDenied => Some(refusal(400, "AccessDeniedException", "Access denied")),
        SandboxFault::ExpiredToken | SandboxFault::ExpiredTokenException if of_portal => {
            Some(AwsRefusal::unauthorized())
        }
        SandboxFault::ExpiredToken | SandboxFault::ExpiredTokenException => {
            Some(refusal(400, "ExpiredTokenException", "Token is expired"))
        }
        SandboxFault::InvalidClient if of_oidc => Some(AwsRefusal::invalid_client()),
        SandboxFault::InvalidGrant if of_oidc => Some(AwsRefusal::invalid_grant()),
        // Met on the way, or by other services.
        SandboxFault::InvalidClient
        | SandboxFault::InvalidGrant
        | SandboxFault::RegionNotEnabled { .. }
        | SandboxFault::WrongMfaCode
        | SandboxFault::Delay { .. }
        | SandboxFault::ClockOffset { .. }
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
