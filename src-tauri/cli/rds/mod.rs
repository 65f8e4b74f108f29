//! `fob rds`: what opens databases, for people, for a command, and for any client.

mod exec;
mod list;
mod proxy;
mod token;

pub use exec::exec;
pub use list::list;
pub use proxy::proxy;
pub use token::token;
