//! One task owns the sessions: requests in, replies out. [`Agent`] is the handle of its host, and
//! [`Client`] the way to it, in the same process or over the socket; clients see only [`api`].

mod actor;
mod answers;
pub mod api;
pub mod client;
pub mod edits;
pub mod hosting;
mod jobs;
mod prompts;
mod schedule;
pub mod socket;
mod waiter;

pub use client::{BlockingClient, Client, MakeAgent, Remote};

use crate::world::World;
use actor::{Actor, Message};
use api::Event;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::{broadcast, mpsc};

/// Unread events are forgotten beyond this many.
const UNREAD_EVENTS: usize = 256;

/// What an agent works for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The process it is in: prompts that cannot be answered here fail.
    InProcess,
    /// All processes of the user: prompts stay open until they are answered, and sessions stay
    /// fresh.
    Hosted,
}

/// Clones lead to the same task.
#[derive(Clone, Debug)]
pub struct Agent {
    inbox: mpsc::UnboundedSender<Message>,
    clients: Arc<AtomicU32>,
    events: broadcast::Sender<Event>,
}

impl Agent {
    /// Needs a tokio runtime, and lives as long as it, the agent or one of its clients.
    pub fn new(world: World, role: Role) -> Agent {
        let (inbox, messages) = mpsc::unbounded_channel();
        let (events, _) = broadcast::channel(UNREAD_EVENTS);
        let actor = Actor::new(world, role, inbox.downgrade(), events.clone());
        tokio::spawn(actor.run(messages));
        Agent {
            inbox,
            clients: Arc::default(),
            events,
        }
    }

    pub fn client(&self) -> Client {
        let id = self.clients.fetch_add(1, Ordering::Relaxed);
        Client::in_process(self.inbox.clone(), id)
    }

    /// What happens from now on without a request.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Withdraws its prompts and ends the agent.
    pub async fn stop(&self) {
        self.client().ask(client::stop_request()).await;
    }

    /// Returns once the agent was stopped.
    pub async fn stopped(&self) {
        self.inbox.closed().await;
    }
}
