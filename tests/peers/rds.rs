//! Database tokens against botocore's own: the same credentials, host, port, user, region and
//! second, the same bytes.

use crate::home::Home;
use serde_json::{Value, json};

const FOB: &str = env!("CARGO_BIN_EXE_fob");
const ID: &str = "ASIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const SESSION_TOKEN: &str = "IQoJb3JpZ2luX2VjE//////////wEaCXVzLWVhc3QtMSJHMEUCIQ+a/b==";

/// Signs each case at the moment that its token names, and prints what came out otherwise.
const COMPARE: &str = r#"
import os
# The library in C would sign with its own clock.
os.environ["BOTO_DISABLE_CRT"] = "true"
import boto3, botocore.auth, datetime, json, re, sys
different = []
for it in json.loads(sys.argv[1]):
    signed_at = re.search("X-Amz-Date=([0-9TZ]+)", it["token"]).group(1)
    moment = datetime.datetime.strptime(signed_at, "%Y%m%dT%H%M%SZ")
    botocore.auth.get_current_datetime = lambda: moment
    session = boto3.Session(sys.argv[2], sys.argv[3], it["session_token"], region_name="us-east-1")
    token = session.client("rds").generate_db_auth_token(it["host"], it["port"], it["user"], it["region"])
    if token != it["token"]: different.append([token, it["token"]])
print(json.dumps(different))
"#;

#[test]
fn tokens_are_byte_for_byte_those_of_botocore() {
    let home = Home::new();
    let source = |session_token: Option<&str>| {
        let mut keys = json!({"Version": 1, "AccessKeyId": ID, "SecretAccessKey": SECRET});
        keys["SessionToken"] = session_token.into();
        format!(
            "cat {}",
            file(
                &home,
                session_token.map_or("plain", |_| "session"),
                &keys.to_string()
            )
        )
    };
    let (plain, session) = (source(None), source(Some(SESSION_TOKEN)));
    let config = json!({"auth": {"realm": "rds", "identities": {
        "plain": {"kind": "aws/process", "credentials": {"process": plain}},
        "session": {"kind": "aws/process", "credentials": {"process": session}},
    }}});
    home.configure(&config.to_string());

    let mut cases = Vec::new();
    for (identity, session_token) in [("plain", None), ("session", Some(SESSION_TOKEN))] {
        for (host, port, user, region) in [
            (
                "orders.abc.eu-central-1.rds.amazonaws.com",
                "5432",
                "app",
                "eu-central-1",
            ),
            (
                "orders.cluster-abc.us-east-1.rds.amazonaws.com",
                "3306",
                "App_1",
                "us-east-1",
            ),
            (
                "orders.abc.rds.cn-north-1.amazonaws.com.cn",
                "5432",
                "app",
                "cn-north-1",
            ),
            (
                "orders.abc.us-gov-west-1.rds.amazonaws.com",
                "65535",
                "app",
                "us-gov-west-1",
            ),
            (
                "Orders.ABC.eu-west-1.rds.amazonaws.com",
                "1",
                "app",
                "eu-west-1",
            ),
            ("db.example", "443", "app", "eu-west-1"),
            ("db.example", "80", "app", "eu-west-1"),
            ("10.0.0.7", "5432", "app", "ap-southeast-11"),
            ("db_1-a.example.", "5432", "-._~", "eu-west-1"),
            ("db.example", "5432", "o'neil+x@example.org", "eu-west-1"),
            ("db.example", "5432", " two  words ", "eu-west-1"),
            ("db.example", "5432", "%41%zz%", "eu-west-1"),
            ("db.example", "5432", "a&b=c?d#e/f\\g;h:i,j", "eu-west-1"),
            ("db.example", "5432", "!\"$()*<>[]^`{|}", "eu-west-1"),
            ("db.example", "5432", "jürgen–数据库🦀", "eu-west-1"),
        ] {
            // Joined with `=`, so that a name may begin with a dash.
            let (user_flag, written) = (
                format!("--user={user}"),
                ["--host", host, "--port", port, "--region", region],
            );
            let printed = home
                .run(
                    &[
                        &[FOB, "rds", "token", identity, "--json", &user_flag],
                        &written[..],
                    ]
                    .concat(),
                )
                .ok();
            let mut case: Value = serde_json::from_str(&printed).expect("JSON");
            assert_eq!((&case["host"], &case["user"]), (&json!(host), &json!(user)));
            case["session_token"] = session_token.into();
            cases.push(case);
        }
    }
    let different = home
        .python(COMPARE, &[&Value::from(cases).to_string(), ID, SECRET])
        .ok();
    assert_eq!(different.trim(), "[]");
}

/// Writes a file of the home and returns its path.
fn file(home: &Home, name: &str, content: &str) -> String {
    let path = home.path(name);
    std::fs::write(&path, content).expect("the home can be written to");
    path.to_str()
        .expect("temporary folders have plain names")
        .to_owned()
}
