//! Why a command ended early.

use keyfob_core::error::Error;

pub const CTRL_C: u8 = 130;

#[derive(Debug)]
pub enum Stop {
    Failed(Box<Error>),
    /// Ctrl+C in a form.
    Interrupted,
    /// The program that reads stdout went away: `fob list | head -1`.
    OutputClosed,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Failed(Box::new(error))
    }
}
