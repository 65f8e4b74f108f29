//! Roles by an identity provider's assertion (SAML): the real `fob` with and without an agent, the
//! sandbox's AWS, and a tool that prints assertions.

use crate::home::{Home, code, text, until};
use aws_smithy_types::base64;
use jiff::{Timestamp, ToSpan};
use keyfob_core::sandbox::{RoleTrust, SandboxRole};
use std::fs::{self, File};
use std::process::{Output, Stdio};

pub const CONFIG: &str = r#"auth:
  providers:
    okta: { kind: aws/saml, region: us-east-1, url: "https://idp.example/app/sso/saml" }
  identities:
    ops: { kind: aws/assume-role, via: { provider: okta }, principal: { assume_role: "arn:aws:iam::420000000025:role/ops" } }
    dev: { kind: aws/assume-role, via: { provider: okta }, principal: { assume_role: "arn:aws:iam::420000000025:role/dev" } }
    stranger: { kind: aws/assume-role, via: { provider: okta }, principal: { assume_role: "arn:aws:iam::420000000025:role/oops" } }
    above: { kind: aws/assume-role, via: { identity: ops }, principal: { assume_role: "arn:aws:iam::420000000025:role/deploy" } }
"#;

/// What an identity provider says. Changed, it is of no use.
pub struct Assertion {
    roles: &'static str,
    audience: &'static str,
    ends_in_minutes: i64,
    signature: &'static str,
    more: String,
}

impl Assertion {
    pub fn good() -> Assertion {
        Assertion {
            roles: "<saml:AttributeValue>arn:aws:iam::420000000025:saml-provider/corp,arn:aws:iam::420000000025:role/dev</saml:AttributeValue>
                    <saml:AttributeValue>arn:aws:iam::420000000025:role/ops,arn:aws:iam::420000000025:saml-provider/corp</saml:AttributeValue>",
            audience: "https://signin.aws.amazon.com/saml",
            ends_in_minutes: 5,
            signature: "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignatureValue>x</ds:SignatureValue></ds:Signature>",
            more: String::new(),
        }
    }

    pub fn text(&self) -> String {
        self.text_at(Timestamp::now())
    }

    pub fn text_at(&self, now: Timestamp) -> String {
        let end = now + self.ends_in_minutes.minutes();
        let Assertion {
            roles,
            audience,
            signature,
            more,
            ..
        } = self;
        base64::encode(format!(
            r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">
  <saml:Issuer>https://idp.example</saml:Issuer>
  <saml:Assertion><saml:Issuer>https://idp.example</saml:Issuer>{signature}
    <saml:Subject><saml:NameID>kim</saml:NameID></saml:Subject>
    <saml:Conditions NotOnOrAfter="{end}"><saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>
    <saml:AttributeStatement>
      <saml:Attribute Name="https://aws.amazon.com/SAML/Attributes/Role">{roles}</saml:Attribute>
      <saml:Attribute Name="https://aws.amazon.com/SAML/Attributes/RoleSessionName"><saml:AttributeValue>kim@example</saml:AttributeValue></saml:Attribute>
      {more}
    </saml:AttributeStatement>
  </saml:Assertion>
</samlp:Response>"#
        ))
    }
}

fn office(config: &str) -> Home {
    let home = Home::with(config);
    for name in ["ops", "dev"] {
        let arn = format!("arn:aws:iam::420000000025:role/{name}");
        let role = SandboxRole::new(arn, RoleTrust::Everybody);
        home.sandbox().add_role(role).expect("a role");
    }
    home
}

pub fn login(home: &Home, arguments: &[&str], assertion: &str) -> Output {
    let all = [&["login", "--assertion-stdin"], arguments].concat();
    // A pipe would break where no more is read.
    let file = home.path().join("assertion");
    fs::write(&file, assertion).expect("written");
    let mut fob = home.fob(&all);
    fob.stdin(File::open(&file).expect("readable"));
    fob.output().expect("fob starts")
}

fn refused(ran: &Output, words: &[&str]) {
    let said = text(&ran.stderr);
    assert_eq!(code(ran), 1, "{words:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{words:?}: {said}");
    }
}

fn calls(home: &Home) -> usize {
    let calls = home.calls();
    calls.get("AssumeRoleWithSAML").copied().unwrap_or_default()
}

#[test]
fn one_assertion_is_for_every_role_in_its_five_minutes_and_is_stored_nowhere() {
    // Some identity providers say much.
    let more = format!("<!-- {} -->", "a".repeat(30_000));
    let assertion = Assertion {
        more,
        ..Assertion::good()
    }
    .text();
    let home = office(CONFIG);
    let _agent = home.start_agent();
    // As many tools print Base64.
    let lines: Vec<&str> = assertion
        .as_bytes()
        .chunks(76)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    let ran = login(&home, &["above"], &format!("{}\n", lines.join("\n")));
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    let whoami = home.json(&["whoami", "ops", "--json"]);
    assert_eq!(whoami["source"], "SAML assertion", "{whoami}");
    assert_eq!(
        whoami["principal"],
        "arn:aws:sts::420000000025:assumed-role/ops/kim@example"
    );
    let ran = home.run(&["credential-process", "dev"]);
    assert_eq!(code(&ran), 0, "the agent holds it: {}", text(&ran.stderr));
    assert_eq!(calls(&home), 2);
    let keyring = home.keyring();
    assert!(
        keyring
            .iter()
            .all(|(name, value)| name.contains("/session/") && !value.contains(&assertion)),
        "{:?}",
        keyring.keys()
    );
    let out = home.run(&["logout", "--provider", "okta"]);
    assert_eq!(code(&out), 0, "{}", text(&out.stderr));
    let ran = home.run(&["login", "dev"]);
    assert_eq!(code(&ran), 3, "forgotten: {}", text(&ran.stderr));
}

#[test]
fn fifty_programs_with_one_assertion_make_one_call_and_the_console_opens() {
    let home = office(CONFIG);
    let _agent = home.start_agent();
    let ran = login(&home, &["dev"], &Assertion::good().text());
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    home.fifty_get("above");
    assert_eq!(calls(&home), 2, "of dev, and of ops for the fifty");
    for identity in ["ops", "above"] {
        let ran = home.run(&["console", identity, "--print"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        assert!(text(&ran.stdout).contains("SigninToken="));
    }
}

#[test]
fn one_that_is_too_long_for_an_agent_is_used_without_it() {
    let more = format!("<!-- {} -->", "a".repeat(60_000));
    let assertion = Assertion {
        more,
        ..Assertion::good()
    };
    let home = office(CONFIG);
    let _agent = home.start_agent();
    let ran = login(&home, &["ops"], &assertion.text());
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    let ran = home.run(&["credential-process", "ops"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
}

#[test]
fn without_an_agent_it_is_for_the_roles_of_one_command() {
    let home = office(CONFIG);
    let ran = login(
        &home,
        &["--provider", "okta", "--json"],
        &Assertion::good().text(),
    );
    let said: serde_json::Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    let names: Vec<_> = said["signed_in"]
        .as_array()
        .expect("a list")
        .iter()
        .collect();
    assert_eq!(names.len(), 3, "{said}");
    assert_eq!(said["failed"].as_array().map(Vec::len), Some(1), "{said}");
    assert_eq!(calls(&home), 2);
    let again = home.run(&["login", "dev", "--force"]);
    let words = text(&again.stderr);
    assert_eq!(code(&again), 3, "{words}");
    assert!(
        words.contains("start `keyfob`") && words.contains("--assertion-stdin"),
        "{words}"
    );
}

#[test]
fn the_role_is_never_another_one_than_is_written() {
    let home = office(CONFIG);
    let ran = login(&home, &["stranger"], &Assertion::good().text());
    refused(
        &ran,
        &[
            "does not give you the role",
            "role/oops",
            "given to you",
            "role/ops",
            "role/dev",
        ],
    );
    assert_eq!(home.calls().len(), 0);
}

#[test]
fn an_assertion_that_is_of_no_use_is_named_and_aws_is_not_called() {
    let home = office(CONFIG);
    let good = Assertion::good;
    for (assertion, words) in [
        (
            Assertion {
                roles: "",
                ..good()
            }
            .text(),
            "names no role",
        ),
        (
            Assertion {
                audience: "https://app.example",
                ..good()
            }
            .text(),
            "another audience than AWS: https://app.example",
        ),
        (
            Assertion {
                ends_in_minutes: -1,
                ..good()
            }
            .text(),
            "has expired",
        ),
        (
            Assertion {
                signature: "",
                ..good()
            }
            .text(),
            "is not signed",
        ),
        ("bm90IHhtbA==".to_owned(), "is no SAML response"),
        ("<xml>".to_owned(), "is no SAML response"),
    ] {
        refused(
            &login(&home, &["ops"], &assertion),
            &[words, "the assertion of okta"],
        );
    }
    for (assertion, words) in [
        ("a".repeat(1 << 20), "longer than the 100000"),
        (" \n".to_owned(), "it is empty"),
    ] {
        let ran = login(&home, &["ops"], &assertion);
        let said = text(&ran.stderr);
        assert_eq!(code(&ran), 2, "{said}");
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(home.calls().len(), 0, "{:?}", home.calls());
}

#[test]
fn the_providers_own_limit_bounds_the_session_and_is_said() {
    let home = office(CONFIG);
    let more = "<saml:Attribute Name=\"https://aws.amazon.com/SAML/Attributes/SessionDuration\"><saml:AttributeValue>1800</saml:AttributeValue></saml:Attribute>";
    let assertion = Assertion {
        more: more.to_owned(),
        ..Assertion::good()
    };
    let ran = login(&home, &["ops", "--duration", "1h"], &assertion.text());
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    assert!(
        text(&ran.stderr).contains("allows sessions of 30m"),
        "{}",
        text(&ran.stderr)
    );
    let whoami = home.json(&["whoami", "ops", "--json"]);
    let left = whoami["expires_in_seconds"].as_u64().expect("a number");
    assert!(left <= 1800, "{whoami}");
}

/// AWS decrypts it; the sandbox has no key of a provider.
#[test]
fn of_an_encrypted_assertion_the_provider_must_be_written_and_is_sent() {
    let encrypted = base64::encode(
        "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"><saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"/></samlp:Response>",
    );
    let home = office(CONFIG);
    refused(
        &login(&home, &["ops"], &encrypted),
        &["is encrypted", "saml_provider"],
    );
    assert_eq!(calls(&home), 0);
    let written = CONFIG.replace(
        "role/ops\" }",
        "role/ops\", saml_provider: \"arn:aws:iam::420000000025:saml-provider/corp\" }",
    );
    let home = office(&written);
    refused(
        &login(&home, &["ops"], &encrypted),
        &["no private key of the provider decrypts it"],
    );
    assert_eq!(calls(&home), 1);
}

#[test]
fn an_assertion_answers_the_prompt_that_a_program_waits_for() {
    let home = office(CONFIG);
    let _agent = home.start_agent();
    let mut program = home.fob(&["credential-process", "ops", "--wait", "60"]);
    let program = program.stdout(Stdio::piped()).stderr(Stdio::piped());
    let program = program.spawn().expect("fob starts");
    until("a prompt is open", || {
        let status = home.json(&["status", "--json"]);
        let open = &status["prompts"][0];
        open["kind"] == "paste" && open["address"] == "https://idp.example/app/sso/saml"
    });
    let unsigned = Assertion {
        signature: "",
        ..Assertion::good()
    };
    login(&home, &["dev"], &unsigned.text());
    let ran = login(&home, &["ops"], &Assertion::good().text());
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    let ran = program.wait_with_output().expect("fob ends");
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    assert_eq!(calls(&home), 1);
}

#[cfg(unix)]
#[test]
fn the_sandbox_has_an_identity_provider_whose_assertion_is_good_for_its_role() {
    let home = Home::with("auth: { identities: {} }\n");
    let login = "fob sandbox assertion | fob login ops --assertion-stdin && fob whoami ops --json";
    let ran = home.run(&["sandbox", "--", "sh", "-c", login]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    let whoami: serde_json::Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    assert_eq!(whoami["source"], "SAML assertion", "{whoami}");
    let another = "fob sandbox assertion arn:aws:iam::420000000025:role/other | fob login ops --assertion-stdin";
    let ran = home.run(&["sandbox", "--", "sh", "-c", another]);
    refused(&ran, &["does not give you the role", "role/other"]);
}
