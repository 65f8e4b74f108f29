//! Logging out with the real `fob`: its output, staying signed out, and partial failures.

#[cfg(unix)]
use crate::desktop::Office;
use crate::home::{DEV, Home, code, pause, text, typed, wait_for};
use crate::logout_table::{in_half_an_hour, plant, profile_of, session_until, steps};
use crate::screen::Terminal;
use crate::support::native;
use keyfob_core::sandbox::{FaultSwitch, SandboxFault, StsAction};
use keyfob_core::secret::Secret;
use keyfob_core::store::{EntryKind, EntryName, KeyringEntry};
use std::fs;
#[cfg(unix)]
use std::os::unix::fs::symlink;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A role of the sandbox, reached from `below`.
fn role(name: &str, below: &str) -> String {
    format!(
        "    {name}: {{ kind: aws/assume-role, via: {{ identity: {below} }}, \
         principal: {{ assume_role: \"arn:aws:iam::420000000025:role/deploy\" }} }}\n"
    )
}

/// `dev → org → admin`, and `ops` beside `admin`.
fn chain() -> String {
    [
        DEV.to_owned(),
        role("org", "dev"),
        role("admin", "org"),
        role("ops", "org"),
    ]
    .concat()
}

fn signed_in(config: &str, identities: &[&str]) -> Home {
    let home = Home::signed_up(config);
    for identity in identities {
        let login = home.run(&["login", identity]);
        assert_eq!(code(&login), 0, "{}", text(&login.stderr));
    }
    home
}

fn profiles(home: &Home) -> String {
    fs::read_to_string(home.path().join(".aws/keyfob/aws-user/config")).unwrap_or_default()
}

fn start(home: &Home, arguments: &[&str]) -> Child {
    home.fob(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("fob starts")
}

#[test]
fn logging_out_of_an_identity_tells_its_steps_and_leaves_its_siblings_alone() {
    let home = signed_in(&chain(), &["admin", "ops"]);
    let (keyring, sections) = (home.keyring(), profiles(&home));
    let ops = sections
        .split("\n[")
        .find(|it| it.contains("profile ops"))
        .expect("a section")
        .trim()
        .to_owned();
    let ran = home.run(&["logout", "admin"]);
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 0, "{said}");
    for piece in [
        "Logging out from identity: admin\ndev → org → admin\n",
        "✓ Keyring: admin (via aws-user)\n",
        "✓ Keyring: org (via aws-user)\n",
        "✓ Keyring: dev (via aws-user)\n",
        "kept: access key AKIA…",
        "`--keychain` removes it too\n",
        "✓ Files: ",
        "(profile org: not found)\n",
        "Successfully logged out from 3 identities\n",
        "ops shared the sign-in: its own session stays valid until 20",
        "stay valid until they expire",
    ] {
        assert!(said.contains(piece), "{piece} is not in {said}");
    }
    assert!(ran.stdout.is_empty());
    let after = home.keyring();
    assert_eq!(
        after.keys().map(String::as_str).collect::<Vec<_>>(),
        ["default/keys/dev", "default/session/ops"]
    );
    assert!(
        after
            .iter()
            .all(|(account, value)| keyring[account] == *value)
    );
    assert!(
        profiles(&home).contains(&ops) && !profiles(&home).contains("profile admin"),
        "{}",
        profiles(&home)
    );
    let again = home.run(&["logout", "ADMIN"]);
    assert_eq!(code(&again), 0);
    assert!(
        text(&again.stderr).starts_with("• Keyring: dev: kept: access key"),
        "{}",
        text(&again.stderr)
    );
    assert!(
        text(&again.stderr).contains(
            "Identity 'admin' is already logged out. No session found in keyring or file storage; \
             its access key is kept."
        ),
        "{}",
        text(&again.stderr)
    );
}

#[test]
fn a_broken_identity_can_still_be_logged_out() {
    let home = signed_in(&chain(), &["admin"]);
    fs::write(
        home.config(),
        chain().replace(
            "admin: { kind: aws/assume-role",
            "admin: { kind: aws/assume-rle",
        ),
    )
    .expect("broken");
    assert_eq!(code(&home.run(&["credential-process", "admin"])), 2);
    let report = home.json(&["logout", "admin", "--json"]);
    let removed = steps(&report, "removed").join(" ");
    assert!(
        removed.contains("default/session/admin") && removed.contains("config admin"),
        "{report}"
    );
    assert!(!home.keyring().contains_key("default/session/admin"));
}

#[test]
fn every_removal_goes_to_the_audit_log_and_so_does_one_that_failed() {
    let home = signed_in(&chain(), &["admin"]);
    assert_eq!(code(&home.run(&["logout", "admin"])), 0);
    let removals = || {
        let audit = home.json(&["audit", "--json"]);
        let events = audit["events"].as_array().expect("events").clone();
        events
            .into_iter()
            .filter(|line| line["event"] == "removal")
            .map(|line| line.to_string())
            .collect::<Vec<_>>()
    };
    let told = removals().join("\n").replace("\\\\", "/");
    for what in [
        "default/session/admin",
        "default/session/org",
        "default/session/dev",
        "/aws-user/config",
    ] {
        assert!(told.contains(what), "{what} is not in {told}");
    }
    let before = removals().len();
    assert_eq!(
        code(&home.run(&["logout", "dev", "--keychain", "--dry-run"])),
        0
    );
    assert_eq!(
        removals().len(),
        before,
        "a dry run is nothing that happened"
    );
    let ran = home
        .fob(&["logout", "dev", "-q"])
        .env("FOB_KEYRING_PASSWORD", "wrong")
        .output()
        .expect("fob starts");
    assert_eq!(code(&ran), 1);
    assert!(
        removals()
            .last()
            .expect("a line")
            .contains("keyring_locked"),
        "{:?}",
        removals()
    );
    assert_eq!(code(&home.run(&["audit", "verify"])), 0);
}

#[test]
fn nothing_stored_is_already_logged_out() {
    let home = Home::with(&chain());
    let ran = home.run(&["logout", "org"]);
    assert_eq!(code(&ran), 0);
    let line =
        "Identity 'org' is already logged out. No credentials found in keyring or file storage.\n";
    assert_eq!(text(&ran.stderr), line);
}

#[test]
fn signed_out_stays_signed_out_until_the_next_sign_in() {
    let home = signed_in(&chain(), &["admin", "ops"]);
    assert_eq!(code(&home.run(&["logout", "admin"])), 0);
    home.sandbox().clear_journal();
    let before = home.digest();
    for identity in ["admin", "org", "dev"] {
        let ran = home.run(&["credential-process", identity]);
        assert_eq!(code(&ran), 3, "{}", text(&ran.stderr));
        assert!(
            text(&ran.stderr).contains("signed out") && ran.stdout.is_empty(),
            "{}",
            text(&ran.stderr)
        );
        let whoami = home.run(&["whoami", identity, "--json"]);
        assert_eq!(code(&whoami), 1);
        assert!(
            text(&whoami.stdout).contains("\"state\": \"signed_out\""),
            "{}",
            text(&whoami.stdout)
        );
    }
    let list = home.json(&["list", "--json"]);
    let states: Vec<&str> = list["identities"]
        .as_array()
        .expect("identities")
        .iter()
        .filter_map(|it| it["state"].as_str())
        .collect();
    assert_eq!(states, ["signed_out", "signed_out", "signed_out", "valid"]);
    assert_eq!(
        code(&home.run(&["credential-process", "ops"])),
        0,
        "its own session is still good"
    );
    assert_eq!(home.digest(), before, "being refused writes nothing");
    assert!(
        home.calls().is_empty(),
        "AWS is not asked: {:?}",
        home.calls()
    );

    assert_eq!(
        code(&home.run(&[
            "exec",
            "admin",
            "--",
            env!("CARGO_BIN_EXE_fob"),
            "--version"
        ])),
        0,
        "exec signs in again"
    );
    for identity in ["admin", "org", "dev"] {
        let ran = home.run(&["credential-process", identity]);
        assert_eq!(code(&ran), 0, "{identity}: {}", text(&ran.stderr));
    }
}

/// `corp` is an Identity Center, and a user beside it; `okta` an identity provider, and a user.
#[cfg(unix)]
const ONE_NAME: &str = r#"auth:
  providers:
    corp: { kind: aws/iam-identity-center, region: eu-central-1, start_url: "https://sandbox.awsapps.com/start" }
    okta: { kind: aws/saml, region: us-east-1, url: "https://idp.example/app/sso/saml" }
  identities:
    corp: { kind: aws/user }
    okta: { kind: aws/user }
    admin: { kind: aws/permission-set, via: { provider: corp }, principal: { name: AdministratorAccess, account: { id: "420000000025" } } }
"#;

#[cfg(unix)]
#[test]
fn an_identity_and_a_provider_of_one_name_are_signed_out_of_each_by_itself() {
    for with_an_agent in [false, true] {
        let office = Office::with(ONE_NAME);
        let home = &office.home;
        let _agent = with_an_agent.then(|| office.agent());
        home.store_key("okta", &home.key());
        home.store_key("corp", &home.key());
        office.sign_in(&["login", "admin"]);
        for user in ["corp", "okta"] {
            let ran = home.run(&["login", user]);
            assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        }
        let works = |name: &str| code(&home.run(&["credential-process", name])) == 0;

        let out = home.run(&["logout", "corp"]);
        assert_eq!(code(&out), 0, "{}", text(&out.stderr));
        let said = text(&out.stderr);
        assert!(!said.contains("admin"), "it shared nothing: {said}");
        assert!(!works("corp") && works("admin"));
        let again = home.run(&["login", "admin", "--force"]);
        assert_eq!(
            code(&again),
            0,
            "its sign-in is good: {}",
            text(&again.stderr)
        );

        let ran = home.run(&["login", "corp"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        for provider in ["corp", "okta"] {
            let out = home.run(&["logout", "--provider", provider, "--yes"]);
            assert_eq!(code(&out), 0, "{}", text(&out.stderr));
        }
        assert!(!works("admin") && works("corp") && works("okta"));
        let ran = home.run(&["login", "corp", "--force"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        let ran = home.run(&["credential-process", "admin"]);
        assert_eq!(code(&ran), 3, "still signed out: {}", text(&ran.stderr));
    }
}

#[test]
fn only_the_identity_itself_is_logged_out_when_the_provider_is_kept() {
    let home = signed_in(&chain(), &["admin"]);
    let ran = home.run(&["logout", "admin", "--keep-provider"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    assert_eq!(code(&home.run(&["credential-process", "admin"])), 3);
    assert_eq!(code(&home.run(&["credential-process", "org"])), 0);
    assert!(home.keyring().contains_key("default/session/org"));
}

/// A sign-in under way stores nothing, and a program that polls all the while gets nothing.
#[test]
fn a_sign_in_under_way_and_a_program_that_polls_do_not_bring_it_back_to_life() {
    let home = Home::signed_up(&chain());
    let slow = FaultSwitch::on(SandboxFault::Delay { milliseconds: 4000 })
        .for_action(StsAction::AssumeRole);
    home.sandbox().inject(slow).expect("a delay");
    let login = start(&home, &["login", "admin"]);
    while !home.calls().contains_key("GetSessionToken") {
        pause(Duration::from_millis(20));
    }
    let over = AtomicBool::new(false);
    let polls = std::thread::scope(|threads| {
        let polling = threads.spawn(|| {
            let mut codes = Vec::new();
            while !over.load(Ordering::Relaxed) {
                codes.push(code(&home.run(&[
                    "credential-process",
                    "admin",
                    "--wait",
                    "0",
                ])));
            }
            codes
        });
        let logout = home.run(&["logout", "admin", "--json"]);
        assert_eq!(code(&logout), 0, "{}", text(&logout.stderr));
        home.sandbox().clear_faults();
        let login = login.wait_with_output().expect("fob ends");
        assert_eq!(code(&login), 3, "{}", text(&login.stderr));
        assert!(
            text(&login.stderr).contains("was signed out while it was signing in"),
            "{}",
            text(&login.stderr)
        );
        for _ in 0..3 {
            assert_eq!(code(&home.run(&["credential-process", "admin"])), 3);
        }
        over.store(true, Ordering::Relaxed);
        polling.join().expect("no panic")
    });
    assert!(polls.iter().all(|code| *code == 3), "{polls:?}");
    assert_eq!(
        home.keyring().into_keys().collect::<Vec<_>>(),
        ["default/keys/dev"]
    );
    assert_eq!(profiles(&home), "");
    assert_eq!(
        code(&home.run(&["login", "admin"])),
        0,
        "whoever wants to be signed in again is"
    );
}

#[test]
fn two_logouts_at_the_same_moment_both_succeed() {
    let home = signed_in(&chain(), &["admin", "ops"]);
    let both: Vec<Child> = (0..2)
        .map(|_| start(&home, &["logout", "--all", "--yes", "--json"]))
        .collect();
    for child in both {
        let ran = child.wait_with_output().expect("fob ends");
        assert_eq!(code(&ran), 0, "{}{}", text(&ran.stdout), text(&ran.stderr));
    }
    assert_eq!(
        home.keyring().into_keys().collect::<Vec<_>>(),
        ["default/keys/dev"]
    );
    assert!(!home.path().join(".aws/keyfob").exists());
}

#[test]
fn another_configuration_with_the_same_names_keeps_what_is_its_own() {
    let home = Home::with(DEV);
    let other = home.other_config("other.yaml", DEV);
    let configure = ["--config", &other, "user", "configure", "dev", "--stdin"];
    let stored = home.run_with_input(&configure, &typed(&home.key()));
    assert_eq!(code(&stored), 0, "{}", text(&stored.stderr));
    assert_eq!(code(&home.run(&["--config", &other, "login", "dev"])), 0);
    let (keyring, sections) = (home.keyring(), profiles(&home));
    let report = home.json(&["logout", "dev", "--json"]);
    assert_eq!(report["removed"], 0, "{report}");
    assert!(
        report["steps"][0]["detail"]
            .as_str()
            .expect("text")
            .contains("other.yaml"),
        "{report}"
    );
    assert_eq!((home.keyring(), profiles(&home)), (keyring, sections));
    assert_eq!(
        code(&home.run(&["--config", &other, "credential-process", "dev"])),
        0,
        "it is not signed out there"
    );
    assert_eq!(code(&home.run(&["credential-process", "dev"])), 3);
}

#[test]
fn what_takes_a_word_and_does_not_get_one_changes_nothing() {
    let home = signed_in(&chain(), &["admin"]);
    let (before, keyring) = (home.digest(), home.keyring());
    let refused: &[(&[&str], i32, &str)] = &[
        (&["logout", "--all"], 3, "person_needed"),
        (&["logout", "dev", "--keychain"], 3, "person_needed"),
        (
            &["logout", "--provider", "aws-user", "--keychain"],
            3,
            "person_needed",
        ),
        (&["logout"], 3, "person_needed"),
        (&["logout", "amdin"], 1, "identity_not_found"),
        (&["logout", "nobody", "--all", "--yes"], 2, "usage"),
        (
            &["logout", "--provider", "aws-usr"],
            1,
            "provider_not_found",
        ),
        (&["logout", "../../etc"], 1, "identity_not_found"),
        (&["logout", "dev\nadmin"], 1, "identity_not_found"),
        (&["logout", "a/../dev"], 1, "identity_not_found"),
        (
            &["logout", "--provider", "../aws-user"],
            1,
            "provider_not_found",
        ),
        (&["logout", ""], 1, "identity_not_found"),
    ];
    for (arguments, expected, says) in refused {
        let mut fob = home.fob(&[arguments, &["--json"][..]].concat());
        let ran = fob
            .env("FOB_IDENTITY", "admin")
            .output()
            .expect("fob starts");
        assert_eq!(
            code(&ran),
            *expected,
            "{arguments:?}: {}",
            text(&ran.stdout)
        );
        assert!(
            text(&ran.stdout).contains(&format!("\"code\": \"{says}\"")),
            "{arguments:?}: {}",
            text(&ran.stdout)
        );
    }
    assert_eq!((home.digest(), home.keyring()), (before, keyring));
    let unknown = text(&home.run(&["logout", "amdin"]).stderr);
    assert!(
        unknown.contains("did you mean `admin`?") && unknown.contains("admin, dev, ops, org"),
        "{unknown}"
    );
    for arguments in [
        &["logout", "amdin"][..],
        &["logout", "--provider", "aws-usr"],
    ] {
        let said = text(&home.run(arguments).stderr);
        assert!(
            said.ends_with("hint: `fob logout` without a name lets you choose\n"),
            "{said}"
        );
    }
}

#[test]
fn on_a_terminal_the_target_is_chosen_and_ctrl_c_leaves_everything_as_it_was() {
    let home = signed_in(&chain(), &["admin"]);
    let (before, keyring) = (home.digest(), home.keyring());
    let start = |arguments: &[&str]| Terminal::start(home.fob_on_a_terminal(arguments));
    let unchanged = |terminal: Terminal, expected: i32| {
        let (rest, exit) = terminal.finish();
        assert_eq!(exit, expected, "{rest}");
        assert_eq!(
            (home.digest(), home.keyring()),
            (before.clone(), keyring.clone())
        );
    };
    let mut chosen = start(&["logout"]);
    chosen.read_to("Identity: dev");
    chosen.read_to("Provider: aws-user (removes all identities)");
    chosen.read_to("All identities (complete logout)");
    chosen.press_control('c');
    unchanged(chosen, 130);
    let mut asked = start(&["logout", "--all", "--keychain"]);
    asked.read_to("Would log out from all identities");
    asked.read_to("Keyring: dev (access key AKIA");
    asked.read_to("Remove all of this, with the access keys? AWS does not show them again.");
    asked.press_control('c');
    unchanged(asked, 130);
    let mut no = start(&["logout", "--all"]);
    no.read_to("Remove all of this?");
    no.type_line("");
    no.read_to("nothing was changed");
    unchanged(no, 1);
    let mut yes = start(&["logout"]);
    yes.read_to("Log out from:");
    yes.type_line("All iden");
    yes.read_to("Remove all of this?");
    yes.type_line("y");
    yes.read_to("Successfully logged out from 3 identities");
    assert_eq!(yes.finish().1, 0);
    assert_eq!(
        home.keyring().into_keys().collect::<Vec<_>>(),
        ["default/keys/dev"]
    );
}

#[test]
fn the_passphrase_of_the_keyring_is_asked_for_on_a_terminal() {
    let home = signed_in(DEV, &["dev"]);
    let mut command = home.fob_on_a_terminal(&["logout", "dev"]);
    command.env_remove("FOB_KEYRING_PASSWORD");
    let mut terminal = Terminal::start(command);
    terminal.read_to("assphrase");
    terminal.type_line("wrong");
    terminal.read_to("does not open the keyring");
    terminal.type_line("correct-horse-battery-staple");
    terminal.read_to("Successfully logged out from 1 identity");
    assert_eq!(terminal.finish().1, 0);
}

#[test]
fn a_keyring_that_fails_keeps_nothing_else_from_being_removed_and_the_mark_holds() {
    let home = signed_in(DEV, &["dev"]);
    let locked = |arguments: &[&str]| {
        home.fob(arguments)
            .env("FOB_KEYRING_PASSWORD", "wrong")
            .output()
            .expect("fob starts")
    };
    let ran = locked(&["logout", "dev"]);
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 0, "{said}");
    assert!(
        said.contains("Logged out with warnings (0/1 successful)"),
        "{said}"
    );
    let (_, errors) = said
        .split_once("Errors encountered:\n")
        .expect("they come last");
    assert!(
        errors.starts_with("✗ Keyring: dev: the passphrase does not open"),
        "{said}"
    );
    assert_eq!(said.matches("the passphrase does not open").count(), 1);
    assert_eq!(profiles(&home), "");
    let nothing = locked(&["logout", "dev", "--json"]);
    assert_eq!(code(&nothing), 1);
    assert!(
        text(&nothing.stdout).contains("\"logout_failed\""),
        "{}",
        text(&nothing.stdout)
    );
    assert_eq!(
        code(&home.run(&["credential-process", "dev"])),
        3,
        "the session that is still there is not served"
    );
    home.sandbox().clear_journal();
    assert_eq!(code(&home.run(&["login", "dev"])), 0);
    assert!(
        home.calls().contains_key("GetSessionToken"),
        "nor taken by who signs in again: {:?}",
        home.calls()
    );
}

#[test]
fn an_entry_that_cannot_be_read_fails_alone() {
    let home = signed_in(&chain(), &["admin"]);
    wait_for(plant(
        &home,
        &EntryName::new("default", EntryKind::Session, "org"),
        "{\"v\":1}",
    ));
    let newer = r#"{"v":9}"#;
    let entry = KeyringEntry {
        name: EntryName::new("default", EntryKind::Session, "org"),
        attributes: keyfob_core::store::Attributes {
            configuration: None,
            version: Some("9".to_owned()),
            holds: None,
        },
    };
    wait_for(home.keychain().write(&entry, Secret::new(newer))).expect("written");
    let report = home.json(&["logout", "admin", "--json"]);
    assert_eq!(steps(&report, "failed"), ["keyring default/session/org"]);
    assert_eq!(report["error"]["code"], "partial_logout");
    let left: Vec<String> = home.keyring().into_keys().collect();
    assert_eq!(left, ["default/keys/dev", "default/session/org"]);
    let ran = home.run(&["logout", "admin", "--dry-run"]);
    assert!(
        text(&ran.stderr).contains("✗ Keyring: the keyring entry default/session/org has"),
        "{}",
        text(&ran.stderr)
    );
}

#[test]
fn files_that_cannot_be_changed_are_reported_and_the_rest_is_removed() {
    let home = signed_in(DEV, &["dev"]);
    let config = home.path().join(".aws/keyfob/aws-user/config");
    fs::remove_file(&config).expect("removed");
    fs::create_dir_all(config.join("inside")).expect("a folder where the file should be");
    let ran = home.run(&["logout", "dev"]);
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 0, "{said}");
    assert!(
        said.contains("✓ Keyring: dev") && said.contains("Errors encountered:\n✗ Files: "),
        "{said}"
    );
    assert!(config.join("inside").exists());
    let path = native(&config.display().to_string());
    assert_eq!(
        said.matches(&path).count(),
        1,
        "the path stands there once: {said}"
    );

    let home = signed_in(DEV, &["dev"]);
    let state = home.path().join(".local/state/keyfob");
    fs::remove_dir_all(&state).expect("removed");
    fs::write(&state, "a file where the folder should be").expect("written");
    let keyring = home.keyring();
    let ran = home.run(&["logout", "dev"]);
    assert_eq!(code(&ran), 1, "{}", text(&ran.stderr));
    assert!(
        text(&ran.stderr).contains("nothing could be removed"),
        "{}",
        text(&ran.stderr)
    );
    assert_eq!(home.keyring(), keyring, "without a lock nothing is touched");
}

#[cfg(unix)]
#[test]
fn links_out_of_the_base_are_not_followed_and_other_peoples_files_stay() {
    let home = signed_in(DEV, &["dev"]);
    let folder = home.path().join(".aws/keyfob/aws-user");
    let elsewhere = home.path().join("elsewhere");
    fs::rename(&folder, &elsewhere).expect("moved");
    fs::write(elsewhere.join("theirs"), "theirs").expect("written");
    symlink(&elsewhere, &folder).expect("a link");
    let before = fs::read_to_string(elsewhere.join("config")).expect("a config");
    let report = home.json(&["logout", "--all", "--yes", "--json"]);
    assert_eq!(steps(&report, "failed").len(), 1, "{report}");
    assert_eq!(
        fs::read_to_string(elsewhere.join("config")).expect("still there"),
        before
    );
    assert!(folder.is_symlink() && elsewhere.join("theirs").exists());
}

#[test]
fn what_is_kept_is_named_as_it_is_and_no_secret_is_read_for_it() {
    let home = signed_in(DEV, &["dev"]);
    let said = |arguments: &[&str]| text(&home.run(arguments).stderr);
    let arn = home.sandbox().mfa_serial("kim");
    let key = home.key();
    let keys = format!(
        r#"{{"access_key_id":"{}","secret_access_key":"{}","mfa_arn":"{arn}","session_duration":"2h"}}"#,
        key.access_key_id.as_str(),
        key.secret_access_key.expose(),
    );
    let stored = home.run_with_input(&["user", "configure", "dev", "--stdin"], &keys);
    assert_eq!(code(&stored), 0, "{}", text(&stored.stderr));
    let mut entry = wait_for(home.keychain().list())
        .expect("entries")
        .into_iter()
        .find(|it| it.name.kind == EntryKind::Keys)
        .expect("keys");
    // Unreadable as a value: what it holds is known without.
    let write = |entry: &KeyringEntry| {
        wait_for(home.keychain().write(entry, Secret::new("{}"))).expect("written");
    };
    write(&entry);
    let logged_out = said(&["logout", "dev"]);
    assert!(
        logged_out.contains("Keyring: dev: kept: access key AKIA…")
            && logged_out.contains(", MFA device, session duration 2h; `--keychain` removes it"),
        "{logged_out}"
    );
    // As a Keyfob wrote it that did not say what an entry holds.
    entry.attributes.holds = None;
    write(&entry);
    let logged_out = said(&["logout", "dev"]);
    assert!(
        logged_out.contains("Keyring: dev: kept: access keys; "),
        "{logged_out}"
    );
}

#[test]
fn a_session_of_a_second_configuration_is_said_to_be_kept() {
    let home = Home::signed_up(DEV);
    let other = home.other_config("other.yaml", DEV);
    let config = home.configuration();
    let chain = config.chain(config.identity("dev").expect("there"));
    let files = chain.expect("a chain").files;
    wait_for(async {
        let store = home.store(other.as_ref());
        let session = session_until(in_half_an_hour());
        let ticket = store.sign_outs.ticket("dev").expect("a ticket");
        store.put_session(&ticket, &session).await.expect("put");
        let profile = profile_of("dev", &session);
        let written = store.profiles.write(&files, &profile).await;
        written.expect("written").note(&mut Vec::new());
    });
    let agent = home.start_agent();
    for arguments in [&["logout", "dev"][..], &["--no-agent", "logout", "dev"]] {
        let said = text(&home.run(arguments).stderr);
        for piece in [
            format!("• Keyring: dev: kept: it belongs to {other}\n"),
            native("/aws-user/config") + &format!(": kept: it belongs to {other}\n"),
            "Identity 'dev' is already logged out. No session of this configuration found in \
             keyring or file storage; its access key is kept.\n"
                .to_owned(),
        ] {
            assert!(said.contains(&piece), "{piece} is not in {said}");
        }
    }
    drop(agent);
}

#[test]
fn a_realm_and_a_base_path_of_its_own_are_cleaned_where_they_are() {
    let spec = "auth:\n  realm: work\n  identities:\n    dev: { kind: aws/user, spec: { files: { base_path: ~/.custom/aws, static: true } } }\n    ops: { kind: aws/user, spec: { files: { base_path: ~/.custom/aws, static: true } } }\n";
    let home = signed_in(spec, &["dev"]);
    home.store_key("ops", &home.key());
    assert_eq!(code(&home.run(&["login", "ops"])), 0);
    let folder = home.path().join(".custom/aws/work/aws-user");
    let credentials = || fs::read_to_string(folder.join("credentials")).unwrap_or_default();
    let ops = credentials()
        .split("[ops]")
        .nth(1)
        .expect("a section")
        .trim()
        .to_owned();
    assert_eq!(code(&home.run(&["logout", "dev"])), 0);
    assert!(
        !credentials().contains("[dev]") && credentials().contains(&ops),
        "{}",
        credentials()
    );
    assert!(
        home.keyring().contains_key("work/session/ops")
            && !home.keyring().contains_key("work/session/dev")
    );
    let ran = home.run(&["logout", "--all", "--yes"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    assert!(!home.path().join(".custom/aws").exists() && home.path().join(".custom").exists());
}
