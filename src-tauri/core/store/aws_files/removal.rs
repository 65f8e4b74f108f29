//! Taking profiles away again. A dry run and a run are the same walk, so that the one lists what
//! the other removes. Removes sections of this configuration, a file that then holds nothing, and
//! folders that are then empty; everything else stays, and what a link outside the base leads to is
//! not looked at.

use super::{File, Folder, off_the_loop};
use crate::config::AwsFiles;
use crate::error::{Error, Result};
use crate::files::ini;
use crate::files::{self, unwritable};
use crate::store::{Dropped, Mode, Store};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Which empty folders go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UpTo {
    Nothing,
    /// Only the provider's.
    Provider,
    /// The realm's and the base as well.
    Base,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Section { identity: String },
    File,
    Folder,
}

/// One thing that was to be removed, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared {
    pub place: Place,
    pub path: PathBuf,
    pub outcome: Result<Dropped>,
}

impl Store {
    /// Removes this configuration's sections of `identities`. An identity without any section is
    /// told as absent once.
    pub async fn clear_profiles(
        &self,
        files: &AwsFiles,
        identities: &[String],
        up_to: UpTo,
        mode: Mode,
    ) -> Vec<Cleared> {
        let walk = Walk {
            files: files.clone(),
            identities: identities.to_vec(),
            configuration: self.configuration.clone(),
            up_to,
            mode,
        };
        let failed = |error: Error| all(&files.folder, identities, Err(&error));
        let lock = match mode {
            Mode::Run if files.base.exists() => match self.folder_lock(files).await {
                Ok(lock) => Some(lock),
                Err(error) => return failed(error),
            },
            Mode::Run | Mode::DryRun => None,
        };
        let done = off_the_loop(move || {
            let _lock = lock;
            Ok(walk.go())
        });
        done.await.unwrap_or_else(failed)
    }

    /// Where this configuration's sections stand in the folders beside `files.folder`, with their
    /// identities: also in folders of providers that are no longer configured.
    pub fn profiles_beside(&self, files: &AwsFiles) -> Result<Vec<(AwsFiles, String)>> {
        let Some(above) = files.folder.parent() else {
            return Ok(Vec::new());
        };
        let entries = match fs::read_dir(above) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unwritable(above, "read", &error)),
        };
        let mut found = Vec::new();
        for folder in entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.is_dir() && !path.is_symlink())
        {
            let files = AwsFiles {
                folder,
                ..files.clone()
            };
            let Some(inside) = Folder::existing(&files)? else {
                continue;
            };
            let mut names = BTreeSet::new();
            for file in File::BOTH {
                // Somebody else's file may be anything.
                let Ok((_, text)) = inside.read(file) else {
                    continue;
                };
                names.extend(ini::written_by(
                    &text,
                    file.header("").keyword,
                    &self.configuration,
                ));
            }
            found.extend(names.into_iter().map(|name| (files.clone(), name)));
        }
        Ok(found)
    }
}

fn all(
    path: &Path,
    identities: &[String],
    outcome: std::result::Result<&Dropped, &Error>,
) -> Vec<Cleared> {
    let cleared = |identity: &String| Cleared {
        place: Place::Section {
            identity: identity.clone(),
        },
        path: path.to_owned(),
        outcome: outcome.cloned().map_err(Clone::clone),
    };
    identities.iter().map(cleared).collect()
}

struct Walk {
    files: AwsFiles,
    identities: Vec<String>,
    configuration: String,
    up_to: UpTo,
    mode: Mode,
}

impl Walk {
    fn go(&self) -> Vec<Cleared> {
        let mut cleared = Vec::new();
        let mut gone = BTreeSet::new();
        match Folder::existing(&self.files) {
            Ok(None) => {}
            Ok(Some(folder)) => {
                for file in File::BOTH {
                    self.clear_file(&folder, file, &mut gone, &mut cleared);
                }
            }
            Err(error) => return all(&self.files.folder, &self.identities, Err(&error)),
        }
        let told = |identity: &String| {
            cleared.iter().any(
                |it| matches!(&it.place, Place::Section { identity: told } if told == identity),
            )
        };
        let untold: Vec<String> = self
            .identities
            .iter()
            .filter(|identity| !told(identity))
            .cloned()
            .collect();
        let config = self.files.folder.join(File::Config.name());
        cleared.extend(all(&config, &untold, Ok(&Dropped::Absent)));
        self.clear_folders(gone, &mut cleared);
        cleared
    }

    fn clear_file(
        &self,
        folder: &Folder,
        file: File,
        gone: &mut BTreeSet<PathBuf>,
        cleared: &mut Vec<Cleared>,
    ) {
        let shown = self.files.folder.join(file.name());
        let (path, mut text) = match folder.read(file) {
            Ok(read) => read,
            Err(error) => return cleared.extend(all(&shown, &self.identities, Err(&error))),
        };
        let mut found = Vec::new();
        for identity in &self.identities {
            let sections: Vec<_> = ini::find(&text, file.header(identity))
                .into_iter()
                .filter(|section| section.configuration.is_some())
                .collect();
            let (ours, others): (Vec<_>, Vec<_>) = sections
                .into_iter()
                .partition(|section| section.configuration.as_ref() == Some(&self.configuration));
            let outcome = match others.into_iter().find_map(|section| section.configuration) {
                _ if !ours.is_empty() => Dropped::Removed,
                Some(configuration) => Dropped::Kept { configuration },
                None => continue,
            };
            *text = ini::remove(&text, &ours);
            found.push((identity, outcome));
        }
        let empty = text.trim_ascii().is_empty() && !shown.is_symlink();
        let changed = found
            .iter()
            .any(|(_, outcome)| *outcome == Dropped::Removed);
        let written = match (changed, self.mode) {
            (false, _) | (true, Mode::DryRun) => Ok(()),
            (true, Mode::Run) if empty => {
                fs::remove_file(&path).map_err(|error| unwritable(&path, "remove", &error))
            }
            (true, Mode::Run) => files::replace(&path, &text),
        };
        for (identity, outcome) in found {
            let outcome = match (&written, outcome) {
                (Err(error), Dropped::Removed) => Err(error.clone()),
                (_, outcome) => Ok(outcome),
            };
            if self.mode == Mode::Run && outcome == Ok(Dropped::Removed) {
                tracing::info!(identity, file = %path.display(), "profile removed");
            }
            cleared.push(Cleared {
                place: Place::Section {
                    identity: identity.clone(),
                },
                path: shown.clone(),
                outcome,
            });
        }
        if changed && empty && written.is_ok() {
            gone.insert(shown.clone());
            cleared.push(Cleared {
                place: Place::File,
                path: shown,
                outcome: Ok(Dropped::Removed),
            });
        }
    }

    /// From the provider's folder upwards, as long as nothing is left in them. A folder that is a
    /// link is not ours.
    fn clear_folders(&self, mut gone: BTreeSet<PathBuf>, cleared: &mut Vec<Cleared>) {
        for folder in self
            .files
            .folder
            .ancestors()
            .take_while(|folder| folder.starts_with(&self.files.base))
        {
            if self.up_to == UpTo::Nothing || folder.is_symlink() {
                break;
            }
            let outcome = match self.clear_folder(folder, &gone) {
                Ok(Dropped::Absent) if self.up_to == UpTo::Base => continue,
                Ok(Dropped::Absent) => break,
                Ok(Dropped::Removed) => Ok(Dropped::Removed),
                Ok(Dropped::Kept { .. }) => break,
                Err(error) => Err(unwritable(folder, "remove the folder", &error)),
            };
            let failed = outcome.is_err();
            gone.insert(folder.to_owned());
            cleared.push(Cleared {
                place: Place::Folder,
                path: folder.to_owned(),
                outcome,
            });
            if failed || self.up_to == UpTo::Provider {
                break;
            }
        }
    }

    fn clear_folder(&self, folder: &Path, gone: &BTreeSet<PathBuf>) -> io::Result<Dropped> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Dropped::Absent),
            Err(error) => return Err(error),
        };
        let mut leftovers = Vec::new();
        for file in File::BOTH {
            leftovers.extend(files::leftovers(&folder.join(file.name()))?);
        }
        for entry in entries {
            let path = entry?.path();
            if !gone.contains(&path) && !leftovers.contains(&path) {
                return Ok(Dropped::Kept {
                    configuration: String::new(),
                });
            }
        }
        if self.mode == Mode::Run {
            for leftover in leftovers {
                fs::remove_file(leftover)?;
            }
            match fs::remove_dir(folder) {
                Ok(()) => tracing::info!(folder = %folder.display(), "empty folder removed"),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(Dropped::Absent);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Dropped::Removed)
    }
}
