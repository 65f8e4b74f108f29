//! What else the files of AWS tools hold, and what other tools make of them.

use super::imports::{aws, listed, text};
use super::*;

/// Everything that a tool has, as YAML, and what is said of it.
fn whole(home: &Home, source: ImportSource) -> (String, String) {
    let environment = home.environment(&[]);
    let all = importable(&environment, source).expect("readable");
    let free = all.iter().filter(|it| it.obstacle.is_none());
    let names: Vec<String> = free.map(|it| it.profile.clone()).collect();
    let import = import(&environment, source, &names, None).expect("offered");
    let (preview, written) = (added(&import.changes).expect("writable"), text(&import));
    assert_eq!(preview, written);
    let config = load(&written);
    assert!(
        config
            .identities()
            .iter()
            .all(|it| config.chain(it).is_ok()),
        "{}",
        shown(&config)
    );
    (written, import.notes.join("\n"))
}

#[test]
fn identity_center_is_a_provider_for_each_place_however_it_is_written() {
    let home = aws(
        "\
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start/#
sso_region = eu-central-1
sso_registration_scopes = sso:account:access
[profile admin]
sso_session = corp
sso_account_id = 042000000025
sso_role_name = Admin
region = eu-west-1
[profile old]
sso_start_url = https://CORP.awsapps.com/start
sso_region = eu-central-1
sso_account_id = 410000000017
sso_role_name = ReadOnly
[profile other]
sso_start_url = https://d-1234.awsapps.com/start
sso_region = us-east-1
sso_account_id = 410000000017
sso_role_name = ReadOnly
[profile granted]
granted_sso_start_url = https://corp.awsapps.com/start
granted_sso_region = eu-central-1
granted_sso_account_id = 410000000017
granted_sso_role_name = Deploy
credential_process = granted credential-process --profile granted
[profile deploy]
role_arn = arn:aws:iam::420000000025:role/deploy
source_profile = admin
",
        "",
    );
    let (written, notes) = whole(&home, ImportSource::Aws);
    insta::assert_snapshot!(written, @r#"
    auth:
      providers:
        corp:
          kind: aws/iam-identity-center
          region: eu-central-1
          start_url: "https://corp.awsapps.com/start/#"
        d-1234:
          kind: aws/iam-identity-center
          region: us-east-1
          start_url: "https://d-1234.awsapps.com/start"
      identities:
        admin:
          kind: aws/permission-set
          via:
            provider: corp
          principal:
            name: Admin
            account:
              id: "042000000025"
            region: eu-west-1
        old:
          kind: aws/permission-set
          via:
            provider: corp
          principal:
            name: ReadOnly
            account:
              id: "410000000017"
        other:
          kind: aws/permission-set
          via:
            provider: d-1234
          principal:
            name: ReadOnly
            account:
              id: "410000000017"
        granted:
          kind: aws/permission-set
          via:
            provider: corp
          principal:
            name: Deploy
            account:
              id: "410000000017"
        deploy:
          kind: aws/assume-role
          via:
            identity: admin
          principal:
            assume_role: "arn:aws:iam::420000000025:role/deploy"
    "#);
    assert_eq!(notes, "");
}

#[test]
fn roles_on_the_machine_and_on_tokens_get_what_they_stand_on() {
    let home = aws(
        "\
[profile machine]
role_arn = arn:aws:iam::420000000025:role/r
credential_source = Ec2InstanceMetadata
[profile container]
role_arn = arn:aws:iam::420000000025:role/s
credential_source = EcsContainer
[profile my pod]
role_arn = arn:aws:iam::420000000025:role/r
web_identity_token_file = /var/run/token
role_session_name = kim
",
        "",
    );
    let (written, notes) = whole(&home, ImportSource::Aws);
    insta::assert_snapshot!(written, @r#"
    auth:
      providers:
        my-pod-token:
          kind: aws/web-identity
          spec:
            token_file: "/var/run/token"
      identities:
        machine-2:
          kind: aws/ambient
        machine:
          kind: aws/assume-role
          via:
            identity: machine-2
          principal:
            assume_role: "arn:aws:iam::420000000025:role/r"
        container:
          kind: aws/assume-role
          via:
            identity: machine-2
          principal:
            assume_role: "arn:aws:iam::420000000025:role/s"
        my-pod:
          kind: aws/assume-role
          via:
            provider: my-pod-token
          principal:
            assume_role: "arn:aws:iam::420000000025:role/r"
            session_name: kim
    "#);
    assert!(notes.contains("the profile says EcsContainer"), "{notes}");
}

#[test]
fn aws_vault_inherits_settings_and_keeps_the_keys() {
    let home = aws(
        "\
[default]
region = eu-west-1
[profile base]
mfa_serial = arn:aws:iam::410000000017:mfa/kim
[profile kim]
include_profile = base
[profile deploy]
source_profile = kim
role_arn = arn:aws:iam::420000000025:role/deploy
[profile settings]
output = json
[profile exported]
credential_process = aws-vault export --format=json exported
",
        "",
    );
    let keys = home.path().join(".awsvault/keys");
    std::fs::create_dir_all(&keys).expect("a folder");
    for name in ["team%2Fops", "sts.GetSessionToken,a2lt,,1700000000"] {
        std::fs::write(keys.join(name), "encrypted").expect("a file");
    }
    let (written, notes) = whole(&home, ImportSource::AwsVault);
    let config = load(&written);
    let names: Vec<_> = config
        .identities()
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names, ["base", "kim", "deploy", "exported", "team/ops"]);
    assert!(config.identities().iter().all(|it| {
        let chain = config.chain(it).expect("usable");
        it.name.as_str() == "team/ops" || chain.region.as_str() == "eu-west-1"
    }));
    assert!(written.contains("mfa_arn: \"arn:aws:iam::410000000017:mfa/kim\""));
    assert!(
        notes.contains(
            "`aws-vault export --no-session --format=json 'team/ops' | fob user configure \
             team/ops --stdin`"
        ),
        "{notes}"
    );
}

#[test]
fn granted_keeps_keys_and_knows_more_places_of_identity_center() {
    let home = aws(
        "[profile kim]\ncredential_process = granted credential-process --profile=kim\n",
        "",
    );
    std::fs::create_dir(home.path().join(".granted")).expect("a folder");
    let toml = "DefaultBrowser = \"CHROME\"\n\n[SSO]\n  [SSO.corp]\n    StartURL = \"https://corp.awsapps.com/start\"\n    SSORegion = \"eu-central-1\"\n";
    std::fs::write(home.path().join(".granted/config"), toml).expect("a file");
    let (written, notes) = whole(&home, ImportSource::Granted);
    insta::assert_snapshot!(written, @r#"
    auth:
      providers:
        corp:
          kind: aws/iam-identity-center
          region: eu-central-1
          start_url: "https://corp.awsapps.com/start"
          auto_provision_identities: true
      identities:
        kim:
          kind: aws/user
    "#);
    assert!(
        notes.contains("granted credentials export-plaintext 'kim'")
            && notes.contains("`fob user configure kim --profile 'kim'`"),
        "{notes}"
    );
    let (written, _) = whole(&home, ImportSource::Aws);
    assert!(written.contains("aws/process"), "{written}");
}

#[test]
fn what_leapp_wrote_is_a_session_and_its_own_file_is_said_to_be_closed() {
    let home = aws(
        "",
        "[default]\naws_access_key_id = ASIAIOSFODNN7EXAMPLE\naws_secret_access_key = SECRET\naws_session_token = t\n",
    );
    std::fs::create_dir(home.path().join(".Leapp")).expect("a folder");
    std::fs::write(home.path().join(".Leapp/Leapp-lock.json"), "x").expect("a file");
    let environment = home.environment(&[]);
    let all = importable(&environment, ImportSource::Leapp).expect("readable");
    let why = all[0].obstacle.as_deref().unwrap_or_default();
    assert!(why.starts_with("Leapp wrote"), "{why}");
    let notes = ImportSource::Leapp.notes(&environment).expect("readable");
    assert!(
        notes[0].contains("Leapp-lock.json is encrypted"),
        "{notes:?}"
    );
}

#[test]
fn an_import_that_is_run_again_adds_nothing() {
    let home = aws(
        "\
[profile deploy]
role_arn = arn:aws:iam::420000000025:role/deploy
source_profile = dev
[profile admin]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-central-1
sso_account_id = 410000000017
sso_role_name = Admin
[profile machine]
role_arn = arn:aws:iam::420000000025:role/r
credential_source = Environment
[profile vendor]
credential_process = creds
[profile me]
login_session = arn:aws:iam::410000000017:user/kim
region = eu-north-1
",
        "[dev]\naws_access_key_id = ID\naws_secret_access_key = SECRET\n",
    );
    let (written, _) = whole(&home, ImportSource::Aws);
    assert!(written.contains("me:\n      kind: aws/login"), "{written}");
    let beside = load(&written);
    let names = ["deploy", "admin", "machine", "vendor", "me"].map(str::to_owned);
    let again = import(
        &home.environment(&[]),
        ImportSource::Aws,
        &names,
        Some(&beside),
    );
    let again = again.expect("an import");
    assert_eq!(again.changes, []);
    // Their keys may not have been stored yet.
    assert_eq!(again.keys.len(), 1);
    assert!(
        again.notes.iter().any(|it| it.contains("there already")),
        "{:?}",
        again.notes
    );
}

#[test]
fn profiles_that_keyfob_wrote_are_no_sources_of_anything() {
    let home = aws(
        "\
[profile ours]
credential_process = \"/opt/key fob/fob\" --config \"/home/kim/c.yaml\" credential-process ours
[profile windows]
credential_process = \"C:\\Program Files\\Keyfob\\fob.exe\" --config \"c.yaml\" credential-process windows
[profile theirs]
credential_process = /usr/bin/fobber credential-process ours
[profile on-ours]
role_arn = arn:aws:iam::420000000025:role/r
source_profile = ours
",
        "",
    );
    assert_eq!(
        listed(&home),
        "theirs: program\non-ours: role through ours: its source_profile `ours`: Keyfob wrote it itself\n"
    );
}
