use super::*;

/// What a blocking client is used from.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("no panic")
}

#[tokio::test]
async fn the_journal_holds_every_call_and_no_secret() {
    let desk = Desk::new();
    let (kim, serial) = (desk.kim(), desk.sandbox.mfa_serial("kim"));
    let call = desk
        .client(&kim)
        .get_session_token()
        .duration_seconds(129_600)
        .serial_number(&serial);
    let made = call.token_code("123456").send().await.expect("a session");
    let _ = desk
        .client(&kim)
        .assume_role()
        .role_arn(DEPLOY)
        .role_session_name("kim")
        .policy("{}")
        .send()
        .await;
    let _ = desk
        .client(&kim)
        .get_session_token()
        .duration_seconds(1)
        .send()
        .await;
    let journal = desk.sandbox.journal();
    let first = serde_json::to_value(&journal[0]).expect("JSON");
    assert_eq!(
        first,
        serde_json::json!({
            "time": "2027-01-15T08:00:00.000Z",
            "action": "GetSessionToken",
            "region": "us-east-1",
            "access_key_id": kim.0.access_key_id.as_str(),
            "principal": KIM,
            "parameters": { "DurationSeconds": "129600", "SerialNumber": serial, "TokenCode": "(hidden)" },
            "outcome": "ok",
        })
    );
    assert_eq!(journal[1].parameters["Policy"], "(hidden)");
    assert_eq!(journal[2].outcome, "ValidationError");
    let text = format!("{journal:?} {:?} {:?}", desk.sandbox, desk.sandbox.state());
    let credentials = made.credentials().expect("credentials");
    let secrets = [
        kim.0.secret_access_key.expose(),
        credentials.secret_access_key(),
        credentials.session_token(),
    ];
    for secret in secrets {
        assert!(!text.contains(secret));
    }
    desk.sandbox.clear_journal();
    assert!(desk.sandbox.journal().is_empty());
}

#[tokio::test]
async fn another_process_controls_what_the_handle_does() {
    let desk = Desk::new();
    let control = Control::at(&desk.sandbox.url()).expect("an address");
    let keys = blocking(move || control.create_key("kim"))
        .await
        .expect("a key");
    assert_eq!(desk.sandbox.keys("kim")[1], keys);
    let held = Held(keys.clone(), None);
    let session = desk.session_of(&held).await;
    assert_eq!(
        blocking(move || control.state()).await,
        Ok(desk.sandbox.state())
    );
    assert_eq!(
        blocking(move || control.journal()).await,
        Ok(desk.sandbox.journal())
    );
    assert_eq!(desk.sandbox.journal().len(), 1);
    assert_eq!(blocking(move || control.clear_journal()).await, Ok(()));
    assert!(desk.sandbox.journal().is_empty());

    let switch = Switch::on(Fault::Delay { milliseconds: 1 })
        .for_action(Action::AssumeRole)
        .times(3);
    let sent = switch.clone();
    assert_eq!(blocking(move || control.inject(&sent)).await, Ok(()));
    assert_eq!(desk.sandbox.state().faults, [switch]);
    assert_eq!(blocking(move || control.clear_faults()).await, Ok(()));
    assert!(desk.sandbox.state().faults.is_empty());

    let settings = Settings {
        session_seconds: Some(60),
        ..Settings::default()
    };
    let sent = settings.clone();
    assert_eq!(blocking(move || control.set_settings(&sent)).await, Ok(()));
    assert_eq!(desk.sandbox.settings(), settings);

    assert_eq!(blocking(move || control.revoke_sessions(KIM)).await, Ok(1));
    assert!(desk.identity(&session).await.is_err());
    let id = keys.access_key_id;
    assert_eq!(blocking(move || control.revoke_key(&id)).await, Ok(()));
    assert!(desk.identity(&held).await.is_err());
}

#[tokio::test]
async fn a_refusal_crosses_with_its_code_and_names_the_thing() {
    let desk = Desk::new();
    let control = Control::at(&desk.sandbox.url()).expect("an address");
    let error = blocking(move || control.create_key("nobody"))
        .await
        .expect_err("a refusal");
    assert_eq!(
        (error.code, error.message.as_str()),
        (
            crate::error::Code::InvalidInput,
            "the sandbox has no user `nobody`"
        )
    );
    let address = desk.sandbox.url();
    drop(desk);
    let gone = blocking(move || {
        loop {
            match control.state() {
                Ok(_) => std::thread::yield_now(),
                Err(error) => return error,
            }
        }
    });
    let error = gone.await;
    assert_eq!(error.code, crate::error::Code::Network);
    assert!(
        error.message.contains(&address.replace("http://", "")),
        "{}",
        error.message
    );
}

#[test]
fn only_loopback_is_controlled() {
    for url in [
        "http://127.0.0.1:4566",
        "http://127.0.0.1:4566/",
        "http://[::1]:80",
    ] {
        assert!(Control::at(url).is_ok(), "{url}");
    }
    for url in [
        "",
        "127.0.0.1:1",
        "https://127.0.0.1:1",
        "http://10.0.0.1:80",
        "http://localhost",
        "http://127.0.0.1",
    ] {
        assert!(Control::at(url).is_err(), "{url}");
    }
}

#[tokio::test]
async fn a_web_page_cannot_control_the_sandbox() {
    let desk = Desk::new();
    let host = desk.sandbox.url().replace("http://", "");
    for (headers, status) in [
        (format!("Host: {host}"), 200),
        (format!("Host: {host}\r\nOrigin: http://{host}"), 403),
        (format!("Host: {host}\r\nOrigin: null"), 403),
        (
            format!(
                "Host: rebound.example{}",
                &host[host.find(':').expect("a port")..]
            ),
            403,
        ),
        ("Host: 127.0.0.1".to_owned(), 403),
    ] {
        let request =
            format!("GET /_sandbox/state HTTP/1.1\r\nConnection: close\r\n{headers}\r\n\r\n");
        let answer = wire::exchange(&desk, request.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{headers}: {answer}"
        );
        assert_eq!(answer.contains("\"users\""), status == 200, "{answer}");
    }
}

#[tokio::test]
async fn controls_that_cannot_be_read_change_nothing() {
    let desk = Desk::new();
    let (host, before) = (
        desk.sandbox.url().replace("http://", ""),
        desk.sandbox.state(),
    );
    let long = "x".repeat(64 * 1024 + 1);
    for (line, body) in [
        (
            "POST /_sandbox/faults",
            "{\"fault\":{\"kind\":\"nonsense\"}}",
        ),
        (
            "POST /_sandbox/faults",
            "{\"fault\":{\"kind\":\"outage\"},\"action\":\"Nonsense\"}",
        ),
        ("POST /_sandbox/keys", "\u{0}"),
        ("PUT /_sandbox/settings", "{\"sesion_seconds\":1}"),
        ("PUT /_sandbox/settings", &long),
        ("DELETE /_sandbox/keys/", ""),
        ("DELETE /_sandbox/everything", ""),
        ("GET /_sandbox/", ""),
        ("GET /_sandbox", ""),
        ("GET /elsewhere", ""),
    ] {
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let answer = wire::exchange(&desk, request.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 4") || (answer.is_empty() && length > 64 * 1024),
            "{line}: {answer}"
        );
    }
    assert_eq!(desk.sandbox.state(), before);
}

#[test]
fn faults_have_the_shapes_that_are_documented() {
    let shape = |text: &str| serde_json::from_str::<Switch>(text).expect("a switch");
    let offset = shape(r#"{"fault":{"kind":"clock_offset","seconds":-1200}}"#);
    assert_eq!(offset, Switch::on(Fault::ClockOffset { seconds: -1200 }));
    let denied = shape(r#"{"fault":{"kind":"access_denied"},"action":"AssumeRole","times":2}"#);
    assert_eq!(
        denied,
        Switch::on(Fault::AccessDenied)
            .for_action(Action::AssumeRole)
            .times(2)
    );
    let region = shape(r#"{"fault":{"kind":"region_not_enabled","region":"ap-east-1"}}"#);
    assert_eq!(
        region,
        Switch::on(Fault::RegionNotEnabled {
            region: "ap-east-1".to_owned()
        })
    );
}
