//! `fob exec` and `fob shell` on a real terminal: its keys are the child's, and the shell around
//! them keeps its jobs.

use crate::exec::get;
use crate::home::{DEV, Home, PASSPHRASE};
use crate::screen::Terminal;

/// Says when it is ready and whenever Ctrl+C or Ctrl+\ reaches it, until a line is typed; then ends
/// with 5.
const PATIENT: &str = r#"trap 'echo was-interrupted' INT; trap 'echo was-quit' QUIT; echo is-ready
until read -r line; do :; done; echo "got: $line"; exit 5"#;

/// A shell with jobs, in which `fob` can be typed.
fn shell_around(home: &Home) -> Terminal {
    let fob = home.fob(&[]);
    let (program, sized) = Terminal::SIZED
        .split_first()
        .expect("a program and its arguments");
    let mut bash = std::process::Command::new(program);
    bash.args(sized)
        .args(["bash", "--norc", "--noprofile", "-i"])
        .env_clear()
        .current_dir(home.path());
    bash.envs(
        fob.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    bash.env("fob", fob.get_program())
        .env("SHELL", "/bin/bash")
        .env("PATIENT", PATIENT)
        .env("PS1", "$ ");
    Terminal::start(bash)
}

#[test]
fn ctrl_c_and_ctrl_backslash_reach_the_child_and_do_not_end_fob() {
    let home = Home::signed_up(DEV);
    let mut terminal =
        Terminal::start(home.fob_on_a_terminal(&["exec", "dev", "--", "sh", "-c", PATIENT]));
    terminal.read_to("is-ready");
    terminal.press_control('c');
    terminal.read_to("was-interrupted");
    terminal.press_control('\\');
    terminal.read_to("was-quit");
    terminal.type_line("still here");
    let twice = terminal.read_to("got: still here");
    assert!(
        !twice.contains("was-"),
        "once each, not again through fob: {twice}"
    );
    assert_eq!(terminal.finish().1, 5);

    let mut terminal = Terminal::start(home.fob_on_a_terminal(&[
        "exec",
        "dev",
        "--",
        "sh",
        "-c",
        "echo is-ready; cat",
    ]));
    terminal.read_to("is-ready");
    terminal.press_control('c');
    assert_eq!(terminal.finish().1, 130, "a child that Ctrl+C ends");
}

#[test]
fn a_passphrase_typed_at_the_sign_in_is_good_for_as_long_as_the_child_lives() {
    let home = Home::signed_up(DEV);
    let tells = r#"echo "at $AWS_CONTAINER_CREDENTIALS_FULL_URI with $AWS_CONTAINER_AUTHORIZATION_TOKEN ."; read -r line; exit 5"#;
    let mut command = home.fob_on_a_terminal(&["exec", "dev", "--", "sh", "-c", tells]);
    command.env_remove("FOB_KEYRING_PASSWORD");
    let mut terminal = Terminal::start(command);
    terminal.read_to("assphrase");
    terminal.type_line(PASSPHRASE);
    terminal.read_to("at http:");
    let url = format!("http:{}", terminal.read_to(" with "));
    let token = terminal.read_to(" .");
    assert_eq!(get(&url, &token).0, 200);
    terminal.type_line("");
    assert_eq!(terminal.finish().1, 5);
}

#[test]
fn ctrl_z_stops_the_child_and_fob_together_and_both_go_on() {
    let home = Home::signed_up(DEV);
    let mut terminal = shell_around(&home);
    terminal.type_line(r#"$fob exec dev -- sh -c "$PATIENT""#);
    terminal.read_to("is-ready");
    terminal.press_control('z');
    terminal.read_to("Stopped");
    terminal.type_line("echo shell: $((6 * 7))");
    terminal.read_to("shell: 42");
    terminal.type_line("fg");
    // What goes on is named.
    terminal.read_to("exec dev");
    terminal.type_line("still here");
    terminal.read_to("got: still here");
    terminal.type_line("echo ended: $?");
    terminal.read_to("ended: 5");
    terminal.type_line("exit 3");
    assert_eq!(terminal.finish().1, 3);
}

#[test]
fn a_shell_inside_that_suspends_itself_gives_the_terminal_back() {
    let home = Home::signed_up(DEV);
    let mut terminal = shell_around(&home);
    terminal.type_line("$fob shell dev");
    terminal.read_to("`exit` leaves it");
    terminal.type_line("echo inside: $FOB_IDENTITY");
    terminal.read_to("inside: dev");
    terminal.type_line("suspend");
    terminal.read_to("Stopped");
    terminal.type_line("echo outside: ${FOB_IDENTITY-none}");
    terminal.read_to("outside: none");
    terminal.type_line("fg");
    terminal.type_line("echo again inside: $FOB_IDENTITY");
    terminal.read_to("again inside: dev");
    terminal.type_line("exit 6");
    terminal.type_line("echo ended: $?");
    terminal.read_to("ended: 6");
    terminal.type_line("exit 3");
    assert_eq!(terminal.finish().1, 3);
}

/// On a terminal, with this start file of the user's own.
fn shell_of(home: &Home, shell: &str, file: &str, own: &str) -> Terminal {
    let file = home.path().join(file);
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
    std::fs::write(file, own).expect("written");
    let mut command = home.fob_on_a_terminal(&["shell", "dev"]);
    command.env("SHELL", shell);
    Terminal::reading(command, false)
}

#[test]
fn a_shell_shows_the_identity_in_its_prompt_and_title_and_keeps_the_users_own_settings() {
    let home = Home::signed_up(DEV);
    let bash = "PS1='own> '; alias greet='echo hello from bashrc'\n";
    let zsh = "PROMPT='own> '; alias greet='echo hello from zshrc'\n";
    let fish = "function fish_prompt; echo -n 'own> '; end\nalias greet 'echo hello from fish'\n";
    let fish_file = ".config/fish/config.fish";
    // Else fish makes them in the background, on this terminal.
    let made = home.path().join(".local/share/fish/generated_completions");
    std::fs::create_dir_all(made).expect("made");
    for (shell, file, own, greeting) in [
        ("/usr/bin/fish", fish_file, fish, "hello from fish"),
        ("/bin/bash", ".bashrc", bash, "hello from bashrc"),
        ("/bin/zsh", ".zshrc", zsh, "hello from zshrc"),
    ] {
        if !std::path::Path::new(shell).exists() {
            continue;
        }
        let mut terminal = shell_of(&home, shell, file, own);
        terminal.read_to("(dev) own> ");
        terminal.type_line("greet");
        terminal.read_to(greeting);
        let between = terminal.read_to("(dev) own> ");
        terminal.type_line("exit 6");
        let (rest, exit) = terminal.finish();
        assert_eq!(exit, 6, "{shell}");
        let shown = format!("{between}{rest}");
        assert!(
            shown.contains("\u{1b}]0;fob: dev\u{7}"),
            "{shell}: {shown:?}"
        );
    }
}

#[test]
fn a_prompt_that_shows_the_identity_already_is_left_as_it_is() {
    let home = Home::signed_up(DEV);
    let own = "PS1='[$FOB_IDENTITY] own> '\n";
    let mut terminal = shell_of(&home, "/bin/bash", ".bashrc", own);
    let before = terminal.read_to("[dev] own> ");
    assert!(!before.contains("(dev)"), "{before:?}");
    terminal.type_line("exit 0");
    assert_eq!(terminal.finish().1, 0);
}
