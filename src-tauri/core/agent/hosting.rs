//! An agent for all processes of a user: it holds the address of its configuration and answers what
//! comes in over the socket. The host decides whether an agent that runs already keeps the address.

use super::client::{self, Client};
use super::handle::Agent;
use super::socket::{Address, Asked, Connection, Listener, Opened};
use crate::clock::Clock;
use crate::error::Result;
use std::sync::Arc;
use std::time::Duration;

/// For an address that is taken while no agent listens there: in all longer than the last answers
/// of an agent may take.
const LOOKS: u32 = 100;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// What happens to an agent that runs already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    Stays,
    /// It is stopped.
    IsStopped,
}

/// Needs a tokio runtime around it. An agent that is being stopped holds the address until its last
/// answers are sent, and one that is starting listens in a moment.
pub async fn open(address: &Address, other: Other) -> Result<Opened> {
    for _ in 0..LOOKS {
        match Listener::open(address)? {
            Opened::Ready(listener) => return Ok(Opened::Ready(listener)),
            Opened::Taken { pid } => match other {
                Other::Stays if Connection::open(address).await?.is_some() => {
                    // It may have been written since.
                    let pid = pid.or_else(|| address.pid());
                    return Ok(Opened::Taken { pid });
                }
                Other::IsStopped if client::stop(address).await? => {}
                // No agent listens at the moment.
                Other::Stays | Other::IsStopped => {}
            },
        }
        Clock::nap(BETWEEN_LOOKS).await;
    }
    Listener::open(address)
}

/// Answers until `until` is ready.
pub async fn serve(listener: Listener, agent: &Agent, until: impl Future<Output = ()>) {
    let answer = |client: Arc<Client>, asked: Asked| async move {
        client.ask_for(asked.fingerprint, asked.call).await
    };
    listener
        .serve(&Clock::system(), || agent.client(), answer, until)
        .await;
}
