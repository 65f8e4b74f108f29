//! The states of an identity in words; the same in a terminal and in the tray.

use super::time::{until, whole_seconds};
use crate::agent::api::{SignInStatus, State};
use std::time::SystemTime;

pub fn word(state: State) -> &'static str {
    match state {
        State::Valid => "valid",
        State::Expiring => "expiring",
        State::Expired => "expired",
        State::NeedsSignIn => "needs sign-in",
        State::SignedOut => "signed out",
        State::Revoked => "revoked",
        State::Denied => "denied",
        State::BelongsElsewhere => "belongs elsewhere",
        State::Unknown => "unknown",
        State::Unsupported => "not supported",
    }
}

/// A session that programs can use.
pub fn is_usable(state: State) -> bool {
    match state {
        State::Valid | State::Expiring => true,
        State::Expired
        | State::NeedsSignIn
        | State::SignedOut
        | State::Revoked
        | State::Denied
        | State::BelongsElsewhere
        | State::Unknown
        | State::Unsupported => false,
    }
}

/// `sign-in until 2026-12-24 04:58:00 MST (7h 59m), renewed by itself`.
pub fn sign_in_words(sign_in: &SignInStatus, now: SystemTime) -> String {
    let SignInStatus {
        expires_at,
        renews_itself,
    } = *sign_in;
    match (expires_at > now, renews_itself) {
        (true, true) => format!(
            "sign-in until {}, renewed by itself",
            until(expires_at, now)
        ),
        (true, false) => format!("sign-in until {}", until(expires_at, now)),
        (false, _) => "sign-in renewed when it is needed".to_owned(),
    }
}

/// For JSON.
pub fn in_whole_seconds(sign_in: SignInStatus) -> SignInStatus {
    SignInStatus {
        expires_at: whole_seconds(sign_in.expires_at),
        ..sign_in
    }
}
