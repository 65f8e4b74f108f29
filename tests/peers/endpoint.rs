//! Clients that others wrote, under `fob exec`: each finds the container endpoint by itself, and
//! what its own files and the caller's variables say does not count. JavaScript and Rust through
//! `credential_process` as well.

use crate::clients::{LongRun, stage};
use crate::home::{Home, prepared};
use crate::moto::Moto;
use keyfob_core::environment::Environment;
use keyfob_core::sandbox::{FaultSwitch, SandboxFault, SandboxSettings};

const FOB: &str = env!("CARGO_BIN_EXE_fob");
/// A name that is more than one step of a path where it is not escaped.
const IDENTITY: &str = "team/deploy";
const ARN: &str = "arn:aws:sts::420000000025:assumed-role/deploy/fob-team-deploy";

/// The caller's own credentials, which would win over an endpoint.
fn surround_with_others(home: &mut Home) {
    let others =
        "[default]\naws_access_key_id = AKIAFOREIGN000000001\naws_secret_access_key = foreign\n";
    std::fs::create_dir(home.path(".aws")).expect("the home can be written to");
    std::fs::write(home.path(".aws/credentials"), others).expect("the home can be written to");
    home.set("AWS_ACCESS_KEY_ID", "AKIAFOREIGN000000002");
    home.set("AWS_SECRET_ACCESS_KEY", "foreign");
}

fn exec<'a>(with: &[&'a str], command: &[&'a str]) -> Vec<&'a str> {
    [&[FOB, "exec", IDENTITY][..], with, &["--"], command].concat()
}

#[test]
fn boto3_takes_the_endpoint_over_the_callers_own_credentials() {
    let (_sandbox, mut home) = stage("exec-boto3");
    surround_with_others(&mut home);
    let script = "import boto3, sys; print(boto3.Session().get_credentials().method, boto3.client('sts').get_caller_identity()['Arn']); sys.exit(5)";
    let ran = home.run(&exec(&[], &[&prepared("KEYFOB_PYTHON"), "-c", script]));
    assert_eq!(
        (ran.code, ran.stdout.trim()),
        (5, format!("container-role {ARN}").as_str()),
        "{ran:?}"
    );
}

/// Version 2.9, which knows no token file.
#[test]
fn the_aws_cli_of_the_system_takes_the_endpoint() {
    let (sandbox, mut home) = stage("exec-cli");
    surround_with_others(&mut home);
    let url = sandbox.url();
    let asks = [
        "/usr/bin/aws",
        "--endpoint-url",
        &url,
        "sts",
        "get-caller-identity",
        "--query",
        "Arn",
        "--output",
        "text",
    ];
    assert_eq!(home.run(&exec(&[], &asks)).ok().trim(), ARN);
}

#[test]
fn the_sdk_for_javascript_takes_the_endpoint_and_the_profile() {
    let (_sandbox, mut home) = stage("exec-javascript");
    let script = home.javascript(
        r#"const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");
        const { fromNodeProviderChain } = require("@aws-sdk/credential-providers");
        const sts = new STSClient({ credentials: fromNodeProviderChain() });
        sts.send(new GetCallerIdentityCommand({})).then((it) => console.log(it.Arn));"#,
    );
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    for with in [&[][..], &["--profile"]] {
        assert_eq!(home.run(&exec(with, &script)).ok().trim(), ARN, "{with:?}");
    }
}

#[test]
fn the_sdk_for_rust_takes_the_endpoint_and_the_profile() {
    let test = "endpoint::the_sdk_for_rust_takes_the_endpoint_and_the_profile";
    let Some(client) = rust_client(test) else {
        return;
    };
    let (_sandbox, mut home) = stage("exec-rust");
    home.set(ROLE, "client");
    let client: Vec<&str> = client.iter().map(String::as_str).collect();
    for with in [&[][..], &["--profile"]] {
        let said = home.run(&exec(with, &client)).ok();
        assert!(said.lines().any(|line| line == ARN), "{with:?}: {said}");
    }
}

/// Whether a test is run as the client of another.
pub const ROLE: &str = "KEYFOB_PEERS_ROLE";

/// The words that run a client of the SDK for Rust, which prints its ARN on a line: the test itself,
/// run again in a process of its own. There it prints it, and there are none.
pub fn rust_client(test: &str) -> Option<[String; 4]> {
    if Environment::capture().raw(ROLE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        println!("\n{}", runtime.block_on(caller_by_default()));
        return None;
    }
    let this = std::env::current_exe().expect("this binary");
    let this = this.to_str().expect("UTF-8");
    Some([this, test, "--exact", "--nocapture"].map(str::to_owned))
}

async fn caller_by_default() -> String {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let behaviour = aws_config::BehaviorVersion::latest();
    let config = aws_config::defaults(behaviour)
        .http_client(http)
        .load()
        .await;
    let caller = aws_sdk_sts::Client::new(&config)
        .get_caller_identity()
        .send()
        .await
        .expect("credentials");
    caller.arn().expect("STS names the caller").to_owned()
}

/// Signed out and in again by another process, so that what fob remembers is void, and then the new
/// session is lost: now the endpoint has nothing. Each thread has a session of its own, so that
/// botocore does not hold the others back.
const FIFTY_THREADS: &str = r#"
import boto3, subprocess, sys, threading
for command in [[sys.argv[1], "logout", "dev"], [sys.argv[1], "login", "dev"],
                ["secret-tool", "clear", "service", "dev.keyfob.Keyfob", "username", sys.argv[2]]]:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
sessions = [boto3.Session() for _ in range(50)]
together, keys = threading.Barrier(50), []
def ask(session):
    together.wait()
    keys.append(session.get_credentials().get_frozen_credentials().access_key)
threads = [threading.Thread(target=ask, args=[session]) for session in sessions]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(keys), len(set(keys)))
"#;

#[test]
fn fifty_threads_at_a_cold_endpoint_make_one_call() {
    let (sandbox, home) = stage("exec-fifty");
    home.run(&[FOB, "login", "dev"]).ok();
    sandbox.clear_journal();
    sandbox
        .inject(FaultSwitch::on(SandboxFault::Delay { milliseconds: 300 }))
        .expect("a delay");
    let python = prepared("KEYFOB_PYTHON");
    let client = [
        FOB,
        "exec",
        "dev",
        "--",
        &python,
        "-c",
        FIFTY_THREADS,
        FOB,
        "exec-fifty/session/dev",
    ];
    assert_eq!(home.run(&client).ok().trim(), "50 1");
    let calls: Vec<String> = sandbox
        .journal()
        .into_iter()
        .map(|call| call.action)
        .collect();
    assert_eq!(
        calls, ["GetSessionToken"; 2],
        "of `fob login`, and of the fifty together"
    );
}

#[test]
fn boto3_works_on_past_the_end_of_sessions_and_each_is_requested_once() {
    let (sandbox, mut home) = stage("exec-long-run");
    sandbox
        .set_settings(SandboxSettings {
            session_seconds: Some(20),
            ..sandbox.settings()
        })
        .expect("a setting");
    sandbox.clear_journal();
    let exec = [FOB, "exec", "dev", "--"];
    let used = LongRun::below(&exec, &mut home, 40).sessions;
    let calls = sandbox.journal();
    let refused: Vec<&str> = calls
        .iter()
        .map(|call| call.outcome.as_str())
        .filter(|it| *it != "ok")
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
    let made = calls
        .iter()
        .filter(|call| call.action == "GetSessionToken")
        .count();
    assert!(used >= 2, "{used} sessions in forty seconds");
    assert_eq!(made, used);
}

const MAKE_BUCKET: &str = r#"
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::lake/*"}]}
iam.create_role(RoleName="writer", AssumeRolePolicyDocument=json.dumps(trust))
iam.put_role_policy(RoleName="writer", PolicyName="own", PolicyDocument=json.dumps(allowed))
boto3.client("s3").create_bucket(Bucket="lake")
"#;

/// moto cannot check what is signed in a URL and fails on it: for the last request it is set to
/// check nothing.
const PUT_AND_GET: &str = r#"
import boto3, botocore, urllib.request
s3 = boto3.client("s3", config=botocore.config.Config(signature_version="s3v4"))
s3.put_object(Bucket="lake", Key="shore", Body=b"calm")
try:
    s3.delete_bucket(Bucket="lake")
except botocore.exceptions.ClientError as refused:
    print(refused.response["Error"]["Code"])
url = s3.generate_presigned_url("get_object", Params={"Bucket": "lake", "Key": "shore"}, ExpiresIn=60)
print("X-Amz-Security-Token" in url)
switch = s3.meta.endpoint_url + "/moto-api/reset-auth"
urllib.request.urlopen(urllib.request.Request(switch, b"1", {"Content-Type": "text/plain"}))
print(urllib.request.urlopen(url).read().decode())
"#;

#[test]
fn boto3_writes_to_s3_and_presigns_with_a_roles_credentials() {
    let moto = Moto::start();
    let may_take_roles = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}]}"#;
    let key = moto.new_user("kim", may_take_roles);
    moto.administer(MAKE_BUCKET, &[]);
    let mut home = Home::new();
    let config = "auth:
  realm: exec-s3
  identities:
    machine: { kind: aws/ambient }
    writer: { kind: aws/assume-role, via: { identity: machine }, principal: { assume_role: \"arn:aws:iam::123456789012:role/writer\" } }
";
    home.configure(config);
    home.set("AWS_ENDPOINT_URL", moto.endpoint());
    home.set("AWS_EC2_METADATA_DISABLED", "true");
    home.set("AWS_ACCESS_KEY_ID", &key.id);
    home.set("AWS_SECRET_ACCESS_KEY", &key.secret);
    let ran = home.run(&[
        FOB,
        "exec",
        "writer",
        "--",
        &prepared("KEYFOB_PYTHON"),
        "-c",
        PUT_AND_GET,
    ]);
    assert_eq!(
        ran.ok().split_whitespace().collect::<Vec<_>>(),
        ["AccessDenied", "True", "calm"]
    );
}
