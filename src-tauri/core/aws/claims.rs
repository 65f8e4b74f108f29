//! What a token says of itself (JWT, RFC 7519). Not verified: its issuer's answer came over TLS, or
//! AWS verifies it.

use crate::encode::base64url;
use crate::foreign::Foreign;
use crate::secret::Secret;
use serde::Deserialize;
use std::time::{Duration, SystemTime};

#[derive(Debug, Deserialize)]
pub struct Claims {
    /// Who it is about.
    pub sub: Option<Foreign>,
    /// Its end, in seconds.
    exp: Option<f64>,
}

/// By which an identity provider vouches, or why it is of no use: AWS would only say that it does
/// not take it.
pub fn vouching_token(text: &str, now: SystemTime) -> Result<Secret, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Err("is empty");
    }
    let claims = Claims::of(text).ok_or("holds no token (JWT)")?;
    if claims.expires_at().is_some_and(|end| end <= now) {
        return Err("holds a token that has expired");
    }
    Ok(Secret::new(text))
}

impl Claims {
    /// `None`: it is no such token.
    pub fn of(token: &str) -> Option<Claims> {
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            return None;
        }
        let mut parts = token.split('.');
        let (Some(_), Some(claims), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        serde_json::from_slice(&base64url::decode(claims)?).ok()
    }

    pub fn expires_at(&self) -> Option<SystemTime> {
        let since = Duration::try_from_secs_f64(self.exp?.max(0.0)).ok()?;
        SystemTime::UNIX_EPOCH.checked_add(since)
    }
}
