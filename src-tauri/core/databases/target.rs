//! The database that is meant: named in the configuration or written out, and whether it is opened
//! with a token or with a password.

use crate::aws::DatabaseLogin;
use crate::config::{DatabaseHost, PasswordSecret};
use crate::error::{Code, Error, Result};
use crate::ids::IdentityName;
use crate::sign_in::Renewal;
use crate::world::World;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseChoice {
    /// By its name under `databases:`.
    Named(String),
    Written {
        identity: String,
        host: String,
        port: u16,
        user: String,
        /// The host's where none is given, else the identity's own.
        region: Option<String>,
    },
}

/// What opens a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum OpenedWith {
    #[default]
    Token,
    /// That of its `password_secret`.
    Password,
    /// Whichever of the two the configuration says.
    Either,
}

impl OpenedWith {
    pub fn is_token(&self) -> bool {
        *self == OpenedWith::Token
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DatabaseTokenRequest {
    pub database: DatabaseChoice,
    /// `--force`: signed anew, or read again.
    pub renewal: Renewal,
    #[serde(default, skip_serializing_if = "OpenedWith::is_token")]
    pub with: OpenedWith,
}

/// The login that a token or a password is for, and the identity with the session that signs the
/// one or reads the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DatabaseTarget {
    pub(super) identity: IdentityName,
    pub(super) login: DatabaseLogin,
    pub(super) password_secret: Option<PasswordSecret>,
}

impl DatabaseTarget {
    pub fn identity(&self) -> &str {
        self.identity.as_str()
    }

    pub(super) fn is_of(&self, identity: &str) -> bool {
        self.identity.as_str().eq_ignore_ascii_case(identity)
    }
}

/// Asks no person: what cannot be meant is refused here, before a user signs in for it.
pub fn database(world: &World, request: &DatabaseTokenRequest) -> Result<DatabaseTarget> {
    match &request.database {
        DatabaseChoice::Named(name) => named(world, name, request.with),
        DatabaseChoice::Written {
            identity,
            host,
            port,
            user,
            region,
        } => {
            let chain = world.chain(identity)?;
            let region = region.as_deref().map(str::parse).transpose()?;
            let host = DatabaseHost::read(host, region)?;
            Ok(DatabaseTarget {
                login: DatabaseLogin::new(host, *port, user, &chain.region)?,
                identity: chain.identity,
                password_secret: None,
            })
        }
    }
}

fn named(world: &World, name: &str, with: OpenedWith) -> Result<DatabaseTarget> {
    let it = world.config.database(name)?;
    let chain = world.chain(it.identity.as_str())?;
    let host = match (&it.password_secret, with) {
        (Some(_), OpenedWith::Token) => {
            let message = format!(
                "the database `{}` has a `password_secret` in place of a token",
                it.name
            );
            return Err(Error::new(Code::Unsupported, message)
                .hint(format!("fob rds token {} --password", it.name)));
        }
        (None, OpenedWith::Password) => {
            let message = format!("the database `{}` has no `password_secret`", it.name);
            return Err(Error::new(Code::Usage, message).hint(format!("fob rds token {}", it.name)));
        }
        // Any server takes a password.
        (Some(_), OpenedWith::Password | OpenedWith::Either) => {
            DatabaseHost::of_password(&it.host, it.region.clone())?
        }
        (None, OpenedWith::Token | OpenedWith::Either) => {
            DatabaseHost::read(&it.host, it.region.clone())?
        }
    };
    Ok(DatabaseTarget {
        login: DatabaseLogin::new(host, it.port, &it.user, &chain.region)?,
        identity: chain.identity,
        password_secret: it.password_secret.clone(),
    })
}
