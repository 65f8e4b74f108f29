//! `fob exec` and `fob shell`: sign in, then run the command with credentials that renew
//! themselves, and end as it ends. They are served to it over loopback by this process; with
//! `--profile` this process becomes the command instead.

mod child;
mod endpoint;
mod folder;
mod hosted;
mod prompt;
mod source;

pub use child::wait;

use crate::args::{ChildCredentials, ExecArgs, ShellArgs};
use crate::conversation::Conversation;
use crate::conversation::expect_reply;
use crate::interrupt::{self, PassedOn, Termination};
use crate::invocation::Invocation;
use crate::sign_in::sign_in_when_due;
use crate::stop::Stop;
use hosted::Hosted;
use keyfob_core::agent::api::{Request, SessionRequest, SignedIn, VariablesForm};
use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error};
use keyfob_core::program;
use source::{AskingChild, credentials_source};
use std::ffi::OsString;
use std::io;
use std::process::Command;
use std::sync::Arc;

pub const NOT_FOUND: i32 = 127;
pub const NOT_EXECUTABLE: i32 = 126;

pub fn exec(invocation: &Invocation, args: &ExecArgs) -> Result<i32, Stop> {
    let mut command = command(invocation, &args.command)?;
    let (signed_in, mut conversation) =
        sign_in(invocation, args.named.name.as_deref(), &args.with)?;
    prepare(
        &mut command,
        &mut conversation,
        &signed_in,
        args.with.form(),
    )?;
    if args.with.profile {
        return Ok(replace_by(invocation, command));
    }
    // From here on something has to be cleared away: Ctrl+C no longer ends the program on the spot.
    interrupt::leave_to_the_child();
    let served = serve(invocation, conversation, &signed_in, &mut command)?;
    run(invocation, command, Some(&served), Termination::Same)
}

/// The program and its arguments.
pub fn command(invocation: &Invocation, words: &[OsString]) -> Result<Command, Stop> {
    let [program, arguments @ ..] = words else {
        return Err(Error::new(Code::Usage, "no command to run was given").into());
    };
    let environment = &invocation.environment;
    let path = environment.raw("PATH").unwrap_or_default();
    let mut command = Command::new(program::file(program, path, environment));
    command.args(arguments);
    Ok(command)
}

/// This process becomes the command, or waits for it; the exit code.
pub fn replace_by(invocation: &Invocation, mut command: Command) -> i32 {
    match replace(&mut command) {
        Ok(code) => code,
        Err(cause) => not_started(invocation, command.get_program(), &cause),
    }
}

pub fn shell(invocation: &Invocation, args: &ShellArgs) -> Result<i32, Stop> {
    let (signed_in, mut conversation) =
        sign_in(invocation, args.named.name.as_deref(), &args.with)?;
    invocation.terminal.say(&format!(
        "Opening a shell for {}; `exit` leaves it",
        signed_in.identity
    ));
    let mut command = Command::new(usual_shell(&invocation.environment));
    prepare(
        &mut command,
        &mut conversation,
        &signed_in,
        args.with.form(),
    )?;
    interrupt::leave_to_the_child();
    let environment = &invocation.environment;
    let _start_files = prompt::show_identity(&mut command, &signed_in.identity, environment)?;
    let served = if args.with.profile {
        None
    } else {
        Some(serve(invocation, conversation, &signed_in, &mut command)?)
    };
    run(invocation, command, served.as_ref(), Termination::HangUp)
}

pub fn usual_shell(environment: &Environment) -> OsString {
    let (name, fallback) = if cfg!(windows) {
        ("COMSPEC", "cmd.exe")
    } else {
        ("SHELL", "/bin/sh")
    };
    environment
        .raw(name)
        .filter(|shell| !shell.is_empty())
        .map_or_else(|| fallback.into(), OsString::from)
}

/// Prints why a command could not be started; the exit code says it too, as with shells.
pub fn not_started(invocation: &Invocation, program: &std::ffi::OsStr, cause: &io::Error) -> i32 {
    let name = program.to_string_lossy();
    let (code, message) = match cause.kind() {
        io::ErrorKind::NotFound => (NOT_FOUND, format!("{name}: not found")),
        _ => (NOT_EXECUTABLE, format!("{name}: {cause}")),
    };
    invocation
        .terminal
        .fail(&Error::new(Code::ProcessFailed, message));
    code
}

impl ChildCredentials {
    fn form(&self) -> VariablesForm {
        if self.profile {
            VariablesForm::Profile
        } else {
            VariablesForm::Endpoint
        }
    }
}

fn sign_in(
    invocation: &Invocation,
    named: Option<&str>,
    with: &ChildCredentials,
) -> Result<(SignedIn, Conversation), Stop> {
    let (identity, mut conversation) = invocation.about(named, invocation.person)?;
    let browser = invocation.environment.browser();
    let signed_in = sign_in_when_due(&mut conversation, &identity, with.duration, browser)?;
    Ok((signed_in, conversation))
}

/// Gives the command its variables.
fn prepare(
    command: &mut Command,
    conversation: &mut Conversation,
    signed_in: &SignedIn,
    form: VariablesForm,
) -> Result<(), Stop> {
    let request = Request::Session(SessionRequest::Variables {
        identity: signed_in.identity.clone(),
        form,
    });
    let variables = expect_reply!(conversation.ask(request, None)?, Variables)?;
    for name in variables.remove.iter().chain(&variables.withheld) {
        command.env_remove(name);
    }
    for variable in &variables.set {
        command.env(&variable.name, variable.value.expose());
    }
    Ok(())
}

/// Credentials served to a command for as long as this lives.
struct ServedCredentials {
    caller: Arc<AskingChild>,
    hosted: Hosted,
}

fn serve(
    invocation: &Invocation,
    conversation: Conversation,
    signed_in: &SignedIn,
    command: &mut Command,
) -> Result<ServedCredentials, Stop> {
    let caller = Arc::new(AskingChild::to_be(command.get_program()));
    let (client, runtime) = conversation.into_async()?;
    let source = credentials_source(client, signed_in.identity.clone(), caller.clone());
    let hosted = Hosted::open(invocation, signed_in, runtime, source)?;
    hosted.point_to(command);
    Ok(ServedCredentials { caller, hosted })
}

/// Starts the command and waits for it.
fn run(
    invocation: &Invocation,
    mut command: Command,
    served: Option<&ServedCredentials>,
    termination: Termination,
) -> Result<i32, Stop> {
    if interrupt::happened() {
        return Err(Stop::Interrupted);
    }
    let passed_on = PassedOn::begin(termination);
    let started = match served {
        Some(served) => served.hosted.start(&mut command),
        None => command.spawn(),
    };
    let running = match started {
        Ok(running) => running,
        Err(cause) => return Ok(not_started(invocation, command.get_program(), &cause)),
    };
    passed_on.to(&running);
    if let Some(served) = served {
        served.caller.is(&running);
    }
    Ok(wait(running)?)
}

/// Returns only with an error.
#[cfg(unix)]
fn replace(command: &mut Command) -> io::Result<i32> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
}

/// Windows cannot replace a process: it waits, and Ctrl+C is the child's.
#[cfg(not(unix))]
fn replace(command: &mut Command) -> io::Result<i32> {
    interrupt::leave_to_the_child();
    command.status().map(child::exit_code)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_shell_is_the_users_own_or_sh() {
        assert_eq!(
            usual_shell(&Environment::of([("SHELL", "/bin/zsh")])),
            "/bin/zsh"
        );
        assert_eq!(usual_shell(&Environment::of([("SHELL", "")])), "/bin/sh");
        assert_eq!(usual_shell(&Environment::default()), "/bin/sh");
    }
}
