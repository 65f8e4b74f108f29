//! `fob init`: a first configuration, made by asking, identity by identity.

use crate::conversation::{runtime, this_program};
use crate::invocation::Invocation;
use crate::line::{Field, Shown};
use crate::prompt::{self, Unanswered};
use crate::stop::Stop;
use keyfob_core::agent::api::{Note, Person};
use keyfob_core::agent::edits;
use keyfob_core::config::{Change, ImportSource, Importable, NewIdentity, NewKind, importable};
use keyfob_core::error::{Code, Error};
use keyfob_core::view::form;
use std::fmt::{self, Display, Formatter};
use std::path::Path;

/// What can be added next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Addition {
    Identity(IdentityChoice),
    Profiles { count: usize },
    Nothing,
}

/// A kind of identity, as a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IdentityChoice {
    User,
    Role,
    Process,
    Ambient,
}

impl Display for Addition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Addition::Identity(IdentityChoice::User) => "An IAM user with an access key",
            Addition::Identity(IdentityChoice::Role) => "A role",
            Addition::Identity(IdentityChoice::Process) => "A program that prints credentials",
            Addition::Identity(IdentityChoice::Ambient) => {
                "The role of this machine (EC2, ECS, EKS)"
            }
            Addition::Profiles { count: 1 } => "The profile in ~/.aws",
            Addition::Profiles { count } => return write!(f, "Profiles in ~/.aws ({count} found)"),
            Addition::Nothing => "Nothing more",
        })
    }
}

/// A profile of `~/.aws`, as a choice.
struct Profile(Importable);

impl Display for Profile {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0.profile, self.0.what)
    }
}

pub fn init(invocation: &Invocation) -> Result<u8, Stop> {
    let path = invocation.config_place()?;
    if std::fs::symlink_metadata(&path).is_ok() {
        let message = format!("there is a configuration already: {}", path.display());
        return Err(Error::new(Code::Usage, message)
            .hint("add identities to that file; `fob validate` checks it")
            .hint("`--config PATH` makes another one")
            .into());
    }
    if invocation.person == Person::Absent {
        return Err(Error::new(
            Code::PersonNeeded,
            "`fob init` asks what to write, and there is no terminal to ask on",
        )
        .hint(format!(
            "write `auth: {{identities: {{dev: {{kind: aws/user, default: true}}}}}}` to {}",
            path.display()
        ))
        .into());
    }
    let mut profiles = importable(&invocation.environment, ImportSource::Aws)?;
    let mut made: Vec<String> = Vec::new();
    loop {
        let possible = profiles.iter().filter(|it| it.obstacle.is_none());
        match next(invocation, &made, possible.count())? {
            Addition::Nothing => break,
            Addition::Profiles { .. } => {
                let found = std::mem::take(&mut profiles);
                made.extend(import(invocation, &path, found)?);
            }
            Addition::Identity(kind) => {
                let new = identity(invocation, kind, &made)?;
                let name = new.name.clone();
                // Such as a name that is taken: the form comes again.
                let changes = [Change::AddIdentity(new)];
                let written = edits::change_file(&path, &invocation.environment, &changes);
                match runtime()?.block_on(written) {
                    Ok(()) => made.push(name),
                    Err(error) => invocation.terminal.fail(&error),
                }
            }
        }
    }
    finish(invocation, &path, &made)
}

fn next(invocation: &Invocation, made: &[String], profiles: usize) -> Result<Addition, Stop> {
    let mut choices = vec![Addition::Identity(IdentityChoice::User)];
    if profiles > 0 {
        choices.push(Addition::Profiles { count: profiles });
    }
    if !made.is_empty() {
        choices.push(Addition::Identity(IdentityChoice::Role));
    }
    let others = [IdentityChoice::Process, IdentityChoice::Ambient];
    choices.extend(others.map(Addition::Identity));
    let question = if made.is_empty() {
        "What do you sign in with?"
    } else {
        choices.insert(0, Addition::Nothing);
        "What else?"
    };
    match prompt::select(question, choices, invocation.terminal) {
        Err(Unanswered::Closed) if !made.is_empty() => Ok(Addition::Nothing),
        answer => answer.map_err(closed),
    }
}

fn identity(
    invocation: &Invocation,
    kind: IdentityChoice,
    made: &[String],
) -> Result<NewIdentity, Stop> {
    let ask = |question, help, check| ask(invocation, question, help, check);
    let name = ask(
        "Name of the identity:",
        "such as dev; it is what you type after `fob login`",
        form::identity_name,
    )?;
    let region = || {
        let help = "such as eu-central-1; empty for us-east-1";
        ask("Region:", help, form::region).map(|text| form::filled(&text))
    };
    let kind = match kind {
        IdentityChoice::User => NewKind::User {
            region: region()?,
            mfa_arn: form::filled(&ask(
                "MFA ARN (optional):",
                "arn:aws:iam::123456789012:mfa/kim, or empty if there is no MFA device",
                form::mfa_arn,
            )?),
        },
        IdentityChoice::Role => NewKind::AssumeRole {
            via: prompt::select("Assumed by:", made.to_vec(), invocation.terminal)
                .map_err(closed)?,
            role_arn: ask(
                "ARN of the role:",
                "arn:aws:iam::123456789012:role/deploy",
                form::role_arn,
            )?,
            external_id: None,
            session_name: None,
            region: region()?,
            duration: None,
        },
        IdentityChoice::Process => NewKind::Process {
            command: ask(
                "Command:",
                "prints credentials as JSON, as `credential_process` does",
                form::required,
            )?,
            region: region()?,
        },
        IdentityChoice::Ambient => NewKind::Ambient { region: region()? },
    };
    Ok(NewIdentity {
        name,
        is_default: made.is_empty(),
        kind,
        settings: Box::default(),
    })
}

fn ask(
    invocation: &Invocation,
    question: &str,
    help: &str,
    check: fn(&str) -> Result<(), String>,
) -> Result<String, Stop> {
    let field = Field {
        question,
        help,
        initial: "",
        address: None,
        shown: Shown::Plain,
        check,
        warning: |_| None,
    };
    let text = prompt::text(&field, invocation.terminal).map_err(closed)?;
    Ok(text.trim().to_owned())
}

/// The identities that were added.
fn import(
    invocation: &Invocation,
    path: &Path,
    found: Vec<Importable>,
) -> Result<Vec<String>, Stop> {
    let (possible, left_out): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|it| it.obstacle.is_none());
    for it in left_out {
        let why = it.obstacle.unwrap_or_default();
        let warning = format!("the profile {} cannot be imported: {why}", it.profile);
        invocation.terminal.note(&Note::Warning(warning));
    }
    for note in possible.iter().flat_map(|it| &it.notes) {
        invocation.terminal.note(&Note::Info(note.clone()));
    }
    let choices = possible.into_iter().map(Profile).collect();
    let chosen = prompt::select_several("Profiles to import:", choices, invocation.terminal)
        .map_err(closed)?;
    let names: Vec<String> = chosen.into_iter().map(|it| it.0.profile).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let caller = this_program(invocation.person);
    let environment = invocation.environment.clone();
    let import = edits::import_first(path, environment, &names, &caller);
    let imported = runtime()?.block_on(import)?;
    for note in &imported.notes {
        invocation.terminal.note(note);
    }
    Ok(imported.identities)
}

fn closed(unanswered: Unanswered) -> Stop {
    unanswered.stop("the form was closed; what was complete is written")
}

fn finish(invocation: &Invocation, path: &Path, made: &[String]) -> Result<u8, Stop> {
    let terminal = invocation.terminal;
    let Some(first) = made.first() else {
        return Err(Error::new(Code::Cancelled, "nothing was written").into());
    };
    terminal.say(&format!("Wrote {}", path.display()));
    terminal.say(&format!(
        "Next: `fob login {first}`; it asks for what is missing"
    ));
    Ok(0)
}
