//! What a token says of itself (JWT, RFC 7519). Not verified: its issuer's answer came over TLS, or
//! AWS verifies it.

use crate::encode::base64url;
use crate::foreign::Foreign;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub struct Claims {
    /// Who it is about.
    pub sub: Option<Foreign>,
}

impl Claims {
    /// `None`: it is no such token.
    pub fn of(token: &str) -> Option<Claims> {
        let mut parts = token.split('.');
        let (Some(_), Some(claims), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        serde_json::from_slice(&base64url::decode(claims)?).ok()
    }
}
