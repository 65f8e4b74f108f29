//! The configuration: found, read, and resolved into what it means. [`Config`] cannot hold anything
//! invalid: what could not be understood is a [`Problem`], and blocks only the chains that use it.

mod chain;
mod edit;
mod file;
mod general;
mod import;
mod items;
mod kinds;
mod links;
mod problem;
pub(crate) mod profiles;
#[cfg(test)]
mod tests;
mod user;
mod values;
mod yaml;

pub use chain::{
    AccountReference, AssumeRole, AssumeRoot, AwsFiles, Chain, ConfiguredKeys, GithubOidc,
    IdentityCenter, Kind, Link, PermissionSet, Process, Saml, User, WebIdentity,
};
pub use edit::{Change, NewIdentity, NewKind};
pub use import::{Import, Importable, ImportedKeys, ProfileKind, import, importable};
pub use problem::{Problem, Severity};

use crate::environment::Environment;
use crate::error::shorten;
use crate::error::{Code, Error, Result};
use crate::ids::{DatabaseName, IdentityName, ProviderName, Realm, Region};
use chain::{Part, Start};
use file::Reader;
use general::General;
use problem::{Blocks, nearest};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything one file says, and what it leaves to defaults.
#[derive(Debug)]
pub struct Config {
    path: PathBuf,
    general: General,
    providers: Vec<Provider>,
    stand_alone: Provider,
    identities: Vec<Identity>,
    databases: Vec<Database>,
    problems: Vec<Problem>,
    /// The errors among the problems by what they block.
    errors: HashMap<Blocks, Vec<usize>>,
    /// What `!env` is used in.
    from_environment: HashSet<Blocks>,
}

/// Where secrets are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyringChoice {
    System,
    File {
        path: PathBuf,
        /// The environment variable that holds the passphrase.
        password_env: Option<String>,
    },
    Memory,
}

/// A provider as far as it was understood.
#[derive(Clone, Debug)]
pub struct Provider {
    pub name: ProviderName,
    /// As written; empty when it is missing.
    pub kind: String,
    /// False for kinds of other clouds.
    pub is_supported: bool,
    /// From 1; 0 for `aws-user`, which is written nowhere.
    pub line: usize,
    start: Option<Start>,
}

/// An identity as far as it was understood: enough to list it even where its chain is broken.
#[derive(Clone, Debug)]
pub struct Identity {
    pub name: IdentityName,
    /// As written; empty when it is missing.
    pub kind: String,
    pub is_default: bool,
    /// Where the chain starts: `aws-user` for stand-alone identities, `None` where that is not
    /// known.
    pub provider: Option<ProviderName>,
    /// False where the chain uses a kind of another cloud.
    pub is_supported: bool,
    /// From 1.
    pub line: usize,
    env: Vec<(String, String)>,
    below: Option<Below>,
    part: Option<Part>,
}

/// What an identity stands on, by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Below {
    Provider(usize),
    Identity(usize),
}

/// A database to sign in to with an identity.
#[derive(Clone, Debug)]
pub struct Database {
    pub name: DatabaseName,
    pub engine: Engine,
    pub host: String,
    pub port: u16,
    pub user: String,
    /// The region of the identity's chain where none is written.
    pub region: Option<Region>,
    pub identity: IdentityName,
    /// In place of an auth token signed by the identity.
    pub password_secret: Option<PasswordSecret>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    Postgres,
    Mysql,
    Mariadb,
}

impl Engine {
    pub const ALL: [Engine; 3] = [Engine::Postgres, Engine::Mysql, Engine::Mariadb];

    pub const fn as_str(self) -> &'static str {
        match self {
            Engine::Postgres => "postgres",
            Engine::Mysql => "mysql",
            Engine::Mariadb => "mariadb",
        }
    }

    pub const fn default_port(self) -> u16 {
        match self {
            Engine::Postgres => 5432,
            Engine::Mysql | Engine::Mariadb => 3306,
        }
    }
}

/// A password kept in AWS Secrets Manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordSecret {
    pub arn: String,
    /// The field of the secret's JSON; `None` when the whole secret is the password.
    pub field: Option<String>,
}

impl Config {
    /// `--config` > `FOB_CONFIG` > the user's own file. Never the working directory: a cloned
    /// repository must not choose where somebody signs in.
    pub fn locate(explicit: Option<&Path>, environment: &Environment) -> Result<PathBuf> {
        let (path, named_by) = Config::place(explicit, environment)?;
        if is_missing(&path) {
            Err(not_found(&path, named_by))
        } else {
            Ok(path)
        }
    }

    /// Where it is or would be, and what says so.
    pub fn place(
        explicit: Option<&Path>,
        environment: &Environment,
    ) -> Result<(PathBuf, &'static str)> {
        let variable = environment
            .raw("FOB_CONFIG")
            .filter(|path| !path.is_empty())
            .map(Path::new);
        Ok(match (explicit, variable) {
            (Some(path), _) if path.as_os_str().is_empty() => {
                return Err(Error::new(
                    Code::Usage,
                    "the path given with --config is empty",
                ));
            }
            (Some(path), _) => (environment.working_directory().join(path), "--config"),
            (None, Some(path)) => (environment.working_directory().join(path), "FOB_CONFIG"),
            (None, None) => (
                environment.config_folder()?.join("config.yaml"),
                "the default place",
            ),
        })
    }

    /// Fails only when nothing can be used: unreadable, not YAML, no `auth`. Everything else is a
    /// [`Problem`] that blocks the chains that use it.
    pub fn load(path: &Path, environment: &Environment) -> Result<Config> {
        let path = environment.working_directory().join(path);
        let path = match std::fs::canonicalize(&path) {
            Ok(canonical) => canonical,
            Err(_) if is_missing(&path) => return Err(not_found(&path, "the path given")),
            Err(cause) => return Err(Error::file(&path, "read", &cause)),
        };
        // The path becomes part of lines in other programs' files.
        if path.to_string_lossy().contains(char::is_control) {
            return Err(Error::new(
                Code::ConfigInvalid,
                format!(
                    "the path {} contains control characters",
                    shorten(&path.to_string_lossy())
                ),
            )
            .hint("rename the folder or file"));
        }
        Config::understand(&path, &file::text(&path)?, environment)
    }

    /// What a file at `path`, canonical and absolute, says with this text.
    fn understand(path: &Path, text: &str, environment: &Environment) -> Result<Config> {
        let auth = file::entry(file::auth(path, text)?);
        let folder = path.parent().unwrap_or(path);
        let file_name = path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned();
        let mut reader = Reader {
            problems: problem::Problems::default(),
            from_environment: HashSet::new(),
            environment,
            folder,
            file_name,
        };

        let general = general::general(&mut reader, &auth)?;
        let providers = items::providers(&mut reader, &auth);
        let identities = items::identities(&mut reader, &auth);
        let identities = links::link(identities, &providers, &mut reader.problems);
        let databases = items::databases(&mut reader, &auth, &identities);
        let from_environment = reader.from_environment;
        let problems = reader.problems.in_file_order();
        let mut errors: HashMap<Blocks, Vec<usize>> = HashMap::new();
        for (at, problem) in problems
            .iter()
            .enumerate()
            .filter(|(_, problem)| problem.severity == Severity::Error)
        {
            errors.entry(problem.blocks.clone()).or_default().push(at);
        }
        Ok(Config {
            general,
            providers,
            stand_alone: Provider {
                name: ProviderName::stand_alone(),
                kind: kinds::USER.to_owned(),
                is_supported: true,
                line: 0,
                start: None,
            },
            identities,
            databases,
            problems,
            errors,
            from_environment,
            path: path.to_owned(),
        })
    }

    /// Canonical and absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn realm(&self) -> &Realm {
        &self.general.realm
    }

    /// Where secrets are kept. [`Config::usable`] tells whether that was understood.
    pub fn keyring(&self) -> &KeyringChoice {
        &self.general.keyring
    }

    pub fn notify_before(&self) -> Duration {
        self.general.notify_before
    }

    /// Every one, in file order.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// An error when the realm or the keyring was not understood: nothing may be read or written
    /// then.
    pub fn usable(&self) -> Result<()> {
        self.refuse_blocked("the configuration cannot be used", [Blocks::Everything])
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

    /// In any case.
    pub fn identity(&self, name: &str) -> Result<&Identity> {
        self.identities
            .iter()
            .find(|identity| identity.name.as_str().eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                let names = self
                    .identities
                    .iter()
                    .map(|identity| identity.name.as_str());
                unknown(
                    Code::IdentityNotFound,
                    ("identity", "identities"),
                    name,
                    names,
                )
            })
    }

    /// In any case; `aws-user` is known.
    pub fn provider(&self, name: &str) -> Result<&Provider> {
        let mut known = self
            .providers
            .iter()
            .chain(std::iter::once(&self.stand_alone));
        known
            .find(|provider| provider.name.as_str().eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                let names = self.providers.iter().map(|provider| provider.name.as_str());
                unknown(
                    Code::ProviderNotFound,
                    ("provider", "providers"),
                    name,
                    names,
                )
            })
    }

    /// In any case. One with errors is refused with them.
    pub fn database(&self, name: &str) -> Result<&Database> {
        let blocks = Blocks::Database(name.to_ascii_lowercase());
        self.refuse_blocked(
            &format!("the database `{}` cannot be used", shorten(name)),
            [blocks],
        )?;
        self.databases
            .iter()
            .find(|database| database.name.as_str().eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                let names = self.databases.iter().map(|database| database.name.as_str());
                unknown(
                    Code::DatabaseNotFound,
                    ("database", "databases"),
                    name,
                    names,
                )
            })
    }

    /// Whether signing in depends on the environment of whoever asks: `!env`, the machine's own
    /// role, a CI job's token.
    pub fn needs_the_callers_environment(&self, identity: &Identity) -> bool {
        let names = self
            .chain_names(identity)
            .into_iter()
            .map(str::to_ascii_lowercase);
        let written =
            names.flat_map(|name| [Blocks::Provider(name.clone()), Blocks::Identity(name)]);
        let source = self
            .chain(identity)
            .map(|chain| chain.source().kind.clone());
        written
            .chain([Blocks::Everything])
            .any(|it| self.from_environment.contains(&it))
            || matches!(source, Ok(Kind::Ambient | Kind::GithubOidc(_)))
    }

    /// Whether anything at all is taken from the environment.
    pub fn uses_the_environment(&self) -> bool {
        !self.from_environment.is_empty()
    }

    /// The one with `default: true`, of those Keyfob can sign in with.
    pub fn default_identity(&self) -> Result<Option<&Identity>> {
        let defaults: Vec<&Identity> = self
            .identities
            .iter()
            .filter(|identity| links::is_candidate(identity))
            .collect();
        match defaults.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            [_, _, ..] => {
                let names: Vec<String> = defaults
                    .iter()
                    .map(|it| format!("`{}` (line {})", it.name, it.line))
                    .collect();
                Err(Error::new(
                    Code::ConfigInvalid,
                    format!("several identities are the default: {}", names.join(", ")),
                )
                .hint(format!(
                    "leave `default: true` at one of them in {}",
                    self.path.display()
                ))
                .hint("or name the identity"))
            }
        }
    }

    /// Fails with the errors that block any of `blocked`.
    fn refuse_blocked(&self, what: &str, blocked: impl IntoIterator<Item = Blocks>) -> Result<()> {
        const SHOWN: usize = 3;
        let mut errors: Vec<usize> = blocked
            .into_iter()
            .filter_map(|it| self.errors.get(&it))
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
        Err(Error::new(
            Code::ConfigInvalid,
            format!("{what}: {}", reasons.join("; ")),
        )
        .hint(format!("mend {}", self.path.display()))
        .hint("`fob validate` lists every problem"))
    }
}

fn unknown<'a>(
    code: Code,
    (noun, nouns): (&str, &str),
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Error {
    let mut sorted: Vec<&str> = known.clone().collect();
    sorted.sort_unstable_by_key(|name| name.to_ascii_lowercase());
    let mut error = Error::new(code, format!("there is no {noun} `{}`", shorten(name)));
    if let Some(near) = nearest(name, known) {
        error = error.hint(format!("did you mean `{near}`?"));
    }
    if sorted.is_empty() {
        error.hint(format!("the configuration has no {nouns}"))
    } else {
        error.hint(format!("{nouns}: {}", sorted.join(", ")))
    }
}

/// A path that loops or may not be looked at is there: reading it tells why it fails.
fn is_missing(path: &Path) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    std::fs::metadata(path).is_err_and(|cause| matches!(cause.kind(), NotFound | NotADirectory))
}

fn not_found(path: &Path, named_by: &str) -> Error {
    Error::new(Code::ConfigNotFound, format!("there is no configuration at {} ({named_by})", path.display()))
        .hint("to make one, write `auth: {identities: {dev: {kind: aws/user, default: true}}}` to that file")
        .hint("to use another one, such as an atmos.yaml, name it with --config PATH or FOB_CONFIG")
        .hint("`fob sandbox` needs no configuration: it brings an AWS and a configuration of its own")
}
