//! What AWS answers when it refuses: code, HTTP status and text as AWS itself gives them, in one
//! table.

use super::faults::Fault;
use super::world::{ExpiredCode, SkewCode};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal {
            status,
            code,
            message: message.into(),
        }
    }

    pub fn too_large() -> Refusal {
        Refusal::new(
            413,
            "RequestEntityTooLarge",
            "The request body is larger than 65536 bytes.",
        )
    }

    pub fn malformed(message: &str) -> Refusal {
        Refusal::new(400, "MalformedQueryString", message)
    }

    pub fn validation(message: impl Into<String>) -> Refusal {
        Refusal::new(400, "ValidationError", message)
    }

    /// AWS's wording for a parameter that breaks its own documented limits.
    pub fn constraint(name: &str, value: Option<&str>, rule: &str) -> Refusal {
        let value = value.map_or("null".to_owned(), |value| format!("'{value}'"));
        Refusal::validation(format!(
            "1 validation error detected: Value {value} at '{name}' failed to satisfy constraint: Member must {rule}"
        ))
    }

    pub fn missing_token() -> Refusal {
        Refusal::new(
            403,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        )
    }

    pub fn incomplete_signature(message: impl Into<String>) -> Refusal {
        Refusal::new(400, "IncompleteSignature", message)
    }

    pub fn signature(message: impl Into<String>) -> Refusal {
        Refusal::new(403, "SignatureDoesNotMatch", message)
    }

    pub fn skew(code: SkewCode, message: String) -> Refusal {
        match code {
            SkewCode::SignatureDoesNotMatch => Refusal::signature(message),
            SkewCode::RequestExpired => Refusal::new(400, "RequestExpired", message),
        }
    }

    pub fn invalid_token() -> Refusal {
        Refusal::new(
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid",
        )
    }

    pub fn expired(code: ExpiredCode) -> Refusal {
        let code = match code {
            ExpiredCode::ExpiredToken => "ExpiredToken",
            ExpiredCode::ExpiredTokenException => "ExpiredTokenException",
        };
        Refusal::new(
            403,
            code,
            "The security token included in the request is expired",
        )
    }

    pub fn access_denied(message: impl Into<String>) -> Refusal {
        Refusal::new(403, "AccessDenied", message)
    }

    pub fn wrong_mfa_code() -> Refusal {
        Refusal::access_denied(
            "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
        )
    }

    pub fn internal_failure() -> Refusal {
        let message =
            "The request processing has failed because of an unknown error, exception or failure.";
        Refusal::new(500, "InternalFailure", message)
    }

    /// What a fault makes of a call before anybody looks at who signed it.
    pub fn at_the_door(fault: &Fault) -> Option<Refusal> {
        match fault {
            Fault::Throttling => Some(Refusal::new(400, "Throttling", "Rate exceeded")),
            Fault::InternalFailure => Some(Refusal::internal_failure()),
            Fault::ServiceUnavailable => Some(Refusal::new(
                503,
                "ServiceUnavailable",
                "The request has failed due to a temporary failure of the server.",
            )),
            Fault::RegionNotEnabled { .. } => Some(Refusal::invalid_token()),
            Fault::WrongMfaCode
            | Fault::AccessDenied
            | Fault::ExpiredToken
            | Fault::ExpiredTokenException
            | Fault::Delay { .. }
            | Fault::ClockOffset { .. }
            | Fault::Outage => None,
        }
    }

    /// The `ErrorResponse` of AWS's query protocol.
    pub fn to_xml(&self, request_id: &str) -> String {
        let blame = if self.status < 500 {
            "Sender"
        } else {
            "Receiver"
        };
        format!(
            "<ErrorResponse xmlns=\"{}\">\n  <Error>\n    <Type>{blame}</Type>\n    <Code>{}</Code>\n    \
             <Message>{}</Message>\n  </Error>\n  <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n",
            super::sts::NAMESPACE,
            self.code,
            escape(&self.message)
        )
    }
}

/// Text for XML 1.0, which cannot carry control characters.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
