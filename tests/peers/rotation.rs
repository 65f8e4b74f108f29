//! `fob user rotate` against an IAM of another make, with the keys in a real Secret Service: the new
//! key is accepted and the old one gone; policies that deny a step are named.

use crate::home::Home;
use crate::moto::Moto;
use serde_json::{Value, json};

const FOB: &str = env!("CARGO_BIN_EXE_fob");

/// What AWS's own documentation gives a user who manages the access keys of the user itself.
const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "sts:*", "Resource": "*"},
    {"Effect": "Allow", "Action": ["iam:ListAccessKeys", "iam:CreateAccessKey", "iam:UpdateAccessKey",
        "iam:DeleteAccessKey", "iam:GetAccessKeyLastUsed"], "Resource": "*"}]}"#;
const WITHOUT_CREATE: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["sts:*", "iam:ListAccessKeys"], "Resource": "*"}]}"#;

const LIST: &str = r#"
keys = iam.list_access_keys(UserName=sys.argv[1])["AccessKeyMetadata"]
print(json.dumps([key["AccessKeyId"] for key in keys]))
"#;

/// An AWS with a user of this policy, whose key is stored for `dev`.
fn stage(realm: &str, policy: &str) -> (Moto, Home) {
    let moto = Moto::start();
    let key = moto.new_user("kim", policy);
    let home = Home::new();
    home.configure(&format!(
        "auth:\n  realm: {realm}\n  identities:\n    dev: {{ kind: aws/user, default: true, spec: {{ endpoint_url: \"{}\" }} }}\n",
        moto.endpoint()
    ));
    let typed = json!({"access_key_id": key.id, "secret_access_key": key.secret}).to_string();
    home.feed(&[FOB, "user", "configure", "dev", "--stdin"], &typed)
        .ok();
    (moto, home)
}

fn ids(moto: &Moto) -> Vec<String> {
    serde_json::from_str(&moto.administer(LIST, &["kim"])).expect("a list")
}

#[test]
fn a_rotated_key_is_the_only_one_and_signs_in() {
    let (moto, home) = stage("rotated", POLICY);
    home.run(&[FOB, "login"]).ok();
    let old = ids(&moto);
    let told = home.run(&[FOB, "user", "rotate", "dev", "--json"]).ok();
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["old_key"], "deleted", "{told}");
    let new = ids(&moto);
    assert_eq!(new.len(), 1, "{new:?}");
    assert_ne!(new, old);
    home.run(&[FOB, "login", "--force"]).ok();
    // This IAM does not know the sessions of its own STS.
    let signed_in = home.run(&[FOB, "whoami", "--offline"]).ok();
    assert!(signed_in.contains("user/kim"), "{signed_in}");

    let kept = ["user", "rotate", "dev", "--keep-old", "1h"];
    home.run(&[&[FOB], &kept[..]].concat()).ok();
    assert_eq!(ids(&moto).len(), 2);
    home.run(&[FOB, "user", "rotate", "dev"]).ok();
    assert_eq!(ids(&moto).len(), 1);

    let other = moto.new_key("kim");
    let refused = home.run(&[FOB, "user", "rotate", "dev"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(
        refused.stderr.contains("two access keys at AWS already"),
        "{refused:#?}"
    );
    moto.delete_key("kim", &other);
}

#[test]
fn a_policy_that_denies_a_new_key_is_named_and_nothing_is_changed() {
    let (moto, home) = stage("not-rotated", WITHOUT_CREATE);
    let old = ids(&moto);
    let refused = home.run(&[FOB, "user", "rotate", "dev"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(
        refused.stderr.contains("iam:CreateAccessKey"),
        "{refused:#?}"
    );
    assert_eq!(ids(&moto), old);
    home.run(&[FOB, "login"]).ok();
}
