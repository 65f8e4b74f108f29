//! Everything one file says. [`Config`] cannot hold anything invalid: what could not be understood
//! is a [`Problem`], and blocks only the chains that use it.

use super::atmos;
use super::databases::{Database, databases};
use super::entries::{Sections, entries};
use super::file;
use super::general::{General, KeyringChoice, NotifyTimes, general};
use super::identity::{EntrySettings, Identity, Provider, RoleList, list_hints};
use super::kinds::USER;
use super::names::LookedUp;
use super::problem::{Blocked, Location, Problem, Severity};
use super::reader::{Fields, Reader};
use super::sensitive::SensitivePart;
use super::yaml::Node;
use crate::environment::Environment;
use crate::error::{Code, Error, Result, shorten};
use crate::ids::{ProviderName, Realm};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Everything one file says, and what it leaves to defaults.
#[derive(Debug)]
pub struct Config {
    path: PathBuf,
    pub(super) general: General,
    providers: Vec<Provider>,
    stand_alone: Provider,
    identities: Vec<Identity>,
    /// Of the identities, by name in lower case.
    positions: HashMap<String, usize>,
    /// Of the providers and identities that were understood.
    settings: HashMap<Blocked, EntrySettings>,
    databases: Vec<Database>,
    problems: Vec<Problem>,
    /// The errors among the problems, by what they block.
    errors: HashMap<Blocked, Vec<usize>>,
    /// What takes values from the environment.
    pub(super) from_environment: HashSet<Blocked>,
    sensitive_parts: Vec<SensitivePart>,
}

impl Config {
    /// Fails only when nothing can be used: unreadable, not YAML, no `auth`. Everything else is a
    /// [`Problem`] that blocks the chains that use it.
    pub fn load(path: &Path, environment: &Environment) -> Result<Config> {
        let path = file::existing(&environment.working_directory().join(path))?;
        let root = file::root(&path, &file::text(&path)?)?;
        understand(&path, root.as_deref(), environment)
    }

    /// Canonical and absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn realm(&self) -> &Realm {
        &self.general.realm
    }

    /// Where secrets are kept. [`Config::usable`] says whether that was understood.
    pub fn keyring(&self) -> &KeyringChoice {
        &self.general.keyring
    }

    /// Environment variables that may hold the passphrase of a keyring: no other program gets them.
    pub fn passphrase_variables(&self) -> Vec<String> {
        let all = self.general.passphrase_variables.iter();
        all.filter(|name| !name.is_empty()).cloned().collect()
    }

    pub fn notify(&self) -> NotifyTimes {
        self.general.notify
    }

    /// All of them, in file order.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// An error when the realm or the keyring was not understood: nothing may be read or written
    /// then.
    pub fn usable(&self) -> Result<()> {
        self.refuse_blocked("the configuration cannot be used", [Blocked::Everything])
    }

    /// In file order.
    pub fn identities(&self) -> &[Identity] {
        &self.identities
    }

    /// In file order, without `aws-user`.
    pub fn providers(&self) -> &[Provider] {
        &self.providers
    }

    /// Those without errors, in file order.
    pub fn databases(&self) -> &[Database] {
        &self.databases
    }

    /// Case does not count.
    pub fn identity(&self, name: &str) -> Result<&Identity> {
        let at = self.positions.get(&name.to_ascii_lowercase());
        at.map(|at| &self.identities[*at]).ok_or_else(|| {
            let known = self.identities.iter().map(|it| it.name.as_str());
            let error = LookedUp::Identity.unknown(name, known);
            list_hints(&self.providers).fold(error, Error::hint)
        })
    }

    /// Case does not count; `aws-user` is known.
    pub fn provider(&self, name: &str) -> Result<&Provider> {
        let mut all = self.providers.iter().chain([&self.stand_alone]);
        all.find(|it| it.name.as_str().eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                let known = self.providers.iter().map(|it| it.name.as_str());
                LookedUp::Provider.unknown(name, known)
            })
    }

    /// Case does not count. One with errors is refused with them.
    pub fn database(&self, name: &str) -> Result<&Database> {
        let what = format!("the database `{}` cannot be used", shorten(name));
        self.refuse_blocked(&what, [Blocked::Database(name.to_ascii_lowercase())])?;
        let mut all = self.databases.iter();
        all.find(|it| it.name.as_str().eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                let known = self.databases.iter().map(|it| it.name.as_str());
                LookedUp::Database.unknown(name, known)
            })
    }

    /// What an entry says. One without settings has errors.
    pub(super) fn settings(&self, subject: &Blocked) -> Result<&EntrySettings> {
        let error = || Error::new(Code::ConfigInvalid, "this entry cannot be used");
        self.settings.get(subject).ok_or_else(error)
    }

    /// Whether anything at all is taken from the environment.
    pub fn uses_the_environment(&self) -> bool {
        !self.from_environment.is_empty()
    }

    /// What it runs, calls, sets, reads and writes, in the order it is read: what is to be trusted.
    pub fn sensitive_parts(&self) -> &[SensitivePart] {
        &self.sensitive_parts
    }

    /// The one with `default: true`, of those Keyfob can sign in with.
    pub fn default_identity(&self) -> Result<Option<&Identity>> {
        let candidates = self.identities.iter().filter(|it| it.is_candidate());
        let defaults: Vec<&Identity> = candidates.collect();
        match defaults.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            [_, _, ..] => {
                let names: Vec<String> = defaults
                    .iter()
                    .map(|it| format!("`{}` (line {})", it.name, it.line))
                    .collect();
                let message = format!("several identities are the default: {}", names.join(", "));
                let path = self.path.display();
                Err(Error::new(Code::ConfigInvalid, message)
                    .hint(format!(
                        "leave `default: true` at only one of them in {path}"
                    ))
                    .hint("or name the identity"))
            }
        }
    }

    /// Fails with the errors that block any of `subjects`.
    pub(super) fn refuse_blocked(
        &self,
        what: &str,
        subjects: impl IntoIterator<Item = Blocked>,
    ) -> Result<()> {
        const SHOWN: usize = 3;
        if self.errors.is_empty() {
            return Ok(());
        }
        let subjects: Vec<Blocked> = subjects.into_iter().collect();
        let mut errors: Vec<usize> = subjects
            .iter()
            .filter_map(|it| self.errors.get(it))
            .flatten()
            .copied()
            .collect();
        if errors.is_empty() {
            return Ok(());
        }
        errors.sort_unstable();
        let mut reasons: Vec<String> = errors
            .iter()
            .take(SHOWN)
            .map(|at| self.problems[*at].to_string())
            .collect();
        if errors.len() > SHOWN {
            reasons.push(format!("and {} more", errors.len() - SHOWN));
        }
        let message = format!("{what}: {}", reasons.join("; "));
        // Why a credential counts as missing.
        let absent = self.problems.iter().filter(|it| {
            it.severity == Severity::Warning
                && it.is_about_credentials()
                && subjects.contains(&it.subject)
        });
        let error = Error::new(Code::ConfigInvalid, message);
        let error = absent.fold(error, |error, it| error.hint(it.to_string()));
        let error = error.hint(format!("correct {}", self.path.display()));
        let unread = self.problems.iter().filter(|it| it.path == atmos::IMPORT);
        Err(unread
            .fold(error, |error, it| error.hint(&it.message))
            .hint("`fob validate` lists every problem"))
    }
}

/// `--config` > `FOB_CONFIG` > the user's own file. Never the working directory: a cloned
/// repository must not choose where its users sign in.
pub fn locate(explicit: Option<&Path>, environment: &Environment) -> Result<PathBuf> {
    let chosen = file::choose(explicit, environment)?;
    if file::is_missing(&chosen.path) {
        Err(file::not_found(&chosen.path, chosen.by))
    } else {
        Ok(chosen.path)
    }
}

/// Where it is or would be, and what says so.
pub fn place(
    explicit: Option<&Path>,
    environment: &Environment,
) -> Result<(PathBuf, &'static str)> {
    file::choose(explicit, environment).map(|chosen| (chosen.path, chosen.by))
}

/// What a file at `path`, canonical and absolute, says with this tree.
pub(super) fn understand(
    path: &Path,
    root: Option<&Node>,
    environment: &Environment,
) -> Result<Config> {
    let node = file::auth(path, root)?;
    let file_name = path.file_name().unwrap_or(path.as_os_str());
    let file_name = file_name.to_string_lossy();
    let reader = Reader::new(path, &file_name, environment);
    let location = Location {
        at: node.at,
        path: "auth".to_owned(),
        subject: Blocked::None,
    };
    let auth = Fields::new(&reader, node, location);
    let general = general(&auth)?;
    let Sections {
        providers,
        identities,
        settings,
    } = entries(&auth, &general.realm);
    let mut databases = databases(&auth, &identities);
    auth.finish("`auth`", &[]);

    if let Some(root) = root {
        atmos::report_unread(path, root, &reader.problems);
    }
    let from_environment = reader.from_environment.into_inner();
    let sensitive_parts = reader.sensitive_parts.into_inner();
    let problems = reader.problems.in_file_order();
    let mut errors: HashMap<Blocked, Vec<usize>> = HashMap::new();
    for (at, problem) in problems.iter().enumerate() {
        if problem.severity == Severity::Error {
            errors.entry(problem.subject.clone()).or_default().push(at);
        }
    }
    databases.retain(|it| !errors.contains_key(&Blocked::Database(it.name.key())));
    Ok(Config {
        path: path.to_owned(),
        general,
        providers,
        stand_alone: Provider {
            name: ProviderName::stand_alone(),
            kind: USER.name.to_owned(),
            is_supported: true,
            line: 0,
            role_list: RoleList::NotWanted,
        },
        positions: identities.iter().map(|it| it.name.key()).zip(0..).collect(),
        identities,
        settings,
        databases,
        problems,
        errors,
        from_environment,
        sensitive_parts,
    })
}
