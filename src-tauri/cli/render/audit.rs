//! The audit log: a paragraph for each identity, two short lines for each event, so that a narrow
//! terminal will do.

use crate::terminal::{dim, one_line, paint};
use clap::builder::styling::AnsiColor;
use keyfob_core::agent::api::{
    Audit, AuditCaller, AuditEvent, AuditLine, AuditOutcome, AuditPlace, Audited, Damage,
    DamageKind, Verdict,
};
use keyfob_core::error::Code;
use keyfob_core::view::time::{at, rfc3339};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::SystemTime;

/// The reply under the names and with the whole seconds that scripts know.
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
    askers: &'a BTreeSet<String>,
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
    asker: &'a AuditCaller,
}

impl AuditJson<'_> {
    pub fn of(audit: &Audit) -> AuditJson<'_> {
        AuditJson {
            identities: audit.identities.iter().map(audited_json).collect(),
            events: audit.lines.iter().map(event_json).collect(),
            events_left_out: audit.left_out,
        }
    }
}

fn audited_json(it: &Audited) -> AuditedJson<'_> {
    AuditedJson {
        identity: &it.identity,
        sign_ins: it.sign_ins,
        refreshes: it.refreshes,
        revocations: it.revocations,
        keys_stored: it.keys_stored,
        removals: it.removals,
        rotations: it.rotations,
        failures: it.failures,
        last_use: it.last_use.map(|time| rfc3339(SystemTime::from(time))),
        askers: &it.callers,
    }
}

fn event_json(it: &AuditLine) -> EventJson<'_> {
    let (result, error) = match it.outcome {
        AuditOutcome::Ok => ("ok", None),
        AuditOutcome::Failed { error } => ("failed", Some(error)),
    };
    EventJson {
        number: it.number,
        time: rfc3339(SystemTime::from(it.time)),
        event: it.event,
        identity: it.identity.as_str(),
        what: it.what.as_str(),
        result,
        error,
        asker: &it.caller,
    }
}

/// The reply, and whether all is well.
#[derive(Debug, Serialize)]
pub struct VerdictJson<'a> {
    intact: bool,
    #[serde(flatten)]
    verdict: &'a Verdict,
}

impl VerdictJson<'_> {
    pub fn of(verdict: &Verdict) -> VerdictJson<'_> {
        VerdictJson {
            intact: verdict.damage.is_empty(),
            verdict,
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
        let _ = writeln!(text, "  used by {}", callers.join(", "));
    }
    text.push('\n');
    if audit.left_out > 0 {
        let _ = writeln!(text, "({} older events are not shown)", audit.left_out);
    }
    for line in &audit.lines {
        text.push_str(&event_lines(line));
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
    let some = counts.iter().filter(|(count, ..)| *count > 0);
    some.map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many }))
        .collect::<Vec<_>>()
        .join(", ")
}

fn event_lines(line: &AuditLine) -> String {
    let event = match line.event {
        AuditEvent::SignIn => "sign-in",
        AuditEvent::Refresh => "refresh",
        AuditEvent::Revocation => "revocation",
        AuditEvent::KeysStored => "keys stored",
        AuditEvent::Removal => "removal",
        AuditEvent::Rotation => "rotation",
    };
    let (result, why) = match line.outcome {
        AuditOutcome::Ok => (paint(AnsiColor::Green, "✓"), String::new()),
        AuditOutcome::Failed { error } => (paint(AnsiColor::Red, "✗"), format!(" failed: {error}")),
    };
    let AuditCaller {
        program,
        pid,
        user,
        trail,
    } = &line.caller;
    let user = user.as_str();
    let is_number = user.bytes().all(|byte| byte.is_ascii_digit());
    let user = format!("{}{user}", if is_number { "user " } else { "" });
    let why = if line.is_forged {
        format!(
            "{why} {}",
            paint(AnsiColor::Red, "forged: not written by Keyfob")
        )
    } else {
        why
    };
    let caller = one_line(&format!("by {program}, pid {pid}, {user}"));
    let trail = trail.as_ref().map(|trail| format!("from {trail}"));
    let trail = trail.map_or_else(String::new, |trail| {
        format!("  {}\n", dim(&one_line(&trail)))
    });
    format!(
        "{} {result} {event} {}{why}\n  {}\n  {}\n{trail}",
        at(SystemTime::from(line.time)),
        line.identity,
        line.what,
        dim(&caller)
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
            DamageKind::Forged => "forged",
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
            "{}: incomplete line, left by a program that was killed; no action is needed",
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
        _ => writeln!(text, "The audit log has been altered: {lines} left"),
    };
    text
}

fn written(place: &AuditPlace) -> String {
    format!("{}:{}", one_line(&place.file), place.line)
}
