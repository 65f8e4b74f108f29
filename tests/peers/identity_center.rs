//! A chain from IAM Identity Center over a permission set to a role above a role: signed in to in a
//! real browser, kept in a real keyring, used by boto3 and the AWS CLI.

use crate::clients::{LongRun, use_profile};
use crate::home::{Home, prepared};
use crate::loopback::Loopback;
use keyfob_core::sandbox::SandboxSettings;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

const FOB: &str = env!("CARGO_BIN_EXE_fob");

const CHAIN: &str = "
  providers:
    corp: { kind: aws/iam-identity-center, region: eu-central-1, start_url: \"https://sandbox.awsapps.com/start\" }
  identities:
    admin: { kind: aws/permission-set, via: { provider: corp }, principal: { name: AdministratorAccess, account: { name: dev } } }
    deploy: { kind: aws/assume-role, via: { identity: admin }, principal: { assume_role: \"arn:aws:iam::420000000025:role/deploy\" } }
    again: { kind: aws/assume-role, default: true, via: { identity: deploy }, principal: { assume_role: \"arn:aws:iam::420000000025:role/deploy\" } }
";

fn chain(realm: &str, settings: impl FnOnce(&mut SandboxSettings)) -> (Loopback, Home) {
    signed_in(
        &format!("auth:\n  realm: {realm}{CHAIN}"),
        "again",
        settings,
    )
}

/// To an identity, with a realm that keeps tests apart which share one Secret Service. The desktop's
/// browser is a person who presses the button of every page.
pub fn signed_in(
    config: &str,
    identity: &str,
    settings: impl FnOnce(&mut SandboxSettings),
) -> (Loopback, Home) {
    let sandbox = Loopback::start();
    let mut changed = sandbox.settings();
    settings(&mut changed);
    sandbox.set_settings(changed).expect("good settings");
    let mut home = Home::new();
    home.configure(config);
    home.set("AWS_ENDPOINT_URL", &sandbox.url());
    home.set("AWS_EC2_METADATA_DISABLED", "true");
    let programs = home.path("programs");
    fs::create_dir(&programs).expect("a folder");
    let (node, browser) = (
        prepared("KEYFOB_NODE"),
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/browser.js"),
    );
    let launcher = programs.join("xdg-open");
    let script = format!("#!/bin/sh\nexec {node} {browser} \"$1\" press\n");
    fs::write(&launcher, script).expect("a file");
    fs::set_permissions(&launcher, Permissions::from_mode(0o755)).expect("a mode");
    home.set("PATH", &format!("{}:/usr/bin:/bin", programs.display()));
    home.set("DISPLAY", ":99");
    let (shown, exit) = home.terminal(&[FOB, "login", identity]).finish();
    assert_eq!(exit, 0, "{shown}");
    use_profile(&mut home, identity);
    (sandbox, home)
}

pub fn count(sandbox: &Loopback, action: &str) -> usize {
    let calls = sandbox.journal().into_iter();
    calls.filter(|call| call.action == action).count()
}

/// Calls that were not answered as they should be.
pub fn refusals(sandbox: &Loopback) -> Vec<(String, String)> {
    let calls = sandbox.journal().into_iter();
    let refused = calls.filter(|call| call.outcome != "ok");
    refused.map(|call| (call.action, call.outcome)).collect()
}

#[test]
fn boto3_and_the_aws_cli_work_with_a_role_above_a_role_above_a_permission_set() {
    let (sandbox, home) = chain("center", |_| {});
    let url = sandbox.url();
    let by_cli = home
        .run(&[
            "/usr/bin/aws",
            "--endpoint-url",
            &url,
            "sts",
            "get-caller-identity",
            "--query",
            "Arn",
            "--output",
            "text",
        ])
        .ok();
    let by_boto3 = home
        .python(
            "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])",
            &[],
        )
        .ok();
    let role = "arn:aws:sts::420000000025:assumed-role/deploy/fob-again";
    assert_eq!(by_cli.trim(), role);
    assert_eq!(by_cli, by_boto3);
    for (action, times) in [
        ("Authorize", 2),
        ("CreateToken", 1),
        ("GetRoleCredentials", 1),
        ("AssumeRole", 2),
    ] {
        assert_eq!(count(&sandbox, action), times, "{action}");
    }
}

#[test]
fn boto3_works_on_past_the_ends_of_its_sessions_and_of_the_token_without_a_person() {
    let (sandbox, mut home) = chain("center-long-run", |settings| {
        settings.session_seconds = Some(20);
        settings.token_seconds = Some(15);
    });
    let sessions = LongRun::of(&mut home, 70).sessions;
    assert!(sessions >= 3, "{sessions} sessions in seventy seconds");
    assert_eq!(
        count(&sandbox, "Authorize"),
        2,
        "one page, shown and answered"
    );
    assert!(
        count(&sandbox, "CreateToken") >= 3,
        "the token was renewed twice: {:?}",
        sandbox.journal()
    );
    let refused = refusals(&sandbox);
    assert!(refused.is_empty(), "{refused:?}");
}
