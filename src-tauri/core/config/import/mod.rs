//! What the files of AWS tools, and of tools that work on them, hold and Keyfob can import: a list
//! for people to choose from, and what follows from a choice as plain data. Writes nothing; secrets
//! go to the caller, for the keyring, and never into a [`Change`].

mod atmos;
mod draft;
mod meaning;
mod names;
mod source;

pub use atmos::import_configuration;
pub use draft::{Import, ImportedKeys, LeftOut};
pub use meaning::ProfileKind;
use source::IDENTITY;
pub use source::ImportSource;

use super::configuration::Config;
use super::edit::NewKind;
use super::profiles::{SharedProfile, SharedProfiles};
use crate::environment::Environment;
use crate::error::{Code, Error, Result, shorten};
use crate::secret::Secret;
use draft::ImportDraft;
use meaning::{Meaning, Meant, Needed};
use names::{renamed, valid};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// A chain of profiles is never longer.
const LONGEST_CHAIN: usize = 32;

/// A profile of `~/.aws/config` or `~/.aws/credentials`, as far as it means credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Importable {
    pub profile: String,
    pub what: ProfileKind,
    /// Why it cannot be imported.
    pub obstacle: Option<String>,
    /// What becomes of it otherwise than it is written: another name, lines that are left out.
    pub notes: Vec<String>,
}

/// Every profile that means credentials, in the order of the files; without those that Keyfob wrote
/// itself. Files that are missing hold none.
///
/// # Errors
/// [`Code::FilesUnwritable`] and [`Code::InvalidInput`]: a file is there and cannot be read, or is
/// no text.
pub fn importable(environment: &Environment, source: ImportSource) -> Result<Vec<Importable>> {
    let profiles = Profiles::read(environment, source)?;
    let importable = |profile: &SharedProfile| {
        let (what, meant) = profiles.meant(profile)?;
        let mut notes = profile.warnings.clone();
        let obstacle = match meant.and_then(|it| profiles.chain(profile).map(|_| it)) {
            Ok(meaning) => {
                let identity = valid(&profile.name);
                notes.extend(named(&meaning.notes, &identity));
                notes.extend(renamed(&profile.name, &identity));
                None
            }
            Err(why) => Some(why),
        };
        Some(Importable {
            profile: profile.name.clone(),
            what,
            obstacle,
            notes,
        })
    };
    Ok(profiles.shared.all.iter().filter_map(importable).collect())
}

/// What to change so that the configuration has the profiles of `names`, and those that their roles
/// are assumed with. `beside`: what is there already; what is the same there is not added again.
/// AWS tools use the profile `default` where none is named, and so does the configuration, if it
/// has no default yet.
///
/// # Errors
/// As [`importable`]; and [`Code::InvalidInput`]: there is no such profile, or one of them cannot
/// be imported.
pub fn import(
    environment: &Environment,
    source: ImportSource,
    names: &[String],
    beside: Option<&Config>,
) -> Result<Import> {
    let profiles = Profiles::read(environment, source)?;
    let mut notes = Vec::new();
    let chosen = profiles.chosen(names, &mut notes)?;
    let mut draft = ImportDraft::beside(beside, notes);
    let mut meanings = Vec::new();
    for profile in chosen {
        draft.notes.extend(profile.warnings.iter().cloned());
        if let Some((_, Ok(meaning))) = profiles.meant(profile) {
            draft.name(&profile.name, &meaning);
            let identity = draft.identity(&profile.name);
            draft.notes.extend(named(&meaning.notes, &identity));
            meanings.push((profile, meaning));
        }
    }
    let chosen: Vec<_> = meanings.iter().map(|(profile, _)| *profile).collect();
    let mut code_sources = profiles.code_sources(&chosen, &mut draft.notes);
    for (profile, mut meaning) in meanings {
        if let NewKind::User { mfa_arn, .. } = &mut meaning.kind {
            let CodeSource { device, program } =
                code_sources.remove(&profile.name).unwrap_or_default();
            *mfa_arn = mfa_arn.take().or(device);
            let of_user = &mut meaning.settings.mfa_process;
            *of_user = of_user.take().or(program);
            let keys = profile.keys(&draft.identity(&profile.name), mfa_arn.clone());
            draft.keys.extend(keys);
        }
        draft.add(&profile.name, meaning);
    }
    for center in source.centers(environment)? {
        draft.center(center);
    }
    Ok(draft.finish())
}

/// Notes with the name of the identity in them.
fn named(notes: &[String], identity: &str) -> Vec<String> {
    let named = notes.iter().map(|it| it.replace(IDENTITY, identity));
    named.collect()
}

/// All profiles of both files.
struct Profiles {
    shared: SharedProfiles,
    source: ImportSource,
    /// Those that Keyfob wrote.
    own: HashSet<String>,
}

impl Profiles {
    fn read(environment: &Environment, source: ImportSource) -> Result<Profiles> {
        let shared = source.read(environment)?;
        let own = shared.all.iter().filter(|it| it.is_own(environment));
        let own = own.map(|profile| profile.name.clone()).collect();
        Ok(Profiles {
            shared,
            source,
            own,
        })
    }

    /// What a profile is by itself, and the identity it becomes; roles name the profile of their
    /// source. `None`: it holds no credentials, or is Keyfob's own.
    fn meant(&self, profile: &SharedProfile) -> Option<Meant> {
        if self.own.contains(&profile.name) {
            return None;
        }
        meaning::meant(profile, &self.shared.sessions, self.source)
    }

    /// The profile and those its role is assumed with, from the role down to the keys; or why that
    /// does not work.
    fn chain<'p>(&'p self, profile: &'p SharedProfile) -> Result<Vec<&'p SharedProfile>, String> {
        let mut chain = vec![profile];
        loop {
            let last = chain.last().copied().unwrap_or(profile);
            let about = |why: String| {
                if chain.len() == 1 {
                    why
                } else {
                    format!("its source_profile `{}`: {why}", shorten(&last.name))
                }
            };
            let Some((_, meant)) = self.meant(last) else {
                let why = if self.own.contains(&last.name) {
                    "Keyfob wrote it itself"
                } else {
                    "it holds no credentials"
                };
                return Err(about(why.to_owned()));
            };
            let Meaning {
                kind: NewKind::AssumeRole { via, .. },
                below: Needed::Nothing,
                ..
            } = meant.map_err(about)?
            else {
                return Ok(chain);
            };
            if chain.iter().any(|it| it.name == via) || chain.len() > LONGEST_CHAIN {
                let names = chain
                    .iter()
                    .map(|it| shorten(&it.name))
                    .chain([shorten(&via)]);
                return Err(format!(
                    "its source_profile leads in a circle: {}",
                    names.collect::<Vec<_>>().join(" → ")
                ));
            }
            let source = self.shared.find(&via).ok_or_else(|| {
                format!(
                    "there is no profile `{}`, which `{}` names as source_profile",
                    shorten(&via),
                    shorten(&last.name)
                )
            })?;
            chain.push(source);
        }
    }

    /// The profiles of `names`, each behind those that its role is assumed with.
    fn chosen(&self, names: &[String], notes: &mut Vec<String>) -> Result<Vec<&SharedProfile>> {
        let mut chosen: Vec<&SharedProfile> = Vec::new();
        for name in names {
            let short = shorten(name);
            let refused = |why: String| Error::new(Code::InvalidInput, why);
            let profile = self.shared.find(name).ok_or_else(|| {
                refused(format!("there is no profile `{short}` in the AWS files"))
            })?;
            let chain = self.chain(profile).map_err(|why| {
                refused(format!("the profile `{short}` cannot be imported: {why}"))
            })?;
            for link in chain.into_iter().rev() {
                if chosen.iter().any(|it| it.name == link.name) {
                    continue;
                }
                if !names.contains(&link.name) {
                    let source = shorten(&link.name);
                    notes.push(format!(
                        "the profile `{source}` is imported too: `{short}` is assumed with it"
                    ));
                }
                chosen.push(link);
            }
        }
        Ok(chosen)
    }

    /// What the MFA codes of each user come from: AWS tools read it where a role is assumed, Keyfob
    /// where the user signs in.
    fn code_sources(
        &self,
        chosen: &[&SharedProfile],
        notes: &mut Vec<String>,
    ) -> HashMap<String, CodeSource> {
        let mut sources: HashMap<String, CodeSource> = HashMap::new();
        for role in chosen {
            let Ok(chain) = self.chain(role) else {
                continue;
            };
            let [_, .., user] = chain.as_slice() else {
                continue;
            };
            let is_user = matches!(self.meant(user), Some((ProfileKind::IamUser, _)));
            let given = sources.entry(user.name.clone()).or_insert_with(|| {
                let (device, program) = (user.owned("mfa_serial"), user.owned("mfa_process"));
                CodeSource { device, program }
            });
            let device = role.owned("mfa_serial");
            let moved = [
                given_to(&mut given.device, device.clone()),
                // The codes of another device are of no use.
                match &device {
                    Some(device) if given.device.as_ref() != Some(device) => {
                        role.owned("mfa_process").map(|_| Moved::Other)
                    }
                    Some(_) | None => given_to(&mut given.program, role.owned("mfa_process")),
                },
            ];
            let (name, user) = (shorten(&role.name), shorten(&user.name));
            for (noun, moved) in ["MFA device", "program for MFA codes"]
                .into_iter()
                .zip(moved)
            {
                let what = match moved {
                    None => continue,
                    Some(_) if !is_user => {
                        format!("is left out: `{user}` is not a user who can enter a code")
                    }
                    Some(Moved::Same) => continue,
                    Some(Moved::Other) => {
                        format!("is left out: its user `{user}` signs in with another one")
                    }
                    Some(Moved::Here) => format!("is used when its user `{user}` signs in"),
                };
                notes.push(format!("the {noun} of `{name}` {what}"));
            }
        }
        sources
    }
}

/// Of a user.
#[derive(Default)]
struct CodeSource {
    device: Option<String>,
    program: Option<String>,
}

/// A role's setting, to its user.
enum Moved {
    Here,
    Same,
    /// The user has another.
    Other,
}

fn given_to(given: &mut Option<String>, of_role: Option<String>) -> Option<Moved> {
    let of_role = of_role?;
    Some(match given {
        Some(given) if *given == of_role => Moved::Same,
        Some(_) => Moved::Other,
        None => {
            *given = Some(of_role);
            Moved::Here
        }
    })
}

impl SharedProfile {
    fn keys(&self, identity: &str, mfa_arn: Option<String>) -> Option<ImportedKeys> {
        Some(ImportedKeys {
            identity: identity.to_owned(),
            access_key_id: self.value("aws_access_key_id")?.to_owned(),
            secret: Secret::new(self.value("aws_secret_access_key")?),
            mfa_arn,
        })
    }
}
