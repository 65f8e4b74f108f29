//! Clients as they should be, and what they make of agents that are not.

use super::*;
use keyfob_core::agent::socket::BlockingConnection;
use std::io::{BufRead, Write};
use std::os::unix::net::UnixListener;

#[tokio::test]
async fn a_request_is_a_line_and_so_is_its_answer() {
    let agent = Agent::start();
    let mut raw = agent.connect().await;
    assert_eq!(raw.ask(request(7, "dev")).await, response(7, "dev"));
    assert_eq!(
        raw.ask(request(u32::MAX, "Ünï")).await,
        response(u32::MAX, "Ünï")
    );
    let reordered = format!(
        r#" {{"request":{{"credentials":{{"wait_seconds":0,"identity":"ops"}}}},"new":[{{}}],"surroundings":"00ff","asker":{{"person":"absent","pid":{},"program":"test"}},"id":8,"v":1}}"#,
        std::process::id()
    );
    assert_eq!(raw.ask(reordered + "\r\n").await, response(8, "ops"));
}

#[tokio::test]
async fn both_clients_get_the_answer_to_one_request_after_another() {
    let agent = Agent::start();
    let mut client = agent.client().await;
    for identity in ["dev", "ops"] {
        let heard = client
            .ask(&call(identity), "0123456789abcdef")
            .await
            .expect("heard");
        assert_eq!(
            noted(&heard),
            format!(
                "{identity} for {} ({}) in 0123456789abcdef",
                own_name(),
                std::process::id()
            )
        );
    }
    let address = agent.place.address();
    let heard = tokio::task::spawn_blocking(move || {
        let mut client = BlockingConnection::open(&address)
            .expect("usable")
            .expect("somebody listens");
        ["one", "two", "large"].map(|identity| client.ask(&call(identity), "").expect("heard"))
    });
    let [one, two, large] = soon(heard).await.expect("no panic");
    assert!(noted(&one).starts_with("one for ") && noted(&two).starts_with("two for "));
    assert_eq!(noted(&large).len(), 4_000_000);
}

#[tokio::test]
async fn requests_may_be_sent_ahead_and_are_answered_in_turn() {
    let agent = Agent::start();
    let raw = agent.connect().await;
    let (mut read, mut write) = raw.0.into_inner().into_split();
    let sent = tokio::spawn(async move {
        let all: String = (0..3_000).map(|id| request(id, "dev")).collect();
        write.write_all(all.as_bytes()).await.expect("written");
        write
    });
    let mut lines = BufReader::new(&mut read).lines();
    for id in 0..3_000 {
        assert_eq!(
            soon(lines.next_line()).await.expect("readable"),
            Some(response(id, "dev"))
        );
    }
    drop(soon(sent).await);
}

#[tokio::test]
async fn each_connection_has_a_visit_of_its_own_until_it_hangs_up() {
    let mut agent = Agent::start();
    let (mut one, mut other) = (agent.connect().await, agent.connect().await);
    one.ask(request(1, "dev")).await;
    one.ask(request(2, "dev")).await;
    other.ask(request(1, "dev")).await;
    assert_eq!([agent.event().await, agent.event().await], [Event::Came; 2]);
    drop(one);
    assert_eq!(agent.event().await, Event::Left);
    other.ask(request(2, "dev")).await;
}

#[tokio::test]
async fn a_client_that_hangs_up_is_forgotten_with_its_pending_reply() {
    let mut agent = Agent::start();
    let mut raw = agent.connect().await;
    raw.send(request(1, "never")).await;
    agent.wait_for(Event::Asked).await;
    raw.send(request(2, "dev")).await;
    raw.send(r#"{"v":1,"#).await;
    drop(raw);
    assert_eq!(
        [agent.event().await, agent.event().await],
        [Event::GivenUp, Event::Left]
    );
    let mut client = agent.client().await;
    let never = call("never");
    tokio::select! {
        heard = client.ask(&never, "") => panic!("{heard:?}"),
        () = agent.wait_for(Event::Asked) => {}
    }
    agent.wait_for(Event::Left).await;
    assert!(
        matches!(client.ask(&call("dev"), "").await, Ok(Heard::Lost)),
        "no answer to another question"
    );
}

#[tokio::test]
async fn another_version_gets_the_list_of_versions_and_may_go_on() {
    let agent = Agent::start();
    let mut raw = agent.connect().await;
    for v in [0, 2, u32::MAX] {
        let line = format!(r#"{{"v":{v},"id":5,"question":"in a form of the future"}}"#);
        assert_eq!(
            raw.ask(line + "\n").await,
            r#"{"v":1,"id":5,"min":1,"max":1}"#
        );
    }
    assert_eq!(raw.ask(request(6, "dev")).await, response(6, "dev"));
}

#[tokio::test]
async fn an_answer_that_is_too_long_becomes_an_error_and_the_connection_goes_on() {
    let agent = Agent::start();
    let mut client = agent.client().await;
    let heard = client.ask(&call("too large"), "").await.expect("heard");
    let Heard::Answered(answered) = heard else {
        panic!("{heard:?}")
    };
    let Reply::Failed(error) = answered.reply else {
        panic!("{answered:?}")
    };
    assert!(error.message.contains("longer than 4 MiB"), "{error}");
    client.ask(&call("dev"), "").await.expect("heard");
}

#[tokio::test]
async fn a_request_that_is_too_long_is_not_sent() {
    let agent = Agent::start();
    let mut client = agent.client().await;
    let error = client
        .ask(&call(&"x".repeat(65_536)), "")
        .await
        .expect_err("too long");
    assert!(error.message.contains("at most 64 KiB"), "{error}");
    client
        .ask(&call("dev"), "")
        .await
        .expect("the connection is still good");
}

#[tokio::test]
async fn without_an_agent_a_connection_is_refused() {
    let place = Place::new();
    assert!(
        BlockingConnection::open(&place.address())
            .expect("usable")
            .is_none()
    );
    assert!(
        Connection::open(&place.address())
            .await
            .expect("usable")
            .is_none()
    );
    assert_eq!(
        std::fs::read_dir(place.run()).expect("a folder").count(),
        0,
        "a client writes nothing"
    );
    drop(open(&place.address()));
    assert!(
        BlockingConnection::open(&place.address())
            .expect("usable")
            .is_none()
    );
}

/// An agent that answers a request with these bytes and hangs up.
fn reply_of(answer: &'static [u8]) -> Result<Heard, Error> {
    let place = Place::new();
    let address = place.address();
    std::fs::create_dir(place.run().join("keyfob")).expect("a folder");
    let listener = UnixListener::bind(address.path()).expect("bound");
    let agent = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut request = String::new();
        std::io::BufReader::new(&stream)
            .read_line(&mut request)
            .expect("a request");
        // The client may have heard enough before the end.
        let _ = stream.write_all(answer);
    });
    let mut client = BlockingConnection::open(&address)
        .expect("usable")
        .expect("somebody listens");
    let heard = client.ask(&call("dev"), "");
    assert!(
        matches!(client.ask(&call("dev"), ""), Ok(Heard::Lost)),
        "a connection that failed is not used again"
    );
    drop(client);
    agent.join().expect("no panic");
    heard
}

#[test]
fn an_agent_that_goes_away_is_distinguished_from_one_that_sends_nonsense() {
    for gone in ["", r#"{"v":1,"id":1,"notes":[],"#] {
        assert!(
            matches!(reply_of(gone.as_bytes()), Ok(Heard::Lost)),
            "{gone}"
        );
    }
    for nonsense in [
        "\n",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "\u{7f}ELF\n",
        "[[[[[[[[\n",
        "{\"v\":1,\"id\":2,\"notes\":[],\"reply\":\"run_in_process\"}\n",
        "{\"v\":2,\"id\":1,\"notes\":[],\"reply\":\"run_in_process\"}\n",
        "{\"v\":1,\"id\":1,\"notes\":[],\"reply\":\"a new one\"}\n",
    ] {
        let error = reply_of(nonsense.as_bytes()).expect_err(nonsense);
        assert_eq!(error.message, "the agent's answer cannot be read");
        assert!(error.hints[0].contains("different versions"), "{error:?}");
    }
    let endless = Box::leak(vec![b' '; 5 << 20].into_boxed_slice());
    assert!(
        reply_of(endless)
            .expect_err("too long")
            .message
            .contains("more than 4 MiB")
    );
}

#[test]
fn a_client_hears_which_versions_an_agent_speaks() {
    let heard = reply_of(b"{\"v\":3,\"id\":1,\"min\":2,\"max\":3}\n").expect("heard");
    assert!(
        matches!(heard, Heard::UnknownVersion { min: 2, max: 3 }),
        "{heard:?}"
    );
}
