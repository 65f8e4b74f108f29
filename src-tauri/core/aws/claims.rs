//! What a token says of itself (JWT, RFC 7519). Not verified: its issuer's answer came over TLS, or
//! AWS verifies it.

use crate::encode::base64url;
use crate::foreign::Foreign;
use serde::Deserialize;
use std::time::{Duration, SystemTime};

#[derive(Debug, Deserialize)]
pub struct Claims {
    /// Who it is about.
    pub sub: Option<Foreign>,
    /// Its end, in seconds.
    exp: Option<f64>,
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

    pub fn expires_at(&self) -> Option<SystemTime> {
        let since = Duration::try_from_secs_f64(self.exp?).ok()?;
        SystemTime::UNIX_EPOCH.checked_add(since)
    }
}
