//! The states of an identity in words; the same in a terminal and in the tray.

use crate::agent::api::State;

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
