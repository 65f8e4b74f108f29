//! Profiles for AWS tools: one section per identity in `<folder>/config`, and in
//! `<folder>/credentials` only where the configuration asks for keys on disk. Everything else in
//! these files stays byte for byte. Never writes through a link that leads out of the base path,
//! and never removes a section of another configuration, or of nobody's.

mod removal;

pub use removal::{Cleared, Place, UpTo};

use super::{Dropped, Store};
use crate::config::AwsFiles;
use crate::error::{Code, Error, Result};
use crate::files::ini::Header;
use crate::files::{self, FileLock, ini, unwritable};
use crate::secret::Session;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use zeroize::Zeroizing;

/// What AWS tools need to know of an identity.
#[derive(Clone, Debug)]
pub struct Profile {
    pub identity: String,
    pub region: String,
    /// The absolute path of `fob`.
    pub program: PathBuf,
    /// Its keys are written only where [`AwsFiles::static_credentials`] is set.
    pub session: Option<Session>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum File {
    Config,
    Credentials,
}

impl File {
    const BOTH: [File; 2] = [File::Config, File::Credentials];

    fn name(self) -> &'static str {
        match self {
            File::Config => "config",
            File::Credentials => "credentials",
        }
    }

    fn header(self, identity: &str) -> Header<'_> {
        let keyword = match self {
            File::Config => "profile",
            File::Credentials => "",
        };
        Header {
            keyword,
            name: identity,
        }
    }
}

impl Store {
    /// Writes the identity's sections. One that somebody else wrote is replaced, with a warning.
    pub async fn write_profile(&self, files: &AwsFiles, profile: &Profile) -> Result<()> {
        let config = config_section(profile, &self.configuration)?;
        let credentials = files
            .static_credentials
            .then(|| credentials_section(profile, &self.configuration))
            .flatten();
        let lock = self.folder_lock(files).await?;
        let shown = files.folder.display();
        let (identity, files, configuration) = (
            profile.identity.clone(),
            files.clone(),
            self.configuration.clone(),
        );
        let replaced = off_the_loop(move || {
            let _lock = lock;
            let folder = Folder::create(&files)?;
            let mut replaced = folder.put(File::Config, &identity, &config)?;
            match credentials {
                Some(section) => {
                    replaced.extend(folder.put(File::Credentials, &identity, &section)?);
                }
                // Keys that were written while the configuration still asked for them.
                None => drop(folder.remove(File::Credentials, &identity, &configuration)?),
            }
            Ok(replaced)
        })
        .await?;
        for origin in replaced
            .into_iter()
            .filter(|origin| origin.as_ref() != Some(&self.configuration))
        {
            let origin = origin.unwrap_or_else(|| "somebody else".to_owned());
            self.warn(format!(
                "the profile {} in {shown} was written by {origin}, and is replaced by that of {}",
                profile.identity, self.configuration
            ));
        }
        Ok(())
    }

    /// The files that hold a section of `identity` written for this configuration.
    pub fn profile_paths(&self, files: &AwsFiles, identity: &str) -> Result<Vec<PathBuf>> {
        let Some(folder) = Folder::existing(files)? else {
            return Ok(Vec::new());
        };
        let mut paths = Vec::new();
        for file in File::BOTH {
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

    pub fn has_profile(&self, files: &AwsFiles, identity: &str) -> Result<bool> {
        Ok(!self.profile_paths(files, identity)?.is_empty())
    }

    /// A profile is for its owner only; whether it was not.
    pub fn close_to_others(&self, path: &Path) -> Result<bool> {
        files::make_private(path)
    }

    /// Kept in the state folder: other people's programs look into the AWS folder.
    async fn folder_lock(&self, files: &AwsFiles) -> Result<FileLock> {
        let name = files
            .folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        self.file_lock(&format!("files-{name}")).await
    }
}

/// A provider's folder. Links on the way from the base to it, and in it, are followed only as long
/// as they stay below the base; the base itself may be reached through any.
struct Folder {
    base: PathBuf,
    path: PathBuf,
}

impl Folder {
    /// Makes what is missing. Below the base everything is for its owner only; a base that was
    /// there before may be shared.
    fn create(files: &AwsFiles) -> Result<Folder> {
        files::create_folder(&files.base)?;
        let mut folder = Folder::base(files)?;
        for name in folder.names(files)? {
            folder.path = folder.inside(&name)?;
            files::create_folder(&folder.path)?;
            files::make_private(&folder.path)?;
        }
        Ok(folder)
    }

    fn existing(files: &AwsFiles) -> Result<Option<Folder>> {
        if !files
            .folder
            .try_exists()
            .map_err(|error| unwritable(&files.folder, "read", &error))?
        {
            return Ok(None);
        }
        let mut folder = Folder::base(files)?;
        for name in folder.names(files)? {
            folder.path = folder.inside(&name)?;
        }
        Ok(Some(folder))
    }

    fn base(files: &AwsFiles) -> Result<Folder> {
        let base = fs::canonicalize(&files.base)
            .map_err(|error| unwritable(&files.base, "read", &error))?;
        Ok(Folder {
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
            Ok(metadata) if metadata.is_symlink() => match fs::canonicalize(&path) {
                Ok(real) if real.starts_with(&self.base) => Ok(real),
                Ok(_) => Err(outside(&path, &self.base)),
                Err(error) => Err(unwritable(&path, "follow the link", &error)),
            },
            Ok(_) => Ok(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path),
            Err(error) => Err(unwritable(&path, "read", &error)),
        }
    }

    fn read(&self, file: File) -> Result<(PathBuf, Zeroizing<Vec<u8>>)> {
        let path = self.inside(Path::new(file.name()))?;
        let text = files::read(&path)?.unwrap_or_default();
        Ok((path, Zeroizing::new(text)))
    }

    /// Returns whose sections were replaced.
    fn put(&self, file: File, identity: &str, section: &[u8]) -> Result<Vec<Option<String>>> {
        let (path, text) = self.read(file)?;
        let found = ini::find(&text, file.header(identity));
        let after = Zeroizing::new(ini::put(&text, &found, section));
        if *after == *text {
            files::make_private(&path)?;
        } else {
            files::replace(&path, &after)?;
        }
        Ok(found
            .into_iter()
            .map(|section| section.configuration)
            .collect())
    }

    fn remove(&self, file: File, identity: &str, configuration: &str) -> Result<Dropped> {
        let (path, text) = self.read(file)?;
        let (ours, others): (Vec<_>, Vec<_>) = ini::find(&text, file.header(identity))
            .into_iter()
            .filter(|section| section.configuration.is_some())
            .partition(|section| section.configuration.as_deref() == Some(configuration));
        if ours.is_empty() {
            let other = others.into_iter().find_map(|section| section.configuration);
            return Ok(
                other.map_or(Dropped::Absent, |configuration| Dropped::Kept {
                    configuration,
                }),
            );
        }
        let rest = Zeroizing::new(ini::remove(&text, &ours));
        if rest.trim_ascii().is_empty() {
            fs::remove_file(&path).map_err(|error| unwritable(&path, "remove", &error))?;
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

fn config_section(profile: &Profile, configuration: &str) -> Result<Vec<u8>> {
    let Profile {
        identity,
        region,
        program,
        session: _,
    } = profile;
    let unusual = |c: char| !(c.is_ascii_alphanumeric() || "._@+/-".contains(c));
    if identity.is_empty() || identity.contains(unusual) || region.contains(unusual) {
        return Err(refused(
            &format!("{identity} in {region}"),
            "cannot be the name of a profile and its region",
        ));
    }
    let command = format!(
        "{} --config {} credential-process {identity}",
        quote(&program.to_string_lossy(), SHELL)?,
        quote(configuration, SHELL)?
    );
    Ok(File::Config.header(identity).section(
        configuration,
        &[("region", region), ("credential_process", &command)],
    ))
}

/// `None` without a session. The session's keys are what the configuration asks for by `static:
/// true`.
fn credentials_section(profile: &Profile, configuration: &str) -> Option<Zeroizing<Vec<u8>>> {
    let session = profile.session.as_ref()?;
    let mut settings = vec![
        ("aws_access_key_id", session.keys.access_key_id.as_str()),
        (
            "aws_secret_access_key",
            session.keys.secret_access_key.expose(),
        ),
    ];
    settings.extend(
        session
            .token
            .as_ref()
            .map(|token| ("aws_session_token", token.expose())),
    );
    let text = File::Credentials
        .header(&profile.identity)
        .section(configuration, &settings);
    Some(Zeroizing::new(text))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shell {
    Posix,
    Windows,
}

const SHELL: Shell = if cfg!(windows) {
    Shell::Windows
} else {
    Shell::Posix
};

/// One word of a `credential_process`. Some AWS tools hand the line to a shell and some split it
/// themselves, so on Unix only what `sh` and Python's `shlex` read alike is used: they differ on
/// `\$` within double quotes.
fn quote(word: &str, shell: Shell) -> Result<String> {
    if word.contains(|c: char| c.is_control()) {
        return Err(refused(
            word,
            "holds a control character, which no AWS tool could read back",
        ));
    }
    match shell {
        Shell::Posix if !word.contains(['"', '$', '`', '\\', '!']) => Ok(format!("\"{word}\"")),
        Shell::Posix => Ok(format!("'{}'", word.replace('\'', "'\"'\"'"))),
        Shell::Windows if word.contains('"') => Err(refused(word, "holds a quotation mark")),
        Shell::Windows => Ok(format!("\"{word}\"")),
    }
}

fn refused(what: &str, why: &str) -> Error {
    Error::new(
        Code::InvalidInput,
        format!("`{}` {why}", crate::error::shorten(what)),
    )
    .hint("move or rename it, then sign in again")
}

/// Writing to a slow disk must not hold up others, and must not stop half way when whoever asked
/// goes away.
async fn off_the_loop<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let stopped = |error| {
        Error::new(
            Code::FilesUnwritable,
            format!("writing the profile was given up: {error}"),
        )
    };
    tokio::task::spawn_blocking(work).await.map_err(stopped)?
}

#[cfg(test)]
mod tests;
