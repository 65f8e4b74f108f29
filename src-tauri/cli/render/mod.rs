//! Replies as text and, where it differs from the reply itself, as JSON: values in, text out.
//! Prints nothing and looks nothing up, except the local time zone.

mod accounts;
mod audit;
mod checks;
mod databases;
mod list;
mod removals;
mod state;
mod status;
mod table;
mod variables;

pub use accounts::{SignedInJson, configured_text, signed_in_text, whoami_text};
pub use audit::{AuditJson, VerdictJson, audit_text, verdict_text};
pub use checks::checks;
pub use databases::{DatabasesJson, databases_table};
pub use list::{ListJson, mermaid, table as list_table, tree as list_tree};
pub use removals::{RemovalsJson, RemovalsText, findings};
pub use status::{StatusJson, agent_text, status_text};
pub use variables::{Lifetime, masks, variables};
