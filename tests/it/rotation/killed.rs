//! `kill -9` at every call to AWS that a rotation makes, before it and after it: a key that works
//! is stored each time, and the next run, sign-in, repair or agent goes on or undoes it.

use super::gate::{Gate, Stop};
use super::{is_settled, stored_keys};
use crate::home::{DEV, Home, RunningAgent, code, text, typed, until, with_input};
use keyfob_core::secret::Keys;
use std::process::{Child, Stdio};

pub struct Stage {
    pub home: Home,
    pub gate: Gate,
}

impl Stage {
    /// With a session of the key, which the rotation makes anew.
    pub fn new() -> Stage {
        let home = Home::with(DEV);
        let gate = Gate::before(&home);
        let stage = Stage { home, gate };
        stage.stores(&stage.home.key());
        stage.runs(&["login", "dev"]);
        stage
    }

    pub fn runs(&self, arguments: &[&str]) {
        let ran = self
            .gate
            .fob(&self.home, arguments)
            .output()
            .expect("fob starts");
        assert_eq!(code(&ran), 0, "{arguments:?}: {}", text(&ran.stderr));
    }

    fn agent(&self) -> RunningAgent {
        self.home
            .agent(self.gate.fob(&self.home, &["agent", "run"]))
    }

    /// Starts a rotation that stops there; `None`: it came to its end before that.
    pub fn stopped(&self, call: usize, stop: Stop) -> Option<Child> {
        self.gate.stop_at(call, stop);
        let mut fob = self.gate.fob(&self.home, &["user", "rotate", "dev"]);
        let mut fob = fob.stderr(Stdio::piped()).spawn().expect("fob starts");
        let mut ended = None;
        until("it stops or ends", || {
            ended = fob.try_wait().expect("a child of ours");
            ended.is_some() || self.gate.is_reached()
        });
        match ended {
            None => Some(fob),
            Some(status) => {
                assert!(status.success());
                self.gate.open();
                None
            }
        }
    }

    /// STS accepts the stored key; a rotation stays as it is.
    pub fn has_a_working_key(&self) {
        self.stores(&stored_keys(&self.home));
    }

    fn stores(&self, keys: &Keys) {
        let configure = &["user", "configure", "dev", "--stdin"];
        let ran = with_input(self.gate.fob(&self.home, configure), &typed(keys));
        assert!(ran.status.success(), "{}", text(&ran.stderr));
    }
}

const NEXT: [&[&str]; 3] = [
    &["user", "rotate", "dev"],
    &["login", "dev", "--force", "--no-input"],
    &["repair", "dev"],
];

/// Those that change something at AWS: without an answer `fob` does not know whether they did.
const CHANGING: [(usize, &str); 3] = [
    (1, "CreateAccessKey"),
    (5, "UpdateAccessKey"),
    (6, "DeleteAccessKey"),
];

/// `kill` ends whatever rotates; `next` is what comes then.
fn walk(stage: &Stage, mut kill: impl FnMut(Child), mut next: impl FnMut(usize)) {
    let mut is_killed = |call, stop| {
        let Some(fob) = stage.stopped(call, stop) else {
            return false;
        };
        kill(fob);
        stage.gate.open();
        stage.has_a_working_key();
        next(call);
        let what = format!("call {call}, {stop:?}");
        until(&what, || is_settled(&stage.home));
        true
    };
    let calls = (0..).take_while(|call| is_killed(*call, Stop::BeforeTheCall));
    assert_eq!(calls.count(), 7, "ListAccessKeys to DeleteAccessKey");
    for (call, action) in CHANGING {
        stage.home.sandbox().clear_journal();
        assert!(is_killed(call, Stop::BeforeTheAnswer));
        assert!(
            stage.home.calls().contains_key(action),
            "{action} is call {call}"
        );
    }
}

#[test]
fn the_doctor_names_a_rotation_that_was_cut_off() {
    let stage = Stage::new();
    let doctor = || {
        let ran = stage.gate.fob(&stage.home, &["doctor"]).output();
        let found = text(&ran.expect("fob starts").stdout);
        let mut lines = found.lines();
        let dev = lines.find(|line| line.contains(" identity dev: "));
        dev.expect("a line of its own").to_owned()
    };
    assert!(doctor().starts_with("ok "), "{}", doctor());
    for (call, _) in CHANGING {
        kill(
            stage
                .stopped(call, Stop::BeforeTheAnswer)
                .expect("it stops"),
        );
        stage.gate.open();
        let said = doctor();
        assert!(said.starts_with("warning "), "{said}");
        assert!(said.contains("is not finished"), "{said}");
        assert!(said.ends_with("fob user rotate dev"), "{said}");
        stage.runs(&["user", "rotate", "dev"]);
        assert!(doctor().starts_with("ok "), "{}", doctor());
    }
}

fn kill(mut fob: Child) {
    fob.kill().expect("it runs");
    fob.wait().expect("gone");
}

#[test]
fn a_rotation_that_was_killed_anywhere_is_finished_or_undone_by_what_comes_next() {
    let stage = Stage::new();
    walk(&stage, kill, |round| stage.runs(NEXT[round % NEXT.len()]));
}

#[test]
fn an_agent_that_was_killed_anywhere_in_a_rotation_goes_on_when_it_starts_again() {
    let stage = Stage::new();
    let agent = std::cell::RefCell::new(Some(stage.agent()));
    walk(
        &stage,
        |fob| {
            kill(fob);
            // Dropped, it is killed.
            drop(agent.borrow_mut().take());
        },
        |_| *agent.borrow_mut() = Some(stage.agent()),
    );
}
