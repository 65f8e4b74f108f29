//! `fob rds`: what opens databases, for people, for a command, and for any client.

mod exec;
mod list;
mod token;

pub use exec::exec;
pub use list::list;
pub use token::token;
