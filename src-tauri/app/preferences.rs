//! The desktop's own settings beside the configuration: which notices are shown. A file of the
//! app's own; one that cannot be read counts as none.

use keyfob_core::environment::Environment;
use keyfob_core::error::Result;
use keyfob_core::files;
use keyfob_core::view::notice::NoticeKind;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Preferences {
    #[serde(default)]
    hidden_notices: Vec<NoticeKind>,
}

impl Preferences {
    pub fn load(environment: &Environment) -> Preferences {
        let text = place(environment)
            .ok()
            .and_then(|path| files::read(&path).ok()?);
        text.and_then(|text| serde_json::from_slice(&text).ok())
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
        files::create_folder(folder)?;
        files::replace(&path, (text + "\n").as_bytes())
    }
}

fn place(environment: &Environment) -> Result<PathBuf> {
    Ok(environment.config_folder()?.join("desktop.json"))
}
