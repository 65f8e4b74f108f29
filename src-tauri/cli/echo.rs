//! The terminal's echo, which is off while the program works: what is typed before a field is there
//! may be a secret. Fields show what is typed by themselves.

#[cfg(unix)]
pub use terminal::{discard_typed, restore};

/// Until it is dropped.
#[derive(Debug)]
pub struct EchoOff(());

impl EchoOff {
    pub fn start() -> EchoOff {
        #[cfg(unix)]
        terminal::turn_off();
        EchoOff(())
    }
}

impl Drop for EchoOff {
    fn drop(&mut self) {
        restore();
    }
}

/// Consoles echo only what a program reads by lines.
#[cfg(not(unix))]
pub fn restore() {}

/// Consoles hand a line to the program that reads it.
#[cfg(not(unix))]
pub fn discard_typed() {}

#[cfg(unix)]
mod terminal {
    use rustix::process::getpgrp;
    use rustix::termios::{LocalModes, OptionalActions, QueueSelector, Termios};
    use rustix::termios::{tcflush, tcgetattr, tcgetpgrp, tcsetattr};
    use std::io::{self, Stdin};
    use std::sync::{Mutex, PoisonError};

    /// As it was, while it is off.
    static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

    /// Nothing is done where standard input is no terminal, or another program's at the moment: a
    /// program in the background that changes its terminal is stopped.
    pub fn turn_off() {
        let stdin = io::stdin();
        if is_ours(&stdin)
            && let Ok(before) = tcgetattr(&stdin)
        {
            let mut quiet = before.clone();
            quiet.local_modes.remove(LocalModes::ECHO);
            if tcsetattr(&stdin, OptionalActions::Now, &quiet).is_ok() {
                let mut kept = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
                kept.get_or_insert(before);
            }
        }
    }

    /// What was typed for a form that has gone would be the input of the next program.
    pub fn discard_typed() {
        let stdin = io::stdin();
        if is_ours(&stdin) {
            // A terminal that is gone holds nothing.
            let _ = tcflush(&stdin, QueueSelector::IFlush);
        }
    }

    fn is_ours(stdin: &Stdin) -> bool {
        tcgetpgrp(stdin).is_ok_and(|group| group == getpgrp())
    }

    pub fn restore() {
        let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(before) = before {
            // A terminal that is gone needs none.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
        }
    }
}
