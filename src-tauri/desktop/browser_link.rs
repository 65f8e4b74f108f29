//! The link that signs in to the AWS console, passed to the browser. The address a browser is
//! started with can be read by every user of the machine: it leads to this process, which redirects
//! to the link, this user only, once and within a minute. A part of both `fob` and `keyfob`.

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, HOST, LOCATION, REFERRER_POLICY};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use keyfob_core::agent::api::Secret;
use keyfob_core::clock::Clock;
use keyfob_core::error::{Code, Error, Result};
use keyfob_core::loopback;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

const OPEN_FOR: Duration = Duration::from_secs(60);
/// Once it was fetched.
const SENT_WITHIN: Duration = Duration::from_secs(1);

/// The address to start the browser with, and what answers there until the link was fetched:
/// `false` where it never was. Needs a tokio runtime around it.
pub async fn address(link: Secret) -> Result<(String, impl Future<Output = bool> + Send)> {
    let failed = |cause: &dyn std::fmt::Display| {
        let message = format!("the link cannot be passed to the browser: {cause}");
        Error::new(Code::ProcessFailed, message).hint("try again")
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(|cause| failed(&cause))?;
    let host = listener
        .local_addr()
        .map_err(|cause| failed(&cause))?
        .to_string();
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|cause| failed(&cause))?;
    let once = OneTimeLink {
        host,
        path: format!("/{:032x}", u128::from_le_bytes(bytes)),
        link: Mutex::new(Some(link)),
        taken: Notify::new(),
    };
    let address = format!("http://{}{}", once.host, once.path);
    let served = async move {
        let once = Arc::new(once);
        tokio::select! {
            () = serve(&listener, &once) => once.link().is_none(),
            () = Clock::nap(OPEN_FOR) => false,
        }
    };
    Ok((address, served))
}

struct OneTimeLink {
    host: String,
    path: String,
    /// Until it was fetched.
    link: Mutex<Option<Secret>>,
    taken: Notify,
}

/// Until the link is gone and on its way. A browser may open more connections than it uses.
async fn serve(listener: &TcpListener, once: &Arc<OneTimeLink>) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            () = once.taken.notified() => break,
            accepted = loopback::accept(listener) => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => return,
            },
        };
        let answering = Arc::clone(once);
        let answer = service_fn(move |request: Request<Incoming>| {
            let response = answering.answer(&request);
            async move { Ok::<_, Infallible>(response) }
        });
        let served = http1::Builder::new()
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), answer);
        // A client that hangs up gets nothing.
        connections.spawn(async move { drop(served.await) });
    }
    tokio::select! {
        _ = connections.join_all() => {}
        () = Clock::nap(SENT_WITHIN) => {}
    }
}

impl OneTimeLink {
    fn link(&self) -> std::sync::MutexGuard<'_, Option<Secret>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer<B>(&self, request: &Request<B>) -> Response<Empty<Bytes>> {
        let host = request
            .headers()
            .get(HOST)
            .and_then(|host| host.to_str().ok());
        let is_it = request.method() == Method::GET
            && request.uri().path() == self.path
            && host == Some(self.host.as_str());
        let link = is_it.then(|| self.link().take()).flatten();
        let builder = Response::builder()
            .header(CACHE_CONTROL, "no-store")
            .header(REFERRER_POLICY, "no-referrer");
        let response = match &link {
            Some(link) => {
                self.taken.notify_one();
                builder
                    .status(StatusCode::FOUND)
                    .header(LOCATION, link.expose())
            }
            None => builder.status(StatusCode::NOT_FOUND),
        };
        response
            .body(Empty::new())
            .expect("a link is made of what a header may hold")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(once: &OneTimeLink, method: Method, path: &str, host: &str) -> (StatusCode, bool) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, host)
            .body(())
            .expect("a request");
        let response = once.answer(&request);
        (response.status(), response.headers().contains_key(LOCATION))
    }

    #[test]
    fn the_link_goes_once_to_the_right_address_and_never_again() {
        let link = Mutex::new(Some(Secret::new(
            "https://signin.aws.amazon.com/federation?SigninToken=x",
        )));
        let once = OneTimeLink {
            host: "127.0.0.1:4711".to_owned(),
            path: "/secret".to_owned(),
            link,
            taken: Notify::new(),
        };
        let nothing = (StatusCode::NOT_FOUND, false);
        assert_eq!(fetched(&once, Method::GET, "/", "127.0.0.1:4711"), nothing);
        assert_eq!(
            fetched(&once, Method::POST, "/secret", "127.0.0.1:4711"),
            nothing
        );
        assert_eq!(
            fetched(&once, Method::GET, "/secret", "evil.example"),
            nothing,
            "a page that rebinds its name"
        );
        assert_eq!(
            fetched(&once, Method::GET, "/secret", "127.0.0.1:4711"),
            (StatusCode::FOUND, true)
        );
        assert_eq!(
            fetched(&once, Method::GET, "/secret", "127.0.0.1:4711"),
            nothing,
            "only once"
        );
    }
}
