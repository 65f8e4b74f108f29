//! `aws/ambient` and programs of the configuration: what they hand over is checked, and what fails
//! is named.

use crate::home::{DEV, Home, code, text, typed};
use crate::support::{native, prints, repository};
use keyfob_core::sandbox::{MfaDevice, SandboxSettings};
use keyfob_core::secret::Keys;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Output;

const HERE: &str = "auth: { identities: { here: { kind: aws/ambient } } }\n";

/// An endpoint that gives every caller the same answer, as long as the test runs.
fn endpoint(status: u16, body: String) -> String {
    let url = serve(move |_| (status, body.clone()));
    format!("{url}/role")
}

/// The first line of a request decides on its answer.
fn serve(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = [0; 4096];
            // One read holds the whole of so short a request.
            let read = stream.read(&mut request).unwrap_or(0);
            let request = text(&request[..read]);
            let (status, body) = answer(request.lines().next().unwrap_or_default());
            let length = body.len();
            // Of an instance's token; others do not look at it.
            let life = "x-aws-ec2-metadata-token-ttl-seconds: 21600";
            let answer = format!(
                "HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\n{life}\r\nconnection: close\r\n\r\n{body}"
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

/// The metadata service of an instance whose role is `web`.
fn instance(role: String) -> String {
    const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
    serve(move |request| {
        let answer = match request.split(' ').collect::<Vec<_>>()[..] {
            ["PUT", "/latest/api/token", _] => "a-token".to_owned(),
            ["GET", ROLES, _] => "web".to_owned(),
            ["GET", path, _] if path.strip_prefix(ROLES) == Some("web") => role.clone(),
            _ => return (404, String::new()),
        };
        (200, answer)
    })
}

fn json_of(keys: &Keys, more: &str) -> String {
    let (id, secret) = (keys.access_key_id.as_str(), keys.secret_access_key.expose());
    format!(r#"{{"AccessKeyId":"{id}","SecretAccessKey":"{secret}"{more}}}"#)
}

fn login(home: &Home, variables: &[(&str, &str)]) -> Output {
    let mut fob = home.fob(&["login", "here"]);
    fob.envs(variables.iter().copied())
        .output()
        .expect("fob starts")
}

const URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

#[test]
fn a_container_role_is_checked_with_aws_before_success_and_its_source_is_shown() {
    let home = Home::with(HERE);
    let good = endpoint(200, json_of(&home.key(), ""));
    let ran = login(
        &home,
        &[(URI, &good), ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "")],
    );
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 0, "{said}");
    assert!(
        said.contains("container role") && said.contains("Source"),
        "{said}"
    );
    assert!(
        home.calls().contains_key("GetCallerIdentity"),
        "{:?}",
        home.calls()
    );
    home.sandbox()
        .revoke_key(&home.key().access_key_id)
        .expect("a key");
    let ran = login(&home, &[(URI, &good)]);
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 1, "{said}");
    assert!(
        said.contains("come from: container role") && !said.contains("successful"),
        "{said}"
    );
}

#[test]
fn an_instances_role_is_used_after_a_containers_and_before_keys_of_the_environment() {
    let home = Home::signed_up(&format!("{DEV}    here: {{ kind: aws/ambient }}\n"));
    let session = home.json(&["credential-process", "dev"]);
    let role = |expires: &str| {
        let (id, secret, token) = (
            &session["AccessKeyId"],
            &session["SecretAccessKey"],
            &session["SessionToken"],
        );
        instance(format!(
            r#"{{"Code":"Success","AccessKeyId":{id},"SecretAccessKey":{secret},"Token":{token},"Expiration":"{expires}"}}"#
        ))
    };
    let (good, over) = (role("2099-01-01T00:00:00Z"), role("2020-01-01T00:00:00Z"));
    let container = endpoint(200, json_of(&home.key(), ""));
    let key = home.key();
    let keys = [
        ("AWS_ACCESS_KEY_ID", key.access_key_id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", key.secret_access_key.expose()),
    ];
    let on = |url| {
        [
            ("AWS_EC2_METADATA_DISABLED", "false"),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", url),
        ]
    };
    for (variables, source) in [
        (
            &[&keys[..], &on(&good), &[(URI, &container)]].concat(),
            "container role",
        ),
        (&[&keys[..], &on(&good)].concat(), "instance role"),
        (&[&keys[..], &on(&over)].concat(), "environment"),
        (&keys.to_vec(), "environment"),
    ] {
        let ran = login(&home, variables);
        let said = text(&ran.stderr);
        assert_eq!(code(&ran), 0, "{said}");
        let shown = said.lines().find(|line| line.contains("Source"));
        assert!(
            shown.is_some_and(|line| line.contains(source)),
            "{source}: {said}"
        );
    }
    let ran = login(&home, &on(&over));
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 1, "{said}");
    for why in [
        "container role: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and",
        "instance role: ",
        "expired already",
        "environment: AWS_ACCESS_KEY_ID is not set",
    ] {
        assert!(said.contains(why), "{why}: {said}");
    }
}

#[test]
fn a_container_endpoint_that_gives_nothing_good_is_quoted() {
    let home = Home::with(HERE);
    let over = fs::read_to_string(repository().join("tests/inputs/helper/expiration-over.json"));
    let over = over.expect("an input").replace("SessionToken", "Token");
    let refused = r#"{"code":"AccessDeniedException","message":"no association for this pod"}"#;
    for (status, body, says) in [
        (200, over, "expired already"),
        (
            403,
            refused.to_owned(),
            "no association for this pod (AccessDeniedException)",
        ),
        (
            404,
            "no such role\n".to_owned(),
            "answered 404: no such role",
        ),
        (
            200,
            json_of(&home.key(), r#","Expiration":"2099-01-01T00:00:00""#),
            "`Expiration` has no time zone",
        ),
    ] {
        let ran = login(&home, &[(URI, &endpoint(status, body))]);
        let said = text(&ran.stderr);
        assert_eq!(code(&ran), 1, "{said}");
        assert!(said.contains(says), "{says}: {said}");
        assert!(
            !said.contains(home.key().secret_access_key.expose()),
            "{said}"
        );
    }
}

#[test]
fn a_broken_container_role_is_said_where_other_credentials_stand_in() {
    let home = Home::with(HERE);
    let token = home.path().join("token");
    fs::write(&token, "abc\n").expect("a file");
    let (key, token) = (home.key(), token.display().to_string());
    let broken = endpoint(500, String::new());
    let keys = [
        ("AWS_ACCESS_KEY_ID", key.access_key_id.as_str()),
        (
            "AWS_SECRET_ACCESS_KEY",
            &format!(" {} ", key.secret_access_key.expose()),
        ),
    ];
    for (variables, says) in [
        (vec![(URI, broken.as_str())], "answered 500"),
        (
            vec![
                (URI, broken.as_str()),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token),
            ],
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, holds a line end",
        ),
    ] {
        let variables: Vec<_> = variables.into_iter().chain(keys).collect();
        let ran = login(&home, &variables);
        let said = text(&ran.stderr);
        assert_eq!(code(&ran), 0, "{said}");
        assert!(
            said.contains(says) && said.contains("come from: environment"),
            "{says}: {said}"
        );
    }
}

#[test]
fn a_helper_without_a_zone_or_past_its_end_is_refused_by_the_field() {
    for (input, says) in [
        (
            "expiration-without-zone.json",
            "`Expiration` has no time zone",
        ),
        ("expiration-over.json", "expired already"),
    ] {
        let file = repository().join("tests/inputs/helper").join(input);
        let home = Home::with(&format!(
            "auth: {{ identities: {{ here: {{ kind: aws/process, credentials: {{ process: '{}' }} }} }} }}\n",
            prints(&file)
        ));
        for ran in [login(&home, &[]), home.run(&["credential-process", "here"])] {
            let said = text(&ran.stderr);
            assert_eq!((code(&ran), ran.stdout.len()), (1, 0), "{said}");
            assert!(said.contains(says) && !said.contains("wJalr"), "{said}");
        }
    }
}

/// kim with an MFA device, whose code the program prints.
fn with_mfa_process(command: &str) -> Home {
    let home = Home::with(DEV);
    let serial = home.sandbox().mfa_serial("kim");
    home.sandbox()
        .set_mfa("kim", MfaDevice::Enrolled)
        .expect("kim");
    let config = format!(
        "auth:\n  identities:\n    dev: {{ kind: aws/user, credentials: {{ mfa_arn: \"{serial}\", mfa_process: '{command}' }} }}\n"
    );
    fs::write(home.config(), config).expect("a configuration");
    home.store_key("dev", &home.key());
    home
}

#[test]
fn a_code_is_found_among_the_words_of_a_helper() {
    for (input, right) in [
        ("code-with-words.txt", Some("976249")),
        ("code-with-name.txt", Some("123456")),
        ("two-numbers.txt", None),
    ] {
        let file = repository().join("tests/inputs/helper").join(input);
        let home = with_mfa_process(&prints(&file));
        let mfa_code = right.unwrap_or("123456").to_owned();
        let settings = SandboxSettings {
            mfa_code,
            ..home.sandbox().settings()
        };
        home.sandbox().set_settings(settings).expect("settings");
        let ran = home.run(&["login", "dev"]);
        let said = text(&ran.stderr);
        assert_eq!(code(&ran) == 0, right.is_some(), "{input}: {said}");
        let is_refused = said.contains("more than one number of six digits");
        assert_eq!(is_refused, right.is_none(), "{input}: {said}");
    }
}

#[test]
fn a_helper_below_home_is_run_and_what_it_says_is_in_no_log() {
    let shell = if cfg!(windows) { "cmd.exe /c" } else { "sh" };
    let home = with_mfa_process(&format!("{shell} {}", native("$HOME/code.cmd")));
    let script = "echo Touch your YubiKey >&2\necho 123456\n";
    let quiet = if cfg!(windows) { "@echo off\n" } else { "" };
    fs::write(home.path().join("code.cmd"), format!("{quiet}{script}")).expect("a program");
    let ran = home.run(&["login", "dev", "-vv"]);
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 0, "{said}");
    assert!(!said.contains("Touch"), "{said}");
    let agent = home.start_agent();
    let ran = home.run(&["login", "dev", "--force"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    assert!(!agent.said().contains("Touch"), "{}", agent.said());
}

#[test]
fn what_cannot_be_reached_is_named_with_its_proxy_and_a_missing_bundle_with_its_variable() {
    let home = Home::with(DEV);
    // Keys that no server has accepted belong to none.
    let unseen = ["user", "configure", "dev", "--stdin", "--no-check"];
    assert_eq!(code(&home.run_with_input(&unseen, &typed(&home.key()))), 0);
    let login = |variables: &[(&str, &str)]| {
        let mut fob = home.fob(&["login", "dev"]);
        text(
            &fob.envs(variables.iter().copied())
                .output()
                .expect("fob starts")
                .stderr,
        )
    };
    let said = login(&[("AWS_ENDPOINT_URL", "https://127.0.0.1:1")]);
    assert!(said.contains("127.0.0.1:1: "), "{said}");
    let proxy = ("HTTPS_PROXY", "http://kim:s3cr3t@127.0.0.1:9");
    let said = login(&[("AWS_ENDPOINT_URL", "https://sts.example:1"), proxy]);
    assert!(
        said.contains("sts.example:1 through the proxy 127.0.0.1:9: "),
        "{said}"
    );
    assert!(!said.contains("s3cr3t"), "{said}");
    let bundle = ("AWS_CA_BUNDLE", "/nowhere/company.pem");
    let said = login(&[("AWS_ENDPOINT_URL", "https://127.0.0.1:1"), bundle]);
    assert!(
        said.contains("AWS_CA_BUNDLE names /nowhere/company.pem"),
        "{said}"
    );
    assert!(!said.contains("could not be reached"), "{said}");
}

#[test]
fn keys_of_the_documentation_and_placeholders_are_refused_by_name_wherever_they_come_from() {
    let [id, secret] = [
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    ];
    // Nothing listens there: a refusal comes before any call.
    let aws = ("AWS_ENDPOINT_URL", "https://127.0.0.1:1");
    let pair = [
        ("AWS_ACCESS_KEY_ID", id),
        ("AWS_SECRET_ACCESS_KEY", secret),
        aws,
    ];
    let says = "an example of AWS's documentation";
    let ran = login(&Home::with(HERE), &pair);
    assert!(text(&ran.stderr).contains(says), "{}", text(&ran.stderr));
    let written = "auth: { identities: { here: { kind: aws/user, credentials: { access_key_id: !env AWS_ACCESS_KEY_ID, secret_access_key: !env AWS_SECRET_ACCESS_KEY } } } }\n";
    let home = Home::with(written);
    let ran = login(&home, &pair);
    let said = text(&ran.stderr);
    assert!(said.contains(says), "{said}");
    assert!(said.contains("variables AWS_ACCESS_KEY_ID and"), "{said}");
    for (secret, flaw) in [("DB", "a placeholder"), ("", "empty")] {
        let ran = login(
            &home,
            &[
                ("AWS_ACCESS_KEY_ID", "AKIAFOREIGN000000001"),
                ("AWS_SECRET_ACCESS_KEY", secret),
            ],
        );
        let said = text(&ran.stderr);
        assert!(
            code(&ran) != 0 && said.contains("AWS_SECRET_ACCESS_KEY") && said.contains(flaw),
            "{said}"
        );
    }
    let home = Home::with(DEV);
    let json = format!(r#"{{"access_key_id":"{id}","secret_access_key":"{secret}"}}"#);
    let file = home.path().join("keys.json");
    fs::write(&file, json).expect("a file");
    for check in [&["--stdin"][..], &["--stdin", "--no-check"]] {
        let mut fob = home.fob(&["user", "configure", "dev"]);
        let input = fs::File::open(&file).expect("a file");
        let ran = fob
            .args(check)
            .envs([aws])
            .stdin(input)
            .output()
            .expect("fob starts");
        assert_eq!(code(&ran), 2, "{}", text(&ran.stderr));
        assert!(text(&ran.stderr).contains(says), "{}", text(&ran.stderr));
    }
    assert!(home.keyring().is_empty());
}

#[test]
fn an_empty_variable_of_the_configuration_is_named_and_leaves_the_keyring_in_use() {
    let written = DEV.replace(
        "default: true",
        "default: true, credentials: { access_key_id: !env AWS_ACCESS_KEY_ID, secret_access_key: \
         !env AWS_SECRET_ACCESS_KEY }",
    );
    let with = |home: &Home, value: &str, words: &[&str]| {
        let mut fob = home.fob(words);
        fob.env("AWS_ACCESS_KEY_ID", value);
        fob.env("AWS_SECRET_ACCESS_KEY", value);
        let ran = fob.output().expect("fob starts");
        (code(&ran), text(&ran.stdout) + &text(&ran.stderr))
    };
    let home = Home::signed_up(&written);
    for (value, flaw) in [("", "empty"), ("changeme", "a placeholder")] {
        let (code, said) = with(&home, value, &["login", "dev", "--force"]);
        assert_eq!(code, 0, "{said}");
        let (_, said) = with(&home, value, &["validate"]);
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            let line = said
                .lines()
                .find(|line| line.contains(&format!("variable {name}")));
            assert!(
                line.is_some_and(|line| line.contains(flaw)),
                "{name}: {said}"
            );
        }
        let (code, said) = with(&Home::with(&written), value, &["login", "dev"]);
        assert_eq!(code, 3, "{said}");
        assert!(
            said.contains("AWS_ACCESS_KEY_ID") && said.contains(flaw),
            "{said}"
        );
    }
}

#[test]
fn a_keyring_in_memory_keeps_nothing_and_says_so() {
    let home = Home::with(DEV);
    let file = home.path().join("keys.json");
    fs::write(&file, crate::home::typed(&home.key())).expect("a file");
    let mut fob = home.fob(&["user", "configure", "dev", "--stdin"]);
    let input = fs::File::open(&file).expect("a file");
    let ran = fob
        .env("FOB_KEYRING", "memory")
        .stdin(input)
        .output()
        .expect("fob starts");
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 0, "{said}");
    assert!(
        said.contains("are not kept") && !said.contains("saved to keyring"),
        "{said}"
    );
    let csv = home.path().join("keys.csv");
    let key = home.key();
    let (id, secret) = (key.access_key_id.as_str(), key.secret_access_key.expose());
    fs::write(
        &csv,
        format!("Access key ID,Secret access key\n{id},{secret}\n"),
    )
    .expect("a file");
    let mut fob = home.fob(&["user", "configure", "dev", "--csv", "keys.csv"]);
    let ran = fob
        .env("FOB_KEYRING", "memory")
        .output()
        .expect("fob starts");
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 0, "{said}");
    assert!(!said.contains("delete it"), "it is all there is: {said}");
}
