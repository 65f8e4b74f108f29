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
use std::env;

/// Of the last run on a machine that is meant to be compared with.
const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/bench/figures.md");

fn main() {
    // `cargo bench … -- logout`: only that, and nothing is written.
    let only: Vec<String> = env::args()
        .skip(1)
        .filter(|it| !it.starts_with("--"))
        .collect();
    let is_wanted = |part: &str| only.is_empty() || only.iter().any(|it| it == part);
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
    if is_wanted("starts") {
        add(starts::cold(&stage, minimal, "", "AssumeRole"));
        add(endpoint::endpoint(&stage, minimal));
    }
    drop(process);
    if is_wanted("agent") {
        add(agent::held(minimal));
    }
    if is_wanted("sign-ins") {
        add(sign_ins::kinds(minimal));
        add(sign_ins::assigned());
    }
    if is_wanted("logout") {
        add(logout::logout());
    }
    if is_wanted("doctor") {
        add(vec![doctor::doctor()]);
    }
    if is_wanted("databases") {
        add(databases::databases());
    }
    if only.is_empty() {
        figures::publish(FIGURES, "the smallest possible client of the agent", &all);
    }
}
