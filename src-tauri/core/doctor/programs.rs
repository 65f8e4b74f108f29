//! `fob` as shells and profiles find it.

use super::check::{Checked, Fix};
use crate::config::{Chain, SharedProfiles};
use crate::environment::Environment;
use crate::error::Result;
use crate::files::{is_gone, program_of};
use crate::world::World;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Whether the first on the PATH is this one.
pub(super) fn fob(environment: &Environment) -> Checked {
    const NAME: &str = "fob on the PATH";
    let here = environment.program();
    let file = format!("fob{}", std::env::consts::EXE_SUFFIX);
    let path = environment.raw("PATH").unwrap_or_default();
    let found = std::env::split_paths(path).map(|folder| folder.join(&file));
    let folder = here.parent().unwrap_or(here).display();
    match found.into_iter().find(|it| it.is_file()) {
        None => {
            let command = if cfg!(windows) {
                format!("$Env:PATH = '{folder};' + $Env:PATH")
            } else {
                format!("export PATH=\"{folder}:$PATH\"")
            };
            Checked::warning(NAME, "there is none").remedy(command)
        }
        Some(first) if is_same(&first, here) => Checked::ok(NAME, first.display().to_string()),
        Some(first) => {
            let (first, here) = (first.display(), here.display());
            let text = format!("{first} comes first, and is another program than {here}");
            Checked::warning(NAME, text).remedy(format!("{first} --version"))
        }
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| dunce::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    real(one) == real(other)
}

/// The program that a profile runs.
struct ProfileProgram {
    profile: String,
    program: PathBuf,
    /// `None`: it is not Keyfob's profile.
    fix: Option<Fix>,
}

impl ProfileProgram {
    fn checked(&self, here: &Path) -> Option<Checked> {
        let name = format!("profile {}", self.profile);
        let program = self.program.display();
        let gone = format!("it runs {program}, which is gone");
        let Some(fix) = &self.fix else {
            let remedy = "take its credential_process out of ~/.aws/config, or install the program";
            return is_gone(&self.program).then(|| Checked::warning(name, gone).remedy(remedy));
        };
        let command = match fix {
            Fix::WriteProfile(name) => format!("fob repair {name}"),
            Fix::WriteSharedProfile(name) => format!("fob profiles write {name}"),
        };
        let checked = if is_gone(&self.program) {
            Checked::broken(name, gone).fixed_by(fix.clone())
        } else if self.program.is_absolute() && !is_same(&self.program, here) {
            let text = format!("it runs {program}, and this is {}", here.display());
            Checked::warning(name, text)
        } else {
            return None;
        };
        Some(checked.remedy(command))
    }
}

/// Of the folder for AWS tools, and of the user's own file.
pub(super) fn profiles(world: &World) -> Vec<Checked> {
    const NAME: &str = "profiles";
    let identities = world.config.identities().iter();
    let chains = identities.filter_map(|it| world.config.chain(it).ok());
    let chains: Vec<Chain> = chains.collect();
    let mut all = in_the_folders(world, &chains);
    let mut found = Vec::new();
    match in_the_users_file(world, &chains) {
        Ok(own) => all.extend(own),
        Err(error) => found.push(Checked::failed(NAME, &error)),
    }
    let here = world.environment.program();
    found.extend(all.iter().filter_map(|it| it.checked(here)));
    if found.is_empty() {
        let ours = all.iter().filter(|it| it.fix.is_some()).count();
        let text = format!("profiles that run {}: {ours}", here.display());
        found.push(Checked::ok(NAME, text));
    }
    found
}

fn in_the_folders(world: &World, chains: &[Chain]) -> Vec<ProfileProgram> {
    let mut seen = HashSet::new();
    let places = chains.iter().map(|chain| &chain.files);
    let places = places.filter(|it| seen.insert(&it.folder));
    let all = places.flat_map(|files| world.store.profiles.programs(files));
    let named = all.flatten().map(|(profile, program)| ProfileProgram {
        fix: Some(Fix::WriteProfile(profile.clone())),
        profile,
        program,
    });
    named.collect()
}

/// Nothing where a variable names a file of Keyfob's own in its place.
fn in_the_users_file(world: &World, chains: &[Chain]) -> Result<Vec<ProfileProgram>> {
    let shared = SharedProfiles::read(&world.environment)?;
    let [path, _] = &shared.paths;
    if chains
        .iter()
        .any(|chain| path.starts_with(&chain.files.base))
    {
        return Ok(Vec::new());
    }
    let named = shared.all.iter().filter_map(|profile| {
        let is_own = profile.is_own(&world.environment);
        Some(ProfileProgram {
            program: program_of(profile.command()?)?,
            fix: is_own.then(|| Fix::WriteSharedProfile(profile.name.clone())),
            profile: profile.name.clone(),
        })
    });
    Ok(named.collect())
}
