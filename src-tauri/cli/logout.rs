//! `fob logout`: the target, its confirmation, and the report of what was removed.

use crate::args::LogoutArgs;
use crate::conversation::Conversation;
use crate::conversation::expect_reply;
use crate::invocation::Invocation;
use crate::prompt::{self, Unanswered};
use crate::render::{RemovalsJson, RemovalsText};
use crate::stop::Stop;
use crate::terminal::{Shape, print_json};
use keyfob_core::agent::api::{
    self, Depth, LongLivedKeys, Maintain, Mode, Person, Report, Request, Target,
};
use keyfob_core::clock::Clock;
use keyfob_core::config::Config;
use keyfob_core::error::{Code, Error};
use keyfob_core::ids::ProviderName;
use std::fmt::{self, Display, Formatter};

pub fn logout(invocation: &Invocation, args: &LogoutArgs) -> Result<u8, Stop> {
    let config = invocation.config()?;
    let target = target(invocation, args, &config)?;
    let long_lived_keys = if args.keychain {
        LongLivedKeys::Remove
    } else {
        LongLivedKeys::Keep
    };
    let needs_confirmation = args.keychain || target == Target::All;
    let mut conversation = invocation.conversation(config)?;
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
    if needs_confirmation && !args.yes {
        let question = if args.keychain {
            Confirmation::KEYCHAIN
        } else {
            Confirmation::ALL
        };
        confirm(invocation, question, || ask(Mode::DryRun))?;
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

/// A spinner on a terminal; elsewhere the steps say enough.
pub fn busy<'a>(invocation: &Invocation, doing: &'a str) -> Option<&'a str> {
    match invocation.person {
        Person::Present => Some(doing),
        Person::Absent => None,
    }
}

/// A question about what is hard to get back.
#[derive(Clone, Copy, Debug)]
pub struct Confirmation {
    /// Without a person to confirm it.
    why: &'static str,
    question: &'static str,
}

impl Confirmation {
    const ALL: Confirmation = Confirmation {
        why: "--all removes more than one sign-in and needs to be confirmed",
        question: "Remove all of this?",
    };
    pub const KEYCHAIN: Confirmation = Confirmation {
        why: "--keychain removes access keys, which AWS does not show again, and needs to be \
            confirmed",
        question: "Remove all of this, with the access keys? AWS does not show them again.",
    };
}

const UNCONFIRMED: &str = "not confirmed: nothing was changed";

/// Shows what would be removed and asks for confirmation, which any other answer lacks. Nothing to
/// remove is nothing to ask about.
pub fn confirm(
    invocation: &Invocation,
    confirmation: Confirmation,
    dry_run: impl FnOnce() -> Result<Report, Stop>,
) -> Result<(), Stop> {
    match invocation.person {
        Person::Absent => Err(Error::new(Code::PersonNeeded, confirmation.why)
            .hint("add --yes to confirm; --dry-run lists what would be removed")
            .into()),
        Person::Present => {
            let report = dry_run()?;
            if !RemovalsText::removes_something(&report) {
                return Ok(());
            }
            for line in RemovalsText::of(&report, Clock::system().now()).lines {
                invocation.terminal.insist(&line);
            }
            match prompt::confirm(confirmation.question, invocation.terminal) {
                Ok(true) => Ok(()),
                Ok(false) => Err(Unanswered::Closed.stop(UNCONFIRMED)),
                Err(unanswered) => Err(unanswered.stop(UNCONFIRMED)),
            }
        }
    }
}

/// A dry run is data; the report of a real run is for people.
pub fn show(invocation: &Invocation, report: &Report) -> Result<u8, Stop> {
    let terminal = invocation.terminal;
    if terminal.shape == Shape::Json {
        print_json(&RemovalsJson::of(report))?;
        return Ok(report.exit_code());
    }
    let RemovalsText { lines, failures } = RemovalsText::of(report, Clock::system().now());
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

/// Never from FOB_IDENTITY or the default: signing out of the wrong identity is worse than a
/// question.
fn target(invocation: &Invocation, args: &LogoutArgs, config: &Config) -> Result<Target, Stop> {
    let depth = if args.keep_provider {
        Depth::Own
    } else {
        Depth::Chain
    };
    if args.all {
        return Ok(Target::All);
    }
    if let Some(name) = &args.provider {
        let provider = config.provider(name).map_err(or_choose)?;
        return Ok(Target::Provider(provider.name.to_string()));
    }
    if let Some(name) = args
        .named
        .name
        .as_deref()
        .or(invocation.identity.as_deref())
    {
        let identity = config.identity(name).map_err(or_choose)?;
        return Ok(Target::Identity {
            name: identity.name.to_string(),
            depth,
        });
    }
    match invocation.person {
        Person::Absent => Err(nothing_named(config).into()),
        Person::Present => {
            match prompt::select("Log out from:", choices(config, depth), invocation.terminal) {
                Ok(choice) => Ok(choice.target),
                Err(Unanswered::Failed(_)) => Err(nothing_named(config).into()),
                Err(unanswered) => Err(unanswered.stop("nothing was selected")),
            }
        }
    }
}

fn or_choose(error: Error) -> Error {
    error.hint("`fob logout` without a name lets you choose")
}

/// A line of the selector.
struct LogoutChoice {
    line: String,
    target: Target,
}

impl Display for LogoutChoice {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

fn choices(config: &Config, depth: Depth) -> Vec<LogoutChoice> {
    let supported = || config.identities().iter().filter(|it| it.is_supported);
    let identities = supported().map(|it| LogoutChoice {
        line: format!("Identity: {}", it.name),
        target: Target::Identity {
            name: it.name.to_string(),
            depth,
        },
    });
    let mut choices: Vec<LogoutChoice> = identities.collect();
    if depth == Depth::Own {
        return choices;
    }
    let mut providers: Vec<&ProviderName> = Vec::new();
    for name in supported().filter_map(|it| it.provider.as_ref()) {
        if !providers.contains(&name) {
            providers.push(name);
        }
    }
    choices.extend(providers.into_iter().map(|name| LogoutChoice {
        line: format!("Provider: {name} (removes all identities)"),
        target: Target::Provider(name.to_string()),
    }));
    choices.push(LogoutChoice {
        line: "All identities (complete logout)".to_owned(),
        target: Target::All,
    });
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
        "specify what to log out from: an identity, --provider NAME or --all",
    )
    .hint(format!("identities: {}", names.join(", ")))
    .hint("FOB_IDENTITY and `default: true` are ignored by `fob logout`")
}
