//! Entries of the audit log, the caller each is for, and what the log says when read again. Writing
//! an entry never fails what was done: a log that cannot be written is a warning.

use crate::ask::{Caller, Note};
use crate::environment::Environment;
use crate::error::{Code, Result};
use crate::store::audit::{
    AuditCaller, AuditEvent, AuditLine, AuditLog, AuditOutcome, Happened, Keeping,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

/// The last lines are what is looked at; an answer has a size to keep to.
const MOST_LINES: usize = 2_000;

/// The audit log, read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct Audit {
    pub identities: Vec<Audited>,
    /// Oldest first.
    pub lines: Vec<AuditLine>,
    /// Older ones that are summed up and not among `lines`.
    pub left_out: u32,
}

/// One identity, summed up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct Audited {
    pub identity: String,
    pub sign_ins: u32,
    pub refreshes: u32,
    pub revocations: u32,
    pub keys_stored: u32,
    pub removals: u32,
    pub rotations: u32,
    /// Of any kind; counted here only.
    pub failures: u32,
    /// The last sign-in or refresh that succeeded.
    #[cfg_attr(feature = "app", specta(type = Option<String>))]
    pub last_use: Option<Timestamp>,
    #[serde(rename = "askers")]
    pub callers: BTreeSet<String>,
}

/// Writes down what happened, in one go.
pub(super) async fn record(
    log: &AuditLog,
    environment: &Environment,
    caller: &Caller,
    happened: &[Happened],
) -> Option<Note> {
    let caller = AuditCaller {
        program: caller.program.clone(),
        pid: caller.pid,
        user: user(environment).into(),
        trail: caller.trail.clone(),
    };
    let keyring_fails = happened.iter().any(|it| match it.outcome {
        AuditOutcome::Failed { error } => {
            matches!(error, Code::KeyringLocked | Code::KeyringUnavailable)
        }
        AuditOutcome::Ok => false,
    });
    let keeping = if keyring_fails {
        Keeping::LinesOnly
    } else {
        Keeping::Head
    };
    let failure = log.append(&caller, happened, keeping).await.err()?;
    Some(Note::Warning(format!(
        "this was not written to the audit log: {failure}"
    )))
}

/// What is in the audit log since a moment.
pub(super) async fn read(log: &AuditLog, since: Option<SystemTime>) -> Result<Audit> {
    let mut lines = log.read(since).await?;
    let identities = summed_up(&lines);
    let left_out = lines.len().saturating_sub(MOST_LINES);
    lines.drain(..left_out);
    Ok(Audit {
        identities,
        lines,
        left_out: u32::try_from(left_out).unwrap_or(u32::MAX),
    })
}

/// By name, as the configuration writes it.
fn summed_up(lines: &[AuditLine]) -> Vec<Audited> {
    let mut identities: BTreeMap<&str, Audited> = BTreeMap::new();
    for line in lines.iter().filter(|line| !line.is_forged) {
        let it = identities.entry(line.identity.as_str()).or_default();
        it.callers.insert(line.caller.program.to_string());
        let count = match (line.outcome, line.event) {
            (AuditOutcome::Failed { .. }, _) => &mut it.failures,
            (AuditOutcome::Ok, AuditEvent::SignIn) => &mut it.sign_ins,
            (AuditOutcome::Ok, AuditEvent::Refresh) => &mut it.refreshes,
            (AuditOutcome::Ok, AuditEvent::Revocation) => &mut it.revocations,
            (AuditOutcome::Ok, AuditEvent::KeysStored) => &mut it.keys_stored,
            (AuditOutcome::Ok, AuditEvent::Removal) => &mut it.removals,
            (AuditOutcome::Ok, AuditEvent::Rotation) => &mut it.rotations,
        };
        *count += 1;
        match (line.outcome, line.event) {
            (AuditOutcome::Ok, AuditEvent::SignIn | AuditEvent::Refresh) => {
                it.last_use = it.last_use.max(Some(line.time));
            }
            (AuditOutcome::Ok | AuditOutcome::Failed { .. }, _) => {}
        }
    }
    identities
        .into_iter()
        .map(|(identity, it)| Audited {
            identity: identity.to_owned(),
            ..it
        })
        .collect()
}

/// The number and the name are the system's; what the environment says stands in for a name that
/// the system's list does not have.
fn user(environment: &Environment) -> String {
    let named = || {
        ["USER", "LOGNAME", "USERNAME"]
            .into_iter()
            .find_map(|name| environment.var(name).ok().flatten())
            .map(str::to_owned)
    };
    #[cfg(unix)]
    {
        let number = rustix::process::getuid().as_raw();
        let list = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        match listed(&list, number).or_else(named) {
            Some(name) => format!("{name} ({number})"),
            None => format!("user {number}"),
        }
    }
    #[cfg(not(unix))]
    named().unwrap_or_else(|| "unknown".to_owned())
}

/// `kim:x:1000:1000:…` in `/etc/passwd`.
#[cfg(unix)]
fn listed(list: &str, number: u32) -> Option<String> {
    let number = number.to_string();
    list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1)? == number).then(|| name.to_owned())
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_where_the_environment_does_not() {
        let list =
            "root:x:0:0:root:/root:/bin/bash\n# broken\nkim:x:1000:1000::/home/kim:/bin/sh\n";
        assert_eq!(listed(list, 0).as_deref(), Some("root"));
        assert_eq!(listed(list, 1000).as_deref(), Some("kim"));
        assert_eq!(listed(list, 7), None);
        let number = rustix::process::getuid().as_raw();
        let said = user(&Environment::default());
        assert!(
            said.ends_with(&format!(" ({number})")) || said == format!("user {number}"),
            "{said}"
        );
    }
}
