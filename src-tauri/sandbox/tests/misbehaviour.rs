use super::*;
use aws_sdk_sts::config::timeout::TimeoutConfig;

impl Setup {
    fn with(fault: SandboxFault) -> Setup {
        let setup = Setup::new();
        setup
            .sandbox
            .inject(FaultSwitch::on(fault))
            .expect("a good switch");
        setup
    }

    /// Of GetCallerIdentity with kim's keys: `ok`, or AWS's code.
    async fn code(&self) -> String {
        self.identity(&self.kim())
            .await
            .map_or_else(|(code, _)| code, |_| "ok".to_owned())
    }
}

#[tokio::test]
async fn faults_answer_with_the_codes_of_aws_and_are_journalled() {
    for (fault, code, text) in [
        (SandboxFault::Throttling, "Throttling", "Rate exceeded"),
        (
            SandboxFault::InternalFailure,
            "InternalFailure",
            "The request processing has failed",
        ),
        (
            SandboxFault::ServiceUnavailable,
            "ServiceUnavailable",
            "The request has failed due to a temporary failure",
        ),
        (
            SandboxFault::ExpiredToken,
            "ExpiredToken",
            "The security token included in the request is expired",
        ),
        (
            SandboxFault::ExpiredTokenException,
            "ExpiredTokenException",
            "The security token included in the request is expired",
        ),
        (
            SandboxFault::AccessDenied,
            "AccessDenied",
            "User: arn:aws:iam::123456789012:user/kim is not authorized to perform: \
         sts:GetCallerIdentity on resource:",
        ),
    ] {
        let setup = Setup::with(fault);
        let (seen, message) = setup.identity(&setup.kim()).await.expect_err("a refusal");
        assert_eq!(seen, code);
        assert!(message.starts_with(text), "{message}");
        assert_eq!(setup.sandbox.journal()[0].outcome, code);
        setup.sandbox.clear_faults();
        assert_eq!(setup.code().await, "ok");
    }
}

#[tokio::test]
async fn a_fault_meets_its_action_and_as_many_calls_as_it_was_set_for() {
    let setup = Setup::new();
    let switch = FaultSwitch::on(SandboxFault::Throttling)
        .for_action(StsAction::GetSessionToken)
        .times(2);
    setup.sandbox.inject(switch).expect("a good switch");
    let session = || setup.client(&setup.kim()).get_session_token().send();
    assert_eq!(setup.code().await, "ok");
    assert_eq!(code(session().await.expect_err("a refusal")), "Throttling");
    assert_eq!(setup.sandbox.state().faults[0].times, Some(1));
    assert_eq!(code(session().await.expect_err("a refusal")), "Throttling");
    assert!(session().await.is_ok());
    assert!(setup.sandbox.state().faults.is_empty());
}

#[tokio::test]
async fn no_mfa_code_is_right_while_codes_are_refused_and_calls_without_one_go_through() {
    let setup = Setup::new();
    setup
        .sandbox
        .inject(FaultSwitch::on(SandboxFault::WrongMfaCode).times(1))
        .expect("a good switch");
    let serial = setup.sandbox.mfa_serial("kim");
    let call = || setup.client(&setup.kim()).get_session_token();
    assert!(call().send().await.is_ok());
    let with_code = || call().serial_number(&serial).token_code("123456").send();
    let (_, text) = code_and_text(with_code().await.expect_err("a refusal"));
    assert_eq!(
        text,
        "MultiFactorAuthentication failed with invalid MFA one time pass code. "
    );
    assert!(with_code().await.is_ok());
}

#[tokio::test]
async fn a_region_that_is_not_enabled_refuses_keys_that_are_good_elsewhere() {
    let setup = Setup::with(SandboxFault::RegionNotEnabled {
        region: "ap-east-1".to_owned(),
    });
    let call = |region| {
        setup
            .client_in(&setup.kim(), region)
            .get_caller_identity()
            .send()
    };
    assert_eq!(
        code(call("ap-east-1").await.expect_err("a refusal")),
        "InvalidClientTokenId"
    );
    assert!(call("us-east-1").await.is_ok());
    let regions: Vec<_> = setup
        .sandbox
        .journal()
        .into_iter()
        .filter_map(|call| call.region)
        .collect();
    assert_eq!(regions, ["ap-east-1", "us-east-1"]);
}

#[tokio::test]
async fn a_clock_that_is_off_refuses_signatures_and_shows_in_the_date() {
    for (seconds, text) in [
        (
            1200,
            "Signature expired: 20270115T080000Z is now earlier than 20270115T080500Z (20270115T082000Z - 15 min.)",
        ),
        (
            -1200,
            "Signature not yet current: 20270115T080000Z is still later than 20270115T075500Z \
             (20270115T074000Z + 15 min.)",
        ),
    ] {
        let setup = Setup::with(SandboxFault::ClockOffset { seconds });
        let error = setup
            .client(&setup.kim())
            .get_caller_identity()
            .send()
            .await
            .expect_err("a refusal");
        let date = error
            .raw_response()
            .and_then(|response| response.headers().get("date"))
            .map(str::to_owned);
        let expected = if seconds > 0 {
            "Fri, 15 Jan 2027 08:20:00 GMT"
        } else {
            "Fri, 15 Jan 2027 07:40:00 GMT"
        };
        assert_eq!(date.as_deref(), Some(expected));
        assert_eq!(
            code_and_text(error),
            ("SignatureDoesNotMatch".to_owned(), text.to_owned())
        );
        setup
            .sandbox
            .set_settings(SandboxSettings {
                skew_code: SkewCode::RequestExpired,
                ..SandboxSettings::default()
            })
            .expect("good settings");
        assert_eq!(setup.code().await, "RequestExpired");
    }
}

#[tokio::test]
async fn within_fifteen_minutes_the_expiry_follows_the_sandboxs_clock() {
    let setup = Setup::with(SandboxFault::ClockOffset { seconds: 600 });
    let made = setup
        .client(&setup.kim())
        .get_session_token()
        .send()
        .await
        .expect("a session");
    assert_eq!(
        made.credentials().expect("credentials").expiration().secs(),
        1_800_000_600 + 43_200
    );
}

#[tokio::test]
async fn an_outage_closes_the_connection_without_an_answer() {
    let setup = Setup::new();
    setup
        .sandbox
        .inject(FaultSwitch::on(SandboxFault::Outage).times(1))
        .expect("a good switch");
    assert_eq!(setup.code().await, "dispatch");
    assert_eq!(setup.code().await, "ok");
    let outcomes: Vec<_> = setup
        .sandbox
        .journal()
        .into_iter()
        .map(|call| call.outcome)
        .collect();
    assert_eq!(outcomes, ["outage", "ok"]);
}

#[tokio::test]
async fn a_delayed_answer_tries_the_patience_of_the_caller() {
    let setup = Setup::with(SandboxFault::Delay { milliseconds: 400 });
    let patience = |milliseconds| {
        let timeouts = TimeoutConfig::builder()
            .operation_timeout(Duration::from_millis(milliseconds))
            .build();
        let config = setup.client(&setup.kim()).config().to_builder();
        let config = config
            .timeout_config(timeouts)
            .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new());
        Client::from_conf(config.build())
            .get_caller_identity()
            .send()
    };
    assert_eq!(code(patience(50).await.expect_err("a timeout")), "timeout");
    assert!(patience(60_000).await.is_ok());
    assert_eq!(
        setup.sandbox.journal().len(),
        2,
        "the call that was given up was carried out all the same"
    );
}

#[tokio::test]
async fn switches_and_settings_beyond_reason_are_refused() {
    let setup = Setup::new();
    for fault in [
        SandboxFault::Delay {
            milliseconds: u64::MAX,
        },
        SandboxFault::ClockOffset { seconds: i64::MAX },
        SandboxFault::ClockOffset { seconds: i64::MIN },
    ] {
        assert!(
            setup
                .sandbox
                .inject(FaultSwitch::on(fault.clone()))
                .is_err(),
            "{fault:?}"
        );
    }
    for settings in [
        SandboxSettings {
            session_seconds: Some(u64::MAX),
            ..SandboxSettings::default()
        },
        SandboxSettings {
            mfa_code: "12345x".to_owned(),
            ..SandboxSettings::default()
        },
    ] {
        assert!(setup.sandbox.set_settings(settings).is_err());
    }
    assert_eq!(setup.code().await, "ok");
}
