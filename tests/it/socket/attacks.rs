//! Input from a broken or hostile program of the same user: never a panic, never a log line that
//! quotes it, and all other clients are served as before.

use super::*;
use std::sync::Mutex;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

const MARK: &str = "s3cr3t-m4rk";

/// Each with the id its error comes with.
fn unreadable() -> Vec<(u32, Vec<u8>)> {
    let mut all: Vec<(u32, Vec<u8>)> = [
        "",
        " ",
        "\0",
        "null",
        "[]",
        "1e999",
        MARK,
        "GET / HTTP/1.1",
        r#""s3cr3t-m4rk""#,
        r#"{"v":1}"#,
        r#"{"id":5}"#,
        r#"{"v":"1","id":5}"#,
        r#"{"v":1,"id":-1}"#,
        r#"{"v":1,"id":4294967296}"#,
        r#"{"v":1,"id":5"#,
        r#"{"v":1,"id":5,"request":{"s3cr3t-m4rk":}}"#,
        r#"{"v":1,"id":5}{"v":1,"id":6}"#,
        r#"{"v":1,"v":1,"id":5}"#,
    ]
    .into_iter()
    .map(|line| (0, line.as_bytes().to_vec()))
    .collect();
    all.extend(
        [
            r#"{"v":1,"id":5}"#,
            r#"{"v":1,"id":5,"asker":{"program":"x","pid":1,"person":"absent"},"surroundings":"","request":"s3cr3t-m4rk"}"#,
            r#"{"v":1,"id":5,"asker":{"program":"x","pid":1,"person":"absent"},"surroundings":7,"request":"list"}"#,
            r#"{"v":1,"id":5,"asker":{"program":"x","pid":-1,"person":"absent"},"surroundings":"","request":"list"}"#,
            r#"{"v":1,"id":5,"asker":"s3cr3t-m4rk","surroundings":"","request":"list"}"#,
            r#"{"v":1,"id":5,"surroundings":"","request":"list"}"#,
        ]
        .map(|line| (5, line.as_bytes().to_vec())),
    );
    all.push((0, b"\xff\xfe{}".to_vec()));
    all.push((
        0,
        [request(5, "dev").trim_end().as_bytes(), b"\xff"].concat(),
    ));
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(9_000), close.repeat(9_000));
        all.push((
            5,
            format!(r#"{{"v":1,"id":5,"asker":{deep}}}"#).into_bytes(),
        ));
        all.push((0, deep.into_bytes()));
        all.push((0, open.repeat(9_000).into_bytes()));
    }
    all
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_with_an_error_and_closes_the_connection() {
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
    let targets = Targets::new().with_target("keyfob_core", LevelFilter::TRACE);
    // For the whole process: a subscriber of one thread misses what another thread met first.
    tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .init();
    let agent = Agent::start();
    let mut neighbour = agent.client().await;
    for (id, line) in unreadable() {
        let shown = String::from_utf8_lossy(&line[..line.len().min(80)]).into_owned();
        let mut raw = agent.connect().await;
        raw.send([&line[..], b"\n"].concat()).await;
        let said = String::from_utf8(raw.rest().await).expect("text");
        let start = format!(
            r#"{{"v":1,"id":{id},"notes":[],"reply":{{"failed":{{"code":"invalid_input","message":"the agent cannot read the request""#
        );
        assert!(
            said.starts_with(&start) && said.lines().count() == 1,
            "{shown}: {said}"
        );
        assert!(!said.contains(MARK), "{said}");
        neighbour.ask(&call("dev"), "").await.expect("heard");
    }
    let log = String::from_utf8(log.0.lock().expect("no panic").clone()).expect("text");
    assert!(
        log.contains("a connection is closed for what it sent") && !log.contains(MARK),
        "{log}"
    );
}

#[tokio::test]
async fn half_a_line_is_an_error_once_nothing_more_can_come() {
    let agent = Agent::start();
    for half in [r#"{"v":1,"id":7,"asker""#, &"{".repeat(60_000), "\u{e9}"] {
        let mut raw = agent.connect().await;
        raw.send(half).await;
        raw.0.get_mut().shutdown().await.expect("shut down");
        let said = raw.line().await.expect("an answer");
        assert!(
            said.starts_with(r#"{"v":1,"id":0,"#) && said.contains("did not end"),
            "{said}"
        );
        assert_eq!(raw.line().await, None);
    }
}

#[tokio::test]
async fn a_request_has_64_kib_and_not_a_byte_more() {
    let agent = Agent::start();
    let longest = 64 * 1024 + 1 - request(1, "").len();
    let identity = "x".repeat(longest);
    let mut raw = agent.connect().await;
    assert_eq!(raw.ask(request(1, &identity)).await, response(1, &identity));
    for too_long in [
        request(1, &(identity + "x")),
        request(1, &"x".repeat(1 << 20)),
        "x".repeat(1 << 20),
    ] {
        let mut raw = agent.connect().await;
        // The agent may hang up before all of it is written.
        let _ = soon(raw.0.write_all(too_long.as_bytes())).await;
        let said = raw.line().await.expect("an answer");
        assert!(
            said.starts_with(r#"{"v":1,"id":0,"#) && said.contains("at most 64 KiB"),
            "{said}"
        );
        assert_eq!(raw.line().await, None);
    }
}

#[tokio::test]
async fn a_program_that_does_not_ask_by_itself_cannot_pass_for_another() {
    let agent = Agent::start();
    let mut client = agent.client().await;
    let own = std::process::id();
    let parent = std::os::unix::process::parent_id();
    for said in [own, parent, 1, u32::MAX] {
        let mut call = call("dev");
        call.caller = Caller {
            program: "terraform".into(),
            pid: said,
            person: Person::Present,
            trail: None,
        };
        let heard = client.ask(&call, "00ff").await.expect("heard");
        let confirmed = noted(&heard);
        assert!(!confirmed.contains("terraform"), "{confirmed}");
        if said != parent {
            assert_eq!(confirmed, format!("dev for {} ({own}) in 00ff", own_name()));
        }
    }
}
