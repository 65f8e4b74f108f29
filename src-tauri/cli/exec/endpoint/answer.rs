//! What is said: credentials as the SDKs read them, failures as `{"code","message"}`. The status
//! tells a client whether asking again can help: 503 where it may pass by itself, 403 where
//! somebody has to act.

use super::door::Refusal;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use keyfob_core::agent::api::Credentials;
use keyfob_core::error::{Code, Error, Remedy};
use keyfob_core::secret::Secret;
use serde::Serialize;
use zeroize::Zeroizing;

/// The session token's field is `Token`. All but `AccountId` are always there: some SDKs refuse an
/// answer without `Token`, and without `Expiration` they would never ask again.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Granted<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Refused<'a> {
    code: Code,
    message: &'a str,
}

pub(super) fn granted(it: &Credentials) -> Response<Full<Bytes>> {
    let end = jiff::Timestamp::try_from(it.expires_at).unwrap_or(jiff::Timestamp::MAX);
    let granted = Granted {
        access_key_id: &it.access_key_id,
        secret_access_key: it.secret_access_key.expose(),
        token: it
            .session_token
            .as_ref()
            .map(Secret::expose)
            .unwrap_or_default(),
        expiration: end.strftime("%FT%TZ").to_string(),
        account_id: it.account.as_deref(),
    };
    json(StatusCode::OK, &granted)
}

pub(super) fn failed(error: &Error) -> Response<Full<Bytes>> {
    let message = [&error.message]
        .into_iter()
        .chain(&error.hints)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("; ");
    json(
        status(error),
        &Refused {
            code: error.code,
            message: &message,
        },
    )
}

pub(super) fn late(identity: &str) -> Response<Full<Bytes>> {
    let message =
        format!("signing in to {identity} takes longer than an SDK waits; it goes on: ask again");
    json(
        StatusCode::SERVICE_UNAVAILABLE,
        &Refused {
            code: Code::Network,
            message: &message,
        },
    )
}

pub(super) fn refused(Refusal { status, why }: Refusal) -> Response<Full<Bytes>> {
    let mut response = json(
        status,
        &Refused {
            code: Code::InvalidInput,
            message: why,
        },
    );
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET"));
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
            | Code::ProcessFailed,
        ) => StatusCode::SERVICE_UNAVAILABLE,
        (Remedy::Person | Remedy::Fix, _) => StatusCode::FORBIDDEN,
    }
}

/// Wiped once it is sent.
fn json(status: StatusCode, body: &impl Serialize) -> Response<Full<Bytes>> {
    let body = Zeroizing::new(serde_json::to_vec(body).expect("plain structs always serialize"));
    let response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json")
        .header(CACHE_CONTROL, "no-store")
        .body(Full::new(Bytes::from_owner(body)));
    response.expect("a status and two constant headers make a response")
}
