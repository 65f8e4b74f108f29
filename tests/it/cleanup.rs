//! `fob cleanup` and `fob repair`: remains of removed configuration go, foreign files stay.

use crate::home::{DEPLOY, DEV, Home, code, pause, text, typed, until, wait_for};
use crate::logout_table::{in_half_an_hour, plant, session_until, steps, stored};
use crate::screen::Terminal;
use crate::support::native;
use keyfob_core::config::UserSettings;
use keyfob_core::endpoint::Endpoint;
use keyfob_core::sandbox::{FaultSwitch, SandboxFault};
use keyfob_core::store::{AwsProfile, EntryKind, EntryName};
use std::fs;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

const LONG_AGO: SystemTime = SystemTime::UNIX_EPOCH;

/// `dev` and `deploy` signed in; then the configuration no longer has `deploy`, nor the folder of
/// an old provider.
fn left_behind() -> Home {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    for identity in ["dev", "deploy"] {
        assert_eq!(code(&home.run(&["login", identity])), 0);
    }
    let store = home.store(&home.config());
    let config = home.configuration();
    wait_for(async {
        let put = |name: &str| {
            (
                store.sign_outs.ticket(name).expect("a ticket"),
                session_until(in_half_an_hour()),
            )
        };
        let (ticket, session) = put("old-provider");
        store.put_session(&ticket, &session).await.expect("put");
        let mut files = config
            .chain(config.identity("dev").expect("dev"))
            .expect("a chain")
            .files;
        files.folder = files.base.join("old-provider");
        let profile = AwsProfile {
            identity: "gone".to_owned(),
            region: "us-east-1".to_owned(),
            program: PathBuf::from("/usr/bin/fob"),
            session: None,
            settings: UserSettings::none(),
        };
        store
            .profiles
            .write(&files, &profile)
            .await
            .expect("written")
            .note(&mut Vec::new());
        plant(
            &home,
            &EntryName::new("default", EntryKind::Keys, "gone"),
            "{\"v\":1}",
        )
        .await;
    });
    fs::write(home.config(), DEV).expect("a configuration without deploy");
    home
}

#[test]
fn cleanup_removes_what_its_dry_run_listed_and_keeps_the_keys() {
    let home = left_behind();
    let (whole, before) = (home.digest(), stored(&home));
    let dry = home.json(&["cleanup", "--dry-run", "--json"]);
    assert_eq!(home.digest(), whole, "the dry run changed something");
    let ran = home.json(&["cleanup", "--json"]);
    let removed = steps(&ran, "removed");
    assert_eq!(steps(&dry, "would_remove"), removed);
    let base = home.path().join(".aws/keyfob").display().to_string();
    let at = |place: &str| native(&format!("{base}/{place}"));
    let mut expected = vec![
        "keyring default/session/deploy".to_owned(),
        "keyring default/session/old-provider".to_owned(),
        format!("section {} deploy", at("aws-user/config")),
        format!("section {} gone", at("old-provider/config")),
        format!("file {}", at("old-provider/config")),
        format!("folder {}", at("old-provider")),
    ];
    expected.sort();
    assert_eq!(removed, expected);
    assert_eq!(steps(&ran, "kept"), ["keyring default/keys/gone"]);
    let after = stored(&home);
    let gone: Vec<String> = before
        .keys()
        .filter(|key| !after.contains_key(*key))
        .cloned()
        .collect();
    assert_eq!(gone, expected);
    assert!(
        after
            .iter()
            .all(|(key, value)| before.get(key) == Some(value))
    );
    assert_eq!(
        code(&home.run(&["credential-process", "dev"])),
        0,
        "what is configured still works"
    );
}

#[test]
fn keys_left_behind_go_only_on_a_word() {
    let home = left_behind();
    let before = home.digest();
    assert_eq!(code(&home.run(&["cleanup", "--keychain"])), 3);
    assert_eq!(home.digest(), before);
    let mut asked = Terminal::start(home.fob_on_a_terminal(&["cleanup", "--keychain"]));
    asked.read_to("Keyring: gone (access keys; no longer configured)");
    asked.read_to("with the access keys? AWS does not show them again.");
    asked.type_line("n");
    assert_eq!(asked.finish().1, 1);
    assert_eq!(home.digest(), before);
    let ran = home.run(&["cleanup", "--keychain", "--yes"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    let keyring = home.keyring();
    assert!(!keyring.contains_key("default/keys/gone") && keyring.contains_key("default/keys/dev"));
    let again = home.run(&["cleanup"]);
    assert!(
        text(&again.stderr).contains("Nothing to clean up"),
        "{}",
        text(&again.stderr)
    );
    let nothing = Terminal::start(home.fob_on_a_terminal(&["cleanup", "--keychain"]));
    let (said, exit) = nothing.finish();
    assert_eq!((exit, said.contains('?')), (0, false), "{said}");
}

#[test]
fn expired_sessions_go_and_other_configurations_are_not_looked_at() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    let other = home.path().join("other.yaml");
    fs::write(&other, DEV).expect("a configuration");
    let past = session_until(LONG_AGO + Duration::from_secs(1_700_000_000));
    wait_for(async {
        let (mine, others) = (home.store(&home.config()), home.store(&other));
        mine.put_session(&mine.sign_outs.ticket("deploy").expect("a ticket"), &past)
            .await
            .expect("put");
        others
            .put_session(&others.sign_outs.ticket("theirs").expect("a ticket"), &past)
            .await
            .expect("put");
    });
    let ran = home.json(&["cleanup", "--json"]);
    assert_eq!(steps(&ran, "removed"), ["keyring default/session/deploy"]);
    assert!(home.keyring().contains_key("default/session/theirs"));
}

#[test]
fn a_configuration_with_errors_leads_to_no_clean_up() {
    let home = left_behind();
    fs::write(
        home.config(),
        format!("{DEV}    oops: {{ kind: aws/usr }}\n"),
    )
    .expect("a slip of the pen");
    let ran = home.json(&["cleanup", "--json"]);
    assert_eq!(ran["removed"], 0, "{ran}");
    assert!(
        ran["notes"][0]
            .as_str()
            .expect("a note")
            .contains("fob validate"),
        "{ran}"
    );
}

#[cfg(unix)]
#[test]
fn repair_says_what_is_there_and_mends_what_loses_nothing() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    assert_eq!(code(&home.run(&["login", "deploy"])), 0);
    let fine = home.run(&["repair"]);
    assert_eq!(code(&fine), 0, "{}", text(&fine.stderr));
    let said = text(&fine.stdout);
    for piece in [
        "access key AKIA…",
        "its session is valid for ",
        "its profile is in",
    ] {
        assert!(said.contains(piece), "{piece} is not in {said}");
    }
    let profile = home.path().join(".aws/keyfob/aws-user/config");
    fs::set_permissions(&profile, fs::Permissions::from_mode(0o644)).expect("loosened");
    fs::write(
        home.config(),
        format!("{DEV}{}", DEPLOY.replace("role/deploy", "role/other")),
    )
    .expect("changed");
    let mended = home.json(&["repair", "deploy", "--json"]);
    let found: Vec<String> = mended["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .filter(|it| it["status"] == "mended")
        .map(|it| it["detail"].as_str().expect("text").to_owned())
        .collect();
    assert_eq!(found.len(), 2, "{mended}");
    assert!(
        found
            .iter()
            .any(|it| it.contains("before the configuration was changed")),
        "{found:?}"
    );
    assert!(
        found.iter().any(|it| it.contains("others could open")),
        "{found:?}"
    );
    assert!(!home.keyring().contains_key("default/session/deploy"));
    assert_eq!(
        fs::metadata(&profile).expect("there").permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn repair_leaves_alone_what_it_cannot_read_and_says_so() {
    let home = Home::signed_up(DEV);
    wait_for(plant(
        &home,
        &EntryName::new("default", EntryKind::Session, "dev"),
        "{\"v\":1,\"what\":\"ever\"}",
    ));
    let mark = home
        .path()
        .join(".local/state/keyfob/default/marks/dev.json");
    fs::create_dir_all(mark.parent().expect("a parent")).expect("a folder");
    fs::write(&mark, "torn").expect("written");
    assert_eq!(
        code(&home.run(&["credential-process", "dev"])),
        1,
        "nobody knows whether dev is signed out"
    );
    let ran = home.run(&["repair", "dev"]);
    assert_eq!(code(&ran), 1);
    let said = text(&ran.stdout);
    assert!(
        said.contains("fixed:") && said.contains("is not what Keyfob writes there"),
        "{said}"
    );
    assert!(home.keyring().contains_key("default/session/dev"));
    assert_eq!(
        code(&home.run(&["credential-process", "dev"])),
        3,
        "as signed out"
    );
    assert_eq!(code(&home.run(&["repair", "nobody"])), 1);
}

#[test]
fn repair_keeps_a_session_that_was_made_while_aws_was_asked_for_the_one_before() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    assert_eq!(code(&home.run(&["login", "deploy"])), 0);
    let revoked = home
        .sandbox()
        .revoke_sessions("arn:aws:iam::420000000025:role/deploy");
    assert_eq!(revoked, 1);
    home.sandbox().clear_journal();
    let delay = FaultSwitch::on(SandboxFault::Delay { milliseconds: 4000 });
    home.sandbox().inject(delay).expect("a delay");
    let repair = home
        .fob(&["repair", "deploy", "--no-agent"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("fob starts");
    // Two are answered: about dev's key, and its session.
    until("deploy's session is read", || {
        home.calls().get("GetCallerIdentity") == Some(&2)
    });
    pause(Duration::from_secs(1));
    let mut made = session_until(in_half_an_hour());
    made.endpoint = Endpoint::of(Some(&home.sandbox().url()));
    let store = home.store(&home.config());
    wait_for(async {
        let ticket = store.sign_outs.ticket("deploy").expect("a ticket");
        store.put_session(&ticket, &made).await.expect("put");
    });
    let ran = repair.wait_with_output().expect("fob ends");
    let stored = wait_for(store.session("deploy", None)).expect("readable");
    assert_eq!(stored, Some(made), "{}", text(&ran.stdout));
}

#[test]
fn keys_are_stored_although_a_session_of_the_ones_before_cannot_be_read() {
    for with_an_agent in [false, true] {
        let home = Home::with(&format!("{DEV}{DEPLOY}"));
        let _agent = with_an_agent.then(|| home.start_agent());
        wait_for(plant(
            &home,
            &EntryName::new("default", EntryKind::Session, "deploy"),
            "{\"v\":1,\"what\":\"ever\"}",
        ));
        let keys = typed(&home.key());
        let ran = home.run_with_input(&["user", "configure", "dev", "--stdin"], &keys);
        let said = text(&ran.stderr);
        assert_eq!(code(&ran), 0, "{said}");
        assert!(said.contains("Credentials saved to keyring: dev"), "{said}");
        assert!(said.contains("default/session/deploy"), "{said}");
        assert_eq!(code(&home.run(&["credential-process", "dev"])), 0);
        assert!(home.keyring().contains_key("default/session/deploy"));
    }
}
