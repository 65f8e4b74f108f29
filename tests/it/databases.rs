//! Databases with the real `fob`: the list, a command with a login, and passwords of AWS Secrets
//! Manager, which a small server plays.

use crate::home::{DEPLOY, DEV, Home, code, text};
use serde_json::{Value, json};
#[cfg(unix)]
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Output;
use std::sync::{Arc, Mutex};

const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-x1";

fn config() -> String {
    let databases = format!(
        r#"
  databases:
    orders: {{ engine: postgres, host: orders.abc.eu-central-1.rds.amazonaws.com, user: app, via: {{ identity: deploy }} }}
    shop: {{ engine: mysql, host: shop.abc.us-east-1.rds.amazonaws.com, user: o'neil, via: {{ identity: dev }} }}
    legacy: {{ engine: postgres, host: db.example, port: 5433, user: app, via: {{ identity: dev }}, password_secret: "{ARN}" }}
    field: {{ engine: postgres, host: db.example, user: app, via: {{ identity: dev }}, password_secret: "{ARN}#pass" }}
"#
    );
    format!("{DEV}{DEPLOY}{databases}")
}

/// A Secrets Manager that answers each call with the same status and body, and notes the calls.
pub struct Secrets {
    pub url: String,
    answer: Arc<Mutex<(u16, Value)>>,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Secrets {
    pub fn with(value: &str) -> Secrets {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let answer = Arc::new(Mutex::new((200, json!({ "SecretString": value }))));
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (answers, noted) = (answer.clone(), calls.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let mut request = Vec::new();
                while !request.ends_with(b"}") {
                    let mut piece = [0; 4096];
                    match stream.read(&mut piece) {
                        Ok(read @ 1..) => request.extend_from_slice(&piece[..read]),
                        Ok(0) | Err(_) => break,
                    }
                }
                noted.lock().expect("no panic").push(text(&request));
                let (status, body) = answers.lock().expect("no panic").clone();
                let (body, length) = (body.to_string(), body.to_string().len());
                let head = format!(
                    "HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                );
                let _ = stream.write_all(format!("{head}{body}").as_bytes());
            }
        });
        Secrets { url, answer, calls }
    }

    pub fn answers(&self, status: u16, body: Value) {
        *self.answer.lock().expect("no panic") = (status, body);
    }

    pub fn calls(&self) -> Vec<String> {
        self.calls.lock().expect("no panic").clone()
    }
}

fn run(home: &Home, secrets: &Secrets, arguments: &[&str]) -> Output {
    let mut fob = home.fob(arguments);
    fob.env("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secrets.url);
    fob.output().expect("fob starts")
}

/// What a command saw of its environment.
#[cfg(unix)]
fn variables(ran: &Output) -> BTreeMap<String, String> {
    assert_eq!(code(ran), 0, "{}", text(&ran.stderr));
    let pairs = text(&ran.stdout);
    let pairs = pairs.lines().filter_map(|line| line.split_once('='));
    pairs
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

#[test]
fn databases_are_listed_with_their_login_and_what_opens_them() {
    let home = Home::signed_up(&config());
    let ran = home.run(&["rds", "list"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    insta::assert_snapshot!(text(&ran.stdout), @r"
    DATABASE  ENGINE    LOGIN                                               IDENTITY  WITH      LEFT  PROXY
    orders    postgres  app@orders.abc.eu-central-1.rds.amazonaws.com:5432  deploy    token
    shop      mysql     o'neil@shop.abc.us-east-1.rds.amazonaws.com:3306    dev       token
    legacy    postgres  app@db.example:5433                                 dev       password
    field     postgres  app@db.example:5432                                 dev       password
    ");
    let shown = home.json(&["rds", "list", "--json"]);
    assert_eq!(
        shown["databases"][0],
        json!({"name": "orders", "engine": "postgres", "host": "orders.abc.eu-central-1.rds.amazonaws.com",
            "port": 5432, "user": "app", "identity": "deploy", "with": "token", "expires_at": null})
    );
    assert_eq!(home.json(&["rds", "list", "--format", "json"]), shown);
    assert!(home.calls().is_empty());
}

#[test]
fn the_list_says_how_long_the_agents_token_is_good_for() {
    let home = Home::signed_up(&config());
    let _agent = home.start_agent();
    let token = home.json(&["rds", "token", "shop", "--json"]);
    let shown = home.json(&["rds", "list", "--json"]);
    assert_eq!(shown["databases"][1]["expires_at"], token["expires_at"]);
    let table = text(&home.run(&["rds", "list"]).stdout);
    let shop = table.lines().find(|line| line.starts_with("shop"));
    assert!(shop.is_some_and(|line| line.contains(" 14m")), "{table}");
}

#[cfg(unix)]
#[test]
fn a_command_gets_the_login_and_nothing_of_another() {
    let home = Home::signed_up(&config());
    let mut fob = home.fob(&["rds", "exec", "Orders", "--", "env"]);
    for name in [
        "PGHOSTADDR",
        "PGPASSFILE",
        "PGSERVICE",
        "PGREQUIREAUTH",
        "PGCHANNELBINDING",
    ] {
        fob.env(name, "other");
    }
    fob.env("PGPASSWORD", "other").env("PGDATABASE", "lake");
    let ran = fob.output().expect("fob starts");
    let seen = variables(&ran);
    assert!(
        seen["PGPASSWORD"].starts_with(
            "orders.abc.eu-central-1.rds.amazonaws.com:5432/?Action=connect&DBUser=app&"
        )
    );
    let set: Vec<_> = seen
        .iter()
        .filter(|(name, _)| name.starts_with("PG"))
        .collect();
    let set: Vec<_> = set
        .iter()
        .filter(|(name, _)| *name != "PGPASSWORD")
        .collect();
    insta::assert_snapshot!(format!("{set:?}"), @r#"[("PGDATABASE", "lake"), ("PGHOST", "orders.abc.eu-central-1.rds.amazonaws.com"), ("PGPORT", "5432"), ("PGSSLMODE", "require"), ("PGUSER", "app")]"#);

    let ran = home.run(&["rds", "exec", "shop", "--", "env"]);
    let seen = variables(&ran);
    let set = [
        "MYSQL_HOST",
        "MYSQL_TCP_PORT",
        "MYSQL_USER",
        "LIBMYSQL_ENABLE_CLEARTEXT_PLUGIN",
    ];
    assert_eq!(
        set.map(|name| seen[name].as_str()),
        [
            "shop.abc.us-east-1.rds.amazonaws.com",
            "3306",
            "o'neil",
            "1"
        ]
    );
    assert!(seen["MYSQL_PWD"].contains("&DBUser=o%27neil&"));
    assert!(
        text(&ran.stderr).contains("add --user=o'neil"),
        "{}",
        text(&ran.stderr)
    );
    let named = home.run(&["rds", "exec", "shop", "--", "echo", "--user=x"]);
    assert_eq!(
        (text(&named.stdout).as_str(), text(&named.stderr).as_str()),
        ("--user=x\n", "")
    );
}

#[cfg(unix)]
#[test]
fn the_certificate_is_checked_where_its_issuer_is_known() {
    let home = Home::signed_up(&config());
    let ca = home.path().join("aws.pem");
    std::fs::write(&ca, "").expect("written");
    let ca = ca.to_str().expect("a plain name");
    let seen = variables(&home.run(&["rds", "exec", "orders", "--ca", ca, "--", "env"]));
    assert_eq!(
        (seen["PGSSLMODE"].as_str(), seen["PGSSLROOTCERT"].as_str()),
        ("verify-full", ca)
    );
    for (name, value, mode) in [
        ("PGSSLROOTCERT", ca, "verify-full"),
        ("PGSSLMODE", "disable", "require"),
        ("PGSSLMODE", "verify-full", "verify-full"),
    ] {
        let mut fob = home.fob(&["rds", "exec", "orders", "--", "env"]);
        let seen = variables(&fob.env(name, value).output().expect("fob starts"));
        assert_eq!(seen["PGSSLMODE"], mode, "{name}={value}");
    }
    let ran = home.run(&["rds", "exec", "orders", "--ca", "/nowhere.pem", "--", "env"]);
    assert_eq!(code(&ran), 2);
    assert!(
        text(&ran.stderr).contains("/nowhere.pem"),
        "{}",
        text(&ran.stderr)
    );
}

#[cfg(unix)]
#[test]
fn the_exit_code_is_the_commands_and_a_database_that_is_none_runs_nothing() {
    let home = Home::signed_up(&config());
    for (command, exit) in [
        (&["sh", "-c", "exit 7"][..], 7),
        (&["no-such-program"], 127),
        (&["/dev/null"], 126),
    ] {
        let ran = home.run(&[&["rds", "exec", "orders", "--"], command].concat());
        assert_eq!(code(&ran), exit, "{command:?}: {}", text(&ran.stderr));
    }
    let ran = home.run(&["rds", "exec", "order", "--", "echo", "ran"]);
    assert_eq!((code(&ran), text(&ran.stdout).as_str()), (1, ""));
    assert!(text(&ran.stderr).contains("did you mean `orders`?"));
}

#[cfg(unix)]
#[test]
fn a_client_of_mysql_is_told_what_it_takes_from_no_variable() {
    let tunnel = r#"    tunnel: { engine: mysql, host: localhost, user: app, via: { identity: dev }, password_secret: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-x1" }"#;
    let home = Home::signed_up(&format!("{}{tunnel}\n", config()));
    let secrets = Secrets::with("hunter2");
    for (options, told) in [
        (&[][..], &["--user=app", "--protocol=tcp"][..]),
        (&["-uapp"], &["--protocol=tcp"]),
        (&["--user", "app", "--protocol=TCP"], &[]),
        (&["-u", "app", "-h", "127.0.0.1"], &[]),
    ] {
        let command = ["rds", "exec", "tunnel", "--", "true"];
        let ran = run(&home, &secrets, &[&command, options].concat());
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        let said = text(&ran.stderr);
        for option in ["--user=app", "--protocol=tcp"] {
            let is_told = said.contains(&format!("add {option}"));
            assert_eq!(is_told, told.contains(&option), "{options:?}: {said}");
        }
    }
}

#[cfg(unix)]
#[test]
fn without_a_command_it_is_a_shell_with_the_login() {
    let home = Home::signed_up(&config());
    let mut fob = home.fob(&["rds", "exec", "orders"]);
    let ran = fob
        .env("SHELL", "/usr/bin/env")
        .output()
        .expect("it starts");
    let given = variables(&ran);
    assert_eq!(given["PGUSER"], "app");
    assert!(given["PGPASSWORD"].contains("X-Amz-Signature="));
    assert!(text(&ran.stderr).contains("Opening a shell for orders"));
}

#[cfg(unix)]
#[test]
fn a_password_is_read_with_the_identity_and_signed_for_the_region_of_the_secret() {
    let home = Home::signed_up(&config());
    let secrets = Secrets::with(r#"{"username":"app_clone","password":"pa ss","pass":"other"}"#);
    let ran = run(&home, &secrets, &["rds", "token", "legacy", "--password"]);
    assert_eq!(
        (code(&ran), text(&ran.stdout).as_str()),
        (0, "pa ss\n"),
        "{}",
        text(&ran.stderr)
    );
    let [call] = &secrets.calls()[..] else {
        panic!("{:?}", secrets.calls())
    };
    for part in [
        "POST / HTTP/1.1",
        "x-amz-target: secretsmanager.GetSecretValue",
        "/eu-west-1/secretsmanager/aws4_request",
        "x-amz-security-token",
        &json!({ "SecretId": ARN }).to_string(),
    ] {
        assert!(call.contains(part), "{part} is not in {call}");
    }
    let ran = run(
        &home,
        &secrets,
        &["rds", "token", "field", "--password", "--json"],
    );
    let shown: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    assert_eq!(
        (&shown["password"], &shown["user"], &shown["token"]),
        (&json!("other"), &json!("app_clone"), &Value::Null)
    );
    let seen = variables(&run(
        &home,
        &secrets,
        &["rds", "exec", "legacy", "--", "env"],
    ));
    assert_eq!(
        (seen["PGUSER"].as_str(), seen["PGPASSWORD"].as_str()),
        ("app_clone", "pa ss")
    );
}

#[test]
fn an_agent_reads_a_password_once_until_it_is_told_to_or_signed_out() {
    let home = Home::signed_up(&config());
    let secrets = Secrets::with("first");
    let mut agent = home.fob(&["agent", "run"]);
    agent.env("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secrets.url);
    let _agent = home.agent(agent);
    let password = |more: &[&str]| {
        let ran = run(
            &home,
            &secrets,
            &[&["rds", "token", "legacy", "--password"], more].concat(),
        );
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        text(&ran.stdout)
    };
    assert_eq!(password(&[]), "first\n");
    secrets.answers(200, json!({ "SecretString": "pa55-2nd" }));
    assert_eq!(password(&[]), "first\n");
    assert_eq!(secrets.calls().len(), 1);
    assert_eq!(password(&["--force"]), "pa55-2nd\n");
    assert_eq!(password(&[]), "pa55-2nd\n");
    assert_eq!(secrets.calls().len(), 2);
    let is_it = |text: &str| text.contains("pa55-2nd");
    let kept = home.keyring();
    assert!(
        !kept.values().any(|it| is_it(it)),
        "it is kept in memory alone"
    );
    for file in home.digest().into_keys().filter(|it| it.is_file()) {
        let held = std::fs::read(&file).expect("readable");
        assert!(!is_it(&text(&held)), "it is in {}", file.display());
    }
    let out = text(&run(&home, &secrets, &["logout", "dev"]).stderr);
    let ran = run(&home, &secrets, &["rds", "token", "legacy", "--password"]);
    assert_eq!((code(&ran), text(&ran.stdout).as_str()), (3, ""), "{out}");
    assert_eq!(code(&run(&home, &secrets, &["login", "dev"])), 0);
    secrets.answers(200, json!({ "SecretString": "third" }));
    assert_eq!(password(&[]), "third\n");
}

#[test]
fn a_password_that_cannot_be_read_says_why_and_what_to_do() {
    let home = Home::signed_up(&config());
    let secrets = Secrets::with("unused");
    let refusal = |code: &str| json!({"__type": format!("com.amazonaws#{code}"), "Message": "no."});
    for (status, body, error, words) in [
        (
            400,
            refusal("AccessDeniedException"),
            "access_denied",
            "secretsmanager:GetSecretValue",
        ),
        (
            400,
            refusal("ResourceNotFoundException"),
            "aws_error",
            "look at the ARN",
        ),
        (
            400,
            refusal("ExpiredTokenException"),
            "session_expired",
            "no",
        ),
        (
            200,
            json!({"SecretString": "{\"user\":\"hunter2\"}"}),
            "aws_error",
            "no text `password`",
        ),
        (
            200,
            json!({"SecretBinary": "aHVudGVyMg=="}),
            "aws_error",
            "binary",
        ),
        (
            200,
            json!("hunter2"),
            "aws_error",
            "is not one of Secrets Manager",
        ),
        (503, json!("hunter2"), "network", "not AWS's"),
    ] {
        secrets.answers(status, body);
        let ran = run(
            &home,
            &secrets,
            &["rds", "token", "legacy", "--password", "--json"],
        );
        let shown: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
        assert_eq!(shown["error"]["code"], error, "{shown}");
        let shown = shown.to_string();
        assert!(shown.contains(words) && shown.contains("db-x1"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let ran = home.run(&["rds", "token", "legacy"]);
    assert!(text(&ran.stderr).contains("fob rds token legacy --password"));
    let ran = home.run(&["rds", "token", "orders", "--password"]);
    assert_eq!(code(&ran), 2, "{}", text(&ran.stderr));
}
