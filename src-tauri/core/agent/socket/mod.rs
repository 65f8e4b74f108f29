//! The socket between `fob` and the agent: one per user and configuration. A [`Listener`] hands the
//! [`Asked`] of other processes to whoever answers; a [`Client`] asks. Newline-delimited JSON, a
//! request and its answer per line: `{"v":1,"id":7,"asker":{…},"surroundings":"…","request":{…}}`
//! and `{"v":1,"id":7,"notes":[…],"reply":{…}}`. Knows nothing of what is asked, lets in nobody but
//! this user, and never logs what came over the wire.

mod address;
mod buffer;
mod claim;
mod client;
mod peer;
mod server;
mod wire;

pub use address::Address;
pub use client::{AsyncClient, Client, Heard};
pub use server::{Listener, Opened};

use super::api::Call;
use std::time::Duration;

/// Bytes of a line, without its end.
const LONGEST_REQUEST: usize = 64 << 10;
const LONGEST_ANSWER: usize = 4 << 20;
/// From a request's first byte to its end, and for an answer to be taken.
const MESSAGE_LIMIT: Duration = Duration::from_secs(10);
/// Between requests, unless a person is being asked at the other end.
const IDLE_LIMIT: Duration = Duration::from_secs(60);
const MOST_CONNECTIONS: usize = 128;
/// What is being answered when the agent gives up its socket may still be.
const LAST_ANSWERS_LIMIT: Duration = Duration::from_secs(2);

/// What came in, and the [`surroundings`](crate::environment::Environment::surroundings) it came
/// from.
#[derive(Debug)]
pub struct Asked {
    pub call: Call,
    pub surroundings: String,
}
