//! The agent as its users meet it: real `fob` processes on both sides of the socket, the sandbox's
//! AWS behind them.

mod apart;
mod crowd;
mod life;
mod locked;
mod same;

use crate::home::{Home, code, text};
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
