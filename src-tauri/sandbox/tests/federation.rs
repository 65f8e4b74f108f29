use super::*;
use aws_sdk_sts::operation::assume_role_with_saml::AssumeRoleWithSamlOutput;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityOutput;
use aws_sdk_sts::types::PolicyDescriptorType;
use aws_smithy_types::base64;

const PROVIDER: &str = "arn:aws:iam::420000000025:saml-provider/corp";
const AUDIT: &str = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials";

/// An assertion as identity providers write it, good for five minutes from the start of the test.
fn assertion() -> String {
    format!(
        r#"<?xml version="1.0"?>
<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">
  <saml:Issuer>https://idp.example.com</saml:Issuer>
  <saml:Assertion>
    <saml:Issuer>https://idp.example.com</saml:Issuer>
    <ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignatureValue>x</ds:SignatureValue></ds:Signature>
    <saml:Subject>
      <saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">kim &amp; co</saml:NameID>
      <saml:SubjectConfirmation><saml:SubjectConfirmationData Recipient="https://signin.aws.amazon.com/saml"/></saml:SubjectConfirmation>
    </saml:Subject>
    <saml:Conditions NotBefore="2027-01-15T07:59:00Z" NotOnOrAfter="2027-01-15T08:05:00Z">
      <saml:AudienceRestriction><saml:Audience>urn:amazon:webservices</saml:Audience></saml:AudienceRestriction>
    </saml:Conditions>
    <saml:AuthnStatement SessionNotOnOrAfter="2027-01-15T08:30:00Z"/>
    <saml:AttributeStatement>
      <saml:Attribute Name="https://aws.amazon.com/SAML/Attributes/Role">
        <saml:AttributeValue>{PROVIDER},arn:aws:iam::420000000025:role/other</saml:AttributeValue>
        <saml:AttributeValue>{DEPLOY},{PROVIDER}</saml:AttributeValue>
      </saml:Attribute>
      <saml:Attribute Name="https://aws.amazon.com/SAML/Attributes/RoleSessionName">
        <saml:AttributeValue>kim@example.com</saml:AttributeValue>
      </saml:Attribute>
    </saml:AttributeStatement>
  </saml:Assertion>
</samlp:Response>"#
    )
}

impl Setup {
    async fn with_saml(
        &self,
        assertion: &str,
    ) -> Result<AssumeRoleWithSamlOutput, (String, String)> {
        let call = self
            .client(&self.kim())
            .assume_role_with_saml()
            .role_arn(DEPLOY)
            .principal_arn(PROVIDER);
        call.saml_assertion(assertion)
            .send()
            .await
            .map_err(code_and_text)
    }

    async fn with_token(
        &self,
        token: &str,
    ) -> Result<AssumeRoleWithWebIdentityOutput, (String, String)> {
        let call = self
            .client(&self.kim())
            .assume_role_with_web_identity()
            .role_arn(DEPLOY)
            .role_session_name("job-7");
        call.web_identity_token(token)
            .send()
            .await
            .map_err(code_and_text)
    }

    async fn root(&self, held: &Held, account: &str, policy: &str) -> Result<Held, String> {
        let policy = PolicyDescriptorType::builder().arn(policy).build();
        let call = self
            .client(held)
            .assume_root()
            .target_principal(account)
            .task_policy_arn(policy);
        call.send()
            .await
            .map(|made| held_from(made.credentials()))
            .map_err(code)
    }
}

#[tokio::test]
async fn an_assertion_gives_a_session_of_the_role_it_names_that_ends_with_the_providers() {
    let setup = Setup::new();
    let made = setup
        .with_saml(&base64::encode(assertion()))
        .await
        .expect("a session");
    assert_eq!(
        (made.subject(), made.issuer()),
        (Some("kim & co"), Some("https://idp.example.com"))
    );
    assert_eq!(
        made.credentials().expect("credentials").expiration().secs(),
        1_800_000_000 + 30 * 60
    );
    let session = "arn:aws:sts::420000000025:assumed-role/deploy/kim@example.com";
    assert_eq!(
        setup.identity(&held_from(made.credentials())).await,
        Ok(session.to_owned())
    );
    let call = &setup.sandbox.journal()[0];
    assert_eq!(
        (call.principal.as_deref(), call.access_key_id.as_deref()),
        (Some(PROVIDER), None)
    );
    assert_eq!(call.parameters["SAMLAssertion"], "(hidden)");

    let trust = RoleTrust::Principals(vec!["arn:aws:iam::420000000025:root".to_owned()]);
    setup
        .sandbox
        .add_role(SandboxRole::new(DEPLOY, trust))
        .expect("a good role");
    let refused = setup
        .with_saml(&base64::encode(assertion()))
        .await
        .expect_err("a refusal");
    assert_eq!(
        refused,
        (
            "AccessDenied".to_owned(),
            "Not authorized to perform sts:AssumeRoleWithSAML".to_owned()
        )
    );
    let trust = RoleTrust::Principals(vec![PROVIDER.to_owned()]);
    setup
        .sandbox
        .add_role(SandboxRole::new(DEPLOY, trust))
        .expect("a good role");
    assert!(setup.with_saml(&base64::encode(assertion())).await.is_ok());
}

#[tokio::test]
async fn an_assertion_that_aws_would_not_take_is_refused() {
    let setup = Setup::new();
    for (part, other, text) in [
        ("ds:Signature", "ds:Other", "signature"),
        ("urn:amazon:webservices", "urn:other", "audience"),
        (DEPLOY, "arn:aws:iam::420000000025:role/x", "Role"),
        ("Attributes/Role\"", "Attributes/Other\"", "Role"),
        (
            "Attributes/RoleSessionName",
            "Attributes/Other",
            "RoleSessionName is required",
        ),
        ("kim@example.com", "k", "RoleSessionName in"),
        ("saml:Assertion", "saml:EncryptedAssertion", "assertion"),
        ("samlp:Response", "samlp:Other", "base64"),
    ] {
        let changed = base64::encode(assertion().replace(part, other));
        let (code, said) = setup.with_saml(&changed).await.expect_err("a refusal");
        assert_eq!(code, "InvalidIdentityToken", "{other}");
        assert!(said.contains(text), "{other}: {said}");
    }
    let deep = "<a>".repeat(10_000);
    for nonsense in [
        "x".to_owned(),
        base64::encode("x"),
        base64::encode(format!("<Response>{deep}")),
    ] {
        let (code, _) = setup.with_saml(&nonsense).await.expect_err("a refusal");
        assert_eq!(code, "InvalidIdentityToken");
    }
    let (code, said) = setup
        .with_saml(&"x".repeat(100_001))
        .await
        .expect_err("a refusal");
    assert_eq!(code, "ValidationError");
    assert!(said.contains("less than or equal to 100000"), "{said}");
    setup.clock.advance(Duration::from_secs(300));
    let (code, _) = setup
        .with_saml(&base64::encode(assertion()))
        .await
        .expect_err("a refusal");
    assert_eq!(code, "ExpiredTokenException");
    setup.clock.set_back(Duration::from_secs(361));
    assert!(
        setup.with_saml(&base64::encode(assertion())).await.is_err(),
        "not valid yet"
    );
}

#[tokio::test]
async fn a_token_of_the_known_provider_gives_a_session_of_a_role() {
    let setup = Setup::new();
    let token = |audience: &str| setup.sandbox.web_identity_token("repo:a/b", audience, HOUR);
    let good = token("sts.amazonaws.com");
    let made = setup.with_token(&good).await.expect("a session");
    assert_eq!(made.subject_from_web_identity_token(), Some("repo:a/b"));
    let session = "arn:aws:sts::420000000025:assumed-role/deploy/job-7";
    assert_eq!(
        setup.identity(&held_from(made.credentials())).await,
        Ok(session.to_owned())
    );

    let elsewhere = Setup::new()
        .sandbox
        .web_identity_token("repo:a/b", "sts.amazonaws.com", HOUR);
    let mut forged: Vec<_> = good.split('.').map(str::to_owned).collect();
    forged[2] = elsewhere.split('.').nth(2).expect("a signature").to_owned();
    for (token, text) in [
        ("x".to_owned(), "not a valid JWT"),
        (String::new(), "not a valid JWT"),
        (
            elsewhere,
            "No OpenIDConnect provider found in your account for http://127.0.0.1:",
        ),
        (forged.join("."), "Couldn't retrieve verification key"),
        (token("other"), "Incorrect token audience"),
    ] {
        let (code, said) = setup.with_token(&token).await.expect_err("a refusal");
        assert_eq!(code, "InvalidIdentityToken", "{text}");
        assert!(said.contains(text), "{said}");
    }
    setup.clock.advance(HOUR);
    let (code, said) = setup.with_token(&good).await.expect_err("a refusal");
    assert_eq!(code, "ExpiredTokenException");
    assert_eq!(
        said,
        "Token expired: current date/time 1800003600 must be before the expiration date/time 1800003600"
    );
    for (fault, expected) in [
        (SandboxFault::IdpCommunicationError, "IDPCommunicationError"),
        (SandboxFault::IdpRejectedClaim, "IDPRejectedClaim"),
    ] {
        setup
            .sandbox
            .inject(FaultSwitch::on(fault))
            .expect("a good switch");
        let (code, _) = setup
            .with_token(&token("sts.amazonaws.com"))
            .await
            .expect_err("a refusal");
        assert_eq!(code, expected);
        assert!(
            setup.identity(&setup.kim()).await.is_ok(),
            "other calls go through"
        );
        setup.sandbox.clear_faults();
    }
}

#[tokio::test]
async fn root_tasks_are_for_the_management_account_and_its_members() {
    let setup = Setup::new();
    let member = "420000000025";
    let root = setup
        .root(&setup.kim(), member, AUDIT)
        .await
        .expect("a session");
    assert_eq!(
        setup.identity(&root).await,
        Ok("arn:aws:sts::420000000025:assumed-root".to_owned())
    );
    let session = setup.session().await;
    assert!(setup.root(&session, member, AUDIT).await.is_ok());
    let denied = Err("AccessDenied".to_owned());
    assert_eq!(
        setup
            .root(&setup.kim(), "420000000099", AUDIT)
            .await
            .map(|_| ()),
        denied
    );
    let of_member = setup.role_session(&setup.kim()).await;
    assert_eq!(
        setup.root(&of_member, member, AUDIT).await.map(|_| ()),
        denied,
        "not a management account"
    );
    let other = "arn:aws:iam::aws:policy/AdministratorAccess";
    assert_eq!(
        setup.root(&setup.kim(), member, other).await.map(|_| ()),
        Err("ValidationError".to_owned())
    );
    setup.clock.advance(Duration::from_secs(900));
    assert!(
        setup.identity(&root).await.is_err(),
        "a quarter of an hour at most"
    );
}
