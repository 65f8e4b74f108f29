//! Where files that live as long as a child are put.

use keyfob_core::environment::Environment;
use keyfob_core::error::Result;
use keyfob_core::files;
use std::path::{Path, PathBuf};

/// A folder that ends with the user's last session; where the system has none, the one for
/// temporary files.
pub fn runtime_folder(environment: &Environment) -> Result<PathBuf> {
    let parent = environment.raw("XDG_RUNTIME_DIR").map(Path::new);
    let Some(parent) = parent.filter(|parent| parent.is_absolute() && parent.is_dir()) else {
        return Ok(std::env::temp_dir());
    };
    let folder = parent.join("keyfob");
    files::create_folder(&folder).map_err(|error| {
        error.hint("if XDG_RUNTIME_DIR is not your own, as after `sudo -E`, unset it")
    })?;
    Ok(folder)
}
