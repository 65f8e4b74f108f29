//! Keys that AWS no longer knows are replaced while programs and prompts wait.

use super::{answered, end, session, start};
use crate::home::{DEV, Home, RunningAgent, code, text, typed, until, wait_for};
use crate::screen::Terminal;
use keyfob_core::duration::SessionDuration;
use keyfob_core::sandbox::MfaDevice;
use keyfob_core::secret::Keys;
use serde_json::json;
use std::fs;
use std::process::{Child, Command, Output};

/// Ways to hand over keys.
#[derive(Clone, Copy, Debug)]
pub(super) enum Road {
    Stdin,
    Csv,
    Profile,
    /// Of the profile of its name, for the identity that is there.
    Import,
    /// In a process of its own, although an agent runs.
    WithoutTheAgent,
    Form,
}

pub(super) fn store(home: &Home, by: Road, keys: &Keys) {
    if let Road::Form = by {
        let mut terminal = Terminal::start(home.fob_on_a_terminal(&["user", "configure", "dev"]));
        fill_in(&mut terminal, keys);
        let (rest, exit) = terminal.finish();
        return assert_eq!(exit, 0, "{rest}");
    }
    let ran = road(home, by, keys, &[]);
    assert_eq!(code(&ran), 0, "{by:?}: {}", text(&ran.stderr));
}

/// Every road but the form's.
pub(super) fn road(home: &Home, by: Road, keys: &Keys, more: &[&'static str]) -> Output {
    let (id, secret) = (keys.access_key_id.as_str(), keys.secret_access_key.expose());
    let configure = |from: &[&'static str]| [&["user", "configure", "dev"], from, more].concat();
    match by {
        Road::Stdin | Road::Form => home.run_with_input(&configure(&["--stdin"]), &typed(keys)),
        Road::WithoutTheAgent => {
            home.run_with_input(&configure(&["--stdin", "--no-agent"]), &typed(keys))
        }
        Road::Csv => {
            let csv = home.path().join("keys.csv");
            let text = format!("Access key ID,Secret access key\n{id},{secret}\n");
            fs::write(&csv, text).expect("written");
            home.run(&configure(&["--csv", "keys.csv"]))
        }
        Road::Profile | Road::Import => {
            let folder = home.path().join(".aws");
            fs::create_dir_all(&folder).expect("a folder");
            let text =
                format!("[dev]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
            fs::write(folder.join("credentials"), text).expect("written");
            match by {
                Road::Import => home.run(&["import", "aws", "--yes"]),
                _ => home.run(&configure(&["--profile", "dev"])),
            }
        }
    }
}

pub(super) fn fill_in(terminal: &mut Terminal, keys: &Keys) {
    for (label, answer) in [
        ("Access Key ID", keys.access_key_id.as_str()),
        ("Secret", keys.secret_access_key.expose()),
        ("MFA ARN", ""),
        ("Session Duration", ""),
    ] {
        terminal.read_to(label);
        terminal.type_line(answer);
    }
}

pub(super) fn program(home: &Home) -> Child {
    start(home, &["credential-process", "dev", "--wait", "60"])
}

/// The stored key was revoked, and a program waits for new ones.
fn waiting() -> (Home, RunningAgent, Child) {
    let home = Home::signed_up(DEV);
    revoke(&home);
    let agent = home.start_agent();
    let program = program(&home);
    until("the prompt is open", || {
        agent.said().contains("dev: waiting for access keys")
    });
    (home, agent, program)
}

pub(super) fn revoke(home: &Home) {
    home.sandbox()
        .revoke_key(&home.key().access_key_id)
        .expect("the key is there");
}

pub(super) fn prompts(home: &Home) -> serde_json::Value {
    home.json(&["status", "--json"])["prompts"].clone()
}

/// As after a form that was closed: the session outlives the keys.
#[test]
fn refused_keys_show_beside_a_session_that_is_still_good_and_are_never_called_missing() {
    for with_an_agent in [true, false] {
        let home = Home::signed_up(DEV);
        let agent = with_an_agent.then(|| home.start_agent());
        home.json(&["login", "dev", "--json"]);
        revoke(&home);
        for _ in 0..2 {
            let refused = home.run(&["login", "dev", "--force", "--no-input"]);
            assert_eq!(code(&refused), 3, "{}", text(&refused.stderr));
            let list = home.json(&["list", "--json"]);
            let dev = &list["identities"][0];
            assert_eq!(dev["state"], "valid", "{list}");
            let mut terminal =
                Terminal::start(home.fob_on_a_terminal(&["login", "dev", "--force"]));
            terminal.read_to("no longer accepts");
            terminal.read_to("Access Key ID");
            terminal.type_line("\x03");
            terminal.finish();
        }
        if agent.is_some() {
            let status = home.json(&["status", "--json"]);
            let failing = status["sessions"][0]["failing"].as_str();
            let is_said = failing.is_some_and(|it| it.contains("no longer accepts"));
            assert!(is_said, "{status}");
        }
    }
}

#[test]
fn keys_that_are_stored_by_any_road_answer_the_open_prompt() {
    for road in [
        Road::Stdin,
        Road::Csv,
        Road::Profile,
        Road::Import,
        Road::WithoutTheAgent,
        Road::Form,
    ] {
        let (home, agent, program) = waiting();
        let new = home.sandbox().create_key("kim").expect("a key");
        store(&home, road, &new);
        let first = answered(&end(program));
        let later = answered(&home.run(&["credential-process", "dev", "--wait", "0"]));
        assert_eq!(first, later, "{road:?}");
        assert_eq!(prompts(&home), json!([]), "{road:?}");
        for arguments in [&["login", "dev"][..], &["login", "dev", "--force"]] {
            let ran = home.run(arguments);
            assert_eq!(code(&ran), 0, "{road:?}: {}", text(&ran.stderr));
        }
        assert!(
            agent.said().contains("dev: the prompt was closed"),
            "{}",
            agent.said()
        );
    }
}

#[test]
fn a_form_that_others_answered_meanwhile_ends_with_their_keys() {
    for with_agent in [true, false] {
        let home = Home::signed_up(DEV);
        revoke(&home);
        let _agent = with_agent.then(|| home.start_agent());
        let mut terminal = Terminal::start(home.fob_on_a_terminal(&["login", "dev"]));
        terminal.read_to("Access Key ID");
        let new = home.sandbox().create_key("kim").expect("a key");
        store(&home, Road::Stdin, &new);
        if with_agent {
            until("the prompt is gone", || prompts(&home) == json!([]));
            terminal.press_control('[');
            // With their session, or with the one that was made meanwhile.
            terminal.read_to("Expires");
            let (rest, exit) = terminal.finish();
            assert_eq!(exit, 0, "{rest}");
        } else {
            terminal.press_control('[');
            terminal.finish();
            assert_eq!(code(&home.run(&["login", "dev"])), 0);
        }
    }
}

pub(super) fn code_is_needed(home: &Home) {
    home.sandbox()
        .set_mfa("kim", MfaDevice::Enrolled)
        .expect("kim is there");
    let keys = home.key();
    let typed = json!({
        "access_key_id": keys.access_key_id.as_str(),
        "secret_access_key": keys.secret_access_key.expose(),
        "mfa_arn": home.sandbox().mfa_serial("kim"),
        "session_duration": "36h",
    });
    let stored = home.run_with_input(&["user", "configure", "dev", "--stdin"], &typed.to_string());
    assert_eq!(code(&stored), 0, "{}", text(&stored.stderr));
    home.sandbox().clear_journal();
}

#[test]
fn a_code_that_is_given_is_not_spent_on_a_revoked_key() {
    for with_agent in [true, false] {
        let home = Home::with(DEV);
        code_is_needed(&home);
        revoke(&home);
        let _agent = with_agent.then(|| home.start_agent());
        let new = home.sandbox().create_key("kim").expect("a key");
        let login = home.fob_on_a_terminal(&["login", "dev", "--mfa-code", "123456"]);
        let mut terminal = Terminal::start(login);
        terminal.read_to("no longer accepts");
        assert_eq!(home.calls().get("GetSessionToken"), None);
        fill_in(&mut terminal, &new);
        let (rest, exit) = terminal.finish();
        assert_eq!(exit, 0, "{rest}");
        assert!(!rest.contains("MFA code"), "{rest}");
    }
}

#[test]
fn keys_that_were_cleared_are_called_revoked_by_every_later_call() {
    for with_agent in [true, false] {
        let home = Home::signed_up(DEV);
        revoke(&home);
        let _agent = with_agent.then(|| home.start_agent());
        assert_eq!(code(&home.run(&["login", "dev", "--no-input"])), 3);
        for arguments in [
            &["login", "dev", "--no-input"][..],
            &["exec", "dev", "--no-input", "--", "true"],
        ] {
            let ran = home.run(arguments);
            let said = text(&ran.stderr);
            assert_eq!(code(&ran), 3, "{said}");
            assert!(said.contains("AWS no longer accepts"), "{said}");
            assert!(said.contains("fob repair dev --restore"), "{said}");
        }
    }
}

#[test]
fn repair_asks_aws_about_a_key_that_is_stored() {
    for with_agent in [true, false] {
        let home = Home::signed_up(DEV);
        assert_eq!(code(&home.run(&["login", "dev"])), 0);
        let _agent = with_agent.then(|| home.start_agent());
        assert_eq!(code(&home.run(&["repair", "dev"])), 0);
        revoke(&home);
        let keyring = home.keyring();
        for signed_out in [false, true] {
            if signed_out {
                assert_eq!(code(&home.run(&["logout", "dev"])), 0);
            }
            let ran = home.run(&["repair", "dev"]);
            let said = text(&ran.stdout);
            assert_eq!(code(&ran), 1, "{said}");
            assert!(said.contains("AWS does not know access key"), "{said}");
            assert!(said.contains("fob user configure dev"), "{said}");
        }
        let keys = "default/keys/dev";
        assert_eq!(home.keyring().get(keys), keyring.get(keys));
    }
}

pub(super) fn log_in_with(home: &Home, code: &str) -> Output {
    home.run(&["login", "dev", "--mfa-code", code])
}

#[test]
fn a_code_on_the_command_line_answers_the_prompt_that_a_program_opened() {
    let home = Home::with(DEV);
    code_is_needed(&home);
    let agent = home.start_agent();
    let program = program(&home);
    until("the prompt is open", || {
        agent.said().contains("dev: waiting for an MFA code")
    });
    let wrong = log_in_with(&home, "000000");
    assert_eq!(code(&wrong), 1, "{}", text(&wrong.stderr));
    let right = log_in_with(&home, "123456");
    assert_eq!(code(&right), 0, "{}", text(&right.stderr));
    answered(&end(program));
    assert_eq!(home.calls().get("GetSessionToken"), Some(&2));
}

#[test]
fn device_and_duration_survive_every_way_of_storing_keys() {
    for with_agent in [true, false] {
        let home = Home::with(DEV);
        code_is_needed(&home);
        let _agent = with_agent.then(|| home.start_agent());
        for road in [Road::Stdin, Road::Csv, Road::Profile] {
            let old = home.key();
            let new = home.sandbox().create_key("kim").expect("a key");
            home.sandbox()
                .revoke_key(&old.access_key_id)
                .expect("the key is there");
            store(&home, road, &new);
            let store = home.store(&home.config());
            let stored = wait_for(store.keys.find("dev", None)).expect("readable");
            let stored = stored.expect("there").long_lived;
            let device = stored.mfa_arn.map(|arn| arn.as_str().to_owned());
            assert_eq!(device, Some(home.sandbox().mfa_serial("kim")), "{road:?}");
            let duration = stored.session_duration.map(SessionDuration::seconds);
            assert_eq!(duration, Some(36 * 60 * 60), "{road:?}");
            let id = stored.keys.map(|keys| keys.access_key_id);
            assert_eq!(id, Some(new.access_key_id), "{road:?}");
        }
        // What the form shows and the person empties is forgotten.
        let mut terminal = Terminal::start(home.fob_on_a_terminal(&["user", "configure", "dev"]));
        let keys = home.key();
        terminal.read_to("Access Key ID");
        terminal.type_line(keys.access_key_id.as_str());
        terminal.read_to("Secret");
        terminal.type_line(keys.secret_access_key.expose());
        terminal.read_to("MFA ARN");
        terminal.type_line(&"\x7f".repeat(80));
        terminal.read_to("Session Duration");
        terminal.type_line("");
        let (rest, exit) = terminal.finish();
        assert_eq!(exit, 0, "{rest}");
        let store = home.store(&home.config());
        let stored = wait_for(store.keys.find("dev", None)).expect("readable");
        let stored = stored.expect("there").long_lived;
        assert_eq!(stored.mfa_arn, None);
        let duration = stored.session_duration.map(SessionDuration::seconds);
        assert_eq!(duration, Some(36 * 60 * 60), "it was left in the form");
    }
}

/// A session that ends at AWS before its time.
fn revoke_session(home: &Home) {
    let kim = "arn:aws:iam::123456789012:user/kim";
    assert_eq!(home.sandbox().revoke_sessions(kim), 1);
}

#[test]
fn a_session_that_aws_no_longer_knows_is_not_called_a_success() {
    for with_agent in [true, false] {
        let home = Home::signed_up(DEV);
        assert_eq!(code(&home.run(&["login", "dev"])), 0);
        let _agent = with_agent.then(|| home.start_agent());
        let says = |texts: &[&str], calls: usize| {
            let mut terminal = Terminal::start(home.fob_on_a_terminal(&["login", "dev"]));
            for text in texts {
                terminal.read_to(text);
            }
            let (shown, exit) = terminal.finish();
            assert_eq!(exit, 0, "{shown}");
            assert_eq!(home.calls().get("GetSessionToken"), Some(&calls));
        };
        says(&["Already signed in to dev until "], 1);
        revoke_session(&home);
        says(
            &[
                "AWS no longer knows the session of dev",
                "Authentication successful!",
            ],
            2,
        );
        says(&["Already signed in to dev until "], 2);
    }
}

fn state(home: &Home) -> String {
    let list = home.json(&["list", "--json"]);
    list["identities"][0]["state"]
        .as_str()
        .expect("text")
        .to_owned()
}

#[test]
fn what_whoami_and_repair_learn_of_a_session_is_remembered() {
    for with_agent in [true, false] {
        for learns in [&["whoami", "dev"][..], &["repair", "dev"]] {
            let home = Home::with(DEV);
            code_is_needed(&home);
            let _agent = with_agent.then(|| home.start_agent());
            assert_eq!(code(&log_in_with(&home, "123456")), 0);
            assert_eq!(state(&home), "valid");
            revoke_session(&home);
            home.run(learns);
            assert_eq!(state(&home), "revoked", "{learns:?}, agent: {with_agent}");
            let program = home.run(&["credential-process", "dev", "--wait", "0"]);
            assert_eq!(code(&program), 3, "{learns:?}: {}", text(&program.stderr));
            assert_eq!(code(&log_in_with(&home, "123456")), 0);
            assert_eq!(state(&home), "valid");
        }
    }
}

/// A shell whose programs reach the network by another way than the agent.
fn behind_a_proxy(mut fob: Command) -> Command {
    fob.env("HTTPS_PROXY", "http://127.0.0.1:9");
    fob
}

#[test]
fn a_shell_with_another_proxy_answers_the_open_prompt_through_the_agent() {
    let (home, _agent, program) = waiting();
    for arguments in [
        &["login", "dev", "--no-input"][..],
        &["exec", "dev", "--no-input", "--", "true"],
    ] {
        let ran = behind_a_proxy(home.fob(arguments))
            .output()
            .expect("fob runs");
        assert_eq!(code(&ran), 3, "{arguments:?}: {}", text(&ran.stderr));
        let said = text(&ran.stderr);
        assert!(said.contains("`fob login dev` answers it"), "{said}");
    }
    let new = home.sandbox().create_key("kim").expect("a key");
    let fob = home.fob_on_a_terminal(&["login", "dev"]);
    let mut terminal = Terminal::start(behind_a_proxy(fob));
    terminal.read_to("A sign-in to dev has waited for an answer since ");
    fill_in(&mut terminal, &new);
    terminal.read_to("Authentication successful!");
    let (rest, exit) = terminal.finish();
    assert_eq!(exit, 0, "{rest}");
    answered(&end(program));
}

#[test]
fn who_waits_for_the_sign_in_of_another_process_is_told_and_types_unseen() {
    let (home, agent, program) = waiting();
    let holder = format!("process {}, for ", agent.pid());
    let ran = home.run(&["login", "dev", "--no-agent"]);
    assert_eq!(code(&ran), 3, "{}", text(&ran.stderr));
    assert!(text(&ran.stderr).contains(&holder), "{}", text(&ran.stderr));

    let mut terminal = Terminal::start(home.fob_on_a_terminal(&["login", "dev", "--no-agent"]));
    terminal.read_to(&format!("A sign-in to dev is under way: {holder}"));
    terminal.type_line("typed-too-early");
    let new = home.sandbox().create_key("kim").expect("a key");
    store(&home, Road::Stdin, &new);
    let (shown, exit) = terminal.finish();
    assert_eq!(exit, 0, "{shown}");
    assert!(!shown.contains("typed-too-early"), "{shown}");
    answered(&end(program));
}

#[test]
fn an_identity_with_its_own_endpoint_is_the_agents_whatever_the_environment_says() {
    let home = Home::with(DEV);
    let own = format!(
        "auth:\n  identities:\n    dev: {{ kind: aws/user, spec: {{ endpoint_url: \"{}\" }} }}\n",
        home.sandbox().url()
    );
    fs::write(home.config(), own).expect("written");
    home.store_key("dev", &home.key());
    let _agent = home.start_agent();
    let last_asker = || session(&home, "dev")["last_asker"]["program"].clone();
    for elsewhere in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "HTTPS_PROXY"] {
        assert_eq!(code(&home.run(&["login", "dev"])), 0);
        assert_eq!(last_asker(), "fob");
        let mut fob = home.fob(&["credential-process", "dev"]);
        fob.env(elsewhere, "http://127.0.0.1:9");
        answered(&fob.output().expect("fob runs"));
        assert_ne!(last_asker(), "fob", "{elsewhere}: the agent gave it");
    }
}

#[cfg(unix)]
#[test]
fn repair_speaks_of_an_open_prompt_a_cleared_key_and_a_folder_open_to_all() {
    use std::os::unix::fs::PermissionsExt;
    let (home, _agent, program) = waiting();
    let base = home.path().join(".aws/keyfob");
    fs::create_dir_all(&base).expect("a folder");
    fs::set_permissions(&base, fs::Permissions::from_mode(0o777)).expect("its mode");
    let ran = home.run(&["repair", "dev"]);
    assert_eq!(code(&ran), 1, "{}", text(&ran.stderr));
    let said = text(&ran.stdout);
    for part in [
        "a prompt is open, and has waited for an answer for ",
        "fob login dev",
        "its access key, which was cleared",
        "fob user configure dev",
        "can be written to by other users",
        "chmod 700",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    home.run(&["agent", "stop"]);
    end(program);
}
