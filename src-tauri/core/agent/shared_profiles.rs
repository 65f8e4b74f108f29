//! The profiles of a configuration's identities in the user's own file of AWS tools. No agent has
//! a part in it: they are the same whether one runs or not.

use crate::config::{Chain, Config, SharedProfiles, Trust};
use crate::environment::Environment;
use crate::error::Result;
use crate::store::{Mode, ProfileOutcome, ProfileResult, SharedConfigFile, WantedProfile};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What became of the profiles, or would.
#[derive(Clone, Debug, Serialize)]
pub struct ProfilesReport {
    pub path: PathBuf,
    pub dry_run: bool,
    pub profiles: Vec<ProfileOutcome>,
}

impl ProfilesReport {
    fn of(file: &SharedConfigFile, mode: Mode, profiles: Vec<ProfileOutcome>) -> ProfilesReport {
        ProfilesReport {
            path: file.path().to_owned(),
            dry_run: mode == Mode::DryRun,
            profiles,
        }
    }

    /// 1 if something was not done, and nothing else was.
    pub fn exit_code(&self) -> u8 {
        let is_done = |it: &ProfileOutcome| it.result.is_done();
        u8::from(!self.profiles.is_empty() && !self.profiles.iter().any(is_done))
    }
}

/// Writes the profile of one identity, or those of all, and removes those of identities that are
/// no longer there.
///
/// # Errors
/// The configuration is not trusted, there is no such identity, or a file of AWS tools cannot be
/// read or written.
pub async fn write(
    config: &Config,
    environment: &Environment,
    only: Option<&str>,
    mode: Mode,
) -> Result<ProfilesReport> {
    config.usable()?;
    Trust::of(environment)?.check(config)?;
    let file = SharedConfigFile::of(environment, config.path())?;
    let credentials = SharedProfiles::of_credentials(environment)?;
    let mut left_out = Vec::new();
    let (wanted, known) = if let Some(name) = only {
        let chain = config.chain(config.identity(name)?)?;
        (vec![wanted(&chain)], None)
    } else {
        let (mut usable, mut known) = (Vec::new(), Vec::new());
        for identity in config.identities() {
            known.push(identity.name.to_string());
            match config.chain(identity) {
                Ok(chain) => usable.push(wanted(&chain)),
                Err(error) => {
                    let result = ProfileResult::LeftOut;
                    let name = identity.name.as_str();
                    left_out.push(ProfileOutcome::of(name, result, Some(error.message)));
                }
            }
        }
        (usable, Some(known))
    };
    let known = known.as_deref();
    let mut profiles = file.write(&wanted, known, &credentials, mode).await?;
    profiles.extend(left_out);
    Ok(ProfilesReport::of(&file, mode, profiles))
}

fn wanted(chain: &Chain) -> WantedProfile {
    WantedProfile {
        name: chain.identity.to_string(),
        region: chain.written_region.as_ref().map(ToString::to_string),
    }
}

/// Removes one profile, or all, that were written for the configuration at this path, which need
/// not be there any more.
///
/// # Errors
/// The file cannot be read or written.
pub async fn remove(
    configuration: &Path,
    environment: &Environment,
    only: Option<&str>,
    mode: Mode,
) -> Result<ProfilesReport> {
    let real = dunce::canonicalize(configuration);
    let file = SharedConfigFile::of(environment, &real.unwrap_or(configuration.to_owned()))?;
    let profiles = file.remove(only, mode).await?;
    Ok(ProfilesReport::of(&file, mode, profiles))
}
