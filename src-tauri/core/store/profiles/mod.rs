//! AwsProfiles for AWS tools: one section per identity in `<folder>/config`, and in
//! `<folder>/credentials` only where the configuration asks for keys on disk. Everything else in
//! these files stays byte for byte. A section of another configuration, or one that Keyfob did not
//! write, is never removed.

mod folder;
mod removal;
mod section;

pub use removal::{ClearedProfile, ProfilePart, UpTo};
pub use section::AwsProfile;

use super::belonging::admits_section;
use super::locks::RealmLocks;
use super::outcome::{Mode, Noted};
use crate::config::AwsFiles;
use crate::error::{Code, Error, Result};
use crate::files::{FileLock, FobCommand, ini, is_gone, program_of, unwritable};
use folder::{AwsFile, AwsFolder};
use removal::Clearing;
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;

/// A profile whose `credential_process` cannot run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenProfile {
    pub identity: String,
    /// The `fob` that it names.
    pub program: PathBuf,
}

impl fmt::Display for BrokenProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BrokenProfile { identity, program } = self;
        let program = program.display();
        write!(
            f,
            "the profile {identity} runs {program}, which is gone: `fob repair {identity}` writes \
             it anew"
        )
    }
}

/// The AWS profiles of one configuration.
#[derive(Clone, Debug)]
pub struct AwsProfiles {
    configuration: String,
    locks: RealmLocks,
}

impl AwsProfiles {
    pub(super) fn new(configuration: &str, locks: RealmLocks) -> AwsProfiles {
        AwsProfiles {
            configuration: configuration.to_owned(),
            locks,
        }
    }

    /// Writes the identity's sections. One of another program, or of a configuration that is gone,
    /// is replaced with a warning; one of another configuration stays, and is an error.
    pub async fn write(&self, files: &AwsFiles, profile: &AwsProfile) -> Result<Noted<()>> {
        let config = section::config_section(profile, &self.configuration)?;
        let credentials = files
            .static_credentials
            .then(|| section::credentials_section(profile, &self.configuration))
            .flatten();
        let lock = self.lock(files).await?;
        let (identity, configuration) = (profile.identity.clone(), self.configuration.clone());
        let place = files.clone();
        let settings = profile.settings.clone();
        let fob = FobCommand {
            program: profile.program.clone(),
            configuration: self.configuration.clone(),
        };
        let replaced = in_background(move || {
            let _lock = lock;
            let folder = AwsFolder::create(&place)?;
            for (file, origin) in folder.origins(&identity)? {
                let section = format!("the profile {identity} in {}", file.display());
                admits_section(&configuration, &section, origin.as_ref())?;
            }
            let beside = |own: &[String]| settings.beside(own, &fob);
            let mut replaced = folder.put_with(AwsFile::Config, &identity, &config, beside)?;
            match credentials {
                Some(section) => {
                    replaced.extend(folder.put(AwsFile::Credentials, &identity, &section)?);
                }
                // Keys from a time when the configuration wanted them on disk.
                None => drop(folder.remove(AwsFile::Credentials, &identity, &configuration)?),
            }
            Ok(replaced)
        })
        .await?;
        let others = replaced
            .into_iter()
            .filter(|origin| origin.as_ref() != Some(&self.configuration));
        let warning = |origin: Option<String>| {
            format!(
                "the profile {} in {} was written by {}, and is replaced by that of {}",
                profile.identity,
                files.folder.display(),
                origin.as_deref().unwrap_or("another program"),
                self.configuration
            )
        };
        Ok(Noted {
            value: (),
            warnings: others.map(warning).collect(),
        })
    }

    /// Removes the identity's sections of other configurations.
    pub async fn evict(&self, files: &AwsFiles, identity: &str) -> Result<()> {
        let Some(folder) = AwsFolder::existing(files)? else {
            return Ok(());
        };
        let lock = self.lock(files).await?;
        let (identity, ours) = (identity.to_owned(), self.configuration.clone());
        in_background(move || {
            let _lock = lock;
            for (_, origin) in folder.origins(&identity)? {
                if let Some(other) = origin.filter(|other| *other != ours) {
                    for file in AwsFile::BOTH {
                        folder.remove(file, &identity, &other)?;
                    }
                }
            }
            Ok(())
        })
        .await
    }

    /// The files that hold a section of `identity` written for this configuration.
    pub fn paths(&self, files: &AwsFiles, identity: &str) -> Result<Vec<PathBuf>> {
        let Some(folder) = AwsFolder::existing(files)? else {
            return Ok(Vec::new());
        };
        let mut paths = Vec::new();
        for file in AwsFile::BOTH {
            let (path, text) = folder.read(file)?;
            let found = ini::find(&text, file.header(identity));
            if found
                .iter()
                .any(|section| section.configuration.as_ref() == Some(&self.configuration))
            {
                paths.push(path);
            }
        }
        Ok(paths)
    }

    /// The profiles of this configuration that name a `fob` which is gone.
    pub fn without_program(&self, files: &AwsFiles) -> Result<Vec<BrokenProfile>> {
        let all = self.programs(files)?.into_iter();
        let broken = all.filter(|(_, program)| is_gone(program));
        let broken = broken.map(|(identity, program)| BrokenProfile { identity, program });
        Ok(broken.collect())
    }

    /// The profiles of this configuration, and the `fob` that each names.
    pub fn programs(&self, files: &AwsFiles) -> Result<Vec<(String, PathBuf)>> {
        let Some(folder) = AwsFolder::existing(files)? else {
            return Ok(Vec::new());
        };
        let (_, text) = folder.read(AwsFile::Config)?;
        let names = ini::written_by(&text, "profile", &self.configuration);
        let programs = names.into_iter().filter_map(|identity| {
            let sections = ini::find(&text, AwsFile::Config.header(&identity));
            let settings = sections.iter().flat_map(|section| &section.settings);
            let mut lines = settings.filter(|(key, _)| key == "credential_process");
            let (_, line) = lines.next_back()?;
            let program = program_of(line)?;
            Some((identity, program))
        });
        Ok(programs.collect())
    }

    pub fn has(&self, files: &AwsFiles, identity: &str) -> Result<bool> {
        Ok(!self.paths(files, identity)?.is_empty())
    }

    /// Removes this configuration's sections of `identities`. An identity without any section is
    /// reported as absent once.
    pub async fn clear(
        &self,
        files: &AwsFiles,
        identities: &[String],
        up_to: UpTo,
        mode: Mode,
    ) -> Vec<ClearedProfile> {
        let clearing = Clearing {
            files: files.clone(),
            identities: identities.to_vec(),
            configuration: self.configuration.clone(),
            up_to,
            mode,
        };
        let lock = match mode {
            Mode::Run if files.base.exists() => match self.lock(files).await {
                Ok(lock) => Some(lock),
                Err(error) => return clearing.failed(&error),
            },
            Mode::Run | Mode::DryRun => None,
        };
        let background = clearing.clone();
        let cleared = in_background(move || {
            let _lock = lock;
            Ok(background.run())
        });
        cleared
            .await
            .unwrap_or_else(|error| clearing.failed(&error))
    }

    /// This configuration's sections in the folders beside `files.folder`, also in those of
    /// providers that are no longer configured: each folder with the name of an identity.
    pub fn beside(&self, files: &AwsFiles) -> Result<Vec<(AwsFiles, String)>> {
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
            let Some(inside) = AwsFolder::existing(&files)? else {
                continue;
            };
            let mut names = BTreeSet::new();
            for file in AwsFile::BOTH {
                // A file of another program may be anything.
                let Ok((_, text)) = inside.read(file) else {
                    continue;
                };
                let keyword = file.header("").keyword;
                names.extend(ini::written_by(&text, keyword, &self.configuration));
            }
            found.extend(names.into_iter().map(|name| (files.clone(), name)));
        }
        Ok(found)
    }

    /// Kept in the state folder: other programs look into the AWS folder.
    async fn lock(&self, files: &AwsFiles) -> Result<FileLock> {
        let name = files.folder.file_name().unwrap_or_default();
        self.locks
            .named(&format!("files-{}", name.to_string_lossy()))
            .await
    }
}

/// Writing to a slow disk must not hold up other tasks, and must not stop half way when the caller
/// goes away.
async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let stopped = |error| {
        let message = format!("writing the AWS profile was interrupted: {error}");
        Error::new(Code::FilesUnwritable, message)
    };
    tokio::task::spawn_blocking(work).await.map_err(stopped)?
}

#[cfg(test)]
mod tests;
