//! `fob logout`: what is meant, whether it is really meant, and then what was removed.

use crate::args::Logout;
use crate::conversation::Conversation;
use crate::expect_reply;
use crate::invocation::Invocation;
use crate::prompt::{self, Unanswered};
use crate::render;
use crate::stop::Stop;
use crate::terminal::{Shape, print_json};
use keyfob_core::agent::api::{
    self, Depth, LongLivedKeys, Maintain, Mode, Person, Report, Request, Target,
};
use keyfob_core::clock::Clock;
use keyfob_core::config::Config;
use keyfob_core::error::{Code, Error};

const EVERYTHING: &str = "All identities (complete logout)";

pub fn logout(invocation: &Invocation, args: &Logout) -> Result<u8, Stop> {
    let config = invocation.config()?;
    let target = target(invocation, args, &config)?;
    let long_lived_keys = if args.keychain {
        LongLivedKeys::Remove
    } else {
        LongLivedKeys::Keep
    };
    let needs_a_word = args.keychain || target == Target::All;
    let mut conversation = invocation.conversation(config);
    let mut ask = |mode| {
        let request = Request::Maintain(Maintain::Logout(api::Logout {
            target: target.clone(),
            long_lived_keys,
            mode,
        }));
        removed(&mut conversation, request, busy(invocation, "Logging out"))
    };
    if args.dry_run {
        return show(invocation, &ask(Mode::DryRun)?);
    }
    if needs_a_word && !args.yes {
        let what = if args.keychain { "--keychain" } else { "--all" };
        confirm(invocation, what, || ask(Mode::DryRun))?;
    }
    show(invocation, &ask(Mode::Run)?)
}

pub fn removed(
    conversation: &mut Conversation,
    request: Request,
    doing: Option<&str>,
) -> Result<Report, Stop> {
    expect_reply!(conversation.ask(request, doing)?, Removed)
}

/// A spinner for somebody who waits; elsewhere the steps say enough.
pub fn busy<'a>(invocation: &Invocation, doing: &'a str) -> Option<&'a str> {
    match invocation.person {
        Person::Present => Some(doing),
        Person::Absent => None,
    }
}

/// Shows what would be removed and asks. Returns only when it is meant.
pub fn confirm(
    invocation: &Invocation,
    what: &str,
    dry_run: impl FnOnce() -> Result<Report, Stop>,
) -> Result<(), Stop> {
    match invocation.person {
        Person::Absent => Err(Error::new(
            Code::PersonNeeded,
            format!("{what} removes more than one sign-in; is it meant?"),
        )
        .hint("add --yes where nobody can be asked; --dry-run lists what would be removed")
        .into()),
        Person::Present => {
            let report = dry_run()?;
            for line in render::told(&report, Clock::system().now()).lines {
                invocation.terminal.insist(&line);
            }
            match prompt::confirm("Remove all of this?", invocation.terminal) {
                Ok(true) => Ok(()),
                Ok(false) | Err(Unanswered::Closed) => {
                    Err(Error::new(Code::Cancelled, "not confirmed: nothing was changed").into())
                }
                Err(Unanswered::Interrupted) => Err(Stop::Interrupted),
                Err(Unanswered::Failed(error)) => Err(error.into()),
            }
        }
    }
}

/// A dry run is data; what was done is told to people.
pub fn show(invocation: &Invocation, report: &Report) -> Result<u8, Stop> {
    let terminal = invocation.terminal;
    if terminal.shape == Shape::Json {
        print_json(&render::RemovalsJson::of(report))?;
        return Ok(report.exit_code());
    }
    let render::Told { lines, failures } = render::told(report, Clock::system().now());
    for line in &lines {
        match report.mode {
            Mode::DryRun => terminal.data(&format!("{line}\n"))?,
            Mode::Run => terminal.say(line),
        }
    }
    if !failures.is_empty() {
        terminal.insist("Errors encountered:");
    }
    for line in &failures {
        terminal.insist(line);
    }
    if let (Some(error), 1..) = (report.error(), report.exit_code()) {
        terminal.fail(&error);
    }
    Ok(report.exit_code())
}

/// Never from FOB_IDENTITY or the default: signing out of something else than was meant is worse
/// than a question.
fn target(invocation: &Invocation, args: &Logout, config: &Config) -> Result<Target, Stop> {
    let depth = if args.keep_provider {
        Depth::Own
    } else {
        Depth::Chain
    };
    if args.all {
        return Ok(Target::All);
    }
    if let Some(name) = &args.provider {
        return Ok(Target::Provider(config.provider(name)?.name.to_string()));
    }
    if let Some(name) = args
        .named
        .name
        .as_deref()
        .or(invocation.identity.as_deref())
    {
        return Ok(Target::Identity {
            name: config.identity(name)?.name.to_string(),
            depth,
        });
    }
    match invocation.person {
        Person::Absent => Err(nothing_named(config).into()),
        Person::Present => {
            let choices = choices(config, depth);
            let shown = choices.iter().map(|(line, _)| line.clone()).collect();
            let chosen = match prompt::select("Log out from:", shown, invocation.terminal) {
                Ok(line) => line,
                Err(Unanswered::Interrupted) => return Err(Stop::Interrupted),
                Err(Unanswered::Closed) => {
                    return Err(Error::new(Code::Cancelled, "nothing was chosen").into());
                }
                Err(Unanswered::Failed(_)) => return Err(nothing_named(config).into()),
            };
            let target = choices
                .into_iter()
                .find(|(line, _)| *line == chosen)
                .map(|(_, target)| target);
            target.ok_or_else(|| nothing_named(config).into())
        }
    }
}

fn choices(config: &Config, depth: Depth) -> Vec<(String, Target)> {
    let usable = || {
        config
            .identities()
            .iter()
            .filter(|identity| identity.is_supported)
    };
    let mut choices: Vec<(String, Target)> = usable()
        .map(|it| {
            (
                format!("Identity: {}", it.name),
                Target::Identity {
                    name: it.name.to_string(),
                    depth,
                },
            )
        })
        .collect();
    if depth == Depth::Own {
        return choices;
    }
    let mut providers: Vec<String> = Vec::new();
    for name in usable().filter_map(|identity| identity.provider.as_ref()) {
        if !providers.iter().any(|known| known == name.as_str()) {
            providers.push(name.to_string());
        }
    }
    choices.extend(providers.into_iter().map(|name| {
        (
            format!("Provider: {name} (removes all identities)"),
            Target::Provider(name),
        )
    }));
    choices.push((EVERYTHING.to_owned(), Target::All));
    choices
}

fn nothing_named(config: &Config) -> Error {
    let mut names: Vec<&str> = config
        .identities()
        .iter()
        .map(|identity| identity.name.as_str())
        .collect();
    names.sort_unstable();
    Error::new(
        Code::PersonNeeded,
        "what shall be logged out from: an identity, --provider NAME, or --all",
    )
    .hint(format!("identities: {}", names.join(", ")))
    .hint("FOB_IDENTITY and `default: true` do not count here")
}
