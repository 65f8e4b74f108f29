//! States as a terminal shows them: shape, word and colour, so that no state is shown by colour
//! alone.

use super::table::Cell;
use crate::terminal::paint;
use clap::builder::styling::AnsiColor;
use keyfob_core::agent::api::State;
use keyfob_core::view::state::word;

pub fn state_cell(state: State) -> Cell {
    Cell::colored(&format!("{} {}", shape(state), word(state)), color(state))
}

pub fn painted_shape(state: State) -> String {
    color(state).map_or_else(
        || shape(state).to_owned(),
        |color| paint(color, shape(state)),
    )
}

fn shape(state: State) -> &'static str {
    match state {
        State::Valid => "●",
        State::Expiring => "◐",
        State::Expired | State::NeedsSignIn => "○",
        State::SignedOut => "‖",
        State::Revoked | State::Denied | State::BelongsElsewhere => "✕",
        State::Unknown => "?",
        State::Unsupported => "–",
    }
}

fn color(state: State) -> Option<AnsiColor> {
    match state {
        State::Valid => Some(AnsiColor::Green),
        State::Expiring | State::Unknown => Some(AnsiColor::Yellow),
        State::Revoked | State::Denied | State::BelongsElsewhere => Some(AnsiColor::Red),
        State::Expired | State::NeedsSignIn | State::SignedOut | State::Unsupported => None,
    }
}
