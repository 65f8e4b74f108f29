//! The files that AWS tools share, read and laid over each other: what `credentials` says counts
//! before what `config` says.

use super::super::file;
use super::sections;
use crate::environment::Environment;
use crate::error::{Code, Error, Result};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What both files say under one name.
pub(super) struct SharedProfile {
    pub name: String,
    /// Later ones count before earlier ones. Any of them may be a secret.
    pairs: Vec<(String, Zeroizing<String>)>,
}

impl SharedProfile {
    /// A value that is not empty, without a comment behind it.
    pub fn value(&self, key: &str) -> Option<&str> {
        let value = self.whole(key)?;
        let end = [" #", " ;", "\t#", "\t;"]
            .iter()
            .filter_map(|mark| value.find(mark))
            .min();
        Some(value[..end.unwrap_or(value.len())].trim_end()).filter(|value| !value.is_empty())
    }

    /// The command of `credential_process`, in which anything may stand.
    pub fn command(&self) -> Option<&str> {
        self.whole("credential_process")
    }

    pub fn has_any(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.value(key).is_some())
    }

    fn whole(&self, key: &str) -> Option<&str> {
        let found = self
            .pairs
            .iter()
            .rev()
            .find(|(name, _)| name.eq_ignore_ascii_case(key));
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

/// Of both files, those of `config` first.
pub(super) fn profiles(environment: &Environment) -> Result<Vec<SharedProfile>> {
    let config = read(&path(environment, "AWS_CONFIG_FILE", "config")?)?;
    let credentials = read(&path(
        environment,
        "AWS_SHARED_CREDENTIALS_FILE",
        "credentials",
    )?)?;
    let mut profiles: Vec<SharedProfile> = Vec::new();
    let of_config = sections(&config)
        .into_iter()
        .filter(|it| it.is_called_profile() || it.header == "default");
    for section in of_config.chain(sections(&credentials)) {
        let name = section.name();
        if name.is_empty() {
            continue;
        }
        let pairs = section
            .pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Zeroizing::new((*value).to_owned())));
        match profiles.iter_mut().find(|profile| profile.name == name) {
            Some(profile) => profile.pairs.extend(pairs),
            None => profiles.push(SharedProfile {
                name: name.to_owned(),
                pairs: pairs.collect(),
            }),
        }
    }
    Ok(profiles)
}

fn path(environment: &Environment, variable: &str, name: &str) -> Result<PathBuf> {
    match environment.var(variable)? {
        Some(path) => environment.expand(path, environment.working_directory()),
        None => Ok(environment.home()?.join(".aws").join(name)),
    }
}

fn read(path: &Path) -> Result<Zeroizing<String>> {
    // `/dev/null` is how people switch one of them off.
    if file::is_missing(path) || path == Path::new("/dev/null") {
        return Ok(Zeroizing::default());
    }
    let unusable = |path: &Path, why: &str| {
        Error::new(
            Code::InvalidInput,
            format!("the file {} {why}", path.display()),
        )
    };
    let text = file::bounded_text(path, unusable)?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => Zeroizing::new(rest.to_owned()),
        None => text,
    })
}

/// Whether a `credential_process` is one that Keyfob writes into profiles.
pub(super) fn is_own(command: &str, environment: &Environment) -> bool {
    let Ok(words) = shell_words::split(command) else {
        return false;
    };
    let [program, arguments @ ..] = words.as_slice() else {
        return false;
    };
    let file = program.rsplit(['/', '\\']).next().unwrap_or(program);
    let is_fob = file == "fob"
        || file.eq_ignore_ascii_case("fob.exe")
        || Path::new(program) == environment.program();
    is_fob && arguments.iter().any(|word| word == "credential-process")
}
