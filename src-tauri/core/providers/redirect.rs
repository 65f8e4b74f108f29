//! The port of this machine that a browser is sent back to after a sign-in. It takes one redirect,
//! of this user's browser and of this sign-in; closed when it is dropped.

use crate::aws::{AuthorizationRequest, REDIRECT_PATH};
use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::foreign::Foreign;
use crate::loopback;
use crate::secret::Secret;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderValue, REFERRER_POLICY,
};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// For a request and its answer.
const LONGEST_CONNECTION: Duration = Duration::from_secs(5);
/// When the system has run out of, say, file handles.
const PAUSE: Duration = Duration::from_millis(50);

const RECEIVED: &str = "Keyfob has received the sign-in. You can close this page.";
const REFUSED: &str = "The sign-in was refused. You can close this page.";
const OVER: &str = "This sign-in is over already. You can close this page.";
const FOREIGN: &str = "This is not the sign-in that Keyfob is waiting for.";

#[derive(Debug)]
pub(super) struct Redirect {
    pub request: AuthorizationRequest,
    came: mpsc::Receiver<Result<Secret>>,
    _serving: JoinSet<()>,
}

/// What a redirect must be.
#[derive(Debug)]
struct Expected {
    host: String,
    state: Secret,
    is_over: AtomicBool,
    came: mpsc::Sender<Result<Secret>>,
}

impl Redirect {
    /// On a free port.
    pub async fn open() -> io::Result<Redirect> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let host = listener.local_addr()?.to_string();
        let request = AuthorizationRequest::new(format!("http://{host}{REDIRECT_PATH}"));
        let (sender, came) = mpsc::channel(1);
        let expected = Expected {
            host,
            state: request.state.clone(),
            is_over: AtomicBool::new(false),
            came: sender,
        };
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::new(expected)));
        Ok(Redirect {
            request,
            came,
            _serving: serving,
        })
    }

    /// The code that the browser brings.
    pub async fn code(&mut self) -> Result<Secret> {
        match self.came.recv().await {
            Some(came) => came,
            None => std::future::pending().await,
        }
    }
}

/// Connections that are open at the end get their answer.
async fn serve(listener: TcpListener, expected: Arc<Expected>) {
    loop {
        let Ok((stream, _)) = loopback::accept(&listener).await else {
            Clock::nap(PAUSE).await;
            continue;
        };
        let expected = expected.clone();
        let answer = service_fn(move |request: Request<Incoming>| {
            let response = expected.answer(&request.into_parts().0);
            async move { Ok::<_, Infallible>(response) }
        });
        tokio::spawn(async move {
            let served = http1::Builder::new()
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), answer);
            tokio::select! {
                // A browser that hangs up gets nothing.
                _ = served => {}
                () = Clock::nap(LONGEST_CONNECTION) => {}
            }
        });
    }
}

impl Expected {
    fn answer(&self, request: &Parts) -> Response<Full<Bytes>> {
        let Some(came) = self.outcome(request) else {
            tracing::warn!("a request that is not the sign-in's redirect was refused");
            return page(StatusCode::BAD_REQUEST, FOREIGN);
        };
        if self.is_over.swap(true, Ordering::SeqCst) {
            return page(StatusCode::GONE, OVER);
        }
        let text = if came.is_ok() { RECEIVED } else { REFUSED };
        // The sign-in may have been given up.
        let _ = self.came.try_send(came);
        page(StatusCode::OK, text)
    }

    /// `None`: not the redirect that is waited for.
    fn outcome(&self, request: &Parts) -> Option<Result<Secret>> {
        let header = |name: &str| request.headers.get(name).map(HeaderValue::as_bytes);
        let is_navigation = header("sec-fetch-mode").is_none_or(|mode| mode == b"navigate");
        let is_it = request.method == Method::GET
            && request.uri.path() == REDIRECT_PATH
            && header(HOST.as_str()) == Some(self.host.as_bytes())
            && is_navigation;
        let query = request.uri.query().filter(|_| is_it)?;
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let (_, value) = pairs.find(|(key, _)| *key == name)?;
            let value = value.replace('+', " ");
            let value = percent_decode_str(&value).decode_utf8().ok()?;
            Some(value.into_owned())
        };
        if Secret::new(value("state")?) != self.state {
            return None;
        }
        match (value("error"), value("code")) {
            (Some(error), _) => {
                let why = value("error_description").filter(|why| !why.is_empty());
                Some(Err(refused(why.unwrap_or(error))))
            }
            (None, Some(code)) if !code.is_empty() => Some(Ok(Secret::new(code))),
            (None, Some(_) | None) => None,
        }
    }
}

fn refused(why: impl Into<Foreign>) -> Error {
    let why = why.into();
    Error::new(
        Code::Cancelled,
        format!("the sign-in was refused in the browser: {why}"),
    )
}

/// Loads nothing and runs nothing.
fn page(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Keyfob</title><p>{text}</p></html>"
    );
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "text/html; charset=utf-8")
        .header(CONTENT_SECURITY_POLICY, "default-src 'none'")
        .header(CACHE_CONTROL, "no-store")
        .header(REFERRER_POLICY, "no-referrer")
        .body(Full::new(Bytes::from(body)))
        .expect("these are headers")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    /// The status of the answer and what its page says; 0: there was none.
    async fn fetched(redirect: &Redirect, head: String) -> (u16, String) {
        let uri = &redirect.request.redirect_uri;
        let host = uri.trim_start_matches("http://").split('/').next();
        let host = host.expect("a host").to_owned();
        let answer = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(host)?;
            stream.write_all(head.as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).map(|_| answer)
        });
        let answer = answer.await.expect("no panic").unwrap_or_default();
        let status = answer.split(' ').nth(1).unwrap_or_default();
        let status = status.parse().unwrap_or_default();
        let page = answer.split_once("<p>").map_or("", |it| it.1);
        (status, page.trim_end_matches("</p></html>").to_owned())
    }

    fn get(redirect: &Redirect, query: &str, headers: &str) -> String {
        let uri = &redirect.request.redirect_uri;
        let (host, path) = uri
            .trim_start_matches("http://")
            .split_at(uri.find("/oauth").expect("a path") - 7);
        format!("GET {path}?{query} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n")
    }

    #[tokio::test]
    async fn only_the_redirect_of_this_sign_in_is_taken_and_only_once() {
        let mut redirect = Redirect::open().await.expect("a port");
        let state = redirect.request.state.expose().to_owned();
        let right = format!("code=c%2B1&state={state}");
        for foreign in [
            get(&redirect, "code=x&state=another", ""),
            get(&redirect, "code=x", ""),
            get(&redirect, &format!("code=&state={state}"), ""),
            get(&redirect, &right, "sec-fetch-mode: no-cors\r\n"),
            get(&redirect, &right, "").replace("host: 127.0.0.1", "host: evil.example"),
            get(&redirect, &right, "").replace("GET", "POST"),
            get(&redirect, &right, "").replace("/oauth/callback", "/"),
        ] {
            let answer = fetched(&redirect, foreign.clone()).await;
            assert_eq!(answer, (400, FOREIGN.to_owned()), "{foreign}");
        }
        let right = get(&redirect, &right, "sec-fetch-mode: navigate\r\n");
        let answer = fetched(&redirect, right.clone()).await;
        assert_eq!(answer, (200, RECEIVED.to_owned()));
        let answer = fetched(&redirect, right.clone()).await;
        assert_eq!(answer, (410, OVER.to_owned()), "once");
        let code = redirect.code().await.expect("a code");
        assert_eq!(code, Secret::new("c+1"));
        let uri = redirect.request.redirect_uri.clone();
        drop(redirect);
        let closed = Redirect::open().await.expect("a port");
        assert_ne!(closed.request.redirect_uri, uri);
    }

    #[tokio::test]
    async fn a_refusal_in_the_browser_says_why() {
        let mut redirect = Redirect::open().await.expect("a port");
        let state = redirect.request.state.expose().to_owned();
        let query = format!("error=access_denied&error_description=No+access&state={state}");
        let answer = fetched(&redirect, get(&redirect, &query, "")).await;
        assert_eq!(answer, (200, REFUSED.to_owned()));
        let error = redirect.code().await.expect_err("refused");
        assert_eq!(error.code, Code::Cancelled);
        assert!(error.message.ends_with("No access"), "{error}");
    }
}
