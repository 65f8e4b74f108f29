//! The audit log: a paragraph for each identity, two short lines for each event, so that a narrow
//! terminal will do.

use super::moment::{at, rfc3339};
use crate::terminal::{dim, one_line, paint};
use clap::builder::styling::AnsiColor;
use keyfob_core::agent::api::{
    Audit, AuditCaller, AuditEvent, AuditLine, AuditOutcome, AuditPlace, Audited, Damage,
    DamageKind, HeadState, Verdict,
};
use keyfob_core::error::Code;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::SystemTime;

#[derive(Debug, Serialize)]
pub struct AuditJson<'a> {
    identities: Vec<AuditedJson<'a>>,
    events: Vec<EventJson<'a>>,
    /// Older events that are counted in `identities` and not listed.
    events_left_out: u32,
}

#[derive(Debug, Serialize)]
struct AuditedJson<'a> {
    identity: &'a str,
    sign_ins: u32,
    refreshes: u32,
    revocations: u32,
    keys_stored: u32,
    removals: u32,
    rotations: u32,
    failures: u32,
    last_use: Option<String>,
    #[serde(rename = "askers")]
    callers: &'a BTreeSet<String>,
}

#[derive(Debug, Serialize)]
struct EventJson<'a> {
    number: u32,
    time: String,
    event: AuditEvent,
    identity: &'a str,
    what: &'a str,
    result: &'a str,
    error: Option<Code>,
    #[serde(rename = "asker")]
    caller: &'a AuditCaller,
}

impl AuditJson<'_> {
    pub fn of(audit: &Audit) -> AuditJson<'_> {
        let identities = audit.identities.iter().map(|it| AuditedJson {
            identity: &it.identity,
            sign_ins: it.sign_ins,
            refreshes: it.refreshes,
            revocations: it.revocations,
            keys_stored: it.keys_stored,
            removals: it.removals,
            rotations: it.rotations,
            failures: it.failures,
            last_use: it.last_use.map(|time| rfc3339(SystemTime::from(time))),
            callers: &it.callers,
        });
        let events = audit.lines.iter().map(|it| {
            let (result, error) = match it.outcome {
                AuditOutcome::Ok => ("ok", None),
                AuditOutcome::Failed { error } => ("failed", Some(error)),
            };
            EventJson {
                number: it.number,
                time: rfc3339(SystemTime::from(it.time)),
                event: it.event,
                identity: &it.identity,
                what: &it.what,
                result,
                error,
                caller: &it.caller,
            }
        });
        AuditJson {
            identities: identities.collect(),
            events: events.collect(),
            events_left_out: audit.left_out,
        }
    }
}

#[derive(Debug, Serialize)]
pub struct VerdictJson<'a> {
    intact: bool,
    lines: u32,
    damage: &'a [Damage],
    torn: &'a [AuditPlace],
    /// Whether the keyring knows the last line.
    head: &'a HeadState,
}

impl VerdictJson<'_> {
    pub fn of(verdict: &Verdict) -> VerdictJson<'_> {
        let Verdict {
            lines,
            damage,
            torn,
            head,
        } = verdict;
        VerdictJson {
            intact: damage.is_empty(),
            lines: *lines,
            damage,
            torn,
            head,
        }
    }
}

pub fn audit_text(audit: &Audit) -> String {
    let mut text = String::new();
    for it in &audit.identities {
        let _ = writeln!(text, "{}\n  {}", one_line(&it.identity), counts(it));
        if let Some(time) = it.last_use {
            let _ = writeln!(text, "  last used {}", at(SystemTime::from(time)));
        }
        let callers: Vec<_> = it.callers.iter().map(|caller| one_line(caller)).collect();
        let _ = writeln!(text, "  asked by {}", callers.join(", "));
    }
    text.push('\n');
    if audit.left_out > 0 {
        let _ = writeln!(text, "({} older events are not shown)", audit.left_out);
    }
    for line in &audit.lines {
        text.push_str(&event(line));
    }
    text
}

fn counts(it: &Audited) -> String {
    let counts = [
        (it.sign_ins, "sign-in", "sign-ins"),
        (it.refreshes, "refresh", "refreshes"),
        (it.failures, "failure", "failures"),
        (it.revocations, "revocation", "revocations"),
        (it.keys_stored, "key stored", "keys stored"),
        (it.rotations, "rotation", "rotations"),
        (it.removals, "removal", "removals"),
    ];
    let told = counts.iter().filter(|(count, ..)| *count > 0);
    told.map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many }))
        .collect::<Vec<_>>()
        .join(", ")
}

fn event(line: &AuditLine) -> String {
    let AuditLine {
        number: _,
        time,
        event,
        identity,
        what,
        outcome,
        caller,
        previous: _,
    } = line;
    let event = match event {
        AuditEvent::SignIn => "sign-in",
        AuditEvent::Refresh => "refresh",
        AuditEvent::Revocation => "revocation",
        AuditEvent::KeysStored => "keys stored",
        AuditEvent::Removal => "removal",
        AuditEvent::Rotation => "rotation",
    };
    let result = match outcome {
        AuditOutcome::Ok => paint(AnsiColor::Green, "✓"),
        AuditOutcome::Failed { .. } => paint(AnsiColor::Red, "✗"),
    };
    let why = match outcome {
        AuditOutcome::Ok => String::new(),
        AuditOutcome::Failed { error } => format!(" failed: {error}"),
    };
    let AuditCaller { program, pid, user } = caller;
    let caller = one_line(&format!("{program}, pid {pid}, {user}"));
    let time = at(SystemTime::from(*time));
    format!(
        "{time} {result} {event} {}{why}\n  {}\n  {}\n",
        one_line(identity),
        one_line(what),
        dim(&format!("by {caller}"))
    )
}

/// As compilers write it, so that editors can jump there.
pub fn verdict_text(verdict: &Verdict) -> String {
    let mut text = String::new();
    for Damage {
        place,
        what,
        detail,
    } in &verdict.damage
    {
        let what = match what {
            DamageKind::Changed => "changed",
            DamageKind::Missing => "missing",
            DamageKind::Reordered => "reordered",
            DamageKind::Cut => "cut off",
        };
        let _ = writeln!(
            text,
            "{}: {} {}",
            written(place),
            paint(AnsiColor::Red, &format!("{what}:")),
            one_line(detail)
        );
    }
    for place in &verdict.torn {
        let _ = writeln!(
            text,
            "{}: half a line, left by a program that was killed; nothing to do",
            written(place)
        );
    }
    let lines = if verdict.lines == 1 {
        "1 line".to_owned()
    } else {
        format!("{} lines", verdict.lines)
    };
    let _ = match verdict.damage.len() {
        0 => writeln!(text, "The audit log is intact: {lines}"),
        _ => writeln!(
            text,
            "The audit log is not as it was written: {lines} are left"
        ),
    };
    text
}

fn written(place: &AuditPlace) -> String {
    format!("{}:{}", one_line(&place.file), place.line)
}
