//! `fob`, the command line: parse, build, run, exit code. It speaks to the agent's interface and to
//! nothing behind it; data goes to stdout, everything for people to stderr.

mod agent;
mod args;
mod audit;
mod choice;
mod clipboard;
mod completion;
mod console;
mod conversation;
mod credential_process;
#[path = "../desktop/mod.rs"]
mod desktop;
mod doctor;
mod echo;
mod env;
mod exec;
mod file_args;
mod help;
mod import;
mod init;
mod interrupt;
mod invocation;
mod isolated;
mod line;
mod logout;
mod profiles;
mod prompt;
mod rds;
mod rds_args;
mod render;
#[cfg(feature = "sandbox")]
mod sandbox;
mod sign_in;
mod stop;
mod terminal;
mod trust;
mod trust_question;
mod upkeep;
mod user;
mod validate;

use args::{AgentCommand, Command, CommandEntry, CommandLine, UserCommand};
use clap::CommandFactory;
use invocation::Invocation;
use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error};
use keyfob_core::hardening::{self, WipingAllocator};
use rds_args::RdsCommand;
use stop::{CTRL_C, Stop};
use terminal::{Loudness, Shape, Terminal};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator;

fn main() {
    hardening::harden_process();
    completion::answer(CommandLine::command);
    let code = match CommandLine::read() {
        Ok(command_line) => run(command_line),
        Err(error) => refuse(&error).into(),
    };
    // More than a byte on Windows.
    std::process::exit(code)
}

fn run(command_line: CommandLine) -> i32 {
    let verbose = command_line.global.verbose;
    let invocation = Invocation::new(&command_line.global, Environment::capture());
    log(verbose, invocation.terminal);
    let command = command_line.command.map(CommandEntry::command);
    // Those answer in milliseconds, and have nothing to clear away after Ctrl+C; they listen for it
    // where there is no agent that does.
    let is_quick = matches!(
        command,
        Some(Command::CredentialProcess(_) | Command::Rds(RdsCommand::Token(_)))
    );
    if !is_quick {
        interrupt::exit_on_ctrl_c();
    }
    let done = if command_line.help_errors {
        invocation.terminal.data(&help::errors()).map(|()| 0)
    } else {
        match &command {
            Some(command) => dispatch(&invocation, command),
            None => Err(Error::new(Code::Usage, "no command was given")
                .hint("`fob --help` lists the commands")
                .into()),
        }
    };
    done.unwrap_or_else(|stop| report(&stop, invocation.terminal).into())
}

/// Prints the failure, once, and gives the exit code.
fn report(stop: &Stop, terminal: Terminal) -> u8 {
    match stop {
        Stop::Failed(error) => {
            terminal.fail(error);
            error.exit_code()
        }
        Stop::Interrupted => {
            terminal.fail(&Error::new(Code::Cancelled, "interrupted"));
            CTRL_C
        }
        Stop::OutputClosed => 0,
    }
}

/// The exit code.
fn dispatch(invocation: &Invocation, command: &Command) -> Result<i32, Stop> {
    let done = match command {
        Command::Login(args) => sign_in::login(invocation, args),
        Command::Logout(args) => logout::logout(invocation, args),
        Command::Cleanup(args) => upkeep::cleanup(invocation, args),
        Command::Repair(args) => upkeep::repair(invocation, args),
        Command::Doctor(args) => doctor::doctor(invocation, args),
        Command::Whoami(args) => sign_in::whoami(invocation, args),
        Command::List(args) => sign_in::list(invocation, args.format),
        Command::Init => init::init(invocation),
        Command::Import(args) => import::import(invocation, args),
        Command::Validate => validate::validate(invocation),
        Command::Trust(args) => trust::trust(invocation, args),
        Command::User(UserCommand::Configure(args)) => user::configure(invocation, args),
        Command::User(UserCommand::Rotate(args)) => user::rotate(invocation, args),
        Command::Env(args) => env::env(invocation, args),
        Command::Exec(args) => return exec::exec(invocation, args),
        Command::Shell(args) => return exec::shell(invocation, args),
        Command::CredentialProcess(args) => {
            credential_process::credential_process(invocation, args)
        }
        Command::Status => agent::status(invocation),
        Command::Agent(AgentCommand::Run(args)) => agent::run(invocation, args),
        Command::Agent(AgentCommand::Stop) => agent::stop(invocation),
        Command::Agent(AgentCommand::Status) => agent::agent_status(invocation),
        Command::Console(args) => console::console(invocation, args),
        Command::Rds(RdsCommand::Token(args)) => rds::token(invocation, args),
        Command::Rds(RdsCommand::List { format }) => rds::list(invocation, *format),
        Command::Rds(RdsCommand::Proxy(args)) => return rds::proxy(invocation, args),
        Command::Rds(RdsCommand::Exec(args)) => return rds::exec(invocation, args),
        Command::Profiles(command) => profiles::profiles(invocation, command),
        Command::Audit(args) => audit::audit(invocation, args),
        #[cfg(feature = "sandbox")]
        Command::Sandbox(args) => return sandbox::sandbox(invocation, args),
        Command::Completion { shell } => completion::print_script(shell),
    };
    done.map(i32::from)
}

/// clap's own answer: help and version on stdout, a mistake on stderr or, with `--json`, as an
/// object.
fn refuse(error: &clap::Error) -> u8 {
    let words = std::env::args_os().skip(1).take_while(|word| word != "--");
    if error.use_stderr() && words.into_iter().any(|word| word == "--json") {
        let text = error.render().to_string();
        // Missing arguments stand on lines of their own.
        let message = text
            .lines()
            .take_while(|line| !line.is_empty())
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(" ");
        let message = message.trim_start_matches("error: ");
        let terminal = Terminal::new(
            Shape::Json,
            Loudness::Normal,
            CommandLine::command().get_color(),
        );
        let error = Error::new(Code::Usage, message).hint("see `fob --help`");
        return report(&error.into(), terminal);
    }
    // A closed pipe is no reason to fail.
    let _ = error.print();
    u8::try_from(error.exit_code()).unwrap_or(2)
}

/// Only Keyfob's own records: those of the AWS SDK contain requests, and with them secrets.
fn log(verbose: u8, terminal: Terminal) {
    let level = match verbose {
        0 => return,
        1 => LevelFilter::INFO,
        2.. => LevelFilter::DEBUG,
    };
    let targets = Targets::new()
        .with_target("keyfob_core", level)
        .with_target("fob", level);
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(terminal.colors_stderr())
        .with_writer(std::io::stderr);
    tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .init();
}
