use super::*;

/// What a blocking client is used from.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("no panic")
}

#[tokio::test]
async fn the_journal_holds_every_call_and_no_secret() {
    let setup = Setup::new();
    let (kim, serial) = (setup.kim(), setup.sandbox.mfa_serial("kim"));
    let call = setup
        .client(&kim)
        .get_session_token()
        .duration_seconds(129_600)
        .serial_number(&serial);
    let made = call.token_code("123456").send().await.expect("a session");
    let _ = setup
        .client(&kim)
        .assume_role()
        .role_arn(DEPLOY)
        .role_session_name("kim")
        .policy("{}")
        .send()
        .await;
    let _ = setup
        .client(&kim)
        .get_session_token()
        .duration_seconds(1)
        .send()
        .await;
    let journal = setup.sandbox.journal();
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
    let text = format!(
        "{journal:?} {:?} {:?}",
        setup.sandbox,
        setup.sandbox.state()
    );
    let credentials = made.credentials().expect("credentials");
    let secrets = [
        kim.0.secret_access_key.expose(),
        credentials.secret_access_key(),
        credentials.session_token(),
    ];
    for secret in secrets {
        assert!(!text.contains(secret));
    }
    setup.sandbox.clear_journal();
    assert!(setup.sandbox.journal().is_empty());
}

#[tokio::test]
async fn another_process_controls_what_the_handle_does() {
    let setup = Setup::new();
    let control = SandboxClient::at(&setup.sandbox.url()).expect("an address");
    let keys = blocking(move || control.create_key("kim"))
        .await
        .expect("a key");
    assert_eq!(setup.sandbox.keys("kim")[1], keys);
    let held = Held(keys.clone(), None);
    let session = setup.session_of(&held).await;
    assert_eq!(
        blocking(move || control.state()).await,
        Ok(setup.sandbox.state())
    );
    assert_eq!(
        blocking(move || control.journal()).await,
        Ok(setup.sandbox.journal())
    );
    assert_eq!(setup.sandbox.journal().len(), 1);
    assert_eq!(blocking(move || control.clear_journal()).await, Ok(()));
    assert!(setup.sandbox.journal().is_empty());

    let switch = FaultSwitch::on(SandboxFault::Delay { milliseconds: 1 })
        .for_action(StsAction::AssumeRole)
        .times(3);
    let sent = switch.clone();
    assert_eq!(blocking(move || control.inject(&sent)).await, Ok(()));
    assert_eq!(setup.sandbox.state().faults, [switch]);
    assert_eq!(blocking(move || control.clear_faults()).await, Ok(()));
    assert!(setup.sandbox.state().faults.is_empty());

    let settings = SandboxSettings {
        session_seconds: Some(60),
        ..SandboxSettings::default()
    };
    let sent = settings.clone();
    assert_eq!(blocking(move || control.set_settings(&sent)).await, Ok(()));
    assert_eq!(setup.sandbox.settings(), settings);

    assert_eq!(blocking(move || control.revoke_sessions(KIM)).await, Ok(1));
    assert!(setup.identity(&session).await.is_err());
    let id = keys.access_key_id;
    assert_eq!(blocking(move || control.revoke_key(&id)).await, Ok(()));
    assert!(setup.identity(&held).await.is_err());
}

#[tokio::test]
async fn a_refusal_crosses_with_its_code_and_names_the_thing() {
    let setup = Setup::new();
    let control = SandboxClient::at(&setup.sandbox.url()).expect("an address");
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
    let address = setup.sandbox.url();
    drop(setup);
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
        assert!(SandboxClient::at(url).is_ok(), "{url}");
    }
    for url in [
        "",
        "127.0.0.1:1",
        "https://127.0.0.1:1",
        "http://10.0.0.1:80",
        "http://localhost",
        "http://127.0.0.1",
    ] {
        assert!(SandboxClient::at(url).is_err(), "{url}");
    }
}

#[tokio::test]
async fn a_web_page_cannot_control_the_sandbox() {
    let setup = Setup::new();
    let host = setup.sandbox.url().replace("http://", "");
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
        let answer = wire::exchange(&setup, request.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{headers}: {answer}"
        );
        assert_eq!(answer.contains("\"users\""), status == 200, "{answer}");
    }
}

#[tokio::test]
async fn controls_that_cannot_be_read_change_nothing() {
    let setup = Setup::new();
    let (host, before) = (
        setup.sandbox.url().replace("http://", ""),
        setup.sandbox.state(),
    );
    let long = "x".repeat(256 * 1024 + 1);
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
        let answer = wire::exchange(&setup, request.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 4") || (answer.is_empty() && length > 256 * 1024),
            "{line}: {answer}"
        );
    }
    assert_eq!(setup.sandbox.state(), before);
}

#[test]
fn faults_have_the_shapes_that_are_documented() {
    let shape = |text: &str| serde_json::from_str::<FaultSwitch>(text).expect("a switch");
    let offset = shape(r#"{"fault":{"kind":"clock_offset","seconds":-1200}}"#);
    assert_eq!(
        offset,
        FaultSwitch::on(SandboxFault::ClockOffset { seconds: -1200 })
    );
    let denied = shape(r#"{"fault":{"kind":"access_denied"},"action":"AssumeRole","times":2}"#);
    assert_eq!(
        denied,
        FaultSwitch::on(SandboxFault::AccessDenied)
            .for_action(StsAction::AssumeRole)
            .times(2)
    );
    let region = shape(r#"{"fault":{"kind":"region_not_enabled","region":"ap-east-1"}}"#);
    assert_eq!(
        region,
        FaultSwitch::on(SandboxFault::RegionNotEnabled {
            region: "ap-east-1".to_owned()
        })
    );
}
