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
use std::fmt::{self, Display, Formatter, Write as _};
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

/// For people: what was done, and apart from it what failed.
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
        let shown = |step: &&RemovalStep| match step.result {
            StepResult::Failed => false,
            StepResult::Absent => has_changes,
            StepResult::Removed | StepResult::WouldRemove | StepResult::Kept => true,
        };
        lines.extend(steps().filter(shown).map(line));
        // A session, a sign-in and keys may have one name, and one thing to be said of them.
        lines.dedup();
        lines.push(if has_changes {
            summary(report)
        } else {
            nothing_to_do(report)
        });
        lines.extend(report.notes.iter().map(|note| one_line(note)));
        lines.extend(what_lives_on(report, |end| until(end, now)));
        RemovalsText {
            lines,
            failures: failures(report),
        }
    }

    /// Whether there is anything to ask about.
    pub fn removes_something(report: &Report) -> bool {
        report.count(StepResult::WouldRemove) > 0
    }
}

/// Why something could not be removed, and what.
struct RemovalFailure<'a> {
    noun: &'static str,
    cause: String,
    subjects: Vec<&'a str>,
}

impl Display for RemovalFailure<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", paint(AnsiColor::Red, "✗"), self.noun)?;
        let unnamed = self.subjects.iter().filter(|it| !self.cause.contains(**it));
        let unnamed: Vec<_> = unnamed.map(|it| one_line(it)).collect();
        if !unnamed.is_empty() {
            write!(f, "{}: ", unnamed.join(", "))?;
        }
        f.write_str(&self.cause)
    }
}

/// One line for each cause: what could not be removed for it, unless the cause names it.
fn failures(report: &Report) -> Vec<String> {
    let mut failures: Vec<RemovalFailure> = Vec::new();
    let steps = report.steps.iter();
    for step in steps.filter(|step| step.result == StepResult::Failed) {
        let (noun, subject) = noun_and_subject(step);
        let cause = step.detail.as_deref().map(one_line).unwrap_or_default();
        let known = failures
            .iter_mut()
            .find(|it| it.noun == noun && it.cause == cause);
        match known {
            Some(it) if it.subjects.contains(&subject) => {}
            Some(it) => it.subjects.push(subject),
            None => failures.push(RemovalFailure {
                noun,
                cause,
                subjects: vec![subject],
            }),
        }
    }
    failures.iter().map(ToString::to_string).collect()
}

fn noun_and_subject(step: &RemovalStep) -> (&'static str, &str) {
    match step.what {
        What::Keyring => ("Keyring", &step.name),
        What::Section | What::File | What::Folder => ("Files", &step.path),
        What::ProviderSession => ("Sign-in at AWS", &step.name),
        What::Agent => ("Agent", &step.name),
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
        result,
        detail,
        flag,
        ..
    } = step;
    let (mark, color) = match result {
        StepResult::Removed => ("✓", Some(AnsiColor::Green)),
        StepResult::WouldRemove => ("○", None),
        StepResult::Absent => ("–", None),
        StepResult::Kept => ("•", Some(AnsiColor::Yellow)),
        StepResult::Failed => ("✗", Some(AnsiColor::Red)),
    };
    let mark = color.map_or_else(|| mark.to_owned(), |color| paint(color, mark));
    let (noun, subject) = noun_and_subject(step);
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

/// Says only what was looked at, and what is kept.
fn nothing_to_do(report: &Report) -> String {
    let target = one_line(&report.target);
    let who = match report.subject {
        Subject::Identity => format!("Identity '{target}' is"),
        Subject::Provider => format!("Provider '{target}' is"),
        Subject::All => "All identities are".to_owned(),
        Subject::Cleanup => return "Nothing to clean up".to_owned(),
    };
    let steps = || report.steps.iter();
    let kept = || steps().filter(|step| step.result == StepResult::Kept);
    let what = if kept().next().is_none() {
        "credentials"
    } else if kept().all(|step| step.flag.is_some()) {
        "session"
    } else {
        "session of this configuration"
    };
    let in_keyring = steps().any(|step| step.what == What::Keyring);
    let in_files = steps().any(|step| step.what == What::Section);
    let places = match (in_keyring, in_files) {
        (true, true) => "keyring or file storage",
        (true, false) => "keyring",
        (false, _) => "file storage",
    };
    let kept_keys = kept().filter(|step| step.flag.is_some()).count();
    let keys = match kept_keys {
        0 => "",
        1 => "; its access key is kept",
        _ => "; access keys are kept",
    };
    format!("{who} already logged out. No {what} found in {places}{keys}.")
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
