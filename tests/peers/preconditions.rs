//! Preconditions: each peer does by itself what the other tests rely on.

use crate::home::Home;
use crate::moto::{AccessKey, Moto};

const MAY_ASK_WHO_IT_IS: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}]}"#;

/// Prints the caller's ARN, or AWS's error code.
const WHO_AM_I: &str = r#"
import boto3, botocore
try:
    print(boto3.client("sts").get_caller_identity()["Arn"])
except botocore.exceptions.ClientError as refused:
    print(refused.response["Error"]["Code"])
"#;

fn home_with(key: &AccessKey, moto: &Moto) -> Home {
    let mut home = Home::new();
    home.set("AWS_ACCESS_KEY_ID", &key.id);
    home.set("AWS_SECRET_ACCESS_KEY", &key.secret);
    home.set("AWS_DEFAULT_REGION", "us-east-1");
    home.set("AWS_ENDPOINT_URL", moto.endpoint());
    home
}

fn caller_seen_by_boto3(key: &AccessKey, moto: &Moto) -> String {
    home_with(key, moto)
        .python(WHO_AM_I, &[])
        .ok()
        .trim()
        .to_owned()
}

#[test]
fn moto_knows_a_user_by_the_signature_and_answers_a_deleted_key_as_aws_does() {
    let moto = Moto::start();
    let first = moto.new_user("kim", MAY_ASK_WHO_IT_IS);
    assert_eq!(
        caller_seen_by_boto3(&first, &moto),
        "arn:aws:iam::123456789012:user/kim"
    );

    let mistyped = AccessKey {
        secret: format!("{}x", first.secret),
        ..first.clone()
    };
    assert_eq!(
        caller_seen_by_boto3(&mistyped, &moto),
        "SignatureDoesNotMatch"
    );

    let second = moto.new_key("kim");
    moto.delete_key("kim", &first);
    assert_eq!(caller_seen_by_boto3(&first, &moto), "InvalidClientTokenId");
    assert_eq!(
        caller_seen_by_boto3(&second, &moto),
        "arn:aws:iam::123456789012:user/kim"
    );
}

#[test]
fn moto_refuses_what_the_users_policy_does_not_allow() {
    let moto = Moto::start();
    let key = moto.new_user("kim", MAY_ASK_WHO_IT_IS);
    let listed =
        home_with(&key, &moto).python("import boto3; boto3.client('iam').list_users()", &[]);
    assert_ne!(listed.code, 0);
    assert!(listed.stderr.contains("(AccessDenied)"), "{listed:?}");
}

#[test]
fn the_aws_cli_of_the_system_uses_the_endpoint_it_is_given() {
    let moto = Moto::start();
    let key = moto.new_user("kim", MAY_ASK_WHO_IT_IS);
    let asked = [
        "/usr/bin/aws",
        "--endpoint-url",
        moto.endpoint(),
        "sts",
        "get-caller-identity",
        "--output",
        "json",
    ];
    let answer: serde_json::Value =
        serde_json::from_str(&home_with(&key, &moto).run(&asked).ok()).expect("JSON");
    assert_eq!(answer["Arn"], "arn:aws:iam::123456789012:user/kim");
}

#[test]
fn a_program_sees_its_own_home_and_nothing_else_of_the_caller() {
    let mut home = Home::new();
    home.set("GREETING", "hello");
    let seen = home.run(&["env"]).ok();
    let mut names: Vec<_> = seen
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name)
        .collect();
    names.sort_unstable();
    let mut expected = vec![
        "DBUS_SESSION_BUS_ADDRESS",
        "GREETING",
        "HOME",
        "LANG",
        "PATH",
        "TERM",
    ];
    expected.extend([
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_RUNTIME_DIR",
        "XDG_STATE_HOME",
    ]);
    assert_eq!(names, expected);
    assert!(home.run(&["sh", "-c", "ls -A $HOME"]).ok().contains("run"));
    assert_eq!(home.run(&["sh", "-c", "exit 3"]).code, 3);
    assert_eq!(home.feed(&["cat"], "typed\n").ok(), "typed\n");
}

#[test]
fn a_program_on_a_terminal_is_read_and_answered() {
    let asks = r#"stty size; test -t 0 && test -t 1 && printf 'Name: ' && read name && echo "Hello $name" && exit 7"#;
    // The terminal does not wait until the program stands in its home: a home gone by then would
    // end it.
    let home = Home::new();
    let mut terminal = home.terminal(&["sh", "-c", asks]);
    assert!(terminal.read_to("Name: ").contains("40 120"));
    terminal.type_line("Kim");
    terminal.read_to("Hello Kim");
    assert_eq!(terminal.finish().1, 7);

    let mut terminal = home.terminal(&[
        "sh",
        "-c",
        "trap 'exit 130' INT; echo ready; while :; do sleep 1; done",
    ]);
    terminal.read_to("ready");
    terminal.press_control('c');
    assert_eq!(terminal.finish().1, 130);
}

#[test]
fn the_secret_service_of_this_session_keeps_a_secret_across_processes() {
    let home = Home::new();
    let entry = [
        "application",
        "keyfob-precondition",
        "number",
        &std::process::id().to_string(),
    ]
    .map(str::to_owned);
    let entry: Vec<&str> = entry.iter().map(String::as_str).collect();
    home.feed(
        &[
            &["secret-tool", "store", "--label", "precondition"],
            &entry[..],
        ]
        .concat(),
        "s3cret",
    )
    .ok();
    assert_eq!(
        home.run(&[&["secret-tool", "lookup"], &entry[..]].concat())
            .ok(),
        "s3cret"
    );
    home.run(&[&["secret-tool", "clear"], &entry[..]].concat())
        .ok();
    assert_eq!(
        home.run(&[&["secret-tool", "lookup"], &entry[..]].concat())
            .code,
        1
    );
}
