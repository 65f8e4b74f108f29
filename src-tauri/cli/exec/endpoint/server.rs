//! The listener: bounds how many connections there are, how long each may take and how much it may
//! send, and leads every request past the guard to the source. No body is ever read.

use super::coalesce::Coalesced;
use super::guard::Guard;
use super::response;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use keyfob_core::clock::Clock;
use keyfob_core::loopback;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};

/// One more takes the place of the oldest that has not shown the token yet.
pub(super) const MOST_CONNECTIONS: usize = 256;
const LONGEST_HEAD: usize = 16 * 1024;
/// For the whole head of a request, counted from the connection's start or from the response
/// before: the limit of an idle connection, too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// For the first request with the token.
const STRANGER_TIMEOUT: Duration = Duration::from_secs(1);
/// A client that reads no responses holds no connection for ever.
const LONGEST_CONNECTION: Duration = Duration::from_secs(60);
/// When the system has run out of, say, file handles.
const PAUSE: Duration = Duration::from_millis(50);

/// What connections share.
pub(super) struct ServedIdentity {
    pub identity: String,
    pub guard: Guard,
    pub source: Arc<Coalesced>,
}

/// Until `closed` resolves, as its sender is dropped; connections end with it.
pub(super) async fn serve(
    listener: TcpListener,
    service: Arc<ServedIdentity>,
    mut closed: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    let mut strangers = Strangers::default();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = &mut closed => return,
            Some(_) = connections.join_next() => continue,
            accepted = loopback::accept(&listener) => accepted,
        };
        match accepted {
            Ok((stream, _)) if connections.len() < MOST_CONNECTIONS || strangers.drop_one() => {
                let is_known = Arc::new(AtomicBool::new(false));
                let served = connection(stream, service.clone(), is_known.clone());
                strangers.add(connections.spawn(served), is_known);
            }
            Ok(_) => tracing::debug!("too many connections: one closed"),
            Err(cause) => {
                tracing::debug!(%cause, "a connection was not accepted");
                Clock::nap(PAUSE).await;
            }
        }
    }
}

/// Connections that have not shown the token, oldest first.
#[derive(Default)]
struct Strangers(VecDeque<(AbortHandle, Arc<AtomicBool>)>);

impl Strangers {
    fn add(&mut self, task: AbortHandle, is_known: Arc<AtomicBool>) {
        self.0
            .retain(|(task, is_known)| is_stranger(task, is_known));
        self.0.push_back((task, is_known));
    }

    /// `false`: all that are there have shown it.
    fn drop_one(&mut self) -> bool {
        self.0
            .retain(|(task, is_known)| is_stranger(task, is_known));
        let oldest = self.0.pop_front();
        oldest.is_some_and(|(task, _)| {
            task.abort();
            true
        })
    }
}

fn is_stranger(task: &AbortHandle, is_known: &AtomicBool) -> bool {
    !task.is_finished() && !is_known.load(Ordering::Relaxed)
}

async fn connection(stream: TcpStream, service: Arc<ServedIdentity>, is_known: Arc<AtomicBool>) {
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(LONGEST_HEAD)
        .max_buf_size(LONGEST_HEAD);
    let respond = service_fn(|request| respond(service.clone(), is_known.clone(), request));
    let mut connection = pin!(protocol.serve_connection(TokioIo::new(stream), respond));
    // How a connection ends concerns its client alone.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = Clock::nap(STRANGER_TIMEOUT) => {}
    }
    if !is_known.load(Ordering::Relaxed) {
        return;
    }
    tokio::select! {
        _ = connection.as_mut() => return,
        () = Clock::nap(LONGEST_CONNECTION) => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! { _ = connection => {}, () = Clock::nap(HEAD_TIMEOUT) => {} }
}

async fn respond(
    service: Arc<ServedIdentity>,
    is_known: Arc<AtomicBool>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let identity = &service.identity;
    let response = match service.guard.check(&request.into_parts().0) {
        Err(rejection) => {
            let why = rejection.why;
            tracing::debug!(identity, why, "a request for credentials was refused");
            response::rejected(rejection)
        }
        Ok(()) => {
            is_known.store(true, Ordering::Relaxed);
            match service.source.credentials().await.as_deref() {
                Some(Ok(credentials)) => response::credentials(credentials),
                Some(Err(error)) => response::failure(error),
                None => response::pending(identity),
            }
        }
    };
    let status = response.status().as_u16();
    tracing::debug!(identity, status, "a request for credentials was answered");
    Ok(response)
}
