use super::*;
use aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder;

fn assume(setup: &Setup, held: &Held) -> AssumeRoleFluentBuilder {
    setup
        .client(held)
        .assume_role()
        .role_arn(DEPLOY)
        .role_session_name("kim")
}

fn not_authorized(who: &str, role: &str) -> (String, String) {
    let text =
        format!("User: {who} is not authorized to perform: sts:AssumeRole on resource: {role}");
    ("AccessDenied".to_owned(), text)
}

async fn outcome(call: AssumeRoleFluentBuilder) -> Result<(), (String, String)> {
    call.send().await.map(|_| ()).map_err(code_and_text)
}

#[tokio::test]
async fn an_assumed_role_is_named_in_its_own_account_and_partition() {
    let setup = Setup::new();
    for (role, session) in [
        (DEPLOY, "arn:aws:sts::420000000025:assumed-role/deploy/kim"),
        (
            "arn:aws-cn:iam::420000000026:role/team/build",
            "arn:aws-cn:sts::420000000026:assumed-role/build/kim",
        ),
        (
            "arn:aws-us-gov:iam::420000000027:role/x",
            "arn:aws-us-gov:sts::420000000027:assumed-role/x/kim",
        ),
    ] {
        setup
            .sandbox
            .add_role(SandboxRole::new(role, RoleTrust::Everybody))
            .expect("a good role");
        let made = assume(&setup, &setup.kim())
            .role_arn(role)
            .send()
            .await
            .expect("a role session");
        let assumed = made.assumed_role_user().expect("a role user");
        assert_eq!(assumed.arn(), session);
        assert!(
            assumed.assumed_role_id().starts_with("AROA")
                && assumed.assumed_role_id().ends_with(":kim")
        );
        assert_eq!(
            setup.identity(&held_from(made.credentials())).await,
            Ok(session.to_owned())
        );
        assert_eq!(
            made.credentials().expect("credentials").expiration().secs(),
            1_800_003_600
        );
    }
}

#[tokio::test]
async fn a_role_can_be_assumed_only_by_principals_it_trusts() {
    let setup = Setup::new();
    let lee = "arn:aws:iam::123456789012:user/lee";
    assert_eq!(setup.sandbox.add_user("lee"), Ok(lee.to_owned()));
    let lees = Held(setup.sandbox.create_key("lee").expect("a key"), None);
    let trust = |principal: &str| {
        let trust = RoleTrust::Principals(vec![principal.to_owned()]);
        setup
            .sandbox
            .add_role(SandboxRole::new(DEPLOY, trust))
            .expect("a good role");
    };
    trust(KIM);
    assert_eq!(outcome(assume(&setup, &setup.kim())).await, Ok(()));
    assert_eq!(
        outcome(assume(&setup, &setup.session().await)).await,
        Ok(())
    );
    assert_eq!(
        outcome(assume(&setup, &lees)).await,
        Err(not_authorized(lee, DEPLOY))
    );
    trust("arn:aws:iam::123456789012:root");
    assert_eq!(outcome(assume(&setup, &lees)).await, Ok(()));
    trust("arn:aws:iam::999999999999:root");
    assert_eq!(
        outcome(assume(&setup, &lees)).await,
        Err(not_authorized(lee, DEPLOY))
    );
    let missing = "arn:aws:iam::420000000025:role/missing";
    let refused = outcome(assume(&setup, &lees).role_arn(missing)).await;
    assert_eq!(refused, Err(not_authorized(lee, missing)));
}

#[tokio::test]
async fn an_external_id_must_be_the_roles_own() {
    let setup = Setup::new();
    let role = SandboxRole {
        external_id: Some("x-1".to_owned()),
        ..SandboxRole::new(DEPLOY, RoleTrust::Everybody)
    };
    setup.sandbox.add_role(role).expect("a good role");
    let call = || assume(&setup, &setup.kim());
    assert_eq!(outcome(call().external_id("x-1")).await, Ok(()));
    assert_eq!(
        outcome(call().external_id("x-2")).await,
        Err(not_authorized(KIM, DEPLOY))
    );
    assert_eq!(outcome(call()).await, Err(not_authorized(KIM, DEPLOY)));
}

#[tokio::test]
async fn a_role_session_is_bounded_by_aws_by_the_role_and_by_chaining() {
    let setup = Setup::new();
    let validation = |text: &str| Err(("ValidationError".to_owned(), text.to_owned()));
    let of_role = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    let call = |held: &Held, seconds| assume(&setup, held).duration_seconds(seconds);
    let kim = setup.kim();
    assert_eq!(outcome(call(&kim, 2700)).await, Ok(()));
    assert_eq!(outcome(call(&kim, 3601)).await, validation(of_role));
    for (seconds, edge) in [
        (899, "greater than or equal to 900"),
        (43_201, "less than or equal to 43200"),
    ] {
        let (code, text) = outcome(call(&kim, seconds)).await.expect_err("a refusal");
        assert_eq!(code, "ValidationError");
        assert!(text.ends_with(edge), "{text}");
    }
    let role = SandboxRole {
        max_session_seconds: 43_200,
        ..SandboxRole::new(DEPLOY, RoleTrust::Everybody)
    };
    setup.sandbox.add_role(role).expect("a good role");
    assert_eq!(outcome(call(&kim, 43_200)).await, Ok(()));
    for chained in [setup.session().await, setup.role_session(&kim).await] {
        assert_eq!(outcome(call(&chained, 3600)).await, Ok(()));
        assert_eq!(
            outcome(call(&chained, 3601)).await,
            validation(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
            )
        );
    }
}

#[tokio::test]
async fn where_roles_demand_mfa_the_code_counts_for_the_call_or_for_the_session() {
    let setup = Setup::new();
    setup
        .sandbox
        .set_mfa("kim", MfaDevice::RequiredForRoles)
        .expect("a known user");
    let serial = setup.sandbox.mfa_serial("kim");
    let kim = setup.kim();
    assert_eq!(
        outcome(assume(&setup, &kim)).await,
        Err(not_authorized(KIM, DEPLOY))
    );
    assert_eq!(
        outcome(assume(&setup, &setup.session().await)).await,
        Err(not_authorized(KIM, DEPLOY))
    );
    assert_eq!(
        outcome(
            assume(&setup, &kim)
                .serial_number(&serial)
                .token_code("123456")
        )
        .await,
        Ok(())
    );
    let (_, text) = outcome(
        assume(&setup, &kim)
            .serial_number(&serial)
            .token_code("000000"),
    )
    .await
    .expect_err("a refusal");
    assert_eq!(
        text,
        "MultiFactorAuthentication failed with invalid MFA one time pass code. "
    );
    let call = setup
        .client(&kim)
        .get_session_token()
        .serial_number(&serial)
        .token_code("123456");
    let session = held_from(call.send().await.expect("a session").credentials());
    assert_eq!(outcome(assume(&setup, &session)).await, Ok(()));
}

#[tokio::test]
async fn session_names_and_arns_that_aws_would_not_take_are_refused() {
    let setup = Setup::new();
    let call = || assume(&setup, &setup.kim());
    let long = "x".repeat(65);
    for (name, rule) in [
        (
            "k&<m",
            "Member must satisfy regular expression pattern: [\\w+=,.@-]*",
        ),
        ("k", "Member must have length greater than or equal to 2"),
        (&long, "Member must have length less than or equal to 64"),
    ] {
        let (code, text) = outcome(call().role_session_name(name))
            .await
            .expect_err("a refusal");
        assert_eq!(code, "ValidationError");
        assert!(
            text.contains(&format!("'{name}' at 'roleSessionName'")) && text.ends_with(rule),
            "{text}"
        );
    }
    for arn in [
        "deploy",
        "arn:aws:iam::42:role/deploy",
        "arn:aws:iam::420000000025:user/deploy",
    ] {
        let refused = ("ValidationError".to_owned(), format!("{arn} is invalid"));
        assert_eq!(outcome(call().role_arn(arn)).await, Err(refused));
        assert!(
            setup
                .sandbox
                .add_role(SandboxRole::new(arn, RoleTrust::Everybody))
                .is_err(),
            "{arn}"
        );
    }
}
