//! AWS's error answers: code, HTTP status and text as AWS itself gives them, in one table.

use super::protocol::{NAMESPACE, escape};
use super::settings::{ExpiredCode, SkewCode};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AwsRefusal {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
}

impl AwsRefusal {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> AwsRefusal {
        AwsRefusal {
            status,
            code,
            message: message.into(),
        }
    }

    pub fn too_large() -> AwsRefusal {
        AwsRefusal::new(
            413,
            "RequestEntityTooLarge",
            "The request body is larger than 262144 bytes.",
        )
    }

    pub fn no_such_place() -> AwsRefusal {
        AwsRefusal::new(
            404,
            "InvalidAction",
            "The sandbox has no such address, or answers another method there.",
        )
    }

    pub fn malformed(message: &str) -> AwsRefusal {
        AwsRefusal::new(400, "MalformedQueryString", message)
    }

    pub fn validation(message: impl Into<String>) -> AwsRefusal {
        AwsRefusal::new(400, "ValidationError", message)
    }

    /// AWS's wording for a parameter that breaks its own documented limits.
    pub fn constraint(name: &str, value: Option<&str>, rule: &str) -> AwsRefusal {
        let value = value.map_or("null".to_owned(), |value| format!("'{value}'"));
        AwsRefusal::validation(format!(
            "1 validation error detected: Value {value} at '{name}' failed to satisfy constraint: \
             Member must {rule}"
        ))
    }

    pub fn missing_token() -> AwsRefusal {
        AwsRefusal::new(
            403,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        )
    }

    pub fn incomplete_signature(message: String) -> AwsRefusal {
        AwsRefusal::new(400, "IncompleteSignature", message)
    }

    pub fn signature(message: impl Into<String>) -> AwsRefusal {
        AwsRefusal::new(403, "SignatureDoesNotMatch", message)
    }

    pub fn skew(code: SkewCode, message: String) -> AwsRefusal {
        match code {
            SkewCode::SignatureDoesNotMatch => AwsRefusal::signature(message),
            SkewCode::RequestExpired => AwsRefusal::new(400, "RequestExpired", message),
        }
    }

    pub fn invalid_token() -> AwsRefusal {
        AwsRefusal::new(
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid",
        )
    }

    pub fn expired(code: ExpiredCode) -> AwsRefusal {
        let code = match code {
            ExpiredCode::ExpiredToken => "ExpiredToken",
            ExpiredCode::ExpiredTokenException => "ExpiredTokenException",
        };
        AwsRefusal::new(
            403,
            code,
            "The security token included in the request is expired",
        )
    }

    pub fn access_denied(message: impl Into<String>) -> AwsRefusal {
        AwsRefusal::new(403, "AccessDenied", message)
    }

    pub fn wrong_mfa_code() -> AwsRefusal {
        AwsRefusal::access_denied(
            "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
        )
    }

    pub fn internal_failure() -> AwsRefusal {
        let message =
            "The request processing has failed because of an unknown error, exception or failure.";
        AwsRefusal::new(500, "InternalFailure", message)
    }

    pub fn too_many_requests() -> AwsRefusal {
        AwsRefusal::new(429, "TooManyRequestsException", "Rate exceeded")
    }

    /// Of SSO OIDC.
    pub fn invalid_client() -> AwsRefusal {
        AwsRefusal::new(401, "InvalidClientException", "Invalid client provided")
    }

    /// Of SSO OIDC, which does not say what is wrong with a code or a token.
    pub fn invalid_grant() -> AwsRefusal {
        AwsRefusal::new(400, "InvalidGrantException", "Invalid grant provided")
    }

    /// Of the portal, for a token.
    pub fn unauthorized() -> AwsRefusal {
        AwsRefusal::new(
            401,
            "UnauthorizedException",
            "Session token not found or invalid",
        )
    }

    /// Of the portal, for an account or a role.
    pub fn no_access() -> AwsRefusal {
        AwsRefusal::new(403, "ForbiddenException", "No access")
    }

    /// The `ErrorResponse` of AWS's query protocol.
    pub fn to_xml(&self, request_id: &str) -> String {
        let blame = if self.status < 500 {
            "Sender"
        } else {
            "Receiver"
        };
        format!(
            "<ErrorResponse xmlns=\"{}\">\n  <Error>\n    <Type>{blame}</Type>\n    \
             <Code>{}</Code>\n    \
             <Message>{}</Message>\n  </Error>\n  <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n",
            NAMESPACE,
            self.code,
            escape(&self.message)
        )
    }
}
