//! The terminal's echo, which is off while the program works: what is typed before a field is there
//! may be a secret. Fields show what is typed by themselves.

#[cfg(unix)]
pub use terminal::restore;

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

#[cfg(unix)]
mod terminal {
    use rustix::process::getpgrp;
    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
    use std::io;
    use std::sync::{Mutex, PoisonError};

    /// As it was, while it is off.
    static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

    /// Nothing is done where standard input is no terminal, or another program's at the moment: a
    /// program in the background that changes its terminal is stopped.
    pub fn turn_off() {
        let stdin = io::stdin();
        if tcgetpgrp(&stdin).is_ok_and(|group| group == getpgrp())
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

    pub fn restore() {
        let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(before) = before {
            // A terminal that is gone needs none.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
        }
    }
}
