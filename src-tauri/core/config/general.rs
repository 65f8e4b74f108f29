//! What holds for the whole file: realm, keyring, notices, and where profiles are written.

use super::problem::{Blocked, list};
use super::reader::Fields;
use super::sensitive::{PartKind, SensitivePart};
use super::values;
use super::yaml::Node;
use crate::duration::SessionDuration;
use crate::environment::Environment;
use crate::error::{Code, Error, Result, shorten};
use crate::hardening::KEYRING_PASSWORD;
use crate::ids::Realm;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

const NOTIFY_BEFORE: Duration = Duration::from_mins(30);
const KEY_AGE: Duration = Duration::from_hours(90 * 24);

#[derive(Debug)]
pub(super) struct General {
    pub realm: Realm,
    pub keyring: KeyringChoice,
    pub passphrase_variables: Vec<String>,
    pub notify: NotifyTimes,
    /// Where profiles are written unless the source of a chain says otherwise.
    pub files_base: Result<PathBuf>,
}

/// When what comes is announced.
#[derive(Clone, Copy, Debug)]
pub struct NotifyTimes {
    /// So long before the end of a session.
    pub before: Duration,
    /// Access keys that were stored so long ago; `None`: never.
    pub key_age: Option<Duration>,
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

impl KeyringChoice {
    /// Whether what is in it outlives the process.
    pub fn keeps(&self) -> bool {
        *self != KeyringChoice::Memory
    }
}

impl fmt::Display for KeyringChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyringChoice::System => f.write_str("the system's"),
            KeyringChoice::File { path, .. } => write!(f, "{}", path.display()),
            KeyringChoice::Memory => f.write_str("memory: all is forgotten when a process ends"),
        }
    }
}

pub(super) fn general(auth: &Fields<'_>) -> Result<General> {
    // An error in these blocks every chain: they decide what is kept where.
    let everything = auth.about(Blocked::Everything);
    let realm = everything
        .read("realm", Realm::from_str)
        .unwrap_or_default();
    let written = WrittenKeyring::of(auth);
    auth.is_sensitive(written.part(&realm));
    Ok(General {
        realm,
        passphrase_variables: vec![KEYRING_PASSWORD.to_owned(), written.password_env],
        keyring: keyring(everything.below("keyring"), auth.reader.environment)?,
        notify: NotifyTimes {
            before: auth
                .read("notify.before", SessionDuration::from_str)
                .map_or(NOTIFY_BEFORE, SessionDuration::to_duration),
            key_age: auth
                .read("notify.key_age", key_age)
                .unwrap_or(Some(KEY_AGE)),
        },
        files_base: files_base(auth.reader.environment),
    })
}

/// `off` or a duration.
pub(super) fn key_age(text: &str) -> Result<Option<Duration>> {
    if text == "off" {
        return Ok(None);
    }
    let age = SessionDuration::from_str(text)?;
    Ok(Some(age.to_duration()))
}

#[derive(Clone, Copy)]
enum KeyringType {
    System,
    File,
    Memory,
}

impl FromStr for KeyringType {
    type Err = Error;

    fn from_str(text: &str) -> Result<KeyringType> {
        match text {
            "system" => Ok(KeyringType::System),
            "file" => Ok(KeyringType::File),
            "memory" => Ok(KeyringType::Memory),
            _ => {
                let (text, known) = (shorten(text), list(&["system", "file", "memory"]));
                let message = format!("the keyring type `{text}` is not known. Known: {known}");
                Err(Error::new(Code::Usage, message))
            }
        }
    }
}

fn keyring(written: Option<Fields<'_>>, environment: &Environment) -> Result<KeyringChoice> {
    let (mut keyring, mut path, mut password_env) = (KeyringType::System, None, None);
    if let Some(fields) = written {
        let chosen = fields.read("type", KeyringType::from_str);
        path = fields.read("spec.path", |text| fields.path(text));
        password_env = fields.read("spec.password_env", values::variable_name);
        let is_elsewhere = matches!(chosen, Some(KeyringType::System | KeyringType::Memory));
        if is_elsewhere
            && fields
                .node
                .child("spec")
                .is_some_and(|spec| !spec.is_null())
        {
            let message = "`spec` has an effect only with `type: file`";
            fields.problems().warning(&fields.location, message);
        }
        keyring = chosen.unwrap_or(keyring);
        fields.finish("`keyring`", &[]);
    }
    if let Some(text) = environment.var("FOB_KEYRING")? {
        keyring = KeyringType::from_str(text)
            .map_err(|error| error.hint("the environment variable FOB_KEYRING names it"))?;
    }
    Ok(match keyring {
        KeyringType::System => KeyringChoice::System,
        KeyringType::Memory => KeyringChoice::Memory,
        KeyringType::File => KeyringChoice::File {
            path: match path {
                Some(path) => path,
                None => environment.config_folder()?.join("keyring.age"),
            },
            password_env: Some(password_env.unwrap_or_else(|| KEYRING_PASSWORD.to_owned())),
        },
    })
}

/// As written: what the environment chooses is the user's own.
struct WrittenKeyring {
    kind: String,
    path: String,
    password_env: String,
}

impl WrittenKeyring {
    fn of(auth: &Fields<'_>) -> WrittenKeyring {
        let keyring = auth.node.child("keyring");
        let spec = keyring.and_then(|keyring| keyring.child("spec"));
        let text = |node: Option<&Node>, key| {
            let text = node.and_then(|node| node.child(key)).and_then(Node::text);
            text.unwrap_or_default().to_owned()
        };
        WrittenKeyring {
            kind: text(keyring, "type"),
            path: text(spec, "path"),
            password_env: text(spec, "password_env"),
        }
    }

    fn part(&self, realm: &Realm) -> SensitivePart {
        let WrittenKeyring {
            kind,
            path,
            password_env,
        } = self;
        let keyring = match (kind.as_str(), path.as_str()) {
            ("" | "system", _) => "the system's keyring".to_owned(),
            (kind, "") => format!("a keyring of the type `{kind}`"),
            (_, path) => format!("the keyring file {path}"),
        };
        let opened = match password_env.as_str() {
            "" => String::new(),
            variable => format!(", opened with the variable {variable}"),
        };
        let exact = format!("{realm}\n{kind}\n{path}\n{password_env}");
        let shown = format!("{keyring}{opened}, realm `{realm}`");
        SensitivePart::new(PartKind::Keyring, "auth.keyring", &exact, &shown)
    }
}

fn files_base(environment: &Environment) -> Result<PathBuf> {
    for name in ["FOB_AWS_FILES_BASE_PATH", "ATMOS_AWS_FILES_BASE_PATH"] {
        if environment.raw(name).is_some() {
            let text = environment.var(name)?.unwrap_or_default();
            let base = values::path(text, environment, environment.working_directory());
            return base.map_err(|error| {
                let message = format!("the environment variable {name}: {}", error.message);
                Error::new(Code::Usage, message)
                    .hint(format!("set {name} to a folder, or unset it"))
            });
        }
    }
    Ok(environment.home()?.join(".aws").join("keyfob"))
}
