//! Tokens and the port of a database: against the warm `credential-process`, and against the same
//! client that speaks TLS to the server itself.

use crate::database_server::{Engine, Server, home_with};
use crate::figures::{Figure, median, milliseconds, ratio, timed};
use crate::home::Home;
use crate::process::Process;
use crate::stage::FOB;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

const RUNS: usize = 101;
const SECONDS: &str = "5";
const TOKEN_LIMIT: f64 = 1.2;
const CONNECTION_LIMIT: f64 = 1.5;
const THROUGHPUT_LIMIT: f64 = 0.9;
/// A user whom the server lets in unasked: what its PAM takes is not measured.
const LOGIN: &str = "user: open, via: { identity: deploy }";

pub fn databases() -> Vec<Figure> {
    let server = Server::start(Engine::Postgres);
    let entry = server.entry("orders", LOGIN);
    let home = home_with(&entry, &server.sessions_of(7200));
    let agent = Process::start(&mut home.bare(&[&FOB, "agent", "run"]));
    let mut figures = vec![token(&home)];
    let (fob, port) = proxy(&home);
    let place = [
        format!("host=localhost port={} sslmode=verify-full", server.port),
        format!("sslrootcert={}", server.path("server.crt")),
        "user=open dbname=lake".to_owned(),
    ];
    let direct = place.join(" ");
    let through = format!("host=127.0.0.1 port={port} user=open dbname=lake");
    home.run(&["pgbench", "-i", "-q", &direct]).ok();
    let [alone, proxied] = [&direct, &through].map(|place| per_second(&home, place, &["-S", "-C"]));
    let more = alone / proxied;
    let set_up = format!("{:.2} ms", 1000.0 / proxied);
    let what = "a connection through the port, to one over TLS (`pgbench -C`)";
    figures.push(
        Figure::new(what, Some(more), set_up)
            .limit(format!("{CONNECTION_LIMIT}"), more <= CONNECTION_LIMIT),
    );
    let [own, reads] = [&[][..], &["-S"]].map(|script| {
        let how = [&["-c", "4", "-j", "2"], script].concat();
        let [alone, proxied] = [&direct, &through].map(|place| per_second(&home, place, &how));
        (proxied / alone, format!("{proxied:.0} a second"))
    });
    let what = "`pgbench` through the port, to directly over TLS";
    let limit = format!("at least {THROUGHPUT_LIMIT}");
    figures.push(Figure::new(what, Some(own.0), own.1).limit(limit, own.0 >= THROUGHPUT_LIMIT));
    let what = "the same with reads alone (`-S`), which keep all processors busy";
    figures.push(Figure::new(what, Some(reads.0), reads.1));
    drop((fob, agent));
    figures
}

/// One that an agent holds.
fn token(home: &Home) -> Figure {
    let took = |words: &[&str]| {
        let once = || {
            let ran = home.bare(words).output().expect("fob starts");
            assert!(ran.status.success());
        };
        once();
        let mut times: Vec<Duration> = (0..RUNS).map(|_| timed(once)).collect();
        median(&mut times)
    };
    let process = took(&[&FOB, "credential-process", "deploy"]);
    let token = took(&[&FOB, "rds", "token", "orders"]);
    let more = ratio(token, process);
    Figure::new(
        "a token that the agent holds, to the warm `credential-process`",
        Some(more),
        milliseconds(token),
    )
    .limit(format!("{TOKEN_LIMIT}"), more <= TOKEN_LIMIT)
}

fn per_second(home: &Home, place: &str, how: &[&str]) -> f64 {
    let words = [&["pgbench", "-n", "-T", SECONDS], how, &[place]].concat();
    let said = home.run(&words).ok();
    let mut figures = said.lines().filter_map(|line| line.strip_prefix("tps = "));
    let figure = figures.next().and_then(|rest| rest.split(' ').next());
    figure
        .and_then(|it| it.parse().ok())
        .expect("pgbench says it")
}

/// `fob rds proxy` and its port.
fn proxy(home: &Home) -> (Process, String) {
    let mut fob = home.bare(&[&FOB, "rds", "proxy", "orders"]);
    let mut fob = fob.stdout(Stdio::piped()).spawn().expect("fob starts");
    let mut line = String::new();
    let mut printed = BufReader::new(fob.stdout.take().expect("it is piped"));
    printed.read_line(&mut line).expect("text");
    let port = line.trim().trim_end_matches('/').rsplit(':').next();
    let port = port.expect("an address").to_owned();
    (Process::of(fob), port)
}
