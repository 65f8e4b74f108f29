use super::*;
use aws_sdk_sts::config::timeout::TimeoutConfig;

impl Desk {
    fn with(fault: Fault) -> Desk {
        let desk = Desk::new();
        desk.sandbox
            .inject(Switch::on(fault))
            .expect("a good switch");
        desk
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
        (Fault::Throttling, "Throttling", "Rate exceeded"),
        (
            Fault::InternalFailure,
            "InternalFailure",
            "The request processing has failed",
        ),
        (
            Fault::ServiceUnavailable,
            "ServiceUnavailable",
            "The request has failed due to a temporary failure",
        ),
        (
            Fault::ExpiredToken,
            "ExpiredToken",
            "The security token included in the request is expired",
        ),
        (
            Fault::ExpiredTokenException,
            "ExpiredTokenException",
            "The security token included in the request is expired",
        ),
        (
            Fault::AccessDenied,
            "AccessDenied",
            "User: arn:aws:iam::123456789012:user/kim is not authorized to perform: \
         sts:GetCallerIdentity on resource:",
        ),
    ] {
        let desk = Desk::with(fault);
        let (seen, message) = desk.identity(&desk.kim()).await.expect_err("a refusal");
        assert_eq!(seen, code);
        assert!(message.starts_with(text), "{message}");
        assert_eq!(desk.sandbox.journal()[0].outcome, code);
        desk.sandbox.clear_faults();
        assert_eq!(desk.code().await, "ok");
    }
}

#[tokio::test]
async fn a_fault_meets_its_action_and_as_many_calls_as_it_was_set_for() {
    let desk = Desk::new();
    let switch = Switch::on(Fault::Throttling)
        .for_action(Action::GetSessionToken)
        .times(2);
    desk.sandbox.inject(switch).expect("a good switch");
    let session = || desk.client(&desk.kim()).get_session_token().send();
    assert_eq!(desk.code().await, "ok");
    assert_eq!(code(session().await.expect_err("a refusal")), "Throttling");
    assert_eq!(desk.sandbox.state().faults[0].times, Some(1));
    assert_eq!(code(session().await.expect_err("a refusal")), "Throttling");
    assert!(session().await.is_ok());
    assert!(desk.sandbox.state().faults.is_empty());
}

#[tokio::test]
async fn no_mfa_code_is_right_while_codes_are_refused_and_calls_without_one_go_through() {
    let desk = Desk::new();
    desk.sandbox
        .inject(Switch::on(Fault::WrongMfaCode).times(1))
        .expect("a good switch");
    let serial = desk.sandbox.mfa_serial("kim");
    let call = || desk.client(&desk.kim()).get_session_token();
    assert!(call().send().await.is_ok());
    let with_code = || call().serial_number(&serial).token_code("123456").send();
    let (_, text) = told(with_code().await.expect_err("a refusal"));
    assert_eq!(
        text,
        "MultiFactorAuthentication failed with invalid MFA one time pass code. "
    );
    assert!(with_code().await.is_ok());
}

#[tokio::test]
async fn a_region_that_is_not_enabled_refuses_keys_that_are_good_elsewhere() {
    let desk = Desk::with(Fault::RegionNotEnabled {
        region: "ap-east-1".to_owned(),
    });
    let call = |region| {
        desk.client_in(&desk.kim(), region)
            .get_caller_identity()
            .send()
    };
    assert_eq!(
        code(call("ap-east-1").await.expect_err("a refusal")),
        "InvalidClientTokenId"
    );
    assert!(call("us-east-1").await.is_ok());
    let regions: Vec<_> = desk
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
        let desk = Desk::with(Fault::ClockOffset { seconds });
        let error = desk
            .client(&desk.kim())
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
            told(error),
            ("SignatureDoesNotMatch".to_owned(), text.to_owned())
        );
        desk.sandbox
            .set_settings(Settings {
                skew_code: SkewCode::RequestExpired,
                ..Settings::default()
            })
            .expect("good settings");
        assert_eq!(desk.code().await, "RequestExpired");
    }
}

#[tokio::test]
async fn within_fifteen_minutes_the_expiry_follows_the_sandboxs_clock() {
    let desk = Desk::with(Fault::ClockOffset { seconds: 600 });
    let made = desk
        .client(&desk.kim())
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
    let desk = Desk::new();
    desk.sandbox
        .inject(Switch::on(Fault::Outage).times(1))
        .expect("a good switch");
    assert_eq!(desk.code().await, "dispatch");
    assert_eq!(desk.code().await, "ok");
    let outcomes: Vec<_> = desk
        .sandbox
        .journal()
        .into_iter()
        .map(|call| call.outcome)
        .collect();
    assert_eq!(outcomes, ["outage", "ok"]);
}

#[tokio::test]
async fn a_delayed_answer_tries_the_patience_of_the_caller() {
    let desk = Desk::with(Fault::Delay { milliseconds: 400 });
    let patience = |milliseconds| {
        let timeouts = TimeoutConfig::builder()
            .operation_timeout(Duration::from_millis(milliseconds))
            .build();
        let config = desk.client(&desk.kim()).config().to_builder();
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
        desk.sandbox.journal().len(),
        2,
        "the call that was given up was carried out all the same"
    );
}

#[tokio::test]
async fn switches_and_settings_beyond_reason_are_refused() {
    let desk = Desk::new();
    for fault in [
        Fault::Delay {
            milliseconds: u64::MAX,
        },
        Fault::ClockOffset { seconds: i64::MAX },
        Fault::ClockOffset { seconds: i64::MIN },
    ] {
        assert!(
            desk.sandbox.inject(Switch::on(fault.clone())).is_err(),
            "{fault:?}"
        );
    }
    for settings in [
        Settings {
            session_seconds: Some(u64::MAX),
            ..Settings::default()
        },
        Settings {
            mfa_code: "12345x".to_owned(),
            ..Settings::default()
        },
    ] {
        assert!(desk.sandbox.set_settings(settings).is_err());
    }
    assert_eq!(desk.code().await, "ok");
}
