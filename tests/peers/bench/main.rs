//! What `./x bench` measures: figures only as ratios between two things of one run, because the
//! machines differ and are noisy. Runs where `tests/peers/keyring.sh` provides a Secret Service.

#![allow(
    dead_code,
    reason = "the stage is shared with the tests, which use more of it"
)]

mod agent;
#[path = "../databases/server.rs"]
mod database_server;
mod databases;
mod doctor;
mod endpoint;
mod figures;
#[path = "../home.rs"]
mod home;
mod logout;
#[path = "../loopback.rs"]
mod loopback;
mod process;
mod sign_ins;
mod stage;
mod starts;
#[path = "../terminal.rs"]
mod terminal;

use figures::Figure;
use stage::Stage;

/// Of the last run on a machine that is meant to be compared with.
const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/bench/figures.md");

fn main() {
    let stage = Stage::new("starts", 10);
    let process = stage.agent();
    let (minimal, figures) = starts::warm(&stage);
    let mut all = Vec::new();
    // Each as soon as there is one: it takes minutes.
    let mut add = |figures: Vec<Figure>| {
        for figure in figures {
            eprintln!("{figure:?}");
            all.push(figure);
        }
    };
    add(figures);
    add(starts::cold(&stage, minimal, "", "AssumeRole"));
    add(endpoint::endpoint(&stage, minimal));
    drop(process);
    add(agent::held(minimal));
    add(sign_ins::kinds(minimal));
    add(sign_ins::assigned());
    add(logout::logout());
    add(vec![doctor::doctor()]);
    if rustix::process::geteuid().is_root() {
        add(databases::databases());
    } else {
        eprintln!("NOT RUN: databases. Only root can become the user of a server.");
    }
    figures::publish(FIGURES, "the smallest possible client of the agent", &all);
}
