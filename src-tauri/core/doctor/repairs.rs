//! What of the faults can be mended without losing anything.

use super::check::{CheckStatus, Checked, Fix};
use super::machine::Machine;
use crate::agent::shared_profiles;
use crate::ask::{Caller, Person};
use crate::error::{Code, Error, Result};
use crate::logout::{Finding, Health, record_repairs, repair_program};
use crate::store::{Mode, ProfileResult};

/// In the place of each that was mended: what was done.
pub async fn fix(machine: &Machine, found: Vec<Checked>) -> Vec<Checked> {
    let mut after = Vec::new();
    for checked in found {
        after.push(match &checked.fix {
            None => checked,
            Some(fix) => match apply(machine, fix).await {
                Ok(done) => Checked {
                    status: CheckStatus::Ok,
                    detail: format!("fixed: {done}"),
                    remedy: None,
                    safe_fix: None,
                    ..checked
                },
                Err(error) => Checked {
                    detail: format!("{}; it cannot be fixed: {error}", checked.detail),
                    ..checked
                },
            },
        });
    }
    after
}

async fn apply(machine: &Machine, fix: &Fix) -> Result<String> {
    let world = machine.world.as_ref().map_err(Error::clone)?;
    let caller = Caller::here("fob", Person::Absent);
    match fix {
        Fix::WriteProfile(name) => {
            let chain = world.chain(name)?;
            let finding = repair_program(world, name, &chain, &mut Vec::new()).await;
            let Some(finding) = finding else {
                return Ok("its profile was written anew with that of another".to_owned());
            };
            let finding = [finding];
            record_repairs(world, &caller, &finding).await;
            let [Finding { status, detail, .. }] = finding;
            match status {
                Health::Ok | Health::Mended => Ok(detail),
                Health::Broken => Err(Error::new(Code::FilesUnwritable, detail)),
            }
        }
        Fix::WriteSharedProfile(name) => {
            let (config, environment) = (world.config(), world.environment());
            let written = shared_profiles::write(config, environment, Some(name), Mode::Run);
            let written = written.await?;
            let path = written.path.display();
            let mut outcomes = written.profiles.iter();
            match outcomes.find(|it| it.result != ProfileResult::Written) {
                None => Ok(format!("written anew in {path}")),
                Some(it) => {
                    let why = it.detail.clone();
                    let why = why.unwrap_or_else(|| format!("{path} stays as it is"));
                    Err(Error::new(Code::FilesUnwritable, why))
                }
            }
        }
    }
}
