//! Signals. Ctrl+C ends the program with exit code 130 at any moment, also while it waits for the
//! network, a lock or a key derivation: a thread of its own listens. In a form the terminal is raw
//! and Ctrl+C is a key: `prompt` handles it.

use crate::conversation::runtime;
use crate::echo;
use crate::stop::CTRL_C;
use crate::terminal::{WIPED, print_to_people};
#[cfg(unix)]
use keyfob_core::hardening::signals::{self, Senders};
use keyfob_core::signal::{self, Ended};
#[cfg(unix)]
use rustix::process::{Pid, Signal};
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

/// Signals to this program that go on to a child; the rest is cleared away once the child has
/// ended. Ctrl+C and Ctrl+\ reach the child from the terminal: those two go on only when another
/// program sent them.
#[derive(Debug)]
pub struct PassedOn {
    #[cfg(unix)]
    ignored: Vec<(Signal, Signal, Senders)>,
}

#[cfg(unix)]
impl PassedOn {
    /// Before there is a child, which inherits the signals that are ignored, as with `nohup`: only
    /// those wait until there is one.
    pub fn begin(termination: Termination) -> PassedOn {
        let terminated = match termination {
            Termination::Same => Signal::TERM,
            Termination::HangUp => Signal::HUP,
        };
        let all = [
            (Signal::TERM, terminated, Senders::All),
            (Signal::HUP, Signal::HUP, Senders::All),
            (Signal::INT, Signal::INT, Senders::Programs),
            (Signal::QUIT, Signal::QUIT, Senders::Programs),
        ];
        let (ignored, taken): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|it| signals::is_ignored(it.0));
        for (signal, to, senders) in taken {
            signals::pass_on(signal, to, senders);
        }
        PassedOn { ignored }
    }

    pub fn to(self, child: &std::process::Child) {
        for (signal, to, senders) in self.ignored {
            signals::pass_on(signal, to, senders);
        }
        signals::go_to(Pid::from_child(child));
    }
}

/// Windows tells all programs of a console itself.
#[cfg(not(unix))]
impl PassedOn {
    pub fn begin(_termination: Termination) -> PassedOn {
        PassedOn {}
    }

    pub fn to(self, _child: &std::process::Child) {
        let PassedOn {} = self;
    }
}
