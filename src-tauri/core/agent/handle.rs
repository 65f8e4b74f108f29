//! [`Agent`], the handle of the host of an agent.

use super::actor::{Actor, Message};
use super::api::Event;
use super::client::{self, Client};
use super::requests;
use super::role::Role;
use crate::world::World;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::{broadcast, mpsc};

/// Unread events are forgotten beyond this many.
const UNREAD_EVENTS: usize = 256;

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
        tokio::spawn(requests::run(actor, messages));
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

    /// Part of its status from now on.
    pub fn warns(&self, text: String) {
        // One that has ended has no status.
        let _ = self.inbox.send(Message::Warning(text));
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
