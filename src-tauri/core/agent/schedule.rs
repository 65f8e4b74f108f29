//! What the agent remembers of keeping sessions fresh: the queue of renewals, the last look at the
//! clock, the configuration file as it was last read.

use super::api::{Caller, Person, Refresh};
use crate::error::Error;
use crate::world::World;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// After the start, which is when most sign-ins happen.
const BEFORE_FIRST_CLEANUP: Duration = Duration::from_secs(5 * 60);

#[derive(Debug)]
pub(super) struct Schedule {
    fingerprint: String,
    /// Due, and waiting until fewer are under way: those that end first come first.
    pub queue: BTreeSet<(SystemTime, String)>,
    pub refresh: Refresh,
    pub last_look: SystemTime,
    pub is_reading: bool,
    pub next_cleanup: SystemTime,
    pub configuration: OnDisk,
}

/// The file as it was when it was last read.
#[derive(Debug)]
pub(super) struct OnDisk {
    pub path: PathBuf,
    pub stamp: Option<(SystemTime, u64)>,
    pub problem: Option<Error>,
}

impl OnDisk {
    pub fn stamp(&self) -> Option<(SystemTime, u64)> {
        let metadata = std::fs::metadata(&self.path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    }
}

impl Schedule {
    pub fn new(world: &World, now: SystemTime) -> Schedule {
        let mut configuration = OnDisk {
            path: world.config.path().to_owned(),
            stamp: None,
            problem: None,
        };
        configuration.stamp = configuration.stamp();
        Schedule {
            fingerprint: world.environment.fingerprint(),
            queue: BTreeSet::new(),
            refresh: Refresh::Runs,
            last_look: now,
            is_reading: false,
            next_cleanup: now + BEFORE_FIRST_CLEANUP,
            configuration,
        }
    }

    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Why the file on disk is not the one in force.
    pub fn configuration_problem(&self) -> Option<&Error> {
        self.configuration.problem.as_ref()
    }

    pub fn was_read(&mut self) {
        self.is_reading = false;
    }
}

/// The agent itself, which renews ahead of time.
pub(super) fn caller() -> Caller {
    Caller {
        program: "keyfob".into(),
        pid: std::process::id(),
        person: Person::Absent,
        trail: None,
    }
}
