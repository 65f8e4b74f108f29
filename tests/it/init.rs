//! `fob init` on a terminal: a first configuration, and what it refuses.

use crate::home::{DEV, Home, code, text};
use crate::screen::Terminal;
use std::fs;

/// A home without a configuration.
fn bare() -> Home {
    let home = Home::with(DEV);
    fs::remove_file(home.config()).expect("removed");
    home
}

fn answer(terminal: &mut Terminal, answers: &[(&str, &str)]) {
    for (question, typed) in answers {
        terminal.read_to(question);
        terminal.type_line(typed);
    }
}

#[test]
fn a_first_configuration_is_written_by_asking_and_can_be_used() {
    let home = bare();
    let mut terminal = Terminal::start(home.fob_on_a_terminal(&["init"]));
    answer(
        &mut terminal,
        &[
            ("What do you sign in with?", "An IAM user"),
            ("Name of the identity:", "../dev"),
            ("is not a name", "\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}dev"),
            ("Region:", "eu-central-1"),
            ("MFA ARN", ""),
            ("What else?", "A role"),
            ("Name of the identity:", "deploy"),
            ("Assumed by:", ""),
            ("ARN of the role:", "arn:aws:iam::420000000025:role/deploy"),
            ("Region:", ""),
            ("What else?", "The role of this"),
            ("Name of the identity:", "DEV"),
            ("Region:", ""),
            ("error:", "The role of this"),
            ("Name of the identity:", "here"),
            ("Region:", ""),
            ("What else?", "Nothing"),
        ],
    );
    terminal.read_to("Next: `fob login dev`");
    assert_eq!(terminal.finish().1, 0);
    let valid = home.run(&["validate"]);
    assert_eq!(code(&valid), 0, "{}", text(&valid.stdout));
    home.store_key("dev", &home.key());
    let login = home.run(&["login", "deploy"]);
    assert_eq!(code(&login), 0, "{}", text(&login.stderr));
    let list = home.json(&["list", "--json"]);
    let identities = list["identities"].as_array().expect("identities");
    let default = |name: &str| {
        identities
            .iter()
            .any(|it| it["name"] == name && it["default"] == true)
    };
    assert!(identities.len() == 3 && default("dev"), "{list}");
}

#[test]
fn profiles_come_from_the_files_of_aws_tools_with_their_keys() {
    let home = bare();
    let key = home.key();
    fs::create_dir_all(home.path().join(".aws")).expect("a folder");
    let credentials = format!(
        "[lake]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        key.access_key_id.as_str(),
        key.secret_access_key.expose()
    );
    fs::write(home.path().join(".aws/credentials"), credentials).expect("written");
    let mut terminal = Terminal::start(home.fob_on_a_terminal(&["init"]));
    answer(
        &mut terminal,
        &[
            ("What do you sign in with?", "The profile"),
            ("Profiles to import:", " "),
            ("What else?", "Nothing"),
        ],
    );
    terminal.read_to("Next: `fob login lake`");
    assert_eq!(terminal.finish().1, 0);
    let config = fs::read_to_string(home.config()).expect("text");
    assert!(!config.contains(key.secret_access_key.expose()), "{config}");
    assert_eq!(code(&home.run(&["login", "lake"])), 0);
}

#[test]
fn a_configuration_that_exists_stays_and_nobody_to_ask_is_said() {
    let home = Home::with(DEV);
    let there = home.run(&["init"]);
    assert_eq!(code(&there), 2);
    assert!(
        text(&there.stderr).contains("there is a configuration already"),
        "{}",
        text(&there.stderr)
    );
    assert_eq!(fs::read_to_string(home.config()).expect("text"), DEV);
    let home = bare();
    let nobody = home.run(&["init"]);
    assert_eq!(code(&nobody), 3, "{}", text(&nobody.stderr));
    assert!(!home.config().exists());
    let mut closed = Terminal::start(home.fob_on_a_terminal(&["init"]));
    closed.read_to("What do you sign in with?");
    closed.press_control('c');
    assert_eq!(closed.finish().1, 130);
    assert!(!home.config().exists());
}
