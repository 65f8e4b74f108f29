use super::wire::exchange;
use super::*;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

const DEPLOY_SESSION: &str = "arn:aws:sts::420000000025:assumed-role/deploy/kim";
const SECOND: Duration = Duration::from_secs(1);

/// The session as the sign-in endpoint reads it.
fn presented(Held(keys, token): &Held) -> String {
    let token = token.as_ref().map(Secret::expose).unwrap_or_default();
    session(
        keys.access_key_id.as_str(),
        keys.secret_access_key.expose(),
        token,
    )
}

fn session(id: &str, key: &str, token: &str) -> String {
    serde_json::json!({ "sessionId": id, "sessionKey": key, "sessionToken": token }).to_string()
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

impl Setup {
    /// Status and body.
    async fn federation(&self, method: &str, form: &str) -> (u16, String) {
        let (query, body) = if method == "POST" {
            (String::new(), form)
        } else {
            (format!("?{form}"), "")
        };
        let request = format!(
            "{method} /federation{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = exchange(self, request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains("cache-control: no-store"), "{head}");
        (head[9..12].parse().expect("a status"), body.to_owned())
    }

    async fn token_for(&self, session: &str, more: &str) -> Result<String, (u16, String)> {
        let form = format!("Action=getSigninToken{more}&Session={}", escaped(session));
        match self.federation("POST", &form).await {
            (200, json) => {
                let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
                Ok(json["SigninToken"].as_str().expect("a token").to_owned())
            }
            refused => Err(refused),
        }
    }

    async fn enter(&self, token: &str, more: &str) -> (u16, String) {
        self.federation(
            "GET",
            &format!(
                "Action=login&Issuer=test{more}&SigninToken={}",
                escaped(token)
            ),
        )
        .await
    }

    async fn outcomes_of(&self, session: &str, more: &str) -> (u16, String) {
        self.sandbox.clear_journal();
        let status = self
            .token_for(session, more)
            .await
            .map_or_else(|(status, _)| status, |_| 200);
        (
            status,
            self.sandbox.journal().pop().expect("a call").outcome,
        )
    }
}

#[tokio::test]
async fn the_keys_of_a_roles_session_lead_into_the_console_for_a_quarter_of_an_hour() {
    let setup = Setup::new();
    let held = setup.role_session(&setup.kim()).await;
    let token = setup
        .token_for(&presented(&held), "")
        .await
        .expect("a token");
    for _ in 0..2 {
        let (status, page) = setup
            .enter(&token, "&Destination=https%3A%2F%2Fx%2F%3Ca%3E")
            .await;
        assert_eq!(status, 200);
        assert!(
            page.contains(&format!(
                "Signed in to the sandbox console as {DEPLOY_SESSION}"
            )),
            "{page}"
        );
        assert!(page.contains("https://x/&lt;a&gt;"), "{page}");
    }
    assert_eq!(
        setup
            .federation(
                "GET",
                &format!(
                    "Action=getSigninToken&Session={}",
                    escaped(&presented(&held))
                )
            )
            .await
            .0,
        200
    );
    setup.clock.advance(Duration::from_secs(899));
    assert_eq!(setup.enter(&token, "").await.0, 200);
    setup.clock.advance(SECOND);
    assert_eq!(setup.enter(&token, "").await.0, 400);
    // The hour of the session is nearly over: no token outlives it.
    setup.clock.advance(Duration::from_secs(3598 - 900));
    let token = setup
        .token_for(&presented(&held), "")
        .await
        .expect("a token");
    assert_eq!(setup.enter(&token, "").await.0, 200);
    setup.clock.advance(2 * SECOND);
    assert_eq!(setup.enter(&token, "").await.0, 400);
    for token in ["", "unknown"] {
        let (status, page) = setup.enter(token, "").await;
        assert!(
            status == 400 && page.contains("HTTP Status 400 - Invalid or expired sign-in token"),
            "{page}"
        );
    }
}

#[tokio::test]
async fn keys_that_are_wrong_unknown_expired_or_a_users_get_one_and_the_same_answer() {
    let setup = Setup::new();
    let held = setup.role_session(&setup.kim()).await;
    let Held(keys, Some(token)) = &held else {
        panic!("a session has a token")
    };
    let (id, key, token) = (
        keys.access_key_id.as_str(),
        keys.secret_access_key.expose(),
        token.expose(),
    );
    let kim = presented(&setup.kim());
    let sessions = [
        session(id, "wrong", token),
        session(id, key, "wrong"),
        session("ASIAIOSFODNN7EXAMPLE", key, token),
        kim,
        presented(&setup.session().await),
        String::new(),
        "{}".to_owned(),
        "[1".to_owned(),
    ];
    let mut answers = Vec::new();
    for session in &sessions {
        answers.push(setup.token_for(session, "").await.expect_err(session));
    }
    setup.clock.advance(HOUR);
    answers.push(
        setup
            .token_for(&presented(&held), "")
            .await
            .expect_err("it has expired"),
    );
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:#?}"
    );
    assert_eq!(answers[0].0, 400);
    assert!(
        answers[0]
            .1
            .contains("HTTP Status 400 - Invalid credentials parameter"),
        "{}",
        answers[0].1
    );
}

#[tokio::test]
async fn a_duration_is_taken_only_for_a_role_that_was_assumed_with_long_lived_keys() {
    let setup = Setup::new();
    let direct = presented(&setup.role_session(&setup.kim()).await);
    let through_a_session = presented(&setup.role_session(&setup.session().await).await);
    let through_a_role = presented(
        &setup
            .role_session(&setup.role_session(&setup.kim()).await)
            .await,
    );
    let refused = |outcome: &str| (400, outcome.to_owned());
    for (seconds, outcome) in [
        ("900", (200, "ok".to_owned())),
        ("43200", (200, "ok".to_owned())),
        ("899", refused("InvalidSessionDuration")),
        ("43201", refused("InvalidSessionDuration")),
        ("-1", refused("InvalidSessionDuration")),
        ("6h", refused("InvalidSessionDuration")),
    ] {
        let more = format!("&SessionDuration={seconds}");
        assert_eq!(
            setup.outcomes_of(&direct, &more).await,
            outcome,
            "{seconds}"
        );
    }
    for session in [&through_a_session, &through_a_role] {
        assert_eq!(setup.outcomes_of(session, "").await.0, 200);
        assert_eq!(
            setup.outcomes_of(session, "&SessionDuration=900").await,
            refused("InvalidCredentials")
        );
    }
}

#[tokio::test]
async fn faults_and_nonsense_are_answered_as_pages_and_the_journal_tells_no_secret() {
    let setup = Setup::new();
    let held = setup.role_session(&setup.kim()).await;
    for (fault, status, outcome) in [
        (SandboxFault::Throttling, 429, "Throttling"),
        (SandboxFault::InternalFailure, 500, "InternalFailure"),
        (SandboxFault::ServiceUnavailable, 503, "ServiceUnavailable"),
        (SandboxFault::AccessDenied, 403, "AccessDenied"),
        (SandboxFault::ExpiredToken, 400, "InvalidCredentials"),
    ] {
        setup
            .sandbox
            .inject(FaultSwitch::on(fault).times(1))
            .expect("a good switch");
        assert_eq!(
            setup.outcomes_of(&presented(&held), "").await,
            (status, outcome.to_owned())
        );
    }
    for form in [
        "",
        "Action=%zz",
        "Action=logout",
        "Action=getSigninToken",
        "Action=login",
    ] {
        for method in ["GET", "POST"] {
            let (status, page) = setup.federation(method, form).await;
            assert!(
                status == 400 && page.starts_with("<!doctype html>"),
                "{method} {form}: {page}"
            );
        }
    }
    setup.sandbox.clear_journal();
    let token = setup
        .token_for(&presented(&held), "&SessionDuration=900")
        .await
        .expect("a token");
    setup.enter(&token, "&Destination=https%3A%2F%2Fx").await;
    let journal = setup.sandbox.journal();
    let [asked, entered] = &journal[..] else {
        panic!("{journal:?}")
    };
    assert_eq!(
        (asked.action.as_str(), entered.action.as_str()),
        ("getSigninToken", "login")
    );
    for call in [asked, entered] {
        assert_eq!(
            (call.principal.as_deref(), call.outcome.as_str()),
            (Some(DEPLOY_SESSION), "ok")
        );
    }
    assert_eq!(
        (
            asked.parameters["SessionDuration"].as_str(),
            asked.parameters["Session"].as_str()
        ),
        ("900", "(hidden)")
    );
    assert_eq!(entered.parameters["Destination"], "https://x");
    assert_eq!(entered.parameters["SigninToken"], "(hidden)");
    let text = format!(
        "{journal:?} {:?} {:?}",
        setup.sandbox,
        setup.sandbox.state()
    );
    let Held(keys, Some(session_token)) = &held else {
        panic!("a session has a token")
    };
    for secret in [keys.secret_access_key.expose(), session_token.expose()] {
        assert!(!text.contains(secret));
    }
}
