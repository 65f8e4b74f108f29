//! What `--help` says beyond the flags: examples, the IAM permissions needed, what lives on
//! afterwards; and `--help-errors`.

use keyfob_core::error::Code;
use std::fmt::Write as _;

pub const FOB: &str = "\
Signs in to AWS and provides the AWS CLI, the SDKs, your shell or a single command with credentials. Long-lived keys \
stay in the system keyring, and sessions are renewed automatically.

`fob auth X` is the same as `fob X`.";

pub const FOB_AFTER: &str = "\
Examples:
  fob login                      sign in to the default identity
  fob exec dev -- aws s3 ls      run a command with credentials that renew themselves
  fob list                       show every identity, its state and the time left
  fob sandbox                    try everything without an AWS account

The identity is the one you name; otherwise FOB_IDENTITY, the one with `default: true`, or the one you choose when \
prompted. The configuration is --config; otherwise FOB_CONFIG, or your own configuration file.

Exit codes: 0 success, 1 failure, 2 wrong usage or invalid configuration, 3 input is needed and there is no terminal \
to ask on, 130 Ctrl+C. `fob --help-errors` lists the error codes that --json prints.";

pub const STATUS: &str = "\
Examples:
  fob status
  fob status --json

Without an agent, only what is stored is shown: refreshes, prompts and recent callers are known only to the agent.

IAM: none; AWS is not called.
What lives on: nothing; this command writes nothing.";

pub const AGENT: &str = "\
Examples:
  fob agent run                     in the foreground: on a server, over ssh, under a service manager
  fob agent run --notify            with desktop notifications
  fob agent status                  exit code 0 if it is running, 1 if not
  fob agent stop

There is one agent per user and configuration. It renews every session that can be renewed without a person, prompts \
once when fifty programs need the same answer, and answers `fob credential-process` in milliseconds. `fob` uses it \
automatically; --no-agent bypasses it. It picks up changes to the configuration, and keeps the last valid one if the \
changed file cannot be used. It prints one line for each event.

IAM: none of its own; renewals need the same permissions as signing in.
What lives on: sessions, in the keyring until they expire; a new agent picks them up without calling AWS.";

pub const LOGIN: &str = "\
Examples:
  fob login                      the default identity
  fob login deploy --force       a new session, even if the current one is still valid
  fob login deploy --force-all   and new ones of all identities below it
  fob login --duration 36h --mfa-code 123456
  fob login --provider aws-user  every IAM user

IAM: an IAM user needs no permission for sts:GetSessionToken and sts:GetCallerIdentity; for a role, sts:AssumeRole \
on its ARN, and a trust policy that admits the caller.

What lives on: the session, in the keyring until it expires; a profile for AWS tools, which contains no secret.";

pub const LOGOUT: &str = "\
Examples:
  fob logout                        choose from a list, on a terminal
  fob logout deploy                 deploy, and everything in its chain
  fob logout deploy --keep-provider deploy only
  fob logout --provider corp-sso    every identity whose chain starts at corp-sso
  fob logout --all --dry-run        show what would be removed
  fob logout dev --keychain --yes   long-lived access keys too

Signed out stays signed out: programs get an error (exit code 3) until the next `fob login`, `fob exec` or \
`fob shell`. FOB_IDENTITY and the default identity are ignored here. If one removal fails, the others are still \
done; the exit code is 1 only if nothing could be removed.

IAM: none; AWS is not called.
What lives on: long-lived access keys, without --keychain; credentials that programs already hold, until they \
expire; console sessions in a browser, until you sign out there.";

pub const CLEANUP: &str = "\
Examples:
  fob cleanup --dry-run
  fob cleanup

Removes expired sessions, and the sessions, tokens and profiles of identities that are no longer in this \
configuration. Those of other configurations are left alone. Long-lived access keys of such identities are kept \
unless you add --keychain.

IAM: none; AWS is not called.
What lives on: everything else.";

pub const REPAIR: &str = "\
Examples:
  fob repair                     every identity
  fob repair deploy              deploy, and everything in its chain
  fob repair dev --restore       access keys that were set aside are in use again
  fob repair --take-over         the configuration file was moved: keep what is stored for it

Shows what is stored and what is wrong with it. Fixes what it can without losing anything: expired or outdated \
sessions, profiles that other users can read, damaged sign-out marks. Exit code 1 if problems remain.

IAM: none. AWS is asked whether it still knows the keys and sessions, and a rotation that was cut \
off goes on.
What lives on: long-lived access keys and unreadable entries are always kept.";

pub const DOCTOR: &str = "\
Examples:
  fob doctor
  fob doctor --json
  fob doctor --fix               also writes profiles anew whose program is gone

Checks the configuration and whether it is trusted, the keyring, the clock, the way to AWS, every identity and \
sign-in, the databases, the agent, the fob on the PATH and in profiles, variables and files that AWS tools take before \
them, and the desktop. One line each: ok, warning or broken, with the command that helps. Never prompts; everything \
runs at the same time, and what does not answer within 4 s is broken. Exit code 1 if something is broken.

IAM: none (sts:GetCallerIdentity is always allowed); rds-db:connect for databases, as for signing in to them.
What lives on: without --fix nothing new; a probe is written to the keyring and removed again, and a session that \
AWS no longer knows is dropped.";

pub const WHOAMI: &str = "\
Examples:
  fob whoami
  fob whoami deploy --json
  fob whoami --offline           only what is stored, without calling AWS

Never prompts. Exit code 0 while the session is valid, otherwise 1.

IAM: none (sts:GetCallerIdentity is always allowed).
What lives on: nothing; this command writes nothing.";

pub const LIST: &str = "\
Examples:
  fob list
  fob list --format table
  fob list --format mermaid      a graph for a Markdown page
  fob list --json | jq -r '.identities[] | select(.state == \"valid\").name'

IAM: none; AWS is not called.
What lives on: nothing; this command writes nothing and shows no secrets.";

pub const INIT: &str = "\
Examples:
  fob init                       your own configuration file
  fob --config team.yaml init

Asks for identities one by one: IAM users, roles, programs that print credentials, the role of this machine, or \
profiles found in ~/.aws. A configuration that exists is never changed. Access keys are not written to the file.

IAM: none (imported keys are checked with sts:GetCallerIdentity, which is always allowed).
What lives on: the configuration; imported keys, in the keyring.";

pub const IMPORT: &str = "\
Examples:
  fob import aws --dry-run       show what ~/.aws/config and ~/.aws/credentials would become
  fob import aws
  fob import aws-vault
  fob import granted --yes       in a script: nothing is asked
  fob import leapp backup/aws    with the files in that folder
  fob import atmos infra/atmos.yaml

Of an atmos.yaml, or another configuration that Keyfob reads, the providers and identities are taken as they are \
written, without what only Atmos uses. Profiles become identities: IAM users, roles with their source profiles, IAM Identity Center, web identity, programs. \
What is left out, and what gets another name, is listed first, each with the reason. What the configuration has \
already is not added again. The files of the other tool are only read. Access keys go to the keyring after a question \
of its own, once STS has accepted them. aws-vault and Granted keep keys in stores that only they can open: what to \
run is said for each.

IAM: none (keys are checked with sts:GetCallerIdentity, which is always allowed).
What lives on: the configuration; imported keys, in the keyring, and still in the files they came from.";

pub const TRUST: &str = "\
Examples:
  fob trust infra/fob.yaml           show what it does, and ask
  fob trust infra/fob.yaml --yes     in a script
  fob trust --list
  fob trust --remove infra/fob.yaml

A configuration decides which programs run, which servers are called and which variables are set. Your own file is \
trusted; any other is asked about once, here or by the first command that uses it. A change to one of these parts \
asks again; a new identity or a comment does not. A file that other users may write to is never used. `fob \
validate` works on a file that is not trusted.

IAM: none; AWS is not called.
What lives on: the path and digests of these parts, in the state folder.";

pub const VALIDATE: &str = "\
Examples:
  fob validate
  fob --config atmos.yaml validate --json

Each problem is printed as PATH:LINE:COLUMN: SEVERITY: MESSAGE. Exit code 2 if there are errors, otherwise 0.

IAM: none; AWS is not called.
What lives on: nothing; this command writes nothing.";

pub const USER_CONFIGURE: &str = "\
Examples:
  fob user configure dev                         prompt for the keys
  fob user configure dev --csv accessKeys.csv    the file downloaded from the AWS console
  fob user configure dev --profile default       a profile of ~/.aws/credentials
  pass show aws/dev | fob user configure dev --stdin
  fob user configure dev --replace               also in place of another configuration's keys

--stdin accepts {\"access_key_id\",\"secret_access_key\",\"mfa_arn\"?,\"session_duration\"?}, AWS's CSV, a [profile] \
section, or export AWS_… lines. Keys with a session token are rejected: they are not long-lived.

IAM: none (sts:GetCallerIdentity is always allowed).
What lives on: the keys, in the keyring. Files they were read from are not changed: delete them yourself.";

pub const USER_ROTATE: &str = "\
Examples:
  fob user rotate dev
  fob user rotate dev --keep-old 24h     other machines and pipelines go on with the old key until then

A new access key is made, stored beside the old one and checked with AWS, which takes some seconds to know it; then it \
is used in place of the old one, the session is made anew, and the old key is deactivated and deleted at AWS. A run \
that was cut off is continued or undone by the next one, by `fob login`, `fob repair` or a running agent; at every \
moment a key that works is stored. A key that is kept is deleted by a running agent when its time has come, or by the \
next `fob user rotate`. With two access keys at AWS already, nothing is done.

IAM: iam:ListAccessKeys, iam:CreateAccessKey, iam:UpdateAccessKey, iam:DeleteAccessKey, iam:GetAccessKeyLastUsed on the \
user itself (arn:aws:iam::*:user/${aws:username}). Where a policy wants MFA for them, `fob login` first: the session \
signs then.
What lives on: sessions that programs hold already, until they end. Copies of the old key stop working once it is \
deleted. Exit code 1 if the new key is used and the old one could not be deleted.";

pub const ENV: &str = "\
Examples:
  eval \"$(fob env dev)\"                             a profile that renews itself
  fob env dev --format fish | source
  fob env dev --format powershell | Out-String | Invoke-Expression
  fob env dev --format cmd --out fob-env.cmd        then: call fob-env.cmd
  fob env dev --static --format dotenv --out .env   the session's own keys
  fob env dev --static --format github >> \"$GITHUB_ENV\"

Without --static it needs the profile that a sign-in wrote, and never signs in itself. With --static it signs in if \
necessary. An identity with `session: { kind: keys }` hands out its long-lived access key, and is refused with \
--static. With --format github, the commands that mask secrets in the log are printed to stderr.

IAM: as for `fob login`.
What lives on: static keys work until their session expires, wherever they were printed; files written with --out.";

pub const EXEC: &str = "\
Examples:
  fob exec dev -- terraform plan
  fob exec -- sh -c 'aws sts get-caller-identity'
  fob exec dev --profile -- make deploy     for a tool that does not support container credentials

Signs in, then serves credentials on 127.0.0.1 as an AWS container endpoint for as long as the command runs. They \
are renewed automatically, and only requests with the token from the command's environment are answered. AWS \
credential variables of the caller are removed. The other settings of your AWS files (output, ca_bundle, services, \
profiles) stay; a profile that has credentials there gets those of the identity of the same name. With --profile the \
command gets a profile whose credential_process is fob, and replaces the fob process. The exit code is the \
command's own; 128+n if signal n ended it, 127 not found, 126 not executable.

IAM: as for `fob login`.
What lives on: as for `fob login`; programs that already hold credentials keep them until the session expires. \
Background processes that outlive the command get no new ones, except with --profile.";

pub const SHELL: &str = "\
Examples:
  fob shell dev
  fob shell dev --duration 4h

Opens the shell named in SHELL (on Windows, COMSPEC). Everything in it gets credentials as with `fob exec`: served \
on 127.0.0.1 until the shell exits or, with --profile, through a profile whose credential_process is fob.

Bash, zsh, fish and sh show the identity in their prompt and in the title of the window, after your own start files. A \
prompt of your own takes it from the variable FOB_IDENTITY, and is then left alone:
  bash  PS1='${FOB_IDENTITY:+($FOB_IDENTITY) }\\w \\$ '
  zsh   setopt prompt_subst; PROMPT='${FOB_IDENTITY:+($FOB_IDENTITY) }%~ %# '
  fish  set -q FOB_IDENTITY; and echo -n \"($FOB_IDENTITY) \"      in fish_prompt

IAM: as for `fob login`.
What lives on: as for `fob exec`.";

pub const CREDENTIAL_PROCESS: &str = "\
Example, in ~/.aws/config:
  [profile dev]
  region = eu-central-1
  credential_process = fob credential-process dev

`fob login` writes such a profile for you. Prints version 1 of the AWS SDKs' process protocol and nothing else. \
Never prompts: renews the session if that needs no person, otherwise exit code 3. --wait applies to a sign-in in \
progress in another process: its result is used.

IAM: as for `fob login`.
What lives on: the renewed session, in the keyring until it expires.";

pub const PROFILES: &str = "\
Examples:
  fob profiles write                every identity of the configuration
  fob profiles write deploy         only deploy
  fob profiles write --dry-run      show the lines
  AWS_PROFILE=deploy terraform plan
  fob profiles remove

Each profile gets its region and a credential_process with the absolute path of fob, between two comments that mark \
it as Keyfob's. Nothing else in the file changes, and settings that you add to such a profile stay. A profile of your \
own of the same name is left alone and named. Run `fob profiles write` again after fob has moved, or identities were \
added, renamed or removed. AWS_CONFIG_FILE names another file.

Programs never prompt through a profile: sign in with `fob login` first, or answer the prompt that the agent shows.

IAM: none; AWS is not called.
What lives on: the profiles, until `fob profiles remove`; they contain no secret.";

pub const CONSOLE: &str = "\
Examples:
  fob console deploy
  fob console deploy --destination s3
  fob console deploy --isolated     beside the console of another identity
  fob console deploy --print        the link, to be opened elsewhere

The console takes sessions of a role; an IAM user signs in to a role first. The link is good for 15 minutes at most and \
for one sign-in; it reaches the browser through an address of this machine, which only you can open, once.

Exit codes: 0 open or printed; 1 AWS or the browser refused; 2 misuse; 3 a person is needed
IAM: none beyond the role's own
What lives on: the console session in the browser until it ends or you sign out there; with --isolated the browser \
profile below Keyfob's state folder.";

pub const RDS_TOKEN: &str = "\
Examples:
  fob rds token orders              a database of the configuration
  fob rds token --host orders.abc.eu-west-1.rds.amazonaws.com --user app deploy
  fob rds token tunnel --host orders.abc.eu-west-1.rds.amazonaws.com
  PGPASSWORD=$(fob rds token orders) psql \"$CONNECTION sslmode=verify-full\"
  fob rds token legacy --password   the password that its `password_secret` names

A token opens connections for 15 minutes, but never for longer than the session that signed it; connections already \
open stay open. It is signed on this machine. With an agent running, every caller gets the same token for 14 \
minutes; --force signs a new one. Never prompts: renews the session if that needs no person, otherwise exit code 3.

Connection pools: request a token for each new connection; maximum connection lifetime 14 minutes, maximum idle \
time 10 minutes.

IAM: rds-db:connect on arn:aws:rds-db:REGION:ACCOUNT:dbuser:RESOURCE/USER (in those partitions, aws-cn or \
aws-us-gov). RESOURCE is the resource ID (db-…, cluster-…, or prx-… for a proxy), not the name of the database.
If the database rejects a token, check:
  instance or cluster   IAM authentication is enabled
  PostgreSQL user       GRANT rds_iam TO app
  MySQL, MariaDB user   IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS'
  names                 host, port, user and region are the database's own, even through a tunnel
  network               this machine reaches host and port: security group, route, VPN
  TLS                   required: sslmode=verify-full with AWS's certificates
  mysql                 also needs --enable-cleartext-plugin

What lives on: the token, until it expires, wherever it was printed; connections opened with it, even after signing \
out.";

pub const RDS_LIST: &str = "\
Examples:
  fob rds list
  fob rds list --json

Shows where each database is, its user, the identity that opens it, and how long the token is good for that a running \
agent holds.

IAM: none; AWS is not called.
What lives on: nothing; this command writes nothing and shows no secrets.";

pub const RDS_EXEC: &str = "\
Examples:
  fob rds exec orders --ca global-bundle.pem -- psql lake
  fob rds exec orders -- pg_dump --schema-only lake
  fob rds exec shop -- sh -c 'mysql --user=\"$MYSQL_USER\" --ssl-mode=VERIFY_IDENTITY --ssl-ca=global-bundle.pem'

PostgreSQL: PGHOST, PGPORT, PGUSER, PGPASSWORD and PGSSLMODE are set: verify-full with --ca, PGSSLROOTCERT or \
~/.postgresql/root.crt, else require. PGSERVICE, PGHOSTADDR and PGPASSFILE, which would win, are removed, and for a \
token PGREQUIREAUTH and PGCHANNELBINDING. MySQL, MariaDB: MYSQL_HOST, MYSQL_TCP_PORT, MYSQL_USER, MYSQL_PWD and \
LIBMYSQL_ENABLE_CLEARTEXT_PLUGIN=1; the clients take the user from --user alone.

Signs in if necessary. The password is the database's token or, with `password_secret`, read from AWS Secrets Manager. \
A token opens connections for 15 minutes: a program that opens new ones later needs its own call of `fob rds token`. \
The exit code is the command's own; 127 not found, 126 not executable.

IAM: rds-db:connect, as for `fob rds token`; for a `password_secret` secretsmanager:GetSecretValue, and kms:Decrypt \
where the secret has a key of its own.
What lives on: the token, until it expires; connections opened with it.";

pub const RDS_PROXY: &str = "\
Examples:
  fob rds proxy orders --port 15432 --ca global-bundle.pem
  psql 'host=127.0.0.1 port=15432 user=app dbname=lake'
  fob rds proxy orders shop           several at once, on free ports, which are printed
In the configuration, for `fob agent run` and the tray app, which then listen always:
  orders: { engine: postgres, host: …, user: app, via: …, proxy: { port: 15432, ca: ~/global-bundle.pem } }

Clients connect to 127.0.0.1 without TLS and without a password, as the user of the configuration: the port signs in to \
the database over TLS, with a token that is fresh at that moment, or with the password of `password_secret`, which is \
read once more when the server refuses it. Pools may keep connections as long as they like. Any other user name is \
refused, and connections of other users of this machine are closed. The server's certificate is checked against its \
name, always: AWS's certificates are at https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem.

An identity that is signed out, or needs a person, is an error of the database with the remedy in it; a running agent \
shows its prompt.

IAM: rds-db:connect, as for `fob rds token`; for a `password_secret` secretsmanager:GetSecretValue.
What lives on: nothing; connections end with the command.";

pub const AUDIT: &str = "\
Examples:
  fob audit --since 7d
  fob audit --json | jq '.events[] | select(.result == \"failed\")'
  fob audit verify               check that the log has not been altered

Lists every sign-in, refresh, revocation, stored key and removal, with the program that caused it. `verify` reports \
the file and line of anything changed, removed, moved or cut off: each line contains the hash of the previous one, \
and the keyring holds the hash of the last. Exit code 0 if the log is intact, otherwise 1.

IAM: none; AWS is not called.
What lives on: nothing; this command writes nothing. The log stays on this machine, in at most four files of 8 MiB.";

#[cfg(feature = "sandbox")]
pub const SANDBOX: &str = "\
Examples:
  fob sandbox                               open a shell in the sandbox
  fob sandbox -- sh -c 'fob login && fob exec -- aws sts get-caller-identity'
In the sandbox:
  fob login                                 kim, whose key is already stored
  fob login deploy                          a role, through kim
  fob sandbox key robin > key.csv; fob user configure robin --csv key.csv
  fob sandbox revoke AKIA…                  see what happens when a key is revoked
  fob sandbox fault throttling --times 2    AWS is busy for two calls: `fob login --force` waits
  fob sandbox journal                       list the calls it received

Everything runs on this machine's loopback interface: no account, no network. The sandbox has its own configuration, \
keyring, state and AWS files. The passphrase of its keyring is in the variable FOB_SANDBOX_PASSPHRASE.

IAM: none.
What lives on: nothing; everything is removed when the command ends.";

pub const COMPLETION: &str = "\
Examples:
  echo 'source <(fob completion bash)' >> ~/.bashrc
  echo 'source <(fob completion zsh)' >> ~/.zshrc
  fob completion fish > ~/.config/fish/completions/fob.fish
  fob completion powershell | Out-String | Invoke-Expression

Identity and provider names are read from the configuration each time you complete.

IAM: none.
What lives on: the lines you added to the shell's own files.";

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
        "\nExit codes: 0 success, 1 failure, 2 wrong usage or invalid configuration, 3 input is needed and there is\n\
         no terminal to ask on, 130 Ctrl+C; exec and shell: the command's own, 127 not found, 126 not executable.\n",
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
