//! Replies as text and as JSON: values in, text out. Prints nothing and looks nothing up, except
//! the local time zone.

mod accounts;
mod audit;
mod list;
mod moment;
mod removals;
mod status;
mod table;
mod variables;

pub use accounts::{
    ConfiguredJson, SignedInJson, WhoamiJson, configured_text, signed_in_text, whoami_text,
};
pub use audit::{AuditJson, VerdictJson, audit_text, verdict_text};
pub use list::{ListJson, mermaid, table as list_table, tree as list_tree};
pub use moment::{rfc3339, until};
pub use removals::{FindingsJson, RemovalsJson, Told, findings, told};
pub use status::{AgentJson, StatusJson, agent_text, event, status_text};
pub use variables::{Lifetime, masks, variables};

use clap::builder::styling::AnsiColor;
use keyfob_core::agent::api::State;

/// Shape, word and colour: no state is told by colour alone.
fn state(state: State) -> (&'static str, &'static str, Option<AnsiColor>) {
    match state {
        State::Valid => ("●", "valid", Some(AnsiColor::Green)),
        State::Expiring => ("◐", "expiring", Some(AnsiColor::Yellow)),
        State::Expired => ("○", "expired", None),
        State::NeedsSignIn => ("○", "needs sign-in", None),
        State::SignedOut => ("‖", "signed out", None),
        State::Revoked => ("✕", "revoked", Some(AnsiColor::Red)),
        State::Denied => ("✕", "denied", Some(AnsiColor::Red)),
        State::Unknown => ("?", "unknown", Some(AnsiColor::Yellow)),
        State::Unsupported => ("–", "unsupported", None),
    }
}
