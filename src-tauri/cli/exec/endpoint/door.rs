//! Who is let in: the holder of the token, with a plain GET for the one path, who came straight to
//! the address served. A page in a browser that was led here by a name of its own (DNS rebinding)
//! or by a link, and whoever comes through a proxy, is turned away before the source is asked.

use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use hyper::http::request::Parts;
use keyfob_core::secret::Secret;
use subtle::ConstantTimeEq;

#[derive(Debug)]
pub(super) struct Door {
    /// As `Host` must name it.
    pub host: String,
    pub path: String,
    pub token: Secret,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: StatusCode,
    pub why: &'static str,
}

impl Door {
    pub fn admit(&self, head: &Parts) -> Result<(), Refusal> {
        let refuse = |status, why| Err(Refusal { status, why });
        let straight = head.uri.authority().is_none()
            && only(&head.headers, &HOST) == Some(self.host.as_bytes());
        if !straight {
            return refuse(
                StatusCode::FORBIDDEN,
                "`Host` is not the address that is served here",
            );
        }
        if head.headers.keys().any(is_of_a_browser_or_proxy) {
            return refuse(
                StatusCode::FORBIDDEN,
                "browsers and proxies get nothing here",
            );
        }
        if head.method != hyper::Method::GET {
            return refuse(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here");
        }
        if head
            .uri
            .path_and_query()
            .is_none_or(|path| path.as_str() != self.path)
        {
            return refuse(
                StatusCode::NOT_FOUND,
                "these credentials are not served here",
            );
        }
        let token = only(&head.headers, &AUTHORIZATION).unwrap_or_default();
        if !bool::from(self.token.expose().as_bytes().ct_eq(token)) {
            return refuse(
                StatusCode::UNAUTHORIZED,
                "`Authorization` is not the token of these credentials",
            );
        }
        Ok(())
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
    name == ORIGIN
        || name == FORWARDED
        || name == "x-forwarded-for"
        || name.as_str().starts_with("sec-fetch-")
}
