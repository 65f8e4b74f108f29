//! The command line as clap reads it: flags and names, nothing of what they mean.

use crate::file_args::{ImportArgs, ProfilesCommand, TrustArgs};
use crate::rds_args::{RdsCommand, RdsTokenArgs};
use crate::{completion, help};
use clap::builder::Styles;
use clap::builder::styling::{AnsiColor, Effects};
use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCandidates;
use keyfob_core::agent::api::SessionDuration;
use keyfob_core::view::form;
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Debug, Parser)]
#[command(name = "fob", bin_name = "fob", version, styles = STYLES, about = "Signs in to AWS and provides programs with credentials")]
#[command(long_about = help::FOB, after_long_help = help::FOB_AFTER, arg_required_else_help = true)]
pub struct CommandLine {
    /// List all error codes with their meaning, and the exit codes
    #[arg(long)]
    pub help_errors: bool,
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Option<CommandEntry>,
}

impl CommandLine {
    /// The arguments of this process.
    pub fn read() -> Result<CommandLine, clap::Error> {
        CommandLine::of(&std::env::args_os().collect::<Vec<_>>())
    }

    fn of(words: &[OsString]) -> Result<CommandLine, clap::Error> {
        match CommandLine::of_a_program(words) {
            Some(line) => Ok(line),
            None => CommandLine::try_parse_from(words),
        }
    }

    /// The lines that programs run over and over, of profiles and for tokens: clap takes longer to
    /// set up every command than the agent to answer. Anything else is clap's.
    fn of_a_program(words: &[OsString]) -> Option<CommandLine> {
        let (config, words) = match words {
            [_, flag, path, words @ ..] if flag == "--config" => (Some(plain(path)?), words),
            [_, words @ ..] => (None, words),
            [] => return None,
        };
        let command = match words {
            [command, name] if command == "credential-process" => {
                Command::CredentialProcess(CredentialProcessArgs {
                    name: plain(name)?.to_owned(),
                    wait: WAIT_SECONDS,
                })
            }
            [rds, token, name] if rds == "rds" && token == "token" => {
                Command::Rds(RdsCommand::Token(RdsTokenArgs::of(plain(name)?)))
            }
            _ => return None,
        };
        let global = GlobalArgs {
            config: config.map(PathBuf::from),
            identity: None,
            json: false,
            no_input: false,
            no_agent: false,
            verbose: 0,
            quiet: false,
            color: ColorChoice::Auto,
        };
        Some(CommandLine {
            help_errors: false,
            global,
            command: Some(CommandEntry::Direct(command)),
        })
    }
}

/// A word that is a value wherever it stands.
fn plain(word: &OsString) -> Option<&str> {
    word.to_str()
        .filter(|word| !word.is_empty() && !word.starts_with('-'))
}

/// For a sign-in in progress in another process.
const WAIT_SECONDS: u32 = 18;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[command(next_help_heading = "GlobalArgs options")]
pub struct GlobalArgs {
    /// The configuration file [default: FOB_CONFIG, else your own]
    #[arg(long, global = true, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// The identity, same as the positional argument [default: FOB_IDENTITY, else the one with
    /// `default: true`]
    #[arg(short, long, global = true, value_name = "NAME", add = ArgValueCandidates::new(completion::identities))]
    pub identity: Option<String>,
    /// Print one JSON object instead of text, also for errors
    #[arg(long, global = true)]
    pub json: bool,
    /// Never prompt; fail with exit code 3 where input is needed
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Do not use a running agent
    #[arg(long, global = true)]
    pub no_agent: bool,
    /// Log what is done; -vv logs more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Print only errors and warnings
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// When to use color
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub color: ColorChoice,
}

/// `fob auth X` is `fob X`.
#[derive(Debug, Subcommand)]
pub enum CommandEntry {
    #[command(flatten)]
    Direct(Command),
    /// The same commands, as `fob auth`
    #[command(hide = true)]
    Auth {
        #[command(subcommand)]
        command: Command,
    },
}

impl CommandEntry {
    pub fn command(self) -> Command {
        match self {
            CommandEntry::Direct(command) | CommandEntry::Auth { command } => command,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sign in
    #[command(after_long_help = help::LOGIN)]
    Login(LoginArgs),
    /// Sign out: remove sessions from the keyring and from files
    #[command(after_long_help = help::LOGOUT)]
    Logout(LogoutArgs),
    /// Remove expired sessions and leftovers of identities that are no longer configured
    #[command(after_long_help = help::CLEANUP)]
    Cleanup(CleanupArgs),
    /// Check what is stored for an identity, and fix what is safe to fix
    #[command(after_long_help = help::REPAIR)]
    Repair(RepairArgs),
    /// Check everything that may be wrong on this machine
    #[command(after_long_help = help::DOCTOR)]
    Doctor(DoctorArgs),
    /// Show the AWS principal of an identity, and when its session expires
    #[command(after_long_help = help::WHOAMI)]
    Whoami(WhoamiArgs),
    /// List identities by provider, with state and time left
    #[command(after_long_help = help::LIST)]
    List(ListArgs),
    /// Show the agent, sessions, upcoming refreshes, open prompts and recent callers
    #[command(after_long_help = help::STATUS)]
    Status,
    /// Run and control the agent without the tray app
    #[command(subcommand, after_long_help = help::AGENT)]
    Agent(AgentCommand),
    /// Write a first configuration by asking
    #[command(after_long_help = help::INIT)]
    Init,
    /// Import identities from another tool's files, which stay as they are
    #[command(after_long_help = help::IMPORT)]
    Import(ImportArgs),
    /// Report every problem in the configuration
    #[command(after_long_help = help::VALIDATE)]
    Validate,
    /// Trust a configuration that is not your own file, after showing what it does
    #[command(after_long_help = help::TRUST)]
    Trust(TrustArgs),
    /// Manage long-lived access keys
    #[command(subcommand)]
    User(UserCommand),
    /// Print environment variables for a shell, a file or a pipeline
    #[command(after_long_help = help::ENV)]
    Env(EnvArgs),
    /// Run a command with credentials that renew themselves
    #[command(after_long_help = help::EXEC)]
    Exec(ExecArgs),
    /// Open a shell with credentials that renew themselves
    #[command(after_long_help = help::SHELL)]
    Shell(ShellArgs),
    /// Answer the AWS SDKs' `credential_process`
    #[command(after_long_help = help::CREDENTIAL_PROCESS)]
    CredentialProcess(CredentialProcessArgs),
    /// Open the AWS console in the browser, signed in as an identity
    #[command(after_long_help = help::CONSOLE)]
    Console(ConsoleArgs),
    /// Sign in to RDS and Aurora databases
    #[command(subcommand)]
    Rds(RdsCommand),
    /// Write profiles into ~/.aws/config, so that AWS_PROFILE=NAME works in any terminal
    #[command(subcommand, after_long_help = help::PROFILES)]
    Profiles(ProfilesCommand),
    /// Show what was done with each identity, and by which program
    #[command(after_long_help = help::AUDIT, args_conflicts_with_subcommands = true)]
    Audit(AuditArgs),
    /// Try everything without an account, on a local imitation of AWS
    #[cfg(feature = "sandbox")]
    #[command(after_long_help = help::SANDBOX)]
    Sandbox(crate::sandbox::args::SandboxArgs),
    /// Print a shell completion script
    #[command(after_long_help = help::COMPLETION)]
    Completion {
        #[arg(value_parser = completion::SHELLS)]
        shell: String,
    },
}

/// The identity as a positional argument.
#[derive(Debug, Args)]
pub struct IdentityArgs {
    /// The identity
    #[arg(value_name = "IDENTITY", add = ArgValueCandidates::new(completion::identities))]
    pub name: Option<String>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct LoginArgs {
    #[command(flatten)]
    pub named: IdentityArgs,
    /// Sign in to every identity of this provider; `aws-user`: every IAM user
    #[arg(long, conflicts_with_all = ["name", "identity"], add = ArgValueCandidates::new(completion::providers))]
    pub provider: Option<String>,
    /// The session duration, such as 90m or 36h
    #[arg(long, value_name = "DURATION")]
    pub duration: Option<SessionDuration>,
    /// Make a new session even if the current one is still valid
    #[arg(long)]
    pub force: bool,
    /// Make every session of the chain anew
    #[arg(long, conflicts_with = "force")]
    pub force_all: bool,
    /// The six-digit MFA code, used if one is needed
    #[arg(long, value_name = "CODE", value_parser = six_digits)]
    pub mfa_code: Option<String>,
    /// Read an identity provider's assertion (SAML) from standard input
    #[arg(long)]
    pub assertion_stdin: bool,
    /// Open no browser: a sign-in that takes one goes by a code, entered on any device
    #[arg(long)]
    pub no_browser: bool,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct LogoutArgs {
    #[command(flatten)]
    pub named: IdentityArgs,
    /// Sign out of every identity of this provider; `aws-user`: every stand-alone identity
    #[arg(long, conflicts_with_all = ["name", "identity"], add = ArgValueCandidates::new(completion::providers))]
    pub provider: Option<String>,
    /// Sign out of every identity in this configuration
    #[arg(long, conflicts_with_all = ["name", "identity", "provider"])]
    pub all: bool,
    /// Only list what would be removed
    #[arg(long)]
    pub dry_run: bool,
    /// Also remove long-lived access keys; AWS shows them only once
    #[arg(long)]
    pub keychain: bool,
    /// Remove only the identity's own session and profile; the rest of its chain stays signed in
    #[arg(long, conflicts_with_all = ["provider", "all"])]
    pub keep_provider: bool,
    /// Do not ask for confirmation of `--all` or `--keychain`
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct CleanupArgs {
    /// Only list what would be removed
    #[arg(long)]
    pub dry_run: bool,
    /// Also remove long-lived access keys of identities that are no longer configured
    #[arg(long)]
    pub keychain: bool,
    /// Do not ask for confirmation of `--keychain`
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Also fix what can be fixed without losing anything
    #[arg(long)]
    pub fix: bool,
}

#[derive(Debug, Args)]
pub struct WhoamiArgs {
    #[command(flatten)]
    pub named: IdentityArgs,
    /// Show only what is stored, without calling AWS
    #[arg(long)]
    pub offline: bool,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// The output format [default: tree]
    #[arg(long)]
    pub format: Option<ListFormat>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    Tree,
    Table,
    Json,
    Mermaid,
}

#[derive(Debug, Args)]
pub struct RepairArgs {
    #[command(flatten)]
    pub named: IdentityArgs,
    /// Use access keys again that were set aside because AWS no longer knew them
    #[arg(long)]
    pub restore: bool,
    /// Keep what was stored for a configuration file that was moved here
    #[arg(long, conflicts_with = "restore")]
    pub take_over: bool,
}

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Store long-lived access keys in the keyring, after checking them with AWS
    #[command(after_long_help = help::USER_CONFIGURE)]
    Configure(UserConfigureArgs),
    /// Replace the stored access key by a new one, and delete the old one at AWS
    #[command(after_long_help = help::USER_ROTATE)]
    Rotate(UserRotateArgs),
}

#[derive(Debug, Args)]
pub struct UserRotateArgs {
    #[command(flatten)]
    pub named: IdentityArgs,
    /// Keep the old key active at AWS for so long, such as 24h, for what else uses it
    #[arg(long, value_name = "DURATION")]
    pub keep_old: Option<SessionDuration>,
}

#[derive(Debug, Args)]
pub struct UserConfigureArgs {
    #[command(flatten)]
    pub named: IdentityArgs,
    #[command(flatten)]
    pub from: KeysFrom,
    /// Store the keys without checking them with AWS
    #[arg(long)]
    pub no_check: bool,
    /// Store them also if they are another IAM user's than the stored ones
    #[arg(long)]
    pub yes: bool,
    /// Also replace keys that belong to another configuration or endpoint
    #[arg(long)]
    pub replace: bool,
}

/// Where the keys come from; a form if nowhere else.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct KeysFrom {
    /// Read the keys from standard input: JSON, CSV, a profile or export lines
    #[arg(long)]
    pub stdin: bool,
    /// Read the CSV file downloaded from the AWS console
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub csv: Option<PathBuf>,
    /// Copy the keys of a profile in ~/.aws/credentials
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
}

#[derive(Debug, Args)]
pub struct EnvArgs {
    #[command(flatten)]
    pub named: IdentityArgs,
    /// The output format [default: that of the shell in SHELL; on Windows, without SHELL,
    /// powershell]
    #[arg(long)]
    pub format: Option<VariablesFormat>,
    /// Print the session's own keys instead of a profile that renews itself; signs in if needed
    #[arg(long = "static")]
    pub static_keys: bool,
    /// The session duration, such as 90m or 36h
    #[arg(long, value_name = "DURATION", requires = "static_keys")]
    pub duration: Option<SessionDuration>,
    /// Write to a file that only you can read
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VariablesFormat {
    Bash,
    Fish,
    #[value(name = "powershell")]
    PowerShell,
    Cmd,
    Dotenv,
    Json,
    Github,
}

#[derive(Debug, Args)]
pub struct ExecArgs {
    #[command(flatten)]
    pub named: IdentityArgs,
    #[command(flatten)]
    pub with: ChildCredentials,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD", value_hint = clap::ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub struct ShellArgs {
    #[command(flatten)]
    pub named: IdentityArgs,
    #[command(flatten)]
    pub with: ChildCredentials,
}

#[derive(Debug, Args)]
pub struct ChildCredentials {
    /// The session duration, such as 90m or 36h
    #[arg(long, value_name = "DURATION")]
    pub duration: Option<SessionDuration>,
    /// Provide a profile whose `credential_process` is fob, instead of serving credentials; `fob
    /// exec` then becomes the command
    #[arg(long)]
    pub profile: bool,
}

#[derive(Debug, Args)]
pub struct CredentialProcessArgs {
    /// The identity
    #[arg(value_name = "IDENTITY", add = ArgValueCandidates::new(completion::identities))]
    pub name: String,
    /// How long to wait for a sign-in in progress in another process
    #[arg(long, value_name = "SECONDS", default_value_t = WAIT_SECONDS)]
    pub wait: u32,
}

#[derive(Debug, Subcommand)]
pub enum AgentCommand {
    /// Run the agent in the foreground until it is stopped
    #[command(after_long_help = help::AGENT)]
    Run(AgentRunArgs),
    /// Stop the agent; `fob` continues to work without it
    #[command(after_long_help = help::AGENT)]
    Stop,
    /// Show whether the agent is running
    #[command(after_long_help = help::AGENT)]
    Status,
}

#[derive(Debug, Args)]
pub struct AgentRunArgs {
    /// Show desktop notifications when a person is needed
    #[arg(long)]
    pub notify: bool,
}

#[derive(Debug, Args)]
pub struct ConsoleArgs {
    #[command(flatten)]
    pub named: IdentityArgs,
    /// Where to: a service such as s3, or a whole address of the console
    #[arg(short, long, value_name = "SERVICE|URL", value_hint = clap::ValueHint::Url)]
    pub destination: Option<String>,
    /// How long the browser stays signed in, 15m to 12h; AWS takes none for a role that is assumed
    /// with a session
    #[arg(long, value_name = "DURATION")]
    pub duration: Option<SessionDuration>,
    /// Print the link in place of opening a browser
    #[arg(long)]
    pub print: bool,
    /// In a browser profile of the identity's own, beside what other identities have open
    #[arg(long, conflicts_with = "print")]
    pub isolated: bool,
}

#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Only the events of this last period, such as 7d or 12h
    #[arg(long, value_name = "DURATION")]
    pub since: Option<SessionDuration>,
    #[command(subcommand)]
    pub command: Option<AuditCommand>,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub enum AuditCommand {
    /// Check that the audit log has not been altered
    #[command(after_long_help = help::AUDIT)]
    Verify,
}

fn six_digits(text: &str) -> Result<String, String> {
    form::mfa_code(text).map(|()| text.trim().to_owned())
}

#[cfg(test)]
mod tests;
