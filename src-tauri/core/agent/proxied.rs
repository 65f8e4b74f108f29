//! The logins of a database's port: requested from the agent at each connection, as any program
//! requests them, and without waiting for a person.

use super::api::{
    Call, Caller, DatabaseChoice, DatabaseToken, DatabaseTokenRequest, OpenedWith, Person, Renewal,
    Reply, SessionRequest,
};
use super::client::Client;
use crate::config::Database;
pub use crate::databases::proxy::Proxy;
pub use crate::databases::proxy::issuers;
use crate::databases::proxy::{Issuers, Logins, ServedDatabase};
use crate::error::{Code, Error, Result};
use std::sync::Arc;

/// By the agent that `client` leads to, on this port or on a free one.
pub fn open_proxy(
    client: &Arc<Client>,
    database: &Database,
    issuers: Issuers,
    port: Option<u16>,
) -> Result<Proxy> {
    let (client, name) = (Arc::clone(client), database.name.to_string());
    let logins: Logins = Arc::new(move |renewal| {
        let (client, name) = (Arc::clone(&client), name.clone());
        Box::pin(async move { login_in(client.ask(login_call(&name, renewal)).await.reply) })
    });
    Proxy::open(ServedDatabase::new(database, issuers, logins), port)
}

pub(super) fn login_call(database: &str, renewal: Renewal) -> Call {
    let request = DatabaseTokenRequest {
        database: DatabaseChoice::Named(database.to_owned()),
        renewal,
        with: OpenedWith::Either,
    };
    Call {
        caller: Caller::here("fob", Person::Absent),
        request: SessionRequest::DatabaseToken(request).into(),
    }
}

pub(super) fn login_in(reply: Reply) -> Result<DatabaseToken> {
    if let Reply::DatabaseToken(login) = reply {
        return Ok(login);
    }
    if let Reply::Failed(error) = reply {
        return Err(error);
    }
    if let Reply::Needs(prompt) = reply {
        return Err(prompt.unanswered);
    }
    let message = "the agent has no login: it does not see the environment that the identity needs";
    Err(Error::new(Code::Unsupported, message).hint("fob rds proxy NAME, in that environment"))
}
