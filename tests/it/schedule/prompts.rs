//! An open prompt: who sees it, who may answer it, when it is withdrawn.

use super::*;
use crate::home::wait_for;
use keyfob_core::error::Code;
use keyfob_core::sandbox::{FaultSwitch, RoleTrust, SandboxFault, SandboxRole};

const AUDIT: &str = "    audit:
      kind: aws/assume-role
      via: { identity: dev }
      principal: { assume_role: \"arn:aws:iam::420000000025:role/audit\" }
";

/// A program has asked, and got the answer that a prompt is open.
async fn asked() -> Stage {
    let mut stage = Stage::with_a_device(DEV).await;
    let error = stage
        .credentials("dev")
        .await
        .expect_err("nobody has answered");
    assert_eq!((error.code, error.exit_code()), (Code::PersonNeeded, 3));
    assert!(
        error
            .hints
            .iter()
            .any(|hint| hint.contains("a prompt is open")),
        "{error:?}"
    );
    assert_eq!(stage.events(), ["prompt dev code"]);
    stage
}

async fn open(stage: &Stage) -> PromptId {
    match &stage.status().await.prompts[..] {
        [open] => open.prompt.id,
        other => panic!("not one prompt: {other:?}"),
    }
}

#[test]
fn a_prompt_that_no_program_needed_for_ten_minutes_is_withdrawn() {
    wait_for(async {
        let mut stage = asked().await;
        let first = open(&stage).await;
        stage.pass_awake(5 * MINUTE).await;
        assert!(stage.credentials("dev").await.is_err());
        stage.pass_awake(9 * MINUTE + 30 * SECOND).await;
        assert_eq!((open(&stage).await, stage.events()), (first, vec![]));
        stage.pass_awake(30 * SECOND).await;
        stage.until_event("closed dev").await;
        assert!(stage.status().await.prompts.is_empty());
        assert_eq!(stage.calls(), [CHECK]);
        assert!(stage.credentials("dev").await.is_err());
        stage.until_event("prompt dev code").await;
    });
}

#[test]
fn a_prompt_says_that_its_program_has_given_up_and_which_one_waits_next() {
    wait_for(async {
        let mut stage = Stage::with_a_device(&format!("{DEV}{DEPLOY}")).await;
        let first = program_waits(&stage.agent, "deploy", 18);
        stage.until_event("prompt dev code").await;
        let shown = stage.status().await.prompts.remove(0);
        assert!(shown.is_waited_for);
        assert_eq!(shown.prompt.wanted.as_deref(), Some("deploy"));
        stage.pass_awake(20 * SECOND).await;
        assert!(first.await.expect("no panic").is_err());
        stage.until_event("no longer waited for dev").await;
        assert!(!stage.status().await.prompts[0].is_waited_for);

        let next = program_waits(&stage.agent, "dev", 60);
        stage.until_event("prompt dev code").await;
        let again = stage.status().await.prompts.remove(0);
        let is_the_same = (again.prompt.id, again.is_waited_for);
        assert_eq!(is_the_same, (shown.prompt.id, true));
        assert!(matches!(
            stage.ask(answer(again.prompt.id, CODE)).await,
            Reply::SignedIn(_)
        ));
        assert!(next.await.expect("no panic").is_ok());
    });
}

#[test]
fn a_prompt_that_a_person_began_and_has_is_not_given_up() {
    wait_for(async {
        let stage = Stage::with_a_device(DEV).await;
        let person = stage.agent.client();
        let shown = prompt(as_a_person(&person, login("dev", None)).await);
        assert!(stage.status().await.prompts[0].is_waited_for);
        as_a_person(&person, answer(shown.id, CODE)).await;
        assert!(stage.status().await.prompts.is_empty());
    });
}

#[test]
fn a_prompt_is_withdrawn_when_the_machine_sleeps() {
    wait_for(async {
        let mut stage = asked().await;
        let (person, waiting) = (
            stage.agent.client(),
            program_waits(&stage.agent, "dev", 3600),
        );
        let shown = prompt(as_a_person(&person, login("dev", None)).await);
        stage.pass(5 * MINUTE).await;
        stage.until_event("closed dev").await;
        let error = waiting
            .await
            .expect("no panic")
            .expect_err("nobody answers any more");
        assert_eq!(error.code, Code::PersonNeeded);
        assert!(error.message.contains("slept"), "{error}");
        let again = prompt(as_a_person(&person, answer(shown.id, CODE)).await);
        assert_ne!(
            again.id, shown.id,
            "the code of before the sleep is not used"
        );
        assert!(matches!(
            as_a_person(&person, answer(again.id, CODE)).await,
            Reply::SignedIn(_)
        ));
    });
}

#[test]
fn after_a_prompt_was_declined_programs_raise_none_for_a_minute() {
    wait_for(async {
        let mut stage = asked().await;
        // The minute does not end with one of the agent's looks.
        stage.pass(10 * SECOND).await;
        let prompt_id = open(&stage).await;
        let declined = stage
            .ask(Request::Control(Control::Cancel { prompt: prompt_id }))
            .await;
        assert!(matches!(declined, Reply::Failed(_)), "{declined:?}");
        stage.until_event("closed dev").await;
        for seconds in [20, 29, 10] {
            stage.pass(seconds * SECOND).await;
        }
        assert_eq!(
            stage
                .credentials("dev")
                .await
                .expect_err("nobody is asked")
                .code,
            Code::PersonNeeded
        );
        assert_eq!(stage.events(), [""; 0]);
        let person = stage.agent.client();
        assert_eq!(
            prompt(as_a_person(&person, login("dev", None)).await).attempt,
            1,
            "a person may"
        );
        drop(person);
        stage
            .until("it is gone", async |stage| {
                stage.status().await.prompts.is_empty()
            })
            .await;
        stage.pass(SECOND).await;
        assert!(stage.credentials("dev").await.is_err());
        stage.until_event("prompt dev code").await;
    });
}

#[test]
fn two_clients_with_the_same_prompt_both_get_the_result_of_the_first_answer() {
    wait_for(async {
        let stage = Stage::with_a_device(DEV).await;
        let (one, other) = (stage.agent.client(), stage.agent.client());
        let first = prompt(as_a_person(&one, login("dev", None)).await);
        let second = prompt(as_a_person(&other, login("dev", None)).await);
        assert_ne!(first.id, second.id, "each may answer for itself");
        assert!(matches!(
            as_a_person(&one, answer(first.id, CODE)).await,
            Reply::SignedIn(_)
        ));
        assert!(matches!(
            as_a_person(&other, answer(second.id, "000000")).await,
            Reply::SignedIn(_)
        ));
        assert_eq!(stage.calls(), [CHECK, "GetSessionToken"]);
        let late = as_a_person(&one, answer(first.id, CODE)).await;
        assert!(
            matches!(&late, Reply::Failed(error) if error.code == Code::InvalidInput),
            "{late:?}"
        );
    });
}

#[test]
fn the_prompt_of_a_client_that_goes_away_is_withdrawn_unless_another_needs_it() {
    wait_for(async {
        let mut stage = Stage::with_a_device(DEV).await;
        let (one, other) = (stage.agent.client(), stage.agent.client());
        prompt(as_a_person(&one, login("dev", None)).await);
        prompt(as_a_person(&other, login("dev", None)).await);
        drop(one);
        let still = open(&stage).await;
        drop(other);
        stage
            .until("it is gone", async |stage| {
                stage.status().await.prompts.is_empty()
            })
            .await;
        assert_eq!(
            stage.events(),
            [""; 0],
            "it was on a terminal, and no other client got an event"
        );

        let one = stage.agent.client();
        prompt(as_a_person(&one, login("dev", None)).await);
        let waiting = program_waits(&stage.agent, "dev", 60);
        stage
            .until("the program waits", async |stage| {
                let session = stage.session("dev").await;
                session.is_some_and(|it| it.last_caller.is_some_and(|caller| caller.pid == PROGRAM))
            })
            .await;
        assert_eq!(stage.events(), [""; 0], "it is shown already");
        drop(one);
        stage.until_event("prompt dev code").await;
        let left = open(&stage).await;
        assert_ne!(left, still);
        assert!(matches!(
            stage.ask(answer(left, CODE)).await,
            Reply::SignedIn(_)
        ));
        assert!(waiting.await.expect("no panic").is_ok());
        assert_eq!(stage.events(), ["closed dev", "signed in dev"]);
    });
}

#[test]
fn a_sign_in_whose_only_client_has_gone_shows_no_prompt() {
    wait_for(async {
        let mut stage = Stage::with_a_device(DEV).await;
        let person = stage.agent.client();
        stage
            .sandbox
            .inject(FaultSwitch::on(SandboxFault::Delay { milliseconds: 200 }).times(1))
            .expect("a fault");
        let gone =
            tokio::spawn(async move { as_a_person(&person, login("dev", Some("000000"))).await });
        stage
            .until("AWS is asked", async |stage| {
                stage.sandbox.state().faults.is_empty()
            })
            .await;
        gone.abort();
        assert!(gone.await.is_err_and(|error| error.is_cancelled()));
        stage
            .until("the code is refused", async |stage| {
                stage.calls() == ["GetCallerIdentity", "GetSessionToken"]
            })
            .await;
        stage
            .until("nobody is asked", async |stage| {
                stage.status().await.prompts.is_empty()
            })
            .await;
        stage.pass(SECOND).await;
        assert_eq!(
            (stage.status().await.prompts.len(), stage.events()),
            (0, vec![])
        );
        assert_eq!(prompt(stage.ask(login("dev", None)).await).attempt, 1);
    });
}

#[test]
fn a_wrong_code_is_asked_for_again_three_times_in_all() {
    wait_for(async {
        let stage = Stage::with_a_device(DEV).await;
        let mut shown = prompt(stage.ask(login("dev", None)).await);
        for attempt in [1, 2] {
            assert_eq!(shown.attempt, attempt);
            shown = prompt(stage.ask(answer(shown.id, "000000")).await);
            assert!(
                matches!(
                    &shown.kind,
                    PromptKind::Mfa {
                        refused: Some(_),
                        ..
                    }
                ),
                "{shown:?}"
            );
        }
        assert_eq!(shown.attempt, 3);
        let given_up = stage.ask(answer(shown.id, "000000")).await;
        assert!(
            matches!(&given_up, Reply::Failed(error) if error.code == Code::MfaRefused),
            "{given_up:?}"
        );
        let token = "GetSessionToken";
        assert_eq!(stage.calls(), [CHECK, token, token, token]);
        assert!(stage.status().await.prompts.is_empty());
    });
}

#[test]
fn twenty_programs_and_one_person_share_a_prompt_and_a_call() {
    wait_for(async {
        let mut stage = Stage::with_a_device(DEV).await;
        let waiting: Vec<_> = (0..20)
            .map(|_| program_waits(&stage.agent, "dev", 18))
            .collect();
        stage.until_event("prompt dev code").await;
        let person = stage.agent.client();
        let shown = prompt(as_a_person(&person, login("dev", None)).await);
        let again = prompt(as_a_person(&person, answer(shown.id, "000000")).await);
        assert_eq!(
            stage.events(),
            ["closed dev"],
            "the one with the person is on a terminal"
        );
        assert!(matches!(
            as_a_person(&person, answer(again.id, CODE)).await,
            Reply::SignedIn(_)
        ));
        let mut keys = Vec::new();
        for program in waiting {
            keys.push(
                program
                    .await
                    .expect("no panic")
                    .expect("a session")
                    .access_key_id,
            );
        }
        keys.dedup();
        assert_eq!(keys.len(), 1);
        assert_eq!(
            stage.calls(),
            [CHECK, "GetSessionToken", "GetSessionToken"],
            "a wrong code and a right one"
        );
        assert_eq!(stage.events(), ["signed in dev"]);
    });
}

#[test]
fn two_roles_of_one_user_share_its_prompt() {
    for by_a_person in [true, false] {
        wait_for(async {
            let mut stage = Stage::with_a_device(&format!("{DEV}{DEPLOY}{AUDIT}")).await;
            let role =
                SandboxRole::new("arn:aws:iam::420000000025:role/audit", RoleTrust::Everybody);
            stage.sandbox.add_role(role).expect("a role");
            if by_a_person {
                let (one, other) = (stage.agent.client(), stage.agent.client());
                let first = prompt(as_a_person(&one, login("deploy", None)).await);
                let second = prompt(as_a_person(&other, login("audit", None)).await);
                assert_eq!([&*first.identity, &*second.identity], ["dev", "dev"]);
                assert!(matches!(
                    as_a_person(&one, answer(first.id, CODE)).await,
                    Reply::SignedIn(_)
                ));
                assert!(matches!(
                    as_a_person(&other, answer(second.id, CODE)).await,
                    Reply::SignedIn(_)
                ));
            } else {
                let waiting = ["deploy", "audit"].map(|role| program_waits(&stage.agent, role, 60));
                stage.until_event("prompt dev code").await;
                assert!(matches!(
                    stage.ask(answer(open(&stage).await, CODE)).await,
                    Reply::SignedIn(_)
                ));
                for program in waiting {
                    program.await.expect("no panic").expect("a session");
                }
            }
            let mut calls = stage.calls();
            calls.sort();
            let expected = ["AssumeRole", "AssumeRole", CHECK, "GetSessionToken"];
            assert_eq!(calls, expected);
            let events = stage.events();
            assert_eq!(
                events.iter().filter(|it| it.starts_with("prompt")).count(),
                0,
                "{events:?}"
            );
        });
    }
}
