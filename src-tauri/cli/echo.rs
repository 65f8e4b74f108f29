//! The terminal's echo, which is off while the program works: what is typed before a field is there
//! may be a secret. Fields show what is typed by themselves.

#[cfg(unix)]
use rustix::termios::LocalModes;
#[cfg(unix)]
pub use terminal::{discard_typed, is_in_front, restore};

/// Until it is dropped.
#[derive(Debug)]
pub struct EchoOff(());

impl EchoOff {
    pub fn start() -> EchoOff {
        #[cfg(unix)]
        terminal::turn_off(LocalModes::ECHO);
        EchoOff(())
    }

    /// Each key is read as it is pressed. Those that signal still do.
    pub fn key_by_key() -> EchoOff {
        #[cfg(unix)]
        terminal::turn_off(LocalModes::ECHO | LocalModes::ICANON);
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

#[cfg(not(unix))]
pub fn is_in_front() -> bool {
    true
}

#[cfg(unix)]
mod terminal {
    use rustix::process::getpgrp;
    use rustix::termios::{LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios};
    use rustix::termios::{tcflush, tcgetattr, tcgetpgrp, tcsetattr};
    use std::io::{self, Stdin};
    use std::sync::{Mutex, PoisonError};

    /// As it was, while it is off.
    static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

    /// Nothing is done where standard input is no terminal, or another program's at the moment: a
    /// program in the background that changes its terminal is stopped.
    pub fn turn_off(modes: LocalModes) {
        let stdin = io::stdin();
        if is_ours(&stdin)
            && let Ok(before) = tcgetattr(&stdin)
        {
            let mut quiet = before.clone();
            quiet.local_modes.remove(modes);
            // Without lines a read ends with the first key.
            quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
            quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
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

    /// Whether what is typed is for this program.
    pub fn is_in_front() -> bool {
        is_ours(&io::stdin())
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
