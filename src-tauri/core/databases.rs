//! What opens databases: auth tokens that an identity signs, and passwords that it reads. They are
//! kept in memory only, and go when the session goes.

mod passwords;
pub mod proxy;
mod target;
mod tokens;

pub use target::{DatabaseChoice, DatabaseTarget, DatabaseTokenRequest, OpenedWith, database};
pub use tokens::Tokens;

use crate::ask::Note;
use crate::aws::sign_token;
use crate::duration::time_left;
use crate::error::{Code, Result};
use crate::ids::IdentityName;
use crate::secret::{Secret, Session};
use crate::sign_in::Renewal;
use crate::world::World;
use crate::world::freshness::{Freshness, freshness};
use passwords::read_password;
use serde::{Deserialize, Serialize};
use std::sync::Once;
use std::time::{Duration, SystemTime};
use tokens::{REFRESH_BEFORE_EXPIRATION, TOKEN_LIFETIME, unusable};

/// A token, or the password in place of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DatabaseToken {
    #[serde(with = "crate::secret::on_the_wire")]
    pub token: Secret,
    /// The end of the token or of the session that signed it, whichever comes first. A password
    /// is read again then.
    #[serde(with = "crate::clock::moment")]
    pub expires_at: SystemTime,
    /// What it is for, as it was looked up.
    pub identity: String,
    pub host: String,
    pub port: u16,
    /// As the secret names it, where it does.
    pub user: String,
    pub region: String,
}

/// `session` is the identity's own, as a sign-in has just given it. [`Renewal::Always`]: signed
/// anew, or read again.
pub async fn database_token(
    world: &World,
    tokens: &Tokens,
    session: &Session,
    target: &DatabaseTarget,
    renewal: Renewal,
) -> Result<(DatabaseToken, Vec<Note>)> {
    let DatabaseTarget {
        identity,
        login,
        password_secret,
    } = target;
    let signed = match password_secret {
        Some(secret) => {
            let _one_reading = tokens.reading.lock().await;
            refuse_signed_out(world, identity)?;
            match tokens.again(target, session, renewal) {
                Some(held) => held,
                None => {
                    let read = read_password(world, session, target, secret).await?;
                    refuse_signed_out(world, identity)?;
                    tokens.give(target, session, Renewal::Always, |_| Ok(read))?
                }
            }
        }
        None => {
            say_lifetime();
            refuse_signed_out(world, identity)?;
            tokens.give(target, session, renewal, |now| {
                tracing::debug!(%identity, host = login.host().name, "signing a database token");
                sign_token(session, login, now)
            })?
        }
    };
    let token = DatabaseToken {
        token: signed.token,
        expires_at: signed.expires_at.min(session.expires_at),
        identity: identity.to_string(),
        host: login.host().name.clone(),
        port: login.port(),
        user: signed.user,
        region: login.region().to_string(),
    };
    if password_secret.is_some() {
        return Ok((token, Vec::new()));
    }
    let ends_early = (session.expires_at < signed.expires_at)
        .then(|| ends_early(identity, session, world.clock.now()));
    let warnings = ends_early.into_iter().chain(login.host().warning());
    Ok((token, warnings.map(Note::Warning).collect()))
}

/// A sign-out after this look takes what is signed or read here with it.
fn refuse_signed_out(world: &World, identity: &IdentityName) -> Result<()> {
    match world.store.sign_outs.since(identity.as_str())? {
        Some(_) => Err(unusable(Code::SignedOut, identity, "is signed out")),
        None => Ok(()),
    }
}

fn ends_early(identity: &IdentityName, session: &Session, now: SystemTime) -> String {
    let minutes = time_left(session.expires_at, now).as_secs() / 60 + 1;
    let remedy = match freshness(session, now) {
        Freshness::Due | Freshness::Expired => format!("`fob login {identity}` renews it"),
        Freshness::Fresh => "a session of more than 15 min makes whole tokens".to_owned(),
    };
    format!("the token ends with the session of {identity}, in less than {minutes} min; {remedy}")
}

/// Once for each process.
fn say_lifetime() {
    static SAID: Once = Once::new();
    let minutes = |duration: Duration| format!("{}m", duration.as_secs() / 60);
    SAID.call_once(|| {
        tracing::info!(
            token_lifetime = %minutes(TOKEN_LIFETIME),
            refresh_before_expiration = %minutes(REFRESH_BEFORE_EXPIRATION),
            "only a running agent reuses database tokens"
        );
    });
}
