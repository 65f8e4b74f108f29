//! `fob doctor`: everything that may be wrong, in one go.

use crate::args::DoctorArgs;
use crate::conversation::runtime;
use crate::invocation::Invocation;
use crate::render;
use crate::stop::Stop;
use keyfob_core::doctor::{CheckProgress, CheckStatus, examine, fix};
use serde_json::json;

pub fn doctor(invocation: &Invocation, args: &DoctorArgs) -> Result<u8, Stop> {
    let terminal = invocation.terminal;
    let runtime = runtime()?;
    let checks = runtime.block_on(async {
        let machine = invocation.machine();
        let mut busy = None;
        let progress = |it: CheckProgress<'_>| {
            // The line of the one before is wiped first.
            drop(busy.take());
            if terminal.spins() {
                let checking = busy.insert(terminal.busy(&format!("Checking: {} left", it.open)));
                checking.turn();
            }
        };
        let found = examine(&machine, progress).await;
        drop(busy);
        if args.fix {
            fix(&machine, found).await
        } else {
            found
        }
    });
    // A name that is still being looked up in a dead network would be waited for.
    runtime.shutdown_background();
    let shown = json!({ "checks": checks });
    terminal.show(&shown, || render::checks(&checks))?;
    let count = |status| checks.iter().filter(|it| it.status == status).count();
    let (broken, warnings) = (count(CheckStatus::Broken), count(CheckStatus::Warning));
    terminal.say(&match (broken, warnings) {
        (0, 0) => format!("All is well: {} checks", checks.len()),
        _ => format!(
            "broken: {broken}, warnings: {warnings}, checks: {}",
            checks.len()
        ),
    });
    Ok(u8::from(broken > 0))
}
