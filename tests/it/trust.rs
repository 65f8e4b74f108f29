//! A configuration is code: one that is not the user's own file runs, sends and reads nothing
//! before a person trusted it, and what it may say is bounded.

use crate::home::{DEV, Home, PASSPHRASE, code, text};
use crate::loopback::Loopback;
use crate::screen::Terminal;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

/// Leaves its environment beside itself, then prints credentials.
const PROGRAM: &str = "env > \"$0.ran\"
echo '{\"Version\":1,\"AccessKeyId\":\"ASIAX2LQM4W7KD3TNB5Z\",\"SecretAccessKey\":\"not-a-real-secret\",\"SessionToken\":\"token\",\"Expiration\":\"2099-01-01T00:00:00Z\"}'
";

/// A repository that was cloned: its configuration has the user's identity at a server of its own,
/// and a program.
struct Cloned {
    home: Home,
    hostile: Loopback,
}

impl Cloned {
    fn new() -> Cloned {
        let cloned = Cloned {
            home: Home::signed_up(DEV),
            hostile: Loopback::start(),
        };
        for name in ["creds.sh", "other.sh"] {
            fs::write(cloned.home.path().join(name), PROGRAM).expect("written");
        }
        cloned.write(&cloned.text("creds.sh"));
        cloned
    }

    fn text(&self, program: &str) -> String {
        let program = self.home.path().join(program);
        format!(
            "auth:
  identities:
    dev:
      kind: aws/user
      spec: {{ endpoint_url: {} }}
    vendor: {{ kind: aws/process, credentials: {{ process: \"sh {}\" }} }}
",
            self.hostile.url(),
            program.display()
        )
    }

    fn path(&self) -> String {
        self.home.path().join("cloned.yaml").display().to_string()
    }

    fn write(&self, text: &str) {
        fs::write(self.path(), text).expect("written");
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let path = self.path();
        self.home.run(&[&["--config", &path], arguments].concat())
    }

    fn on_a_terminal(&self, arguments: &[&str]) -> Terminal {
        let path = self.path();
        let arguments = [&["--config", &path], arguments].concat();
        Terminal::start(self.home.fob_on_a_terminal(&arguments))
    }

    fn trust(&self) {
        let ran = self.run(&["trust", "--yes"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    }

    fn has_run(&self, program: &str) -> bool {
        ran(&self.home, program).exists()
    }
}

fn ran(home: &Home, program: &str) -> PathBuf {
    home.path().join(format!("{program}.ran"))
}

#[test]
fn a_cloned_repositorys_file_runs_sends_and_reads_nothing_before_it_is_trusted() {
    let cloned = Cloned::new();
    let keyring = cloned.home.keyring();
    for command in [
        &["login", "dev"][..],
        &["login", "vendor"],
        &["credential-process", "vendor"],
        &["exec", "vendor", "--", "true"],
        &["env", "vendor", "--static"],
        &["whoami", "dev"],
        &["list"],
        &["status"],
        &["logout", "dev", "--keychain", "--yes"],
        &["repair"],
        &["agent", "run"],
    ] {
        let ran = cloned.run(&[&["--json"], command].concat());
        let said = text(&ran.stdout) + &text(&ran.stderr);
        assert_eq!(code(&ran), 3, "{command:?}: {said}");
        assert!(said.contains("config_untrusted"), "{command:?}: {said}");
        assert!(said.contains("fob trust"), "{command:?}: {said}");
    }
    assert!(!cloned.has_run("creds.sh"));
    assert!(cloned.hostile.journal().is_empty());
    assert_eq!(cloned.home.keyring(), keyring);
    assert_eq!(code(&cloned.run(&["validate"])), 0);

    cloned.trust();
    let served = cloned.run(&["credential-process", "vendor"]);
    assert_eq!(code(&served), 0, "{}", text(&served.stderr));
    assert!(cloned.has_run("creds.sh"));
}

#[test]
fn a_person_is_asked_once_with_what_the_file_does_and_again_when_that_changes() {
    let cloned = Cloned::new();
    let mut refused = cloned.on_a_terminal(&["login", "vendor"]);
    refused.read_to("creds.sh` (identities.vendor.credentials.process)");
    refused.read_to("Trust this configuration?");
    refused.type_line("n");
    let (said, exit) = refused.finish();
    assert_eq!(exit, 3, "{said}");
    assert!(!cloned.has_run("creds.sh"));

    let mut trusted = cloned.on_a_terminal(&["login", "vendor"]);
    trusted.read_to(&format!("sends requests to {}", cloned.hostile.url()));
    trusted.read_to("Trust this configuration?");
    trusted.type_line("y");
    let (said, exit) = trusted.finish();
    assert_eq!(exit, 0, "{said}");
    assert!(cloned.has_run("creds.sh"));

    let more = cloned.text("creds.sh") + "    more: { kind: aws/user } # a comment\n";
    cloned.write(&more);
    let (said, exit) = cloned
        .on_a_terminal(&["login", "vendor", "--force"])
        .finish();
    assert_eq!(exit, 0, "{said}");
    assert!(!said.contains("Trust"), "{said}");

    cloned.write(&cloned.text("other.sh"));
    assert_eq!(code(&cloned.run(&["login", "vendor", "--force"])), 3);
    let mut changed = cloned.on_a_terminal(&["login", "vendor", "--force"]);
    changed.read_to("has changed since you trusted it");
    let shown = changed.read_to("Trust this configuration?");
    assert!(shown.contains("other.sh"), "{shown}");
    assert!(
        !shown.contains(&cloned.hostile.url()),
        "only what is new: {shown}"
    );
    assert!(!cloned.has_run("other.sh"));
    changed.type_line("y");
    assert_eq!(changed.finish().1, 0);
    assert!(cloned.has_run("other.sh"));
}

#[test]
fn an_agent_keeps_the_last_trusted_state_and_says_what_it_waits_for() {
    let cloned = Cloned::new();
    cloned.trust();
    let path = cloned.path();
    let agent = cloned
        .home
        .agent(cloned.home.fob(&["--config", &path, "agent", "run"]));
    let served = || {
        let served = cloned.run(&["credential-process", "vendor"]);
        assert_eq!(code(&served), 0, "{}", text(&served.stderr));
    };
    let problem = || {
        let status = cloned.run(&["status", "--json"]);
        let status: serde_json::Value =
            serde_json::from_slice(&status.stdout).expect("JSON on stdout");
        status["agent"]["configuration_problem"].clone()
    };
    served();
    cloned.write(&cloned.text("other.sh"));
    served();
    let forced = cloned.run(&["login", "vendor", "--force"]);
    assert_eq!(code(&forced), 0, "{}", text(&forced.stderr));
    assert!(!cloned.has_run("other.sh"));
    let said = problem().as_str().map(str::to_owned).unwrap_or_default();
    assert!(said.contains("has changed in what it runs"), "{said}");
    assert!(
        agent.said().contains("has changed in what it runs"),
        "{}",
        agent.said()
    );

    cloned.trust();
    let forced = cloned.run(&["login", "vendor", "--force"]);
    assert_eq!(code(&forced), 0, "{}", text(&forced.stderr));
    assert!(cloned.has_run("other.sh"));
    assert!(problem().is_null());

    let mut agent = agent;
    let removed = cloned.run(&["trust", "--remove"]);
    assert_eq!(code(&removed), 0, "{}", text(&removed.stderr));
    agent.ends();
    assert_eq!(code(&cloned.run(&["credential-process", "vendor"])), 3);
    let list = cloned.home.json(&["trust", "--list", "--json"]);
    assert_eq!(list["configurations"], serde_json::json!([]));
}

#[test]
fn a_change_made_through_keyfob_leaves_a_trusted_file_trusted() {
    let home = Home::with(DEV);
    let path = home.path().join("team.yaml").display().to_string();
    let mut terminal = Terminal::start(home.fob_on_a_terminal(&["--config", &path, "init"]));
    for (question, typed) in [
        ("What do you sign in with?", "A program"),
        ("Name of the identity:", "vendor"),
        ("Command:", "sh vendor.sh"),
        ("Region:", ""),
        ("What else?", "Nothing"),
    ] {
        terminal.read_to(question);
        terminal.type_line(typed);
    }
    let (said, exit) = terminal.finish();
    assert_eq!(exit, 0, "{said}");
    let list = home.run(&["--config", &path, "list"]);
    assert_eq!(code(&list), 0, "{}", text(&list.stderr));
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours to change");
}

/// Names the file and the way out, and does nothing.
fn refused(home: &Home, why: &str, remedy: &str) {
    for command in ["login", "validate", "list"] {
        let ran = home.run(&[command]);
        let said = text(&ran.stderr);
        assert_eq!(code(&ran), 2, "{command}: {said}");
        let names_it = said.contains(&home.config().display().to_string());
        assert!(
            names_it && said.contains(why) && said.contains(remedy),
            "{said}"
        );
    }
    assert!(home.calls().is_empty());
}

#[test]
fn a_file_that_others_can_write_to_is_refused_also_the_users_own() {
    let home = Home::signed_up(DEV);
    set_mode(&home.config(), 0o666);
    refused(&home, "written to by other users", "chmod go-w");
    set_mode(&home.config(), 0o644);
    let folder = home.path().join(".config");
    set_mode(&folder, 0o777);
    refused(
        &home,
        &format!("is below {}", folder.display()),
        "remove it",
    );
    set_mode(&folder, 0o755);
    assert_eq!(code(&home.run(&["login"])), 0);
}

/// Only root can give a file away: `./x test` runs these as root.
mod users {
    use super::*;
    use std::os::unix::fs::chown;

    #[ignore = "needs root"]
    #[test]
    fn a_configuration_of_another_user_is_refused() {
        let home = Home::signed_up(DEV);
        chown(home.config(), Some(65534), Some(65534)).expect("root may");
        refused(&home, "belongs to another user", "chown $USER");
        chown(home.config(), Some(0), Some(0)).expect("root may");
        let folder = home.path().join(".config/keyfob");
        chown(&folder, Some(65534), Some(65534)).expect("root may");
        refused(&home, "belongs to another user", "remove it");
    }
}

#[test]
fn what_is_sent_to_a_server_is_not_taken_from_the_environment() {
    for key in ["session_name", "external_id", "source_identity"] {
        let home = Home::signed_up(&format!(
            "{DEV}    role: {{ kind: aws/assume-role, via: {{ identity: dev }}, principal: {{ \
             assume_role: \"arn:aws:iam::420000000025:role/deploy\", {key}: !env GITHUB_TOKEN }} }}\n"
        ));
        for command in [
            &["validate"][..],
            &["login", "role"],
            &["--no-agent", "exec", "role", "--", "true"],
        ] {
            let ran = home
                .fob(command)
                .env("GITHUB_TOKEN", "ghp-s3cr3t")
                .output()
                .expect("fob starts");
            let said = text(&ran.stdout) + &text(&ran.stderr);
            assert_eq!(code(&ran), 2, "{said}");
            assert!(
                said.contains(&format!("`{key}` is not taken from `!env`")),
                "{said}"
            );
            assert!(!said.contains("s3cr3t"), "{said}");
        }
        assert!(home.calls().is_empty());
    }
}

#[test]
fn variables_that_steer_the_loader_the_shell_or_keyfob_are_refused_with_the_reason() {
    for (name, reason) in [
        ("LD_PRELOAD", "the loader"),
        ("DYLD_INSERT_LIBRARIES", "the loader"),
        ("BASH_ENV", "shells run"),
        ("Path", "shells run"),
        ("NODE_OPTIONS", "an interpreter"),
        ("PYTHONSTARTUP", "an interpreter"),
        ("GIT_SSH_COMMAND", "a program that others run"),
        ("AWS_CONFIG_FILE", "Keyfob sets or removes"),
        ("FOB_CONFIG", "steers Keyfob"),
    ] {
        let home = Home::with(
            &format!("{DEV}      env: [ {{ key: {name}, value: ./x }} ]\n").replace(
                "    dev: { kind: aws/user, default: true }\n",
                "    dev:\n      kind: aws/user\n",
            ),
        );
        for command in [&["validate"][..], &["exec", "dev", "--", "true"]] {
            let ran = home.run(command);
            let said = text(&ran.stdout) + &text(&ran.stderr);
            assert_eq!(code(&ran), 2, "{said}");
            assert!(
                said.contains(&format!("the variable {name} cannot be set here")),
                "{said}"
            );
            assert!(said.contains(reason), "{said}");
        }
    }
    let home = Home::signed_up(
        "auth: { identities: { dev: { kind: aws/user, env: [ { key: TF_VAR_stage, value: lake } ] } } }\n",
    );
    let ran = home.run(&["exec", "dev", "--", "printenv", "TF_VAR_stage"]);
    assert_eq!(text(&ran.stdout), "lake\n");
}

#[test]
fn no_program_that_is_run_gets_the_passphrase_of_the_keyring() {
    let home = Home::with(
        "auth:
  keyring: { type: file, spec: { password_env: RING_PASSPHRASE } }
  identities:
    dev: { kind: aws/user, default: true, credentials: { mfa_arn: \"arn:aws:iam::123456789012:mfa/kim\", mfa_process: \"sh code.sh\" } }
    vendor: { kind: aws/process, credentials: { process: \"sh creds.sh\" } }
",
    );
    fs::write(home.path().join("creds.sh"), PROGRAM).expect("written");
    let fob = |arguments: &[&str]| {
        let mut fob = home.fob(arguments);
        fob.env("RING_PASSPHRASE", PASSPHRASE)
            .env_remove("FOB_KEYRING");
        fob
    };
    for arguments in [
        &["exec", "vendor", "--", "env"][..],
        &["exec", "vendor", "--profile", "--", "env"],
        &["sandbox", "--", "env"],
    ] {
        let mut fob = fob(arguments);
        let ran = fob.env("FOB_KEYRING_PASSWORD", PASSPHRASE).output();
        let ran = ran.expect("fob starts");
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        assert!(text(&ran.stdout).contains("HOME="));
        assert!(
            !text(&ran.stdout).contains(PASSPHRASE),
            "{}",
            text(&ran.stdout)
        );
    }
    let agent = home.agent(fob(&["agent", "run"]));
    let ran_alone = ran(&home, "creds.sh");
    for exists in [true, false] {
        if !exists {
            fs::remove_file(&ran_alone).expect("it ran");
            let forced = fob(&["login", "vendor", "--force"]).output();
            assert_eq!(code(&forced.expect("fob starts")), 0);
        }
        let environment = fs::read_to_string(&ran_alone).expect("it ran");
        assert!(environment.contains("HOME="), "{environment}");
        assert!(!environment.contains(PASSPHRASE), "{environment}");
    }
    drop(agent);
}

#[test]
fn an_endpoint_of_the_environment_obeys_the_rule_of_the_configuration() {
    let home = Home::signed_up(DEV);
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"] {
        for url in [
            "http://sts.example",
            "http://127.0.0.1@sts.example",
            "sts.example",
        ] {
            let ran = home
                .fob(&["login", "dev"])
                .env(name, url)
                .output()
                .expect("fob starts");
            let said = text(&ran.stderr);
            assert_eq!(code(&ran), 2, "{said}");
            assert!(said.contains(&format!("the variable {name}: ")), "{said}");
        }
    }
    assert!(home.calls().is_empty());
}
