//! The way to a database server: a connection, then TLS with a certificate that is checked against
//! its issuer and the host's name, always.

use super::issuers::OF_AWS;
use super::login::ServedDatabase;
use crate::error::{Code, Error, Result};
use crate::foreign::Foreign;
use rustls::CertificateError;
use rustls::pki_types::ServerName;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// For the connection, and for TLS on it.
const LIMIT: Duration = Duration::from_secs(10);
pub(super) async fn connect(database: &ServedDatabase) -> Result<TcpStream> {
    let ServedDatabase { host, port, .. } = database;
    let connecting = async {
        let mut last = None;
        for address in lookup_host((host.as_str(), *port)).await? {
            let socket = if address.is_ipv4() {
                TcpSocket::new_v4()?
            } else {
                TcpSocket::new_v6()?
            };
            // A server that is gone is noticed also by a connection that says nothing.
            socket.set_keepalive(true)?;
            socket.set_nodelay(true)?;
            match socket.connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(cause) => last = Some(cause),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::other("the name has no address")))
    };
    let late = || Err(io::Error::from(io::ErrorKind::TimedOut));
    let connected = timeout(LIMIT, connecting).await.unwrap_or_else(|_| late());
    connected.map_err(|cause| {
        let message = format!("{host}:{port} cannot be reached: {cause}");
        Error::new(Code::Network, message)
            .hint("look at: host and port, and the way there: security group, route, VPN")
    })
}

pub(super) fn no_tls(database: &ServedDatabase) -> Error {
    let ServedDatabase { host, port, .. } = database;
    let message = format!("{host}:{port} offers no TLS, and no login is sent without it");
    Error::new(Code::Network, message).hint("switch TLS on at the server, or look at host and port")
}

/// A server that is none of the engine's, or speaks a version of its protocol that is not known.
pub(super) fn not_understood(database: &ServedDatabase, what: &str) -> Error {
    let ServedDatabase {
        host, port, engine, ..
    } = database;
    let message = format!(
        "{host}:{port} does not speak as {} does: {what}",
        engine.as_str()
    );
    Error::new(Code::Network, message).hint("look at `engine`, host and port of the database")
}

pub(super) fn too_slow(database: &ServedDatabase) -> Error {
    let ServedDatabase { host, port, .. } = database;
    let message = format!("{host}:{port} did not answer in time");
    Error::new(Code::Network, message).hint("try again, or look at the server")
}

pub(super) async fn secured(
    stream: TcpStream,
    database: &ServedDatabase,
) -> Result<TlsStream<TcpStream>> {
    let host = &database.host;
    let name = ServerName::try_from(host.clone()).map_err(|_| {
        let message = format!("`{host}` is no name that a certificate can have");
        Error::new(Code::Usage, message).hint("write the endpoint that AWS shows for the database")
    })?;
    let connector = TlsConnector::from(Arc::clone(&database.issuers));
    match timeout(LIMIT, connector.connect(name, stream)).await {
        Ok(Ok(secured)) => Ok(secured),
        Ok(Err(cause)) => Err(not_secured(host, &cause)),
        Err(_) => Err(too_slow(database)),
    }
}

fn not_secured(host: &str, cause: &io::Error) -> Error {
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext,
        NotValidYet, NotValidYetContext, Other, UnknownIssuer,
    };
    let inner = cause.get_ref().and_then(|it| it.downcast_ref());
    let (what, hint) = match inner {
        Some(rustls::Error::InvalidCertificate(why)) => match why {
            // Of another authority with the same name.
            UnknownIssuer | BadSignature => ("comes from nobody who is trusted here", OF_AWS),
            Expired | ExpiredContext { .. } => (
                "has expired",
                "renew it at the server; RDS: choose a new certificate authority",
            ),
            NotValidYet | NotValidYetContext { .. } => {
                ("is not valid yet", "look at the clock of this machine")
            }
            NotValidForName | NotValidForNameContext { .. } => (
                "is for another name",
                "write the endpoint that AWS shows for the database as its `host`",
            ),
            _ => {
                let why = match why {
                    Other(why) => why.to_string(),
                    why => why.to_string(),
                };
                let message = format!("the certificate of {host} is not valid: {why}");
                return Error::new(Code::Network, message).hint(
                    "give the server one for its name that is not itself an authority's (CA:FALSE)",
                );
            }
        },
        Some(_) | None => {
            let why = Foreign::new(&cause.to_string());
            let message = format!("{host}: TLS failed: {why}");
            return Error::new(Code::Network, message)
                .hint("look at host and port of the database");
        }
    };
    Error::new(Code::Network, format!("the certificate of {host} {what}")).hint(hint)
}
