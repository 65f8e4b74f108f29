//! The audit log as its readers meet it: lines that the real `fob` writes, their summary, and the
//! check that finds a changed line.

use crate::home::{DEPLOY, DEV, Home, code, text, typed};
use crate::support::native;
use keyfob_core::sandbox::{FaultSwitch, SandboxFault};
use serde_json::Value;
use std::fs;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

fn log(home: &Home) -> PathBuf {
    home.path().join(".local/state/keyfob/default/audit.jsonl")
}

/// `event identity result`, with the error's code.
fn events(home: &Home) -> Vec<String> {
    let audit = home.json(&["audit", "--json"]);
    let events = audit["events"].as_array().expect("events").iter();
    events
        .map(|it| {
            let word = |name: &str| it[name].as_str().unwrap_or_default().to_owned();
            format!(
                "{} {} {} {}",
                word("event"),
                word("identity"),
                word("result"),
                word("error")
            )
            .trim_end()
            .to_owned()
        })
        .collect()
}

fn verify(home: &Home) -> (i32, Value) {
    let ran = home.run(&["audit", "verify", "--json"]);
    (
        code(&ran),
        serde_json::from_slice(&ran.stdout).expect("JSON"),
    )
}

fn intact(home: &Home) -> bool {
    let (exit, verdict) = verify(home);
    assert_eq!(exit == 0, verdict["intact"] == true, "{verdict}");
    verdict["intact"] == true && verdict["head"]["state"] == "known"
}

#[test]
fn sign_ins_refreshes_failures_revocations_and_stored_keys_are_written_with_their_caller() {
    let home = Home::with(&format!("{DEV}{DEPLOY}"));
    assert_eq!(events(&home), Vec::<String>::new());
    assert_eq!(code(&home.run(&["credential-process", "dev"])), 3);
    assert_eq!(events(&home), Vec::<String>::new(), "nothing was tried");
    home.store_key("dev", &home.key());
    assert_eq!(code(&home.run(&["login", "deploy"])), 0);
    assert_eq!(code(&home.run(&["login", "deploy", "--force"])), 0);
    assert_eq!(
        code(&home.run(&["login", "deploy"])),
        0,
        "the held session will do: nothing is written"
    );
    assert_eq!(code(&home.run(&["credential-process", "deploy"])), 0);
    home.sandbox()
        .inject(FaultSwitch::on(SandboxFault::AccessDenied).times(1))
        .expect("a fault");
    assert_eq!(code(&home.run(&["login", "dev", "--force"])), 1);
    let key = home.key();
    home.sandbox()
        .revoke_key(&key.access_key_id)
        .expect("the key is there");
    assert_eq!(code(&home.run(&["login", "dev", "--force"])), 3);
    assert_eq!(
        code(&home.run_with_input(&["user", "configure", "dev", "--stdin"], &typed(&key))),
        1
    );
    let new = home.sandbox().create_key("kim").expect("another key");
    home.store_key("dev", &new);
    assert_eq!(code(&home.run(&["login", "dev"])), 0);
    assert_eq!(
        events(&home),
        [
            "keys_stored dev ok",
            "sign_in dev ok",
            "sign_in deploy ok",
            "refresh deploy ok",
            "refresh dev failed access_denied",
            "revocation dev ok",
            "refresh dev failed aws_credentials_invalid",
            "keys_stored dev ok",
            "sign_in dev ok",
        ]
    );
    let audit = home.json(&["audit", "--json", "--since", "1h"]);
    let dev = audit["identities"]
        .as_array()
        .expect("identities")
        .iter()
        .find(|it| it["identity"] == "dev");
    let dev = dev.expect("dev is summed up");
    let expected = [
        ("sign_ins", 2),
        ("refreshes", 0),
        ("failures", 2),
        ("revocations", 1),
        ("keys_stored", 2),
    ];
    for (name, count) in expected {
        assert_eq!(dev[name], count, "{name}");
    }
    assert_eq!(
        (&dev["askers"][0], dev["last_use"].is_string()),
        (&Value::from("fob"), true)
    );
    let caller = &audit["events"][0]["asker"];
    assert!(
        caller["pid"].as_u64().is_some_and(|pid| pid > 1) && caller["user"].is_string(),
        "{caller}"
    );
    assert!(intact(&home));
    let written = fs::read_to_string(log(&home)).expect("the log");
    for secret in [&key, &new] {
        assert!(
            !written.contains(secret.access_key_id.as_str()),
            "{written}"
        );
        assert!(
            !written.contains(secret.secret_access_key.expose()),
            "{written}"
        );
        assert!(
            written.contains(&secret.access_key_id.to_string()),
            "shortened, it is there: {written}"
        );
    }
    #[cfg(unix)]
    assert_eq!(
        fs::metadata(log(&home))
            .expect("the log")
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
}

#[test]
fn reading_the_audit_log_writes_nothing() {
    let home = Home::with(DEV);
    for _ in 0..2 {
        let before = home.digest();
        for arguments in [
            &["audit"][..],
            &["audit", "--json"],
            &["audit", "--since", "7d"],
            &["audit", "verify"],
        ] {
            let ran = home.run(arguments);
            assert_eq!(code(&ran), 0, "{arguments:?}: {}", text(&ran.stderr));
        }
        assert_eq!(home.digest(), before);
        home.store_key("dev", &home.key());
    }
}

#[test]
fn every_kind_of_tampering_is_found_and_its_file_and_line_are_named() {
    let home = Home::signed_up(DEV);
    for _ in 0..3 {
        assert_eq!(code(&home.run(&["login", "dev", "--force"])), 0);
    }
    assert!(intact(&home));
    let whole = fs::read_to_string(log(&home)).expect("the log");
    let lines: Vec<&str> = whole.lines().collect();
    assert_eq!(lines.len(), 4, "{whole}");
    let changed = lines[1].replace("\"ok\"", "\"failed\",\"error\":\"network\"");
    let cases = [
        (vec![lines[0], &changed, lines[2], lines[3]], "changed", 2),
        (vec![lines[0], lines[2], lines[3]], "missing", 2),
        (vec![lines[1], lines[2], lines[3]], "missing", 1),
        (vec![lines[0], lines[2], lines[1], lines[3]], "reordered", 2),
        (vec![lines[0], lines[1]], "cut", 2),
        (vec![], "cut", 0),
    ];
    for (tampered, what, line) in cases {
        let written = if tampered.is_empty() {
            String::new()
        } else {
            tampered.join("\n") + "\n"
        };
        fs::write(log(&home), written).expect("written");
        let (exit, verdict) = verify(&home);
        let damage = &verdict["damage"][0];
        assert_eq!(
            (exit, damage["what"].as_str(), damage["line"].as_u64()),
            (1, Some(what), Some(line)),
            "{verdict}"
        );
        assert_eq!(damage["file"].as_str().map(PathBuf::from), Some(log(&home)));
        let said = home.run(&["audit", "verify"]);
        assert_eq!(code(&said), 1);
        assert!(
            text(&said.stdout).contains(&native(&format!("{}:{line}: ", log(&home).display()))),
            "{}",
            text(&said.stdout)
        );
    }
    assert_eq!(
        code(&home.run(&["login", "dev", "--force"])),
        0,
        "signing in goes on"
    );
    assert_eq!(verify(&home).0, 1, "and does not cover it up");
    fs::write(log(&home), format!("{whole}{}", &lines[0][..40])).expect("written");
    assert_eq!(verify(&home).0, 1, "the line of the last sign-in is gone");
}

#[test]
fn a_log_that_cannot_be_written_is_a_warning_and_the_sign_in_goes_through() {
    let home = Home::with(DEV);
    fs::create_dir_all(log(&home)).expect("a folder in its place");
    home.store_key("dev", &home.key());
    let ran = home.run(&["login", "dev"]);
    assert_eq!(code(&ran), 0);
    let said = text(&ran.stderr);
    assert!(
        said.contains("warning: this was not written to the audit log")
            && said.contains("successful"),
        "{said}"
    );
}

#[test]
fn without_its_keyring_the_log_is_written_and_the_verdict_says_what_it_cannot_tell() {
    let home = Home::signed_up(DEV);
    let locked = home
        .fob(&["login", "dev"])
        .env_remove("FOB_KEYRING_PASSWORD")
        .output()
        .expect("fob starts");
    assert_ne!(code(&locked), 0);
    assert_eq!(events(&home)[1], "sign_in dev failed keyring_locked");
    let (exit, verdict) = verify(&home);
    assert_eq!(
        (exit, &verdict["head"]["state"], &verdict["head"]["lines"]),
        (0, &"behind".into(), &1.into())
    );
    let blind = home
        .fob(&["audit", "verify"])
        .env_remove("FOB_KEYRING_PASSWORD")
        .output()
        .expect("fob starts");
    assert_eq!(code(&blind), 0);
    assert!(
        text(&blind.stderr).contains("cannot be determined"),
        "{}",
        text(&blind.stderr)
    );
    assert_eq!(code(&home.run(&["login", "dev"])), 0);
    assert!(intact(&home));
}

#[test]
fn fifty_cold_processes_leave_one_line_for_each_session_that_was_made() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    home.sandbox()
        .inject(FaultSwitch::on(SandboxFault::Delay { milliseconds: 300 }))
        .expect("a delay");
    let start = || {
        home.fob(&["credential-process", "deploy"])
            .stdout(std::process::Stdio::null())
            .spawn()
    };
    let children: Vec<_> = (0..50).map(|_| start().expect("fob starts")).collect();
    for mut child in children {
        assert!(child.wait().expect("fob ends").success());
    }
    assert_eq!(
        events(&home),
        ["keys_stored dev ok", "sign_in dev ok", "sign_in deploy ok"]
    );
    assert!(intact(&home));
}

#[test]
fn keys_that_were_revoked_are_reported_once() {
    let home = Home::signed_up(DEV);
    home.sandbox()
        .revoke_key(&home.key().access_key_id)
        .expect("the key is there");
    assert_eq!(code(&home.run(&["login", "dev"])), 3);
    assert_eq!(
        code(&home.run(&["login", "dev"])),
        3,
        "and the next finds no key"
    );
    let expected = [
        "keys_stored dev ok",
        "revocation dev ok",
        "sign_in dev failed aws_credentials_invalid",
    ];
    assert_eq!(events(&home), expected);
}

#[test]
fn the_log_reads_well_in_a_narrow_terminal() {
    let home = Home::signed_up(DEV);
    assert_eq!(code(&home.run(&["login", "dev"])), 0);
    let said = text(&home.run(&["audit"]).stdout);
    assert!(
        said.starts_with("dev\n  1 sign-in, 1 key stored\n  last used "),
        "{said}"
    );
    assert!(
        said.contains(" ✓ sign-in dev\n  dev: session until "),
        "{said}"
    );
    assert!(
        // The path of a program is as long as it is.
        said.lines()
            .all(|line| line.chars().count() <= 60 || line.starts_with("  from ")),
        "{said}"
    );
}
