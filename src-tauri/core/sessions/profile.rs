//! What AWS tools are given: the profile a sign-in writes, and the variables that point a child
//! process at it.

use crate::clock::moment;
use crate::config::{Chain, Kind};
use crate::error::{Code, Error, Result};
use crate::secret::{Origin, Secret, Session, on_the_wire};
use crate::store::Noted;
use crate::store::Ticket;
use crate::world::World;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VariablesForm {
    /// A profile with `fob` as its `credential_process`: renews itself, holds no secret.
    Profile,
    /// The session's own keys; they end with the session.
    Static,
    /// Goes with an endpoint that the caller serves itself: everything but its address.
    Endpoint,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Variables {
    pub set: Vec<Variable>,
    /// The caller's own credentials variables, which would win over ours.
    pub remove: Vec<String>,
    /// Variables that no program which is run gets: passphrases.
    #[serde(default)]
    pub withheld: Vec<String>,
    /// The end of the session's own keys; `None` for a profile, which renews itself.
    #[serde(with = "moment::optional")]
    pub expires_at: Option<SystemTime>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Variable {
    pub name: String,
    #[serde(with = "on_the_wire")]
    pub value: Secret,
}

/// Variables of the caller that would win over a profile, or are for another principal.
const FOREIGN: [&str; 13] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
];
const FOREIGN_TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// Written at each sign-in: `[profile …]` with `credential_process`, no secret. With `static: true`
/// the session's keys as well.
pub async fn write_profile(
    world: &World,
    chain: &Chain,
    ticket: &Ticket,
    session: &Session,
) -> Result<Noted<()>> {
    let _not_signed_out = world.store.sign_outs.unless_signed_out(ticket).await?;
    world.write_profile(chain, Some(session)).await
}

/// Variables for a child process. The profile must have been written by a sign-in; a warning says
/// that its program is gone.
pub fn variables(
    world: &World,
    chain: &Chain,
    form: VariablesForm,
    session: Option<&Session>,
) -> Result<Noted<Variables>> {
    let mut set = own_variables(world, chain, form, session)?;
    set.push(("AWS_REGION", Secret::new(chain.region.as_str())));
    set.push(("AWS_DEFAULT_REGION", Secret::new(chain.region.as_str())));
    set.push(("FOB_IDENTITY", Secret::new(chain.identity.as_str())));
    set.extend(
        chain
            .env
            .iter()
            .map(|(name, value)| (name.as_str(), Secret::new(value.as_str()))),
    );
    // Where the machine itself is the source, `credential_process` in the child needs what it is
    // found by.
    let is_ambient = matches!(chain.source().kind, Kind::Ambient);
    let needed = session.filter(|_| form == VariablesForm::Profile && is_ambient);
    let remove = FOREIGN
        .into_iter()
        .chain([FOREIGN_TOKEN_FILE])
        .filter(|name| {
            let is_needed = needed.is_some_and(|session| is_needed(name, session, chain));
            !is_needed && !set.iter().any(|(set, _)| set == name)
        });
    let remove = remove.map(str::to_owned).collect();
    let expires_at = session
        .filter(|_| form == VariablesForm::Static)
        .map(|session| session.expires_at);
    let set = set
        .into_iter()
        .map(|(name, value)| Variable {
            name: name.to_owned(),
            value,
        })
        .collect();
    let gone = match form {
        VariablesForm::Profile => world.profiles_without_program([&chain.files]),
        VariablesForm::Static | VariablesForm::Endpoint => Vec::new(),
    };
    let here = gone
        .iter()
        .filter(|it| it.identity.eq_ignore_ascii_case(chain.identity.as_str()));
    Ok(Noted {
        warnings: here.map(ToString::to_string).collect(),
        value: Variables {
            set,
            remove,
            withheld: world.config.passphrase_variables(),
            expires_at,
        },
    })
}

/// The credentials themselves, or the profile that has them.
fn own_variables<'a>(
    world: &World,
    chain: &'a Chain,
    form: VariablesForm,
    session: Option<&Session>,
) -> Result<Vec<(&'a str, Secret)>> {
    Ok(match form {
        VariablesForm::Profile => {
            require_profile(world, chain)?;
            vec![
                ("AWS_PROFILE", Secret::new(chain.identity.as_str())),
                (
                    "AWS_CONFIG_FILE",
                    Secret::new(chain.files.folder.join("config").display().to_string()),
                ),
                // Named although it holds something only with `static: true`: botocore would
                // otherwise take a section of the same name from the user's own file.
                (
                    "AWS_SHARED_CREDENTIALS_FILE",
                    Secret::new(chain.files.folder.join("credentials").display().to_string()),
                ),
            ]
        }
        VariablesForm::Static => {
            if chain.target().kind.hands_out_keys() {
                return Err(keys_stay_out_of_files(chain));
            }
            let session = session.ok_or_else(|| no_session(chain))?;
            let mut set = vec![
                (
                    "AWS_ACCESS_KEY_ID",
                    Secret::new(session.keys.access_key_id.as_str()),
                ),
                (
                    "AWS_SECRET_ACCESS_KEY",
                    session.keys.secret_access_key.clone().into(),
                ),
            ];
            set.extend(
                session
                    .token
                    .clone()
                    .map(|token| ("AWS_SESSION_TOKEN", token.into())),
            );
            // Prompts of shells show it.
            let end = Timestamp::try_from(session.expires_at).ok();
            set.extend(end.map(|end| {
                let end = end.strftime("%FT%TZ").to_string();
                ("AWS_CREDENTIAL_EXPIRATION", Secret::new(end))
            }));
            set
        }
        VariablesForm::Endpoint => Vec::new(),
    })
}

/// Whether the source of an ambient session is found by this variable.
fn is_needed(name: &str, session: &Session, chain: &Chain) -> bool {
    match session.origin {
        Origin::ContainerRole => name.starts_with("AWS_CONTAINER_"),
        Origin::Environment => chain.links().len() == 1 && !name.contains("PROFILE"),
        _ => false,
    }
}

fn require_profile(world: &World, chain: &Chain) -> Result<()> {
    if world
        .store
        .profiles
        .has(&chain.files, chain.identity.as_str())?
    {
        return Ok(());
    }
    let identity = &chain.identity;
    Err(Error::new(
        Code::SessionExpired,
        format!("no profile has been written for {identity} yet"),
    )
    .hint(format!("fob login {identity}"))
    .identity(identity))
}

fn keys_stay_out_of_files(chain: &Chain) -> Error {
    let identity = &chain.identity;
    let message = format!(
        "{identity} hands out a long-lived access key (session.kind: keys), which is not printed \
         or written to a file"
    );
    Error::new(Code::InvalidInput, message)
        .hint(format!("fob exec {identity} -- COMMAND"))
        .hint(format!("fob env {identity}"))
        .identity(identity)
}

fn no_session(chain: &Chain) -> Error {
    Error::new(
        Code::SessionExpired,
        format!("no session is held for {}", chain.identity),
    )
    .hint(format!("fob login {}", chain.identity))
}
