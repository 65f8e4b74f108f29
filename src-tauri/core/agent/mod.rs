//! One task owns the sessions: requests in, replies out. [`Agent`] is the way to it and [`Visitor`]
//! somebody who asks, in the same process or over the socket; who asks sees only [`api`].

mod actor;
mod answers;
pub mod api;
pub mod hosting;
mod jobs;
mod prompts;
mod schedule;
pub mod socket;
mod waiter;

use crate::world::World;
use actor::{Actor, Message};
use api::{Answered, Call, Event, Reply};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::{broadcast, mpsc, oneshot};

pub(crate) type ClientId = u32;

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
    visitors: Arc<AtomicU32>,
    events: broadcast::Sender<Event>,
}

/// One terminal, one connection. What it waits for is given up when it is dropped.
#[derive(Debug)]
pub struct Visitor {
    agent: Agent,
    id: ClientId,
}

impl Agent {
    /// Needs a tokio runtime, and lives as long as it or as somebody holds the agent.
    pub fn new(world: World, role: Role) -> Agent {
        let (inbox, messages) = mpsc::unbounded_channel();
        let (events, _) = broadcast::channel(UNREAD_EVENTS);
        let actor = Actor::new(world, role, inbox.downgrade(), events.clone());
        tokio::spawn(actor.run(messages));
        Agent {
            inbox,
            visitors: Arc::default(),
            events,
        }
    }

    pub fn visitor(&self) -> Visitor {
        Visitor {
            agent: self.clone(),
            id: self.visitors.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// What happens from now on without anybody asking.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Returns once somebody has told the agent to stop.
    pub async fn stopped(&self) {
        self.inbox.closed().await;
    }
}

impl Visitor {
    pub async fn ask(&self, call: Call) -> Answered {
        self.ask_from(None, call).await
    }

    /// `surroundings`: the digest of the variables of another process, as it reported them.
    pub async fn ask_from(&self, surroundings: Option<String>, call: Call) -> Answered {
        let (reply, answer) = oneshot::channel();
        let _ = self
            .agent
            .inbox
            .send(Message::request(self.id, surroundings, call, reply));
        // An agent that has ended does nothing for anybody any more.
        answer.await.unwrap_or(Answered {
            notes: Vec::new(),
            reply: Reply::RunInProcess,
        })
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        let _ = self.agent.inbox.send(Message::Left(self.id));
    }
}
