//! Removal of profiles. A dry run and a run take the same steps, so that the one lists what the
//! other removes. Removes sections of this configuration, a file that is empty afterwards, and
//! folders that are empty afterwards; everything else stays, and links that lead out of the base
//! are not followed.

use super::folder::{AwsFile, AwsFolder};
use crate::config::AwsFiles;
use crate::error::{Error, Result};
use crate::files::{self, ini, unwritable};
use crate::store::outcome::{Dropped, Mode};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The empty folders that go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UpTo {
    Nothing,
    /// Only the provider's.
    Provider,
    /// The realm's and the base as well.
    Base,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfilePart {
    Section { identity: String },
    File,
    Folder,
}

/// One thing that was to be removed, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearedProfile {
    pub part: ProfilePart,
    pub path: PathBuf,
    pub outcome: Result<Dropped>,
}

impl ClearedProfile {
    fn section(identity: &str, path: &Path, outcome: Result<Dropped>) -> ClearedProfile {
        let identity = identity.to_owned();
        ClearedProfile {
            part: ProfilePart::Section { identity },
            path: path.to_owned(),
            outcome,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Clearing {
    pub files: AwsFiles,
    pub identities: Vec<String>,
    pub configuration: String,
    pub up_to: UpTo,
    pub mode: Mode,
}

/// What is left of a folder.
enum EmptyFolder {
    Removed,
    Absent,
    InUse,
}

impl Clearing {
    pub fn run(&self) -> Vec<ClearedProfile> {
        let mut cleared = Vec::new();
        let mut gone = BTreeSet::new();
        match AwsFolder::existing(&self.files) {
            Ok(None) => {}
            Ok(Some(folder)) => {
                for file in AwsFile::BOTH {
                    self.clear_file(&folder, file, &mut gone, &mut cleared);
                }
            }
            Err(error) => return self.failed(&error),
        }
        let config = self.files.folder.join(AwsFile::Config.name());
        for identity in &self.identities {
            let section = ProfilePart::Section {
                identity: identity.clone(),
            };
            if cleared.iter().all(|it| it.part != section) {
                let absent = ClearedProfile::section(identity, &config, Ok(Dropped::Absent));
                cleared.push(absent);
            }
        }
        self.clear_folders(gone, &mut cleared);
        cleared
    }

    /// Nothing could be looked at.
    pub fn failed(&self, error: &Error) -> Vec<ClearedProfile> {
        self.all_failed(&self.files.folder, error)
    }

    fn all_failed(&self, path: &Path, error: &Error) -> Vec<ClearedProfile> {
        let failed =
            |identity: &String| ClearedProfile::section(identity, path, Err(error.clone()));
        self.identities.iter().map(failed).collect()
    }

    fn clear_file(
        &self,
        folder: &AwsFolder,
        file: AwsFile,
        gone: &mut BTreeSet<PathBuf>,
        cleared: &mut Vec<ClearedProfile>,
    ) {
        let shown = self.files.folder.join(file.name());
        let (path, mut text) = match folder.read(file) {
            Ok(read) => read,
            Err(error) => return cleared.extend(self.all_failed(&shown, &error)),
        };
        let mut found = Vec::new();
        for identity in &self.identities {
            let found_here = ini::find(&text, file.header(identity));
            let (ours, other) = ini::owned(found_here, &self.configuration);
            let outcome = match other {
                _ if !ours.is_empty() => Dropped::Removed,
                Some(configuration) => Dropped::Kept { configuration },
                None => continue,
            };
            *text = ini::remove(&text, &ours);
            found.push((identity, outcome));
        }
        let changed = found.iter().any(|(_, it)| *it == Dropped::Removed);
        if changed && ini::written(&text, file.header("").keyword).is_empty() {
            *text = ini::without_copies(&text);
        }
        let empty = changed && text.trim_ascii().is_empty() && !shown.is_symlink();
        let written = match self.mode {
            Mode::Run if empty => files::remove(&path),
            Mode::Run if changed => files::replace(&path, &text),
            Mode::Run | Mode::DryRun => Ok(()),
        };
        for (identity, outcome) in found {
            let outcome = match (&written, outcome) {
                (Err(error), Dropped::Removed) => Err(error.clone()),
                (_, outcome) => Ok(outcome),
            };
            if self.mode == Mode::Run && outcome == Ok(Dropped::Removed) {
                tracing::info!(identity, file = %path.display(), "profile removed");
            }
            cleared.push(ClearedProfile::section(identity, &shown, outcome));
        }
        if empty && written.is_ok() {
            gone.insert(shown.clone());
            cleared.push(ClearedProfile {
                part: ProfilePart::File,
                path: shown,
                outcome: Ok(Dropped::Removed),
            });
        }
    }

    /// From the provider's folder upwards, as long as nothing is left in them. A folder that is a
    /// link is not ours.
    fn clear_folders(&self, mut gone: BTreeSet<PathBuf>, cleared: &mut Vec<ClearedProfile>) {
        let base = &self.files.base;
        let folders = self.files.folder.ancestors();
        for folder in folders.take_while(|folder| folder.starts_with(base)) {
            if self.up_to == UpTo::Nothing || folder.is_symlink() {
                break;
            }
            let outcome = match self.clear_folder(folder, &gone) {
                Ok(EmptyFolder::Absent) if self.up_to == UpTo::Base => continue,
                Ok(EmptyFolder::Absent | EmptyFolder::InUse) => break,
                Ok(EmptyFolder::Removed) => Ok(Dropped::Removed),
                Err(error) => Err(unwritable(folder, "remove the folder", &error)),
            };
            let failed = outcome.is_err();
            gone.insert(folder.to_owned());
            cleared.push(ClearedProfile {
                part: ProfilePart::Folder,
                path: folder.to_owned(),
                outcome,
            });
            if failed || self.up_to == UpTo::Provider {
                break;
            }
        }
    }

    fn clear_folder(&self, folder: &Path, gone: &BTreeSet<PathBuf>) -> io::Result<EmptyFolder> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(EmptyFolder::Absent);
            }
            Err(error) => return Err(error),
        };
        let mut unfinished = Vec::new();
        for file in AwsFile::BOTH {
            unfinished.extend(files::unfinished(&folder.join(file.name()))?);
        }
        for entry in entries {
            let path = entry?.path();
            if !gone.contains(&path) && !unfinished.contains(&path) {
                return Ok(EmptyFolder::InUse);
            }
        }
        if self.mode == Mode::Run {
            for path in unfinished {
                fs::remove_file(path)?;
            }
            match fs::remove_dir(folder) {
                Ok(()) => tracing::info!(folder = %folder.display(), "empty folder removed"),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(EmptyFolder::Absent);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(EmptyFolder::Removed)
    }
}
