//! `fob validate`: every problem of the configuration in one run.

use crate::invocation::Invocation;
use crate::stop::Stop;
use crate::terminal::{Shape, one_line, paint, print_json};
use clap::builder::styling::AnsiColor;
use keyfob_core::config::{Problem, Severity};
use serde::Serialize;
use std::fmt::Write as _;

#[derive(Debug, Serialize)]
struct ReportJson<'a> {
    path: String,
    problems: &'a [Problem],
}

pub fn validate(invocation: &Invocation) -> Result<u8, Stop> {
    let config = invocation.config()?;
    let file = config.path().display().to_string();
    let problems = config.problems();
    match invocation.terminal.shape {
        Shape::Json => {
            print_json(&ReportJson {
                path: file,
                problems,
            })?;
        }
        Shape::Text => {
            let mut text = String::new();
            for problem in problems {
                let _ = writeln!(text, "{}", line(&file, problem));
            }
            invocation.terminal.data(&text)?;
            invocation
                .terminal
                .say(&format!("{}: {}", one_line(&file), counts(problems)));
        }
    }
    Ok(if count(problems, Severity::Error) > 0 {
        2
    } else {
        0
    })
}

/// As compilers write it, so that editors can jump there.
fn line(file: &str, problem: &Problem) -> String {
    let color = match problem.severity {
        Severity::Error => AnsiColor::Red,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Notice => AnsiColor::Cyan,
    };
    let severity = paint(color, &format!("{}:", problem.severity));
    let Problem {
        line,
        column,
        path,
        message,
        ..
    } = problem;
    format!(
        "{}:{line}:{column}: {severity} {}: {}",
        one_line(file),
        one_line(path),
        one_line(message)
    )
}

fn counts(problems: &[Problem]) -> String {
    if problems.is_empty() {
        return "no problems".to_owned();
    }
    let counted = [Severity::Error, Severity::Warning, Severity::Notice].map(|severity| {
        let count = count(problems, severity);
        let ending = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} {severity}{ending}"))
    });
    counted.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn count(problems: &[Problem], severity: Severity) -> usize {
    problems.iter().filter(|it| it.severity == severity).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyfob_core::config::Config;
    use keyfob_core::environment::Environment;

    #[test]
    fn problems_are_written_as_compilers_write_them_and_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.yaml");
        std::fs::write(
            &path,
            "auth:\n  identities:\n    dev: { kind: aws/usr, sessin: 1 }\n",
        )
        .expect("written");
        let home = folder.path().to_str().expect("UTF-8");
        let environment = Environment::of([("HOME", home), ("USERPROFILE", home)]);
        let config = Config::load(&path, &environment).expect("a configuration with problems");
        let text: Vec<String> = config
            .problems()
            .iter()
            .map(|it| line("a.yaml", it))
            .collect();
        let text = anstream::adapter::strip_str(&text.join("\n")).to_string();
        assert!(
            text.contains("a.yaml:3:18: error: auth.identities.dev.kind: "),
            "{text}"
        );
        assert_eq!(counts(config.problems()), "1 error");
        assert_eq!(counts(&[]), "no problems");
    }
}
