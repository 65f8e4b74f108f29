//! What Atmos knows and Keyfob has no use for, and the files that only Atmos reads.

use super::file;
use super::problem::{Blocked, Location, Problems};
use super::yaml::{Node, Value};
use crate::error::shorten;
use std::fs;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

/// An endpoint, as Atmos has it: of an identity, and of a provider.
pub(super) const IDENTITY_ENDPOINT: &str = "credentials.aws.resolver.url";
pub(super) const PROVIDER_ENDPOINT: &str = "spec.aws.resolver.url";

/// Keys below `auth`, wherever they stand.
pub(super) const KEYS: &[&str] = &[
    "alias",
    "aws",
    "browser_executable_path",
    "browser_type",
    "default",
    "download_browser_driver",
    "driver",
    "integrations",
    "isolated",
    "logs",
    "password",
    "provider_type",
    "role_session_name",
    "tags",
    "username",
    "webflow_enabled",
];

/// Keys of `auth` itself, of a provider or an identity; further down they mean nothing to Atmos
/// either.
pub(super) const ENTRY_KEYS: &[&str] = &[
    "console",
    "emulator",
    "enabled",
    "provider",
    "require_identity",
    "required",
];

/// Kinds that have not the form of one of another cloud.
pub(super) const KINDS: &[&str] = &["ambient", "aws/emulator", "aws/sso", "emulator", "mock"];

/// Beside an `atmos.yaml`.
const FOLDERS: [&str; 4] = [".atmos.d", "atmos.d", ".atmos/profiles", "profiles"];
/// Entries that are looked at in each of them.
const MOST_ENTRIES: usize = 500;

/// A notice for each file that Atmos would read as well, of those in folders for each with `auth`.
pub(super) fn report_unread(path: &Path, root: &Node, problems: &Problems) {
    let report = |node: &Node, key: &str, what: &str| {
        let location = Location {
            at: node.at,
            path: key.to_owned(),
            subject: Blocked::None,
        };
        let message = format!(
            "{what} is not read: Keyfob reads one file; what its identities need belongs under \
             `auth` in it"
        );
        problems.notice(&location, message);
    };
    if let Some(import) = root.child(IMPORT) {
        let items = match &import.value {
            Value::Sequence(items) => items.iter().map(AsRef::as_ref).collect(),
            Value::Scalar(_) | Value::Null | Value::Mapping(_) => vec![import],
        };
        for item in items {
            let name = item.text().or_else(|| item.child("path")?.text());
            if let Some(name) = name {
                report(item, IMPORT, &format!("the import `{}`", shorten(name)));
            }
        }
    }
    let stem = path.file_stem().unwrap_or_default();
    let Some(folder) = path
        .parent()
        .filter(|_| stem == "atmos" || stem == ".atmos")
    else {
        return;
    };
    for found in FOLDERS.iter().flat_map(|it| with_auth(&folder.join(it))) {
        let name = found.strip_prefix(folder).unwrap_or(&found);
        // As Atmos writes paths, on Windows too.
        let name = shorten(&name.to_string_lossy().replace(MAIN_SEPARATOR, "/"));
        report(root, IMPORT, &format!("the file `{name}`"));
    }
}

/// The YAML files below a folder that have an `auth` at the top. Links to folders are not followed.
fn with_auth(folder: &Path) -> Vec<PathBuf> {
    let (mut folders, mut found, mut left) = (vec![folder.to_owned()], Vec::new(), MOST_ENTRIES);
    while let Some(folder) = folders.pop() {
        let entries: Vec<_> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .take(left)
            .collect();
        left -= entries.len();
        for entry in entries.into_iter().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|it| it.is_dir()) {
                folders.push(path);
            } else if is_yaml(&path) && has_auth(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|it| it == "yaml" || it == "yml")
}

fn has_auth(path: &Path) -> bool {
    let text = file::bounded_text(path, file::unusable);
    text.is_ok_and(|text| text.lines().any(|line| line.starts_with("auth:")))
}

/// The key at the top of the file; files that Atmos reads without it count as imported, too.
pub(super) const IMPORT: &str = "import";
