//! The agent's side: admits processes of this user, reads one request after another, sends back the
//! answers. No client holds it up: messages, silence and connections are limited, and a client that
//! hangs up is forgotten at once with the answer that was being made.

use super::address::Address;
use super::buffer::Buffer;
use super::claim::Claim;
use super::peer::{self, Peer};
use super::wire::{self, Asked, Flaw, LONGEST_REQUEST, MESSAGE_LIMIT, ReadRequest};
use crate::agent::api::{Answered, Reply};
use crate::clock::Clock;
use crate::error::Result;
use interprocess::local_socket::tokio::{self as local, prelude::*};
use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::select;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// Between requests, unless a prompt is open at the other end.
const IDLE_LIMIT: Duration = Duration::from_secs(60);
const MOST_CONNECTIONS: usize = 128;
/// Of these, for one process.
const MOST_OF_A_PROCESS: usize = 32;
/// For the word that there is no room.
const REFUSAL_LIMIT: Duration = Duration::from_secs(1);
/// What is being answered when the agent gives up its socket may still be.
const LAST_ANSWERS_LIMIT: Duration = Duration::from_secs(2);
/// When the system has no room for another connection, the next try comes after this.
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub enum Opened {
    Ready(Box<Listener>),
    /// A live agent has the address.
    Taken {
        pid: Option<u32>,
    },
}

/// Listens from the moment it is opened; the socket goes when it is dropped.
#[derive(Debug)]
pub struct Listener {
    socket: local::Listener,
    claim: Claim,
}

impl Listener {
    /// Needs a tokio runtime around it.
    pub fn open(address: &Address) -> Result<Opened> {
        if let Some(mut claim) = Claim::stake(address)?
            && let Some(socket) = claim.listen()?
        {
            return Ok(Opened::Ready(Box::new(Listener { socket, claim })));
        }
        Ok(Opened::Taken { pid: address.pid() })
    }

    /// Serves until `until` is ready. Each connection is a task, and has a `V` of its own, dropped
    /// when the other side hangs up, and with it the answer that is being made. Then the socket
    /// goes, silent connections are closed, and the address is free once the last answers are sent
    /// or given up.
    pub async fn serve<V, Fut>(
        self,
        clock: &Clock,
        visit: impl Fn() -> V,
        answer: impl Fn(Arc<V>, Asked) -> Fut + Clone + Send + 'static,
        until: impl Future<Output = ()>,
    ) where
        V: Send + Sync + 'static,
        Fut: Future<Output = Answered> + Send + 'static,
    {
        let Listener { socket, mut claim } = self;
        let (close, closes) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut places = Places::default();
        let mut until = pin!(until);
        loop {
            let accepted = select! {
                () = &mut until => break,
                Some(_) = connections.join_next() => continue,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok(stream) => {
                    let Some(peer) = peer_of(&stream) else {
                        continue;
                    };
                    let connection = Accepted {
                        stream,
                        peer,
                        inbox: Buffer::for_lines(LONGEST_REQUEST),
                        clock: clock.clone(),
                        closes: closes.clone(),
                        is_idle: Arc::new(AtomicBool::new(true)),
                    };
                    if places.make_room(peer.pid()) {
                        let is_idle = Arc::clone(&connection.is_idle);
                        let served = connection.serve(Arc::new(visit()), answer.clone());
                        let task = connections.spawn(served);
                        let pid = peer.pid();
                        places.0.push(OpenConnection { pid, is_idle, task });
                    } else {
                        tracing::warn!("there are too many connections");
                        tokio::spawn(connection.turn_away());
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    Clock::nap(BETWEEN_TRIES).await;
                }
            }
        }
        drop(socket);
        claim.withdraw();
        close.send_replace(true);
        let last_answers = async { while connections.join_next().await.is_some() {} };
        select! {
            () = last_answers => {}
            () = clock.pause(LAST_ANSWERS_LIMIT) => {}
        }
    }
}

/// The connections that are there, oldest first.
#[derive(Default)]
struct Places(Vec<OpenConnection>);

struct OpenConnection {
    pid: Option<u32>,
    is_idle: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Places {
    /// Whether there is room for one more of this process. Where all places are taken, or all of
    /// the process, an idle connection gives way: its client opens another when it needs one.
    fn make_room(&mut self, pid: Option<u32>) -> bool {
        self.0.retain(|place| !place.task.is_finished());
        let is_own = |place: &&OpenConnection| pid.is_some() && place.pid == pid;
        let is_greedy = self.0.iter().filter(is_own).count() >= MOST_OF_A_PROCESS;
        if !is_greedy && self.0.len() < MOST_CONNECTIONS {
            return true;
        }
        let gives_way = |place: &OpenConnection| {
            place.is_idle.load(Ordering::Relaxed) && (!is_greedy || is_own(&place))
        };
        let idle = self.0.iter().position(gives_way);
        idle.is_some_and(|at| {
            self.0.remove(at).task.abort();
            true
        })
    }
}

/// `None` for a client that is turned away, without a word.
fn peer_of(stream: &local::Stream) -> Option<Peer> {
    if !peer::is_this_user(stream).ok()? {
        tracing::warn!("a process of another user was turned away");
        return None;
    }
    Peer::of(stream).ok()
}

/// A connection that was let in.
struct Accepted {
    stream: local::Stream,
    peer: Peer,
    inbox: Buffer,
    clock: Clock,
    closes: watch::Receiver<bool>,
    /// Waits for a request, and no person types one.
    is_idle: Arc<AtomicBool>,
}

/// Why a connection ends.
enum End {
    /// The other side hung up, or did not take its answer, or this one has nothing more to say.
    Gone,
    Flawed {
        id: u32,
        flaw: Flaw,
    },
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> End {
        End::Gone
    }
}

impl Accepted {
    async fn turn_away(mut self) {
        let line = wire::failure(0, wire::busy());
        let said = self.send(&line);
        tokio::select! {
            _ = said => {}
            () = Clock::nap(REFUSAL_LIMIT) => {}
        }
    }

    async fn serve<V, Fut>(mut self, visit: Arc<V>, answer: impl Fn(Arc<V>, Asked) -> Fut)
    where
        Fut: Future<Output = Answered>,
    {
        let Err(end) = self.converse(&visit, answer).await;
        match end {
            End::Gone => {}
            End::Flawed { id, flaw } => {
                tracing::debug!(?flaw, "a connection is closed for what it sent");
                let _ = self.send(&wire::failure(id, flaw.error())).await;
            }
        }
    }

    async fn converse<V, Fut>(
        &mut self,
        visit: &Arc<V>,
        answer: impl Fn(Arc<V>, Asked) -> Fut,
    ) -> Result<Infallible, End>
    where
        Fut: Future<Output = Answered>,
    {
        let mut patience = Some(IDLE_LIMIT);
        loop {
            self.is_idle.store(patience.is_some(), Ordering::Relaxed);
            let length = self.line(patience).await?;
            self.is_idle.store(false, Ordering::Relaxed);
            let question = wire::read_question(&self.inbox.filled()[..length]);
            self.inbox.discard(length);
            match question.map_err(|(id, flaw)| End::Flawed { id, flaw })? {
                ReadRequest::Foreign(id) => self.send(&wire::versions(id)).await?,
                ReadRequest::Asked(id, asked) => {
                    let Asked {
                        mut call,
                        fingerprint,
                    } = *asked;
                    call.caller = self.peer.confirm(call.caller);
                    let answered = self
                        .wait_for(answer(Arc::clone(visit), Asked { call, fingerprint }))
                        .await?;
                    // A person may take long to type.
                    patience = if matches!(answered.reply, Reply::Needs(_)) {
                        None
                    } else {
                        Some(IDLE_LIMIT)
                    };
                    self.send(&wire::answer(id, &answered)).await?;
                }
            }
        }
    }

    /// The length of the next line, once it is there.
    async fn line(&mut self, patience: Option<Duration>) -> Result<usize, End> {
        let mut started = !self.inbox.is_empty();
        let mut deadline = if started {
            Some(MESSAGE_LIMIT)
        } else {
            patience
        }
        .map(|limit| self.clock.now() + limit);
        loop {
            if let Some(length) = self.inbox.line() {
                return Ok(length);
            }
            if self.inbox.is_full() {
                return Err(End::Flawed {
                    id: 0,
                    flaw: Flaw::TooLong,
                });
            }
            let late = async {
                match deadline {
                    Some(deadline) => self.clock.sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            let ended = if started {
                End::Flawed {
                    id: 0,
                    flaw: Flaw::Unfinished,
                }
            } else {
                End::Gone
            };
            let count = select! {
                biased;
                read = self.stream.read(self.inbox.room()) => read?,
                () = late => return Err(ended),
                _ = self.closes.wait_for(|closes| *closes) => return Err(End::Gone),
            };
            if count == 0 {
                return Err(ended);
            }
            self.inbox.took(count);
            if !started {
                started = true;
                deadline = Some(self.clock.now() + MESSAGE_LIMIT);
            }
        }
    }

    /// Reads on meanwhile, as far as there is room: only so is it noticed that the other side hangs
    /// up.
    async fn wait_for(&mut self, answer: impl Future<Output = Answered>) -> Result<Answered, End> {
        let mut answer = pin!(answer);
        loop {
            let has_room = !self.inbox.is_full();
            select! {
                biased;
                answered = &mut answer => return Ok(answered),
                read = self.stream.read(self.inbox.room()), if has_room => match read? {
                    0 => return Err(End::Gone),
                    count => self.inbox.took(count),
                },
            }
        }
    }

    async fn send(&mut self, line: &Buffer) -> Result<(), End> {
        select! {
            biased;
            sent = self.stream.write_all(line.filled()) => Ok(sent?),
            () = self.clock.pause(MESSAGE_LIMIT) => Err(End::Gone),
        }
    }
}
