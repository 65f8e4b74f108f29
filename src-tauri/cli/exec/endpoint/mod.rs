//! Container credentials for the AWS SDKs, over HTTP on loopback: one identity's, for whoever holds
//! the token. Bound to what it was opened for: there is no other identity, no role of the caller's
//! choice, no instance metadata. It keeps no credentials: each answer comes from the source it was
//! opened with.

mod answer;
mod door;
mod server;
#[cfg(test)]
mod tests;
mod turns;

use door::Door;
use keyfob_core::agent::api::Credentials;
use keyfob_core::clock::Clock;
use keyfob_core::encode::{percent, random_token};
use keyfob_core::error::{Code, Error, Result};
use keyfob_core::secret::Secret;
use server::Premises;
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use turns::Shared;

/// `aws/ambient` knows our own endpoint by it.
const PREFIX: &str = "/v1/credentials/";
const TOKEN_BYTES: usize = 32;
/// Serves until it is dropped.
#[derive(Debug)]
pub struct Endpoint {
    url: String,
    token: Secret,
    _open: oneshot::Sender<()>,
}

impl Endpoint {
    /// On a free port of 127.0.0.1; needs a tokio runtime. An answer comes within a second whatever
    /// `source` does: it is left to go on, and a later request gets what it brings.
    pub async fn open<S, F>(identity: &str, clock: Clock, source: S) -> Result<Endpoint>
    where
        S: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<Credentials>> + Send + 'static,
    {
        Endpoint::sharing(identity, Arc::new(Shared::new(clock, source))).await
    }

    async fn sharing<S, F>(identity: &str, source: Arc<Shared<S>>) -> Result<Endpoint>
    where
        S: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<Credentials>> + Send + 'static,
    {
        let failed = |cause: std::io::Error| {
            Error::new(
                Code::ProcessFailed,
                format!("cannot serve credentials on 127.0.0.1: {cause}"),
            )
            .hint("something on this machine forbids listening on loopback")
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(failed)?;
        let host = listener.local_addr().map_err(failed)?.to_string();
        let path = format!("{PREFIX}{}", percent(identity));
        let (url, token) = (
            format!("http://{host}{path}"),
            Secret::new(random_token::<TOKEN_BYTES>().as_str()),
        );
        let (open, closed) = oneshot::channel();
        let door = Door {
            host,
            path,
            token: token.clone(),
        };
        let premises = Premises {
            identity: identity.to_owned(),
            door,
            source,
        };
        tokio::spawn(server::serve(listener, Arc::new(premises), closed));
        Ok(Endpoint {
            url,
            token,
            _open: open,
        })
    }

    /// For `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What a request's `Authorization` must be; of this endpoint alone.
    pub fn token(&self) -> &Secret {
        &self.token
    }
}
