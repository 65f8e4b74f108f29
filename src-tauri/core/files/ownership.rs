//! The owner of a folder or an open file. What other users may change is not used: they could swap
//! it between two looks at it. Windows: the profile's own access list holds.

use crate::error::{Code, Error, Result};
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::path::Path;

#[cfg(unix)]
pub use unix::check_unshared;
#[cfg(unix)]
pub(super) use unix::{check_file, check_folder, check_parents, follow_no_link, for_its_owner};

#[cfg(unix)]
mod unix {
    use super::{DirBuilder, File, OpenOptions, Path, Result, look, not_used};
    use crate::error::{Code, Error};
    use rustix::fs::OFlags;
    use std::fs::{self, Metadata};
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};

    const ROOT: u32 = 0;
    const STICKY: u32 = 0o1000;

    /// A folder of this user's that no other may write to.
    pub fn check_folder(folder: &Path) -> Result<()> {
        let found = look(folder)?;
        let wrong = if found.is_symlink() {
            "is a symbolic link"
        } else if !found.is_dir() {
            "is not a folder"
        } else if found.uid() != me() {
            "belongs to another user"
        } else if is_open_to_others(&found) {
            return Err(open_to_others(folder, "700"));
        } else {
            return Ok(());
        };
        Err(not_used(folder, wrong))
    }

    /// The user of a folder above may put another in this one's place. A link on the way counts,
    /// and so does where it leads.
    pub fn check_parents(folder: &Path) -> Result<()> {
        let mut above: Vec<_> = folder.ancestors().skip(1).map(Path::to_owned).collect();
        let real = above
            .iter()
            .find_map(|above| dunce::canonicalize(above).ok());
        above.extend(
            real.iter()
                .flat_map(|real| real.ancestors().map(Path::to_owned)),
        );
        for above in above {
            let Ok(found) = fs::symlink_metadata(&above) else {
                continue;
            };
            let is_shared =
                !found.is_symlink() && found.mode() & STICKY == 0 && is_open_to_others(&found);
            let wrong = if ![me(), ROOT].contains(&found.uid()) {
                "belongs to another user"
            } else if is_shared {
                "can be written to by other users"
            } else {
                continue;
            };
            let wrong = format!("is below {}, which {wrong}", above.display());
            return Err(not_used(folder, &wrong));
        }
        Ok(())
    }

    /// A regular file of this user or of root.
    pub fn check_file(file: &File, path: &Path) -> Result<()> {
        let found = file
            .metadata()
            .map_err(|cause| Error::file(path, "look at", &cause))?;
        if !found.is_file() {
            Err(not_used(path, "is not a file"))
        } else if ![me(), ROOT].contains(&found.uid()) {
            Err(not_used(path, "belongs to another user"))
        } else {
            Ok(())
        }
    }

    /// A file that decides what is done: no other user may have written it, nor put it there.
    pub fn check_unshared(file: &File, path: &Path) -> Result<()> {
        check_file(file, path).map_err(|error| {
            error.hint(format!("if it is yours: chown $USER '{}'", path.display()))
        })?;
        let found = file
            .metadata()
            .map_err(|cause| Error::file(path, "look at", &cause))?;
        if is_open_to_others(&found) {
            return Err(open_to_others(path, "go-w"));
        }
        check_parents(path)
    }

    pub fn for_its_owner(folder: &mut DirBuilder) {
        folder.mode(0o700);
    }

    /// Opening a link fails, and a pipe is no wait.
    pub fn follow_no_link(options: &mut OpenOptions) {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }

    fn me() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    /// A group that has the user's own number is the user's alone, where the system gives each one.
    fn is_open_to_others(found: &Metadata) -> bool {
        found.mode() & 0o002 != 0 || found.mode() & 0o020 != 0 && found.gid() != found.uid()
    }

    fn open_to_others(path: &Path, mode: &str) -> Error {
        let path = path.display();
        let message = format!("{path} is not used: it can be written to by other users");
        Error::new(Code::FilesUnwritable, message).hint(format!(
            "look at what is in it, then: chmod {mode} '{path}'"
        ))
    }
}

fn look(path: &Path) -> Result<Metadata> {
    fs::symlink_metadata(path).map_err(|cause| Error::file(path, "look at", &cause))
}

fn not_used(path: &Path, why: &str) -> Error {
    Error::new(
        Code::FilesUnwritable,
        format!("{} is not used: it {why}", path.display()),
    )
    .hint("find out who made it and why; remove it, or choose a place that only you can write to")
}

#[cfg(not(unix))]
mod elsewhere {
    use super::{DirBuilder, File, OpenOptions, Path, Result, look, not_used};
    use crate::error::Error;

    pub fn check_folder(folder: &Path) -> Result<()> {
        let found = look(folder)?;
        if found.is_symlink() {
            Err(not_used(folder, "is a symbolic link"))
        } else if !found.is_dir() {
            Err(not_used(folder, "is not a folder"))
        } else {
            Ok(())
        }
    }

    pub fn check_file(file: &File, path: &Path) -> Result<()> {
        let found = file
            .metadata()
            .map_err(|cause| Error::file(path, "look at", &cause))?;
        if found.is_file() {
            Ok(())
        } else {
            Err(not_used(path, "is not a file"))
        }
    }

    pub fn check_unshared(file: &File, path: &Path) -> Result<()> {
        check_file(file, path)
    }

    pub fn for_its_owner(_folder: &mut DirBuilder) {}

    pub fn follow_no_link(_options: &mut OpenOptions) {}
}

#[cfg(not(unix))]
pub use elsewhere::check_unshared;
#[cfg(not(unix))]
pub(super) use elsewhere::{check_file, check_folder, follow_no_link, for_its_owner};
