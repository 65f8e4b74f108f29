//! The databases of the configuration, as the agent shows them.

use super::actor::Actor;
use super::api::{DatabaseChoice, DatabaseStatus, DatabaseTokenRequest, OpenedWith, Renewal};
use crate::config::Database;
use crate::databases::database;

/// In the order of the configuration.
pub(super) fn statuses(actor: &Actor) -> Vec<DatabaseStatus> {
    let databases = actor.world.config.databases().iter();
    databases.map(|it| status(actor, it)).collect()
}

fn status(actor: &Actor, it: &Database) -> DatabaseStatus {
    let request = DatabaseTokenRequest {
        database: DatabaseChoice::Named(it.name.to_string()),
        renewal: Renewal::WhenDue,
        with: OpenedWith::Either,
    };
    let target = database(&actor.world, &request).ok();
    DatabaseStatus {
        name: it.name.to_string(),
        engine: it.engine.as_str().to_owned(),
        host: it.host.clone(),
        port: it.port,
        user: it.user.clone(),
        identity: it.identity.to_string(),
        with: match it.password_secret {
            Some(_) => OpenedWith::Password,
            None => OpenedWith::Token,
        },
        expires_at: target.and_then(|target| actor.tokens.held_until(&target)),
    }
}
