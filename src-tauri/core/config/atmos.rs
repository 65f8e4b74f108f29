//! What Atmos knows and Keyfob has no use for, and the files that only Atmos reads.

use super::problem::{Blocked, Location, Problems};
use super::yaml::{Node, Value};
use crate::error::shorten;
use std::path::Path;

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
const FOLDERS: [&str; 3] = [".atmos.d", "atmos.d", "profiles"];

/// A notice for each file that Atmos would read as well.
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
    let is_atmos = path.file_stem().is_some_and(|stem| stem == "atmos");
    let folder = path.parent().filter(|_| is_atmos);
    for name in FOLDERS {
        if folder.is_some_and(|folder| folder.join(name).is_dir()) {
            report(root, name, &format!("the folder `{name}`"));
        }
    }
}

/// The key at the top of the file.
pub(super) const IMPORT: &str = "import";
