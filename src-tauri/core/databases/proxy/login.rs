//! The database behind a port, and what opens it: asked for at each connection.

use super::super::DatabaseToken;
use super::copying::Threads;
use super::issuers::Issuers;
use crate::config::{Database, Engine};
use crate::error::{Code, Error, Result};
use crate::sign_in::Renewal;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// Longer than a sign-in without a person takes that has to try again.
const LIMIT: Duration = Duration::from_secs(60);

type Asking = Pin<Box<dyn Future<Output = Result<DatabaseToken>> + Send>>;

/// Gives a login, and never waits for a person.
pub type Logins = Arc<dyn Fn(Renewal) -> Asking + Send + Sync>;

/// A database as its clients reach it.
pub struct ServedDatabase {
    pub name: String,
    pub engine: Engine,
    pub host: String,
    pub port: u16,
    pub user: String,
    pub has_password: bool,
    pub issuers: Issuers,
    logins: Logins,
    pub(super) threads: Threads,
    /// Of connections that were refused together, one has the password read again.
    again: Mutex<()>,
}

impl ServedDatabase {
    pub fn new(database: &Database, issuers: Issuers, logins: Logins) -> ServedDatabase {
        ServedDatabase {
            name: database.name.to_string(),
            engine: database.engine,
            host: database.host.clone(),
            port: database.port,
            user: database.user.clone(),
            has_password: database.password_secret.is_some(),
            issuers,
            logins,
            threads: Threads::default(),
            again: Mutex::new(()),
        }
    }

    pub(super) async fn login(&self) -> Result<DatabaseToken> {
        self.ask(Renewal::WhenDue).await
    }

    /// In place of a password that the server has refused: the one that others got meanwhile, or a
    /// new one.
    pub(super) async fn login_after(&self, refused: &DatabaseToken) -> Result<DatabaseToken> {
        let _one = self.again.lock().await;
        let held = self.ask(Renewal::WhenDue).await?;
        if held.token != refused.token || held.user != refused.user {
            return Ok(held);
        }
        self.ask(Renewal::Always).await
    }

    async fn ask(&self, renewal: Renewal) -> Result<DatabaseToken> {
        let late = || {
            let message = format!("the login for {} did not come in time", self.name);
            Error::new(Code::Network, message)
                .hint("try again; `fob status` shows what is going on")
        };
        timeout(LIMIT, (self.logins)(renewal))
            .await
            .unwrap_or_else(|_| Err(late()))
    }

    /// A client that names another user means another login than the one of this port.
    pub(super) fn refuse_user(&self, named: &str, how: &str) -> Result<()> {
        if named == self.user {
            return Ok(());
        }
        let message = format!(
            "this port signs in to {} as `{}`, and the client names `{}`",
            self.name,
            self.user,
            crate::error::shorten(named)
        );
        Err(Error::new(Code::Usage, message).hint(format!("connect as {}: {how}", self.user)))
    }
}

impl fmt::Debug for ServedDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServedDatabase({})", self.name)
    }
}
