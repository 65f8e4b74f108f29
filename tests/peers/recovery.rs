//! Keyfob and an AWS of another make, with the keys in a real Secret Service: sign in, lose the
//! key, recover, take a role, be refused.

use crate::home::Home;
use crate::moto::{AccessKey, Moto};
use serde_json::{Value, json};

const FOB: &str = env!("CARGO_BIN_EXE_fob");
const ROLE: &str = "arn:aws:iam::123456789012:role/deploy";

/// What kim may do: everything in STS but to take the role `forbidden`.
const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "sts:*", "Resource": "*"},
    {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::123456789012:role/forbidden"}]}"#;

const MAKE_ROLES: &str = r#"
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
for role in ["deploy", "forbidden"]:
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
"#;

struct Stage {
    moto: Moto,
    home: Home,
    first: AccessKey,
}

/// The realm keeps tests apart that share one Secret Service.
fn stage(realm: &str) -> Stage {
    let moto = Moto::start();
    let first = moto.new_user("kim", POLICY);
    moto.administer(MAKE_ROLES, &[]);
    let home = Home::new();
    let config = format!(
        "auth:
  realm: {realm}
  identities:
    dev: {{ kind: aws/user, default: true, session: {{ duration: 36h }}, spec: {{ endpoint_url: \"{endpoint}\" }} }}
    machine: {{ kind: aws/ambient, spec: {{ endpoint_url: \"{endpoint}\" }} }}
    deploy: {{ kind: aws/assume-role, via: {{ identity: machine }}, principal: {{ assume_role: \"{ROLE}\" }} }}
    forbidden: {{ kind: aws/assume-role, via: {{ identity: machine }}, principal: {{ assume_role: \"arn:aws:iam::123456789012:role/forbidden\" }} }}
",
        endpoint = moto.endpoint()
    );
    home.configure(&config);
    Stage { moto, home, first }
}

fn json_of(home: &Home, words: &[&str]) -> Value {
    let ran = home.run(&[&[FOB], words].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|cause| panic!("{words:?}: {cause}: {ran:?}"))
}

fn store(home: &Home, key: &AccessKey) {
    let typed = json!({"access_key_id": key.id, "secret_access_key": key.secret}).to_string();
    home.feed(&[FOB, "user", "configure", "dev", "--stdin"], &typed)
        .ok();
}

#[test]
fn a_deleted_key_is_recovered_at_the_terminal_and_the_next_process_needs_no_prompt() {
    let Stage { moto, home, first } = stage("recovery");
    store(&home, &first);
    home.run(&[FOB, "login"]).ok();
    assert_eq!(
        json_of(&home, &["whoami", "--json"])["principal"],
        "arn:aws:iam::123456789012:user/kim"
    );

    moto.delete_key("kim", &first);
    let second = moto.new_key("kim");
    let mut terminal = home.terminal(&[FOB, "login", "dev", "--force"]);
    terminal.read_to("no longer accepts");
    for (label, answer) in [
        ("Access Key ID", second.id.as_str()),
        ("Secret", &second.secret),
        ("MFA ARN", ""),
        ("Session Duration", ""),
    ] {
        terminal.read_to(label);
        terminal.type_line(answer);
    }
    terminal.read_to("Credentials saved to keyring: dev");
    let (shown, code) = terminal.finish();
    assert!(shown.contains("(35h 59m)"), "{shown}");
    assert_eq!(code, 0);
    home.run(&[FOB, "login", "dev", "--force", "--no-input"])
        .ok();
    let left = json_of(&home, &["whoami", "dev", "--json"])["expires_in_seconds"]
        .as_u64()
        .expect("a number");
    assert!((129_000..=129_600).contains(&left), "{left}");
}

#[test]
fn a_deleted_key_without_a_person_is_exit_3_and_the_stale_secret_is_gone() {
    let Stage { moto, home, first } = stage("nobody");
    store(&home, &first);
    moto.delete_key("kim", &first);
    let ran = home.run(&[FOB, "login", "dev", "--no-input"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(
        ran.stderr
            .contains("aws credentials are invalid or have been revoked"),
        "{ran:?}"
    );
    assert!(
        ran.stderr
            .contains("stale credentials were cleared from the keyring"),
        "{ran:?}"
    );
    let entry = [
        "secret-tool",
        "lookup",
        "service",
        "dev.keyfob.Keyfob",
        "username",
        "nobody/keys/dev",
    ];
    let stored = home.run(&entry).ok();
    assert!(!stored.contains(&first.secret), "the secret is still there");
    let again = home.run(&[FOB, "login", "dev", "--no-input"]);
    assert_eq!(again.code, 3);
    assert!(
        again
            .stderr
            .contains("AWS credentials are required for identity: dev"),
        "{again:?}"
    );
}

#[test]
fn a_role_is_taken_and_another_is_refused_by_the_policy_without_harm() {
    let Stage {
        moto: _moto,
        mut home,
        first,
    } = stage("roles");
    // moto does not know the sessions it hands out for GetSessionToken: the key signs AssumeRole
    // itself.
    home.set("AWS_ACCESS_KEY_ID", &first.id);
    home.set("AWS_SECRET_ACCESS_KEY", &first.secret);
    home.set("AWS_EC2_METADATA_DISABLED", "true");
    home.run(&[FOB, "login", "deploy"]).ok();
    let who = json_of(&home, &["whoami", "deploy", "--json"]);
    let principal = who["principal"].as_str().expect("a principal");
    assert!(
        principal.starts_with("arn:aws:sts::123456789012:assumed-role/deploy/"),
        "{principal}"
    );

    let refused = home.run(&[FOB, "login", "forbidden", "--json", "--no-input"]);
    let error: Value = serde_json::from_str(&refused.stdout).expect("JSON");
    assert_eq!(
        (refused.code, error["error"]["code"].as_str()),
        (1, Some("access_denied")),
        "{refused:?}"
    );
    assert_eq!(error["error"]["context"]["step"], "machine → forbidden");
    home.run(&[FOB, "login", "deploy", "--force", "--no-input"])
        .ok();
}

#[test]
fn a_mistyped_secret_is_refused_before_it_is_stored() {
    let Stage {
        moto: _moto,
        home,
        first,
    } = stage("mistyped");
    let typed =
        json!({"access_key_id": first.id, "secret_access_key": format!("{}x", first.secret)})
            .to_string();
    let ran = home.feed(&[FOB, "user", "configure", "dev", "--stdin"], &typed);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stderr
            .contains("the secret does not belong to this key id"),
        "{ran:?}"
    );
    let entry = [
        "secret-tool",
        "lookup",
        "service",
        "dev.keyfob.Keyfob",
        "username",
        "mistyped/keys/dev",
    ];
    assert_eq!(home.run(&entry).code, 1, "nothing was stored");
}
