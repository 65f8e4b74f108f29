//! What only Windows has: the Credential Manager, scripts as programs, names of variables without
//! case, exit codes of 32 bits, and an agent at the end of a pipe.

use crate::home::{DEPLOY, DEV, Home, RunningAgent, code, text, until};
use crate::logout_table::steps;
use crate::screen::Terminal;
use keyfob_core::sandbox::{FaultSwitch, SandboxFault};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// As the system tells it before a path that is too long for other programs.
const VERBATIM: &str = r"\\?\";

fn ok(ran: &Output) -> String {
    assert_eq!(code(ran), 0, "{}{}", text(&ran.stdout), text(&ran.stderr));
    text(&ran.stdout)
}

/// In a folder of their own, which is on the PATH: a script that shows its arguments.
fn with_a_script(home: &Home, mut fob: Command) -> Command {
    let folder = home.path().join("tools of npm");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("cdk"), "#!/bin/sh\n").expect("written");
    let lines = "@echo off\r\necho [%1] [%2]\r\nexit /b 7\r\n";
    fs::write(folder.join("cdk.cmd"), lines).expect("written");
    let path: Vec<PathBuf> = fob
        .get_envs()
        .filter(|(name, _)| name.eq_ignore_ascii_case("PATH"))
        .filter_map(|(_, value)| value)
        .flat_map(std::env::split_paths)
        .collect();
    let path = std::env::join_paths([folder].into_iter().chain(path)).expect("a list");
    fob.env_remove("PATH").env("Path", path);
    fob
}

#[test]
fn a_script_is_found_by_its_name_and_gets_its_arguments_whole() {
    let home = Home::signed_up(DEV);
    for command in [
        &["exec", "dev", "--", "cdk", "two words", "a&b|c"][..],
        &["sandbox", "--", "cdk", "two words", "a&b|c"],
    ] {
        let ran = with_a_script(&home, home.fob(command))
            .output()
            .expect("fob starts");
        assert_eq!(code(&ran), 7, "{}", text(&ran.stderr));
        let shown = text(&ran.stdout);
        assert!(shown.starts_with("[\"two words\"] [\"a&b|c\"]"), "{shown}");
    }
    let none = home.run(&["exec", "dev", "--", "no-such-program"]);
    assert_eq!(code(&none), 127, "{}", text(&none.stderr));
}

/// Windows spells it `Path`.
#[test]
fn a_sandbox_keeps_the_path_however_it_is_spelled() {
    let home = Home::with(DEV);
    let mut fob = home.fob(&[
        "sandbox",
        "--",
        "cmd.exe",
        "/c",
        "echo %PATH% & fob --version",
    ]);
    fob.env_remove("PATH")
        .env("Path", r"C:\windows\system32;C:\kept");
    let ran = fob.output().expect("fob starts");
    let shown = ok(&ran);
    assert!(shown.contains(r"C:\kept"), "{shown}");
    assert!(shown.contains(env!("CARGO_PKG_VERSION")), "{shown}");
}

#[test]
fn an_exit_code_is_the_commands_own_in_all_its_bits() {
    let home = Home::signed_up(DEV);
    for (exit, expected) in [
        ("0", 0),
        ("7", 7),
        ("300", 300),
        ("-1", -1),
        ("-1073741510", -1_073_741_510),
    ] {
        let command = format!("exit {exit}");
        for fob in [
            &["exec", "dev", "--", "cmd.exe", "/c", &command][..],
            &["exec", "dev", "--profile", "--", "cmd.exe", "/c", &command],
            &["sandbox", "--", "cmd.exe", "/c", &command],
        ] {
            let ran = home.run(fob);
            assert_eq!(code(&ran), expected, "{fob:?}: {}", text(&ran.stderr));
        }
    }
}

#[test]
fn no_path_is_shown_or_written_as_the_system_spells_it_for_itself() {
    let home = Home::signed_up(DEV);
    let wrong = format!("{DEV}    broken: {{ kind: aws/usr }}\n");
    let mut shown = vec![text(&home.run(&["login", "dev"]).stderr)];
    for command in ["list", "validate", "status", "whoami", "trust"] {
        let ran = home.run(&[command, "--json"]);
        shown.extend([text(&ran.stdout), text(&ran.stderr)]);
    }
    for name in ["config", "credentials"] {
        let file = home.path().join(".aws/keyfob/aws-user").join(name);
        shown.push(fs::read_to_string(file).unwrap_or_default());
    }
    assert!(
        shown.iter().any(|it| it.contains("credential_process")),
        "{shown:?}"
    );
    fs::write(home.config(), wrong).expect("written");
    shown.push(text(&home.run(&["login", "broken"]).stderr));
    shown.push(text(&home.run(&["cleanup", "--dry-run"]).stderr));
    for text in shown {
        assert!(!text.contains(VERBATIM), "{text}");
    }
}

#[test]
fn what_is_logged_to_a_file_is_not_coloured_and_the_program_is_called_fob() {
    let home = Home::signed_up(DEV);
    let ran = home.run(&["-vv", "login", "dev"]);
    let logged = text(&ran.stderr);
    assert!(logged.contains("DEBUG"), "{logged}");
    assert!(!logged.contains('\u{1b}'), "{logged:?}");
    let usage = text(&home.run(&["exec", "--no-such-flag"]).stderr);
    assert!(usage.contains("Usage: fob exec"), "{usage}");
    let help = text(&home.run(&["env", "--help"]).stdout);
    assert!(help.contains("powershell"), "{help}");
}

#[test]
fn the_variables_are_printed_in_every_format() {
    let home = Home::signed_up(DEV);
    ok(&home.run(&["login", "dev"]));
    for (format, start) in [
        ("powershell", "$Env:AWS_"),
        ("cmd", "set "),
        ("bash", "export AWS_"),
        ("fish", "set -gx AWS_"),
        ("dotenv", "AWS_"),
        ("json", "{"),
        ("github", "AWS_"),
    ] {
        let shown = ok(&home.run(&["env", "dev", "--static", "--format", format]));
        let found = shown.contains(start) && shown.contains("AWS_SESSION_TOKEN");
        assert!(found, "{format}: {shown}");
    }
    let usual = ok(&home.run(&["env", "dev"]));
    assert!(usual.contains("$Env:AWS_PROFILE"), "{usual}");
    let lines = ok(&home.run(&["env", "dev", "--static", "--format", "cmd"]));
    let script = home.path().join("variables.cmd");
    let tells = "echo id=%AWS_ACCESS_KEY_ID%\r\n";
    fs::write(&script, format!("@echo off\r\n{lines}\r\n{tells}")).expect("written");
    let shown = Command::new(&script).output().expect("cmd.exe");
    assert!(
        text(&shown.stdout).contains("id=ASIA"),
        "{}",
        text(&shown.stdout)
    );
}

fn start(home: &Home, arguments: &[&str]) -> Child {
    let mut fob = home.fob(arguments);
    fob.stdout(Stdio::piped()).stderr(Stdio::piped());
    fob.spawn().expect("fob starts")
}

fn runs(home: &Home, agent: &RunningAgent) -> bool {
    home.json(&["agent", "status", "--json"])["agent"]["pid"].as_u64() == Some(agent.pid().into())
}

#[test]
fn one_agent_answers_many_clients_and_another_can_follow_it() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    let agent = home.start_agent();
    assert!(runs(&home, &agent));
    let second = home.run(&["agent", "run"]);
    let said = text(&second.stderr);
    assert_eq!(code(&second), 0, "{said}");
    let names = format!(
        "already running for {}, pid {}",
        home.config().display(),
        agent.pid()
    );
    assert!(said.contains(&names), "{said}");

    let clients: Vec<_> = (0..24)
        .map(|_| start(&home, &["credential-process", "deploy"]))
        .collect();
    let mut answers: Vec<String> = clients
        .into_iter()
        .map(|client| ok(&client.wait_with_output().expect("it ends")))
        .collect();
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(
        home.calls().get("AssumeRole"),
        Some(&1),
        "{:?}",
        home.calls()
    );

    drop(agent);
    assert_eq!(code(&home.run(&["agent", "status"])), 1, "it was killed");
    let mut agent = home.start_agent();
    assert!(runs(&home, &agent));
    assert_eq!(ok(&home.run(&["credential-process", "deploy"])), answers[0]);
    ok(&home.run(&["agent", "stop"]));
    assert_eq!(agent.ends().code(), Some(0), "{}", agent.said());
    until("the pipe is gone", || {
        code(&home.run(&["agent", "status"])) == 1
    });
}

#[test]
fn ctrl_c_in_a_console_ends_a_sign_in_a_command_and_an_agent() {
    let home = Home::signed_up(DEV);
    ok(&home.run(&["login", "dev"]));
    let waits = FaultSwitch::on(SandboxFault::Delay {
        milliseconds: 60_000,
    });
    home.sandbox().inject(waits).expect("a fault");
    let fob = env!("CARGO_BIN_EXE_fob");
    for (arguments, shown) in [
        (&["login", "dev", "--force"][..], "Signing in to dev"),
        (
            &["exec", "dev", "--", fob, "agent", "run"],
            "is running, pid",
        ),
        (&["agent", "run"], "is running, pid"),
    ] {
        let mut terminal = Terminal::start(home.fob_on_a_terminal(arguments));
        terminal.read_to(shown);
        terminal.press_control('c');
        let (rest, exit) = terminal.finish();
        assert_eq!(exit, 130, "{arguments:?}: {rest}");
        assert!(
            !shown.contains("pid") || rest.contains("The agent has stopped"),
            "{rest}"
        );
    }
}

#[test]
fn a_shell_has_the_variables_and_its_exit_code_is_fobs() {
    let home = Home::signed_up(DEV);
    let mut terminal = Terminal::start(home.fob_on_a_terminal(&["shell", "dev"]));
    terminal.type_line("echo it is %FOB_IDENTITY%");
    terminal.read_to("it is dev");
    terminal.type_line("exit 300");
    assert_eq!(terminal.finish().1, 300);
}

/// A configuration whose entries are this test's own.
fn apart(identities: &str) -> String {
    format!("realm: test-{}\n{identities}", std::process::id())
}

#[test]
#[ignore = "writes to the keyring of this user"]
fn the_whole_way_with_the_system_keyring() {
    let home = Home::with(&apart(&format!("{DEV}{DEPLOY}")));
    let fob = |arguments: &[&str]| {
        let mut fob = home.fob(arguments);
        fob.env("FOB_KEYRING", "system");
        fob
    };
    let run = |arguments: &[&str]| fob(arguments).output().expect("fob starts");
    let json = |arguments: &[&str]| -> Value {
        let ran = run(arguments);
        serde_json::from_slice(&ran.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", text(&ran.stderr)))
    };
    let configure = || {
        let typed = crate::home::typed(&home.key());
        crate::home::with_input(fob(&["user", "configure", "dev", "--stdin"]), &typed)
    };
    ok(&configure());
    ok(&run(&["login", "deploy"]));
    ok(&run(&["exec", "deploy", "--", "cmd.exe", "/c", "exit 0"]));
    assert!(ok(&run(&["whoami", "deploy"])).contains("assumed-role/deploy"));

    // The key is revoked: it is set aside, and another takes its place.
    let revoked = home.key();
    let revoked = home.sandbox().revoke_key(&revoked.access_key_id);
    revoked.expect("it was kim's");
    let ran = run(&["login", "dev", "--force", "--no-input"]);
    assert_eq!(code(&ran), 3, "{}", text(&ran.stderr));
    home.sandbox().create_key("kim").expect("kim is there");
    ok(&configure());
    ok(&run(&["login", "deploy", "--force"]));

    let dry = json(&["logout", "deploy", "--dry-run", "--json"]);
    let done = json(&["logout", "deploy", "--json"]);
    assert_eq!(steps(&dry, "would_remove"), steps(&done, "removed"));
    assert!(!steps(&done, "removed").is_empty(), "{done}");
    ok(&run(&["audit"]));

    // What is no longer configured goes, and its keys with them.
    ok(&run(&["login", "deploy"]));
    fs::write(home.config(), apart(&DEV.replace("dev:", "other:"))).expect("written");
    let dry = json(&["cleanup", "--dry-run", "--json"]);
    let listed = steps(&dry, "would_remove").join("\n");
    for entry in ["session/deploy", "session/dev"] {
        assert!(listed.contains(entry), "{entry}: {listed}");
    }
    let done = json(&["cleanup", "--keychain", "--yes", "--json"]);
    let removed = steps(&done, "removed").join("\n");
    assert!(
        removed.contains("keys/dev") && removed.contains("session/dev"),
        "{removed}"
    );
    let nothing = json(&["cleanup", "--keychain", "--dry-run", "--json"]);
    assert!(steps(&nothing, "would_remove").is_empty(), "{nothing}");
}
