//! A form is open in one terminal, and its prompt is answered in another.

use super::recovery::{Road, code_is_needed, log_in_with, program, prompts, revoke, store};
use super::{answered, end};
use crate::home::{DEV, Home, RunningAgent, code, text, until};
use crate::screen::Terminal;
#[cfg(unix)]
use keyfob_core::sandbox::{FaultSwitch, SandboxFault, StsAction};
use serde_json::json;
#[cfg(unix)]
use std::process::Command;

const ELSEWHERE: &str = "Answered elsewhere meanwhile";

/// A user with a device and revoked keys, whose form for new ones is open in a terminal.
fn open_form(with_agent: bool) -> (Home, Option<RunningAgent>, Terminal) {
    let home = Home::with(DEV);
    code_is_needed(&home);
    revoke(&home);
    let agent = with_agent.then(|| home.start_agent());
    let mut terminal = Terminal::start(home.fob_on_a_terminal(&["login", "dev", "--force"]));
    terminal.read_to("Access Key ID");
    (home, agent, terminal)
}

fn store_new_keys(home: &Home, road: Road) {
    let new = home.sandbox().create_key("kim").expect("a key");
    store(home, road, &new);
}

/// The form goes, and its command ends as if the person there had answered.
fn ends_signed_in(mut terminal: Terminal) {
    terminal.read_to("Authentication successful!");
    terminal.read_to("Expires");
    let (rest, exit) = terminal.finish();
    assert_eq!(exit, 0, "{rest}");
}

#[test]
fn a_code_right_after_the_keys_is_not_lost() {
    for road in [Road::Csv, Road::Stdin, Road::WithoutTheAgent] {
        let (home, _agent, mut terminal) = open_form(true);
        store_new_keys(&home, road);
        let ran = log_in_with(&home, "123456");
        assert_eq!(code(&ran), 0, "{road:?}: {}", text(&ran.stderr));
        terminal.read_to(ELSEWHERE);
        ends_signed_in(terminal);
        assert_eq!(prompts(&home), json!([]));
        assert_eq!(home.calls().get("GetSessionToken"), Some(&1), "{road:?}");
    }
}

#[test]
fn a_form_whose_prompt_is_answered_elsewhere_ends_at_once_and_the_next_one_opens() {
    for with_agent in [true, false] {
        let (home, _agent, mut terminal) = open_form(with_agent);
        store_new_keys(&home, Road::Stdin);
        terminal.read_to(ELSEWHERE);
        terminal.read_to("MFA code for dev");
        if with_agent {
            let ran = log_in_with(&home, "123456");
            assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
            terminal.read_to(ELSEWHERE);
        } else {
            terminal.type_line("123456");
        }
        ends_signed_in(terminal);
        assert_eq!(home.calls().get("GetSessionToken"), Some(&1));
    }
}

#[test]
fn a_form_that_is_closed_elsewhere_ends_with_the_reason() {
    let (home, _agent, terminal) = open_form(true);
    let mut other = Terminal::start(home.fob_on_a_terminal(&["login", "dev"]));
    other.read_to("Access Key ID");
    other.press_control('[');
    for terminal in [other, terminal] {
        let (rest, exit) = terminal.finish();
        assert_eq!(exit, 1, "{rest}");
        assert!(rest.contains("fob user configure"), "{rest}");
    }
}

#[test]
fn a_form_of_an_agent_that_ends_is_shown_again_without_it() {
    let (home, _agent, mut terminal) = open_form(true);
    assert_eq!(code(&home.run(&["agent", "stop"])), 0);
    terminal.read_to("Access Key ID");
    store_new_keys(&home, Road::Stdin);
    terminal.read_to("MFA code for dev");
    terminal.type_line("123456");
    ends_signed_in(terminal);
}

#[test]
fn a_wrong_code_elsewhere_is_asked_for_again_in_the_open_form() {
    let (home, _agent, mut terminal) = open_form(true);
    store_new_keys(&home, Road::Stdin);
    let ran = log_in_with(&home, "000000");
    assert_eq!(code(&ran), 1, "{}", text(&ran.stderr));
    terminal.read_to("wait for the next one");
    terminal.type_line("123456");
    ends_signed_in(terminal);
}

#[test]
fn a_code_for_a_form_of_a_process_without_an_agent_says_that_it_cannot_be_given_to_it() {
    let (home, _none, mut terminal) = open_form(false);
    store_new_keys(&home, Road::Stdin);
    terminal.read_to("MFA code for dev");
    let says = |shown: &str| {
        for text in [
            "has waited for an answer since",
            "what was given was not used",
        ] {
            assert!(shown.contains(text), "{text}: {shown}");
        }
    };
    let ran = log_in_with(&home, "123456");
    assert_eq!(code(&ran), 3, "{}", text(&ran.stderr));
    says(&text(&ran.stderr));
    let arguments = ["login", "dev", "--mfa-code", "123456"];
    let (shown, exit) = Terminal::start(home.fob_on_a_terminal(&arguments)).finish();
    assert_eq!(exit, 3, "{shown}");
    says(&shown);
    terminal.type_line("123456");
    ends_signed_in(terminal);
}

#[test]
fn a_program_and_a_form_get_what_a_code_on_the_command_line_leads_to() {
    let (home, _agent, terminal) = open_form(true);
    let program = program(&home);
    until("the program waits", || {
        let status = home.json(&["status", "--json"]);
        status["sessions"][0]["last_asker"]["program"] != "fob" || status["prompts"] != json!([])
    });
    store_new_keys(&home, Road::Csv);
    let ran = log_in_with(&home, "123456");
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    answered(&end(program));
    ends_signed_in(terminal);
}

/// `fob login`, and a shell that reads the next line after it.
#[cfg(unix)]
fn login_and_read(home: &Home) -> Terminal {
    const SCRIPT: &str =
        "stty rows 40 cols 120; \"$0\" login dev; read -r line; echo \"then: [$line]\"";
    let fob = home.fob(&[]);
    let mut shell = Command::new("sh");
    shell.args(["-c", SCRIPT]).arg(fob.get_program());
    shell.env_clear().current_dir(home.path());
    shell.envs(
        fob.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    Terminal::start(shell)
}

#[cfg(unix)]
#[test]
fn what_is_typed_for_a_form_that_has_gone_is_not_the_next_programs_input() {
    for with_agent in [true, false] {
        let home = Home::with(DEV);
        let _agent = with_agent.then(|| home.start_agent());
        let mut terminal = login_and_read(&home);
        terminal.read_to("Access Key ID");
        let slow = FaultSwitch::on(SandboxFault::Delay { milliseconds: 2000 })
            .for_action(StsAction::GetSessionToken);
        home.sandbox().inject(slow).expect("a delay");
        store(&home, Road::Stdin, &home.key());
        terminal.read_to(ELSEWHERE);
        terminal.type_line("half-a-secret");
        terminal.read_to("Expires");
        terminal.type_line("whoami");
        let (rest, _) = terminal.finish();
        assert!(rest.contains("then: [whoami]"), "{rest}");
        assert!(!rest.contains("half-a-secret"), "{rest}");
    }
}
