//! Responses: credentials as the SDKs read them, failures as `{"code","message"}`. The status says
//! whether a retry can help: 503 where the failure may pass by itself, 403 where a person has to
//! act.

use super::guard::Rejection;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use keyfob_core::agent::api::Credentials;
use keyfob_core::error::{Code, Error, Remedy};
use keyfob_core::secret::Secret;
use keyfob_core::view::time::rfc3339;
use serde::Serialize;
use zeroize::Zeroizing;

/// The session token's field is `Token`. All but `AccountId` are always there: some SDKs refuse a
/// response without `Token`, and without `Expiration` they would never refresh.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CredentialsBody<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}

#[derive(Serialize)]
struct FailureBody<'a> {
    code: Code,
    message: &'a str,
}

pub(super) fn credentials(it: &Credentials) -> Response<Full<Bytes>> {
    let token = it.session_token.as_ref().map(Secret::expose);
    let body = CredentialsBody {
        access_key_id: &it.access_key_id,
        secret_access_key: it.secret_access_key.expose(),
        token: token.unwrap_or_default(),
        expiration: rfc3339(it.expires_at),
        account_id: it.account.as_deref(),
    };
    json(StatusCode::OK, &body)
}

pub(super) fn failure(error: &Error) -> Response<Full<Bytes>> {
    let message = [std::slice::from_ref(&error.message), &error.hints].concat();
    refusal(status(error), error.code, &message.join("; "))
}

/// The sign-in takes longer than the client waits.
pub(super) fn pending(identity: &str) -> Response<Full<Bytes>> {
    let message =
        format!("signing in to {identity} takes longer than an SDK waits; it continues: try again");
    refusal(StatusCode::SERVICE_UNAVAILABLE, Code::Network, &message)
}

pub(super) fn rejected(Rejection { status, why }: Rejection) -> Response<Full<Bytes>> {
    let mut response = refusal(status, Code::InvalidInput, why);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let get = HeaderValue::from_static("GET");
        response.headers_mut().insert(ALLOW, get);
    }
    response
}

fn status(error: &Error) -> StatusCode {
    match (error.remedy, error.code) {
        (
            Remedy::Fix,
            Code::AwsError
            | Code::KeyringUnavailable
            | Code::LockTimeout
            | Code::Network
            | Code::ProcessFailed
            | Code::Throttled,
        ) => StatusCode::SERVICE_UNAVAILABLE,
        (Remedy::Person | Remedy::Fix, _) => StatusCode::FORBIDDEN,
    }
}

fn refusal(status: StatusCode, code: Code, message: &str) -> Response<Full<Bytes>> {
    json(status, &FailureBody { code, message })
}

/// Wiped once it is sent.
fn json(status: StatusCode, body: &impl Serialize) -> Response<Full<Bytes>> {
    let body = Zeroizing::new(serde_json::to_vec(body).expect("plain structs always serialize"));
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json")
        .header(CACHE_CONTROL, "no-store")
        .body(Full::new(Bytes::from_owner(body)))
        .expect("a status and two constant headers make a response")
}
