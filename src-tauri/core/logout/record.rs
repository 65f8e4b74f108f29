//! What was removed or mended, into the audit log.

use super::cleanup::{Finding, Health};
use super::report::{Report, StepResult};
use crate::ask::{Caller, Note};
use crate::error::Code;
use crate::store::Mode;
use crate::store::audit::{AuditEvent, AuditOutcome, Happened};
use crate::world::World;

/// Writes down each step of a logout or clean-up that changed something, or should have.
pub async fn record_removals(world: &World, caller: &Caller, report: &Report) -> Option<Note> {
    let happened = report.steps.iter().filter_map(|step| {
        let outcome = match step.result {
            StepResult::Removed => AuditOutcome::Ok,
            StepResult::Failed if report.mode == Mode::Run => AuditOutcome::Failed {
                error: step.code.unwrap_or(Code::LogoutFailed),
            },
            StepResult::Failed
            | StepResult::WouldRemove
            | StepResult::Absent
            | StepResult::Kept => return None,
        };
        let (identity, what) = (step.name.clone(), step.path.clone());
        Some(Happened {
            event: AuditEvent::Removal,
            identity,
            what,
            outcome,
        })
    });
    let happened: Vec<Happened> = happened.collect();
    if happened.is_empty() {
        None
    } else {
        world.record(caller, &happened).await
    }
}

/// Writes down what a repair mended: each time something was removed or closed to others.
pub async fn record_repairs(world: &World, caller: &Caller, findings: &[Finding]) -> Option<Note> {
    let mended = findings
        .iter()
        .filter(|finding| finding.status == Health::Mended);
    let happened = mended.map(|finding| Happened {
        event: AuditEvent::Removal,
        identity: finding.name.clone(),
        what: format!("repair: {}", finding.detail),
        outcome: AuditOutcome::Ok,
    });
    let happened: Vec<Happened> = happened.collect();
    if happened.is_empty() {
        None
    } else {
        world.record(caller, &happened).await
    }
}
