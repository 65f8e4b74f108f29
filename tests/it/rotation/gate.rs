//! What stands between `fob` and the sandbox: passes calls on, and stops at one of them, before it
//! reached AWS or before its answer reached `fob`.

use crate::home::Home;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    BeforeTheCall,
    BeforeTheAnswer,
}

#[derive(Debug, Default)]
struct State {
    /// At which of the calls from now on.
    stop: Option<(usize, Stop)>,
    is_reached: bool,
    /// What was stopped goes on.
    goes_on: bool,
}

pub struct Gate {
    url: String,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Gate {
    pub fn before(home: &Home) -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let sandbox = home.sandbox().url().replace("http://", "");
        let state = Arc::<(Mutex<State>, Condvar)>::default();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.expect("a connection");
                let (sandbox, shared) = (sandbox.clone(), Arc::clone(&shared));
                std::thread::spawn(move || pass(stream, &sandbox, &shared));
            }
        });
        Gate { url, state }
    }

    /// `fob` with its calls through here.
    pub fn fob(&self, home: &Home, arguments: &[&str]) -> Command {
        let mut fob = home.fob(arguments);
        fob.env("AWS_ENDPOINT_URL", &self.url);
        fob
    }

    /// At the call of this number, counted from 0 from now on.
    pub fn stop_at(&self, call: usize, stop: Stop) {
        *self.state.0.lock().expect("no panic") = State {
            stop: Some((call, stop)),
            ..State::default()
        };
    }

    pub fn is_reached(&self) -> bool {
        self.state.0.lock().expect("no panic").is_reached
    }

    /// What was stopped gets no answer; all others pass.
    pub fn open(&self) {
        self.let_pass(State::default());
    }

    /// What was stopped gets its answer now.
    pub fn answer(&self) {
        self.let_pass(State {
            goes_on: true,
            ..State::default()
        });
    }

    fn let_pass(&self, state: State) {
        *self.state.0.lock().expect("no panic") = state;
        self.state.1.notify_all();
    }
}

fn pass(mut stream: TcpStream, sandbox: &str, state: &(Mutex<State>, Condvar)) {
    let Some(request) = request(&mut stream) else {
        return;
    };
    let stop = {
        let mut state = state.0.lock().expect("no panic");
        match &mut state.stop {
            Some((0, stop)) => Some(*stop),
            Some((calls, _)) => {
                *calls -= 1;
                None
            }
            None => None,
        }
    };
    let answer = (stop != Some(Stop::BeforeTheCall)).then(|| answer(sandbox, &request));
    if stop.is_some() {
        let (lock, opened) = state;
        let mut state = lock.lock().expect("no panic");
        state.is_reached = true;
        while state.stop.is_some() {
            state = opened.wait(state).expect("no panic");
        }
        if !state.goes_on {
            return;
        }
    }
    if let Some(answer) = answer {
        // It may have hung up.
        let _ = stream.write_all(&closing(&answer));
    }
}

/// One request with its body; `None`: the other side hung up.
fn request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        let mut piece = [0; 8192];
        let read = stream.read(&mut piece).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_it = name.eq_ignore_ascii_case("content-length");
            is_it.then(|| value.trim().parse::<usize>().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            return Some(request);
        }
    }
}

fn answer(sandbox: &str, request: &[u8]) -> Vec<u8> {
    let mut there = TcpStream::connect(sandbox).expect("the sandbox");
    there.write_all(&closing(request)).expect("it reads");
    let mut answer = Vec::new();
    there.read_to_end(&mut answer).expect("it answers");
    answer
}

/// With the connection closed behind it.
fn closing(message: &[u8]) -> Vec<u8> {
    let at = message
        .windows(2)
        .position(|it| it == b"\r\n")
        .expect("a first line");
    let (first, rest) = message.split_at(at);
    [first, b"\r\nconnection: close", rest].concat()
}
