//! Changes of the configuration file, made by the agent that works for it: plain functions, so that
//! the first file, which has no agent yet, is made the same way.

use super::api::{Answered, Caller, Check, Note, Reply, TypedKeys};
use crate::auth::{Auth, Rejected, World};
use crate::config::{self, Change, Config, Import, ImportedKeys};
use crate::environment::Environment;
use crate::error::{Code, Result};
use std::path::Path;

/// Profiles of the files of AWS tools that are now in the configuration.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Their identities.
    pub identities: Vec<String>,
    pub notes: Vec<Note>,
}

/// Makes all of the changes or none. Whether the file can be used afterwards the agent knows once it
/// has taken it over.
pub(super) fn change(auth: &Auth, changes: &[Change]) -> Answered {
    let done = Config::change(auth.config().path(), auth.environment(), changes);
    Answered {
        notes: Vec::new(),
        reply: done.map_or_else(Reply::Failed, |()| Reply::Edited { problem: None }),
    }
}

/// Writes these profiles into the configuration and stores their keys, each after STS has accepted
/// them; keys that it does not accept are asked for at the next sign-in.
pub(super) async fn import(auth: &Auth, profiles: &[String], caller: &Caller) -> Answered {
    let path = auth.config().path();
    let written = write(path, auth.environment(), profiles).and_then(|import| {
        let config = Config::load(path, auth.environment())?;
        Ok((import, auth.reconfigured(config)?))
    });
    match written {
        Ok((import, auth)) => {
            let Imported { identities, notes } = store(&auth, import, caller).await;
            let reply = Reply::Imported { identities };
            Answered { notes, reply }
        }
        Err(error) => Answered {
            notes: Vec::new(),
            reply: Reply::Failed(error),
        },
    }
}

/// As [`import`], where no agent runs and there may be no file yet.
///
/// # Errors
/// As [`Config::change`] and [`config::import`].
pub async fn import_first(
    path: &Path,
    environment: Environment,
    profiles: &[String],
    caller: &Caller,
) -> Result<Imported> {
    let import = write(path, &environment, profiles)?;
    let config = Config::load(path, &environment)?;
    let auth = Auth::new(config, World::system(environment))?;
    Ok(store(&auth, import, caller).await)
}

fn write(path: &Path, environment: &Environment, profiles: &[String]) -> Result<Import> {
    let taken: Vec<String> = match Config::load(path, environment) {
        Ok(config) => {
            let identities = config.identities().iter();
            identities
                .map(|identity| identity.name.to_string())
                .collect()
        }
        Err(error) if error.code == Code::ConfigNotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let import = config::import(environment, profiles, &taken)?;
    Config::change(path, environment, &import.changes)?;
    Ok(import)
}

async fn store(auth: &Auth, import: Import, caller: &Caller) -> Imported {
    let Import {
        changes,
        keys,
        notes,
    } = import;
    let mut notes: Vec<Note> = notes.into_iter().map(Note::Info).collect();
    for keys in keys {
        let ImportedKeys {
            identity,
            access_key_id,
            secret,
            mfa_arn,
        } = keys;
        let typed = TypedKeys {
            access_key_id,
            secret_access_key: secret,
            mfa_arn,
            session_duration: None,
        };
        let stored = auth.configure(&identity, &typed, Check::WithSts, caller);
        match stored.await {
            Ok((_, said)) => notes.extend(said),
            Err(Rejected::SecretMismatch(error) | Rejected::Final(error)) => {
                let warning = format!("the keys of {identity} were not stored: {error}");
                notes.push(Note::Warning(warning));
            }
        }
    }
    let identities = changes.into_iter().filter_map(|change| match change {
        Change::AddIdentity(new) => Some(new.name),
        Change::MakeDefault(_) | Change::NotifyBefore(_) => None,
    });
    Imported {
        identities: identities.collect(),
        notes,
    }
}
