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
    for outcome in profiles.iter_mut().filter(|it| it.result.is_there()) {
        let chain = config.chain(config.identity(&outcome.name)?)?;
        let details = [outcome.detail.take(), not_in_a_profile(&chain)];
        let details: Vec<String> = details.into_iter().flatten().collect();
        outcome.detail = Some(details.join("; ")).filter(|it| !it.is_empty());
    }
    profiles.extend(left_out);
    Ok(ProfilesReport::of(&file, mode, profiles))
}

/// What the identity has and AWS tools do not learn from its profile.
fn not_in_a_profile(chain: &Chain) -> Option<String> {
    let names: Vec<_> = chain.env.iter().map(|(name, _)| name.as_str()).collect();
    let env = format!(
        "only `fob exec`, `shell` and `env` set {}",
        names.join(", ")
    );
    let env = (!names.is_empty()).then_some(env);
    let endpoint = chain.target().endpoint_url.as_ref().map(|url| {
        format!(
            "its `endpoint_url` {url} is for Keyfob's own calls: AWS tools call AWS itself \
             unless you add it to the profile"
        )
    });
    let all: Vec<String> = env.into_iter().chain(endpoint).collect();
    Some(all.join("; ")).filter(|it| !it.is_empty())
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
