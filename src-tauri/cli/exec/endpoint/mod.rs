//! Container credentials for the AWS SDKs, over HTTP on loopback: one identity's, for the holder of
//! the token. There is no other identity, no role of the caller's choice, no instance metadata. It
//! keeps no credentials: each response comes from the source it was opened with.

mod coalesce;
mod guard;
mod response;
mod server;
#[cfg(test)]
mod tests;

use coalesce::Coalesced;
use guard::Guard;
use keyfob_core::agent::api::Credentials;
use keyfob_core::clock::Clock;
use keyfob_core::encode::{percent, random_token};
use keyfob_core::error::{Code, Error, Result};
use keyfob_core::secret::Secret;
#[cfg(unix)]
use rustix::io::FdFlags;
use server::ServedIdentity;
use std::net::Ipv4Addr;
#[cfg(unix)]
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// `aws/ambient` knows our own endpoint by it.
const PREFIX: &str = "/v1/credentials/";
const TOKEN_BYTES: usize = 32;
/// Serves until it is dropped.
#[derive(Debug)]
pub struct CredentialsEndpoint {
    url: String,
    token: Secret,
    /// The listening socket once more.
    #[cfg(unix)]
    port: OwnedFd,
    _open: oneshot::Sender<()>,
}

impl CredentialsEndpoint {
    /// On a free port of 127.0.0.1; needs a tokio runtime. A response comes within a second however
    /// long `source` takes: its fetch continues, and a later request gets the result.
    pub async fn open<F>(
        identity: &str,
        clock: Clock,
        source: impl Fn() -> F + Send + Sync + 'static,
    ) -> Result<CredentialsEndpoint>
    where
        F: Future<Output = Result<Credentials>> + Send + 'static,
    {
        CredentialsEndpoint::serving(identity, Arc::new(Coalesced::new(clock, source))).await
    }

    async fn serving(identity: &str, source: Arc<Coalesced>) -> Result<CredentialsEndpoint> {
        let failed = |cause: std::io::Error| {
            Error::new(
                Code::ProcessFailed,
                format!("cannot serve credentials on 127.0.0.1: {cause}"),
            )
            .hint("something on this machine prevents listening on loopback")
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(failed)?;
        let host = listener.local_addr().map_err(failed)?.to_string();
        let path = format!("{PREFIX}{}", percent(identity));
        let url = format!("http://{host}{path}");
        let token = Secret::new(random_token::<TOKEN_BYTES>().as_str());
        let (open, closed) = oneshot::channel();
        let service = ServedIdentity {
            identity: identity.to_owned(),
            guard: Guard {
                host,
                path,
                token: token.clone(),
            },
            source,
        };
        #[cfg(unix)]
        let port = listener.as_fd().try_clone_to_owned().map_err(failed)?;
        tokio::spawn(server::serve(listener, Arc::new(service), closed));
        Ok(CredentialsEndpoint {
            url,
            token,
            #[cfg(unix)]
            port,
            _open: open,
        })
    }

    /// Starts a program that keeps the port taken for as long as it or a child of it lives: they
    /// send their token there, and once this process was killed another user could listen on it.
    #[cfg_attr(
        not(unix),
        expect(clippy::unused_self, reason = "no child inherits a socket there")
    )]
    pub fn start<T>(&self, start: impl FnOnce() -> T) -> T {
        #[cfg(unix)]
        let inherited = |flags| {
            // Without it the program is served all the same.
            let _ = rustix::io::fcntl_setfd(&self.port, flags);
        };
        #[cfg(unix)]
        inherited(FdFlags::empty());
        let started = start();
        #[cfg(unix)]
        inherited(FdFlags::CLOEXEC);
        started
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
