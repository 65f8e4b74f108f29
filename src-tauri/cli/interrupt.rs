//! Ctrl+C ends the program with exit code 130 at any moment, also while it waits for the network, a lock or a key
//! derivation: a thread of its own listens. In a form the terminal is raw and Ctrl+C is a key: `prompt` handles it.

use crate::conversation::runtime;
use crate::stop::CTRL_C;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

static LEFT_TO_THE_CHILD: AtomicBool = AtomicBool::new(false);

pub fn exit_on_ctrl_c() {
    // Without the thread Ctrl+C still ends the program, only less tidily.
    let _ = std::thread::Builder::new().name("ctrl-c".to_owned()).spawn(listen);
}

/// From now on a child gets the terminal's Ctrl+C, and its end is ours.
#[cfg_attr(all(unix, not(feature = "sandbox")), expect(dead_code, reason = "nobody waits for a child"))]
pub fn leave_to_the_child() {
    LEFT_TO_THE_CHILD.store(true, Ordering::Relaxed);
}

fn listen() {
    let Ok(runtime) = runtime() else { return };
    while runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
        if LEFT_TO_THE_CHILD.load(Ordering::Relaxed) {
            continue;
        }
        let mut err = io::stderr().lock();
        if err.is_terminal() {
            // Wipes a spinner, and the `^C` that the terminal shows.
            let _ = err.write_all(b"\r\x1b[K");
        }
        std::process::exit(CTRL_C.into());
    }
}
