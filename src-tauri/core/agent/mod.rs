//! One task owns the sessions: requests in, replies out. [`Agent`] is the handle of its host, and
//! [`Client`] the way to it, in the same process or over the socket; clients see only [`api`].

mod actor;
mod answers;
pub mod api;
pub mod client;
mod databases;
pub mod edits;
mod handle;
pub mod hosting;
mod jobs;
mod keys;
mod outcomes;
mod ports;
mod prompts;
pub mod proxied;
mod requests;
mod role;
mod schedule;
pub mod shared_profiles;
mod sign_ins;
pub mod socket;
mod tend;
mod waiter;

pub use client::{BlockingClient, Client, MakeAgent, Remote};
pub use handle::Agent;
pub use role::Role;
