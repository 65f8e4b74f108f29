//! Many processes at once, and one that dies: one AWS call a step, one outcome for all.

use crate::home::{DEPLOY, DEV, Home, code, text};
use keyfob_core::sandbox::{FaultSwitch, SandboxFault};
use serde_json::Value;
use std::process::{Child, Output, Stdio};
use std::time::Duration;

fn start(home: &Home, arguments: &[&str]) -> Child {
    home.fob(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("fob starts")
}

fn start_many(home: &Home, how_many: u32) -> Vec<Output> {
    let children: Vec<Child> = (0..how_many)
        .map(|_| start(home, &["credential-process", "deploy"]))
        .collect();
    children
        .into_iter()
        .map(|child| child.wait_with_output().expect("fob ends"))
        .collect()
}

#[test]
fn fifty_cold_processes_make_one_aws_call_for_each_step_and_get_the_same_answer() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    home.sandbox()
        .inject(FaultSwitch::on(SandboxFault::Delay { milliseconds: 300 }))
        .expect("a delay");
    let outputs = start_many(&home, 50);
    for output in &outputs {
        assert_eq!(code(output), 0, "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), text(&outputs[0].stdout));
    }
    let calls = home.calls();
    assert_eq!(calls.get("GetSessionToken"), Some(&1), "{calls:?}");
    assert_eq!(calls.get("AssumeRole"), Some(&1), "{calls:?}");
    assert_eq!(calls.len(), 2, "{calls:?}");
}

#[test]
fn waiting_processes_take_over_a_failure_instead_of_repeating_it() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    home.sandbox()
        .revoke_key(&home.key().access_key_id)
        .expect("the key is there");
    home.sandbox()
        .inject(FaultSwitch::on(SandboxFault::Delay { milliseconds: 2500 }))
        .expect("a delay");
    let outputs = start_many(&home, 20);
    for output in &outputs {
        assert_eq!(code(output), 3, "{}", text(&output.stderr));
        assert!(output.stdout.is_empty());
        assert!(
            text(&output.stderr).contains("invalid or have been revoked"),
            "{}",
            text(&output.stderr)
        );
    }
    let calls = home.calls();
    assert_eq!(calls.get("GetSessionToken"), Some(&1), "{calls:?}");
    let audit = home.json(&["audit", "--json"]);
    let failed = |it: &&Value| it["event"] == "sign_in" && it["result"] == "failed";
    let events = audit["events"].as_array().expect("events");
    assert_eq!(events.iter().filter(failed).count(), 1, "{audit}");
}

#[test]
fn a_killed_sign_in_frees_its_lock() {
    let home = Home::signed_up(DEV);
    home.sandbox()
        .inject(
            FaultSwitch::on(SandboxFault::Delay {
                milliseconds: 60_000,
            })
            .times(1),
        )
        .expect("a delay");
    let mut holder = start(&home, &["login", "dev"]);
    // The lock is taken before AWS is asked, and the call is in the journal only once it is
    // answered.
    let lock = home
        .path()
        .join(".local/state/keyfob/default/locks/sign-in-dev.lock");
    while !lock.exists() {
        moment();
    }
    let waiting = start(&home, &["login", "dev"]);
    for _ in 0..20 {
        moment();
    }
    holder.kill().expect("the holder is killed");
    holder.wait().expect("the holder is gone");
    let next = waiting.wait_with_output().expect("fob ends");
    assert_eq!(code(&next), 0, "{}", text(&next.stderr));
}

#[expect(clippy::disallowed_methods, reason = "waits for another process")]
fn moment() {
    std::thread::sleep(Duration::from_millis(50));
}
