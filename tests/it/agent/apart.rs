//! Where the agent does not serve, or not any more: signed out, another environment, another
//! version, gone; and a configuration that changes under it.

use super::{answered, end, session, start};
use crate::home::{DEPLOY, DEV, Home, code, text, until};
use keyfob_core::sandbox::{FaultSwitch, SandboxFault};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixListener;
use std::process::Output;
use std::thread::JoinHandle;

fn key_id(ran: &Output) -> String {
    let printed: Value = serde_json::from_str(&answered(ran)).expect("JSON");
    printed["AccessKeyId"].as_str().expect("text").to_owned()
}

fn removed_from_the_agent(report: &Value) -> Vec<&str> {
    let steps = report["steps"].as_array().expect("steps").iter();
    steps
        .filter(|step| step["what"] == "agent")
        .map(|step| step["result"].as_str().expect("text"))
        .collect()
}

#[test]
fn logging_out_through_the_agent_empties_it_and_nothing_is_served_until_a_login() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    let _agent = home.start_agent();
    for round in [&[][..], &["--no-agent"]] {
        assert_eq!(code(&home.run(&["login", "deploy"])), 0);
        let before = key_id(&home.run(&["credential-process", "deploy"]));
        let dry = home.json(&["logout", "deploy", "--dry-run", "--json"]);
        assert!(
            removed_from_the_agent(&dry).contains(&"would_remove"),
            "{dry}"
        );
        assert_eq!(
            key_id(&home.run(&["credential-process", "deploy"])),
            before,
            "a dry run changes nothing"
        );

        let out = home.json(&[&["logout", "deploy", "--json"], round].concat());
        assert_eq!(
            removed_from_the_agent(&out).contains(&"removed"),
            round.is_empty(),
            "{out}"
        );
        for identity in ["deploy", "dev"] {
            let refused = home.run(&["credential-process", identity]);
            assert_eq!(code(&refused), 3, "{}", text(&refused.stdout));
            assert!(
                text(&refused.stderr).contains("signed out"),
                "{}",
                text(&refused.stderr)
            );
        }
        let again = home.run(&["logout", "deploy"]);
        assert!(
            text(&again.stderr).contains("already logged out"),
            "{}",
            text(&again.stderr)
        );
    }
    assert_eq!(code(&home.run(&["login", "deploy"])), 0);
    answered(&home.run(&["credential-process", "deploy"]));
}

/// Each is asked with variables that the agent does not have, and gets what it would get without an
/// agent; the agent does not hear of it.
#[test]
fn work_that_depends_on_the_callers_environment_is_done_in_its_process() {
    let home = Home::signed_up(&format!(
        "{DEV}    here: {{ kind: aws/ambient }}
    ci:
      kind: aws/user
      credentials: {{ access_key_id: !env CI_KEY_ID, secret_access_key: !env CI_SECRET }}
"
    ));
    let agent = home.start_agent();
    let dev = key_id(&home.run(&["credential-process", "dev"]));
    let asked = session(&home, "dev")["last_asker"].clone();
    let said = agent.said();
    let elsewhere = Home::signed_up(DEV);
    let key = home.key();
    let (id, secret) = (key.access_key_id.as_str(), key.secret_access_key.expose());
    let cases: &[(&str, &[(&str, &str)])] = &[
        (
            "here",
            &[("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)],
        ),
        ("ci", &[("CI_KEY_ID", id), ("CI_SECRET", secret)]),
        ("dev", &[("HTTPS_PROXY", "http://127.0.0.1:9")]),
        ("dev", &[("FOB_KEYRING", "memory")]),
        ("dev", &[("AWS_ENDPOINT_URL", &elsewhere.sandbox().url())]),
    ];
    for (identity, variables) in cases {
        let run = |arguments: &[&str]| {
            home.fob(arguments)
                .envs(variables.iter().copied())
                .output()
                .expect("fob starts")
        };
        let [with, without] = [
            &["credential-process", identity][..],
            &["credential-process", identity, "--no-agent"],
        ]
        .map(run);
        assert_eq!(
            code(&with),
            code(&without),
            "{variables:?}: {}",
            text(&with.stderr)
        );
        assert_eq!(text(&with.stderr), text(&without.stderr), "{variables:?}");
        let is_there = |ran: &Output| {
            serde_json::from_slice::<Value>(&ran.stdout)
                .is_ok_and(|it| it["AccessKeyId"].is_string())
        };
        assert_eq!(is_there(&with), is_there(&without), "{variables:?}");
        // Another keyring has no keys of dev, and another AWS gets none.
        let has_none = ["FOB_KEYRING", "AWS_ENDPOINT_URL"];
        assert_eq!(
            code(&with) == 0,
            !variables.iter().any(|(name, _)| has_none.contains(name)),
            "{variables:?}"
        );
        let [with, without] = [
            &["whoami", identity, "--json"][..],
            &["whoami", identity, "--json", "--no-agent"],
        ]
        .map(run);
        let without_time = |ran: &Output| {
            let mut told: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
            let fields = told.as_object_mut().expect("an object");
            // Keys without a session end an hour from now, and the two are not asked in one second.
            fields.retain(|name, _| !name.starts_with("expires"));
            told
        };
        assert_eq!(
            (code(&with), without_time(&with)),
            (code(&without), without_time(&without)),
            "{variables:?}"
        );
    }
    let shown: Vec<Value> = home.json(&["status", "--json"])["sessions"]
        .as_array()
        .expect("sessions")
        .clone();
    assert_eq!(
        shown
            .iter()
            .filter(|it| it["last_asker"].is_object())
            .count(),
        1,
        "{shown:?}"
    );
    assert_eq!(session(&home, "dev")["last_asker"], asked);
    assert_eq!(agent.said(), said);
    assert_eq!(key_id(&home.run(&["credential-process", "dev"])), dev);
}

/// Somebody at the agent's address who answers each line with `reply`, `{id}` replaced, or hangs
/// up.
fn listen(home: &Home, reply: Option<&'static str>) -> JoinHandle<()> {
    let address = home.address();
    let folder = address.path().parent().expect("a folder");
    fs::DirBuilder::new()
        .mode(0o700)
        .create(folder)
        .expect("a folder");
    let listener = UnixListener::bind(address.path()).expect("an address nobody has");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a connection");
            let mut lines = BufReader::new(&stream).lines();
            let Some(Ok(line)) = lines.next() else { return };
            let asked: Value = serde_json::from_str(&line).expect("JSON");
            if let Some(reply) = reply {
                writeln!(
                    &stream,
                    "{}",
                    reply.replace("{id}", &asked["id"].to_string())
                )
                .expect("somebody listens");
            }
        }
    })
}

/// Ends what [`listen`] started: a connection without a line.
fn hang_up(home: &Home, listener: JoinHandle<()>) {
    drop(std::os::unix::net::UnixStream::connect(home.address().path()).expect("it listens"));
    listener.join().expect("no panic");
}

#[test]
fn an_agent_of_another_version_is_warned_of_once_and_done_without() {
    let home = Home::signed_up(DEV);
    let listener = listen(&home, Some(r#"{"v":1,"id":{id},"min":2,"max":3}"#));
    for arguments in [
        &["credential-process", "dev"][..],
        &["login", "dev"],
        &["whoami", "dev"],
        &["env", "dev", "--static"],
        &["status"],
    ] {
        let ran = home.run(arguments);
        assert_eq!(code(&ran), 0, "{arguments:?}: {}", text(&ran.stderr));
        let said = text(&ran.stderr);
        assert_eq!(said.matches("warning:").count(), 1, "{arguments:?}: {said}");
        assert!(
            said.contains("speaks version 2 to 3 of the protocol"),
            "{said}"
        );
    }
    let stop = home.run(&["agent", "stop"]);
    assert_eq!(code(&stop), 1);
    assert!(
        text(&stop.stderr).contains("is of another version"),
        "{}",
        text(&stop.stderr)
    );
    hang_up(&home, listener);
}

#[test]
fn an_agent_that_hangs_up_in_the_middle_is_done_without_in_silence() {
    let home = Home::signed_up(DEV);
    let listener = listen(&home, None);
    answered(&home.run(&["credential-process", "dev"]));
    let login = home.run(&["login", "dev"]);
    assert_eq!(code(&login), 0);
    assert!(
        !text(&login.stderr).contains("warning:"),
        "{}",
        text(&login.stderr)
    );
    hang_up(&home, listener);
}

#[test]
fn who_waits_for_an_agent_that_is_killed_signs_in_by_itself() {
    let home = Home::signed_up(DEV);
    let agent = home.start_agent();
    home.sandbox()
        .inject(
            FaultSwitch::on(SandboxFault::Delay {
                milliseconds: 60_000,
            })
            .times(1),
        )
        .expect("a delay");
    let lock = home
        .path()
        .join(".local/state/keyfob/default/locks/sign-in-dev.lock");
    let waiting = start(&home, &["credential-process", "dev"]);
    // Taken before AWS is asked, and the call is in the journal only once it is answered.
    until("the agent signs in", || lock.exists());
    until("the agent is asked", || session_is_asked_for(&home));
    agent.signal(Signal::KILL);
    answered(&end(waiting));
    assert_eq!(
        home.calls().get("GetSessionToken"),
        Some(&1),
        "{:?}",
        home.calls()
    );
}

fn session_is_asked_for(home: &Home) -> bool {
    let status = home.json(&["status", "--json"]);
    status["sessions"]
        .as_array()
        .expect("sessions")
        .iter()
        .any(|it| it["last_asker"].is_object())
}

#[test]
fn a_changed_configuration_is_in_force_at_once_and_a_broken_one_is_reported() {
    let home = Home::signed_up(DEV);
    let agent = home.start_agent();
    answered(&home.run(&["credential-process", "dev"]));
    let missing = home.run(&["credential-process", "deploy"]);
    assert_eq!(code(&missing), 1, "{}", text(&missing.stderr));
    fs::write(home.config(), format!("{DEV}{DEPLOY}")).expect("written");
    answered(&home.run(&["credential-process", "deploy"]));
    assert!(
        agent
            .said()
            .contains("the changed configuration is in effect"),
        "{}",
        agent.said()
    );
    assert_eq!(session(&home, "deploy")["state"], "valid");
    let problem =
        |home: &Home| home.json(&["status", "--json"])["agent"]["configuration_problem"].clone();
    assert_eq!(problem(&home), json!(null));

    fs::write(home.config(), "auth: [").expect("written");
    for identity in ["dev", "deploy"] {
        answered(&home.run(&["credential-process", identity]));
    }
    assert!(
        problem(&home)
            .as_str()
            .is_some_and(|it| it.contains("config.yaml")),
        "{}",
        problem(&home)
    );
    for arguments in [&["status"][..], &["agent", "status"]] {
        let told = home.run(arguments);
        assert_eq!(code(&told), 0, "{}", text(&told.stderr));
        assert!(
            text(&told.stdout).contains("the last valid version stays in effect"),
            "{}",
            text(&told.stdout)
        );
    }
    assert!(
        agent
            .said()
            .contains("cannot be used; the last valid version stays in effect"),
        "{}",
        agent.said()
    );
    assert_eq!(
        code(&home.run(&["login", "dev"])),
        2,
        "who reads it is told what is wrong"
    );

    fs::write(home.config(), format!("{DEV}{DEPLOY}\n")).expect("written");
    assert_eq!(problem(&home), json!(null));
}
