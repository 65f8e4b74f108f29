//! Clients that are slow, many, or not clients at all.

use super::*;
use std::collections::VecDeque;

async fn is_served(endpoint: &CredentialsEndpoint) {
    let (status, body) = read(&endpoint.exchange(endpoint.good_request().as_bytes()).await);
    assert_eq!(
        (status, &body["SecretAccessKey"]),
        (200, &Value::from(SECRET))
    );
}

#[tokio::test]
async fn who_never_finishes_asking_is_hung_up_on_and_nobody_waits_for_them() {
    let endpoint = opened("dev", &Well::open()).await;
    let request = endpoint.good_request();
    let (half, _) = request.split_at(request.len() / 2);
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = endpoint.connect().await;
        stream.write_all(half.as_bytes()).await.expect("written");
        slow.push(stream);
    }
    let silent = endpoint.connect().await;
    let mut trickling = endpoint.connect().await;
    is_served(&endpoint).await;
    // A byte now and then does not buy more time: the head must be whole.
    let mut bytes = half.bytes().cycle();
    while trickling
        .write_all(&[bytes.next().expect("for ever")])
        .await
        .is_ok()
    {
        Clock::nap(Duration::from_millis(100)).await;
    }
    for stream in slow.into_iter().chain([silent]) {
        assert_tells_nothing(&endpoint, &rest_of(stream).await);
    }
    is_served(&endpoint).await;
}

#[tokio::test]
async fn an_idle_connection_is_not_kept_for_ever() {
    let endpoint = opened("dev", &Well::open()).await;
    let mut stream = endpoint.connect().await;
    stream
        .write_all(
            endpoint
                .good_request()
                .replace("Connection: close\r\n", "")
                .as_bytes(),
        )
        .await
        .expect("written");
    let answer = rest_of(stream).await;
    assert_eq!(read(&answer).0, 200, "answered, and later hung up");
}

/// Windows asks whose a connection is by a list of all: there they take their time.
const VERY_MANY: usize = if cfg!(windows) { 200 } else { 10_000 };

#[tokio::test]
async fn very_many_connections_in_turn_leave_it_serving() {
    let endpoint = opened("dev", &Well::open()).await;
    let mut held = VecDeque::new();
    for number in 0..VERY_MANY {
        let mut stream = endpoint.connect().await;
        // No port is left waiting for late packets.
        stream.set_zero_linger().expect("an option of every system");
        match number % 3 {
            0 => {}
            1 => stream.write_all(b"GET /v1/cred").await.expect("written"),
            _ => drop(stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await),
        }
        held.push_back(stream);
        if held.len() > 100 {
            held.pop_front();
        }
        if number % (VERY_MANY / 10) == 0 {
            is_served(&endpoint).await;
        }
    }
    is_served(&endpoint).await;
}

#[tokio::test]
#[cfg_attr(
    windows,
    ignore = "each is looked up in a list of all: the first have had their second when the last comes"
)]
async fn a_connection_without_the_token_gives_way_to_the_next_when_all_are_taken() {
    let endpoint = opened("dev", &Well::open()).await;
    let mut held = Vec::new();
    for _ in 0..server::MOST_CONNECTIONS {
        held.push(endpoint.connect().await);
    }
    is_served(&endpoint).await;
    let mut last = held.pop().expect("there are many");
    last.write_all(endpoint.good_request().as_bytes())
        .await
        .expect("it was not the one closed");
    assert_eq!(read(&rest_of(last).await).0, 200);
    assert_eq!(rest_of(held.remove(0)).await, "", "the oldest gave way");
}

#[tokio::test]
async fn a_connection_without_the_token_is_closed_after_a_second() {
    let endpoint = opened("dev", &Well::open()).await;
    let (silent, mut known) = (endpoint.connect().await, endpoint.connect().await);
    let lasting = endpoint.good_request().replace("Connection: close\r\n", "");
    known.write_all(lasting.as_bytes()).await.expect("written");
    let clock = Clock::system();
    let start = clock.now();
    assert_eq!(rest_of(silent).await, "");
    let waited = clock.now().duration_since(start).unwrap_or_default();
    assert!(waited < Duration::from_secs(4), "{waited:?}");
    // One that has shown it may send another request later.
    known
        .write_all(endpoint.good_request().as_bytes())
        .await
        .expect("written");
    assert_eq!(rest_of(known).await.matches("HTTP/1.1 200").count(), 2);
}

#[tokio::test]
async fn noise_and_heads_without_measure_get_nothing() {
    let well = Well::open();
    let endpoint = opened("dev", &well).await;
    let good = endpoint.good_request();
    let line = "X-Padding: ".to_owned() + &"x".repeat(16 * 1024);
    let long_line = endpoint.request(&format!("GET {}", endpoint.path()), &[&line]);
    let many = vec!["X-Padding: x"; 200];
    let many_lines = endpoint.request(&format!("GET {}", endpoint.path()), &many);
    let long_path = endpoint.request(&format!("GET /{}", "x".repeat(20_000)), &[]);
    let http_2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let noise: [&[u8]; 9] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n\r\n\r\n\r\n\xff\xfe\r\n\r\n",
        http_2,
        long_line.as_bytes(),
        many_lines.as_bytes(),
        long_path.as_bytes(),
    ];
    for bytes in noise {
        let answer = endpoint.exchange(bytes).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer}"
        );
        assert_tells_nothing(&endpoint, &answer);
    }
    // Cut off anywhere.
    for end in 0..good.len() {
        let mut stream = endpoint.connect().await;
        stream
            .write_all(&good.as_bytes()[..end])
            .await
            .expect("written");
        stream.shutdown().await.expect("half closed");
        assert_tells_nothing(&endpoint, &rest_of(stream).await);
    }
    assert_eq!(well.asked(), 0);
    is_served(&endpoint).await;
}
