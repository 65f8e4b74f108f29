//! The one HTTP connector, whatever is called: an answer has an end, and is no page for a browser.

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use std::time::Duration;

pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);
/// A session is some kilobytes, a list of accounts some hundred.
const LONGEST_ANSWER: usize = 1 << 20;
const TOO_LONG: &str = "its answer is longer than 1 MiB, as none of AWS's is";
const NOT_AWS: &str =
    "the answer is not AWS's but a page for a browser (a captive portal or a proxy?)";

pub(super) fn connector() -> ConnectorBuilder {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .build();
    Connector::builder()
        .connector_settings(settings)
        .sleep_impl(TokioSleep::new())
}

/// Every connector goes through here before it is used.
pub(super) fn guarded(connector: impl HttpConnector + 'static) -> SharedHttpConnector {
    SharedHttpConnector::new(Guarded(SharedHttpConnector::new(connector)))
}

pub(super) fn client(connector: SharedHttpConnector) -> SharedHttpClient {
    http_client_fn(move |_, _| connector.clone())
}

/// A page for a browser, or the way to one.
#[derive(Debug, thiserror::Error)]
#[error("{NOT_AWS}")]
pub(super) struct Redirected {
    pub to: String,
}

#[derive(Debug)]
struct Guarded(SharedHttpConnector);

impl HttpConnector for Guarded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut response = answer.await?;
            let body = whole(response.take_body()).await?;
            if is_for_a_browser(&response, &body) {
                let to = response.headers().get("location").unwrap_or_default();
                let redirected = Redirected { to: to.to_owned() };
                return Err(ConnectorError::other(redirected.into(), None));
            }
            *response.body_mut() = SdkBody::from(body);
            Ok(response)
        })
    }
}

async fn whole(body: SdkBody) -> Result<Vec<u8>, ConnectorError> {
    let mut body = ByteStream::new(body);
    let mut read = Vec::new();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|cause| ConnectorError::io(cause.into()))?;
        if read.len() + piece.len() > LONGEST_ANSWER {
            return Err(ConnectorError::other(TOO_LONG.into(), None));
        }
        read.extend_from_slice(&piece);
    }
    Ok(read)
}

/// Nothing that is called sends its callers elsewhere, or answers with HTML when all went well. A
/// refusal may: its status says enough.
fn is_for_a_browser(response: &HttpResponse, body: &[u8]) -> bool {
    let status = response.status().as_u16();
    let start = body.trim_ascii_start();
    let begins = |with: &str| {
        let start = start.get(..with.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()))
    };
    let says_html = response
        .headers()
        .get("content-type")
        .is_some_and(|it| it.trim_start().starts_with("text/html"));
    match status {
        300..400 => true,
        200..300 => begins("<!doctype html") || begins("<html") || says_html && !begins("{"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A server that sends the head and then `body`, over and over; how much was taken of it.
    fn endless(head: &'static str, body: &'static [u8]) -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it listens");
        let taken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&taken);
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let _ = stream.read(&mut [0; 4096]);
            stream.write_all(head.as_bytes()).expect("written");
            while let Ok(wrote @ 1..) = stream.write(body) {
                count.fetch_add(wrote, Ordering::SeqCst);
            }
        });
        (format!("http://{address}/"), taken)
    }

    async fn called(url: &str) -> Result<HttpResponse, ConnectorError> {
        let mut request = HttpRequest::new(SdkBody::empty());
        request.set_uri(url).expect("an address");
        guarded(connector().build_http()).call(request).await
    }

    #[tokio::test]
    async fn an_answer_without_an_end_is_given_up_after_what_an_answer_may_have() {
        for head in [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 2000000000\r\n\r\n",
            "HTTP/1.1 500 Oh\r\n\r\n",
        ] {
            let (url, taken) = endless(head, &[b'a'; 1 << 13]);
            let error = called(&url).await.expect_err("too long");
            assert!(
                format!("{error:?}").contains("longer than 1 MiB"),
                "{error:?}"
            );
            // What the two ends of a connection hold is among it.
            let taken = taken.load(Ordering::SeqCst);
            assert!(taken < 16 << 20, "{taken}");
        }
    }

    #[test]
    fn a_page_for_a_browser_is_told_from_an_answer() {
        let is_page = |status: u16, content_type: &str, body: &str| {
            let mut response =
                HttpResponse::new(status.try_into().expect("a status"), SdkBody::empty());
            let kind = content_type.to_owned();
            response.headers_mut().insert("content-type", kind);
            is_for_a_browser(&response, body.as_bytes())
        };
        for (status, content_type, body) in [
            (200, "text/html; charset=utf-8", "Welcome"),
            (
                200,
                "text/plain",
                "\n<!DOCTYPE html><p>Sign in to this network",
            ),
            (200, "application/xml", "<html></html>"),
            (302, "text/html", ""),
        ] {
            assert!(is_page(status, content_type, body), "{status} {body}");
        }
        for (status, content_type, body) in [
            (200, "text/xml", "<GetCallerIdentityResponse/>"),
            (200, "text/html", "{\"SigninToken\":\"x\"}"),
            (400, "text/html", "<html>"),
            (503, "text/html", "<html>"),
        ] {
            assert!(!is_page(status, content_type, body), "{status} {body}");
        }
    }
}
