//! Profiles of ours in the user's own `config` file of AWS tools, so that `AWS_PROFILE=deploy`
//! works in any terminal. Each is marked at both ends; nothing but lines between marks of ours is
//! changed or removed, and a profile of the user's own is never touched.

use super::belonging::is_gone;
use super::outcome::Mode;
use crate::clock::Clock;
use crate::config::{Original, SharedProfile, SharedProfiles, shared_config_path, shared_text};
use crate::environment::Environment;
use crate::error::Result;
use crate::files::ini::{self, Header, IniSection};
use crate::files::{self, FILE_LOCK_LIMIT, FileLock, FobCommand, Patience, program_of};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// The settings that are ours to write.
const OURS: &[&str] = &["region", COMMAND];
const COMMAND: &str = "credential_process";

/// The file, for the profiles of one configuration.
#[derive(Debug)]
pub(crate) struct SharedConfigFile {
    path: PathBuf,
    lock: PathBuf,
    fob: FobCommand,
}

/// A profile as it is to be written.
#[derive(Clone, Debug)]
pub(crate) struct WantedProfile {
    /// An identity's.
    pub name: String,
    pub region: Option<String>,
}

/// What became of one profile, or would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProfileOutcome {
    pub name: String,
    pub result: ProfileResult,
    /// Why, what changes, or what of the identity is not in its profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The lines that are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileResult {
    Written,
    WouldWrite,
    Unchanged,
    Removed,
    WouldRemove,
    Absent,
    /// It is not ours to change.
    Kept,
    /// Its identity cannot be used.
    LeftOut,
}

impl ProfileResult {
    /// It is, or would be, as it was to be.
    pub fn is_done(self) -> bool {
        match self {
            ProfileResult::Kept | ProfileResult::LeftOut => false,
            ProfileResult::Written
            | ProfileResult::WouldWrite
            | ProfileResult::Unchanged
            | ProfileResult::Removed
            | ProfileResult::WouldRemove
            | ProfileResult::Absent => true,
        }
    }

    /// The profile is in the file, or would be.
    pub fn is_there(self) -> bool {
        match self {
            ProfileResult::Written | ProfileResult::WouldWrite | ProfileResult::Unchanged => true,
            ProfileResult::Removed
            | ProfileResult::WouldRemove
            | ProfileResult::Absent
            | ProfileResult::Kept
            | ProfileResult::LeftOut => false,
        }
    }
}

impl ProfileOutcome {
    pub fn of(name: &str, result: ProfileResult, detail: Option<String>) -> ProfileOutcome {
        ProfileOutcome {
            name: name.to_owned(),
            result,
            detail,
            lines: None,
        }
    }

    fn in_mode(mut self, mode: Mode) -> ProfileOutcome {
        self.result = match (mode, self.result) {
            (Mode::DryRun, ProfileResult::Written) => ProfileResult::WouldWrite,
            (Mode::DryRun, ProfileResult::Removed) => ProfileResult::WouldRemove,
            (_, result) => result,
        };
        self
    }
}

impl SharedConfigFile {
    pub fn of(environment: &Environment, configuration: &Path) -> Result<SharedConfigFile> {
        Ok(SharedConfigFile {
            path: shared_config_path(environment)?,
            lock: environment.state_folder()?.join("aws-config.lock"),
            fob: FobCommand {
                program: environment.program().to_owned(),
                configuration: configuration.to_string_lossy().into_owned(),
            },
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `wanted`. Profiles of ours that are not in `known` go; `None`: the others stay.
    /// `credentials`: the profiles of the other file, whose keys AWS tools take first.
    pub async fn write(
        &self,
        wanted: &[WantedProfile],
        known: Option<&[String]>,
        credentials: &SharedProfiles,
        mode: Mode,
    ) -> Result<Vec<ProfileOutcome>> {
        self.change(mode, |draft| {
            let mut outcomes = Vec::new();
            for profile in wanted {
                outcomes.push(draft.put(&self.fob, profile, credentials)?);
            }
            let known = known.map(|known| known.iter().map(|it| folded(it)));
            if let Some(known) = known.map(Iterator::collect::<HashSet<_>>) {
                outcomes.extend(draft.remove(&self.fob, |name| !known.contains(name)));
            }
            Ok(outcomes)
        })
        .await
    }

    /// Removes what was written for this configuration: one profile, or all.
    pub async fn remove(&self, only: Option<&str>, mode: Mode) -> Result<Vec<ProfileOutcome>> {
        self.change(mode, |draft| {
            let mut removed =
                draft.remove(&self.fob, |name| only.is_none_or(|it| folded(it) == name));
            if let (Some(name), true) = (only, removed.is_empty()) {
                let kept = draft.foreign(&self.fob, name);
                let result = kept
                    .as_ref()
                    .map_or(ProfileResult::Absent, |_| ProfileResult::Kept);
                removed.push(ProfileOutcome::of(name, result, kept));
            }
            Ok(removed)
        })
        .await
    }

    async fn change(
        &self,
        mode: Mode,
        edit: impl FnOnce(&mut SharedText<'_>) -> Result<Vec<ProfileOutcome>>,
    ) -> Result<Vec<ProfileOutcome>> {
        let patience = Patience::AtMost(FILE_LOCK_LIMIT);
        let _lock = match mode {
            Mode::Run => Some(FileLock::acquire(&self.lock, patience, &Clock::system()).await?),
            Mode::DryRun => None,
        };
        let original = Original::read(&self.path, shared_text)
            .map_err(|error| error.hint("the variable AWS_CONFIG_FILE names another file"))?
            .unwrap_or_else(|| Original::missing(&self.path, shared_text));
        let before = original.text().map_or("", |text| text.as_str());
        let mut draft = SharedText::of(&self.path, before);
        let outcomes = edit(&mut draft)?;
        let after = draft.text();
        if mode == Mode::Run && after != before {
            // A file that held nothing else was made by us.
            if after.is_empty() && !self.path.is_symlink() {
                files::remove(original.path())?;
            } else {
                original.replace(&after)?;
            }
            tracing::info!(file = %self.path.display(), "profiles for AWS tools changed");
        }
        Ok(outcomes.into_iter().map(|it| it.in_mode(mode)).collect())
    }
}

/// The text as it was, and what is to change in it.
struct SharedText<'a> {
    path: &'a Path,
    before: &'a str,
    sections: Vec<IniSection<'a>>,
    /// Positions of sections, by the profile's name.
    profiles: HashMap<String, Vec<usize>>,
    /// New bytes of sections, by position; `None`: it goes.
    changed: HashMap<usize, Option<Vec<u8>>>,
    added: Vec<Vec<u8>>,
}

impl<'a> SharedText<'a> {
    fn of(path: &'a Path, before: &'a str) -> SharedText<'a> {
        let sections = ini::scan(before.as_bytes());
        let mut profiles: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, section) in sections.iter().enumerate() {
            if let Some(name) = section.profile() {
                profiles.entry(folded(name)).or_default().push(at);
            }
        }
        SharedText {
            path,
            before,
            sections,
            profiles,
            changed: HashMap::new(),
            added: Vec::new(),
        }
    }

    fn put(
        &mut self,
        fob: &FobCommand,
        profile: &WantedProfile,
        credentials: &SharedProfiles,
    ) -> Result<ProfileOutcome> {
        let name = profile.name.as_str();
        let taken = self.foreign(fob, name).or_else(|| {
            let has_keys = credentials.find(name).is_some_and(SharedProfile::has_keys);
            has_keys.then(|| keys_come_first(name))
        });
        if let Some(why) = taken {
            return Ok(ProfileOutcome::of(name, ProfileResult::Kept, Some(why)));
        }
        let command = fob.credential_process(name)?;
        let mut settings = vec![];
        settings.extend(profile.region.as_deref().map(|region| ("region", region)));
        settings.push((COMMAND, command.as_str()));
        let mut lines = header(name).section(&fob.configuration, &settings);
        lines.extend_from_slice(ini::END.as_bytes());
        lines.push(b'\n');
        let shown = String::from_utf8_lossy(&lines).into_owned();
        let mut section = ini::as_in(self.before.as_bytes(), &lines);
        let mut outcome = ProfileOutcome::of(name, ProfileResult::Written, None);
        let found = self
            .profiles
            .get(&folded(name))
            .cloned()
            .unwrap_or_default();
        if let [first, again @ ..] = found.as_slice() {
            let old = &self.sections[*first];
            section.extend(old.added(self.before.as_bytes(), OURS));
            outcome.detail = what_changes(old, fob);
            if self.before.as_bytes()[old.range()] == *section && again.is_empty() {
                outcome.result = ProfileResult::Unchanged;
                return Ok(outcome);
            }
            self.changed.insert(*first, Some(section));
            self.changed.extend(again.iter().map(|at| (*at, None)));
        } else {
            self.added.push(section);
        }
        outcome.lines = Some(shown);
        Ok(outcome)
    }

    /// Takes out those of ours whose names pass; what others added to them stays.
    fn remove(&mut self, fob: &FobCommand, passes: impl Fn(&str) -> bool) -> Vec<ProfileOutcome> {
        let mut outcomes = Vec::new();
        for (at, section) in self.sections.iter().enumerate() {
            let ours = is_ours(section, fob);
            let Some(name) = section.profile().filter(|it| ours && passes(&folded(it))) else {
                continue;
            };
            let text = self.before.as_bytes();
            let added = section.added(text, OURS);
            let has_settings = section
                .settings
                .iter()
                .any(|(key, _)| !OURS.contains(&key.as_str()));
            let detail = has_settings.then(|| "settings that were added to it stay".to_owned());
            let left = match (has_settings, added.is_empty()) {
                (true, _) => Some([section.first_line(text), &added].concat()),
                (false, false) => Some(added),
                (false, true) => None,
            };
            self.changed.insert(at, left);
            outcomes.push(ProfileOutcome::of(name, ProfileResult::Removed, detail));
        }
        outcomes
    }

    /// Why the profile of that name is not ours to change.
    fn foreign(&self, fob: &FobCommand, name: &str) -> Option<String> {
        let found = self.profiles.get(&folded(name))?;
        let mut found = found.iter().map(|at| &self.sections[*at]);
        let section = found.find(|it| !is_ours(it, fob))?;
        let place = format!("line {} of {}", section.line, self.path.display());
        Some(match &section.configuration {
            Some(other) => format!(
                "{place} has it for the identity of {other}: `fob --config '{other}' profiles \
                 remove {name}` takes it out"
            ),
            None => format!(
                "{place} has a profile of your own of that name: rename it, or the identity, and \
                 run this again"
            ),
        })
    }

    fn text(self) -> String {
        let mut text = self.before.as_bytes().to_vec();
        let mut changed: Vec<_> = self.changed.into_iter().collect();
        changed.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        for (at, section) in changed {
            let range = self.sections[at].range();
            match section {
                Some(section) => ini::replace(&mut text, range, section),
                None => ini::cut(&mut text, range),
            }
        }
        for section in self.added {
            ini::append(&mut text, section);
        }
        String::from_utf8(text).expect("whole lines of text and of ours")
    }
}

fn header(name: &str) -> Header<'_> {
    let keyword = if name == "default" { "" } else { "profile" };
    Header { keyword, name }
}

/// Written for this configuration, or for one that is gone.
fn is_ours(section: &IniSection<'_>, fob: &FobCommand) -> bool {
    let origin = section.configuration.as_ref();
    origin.is_some_and(|it| *it == fob.configuration || is_gone(it))
}

fn what_changes(old: &IniSection<'_>, fob: &FobCommand) -> Option<String> {
    let origin = old.configuration.as_ref();
    if let Some(gone) = origin.filter(|it| **it != fob.configuration) {
        return Some(format!("it was written for {gone}, which is gone"));
    }
    let mut lines = old.settings.iter().filter(|(key, _)| key == COMMAND);
    let was = program_of(lines.next_back()?.1.as_str())?;
    let (was, is) = (was.display(), fob.program.display());
    (was.to_string() != is.to_string()).then(|| format!("fob is now {is}, it was {was}"))
}

fn keys_come_first(name: &str) -> String {
    format!(
        "your credentials file holds keys for it, which AWS tools take first: remove its section \
         [{name}] there, and run this again"
    )
}

/// Names of identities are the same whatever their case.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}
