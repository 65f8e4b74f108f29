//! Many programs at one agent: one call to AWS for each step, one prompt, one answer.

#[cfg(unix)]
use super::session;
use super::{answered, end, start};
#[cfg(unix)]
use crate::home::signal;
use crate::home::{DEPLOY, DEV, Home, RunningAgent, code, text, until};
use crate::screen::Terminal;
use keyfob_core::sandbox::MfaDevice;
use keyfob_core::secret::Keys;
#[cfg(unix)]
use rustix::process::Signal;
use serde_json::json;
use std::fs;
use std::process::{Child, Output};

fn calls_of(home: &Home, action: &str) -> usize {
    home.calls().get(action).copied().unwrap_or_default()
}

fn ask(home: &Home, count: usize, identity: &str, wait: &str) -> Vec<Child> {
    (0..count)
        .map(|_| start(home, &["credential-process", identity, "--wait", wait]))
        .collect()
}

/// What all of them print, word for word.
fn same_answer(programs: Vec<Child>) -> String {
    let answers: Vec<String> = programs.into_iter().map(|it| answered(&end(it))).collect();
    let (first, rest) = answers.split_first().expect("somebody asked");
    assert!(rest.iter().all(|answer| answer == first));
    first.clone()
}

fn log_in(home: &Home) -> Terminal {
    Terminal::start(home.fob_on_a_terminal(&["login", "dev"]))
}

fn ends(terminal: Terminal, expected: i32) {
    let (rest, exit) = terminal.finish();
    assert_eq!(exit, expected, "{rest}");
}

fn fill_in(terminal: &mut Terminal, keys: &Keys) {
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

/// kim has an MFA device, and an agent runs.
fn with_a_device() -> (Home, RunningAgent) {
    let home = Home::with(&format!("{DEV}{DEPLOY}"));
    home.sandbox()
        .set_mfa("kim", MfaDevice::Enrolled)
        .expect("kim is there");
    let (key, device) = (home.key(), home.sandbox().mfa_serial("kim"));
    let typed = json!({
        "access_key_id": key.access_key_id.as_str(),
        "secret_access_key": key.secret_access_key.expose(),
        "mfa_arn": device,
    });
    let stored = home.run_with_input(&["user", "configure", "dev", "--stdin"], &typed.to_string());
    assert_eq!(code(&stored), 0, "{}", text(&stored.stderr));
    home.sandbox().clear_journal();
    let agent = home.start_agent();
    (home, agent)
}

fn asks_for_a_code(agent: &RunningAgent) -> bool {
    agent.said().contains("dev: waiting for an MFA code")
}

fn is_told_of_a_prompt(ran: &Output) {
    assert_eq!(code(ran), 3, "{}", text(&ran.stderr));
    assert!(ran.stdout.is_empty());
    assert!(
        text(&ran.stderr).contains("a prompt is open: `fob login dev` answers it"),
        "{}",
        text(&ran.stderr)
    );
}

#[test]
fn fifty_cold_programs_share_one_call_for_each_step() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    let _agent = home.start_agent();
    let answer = same_answer(ask(&home, 50, "deploy", "18"));
    assert!(answer.contains("\"AccountId\":\"420000000025\""));
    let calls = home.calls();
    assert_eq!(
        calls.into_iter().collect::<Vec<_>>(),
        [
            ("AssumeRole".to_owned(), 1),
            ("GetSessionToken".to_owned(), 1)
        ]
    );
}

#[test]
fn a_warm_answer_takes_no_call_and_no_configuration() {
    let home = Home::signed_up(DEV);
    let agent = home.start_agent();
    let cold = answered(&home.run(&["credential-process", "dev"]));
    home.sandbox().clear_journal();
    assert_eq!(answered(&home.run(&["credential-process", "DEV"])), cold);
    // Root reads everything, so what is there now cannot be read at all.
    fs::write(home.config(), b"\xff not a configuration: [").expect("written");
    assert_eq!(answered(&home.run(&["credential-process", "dev"])), cold);
    fs::remove_file(home.config()).expect("it is there");
    fs::create_dir(home.config()).expect("a folder in its place");
    assert_eq!(answered(&home.run(&["credential-process", "dev"])), cold);
    assert!(home.calls().is_empty(), "{:?}", home.calls());
    drop(agent);
    assert_eq!(
        code(&home.run(&["credential-process", "dev"])),
        2,
        "without an agent it is read"
    );
}

/// A provider is no identity: `fob login idp` is refused.
#[test]
fn the_command_that_a_program_is_told_of_shows_the_prompt_of_a_provider() {
    let home = Home::with(
        "auth:
  providers:
    idp: { kind: aws/saml, region: us-east-1, url: \"https://idp.example/app\" }
  identities:
    dev: { kind: aws/assume-role, via: { provider: idp }, principal: { assume_role: \"arn:aws:iam::420000000025:role/dev\" } }
",
    );
    let _agent = home.start_agent();
    let ran = home.run(&["credential-process", "dev", "--wait", "0"]);
    let said = text(&ran.stderr);
    let command = "fob login --provider idp";
    let hint = format!("a prompt is open: `{command}` answers it");
    assert!(said.contains(&hint), "{said}");
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let shown = home.run(&words);
    assert_eq!(code(&shown), 3, "{}", text(&shown.stderr));
}

#[test]
fn twenty_programs_wait_for_the_one_prompt_that_a_login_shows_and_share_its_answer() {
    let (home, agent) = with_a_device();
    let programs = ask(&home, 20, "dev", "60");
    until("the prompt is open", || asks_for_a_code(&agent));
    let prompts = home.json(&["status", "--json"])["prompts"].clone();
    assert_eq!(prompts.as_array().map(Vec::len), Some(1), "{prompts}");
    assert_eq!(
        (&prompts[0]["identity"], &prompts[0]["kind"]),
        (&json!("dev"), &json!("mfa"))
    );
    assert_eq!(prompts[0]["asker"]["pid"], std::process::id());

    let mut terminal = log_in(&home);
    terminal.read_to("MFA code for dev");
    terminal.type_line("123456");
    terminal.read_to("Authentication successful!");
    ends(terminal, 0);
    let answer = same_answer(programs);
    assert_eq!(calls_of(&home, "GetSessionToken"), 1, "{:?}", home.calls());
    assert_eq!(answered(&home.run(&["credential-process", "dev"])), answer);
    assert_eq!(
        agent.said().matches("waiting for an MFA code").count(),
        1,
        "{}",
        agent.said()
    );
    assert_eq!(home.json(&["status", "--json"])["prompts"], json!([]));
}

#[test]
fn programs_that_want_different_identities_wait_for_one_prompt_of_the_user_they_stand_on() {
    let (home, agent) = with_a_device();
    let roles = ask(&home, 5, "deploy", "60");
    until("the prompt is open", || asks_for_a_code(&agent));
    let users = ask(&home, 5, "dev", "60");
    let mut terminal = log_in(&home);
    terminal.read_to("MFA code for dev");
    terminal.type_line("123456");
    terminal.read_to("Authentication successful!");
    ends(terminal, 0);
    assert!(same_answer(roles).contains("\"AccountId\":\"420000000025\""));
    assert!(same_answer(users).contains("\"AccountId\":\"123456789012\""));
    assert_eq!(
        (
            calls_of(&home, "GetSessionToken"),
            calls_of(&home, "AssumeRole")
        ),
        (1, 1),
        "{:?}",
        home.calls()
    );
    assert_eq!(
        agent.said().matches("waiting for").count(),
        1,
        "{}",
        agent.said()
    );
}

#[test]
fn a_program_that_does_not_wait_learns_of_the_prompt_and_the_next_one_gets_its_result() {
    let (home, agent) = with_a_device();
    is_told_of_a_prompt(&home.run(&["credential-process", "dev", "--wait", "1"]));
    is_told_of_a_prompt(&home.run(&["credential-process", "dev", "--wait", "0"]));
    assert_eq!(
        agent.said().matches("waiting for an MFA code").count(),
        1,
        "{}",
        agent.said()
    );
    let told = text(&home.run(&["status"]).stdout);
    assert!(
        told.contains("an MFA code, requested by ") && told.contains("answer with `fob login dev`"),
        "{told}"
    );
    let mut terminal = log_in(&home);
    terminal.read_to("MFA code for dev");
    terminal.type_line("123456");
    ends(terminal, 0);
    answered(&home.run(&["credential-process", "dev", "--wait", "0"]));
    assert_eq!(calls_of(&home, "GetSessionToken"), 1, "{:?}", home.calls());
}

#[test]
fn twenty_programs_wait_for_new_keys_in_the_place_of_revoked_ones() {
    let home = Home::signed_up(DEV);
    home.sandbox()
        .revoke_key(&home.key().access_key_id)
        .expect("the key is there");
    let agent = home.start_agent();
    let programs = ask(&home, 20, "dev", "60");
    until("the prompt is open", || {
        agent.said().contains("dev: waiting for access keys")
    });
    assert_eq!(
        calls_of(&home, "GetSessionToken"),
        1,
        "they were refused once"
    );
    let new = home.sandbox().create_key("kim").expect("a key");
    let mut terminal = log_in(&home);
    terminal.read_to("no longer accepts");
    fill_in(&mut terminal, &new);
    terminal.read_to("Credentials saved to keyring: dev");
    terminal.read_to("Authentication successful!");
    ends(terminal, 0);
    same_answer(programs);
    assert_eq!(calls_of(&home, "GetSessionToken"), 2, "{:?}", home.calls());
    let keys = home
        .keyring()
        .into_values()
        .filter(|it| it.contains(new.access_key_id.as_str()))
        .count();
    assert!(keys > 0, "the new keys are stored");
}

#[test]
fn ctrl_c_in_the_form_closes_the_prompt_for_everybody_and_a_login_opens_it_again() {
    let (home, agent) = with_a_device();
    let programs = ask(&home, 3, "dev", "60");
    until("the prompt is open", || asks_for_a_code(&agent));
    let mut terminal = log_in(&home);
    terminal.read_to("MFA code for dev");
    terminal.press_control('c');
    ends(terminal, 130);
    for program in programs {
        let ran = end(program);
        assert_eq!(code(&ran), 3, "{}", text(&ran.stderr));
        assert!(
            text(&ran.stderr).starts_with("error: "),
            "{}",
            text(&ran.stderr)
        );
    }
    assert_eq!(home.json(&["status", "--json"])["prompts"], json!([]));
    let mut again = log_in(&home);
    again.read_to("MFA code for dev");
    again.type_line("123456");
    ends(again, 0);
}

#[cfg(unix)]
#[test]
fn a_login_killed_in_its_form_leaves_no_prompt_and_no_lock_behind() {
    let (home, _agent) = with_a_device();
    let mut killed = log_in(&home);
    killed.read_to("MFA code for dev");
    let caller = home.json(&["status", "--json"])["prompts"][0]["asker"].clone();
    assert_eq!(caller["program"], "fob");
    signal(caller["pid"].as_i64().expect("a number"), Signal::KILL);
    until("its prompt is gone", || {
        home.json(&["status", "--json"])["prompts"] == json!([])
    });
    for arguments in [
        &["login", "dev", "--mfa-code", "123456"][..],
        &[
            "login",
            "dev",
            "--force",
            "--no-agent",
            "--mfa-code",
            "123456",
        ],
    ] {
        let login = home.run(arguments);
        assert_eq!(code(&login), 0, "{}", text(&login.stderr));
    }
}

#[cfg(unix)]
#[test]
fn status_shows_sessions_and_the_last_caller_and_writes_nothing() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    let agent = home.start_agent();
    assert_eq!(code(&home.run(&["login", "deploy"])), 0);
    // The program that asks is the one that started `fob`.
    let program = home.path().join("terraform");
    fs::copy("/bin/sh", &program).expect("a shell");
    let mut terraform = std::process::Command::new(&program);
    let fob = home.fob(&["credential-process", "deploy"]);
    terraform
        .args(["-c", "\"$@\"; echo $$", "sh"])
        .arg(fob.get_program())
        .args(fob.get_args());
    terraform.env_clear().envs(
        fob.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let ran = terraform
        .current_dir(home.path())
        .output()
        .expect("it starts");
    let pid: u32 = answered(&ran)
        .lines()
        .last()
        .and_then(|line| line.parse().ok())
        .expect("its id");

    let before = home.digest();
    let deploy = session(&home, "deploy");
    assert_eq!(
        (
            &deploy["last_asker"]["program"],
            &deploy["last_asker"]["pid"]
        ),
        (&json!("terraform"), &json!(pid))
    );
    assert_eq!(
        (&deploy["state"], &deploy["failing"]),
        (&json!("valid"), &json!(null))
    );
    assert!(
        deploy["next_refresh"].as_str() < deploy["expires_at"].as_str(),
        "{deploy}"
    );
    assert!(deploy["next_refresh"].is_string(), "{deploy}");
    assert!(
        session(&home, "dev")["last_asker"].is_null(),
        "nobody asked for it by name"
    );
    let told = text(&home.run(&["status"]).stdout);
    for piece in [
        &format!("pid {}", agent.pid()),
        "Next refresh",
        "● valid",
        "in 4",
        &format!("terraform, pid {pid}, "),
    ] {
        assert!(told.contains(piece), "{piece} is not in {told}");
    }
    for arguments in [
        &["status"][..],
        &["agent", "status"],
        &["list"],
        &["list", "--json"],
        &["whoami", "deploy"],
        &["whoami", "dev", "--offline", "--json"],
        &["env", "deploy"],
        &["validate"],
        &["audit"],
    ] {
        assert_eq!(code(&home.run(arguments)), 0, "{arguments:?}");
        assert_eq!(home.digest(), before, "{arguments:?} changed something");
    }
}
