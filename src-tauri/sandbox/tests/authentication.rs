use super::*;
use aws_smithy_types::body::SdkBody;

#[tokio::test]
async fn a_good_signature_is_accepted_and_names_the_caller() {
    let setup = Setup::new();
    for region in ["us-east-1", "eu-central-1"] {
        let identity = setup
            .client_in(&setup.kim(), region)
            .get_caller_identity()
            .send()
            .await
            .expect("an identity");
        assert_eq!(
            (identity.arn(), identity.account()),
            (Some(KIM), Some("123456789012"))
        );
        assert!(identity.user_id().is_some_and(|id| id.starts_with("AIDA")));
    }
    let session = setup.session().await;
    assert_eq!(setup.identity(&session).await, Ok(KIM.to_owned()));
}

#[tokio::test]
async fn a_wrong_secret_is_refused_as_a_signature_that_does_not_match() {
    let setup = Setup::new();
    let mut held = setup.kim();
    held.0.secret_access_key =
        SecretAccessKey::parse("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").expect("a secret");
    let (code, text) = setup.identity(&held).await.expect_err("a refusal");
    assert_eq!(code, "SignatureDoesNotMatch");
    assert!(text.starts_with(
        "The request signature we calculated does not match the signature you provided."
    ));
}

#[tokio::test]
async fn a_call_changed_on_its_way_is_refused() {
    let setup = Setup::new();
    let session = setup.session().await;
    let changes: [(Change, &str); 5] = [
        (
            |request| {
                *request.body_mut() = SdkBody::from("Version=2011-06-15&Action=GetCallerIdentity");
            },
            "SignatureDoesNotMatch",
        ),
        (
            |request| {
                drop(
                    request
                        .headers_mut()
                        .insert("x-amz-date", "20270115T080001Z"),
                );
            },
            "SignatureDoesNotMatch",
        ),
        (
            |request| drop(request.headers_mut().remove("authorization")),
            "MissingAuthenticationToken",
        ),
        (
            |request| drop(request.headers_mut().remove("x-amz-security-token")),
            "InvalidClientTokenId",
        ),
        (
            |request| {
                drop(
                    request
                        .headers_mut()
                        .insert("x-amz-security-token", "other"),
                );
            },
            "InvalidClientTokenId",
        ),
    ];
    for (change, expected) in changes {
        let call = setup
            .client(&session)
            .get_caller_identity()
            .customize()
            .interceptor(Tamper(change));
        let seen = code(call.send().await.expect_err("a refusal"));
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn unknown_and_revoked_keys_get_the_same_answer() {
    let setup = Setup::new();
    let kim = setup.kim();
    let refused = (
        "InvalidClientTokenId".to_owned(),
        "The security token included in the request is invalid".to_owned(),
    );
    let stranger = Held(
        Keys {
            access_key_id: AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").expect("a key id"),
            secret_access_key: SecretAccessKey::parse("secret").expect("a secret"),
        },
        None,
    );
    assert_eq!(setup.identity(&stranger).await, Err(refused.clone()));
    setup
        .sandbox
        .revoke_key(&kim.0.access_key_id)
        .expect("a known key");
    assert_eq!(setup.identity(&kim).await, Err(refused));
    assert!(setup.sandbox.revoke_key(&kim.0.access_key_id).is_err());
    let fresh = Held(setup.sandbox.create_key("kim").expect("a key"), None);
    assert_eq!(setup.identity(&fresh).await, Ok(KIM.to_owned()));
}

#[tokio::test]
async fn a_session_outlives_its_key_until_it_is_revoked_itself() {
    let setup = Setup::new();
    let session = setup.session().await;
    let role = setup.role_session(&session).await;
    setup
        .sandbox
        .revoke_key(&setup.kim().0.access_key_id)
        .expect("a known key");
    assert_eq!(setup.identity(&session).await, Ok(KIM.to_owned()));
    assert_eq!(setup.sandbox.revoke_sessions(KIM), 1);
    assert_eq!(
        setup.identity(&session).await.expect_err("a refusal").0,
        "InvalidClientTokenId"
    );
    assert!(setup.identity(&role).await.is_ok());
    assert_eq!(setup.sandbox.revoke_sessions(DEPLOY), 1);
    assert_eq!(
        setup.identity(&role).await.expect_err("a refusal").0,
        "InvalidClientTokenId"
    );
}

#[tokio::test]
async fn a_session_works_to_its_last_second_and_is_expired_from_then_on() {
    let setup = Setup::new();
    let call = setup
        .client(&setup.kim())
        .get_session_token()
        .duration_seconds(129_600);
    let made = call.send().await.expect("a session");
    let session = held_from(made.credentials());
    let expiration = SystemTime::try_from(*made.credentials().expect("credentials").expiration())
        .expect("a time");
    assert_eq!(expiration, setup.clock.now() + 36 * HOUR);
    setup.clock.advance(35 * HOUR + Duration::from_secs(3599));
    assert_eq!(setup.identity(&session).await, Ok(KIM.to_owned()));
    setup.clock.advance(Duration::from_secs(1));
    let text = "The security token included in the request is expired".to_owned();
    assert_eq!(
        setup.identity(&session).await,
        Err(("ExpiredToken".to_owned(), text))
    );
    setup
        .sandbox
        .set_settings(SandboxSettings {
            expired_code: ExpiredCode::ExpiredTokenException,
            ..SandboxSettings::default()
        })
        .expect("good settings");
    assert_eq!(
        setup.identity(&session).await.expect_err("a refusal").0,
        "ExpiredTokenException"
    );
}

#[tokio::test]
async fn short_sessions_say_so_and_the_journal_keeps_the_requested_duration() {
    let setup = Setup::new();
    setup
        .sandbox
        .set_settings(SandboxSettings {
            session_seconds: Some(5),
            ..SandboxSettings::default()
        })
        .expect("good settings");
    let made = setup
        .client(&setup.kim())
        .get_session_token()
        .duration_seconds(3600)
        .send()
        .await
        .expect("a session");
    let expiration = made.credentials().expect("credentials").expiration().secs();
    assert_eq!(expiration, 1_800_000_005);
    assert_eq!(
        setup.sandbox.journal()[0].parameters["DurationSeconds"],
        "3600"
    );
    let session = held_from(made.credentials());
    setup.clock.advance(Duration::from_secs(5));
    assert_eq!(
        setup.identity(&session).await.expect_err("a refusal").0,
        "ExpiredToken"
    );
}

#[tokio::test]
async fn a_user_session_lasts_between_15_minutes_and_36_hours_and_is_not_made_from_a_session() {
    let setup = Setup::new();
    let ask = |held: Held, seconds| {
        let call = setup
            .client(&held)
            .get_session_token()
            .duration_seconds(seconds);
        async move { call.send().await.map(|_| ()).map_err(code_and_text) }
    };
    let text = |value, rule| {
        let text = format!(
            "1 validation error detected: Value '{value}' at 'durationSeconds' failed to satisfy constraint: \
             Member must have value {rule}"
        );
        Err(("ValidationError".to_owned(), text))
    };
    assert_eq!(ask(setup.kim(), 900).await, Ok(()));
    assert_eq!(
        ask(setup.kim(), 899).await,
        text(899, "greater than or equal to 900")
    );
    assert_eq!(
        ask(setup.kim(), 129_601).await,
        text(129_601, "less than or equal to 129600")
    );
    let refused = (
        "AccessDenied".to_owned(),
        "Cannot call GetSessionToken with session credentials".to_owned(),
    );
    assert_eq!(ask(setup.session().await, 900).await, Err(refused.clone()));
    assert_eq!(
        ask(setup.role_session(&setup.kim()).await, 900).await,
        Err(refused)
    );
}

#[tokio::test]
async fn the_mfa_code_is_checked_where_one_is_given() {
    let setup = Setup::new();
    let serial = setup.sandbox.mfa_serial("kim");
    let ask = async |serial: Option<&str>, code: Option<&str>| {
        let call = setup.client(&setup.kim()).get_session_token();
        let call = call
            .set_serial_number(serial.map(str::to_owned))
            .set_token_code(code.map(str::to_owned));
        call.send().await.map(|_| ()).map_err(code_and_text)
    };
    let denied = |text: &str| Err(("AccessDenied".to_owned(), text.to_owned()));
    assert_eq!(ask(Some(&serial), Some("123456")).await, Ok(()));
    let wrong = denied("MultiFactorAuthentication failed with invalid MFA one time pass code. ");
    assert_eq!(ask(Some(&serial), Some("654321")).await, wrong);
    let both = denied(
        "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
    );
    assert_eq!(ask(Some(&serial), None).await, both);
    assert_eq!(ask(None, Some("123456")).await, both);
    let unknown = ask(Some("arn:aws:iam::123456789012:mfa/lee"), Some("123456"))
        .await
        .expect_err("a refusal");
    assert!(
        unknown.1.contains("associated with this user"),
        "{}",
        unknown.1
    );
    setup
        .sandbox
        .set_settings(SandboxSettings {
            mfa_code: "654321".to_owned(),
            ..SandboxSettings::default()
        })
        .expect("good settings");
    assert_eq!(ask(Some(&serial), Some("654321")).await, Ok(()));
    setup
        .sandbox
        .set_mfa("kim", MfaDevice::Absent)
        .expect("a known user");
    assert_eq!(
        ask(Some(&serial), Some("654321"))
            .await
            .expect_err("a refusal")
            .0,
        "AccessDenied"
    );
}
