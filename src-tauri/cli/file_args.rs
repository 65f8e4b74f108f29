//! The command line of commands about files: trust in a configuration, profiles, imports.

use crate::{completion, help};
use clap::{Args, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCandidates;
use keyfob_core::config::ImportSource;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct TrustArgs {
    /// The configuration [default: --config, FOB_CONFIG, else your own]
    #[arg(value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    pub path: Option<PathBuf>,
    /// Trust it no longer, and stop its agent
    #[arg(long, conflicts_with = "yes")]
    pub remove: bool,
    /// List the configurations that are trusted
    #[arg(long, conflicts_with_all = ["path", "remove", "yes"])]
    pub list: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Subcommand)]
pub enum ProfilesCommand {
    /// Write the profile of an identity, or of all; again after `fob` has moved
    #[command(after_long_help = help::PROFILES)]
    Write(ProfilesArgs),
    /// Remove what `fob profiles write` wrote
    #[command(after_long_help = help::PROFILES)]
    Remove(ProfilesArgs),
}

#[derive(Debug, Args)]
pub struct ProfilesArgs {
    /// The identity [default: all]
    #[arg(value_name = "IDENTITY", add = ArgValueCandidates::new(completion::identities))]
    pub name: Option<String>,
    /// Only show what would be done
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The tool
    pub source: ImportFrom,
    /// The configuration [default: ./atmos.yaml], or of other tools the folder with the files
    /// `config` and `credentials` [default: ~/.aws]
    #[arg(value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    pub path: Option<PathBuf>,
    /// Only show what would be written
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask: write it, and store access keys in the keyring
    #[arg(long)]
    pub yes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImportFrom {
    Atmos,
    Aws,
    AwsVault,
    Granted,
    Leapp,
}

impl ImportFrom {
    /// `None`: it has files of its own.
    pub fn of_aws_files(self) -> Option<ImportSource> {
        match self {
            ImportFrom::Atmos => None,
            ImportFrom::Aws => Some(ImportSource::Aws),
            ImportFrom::AwsVault => Some(ImportSource::AwsVault),
            ImportFrom::Granted => Some(ImportSource::Granted),
            ImportFrom::Leapp => Some(ImportSource::Leapp),
        }
    }
}
