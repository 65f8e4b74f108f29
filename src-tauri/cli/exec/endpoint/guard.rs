//! The access check: a request is let in with the token, as a plain GET for the one path, sent
//! straight to the address served. Requests that a web page sends under a name of its own (DNS
//! rebinding) or through a link, and those of proxies, are refused before the source is queried.

use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::PathAndQuery;
use keyfob_core::secret::Secret;
use subtle::ConstantTimeEq;

pub(super) struct Guard {
    /// As `Host` must name it.
    pub host: String,
    pub path: String,
    pub token: Secret,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rejection {
    pub status: StatusCode,
    pub why: &'static str,
}

impl Guard {
    pub fn check(&self, head: &Parts) -> Result<(), Rejection> {
        let headers = &head.headers;
        let path = head.uri.path_and_query().map(PathAndQuery::as_str);
        let token = only(headers, &AUTHORIZATION).unwrap_or_default();
        let (status, why) = if head.uri.authority().is_some()
            || only(headers, &HOST) != Some(self.host.as_bytes())
        {
            (
                StatusCode::FORBIDDEN,
                "`Host` is not the address of this endpoint",
            )
        } else if headers.keys().any(is_of_a_browser_or_proxy) {
            (
                StatusCode::FORBIDDEN,
                "requests from browsers and proxies are refused",
            )
        } else if head.method != hyper::Method::GET {
            (StatusCode::METHOD_NOT_ALLOWED, "only GET is supported")
        } else if path != Some(&self.path) {
            (StatusCode::NOT_FOUND, "nothing is served at this path")
        } else if !bool::from(self.token.expose().as_bytes().ct_eq(token)) {
            (
                StatusCode::UNAUTHORIZED,
                "`Authorization` is not the token of this endpoint",
            )
        } else {
            return Ok(());
        };
        Err(Rejection { status, why })
    }
}

/// The header's value, where it is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    values
        .next()
        .filter(|_| values.next().is_none())
        .map(HeaderValue::as_bytes)
}

fn is_of_a_browser_or_proxy(name: &HeaderName) -> bool {
    let name = name.as_str();
    ["origin", "forwarded", "via", "x-real-ip"].contains(&name)
        || name.starts_with("x-forwarded-")
        || name.starts_with("sec-fetch-")
}
