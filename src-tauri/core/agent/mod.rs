//! One task owns the sessions: requests in, replies out. [`Agent`] is the handle of its host, and
//! [`Client`] the way to it, in the same process or over the socket; clients see only [`api`].

pub mod api;
pub mod client;
pub mod edits;
mod errand;
mod flight;
pub mod hosting;
mod owner;
mod prompts;
mod schedule;
pub mod socket;
mod status;

pub use client::{BlockingClient, Client, MakeAgent, Remote};

use crate::auth::Auth;
use api::Event;
use owner::{Message, Owner};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::{broadcast, mpsc};

/// Events that nobody has read are forgotten beyond this many.
const UNREAD_EVENTS: usize = 256;

/// Whom an agent works for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// For the process it is in: what nobody can answer here, nobody answers.
    InProcess,
    /// For everybody: a question stays open until somebody answers it, and what was signed in to
    /// stays fresh.
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
    /// Needs a tokio runtime, and lives as long as it or as somebody holds the agent.
    pub fn new(auth: Auth, role: Role) -> Agent {
        let (inbox, messages) = mpsc::unbounded_channel();
        let (events, _) = broadcast::channel(UNREAD_EVENTS);
        let owner = Owner::new(auth, role, inbox.downgrade(), events.clone());
        tokio::spawn(owner.run(messages));
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

    /// What happens from now on without anybody asking.
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
