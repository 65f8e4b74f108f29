//! What a rotation came to, as data and in words.

use crate::clock::{day, moment};
use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::SystemTime;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct Rotated {
    pub identity: String,
    /// The key that is in use now; shortened, as the old one's.
    pub access_key_id: String,
    pub old_access_key_id: Option<String>,
    pub old_key: OldKey,
    /// The file that the old key was read from. It is still there, and of no use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_file: Option<String>,
    /// An earlier run began it.
    #[serde(default)]
    pub resumed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum OldKey {
    Deleted,
    /// AWS accepts it until then; an agent, or the next rotation, deletes it.
    Kept {
        #[serde(with = "moment")]
        #[cfg_attr(feature = "app", specta(type = String))]
        until: SystemTime,
    },
    /// It could not be deleted.
    Left {
        error: Error,
    },
}

impl fmt::Display for Rotated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let old = match &self.old_access_key_id {
            Some(id) => format!("the old one, {id},"),
            None => "the old one".to_owned(),
        };
        let (identity, new) = (&self.identity, &self.access_key_id);
        write!(f, "{identity} uses the access key {new} now; {old} ")?;
        match &self.old_key {
            OldKey::Deleted => f.write_str("was deleted at AWS")?,
            OldKey::Kept { until } => write!(f, "is kept at AWS until {}", day(*until))?,
            OldKey::Left { error } => write!(f, "is still at AWS: {error}")?,
        }
        match &self.stale_file {
            Some(file) => write!(f, "; {file} holds nothing but the old one: delete it"),
            None => Ok(()),
        }
    }
}
