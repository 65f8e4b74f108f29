//! Signals. Ctrl+C ends the program with exit code 130 at any moment, also while it waits for the
//! network, a lock or a key derivation: a thread of its own listens. In a form the terminal is raw
//! and Ctrl+C is a key: `prompt` handles it.

use crate::conversation::runtime;
use crate::echo;
use crate::stop::CTRL_C;
use crate::terminal::{WIPED, print_to_people};
use keyfob_core::signal::{self, Ended};
use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};

static LEFT_TO_THE_CHILD: AtomicBool = AtomicBool::new(false);
static HAPPENED: AtomicBool = AtomicBool::new(false);

pub fn exit_on_ctrl_c() {
    // Without the thread Ctrl+C still ends the program, only less tidily.
    let _ = std::thread::Builder::new()
        .name("ctrl-c".to_owned())
        .spawn(listen);
}

/// Ready once this program has to end. From the call on the signals no longer end it by themselves;
/// needs a tokio runtime around it.
pub fn ended() -> impl Future<Output = Ended> {
    let ended = signal::ended();
    LEFT_TO_THE_CHILD.store(ended.is_ok(), Ordering::Relaxed);
    async {
        match ended {
            Ok(ended) => ended.await,
            // Without them the signals end the program all the same.
            Err(_) => std::future::pending().await,
        }
    }
}

/// From now on a child gets the terminal's Ctrl+C, and its end is ours.
pub fn leave_to_the_child() {
    LEFT_TO_THE_CHILD.store(true, Ordering::Relaxed);
    // Windows' other events end this program unless they are listened to, here to its end.
    #[cfg(windows)]
    std::mem::forget(signal::ended());
}

/// Whether Ctrl+C came since [`leave_to_the_child`].
pub fn happened() -> bool {
    HAPPENED.load(Ordering::Relaxed)
}

fn listen() {
    let Ok(runtime) = runtime() else { return };
    while runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
        if LEFT_TO_THE_CHILD.load(Ordering::Relaxed) {
            HAPPENED.store(true, Ordering::Relaxed);
            continue;
        }
        if io::stderr().is_terminal() {
            // A spinner, and the `^C` that the terminal shows.
            print_to_people(WIPED);
        }
        echo::restore();
        std::process::exit(CTRL_C.into());
    }
}

/// How SIGTERM reaches a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Termination {
    Same,
    /// As SIGHUP, since interactive shells ignore SIGTERM.
    HangUp,
}

/// Signals to this program go on to the child; the rest is cleared away once the child has ended.
/// Ctrl+C and Ctrl+\ reach the child from the terminal: those two go on only when another program
/// sent them. Called once there is a child, which inherits the signals that are ignored, as with
/// `nohup`.
#[cfg(unix)]
pub fn pass_on_to(child: &std::process::Child, termination: Termination) {
    use rustix::process::{Pid, Signal, kill_process};
    use tokio::signal::unix::{SignalKind, signal};

    let pid = Pid::from_child(child);
    // Without these the signals end this program, and the child lives on without credentials.
    let Ok(runtime) = runtime() else { return };
    let signals = {
        let _inside = runtime.enter();
        (
            signal(SignalKind::terminate()),
            signal(SignalKind::hangup()),
        )
    };
    let (Ok(mut terminated), Ok(mut hung_up)) = signals else {
        return;
    };
    for signal in [Signal::INT, Signal::QUIT] {
        keyfob_core::hardening::pass_on_to(pid, signal);
    }
    let pass_on = move || {
        runtime.block_on(async {
            loop {
                let signal = tokio::select! {
                    _ = terminated.recv() => match termination {
                        Termination::Same => Signal::TERM,
                        Termination::HangUp => Signal::HUP,
                    },
                    _ = hung_up.recv() => Signal::HUP,
                };
                // It may just have ended. A stopped one gets the signal only once it is woken.
                let _ = kill_process(pid, signal);
                let _ = kill_process(pid, Signal::CONT);
            }
        });
    };
    let _ = std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(pass_on);
}

/// Windows tells all programs of a console itself.
#[cfg(not(unix))]
pub fn pass_on_to(_child: &std::process::Child, _termination: Termination) {}
