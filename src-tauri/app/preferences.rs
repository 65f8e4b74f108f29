//! The desktop's own settings beside the configuration: which notices are shown. A file of the app's
//! own; one that cannot be read counts as none.

use keyfob_core::environment::Environment;
use keyfob_core::error::{Error, Result};
use keyfob_core::view::notice::Kind;
use serde::{Deserialize, Serialize};
use specta::Type;
use std::fs;
use std::path::PathBuf;

/// The notices that can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    KeysRevoked,
    RenewalRefused,
    RenewalFailing,
    ExpiresSoon,
    Expired,
    PersonAwaited,
}

impl NoticeKind {
    pub const ALL: [NoticeKind; 6] = [
        NoticeKind::KeysRevoked,
        NoticeKind::RenewalRefused,
        NoticeKind::RenewalFailing,
        NoticeKind::ExpiresSoon,
        NoticeKind::Expired,
        NoticeKind::PersonAwaited,
    ];

    /// `None`: made of others.
    pub fn of(kind: Kind) -> Option<NoticeKind> {
        Some(match kind {
            Kind::KeysRevoked => NoticeKind::KeysRevoked,
            Kind::RenewalRefused => NoticeKind::RenewalRefused,
            Kind::RenewalFailing => NoticeKind::RenewalFailing,
            Kind::ExpiresSoon => NoticeKind::ExpiresSoon,
            Kind::Expired => NoticeKind::Expired,
            Kind::PersonAwaited => NoticeKind::PersonAwaited,
            Kind::Combined => return None,
        })
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Preferences {
    #[serde(default)]
    hidden_notices: Vec<NoticeKind>,
}

impl Preferences {
    pub fn load(environment: &Environment) -> Preferences {
        let text = place(environment)
            .ok()
            .and_then(|path| fs::read_to_string(path).ok());
        text.and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default()
    }

    pub fn shows(&self, kind: NoticeKind) -> bool {
        !self.hidden_notices.contains(&kind)
    }

    pub fn shown(&self) -> Vec<NoticeKind> {
        NoticeKind::ALL
            .into_iter()
            .filter(|kind| self.shows(*kind))
            .collect()
    }

    /// Saved at once.
    pub fn show_only(&mut self, shown: &[NoticeKind], environment: &Environment) -> Result<()> {
        let hidden_notices = NoticeKind::ALL
            .into_iter()
            .filter(|kind| !shown.contains(kind))
            .collect();
        let changed = Preferences { hidden_notices };
        changed.save(environment)?;
        *self = changed;
        Ok(())
    }

    fn save(&self, environment: &Environment) -> Result<()> {
        let path = place(environment)?;
        let folder = path.parent().unwrap_or(&path);
        let text = serde_json::to_string_pretty(self).expect("a list of words always serializes");
        let beside = path.with_extension("json.new");
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&beside, text + "\n"))
            .and_then(|()| fs::rename(&beside, &path))
            .map_err(|cause| Error::file(&path, "write", &cause))
    }
}

fn place(environment: &Environment) -> Result<PathBuf> {
    Ok(environment.config_folder()?.join("desktop.json"))
}
