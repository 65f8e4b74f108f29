//! The text of an identity's sections. Refuses what AWS tools could not read back.

use super::folder::AwsFile;
use crate::error::{Code, Error, Result};
use crate::secret::Session;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// An identity as AWS tools need to know it.
#[derive(Clone, Debug)]
pub struct AwsProfile {
    pub identity: String,
    pub region: String,
    /// The absolute path of `fob`.
    pub program: PathBuf,
    /// Its keys are written only where `static_credentials` is set.
    pub session: Option<Session>,
}

pub(super) fn config_section(profile: &AwsProfile, configuration: &str) -> Result<Vec<u8>> {
    let AwsProfile {
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
        quote(&program.to_string_lossy(), HERE)?,
        quote(configuration, HERE)?
    );
    Ok(AwsFile::Config.header(identity).section(
        configuration,
        &[("region", region), ("credential_process", &command)],
    ))
}

/// `None` without a session. The session's keys are what the configuration asks for by `static:
/// true`.
pub(super) fn credentials_section(
    profile: &AwsProfile,
    configuration: &str,
) -> Option<Zeroizing<Vec<u8>>> {
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
    let text = AwsFile::Credentials
        .header(&profile.identity)
        .section(configuration, &settings);
    Some(Zeroizing::new(text))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    Posix,
    Windows,
}

const HERE: Quoting = if cfg!(windows) {
    Quoting::Windows
} else {
    Quoting::Posix
};

/// One word of a `credential_process`. Some AWS tools hand the line to a shell and some split it
/// themselves, so on Unix only what `sh` and Python's `shlex` read alike is used: they differ on
/// `\$` within double quotes.
pub(super) fn quote(word: &str, reader: Quoting) -> Result<String> {
    if word.contains(|c: char| c.is_control()) {
        return Err(refused(
            word,
            "holds a control character, which no AWS tool could read back",
        ));
    }
    match reader {
        Quoting::Posix if !word.contains(['"', '$', '`', '\\', '!']) => Ok(format!("\"{word}\"")),
        Quoting::Posix => Ok(format!("'{}'", word.replace('\'', "'\"'\"'"))),
        Quoting::Windows if word.contains('"') => Err(refused(word, "holds a quotation mark")),
        Quoting::Windows => Ok(format!("\"{word}\"")),
    }
}

fn refused(what: &str, why: &str) -> Error {
    Error::new(
        Code::InvalidInput,
        format!("`{}` {why}", crate::error::shorten(what)),
    )
    .hint("move or rename it, then sign in again")
}
