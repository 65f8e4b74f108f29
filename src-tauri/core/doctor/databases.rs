//! The databases: each is connected to and signed in to as a client would be.

use super::check::Checked;
use super::machine::Machine;
use crate::config::Database;
use crate::databases::proxy::{Logins, ServedDatabase, issuers, try_out};
use crate::databases::{
    DatabaseChoice, DatabaseToken, DatabaseTokenRequest, OpenedWith, Tokens, database as target,
    database_token,
};
use crate::error::{Code, Error, Result};
use crate::sign_in::Renewal;
use crate::world::World;
use std::sync::Arc;

pub(super) fn name(it: &Database) -> String {
    format!("database {}", it.name)
}

pub(super) async fn database(machine: &Machine, world: &World, it: &Database) -> Checked {
    let name = name(it);
    let login = login(machine, world, it).await;
    let issuers = match issuers(it.proxy_ca.as_deref(), &world.environment) {
        Ok(issuers) => issuers,
        Err(error) => return Checked::failed(name, &error),
    };
    let given = login.clone();
    let logins: Logins = Arc::new(move |_| Box::pin(std::future::ready(given.clone())));
    let served = ServedDatabase::new(it, issuers, logins);
    match (try_out(&served).await, login) {
        (Ok(()), _) => Checked::ok(
            name,
            format!("{}:{} takes {} of {}", it.host, it.port, with(it), it.user),
        ),
        (Err(error), Err(none)) if error == none => {
            let text = format!(
                "{}:{} answers with TLS; signing in was not tried: {}",
                it.host, it.port, none.message
            );
            Checked {
                detail: text,
                ..Checked::failed(name, &none).no_worse_than_a_warning()
            }
        }
        (Err(error), _) => Checked::failed(name, &error),
    }
}

fn with(it: &Database) -> &'static str {
    match it.password_secret {
        Some(_) => "the password",
        None => "a token",
    }
}

/// With the session that is held: none is made for it.
async fn login(machine: &Machine, world: &World, it: &Database) -> Result<DatabaseToken> {
    let request = DatabaseTokenRequest {
        database: DatabaseChoice::Named(it.name.to_string()),
        renewal: Renewal::WhenDue,
        with: OpenedWith::Either,
    };
    let target = target(world, &request)?;
    let chain = world.chain(it.identity.as_str())?;
    let held = machine.sessions(world).await?.usable(world, &chain);
    let Some((session, _)) = held else {
        let message = format!("{} is not signed in", it.identity);
        return Err(Error::new(Code::SessionExpired, message).hint(chain.login_command()));
    };
    let tokens = Tokens::new(world.clock.clone());
    let given = database_token(world, &tokens, &session, &target, Renewal::WhenDue).await;
    given.map(|(token, _)| token)
}
