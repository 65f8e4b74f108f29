//! The agent as its users meet it: real `fob` processes on both sides of the socket, the sandbox's
//! AWS behind them.

#[cfg(unix)]
mod apart;
mod life;
mod locked;
#[cfg(unix)]
mod locked_meanwhile;
mod many_programs;
mod other_user;
mod overtaken;
mod recovery;
#[cfg(unix)]
mod replies;
#[cfg(unix)]
mod said_by_programs;
#[cfg(unix)]
mod same;

use crate::home::{DEPLOY, DEV, Home, code, text, wait_for};
use crate::logout_table::{in_half_an_hour, session_until};
use serde_json::Value;
use std::process::{Child, Output, Stdio};

fn start(home: &Home, arguments: &[&str]) -> Child {
    home.fob(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("fob starts")
}

fn end(child: Child) -> Output {
    child.wait_with_output().expect("fob ends")
}

/// The standard output of a `fob` that must succeed without a word to people.
fn answered(ran: &Output) -> String {
    assert_eq!((code(ran), text(&ran.stderr).as_str()), (0, ""));
    text(&ran.stdout)
}

/// The one session that `fob status` tells of this identity.
fn session(home: &Home, identity: &str) -> Value {
    let status = home.json(&["status", "--json"]);
    let sessions = status["sessions"].as_array().expect("sessions").iter();
    let mut of_it: Vec<&Value> = sessions.filter(|it| it["identity"] == identity).collect();
    assert_eq!(of_it.len(), 1, "{status}");
    of_it.pop().cloned().expect("there is one")
}

/// Warnings were once collected for the first client to come.
#[test]
fn a_warning_reaches_only_the_client_that_caused_it() {
    let config = format!("{DEV}{DEPLOY}");
    let home = Home::signed_up(&config);
    let other = home.other_config("other.yaml", &config);
    let store = home.store(other.as_ref());
    let ticket = store.sign_outs.ticket("deploy").expect("a ticket");
    let session = session_until(in_half_an_hour());
    wait_for(store.put_session(&ticket, &session)).expect("put");
    let _agent = home.start_agent();
    let warns = |arguments: &[&str]| {
        let ran = home.run(arguments);
        text(&ran.stderr).contains("the session of deploy belongs to")
    };
    assert!(warns(&["whoami", "deploy", "--offline"]));
    for causes_one in [
        &["list"][..],
        &["status"],
        &["whoami", "deploy", "--offline"],
    ] {
        home.run(causes_one);
        assert!(
            !warns(&["whoami", "dev", "--offline"]),
            "after {causes_one:?}"
        );
    }
}

#[test]
fn a_role_without_a_session_is_not_said_to_be_the_user_it_stands_on() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    for with_agent in [false, true] {
        let agent = with_agent.then(|| home.start_agent());
        let user = home.json(&["whoami", "dev", "--offline", "--json"]);
        assert_eq!(user["principal"], "arn:aws:iam::123456789012:user/kim");
        let role = home.json(&["whoami", "deploy", "--offline", "--json"]);
        assert_eq!(role["state"], "needs_sign_in", "{role}");
        assert!(
            role["principal"].is_null() && role["account"].is_null(),
            "{role}"
        );
        drop(agent);
    }
}
