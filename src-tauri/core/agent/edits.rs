//! Changes of the configuration file, made by the agent that works for it: plain functions, so that
//! the first file, which has no agent yet, is made the same way.

use super::api::{Caller, Check, Note, Reply, TypedKeys};
use crate::ask::Ask;
use crate::clock::Clock;
use crate::config::{self, Change, Config, EntryList, Import, ImportSource, LeftOut, Trust};
use crate::environment::Environment;
use crate::error::{Code, Error, Result};
use crate::providers::{NewKeys, OtherUser, Replaces, Trail, configure};
use crate::world::World;
use std::path::Path;

/// Profiles of the files of AWS tools that are now in the configuration.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Their identities.
    pub identities: Vec<String>,
    pub notes: Vec<Note>,
}

/// Makes all of the changes or none. Whether the file can be used afterwards the agent knows once
/// it has taken it over.
pub(super) async fn change(world: &World, changes: &[Change]) -> Result<Reply> {
    change_file(world.config().path(), world.environment(), changes).await?;
    Ok(Reply::Edited { problem: None })
}

/// Why there is no configuration: nothing was written there so far.
pub fn is_none_yet(path: &Path, error: &Error) -> bool {
    error.code == Code::ConfigNotFound || config::is_blank(path)
}

/// The same where no agent runs and there may be no file yet. A file that was trusted stays so: it
/// is a person who changes it here.
pub async fn change_file(path: &Path, environment: &Environment, changes: &[Change]) -> Result<()> {
    let trust = Trust::of(environment)?;
    let is_trusted = match Config::load(path, environment) {
        Ok(config) => trust.missing(&config)?.is_empty(),
        Err(error) => is_none_yet(path, &error),
    };
    config::change(path, environment, changes)?;
    if is_trusted {
        trust.add(&Config::load(path, environment)?).await?;
    }
    Ok(())
}

/// Writes these profiles into the configuration and stores their keys, each after STS has accepted
/// them; keys that it does not accept are requested at the next sign-in.
pub(super) async fn import(world: &World, profiles: &[String], trail: &mut Trail) -> Result<Reply> {
    let path = world.config().path();
    let import = plan_import(path, world.environment(), ImportSource::Aws, profiles)?;
    write(path, world.environment(), &import).await?;
    let world = world.reconfigured(Config::load(path, world.environment())?)?;
    let identities = store(&world, import, trail).await;
    Ok(Reply::Imported { identities })
}

/// Imports profiles where no agent runs and there may be no file yet.
///
/// # Errors
/// As [`config::change`] and [`config::import`].
pub async fn import_first(
    path: &Path,
    environment: Environment,
    profiles: &[String],
    caller: &Caller,
) -> Result<Imported> {
    let import = plan_import(path, &environment, ImportSource::Aws, profiles)?;
    import_planned(path, environment, import, caller).await
}

/// What importing everything that a tool has comes to.
#[derive(Clone, Debug)]
pub struct PlannedImport {
    pub import: Import,
    /// What cannot be imported, and why.
    pub left_out: Vec<LeftOut>,
    /// What is written, as YAML.
    pub yaml: String,
}

impl PlannedImport {
    fn of(import: Import, left_out: Vec<LeftOut>) -> Result<PlannedImport> {
        Ok(PlannedImport {
            yaml: config::added(&import.changes)?,
            import,
            left_out,
        })
    }

    /// That are added.
    pub fn identities(&self) -> Vec<String> {
        added(&self.import.changes)
    }

    /// The identities that would get keys.
    pub fn with_keys(&self) -> Vec<String> {
        let keys = self.import.keys.iter();
        keys.map(|it| it.identity.clone()).collect()
    }
}

/// What importing everything of a tool comes to. Changes nothing.
///
/// # Errors
/// As [`config::importable`] and [`config::import`].
pub fn plan_whole_import(
    path: &Path,
    environment: &Environment,
    source: ImportSource,
) -> Result<PlannedImport> {
    let (mut names, mut left_out) = (Vec::new(), Vec::new());
    for found in config::importable(environment, source)? {
        let name = found.profile;
        match found.obstacle {
            Some(reason) => left_out.push(LeftOut { name, reason }),
            None => names.push(name),
        }
    }
    let mut import = plan_import(path, environment, source, &names)?;
    import.notes.extend(source.notes(environment)?);
    PlannedImport::of(import, left_out)
}

/// What importing another configuration comes to, such as an `atmos.yaml`. Changes nothing.
///
/// # Errors
/// As [`Config::load`].
pub fn plan_import_of_configuration(
    path: &Path,
    environment: &Environment,
    other: &Path,
) -> Result<PlannedImport> {
    let beside = there(path, environment)?;
    let (import, left_out) = config::import_configuration(other, environment, beside.as_ref())?;
    PlannedImport::of(import, left_out)
}

/// The configuration that is there.
fn there(path: &Path, environment: &Environment) -> Result<Option<Config>> {
    match Config::load(path, environment) {
        Ok(config) => Ok(Some(config)),
        Err(error) if is_none_yet(path, &error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What importing the profiles of a tool comes to. Changes nothing.
///
/// # Errors
/// As [`config::import`]; and the configuration is there and cannot be read.
pub fn plan_import(
    path: &Path,
    environment: &Environment,
    source: ImportSource,
    profiles: &[String],
) -> Result<Import> {
    let beside = there(path, environment)?;
    config::import(environment, source, profiles, beside.as_ref())
}

/// Writes what was planned, all of it or nothing, and then stores the keys.
///
/// # Errors
/// As [`config::change`].
pub async fn import_planned(
    path: &Path,
    environment: Environment,
    import: Import,
    caller: &Caller,
) -> Result<Imported> {
    write(path, &environment, &import).await?;
    let config = Config::load(path, &environment)?;
    let world = World::open(config, environment, Clock::system())?;
    let mut trail = Trail::of(caller.clone());
    let identities = store(&world, import, &mut trail).await;
    Ok(Imported {
        identities,
        notes: trail.notes,
    })
}

async fn write(path: &Path, environment: &Environment, import: &Import) -> Result<()> {
    if import.changes.is_empty() {
        return Ok(());
    }
    change_file(path, environment, &import.changes).await
}

/// The identities that were added.
async fn store(world: &World, import: Import, trail: &mut Trail) -> Vec<String> {
    trail.notes.extend(import.notes.into_iter().map(Note::Info));
    for keys in import.keys {
        let identity = keys.identity;
        let typed = TypedKeys {
            access_key_id: keys.access_key_id,
            secret_access_key: keys.secret,
            mfa_arn: keys.mfa_arn,
            session_duration: None,
            file: None,
        };
        let ask = Ask::nobody();
        let how = NewKeys {
            check: Check::WithSts,
            other_user: OtherUser::Refused,
            replaces: Replaces::Own,
        };
        let stored = configure(world, &identity, Some(typed), how, &ask, trail);
        if let Err(error) = stored.await {
            let warning = format!("the keys of {identity} were not stored: {error}");
            trail.notes.push(Note::Warning(warning));
        }
    }
    added(&import.changes)
}

fn added(changes: &[Change]) -> Vec<String> {
    let identities = changes.iter().filter_map(|change| match change {
        Change::AddIdentity(new) => Some(new.name.clone()),
        Change::AddEntry(new) if new.of == EntryList::Identities => Some(new.name.clone()),
        Change::AddIdentityCenter(_)
        | Change::AddEntry(_)
        | Change::AddWebIdentity(_)
        | Change::MakeDefault(_)
        | Change::NotifyBefore(_)
        | Change::KeyAge(_)
        | Change::AutoProvision(_) => None,
    });
    identities.collect()
}
