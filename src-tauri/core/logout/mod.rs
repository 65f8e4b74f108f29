//! Logging out, and keeping what is stored in order: what would be removed ([`Removal`]),
//! the removing, its report, clean-up and repair.

mod cleanup;
mod plan;
mod record;
mod report;
mod run;
mod traces;

pub use cleanup::{Cleanup, Finding, Health, Recover, clean_up, repair, repair_program};
pub use plan::{Depth, InMemory, Logout, LongLivedKeys, Removal, Target};
pub use record::{record_removals, record_repairs};
pub use report::{OtherSession, Report, Step as RemovalStep, StepResult, Subject, What};
pub use run::logout;
