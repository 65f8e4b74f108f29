//! `fob import`: identities from other tools' files, which are only read.

use crate::home::{DEV, Home, code, text};
use crate::screen::Terminal;
use crate::support::says;
use keyfob_core::sandbox::MfaDevice;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

const CONFIG: &str = "\u{feff}[default]\r\nregion = eu-west-1\r\n\r\n[profile my lake]\r\n\trole_arn\t=\tarn:aws:iam::420000000025:role/deploy\r\n\tsource_profile = kim\r\ns3 =\r\n  max_concurrent_requests = 20\r\n\r\n[profile twice]\r\ncredential_process = old\r\n[profile twice]\r\ncredential_process = new\r\n[sso-session corp]\r\nsso_start_url = https://corp.awsapps.com/start\r\nsso_region = eu-central-1\r\n[profile admin]\r\nsso_session = corp\r\nsso_account_id = 042000000025\r\nsso_role_name = Admin\r\n[profile alone]\r\nrole_arn = arn:aws:iam::420000000025:role/r";

/// A home without a configuration, and with the files of AWS tools; kim's keys are good ones.
fn home() -> Home {
    let home = Home::with(DEV);
    fs::remove_file(home.config()).expect("removed");
    fs::create_dir_all(home.path().join(".aws")).expect("a folder");
    let key = home.key();
    let (id, secret) = (key.access_key_id.as_str(), key.secret_access_key.expose());
    let credentials =
        format!("[kim]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    fs::write(home.path().join(".aws/config"), CONFIG).expect("a file");
    fs::write(home.path().join(".aws/credentials"), credentials).expect("a file");
    home
}

fn files(home: &Home) -> BTreeMap<PathBuf, String> {
    let mut all = home.digest();
    all.retain(|path, _| path.starts_with(home.path().join(".aws")));
    all
}

#[test]
fn a_dry_run_shows_the_yaml_and_what_is_left_out_and_changes_nothing() {
    let home = home();
    let before = home.digest();
    let ran = home.run(&["import", "aws", "--dry-run"]);
    let (yaml, said) = (text(&ran.stdout), text(&ran.stderr));
    assert_eq!(code(&ran), 0, "{said}");
    for part in [
        "kind: aws/permission-set",
        "my-lake:",
        "id: \"042000000025\"",
        "process: new",
    ] {
        assert!(yaml.contains(part), "{part}: {yaml}");
    }
    for part in [
        "alone is left out: it names a role",
        "`my lake` becomes the identity `my-lake`",
        "`twice` is written twice",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let key = home.key();
    assert!(!yaml.contains(key.secret_access_key.expose()));
    assert_eq!(home.digest(), before);
    // It is a configuration as it stands.
    fs::create_dir_all(home.config().parent().expect("a folder")).expect("a folder");
    fs::write(home.config(), &yaml).expect("a file");
    let valid = home.run(&["validate"]);
    assert_eq!(code(&valid), 0, "{}", text(&valid.stdout));
}

#[test]
fn with_yes_everything_is_written_and_the_keys_are_stored() {
    let home = home();
    let before = files(&home);
    let json = home.json(&["import", "aws", "--yes", "--json"]);
    let names: Vec<_> = json["identities"]
        .as_array()
        .expect("names")
        .iter()
        .collect();
    assert_eq!(names, ["kim", "my-lake", "twice", "admin"]);
    assert_eq!(json["left_out"][0]["name"], "alone");
    assert_eq!(files(&home), before);
    let ran = home.run(&["login", "my-lake", "--no-input"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    // Again: nothing is there twice.
    let configuration = fs::read(home.config()).expect("there");
    let again = home.run(&["import", "aws", "--yes"]);
    assert_eq!(code(&again), 0, "{}", text(&again.stderr));
    assert_eq!(fs::read(home.config()).expect("there"), configuration);
}

#[test]
fn a_role_whose_codes_a_program_gives_is_signed_in_to_without_a_person() {
    for with_an_agent in [false, true] {
        let home = home();
        let (kim, sandbox) = (home.sandbox().mfa_serial("kim"), home.sandbox());
        let required = sandbox.set_mfa("kim", MfaDevice::RequiredForRoles);
        required.expect("kim");
        let role = format!(
            "[profile lake]\nrole_arn = arn:aws:iam::420000000025:role/deploy\n\
             source_profile = kim\nmfa_serial = {kim}\nmfa_process = {}\n",
            says("123456")
        );
        fs::write(home.path().join(".aws/config"), role).expect("a file");
        let ran = home.run(&["import", "aws", "--yes"]);
        let said = text(&ran.stderr);
        assert_eq!(code(&ran), 0, "{said}");
        assert!(
            said.contains("program for MFA codes of `lake` is used"),
            "{said}"
        );
        let _agent = with_an_agent.then(|| home.start_agent());
        let ran = home.run(&["login", "lake", "--no-input"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    }
}

#[test]
fn an_import_that_stopped_before_the_keys_is_completed_by_running_it_again() {
    let home = home();
    let yaml = home.run(&["import", "aws", "--dry-run"]).stdout;
    fs::create_dir_all(home.config().parent().expect("a folder")).expect("a folder");
    fs::write(home.config(), &yaml).expect("a file");
    let again = home.run(&["import", "aws", "--yes"]);
    let said = text(&again.stderr);
    assert!(code(&again) == 0 && !said.contains("Wrote"), "{said}");
    assert_eq!(fs::read(home.config()).expect("there"), yaml);
    assert_eq!(code(&home.run(&["login", "kim", "--no-input"])), 0);
}

#[test]
fn with_nobody_to_ask_nothing_is_imported_and_the_way_is_said() {
    let home = home();
    let before = home.digest();
    let ran = home.run(&["import", "aws"]);
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 3, "{said}");
    assert!(
        said.contains("--yes") && said.contains("--dry-run"),
        "{said}"
    );
    assert_eq!(home.digest(), before);
}

#[test]
fn keys_are_stored_only_after_a_question_of_their_own() {
    let home = home();
    let mut terminal = Terminal::start(home.fob_on_a_terminal(&["import", "aws"]));
    terminal.read_to("Write this to ");
    terminal.type_line("yes");
    terminal.read_to("Store the access keys of kim in the keyring?");
    terminal.type_line("no");
    terminal.read_to("stay where they are");
    assert_eq!(terminal.finish().1, 0);
    assert!(home.config().exists());
    assert_eq!(code(&home.run(&["login", "kim", "--no-input"])), 3);

    let home = self::home();
    let mut terminal = Terminal::start(home.fob_on_a_terminal(&["import", "aws"]));
    terminal.read_to("Write this to ");
    terminal.type_line("no");
    terminal.read_to("nothing was imported");
    assert_eq!(terminal.finish().1, 1);
    assert!(!home.config().exists());
}

#[test]
fn the_files_of_a_folder_are_imported_and_the_configuration_keeps_its_lines() {
    let home = home();
    fs::rename(home.path().join(".aws"), home.path().join("backup")).expect("moved");
    let own = "# mine\nauth:\n  identities:\n    ops: { kind: aws/user, default: true } # ours\n";
    fs::create_dir_all(home.config().parent().expect("a folder")).expect("a folder");
    fs::write(home.config(), own).expect("a file");
    let agent = home.start_agent();
    let ran = home.run(&["import", "aws", "backup", "--yes"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    let written = fs::read_to_string(home.config()).expect("text");
    assert!(written.starts_with("# mine\n") && written.contains("default: true } # ours"));
    let ran = home.run(&["login", "kim", "--no-input"]);
    assert_eq!(code(&ran), 0, "{}{}", text(&ran.stderr), agent.said());
}

#[test]
fn nothing_to_import_is_said() {
    let home = home();
    fs::remove_dir_all(home.path().join(".aws")).expect("removed");
    for source in ["aws", "aws-vault", "granted", "leapp"] {
        let ran = home.run(&["import", source, "--yes"]);
        assert_eq!(code(&ran), 0, "{source}: {}", text(&ran.stderr));
        assert!(
            text(&ran.stderr).contains("nothing new to import"),
            "{source}"
        );
    }
    fs::create_dir(home.path().join(".aws")).expect("a folder");
    fs::write(home.path().join(".aws/config"), "[profile a\n").expect("a file");
    let ran = home.run(&["import", "aws", "--yes"]);
    assert_eq!(code(&ran), 2, "{}", text(&ran.stderr));
    assert!(
        text(&ran.stderr).contains("line 1 of"),
        "{}",
        text(&ran.stderr)
    );
    assert!(!home.config().exists());
}

const ATMOS: &str = r#"base_path: "./"
auth:
  logs: { level: Debug }
  providers:
    corp-sso: { kind: aws/iam-identity-center, region: eu-central-1, start_url: https://corp.awsapps.com/start, tags: { team: a }, session: { duration: 8h } }
    entra: { kind: azure/oidc, spec: { tenant_id: x } }
  identities:
    dev: &dev
      kind: aws/permission-set
      default: true # of the team
      alias: d
      via: { provider: corp-sso }
      principal: { name: Dev, account: { id: 042000000025 } }
      env: [ { key: TF_VAR_stage, value: lake } ]
    stage:
      <<: *dev
      default: false
    user: { kind: aws/user, credentials: { region: us-east-1, access_key_id: KEY-ID, secret_access_key: KEY-SECRET } }
    ci: { kind: aws/user, credentials: { access_key_id: !env CI_ID, secret_access_key: !env CI_SECRET } }
    deploy: { kind: aws/assume-role, via: { identity: user }, principal: { assume_role: "arn:aws:iam::420000000025:role/deploy" } }
    azure: { kind: azure/subscription, via: { provider: entra } }
"#;

#[test]
fn an_atmos_yaml_is_taken_as_it_is_written_without_keys_and_without_what_only_atmos_uses() {
    let home = home();
    let key = home.key();
    let atmos = ATMOS
        .replace("KEY-ID", key.access_key_id.as_str())
        .replace("KEY-SECRET", key.secret_access_key.expose());
    let file = home.path().join("atmos.yaml");
    fs::write(&file, &atmos).expect("a file");
    let own = "auth:\n  identities:\n    user: { kind: aws/ambient, default: true } # ours\n";
    fs::create_dir_all(home.config().parent().expect("a folder")).expect("a folder");
    fs::write(home.config(), own).expect("a file");
    let json = home.json(&["import", "atmos", "--yes", "--json"]);
    let names = json["identities"].as_array().expect("names");
    assert_eq!(names, &["dev", "stage", "user-2", "ci", "deploy"], "{json}");
    let left_out = json["left_out"].as_array().expect("a list");
    assert_eq!(left_out.len(), 2, "{json}");
    let notes = json["notes"].to_string();
    for part in [
        "tags",
        "alias",
        "`user` becomes the identity `user-2`",
        "the default identity stays",
    ] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
    assert_eq!(fs::read_to_string(&file).expect("text"), atmos);
    let written = fs::read_to_string(home.config()).expect("text");
    assert!(written.contains("default: true } # ours"), "{written}");
    for part in [
        "session:",
        "TF_VAR_stage",
        "access_key_id: !env CI_ID",
        "identity: user-2",
        "id: \"042000000025\"",
    ] {
        assert!(written.contains(part), "{part}: {written}");
    }
    for part in ["tags", "alias", "azure", key.secret_access_key.expose()] {
        assert!(!written.contains(part), "{part}: {written}");
    }
    let login = home.run(&["login", "deploy", "--no-input"]);
    assert_eq!(code(&login), 0, "{}", text(&login.stderr));
    let again = home.run(&["import", "atmos", "--yes"]);
    assert_eq!(code(&again), 0, "{}", text(&again.stderr));
    let twice = fs::read_to_string(home.config()).expect("text");
    assert_eq!(twice, written);
    let none = home.run(&["import", "atmos", "nowhere.yaml"]);
    assert_ne!(code(&none), 0);
    assert!(
        text(&none.stderr).contains("nowhere.yaml"),
        "{}",
        text(&none.stderr)
    );
}
