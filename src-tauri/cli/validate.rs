//! `fob validate`: every problem of the configuration in one run.

use crate::invocation::Invocation;
use crate::stop::Stop;
use crate::terminal::{Shape, one_line, paint};
use clap::builder::styling::AnsiColor;
use keyfob_core::config::{Problem, Severity};
use serde::Serialize;
use std::fmt::Write as _;

#[derive(Debug, Serialize)]
struct ReportJson<'a> {
    path: String,
    problems: Vec<ProblemJson<'a>>,
}

#[derive(Debug, Serialize)]
struct ProblemJson<'a> {
    severity: &'static str,
    line: usize,
    column: usize,
    path: &'a str,
    message: &'a str,
}

pub fn validate(invocation: &Invocation) -> Result<u8, Stop> {
    let config = invocation.config()?;
    let file = config.path().display().to_string();
    let problems = config.problems();
    match invocation.terminal.shape {
        Shape::Json => {
            let problems = problems.iter().map(json).collect();
            invocation.terminal.json(&ReportJson { path: file, problems })?;
        }
        Shape::Text => {
            let mut text = String::new();
            for problem in problems {
                let _ = writeln!(text, "{}", line(&file, problem));
            }
            invocation.terminal.data(&text)?;
            invocation.terminal.say(&format!("{}: {}", one_line(&file), counts(problems)));
        }
    }
    Ok(if count(problems, Severity::Error) > 0 { 2 } else { 0 })
}

fn word(severity: Severity) -> (&'static str, AnsiColor) {
    match severity {
        Severity::Error => ("error", AnsiColor::Red),
        Severity::Warning => ("warning", AnsiColor::Yellow),
        Severity::Notice => ("notice", AnsiColor::Cyan),
    }
}

fn json(problem: &Problem) -> ProblemJson<'_> {
    let Problem { severity, line, column, path, message } = problem;
    ProblemJson { severity: word(*severity).0, line: *line, column: *column, path, message }
}

/// As compilers write it, so that editors can jump there.
fn line(file: &str, problem: &Problem) -> String {
    let (word, color) = word(problem.severity);
    let Problem { line, column, message, .. } = problem;
    format!("{}:{line}:{column}: {} {}", one_line(file), paint(color, &format!("{word}:")), one_line(message))
}

fn counts(problems: &[Problem]) -> String {
    if problems.is_empty() {
        return "no problems".to_owned();
    }
    let counted = [Severity::Error, Severity::Warning, Severity::Notice].map(|severity| {
        let (count, word) = (count(problems, severity), word(severity).0);
        let ending = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} {word}{ending}"))
    });
    counted.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn count(problems: &[Problem], severity: Severity) -> usize {
    problems.iter().filter(|it| it.severity == severity).count()
}
