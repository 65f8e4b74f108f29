//! The configuration from outside: files in a home of their own, loaded and asked.

mod atmos;
mod bad_files;
mod bad_input;
mod chains;
mod edit_files;
mod edit_samples;
mod edits;
mod imports;
mod imports_of_settings;
mod imports_of_tools;
mod mutations;
mod written_values;

use super::edit::document::Document;
use super::problem::Blocked;
use super::*;
use crate::environment::Environment;
use crate::error::{Code, Error, Result};
use crate::ids::ProviderName;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const SAMPLE: &str = include_str!("../../../tests/it/configs/sample.yaml");
const ATMOS: &str = include_str!("../../../tests/it/configs/atmos.yaml");

/// A home of its own with `config.yaml` in it.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn with(text: impl AsRef<[u8]>) -> Home {
        let home = Home {
            folder: tempfile::tempdir().expect("a folder"),
        };
        std::fs::write(home.file(), text).expect("a file");
        home
    }

    fn path(&self) -> PathBuf {
        dunce::canonicalize(self.folder.path()).expect("a folder")
    }

    fn file(&self) -> PathBuf {
        self.path().join("config.yaml")
    }

    fn environment(&self, variables: &[(&str, &str)]) -> Environment {
        let home = self.path().to_string_lossy().into_owned();
        let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        Environment::of(
            [(name, home.as_str())]
                .into_iter()
                .chain(variables.iter().copied()),
        )
    }

    fn load(&self) -> Result<Config> {
        self.load_with(&[])
    }

    fn load_with(&self, variables: &[(&str, &str)]) -> Result<Config> {
        Config::load(&self.file(), &self.environment(variables))
    }
}

fn load(text: &str) -> Config {
    Home::with(text).load().expect("a configuration")
}

fn chain(config: &Config, name: &str) -> Result<Chain> {
    config.chain(config.identity(name)?)
}

/// A text with one change made.
fn edited(path: &Path, text: &str, change: &Change) -> Result<Zeroizing<String>> {
    let document = Document::read(path, text)?;
    document.changed(change).map(|changed| changed.text)
}

fn shown(config: &Config) -> String {
    let line = |it: &Problem| {
        format!(
            "{}:{} {} {}: {}\n",
            it.line, it.column, it.severity, it.path, it.message
        )
    };
    config.problems().iter().map(line).collect()
}

fn worst(config: &Config) -> Option<Severity> {
    config
        .problems()
        .iter()
        .map(|problem| problem.severity)
        .min()
}
