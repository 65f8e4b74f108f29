//! The socket between `fob` and the agent, one per user and configuration. A [`Listener`] passes
//! the requests of other processes on, a [`Connection`] sends them. Newline-delimited JSON, one
//! line for a request and one for its answer:
//! `{"v":1,"id":7,"asker":{…},"surroundings":"…","request":{…}}` and
//! `{"v":1,"id":7,"notes":[…],"reply":{…}}`. Admits this user only, knows nothing of what a request
//! means, and never logs what came over the wire.

mod address;
mod buffer;
mod claim;
mod client;
mod peer;
mod server;
mod wire;

pub use address::Address;
pub use buffer::Buffer;
pub use client::{BlockingConnection, Connection};
pub(super) use client::{Face, at_once};
pub use server::{Listener, Opened};
pub use wire::{Asked, Heard};
