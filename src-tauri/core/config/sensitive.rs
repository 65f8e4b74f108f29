//! The parts of a configuration that are more than names and numbers: programs, servers, variables,
//! places. They are what a person trusts.

use super::atmos;
use super::yaml::{Node, Value};
use crate::encode::hex;
use crate::error::shorten_to;
use sha2::{Digest, Sha256};
use std::fmt;

const LONGEST_SHOWN: usize = 200;

/// What a value of the file does beyond naming things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartKind {
    Runs,
    Calls,
    Sets,
    Takes,
    Sends,
    Writes,
    HandsOut,
    Keyring,
}

/// Every key that makes a part by itself. `!env`, variables that are set, and the keyring make
/// others.
const KEYS: &[(&str, PartKind)] = &[
    ("credentials.process", PartKind::Runs),
    ("credentials.mfa_process", PartKind::Runs),
    ("spec.endpoint_url", PartKind::Calls),
    (atmos::IDENTITY_ENDPOINT, PartKind::Calls),
    (atmos::PROVIDER_ENDPOINT, PartKind::Calls),
    ("start_url", PartKind::Calls),
    ("url", PartKind::Calls),
    ("host", PartKind::Calls),
    ("session.kind", PartKind::HandsOut),
    ("spec.token_file", PartKind::Sends),
    ("spec.files.base_path", PartKind::Writes),
];

pub(super) fn kind_of(key: &str) -> Option<PartKind> {
    let mut all = KEYS.iter();
    all.find(|(known, _)| *known == key).map(|(_, kind)| *kind)
}

/// A part of a configuration that a person trusts or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SensitivePart {
    kind: PartKind,
    /// `auth.identities.dev.credentials.process`
    path: String,
    /// Never the value of a variable.
    shown: String,
    digest: String,
}

impl SensitivePart {
    /// `exact` decides whether two parts are the same; `shown` is for people.
    pub(super) fn new(kind: PartKind, path: &str, exact: &str, shown: &str) -> SensitivePart {
        let mut digest = Sha256::new();
        for part in [path, exact] {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        SensitivePart {
            kind,
            path: path.to_owned(),
            shown: shorten_to(LONGEST_SHOWN, shown),
            digest: hex(&digest.finalize()),
        }
    }

    pub(super) fn digest(&self) -> &str {
        &self.digest
    }

    /// As it is written, `!env NAME` included.
    pub(super) fn written(kind: PartKind, path: &str, node: &Node) -> SensitivePart {
        let text = match &node.value {
            Value::Scalar(text) => text.trim(),
            Value::Null | Value::Sequence(_) | Value::Mapping(_) => "",
        };
        let tag = node.tag.as_deref().map(|tag| format!("{tag} "));
        let text = tag.unwrap_or_default() + text;
        SensitivePart::new(kind, path, &text, &text)
    }
}

impl fmt::Display for SensitivePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SensitivePart { path, shown, .. } = self;
        match self.kind {
            PartKind::Runs => write!(f, "runs the program `{shown}`")?,
            PartKind::Calls => write!(f, "sends requests to {shown}")?,
            PartKind::Sets => write!(f, "sets the variable {shown}")?,
            PartKind::Takes => write!(f, "reads the variable {shown} of your environment")?,
            PartKind::Sends => write!(f, "sends the content of {shown} to AWS")?,
            PartKind::Writes => write!(f, "writes files for AWS tools to {shown}")?,
            PartKind::HandsOut => write!(f, "chooses what programs get: `{shown}`")?,
            PartKind::Keyring => return write!(f, "uses {shown}"),
        }
        write!(f, " ({})", path.trim_start_matches("auth."))
    }
}
