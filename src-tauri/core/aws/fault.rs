//! What AWS's refusals mean: the only place that knows AWS's error codes and wording. A
//! [`FaultKind`] exists only where signing in goes on differently.

use crate::error::{Code, Error};
use crate::foreign::Foreign;
use crate::ids::Region;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde::Deserialize;
use std::error::Error as StdError;
use std::fmt;
use std::time::{Duration, SystemTime};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// AWS does not know the key id, or not in this region.
    UnknownKeys,
    Expired,
    MfaRefused,
    /// A policy says no.
    Denied,
    /// `GetSessionToken` called with a session's credentials.
    SessionCannotMakeSessions,
    SecretMismatch,
    /// This machine's clock and AWS's disagree; by how much, when the answer said.
    ClockSkew(Option<Skew>),
    /// Network, time-out, 5xx, throttling: nothing was said about the credentials.
    Unreachable,
    RegionNotEnabled,
    /// The role's own maximum, or the limit on chained roles.
    DurationRefused,
    /// Credentials that had expired before they came.
    AnswerExpired,
    /// A sign-in, or what it was to be made of, is not accepted any more.
    SignInOver,
    /// The registration of this program is not known any more.
    ClientUnknown,
    /// What an identity provider vouches with is not accepted.
    TokenRefused,
    /// The person has not entered the code yet.
    NotYet,
    /// The question whether they have comes too often.
    TooOften,
    /// What was named does not exist, or is not for this person.
    NotThere,
    /// A setting of this machine cannot be used: AWS was not called.
    Misused,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    Behind(Duration),
    Ahead(Duration),
}

impl Skew {
    fn by(self) -> Duration {
        let (Skew::Behind(by) | Skew::Ahead(by)) = self;
        by
    }

    /// Calls may be refused for it.
    pub fn is_notable(self) -> bool {
        self.by() > NOTABLE_SKEW
    }
}

/// `7 min behind`.
impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let apart = match self.by().as_secs().div_ceil(60) {
            1 => "1 min".to_owned(),
            n if n < 120 => format!("{n} min"),
            n => format!("{} h", n / 60),
        };
        match self {
            Skew::Behind(_) => write!(f, "{apart} behind"),
            Skew::Ahead(_) => write!(f, "{apart} ahead"),
        }
    }
}

/// A call that failed: what it means, and what AWS said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    /// AWS's own code, as it came; `None` when no answer came.
    pub code: Option<Foreign>,
    pub message: Foreign,
}

/// Further apart than this, a clock is worth speaking of: AWS allows five minutes (SigV4) to
/// fifteen (STS).
const NOTABLE_SKEW: Duration = Duration::from_secs(4 * 60);
/// The proof of a sign-in's key is good for less.
const NOTABLE_SKEW_OF_A_PROOF: Duration = Duration::from_secs(60);
/// STS cannot fetch the keys that a token is signed with.
const PROVIDER_UNREACHABLE: &str = "IDPCommunicationError";
/// The console's sign-in says no more of a proof that it does not take.
const INVALID_REQUEST: &str = "INVALID_REQUEST";
pub(super) const TIMED_OUT: &str = "the call timed out";

impl Fault {
    pub(super) fn of<E>(error: &SdkError<E, HttpResponse>, now: SystemTime) -> Fault
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let oauth = OauthError::of(error);
        let named = error.code().map(|code| {
            let finer = oauth
                .error
                .filter(|it| OauthError::is_of_the_console(it.as_str()));
            let said = error
                .message()
                .map(Foreign::from)
                .or(oauth.error_description);
            (
                finer.unwrap_or_else(|| code.into()),
                said.unwrap_or_default(),
            )
        });
        let status = error
            .raw_response()
            .map(|response| response.status().as_u16());
        let Some((code, message)) = named.or_else(|| in_body(error.raw_response()?)) else {
            let kind = match error {
                SdkError::ConstructionFailure(_) => FaultKind::Other,
                _ => FaultKind::Unreachable,
            };
            // AWS says its own code with every refusal.
            let message = match (error, status) {
                (SdkError::ServiceError(_), Some(status)) => {
                    format!("the answer, {status}, is not AWS's (a captive portal or a proxy?)")
                        .into()
                }
                _ => reason(error),
            };
            return Fault {
                kind,
                code: None,
                message,
            };
        };
        Fault::named(code, message, error.raw_response(), now)
    }

    /// The refusal of a service that speaks JSON.
    pub(super) fn of_json(response: &HttpResponse, now: SystemTime) -> Fault {
        let body = response.body().bytes().unwrap_or_default();
        match serde_json::from_slice(body) {
            Ok(JsonError { code, message }) => {
                let code = code.rsplit('#').next().unwrap_or_default();
                Fault::named(code.into(), message, Some(response), now)
            }
            Err(_) => Fault::of_another(response),
        }
    }

    /// The same in the query protocol.
    pub(super) fn of_xml(response: &HttpResponse, now: SystemTime) -> Fault {
        match in_body(response) {
            Some((code, message)) => Fault::named(code, message, Some(response), now),
            None => Fault::of_another(response),
        }
    }

    fn of_another(response: &HttpResponse) -> Fault {
        let status = response.status().as_u16();
        Fault::unreachable(format!(
            "the answer, {status}, is not AWS's (a captive portal or a proxy?)"
        ))
    }

    fn named(
        code: Foreign,
        message: Foreign,
        response: Option<&HttpResponse>,
        now: SystemTime,
    ) -> Fault {
        let skew = response
            .and_then(|response| skew(response.headers().get("date")?, now))
            .filter(|skew| skew.by() >= notable(code.as_str()));
        let status = response.map(|response| response.status().as_u16());
        let kind = match classify(code.as_str(), message.as_str(), skew) {
            // AWS's own trouble passes, whatever it is called.
            FaultKind::Other if status.is_some_and(|status| status >= 500 || status == 429) => {
                FaultKind::Unreachable
            }
            kind => kind,
        };
        Fault {
            kind,
            code: Some(code),
            message,
        }
    }

    pub(super) fn other(message: impl Into<Foreign>) -> Fault {
        Fault {
            kind: FaultKind::Other,
            code: None,
            message: message.into(),
        }
    }

    pub(super) fn unreachable(message: impl Into<Foreign>) -> Fault {
        Fault {
            kind: FaultKind::Unreachable,
            code: None,
            message: message.into(),
        }
    }

    /// What AWS says of a session that nothing can be done with any more.
    pub fn ends_a_session(&self) -> bool {
        matches!(
            self.kind,
            FaultKind::UnknownKeys | FaultKind::SecretMismatch | FaultKind::Expired
        )
    }

    /// What AWS says of a sign-in that cannot be renewed any more.
    pub fn ends_a_sign_in(&self) -> bool {
        matches!(
            self.kind,
            FaultKind::SignInOver | FaultKind::ClientUnknown | FaultKind::Expired
        )
    }

    /// The fault as an error, for the cases that need no knowledge of the step that failed.
    pub fn into_error(self, region: &Region) -> Error {
        let text = match &self.code {
            Some(code) if self.message.as_str().is_empty() => code.to_string(),
            Some(code) => format!("{} ({code})", self.message.as_str().trim_end_matches('.')),
            None => self.message.to_string(),
        };
        let error = match self.kind {
            FaultKind::UnknownKeys => Error::new(
                Code::AwsCredentialsInvalid,
                format!("AWS does not know these credentials: {text}"),
            ),
            FaultKind::Expired => Error::new(
                Code::SessionExpired,
                format!("the session has expired: {text}"),
            )
            .hint("fob login"),
            FaultKind::MfaRefused => Error::new(
                Code::MfaRefused,
                format!("AWS refused the MFA code: {text}"),
            )
            .hint("codes are valid for 30 seconds and can be used once: wait for the next one"),
            FaultKind::Denied => {
                Error::new(Code::AccessDenied, format!("AWS denied access: {text}"))
            }
            FaultKind::SessionCannotMakeSessions => Error::new(
                Code::AccessDenied,
                "GetSessionToken cannot be called with session credentials",
            )
            .hint("use IAM user keys or assume-role"),
            FaultKind::SecretMismatch => Error::new(
                Code::AwsCredentialsInvalid,
                "the secret does not belong to this key id",
            )
            .hint("copy the secret access key again, whole"),
            FaultKind::ClockSkew(skew) => clock_error(skew, &text),
            FaultKind::Unreachable => match &self.code {
                Some(code) => overloaded(code.as_str(), &text),
                None => Error::new(Code::Network, format!("AWS could not be reached: {text}"))
                    .hint("check the network, HTTPS_PROXY and NO_PROXY, and try again"),
            },
            FaultKind::RegionNotEnabled => region_not_enabled(region, &text),
            FaultKind::DurationRefused => Error::new(Code::DurationRefused, text),
            FaultKind::SignInOver => sign_in_over(self.code.as_ref(), &text),
            FaultKind::ClientUnknown => client_unknown(&text),
            FaultKind::TokenRefused => token_refused(&text),
            FaultKind::AnswerExpired => answer_expired(text),
            FaultKind::Misused => Error::new(Code::Usage, text),
            // Not AWS refused it: its answer is of no use.
            FaultKind::Other if self.code.is_none() => Error::new(Code::AwsError, text),
            FaultKind::NotYet | FaultKind::TooOften | FaultKind::NotThere | FaultKind::Other => {
                Error::new(Code::AwsError, format!("AWS refused the request: {text}"))
            }
        };
        match self.code {
            Some(code) => error.aws_code(code),
            None => error,
        }
    }
}

pub(super) fn answer_expired(text: impl Into<String>) -> Error {
    Error::new(Code::AnswerExpired, text)
        .hint("this machine's clock may be ahead, or what gives the credentials keeps old ones")
}

fn clock_error(skew: Option<Skew>, text: &str) -> Error {
    let message = match skew {
        Some(skew) => format!("this machine's clock is {skew}"),
        None => format!("this machine's clock and AWS's disagree: {text}"),
    };
    Error::new(Code::ClockSkew, message)
        .hint("set the clock (most systems: switch on automatic time), then try again")
}

fn region_not_enabled(region: &Region, text: &str) -> Error {
    let message = format!("the region {region} is not enabled for this account: {text}");
    Error::new(Code::RegionNotEnabled, message).hint(format!(
        "enable {region} in the account's settings, or use another region"
    ))
}

fn sign_in_over(code: Option<&Foreign>, text: &str) -> Error {
    let why = match code.map(Foreign::as_str) {
        Some("TOKEN_EXPIRED") => ": it has ended, as each does after twelve hours at most",
        Some("USER_CREDENTIALS_CHANGED") => ": the user's password or MFA device was changed since",
        Some(_) | None => "",
    };
    let message = format!("AWS does not accept the sign-in{why}: {text}");
    Error::new(Code::SessionExpired, message)
}

fn token_refused(text: &str) -> Error {
    let message = format!("AWS does not accept what the identity provider vouches with: {text}");
    Error::new(Code::AccessDenied, message)
        .hint("look at: the provider in IAM (its issuer and audience), and the role's trust policy")
}

fn client_unknown(text: &str) -> Error {
    let message = format!("AWS does not know the registration of Keyfob any more: {text}");
    Error::new(Code::AwsError, message).hint("try again: it is then registered anew")
}

/// AWS was reached, and cannot do it at the moment.
fn overloaded(code: &str, text: &str) -> Error {
    if is_about_too_many_calls(code) {
        let message = format!("AWS takes no more calls at the moment: {text}");
        return Error::new(Code::Throttled, message).hint(
            "there are too many calls in this account or region: wait a moment, then try again",
        );
    }
    if code == PROVIDER_UNREACHABLE {
        let message = format!("AWS cannot reach the identity provider: {text}");
        return Error::new(Code::Throttled, message)
            .hint("try again later; the provider's keys must be open to the internet");
    }
    let message = format!("AWS has a fault of its own at the moment: {text}");
    Error::new(Code::Throttled, message)
        .hint("try again later; https://health.aws.amazon.com shows known problems")
}

fn is_about_too_many_calls(code: &str) -> bool {
    matches!(
        code,
        "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "TooManyRequestsError"
            | "RequestThrottled"
            | "SlowDown"
    )
}

/// The table. Codes of STS's query protocol, IAM Identity Center and the common errors of every
/// service.
fn classify(code: &str, message: &str, skew: Option<Skew>) -> FaultKind {
    let says = |words: &str| message.to_ascii_lowercase().contains(words);
    if says("signature expired")
        || says("not yet current")
        || matches!(code, "RequestExpired" | "RequestTimeTooSkewed")
    {
        return FaultKind::ClockSkew(skew);
    }
    match code {
        "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" => {
            FaultKind::UnknownKeys
        }
        "ExpiredToken" | "ExpiredTokenException" | "AUTHCODE_EXPIRED" => FaultKind::Expired,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "ForbiddenException"
        | "INSUFFICIENT_PERMISSIONS" => {
            if says("multifactorauthentication") {
                FaultKind::MfaRefused
            } else if says("cannot call getsessiontoken with session credentials") {
                FaultKind::SessionCannotMakeSessions
            } else {
                FaultKind::Denied
            }
        }
        "SignatureDoesNotMatch" | "InvalidSignatureException" => FaultKind::SecretMismatch,
        "UnauthorizedException"
        | "InvalidGrantException"
        | "TOKEN_EXPIRED"
        | "USER_CREDENTIALS_CHANGED" => FaultKind::SignInOver,
        INVALID_REQUEST if skew.is_some() => FaultKind::ClockSkew(skew),
        "InvalidClientException" | "UnauthorizedClientException" => FaultKind::ClientUnknown,
        "AuthorizationPendingException" => FaultKind::NotYet,
        "SlowDownException" => FaultKind::TooOften,
        "ResourceNotFoundException" | "NoSuchEntity" => FaultKind::NotThere,
        "RegionDisabledException" | "OptInRequired" => FaultKind::RegionNotEnabled,
        "ValidationError" if says("durationseconds") && says("exceeds") => {
            FaultKind::DurationRefused
        }
        "InternalFailure"
        | "InternalError"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | PROVIDER_UNREACHABLE => FaultKind::Unreachable,
        "InvalidIdentityToken" | "IDPRejectedClaim" => FaultKind::TokenRefused,
        _ if is_about_too_many_calls(code) => FaultKind::Unreachable,
        _ => FaultKind::Other,
    }
}

pub(super) fn skew(date: &str, now: SystemTime) -> Option<Skew> {
    let date = SystemTime::from(jiff::fmt::rfc2822::parse(date).ok()?.timestamp());
    let skew = match date.duration_since(now) {
        Ok(by) => Skew::Behind(by),
        Err(ahead) => Skew::Ahead(ahead.duration()),
    };
    Some(skew)
}

fn notable(code: &str) -> Duration {
    if code == INVALID_REQUEST {
        NOTABLE_SKEW_OF_A_PROOF
    } else {
        NOTABLE_SKEW
    }
}

#[derive(Deserialize)]
struct JsonError {
    #[serde(rename = "__type")]
    code: String,
    #[serde(default, alias = "Message")]
    message: Foreign,
}

/// OAuth has names of its own; the console's sign-in says in `error` what its exceptions do not.
#[derive(Default, Deserialize)]
struct OauthError {
    error: Option<Foreign>,
    error_description: Option<Foreign>,
}

impl OauthError {
    fn of<E>(error: &SdkError<E, HttpResponse>) -> OauthError {
        let body = error
            .raw_response()
            .and_then(|response| response.body().bytes());
        let read = body.and_then(|body| serde_json::from_slice(body).ok());
        read.unwrap_or_default()
    }

    fn is_of_the_console(code: &str) -> bool {
        code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
    }
}

/// Servers that speak AWS's protocols nest the error deeper than the SDK looks
/// (`ErrorResponse/Errors/Error`).
fn in_body(response: &HttpResponse) -> Option<(Foreign, Foreign)> {
    let body = std::str::from_utf8(response.body().bytes()?).ok()?;
    let element = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        let (text, _) = rest.split_once(&format!("</{name}>"))?;
        Some(Foreign::new(text))
    };
    Some((element("Code")?, element("Message").unwrap_or_default()))
}

fn reason<E: StdError + Send + Sync + 'static>(error: &SdkError<E, HttpResponse>) -> Foreign {
    if matches!(error, SdkError::TimeoutError(_)) {
        return TIMED_OUT.into();
    }
    let text = innermost(error);
    if text.as_str().is_empty() {
        DisplayErrorContext(error).to_string().into()
    } else {
        text
    }
}

/// The innermost cause is the one that says what happened ("connection refused"); the outer ones
/// only where it came up. It may quote the other side.
pub(super) fn innermost(error: &dyn StdError) -> Foreign {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string().into()
}

#[cfg(test)]
mod tests;
