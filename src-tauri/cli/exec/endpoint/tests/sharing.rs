//! Many at once, and a source that takes its time.

use super::*;
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_millis(800);

/// An endpoint whose inside a test can see.
async fn seen(
    clock: &Clock,
    well: &Arc<Well>,
) -> (
    Arc<CredentialsEndpoint>,
    impl Fn() -> (usize, usize) + use<>,
) {
    let well = well.clone();
    let shared = Arc::new(Coalesced::new(clock.clone(), move || well.clone().draw()));
    let endpoint = CredentialsEndpoint::serving("dev", shared.clone())
        .await
        .expect("a free port");
    (Arc::new(endpoint), move || shared.waiting())
}

fn asks(endpoint: &Arc<CredentialsEndpoint>, times: usize) -> JoinSet<(u16, Value)> {
    let ask = |endpoint: Arc<CredentialsEndpoint>| async move {
        read(&endpoint.exchange(endpoint.good_request().as_bytes()).await)
    };
    (0..times).map(|_| ask(endpoint.clone())).collect()
}

#[tokio::test]
async fn fifty_at_once_cost_two_asks_and_those_who_came_later_get_the_later_answer() {
    let well = Well::closed();
    let (endpoint, waiting) = seen(&clock(), &well).await;
    let first = asks(&endpoint, 1);
    until(|| well.asked() == 1).await;
    let others = asks(&endpoint, 49);
    until(|| waiting() == (1, 49)).await;
    well.open.add_permits(1);
    let first = first.join_all().await;
    assert_eq!(first[0].1["AccessKeyId"], "ASIAIOSFODNN7EXAMPLE");

    // Signed out in between: who asked after the first ask had begun must not see what it brought.
    well.says(Err(Error::new(
        Code::SignedOut,
        "dev was signed out on purpose",
    )));
    well.open.add_permits(1);
    for (status, body) in others.join_all().await {
        assert_eq!((status, &body["code"]), (403, &Value::from("signed_out")));
    }
    assert_eq!(well.asked(), 2);
}

#[tokio::test]
async fn a_source_that_hangs_is_answered_for_in_time_and_not_asked_twice() {
    let clock = clock();
    let well = Well::closed();
    let (endpoint, waiting) = seen(&clock, &well).await;
    let first = asks(&endpoint, 1);
    until(|| well.asked() == 1).await;
    clock.advance(PATIENCE);
    let [(status, body)] = first.join_all().await.try_into().expect("one answer");
    assert_eq!((status, &body["code"]), (503, &Value::from("network")));
    insta::assert_snapshot!(body["message"].as_str().expect("text"), @"signing in to dev takes longer than an SDK waits; it continues: try again");

    // Those who come now join the ask that is under way, each with patience of their own.
    let second = asks(&endpoint, 1);
    until(|| waiting() == (1, 0)).await;
    clock.advance(Duration::from_millis(799));
    let third = asks(&endpoint, 20);
    until(|| waiting() == (21, 0)).await;
    clock.advance(Duration::from_millis(1));
    assert_eq!(second.join_all().await[0].0, 503);
    well.open.add_permits(1);
    for (status, _) in third.join_all().await {
        assert_eq!(status, 200);
    }
    assert_eq!(well.asked(), 1);
}

#[tokio::test]
async fn a_client_that_goes_away_ends_nothing() {
    let well = Well::closed();
    let (endpoint, waiting) = seen(&clock(), &well).await;
    let mut leaver = endpoint.connect().await;
    leaver
        .write_all(endpoint.good_request().as_bytes())
        .await
        .expect("all written");
    until(|| well.asked() == 1).await;
    let others = asks(&endpoint, 2);
    until(|| waiting() == (1, 2)).await;
    drop(leaver);
    well.open.add_permits(2);
    for (status, _) in others.join_all().await {
        assert_eq!(status, 200);
    }
    assert_eq!(well.asked(), 2);
}
