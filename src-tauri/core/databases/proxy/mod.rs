//! A port of this machine for clients that know nothing of IAM: they start a connection without a
//! password, and it is signed in to the database with a login that is fresh at that moment, over
//! TLS with the server's certificate checked. Then bytes are copied both ways. Connections of other
//! users are closed, and nothing but 127.0.0.1 is listened on.

mod copying;
mod issuers;
mod login;
mod mysql;
mod mysql_packet;
mod parting;
mod postgres;
mod postgres_message;
mod server;

pub use issuers::{Issuers, issuers};
pub use login::{Logins, ServedDatabase};

use crate::clock::Clock;
use crate::config::Engine;
use crate::error::{Code, Error, Result};
use crate::loopback;
use parting::Parting;
use std::net::{Ipv4Addr, TcpListener as Port};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

/// Beyond what any database of RDS takes from one machine.
const MOST_CONNECTIONS: usize = 1000;
/// When the system has run out of, say, file handles.
const PAUSE: Duration = Duration::from_millis(50);

/// Signs in as for a client, and leaves again. Where there is no login it is still seen whether the
/// server is there and speaks TLS. A refusal is in the server's own words.
pub async fn try_out(database: &ServedDatabase) -> Result<()> {
    let login = database.login().await;
    let tried = match database.engine {
        Engine::Postgres => postgres::try_out(database, login.as_ref().ok()).await,
        Engine::Mysql | Engine::Mariadb => mysql::try_out(database, login.as_ref().ok()).await,
    };
    tried.map_err(|parted| match (parted, database.engine) {
        (Parting::Refused(error), _) => *error,
        (Parting::Gone, _) => server::not_understood(database, "it closed the connection"),
        (Parting::Said { message, .. }, Engine::Postgres) => postgres::refusal(&message),
        (Parting::Said { message, .. }, Engine::Mysql | Engine::Mariadb) => {
            mysql::refusal(database, &message)
        }
    })?;
    login.map(drop)
}

/// Listens until it is dropped; its connections end with it.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    connections: watch::Receiver<u32>,
    _open: oneshot::Sender<()>,
}

impl Proxy {
    /// On this port, or on a free one. Needs a tokio runtime; connects nowhere yet.
    pub fn open(database: ServedDatabase, port: Option<u16>) -> Result<Proxy> {
        let failed = |cause: std::io::Error| {
            let wanted = port.map_or_else(|| "a port".to_owned(), |port| format!("port {port}"));
            let message = format!(
                "cannot listen on {wanted} of 127.0.0.1 for {}: {cause}",
                database.name
            );
            Error::new(Code::FilesUnwritable, message)
                .hint("another program may listen there, or the agent: see `fob rds list`")
        };
        let listener = Port::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?.port();
        listener.set_nonblocking(true).map_err(failed)?;
        let listener = TcpListener::from_std(listener).map_err(failed)?;
        let (count, connections) = watch::channel(0);
        let (open, closed) = oneshot::channel();
        tokio::spawn(listen(listener, Arc::new(database), count, closed));
        Ok(Proxy {
            port: bound,
            connections,
            _open: open,
        })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many are open, for as long as this listens.
    pub fn connections(&self) -> watch::Receiver<u32> {
        self.connections.clone()
    }
}

async fn listen(
    listener: TcpListener,
    database: Arc<ServedDatabase>,
    count: watch::Sender<u32>,
    mut closed: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        let open = u32::try_from(connections.len()).unwrap_or(u32::MAX);
        count.send_replace(open);
        let accepted = tokio::select! {
            biased;
            _ = &mut closed => return,
            Some(_) = connections.join_next() => continue,
            accepted = loopback::accept(&listener), if connections.len() < MOST_CONNECTIONS => accepted,
        };
        match accepted {
            Ok((client, _)) => {
                connections.spawn(serve(client, Arc::clone(&database)));
            }
            Err(cause) => {
                tracing::debug!(%cause, "a connection was not accepted");
                Clock::nap(PAUSE).await;
            }
        }
    }
}

async fn serve(client: TcpStream, database: Arc<ServedDatabase>) {
    // Answers are as long as the server makes them.
    let _ = client.set_nodelay(true);
    match database.engine {
        Engine::Postgres => postgres::serve(client, &database).await,
        Engine::Mysql | Engine::Mariadb => mysql::serve(client, &database).await,
    }
}
