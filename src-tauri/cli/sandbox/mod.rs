//! `fob sandbox`: an AWS on loopback with a configuration, a keyring and state of its own, for as
//! long as a command or shell runs in it. Everything lives in one private folder that goes away at
//! the end.

pub mod args;
mod control;
mod running;

pub use control::with_faults;

use crate::exec::{not_started, usual_shell, wait};
use crate::interrupt::{self, PassedOn, Termination};
use crate::invocation::Invocation;
use crate::stop::Stop;
use args::SandboxArgs;
use keyfob_core::program;
use running::RunningSandbox;
use std::ffi::OsString;
use std::process::Command;

pub fn sandbox(invocation: &Invocation, args: &SandboxArgs) -> Result<i32, Stop> {
    match &args.control {
        Some(control) => control::control(invocation, control).map(i32::from),
        None => inside(invocation, &args.command),
    }
}

fn inside(invocation: &Invocation, command: &[OsString]) -> Result<i32, Stop> {
    // From here on something has to be cleared away: Ctrl+C no longer ends the program on the spot.
    interrupt::leave_to_the_child();
    let sandbox = RunningSandbox::open(invocation)?;
    if interrupt::happened() {
        return Err(Stop::Interrupted);
    }
    let mut child = if let [program, arguments @ ..] = command {
        let program = program::file(program, sandbox.path(), &invocation.environment);
        let mut child = Command::new(program);
        child.args(arguments);
        child
    } else {
        for line in sandbox.welcome() {
            invocation.terminal.say(&line);
        }
        Command::new(usual_shell(&invocation.environment))
    };
    let own = invocation.config();
    let passphrases = own.map(|config| config.passphrase_variables());
    for name in passphrases.iter().flatten() {
        child.env_remove(name);
    }
    for name in running::REMOVED {
        child.env_remove(name);
    }
    for (name, value) in sandbox.variables() {
        child.env(name, value);
    }
    let passed_on = PassedOn::begin(Termination::HangUp);
    let running = match child.spawn() {
        Ok(running) => running,
        Err(cause) => return Ok(not_started(invocation, child.get_program(), &cause)),
    };
    passed_on.to(&running);
    Ok(wait(running)?)
}
