//! Which profiles of the files of AWS tools are taken over, under what name, and why the rest is
//! not.

use super::*;
use proptest::prelude::*;

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// A home with both files, as AWS tools have them.
pub(super) fn aws(config: &str, credentials: &str) -> Home {
    let home = Home {
        folder: tempfile::tempdir().expect("a folder"),
    };
    let folder = home.path().join(".aws");
    std::fs::create_dir(&folder).expect("a folder");
    for (name, text) in [("config", config), ("credentials", credentials)] {
        if !text.is_empty() {
            std::fs::write(
                folder.join(name),
                text.replace("= ID", &format!("= {ID}"))
                    .replace("= SECRET", &format!("= {SECRET}")),
            )
            .expect("a file");
        }
    }
    home
}

pub(super) fn listed(home: &Home) -> String {
    let all = importable(&home.environment(&[]), ImportSource::Aws).expect("readable");
    let line = |it: &Importable| match &it.obstacle {
        Some(why) => format!("{}: {}: {why}\n", it.profile, it.what),
        None => format!("{}: {}\n", it.profile, it.what),
    };
    all.iter().map(line).collect()
}

pub(super) fn imported(home: &Home, names: &[&str], taken: &[&str]) -> Result<Import> {
    let owned = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let taken = taken
        .iter()
        .map(|name| format!("    {name}: {{ kind: aws/ambient }}\n"));
    let beside = load(&format!(
        "auth:\n  identities:\n{}",
        taken.collect::<String>()
    ));
    import(
        &home.environment(&[]),
        ImportSource::Aws,
        &owned(names),
        Some(&beside),
    )
}

/// The configuration that an import comes to.
pub(super) fn text(import: &Import) -> String {
    let text = import
        .changes
        .iter()
        .try_fold(String::new(), |text, change| {
            edited(Path::new("/c.yaml"), &text, change).map(|text| text.to_string())
        });
    text.expect("every change can be made")
}

const TYPICAL: &str = "\
; comment
[default]
region = eu-west-1
output = json
[profile dev]
region=us-east-1
mfa_serial = arn:aws:iam::410000000017:mfa/kim
s3 =
  max_concurrent_requests = 20
[profile deploy]
role_arn = arn:aws:iam::420000000025:role/deploy # ours
source_profile = dev
external_id = x-1
role_session_name = kim
duration_seconds = 2700
region = eu-central-1
[profile audit]
role_arn=arn:aws:iam::430000000033:role/audit
source_profile=deploy
[profile vendor]
credential_process = sh -c \"/opt/creds # --json\"
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
[not a profile]
aws_access_key_id = ID
";

const TYPICAL_KEYS: &str = "\
[default]
aws_access_key_id = ID
aws_secret_access_key = SECRET
[dev]
AWS_ACCESS_KEY_ID = ID
aws_secret_access_key = SECRET
";

#[test]
fn profiles_become_identities_and_their_keys_stay_out_of_the_file() {
    let home = aws(TYPICAL, TYPICAL_KEYS);
    assert_eq!(
        listed(&home),
        "default: IAM user\ndev: IAM user\ndeploy: role through dev\naudit: role through deploy\nvendor: program\n"
    );
    let import = imported(&home, &["audit", "default", "vendor"], &[]).expect("an import");
    let written = text(&import);
    assert_eq!(
        written,
        "\
auth:
  identities:
    dev:
      kind: aws/user
      credentials:
        region: us-east-1
        mfa_arn: \"arn:aws:iam::410000000017:mfa/kim\"
    deploy:
      kind: aws/assume-role
      via:
        identity: dev
      principal:
        assume_role: \"arn:aws:iam::420000000025:role/deploy\"
        session_name: kim
        external_id: x-1
        duration: \"2700\"
        region: eu-central-1
    audit:
      kind: aws/assume-role
      via:
        identity: deploy
      principal:
        assume_role: \"arn:aws:iam::430000000033:role/audit\"
    default:
      kind: aws/user
      default: true
      credentials:
        region: eu-west-1
    vendor:
      kind: aws/process
      credentials:
        process: \"sh -c \\\"/opt/creds # --json\\\"\"
"
    );
    let config = load(&written);
    assert_eq!(shown(&config), "");
    assert!(
        config
            .identities()
            .iter()
            .all(|it| config.chain(it).is_ok())
    );
    assert!(!written.contains(SECRET) && !format!("{import:?}").contains(SECRET));
    assert!(!format!("{import:?}").contains(ID));
    let keys: Vec<_> = import
        .keys
        .iter()
        .map(|it| (it.identity.as_str(), it.mfa_arn.as_deref()))
        .collect();
    assert_eq!(
        keys,
        [
            ("dev", Some("arn:aws:iam::410000000017:mfa/kim")),
            ("default", None)
        ]
    );
    assert!(
        import
            .keys
            .iter()
            .all(|it| it.access_key_id == ID && it.secret.expose() == SECRET)
    );
    assert_eq!(
        import.notes,
        [
            "the profile `dev` is imported too: `audit` is assumed with it",
            "the profile `deploy` is imported too: `audit` is assumed with it",
            "an identity has no place for these settings of the profile `dev`: `s3`",
            "an identity has no place for these settings of the profile `default`: `output`"
        ]
    );
}

#[test]
fn what_cannot_be_taken_over_says_why() {
    let home = aws(
        "\
[profile settings]
region = eu-west-1
[profile sso]
sso_session = corp
[profile old-sso]
sso_start_url = https://corp.awsapps.com/start
[profile machine]
role_arn = arn:aws:iam::420000000025:role/r
credential_source = Ec2InstanceMetadata
[profile pod]
role_arn = arn:aws:iam::420000000025:role/r
web_identity_token_file = /var/run/token
[profile alone]
role_arn = arn:aws:iam::420000000025:role/r
[profile a]
role_arn = arn:aws:iam::420000000025:role/r
source_profile = b
[profile b]
role_arn = arn:aws:iam::420000000025:role/r
source_profile = a
[profile itself]
role_arn = arn:aws:iam::420000000025:role/r
source_profile = itself
[profile both]
role_arn = arn:aws:iam::420000000025:role/r
source_profile = both
aws_access_key_id = ID
aws_secret_access_key = SECRET
[profile lost]
role_arn = arn:aws:iam::420000000025:role/r
source_profile = nobody
[profile on-settings]
role_arn = arn:aws:iam::420000000025:role/r
source_profile = settings
[profile on-sso]
role_arn = arn:aws:iam::420000000025:role/r
source_profile = sso
[profile odd]
role_arn = arn:aws:iam::420000000025:user/r
source_profile = vendor
[profile vendor]
credential_process = creds
region = everywhere
",
        "\
[session]
aws_access_key_id = ASIAIOSFODNN7EXAMPLE
aws_secret_access_key = SECRET
aws_session_token = t0k3n
[no-token]
aws_access_key_id = ASIAIOSFODNN7EXAMPLE
aws_secret_access_key = SECRET
[placeholder]
aws_access_key_id = AKIAXXXXXXXXXXXXXXXX
aws_secret_access_key = changeme
[changeme]
aws_access_key_id = ID
aws_secret_access_key = changeme
[half]
aws_access_key_id = ID
",
    );
    insta::assert_snapshot!(listed(&home), @r"
    sso: IAM Identity Center: there is no section [sso-session corp]
    old-sso: IAM Identity Center: it names no account and role (sso_account_id, sso_role_name)
    machine: role through Ec2InstanceMetadata
    pod: role through a web identity
    alone: role through nothing: it names a role, but not what the role is assumed with (source_profile)
    a: role through b: its source_profile leads in a circle: a → b → a
    b: role through a: its source_profile leads in a circle: b → a → b
    itself: role through itself: its source_profile leads in a circle: itself → itself
    both: role through both: it has keys and a role that is assumed with them: split it into two profiles
    lost: role through nobody: there is no profile `nobody`, which `lost` names as source_profile
    on-settings: role through settings: its source_profile `settings`: it holds no credentials
    on-sso: role through sso: its source_profile `sso`: there is no section [sso-session corp]
    odd: role through vendor: `arn:aws:iam::420000000025:user/r` is not the ARN of a role; a role's ARN looks like arn:aws:iam::123456789012:role/deploy
    vendor: program: `everywhere` is not a region; a region looks like eu-central-1
    session: session: its keys belong to a session and expire
    no-token: session: its keys belong to a session and expire
    placeholder: IAM user: the access key id is a placeholder
    changeme: IAM user: the secret access key is a placeholder
    half: IAM user: it has no aws_secret_access_key
    ");
    let error = imported(&home, &["a"], &[]).expect_err("a circle");
    assert_eq!(error.code, Code::InvalidInput);
    assert!(
        error.message.contains("`a` cannot be imported: ") && error.message.contains("a → b → a"),
        "{error}"
    );
    let error = imported(&home, &["nobody"], &[]).expect_err("no such profile");
    assert!(
        error.message.contains("there is no profile `nobody`"),
        "{error}"
    );
}

#[test]
fn names_are_made_valid_and_unlike_those_that_are_taken() {
    let long = "x".repeat(80);
    let user =
        |name: &str| format!("[{name}]\naws_access_key_id = ID\naws_secret_access_key = SECRET\n");
    let names = ["Team/Dev", "kim müller", "..", "team_dev", long.as_str()];
    let home = aws("", &names.map(user).concat());
    let import = imported(&home, &names, &["TEAM/DEV", "profile"]).expect("an import");
    let given: Vec<_> = import.keys.iter().map(|it| it.identity.clone()).collect();
    assert_eq!(
        given,
        [
            "Team/Dev-2",
            "kim-m-ller",
            "profile-2",
            "team_dev-3",
            &"x".repeat(64)
        ]
    );
    assert_eq!(import.notes.len(), 5);
    assert_eq!(
        import.notes[1],
        "the profile `kim müller` becomes the identity `kim-m-ller`"
    );
    assert_eq!(load(&text(&import)).identities().len(), 5);
}

#[test]
fn what_will_be_left_out_or_named_otherwise_is_said_before_and_after() {
    let home = aws(
        "region = us-east-1\n[profile my team]\nrole_arn = arn:aws:iam::420000000025:role/deploy\nsource_profile = dev\nregion eu-west-1\n",
        "[dev]\naws_access_key_id = ID\naws_secret_access_key = SECRET\n",
    );
    let all = importable(&home.environment(&[]), ImportSource::Aws).expect("readable");
    let before = &all[0].notes;
    assert_eq!(before.len(), 3, "{before:?}");
    for (note, line) in before.iter().zip([1, 5]) {
        assert!(
            note.starts_with(&format!("line {line} of "))
                && note.ends_with(" is no setting of a profile and is left out"),
            "{note}"
        );
    }
    assert_eq!(
        before[2],
        "the profile `my team` becomes the identity `my-team`"
    );
    let import = imported(&home, &["my team"], &[]).expect("an import");
    for note in before {
        assert!(import.notes.contains(note), "{:?}", import.notes);
    }
}

#[test]
fn a_configuration_that_has_a_default_keeps_it() {
    let user = "[default]\naws_access_key_id = ID\naws_secret_access_key = SECRET\n";
    let home = aws("", user);
    let beside = load("auth: { identities: { kim: { kind: aws/user, default: true } } }");
    let names = ["default".to_owned()];
    let import = import(
        &home.environment(&[]),
        ImportSource::Aws,
        &names,
        Some(&beside),
    )
    .expect("an import");
    assert!(!text(&import).contains("default: true"));
}

#[test]
fn the_files_are_where_the_environment_says_and_missing_ones_hold_nothing() {
    let home = Home {
        folder: tempfile::tempdir().expect("a folder"),
    };
    assert_eq!(
        importable(&home.environment(&[]), ImportSource::Aws),
        Ok(Vec::new())
    );
    let user = format!(
        "\u{feff}[there]\r\naws_access_key_id = {ID}\r\naws_secret_access_key = {SECRET}\r\n"
    );
    std::fs::write(home.path().join("keys"), user).expect("a file");
    let variables = [
        ("AWS_SHARED_CREDENTIALS_FILE", "~/keys"),
        ("AWS_CONFIG_FILE", "/dev/null"),
    ];
    let found = importable(&home.environment(&variables), ImportSource::Aws).expect("readable");
    assert_eq!(
        found,
        [Importable {
            profile: "there".to_owned(),
            what: ProfileKind::IamUser,
            obstacle: None,
            notes: Vec::new()
        }]
    );
}

#[test]
fn what_is_no_readable_text_is_refused_by_path() {
    let home = Home {
        folder: tempfile::tempdir().expect("a folder"),
    };
    let file = home.path().join("keys");
    let refused = || {
        let path = file.display().to_string();
        let error = importable(
            &home.environment(&[("AWS_SHARED_CREDENTIALS_FILE", &path)]),
            ImportSource::Aws,
        )
        .expect_err("a refusal");
        assert!(error.message.contains(&path), "{error}");
        error.message
    };
    std::fs::write(&file, "[a]\n[ c\n").expect("a file");
    assert!(refused().contains("line 2 of "));
    std::fs::write(&file, [b'[', 0xff]).expect("a file");
    assert!(refused().ends_with("is not UTF-8 text: byte 2 is wrong"));
    std::fs::write(&file, vec![b'#'; 1024 * 1024 + 1]).expect("a file");
    assert!(refused().ends_with("is larger than 1 MiB"));
    std::fs::remove_file(&file).expect("removed");
    std::fs::create_dir(&file).expect("a folder");
    assert!(refused().ends_with("is a folder"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        std::fs::remove_dir(&file).expect("removed");
        symlink(&file, &file).expect("a link");
        assert!(refused().starts_with("cannot read "));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_offered_can_be_taken_over(
        lines in prop::collection::vec(prop::sample::select(vec![
            "[default]", "[profile a]", "[a]", "[b]", "[profile b]", "region = eu-west-1", "region = x",
            "role_arn = arn:aws:iam::420000000025:role/r", "role_arn = r", "source_profile = a", "source_profile = b",
            "aws_access_key_id = ID", "aws_secret_access_key = SECRET", "aws_session_token = t", "mfa_serial = GAHT12345678",
            "mfa_serial = arn:aws:iam::410000000017:mfa/kim", "credential_process = creds", "=", "# c", " nested = 1",
            "duration_seconds = 900", "duration_seconds = soon", "external_id = é", "\u{1}",
        ]), 0..40),
        split in 0..40_usize,
    ) {
        let (config, credentials) = lines.split_at(split.min(lines.len()));
        let home = aws(&config.join("\n"), &credentials.join("\n"));
        let all = importable(&home.environment(&[]), ImportSource::Aws).expect("readable");
        let free: Vec<&str> = all.iter().filter(|it| it.obstacle.is_none()).map(|it| it.profile.as_str()).collect();
        let import = imported(&home, &free, &[]).expect("offered");
        prop_assert_eq!(import.changes.len(), free.len());
        if !free.is_empty() {
            let config = load(&text(&import));
            prop_assert!(config.identities().iter().all(|it| config.chain(it).is_ok()), "{}", shown(&config));
        }
        for it in all.iter().filter(|it| it.obstacle.is_some()) {
            prop_assert!(imported(&home, &[&it.profile], &[]).is_err());
        }
    }
}
