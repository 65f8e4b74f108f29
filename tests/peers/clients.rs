//! The AWS CLI and boto3 as clients, through `AWS_PROFILE` and `credential_process`, with the
//! sandbox as AWS and a real Secret Service.

use crate::home::{Home, prepared};
use crate::loopback::Loopback;
use keyfob_core::sandbox::SandboxSettings;
use serde::Deserialize;
use serde_json::{Value, json};
use std::process::Child;

const FOB: &str = env!("CARGO_BIN_EXE_fob");

/// The realm keeps tests apart that share one Secret Service.
pub fn stage(realm: &str) -> (Loopback, Home) {
    let sandbox = Loopback::start();
    let mut home = Home::new();
    let config = format!(
        "auth:
  realm: {realm}
  identities:
    dev: {{ kind: aws/user, default: true }}
    deploy: {{ kind: aws/assume-role, via: {{ identity: dev }}, principal: {{ assume_role: \"arn:aws:iam::420000000025:role/deploy\" }} }}
    team/deploy: {{ kind: aws/assume-role, via: {{ identity: dev }}, principal: {{ assume_role: \"arn:aws:iam::420000000025:role/deploy\" }} }}
"
    );
    home.configure(&config);
    home.set("AWS_ENDPOINT_URL", &sandbox.url());
    home.set("AWS_EC2_METADATA_DISABLED", "true");
    let key = sandbox.keys("kim").remove(0);
    let typed = json!({"access_key_id": key.access_key_id.as_str(), "secret_access_key": key.secret_access_key.expose()});
    home.feed(
        &[FOB, "user", "configure", "dev", "--stdin"],
        &typed.to_string(),
    )
    .ok();
    (sandbox, home)
}

/// Points every program of this home at the profile, the way a shell's `eval "$(fob env)"` does.
pub fn use_profile(home: &mut Home, identity: &str) {
    let variables = home.run(&[FOB, "env", identity, "--format", "json"]).ok();
    let variables: Value = serde_json::from_str(&variables).expect("JSON");
    for (name, value) in variables.as_object().expect("an object") {
        home.set(name, value.as_str().expect("text"));
    }
}

#[test]
fn the_aws_cli_and_boto3_sign_in_through_the_profile() {
    let (sandbox, mut home) = stage("profile");
    home.run(&[FOB, "login", "deploy"]).ok();
    use_profile(&mut home, "deploy");
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
    assert_eq!(
        by_cli.trim(),
        "arn:aws:sts::420000000025:assumed-role/deploy/fob-deploy"
    );
    assert_eq!(by_cli, by_boto3);
}

/// One that answers already. `fob agent stop` ends it.
pub fn started_agent(home: &Home) -> Child {
    let agent = home
        .bare(&[FOB, "agent", "run"])
        .spawn()
        .expect("it starts");
    let answers = |_| home.run(&[FOB, "agent", "status"]).code == 0;
    assert!((0..500).any(answers), "the agent never answered");
    agent
}

/// What one boto3 client saw that was used every second.
#[derive(Debug, Deserialize)]
pub struct LongRun {
    pub calls: usize,
    pub sessions: usize,
    pub failures: Vec<String>,
}

impl LongRun {
    pub fn of(home: &mut Home, seconds: u32) -> LongRun {
        LongRun::below(&[], home, seconds)
    }

    /// With words before the client's own, such as those of `fob exec`.
    pub fn below(words: &[&str], home: &mut Home, seconds: u32) -> LongRun {
        const CLIENT: &str = r#"
import boto3, json, sys, time
session = boto3.Session(); sts = session.client("sts"); used, failures, calls = set(), [], 0
until = time.time() + int(sys.argv[1])
while time.time() < until:
    calls += 1
    try:
        sts.get_caller_identity()
        used.add(session.get_credentials().get_frozen_credentials().access_key)
    except Exception as failure:
        failures.append(f"{time.strftime('%T')} {failure}")
    time.sleep(1)
print(json.dumps({"calls": calls, "sessions": len(used), "failures": failures}))
"#;
        home.allow(seconds);
        let (python, time) = (prepared("KEYFOB_PYTHON"), seconds.to_string());
        let client = [python.as_str(), "-c", CLIENT, &time];
        let printed = home.run(&[words, &client].concat()).ok();
        let run: LongRun = serde_json::from_str(&printed).expect("JSON");
        assert!(run.failures.is_empty() && run.calls > 1, "{run:?}");
        run
    }
}

#[test]
fn boto3_works_on_past_the_end_of_its_first_session() {
    let (sandbox, mut home) = stage("long-run");
    sandbox
        .set_settings(SandboxSettings {
            session_seconds: Some(20),
            ..sandbox.settings()
        })
        .expect("a setting");
    home.run(&[FOB, "login", "dev"]).ok();
    use_profile(&mut home, "dev");
    let sessions = LongRun::of(&mut home, 50).sessions;
    assert!(sessions >= 3, "{sessions} sessions in fifty seconds");
    let refused: Vec<String> = sandbox
        .journal()
        .into_iter()
        .filter(|call| call.outcome != "ok")
        .map(|call| call.outcome)
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn fifty_cold_processes_with_a_real_keyring_make_one_call_for_each_step() {
    let (sandbox, home) = stage("fifty");
    sandbox.clear_journal();
    let all = format!(
        "for i in $(seq 50); do {FOB} credential-process deploy > out.$i & done; wait; sort -u out.* | wc -l; cat out.* | wc -l"
    );
    let counted = home.run(&["sh", "-c", &all]).ok();
    assert_eq!(
        counted.split_whitespace().collect::<Vec<_>>(),
        ["1", "50"],
        "one answer, fifty times"
    );
    let calls: Vec<String> = sandbox
        .journal()
        .into_iter()
        .map(|call| call.action)
        .collect();
    assert_eq!(calls, ["GetSessionToken", "AssumeRole"]);
}

#[test]
fn logging_out_empties_the_real_keyring_but_for_the_keys_and_programs_get_nothing_more() {
    let (_sandbox, mut home) = stage("logout");
    home.run(&[FOB, "login", "deploy"]).ok();
    use_profile(&mut home, "deploy");
    let accounts = |home: &Home| {
        let found = home.run(&[
            "secret-tool",
            "search",
            "--all",
            "service",
            "dev.keyfob.Keyfob",
        ]);
        let said = [found.stdout, found.stderr].concat();
        let own = said
            .lines()
            .filter_map(|line| line.strip_prefix("attribute.username = logout/"));
        let mut own: Vec<String> = own.map(str::to_owned).collect();
        own.sort();
        own
    };
    assert_eq!(
        accounts(&home),
        ["audit/head", "keys/dev", "session/deploy", "session/dev"]
    );

    home.run(&[FOB, "logout", "deploy", "--dry-run"]).ok();
    assert_eq!(accounts(&home).len(), 4, "a dry run removes nothing");
    let report: Value =
        serde_json::from_str(&home.run(&[FOB, "logout", "deploy", "--json"]).ok()).expect("JSON");
    assert_eq!(
        report["removed"], 5,
        "two sessions, the profile, its file and its folder: {report}"
    );
    assert_eq!(accounts(&home), ["audit/head", "keys/dev"]);
    let refused = home.python(
        "import boto3; boto3.client('sts').get_caller_identity()",
        &[],
    );
    assert_ne!(refused.code, 0);
    assert_eq!(home.run(&[FOB, "credential-process", "deploy"]).code, 3);

    home.run(&[FOB, "logout", "deploy", "--keychain", "--yes"])
        .ok();
    assert_eq!(accounts(&home), ["audit/head"]);
    home.run(&[FOB, "audit", "verify"]).ok();
}
