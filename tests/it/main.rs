//! One integration binary: the parts of Keyfob as their users see them, without anything from outside the repository.

mod audit;
mod boundaries;
mod cli;
mod home;
mod logins;
#[path = "../peers/loopback.rs"]
mod loopback;
#[path = "../peers/terminal.rs"]
mod screen;
mod support;
mod surroundings;
mod terminal;
mod together;
