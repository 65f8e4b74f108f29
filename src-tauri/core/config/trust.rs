//! Whether a configuration may be used. Its author decides which programs run, which
//! servers are called and what is set: the user's own file is trusted, any other once by a person,
//! by its path and by these parts of it. Digests of them are kept in the state folder.

use super::configuration::Config;
use super::file;
use super::sensitive::SensitivePart;
use crate::clock::Clock;
use crate::environment::Environment;
use crate::error::{Code, Error, Result};
use crate::files::{self, FILE_LOCK_LIMIT, FileLock, Patience};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const FILE: &str = "trusted.json";
const VERSION: u32 = 1;

/// Digests of trusted parts, by the canonical path of the configuration.
#[derive(Debug, Serialize, Deserialize)]
struct TrustFile {
    v: u32,
    configurations: BTreeMap<String, BTreeSet<String>>,
}

/// The configurations that were trusted.
#[derive(Clone, Debug)]
pub struct Trust {
    path: PathBuf,
    /// The user's own file.
    own: Option<PathBuf>,
}

impl Trust {
    pub fn of(environment: &Environment) -> Result<Trust> {
        let own = environment.config_folder().ok();
        let own = own.map(|folder| folder.join(file::NAME));
        Ok(Trust {
            path: environment.state_folder()?.join(FILE),
            own: own.and_then(|own| dunce::canonicalize(own).ok()),
        })
    }

    /// Whether it is the user's own file, which needs no trust.
    pub fn is_own(&self, config: &Config) -> bool {
        self.own.as_deref() == Some(config.path())
    }

    /// What a person has not trusted yet, in file order. Nothing of the user's own file.
    pub fn missing<'c>(&self, config: &'c Config) -> Result<Vec<&'c SensitivePart>> {
        if self.is_own(config) {
            return Ok(Vec::new());
        }
        let trusted = self.read()?.configurations.remove(&key(config.path())?);
        let trusted = trusted.unwrap_or_default();
        let parts = config.sensitive_parts().iter();
        Ok(parts.filter(|it| !trusted.contains(it.digest())).collect())
    }

    /// An error that names the way out where anything is missing.
    pub fn check(&self, config: &Config) -> Result<()> {
        let missing = self.missing(config)?.len();
        if missing == 0 {
            return Ok(());
        }
        let path = config.path().display();
        let why = if missing == config.sensitive_parts().len() {
            "is not trusted yet: it is not your own file, and it decides which programs run and \
             which servers are called"
        } else {
            "has changed in what it runs, calls or sets since it was trusted"
        };
        let message = format!("the configuration {path} {why}");
        Err(Error::new(Code::ConfigUntrusted, message).hint(format!(
            "`fob trust '{path}'` shows what it does and lets you trust it"
        )))
    }

    /// From now on, for exactly what `config` does.
    pub async fn add(&self, config: &Config) -> Result<()> {
        if self.is_own(config) {
            return Ok(());
        }
        let parts = config.sensitive_parts().iter();
        let digests = parts.map(|it| it.digest().to_owned()).collect();
        let path = key(config.path())?;
        let add = |all: &mut TrustFile| {
            all.configurations.insert(path.clone(), digests);
        };
        self.change(add).await?;
        tracing::info!(path, "configuration trusted");
        Ok(())
    }

    /// Whether it was trusted.
    pub async fn remove(&self, configuration: &Path) -> Result<bool> {
        let path = key(configuration)?;
        if !self.paths()?.contains(&path) {
            return Ok(false);
        }
        let remove = |all: &mut TrustFile| drop(all.configurations.remove(&path));
        self.change(remove).await.map(|()| true)
    }

    pub fn paths(&self) -> Result<Vec<String>> {
        Ok(self.read()?.configurations.into_keys().collect())
    }

    /// When the list last changed.
    pub fn changed_at(&self) -> Option<SystemTime> {
        std::fs::metadata(&self.path).ok()?.modified().ok()
    }

    async fn change(&self, change: impl FnOnce(&mut TrustFile)) -> Result<()> {
        let lock = self.path.with_extension("lock");
        let patience = Patience::AtMost(FILE_LOCK_LIMIT);
        let _lock = FileLock::acquire(&lock, patience, &Clock::system()).await?;
        let mut all = self.read()?;
        change(&mut all);
        let text = serde_json::to_vec(&all).expect("it holds text only");
        files::replace(&self.path, &text)
    }

    fn read(&self) -> Result<TrustFile> {
        let Some(text) = files::read(&self.path)? else {
            return Ok(TrustFile {
                v: VERSION,
                configurations: BTreeMap::new(),
            });
        };
        let read = serde_json::from_slice::<TrustFile>(&text).ok();
        read.filter(|it| it.v == VERSION).ok_or_else(|| {
            let message = format!("{} cannot be understood", self.path.display());
            Error::new(Code::FilesUnwritable, message)
                .hint("remove it, then trust your configurations again")
        })
    }
}

fn key(path: &Path) -> Result<String> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| {
        let message = format!("the path {} is not valid UTF-8", path.display());
        Error::new(Code::ConfigInvalid, message).hint("rename the folder or file")
    })
}
