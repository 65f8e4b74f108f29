//! The listener: bounds how many connections there are, how long each may take and how much it may
//! say, and leads every request past the door to the source. No body is ever read.

use super::answer;
use super::door::Door;
use super::turns::Shared;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use keyfob_core::agent::api::Credentials;
use keyfob_core::clock::Clock;
use keyfob_core::error::Result;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// One more is closed at once.
pub(super) const MOST_CONNECTIONS: usize = 256;
const LONGEST_HEAD: usize = 16 * 1024;
/// For the whole head of a request, counted from the connection's start or from the answer before:
/// the limit of an idle connection, too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// A client that reads no answers holds no connection for ever.
const LONGEST_CONNECTION: Duration = Duration::from_secs(60);
/// When the system has no more to give, as it were file handles.
const BREATH: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Premises<S> {
    pub identity: String,
    pub door: Door,
    pub source: Arc<Shared<S>>,
}

/// Until `closed` resolves, which it does when the other end is dropped; connections end with it.
pub(super) async fn serve<S, F>(
    listener: TcpListener,
    premises: Arc<Premises<S>>,
    mut closed: oneshot::Receiver<()>,
) where
    S: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = Result<Credentials>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = &mut closed => return,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) if connections.len() < MOST_CONNECTIONS => {
                connections.spawn(converse(stream, premises.clone()));
            }
            Ok(_) => tracing::debug!("too many connections: one closed"),
            Err(cause) => {
                tracing::debug!(%cause, "a connection was not accepted");
                Clock::nap(BREATH).await;
            }
        }
    }
}

async fn converse<S, F>(stream: TcpStream, premises: Arc<Premises<S>>)
where
    S: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = Result<Credentials>> + Send + 'static,
{
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    protocol
        .max_header_size(LONGEST_HEAD)
        .max_buf_size(LONGEST_HEAD);
    let service = service_fn(|request| respond(premises.clone(), request));
    let mut connection = pin!(protocol.serve_connection(TokioIo::new(stream), service));
    // How a connection ends concerns its client alone.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = Clock::nap(LONGEST_CONNECTION) => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! { _ = connection => {}, () = Clock::nap(HEAD_TIMEOUT) => {} }
}

async fn respond<S, F>(
    premises: Arc<Premises<S>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible>
where
    S: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = Result<Credentials>> + Send + 'static,
{
    let Premises {
        identity,
        door,
        source,
    } = premises.as_ref();
    let response = match door.admit(&request.into_parts().0) {
        Err(refusal) => {
            tracing::debug!(
                identity,
                why = refusal.why,
                "a request for credentials was refused"
            );
            answer::refused(refusal)
        }
        Ok(()) => match source.answer().await.as_deref() {
            Some(Ok(credentials)) => answer::granted(credentials),
            Some(Err(error)) => answer::failed(error),
            None => answer::late(identity),
        },
    };
    tracing::debug!(
        identity,
        status = response.status().as_u16(),
        "a request for credentials was answered"
    );
    Ok(response)
}
