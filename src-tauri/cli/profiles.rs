//! `fob profiles`: entries in `~/.aws/config`, for any terminal and editor.

use crate::conversation::runtime;
use crate::file_args::{ProfilesArgs, ProfilesCommand};
use crate::invocation::Invocation;
use crate::stop::Stop;
use crate::terminal::{Shape, one_line, paint, print_json};
use crate::trust_question;
use clap::builder::styling::AnsiColor;
use keyfob_core::agent::api::{Mode, Person, ProfileOutcome, ProfileResult};
use keyfob_core::agent::shared_profiles::{self, ProfilesReport};

pub fn profiles(invocation: &Invocation, command: &ProfilesCommand) -> Result<u8, Stop> {
    let environment = &invocation.environment;
    let report = match command {
        ProfilesCommand::Write(args) => {
            let config = invocation.config()?;
            if invocation.person == Person::Present {
                trust_question::ask(&config, environment, invocation.terminal)?;
            }
            let (only, mode) = chosen(invocation, args);
            runtime()?.block_on(shared_profiles::write(&config, environment, only, mode))?
        }
        ProfilesCommand::Remove(args) => {
            let configuration = invocation.config_place()?;
            let (only, mode) = chosen(invocation, args);
            let removed = shared_profiles::remove(&configuration, environment, only, mode);
            runtime()?.block_on(removed)?
        }
    };
    show(invocation, &report)
}

/// Never from FOB_IDENTITY or the default: without a name it is about all of them.
fn chosen<'a>(invocation: &'a Invocation, args: &'a ProfilesArgs) -> (Option<&'a str>, Mode) {
    let named = args.name.as_deref();
    let mode = if args.dry_run {
        Mode::DryRun
    } else {
        Mode::Run
    };
    (named.or(invocation.identity.as_deref()), mode)
}

fn show(invocation: &Invocation, report: &ProfilesReport) -> Result<u8, Stop> {
    let terminal = invocation.terminal;
    if terminal.shape == Shape::Json {
        print_json(report)?;
        return Ok(report.exit_code());
    }
    let (done, left): (Vec<_>, Vec<_>) = report.profiles.iter().partition(|it| it.result.is_done());
    for it in left {
        let why = it.detail.as_deref().unwrap_or_default();
        terminal.warn(&format!("{} is left as it is: {why}", it.name));
    }
    let path = one_line(&report.path.display().to_string());
    terminal.say(&if done.is_empty() {
        format!("Nothing to do in {path}")
    } else {
        format!("{path}:")
    });
    for it in &done {
        if report.dry_run {
            terminal.data(&format!("{}\n", line(it)))?;
        } else {
            terminal.say(&line(it));
        }
    }
    let mut written = done.iter().filter(|it| it.result == ProfileResult::Written);
    if let Some(ProfileOutcome { name, .. }) = written.next() {
        terminal.say(&format!(
            "In any terminal: AWS_PROFILE={name} aws sts get-caller-identity"
        ));
    }
    Ok(report.exit_code())
}

fn line(it: &ProfileOutcome) -> String {
    let (mark, what) = match it.result {
        ProfileResult::Written => ("✓", "written"),
        ProfileResult::WouldWrite => ("+", "would be written"),
        ProfileResult::Unchanged => ("✓", "is up to date"),
        ProfileResult::Removed => ("✓", "removed"),
        ProfileResult::WouldRemove => ("-", "would be removed"),
        ProfileResult::Absent => ("–", "was not written by Keyfob"),
        ProfileResult::Kept | ProfileResult::LeftOut => ("–", "is left as it is"),
    };
    let detail = it.detail.as_deref().map(one_line);
    let detail = detail.map_or_else(String::new, |it| format!(" ({it})"));
    let head = format!(
        "{} {} {what}{detail}",
        paint(AnsiColor::Green, mark),
        it.name
    );
    match (&it.lines, it.result) {
        (Some(lines), ProfileResult::WouldWrite) => {
            let lines = lines.lines().map(|line| format!("    {}", one_line(line)));
            [head]
                .into_iter()
                .chain(lines)
                .collect::<Vec<_>>()
                .join("\n")
        }
        (_, _) => head,
    }
}
