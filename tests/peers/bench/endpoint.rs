//! The container endpoint of `fob exec`, asked by fifty clients that keep their connections.

use crate::figures::{Figure, mebibytes, median, milliseconds, percentile, ratio};
use crate::process::Process;
use crate::stage::{FOB, Stage};
use keyfob_core::clock::Clock;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CLIENTS: usize = 50;
const REQUESTS: usize = 10_000;
/// What a request may leave behind before it is taken for growth: less than the smallest thing that
/// could leak.
const BYTES_A_REQUEST: u64 = 8;

pub fn endpoint(stage: &Stage, minimal: Duration) -> Vec<Figure> {
    let (fob, request, host) = open(stage);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (mut took, before, after) = runtime.block_on(async {
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            clients.push(
                TcpStream::connect(&host)
                    .await
                    .expect("the endpoint is open"),
            );
        }
        // So many that the heap has found its shape: what grows from there on grows for ever.
        (clients, _) = ask_all(clients, &request, REQUESTS).await;
        let before = fob.private_memory();
        let (_clients, took) = ask_all(clients, &request, REQUESTS).await;
        (took, before, fob.private_memory())
    });
    let (median, slow) = (median(&mut took), percentile(&mut took, 99));
    let latency = Figure::new(
        format!("container endpoint, {CLIENTS} clients: 99 of 100 answers"),
        Some(ratio(slow, minimal)),
        format!("{}, median {}", milliseconds(slow), milliseconds(median)),
    );
    let grown = format!("its memory after {REQUESTS} requests, and after as many again");
    let growth = match (before, after) {
        (Some(before), Some(after)) => {
            let most = BYTES_A_REQUEST * u64::try_from(REQUESTS).expect("few");
            Figure::new(
                grown,
                None,
                format!("{}, {}", mebibytes(before), mebibytes(after)),
            )
            .limit("no growth", after <= before + most)
        }
        _ => Figure::new(grown, None, "only root may know"),
    };
    vec![
        latency.limit("5 ms", slow < Duration::from_millis(5)),
        growth,
    ]
}

/// The process that serves, what a client sends it, and where.
fn open(stage: &Stage) -> (Process, String, String) {
    let tell = r#"echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN"; read -r line"#;
    let mut command = stage
        .home
        .bare(&[&FOB, "exec", "role-1", "--", "sh", "-c", tell]);
    let mut fob = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("fob starts");
    let mut told = String::new();
    BufReader::new(fob.stdout.take().expect("it is piped"))
        .read_line(&mut told)
        .expect("the child tells");
    let (url, token) = told
        .trim_end()
        .split_once(' ')
        .expect("an address and a token");
    let (host, path) = url
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .expect("an address");
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\n\r\n");
    (Process::of(fob), request, host.to_owned())
}

/// Every client asks again as soon as it is answered.
async fn ask_all(
    clients: Vec<TcpStream>,
    request: &str,
    requests: usize,
) -> (Vec<TcpStream>, Vec<Duration>) {
    let asking: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            let request = request.to_owned();
            tokio::spawn(async move {
                let clock = Clock::system();
                let mut took = Vec::new();
                for _ in 0..requests / CLIENTS {
                    let began = clock.now();
                    ask(&mut client, &request).await;
                    took.push(clock.now().duration_since(began).unwrap_or_default());
                }
                (client, took)
            })
        })
        .collect();
    let (mut clients, mut all) = (Vec::new(), Vec::new());
    for asking in asking {
        let (client, took) = asking.await.expect("every answer is good");
        clients.push(client);
        all.extend(took);
    }
    (clients, all)
}

async fn ask(client: &mut TcpStream, request: &str) {
    client
        .write_all(request.as_bytes())
        .await
        .expect("the endpoint is open");
    let mut answer = Vec::new();
    while !is_whole(&answer) {
        assert!(
            client
                .read_buf(&mut answer)
                .await
                .expect("the endpoint is open")
                > 0,
            "it hung up"
        );
    }
    assert!(
        answer.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let head = head.to_ascii_lowercase();
    let length = head
        .split_once("content-length: ")
        .and_then(|(_, rest)| rest.lines().next()?.parse().ok());
    length == Some(body.len())
}
