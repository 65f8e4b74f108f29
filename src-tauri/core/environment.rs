//! A snapshot of everything the process was started with: variables, home and folders. `main` takes
//! it once and hands it in; nothing else in the library looks at the process.

use crate::encode::short_hex;
use crate::error::{Code, Error, Result};
use crate::hardening;
use crate::kernel;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

/// What decides where things are kept.
const PLACES: &[&str] = &[
    "APPDATA",
    "ATMOS_AWS_FILES_BASE_PATH",
    "FOB_AWS_FILES_BASE_PATH",
    "FOB_KEYRING",
    "HOME",
    "LOCALAPPDATA",
    "USERPROFILE",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
];
/// What decides by which way calls go, and which hosts they trust. None of them is a secret, but a
/// proxy's URL may hold one.
const NETWORK: &[&str] = &[
    "ALL_PROXY",
    "AWS_CA_BUNDLE",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];
/// Besides every `AWS_ENDPOINT_URL…`: what decides where calls go that name no endpoint.
const ENDPOINTS: &[&str] = &[
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
];
const BETWEEN_DIGESTS: char = '-';

/// What two processes have different in their environments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EnvironmentDifference {
    pub places: bool,
    pub endpoints: bool,
    pub network: bool,
}

impl EnvironmentDifference {
    /// Of two fingerprints. What another version made differs in all.
    pub fn between(ours: &str, theirs: &str) -> EnvironmentDifference {
        let digests = |fingerprint: &str| -> Option<[String; 3]> {
            let parts = fingerprint.split(BETWEEN_DIGESTS).map(str::to_owned);
            parts.collect::<Vec<_>>().try_into().ok()
        };
        let differ = match (digests(ours), digests(theirs)) {
            (Some(ours), Some(theirs)) => std::array::from_fn(|at| ours[at] != theirs[at]),
            (Some(_) | None, _) => [ours != theirs; 3],
        };
        let [places, endpoints, network] = differ;
        EnvironmentDifference {
            places,
            endpoints,
            network,
        }
    }

    pub fn is_any(self) -> bool {
        self != EnvironmentDifference::default()
    }
}

/// Whether a sign-in may use a browser of this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BrowserUse {
    #[default]
    Here,
    /// `--no-browser`.
    NotWanted,
    OverSsh,
    NoDisplay,
}

impl BrowserUse {
    pub fn is_here(&self) -> bool {
        *self == BrowserUse::Here
    }

    /// `None`: it may.
    pub fn why_not(self) -> Option<&'static str> {
        match self {
            BrowserUse::Here => None,
            BrowserUse::NotWanted => Some("no browser is to be opened here (--no-browser)"),
            BrowserUse::OverSsh => Some("this is an SSH connection (SSH_CONNECTION)"),
            BrowserUse::NoDisplay => Some("there is no display here (DISPLAY, WAYLAND_DISPLAY)"),
        }
    }
}

/// By what the process shows things to its person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shows {
    /// Prompts show what programs of the configuration say.
    #[default]
    Nothing,
    /// Programs of the configuration speak to the person there.
    Terminal,
    /// Also an identity provider's page, where its sign-in is caught.
    Windows,
}

#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    working_directory: PathBuf,
    /// The absolute path that `fob` was started by, written into `credential_process` lines.
    program: PathBuf,
    parent: u32,
    shows: Shows,
    /// Variables of this process that the programs it starts do not get.
    withheld: Vec<String>,
}

/// Names only: values can be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

impl Environment {
    /// The running process, as it is now.
    pub fn capture() -> Environment {
        let running = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("fob"));
        let folder = std::env::current_dir().unwrap_or_default();
        let word = std::env::args_os().next().unwrap_or_default();
        let variables = hardening::taken_out().into_iter();
        let variables = variables.chain(std::env::vars_os());
        let variables: BTreeMap<OsString, OsString> = variables
            .map(|(name, value)| (key(&name).into(), value))
            .collect();
        let path = variables.get(OsStr::new("PATH")).cloned();
        let path = path.unwrap_or_default();
        Environment {
            variables,
            program: started_by(&word, &folder, &path, &running).unwrap_or(running),
            working_directory: folder,
            parent: parent_id(),
            shows: Shows::Nothing,
            withheld: Vec::new(),
        }
    }

    /// For tests and the sandbox: exactly these variables.
    pub fn of<K: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Environment {
        Environment {
            variables: variables
                .into_iter()
                .map(|(k, v)| (key(&k.into()).into(), v.into()))
                .collect(),
            working_directory: PathBuf::from("/"),
            program: PathBuf::from("fob"),
            parent: 0,
            shows: Shows::Nothing,
            withheld: Vec::new(),
        }
    }

    /// A variable that is set and not empty. One that is not UTF-8 is an error that names it.
    pub fn var(&self, name: &str) -> Result<Option<&str>> {
        match self.raw(name) {
            None => Ok(None),
            Some(value) => match value.to_str() {
                Some("") => Ok(None),
                Some(text) => Ok(Some(text)),
                None => Err(Error::new(
                    Code::Usage,
                    format!("the environment variable {name} is not valid UTF-8"),
                )
                .hint(format!("set {name} again, or unset it"))),
            },
        }
    }

    /// Also tells a variable that is set to nothing (`Some("")`) from one that is not set.
    pub fn raw(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(&*key(OsStr::new(name)))
            .map(OsString::as_os_str)
    }

    /// A variable that holds an absolute path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.raw(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    }

    pub fn working_directory(&self) -> &Path {
        &self.working_directory
    }

    pub fn program(&self) -> &Path {
        &self.program
    }

    /// For another program that is installed beside `fob`.
    #[must_use]
    pub fn with_fob_beside(mut self) -> Environment {
        let name = format!("fob{}", std::env::consts::EXE_SUFFIX);
        let beside = self.program.with_file_name(&name);
        let beside_the_target = dunce::canonicalize(&self.program)
            .map(|target| target.with_file_name(name))
            .ok()
            .filter(|fob| !beside.exists() && fob.exists());
        self.program = beside_the_target.unwrap_or(beside);
        self
    }

    /// With another value of a variable.
    #[must_use]
    pub fn with(&self, name: &str, value: &Path) -> Environment {
        let mut with = self.clone();
        with.variables.insert(name.into(), value.into());
        with
    }

    /// Without these variables, which programs that are started do not get either.
    #[must_use]
    pub fn without(&self, names: &[String]) -> Environment {
        let mut without = self.clone();
        without
            .variables
            .retain(|name, _| !names.iter().any(|it| *name == *key(OsStr::new(it))));
        without.withheld.extend_from_slice(names);
        without
    }

    pub fn withheld(&self) -> &[String] {
        &self.withheld
    }

    #[must_use]
    pub fn showing(mut self, by: Shows) -> Environment {
        self.shows = by;
        self
    }

    pub fn shows(&self) -> Shows {
        self.shows
    }

    /// As far as the process knows. `BROWSER` counts as one, also without a display.
    pub fn browser(&self) -> BrowserUse {
        let is_set = |name: &str| self.raw(name).is_some_and(|value| !value.is_empty());
        let is_desktop = cfg!(any(windows, target_os = "macos"));
        if is_set("SSH_CONNECTION") {
            BrowserUse::OverSsh
        } else if is_desktop
            || ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER"]
                .into_iter()
                .any(is_set)
        {
            BrowserUse::Here
        } else {
            BrowserUse::NoDisplay
        }
    }

    /// The process that started this one: for `fob credential-process`, the program that wants the
    /// credentials.
    pub fn parent(&self) -> u32 {
        if cfg!(unix) {
            return self.parent;
        }
        let parent = kernel::parent_of(self.parent).filter(|pid| *pid > 0);
        parent.unwrap_or(self.parent)
    }

    /// Digests by which another process tells whether the same request, made there, would go to
    /// the same places: one for each field of [`EnvironmentDifference`]. Which variables are set to
    /// nothing makes no difference.
    pub fn fingerprint(&self) -> String {
        let places = self.digest_of(|name| PLACES.contains(&name));
        let endpoints = self
            .digest_of(|name| name.starts_with("AWS_ENDPOINT_URL") || ENDPOINTS.contains(&name));
        let network = self.digest_of(|name| NETWORK.contains(&name));
        [places, endpoints, network].join(&BETWEEN_DIGESTS.to_string())
    }

    fn digest_of(&self, counts: impl Fn(&str) -> bool) -> String {
        let mut digest = Sha256::new();
        for (name, value) in &self.variables {
            if name.to_str().is_some_and(&counts) && !value.is_empty() {
                for part in [name, value] {
                    let bytes = part.as_encoded_bytes();
                    digest.update(bytes.len().to_le_bytes());
                    digest.update(bytes);
                }
                // Where a path is relative, the folder it is taken from counts as well.
                if name.as_encoded_bytes().ends_with(b"_BASE_PATH")
                    && !Path::new(value).is_absolute()
                {
                    digest.update(self.working_directory.as_os_str().as_encoded_bytes());
                }
            }
        }
        short_hex(&digest.finalize())
    }

    pub fn home(&self) -> Result<PathBuf> {
        let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        self.path(name).ok_or_else(|| {
            Error::new(
                Code::Usage,
                format!(
                    "{name} is not set to an absolute path, so there is no home folder to work in"
                ),
            )
            .hint(format!("set {name}"))
        })
    }

    /// `~` and `~/…` become the home folder; a relative path is taken from `base`.
    pub fn expand(&self, path: &str, base: &Path) -> Result<PathBuf> {
        let path = match path.strip_prefix('~').and_then(below_home) {
            Some("") => self.home()?,
            Some(below) => self.home()?.join(below),
            None => base.join(path),
        };
        // Windows takes both separators; people are shown its own.
        Ok(if cfg!(windows) {
            path.components().collect()
        } else {
            path
        })
    }

    /// A word of a command, with the home folder for `~`, `$HOME` and `${HOME}` at its beginning.
    pub fn expand_word(&self, word: &str) -> Result<String> {
        for start in ["~", "$HOME", "${HOME}"] {
            if let Some(rest) = word
                .strip_prefix(start)
                .filter(|rest| below_home(rest).is_some())
            {
                return Ok(format!("{}{rest}", self.home()?.display()));
            }
        }
        Ok(word.to_owned())
    }

    /// Where the user's own `config.yaml` lives.
    pub fn config_folder(&self) -> Result<PathBuf> {
        self.folder("XDG_CONFIG_HOME", ".config", "APPDATA")
    }

    /// Locks, the audit log, marks: no secrets. `XDG_STATE_HOME` counts on every system: the
    /// sandbox moves it there.
    pub fn state_folder(&self) -> Result<PathBuf> {
        if let Some(parent) = self.path("XDG_STATE_HOME") {
            return Ok(parent.join("keyfob"));
        }
        self.folder("XDG_STATE_HOME", ".local/state", "LOCALAPPDATA")
    }

    fn folder(&self, xdg: &str, below_home: &str, windows: &str) -> Result<PathBuf> {
        let parent = if cfg!(windows) {
            self.path(windows)
        } else if cfg!(target_os = "macos") {
            Some(self.home()?.join("Library/Application Support"))
        } else {
            self.path(xdg)
        };
        match parent {
            Some(parent) => Ok(parent.join("keyfob")),
            // Joined part by part: a slash is not what Windows shows.
            None => Ok(below_home
                .split('/')
                .chain(["keyfob"])
                .fold(self.home()?, |folder, part| folder.join(part))),
        }
    }
}

/// A variable's name as it is kept: on Windows, names that differ in case alone are one.
fn key(name: &OsStr) -> Cow<'_, OsStr> {
    if cfg!(windows) {
        name.to_ascii_uppercase().into()
    } else {
        name.into()
    }
}

/// A path below the home folder, from what follows the `~`.
fn below_home(rest: &str) -> Option<&str> {
    if rest.is_empty() {
        return Some(rest);
    }
    rest.strip_prefix(std::path::is_separator)
}

/// The path by which a shell started the program that runs: a link of a package manager survives
/// an upgrade, its target does not. `None` where the first word on the command line leads
/// elsewhere.
fn started_by(word: &OsStr, folder: &Path, path: &OsStr, running: &Path) -> Option<PathBuf> {
    let is_the_same = |path: &PathBuf| {
        let target = dunce::canonicalize(path);
        target.is_ok_and(|target| dunce::canonicalize(running).is_ok_and(|it| it == target))
    };
    let word = Path::new(word);
    if word.components().count() > 1 {
        return Some(folder.join(word).components().collect()).filter(is_the_same);
    }
    std::env::split_paths(path)
        .map(|it| folder.join(it).join(word))
        .find(is_the_same)
}

#[cfg(unix)]
fn parent_id() -> u32 {
    std::os::unix::process::parent_id()
}

/// The system tells it only in a list of all processes, which is read when it is needed.
#[cfg(not(unix))]
fn parent_id() -> u32 {
    std::process::id()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(variables: &[(&str, &str)]) -> String {
        Environment::of(variables.iter().copied()).fingerprint()
    }

    #[test]
    fn whatever_decides_where_calls_go_or_things_are_kept_is_part_of_the_fingerprint() {
        let empty = fingerprint(&[]);
        assert_eq!(empty.split(BETWEEN_DIGESTS).count(), 3, "{empty}");
        let mut seen = vec![empty];
        let of_endpoints = [
            "AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_STS",
            "AWS_ENDPOINT_URL_SSO_OIDC",
        ];
        let all = [PLACES, NETWORK, ENDPOINTS, &of_endpoints].concat();
        // Windows has one of two that differ in case alone.
        for name in all.into_iter().filter(|name| *key(name.as_ref()) == **name) {
            for value in ["/one", "/two"] {
                let now = fingerprint(&[(name, value)]);
                assert!(!seen.contains(&now), "{name}={value} makes no difference");
                assert_eq!(
                    now,
                    fingerprint(&[
                        ("PATH", "/bin"),
                        (name, value),
                        ("AWS_SECRET_ACCESS_KEY", "s3cr3t")
                    ])
                );
                seen.push(now);
            }
        }
    }

    #[test]
    fn it_is_known_in_what_two_environments_differ() {
        let ours = fingerprint(&[("HOME", "/home/kim")]);
        let difference = |more: (&str, &str)| {
            EnvironmentDifference::between(&ours, &fingerprint(&[("HOME", "/home/kim"), more]))
        };
        let none = EnvironmentDifference::default();
        assert_eq!(difference(("PATH", "/bin")), none);
        let network = EnvironmentDifference {
            network: true,
            ..none
        };
        assert_eq!(difference(("HTTPS_PROXY", "http://127.0.0.1:9")), network);
        let endpoints = EnvironmentDifference {
            endpoints: true,
            ..none
        };
        let of_sts = ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9");
        assert_eq!(difference(of_sts), endpoints);
        let places = EnvironmentDifference {
            places: true,
            ..none
        };
        assert_eq!(difference(("FOB_KEYRING", "memory")), places);
        let of_another_version = EnvironmentDifference::between(&ours, "0123456789abcdef");
        assert!(of_another_version.places && of_another_version.endpoints);
    }

    #[test]
    fn names_and_values_cannot_run_into_each_other() {
        assert_ne!(
            fingerprint(&[("HOME", "/aXDG_STATE_HOME/b")]),
            fingerprint(&[("HOME", "/a"), ("XDG_STATE_HOME", "/b")])
        );
    }

    #[test]
    fn a_variable_set_to_nothing_is_as_good_as_not_set() {
        assert_eq!(fingerprint(&[("HTTPS_PROXY", "")]), fingerprint(&[]));
    }

    #[test]
    fn a_variable_is_found_by_its_name_as_the_system_spells_it() {
        let environment = Environment::of([("Path", "here"), ("myPassword", "s3cr3t")]);
        let found = cfg!(windows).then_some("here");
        assert_eq!(environment.raw("PATH").and_then(OsStr::to_str), found);
        assert!(environment.raw("myPassword").is_some());
        let without = environment.without(&["myPassword".to_owned()]);
        assert_eq!(without.raw("myPassword"), None);
    }

    #[test]
    fn a_path_below_home_is_written_with_the_systems_separators() {
        let at = tempfile::tempdir().expect("a folder");
        let home = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        let environment = Environment::of([(home, at.path())]);
        let expanded = |path: &str| environment.expand(path, at.path()).expect("a home");
        let whole: PathBuf = [at.path(), "a".as_ref(), "b".as_ref()].iter().collect();
        assert_eq!(expanded("~"), at.path());
        for path in ["~/a/b", "a/b"] {
            assert_eq!(expanded(path).as_os_str(), whole.as_os_str(), "{path}");
        }
        let with_backslashes = if cfg!(windows) {
            whole
        } else {
            at.path().join(r"~\a\b")
        };
        assert_eq!(expanded(r"~\a\b"), with_backslashes);
    }

    #[test]
    fn a_relative_path_counts_with_the_folder_it_is_taken_from() {
        let in_folder = |folder: &str, value: &str| {
            let environment = Environment::of([("FOB_AWS_FILES_BASE_PATH", value)]);
            Environment {
                working_directory: folder.into(),
                ..environment
            }
            .fingerprint()
        };
        let absolute = if cfg!(windows) { r"C:\files" } else { "/files" };
        assert_ne!(in_folder("/a", "files"), in_folder("/b", "files"));
        assert_eq!(in_folder("/a", absolute), in_folder("/b", absolute));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_is_known_by_the_link_that_it_was_started_by() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for name in ["cellar", "bin", "other"] {
            std::fs::create_dir(at(name)).expect("a folder");
        }
        std::fs::write(at("cellar/fob"), "").expect("written");
        std::fs::write(at("other/fob"), "").expect("written");
        symlink(at("cellar/fob"), at("bin/fob")).expect("a link");
        let path = std::env::join_paths([at("other"), at("bin")]).expect("a list");
        let started =
            |word: &str| started_by(word.as_ref(), folder.path(), &path, &at("cellar/fob"));
        assert_eq!(started("fob"), Some(at("bin/fob")), "as a shell finds it");
        assert_eq!(started("./bin/fob"), Some(at("bin/fob")));
        assert_eq!(
            started(at("bin/fob").to_str().expect("text")),
            Some(at("bin/fob"))
        );
        assert_eq!(started("other/fob"), None, "another program");
        assert_eq!(started("-fob"), None);
    }
}
