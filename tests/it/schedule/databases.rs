//! The port of a database over the life of several tokens: a pool's connections, and those of
//! clients that connect once.

use super::*;
use crate::proxy::client::Client as PostgresClient;
use crate::proxy::server::{Server, Settings};
use std::collections::BTreeSet;
use std::net::TcpListener;
use tokio::task::spawn_blocking;

/// A pool's `max_lifetime`, longer than a token's.
const MOST_OF_AN_HOUR: usize = 40 * 60;
const POOL: usize = 5;

/// `orders`, opened as `identity`, on a port that is free at this moment.
fn with_database(server: &Server, identity: &str) -> (String, u16) {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
    let free = free.expect("a port").port();
    let (port, ca) = (server.port, server.certificate.display());
    let database = format!(
        "engine: postgres, host: localhost, port: {port}, region: eu-central-1, user: app, \
         via: {{ identity: {identity} }}, proxy: {{ port: {free}, ca: {ca} }}"
    );
    let config = format!("{DEV}{DEPLOY}  databases:\n    orders: {{ {database} }}\n");
    (config, free)
}

async fn connected(port: u16) -> PostgresClient {
    let connects = move || {
        let mut client = PostgresClient::starts(port, "app");
        client.is_in();
        client
    };
    spawn_blocking(connects).await.expect("it is let in")
}

fn still_in(mut pool: Vec<PostgresClient>) -> Vec<PostgresClient> {
    for client in &mut pool {
        client.send(b"still");
        assert_eq!(client.read(5), b"still");
    }
    pool
}

/// For an hour a pool of five, and beside it a connection so often. The tokens that the server was
/// shown, and the calls to AWS.
async fn an_hour_of(identity: &str, every: Duration) -> (usize, Vec<String>) {
    let server = Server::start(Settings::good());
    let (config, port) = with_database(&server, identity);
    let stage = Stage::signed_in(&config, &["dev", identity]).await;
    let mut pool = Vec::new();
    let (every_seconds, hour) = (usize::try_from(every.as_secs()).expect("short"), 3600);
    for second in (0..hour).step_by(every_seconds) {
        if second % MOST_OF_AN_HOUR == 0 {
            pool.clear();
            for _ in 0..POOL {
                pool.push(connected(port).await);
            }
        }
        drop(connected(port).await);
        if second % 600 == 0 {
            pool = spawn_blocking(|| still_in(pool))
                .await
                .expect("none is cut off");
        }
        stage.clock.advance(every);
    }
    let seen = server.seen();
    let tokens = seen.iter().filter(|it| it.starts_with(b"localhost:"));
    let connections = hour / every_seconds + 2 * POOL;
    assert_eq!(tokens.clone().count(), connections, "each was let in");
    (tokens.collect::<BTreeSet<_>>().len(), stage.calls())
}

#[tokio::test]
async fn an_hour_of_a_pool_takes_five_signings_and_no_call_to_aws() {
    let (signings, calls) = an_hour_of("dev", SECOND).await;
    assert!(signings <= 5, "{signings}");
    assert_eq!(calls, [""; 0]);
}

#[tokio::test]
async fn an_hour_of_a_pool_calls_aws_only_to_renew_the_session_that_signs() {
    let (signings, calls) = an_hour_of("deploy", 10 * SECOND).await;
    assert_eq!(calls, ["AssumeRole"]);
    // A session that was renewed signs anew.
    assert!(signings <= 5 + calls.len(), "{signings}");
}
