//! What `--help` says beyond the flags: examples, what AWS must allow, what lives on afterwards;
//! and `--help-errors`.

use keyfob_core::error::Code;
use std::fmt::Write as _;

pub const FOB: &str = "\
Signs in to AWS and hands out what comes of it: to the AWS CLI and SDKs, to a shell, to a single command. Long-lived \
keys stay in the system's keyring; sessions renew themselves.

`fob auth X` is `fob X`.";

pub const FOB_AFTER: &str = "\
Examples:
  fob login                      sign in to the default identity
  fob exec dev -- aws s3 ls      a command whose credentials renew themselves
  fob list                       every identity, its state, the time left
  fob sandbox                    try everything without an AWS account

The identity is the one named; else FOB_IDENTITY, the one with `default: true`, or the one chosen when asked.
The configuration is --config; else FOB_CONFIG, or the user's own file.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 a person is needed and nobody can be asked, \
130 Ctrl+C. `fob --help-errors` prints the codes that --json uses.";

pub const STATUS: &str = "\
Examples:
  fob status
  fob status --json

Without an agent it shows what is stored; refreshes, prompts and who asked last are known only to the agent.

IAM: nothing; AWS is not asked.
What lives on: nothing; it writes nothing.";

pub const AGENT: &str = "\
Examples:
  fob agent run                     in the foreground: for a server, over ssh, under a service manager
  fob agent run --notify            with desktop notifications
  fob agent status                  exit code 0: it runs, 1: it does not
  fob agent stop

One agent for each user and configuration. It keeps every session fresh that can be renewed without a person, asks \
once where fifty programs need a person, and answers `fob credential-process` in milliseconds. `fob` uses it by \
itself; --no-agent goes without it. It takes a changed configuration over, and keeps the last good one where the \
changed one cannot be used. It prints a line for each thing that happens.

IAM: nothing of its own; renewals need what signing in needs.
What lives on: sessions, in the keyring until they end; a new agent takes them over without a call to AWS.";

pub const LOGIN: &str = "\
Examples:
  fob login                      the default identity
  fob login deploy --force       a new session, even if this one is still good
  fob login --duration 36h --mfa-code 123456
  fob login --provider aws-user  every IAM user

IAM: an IAM user needs nothing for sts:GetSessionToken and sts:GetCallerIdentity; a role needs sts:AssumeRole on \
its ARN, and must trust who assumes it.

What lives on: the session, in the keyring until it ends; a profile for AWS tools, which holds no secret.";

pub const LOGOUT: &str = "\
Examples:
  fob logout                        choose what, on a terminal
  fob logout deploy                 deploy, and what it was reached through
  fob logout deploy --keep-provider only deploy itself
  fob logout --provider corp-sso    every identity that starts there
  fob logout --all --dry-run        what would be removed
  fob logout dev --keychain --yes   the long-lived access keys, too

Signed out stays signed out: programs get an error (exit code 3) until `fob login`, `fob exec` or `fob shell`. \
FOB_IDENTITY and the default do not count here. What fails does not keep the rest from being removed; exit code 1 \
only if nothing could be.

IAM: nothing; AWS is not asked.
What lives on: long-lived access keys without --keychain; credentials that programs already hold, until they end; \
console sessions in a browser, until you sign out there.";

pub const CLEANUP: &str = "\
Examples:
  fob cleanup --dry-run
  fob cleanup

Removes sessions that have ended, and sessions, tokens and profiles of identities that this configuration no longer \
has. Other configurations' are not touched. Long-lived access keys of such identities stay without --keychain.

IAM: nothing; AWS is not asked.
What lives on: everything else.";

pub const REPAIR: &str = "\
Examples:
  fob repair                     every identity
  fob repair deploy              deploy, and what it is reached through

Says what is stored and what is wrong with it. Mends by itself what loses nothing: expired or outdated sessions, \
profiles that others can read, damaged sign-out marks. Exit code 1 if something is left.

IAM: nothing; AWS is not asked.
What lives on: long-lived access keys and entries that cannot be read always stay.";

pub const WHOAMI: &str = "\
Examples:
  fob whoami
  fob whoami deploy --json
  fob whoami --offline           what is remembered, without asking AWS

Never asks for anything. Exit code 0 while the session is good, else 1.

IAM: nothing (sts:GetCallerIdentity is always allowed).
What lives on: nothing is written.";

pub const LIST: &str = "\
Examples:
  fob list
  fob list --format table
  fob list --format mermaid      a graph for a Markdown page
  fob list --json | jq -r '.identities[] | select(.state == \"valid\").name'

IAM: nothing; AWS is not asked.
What lives on: nothing is written, no secret is shown.";

pub const VALIDATE: &str = "\
Examples:
  fob validate
  fob --config atmos.yaml validate --json

Each problem is PATH:LINE:COLUMN: SEVERITY: MESSAGE. Exit code 2 if there is an error, else 0.

IAM: nothing; AWS is not asked.
What lives on: nothing is written.";

pub const USER_CONFIGURE: &str = "\
Examples:
  fob user configure dev                         a form
  fob user configure dev --csv accessKeys.csv    the AWS console's file
  fob user configure dev --profile default       from ~/.aws/credentials
  pass show aws/dev | fob user configure dev --stdin

--stdin takes {\"access_key_id\",\"secret_access_key\",\"mfa_arn\"?,\"session_duration\"?}, and also AWS's CSV, a \
[profile] or export AWS_… lines. Keys with a session token are refused: they are not long-lived.

IAM: nothing (sts:GetCallerIdentity is always allowed).
What lives on: the keys, in the keyring. Files they were read from stay as they are: delete them.";

pub const ENV: &str = "\
Examples:
  eval \"$(fob env dev)\"                             a profile that renews itself
  fob env dev --format fish | source
  fob env dev --format powershell | Out-String | Invoke-Expression
  fob env dev --format cmd --out fob-env.cmd        then: call fob-env.cmd
  fob env dev --static --format dotenv --out .env   the session's own keys
  fob env dev --static --format github >> \"$GITHUB_ENV\"

Without --static it needs the profile that a sign-in wrote, and never signs in itself. With --static it signs in \
where needed. github: what the runner shall mask is told on stderr.

IAM: as `fob login`.
What lives on: static keys work until their session ends, wherever they were printed to; --out files stay.";

pub const EXEC: &str = "\
Examples:
  fob exec dev -- terraform plan
  fob exec -- sh -c 'aws sts get-caller-identity'
  fob exec dev --profile -- make deploy     for a tool that knows no container credentials

Signs in, then serves the AWS SDKs' container credentials on 127.0.0.1 for as long as the command lives: they renew \
themselves, and only who holds the token in the command's variables gets them. The caller's own AWS credentials \
variables are taken away, and the user's own AWS files are out of sight. With --profile the command gets a profile \
whose credential_process is fob, and takes fob's place. The exit code is the command's; 128+n by signal n, 127 not \
found, 126 not executable.

IAM: as `fob login`.
What lives on: as `fob login`; programs that already hold credentials keep them until the session ends. What the \
command left running in the background gets no new ones, but with --profile.";

pub const SHELL: &str = "\
Examples:
  fob shell dev
  fob shell dev --duration 4h

The shell is the one in SHELL (COMSPEC on Windows). It and what runs in it get their credentials as with `fob exec`: \
served on 127.0.0.1 until the shell ends; with --profile by a profile whose credential_process is fob.

IAM: as `fob login`.
What lives on: as `fob exec`.";

pub const CREDENTIAL_PROCESS: &str = "\
Example, in ~/.aws/config:
  [profile dev]
  region = eu-central-1
  credential_process = fob credential-process dev

`fob login` writes such a profile by itself. Prints the AWS SDKs' process protocol, version 1, and nothing else. \
Never asks anybody: it renews the session where that needs no person, else exit code 3. --wait is for a \
sign-in that is under way in another process: its outcome is taken over.

IAM: as `fob login`.
What lives on: the renewed session, in the keyring until it ends.";

pub const RDS_TOKEN: &str = "\
Examples:
  fob rds token orders              a database of the configuration
  fob rds token --host orders.abc.eu-west-1.rds.amazonaws.com --user app deploy
  PGPASSWORD=$(fob rds token orders) psql \"$CONNECTION sslmode=verify-full\"

A token opens connections for 15 minutes, and never longer than the session that signed it lasts; a connection that \
is open stays open. It is signed on this machine. Where an agent runs, everybody who asks gets the same one for 14 \
minutes; --force signs anew. Never asks anybody: it renews the session where that needs no person, else exit code 3.

Connection pools: ask for a token for each new connection; longest life of a connection 14 minutes, longest idle \
time 10 minutes.

IAM: rds-db:connect on arn:aws:rds-db:REGION:ACCOUNT:dbuser:RESOURCE/USER (aws-cn, aws-us-gov there). RESOURCE is \
the resource id (db-…, cluster-…, prx-… of a proxy), not the database's name.
When the database refuses a token, look at:
  instance or cluster   IAM authentication is switched on
  PostgreSQL user       GRANT rds_iam TO app
  MySQL, MariaDB user   IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS'
  names                 host, port, user, region: the database's own, also through a tunnel
  network               this machine reaches host and port: security group, route, VPN
  TLS                   required: sslmode=verify-full with AWS's certificates
  mysql                 also needs --enable-cleartext-plugin

What lives on: the token, until its end, wherever it was printed to; connections opened with it, also after a sign-out.";

pub const AUDIT: &str = "\
Examples:
  fob audit --since 7d
  fob audit --json | jq '.events[] | select(.result == \"failed\")'
  fob audit verify               whether the log is as it was written

Every sign-in, refresh, revocation, stored key and removal, with who asked for it. `verify` names the file and line \
of whatever was changed, removed, moved or cut off: each line carries the hash of the one before, and the keyring \
remembers the last. Exit code 0 if nothing of that is found, else 1.

IAM: nothing; AWS is not asked.
What lives on: nothing is written. The log stays on this machine, in at most four files of 8 MiB.";

#[cfg(feature = "sandbox")]
pub const SANDBOX: &str = "\
Examples:
  fob sandbox                               a shell inside
  fob sandbox -- sh -c 'fob login && fob exec -- aws sts get-caller-identity'
Inside:
  fob login                                 kim, whose key is stored
  fob login deploy                          a role, through kim
  fob sandbox key robin > key.csv; fob user configure robin --csv key.csv
  fob sandbox revoke AKIA…                  what happens when keys are revoked
  fob sandbox fault throttling --times 2    what happens when AWS is busy
  fob sandbox journal                       what was asked of it

Everything is on this machine's loopback: no account, no network. Configuration, keyring, state and AWS files are \
its own. The keyring's passphrase is in the variable FOB_SANDBOX_PASSPHRASE of the programs inside.

IAM: nothing.
What lives on: nothing; all of it is removed when the command ends.";

pub const COMPLETION: &str = "\
Examples:
  echo 'source <(fob completion bash)' >> ~/.bashrc
  echo 'source <(fob completion zsh)' >> ~/.zshrc
  fob completion fish > ~/.config/fish/completions/fob.fish
  fob completion powershell | Out-String | Invoke-Expression

Names of identities and providers come from the configuration as it is at that moment.

IAM: nothing.
What lives on: what the shell's own file was told.";

/// The closed list of codes.
pub fn errors() -> String {
    let width = Code::ALL
        .iter()
        .map(|code| code.as_str().len())
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for code in Code::ALL {
        let _ = writeln!(text, "{:width$}  {}", code.as_str(), code.meaning());
    }
    text.push_str(
        "\nExit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 a person is needed and nobody can be asked,\n\
         130 Ctrl+C; exec and shell: the command's own, 127 not found, 126 not executable.\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::CommandLine;
    use clap::CommandFactory;

    #[test]
    fn every_code_is_explained() {
        let text = errors();
        for code in Code::ALL {
            assert!(
                text.lines()
                    .any(|line| line.starts_with(code.as_str()) && line.ends_with(code.meaning())),
                "{code}"
            );
        }
    }

    #[test]
    fn every_help_has_an_example_the_iam_it_needs_and_what_lives_on() {
        fn leaves(command: &clap::Command) -> Vec<&clap::Command> {
            let below: Vec<_> = command
                .get_subcommands()
                .filter(|it| !it.is_hide_set())
                .collect();
            if below.is_empty() || command.get_name() == "sandbox" {
                return vec![command];
            }
            below.into_iter().flat_map(leaves).collect()
        }
        let fob = CommandLine::command();
        let commands = leaves(&fob);
        assert!(commands.len() >= 11, "{}", commands.len());
        for command in commands {
            let help = command
                .get_after_long_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            for part in ["Example", "\nIAM: ", "\nWhat lives on: "] {
                assert!(help.contains(part), "{}: {part}", command.get_name());
            }
        }
    }
}
