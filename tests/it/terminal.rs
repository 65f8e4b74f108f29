//! A person at a terminal: forms, driven through a real pseudo-terminal (behaviour 1.1-1.5, 1.9).

use crate::home::{DEV, Home, code, text};
use keyfob_core::credentials::Keys;
use rexpect::session::PtySession;
use std::process::Command;

const TIME_LIMIT_MS: u64 = 30_000;
const ENTER: &str = "\r";
const CTRL_C: &str = "\x03";
const ESCAPE: &str = "\x1b";

fn terminal(command: Command) -> PtySession {
    rexpect::session::spawn_command(command, Some(TIME_LIMIT_MS)).expect("a terminal")
}

fn type_in(terminal: &mut PtySession, keys: &str) {
    terminal.send(keys).expect("the terminal takes keys");
    terminal.flush().expect("the terminal takes keys");
}

fn see(terminal: &mut PtySession, words: &str) {
    if let Err(error) = terminal.exp_string(words) {
        panic!("`{words}` did not appear: {error}");
    }
}

fn ends_with(terminal: &PtySession, expected: i32) {
    match terminal.process().wait().expect("fob ends") {
        rexpect::process::wait::WaitStatus::Exited(_, exit) => assert_eq!(exit, expected),
        other => panic!("{other:?}"),
    }
}

fn fill_in(terminal: &mut PtySession, keys: &Keys) {
    see(terminal, "Access Key ID");
    type_in(terminal, &format!("{}{ENTER}", keys.access_key_id.as_str()));
    see(terminal, "Secret");
    type_in(terminal, &format!("{}{ENTER}", keys.secret_access_key.expose()));
    see(terminal, "MFA ARN");
    type_in(terminal, ENTER);
    see(terminal, "Session Duration");
    type_in(terminal, ENTER);
}

#[test]
fn the_first_sign_in_asks_for_keys_stores_them_and_never_shows_the_secret() {
    let home = Home::with(DEV);
    let key = home.key();
    let mut terminal = terminal(home.fob(&["login", "dev"]));
    see(&mut terminal, "AWS credentials are required for identity: dev");
    fill_in(&mut terminal, &key);
    see(&mut terminal, "Credentials saved to keyring: dev");
    let shown = terminal.exp_eof().expect("fob ends");
    assert!(shown.contains("Authentication successful!"), "{shown}");
    assert!(!shown.contains(key.secret_access_key.expose()));
    ends_with(&terminal, 0);
    let again = home.run(&["login", "dev", "--force"]);
    assert_eq!(code(&again), 0, "a second process asks nothing: {}", text(&again.stderr));
}

#[test]
fn revoked_keys_are_replaced_in_the_form_and_a_second_process_asks_nothing() {
    let home = Home::signed_up(DEV);
    assert_eq!(code(&home.run(&["login", "dev"])), 0);
    home.sandbox().revoke_key(&home.key().access_key_id).expect("the key is there");
    let new = home.sandbox().create_key("kim").expect("a key");
    let mut terminal = terminal(home.fob(&["login", "dev", "--force"]));
    see(&mut terminal, "no longer accepts");
    fill_in(&mut terminal, &new);
    see(&mut terminal, "Credentials saved to keyring: dev");
    see(&mut terminal, "Authentication successful!");
    terminal.exp_eof().expect("fob ends");
    ends_with(&terminal, 0);
    assert_eq!(code(&home.run(&["login", "dev", "--force"])), 0);
}

#[test]
fn a_cancelled_form_is_one_error_and_ctrl_c_is_130() {
    let home = Home::with(DEV);
    let mut escaped = terminal(home.fob(&["login", "dev"]));
    see(&mut escaped, "Access Key ID");
    type_in(&mut escaped, ESCAPE);
    let shown = escaped.exp_eof().expect("fob ends");
    assert!(shown.contains("fob user configure"), "{shown}");
    ends_with(&escaped, 1);
    let mut interrupted = terminal(home.fob(&["login", "dev"]));
    see(&mut interrupted, "Access Key ID");
    type_in(&mut interrupted, CTRL_C);
    interrupted.exp_eof().expect("fob ends");
    ends_with(&interrupted, 130);
}

#[test]
fn a_wrong_mfa_code_is_asked_for_again_and_a_bad_duration_is_refused_as_typed() {
    let home = Home::with(DEV);
    let key = home.key();
    let mut terminal = terminal(home.fob(&["login", "dev"]));
    see(&mut terminal, "Access Key ID");
    type_in(&mut terminal, &format!("{}{ENTER}", key.access_key_id.as_str()));
    see(&mut terminal, "Secret");
    type_in(&mut terminal, &format!("{}{ENTER}", key.secret_access_key.expose()));
    see(&mut terminal, "MFA ARN");
    type_in(&mut terminal, &format!("{}{ENTER}", home.sandbox().mfa_serial("kim")));
    see(&mut terminal, "Session Duration");
    type_in(&mut terminal, &format!("12x{ENTER}"));
    see(&mut terminal, "is not a duration");
    type_in(&mut terminal, &format!("\x08\x08\x0836h{ENTER}"));
    see(&mut terminal, "MFA");
    type_in(&mut terminal, &format!("000000{ENTER}"));
    see(&mut terminal, "invalid MFA one time pass code");
    type_in(&mut terminal, &format!("123456{ENTER}"));
    see(&mut terminal, "(35h 59m)");
    terminal.exp_eof().expect("fob ends");
    ends_with(&terminal, 0);
}

#[test]
fn the_passphrase_of_the_file_keyring_is_asked_for() {
    let home = Home::signed_up(DEV);
    let mut command = home.fob(&["login", "dev"]);
    command.env_remove("FOB_KEYRING_PASSWORD");
    let mut terminal = terminal(command);
    see(&mut terminal, "assphrase");
    type_in(&mut terminal, &format!("wrong{ENTER}"));
    see(&mut terminal, "wrong");
    type_in(&mut terminal, &format!("correct-horse-battery-staple{ENTER}"));
    see(&mut terminal, "Authentication successful!");
    terminal.exp_eof().expect("fob ends");
    ends_with(&terminal, 0);
}
