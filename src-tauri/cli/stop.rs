//! Why a command ended before its end, and the exit code that goes with it.

use crate::terminal::Terminal;
use keyfob_core::error::{Code, Error};

pub const CTRL_C: u8 = 130;

#[derive(Debug)]
pub enum Stop {
    Failed(Box<Error>),
    /// Ctrl+C in a form.
    Interrupted,
    /// The program that reads stdout went away: `fob list | head -1`.
    NobodyReads,
}

impl Stop {
    /// Tells what there is to tell, once, and gives the exit code.
    pub fn report(&self, terminal: Terminal) -> u8 {
        match self {
            Stop::Failed(error) => {
                terminal.fail(error);
                error.exit_code()
            }
            Stop::Interrupted => {
                terminal.fail(&Error::new(Code::Cancelled, "interrupted"));
                CTRL_C
            }
            Stop::NobodyReads => 0,
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Failed(Box::new(error))
    }
}
