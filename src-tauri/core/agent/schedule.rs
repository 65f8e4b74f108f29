//! What the agent remembers of keeping sessions fresh: the queue of renewals, the last look at the
//! clock, the configuration file as it was last read.

use super::api::{Caller, Note, Person, Refresh};
use super::waiter::Waiter;
use crate::config::{Trust, assigned_folder};
use crate::error::{Code, Error};
use crate::world::World;
use std::collections::{BTreeSet, HashMap};
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
    /// Of the tray and windows, while what is stored is read: waiting for their turn.
    pub readers: Option<Vec<Waiter>>,
    pub next_cleanup: SystemTime,
    pub next_look_at_keys: SystemTime,
    /// By provider: since when its sign-in was due, and when a renewal of it last began.
    pub sign_ins_tried: HashMap<String, [SystemTime; 2]>,
    /// The end of a provider's sign-in that was announced.
    pub sign_ins_announced: HashMap<String, SystemTime>,
    pub configuration: OnDisk,
    /// Of the host, part of the status.
    pub warnings: Vec<Note>,
}

/// The file as it was when it was last read.
#[derive(Debug)]
pub(super) struct OnDisk {
    pub path: PathBuf,
    pub stamp: DiskStamp,
    pub problem: Option<Error>,
    trust: Option<Trust>,
    roles: Option<PathBuf>,
}

/// What tells that it may have changed, or whether it is trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DiskStamp {
    file: Option<(SystemTime, u64)>,
    /// Of the lists of roles.
    roles: Option<SystemTime>,
    /// Only while the file waits for trust.
    trust: Option<SystemTime>,
}

impl OnDisk {
    fn new(world: &World) -> OnDisk {
        let mut on_disk = OnDisk {
            path: world.config.path().to_owned(),
            stamp: DiskStamp::default(),
            problem: None,
            trust: Trust::of(&world.environment).ok(),
            roles: assigned_folder(&world.environment, world.config.realm()).ok(),
        };
        on_disk.stamp = on_disk.stamp();
        on_disk
    }

    pub fn stamp(&self) -> DiskStamp {
        let file = || {
            let metadata = std::fs::metadata(&self.path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        let waits = self
            .problem
            .as_ref()
            .is_some_and(|it| it.code == Code::ConfigUntrusted);
        let trust = self.trust.as_ref().filter(|_| waits);
        let roles = self.roles.as_ref().and_then(|it| it.metadata().ok());
        DiskStamp {
            file: file(),
            roles: roles.and_then(|it| it.modified().ok()),
            trust: trust.and_then(Trust::changed_at),
        }
    }
}

impl Schedule {
    pub fn new(world: &World, now: SystemTime) -> Schedule {
        Schedule {
            fingerprint: world.environment.fingerprint(),
            queue: BTreeSet::new(),
            refresh: Refresh::Runs,
            last_look: now,
            readers: None,
            next_cleanup: now + BEFORE_FIRST_CLEANUP,
            next_look_at_keys: now,
            sign_ins_tried: HashMap::new(),
            sign_ins_announced: HashMap::new(),
            configuration: OnDisk::new(world),
            warnings: Vec::new(),
        }
    }

    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Why the file on disk is not the one in force.
    pub fn configuration_problem(&self) -> Option<&Error> {
        self.configuration.problem.as_ref()
    }
}

/// The agent itself, which renews ahead of time.
pub(super) fn caller() -> Caller {
    Caller::here("keyfob", Person::Absent)
}
