//! One look at the folders of a store: what has no file there was never written, and needs no look
//! of its own. Of thousands of roles that a provider assigns a few were ever used.

use super::entries::Entries;
use super::keyring::EntryKind;
use super::lock::SignInLock;
use super::sign_outs::SignOuts;
use crate::files::Stamp;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

#[derive(Debug)]
pub struct Glance<'a> {
    entries: &'a Entries,
    sign_outs: &'a SignOuts,
    locks: FolderNames,
    marks: FolderNames,
    /// Of the keys that many identities stand on.
    keys: HashMap<String, Stamp>,
}

/// The names of the files in a folder. `None`: they are not known, and each is looked for.
#[derive(Debug)]
struct FolderNames(Option<HashSet<OsString>>);

impl<'a> Glance<'a> {
    pub(super) fn of(entries: &'a Entries, sign_outs: &'a SignOuts) -> Glance<'a> {
        Glance {
            locks: FolderNames::of(&entries.locks.folder),
            marks: FolderNames::of(&sign_outs.folder),
            entries,
            sign_outs,
            keys: HashMap::new(),
        }
    }

    /// Without a look at the folders, for one identity.
    pub(super) fn at_each(entries: &'a Entries, sign_outs: &'a SignOuts) -> Glance<'a> {
        Glance {
            entries,
            sign_outs,
            locks: FolderNames(None),
            marks: FolderNames(None),
            keys: HashMap::new(),
        }
    }

    /// When the stored session of an identity was last written, by any process.
    pub fn session_stamp(&self, identity: &str) -> Stamp {
        self.stamp(EntryKind::Session, identity)
    }

    /// The same of a user's keys.
    pub fn keys_stamp(&mut self, identity: &str) -> Stamp {
        if let Some(known) = self.keys.get(identity) {
            return *known;
        }
        let stamp = self.stamp(EntryKind::Keys, identity);
        self.keys.insert(identity.to_owned(), stamp);
        stamp
    }

    /// An unreadable mark counts as one.
    pub fn is_signed_out(&self, name: &str) -> bool {
        self.is_marked(name) && !matches!(self.sign_outs.since(name), Ok(None))
    }

    /// Whether AWS no longer knew the last session.
    pub fn is_refused(&self, name: &str) -> bool {
        self.is_marked(name) && matches!(self.sign_outs.is_refused(name), Ok(true))
    }

    /// Whether a session was ever stored, signed out of, or is being made.
    pub fn is_touched(&self, identity: &str) -> bool {
        let locks = &self.entries.locks;
        let session = self.entries.name(EntryKind::Session, identity);
        let sign_in = SignInLock::path(&locks.folder, identity);
        self.locks.has(&locks.path_of(&session))
            || self.locks.has(&sign_in)
            || self.is_marked(identity)
    }

    fn stamp(&self, kind: EntryKind, name: &str) -> Stamp {
        let path = self.entries.locks.path_of(&self.entries.name(kind, name));
        if self.locks.has(&path) {
            Stamp::of(&path)
        } else {
            Stamp::Never
        }
    }

    fn is_marked(&self, name: &str) -> bool {
        self.marks.has(&self.sign_outs.path(name))
    }
}

impl FolderNames {
    fn of(folder: &Path) -> FolderNames {
        let names = match fs::read_dir(folder) {
            Ok(entries) => entries.map(|entry| Ok(entry?.file_name())).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(HashSet::new()),
            Err(error) => Err(error),
        };
        FolderNames(names.ok())
    }

    fn has(&self, path: &Path) -> bool {
        let name = path.file_name();
        let is_listed = |names: &HashSet<OsString>| name.is_some_and(|name| names.contains(name));
        self.0.as_ref().is_none_or(is_listed)
    }
}
