//! The command line as clap reads it: flags and names, nothing of what they mean.

use crate::{completion, help};
use clap::builder::Styles;
use clap::builder::styling::{AnsiColor, Effects};
use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCandidates;
use keyfob_core::agent::api::SessionDuration;
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Debug, Parser)]
#[command(name = "fob", version, styles = STYLES, about = "Signs in to AWS and hands out what comes of it")]
#[command(long_about = help::FOB, after_long_help = help::FOB_AFTER, arg_required_else_help = true)]
pub struct CommandLine {
    /// Print every error code with its meaning, and the exit codes
    #[arg(long)]
    pub help_errors: bool,
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Option<Entry>,
}

impl CommandLine {
    /// The words this process was started with.
    pub fn read() -> Result<CommandLine, clap::Error> {
        CommandLine::of(&std::env::args_os().collect::<Vec<_>>())
    }

    fn of(words: &[OsString]) -> Result<CommandLine, clap::Error> {
        match CommandLine::of_a_profile(words) {
            Some(line) => Ok(line),
            None => CommandLine::try_parse_from(words),
        }
    }

    /// The line that profiles hold: programs run it over and over, and clap takes longer to lay out
    /// every command than the agent does to answer. Anything else is clap's.
    fn of_a_profile(words: &[OsString]) -> Option<CommandLine> {
        let (config, command, name) = match words {
            [_, command, name] => (None, command, name),
            [_, flag, path, command, name] if flag == "--config" => {
                (Some(plain(path)?), command, name)
            }
            _ => return None,
        };
        let args = CredentialProcess {
            name: plain(name)?.to_owned(),
            wait: WAIT_SECONDS,
        };
        let global = Global {
            config: config.map(PathBuf::from),
            identity: None,
            json: false,
            no_input: false,
            no_agent: false,
            verbose: 0,
            quiet: false,
            color: ColorChoice::Auto,
        };
        let command = (command == "credential-process")
            .then_some(Entry::Direct(Command::CredentialProcess(args)))?;
        Some(CommandLine {
            help_errors: false,
            global,
            command: Some(command),
        })
    }
}

/// A word that is a value wherever it stands.
fn plain(word: &OsString) -> Option<&str> {
    word.to_str()
        .filter(|word| !word.is_empty() && !word.starts_with('-'))
}

/// For a sign-in that is under way elsewhere.
const WAIT_SECONDS: u32 = 18;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The configuration file [default: FOB_CONFIG, else the user's own]
    #[arg(long, global = true, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// The identity, as the positional argument names it [default: FOB_IDENTITY, else the one with
    /// `default: true`]
    #[arg(short, long, global = true, value_name = "NAME", add = ArgValueCandidates::new(completion::identities))]
    pub identity: Option<String>,
    /// Print one JSON object instead of text, errors too
    #[arg(long, global = true)]
    pub json: bool,
    /// Never ask; what needs an answer fails with exit code 3
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Work in this process, even if an agent runs
    #[arg(long, global = true)]
    pub no_agent: bool,
    /// Say what is done; -vv says more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Say only what went wrong
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// When to use colour
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
pub enum Entry {
    #[command(flatten)]
    Direct(Command),
    /// The same commands under the name they have elsewhere
    #[command(hide = true)]
    Auth {
        #[command(subcommand)]
        command: Command,
    },
}

impl Entry {
    pub fn command(self) -> Command {
        match self {
            Entry::Direct(command) | Entry::Auth { command } => command,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sign in
    #[command(after_long_help = help::LOGIN)]
    Login(Login),
    /// Sign out: remove what a sign-in left in the keyring and in files
    #[command(after_long_help = help::LOGOUT)]
    Logout(Logout),
    /// Remove expired sessions, and what identities left behind that are no longer configured
    #[command(after_long_help = help::CLEANUP)]
    Cleanup(Cleanup),
    /// Say what is stored for an identity, what is wrong with it, and mend what is safe to mend
    #[command(after_long_help = help::REPAIR)]
    Repair(Named),
    /// Say who an identity is to AWS, and until when
    #[command(after_long_help = help::WHOAMI)]
    Whoami(Whoami),
    /// List identities by provider, with state and time left
    #[command(after_long_help = help::LIST)]
    List(List),
    /// Say how things stand: the agent, sessions, the next refresh, open prompts, who asked last
    #[command(after_long_help = help::STATUS)]
    Status,
    /// The agent without the tray: one process that keeps sessions fresh and answers every program
    #[command(subcommand, after_long_help = help::AGENT)]
    Agent(AgentCommand),
    /// Report every problem of the configuration
    #[command(after_long_help = help::VALIDATE)]
    Validate,
    /// Long-lived access keys
    #[command(subcommand)]
    User(User),
    /// Print variables for a shell, a file or a pipeline
    #[command(after_long_help = help::ENV)]
    Env(Env),
    /// Run a command with credentials that renew themselves
    #[command(after_long_help = help::EXEC)]
    Exec(Exec),
    /// Open a shell with credentials that renew themselves
    #[command(after_long_help = help::SHELL)]
    Shell(Shell),
    /// Answer the AWS SDKs' `credential_process`
    #[command(after_long_help = help::CREDENTIAL_PROCESS)]
    CredentialProcess(CredentialProcess),
    /// Databases that let IAM identities in
    #[command(subcommand)]
    Rds(Rds),
    /// What was done with which identity, by whom
    #[command(after_long_help = help::AUDIT, args_conflicts_with_subcommands = true)]
    Audit(Audit),
    /// An AWS on loopback and a configuration for it, to try everything without an account
    #[cfg(feature = "sandbox")]
    #[command(after_long_help = help::SANDBOX)]
    Sandbox(crate::sandbox::Sandbox),
    /// Print the script that completes commands and names in a shell
    #[command(after_long_help = help::COMPLETION)]
    Completion {
        #[arg(value_enum)]
        shell: CompletionShell,
    },
}

/// The identity as a positional argument.
#[derive(Debug, Args)]
pub struct Named {
    /// The identity
    #[arg(value_name = "IDENTITY", add = ArgValueCandidates::new(completion::identities))]
    pub name: Option<String>,
}

#[derive(Debug, Args)]
pub struct Login {
    #[command(flatten)]
    pub named: Named,
    /// Sign in to every identity that starts at this provider; `aws-user`: every IAM user
    #[arg(long, conflicts_with_all = ["name", "identity"], add = ArgValueCandidates::new(completion::providers))]
    pub provider: Option<String>,
    /// How long the session shall last, such as 90m or 36h
    #[arg(long, value_name = "DURATION")]
    pub duration: Option<SessionDuration>,
    /// Make a new session even if the present one is still good
    #[arg(long)]
    pub force: bool,
    /// The six digits of the MFA device, if they are asked for
    #[arg(long, value_name = "CODE", value_parser = six_digits)]
    pub mfa_code: Option<String>,
    /// Never open a browser; no kind of identity that this version signs in to needs one
    #[arg(long)]
    pub no_browser: bool,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct Logout {
    #[command(flatten)]
    pub named: Named,
    /// Sign out of every identity that starts at this provider; `aws-user`: of those that stand
    /// alone
    #[arg(long, conflicts_with_all = ["name", "identity"], add = ArgValueCandidates::new(completion::providers))]
    pub provider: Option<String>,
    /// Sign out of everything that this configuration has
    #[arg(long, conflicts_with_all = ["name", "identity", "provider"])]
    pub all: bool,
    /// Only list what would be removed
    #[arg(long)]
    pub dry_run: bool,
    /// Remove long-lived access keys too; AWS shows them only once
    #[arg(long)]
    pub keychain: bool,
    /// Only the identity's own session and profile: what it was reached through stays signed in
    #[arg(long, conflicts_with_all = ["provider", "all"])]
    pub keep_provider: bool,
    /// Do not ask whether `--all` or `--keychain` is meant
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct Cleanup {
    /// Only list what would be removed
    #[arg(long)]
    pub dry_run: bool,
    /// Remove long-lived access keys of identities that are no longer configured, too
    #[arg(long)]
    pub keychain: bool,
    /// Do not ask whether `--keychain` is meant
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct Whoami {
    #[command(flatten)]
    pub named: Named,
    /// Say what is remembered, without asking AWS
    #[arg(long)]
    pub offline: bool,
}

#[derive(Debug, Args)]
pub struct List {
    /// How to draw the list [default: tree]
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

#[derive(Debug, Subcommand)]
pub enum User {
    /// Store long-lived access keys in the keyring, after AWS has accepted them
    #[command(after_long_help = help::USER_CONFIGURE)]
    Configure(UserConfigure),
}

#[derive(Debug, Args)]
pub struct UserConfigure {
    #[command(flatten)]
    pub named: Named,
    #[command(flatten)]
    pub from: KeysFrom,
    /// Store the keys without asking AWS whether it knows them
    #[arg(long)]
    pub no_check: bool,
}

/// Where the keys come from; none of these: a form.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct KeysFrom {
    /// Read the keys from standard input: JSON, or what AWS shows and hands out
    #[arg(long)]
    pub stdin: bool,
    /// Read the CSV file that the AWS console hands out
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub csv: Option<PathBuf>,
    /// Copy a profile of ~/.aws/credentials
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
}

#[derive(Debug, Args)]
pub struct Env {
    #[command(flatten)]
    pub named: Named,
    /// What to write the variables for [default: the shell in SHELL]
    #[arg(long)]
    pub format: Option<VariablesFormat>,
    /// The session's own keys instead of a profile that renews itself; signs in where needed
    #[arg(long = "static")]
    pub static_keys: bool,
    /// How long the session shall last, such as 90m or 36h
    #[arg(long, value_name = "DURATION", requires = "static_keys")]
    pub duration: Option<SessionDuration>,
    /// Write to a file that only this user can read
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
pub struct Exec {
    #[command(flatten)]
    pub named: Named,
    #[command(flatten)]
    pub with: ChildCredentials,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD", value_hint = clap::ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub struct Shell {
    #[command(flatten)]
    pub named: Named,
    #[command(flatten)]
    pub with: ChildCredentials,
}

#[derive(Debug, Args)]
pub struct ChildCredentials {
    /// How long the session shall last, such as 90m or 36h
    #[arg(long, value_name = "DURATION")]
    pub duration: Option<SessionDuration>,
    /// Hand over a profile whose `credential_process` is fob, and become the command
    #[arg(long)]
    pub profile: bool,
}

#[derive(Debug, Args)]
pub struct CredentialProcess {
    /// The identity
    #[arg(value_name = "IDENTITY", add = ArgValueCandidates::new(completion::identities))]
    pub name: String,
    /// How long to wait for a sign-in that is under way elsewhere
    #[arg(long, value_name = "SECONDS", default_value_t = WAIT_SECONDS)]
    pub wait: u32,
}

#[derive(Debug, Subcommand)]
pub enum AgentCommand {
    /// Run it here, until it is stopped
    #[command(after_long_help = help::AGENT)]
    Run(AgentRun),
    /// End it; programs go on, each `fob` by itself
    #[command(after_long_help = help::AGENT)]
    Stop,
    /// Say whether it runs
    #[command(after_long_help = help::AGENT)]
    Status,
}

#[derive(Debug, Args)]
pub struct AgentRun {
    /// Show desktop notifications for what needs somebody
    #[arg(long)]
    pub notify: bool,
}

#[derive(Debug, Subcommand)]
pub enum Rds {
    /// Print an auth token, which an RDS or Aurora database takes for a password
    #[command(after_long_help = help::RDS_TOKEN)]
    Token(RdsToken),
}

#[derive(Debug, Args)]
pub struct RdsToken {
    /// The database, as the configuration names it; with --host the identity
    #[arg(value_name = "NAME", add = ArgValueCandidates::new(completion::databases))]
    pub name: Option<String>,
    /// A database that the configuration does not name: its endpoint, not that of a tunnel to it
    #[arg(long, requires = "user", value_hint = clap::ValueHint::Hostname)]
    pub host: Option<String>,
    /// The port of --host
    #[arg(long, requires = "host", default_value_t = 5432, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// The database user
    #[arg(long, requires = "host", value_hint = clap::ValueHint::Other)]
    pub user: Option<String>,
    /// The region of --host [default: the identity's]
    #[arg(long, requires = "host")]
    pub region: Option<String>,
    /// Sign a new token even if the last one is still good
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct Audit {
    /// Only what happened in this time until now, such as 7d or 12h
    #[arg(long, value_name = "DURATION")]
    pub since: Option<SessionDuration>,
    #[command(subcommand)]
    pub command: Option<AuditCommand>,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub enum AuditCommand {
    /// Check that no line of the audit log was changed, removed, moved or cut off
    #[command(after_long_help = help::AUDIT)]
    Verify,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum CompletionShell {
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell")]
    PowerShell,
}

fn six_digits(text: &str) -> Result<String, &'static str> {
    let digits = text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
    if digits {
        Ok(text.to_owned())
    } else {
        Err("an MFA code has six digits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<CommandLine, clap::error::ErrorKind> {
        CommandLine::of(&words(line)).map_err(|error| error.kind())
    }

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_line_of_a_profile_is_read_as_clap_reads_it() {
        let both = |line: &str| {
            [
                CommandLine::of(&words(line)),
                CommandLine::try_parse_from(words(line)),
            ]
        };
        for line in [
            "fob --config /home/kim/config.yaml credential-process dev",
            "fob credential-process help",
        ] {
            assert!(CommandLine::of_a_profile(&words(line)).is_some(), "{line}");
            let [ours, claps] = both(line).map(|it| format!("{:?}", it.expect(line)));
            assert_eq!(ours, claps);
        }
        for line in [
            "fob --config  credential-process dev",
            "fob --config --json credential-process dev",
            "fob credential-process --help",
            "fob credential-process dev ops",
            "fob credential-process",
            "fob help credential-process",
            "fob",
        ] {
            assert!(CommandLine::of_a_profile(&words(line)).is_none(), "{line}");
            let [ours, claps] = both(line).map(|it| it.expect_err(line).to_string());
            assert_eq!(ours, claps);
        }
    }

    #[test]
    fn global_flags_stand_before_and_after_the_command_and_auth_changes_nothing() {
        for line in [
            "fob --json -i kim --config a.yaml -vv -q --no-input --no-agent --color never whoami --offline",
            "fob whoami --offline --json -i kim --config a.yaml -vv -q --no-input --no-agent --color never",
            "fob --json -i kim auth whoami --offline -q --config a.yaml -vv --no-input --no-agent --color never",
        ] {
            let CommandLine {
                global, command, ..
            } = parse(line).expect(line);
            let command = command.expect("a command").command();
            assert!(
                matches!(
                    command,
                    Command::Whoami(Whoami {
                        offline: true,
                        named: Named { name: None }
                    })
                ),
                "{line}"
            );
            assert!(
                global.json && global.quiet && global.no_input && global.no_agent,
                "{line}"
            );
            assert_eq!(
                (global.identity.as_deref(), global.verbose),
                (Some("kim"), 2),
                "{line}"
            );
            assert_eq!(
                (global.config, global.color),
                (Some("a.yaml".into()), ColorChoice::Never),
                "{line}"
            );
        }
    }

    #[test]
    fn the_command_of_exec_keeps_its_own_flags() {
        let line =
            parse("fob exec kim --duration 2h -- aws --json -i x --help").expect("a command line");
        let Some(Command::Exec(exec)) = line.command.map(Entry::command) else {
            panic!("exec")
        };
        assert_eq!(exec.command, ["aws", "--json", "-i", "x", "--help"]);
        assert_eq!(
            (
                exec.named.name.as_deref(),
                exec.with.duration.map(SessionDuration::seconds)
            ),
            (Some("kim"), Some(7200))
        );
        assert!(!line.global.json && line.global.identity.is_none());
    }

    #[test]
    fn what_cannot_be_meant_is_wrong_usage() {
        for line in [
            "fob login --duration 12x",
            "fob login --duration 0",
            "fob login --mfa-code 12345",
            "fob login kim --provider corp-sso",
            "fob login -i kim --provider corp-sso",
            "fob env --duration 1h",
            "fob user configure --stdin --csv a.csv",
            "fob exec kim",
            "fob exec kim aws",
            "fob credential-process",
            "fob logout kim --all",
            "fob logout --all --provider corp-sso",
            "fob logout --all --keep-provider",
            "fob logout -i kim --provider corp-sso",
            "fob auth auth login",
            "fob auth",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
