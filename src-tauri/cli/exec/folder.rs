//! Files that live as long as a child: in a folder, and with rights, of this user alone.

use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error, Result};
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Removed when it is dropped.
pub fn private_folder(prefix: &str, parent: Option<&Path>) -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o700));
    }
    parent
        .map_or_else(|| builder.tempdir(), |parent| builder.tempdir_in(parent))
        .map_err(|cause| {
            Error::new(
                Code::FilesUnwritable,
                format!("cannot make a temporary folder: {cause}"),
            )
            .hint("set TMPDIR to a folder that can be written")
        })
}

/// Where what is there ends with the user's last session. `None` where the system has no such
/// place.
pub fn runtime_folder(environment: &Environment) -> Option<PathBuf> {
    let parent = environment
        .raw("XDG_RUNTIME_DIR")
        .map(Path::new)
        .filter(|path| path.is_absolute())?;
    let folder = parent.join("keyfob");
    let mut builder = DirBuilder::new();
    // Only the last step: a place that is gone is not made.
    builder.recursive(false);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    // It may be there already.
    let _ = builder.create(&folder);
    folder.is_dir().then_some(folder)
}

pub fn write_private(folder: &TempDir, name: &str, text: &str) -> Result<PathBuf> {
    let path = folder.path().join(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|cause| Error::file(&path, "write", &cause))?;
    Ok(path)
}
