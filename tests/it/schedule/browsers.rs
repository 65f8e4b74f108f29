//! Sign-ins in a browser: one that never comes back, and the end of one that is near.

use super::*;
use crate::desktop::Desktop;
use crate::home::wait_for;
use keyfob_core::error::Code;
use std::net::TcpStream;

const MILLISECOND: Duration = Duration::from_millis(1);

const CONFIG: &str = r#"auth:
  providers:
    corp: { kind: aws/iam-identity-center, region: eu-central-1, start_url: "https://sandbox.awsapps.com/start" }
  identities:
    dev: { kind: aws/user }
    me: { kind: aws/login, credentials: { region: eu-central-1 } }
    admin: { kind: aws/permission-set, via: { provider: corp }, principal: { name: AdministratorAccess, account: { name: dev } } }
"#;

/// The address that a prompt shows, once there is one.
async fn opened(stage: &Stage) -> String {
    stage
        .until("a prompt is open", async |stage| {
            !stage.status().await.prompts.is_empty()
        })
        .await;
    match &stage.status().await.prompts[0].prompt.kind {
        PromptKind::Browser { address, .. } => address.clone(),
        other => panic!("no browser: {other:?}"),
    }
}

/// Where the browser would come back to.
fn listens(address: &str) -> bool {
    let (_, port) = address.split_once("127.0.0.1%3A").expect("a redirect");
    let port = port.split_once('%').expect("a path").0;
    TcpStream::connect(("127.0.0.1", port.parse().expect("a port"))).is_ok()
}

#[test]
fn a_browser_that_never_comes_back_ends_the_sign_in_after_ten_minutes_in_words() {
    wait_for(async {
        let stage = Stage::set(CONFIG).await;
        for identity in ["me", "admin"] {
            let person = stage.agent.client();
            let open = prompt(as_a_person(&person, login(identity, None)).await).id;
            let address = opened(&stage).await;
            stage.pass_awake(9 * MINUTE + 59 * SECOND).await;
            assert!(listens(&address), "{address}");
            stage.pass_awake(2 * SECOND).await;
            let is_over = async |stage: &Stage| stage.status().await.prompts.is_empty();
            stage.until("the prompt is gone", is_over).await;
            let follow = Control::Follow { prompt: open };
            let Reply::Failed(error) = as_a_person(&person, follow.into()).await else {
                panic!("{identity} is signed in to");
            };
            assert_eq!(
                (error.code, error.exit_code()),
                (Code::PersonNeeded, 3),
                "{error:?}"
            );
            let words = "was not completed in the browser in time";
            assert!(error.message.contains(words), "{error}");
            let again = format!("fob login {identity} begins anew");
            assert!(error.hints.contains(&again), "{error:?}");
            assert!(!listens(&address), "{address}");
        }
    });
}

/// Its job is over by then.
#[test]
fn the_list_that_a_sign_in_led_to_is_there_for_who_asks_late_and_so_is_why_there_is_none() {
    wait_for(async {
        let listing = "/start\", auto_provision_identities: true }";
        let stage = Stage::set(&CONFIG.replace("/start\" }", listing)).await;
        let person = stage.agent.client();
        for is_refused in [true, false] {
            let list = Maintain::ListRoles {
                provider: "corp".to_owned(),
                browser: BrowserUse::Here,
            };
            let open = prompt(as_a_person(&person, list.into()).await).id;
            let address = opened(&stage).await;
            let click = if is_refused {
                Desktop::refuse
            } else {
                Desktop::click
            };
            let clicked = tokio::task::spawn_blocking(move || click(&address));
            clicked.await.expect("no panic");
            let is_over = async |stage: &Stage| stage.status().await.prompts.is_empty();
            stage.until("the prompt is gone", is_over).await;
            Clock::nap(100 * MILLISECOND).await;
            let follow = Control::Follow { prompt: open };
            match as_a_person(&person, follow.into()).await {
                Reply::RolesListed(listed) if !is_refused => assert_eq!(listed.accounts, 3),
                Reply::Failed(error) if is_refused => {
                    assert!(error.message.contains("refused in the browser"), "{error}");
                }
                other => panic!("{other:?}"),
            }
        }
    });
}

#[test]
fn the_end_of_the_consoles_sign_in_is_announced_once_half_an_hour_ahead() {
    wait_for(async {
        let mut stage = Stage::set(CONFIG).await;
        let waits = program_waits(&stage.agent, "me", 3600);
        let address = opened(&stage).await;
        let clicked = tokio::task::spawn_blocking(move || Desktop::click(&address));
        waits.await.expect("no panic").expect("a session");
        clicked.await.expect("no panic");
        let announced = |stage: &mut Stage| {
            let events = stage.events();
            events
                .iter()
                .filter(|it| *it == "sign-in ends soon me")
                .count()
        };
        stage.pass(11 * HOUR).await;
        stage.settled(&["me"]).await;
        stage.pass_awake(29 * MINUTE).await;
        assert_eq!(announced(&mut stage), 0);
        stage.pass_awake(2 * MINUTE).await;
        assert_eq!(announced(&mut stage), 1);
        stage.pass_awake(20 * MINUTE).await;
        assert_eq!(announced(&mut stage), 0, "once");
    });
}
