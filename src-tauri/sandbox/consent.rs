//! The request that a browser brings to a page of consent, and the way back to the program that
//! opened it: for both services that ask on such a page.

use super::answer::HttpAnswer;
use super::grants::Agreement;
use super::pages::REFUSE;
use super::refusal::AwsRefusal;
use super::request::Incoming;
use crate::encode::percent;
use axum::http::{Method, Uri};

/// Of a SHA-256 digest in base64url.
const CHALLENGE_LENGTH: usize = 43;

pub(super) struct ConsentRequest<'a> {
    pub client_id: &'a str,
    pub redirect_uri: &'a str,
    incoming: &'a Incoming,
}

impl ConsentRequest<'_> {
    pub fn read(incoming: &Incoming) -> Result<ConsentRequest<'_>, AwsRefusal> {
        incoming.parameters.as_ref().map_err(Clone::clone)?;
        let parameter = |name| incoming.parameter(name).unwrap_or_default();
        Ok(ConsentRequest {
            client_id: parameter("client_id"),
            redirect_uri: parameter("redirect_uri"),
            incoming,
        })
    }

    /// Whether the form was posted, rather than the page opened.
    pub fn is_answered(&self) -> bool {
        self.incoming.head.method == Method::POST
    }

    /// OAuth's name for what is wrong with it, or for a person's refusal.
    pub fn problem(&self, challenge_method: &str) -> Option<&'static str> {
        let parameter = |name| self.incoming.parameter(name);
        if parameter("response_type") != Some("code") {
            Some("unsupported_response_type")
        } else if parameter("code_challenge_method") != Some(challenge_method)
            || self.challenge().len() != CHALLENGE_LENGTH
        {
            Some("invalid_request")
        } else if self.is_answered() && parameter(REFUSE).is_some() {
            Some("access_denied")
        } else {
            None
        }
    }

    pub fn agreed_by(&self, principal: &str) -> Agreement {
        Agreement {
            client_id: self.client_id.to_owned(),
            redirect_uri: self.redirect_uri.to_owned(),
            challenge: self.challenge().to_owned(),
            principal: principal.to_owned(),
        }
    }

    /// To the program, with `code` or `error`.
    pub fn back(&self, name: &str, value: &str) -> HttpAnswer {
        let state = self.incoming.parameter("state").unwrap_or_default();
        HttpAnswer::redirect(&format!(
            "{}?{name}={}&state={}",
            self.redirect_uri,
            percent(value),
            percent(state)
        ))
    }

    fn challenge(&self) -> &str {
        self.incoming
            .parameter("code_challenge")
            .unwrap_or_default()
    }
}

/// An address on loopback without its port, which a program is free to choose (RFC 8252).
pub(super) fn on_loopback(address: &str) -> Option<String> {
    let uri: Uri = address.parse().ok()?;
    let host = uri.host()?;
    let is_plain = uri.scheme_str()? == "http" && !uri.authority()?.as_str().contains('@');
    let is_loopback = matches!(host, "127.0.0.1" | "[::1]");
    (is_loopback && is_plain && uri.query().is_none()).then(|| format!("{host}{}", uri.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_goes_to_this_machine_by_its_number_and_over_any_port() {
        for address in [
            "http://127.0.0.1/oauth/callback",
            "http://127.0.0.1:1/oauth/callback",
            "http://127.0.0.1:65535/oauth/callback",
        ] {
            assert_eq!(
                on_loopback(address).as_deref(),
                Some("127.0.0.1/oauth/callback")
            );
        }
        for address in [
            "",
            "/oauth/callback",
            "https://127.0.0.1/oauth/callback",
            "http://127.0.0.2/",
            "http://localhost/",
            "http://example.com/",
            "http://127.0.0.1@example.com/",
            "http://x@127.0.0.1/",
            "http://127.0.0.1/?x=1",
        ] {
            assert_eq!(on_loopback(address), None, "{address}");
        }
    }
}
