//! `fob exec` and `fob shell`: sign in, then become the command, so that its signals and exit code are its own.

use crate::args::{ChildCredentials, Exec, Shell};
use crate::expect_reply;
use crate::invocation::Invocation;
use crate::sign_in::sign_in_when_due;
use crate::stop::Stop;
use keyfob_core::agent::api::{Request, Variables, VariablesForm};
use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error};
use std::ffi::OsString;
use std::io;
use std::process::Command;

pub const NOT_FOUND: u8 = 127;
pub const NOT_EXECUTABLE: u8 = 126;

pub fn exec(invocation: &Invocation, args: &Exec) -> Result<u8, Stop> {
    let [program, arguments @ ..] = args.command.as_slice() else {
        return Err(Error::new(Code::Usage, "there is no command to run").into());
    };
    let (_, variables) = variables(invocation, args.named.name.as_deref(), &args.with)?;
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(become_it(invocation, command, &variables))
}

pub fn shell(invocation: &Invocation, args: &Shell) -> Result<u8, Stop> {
    let (identity, variables) = variables(invocation, args.named.name.as_deref(), &args.with)?;
    invocation.terminal.say(&format!("A shell for {identity}; `exit` leaves it"));
    Ok(become_it(invocation, Command::new(usual_shell(&invocation.environment)), &variables))
}

pub fn usual_shell(environment: &Environment) -> OsString {
    let (name, fallback) = if cfg!(windows) { ("COMSPEC", "cmd.exe") } else { ("SHELL", "/bin/sh") };
    environment.raw(name).filter(|shell| !shell.is_empty()).map_or_else(|| fallback.into(), OsString::from)
}

/// Says why a command could not be started, in the exit code too, as shells do.
pub fn not_started(invocation: &Invocation, program: &std::ffi::OsStr, cause: &io::Error) -> u8 {
    let name = program.to_string_lossy();
    let (code, message) = match cause.kind() {
        io::ErrorKind::NotFound => (NOT_FOUND, format!("{name}: not found")),
        _ => (NOT_EXECUTABLE, format!("{name}: {cause}")),
    };
    invocation.terminal.fail(&Error::new(Code::ProcessFailed, message));
    code
}

fn variables(
    invocation: &Invocation,
    named: Option<&str>,
    with: &ChildCredentials,
) -> Result<(String, Variables), Stop> {
    let (identity, mut conversation) = invocation.about(named, invocation.person)?;
    sign_in_when_due(&mut conversation, &identity, with.duration)?;
    let request = Request::Variables { identity: identity.clone(), form: VariablesForm::Profile };
    let variables = expect_reply!(conversation.ask(request, None)?, Variables)?;
    Ok((identity, variables))
}

fn become_it(invocation: &Invocation, mut command: Command, variables: &Variables) -> u8 {
    for name in &variables.remove {
        command.env_remove(name);
    }
    for variable in &variables.set {
        command.env(&variable.name, variable.value.expose());
    }
    match replace(&mut command) {
        Ok(code) => code,
        Err(cause) => not_started(invocation, command.get_program(), &cause),
    }
}

/// Returns only with an error.
#[cfg(unix)]
fn replace(command: &mut Command) -> io::Result<u8> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
}

/// Windows cannot replace a process: it waits, and Ctrl+C is the child's.
#[cfg(not(unix))]
fn replace(command: &mut Command) -> io::Result<u8> {
    crate::interrupt::leave_to_the_child();
    let status = command.status()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_shell_is_the_users_own_or_sh() {
        assert_eq!(usual_shell(&Environment::of([("SHELL", "/bin/zsh")])), "/bin/zsh");
        assert_eq!(usual_shell(&Environment::of([("SHELL", "")])), "/bin/sh");
        assert_eq!(usual_shell(&Environment::default()), "/bin/sh");
    }
}
