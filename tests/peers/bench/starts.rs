//! Programs from start to end: `fob credential-process` beside a program that does nothing and the
//! least that a client of the agent can be; one after another, and fifty at once.

use crate::figures::{Figure, median, milliseconds, ratio, timed};
use crate::stage::{FOB, MINIMAL, Stage};
use keyfob_core::agent::api::{Caller, Person, Request, SessionRequest, VERSION};
use keyfob_core::sandbox::{FaultSwitch, SandboxFault};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const TURNS: usize = 500;
const AT_ONCE: usize = 50;
const BURSTS: usize = 7;
const AWS: Duration = Duration::from_millis(300);

/// With an agent that holds a session of `role-1`. Also how long the minimal client takes.
pub fn warm(stage: &Stage) -> (Duration, Vec<Figure>) {
    let role = "role-1";
    assert!(printed(&mut fob(stage, role)).contains("SessionToken"));
    assert!(printed(&mut minimal(stage, role)).contains("session_token"));
    let mut commands = [
        Command::new("/bin/true"),
        minimal(stage, role),
        fob(stage, role),
    ];
    let mut times = [const { Vec::new() }; 3];
    for turn in 0..TURNS {
        // Whoever is first may pay for what was before.
        for which in (0..3).map(|n| (n + turn) % 3) {
            times[which].push(run(&mut commands[which]));
        }
    }
    let medians = times.each_mut().map(|times| median(times));
    let bests = times.map(|times| times.into_iter().min().expect("there were turns"));
    let value = |of: usize| {
        format!(
            "{}, best {}",
            milliseconds(medians[of]),
            milliseconds(bests[of])
        )
    };
    let to_minimal = |of: usize| ratio(medians[of], medians[1]);
    let figures = vec![
        Figure::anchor("`/bin/true`", to_minimal(0), value(0)),
        Figure::anchor("the minimal client", 1.0, value(1)),
        Figure::new(
            "`fob credential-process`, warm",
            Some(to_minimal(2)),
            value(2),
        )
        .limit("1.50", to_minimal(2) <= 1.5),
    ];
    (medians[1], figures)
}

/// What the role stands on is held, its session is not: one step to AWS, whose answer takes 300 ms.
/// `over` says what, and `step` is that step.
pub fn cold(stage: &Stage, alone: Duration, over: &str, step: &str) -> Vec<Figure> {
    let sandbox = &stage.sandbox;
    sandbox
        .inject(FaultSwitch::on(SandboxFault::Delay { milliseconds: 300 }))
        .expect("a delay");
    let mut rounds = Vec::new();
    for n in 0..BURSTS {
        let role = format!("role-{}", 2 + n);
        sandbox.clear_journal();
        let cold = burst(stage, &role);
        let calls: Vec<String> = sandbox
            .journal()
            .into_iter()
            .map(|call| call.action)
            .collect();
        assert_eq!(calls, [step], "one call for all");
        rounds.push((cold, burst(stage, &role)));
    }
    sandbox.clear_faults();
    let mut warm: Vec<Duration> = rounds.iter().map(|(_, warm)| *warm).collect();
    let mut cold: Vec<Duration> = rounds.iter().map(|(cold, _)| *cold).collect();
    let (warm, cold) = (median(&mut warm), median(&mut cold));
    let limit = AWS + 2 * warm;
    vec![
        Figure::new(
            format!("{AT_ONCE} warm at once{over}"),
            Some(ratio(warm, alone)),
            milliseconds(warm),
        ),
        Figure::new(
            format!("{AT_ONCE} cold at once{over}, one {step}, which takes 300 ms"),
            Some(ratio(cold, alone)),
            milliseconds(cold),
        )
        .limit(
            format!("300 ms + 2 x the warm: {}", milliseconds(limit)),
            cold <= limit,
        ),
    ]
}

fn burst(stage: &Stage, role: &str) -> Duration {
    let mut answers = Vec::new();
    let took = timed(|| {
        let children: Vec<Child> = (0..AT_ONCE)
            .map(|_| {
                fob(stage, role)
                    .stdout(Stdio::piped())
                    .spawn()
                    .expect("fob starts")
            })
            .collect();
        answers = children
            .into_iter()
            .map(|child| child.wait_with_output().expect("fob ends"))
            .collect();
    });
    for answer in &answers {
        assert!(
            answer.status.success()
                && !answer.stdout.is_empty()
                && answer.stdout == answers[0].stdout,
            "{answer:?}"
        );
    }
    took
}

pub fn fob(stage: &Stage, role: &str) -> Command {
    stage.home.bare(&[&FOB, "credential-process", role])
}

/// Says what `fob` would say.
fn minimal(stage: &Stage, role: &str) -> Command {
    let request = serde_json::json!({
        "v": VERSION,
        "id": 1,
        "asker": Caller { program: "bench".into(), pid: std::process::id(), person: Person::Absent, trail: None },
        "surroundings": stage.environment().fingerprint(),
        "request": Request::Session(SessionRequest::Credentials { identity: role.to_owned(), wait_seconds: 18 }),
    });
    let socket = stage.address();
    stage.home.bare(&[
        &MINIMAL,
        socket
            .path()
            .to_str()
            .expect("temporary folders have plain names"),
        &request.to_string(),
    ])
}

fn printed(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

pub fn run(command: &mut Command) -> Duration {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    timed(|| assert!(command.status().expect("it starts").success()))
}
