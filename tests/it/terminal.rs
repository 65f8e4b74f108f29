//! A person at a terminal: forms, driven through a real pseudo-terminal.

use crate::home::{DEV, Home, code, text};
use crate::screen::Terminal;
use keyfob_core::secret::Keys;

const ESCAPE: char = '[';

fn start(home: &Home, arguments: &[&str]) -> Terminal {
    Terminal::start(home.fob_on_a_terminal(arguments))
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

fn ends(terminal: Terminal, expected: i32) -> String {
    let (rest, exit) = terminal.finish();
    assert_eq!(exit, expected, "{rest}");
    rest
}

#[test]
fn the_first_sign_in_prompts_for_keys_and_stores_them() {
    let home = Home::with(DEV);
    let key = home.key();
    let mut terminal = start(&home, &["login", "dev"]);
    terminal.read_to("AWS credentials are required for identity: dev");
    fill_in(&mut terminal, &key);
    terminal.read_to("Credentials saved to keyring: dev");
    let shown = ends(terminal, 0);
    assert!(shown.contains("Authentication successful!"), "{shown}");
    let again = home.run(&["login", "dev", "--force"]);
    assert_eq!(
        code(&again),
        0,
        "a second process asks nothing: {}",
        text(&again.stderr)
    );
}

#[test]
fn revoked_keys_are_replaced_in_the_form_and_a_second_process_needs_no_prompt() {
    let home = Home::signed_up(DEV);
    assert_eq!(code(&home.run(&["login", "dev"])), 0);
    home.sandbox()
        .revoke_key(&home.key().access_key_id)
        .expect("the key is there");
    let new = home.sandbox().create_key("kim").expect("a key");
    let mut terminal = start(&home, &["login", "dev", "--force"]);
    terminal.read_to("no longer accepts");
    fill_in(&mut terminal, &new);
    terminal.read_to("Credentials saved to keyring: dev");
    terminal.read_to("Authentication successful!");
    ends(terminal, 0);
    assert_eq!(code(&home.run(&["login", "dev", "--force"])), 0);
}

#[test]
fn a_cancelled_form_is_one_error_and_ctrl_c_is_130() {
    let home = Home::with(DEV);
    let mut escaped = start(&home, &["login", "dev"]);
    escaped.read_to("Access Key ID");
    escaped.press_control(ESCAPE);
    let shown = ends(escaped, 1);
    assert!(shown.contains("fob user configure"), "{shown}");
    let mut interrupted = start(&home, &["login", "dev"]);
    interrupted.read_to("Access Key ID");
    interrupted.press_control('c');
    ends(interrupted, 130);
}

#[test]
fn a_wrong_mfa_code_is_asked_for_again_and_a_duration_is_refused_or_warned_about_as_typed() {
    let home = Home::with(DEV);
    let key = home.key();
    let mut terminal = start(&home, &["login", "dev"]);
    terminal.read_to("Access Key ID");
    terminal.type_line(key.access_key_id.as_str());
    terminal.read_to("Secret");
    terminal.type_line(key.secret_access_key.expose());
    terminal.read_to("MFA ARN");
    terminal.type_line(&home.sandbox().mfa_serial("kim"));
    terminal.read_to("Session Duration");
    terminal.type_line("12x");
    terminal.read_to("is not a duration");
    terminal.type_line("\x7f\x7f\x7f48h");
    terminal.read_to("48h was asked for, 36h is used");
    terminal.read_to("MFA code for dev");
    terminal.type_line("000000");
    terminal
        .read_to("invalid MFA one time pass code: a code can be used once, wait for the next one");
    terminal.type_line("123456");
    terminal.read_to("(35h 59m)");
    ends(terminal, 0);
}

#[test]
fn the_passphrase_of_the_file_keyring_is_asked_for() {
    let home = Home::signed_up(DEV);
    let mut command = home.fob_on_a_terminal(&["login", "dev"]);
    command.env_remove("FOB_KEYRING_PASSWORD");
    let mut terminal = Terminal::start(command);
    terminal.read_to("assphrase");
    terminal.type_line("wrong");
    terminal.read_to("does not open the keyring");
    terminal.type_line("correct-horse-battery-staple");
    terminal.read_to("Authentication successful!");
    ends(terminal, 0);
}

#[test]
fn of_two_terminals_one_shows_the_prompt_and_both_are_signed_in() {
    let home = Home::with(DEV);
    let key = home.key();
    let mut first = start(&home, &["login", "dev"]);
    first.read_to("Access Key ID");
    let second = start(&home, &["login", "dev"]);
    first.type_line(key.access_key_id.as_str());
    first.read_to("Secret");
    first.type_line(key.secret_access_key.expose());
    first.read_to("MFA ARN");
    first.type_line("");
    first.read_to("Session Duration");
    first.type_line("");
    ends(first, 0);
    let shown = ends(second, 0);
    assert!(!shown.contains("Access Key ID"), "{shown}");
    assert_eq!(home.calls().get("GetSessionToken"), Some(&1));
}

#[test]
fn what_aws_and_shells_print_is_pasted_into_the_form() {
    let pasted = |id: &str, secret: &str| {
        [
            vec![format!(
                r#"{{"AccessKey": {{"UserName": "kim", "AccessKeyId": "{id}", "SecretAccessKey": "{secret}"}}}}"#
            )],
            vec![
                format!("SET AWS_ACCESS_KEY_ID={id}"),
                format!("SET AWS_SECRET_ACCESS_KEY={secret}"),
            ],
        ]
    };
    let home = Home::with(DEV);
    let key = home.key();
    for lines in pasted(key.access_key_id.as_str(), key.secret_access_key.expose()) {
        let mut terminal = start(&home, &["user", "configure", "dev"]);
        for (label, line) in ["Access Key ID", "Secret"].iter().zip(&lines) {
            terminal.read_to(label);
            terminal.type_line(line);
        }
        for label in ["MFA ARN", "Session Duration"] {
            terminal.read_to(label);
            terminal.type_line("");
        }
        terminal.read_to("Credentials saved to keyring: dev");
        ends(terminal, 0);
    }
}

#[test]
fn the_keys_of_a_shell_edit_every_field() {
    let home = Home::with(DEV);
    let key = home.key();
    let mut terminal = start(&home, &["login", "dev"]);
    terminal.read_to("Access Key ID");
    // Ctrl+U, Ctrl+W, Home and End.
    terminal.type_line(&format!("wrong\u{15}{}", key.access_key_id.as_str()));
    terminal.read_to("Secret");
    let (first, rest) = key.secret_access_key.expose().split_at(1);
    terminal.type_line(&format!("wrong \u{17}\u{17}{rest}\u{1b}[H{first}\u{1b}[F"));
    terminal.read_to("MFA ARN");
    terminal.type_line("not an arn\u{15}");
    terminal.read_to("Session Duration");
    terminal.type_line("12x\u{17}2h");
    let shown = ends(terminal, 0);
    assert!(shown.contains("(1h 59m)"), "{shown}");
}

#[test]
fn the_keys_of_a_shell_edit_questions_and_the_filter_of_a_list() {
    let home = Home::signed_up(DEV);
    assert_eq!(code(&home.run(&["login", "dev"])), 0);
    let mut terminal = start(&home, &["logout"]);
    terminal.read_to("Log out from:");
    // Ctrl+U and Ctrl+W.
    terminal.type_line("nothing\u{15}all wrong\u{17}iden");
    terminal.read_to("Remove all of this?");
    terminal.type_line("yes\u{15}");
    terminal.read_to("nothing was changed");
    ends(terminal, 1);
    let mut terminal = start(&home, &["logout", "--all"]);
    terminal.read_to("Remove all of this?");
    terminal.type_line("no\u{17}es\u{1b}[Hy\u{1b}[F");
    terminal.read_to("Successfully logged out");
    ends(terminal, 0);
}

/// Consoles of Windows hand over the keys of what is pasted.
#[cfg(unix)]
#[test]
fn several_lines_that_are_pasted_fill_the_form_and_the_secret_is_not_shown() {
    let home = Home::with(DEV);
    let key = home.key();
    let (id, secret) = (key.access_key_id.as_str(), key.secret_access_key.expose());
    let pasted = |lines: &str| format!("\u{1b}[200~{lines}\u{1b}[201~");
    let json = format!(
        "{{\r  \"AccessKey\": {{\r    \"AccessKeyId\": \"{id}\",\r    \"SecretAccessKey\":          \"{secret}\"\r  }}\r}}\r"
    );
    let profile = format!("[dev]\raws_access_key_id = {id}\raws_secret_access_key = {secret}\r");
    let shell = format!("export AWS_ACCESS_KEY_ID={id}\rexport AWS_SECRET_ACCESS_KEY={secret}");
    for lines in [json, profile, shell] {
        let fob = home.fob_on_a_terminal(&["user", "configure", "dev"]);
        let mut terminal = Terminal::reading(fob, false);
        // Without it a terminal types what is pasted.
        terminal.read_to("\u{1b}[?2004h");
        terminal.read_to("Access Key ID");
        // The Enter after it is the MFA ARN's.
        terminal.type_line(&pasted(&lines));
        let shown = terminal.read_to("MFA ARN");
        assert!(shown.contains(id) && !shown.contains(secret), "{shown}");
        terminal.read_to("Session Duration");
        terminal.type_line("");
        let shown = ends(terminal, 0);
        assert!(!shown.contains(secret), "{shown}");
    }
    // Nothing of the lines after the first, where they are no keys.
    let mut terminal = start(&home, &["user", "configure", "dev"]);
    terminal.read_to("Access Key ID");
    terminal.type_line(&pasted(&format!("{id}\r{secret}\r")));
    let shown = terminal.read_to("only the first line was taken");
    assert!(!shown.contains(secret), "{shown}");
    terminal.press_control('c');
    ends(terminal, 130);
}

#[test]
fn a_long_look_says_how_much_is_left_and_wipes_that_again() {
    let home = Home::signed_up(DEV);
    let mut terminal = start(&home, &["doctor"]);
    terminal.read_to("Checking: 1 left");
    let shown = ends(terminal, 0);
    assert!(shown.contains("identity dev: not signed in"), "{shown}");
}
