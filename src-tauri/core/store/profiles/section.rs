//! The text of an identity's sections. Refuses what AWS tools could not read back.

use super::folder::AwsFile;
use crate::config::UserSettings;
use crate::error::{Code, Error, Result};
use crate::files::FobCommand;
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
    /// Of the user's own files, which AWS tools no longer look at.
    pub settings: UserSettings,
}

pub(super) fn config_section(profile: &AwsProfile, configuration: &str) -> Result<Vec<u8>> {
    let AwsProfile {
        identity,
        region,
        program,
        session: _,
        settings,
    } = profile;
    let unusual = |c: char| !(c.is_ascii_alphanumeric() || "._@+/-".contains(c));
    if identity.is_empty() || identity.contains(unusual) || region.contains(unusual) {
        return Err(Error::new(
            Code::InvalidInput,
            format!("`{identity} in {region}` cannot be the name of a profile and its region"),
        ));
    }
    let fob = FobCommand {
        program: program.clone(),
        configuration: configuration.to_owned(),
    };
    let command = fob.credential_process(identity)?;
    let mut text = AwsFile::Config.header(identity).section(
        configuration,
        &[("region", region), ("credential_process", &command)],
    );
    text.extend_from_slice(settings.of_profile(identity)?.as_bytes());
    Ok(text)
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
