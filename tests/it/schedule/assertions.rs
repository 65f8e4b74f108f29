//! Roles by an identity provider's assertion: a page that nobody completes, and the end of a session
//! that only a person makes anew.

use super::*;
use crate::home::wait_for;
use crate::saml::{Assertion, CONFIG};
use jiff::Timestamp;
use keyfob_core::error::Code;
use keyfob_core::sandbox::{RoleTrust, SandboxRole};
use keyfob_core::secret::Secret;

/// The identities of the assertion's roles, beside the user of every stage.
async fn stage() -> Stage {
    let config = CONFIG.replace(" dev:", " tester:");
    let stage = Stage::set(&format!("{config}    dev: {{ kind: aws/user }}\n")).await;
    let arn = "arn:aws:iam::420000000025:role/ops".to_owned();
    let role = SandboxRole::new(arn, RoleTrust::Everybody);
    stage.sandbox.add_role(role).expect("a role");
    stage
}

async fn has_a_prompt(stage: &Stage) -> bool {
    !stage.status().await.prompts.is_empty()
}

#[test]
fn a_page_that_nobody_completes_ends_the_sign_in_after_ten_minutes_in_words() {
    wait_for(async {
        let stage = stage().await;
        let program = program_waits(&stage.agent, "ops", 3600);
        stage.until("the page is offered", has_a_prompt).await;
        let person = stage.agent.client();
        let open = prompt(as_a_person(&person, login("ops", None)).await).id;
        stage.pass_awake(9 * MINUTE + 59 * SECOND).await;
        assert!(has_a_prompt(&stage).await);
        stage.pass_awake(2 * SECOND).await;
        let is_over = async |stage: &Stage| !has_a_prompt(stage).await;
        stage.until("the prompt is gone", is_over).await;
        let follow = Control::Follow { prompt: open };
        let Reply::Failed(for_the_person) = as_a_person(&person, follow.into()).await else {
            panic!("it is signed in to");
        };
        let for_the_program = program.await.expect("no panic").expect_err("nobody came");
        for error in [for_the_person, for_the_program] {
            let ends = (error.code, error.exit_code());
            assert_eq!(ends, (Code::PersonNeeded, 3), "{error:?}");
            assert!(
                error.message.contains("was not completed in time"),
                "{error}"
            );
            let again = "fob login ops begins anew".to_owned();
            assert!(error.hints.contains(&again), "{error:?}");
        }
        assert_eq!(stage.calls(), [""; 0]);
    });
}

#[test]
fn the_end_of_its_session_is_announced_once_ahead_and_the_role_is_taken_away_in_words() {
    wait_for(async {
        let mut stage = stage().await;
        let now = Timestamp::try_from(start()).expect("a time");
        let mut request = login("ops", None);
        if let Request::Session(SessionRequest::Login(login)) = &mut request {
            login.assertion = Some(Secret::new(Assertion::good().text_at(now)));
        }
        let reply = stage.ask(request).await;
        assert!(matches!(reply, Reply::SignedIn(_)), "{reply:?}");
        stage.until_event("signed in ops").await;
        stage.pass_awake(44 * MINUTE).await;
        assert_eq!(stage.events(), [""; 0]);
        // A quarter of its hour.
        stage.pass_awake(2 * MINUTE).await;
        stage.until_event("expires soon ops").await;
        stage.pass_awake(13 * MINUTE).await;
        assert!(stage.credentials("ops").await.is_ok(), "used to its end");
        assert_eq!(stage.events(), [""; 0]);
        stage.pass_awake(2 * MINUTE).await;
        stage.until_event("expired ops").await;
        let error = stage.credentials("ops").await.expect_err("it is over");
        assert_eq!(error.code, Code::PersonNeeded, "{error:?}");
        assert_eq!(stage.calls(), ["AssumeRoleWithSAML"]);
    });
}
