//! Signals. Ctrl+C ends the program with exit code 130 at any moment, also while it waits for the network, a lock or a
//! key derivation: a thread of its own listens. In a form the terminal is raw and Ctrl+C is a key: `prompt` handles it.

use crate::conversation::runtime;
use crate::stop::CTRL_C;
use crate::terminal::{WIPED, print_to_people};
use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};

static LEFT_TO_THE_CHILD: AtomicBool = AtomicBool::new(false);
static HAPPENED: AtomicBool = AtomicBool::new(false);

pub fn exit_on_ctrl_c() {
    // Without the thread Ctrl+C still ends the program, only less tidily.
    let _ = std::thread::Builder::new().name("ctrl-c".to_owned()).spawn(listen);
}

/// From now on a child gets the terminal's Ctrl+C, and its end is ours.
#[cfg(any(feature = "sandbox", not(unix)))]
pub fn leave_to_the_child() {
    LEFT_TO_THE_CHILD.store(true, Ordering::Relaxed);
}

/// Whether Ctrl+C came since [`leave_to_the_child`].
#[cfg(feature = "sandbox")]
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
        std::process::exit(CTRL_C.into());
    }
}

/// Whoever ends this program means the child; the rest is cleared away once the child has ended. It is told with SIGHUP,
/// since interactive shells do not listen to SIGTERM.
#[cfg(all(unix, feature = "sandbox"))]
pub fn pass_on_to(child: &std::process::Child) {
    use rustix::process::{Pid, Signal, kill_process};
    use tokio::signal::unix::{SignalKind, signal};

    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
    let pass_on = move || {
        let Ok(runtime) = runtime() else { return };
        runtime.block_on(async {
            let (Ok(mut terminated), Ok(mut hung_up)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup()))
            else {
                return;
            };
            loop {
                tokio::select! { _ = terminated.recv() => {}, _ = hung_up.recv() => {} }
                // It may have ended by itself a moment ago.
                let _ = kill_process(pid, Signal::HUP);
            }
        });
    };
    // Without the thread the signals end this program, and the child lives on without its sandbox.
    let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(pass_on);
}

/// Windows ends a console's programs together.
#[cfg(all(not(unix), feature = "sandbox"))]
pub fn pass_on_to(_child: &std::process::Child) {}
