//! What the windows with identity providers' sign-in pages keep: cookies, by which a page knows the
//! person the next time. One folder for each address.

use super::outcome::{Dropped, Mode};
use crate::encode::{random_token, short_hex};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::files;
use crate::ids::Realm;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// `realm` is the folder of the realm's state.
pub(super) fn all_of(realm: &Path, address: &str) -> PathBuf {
    let name = short_hex(&Sha256::digest(address));
    realm.join("pages").join(name)
}

/// The one that is there, else a new one. Each has a name of its own: what a window still holds of
/// one that was removed is no part of the next.
pub fn page_folder(environment: &Environment, realm: &Realm, address: &str) -> Result<PathBuf> {
    let state = environment.state_folder()?;
    let all = all_of(&state.join(realm.file_name()), address);
    files::create_folder(&all)?;
    let kept = fs::read_dir(&all).map_err(|error| Error::file(&all, "read", &error))?;
    let kept = kept.flatten().map(|it| it.path()).find(|it| it.is_dir());
    let folder = kept.unwrap_or_else(|| all.join(random_token::<8>().as_str()));
    files::create_folder(&folder)?;
    Ok(folder)
}

pub(super) fn remove(folder: &Path, mode: Mode) -> Result<Dropped> {
    let removed = match mode {
        Mode::DryRun => fs::symlink_metadata(folder).map(drop),
        Mode::Run => fs::remove_dir_all(folder),
    };
    match removed {
        Ok(()) => Ok(Dropped::Removed),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Dropped::Absent),
        Err(error) => Err(Error::file(folder, "remove the folder", &error)),
    }
}
