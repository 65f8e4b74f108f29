//! A provider's folder of AWS files, and the sections of one identity in it. Never follows a link
//! that leads out of the base path.

use crate::config::AwsFiles;
use crate::error::{Code, Error, Result};
use crate::files::ini::{self, Header};
use crate::files::{self, unwritable};
use crate::store::outcome::Dropped;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use zeroize::Zeroizing;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AwsFile {
    Config,
    Credentials,
}

impl AwsFile {
    pub const BOTH: [AwsFile; 2] = [AwsFile::Config, AwsFile::Credentials];

    pub fn name(self) -> &'static str {
        match self {
            AwsFile::Config => "config",
            AwsFile::Credentials => "credentials",
        }
    }

    pub fn header(self, identity: &str) -> Header<'_> {
        let keyword = match self {
            AwsFile::Config => "profile",
            AwsFile::Credentials => "",
        };
        Header {
            keyword,
            name: identity,
        }
    }
}

/// A provider's folder. Links on the way from the base to it, and in it, are followed only as long
/// as they stay below the base; the base itself may be reached through any.
pub(super) struct AwsFolder {
    base: PathBuf,
    path: PathBuf,
}

impl AwsFolder {
    /// Makes what is missing. Below the base everything is for its owner only; a base that was
    /// there before may be shared.
    pub fn create(files: &AwsFiles) -> Result<AwsFolder> {
        // Links may lead to the base: what it is in the end, is checked.
        files::create_folder(&dunce::canonicalize(&files.base).unwrap_or(files.base.clone()))?;
        let mut folder = AwsFolder::base(files)?;
        for name in folder.names(files)? {
            folder.path = folder.inside(&name)?;
            files::create_folder(&folder.path)?;
            files::make_private(&folder.path)?;
        }
        Ok(folder)
    }

    pub fn existing(files: &AwsFiles) -> Result<Option<AwsFolder>> {
        if !files
            .folder
            .try_exists()
            .map_err(|error| unwritable(&files.folder, "read", &error))?
        {
            return Ok(None);
        }
        let mut folder = AwsFolder::base(files)?;
        for name in folder.names(files)? {
            folder.path = folder.inside(&name)?;
        }
        Ok(Some(folder))
    }

    fn base(files: &AwsFiles) -> Result<AwsFolder> {
        let base = dunce::canonicalize(&files.base)
            .map_err(|error| unwritable(&files.base, "read", &error))?;
        Ok(AwsFolder {
            path: base.clone(),
            base,
        })
    }

    /// The folder's names below the base.
    fn names(&self, files: &AwsFiles) -> Result<Vec<PathBuf>> {
        let below = files.folder.strip_prefix(&files.base).ok();
        let names = below.and_then(|below| {
            below
                .components()
                .map(|component| match component {
                    Component::Normal(name) => Some(PathBuf::from(name)),
                    Component::Prefix(_)
                    | Component::RootDir
                    | Component::CurDir
                    | Component::ParentDir => None,
                })
                .collect::<Option<Vec<_>>>()
        });
        names.ok_or_else(|| outside(&files.folder, &self.base))
    }

    /// The path that `name` stands for here.
    fn inside(&self, name: &Path) -> Result<PathBuf> {
        let path = self.path.join(name);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => match dunce::canonicalize(&path) {
                Ok(real) if real.starts_with(&self.base) => Ok(real),
                Ok(_) => Err(outside(&path, &self.base)),
                Err(error) => Err(unwritable(&path, "follow the link", &error)),
            },
            Ok(_) => Ok(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path),
            Err(error) => Err(unwritable(&path, "read", &error)),
        }
    }

    pub fn read(&self, file: AwsFile) -> Result<(PathBuf, Zeroizing<Vec<u8>>)> {
        let path = self.inside(Path::new(file.name()))?;
        let text = files::read(&path)?.unwrap_or_default();
        Ok((path, Zeroizing::new(text)))
    }

    /// The files with a section of the identity, and whose it is.
    pub fn origins(&self, identity: &str) -> Result<Vec<(PathBuf, Option<String>)>> {
        let mut origins = Vec::new();
        for file in AwsFile::BOTH {
            let (path, text) = self.read(file)?;
            let text = Zeroizing::new(ini::without_copies(&text));
            let found = ini::find(&text, file.header(identity)).into_iter();
            origins.extend(found.map(|section| (path.clone(), section.configuration)));
        }
        Ok(origins)
    }

    /// Returns the origins of the sections that were replaced.
    pub fn put(
        &self,
        file: AwsFile,
        identity: &str,
        section: &[u8],
    ) -> Result<Vec<Option<String>>> {
        self.put_with(file, identity, section, |_| Ok(String::new()))
    }

    /// The same, with what belongs beside the profiles that the file then has of ours.
    pub fn put_with(
        &self,
        file: AwsFile,
        identity: &str,
        section: &[u8],
        beside: impl FnOnce(&[String]) -> Result<String>,
    ) -> Result<Vec<Option<String>>> {
        let (path, before) = self.read(file)?;
        let text = Zeroizing::new(ini::without_copies(&before));
        let found = ini::find(&text, file.header(identity));
        let mut after = Zeroizing::new(ini::put(&text, &found, section));
        let own = ini::written(&after, file.header(identity).keyword);
        after.extend_from_slice(beside(&own)?.as_bytes());
        if *after == *before {
            files::make_private(&path)?;
        } else {
            files::replace(&path, &after)?;
        }
        Ok(found
            .into_iter()
            .map(|section| section.configuration)
            .collect())
    }

    pub fn remove(&self, file: AwsFile, identity: &str, configuration: &str) -> Result<Dropped> {
        let (path, text) = self.read(file)?;
        let found = ini::find(&text, file.header(identity));
        let (ours, other) = ini::owned(found, configuration);
        if ours.is_empty() {
            return Ok(
                other.map_or(Dropped::Absent, |configuration| Dropped::Kept {
                    configuration,
                }),
            );
        }
        let rest = Zeroizing::new(ini::remove(&text, &ours));
        if rest.trim_ascii().is_empty() {
            files::remove(&path)?;
        } else {
            files::replace(&path, &rest)?;
        }
        tracing::info!(identity, file = %path.display(), "profile removed");
        Ok(Dropped::Removed)
    }
}

fn outside(path: &Path, base: &Path) -> Error {
    let (path, base) = (path.display(), base.display());
    Error::new(
        Code::FilesUnwritable,
        format!("{path} leads out of {base}, where profiles for AWS tools belong"),
    )
    .hint(format!(
        "remove the link {path}, or set `spec.files.base_path` to where it leads"
    ))
}
