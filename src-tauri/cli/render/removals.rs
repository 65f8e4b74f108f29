//! What a logout or clean-up removed, or would; what a repair found.

use crate::terminal::{ErrorBody, one_line, paint};
use clap::builder::styling::AnsiColor;
use keyfob_core::agent::api::{
    Finding, Health, Mode, RemovalStep, Report, StepResult, Subject, What,
};
use keyfob_core::error::Error;
use keyfob_core::view::time::{rfc3339, until};
use serde::{Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::SystemTime;

const LIVES_ON: &str =
    "Browser sessions, and credentials that programs already hold, stay valid until they expire.";
const BROWSER: &str = "To end a browser session, choose Sign out in the AWS console.";

#[derive(Debug, Serialize)]
pub struct RemovalsJson<'a> {
    target: &'a str,
    dry_run: bool,
    steps: &'a [RemovalStep],
    removed: usize,
    failed: usize,
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_body")]
    error: Option<Error>,
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn as_body<S: Serializer>(error: &Option<Error>, serializer: S) -> Result<S::Ok, S::Error> {
    error
        .as_ref()
        .map(|error| ErrorBody::of(error))
        .serialize(serializer)
}

impl<'a> RemovalsJson<'a> {
    pub fn of(report: &'a Report) -> RemovalsJson<'a> {
        let mut notes = report.notes.clone();
        notes.extend(what_lives_on(report, rfc3339));
        RemovalsJson {
            target: &report.target,
            dry_run: report.mode == Mode::DryRun,
            steps: &report.steps,
            removed: report.count(StepResult::Removed),
            failed: report.count(StepResult::Failed),
            notes,
            error: report.error(),
        }
    }
}

/// For people: all steps, and those that failed once more.
#[derive(Debug)]
pub struct RemovalsText {
    pub lines: Vec<String>,
    pub failures: Vec<String>,
}

impl RemovalsText {
    pub fn of(report: &Report, now: SystemTime) -> RemovalsText {
        let changes = [
            StepResult::Removed,
            StepResult::WouldRemove,
            StepResult::Failed,
        ];
        let has_changes = changes.into_iter().any(|result| report.count(result) > 0);
        let mut lines = Vec::new();
        if !is_cleanup(report) && has_changes {
            lines.push(heading(report));
            if report.chain.len() > 1 {
                lines.push(one_line(&report.chain.join(" → ")));
            }
        }
        let steps = || report.steps.iter();
        let shown = |step: &&RemovalStep| has_changes || step.result != StepResult::Absent;
        lines.extend(steps().filter(shown).map(line));
        lines.push(if has_changes {
            summary(report)
        } else {
            nothing_to_do(report)
        });
        lines.extend(report.notes.iter().map(|note| one_line(note)));
        lines.extend(what_lives_on(report, |end| until(end, now)));
        RemovalsText {
            lines,
            failures: steps()
                .filter(|step| step.result == StepResult::Failed)
                .map(line)
                .collect(),
        }
    }
}

fn what_lives_on(report: &Report, until: impl Fn(SystemTime) -> String) -> Vec<String> {
    let others = report.others.iter().map(|it| {
        format!(
            "{} shared the sign-in: its own session stays valid until {}",
            one_line(&it.identity),
            until(it.expires_at)
        )
    });
    let mut lines: Vec<String> = others.collect();
    if report.count(StepResult::Removed) > 0 && !is_cleanup(report) {
        lines.extend([LIVES_ON.to_owned(), BROWSER.to_owned()]);
    }
    lines
}

fn is_cleanup(report: &Report) -> bool {
    report.subject == Subject::Cleanup
}

fn heading(report: &Report) -> String {
    let doing = match report.mode {
        Mode::Run => "Logging out from",
        Mode::DryRun => "Would log out from",
    };
    let target = one_line(&report.target);
    match report.subject {
        Subject::Identity => format!("{doing} identity: {target}"),
        Subject::Provider => format!("{doing} provider: {target}"),
        Subject::All | Subject::Cleanup => format!("{doing} all identities"),
    }
}

fn line(step: &RemovalStep) -> String {
    let RemovalStep {
        what,
        name,
        path,
        result,
        detail,
        flag,
        code: _,
    } = step;
    let (mark, color) = match result {
        StepResult::Removed => ("✓", Some(AnsiColor::Green)),
        StepResult::WouldRemove => ("○", None),
        StepResult::Absent => ("–", None),
        StepResult::Kept => ("•", Some(AnsiColor::Yellow)),
        StepResult::Failed => ("✗", Some(AnsiColor::Red)),
    };
    let mark = color.map_or_else(|| mark.to_owned(), |color| paint(color, mark));
    let (noun, subject) = match what {
        What::Keyring => ("Keyring", name),
        What::Section | What::File | What::Folder => ("Files", path),
        What::ProviderSession => ("Sign-in at AWS", name),
        What::Agent => ("Agent", name),
    };
    let detail = detail.as_deref().map(one_line).unwrap_or_default();
    let mut text = format!("{mark} {noun}: {}", one_line(subject));
    match (result, detail.as_str()) {
        (StepResult::Absent, _) if *what == What::Keyring => text.push_str(" (not found)"),
        (StepResult::Absent, detail) => {
            let _ = write!(text, " ({detail}: not found)");
        }
        (_, "") => {}
        (StepResult::Failed | StepResult::Kept, detail) => {
            let _ = write!(text, ": {detail}");
        }
        (StepResult::Removed | StepResult::WouldRemove, detail) => {
            let _ = write!(text, " ({detail})");
        }
    }
    if let Some(flag) = flag {
        let _ = write!(text, "; `{flag}` removes it too");
    }
    text
}

fn nothing_to_do(report: &Report) -> String {
    let is_there = report
        .steps
        .iter()
        .any(|step| step.result != StepResult::Absent);
    let target = one_line(&report.target);
    let who = match report.subject {
        Subject::Identity => format!("Identity '{target}' is"),
        Subject::Provider => format!("Provider '{target}' is"),
        Subject::All => "All identities are".to_owned(),
        Subject::Cleanup => return "Nothing to clean up".to_owned(),
    };
    if is_there {
        return format!("{who} already logged out.");
    }
    format!("{who} already logged out. No credentials found in keyring or file storage.")
}

fn summary(report: &Report) -> String {
    let touched: BTreeSet<&str> = names(report, &[StepResult::Removed, StepResult::Failed]);
    let failed = names(report, &[StepResult::Failed]);
    let (total, failures) = (touched.len(), report.count(StepResult::Failed));
    if report.mode == Mode::DryRun {
        return "Nothing was changed".to_owned();
    }
    if is_cleanup(report) {
        return format!(
            "Removed {}",
            counted(report.count(StepResult::Removed), "entry", "entries")
        );
    }
    match failures {
        0 if total == 0 => "Successfully logged out".to_owned(),
        0 => format!(
            "Successfully logged out from {}",
            counted(total, "identity", "identities")
        ),
        _ => format!(
            "Logged out with warnings ({}/{total} successful)",
            total - failed.len()
        ),
    }
}

/// The identities with a step of one of these results.
fn names<'a>(report: &'a Report, results: &[StepResult]) -> BTreeSet<&'a str> {
    let steps = report
        .steps
        .iter()
        .filter(|step| results.contains(&step.result));
    steps
        .map(|step| step.name.as_str())
        .filter(|name| report.identities.iter().any(|known| known == name))
        .collect()
}

fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

pub fn findings(found: &[Finding]) -> String {
    let mut text = String::new();
    for Finding {
        name,
        status,
        detail,
        remedy,
    } in found
    {
        let mark = match status {
            Health::Ok => paint(AnsiColor::Green, "✓"),
            Health::Mended => paint(AnsiColor::Yellow, "✓ fixed:"),
            Health::Broken => paint(AnsiColor::Red, "✗"),
        };
        let _ = writeln!(text, "{mark} {}: {}", one_line(name), one_line(detail));
        if let Some(remedy) = remedy {
            let _ = writeln!(text, "  {}", one_line(remedy));
        }
    }
    text
}
