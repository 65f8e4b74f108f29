//! The file itself: where it is, its text with bounds, and the tree under `auth`, the only key that
//! is read.

use super::yaml::{self, Member, Node, Value};
use crate::environment::Environment;
use crate::error::{Code, Error, Result, shorten};
use crate::files;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use zeroize::Zeroizing;

/// The user's own file, in the folder for it.
pub(super) const NAME: &str = "config.yaml";
const LARGEST: u64 = 1024 * 1024;
const HINT: &str =
    "a configuration has the top-level key `auth`, with `providers` and `identities` below it";

/// A path, and what chose it.
pub(super) struct Chosen {
    pub path: PathBuf,
    pub by: &'static str,
}

/// `--config` > `FOB_CONFIG` > the user's own file. Never the working directory: a cloned
/// repository must not choose where its users sign in.
pub(super) fn choose(explicit: Option<&Path>, environment: &Environment) -> Result<Chosen> {
    let variable = environment
        .raw("FOB_CONFIG")
        .filter(|path| !path.is_empty())
        .map(Path::new);
    let (path, by) = match (explicit, variable) {
        (Some(path), _) if path.as_os_str().is_empty() => {
            return Err(Error::new(
                Code::Usage,
                "the path given with --config is empty",
            ));
        }
        (Some(path), _) => (environment.working_directory().join(path), "--config"),
        (None, Some(path)) => (environment.working_directory().join(path), "FOB_CONFIG"),
        (None, None) => (environment.config_folder()?.join(NAME), "the default path"),
    };
    Ok(Chosen { path, by })
}

/// Canonical and absolute.
pub(super) fn existing(path: &Path) -> Result<PathBuf> {
    let path = match dunce::canonicalize(path) {
        Ok(canonical) => canonical,
        Err(_) if is_missing(path) => return Err(not_found(path, "the path given")),
        Err(cause) => return Err(Error::file(path, "read", &cause)),
    };
    // The path becomes part of lines in other programs' files.
    let shown = path.to_string_lossy();
    if shown.contains(char::is_control) {
        let message = format!(
            "the path {} contains control characters",
            shorten(&path.to_string_lossy())
        );
        return Err(Error::new(Code::ConfigInvalid, message).hint("rename the folder or file"));
    }
    Ok(path)
}

/// A path that loops or may not be looked at is there: reading it shows why it fails.
pub(super) fn is_missing(path: &Path) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    std::fs::metadata(path).is_err_and(|cause| matches!(cause.kind(), NotFound | NotADirectory))
}

pub(super) fn not_found(path: &Path, chosen_by: &str) -> Error {
    Error::new(
        Code::ConfigNotFound,
        format!(
            "there is no configuration at {} \
        ({chosen_by})",
            path.display()
        ),
    )
    .hint(
        "`fob init` makes one by asking; or write `auth: \
            {identities: {dev: {kind: aws/user, default: true}}}` to that file",
    )
    .hint("to use another one, such as an atmos.yaml, name it with --config PATH or FOB_CONFIG")
    .hint(
        "`fob sandbox` needs no configuration: it brings an AWS and a configuration of its \
            own",
    )
}

/// What describes a file that cannot be used.
type Refuse = fn(&Path, &str) -> Error;

/// The configuration as text, whole and bounded. Nobody but this user and root may have written it.
pub(super) fn text(path: &Path) -> Result<Zeroizing<String>> {
    let file = open(path, unusable)?;
    files::check_unshared(&file, path).map_err(|error| Error {
        code: Code::ConfigInvalid,
        ..error
    })?;
    read(&file, path, unusable)
}

/// The text of another file that is to be changed: the same holds for it.
pub(super) fn unshared_text(path: &Path, refuse: Refuse) -> Result<Zeroizing<String>> {
    let file = open(path, refuse)?;
    files::check_unshared(&file, path)?;
    read(&file, path, refuse)
}

/// The text of another file.
pub(super) fn bounded_text(path: &Path, refuse: Refuse) -> Result<Zeroizing<String>> {
    read(&open(path, refuse)?, path, refuse)
}

fn open(path: &Path, refuse: Refuse) -> Result<File> {
    let unreadable = |cause: std::io::Error| Error::file(path, "read", &cause);
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(refuse(path, "is a folder").hint("name the file in it"));
    }
    if !metadata.is_file() {
        return Err(refuse(path, "is not a regular file"));
    }
    File::open(path).map_err(unreadable)
}

fn read(file: &File, path: &Path, refuse: Refuse) -> Result<Zeroizing<String>> {
    let unreadable = |cause: std::io::Error| Error::file(path, "read", &cause);
    let metadata = file.metadata().map_err(unreadable)?;
    let mut bytes = Zeroizing::new(Vec::new());
    if metadata.len() <= LARGEST {
        file.take(LARGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
    }
    if metadata.len() > LARGEST || bytes.len() as u64 > LARGEST {
        return Err(refuse(path, "is larger than 1 MiB"));
    }
    if bytes.contains(&0) {
        return Err(refuse(path, "is not text: it contains NUL bytes"));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(cause) => {
            let first = cause.valid_up_to() + 1;
            let why = format!("is not UTF-8 text: byte {first} is wrong");
            Err(refuse(path, &why))
        }
    }
}

/// Everything in the file; `None` where it holds nothing but comments.
pub(super) fn root(path: &Path, text: &str) -> Result<Option<Rc<Node>>> {
    let root = yaml::parse(text).map_err(|fault| {
        let yaml::Unreadable {
            line,
            column,
            message,
        } = fault;
        unusable(
            path,
            &format!("cannot be used: line {line}, column {column}: {message}"),
        )
    })?;
    match root {
        Some(root) if !matches!(root.value, Value::Mapping(_)) => {
            Err(unusable(path, &format!("holds {} instead of a mapping", root.noun())).hint(HINT))
        }
        root => Ok(root),
    }
}

/// Nothing but comments is in the file.
pub fn is_blank(path: &Path) -> bool {
    let text = open(path, unusable).and_then(|file| read(&file, path, unusable));
    let root = text.and_then(|text| root(path, &text));
    root.is_ok_and(|root| root.is_none())
}

/// The key `auth`, where there is one.
pub(super) fn only_auth<'r>(path: &Path, root: &'r Node) -> Result<Option<&'r Member>> {
    let is_auth = |member: &&Member| member.key.text() == Some("auth");
    let mut found = root.members().iter().filter(is_auth);
    let auth = found.next();
    if let (Some(first), Some(second)) = (auth, found.next()) {
        let (first, second) = (first.key.at.line, second.key.at.line);
        let why = format!("has the top-level key `auth` twice, on lines {first} and {second}");
        return Err(unusable(path, &why));
    }
    Ok(auth)
}

/// What stands under `auth`.
pub(super) fn auth<'r>(path: &Path, root: Option<&'r Node>) -> Result<&'r Node> {
    let Some(root) = root else {
        return Err(unusable(path, "is empty").hint(HINT));
    };
    let Some(auth) = only_auth(path, root)? else {
        return Err(unusable(path, "has no top-level key `auth`").hint(HINT));
    };
    // Nothing below it, or comments alone: a configuration without identities.
    if !matches!(auth.value.value, Value::Mapping(_) | Value::Null) {
        let (at, noun) = (auth.value.at, auth.value.noun());
        let why = format!(
            "cannot be used: line {}, column {}: `auth` holds {noun} instead of a mapping",
            at.line, at.column
        );
        return Err(unusable(path, &why).hint(HINT));
    }
    Ok(&auth.value)
}

pub(super) fn unusable(path: &Path, why: &str) -> Error {
    Error::new(
        Code::ConfigInvalid,
        format!("the configuration {} {why}", path.display()),
    )
}
