//! Limits of the socket: time, silence, connections, and the end; no client holds the agent up.

use super::*;
use keyfob_core::agent::socket::BlockingConnection;

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_after_its_time() {
    let agent = Agent::start();
    let mut slow = agent.connect().await;
    let whole = request(1, "dev");
    let (first, rest) = whole.split_at(20);
    slow.send(first).await;
    Clock::nap(Duration::from_millis(5)).await;
    agent.clock.advance(Duration::from_secs(9));
    Clock::nap(Duration::from_millis(5)).await;
    assert_eq!(
        slow.ask(rest).await,
        response(1, "dev"),
        "nine seconds are fine"
    );
    slow.send(first).await;
    let said = agent.let_time_pass(slow.line()).await.expect("an error");
    assert!(said.contains("did not end within 10 s"), "{said}");
    assert_eq!(slow.line().await, None);
}

/// A byte a second must not count as activity.
#[tokio::test]
async fn dripping_bytes_buys_no_time() {
    let agent = Agent::start();
    let (mut read, mut write) = agent.connect().await.0.into_inner().into_split();
    let dripping = tokio::spawn(async move {
        while write.write_all(b" ").await.is_ok() {
            Clock::nap(Duration::from_millis(2)).await;
        }
    });
    let mut said = Vec::new();
    let _ = agent.let_time_pass(read.read_to_end(&mut said)).await;
    let said = String::from_utf8(said).expect("text");
    assert!(said.contains("did not end within 10 s"), "{said}");
    soon(dripping).await.expect("no panic");
}

#[tokio::test]
async fn a_silent_connection_is_closed_after_a_minute_without_a_word() {
    let agent = Agent::start();
    let (mut fresh, mut used) = (agent.connect().await, agent.connect().await);
    used.ask(request(1, "dev")).await;
    Clock::nap(Duration::from_millis(5)).await;
    agent.clock.advance(Duration::from_secs(59));
    Clock::nap(Duration::from_millis(5)).await;
    used.ask(request(2, "dev")).await;
    assert_eq!(agent.let_time_pass(fresh.rest()).await, b"");
    assert_eq!(agent.let_time_pass(used.rest()).await, b"");
    let mut client = agent.client().await;
    client.ask(&call("dev"), "").await.expect("heard");
}

#[tokio::test]
async fn silence_while_a_prompt_is_open_is_no_reason_to_hang_up() {
    let agent = Agent::start();
    let mut raw = agent.connect().await;
    assert!(
        raw.ask(request(1, "a person"))
            .await
            .contains(r#""needs":"#)
    );
    for _ in 0..10 {
        Clock::nap(Duration::from_millis(5)).await;
        agent.clock.advance(Duration::from_mins(10));
    }
    assert_eq!(raw.ask(request(2, "dev")).await, response(2, "dev"));
    assert_eq!(
        agent.let_time_pass(raw.rest()).await,
        b"",
        "the person has answered"
    );
}

#[tokio::test]
async fn an_answer_takes_as_long_as_it_takes() {
    let mut agent = Agent::start();
    let mut raw = agent.connect().await;
    raw.send(request(1, "never")).await;
    agent.wait_for(Event::Asked).await;
    agent.clock.advance(Duration::from_hours(10));
    Clock::nap(Duration::from_millis(5)).await;
    assert!(agent.events.is_empty(), "it is still being made");
    drop(raw);
    agent.wait_for(Event::GivenUp).await;
}

#[tokio::test]
async fn a_client_that_never_reads_is_given_up() {
    let mut agent = Agent::start();
    let mut raw = agent.connect().await;
    raw.send(request(1, "large")).await;
    assert_eq!(agent.event().await, Event::Came);
    let clock = agent.clock.clone();
    let event = tokio::select! {
        event = agent.event() => event,
        () = async {
            loop {
                Clock::nap(Duration::from_millis(2)).await;
                clock.advance(Duration::from_secs(1));
            }
        } => unreachable!("time does not end"),
    };
    assert_eq!(event, Event::Left);
    let part = raw.rest().await.len();
    assert!(part < 4_000_000, "{part}");
}

#[tokio::test]
async fn a_process_has_so_many_connections_and_its_idle_ones_give_way() {
    let mut agent = Agent::start();
    let mut idle = agent.connect().await;
    idle.ask(request(1, "dev")).await;
    let mut waiting = Vec::new();
    for _ in 0..31 {
        let mut raw = agent.connect().await;
        raw.send(request(1, "never")).await;
        agent.wait_for(Event::Asked).await;
        waiting.push(raw);
    }
    let mut one_more = agent.connect().await;
    assert_eq!(one_more.ask(request(1, "dev")).await, response(1, "dev"));
    assert_eq!(idle.rest().await, b"", "it gave way");
    one_more.send(request(2, "never")).await;
    agent.wait_for(Event::Asked).await;
    let said = agent.connect().await.line().await.expect("a word");
    assert!(
        said.contains("agent_busy") && said.contains("the agent is busy"),
        "{said}"
    );
    drop(waiting);
}

#[tokio::test]
async fn an_agent_that_stops_sends_its_last_answers_and_then_frees_the_address() {
    let mut agent = Agent::start();
    let address = agent.place.address();
    let (mut silent, mut asking) = (agent.connect().await, agent.connect().await);
    silent.ask(request(1, "dev")).await;
    asking.send(request(1, "in time")).await;
    agent.wait_for(Event::Asked).await;
    agent.stop();
    assert_eq!(silent.rest().await, b"");
    assert!(
        BlockingConnection::open(&address)
            .expect("usable")
            .is_none(),
        "no newcomers"
    );
    assert!(
        asking
            .line()
            .await
            .expect("the last answer")
            .contains("in time")
    );
    assert_eq!(asking.line().await, None);
    soon(&mut agent.served).await.expect("no panic");
    drop(open(&address));
}

#[tokio::test]
async fn an_agent_that_stops_does_not_wait_for_ever_for_its_last_answers() {
    let mut agent = Agent::start();
    let mut raw = agent.connect().await;
    raw.send(request(1, "never")).await;
    agent.wait_for(Event::Asked).await;
    agent.stop();
    assert_eq!(agent.let_time_pass(raw.rest()).await, b"");
    agent.wait_for(Event::GivenUp).await;
    soon(&mut agent.served).await.expect("no panic");
    drop(open(&agent.place.address()));
}

#[tokio::test]
async fn an_agent_that_is_dropped_leaves_nothing_running() {
    let mut agent = Agent::start();
    let mut raw = agent.connect().await;
    raw.send(request(1, "never")).await;
    agent.wait_for(Event::Asked).await;
    agent.served.abort();
    assert_eq!(
        [agent.event().await, agent.event().await],
        [Event::GivenUp, Event::Left]
    );
    assert_eq!(raw.rest().await, b"");
    drop(open(&agent.place.address()));
}
