//! The databases of the configuration: their ports on this machine, and what is shown of both.

use super::actor::{Actor, Message};
use super::api::{
    DatabaseChoice, DatabaseStatus, DatabaseTokenRequest, Event, OpenedWith, ProxyStatus, Renewal,
};
use super::ports::DatabasePort;
use super::proxied::{login_call, login_in};
use super::role::Role;
use super::waiter::ClientId;
use crate::clock::Clock;
use crate::config::Database;
use crate::databases::database;
use crate::databases::proxy::{Logins, Proxy, ServedDatabase, issuers};
use crate::error::{Code, Error, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::WeakSender;
use tokio::sync::{oneshot, watch};

/// Of the agent's own ports: no other client has it.
const PORTS: ClientId = ClientId::MAX;
/// Connections that open or close within this time are announced once.
const TOGETHER: Duration = Duration::from_secs(1);

/// Opens what the configuration wants open, and closes the rest. A port that another program has is
/// tried again at each look.
pub(super) fn look_at_ports(actor: &mut Actor) {
    if actor.role == Role::InProcess {
        return;
    }
    let world = Arc::clone(&actor.world);
    let mut before = std::mem::take(&mut actor.ports);
    for database in world.config.databases() {
        let Some(port) = database.proxy_port else {
            continue;
        };
        let name = database.name.to_string();
        let is_the_same = |it: &DatabasePort| it.database == *database && it.proxy.is_ok();
        let kept = before.remove(&name).filter(is_the_same);
        let listening = kept.unwrap_or_else(|| DatabasePort {
            database: database.clone(),
            port,
            proxy: open(actor, database, port),
        });
        actor.ports.insert(name, listening);
    }
}

fn open(actor: &Actor, database: &Database, port: u16) -> Result<Proxy> {
    let ca = database.proxy_ca.as_deref();
    let issuers = issuers(ca, &actor.world.environment)?;
    let (inbox, name) = (actor.post.clone(), database.name.to_string());
    let logins: Logins = Arc::new(move |renewal| {
        let (inbox, call) = (inbox.clone(), login_call(&name, renewal));
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            if let Some(inbox) = inbox.upgrade() {
                // An agent that has ended answers nothing.
                let _ = inbox.send(Message::request(PORTS, None, call, reply));
            }
            let ended = |_| Error::new(Code::ProcessFailed, "the agent has ended");
            login_in(answer.await.map_err(ended)?.reply)
        })
    });
    let opened = Proxy::open(ServedDatabase::new(database, issuers, logins), Some(port));
    match &opened {
        Ok(proxy) => {
            let (events, name) = (actor.events.downgrade(), database.name.to_string());
            tokio::spawn(announce(name, proxy.connections(), events));
        }
        Err(error) => tracing::warn!(database = %database.name, %error, "not listening"),
    }
    opened
}

/// Until the port is closed. A pool opens and closes many.
async fn announce(database: String, mut open: watch::Receiver<u32>, events: WeakSender<Event>) {
    while open.changed().await.is_ok()
        && let Some(events) = events.upgrade()
    {
        let event = Event::DatabaseConnections {
            database: database.clone(),
            connections: *open.borrow_and_update(),
        };
        // There may be no subscriber.
        let _ = events.send(event);
        drop(events);
        Clock::nap(TOGETHER).await;
    }
}

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
    let port = actor.ports.get(it.name.as_str());
    let proxy = port.map(|it| ProxyStatus {
        port: it.port,
        connections: it.proxy.as_ref().map_or(0, |it| *it.connections().borrow()),
        problem: it.proxy.as_ref().err().cloned(),
    });
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
        proxy,
    }
}
