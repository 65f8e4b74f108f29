use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The whole answer to these bytes.
pub(super) async fn exchange(setup: &Setup, request: &[u8]) -> String {
    let address = setup.sandbox.url().replace("http://", "");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(request).await.expect("all written");
    let mut answer = Vec::new();
    // A connection that is reset has said all it will.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).expect("text")
}

pub(super) struct Answered {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answered {
    /// Null where there is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1);
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// One request as any HTTP client sends it; `headers` are lines with their ends.
pub(super) async fn request(setup: &Setup, line: &str, headers: &str, body: &str) -> Answered {
    let host = setup.sandbox.url().replace("http://", "");
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    let answer = exchange(setup, request.as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    Answered {
        status: head[9..12].parse().expect("a status"),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

async fn post(setup: &Setup, headers: &str, body: &str) -> String {
    let length = body.len();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    exchange(setup, request.as_bytes()).await
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_the_shape_of_aws() {
    let setup = Setup::new();
    let identity = "Action=GetCallerIdentity&Version=2011-06-15";
    let broken = "Authorization: AWS4-HMAC-SHA256 Credential=x\r\n";
    for (headers, body, status, code) in [
        ("", "", 400, "MissingAction"),
        ("", "Version=2011-06-15", 400, "MissingAction"),
        (
            "",
            "Action=Nonsense&Version=2011-06-15",
            400,
            "InvalidAction",
        ),
        ("", "Action=GetCallerIdentity", 400, "InvalidAction"),
        ("", "Action=%zz", 400, "MalformedQueryString"),
        ("", "{\"Action\":1}", 400, "MissingAction"),
        ("", identity, 403, "MissingAuthenticationToken"),
        (broken, identity, 400, "IncompleteSignature"),
    ] {
        let answer = post(&setup, headers, body).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{body}: {answer}"
        );
        assert!(
            answer.contains("<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"),
            "{answer}"
        );
        assert!(answer.contains("<Type>Sender</Type>"), "{answer}");
        assert!(
            answer.contains(&format!("<Code>{code}</Code>")),
            "{body}: {answer}"
        );
        assert!(
            answer.contains("date: Fri, 15 Jan 2027 08:00:00 GMT"),
            "{answer}"
        );
        assert_eq!(answer.matches("date: ").count(), 1, "{answer}");
    }
    assert_eq!(setup.sandbox.journal().len(), 8);
}

#[tokio::test]
async fn a_body_beyond_256_kib_is_refused_and_the_sandbox_lives_on() {
    let setup = Setup::new();
    let just = "x".repeat(256 * 1024);
    assert!(
        post(&setup, "", &just)
            .await
            .contains("<Code>MissingAction</Code>")
    );
    let answer = post(&setup, "", &format!("{just}x")).await;
    assert!(
        answer.contains("<Code>RequestEntityTooLarge</Code>") || answer.is_empty(),
        "{answer}"
    );
    assert!(setup.identity(&setup.kim()).await.is_ok());
}

#[tokio::test]
async fn noise_never_brings_the_sandbox_down() {
    let setup = Setup::new();
    let authorization = "Authorization: AWS4-HMAC-SHA256 Credential=A/B/C/sts/aws4_request, SignedHeaders=;;h\u{e9};, \
                         Signature=\u{e9}\r\nX-Amz-Date: 2027\r\n";
    for headers in ["", authorization, "X-Amz-Security-Token: \u{e9}\r\n"] {
        for body in [
            "%",
            "Action=%00&Version=%0a",
            "=&=&=",
            "Action=AssumeRole&Version=2011-06-15&\u{e9}=%c3%a9",
        ] {
            assert!(
                post(&setup, headers, body).await.starts_with("HTTP/1.1 4"),
                "{headers} {body}"
            );
        }
    }
    for noise in [
        &b"\x16\x03\x01\x02\x00\x01"[..],
        b"GET\r\n\r\n",
        b"GET /../.. HTTP/1.1\r\n\r\n",
        b"\r\n\r\n\0\0\0",
    ] {
        let mut request = noise.to_vec();
        request.extend_from_slice(b"\r\n\r\n");
        let answer = tokio::time::timeout(Duration::from_secs(1), exchange(&setup, &request)).await;
        assert!(answer.map_or(true, |answer| !answer.starts_with("HTTP/1.1 2")));
    }
    assert!(setup.identity(&setup.kim()).await.is_ok());
}

#[tokio::test]
async fn a_dropped_sandbox_hangs_up() {
    let setup = Setup::new();
    let client = setup.client(&setup.kim());
    assert!(client.get_caller_identity().send().await.is_ok());
    drop(setup.sandbox);
    let hung_up = async {
        while client.get_caller_identity().send().await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), hung_up)
        .await
        .expect("an end");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let setup = Setup::new();
    let port = setup
        .sandbox
        .url()
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok())
        .expect("a port");
    let error = Sandbox::start_on(Clock::system(), port).expect_err("a refusal");
    assert!(
        error.message.contains(&format!("127.0.0.1:{port}")),
        "{}",
        error.message
    );
}

#[test]
fn without_a_runtime_starting_is_an_error_and_no_panic() {
    assert!(Sandbox::start(Clock::system()).is_err());
}
