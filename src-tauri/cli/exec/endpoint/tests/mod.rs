//! The endpoint as programs meet it: over TCP, byte by byte.

mod refusals;
mod sharing;
mod siege;

use super::*;
use keyfob_core::agent::api::Credentials;
use serde_json::Value;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const SESSION_TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLETOKEN==";
const START: Duration = Duration::from_secs(1_798_113_481);

/// A source that a test steers: how often it was asked, what it says, and when.
struct Well {
    asked: AtomicUsize,
    says: Mutex<Result<Credentials>>,
    /// One permit for each answer.
    open: Semaphore,
}

impl Well {
    fn closed() -> Arc<Well> {
        Arc::new(Well {
            asked: AtomicUsize::new(0),
            says: Mutex::new(Ok(credentials())),
            open: Semaphore::new(0),
        })
    }

    fn open() -> Arc<Well> {
        let well = Well::closed();
        well.open.add_permits(Semaphore::MAX_PERMITS);
        well
    }

    fn says(&self, what: Result<Credentials>) {
        *self
            .says
            .lock()
            .expect("no panic happens while the lock is held") = what;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    async fn draw(self: Arc<Well>) -> Result<Credentials> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.open
            .acquire()
            .await
            .expect("it is never closed")
            .forget();
        self.says
            .lock()
            .expect("no panic happens while the lock is held")
            .clone()
    }
}

fn credentials() -> Credentials {
    Credentials {
        access_key_id: "ASIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: Secret::new(SECRET),
        session_token: Some(Secret::new(SESSION_TOKEN)),
        expires_at: SystemTime::UNIX_EPOCH + START,
        account: Some("410000000017".to_owned()),
    }
}

fn clock() -> Clock {
    Clock::manual(SystemTime::UNIX_EPOCH + START)
}

async fn opened(identity: &str, well: &Arc<Well>) -> CredentialsEndpoint {
    let well = well.clone();
    CredentialsEndpoint::open(identity, clock(), move || well.clone().draw())
        .await
        .expect("a free port")
}

impl CredentialsEndpoint {
    fn address(&self) -> &str {
        let rest = self
            .url
            .strip_prefix("http://")
            .expect("no TLS on loopback");
        rest.split('/')
            .next()
            .expect("there is always a first part")
    }

    fn path(&self) -> &str {
        &self.url["http://".len() + self.address().len()..]
    }

    /// A request that is answered, but for these lines: each takes the place of the one of its
    /// name.
    fn request(&self, first_line: &str, headers: &[&str]) -> String {
        let own = [
            format!("Host: {}", self.address()),
            format!("Authorization: {}", self.token.expose()),
            "Connection: close".to_owned(),
        ];
        let name = |line: &str| {
            line.split(':')
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase()
        };
        let kept = own
            .iter()
            .filter(|own| !headers.iter().any(|given| name(given) == name(own)));
        // A name without a value takes the header away.
        let given = headers.iter().filter(|given| given.contains(": "));
        let lines: Vec<&str> = kept.map(String::as_str).chain(given.copied()).collect();
        format!("{first_line} HTTP/1.1\r\n{}\r\n\r\n", lines.join("\r\n"))
    }

    fn good_request(&self) -> String {
        self.request(&format!("GET {}", self.path()), &[])
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address())
            .await
            .expect("a connection")
    }

    /// The whole answer to these bytes.
    async fn exchange(&self, request: &[u8]) -> String {
        let mut stream = self.connect().await;
        // Somebody who is turned away may not be heard out.
        let _ = stream.write_all(request).await;
        rest_of(stream).await
    }
}

async fn rest_of(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A connection that is reset has said all it will.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).expect("text")
}

/// Status and body.
fn read(answer: &str) -> (u16, Value) {
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("not an answer: {answer:?}"));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|it| it.parse().ok())
        .expect("a status");
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

fn assert_tells_nothing(endpoint: &CredentialsEndpoint, answer: &str) {
    for secret in [
        SECRET,
        SESSION_TOKEN,
        "ASIAIOSFODNN7EXAMPLE",
        endpoint.token.expose(),
    ] {
        assert!(!answer.contains(secret), "{answer}");
    }
}

/// Until something that happens in another task has happened.
async fn until(mut it: impl FnMut() -> bool) {
    while !it() {
        Clock::nap(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn the_holder_of_the_token_gets_credentials_as_sdks_read_them() {
    let well = Well::open();
    let endpoint = opened("dev", &well).await;
    let answer = endpoint.exchange(endpoint.good_request().as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    insta::assert_snapshot!(body, @r#"{"AccessKeyId":"ASIAIOSFODNN7EXAMPLE","SecretAccessKey":"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY","Token":"IQoJb3JpZ2luX2VjEXAMPLETOKEN==","Expiration":"2026-12-24T11:58:01Z","AccountId":"410000000017"}"#);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(
        head.contains("content-type: application/json") && head.contains("cache-control: no-store"),
        "{head}"
    );

    let bare = Credentials {
        session_token: None,
        account: None,
        ..credentials()
    };
    well.says(Ok(bare));
    let (_, body) = read(&endpoint.exchange(endpoint.good_request().as_bytes()).await);
    assert_eq!(
        (&body["Token"], body.get("AccountId")),
        (&Value::from(""), None)
    );
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let well = Well::open();
    let endpoint = opened("dev", &well).await;
    let mut stream = endpoint.connect().await;
    let kept_alive = endpoint.good_request().replace("Connection: close\r\n", "");
    for _ in 0..3 {
        stream
            .write_all(kept_alive.as_bytes())
            .await
            .expect("still open");
        let mut answer = String::new();
        while !answer.ends_with('}') {
            let mut piece = [0; 1024];
            let length = stream.read(&mut piece).await.expect("still open");
            answer.push_str(std::str::from_utf8(&piece[..length]).expect("text"));
        }
        assert_eq!(read(&answer).0, 200);
    }
    assert_eq!(
        well.asked(),
        3,
        "nothing is kept from one request to the next"
    );
}

#[tokio::test]
async fn names_are_one_step_of_the_path_whatever_they_hold() {
    for (identity, path) in [
        ("dev", "/v1/credentials/dev"),
        ("team/deploy", "/v1/credentials/team%2Fdeploy"),
        (
            "kim@corp+ops.eu_1-b",
            "/v1/credentials/kim%40corp%2Bops.eu_1-b",
        ),
    ] {
        let endpoint = opened(identity, &Well::open()).await;
        assert_eq!(endpoint.path(), path);
        assert!(
            endpoint.url().starts_with("http://127.0.0.1:"),
            "{}",
            endpoint.url()
        );
        assert_eq!(
            read(&endpoint.exchange(endpoint.good_request().as_bytes()).await).0,
            200,
            "{identity}"
        );
    }
}

#[tokio::test]
async fn each_endpoint_has_a_token_of_32_random_bytes_that_is_not_shown() {
    let (one, other) = (
        opened("dev", &Well::open()).await,
        opened("dev", &Well::open()).await,
    );
    assert_ne!(one.token(), other.token());
    let token = one.token().expose();
    assert!(token.len() == 64 && token.bytes().all(|b| b.is_ascii_hexdigit()));
    assert!(!format!("{one:?}").contains(token));
}

#[tokio::test]
async fn failures_say_with_their_status_whether_asking_again_can_help() {
    let well = Well::open();
    let endpoint = opened("dev", &well).await;
    let person = |code| Error::new(code, "the keys of dev").hint("fob login dev");
    for (error, status) in [
        (person(Code::PersonNeeded), 403),
        (person(Code::SignedOut), 403),
        (person(Code::AwsCredentialsInvalid), 403),
        (person(Code::Network).for_want_of_a_person(), 403),
        (person(Code::Network), 503),
        (person(Code::LockTimeout), 503),
    ] {
        well.says(Err(error.clone()));
        let (got, body) = read(&endpoint.exchange(endpoint.good_request().as_bytes()).await);
        assert_eq!(got, status, "{error:?}");
        let expected = serde_json::json!({"code": error.code.as_str(), "message": "the keys of dev; fob login dev"});
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn a_source_that_panics_is_a_failure_and_the_next_request_asks_it_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let source = move || {
        let asked = count.fetch_add(1, Ordering::Relaxed);
        async move {
            if asked == 0 {
                panic!("a fault of the source")
            } else {
                Ok(credentials())
            }
        }
    };
    let endpoint = CredentialsEndpoint::open("dev", clock(), source)
        .await
        .expect("a free port");
    let (status, body) = read(&endpoint.exchange(endpoint.good_request().as_bytes()).await);
    assert_eq!(
        (status, &body["code"]),
        (503, &Value::from("process_failed"))
    );
    assert_eq!(
        read(&endpoint.exchange(endpoint.good_request().as_bytes()).await).0,
        200
    );
}

#[tokio::test]
async fn a_dropped_endpoint_hangs_up_and_leaves_its_port() {
    let endpoint = opened("dev", &Well::open()).await;
    let address = endpoint.address().to_owned();
    let kept = endpoint.connect().await;
    drop(endpoint);
    assert_eq!(rest_of(kept).await, "");
    let refused = async { while TcpStream::connect(&address).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(10), refused)
        .await
        .expect("nobody listens any more");
}
