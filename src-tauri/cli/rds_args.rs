//! The command line of `fob rds`.

use crate::{completion, help};
use clap::{Args, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCandidates;
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum RdsCommand {
    /// Print an auth token, used as the password of an RDS or Aurora database
    #[command(after_long_help = help::RDS_TOKEN)]
    Token(RdsTokenArgs),
    /// List the databases of the configuration
    #[command(after_long_help = help::RDS_LIST)]
    List {
        /// The output format [default: table]
        #[arg(long)]
        format: Option<TableFormat>,
    },
    /// Run a client of a database, with the login in its environment
    #[command(after_long_help = help::RDS_EXEC)]
    Exec(RdsExecArgs),
    /// Listen on a port of this machine for clients that know nothing of IAM
    #[command(after_long_help = help::RDS_PROXY)]
    Proxy(RdsProxyArgs),
}

#[derive(Debug, Args)]
pub struct RdsProxyArgs {
    /// The databases
    #[arg(required = true, value_name = "NAME", add = ArgValueCandidates::new(completion::databases))]
    pub names: Vec<String>,
    /// The port of 127.0.0.1, of a single database [default: `proxy.port` of the database, else a
    /// free one]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// The certificates that the server's is checked against [default: `proxy.ca` of the database,
    /// PGSSLROOTCERT, else the system's]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub ca: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    Table,
    Json,
}

#[derive(Debug, Args)]
pub struct RdsExecArgs {
    /// The database
    #[arg(value_name = "NAME", add = ArgValueCandidates::new(completion::databases))]
    pub name: String,
    /// The certificates that the server's is checked against: AWS's, from
    /// https://truststore.pki.rds.amazonaws.com
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub ca: Option<PathBuf>,
    /// The command and its arguments [default: your shell]
    #[arg(last = true, value_name = "CMD", value_hint = clap::ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub struct RdsTokenArgs {
    /// The database, as named in the configuration; with --host, the identity
    #[arg(value_name = "NAME", add = ArgValueCandidates::new(completion::databases))]
    pub name: Option<String>,
    /// The endpoint that AWS shows for the database, also where it is reached through a tunnel or
    /// an alias; with --user, of a database that is not in the configuration
    #[arg(long, value_hint = clap::ValueHint::Hostname)]
    pub host: Option<String>,
    /// The port of --host [default: that of the engine, else 5432]
    #[arg(long, requires = "host", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// The database user
    #[arg(long, requires = "host", value_hint = clap::ValueHint::Other)]
    pub user: Option<String>,
    /// The region of --host [default: the one in its name, else the identity's]
    #[arg(long, requires = "host")]
    pub region: Option<String>,
    /// Sign a new token, or read the password again, even if the last one is still valid
    #[arg(long)]
    pub force: bool,
    /// Print the password that the database's `password_secret` names
    #[arg(long, conflicts_with = "host")]
    pub password: bool,
    /// Print the token as a URL has it (postgresql://app:TOKEN@…)
    #[arg(long, conflicts_with = "json")]
    pub url_encoded: bool,
}

impl RdsTokenArgs {
    /// Of a database of the configuration.
    pub fn of(name: &str) -> RdsTokenArgs {
        RdsTokenArgs {
            name: Some(name.to_owned()),
            host: None,
            port: None,
            user: None,
            region: None,
            force: false,
            password: false,
            url_encoded: false,
        }
    }
}
