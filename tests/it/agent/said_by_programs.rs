//! What programs of the configuration write to standard error while they run ("Touch your
//! YubiKey") reaches the person, and nothing else.

use super::recovery::prompts;
use super::{answered, end, start};
use crate::home::{Home, code, text, until};
use crate::screen::Terminal;
use keyfob_core::sandbox::MfaDevice;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

const SAYS: &str = "Touch your key";

/// A user whose codes come from a program that waits for a touch.
fn with_a_key_to_touch() -> (Home, PathBuf) {
    let home = Home::with("auth: { identities: { dev: { kind: aws/user } } }\n");
    let (program, touched) = (home.path().join("key"), home.path().join("touched"));
    let script = format!(
        "#!/bin/sh\nprintf '{SAYS} \\033[2J\\n' >&2\nwhile ! [ -e '{}' ]; do sleep 0.1; done\n\
         echo 123456\n",
        touched.display()
    );
    fs::write(&program, script).expect("a program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("a program");
    home.sandbox()
        .set_mfa("kim", MfaDevice::Enrolled)
        .expect("a user");
    let text = format!(
        "auth:\n  identities:\n    dev:\n      kind: aws/user\n      credentials:\n        \
         mfa_arn: \"{}\"\n        mfa_process: \"{}\"\n",
        home.sandbox().mfa_serial("kim"),
        program.display()
    );
    fs::write(home.config(), text).expect("a configuration");
    home.store_key("dev", &home.key());
    (home, touched)
}

#[test]
fn a_prompt_shows_what_the_program_says_while_it_runs_for_another_program() {
    let (home, touched) = with_a_key_to_touch();
    let agent = home.start_agent();
    let program = start(&home, &["credential-process", "dev"]);
    until("a prompt is open", || {
        prompts(&home)[0]["kind"] == "program"
    });
    let mut terminal = Terminal::start(home.fob_on_a_terminal(&["login", "dev"]));
    let shown = terminal.read_to(SAYS);
    assert!(shown.contains("key: "), "the program is named: {shown}");
    let ran = home.run(&["status"]);
    assert!(!text(&ran.stdout).contains(SAYS), "{}", text(&ran.stdout));
    fs::write(touched, "").expect("a touch");
    terminal.read_to("Authentication successful!");
    terminal.read_to("Expires");
    let (rest, exit) = terminal.finish();
    assert_eq!(exit, 0, "{rest}");
    let ran = end(program);
    assert!(!text(&ran.stderr).contains(SAYS), "{}", text(&ran.stderr));
    answered(&ran);
    assert_eq!(prompts(&home), serde_json::json!([]));
    assert!(!agent.said().contains(SAYS), "{}", agent.said());
    assert_eq!(home.calls().get("GetSessionToken"), Some(&1));
}

#[test]
fn on_a_terminal_it_is_read_there_with_an_agent_and_without() {
    for with_agent in [true, false] {
        let (home, touched) = with_a_key_to_touch();
        let _agent = with_agent.then(|| home.start_agent());
        let mut terminal = Terminal::start(home.fob_on_a_terminal(&["login", "dev"]));
        terminal.read_to(SAYS);
        fs::write(touched, "").expect("a touch");
        terminal.read_to("Expires");
        let (rest, exit) = terminal.finish();
        assert_eq!(exit, 0, "{rest}");
    }
}

#[test]
fn what_a_program_says_that_fails_at_once_is_read_on_the_terminal_with_an_agent_and_without() {
    let (home, _) = with_a_key_to_touch();
    let program = home.path().join("key");
    for fails in ["exit 4", "echo no code"] {
        let script = format!("#!/bin/sh\necho '{SAYS}, it is locked' >&2\n{fails}\n");
        fs::write(&program, script).expect("a program");
        for with_agent in [true, false] {
            let agent = with_agent.then(|| home.start_agent());
            let terminal = Terminal::start(home.fob_on_a_terminal(&["login", "dev"]));
            let (shown, exit) = terminal.finish();
            assert_eq!(exit, 1, "{shown}");
            assert!(shown.contains(&format!("{SAYS}, it is locked")), "{shown}");
            let ran = home.run(&["login", "dev"]);
            assert!(!text(&ran.stderr).contains(SAYS), "{}", text(&ran.stderr));
            if let Some(agent) = agent {
                assert!(!agent.said().contains(SAYS), "{}", agent.said());
            }
        }
    }
}

#[test]
fn a_program_that_keeps_standard_error_does_not_get_it_the_terminal_does() {
    let (home, touched) = with_a_key_to_touch();
    let fob = home.fob(&[]);
    let mut shell = Command::new("sh");
    let script = "stty rows 40 cols 120; \"$0\" credential-process dev >out 2>err; echo over $?";
    shell.args(["-c", script]).arg(fob.get_program());
    shell.env_clear().current_dir(home.path());
    shell.envs(
        fob.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let mut terminal = Terminal::start(shell);
    terminal.read_to(SAYS);
    fs::write(touched, "").expect("a touch");
    terminal.read_to("over 0");
    let said = fs::read_to_string(home.path().join("err")).expect("a file");
    assert!(!said.contains(SAYS), "{said}");
}

#[test]
fn where_there_is_no_terminal_it_is_in_no_output() {
    let (home, touched) = with_a_key_to_touch();
    fs::write(touched, "").expect("a touch");
    let ran = home.run(&["login", "dev"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    assert!(!text(&ran.stderr).contains(SAYS), "{}", text(&ran.stderr));
}
