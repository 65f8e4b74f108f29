//! A rotation that a window follows: each step is an event, and the status says how far it is.

use super::*;
use keyfob_core::agent::api::{Rotate, RotationStage};

/// A rotation, at an AWS that knows new keys only after so many seconds.
async fn begun(stage: &mut Stage, delay: u64) -> JoinHandle<Reply> {
    stage.log_in("dev").await;
    stage.settled(&["dev"]).await;
    stage.quiet();
    let mut settings = stage.sandbox.settings();
    settings.key_delay_seconds = Some(delay);
    stage.sandbox.set_settings(settings).expect("settings");
    let client = stage.agent.client();
    let rotate = Maintain::Rotate(Rotate {
        identity: "dev".to_owned(),
        keep_old: None,
    });
    tokio::spawn(async move { as_a_person(&client, rotate.into()).await })
}

#[tokio::test]
async fn each_step_of_a_rotation_is_told_and_the_status_says_how_far_it_is() {
    let mut stage = Stage::set_with(DEV, Keyring::File, None).await;
    let rotated = begun(&mut stage, 5).await;
    let stages = async |stage: &Stage| {
        let rotations = stage.status().await.rotations.into_iter();
        rotations
            .map(|it| (it.identity, it.stage))
            .collect::<Vec<_>>()
    };
    stage
        .until("it waits for AWS to know the key", async |stage| {
            stages(stage).await == [("dev".to_owned(), RotationStage::Checking)]
        })
        .await;
    while !rotated.is_finished() {
        stage.pass(SECOND).await;
    }
    let reply = rotated.await.expect("no panic");
    assert!(matches!(reply, Reply::Rotated(_)), "{reply:?}");
    assert_eq!(stages(&stage).await, []);
    let told = stage.events().into_iter();
    let told: Vec<String> = told.filter(|it| it.starts_with("rotating")).collect();
    let all = ["Making", "Checking", "Replacing", "Retiring"];
    assert_eq!(told, all.map(|it| format!("rotating dev: {it}")));
}

#[tokio::test]
async fn a_new_key_that_aws_does_not_know_for_a_minute_is_deleted_again() {
    let mut stage = Stage::set_with(DEV, Keyring::File, None).await;
    let keys = stage.sandbox.keys("kim");
    let rotated = begun(&mut stage, 3600).await;
    let began = stage.clock.now();
    while !rotated.is_finished() {
        stage.pass(SECOND).await;
    }
    let took = stage.clock.now().duration_since(began).expect("later");
    assert!(took >= MINUTE, "{took:?}");
    let Reply::Failed(error) = rotated.await.expect("no panic") else {
        panic!("AWS knew it");
    };
    let hints = error.hints.join("; ");
    assert!(
        hints.contains("dev goes on with the old one"),
        "{error}: {hints}"
    );
    assert_eq!(stage.sandbox.keys("kim"), keys);
    assert!(stage.credentials("dev").await.is_ok());
}
