//! The file itself: read once, written beside and renamed, so that it is the old one or the new
//! one. Keeps the mode it had, follows links to what they lead to, and refuses when it was changed
//! meanwhile.

use crate::config::file::is_missing;
use crate::error::{Code, Error, Result};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The file as it was read, or its absence.
pub(crate) struct Original {
    path: PathBuf,
    found: Option<(Zeroizing<String>, Permissions)>,
    reader: ReadText,
}

/// Refuses what is no text, or not this user's alone.
type ReadText = fn(&Path) -> Result<Zeroizing<String>>;

impl Original {
    /// `None` where there is no file.
    pub fn read(path: &Path, reader: ReadText) -> Result<Option<Original>> {
        if is_missing(path) {
            return match fs::symlink_metadata(path) {
                Ok(_) => Err(Error::new(
                    Code::FilesUnwritable,
                    format!("{} is a link that leads nowhere", path.display()),
                )
                .hint("remove the link, or make the file that it leads to")),
                Err(_) => Ok(None),
            };
        }
        let real = dunce::canonicalize(path).map_err(|cause| Error::file(path, "read", &cause))?;
        let text = reader(&real)?;
        let permissions = fs::metadata(&real)
            .map_err(|cause| Error::file(&real, "read", &cause))?
            .permissions();
        Ok(Some(Original {
            path: real,
            found: Some((text, permissions)),
            reader,
        }))
    }

    pub fn missing(path: &Path, reader: ReadText) -> Original {
        Original {
            path: path.to_owned(),
            found: None,
            reader,
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn text(&self) -> Option<&Zeroizing<String>> {
        self.found.as_ref().map(|(text, _)| text)
    }

    pub fn replace(&self, text: &str) -> Result<()> {
        let unwritable = |cause: &io::Error| {
            Error::file(&self.path, "write", cause)
                .hint(
                    "check that it is yours, that its folder can be written to, and that the \
                    disk is not full",
                )
                .hint("nothing was changed")
        };
        if self
            .found
            .as_ref()
            .is_some_and(|(_, permissions)| permissions.readonly())
        {
            return Err(unwritable(&io::Error::other("it is read-only")));
        }
        let folder = self
            .path
            .parent()
            .ok_or_else(|| unwritable(&io::Error::other("it is not the path of a file")))?;
        self.create(folder).map_err(|cause| unwritable(&cause))?;
        let beside = self
            .beside(folder, text)
            .map_err(|cause| unwritable(&cause))?;
        match self.text() {
            Some(original) if (self.reader)(&self.path).ok().as_ref() != Some(original) => {
                Err(self.changed_meanwhile())
            }
            Some(_) => beside
                .persist(&self.path)
                .map(drop)
                .map_err(|error| unwritable(&error.error)),
            None => match beside.persist_noclobber(&self.path) {
                Ok(_) => Ok(()),
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                    Err(self.changed_meanwhile())
                }
                Err(error) => Err(unwritable(&error.error)),
            },
        }?;
        // It is there; whether its name outlives a power cut is up to the system where this fails.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
        Ok(())
    }

    /// A folder made for the file is for its owner only.
    fn create(&self, folder: &Path) -> io::Result<()> {
        if self.found.is_some() {
            return Ok(());
        }
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(folder)
    }

    /// Readable by its owner only, until it has the mode of the file it replaces.
    fn beside(&self, folder: &Path, text: &str) -> io::Result<tempfile::NamedTempFile> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let mut beside = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .suffix(".new")
            .tempfile_in(folder)?;
        beside.write_all(text.as_bytes())?;
        if let Some((_, permissions)) = &self.found {
            beside.as_file().set_permissions(permissions.clone())?;
        }
        beside.as_file().sync_all()?;
        Ok(beside)
    }

    fn changed_meanwhile(&self) -> Error {
        Error::new(
            Code::FilesUnwritable,
            format!("{} was changed meanwhile", self.path.display()),
        )
        .hint("nothing was written; try again")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file;

    #[test]
    fn a_file_that_was_changed_or_made_meanwhile_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = dunce::canonicalize(folder.path())
            .expect("a folder")
            .join("config.yaml");
        let missing = Original::missing(&path, file::text);
        fs::write(&path, "theirs").expect("a file");
        let error = missing.replace("ours").expect_err("a refusal");
        assert!(error.message.ends_with("was changed meanwhile"), "{error}");

        let read = Original::read(&path, file::text)
            .expect("readable")
            .expect("there");
        fs::write(&path, "theirs too").expect("a file");
        let error = read.replace("ours").expect_err("a refusal");
        assert_eq!((error.code, error.hints.len()), (Code::FilesUnwritable, 1));
        fs::remove_file(&path).expect("removed");
        assert!(read.replace("ours").is_err());
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }
}
