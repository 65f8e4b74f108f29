//! `fob user rotate`: the new key is in use and the old one gone, with an agent and without; what
//! stands in the way is said and changes nothing; `kill -9` at every call to AWS leaves a key that
//! works, and what comes next goes on or undoes it.

mod gate;
mod killed;

use crate::home::{DEPLOY, DEV, Home, RunningAgent, code, text, until, wait_for};
use crate::logout_table::in_half_an_hour;
use keyfob_core::ids::AccessKeyId;
use keyfob_core::sandbox::{
    FaultSwitch, IamAction, MfaDevice, SandboxFault, SandboxSettings, StsAction,
};
use keyfob_core::secret::Keys;
use keyfob_core::store::StoredKeys;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

fn stored(home: &Home) -> StoredKeys {
    let found = wait_for(home.store(&home.config()).keys.find("dev", None));
    found.expect("readable").expect("stored")
}

fn stored_keys(home: &Home) -> Keys {
    stored(home).long_lived.keys.expect("a key")
}

fn stored_id(home: &Home) -> AccessKeyId {
    stored_keys(home).access_key_id
}

/// Of kim, as the sandbox's AWS has them.
fn ids_at_aws(home: &Home) -> Vec<AccessKeyId> {
    let keys = home.sandbox().keys("kim").into_iter();
    keys.map(|keys| keys.access_key_id).collect()
}

/// The stored key is the only one, and no rotation is under way.
fn is_settled(home: &Home) -> bool {
    let found = wait_for(home.store(&home.config()).keys.find("dev", None));
    let Ok(Some(stored)) = found else {
        return false;
    };
    let id = stored.long_lived.keys.map(|keys| keys.access_key_id);
    stored.rotation.is_none() && id.is_some_and(|id| ids_at_aws(home) == [id])
}

fn works(home: &Home) {
    let ran = home.run(&["login", "dev", "--force", "--no-input"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
}

/// The error that `--json` prints.
fn refused(ran: &Output) -> (String, String) {
    let told: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    let error = &told["error"];
    let hints = error["hints"].to_string();
    let message = error["message"].as_str().expect("text");
    let code = error["code"].as_str().expect("text");
    (code.to_owned(), format!("{message} {hints}"))
}

fn with_and_without_agent(config: &str, mut test: impl FnMut(&Home, Option<&RunningAgent>)) {
    for with_agent in [false, true] {
        let home = Home::signed_up(config);
        // Without a device, whose code a person has to read.
        let agent = with_agent.then(|| home.start_agent());
        test(&home, agent.as_ref());
    }
}

#[test]
fn a_new_key_takes_the_place_of_the_old_one_and_sessions_are_made_anew() {
    with_and_without_agent(&format!("{DEV}{DEPLOY}"), |home, _| {
        for identity in ["dev", "deploy"] {
            assert_eq!(code(&home.run(&["credential-process", identity])), 0);
        }
        let (old, before) = (stored(home), home.json(&["credential-process", "dev"]));
        let ran = home.run(&["user", "rotate", "dev"]);
        let said = text(&ran.stderr);
        assert_eq!(code(&ran), 0, "{said}");
        let (was, is) = (
            old.long_lived.keys.expect("a key").access_key_id,
            stored_id(home),
        );
        assert_ne!(was, is);
        let words =
            format!("dev uses the access key {is} now; the old one, {was}, was deleted at AWS");
        assert!(said.contains(&words), "{said}");
        for id in [&was, &is] {
            assert!(!said.contains(id.as_str()), "never a whole key id: {said}");
        }
        assert!(is_settled(home));
        let after = home.json(&["credential-process", "dev"]);
        assert_ne!(before["AccessKeyId"], after["AccessKeyId"]);
        let calls = home.calls();
        assert_eq!(
            calls.get("GetSessionToken"),
            Some(&2),
            "made once, by the rotation: {calls:?}"
        );
        assert_eq!(code(&home.run(&["credential-process", "deploy"])), 0);
        works(home);

        let audit = home.json(&["audit", "--json"]);
        let of_dev = audit["identities"].as_array().expect("identities").iter();
        let of_dev = of_dev.filter(|it| it["identity"] == "dev");
        let rotations: Vec<&Value> = of_dev.map(|it| &it["rotations"]).collect();
        assert_eq!(rotations, [1], "{audit}");
        assert!(!audit.to_string().contains(is.as_str()), "{audit}");
    });
}

#[test]
fn scripts_get_json_and_a_key_that_is_kept_goes_with_the_next_run() {
    with_and_without_agent(DEV, |home, _| {
        let old = stored_id(home);
        let told = home.json(&["user", "rotate", "dev", "--keep-old", "24h", "--json"]);
        let new = stored_id(home);
        assert_eq!(told["identity"], "dev");
        assert_eq!(told["access_key_id"], new.to_string());
        assert_eq!(told["old_access_key_id"], old.to_string());
        assert!(told["old_key"]["kept"]["until"].is_string(), "{told}");
        assert_eq!(ids_at_aws(home), [old.clone(), new.clone()]);
        works(home);
        assert_eq!(ids_at_aws(home).len(), 2, "not before its time");

        let told = home.json(&["user", "rotate", "dev", "--json"]);
        assert_eq!(told["old_key"], "deleted", "{told}");
        assert_eq!(told["resumed"], true, "{told}");
        assert_eq!(stored_id(home), new, "no further key was made");
        assert!(is_settled(home));
    });
}

#[test]
fn aws_may_take_its_time_to_know_a_new_key() {
    let home = Home::signed_up(DEV);
    set(&home, |it| it.key_delay_seconds = Some(3));
    let ran = home.run(&["user", "rotate", "dev"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    assert!(is_settled(&home));
}

fn set(home: &Home, change: impl FnOnce(&mut SandboxSettings)) {
    let mut settings = home.sandbox().settings();
    change(&mut settings);
    home.sandbox().set_settings(settings).expect("settings");
}

#[test]
fn those_who_rotate_at_once_share_one_rotation() {
    with_and_without_agent(DEV, |home, _| {
        let old = stored_id(home);
        let told: Vec<Value> = thread::scope(|scope| {
            let one = || home.json(&["user", "rotate", "dev", "--json"]);
            let all: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
            all.into_iter()
                .map(|it| it.join().expect("no panic"))
                .collect()
        });
        let new = stored_id(home);
        assert_ne!(old, new);
        for told in told {
            assert_eq!(told["access_key_id"], new.to_string(), "{told}");
            assert_eq!(told["old_key"], "deleted", "{told}");
        }
        assert_eq!(home.calls().get("CreateAccessKey"), Some(&1));
        assert!(is_settled(home));
    });
}

#[test]
fn with_two_keys_already_it_says_which_and_destroys_nothing() {
    with_and_without_agent(DEV, |home, _| {
        let own = stored_id(home);
        let other = home
            .sandbox()
            .create_key("kim")
            .expect("a key")
            .access_key_id;
        let kept = home.keyring();
        let ran = home.run(&["user", "rotate", "dev", "--json"]);
        assert_eq!(code(&ran), 1, "{}", text(&ran.stderr));
        let (code, said) = refused(&ran);
        assert_eq!(code, "aws_error");
        let words = [
            format!("{own} (the one stored here, active, made "),
            format!("{other} (active, made "),
            "last used".to_owned(),
            "nothing was changed".to_owned(),
            "fob exec dev -- aws iam delete-access-key --access-key-id ID".to_owned(),
        ];
        for words in words {
            assert!(said.contains(&words), "{words} is not in {said}");
        }
        assert_eq!(home.keyring(), kept);
        assert_eq!(ids_at_aws(home), [own, other]);
    });
}

#[test]
fn a_policy_that_denies_a_step_is_named_and_the_stored_key_works() {
    for action in IamAction::ALL {
        let home = Home::signed_up(DEV);
        let old = stored_id(&home);
        let denied = FaultSwitch::on(SandboxFault::AccessDenied).for_action(action);
        home.sandbox().inject(denied).expect("a fault");
        let ran = home.run(&["user", "rotate", "dev"]);
        let said = text(&ran.stderr);
        home.sandbox().clear_faults();
        match action {
            // Asked only where something is in the way.
            IamAction::GetAccessKeyLastUsed => assert_eq!(code(&ran), 0, "{said}"),
            IamAction::ListAccessKeys | IamAction::CreateAccessKey => {
                assert_eq!(code(&ran), 1, "{said}");
                assert!(said.contains(&format!("iam:{}", action.name())), "{said}");
                assert_eq!(stored_id(&home), old);
                assert!(is_settled(&home), "nothing was changed");
            }
            IamAction::UpdateAccessKey | IamAction::DeleteAccessKey => {
                assert_eq!(code(&ran), 1, "{said}");
                assert!(said.contains("is still at AWS"), "{said}");
                assert!(said.contains("`fob user rotate dev` deletes it"), "{said}");
                assert!(said.contains(&format!("iam:{}", action.name())), "{said}");
                assert_ne!(stored_id(&home), old);
                works(&home);
                assert!(is_settled(&home), "the next sign-in deletes it");
            }
        }
        works(&home);
    }
}

#[test]
fn a_session_with_mfa_signs_where_a_policy_denies_it_to_the_key_alone() {
    let config = DEV.replace(
        "default: true",
        "default: true, credentials: { mfa_arn: \"arn:aws:iam::123456789012:mfa/kim\" }",
    );
    let home = Home::signed_up(&config);
    home.sandbox()
        .set_mfa("kim", MfaDevice::Enrolled)
        .expect("a device");
    let denied = || {
        let denied = FaultSwitch::on(SandboxFault::AccessDenied);
        let denied = denied.for_action(IamAction::ListAccessKeys).times(1);
        home.sandbox().inject(denied).expect("a fault");
    };
    denied();
    let ran = home.run(&["user", "rotate", "dev"]);
    assert_eq!(code(&ran), 1);
    assert!(
        text(&ran.stderr).contains("fob login dev, then again"),
        "{}",
        text(&ran.stderr)
    );
    assert_eq!(
        code(&home.run(&["login", "dev", "--mfa-code", "123456"])),
        0
    );
    denied();
    let ran = home.run(&["user", "rotate", "dev"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    let said = text(&ran.stderr);
    assert!(
        said.contains("was made with the old access key and stays in use"),
        "{said}"
    );
    assert!(is_settled(&home));
    assert_eq!(
        code(&home.run(&["credential-process", "dev"])),
        0,
        "without a code"
    );
}

#[test]
fn what_has_no_key_here_to_rotate_is_refused_with_the_way_out() {
    let config = format!(
        "{DEV}{DEPLOY}    written:
      kind: aws/user
      credentials: {{ access_key_id: AKIA1111222233334444, secret_access_key: s3cr3ts3cr3t }}
    here: {{ kind: aws/ambient }}
"
    );
    with_and_without_agent(&config, |home, _| {
        let (kept, calls) = (home.keyring(), home.calls());
        for (identity, code, words) in [
            ("deploy", "invalid_input", "fob user rotate dev"),
            ("here", "invalid_input", "takes no access keys"),
            ("written", "invalid_input", "fob user configure written"),
            ("nobody", "identity_not_found", "dev"),
        ] {
            let ran = home.run(&["user", "rotate", identity, "--json"]);
            let (said_code, said) = refused(&ran);
            assert_eq!(said_code, code, "{said}");
            assert!(said.contains(words), "{said}");
        }
        assert_eq!((home.keyring(), home.calls()), (kept, calls));
        assert_eq!(
            code(&home.run(&["logout", "dev", "--keychain", "--yes"])),
            0
        );
        let (said_code, said) = refused(&home.run(&["user", "rotate", "dev", "--json"]));
        assert_eq!(said_code, "no_credentials", "{said}");
        assert!(said.contains("fob user configure dev"), "{said}");
    });
    let home = Home::signed_up(DEV);
    let mut in_memory = home.fob(&["user", "rotate", "dev", "--json"]);
    in_memory.env("FOB_KEYRING", "memory");
    let (_, said) = refused(&in_memory.output().expect("fob starts"));
    assert!(said.contains("would be lost"), "{said}");
    for wrong in ["0", "-1h", "12x"] {
        assert_eq!(
            code(&home.run(&["user", "rotate", "dev", "--keep-old", wrong])),
            2
        );
    }
    assert!(is_settled(&home));
}

/// The keyring takes nothing any more once AWS has made the key.
#[test]
fn a_keyring_that_fails_halfway_loses_no_key_and_the_new_one_is_deleted_again() {
    let stage = killed::Stage::new();
    let old = stored_id(&stage.home);
    let rotating = stage
        .stopped(1, gate::Stop::BeforeTheAnswer)
        .expect("CreateAccessKey");
    assert_eq!(ids_at_aws(&stage.home).len(), 2);
    let keyring = stage.home.path().join(".config/keyfob/keyring.age");
    let aside = keyring.with_extension("aside");
    fs::rename(&keyring, &aside).expect("it is there");
    fs::create_dir(&keyring).expect("nothing is there");
    stage.gate.answer();
    let ran = rotating.wait_with_output().expect("fob ends");
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 1, "{said}");
    assert!(said.contains("keyring"), "{said}");
    assert!(said.contains("goes on with the old"), "{said}");
    assert_eq!(ids_at_aws(&stage.home), [old]);
    fs::remove_dir(&keyring).expect("empty");
    fs::rename(&aside, &keyring).expect("nothing is there");
    stage.has_a_working_key();
    stage.runs(&["user", "rotate", "dev"]);
    assert!(is_settled(&stage.home));
}

#[test]
fn keys_that_are_stored_by_hand_end_a_rotation_and_the_left_one_is_named() {
    let home = Home::signed_up(DEV);
    let kept = home.run(&["user", "rotate", "dev", "--keep-old", "24h"]);
    assert_eq!(code(&kept), 0, "{}", text(&kept.stderr));
    let (old, new) = (ids_at_aws(&home)[0].clone(), stored_id(&home));
    home.sandbox().revoke_key(&new).expect("a key");
    let third = home.sandbox().create_key("kim").expect("a key");
    let typed = crate::home::typed(&third);
    let ran = home.run_with_input(&["user", "configure", "dev", "--stdin"], &typed);
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 0, "{said}");
    assert!(
        said.contains(&format!("access key {old} of a rotation")),
        "{said}"
    );
    assert_eq!(stored(&home).rotation, None);
    works(&home);
}

/// The new key was deleted at AWS while the old one was kept.
#[test]
fn the_old_key_is_used_again_where_aws_no_longer_knows_the_new_one() {
    with_and_without_agent(DEV, |home, _| {
        let old = stored_id(home);
        let kept = home.run(&["user", "rotate", "dev", "--keep-old", "24h"]);
        assert_eq!(code(&kept), 0, "{}", text(&kept.stderr));
        home.sandbox().revoke_key(&stored_id(home)).expect("a key");
        works(home);
        assert_eq!(stored_id(home), old);
        assert!(is_settled(home));
    });
}

/// Programs have the key itself, and no session.
#[test]
fn a_key_that_was_handed_out_is_kept_until_programs_come_again() {
    let config = DEV.replace("default: true", "default: true, session: { kind: keys }");
    with_and_without_agent(&config, |home, _| {
        let before = home.json(&["credential-process", "dev"]);
        let told = home.json(&["user", "rotate", "dev", "--json"]);
        assert!(told["old_key"]["kept"]["until"].is_string(), "{told}");
        assert_eq!(before["AccessKeyId"], ids_at_aws(home)[0].as_str());
        let after = home.json(&["credential-process", "dev"]);
        assert_eq!(after["AccessKeyId"], stored_id(home).as_str());
    });
}

/// As it would be after so many days.
fn stored_days_ago(home: &Home, days: u64) {
    let since = in_half_an_hour() - Duration::from_hours(24 * days);
    let store = home.store(&home.config());
    let aged = StoredKeys {
        since: Some(since),
        ..stored(home)
    };
    let at = aged.endpoint.clone();
    wait_for(store.keys.put("dev", &aged, at.as_ref())).expect("put");
}

#[test]
fn the_age_of_a_key_is_listed_and_an_old_one_is_announced_once() {
    let home = Home::signed_up(DEV);
    let key = |home: &Home| home.json(&["list", "--json"])["identities"][0]["access_key"].clone();
    let new = key(&home);
    assert_eq!(new["id"], stored_id(&home).to_string());
    assert!(new["since"].is_string(), "{new}");
    assert_eq!(new["is_old"], false);
    let lists = |home: &Home| text(&home.run(&["list"]).stdout).contains("access key 97 days old");
    assert!(!lists(&home));

    stored_days_ago(&home, 98);
    assert_eq!(key(&home)["is_old"], true);
    assert!(lists(&home));
    let words = format!(
        "dev: access key {} is 97 days old; `fob user rotate dev`",
        stored_id(&home)
    );
    let agent = home.start_agent();
    until("it is announced", || agent.said().contains(&words));
    assert!(lists(&home));
    drop(agent);
    let agent = home.start_agent();
    let ran = home.run(&["user", "rotate", "dev"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    assert!(
        !agent.said().contains(&words),
        "not again: {}",
        agent.said()
    );
    assert_eq!(key(&home)["is_old"], false);
    assert!(!lists(&home));
}

#[test]
fn the_configuration_says_when_a_key_is_old_and_whether_one_ever_is() {
    let is_old = |written: &str, days| {
        let notify = format!("auth:\n  notify: {{ key_age: {written} }}\n");
        let home = Home::signed_up(&DEV.replace("auth:\n", &notify));
        stored_days_ago(&home, days);
        home.json(&["list", "--json"])["identities"][0]["access_key"]["is_old"] == true
    };
    assert!(!is_old("200d", 100));
    assert!(is_old("200d", 201));
    assert!(!is_old("off", 2000));
    let notify = "auth:\n  notify: { key_age: soon }\n";
    let home = Home::with(&DEV.replace("auth:\n", notify));
    let ran = home.run(&["validate"]);
    assert_eq!(code(&ran), 2);
    let said = text(&ran.stdout);
    assert!(said.contains("notify.key_age"), "{said}");
}

/// Programs that come while it rotates get a session each time.
#[test]
fn nobody_who_uses_the_identity_notices_a_rotation() {
    with_and_without_agent(&format!("{DEV}{DEPLOY}"), |home, _| {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let programs = ["dev", "deploy"].map(|identity| {
                let is_over = &is_over;
                scope.spawn(move || {
                    while !is_over.load(Ordering::SeqCst) {
                        let ran = home.run(&["credential-process", identity]);
                        assert_eq!(code(&ran), 0, "{identity}: {}", text(&ran.stderr));
                    }
                })
            });
            for _ in 0..2 {
                let ran = home.run(&["user", "rotate", "dev"]);
                assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
            }
            is_over.store(true, Ordering::SeqCst);
            for program in programs {
                program.join().expect("no failure");
            }
        });
    });
}

/// A network that fails when the key was checked: it is stored, and nothing is lost.
#[test]
fn a_network_that_fails_halfway_leaves_the_new_key_beside_the_old_one_for_the_next_run() {
    let home = Home::signed_up(DEV);
    let old = stored_id(&home);
    let outage = FaultSwitch::on(SandboxFault::Outage).for_action(StsAction::GetCallerIdentity);
    home.sandbox().inject(outage).expect("a fault");
    let ran = home.run(&["user", "rotate", "dev"]);
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 1, "{said}");
    assert!(said.contains("the old access key stays in use"), "{said}");
    assert_eq!(stored_id(&home), old);
    home.sandbox().clear_faults();
    works(&home);
    assert!(is_settled(&home));
    assert_ne!(stored_id(&home), old, "the sign-in went on with it");
}

/// The stored key as AWS's console hands it out: the file, and what it says.
fn downloaded(home: &Home) -> (PathBuf, String) {
    let (key, file) = (stored_keys(home), home.path().join("accessKeys.csv"));
    let (id, secret) = (key.access_key_id.as_str(), key.secret_access_key.expose());
    let csv = format!("Access key ID,Secret access key\n{id},{secret}\n");
    fs::write(&file, &csv).expect("written");
    (file, csv)
}

#[test]
fn the_file_that_a_rotation_made_worthless_is_named_and_left() {
    with_and_without_agent(DEV, |home, _| {
        let (file, csv) = downloaded(home);
        let words = format!(
            "{} holds nothing but the old one: delete it",
            file.display()
        );
        let rotates = |words: &[&str]| {
            let ran = home.run(&[&["user", "rotate", "dev"], words].concat());
            let said = text(&ran.stderr);
            assert_eq!(code(&ran), 0, "{said}");
            said
        };
        // As a person names it who is in its folder.
        let ran = home.run(&["user", "configure", "dev", "--csv", "accessKeys.csv"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        assert!(text(&ran.stderr).contains("still contains the keys: delete it"));
        assert!(
            !rotates(&["--keep-old", "24h"]).contains(&words),
            "it works until then"
        );
        assert!(rotates(&[]).contains(&words));
        assert_eq!(fs::read_to_string(&file).expect("it is left"), csv);
        assert!(
            !rotates(&[]).contains(&words),
            "only by the rotation that did it"
        );
    });
}

#[test]
fn a_file_that_holds_other_keys_by_now_or_is_gone_is_not_named() {
    for now in [
        Some("Access key ID,Secret access key\nAKIAOTHER0000000001X,s\n"),
        None,
    ] {
        let home = Home::signed_up(DEV);
        let (file, _) = downloaded(&home);
        let path = file.display().to_string();
        assert_eq!(
            code(&home.run(&["user", "configure", "dev", "--csv", &path])),
            0
        );
        match now {
            Some(text) => fs::write(&file, text).expect("written"),
            None => fs::remove_file(&file).expect("removed"),
        }
        let told = home.json(&["user", "rotate", "dev", "--json"]);
        assert_eq!(told["old_key"], "deleted", "{told}");
        assert!(told["stale_file"].is_null(), "{told}");
    }
}

#[test]
fn a_lock_that_cannot_be_taken_is_an_error_about_the_identity() {
    let home = Home::signed_up(DEV);
    let rotate = ["user", "rotate", "dev", "--json"];
    assert_eq!(code(&home.run(&rotate)), 0);
    let locks = home.path().join(".local/state/keyfob/default/locks");
    let found = fs::read_dir(&locks).expect("locks");
    let paths = found.map(|it| it.expect("a lock").path());
    let is_its = |it: &PathBuf| it.to_string_lossy().contains("rotation");
    let lock = paths.into_iter().find(is_its).expect("of the rotation");
    fs::remove_file(&lock).expect("removed");
    fs::create_dir(&lock).expect("in its way");
    let answer = home.json(&rotate);
    assert_eq!(answer["error"]["context"]["identity"], "dev", "{answer}");
}
