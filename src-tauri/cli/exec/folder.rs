//! Files that live as long as a child: in a folder, and with rights, of this user alone.

use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error, Result};
use keyfob_core::files;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Removed when it is dropped.
pub fn private_folder(prefix: &str, parent: Option<&Path>) -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    parent
        .map_or_else(|| builder.tempdir(), |parent| builder.tempdir_in(parent))
        .map_err(|cause| {
            Error::new(
                Code::FilesUnwritable,
                format!("cannot create a temporary folder: {cause}"),
            )
            .hint("set TMPDIR to a writable folder")
        })
}

/// A folder that ends with the user's last session. `None` where the system has none.
pub fn runtime_folder(environment: &Environment) -> Result<Option<PathBuf>> {
    let parent = environment.raw("XDG_RUNTIME_DIR").map(Path::new);
    let Some(parent) = parent.filter(|parent| parent.is_absolute() && parent.is_dir()) else {
        return Ok(None);
    };
    let folder = parent.join("keyfob");
    files::create_folder(&folder).map_err(|error| {
        error.hint("if XDG_RUNTIME_DIR is not your own, as after `sudo -E`, unset it")
    })?;
    Ok(Some(folder))
}

pub fn write_private(folder: &TempDir, name: &str, text: &str) -> Result<PathBuf> {
    let path = folder.path().join(name);
    let written = files::open_private(&path)?.write_all(text.as_bytes());
    written.map_err(|cause| Error::file(&path, "write", &cause))?;
    Ok(path)
}
