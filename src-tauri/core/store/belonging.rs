//! The owner of an entry. Keys and sessions belong to the configuration they were stored for and to
//! the endpoint that accepted or made them: elsewhere they are neither read nor replaced nor
//! cleared.

use super::keyring::{EntryKind, EntryName};
use crate::endpoint::Endpoint;
use crate::error::{Code, Error, Result};
use std::path::Path;

/// What an entry says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Belonging {
    pub configuration: Option<String>,
    /// `None`: no endpoint has accepted it yet, or it is a session that has ended.
    pub endpoint: Option<Endpoint>,
}

/// What wants to use an entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Here<'a> {
    pub configuration: &'a str,
    /// Where its calls go; `None`: it makes none.
    pub endpoint: Option<&'a Endpoint>,
}

impl Here<'_> {
    /// Whether the entry may be used here.
    pub fn admits(self, name: &EntryName, entry: &Belonging) -> Result<()> {
        let other = |it: &&String| *it != self.configuration;
        if let Some(other) = entry.configuration.as_ref().filter(other) {
            return Err(self.of_another_configuration(name, other, entry.endpoint.as_ref()));
        }
        match (&entry.endpoint, self.endpoint) {
            (Some(theirs), Some(ours)) if theirs != ours => {
                Err(self.of_another_endpoint(name, theirs, ours))
            }
            (_, _) => Ok(()),
        }
    }

    fn of_another_configuration(
        self,
        name: &EntryName,
        other: &str,
        endpoint: Option<&Endpoint>,
    ) -> Error {
        let (ours, identity) = (self.configuration, name.name());
        let at = endpoint.map(|it| format!(" at {it}")).unwrap_or_default();
        let what = belongs(name);
        let error = if is_gone(other) {
            let message = format!("{what} to {other}{at}, which is no longer there");
            // A provider has its sign-in from those that stand on it.
            let whose = match name.kind {
                EntryKind::Token => String::new(),
                EntryKind::Keys | EntryKind::SetAside | EntryKind::Session | EntryKind::Audit => {
                    format!("{identity} ")
                }
            };
            refused(message).hint(format!(
                "if that file is {ours} now, keep what was stored for it: fob repair {whose}\
                 --take-over"
            ))
        } else {
            refused(format!("{what} to {other}{at}"))
        };
        let error = error.hint(format!("give {ours} a `realm` of its own (auth.realm)"));
        let error = match name.kind {
            EntryKind::Keys | EntryKind::SetAside => or_replace(error, name, ours),
            EntryKind::Session | EntryKind::Token | EntryKind::Audit => error.hint(format!(
                "or rename {identity} there; signing out would end the session of {other}"
            )),
        };
        error.identity(identity)
    }

    fn of_another_endpoint(self, name: &EntryName, theirs: &Endpoint, ours: &Endpoint) -> Error {
        let (configuration, identity) = (self.configuration, name.name());
        let what = belongs(name);
        let message = format!("{what} to {configuration} at {theirs}, and this would go to {ours}");
        let error = refused(message)
            .hint("AWS_ENDPOINT_URL and `endpoint_url` choose where calls go")
            .hint(format!(
                "for {ours} give the identity a configuration with a `realm` of its own"
            ));
        let error = match name.kind {
            EntryKind::Keys | EntryKind::SetAside => or_replace(error, name, &ours.to_string()),
            EntryKind::Session | EntryKind::Audit => error.hint(format!(
                "or end the session at {theirs} first: fob logout {identity}"
            )),
            EntryKind::Token => error.hint(format!(
                "or end the sign-in at {theirs} first: fob logout --provider {identity}; of an \
                 identity that stands alone: fob logout {identity}"
            )),
        };
        error.identity(identity)
    }
}

/// Whether a section of AWS files may be replaced: not one of another configuration that is there.
pub(super) fn admits_section(ours: &str, section: &str, origin: Option<&String>) -> Result<()> {
    match origin.filter(|other| *other != ours && !is_gone(other)) {
        None => Ok(()),
        Some(other) => Err(refused(format!("{section} belongs to {other}"))
            .hint(format!("give {ours} a `realm` of its own (auth.realm)"))),
    }
}

/// The file that an entry was stored for was moved or removed.
pub(super) fn is_gone(configuration: &str) -> bool {
    matches!(Path::new(configuration).try_exists(), Ok(false))
}

fn refused(message: String) -> Error {
    Error::new(Code::BelongsElsewhere, message)
}

fn belongs(name: &EntryName) -> String {
    let identity = name.name();
    match name.kind {
        EntryKind::Keys => format!("the keys of {identity} belong"),
        EntryKind::SetAside => format!("the keys set aside of {identity} belong"),
        EntryKind::Session => format!("the session of {identity} belongs"),
        EntryKind::Token => format!("the sign-in token of {identity} belongs"),
        EntryKind::Audit => format!("the end of the audit log of {identity} belongs"),
    }
}

fn or_replace(error: Error, name: &EntryName, here: &str) -> Error {
    let identity = name.name();
    error.hint(format!(
        "or store keys for {here} in their place: fob user configure {identity} --replace"
    ))
}
