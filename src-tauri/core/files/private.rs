//! Private files and folders: made for their owner only, replaced whole or not at all. A link is
//! not followed, and what belongs to another user is not used.

#[cfg(unix)]
use super::ownership::check_parents;
use super::ownership::{check_file, check_folder, follow_no_link, for_its_owner};
use crate::error::{ELSEWHERE, Error, Result};
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::NamedTempFile;

/// Nothing kept here is larger; what is was not written by Keyfob.
const LARGEST: u64 = 16 << 20;
const SUFFIX: &str = ".keyfob-new";
/// `ERROR_ACCESS_DENIED` and `ERROR_SHARING_VIOLATION`.
const IN_USE: [Option<i32>; 2] = [Some(5), Some(32)];
const BETWEEN_TRIES: Duration = Duration::from_millis(20);
const MOST_TRIES: u32 = 100;

/// Creates `folder` and what is missing above it, each for its owner only. Afterwards it is a
/// folder that other users cannot change: an error that names it otherwise.
pub fn create_folder(folder: &Path) -> Result<()> {
    #[cfg(unix)]
    check_parents(folder)?;
    if fs::symlink_metadata(folder).is_err() {
        create_missing(folder)?;
    }
    check_folder(folder)
}

fn create_missing(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        create_missing(parent)?;
    }
    let mut builder = DirBuilder::new();
    for_its_owner(&mut builder);
    match builder.create(folder) {
        Ok(()) => make_private(folder).map(drop),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(unwritable(folder, "create the folder", &error)),
    }
}

/// 0700 for a folder and 0600 for a file, whatever the umask made of it; whether that was another.
/// Where a link leads is left as it is. Windows: the profile's own access list holds.
pub fn make_private(path: &Path) -> Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let failed = |error: io::Error| unwritable(path, "set the permissions of", &error);
        let found = fs::symlink_metadata(path).map_err(failed)?;
        let mode = if found.is_dir() { 0o700 } else { 0o600 };
        if !found.is_symlink() && found.permissions().mode() & 0o7777 != mode {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed)?;
            return Ok(true);
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(false)
}

/// Opened for reading and writing, created 0600 when missing.
pub fn open_private(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    follow_no_link(&mut options);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let failed = |error: io::Error| unwritable(path, "open", &error);
    let file = options.open(path).map_err(failed)?;
    check_file(&file, path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .map_err(failed)?;
    Ok(file)
}

/// Adds to the end in one write, and returns once it is on the disk. The caller holds the lock of
/// `path`; a process that is killed meanwhile leaves a part of `content`.
pub fn append(path: &Path, content: &[u8]) -> Result<()> {
    let failed = |error: io::Error| unwritable(path, "write", &error);
    let mut file = open_private(path)?;
    file.seek(io::SeekFrom::End(0)).map_err(failed)?;
    file.write_all(content)
        .and_then(|()| file.sync_data())
        .map_err(failed)
}

/// The whole file; `None` when there is none. Something else of that name (a folder, a link, a
/// pipe) is an error, not a wait.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let failed = |error: io::Error| unwritable(path, "read", &error);
    let mut options = OpenOptions::new();
    options.read(true);
    follow_no_link(&mut options);
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    check_file(&file, path)?;
    let mut content = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut content)
        .map_err(failed)?;
    if content.len() as u64 > LARGEST {
        return Err(failed(io::Error::other("it is larger than 16 MiB")));
    }
    Ok(Some(content))
}

/// A file that is not there is no error.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(unwritable(path, "remove", &error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes beside and renames: a process that is killed leaves the old file or the new one.
/// The caller holds the lock of `path`, so what an earlier writer left beside it when it was killed
/// is swept away.
pub fn replace(path: &Path, content: &[u8]) -> Result<()> {
    write_beside(path, content).map_err(|error| unwritable(path, "write", &error))
}

fn write_beside(path: &Path, content: &[u8]) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::other("it is not the path of a file"));
    };
    for unfinished in unfinished(path)? {
        let _ = fs::remove_file(unfinished);
    }
    let prefix = prefix(name);
    let mut file = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(SUFFIX)
        .tempfile_in(folder)?;
    #[cfg(unix)]
    file.as_file()
        .set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    put_in_place(file, path)?;
    #[cfg(unix)]
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Windows refuses it for as long as another program reads what is there, as AWS tools do.
fn put_in_place(mut file: NamedTempFile, path: &Path) -> io::Result<()> {
    let mut tries = 0;
    loop {
        let Err(refused) = file.persist(path) else {
            return Ok(());
        };
        let is_in_use = IN_USE.contains(&refused.error.raw_os_error());
        if !cfg!(windows) || !is_in_use || tries == MOST_TRIES {
            return Err(refused.error);
        }
        file = refused.file;
        tries += 1;
        std::thread::park_timeout(BETWEEN_TRIES);
    }
}

/// Files beside `path` from writers that were killed.
pub fn unfinished(path: &Path) -> io::Result<Vec<PathBuf>> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(Vec::new());
    };
    let prefix = prefix(name);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let random = name
            .strip_prefix(&prefix)
            .and_then(|rest| rest.strip_suffix(SUFFIX));
        if random.is_some_and(|random| !random.contains('.')) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn prefix(name: &OsStr) -> String {
    format!(".{}.", name.to_string_lossy())
}

pub fn unwritable(path: &Path, doing: &str, cause: &io::Error) -> Error {
    let error = Error::file(path, doing, cause).hint(
        "check that the path is what you meant, that it is yours, and that the disk is not full",
    );
    // As for a service's user: its home cannot be written to.
    if cause.kind() == io::ErrorKind::PermissionDenied {
        error.hint(ELSEWHERE)
    } else {
        error
    }
}

/// A name as part of a file name: a `/` in it is no folder.
pub fn file_name(name: &str) -> String {
    name.replace(['/', '\\'], "_")
}

#[cfg(all(test, windows))]
mod tests {
    use super::*;
    use std::os::windows::fs::OpenOptionsExt;

    #[test]
    fn a_file_that_another_program_reads_is_replaced_once_it_is_done() {
        const READ_AND_WRITE: u32 = 3;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("credentials");
        fs::write(&path, "old").expect("written");
        let mut options = OpenOptions::new();
        options.read(true).share_mode(READ_AND_WRITE);
        let reader = options.open(&path).expect("opened");
        let reading = std::thread::spawn(move || {
            std::thread::park_timeout(BETWEEN_TRIES * 10);
            drop(reader);
        });
        replace(&path, b"new").expect("replaced");
        reading.join().expect("no panic");
        assert_eq!(fs::read(&path).expect("there"), b"new");
    }
}
