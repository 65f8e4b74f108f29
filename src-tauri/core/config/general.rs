//! What holds for the whole file: realm, keyring, notices, and where profiles are written.

use super::file::{Entry, Keys, Reader, is_written};
use super::problem::{Blocks, Place, list};
use super::{KeyringChoice, values};
use crate::duration::SessionDuration;
use crate::environment::Environment;
use crate::error::shorten;
use crate::error::{Code, Error, Result};
use crate::ids::Realm;
use std::path::PathBuf;
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

const NOTIFY_BEFORE: Duration = Duration::from_mins(30);
const KEYRING_PASSWORD: &str = "FOB_KEYRING_PASSWORD";

const KEYS: &[&str] = &[
    "realm",
    "keyring",
    "notify.before",
    "providers",
    "identities",
    "databases",
];
const KEYRING_KEYS: &[&str] = &["type", "spec.path", "spec.password_env"];

#[derive(Debug)]
pub(super) struct General {
    pub realm: Realm,
    pub keyring: KeyringChoice,
    pub notify_before: Duration,
    /// Where profiles are written unless the start of a chain says otherwise.
    pub files_base: Result<PathBuf>,
}

pub(super) fn general(reader: &mut Reader<'_>, auth: &Entry) -> Result<General> {
    reader.check_keys(
        auth,
        Keys {
            of: "`auth`",
            allowed: KEYS,
            elsewhere: &[],
        },
    );
    let notify_before = reader.read(auth, "notify.before", SessionDuration::from_str);
    // An error in what follows blocks every chain: it decides what is kept where.
    let place = Place {
        blocks: Blocks::Everything,
        ..auth.place.clone()
    };
    let auth = Entry {
        node: Rc::clone(&auth.node),
        place,
    };
    Ok(General {
        realm: reader
            .read(&auth, "realm", Realm::from_str)
            .unwrap_or_default(),
        keyring: keyring(reader, &auth)?,
        notify_before: notify_before.map_or(NOTIFY_BEFORE, SessionDuration::to_duration),
        files_base: files_base(reader.environment),
    })
}

#[derive(Clone, Copy)]
enum Kind {
    System,
    File,
    Memory,
}

fn keyring_kind(text: &str) -> Result<Kind> {
    match text {
        "system" => Ok(Kind::System),
        "file" => Ok(Kind::File),
        "memory" => Ok(Kind::Memory),
        _ => {
            let known = list(&["system", "file", "memory"]);
            Err(Error::new(
                Code::Usage,
                format!(
                    "the keyring type `{}` is not known. Known: {known}",
                    shorten(text)
                ),
            ))
        }
    }
}

fn keyring(reader: &mut Reader<'_>, auth: &Entry) -> Result<KeyringChoice> {
    let (environment, folder) = (reader.environment, reader.folder);
    let (mut kind, mut path, mut password_env) = (Kind::System, None, None);
    if let Some(node) = auth.node.child("keyring").filter(|node| !node.is_null()) {
        let entry = Entry {
            node: Rc::clone(node),
            place: auth.place.below("keyring", node.at),
        };
        reader.check_keys(
            &entry,
            Keys {
                of: "`keyring`",
                allowed: KEYRING_KEYS,
                elsewhere: &[],
            },
        );
        let written = reader.read(&entry, "type", keyring_kind);
        path = reader.read(&entry, "spec.path", |text| {
            values::path(text, environment, folder)
        });
        password_env = reader.read(&entry, "spec.password_env", values::variable_name);
        if is_written(&entry, "spec") && matches!(written, Some(Kind::System | Kind::Memory)) {
            reader
                .problems
                .warning(&entry.place, "`spec` has an effect only with `type: file`");
        }
        kind = written.unwrap_or(kind);
    }
    if let Some(text) = environment.var("FOB_KEYRING")? {
        kind = keyring_kind(text).map_err(|error| error.hint("this is what FOB_KEYRING says"))?;
    }
    Ok(match kind {
        Kind::System => KeyringChoice::System,
        Kind::Memory => KeyringChoice::Memory,
        Kind::File => KeyringChoice::File {
            path: match path {
                Some(path) => path,
                None => environment.config_folder()?.join("keyring.age"),
            },
            password_env: Some(password_env.unwrap_or_else(|| KEYRING_PASSWORD.to_owned())),
        },
    })
}

fn files_base(environment: &Environment) -> Result<PathBuf> {
    for name in ["FOB_AWS_FILES_BASE_PATH", "ATMOS_AWS_FILES_BASE_PATH"] {
        if environment.raw(name).is_some() {
            let text = environment.var(name)?.unwrap_or_default();
            return values::path(text, environment, environment.working_directory()).map_err(
                |error| {
                    Error::new(
                        Code::Usage,
                        format!("the environment variable {name}: {}", error.message),
                    )
                    .hint(format!("set {name} to a folder, or unset it"))
                },
            );
        }
    }
    Ok(environment.home()?.join(".aws").join("keyfob"))
}
