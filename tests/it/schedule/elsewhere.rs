//! Changes made beside the agent: an edited configuration, a sign-out or sign-in by another
//! process, remains of removed configuration.

use super::*;
use crate::home::wait_for;
use keyfob_core::agent::api::{
    Cleanup, Depth, Logout, LongLivedKeys, Maintain, Mode, Target, What,
};
use keyfob_core::error::Code;

const BROKEN: &str = "auth:\n  identities: [\n";

fn log_out(identity: &str) -> Request {
    let target = Target::Identity {
        name: identity.to_owned(),
        depth: Depth::Chain,
    };
    Request::Maintain(Maintain::Logout(Logout {
        target,
        long_lived_keys: LongLivedKeys::Keep,
        mode: Mode::Run,
    }))
}

#[test]
fn a_changed_configuration_is_taken_over_and_a_broken_one_is_reported_once_while_the_last_good_one_serves()
 {
    wait_for(async {
        let mut stage = Stage::signed_in(DEV, &["dev"]).await;
        let key = stage.key_of("dev").await;
        assert_eq!(
            stage
                .credentials("deploy")
                .await
                .expect_err("not there")
                .code,
            Code::IdentityNotFound
        );
        stage.write_config(&format!("{DEV}{DEPLOY}"));
        stage.pass(LOOK).await;
        stage.until_event("configuration changed").await;
        assert!(stage.credentials("deploy").await.is_ok());
        stage.settled(&["dev", "deploy"]).await;
        assert_eq!(stage.events(), ["signed in deploy"]);

        stage.write_config(BROKEN);
        stage.pass(LOOK).await;
        stage.until_event("configuration broken").await;
        let problem = |status: Snapshot| status.agent.expect("it runs").configuration_problem;
        assert_eq!(
            problem(stage.status().await).map(|error| error.code),
            Some(Code::ConfigInvalid)
        );
        stage.pass_awake(5 * MINUTE).await;
        assert!(stage.credentials("deploy").await.is_ok());
        assert_eq!(
            (stage.key_of("dev").await, stage.events()),
            (key.clone(), vec![])
        );
        stage.pass_to(stage.next_refresh("deploy").await).await;
        stage.until_event("renewed deploy").await;

        stage.write_config(DEV);
        stage.pass(LOOK).await;
        stage.until_event("configuration changed").await;
        assert!(problem(stage.status().await).is_none());
        assert_eq!(
            stage.credentials("deploy").await.expect_err("gone").code,
            Code::IdentityNotFound
        );
        assert_eq!(stage.key_of("dev").await, key);
        stage.quiet();
        stage.pass(2 * HOUR).await;
        assert_eq!(
            (stage.calls(), stage.events()),
            (vec![], vec![]),
            "what is not configured is not renewed"
        );
    });
}

#[test]
fn signing_out_elsewhere_ends_serving_and_renewal_until_the_next_sign_in_there() {
    wait_for(async {
        let mut stage = Stage::set_with(&format!("{DEV}{DEPLOY}"), Keyring::File, None).await;
        stage.log_in("deploy").await;
        stage.log_in("dev").await;
        stage.settled(&["dev", "deploy"]).await;
        stage.quiet();
        let before = stage.key_of("deploy").await;
        let elsewhere = stage.another(Role::InProcess).client();
        assert!(matches!(
            as_a_person(&elsewhere, log_out("deploy")).await,
            Reply::Removed(_)
        ));
        for identity in ["deploy", "dev"] {
            let error = stage.credentials(identity).await.expect_err("signed out");
            assert_eq!(
                (error.code, error.exit_code()),
                (Code::SignedOut, 3),
                "{error}"
            );
        }
        stage.pass_awake(2 * MINUTE).await;
        stage.pass(13 * HOUR).await;
        stage.pass_awake(2 * MINUTE).await;
        assert_eq!((stage.calls(), stage.events()), (vec![], vec![]));
        assert_eq!(
            stage
                .credentials("deploy")
                .await
                .expect_err("signed out")
                .code,
            Code::SignedOut
        );

        assert!(matches!(
            as_a_person(&elsewhere, login("deploy", None)).await,
            Reply::SignedIn(_)
        ));
        let there = held(as_a_program(&elsewhere, credentials("deploy", 0)).await)
            .expect("a session")
            .access_key_id;
        drop(elsewhere);
        stage.sandbox.clear_journal();
        assert_ne!(there, before);
        assert_eq!(stage.key_of("deploy").await, there);
        stage.settled(&["deploy"]).await;
        assert_eq!((stage.calls(), stage.events()), (vec![], vec![]));
        stage.pass_to(stage.next_refresh("deploy").await).await;
        stage.until_event("renewed deploy").await;
    });
}

#[test]
fn signing_out_and_in_again_elsewhere_between_two_checks_gives_the_new_session() {
    wait_for(async {
        let mut stage = Stage::set_with(DEV, Keyring::File, None).await;
        stage.log_in("dev").await;
        stage.settled(&["dev"]).await;
        stage.quiet();
        let before = stage.key_of("dev").await;
        stage.pass_awake(MINUTE).await;
        let elsewhere = stage.another(Role::InProcess).client();
        assert!(matches!(
            as_a_person(&elsewhere, log_out("dev")).await,
            Reply::Removed(_)
        ));
        assert!(matches!(
            as_a_person(&elsewhere, login("dev", None)).await,
            Reply::SignedIn(_)
        ));
        assert_ne!(stage.key_of("dev").await, before);
        assert_eq!(
            (stage.calls(), stage.events()),
            (vec!["GetSessionToken".to_owned()], vec![])
        );
    });
}

#[test]
fn once_a_day_what_is_expired_or_no_longer_configured_is_cleared_away() {
    wait_for(async {
        let mut stage = Stage::signed_in(&format!("{DEV}{DEPLOY}"), &["dev", "deploy"]).await;
        stage.pass_awake(6 * MINUTE).await;
        stage.write_config(DEV);
        stage.pass(LOOK).await;
        stage.until_event("configuration changed").await;
        let left = async |stage: &Stage| {
            let cleanup = Cleanup {
                long_lived_keys: LongLivedKeys::Keep,
                mode: Mode::DryRun,
            };
            match stage
                .ask(Request::Maintain(Maintain::Cleanup(cleanup)))
                .await
            {
                Reply::Removed(report) => {
                    let of_the_keyring = report
                        .steps
                        .into_iter()
                        .filter(|step| step.what == What::Keyring);
                    of_the_keyring.map(|step| step.name).collect::<Vec<_>>()
                }
                other => panic!("an unexpected reply: {other:?}"),
            }
        };
        stage.pass(12 * HOUR).await;
        stage.settled(&["dev"]).await;
        assert_eq!(left(&stage).await, ["deploy"], "not yet a day");
        stage.pass(12 * HOUR).await;
        stage
            .until("it is cleared away", async |stage| {
                left(stage).await.is_empty()
            })
            .await;
        stage.settled(&["dev"]).await;
        assert!(stage.credentials("dev").await.is_ok());
    });
}
