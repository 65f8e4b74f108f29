//! Roles that a person signs in to with an assertion, and those of which a token or another session
//! vouches: used by boto3 past the ends of their sessions, and taken at moto.

use crate::clients::{LongRun, started_agent, use_profile};
use crate::github::Github;
use crate::home::Home;
use crate::identity_center::{count, refusals};
use crate::loopback::Loopback;
use crate::moto::Moto;
use keyfob_core::sandbox::SandboxSettings;
use serde_json::json;
use std::fs;
use std::time::Duration;

const FOB: &str = env!("CARGO_BIN_EXE_fob");
const ROLE: &str = "arn:aws:iam::420000000025:role/deploy";

fn config(realm: &str) -> String {
    format!(
        "auth:
  realm: {realm}
  providers:
    okta: {{ kind: aws/saml, region: us-east-1, url: \"https://idp.example/app\" }}
    pod: {{ kind: aws/web-identity, region: us-east-1, spec: {{ token_file: \"~/token\" }} }}
    gha: {{ kind: github/oidc, region: us-east-1 }}
  identities:
    dev: {{ kind: aws/user }}
    ops: {{ kind: aws/assume-role, via: {{ provider: okta }}, principal: {{ assume_role: \"{ROLE}\" }} }}
    web: {{ kind: aws/assume-role, via: {{ provider: pod }}, principal: {{ assume_role: \"{ROLE}\" }} }}
    job: {{ kind: aws/assume-role, via: {{ provider: gha }}, principal: {{ assume_role: \"{ROLE}\" }} }}
    root: {{ kind: aws/assume-root, via: {{ identity: dev }}, principal: {{ target_principal: \"420000000025\", \
         task_policy_arn: \"arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials\" }} }}
"
    )
}

fn token(sandbox: &Loopback) -> String {
    sandbox.web_identity_token("pod-7", "sts.amazonaws.com", Duration::from_secs(600))
}

/// Sessions last twenty seconds.
fn stage(identity: &str) -> (Loopback, Home) {
    let sandbox = Loopback::start();
    let short = SandboxSettings {
        session_seconds: Some(20),
        ..sandbox.settings()
    };
    sandbox.set_settings(short).expect("good settings");
    let home = at(&sandbox.url(), &sandbox, identity);
    (sandbox, home)
}

/// At this AWS, with what the sandbox's identity providers vouch with.
fn at(aws: &str, sandbox: &Loopback, identity: &str) -> Home {
    let mut home = Home::new();
    home.configure(&config(&format!("kinds-{identity}")));
    home.set("AWS_ENDPOINT_URL", aws);
    home.set("AWS_EC2_METADATA_DISABLED", "true");
    home.set("FOB_SANDBOX_URL", &sandbox.url());
    fs::write(home.path("token"), token(sandbox)).expect("written");
    home
}

fn sign_in_with_an_assertion(home: &Home) {
    let assertion = home.run(&[FOB, "sandbox", "assertion", ROLE]).ok();
    home.feed(&[FOB, "login", "ops", "--assertion-stdin"], &assertion)
        .ok();
}

fn works_on_past_several_sessions(identity: &str, call: &str) {
    let (sandbox, mut home) = stage(identity);
    let github = Github::answering(json!({ "value": token(&sandbox) }).to_string());
    // An assertion is held by an agent alone.
    let agent = (identity == "ops").then(|| started_agent(&home));
    match identity {
        "ops" => sign_in_with_an_assertion(&home),
        "root" => {
            let key = sandbox.keys("kim").remove(0);
            let typed = json!({"access_key_id": key.access_key_id.as_str(), "secret_access_key": key.secret_access_key.expose()});
            let configure = [FOB, "user", "configure", "dev", "--stdin"];
            home.feed(&configure, &typed.to_string()).ok();
        }
        _ => {
            for (name, value) in github.job("job-token") {
                home.set(name, value);
            }
        }
    }
    if identity != "ops" {
        home.run(&[FOB, "login", identity]).ok();
    }
    use_profile(&mut home, identity);
    let run = LongRun::of(&mut home, 70);
    assert!(run.sessions >= 3, "{identity}: {run:?}");
    let made = count(&sandbox, call);
    // The last one may have come after the last call.
    let renewals = run.sessions..=run.sessions + 1;
    assert!(renewals.contains(&made), "{identity}: {made}: {run:?}");
    let tokens = if identity == "job" { made } else { 0 };
    assert_eq!(github.paths().len(), tokens, "{identity}: a token a call");
    let refused = refusals(&sandbox);
    assert!(refused.is_empty(), "{identity}: {refused:?}");
    if let Some(mut agent) = agent {
        home.run(&[FOB, "agent", "stop"]).ok();
        assert!(agent.wait().expect("it was started").success());
    }
}

#[test]
fn boto3_works_on_past_the_ends_of_several_sessions_of_each_kind() {
    std::thread::scope(|threads| {
        for (identity, call) in [
            ("ops", "AssumeRoleWithSAML"),
            ("web", "AssumeRoleWithWebIdentity"),
            ("job", "AssumeRoleWithWebIdentity"),
            ("root", "AssumeRoot"),
        ] {
            threads.spawn(move || works_on_past_several_sessions(identity, call));
        }
    });
}

#[test]
fn moto_gives_roles_for_an_assertion_and_for_a_token() {
    let (moto, sandbox) = (Moto::that_trusts(), Loopback::start());
    let mut home = at(moto.endpoint(), &sandbox, "moto");
    sign_in_with_an_assertion(&home);
    home.run(&[FOB, "login", "web"]).ok();
    for identity in ["ops", "web"] {
        use_profile(&mut home, identity);
        let arn = home
            .python(
                "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])",
                &[],
            )
            .ok();
        // Of such sessions moto knows the account alone.
        assert!(
            arn.starts_with("arn:aws:sts::420000000025:"),
            "{identity}: {arn}"
        );
    }
    assert!(sandbox.journal().is_empty(), "moto answered");
}
