//! Sleep, clocks that move, networks that go away, and what AWS refuses.

use super::*;
use crate::home::wait_for;
use keyfob_core::agent::api::State;
use keyfob_core::error::Code;
use keyfob_core::sandbox::{FaultSwitch, RoleTrust, SandboxFault, SandboxRole, StsAction};

const BOTH: [&str; 2] = ["dev", "deploy"];
const ROLE: &str = "arn:aws:iam::420000000025:role/deploy";

fn config() -> String {
    format!("{DEV}{DEPLOY}")
}

#[test]
fn after_a_night_asleep_all_sessions_are_renewed_at_once_and_a_network_that_comes_late_raises_no_notice()
 {
    for asleep in [11 * HOUR, 11 * HOUR + 50 * MINUTE, 13 * HOUR] {
        wait_for(async {
            let mut stage = Stage::signed_in(&config(), &BOTH).await;
            stage
                .sandbox
                .inject(FaultSwitch::on(SandboxFault::Outage))
                .expect("a fault");
            stage.clock.advance(asleep);
            for _ in 0..20 {
                stage.pass(SECOND).await;
                stage.settled(&BOTH).await;
            }
            assert!(stage.moments().len() >= 2, "it is tried more than once");
            stage.sandbox.clear_faults();
            for _ in 0..40 {
                stage.pass(SECOND).await;
                stage.settled(&BOTH).await;
            }
            stage.pass_awake(5 * MINUTE).await;
            // The user's session is made by the first that needs it.
            let events = stage.events();
            assert!(events.contains(&"renewed deploy".to_owned()), "{events:?}");
            assert!(
                events.iter().all(|it| it.starts_with("renewed ")),
                "{events:?}"
            );
            let status = stage.status().await;
            assert!(
                status
                    .identities
                    .iter()
                    .all(|it| it.state == State::Valid && it.failing.is_none()),
                "{status:?}"
            );
        });
    }
}

#[test]
fn a_session_that_ended_in_the_night_and_needs_a_person_is_reported_once_on_waking() {
    wait_for(async {
        let mut stage = Stage::signed_in_with_a_device(DEV).await;
        stage.pass(20 * HOUR).await;
        stage.until_event("expired dev").await;
        assert_eq!(
            stage
                .credentials("dev")
                .await
                .expect_err("it has ended")
                .code,
            Code::PersonNeeded
        );
        stage.until_event("prompt dev code").await;
        stage.pass_awake(9 * MINUTE).await;
        assert_eq!(stage.events(), [""; 0]);
    });
}

#[test]
fn a_clock_set_back_makes_nothing_valid_again_tells_nothing_twice_and_renews_nothing() {
    wait_for(async {
        let mut stage = Stage::signed_in_with_a_device(DEV).await;
        stage.pass(12 * HOUR).await;
        stage.until_event("expired dev").await;
        stage.set_back(HOUR).await;
        assert_eq!(
            stage
                .credentials("dev")
                .await
                .expect_err("it has ended")
                .code,
            Code::PersonNeeded
        );
        stage.until_event("prompt dev code").await;
        stage.pass_awake(5 * MINUTE).await;
        stage.pass(HOUR).await;
        stage.until_event("closed dev").await;
        assert_eq!(stage.calls(), [CHECK]);
        assert_eq!(stage.events(), [""; 0]);
    });
    wait_for(async {
        let mut stage = Stage::signed_in(&config(), &BOTH).await;
        stage.pass_to(stage.next_refresh("deploy").await).await;
        stage.until_event("renewed deploy").await;
        stage.settled(&BOTH).await;
        stage.quiet();
        let (key, due_at) = (
            stage.key_of("deploy").await,
            stage.next_refresh("deploy").await,
        );
        stage.set_back(HOUR).await;
        stage.pass_awake(10 * MINUTE).await;
        assert_eq!(
            (
                stage.key_of("deploy").await,
                stage.next_refresh("deploy").await
            ),
            (key, due_at)
        );
        stage.pass_to(due_at - SECOND).await;
        assert_eq!((stage.calls(), stage.events()), (vec![], vec![]));
        stage.pass(SECOND).await;
        stage.until_event("renewed deploy").await;
        assert_eq!(stage.calls(), ["AssumeRole"]);
    });
}

#[test]
fn a_clock_set_back_while_a_renewal_is_put_off_does_not_put_it_off_for_longer() {
    wait_for(async {
        let mut stage = Stage::signed_in(&config(), &["dev"]).await;
        stage
            .sandbox
            .inject(FaultSwitch::on(SandboxFault::Outage))
            .expect("a fault");
        stage.pass_to(stage.next_refresh("dev").await).await;
        stage.settled(&["dev"]).await;
        stage
            .pass_trying("dev", stage.clock.now() + 40 * MINUTE)
            .await;
        stage.sandbox.clear_faults();
        stage.quiet();
        stage.set_back(30 * MINUTE).await;
        stage.pass_awake(5 * MINUTE).await;
        stage.until_event("renewed dev").await;
        assert_eq!(stage.calls(), ["GetSessionToken"]);
    });
}

#[test]
fn a_clock_that_jumps_ahead_and_back_costs_at_most_a_renewal() {
    wait_for(async {
        let mut stage = Stage::signed_in(&config(), &BOTH).await;
        // AWS's own time stays where it is.
        let ahead = i64::try_from(HOUR.as_secs()).expect("an hour is short");
        stage
            .sandbox
            .inject(FaultSwitch::on(SandboxFault::ClockOffset {
                seconds: -ahead,
            }))
            .expect("a fault");
        stage.pass(HOUR).await;
        stage.settled(&BOTH).await;
        let error = stage
            .credentials("deploy")
            .await
            .expect_err("by this clock it has ended");
        assert_eq!(error.code, Code::ClockSkew, "{error}");
        assert!(stage.credentials("dev").await.is_ok());
        stage.sandbox.clear_faults();
        stage.set_back(HOUR).await;
        stage.pass(LOOK).await;
        stage.settled(&BOTH).await;
        stage.pass_awake(5 * MINUTE).await;
        assert_eq!(stage.events(), ["renewed deploy"]);
        let made = stage
            .sandbox
            .journal()
            .into_iter()
            .filter(|call| call.outcome == "ok")
            .map(|call| call.action);
        assert_eq!(made.collect::<Vec<_>>(), ["AssumeRole"]);
        assert!(stage.credentials("deploy").await.is_ok());
    });
}

#[test]
fn without_network_or_throttled_the_held_session_is_served_and_one_notice_is_given() {
    let throttled = FaultSwitch::on(SandboxFault::Throttling);
    for (fault, lasts, cause) in [
        (
            FaultSwitch::on(SandboxFault::Outage),
            30 * MINUTE,
            Code::Network,
        ),
        (throttled, 60 * MINUTE, Code::Throttled),
    ] {
        wait_for(async {
            // Twelve hours, due three hours before the end: the notice comes half an hour before
            // it.
            let mut stage = Stage::signed_in(&config(), &["dev"]).await;
            let end = start() + 12 * HOUR;
            let key = stage.key_of("dev").await;
            stage.sandbox.inject(fault).expect("a fault");
            stage.pass_to(end - lasts - MINUTE).await;
            stage.settled(&["dev"]).await;
            stage.pass_trying("dev", end - MINUTE).await;
            assert_eq!(stage.key_of("dev").await, key);
            assert_eq!(stage.events(), [format!("failing dev: {cause:?}")]);
            let moments = stage.moments();
            assert_eq!(
                moments.len(),
                stage.calls().len(),
                "each attempt is one call"
            );
            let pauses: Vec<_> = moments
                .windows(2)
                .map(|pair| pair[1].abs_diff(pair[0]))
                .collect();
            assert!(
                pauses
                    .iter()
                    .all(|pause| (2 * SECOND..=5 * MINUTE).contains(pause)),
                "{pauses:?}"
            );
            let longest = pauses.iter().max().expect("several");
            let is_rare = *longest > 2 * MINUTE;
            assert!(pauses.iter().any(|pause| *pause < 3 * SECOND));
            assert_eq!(is_rare, cause == Code::Throttled, "{longest:?}");
            assert!(
                is_rare || *longest <= 30 * SECOND,
                "renewed soon after the network is back: {longest:?}"
            );
            assert!(stage.status().await.prompts.is_empty());
            let failing = stage.session("dev").await.expect("it is listed").failing;
            assert_eq!(failing.map(|error| error.code), Some(cause));

            stage.sandbox.clear_faults();
            stage.pass_to(stage.next_refresh("dev").await).await;
            stage.until_event("renewed dev").await;
            stage.settled(&["dev"]).await;
            assert_ne!(stage.key_of("dev").await, key);
            assert!(
                stage
                    .session("dev")
                    .await
                    .expect("it is listed")
                    .failing
                    .is_none()
            );
        });
    }
}

#[test]
fn keys_revoked_in_the_background_are_reported_once_and_new_ones_are_renewed_with_again() {
    for way in ["configure", "prompt"] {
        wait_for(async {
            let mut stage = Stage::signed_in(&config(), &["dev"]).await;
            let key = stage.key_of("dev").await;
            stage
                .sandbox
                .revoke_key(&stage.sandbox.keys("kim")[0].access_key_id)
                .expect("the key is there");
            stage.pass_to(stage.next_refresh("dev").await).await;
            stage.until_event("keys revoked dev").await;
            assert_eq!(stage.calls(), ["GetSessionToken", "GetCallerIdentity"]);
            stage.quiet();
            stage.pass_to(start() + 12 * HOUR - SECOND).await;
            assert_eq!(
                stage.key_of("dev").await,
                key,
                "the held session is good to its end"
            );
            let session = stage.session("dev").await.expect("it is listed");
            assert_eq!(
                (session.state, session.next_refresh),
                (State::Revoked, None)
            );
            assert_eq!((stage.calls(), stage.events()), (vec![], vec![]));
            let keys = stage.sandbox.create_key("kim").expect("another key");
            if way == "configure" {
                stage.configure(&keys, None).await;
                let stored_and_renewed = &["keys stored dev", "renewed dev"];
                stage.until_events(stored_and_renewed).await;
            } else {
                stage.pass(SECOND).await;
                assert_eq!(
                    stage
                        .credentials("dev")
                        .await
                        .expect_err("nothing is held")
                        .code,
                    Code::PersonNeeded
                );
                stage.until_event("prompt dev keys").await;
                let [open] = &stage.status().await.prompts[..] else {
                    panic!("one prompt")
                };
                let answer = Request::Control(Control::Answer {
                    prompt: open.prompt.id,
                    answer: Answer::Keys(typed(&keys, None)),
                });
                assert!(matches!(stage.ask(answer).await, Reply::SignedIn(_)));
                assert_eq!(stage.events(), ["closed dev", "signed in dev"]);
            }
            stage.settled(&["dev"]).await;
            assert_eq!(stage.calls(), ["GetCallerIdentity", "GetSessionToken"]);
            stage.quiet();
            stage.pass_to(stage.next_refresh("dev").await).await;
            stage.until_event("renewed dev").await;
            assert_eq!(stage.calls(), ["GetSessionToken"]);
        });
    }
}

#[test]
fn a_renewal_that_is_refused_is_reported_once_and_not_tried_again() {
    wait_for(async {
        let mut stage = Stage::signed_in(&config(), &BOTH).await;
        let key = stage.key_of("deploy").await;
        let of_nobody =
            RoleTrust::Principals(vec!["arn:aws:iam::420000000025:user/nobody".to_owned()]);
        stage
            .sandbox
            .add_role(SandboxRole::new(ROLE, of_nobody))
            .expect("a role");
        stage.pass_to(stage.next_refresh("deploy").await).await;
        stage.until_event("refused deploy: AccessDenied").await;
        stage.pass_to(start() + HOUR - SECOND).await;
        assert_eq!(
            stage.key_of("deploy").await,
            key,
            "the held session is good to its end"
        );
        assert_eq!(
            stage.session("deploy").await.map(|it| it.state),
            Some(State::Denied)
        );
        stage.pass(SECOND).await;
        stage.until_event("expired deploy").await;
        stage.pass_awake(10 * MINUTE).await;
        assert_eq!(
            (stage.calls(), stage.events()),
            (vec!["AssumeRole".to_owned()], vec![])
        );

        stage
            .sandbox
            .add_role(SandboxRole::new(ROLE, RoleTrust::Everybody))
            .expect("a role");
        stage.log_in("deploy").await;
        stage.settled(&BOTH).await;
        assert_eq!(stage.events(), ["signed in deploy"]);
        stage.pass_to(stage.next_refresh("deploy").await).await;
        stage.until_event("renewed deploy").await;
    });
}

#[test]
fn one_that_is_refused_does_not_stop_the_others() {
    wait_for(async {
        let mut stage = Stage::signed_in(&config(), &BOTH).await;
        stage
            .sandbox
            .inject(
                FaultSwitch::on(SandboxFault::AccessDenied).for_action(StsAction::GetSessionToken),
            )
            .expect("a fault");
        stage.pass_to(stage.next_refresh("dev").await).await;
        stage
            .until_events(&["refused dev: AccessDenied", "renewed deploy"])
            .await;
    });
}

#[test]
fn a_failure_on_the_way_to_a_role_is_reported_for_its_user_and_sessions_made_there_are_known() {
    wait_for(async {
        let mut stage = Stage::signed_in(&config(), &["deploy"]).await;
        stage
            .sandbox
            .inject(
                FaultSwitch::on(SandboxFault::AccessDenied).for_action(StsAction::GetSessionToken),
            )
            .expect("a fault");
        stage.pass(9 * HOUR + 30 * MINUTE).await;
        stage
            .until_events(&["refused dev: AccessDenied", "renewed deploy"])
            .await;
        stage.settled(&["deploy"]).await;
        stage.pass_to(stage.next_refresh("deploy").await).await;
        stage.until_event("renewed deploy").await;
        assert_eq!(
            stage.session("dev").await.map(|it| it.state),
            Some(State::Denied)
        );
        stage.settled(&["deploy"]).await;

        stage.sandbox.clear_faults();
        stage.quiet();
        stage.pass_to(stage.next_refresh("deploy").await).await;
        stage.until_event("renewed deploy").await;
        stage.settled(&BOTH).await;
        stage.pass_to(start() + 12 * HOUR - SECOND).await;
        stage.settled(&BOTH).await;
        stage.pass(MINUTE).await;
        assert!(stage.events().iter().all(|it| it == "renewed deploy"));
        assert_eq!(
            stage
                .calls()
                .iter()
                .filter(|call| *call == "GetSessionToken")
                .count(),
            1
        );
    });
    wait_for(async {
        let mut stage = Stage::signed_in(&config(), &["deploy"]).await;
        stage
            .sandbox
            .revoke_key(&stage.sandbox.keys("kim")[0].access_key_id)
            .expect("the key is there");
        stage.pass(9 * HOUR + 30 * MINUTE).await;
        // Which of the two is tried first is open.
        stage
            .until_events(&["keys revoked dev", "renewed deploy"])
            .await;
        stage.settled(&["deploy"]).await;
        stage.pass_to(stage.next_refresh("deploy").await).await;
        stage.until_event("renewed deploy").await;
        assert!(stage.credentials("deploy").await.is_ok());
    });
}
