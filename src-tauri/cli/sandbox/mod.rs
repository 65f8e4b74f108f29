//! `fob sandbox`: an AWS on loopback with a configuration, a keyring and state of its own, for as
//! long as a command or shell runs in it. Everything lives in one private folder that goes away at
//! the end.

mod control;
mod premises;

use crate::exec::{not_started, usual_shell, wait};
use crate::interrupt::{self, Told};
use crate::invocation::Invocation;
use crate::stop::Stop;
use clap::Args;
use control::Control;
use premises::Premises;
use std::ffi::OsString;
use std::process::Command;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Sandbox {
    #[command(subcommand)]
    control: Option<Control>,
    /// The command to run inside [default: a shell]
    #[arg(last = true, value_name = "CMD", value_hint = clap::ValueHint::CommandWithArguments)]
    command: Vec<OsString>,
}

pub fn sandbox(invocation: &Invocation, args: &Sandbox) -> Result<u8, Stop> {
    match &args.control {
        Some(control) => control::control(invocation, control),
        None => inside(invocation, &args.command),
    }
}

fn inside(invocation: &Invocation, command: &[OsString]) -> Result<u8, Stop> {
    // From here on something has to be cleared away: Ctrl+C no longer ends the program on the spot.
    interrupt::leave_to_the_child();
    let premises = Premises::open(invocation)?;
    if interrupt::happened() {
        return Err(Stop::Interrupted);
    }
    let mut child = if let [program, arguments @ ..] = command {
        let mut child = Command::new(program);
        child.args(arguments);
        child
    } else {
        for line in premises.welcome() {
            invocation.terminal.say(&line);
        }
        Command::new(usual_shell(&invocation.environment))
    };
    for (name, value) in premises.variables() {
        child.env(name, value);
    }
    for name in premises::REMOVED {
        child.env_remove(name);
    }
    let running = match child.spawn() {
        Ok(running) => running,
        Err(cause) => return Ok(not_started(invocation, child.get_program(), &cause)),
    };
    interrupt::pass_on_to(&running, Told::HangUp);
    Ok(wait(running)?)
}
