//! Sessions that stay fresh by themselves.

use super::*;
use crate::home::wait_for;

const BOTH: [&str; 2] = ["dev", "deploy"];

/// A quarter of the life before the end, or up to a tenth of that earlier; AWS tells the end in
/// whole seconds, and a busy machine takes a moment.
fn is_due(life: Duration, age: Duration) -> bool {
    let margin = life / 4;
    age + margin <= life + SECOND && life <= age + margin + margin / 10 + SECOND
}

#[test]
fn a_session_is_renewed_when_it_is_due_without_a_request_and_handed_out_without_a_call() {
    for (identity, life, call) in [
        ("deploy", HOUR, "AssumeRole"),
        ("dev", 12 * HOUR, "GetSessionToken"),
    ] {
        wait_for(async {
            let mut stage = Stage::signed_in(&format!("{DEV}{DEPLOY}"), &[identity]).await;
            let before = stage.key_of(identity).await;
            let due_at = stage.next_refresh(identity).await;
            assert!(is_due(
                life,
                due_at.duration_since(start()).expect("it is later")
            ));
            stage.pass_to(due_at - SECOND).await;
            stage.settled(&[identity]).await;
            assert_eq!((stage.calls(), stage.events()), (vec![], vec![]));
            stage.pass(SECOND).await;
            stage.until_event(&format!("renewed {identity}")).await;
            stage.settled(&[identity]).await;
            assert_ne!(stage.key_of(identity).await, before);
            assert_eq!(
                (stage.calls(), stage.events()),
                (vec![call.to_owned()], vec![])
            );
            let left = stage
                .credentials(identity)
                .await
                .expect("a session")
                .expires_at
                .duration_since(due_at);
            assert!(
                left.expect("it is later").abs_diff(life) < SECOND,
                "AWS tells whole seconds"
            );
        });
    }
}

#[test]
fn two_days_of_a_role_and_its_user_take_one_call_for_each_life_and_no_prompt() {
    wait_for(async {
        let mut stage = Stage::signed_in(&format!("{DEV}{DEPLOY}"), &BOTH).await;
        let end = start() + 48 * HOUR;
        loop {
            let next = stage
                .next_refresh("dev")
                .await
                .min(stage.next_refresh("deploy").await);
            if next > end {
                break;
            }
            stage.pass_to(next).await;
            stage.settled(&BOTH).await;
            assert!(stage.credentials("deploy").await.is_ok());
        }
        for (call, life) in [("GetSessionToken", 12 * HOUR), ("AssumeRole", HOUR)] {
            let journal = stage
                .sandbox
                .journal()
                .into_iter()
                .filter(|it| it.action == call);
            let moments: Vec<_> = journal.map(|it| since_start(&it.time)).collect();
            let before = [Duration::ZERO].into_iter().chain(moments.iter().copied());
            let ages: Vec<_> = moments
                .iter()
                .zip(before)
                .map(|(moment, before)| moment.abs_diff(before))
                .collect();
            assert!(
                ages.iter().all(|age| is_due(life, *age)),
                "{call}: {ages:?}"
            );
            let (fewest, most) = (
                48 * HOUR.as_secs() * 4 / (life.as_secs() * 3),
                48 * HOUR.as_secs() * 40 / (life.as_secs() * 29),
            );
            assert!(
                (fewest..=most).contains(&(ages.len() as u64)),
                "{call}: {} times",
                ages.len()
            );
        }
        let events = stage.events();
        assert!(
            events.iter().all(|it| it.starts_with("renewed ")),
            "{events:?}"
        );
        // The user's session may be made on the way to the role's, which is one event for two calls.
        let unreported = stage.calls().len() - events.len();
        assert!(unreported <= 2, "{unreported}");
    });
}

#[test]
fn a_paused_refresh_renews_nothing_ahead_of_time_and_makes_up_for_it_when_it_goes_on() {
    wait_for(async {
        let mut stage = Stage::signed_in(&format!("{DEV}{DEPLOY}"), &["deploy"]).await;
        let refresh = async |stage: &Stage, refresh| match stage
            .ask(Request::Control(Control::Refresh(refresh)))
            .await
        {
            Reply::Snapshot(status) => status.agent.expect("it is hosted").refresh,
            other => panic!("an unexpected reply: {other:?}"),
        };
        assert_eq!(refresh(&stage, Refresh::Paused).await, Refresh::Paused);
        stage.pass_awake(50 * MINUTE).await;
        assert_eq!((stage.calls(), stage.events()), (vec![], vec![]));
        assert!(
            stage.credentials("deploy").await.is_ok(),
            "what is held is handed out"
        );
        assert_eq!(refresh(&stage, Refresh::Runs).await, Refresh::Runs);
        stage.until_event("renewed deploy").await;
        assert_eq!(stage.calls(), ["AssumeRole"]);
        refresh(&stage, Refresh::Paused).await;
        stage.pass_awake(61 * MINUTE).await;
        assert!(
            stage.credentials("deploy").await.is_ok(),
            "what has ended is made anew for whoever asks"
        );
    });
}

#[test]
fn a_second_agent_serves_and_renews_what_the_first_one_left_without_a_call() {
    wait_for(async {
        let stage = Stage::set_with(&format!("{DEV}{DEPLOY}"), Keyring::File, None).await;
        stage.log_in("deploy").await;
        let first = [stage.key_of("dev").await, stage.key_of("deploy").await];
        stage.settled(&BOTH).await;
        let due_at = stage.next_refresh("deploy").await;
        let Stage {
            folder,
            keyring,
            sandbox,
            clock,
            agent,
            client,
            ..
        } = stage;
        assert!(matches!(
            as_a_person(&client, Request::Control(Control::Stop)).await,
            Reply::Stopping
        ));
        agent.stopped().await;
        sandbox.clear_journal();

        let agent = Agent::new(auth(folder.path(), keyring, &sandbox, &clock), Role::Hosted);
        let (client, events) = (agent.client(), agent.events());
        let mut stage = Stage {
            folder,
            keyring,
            sandbox,
            clock,
            agent,
            client,
            events,
        };
        stage.settled(&BOTH).await;
        assert_eq!(
            [stage.key_of("dev").await, stage.key_of("deploy").await],
            first
        );
        assert_eq!((stage.calls(), stage.events()), (vec![], vec![]));
        assert_eq!(stage.next_refresh("deploy").await, due_at);
        stage.pass_to(due_at).await;
        stage.until_event("renewed deploy").await;
        assert_eq!(stage.calls(), ["AssumeRole"]);
    });
}

#[test]
fn a_session_that_only_a_person_renews_is_announced_once_ahead_and_once_at_its_end() {
    for (notify, ahead) in [
        ("", 30 * MINUTE),
        ("  notify: { before: 20m }\n", 20 * MINUTE),
        ("  notify: { before: 9h }\n", 3 * HOUR),
    ] {
        wait_for(async {
            let mut stage = Stage::signed_in_with_a_device(&format!("{DEV}{notify}")).await;
            stage.pass_to(start() + 12 * HOUR - ahead - SECOND).await;
            assert_eq!(stage.events(), [""; 0]);
            stage.pass(SECOND).await;
            stage.until_event("expires soon dev").await;
            assert!(
                stage.credentials("dev").await.is_ok(),
                "it is used until its end"
            );
            stage.pass_to(start() + 12 * HOUR - SECOND).await;
            assert!(
                stage.credentials("dev").await.is_ok(),
                "it is used until its end"
            );
            assert_eq!(stage.events(), [""; 0]);
            stage.pass(SECOND).await;
            stage.until_event("expired dev").await;
            stage.pass_awake(5 * MINUTE).await;
            assert_eq!((stage.calls(), stage.events()), (vec![], vec![]));
            assert!(stage.credentials("dev").await.is_err());
            stage.until_event("prompt dev code").await;
            let [open] = &stage.status().await.prompts[..] else {
                panic!("one prompt")
            };
            assert!(matches!(
                stage.ask(answer(open.prompt.id, CODE)).await,
                Reply::SignedIn(_)
            ));
            assert!(stage.credentials("dev").await.is_ok());
            assert_eq!(stage.calls(), [CHECK, "GetSessionToken"]);
        });
    }
}
