//! What of a profile's settings comes along with it, to whom an MFA device goes, and what is said of
//! the settings that an identity has no place for.

use super::imports::{aws, imported, listed, text};
use super::*;

#[test]
fn what_an_identity_has_a_setting_for_comes_along() {
    let home = aws(
        "\
[profile local]
endpoint_url = http://127.0.0.1:4566
mfa_process = ykman oath accounts code -s aws
use_fips_endpoint = True
[profile lake]
role_arn = arn:aws:iam::420000000025:role/lake
source_profile = local
session_tags = team = lake, stage=prod
transitive_session_tags = team
source_identity = kim
[profile pod]
role_arn = arn:aws:iam::420000000025:role/r
web_identity_token_file = /var/run/token
use_dualstack_endpoint = false
external_id = x-1
[profile odd]
role_arn = arn:aws:iam::420000000025:role/r
source_profile = local
session_tags = team
[profile far]
credential_process = creds
endpoint_url = http://keys.example
",
        "[local]\naws_access_key_id = ID\naws_secret_access_key = SECRET\n",
    );
    insta::assert_snapshot!(listed(&home), @r"
    local: IAM user
    lake: role through local
    pod: role through a web identity
    odd: role through local: `team` of its session_tags is not KEY=VALUE
    far: program: `http://keys.example` is not safe: plain http to another machine shows what is sent; write https://
    ");
    let import = imported(&home, &["lake", "pod"], &[]).expect("an import");
    let written = text(&import);
    insta::assert_snapshot!(written, @r#"
    auth:
      providers:
        pod-token:
          kind: aws/web-identity
          spec:
            token_file: "/var/run/token"
      identities:
        local:
          kind: aws/user
          credentials:
            mfa_process: "ykman oath accounts code -s aws"
          spec:
            endpoint_url: "http://127.0.0.1:4566"
            use_fips_endpoint: true
        lake:
          kind: aws/assume-role
          via:
            identity: local
          principal:
            assume_role: "arn:aws:iam::420000000025:role/lake"
            tags:
              team: lake
              stage: prod
            transitive_tag_keys: [team]
            source_identity: kim
        pod:
          kind: aws/assume-role
          via:
            provider: pod-token
          principal:
            assume_role: "arn:aws:iam::420000000025:role/r"
          spec:
            use_dualstack_endpoint: false
    "#);
    assert_eq!(shown(&load(&written)), "");
    assert_eq!(
        import.notes,
        [
            "the profile `local` is imported too: `lake` is assumed with it",
            "an identity has no place for these settings of the profile `pod`: `external_id`"
        ]
    );
    let beside = load(&written);
    let names = ["lake", "local", "pod"].map(str::to_owned);
    let again = super::super::import(
        &home.environment(&[]),
        ImportSource::Aws,
        &names,
        Some(&beside),
    );
    assert_eq!(again.expect("an import").changes, []);
}

#[test]
fn what_an_identity_has_no_setting_for_is_named_before_and_after() {
    let home = aws(
        "\
[default]
output = json
[profile settings]
output = json
[sso-session corp]
sso_region = us-east-1
sso_start_url = https://old.awsapps.com/start
[profile admin]
sso_session = corp
sso_account_id = 410000000017
sso_role_name = Admin
s3 =
  max_concurrent_requests = 20
services = local
output = json
cli_pager =
mfa_process = ykman oath accounts code -s aws
[services local]
sts =
  endpoint_url = http://127.0.0.1:4566
[sso-session corp]
sso_region = eu-central-1
sso_start_url = https://corp.awsapps.com/start
",
        "",
    );
    let all = importable(&home.environment(&[]), ImportSource::Aws).expect("readable");
    let [admin] = all.as_slice() else {
        panic!("{all:?}")
    };
    assert!(
        admin.notes[0].starts_with("[sso-session corp] is written twice in "),
        "{:?}",
        admin.notes
    );
    assert_eq!(
        admin.notes[1],
        "an identity has no place for these settings of the profile `admin`: `cli_pager`, \
         `mfa_process`, `output`, `s3`, `services`"
    );
    let import = imported(&home, &["admin"], &[]).expect("an import");
    assert_eq!(import.notes, admin.notes);
    assert!(text(&import).contains("https://corp.awsapps.com/start"));
}

#[test]
fn the_mfa_device_of_a_role_goes_to_the_user_it_is_assumed_with() {
    let role = |name: &str, source: &str, device: &str| {
        format!(
            "[profile {name}]\nrole_arn = arn:aws:iam::420000000025:role/r\nsource_profile = {source}\n\
             mfa_serial = arn:aws:iam::410000000017:mfa/{device}\n"
        )
    };
    let config = [
        role("one", "dev", "kim"),
        role("two", "one", "kim"),
        role("other", "dev", "key"),
        role("program", "vendor", "kim"),
        "[profile vendor]\ncredential_process = creds\n".to_owned(),
    ];
    let home = aws(
        &config.concat(),
        "[dev]\naws_access_key_id = ID\naws_secret_access_key = SECRET\n",
    );
    let import = imported(
        &home,
        &["dev", "one", "two", "other", "vendor", "program"],
        &[],
    )
    .expect("an import");
    assert_eq!(
        import.keys[0].mfa_arn.as_deref(),
        Some("arn:aws:iam::410000000017:mfa/kim")
    );
    assert_eq!(
        import.notes,
        [
            "the MFA device of `one` is used when its user `dev` signs in",
            "the MFA device of `other` is left out: its user `dev` signs in with another one",
            "the MFA device of `program` is left out: `vendor` is not a user who can enter a code"
        ]
    );
    assert_eq!(text(&import).matches("mfa_arn").count(), 1);
}

#[test]
fn the_program_for_the_codes_of_a_role_goes_with_its_device_to_the_user() {
    let role = |name: &str, source: &str, settings: &str| {
        format!(
            "[profile {name}]\nrole_arn = arn:aws:iam::420000000025:role/r\n{source}\n{settings}\n"
        )
    };
    let device = |name: &str| format!("mfa_serial = arn:aws:iam::410000000017:mfa/{name}");
    let config = [
        role(
            "one",
            "source_profile = dev",
            &format!("{}\nmfa_process = code kim", device("kim")),
        ),
        role("two", "source_profile = one", "mfa_process = code kim"),
        role("same", "source_profile = dev", "mfa_process = other"),
        role(
            "key",
            "source_profile = dev",
            &format!("{}\nmfa_process = code key", device("key")),
        ),
        role(
            "program",
            "source_profile = vendor",
            "mfa_process = code kim",
        ),
        role(
            "machine",
            "credential_source = Ec2InstanceMetadata",
            "mfa_process = code kim",
        ),
        "[profile vendor]\ncredential_process = creds\n".to_owned(),
    ];
    let home = aws(
        &config.concat(),
        "[dev]\naws_access_key_id = ID\naws_secret_access_key = SECRET\n",
    );
    let names = [
        "dev", "one", "two", "same", "key", "vendor", "program", "machine",
    ];
    let import = imported(&home, &names, &[]).expect("an import");
    let written = text(&import);
    let of_user = "credentials:
        mfa_arn: \"arn:aws:iam::410000000017:mfa/kim\"
        mfa_process: \"code kim\"";
    assert!(written.contains(of_user), "{written}");
    assert_eq!(written.matches("mfa_process").count(), 1);
    assert_eq!(shown(&load(&written)), "");
    let machine = "`machine` is assumed with the machine's own credentials";
    let (of_machine, notes): (Vec<_>, Vec<_>) =
        import.notes.iter().partition(|it| it.contains("machine`"));
    assert!(of_machine[0].contains(machine), "{of_machine:?}");
    assert!(of_machine[1].ends_with("`mfa_process`"), "{of_machine:?}");
    assert_eq!(
        notes,
        [
            "the MFA device of `one` is used when its user `dev` signs in",
            "the program for MFA codes of `one` is used when its user `dev` signs in",
            "the program for MFA codes of `same` is left out: its user `dev` signs in with another one",
            "the MFA device of `key` is left out: its user `dev` signs in with another one",
            "the program for MFA codes of `key` is left out: its user `dev` signs in with another one",
            "the program for MFA codes of `program` is left out: `vendor` is not a user who can enter a code",
        ]
    );
}
