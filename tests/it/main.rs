//! One integration binary: the parts of Keyfob as their users see them, without anything from outside the repository.

mod audit;
mod boundaries;
mod cleanup;
mod cli;
mod completion;
mod home;
mod logins;
mod logout;
mod logout_table;
#[path = "../peers/loopback.rs"]
mod loopback;
#[path = "../peers/terminal.rs"]
mod screen;
mod support;
mod surroundings;
mod terminal;
mod together;
