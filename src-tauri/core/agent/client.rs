//! The way to an agent: one in this process, or the one that runs for a configuration. Here alone
//! it is decided what it means that a running agent is lost, speaks another version or leaves the
//! work to its client, and how a running agent is stopped.

use super::actor::Message;
use super::api::{
    Answered, Call, Caller, Control, Look, Note, Person, PromptState, Reply, Request,
};
use super::socket::{Address, Connection, Face, Heard, at_once};
use super::waiter::ClientId;
use crate::environment::Environment;
use crate::error::{Code, Error, Result};
use std::fmt;
use std::sync::PoisonError;
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, OnceCell, mpsc, oneshot};

/// One terminal, one window, one child process. What it waits for is given up when it is dropped.
#[derive(Debug)]
pub struct Client(Way);

#[derive(Debug)]
enum Way {
    InProcess(Inbox),
    Either(Box<Either>),
}

impl Client {
    pub(super) fn in_process(messages: mpsc::UnboundedSender<Message>, id: ClientId) -> Client {
        Client(Way::InProcess(Inbox { messages, id }))
    }

    pub async fn ask(&self, call: Call) -> Answered {
        match &self.0 {
            Way::InProcess(inbox) => inbox.ask(None, call).await,
            Way::Either(either) => either.ask(&call, call.clone()).await,
        }
    }

    /// The same request in two versions, the first for a running agent, the second for one in this
    /// process.
    pub async fn ask_either(&self, running: &Call, here: Call) -> Answered {
        match &self.0 {
            Way::InProcess(inbox) => inbox.ask(None, here).await,
            Way::Either(either) => either.ask(running, here).await,
        }
    }

    /// On behalf of another process, with the fingerprint of its environment.
    pub(super) async fn ask_for(&self, fingerprint: String, call: Call) -> Answered {
        match &self.0 {
            Way::InProcess(inbox) => inbox.ask(Some(fingerprint), call).await,
            Way::Either(either) => either.ask(&call, call.clone()).await,
        }
    }
}

/// To an agent in this process.
#[derive(Debug)]
struct Inbox {
    messages: mpsc::UnboundedSender<Message>,
    id: ClientId,
}

impl Inbox {
    async fn ask(&self, fingerprint: Option<String>, mut call: Call) -> Answered {
        // The socket has seen to it for other processes.
        if fingerprint.is_none() {
            call.caller = call.caller.as_the_kernel_says();
        }
        let (reply, answer) = oneshot::channel();
        let message = Message::request(self.id, fingerprint, call, reply);
        let _ = self.messages.send(message);
        // An agent that has ended leaves the work to its clients.
        answer
            .await
            .unwrap_or_else(|_| without_notes(Reply::RunInProcess))
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let _ = self.messages.send(Message::Left(self.id));
    }
}

/// To the running agent, each time there is one that does the work, and else to one in this
/// process. For requests that raise no prompt: its answer might reach the other agent.
#[derive(Debug)]
struct Either {
    running: Mutex<Remote>,
    make: MakeAgent,
    here: OnceCell<Client>,
}

impl Either {
    async fn ask(&self, call: &Call, here: Call) -> Answered {
        let note = match self.running.lock().await.ask(call).await {
            Ok(answered) => return answered,
            Err(note) => note,
        };
        let answered = match self.here.get_or_try_init(async || self.make.call()).await {
            Ok(client) => Box::pin(client.ask(here)).await,
            Err(error) => without_notes(Reply::Failed(error)),
        };
        after(note, answered)
    }
}

/// Makes an agent in the runtime that it is called in; again where it could not be made before.
pub struct MakeAgent(std::sync::Mutex<Box<Make>>);

type Make = dyn FnMut() -> Result<Client> + Send;

impl MakeAgent {
    pub fn new(make: impl FnMut() -> Result<Client> + Send + 'static) -> MakeAgent {
        MakeAgent(std::sync::Mutex::new(Box::new(make)))
    }

    fn call(&self) -> Result<Client> {
        let mut make = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        make()
    }
}

impl fmt::Debug for MakeAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MakeAgent")
    }
}

/// A [`Client`] outside of a runtime, which is started only for an agent in this process. Once the
/// running agent has left a request to this process, all others stay here, too.
#[derive(Debug)]
pub struct BlockingClient {
    running: Option<Remote>,
    make: MakeAgent,
    here: Option<(Client, Runtime)>,
}

impl BlockingClient {
    /// `running`: the agent to ask first, if that is wanted.
    pub fn new(running: Option<Remote>, make: MakeAgent) -> BlockingClient {
        BlockingClient {
            running,
            make,
            here: None,
        }
    }

    /// The answer to a prompt gets [`Reply::RunInProcess`] when the agent that raised it is lost:
    /// the request that led to the prompt has to be made again.
    pub fn ask(&mut self, call: Call) -> Answered {
        let mut note = None;
        if let Some(running) = &mut self.running {
            match at_once(running.ask(&call)) {
                Ok(answered) => return answered,
                Err(why) => note = why,
            }
            self.running = None;
            if is_about_a_prompt(&call.request) {
                return after(note, without_notes(Reply::RunInProcess));
            }
        }
        let answered = match self.here() {
            Ok((client, runtime)) => runtime.block_on(client.ask(call)),
            Err(error) => without_notes(Reply::Failed(error)),
        };
        after(note, answered)
    }

    /// Runs `form`, which shows a prompt and can find out whether that still waits. An agent in
    /// this process goes on meanwhile.
    pub fn while_open<T>(
        &mut self,
        look: &Call,
        form: impl FnOnce(&mut dyn FnMut() -> PromptState) -> T,
    ) -> T {
        if let Some(running) = &mut self.running {
            return form(&mut || state_in(at_once(running.ask(look)).ok()));
        }
        let Some((client, runtime)) = &self.here else {
            return form(&mut || PromptState::Open);
        };
        let (over, is_over) = oneshot::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(|| runtime.block_on(is_over));
            let answer = form(&mut || state_in(Some(runtime.block_on(client.ask(look.clone())))));
            drop(over);
            answer
        })
    }

    fn here(&mut self) -> Result<&(Client, Runtime)> {
        if self.here.is_none() {
            let runtime = runtime()?;
            let client = {
                let _inside = runtime.enter();
                self.make.call()?
            };
            self.here = Some((client, runtime));
        }
        Ok(self.here.as_ref().expect("it was just made"))
    }

    /// For a program that goes on inside a runtime.
    pub fn into_async(mut self) -> Result<(Client, Runtime)> {
        if let Some(running) = self.running.take() {
            let either = Either {
                running: Mutex::new(running.inside_a_runtime()),
                make: self.make,
                here: OnceCell::new(),
            };
            return Ok((Client(Way::Either(Box::new(either))), runtime()?));
        }
        self.here()?;
        Ok(self.here.expect("it was just made"))
    }
}

pub fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| {
            let message = format!("cannot wait for the network: {cause}");
            Error::new(Code::FilesUnwritable, message)
        })
}

/// The agent that runs for a configuration, if one does. Connected to when it is needed.
#[derive(Debug)]
pub struct Remote {
    address: Address,
    fingerprint: String,
    face: Face,
    connection: Option<Connection>,
}

impl Remote {
    /// `environment`: the caller's.
    pub fn new(address: Address, environment: &Environment) -> Remote {
        Remote {
            address,
            fingerprint: environment.fingerprint(),
            face: Face::Blocking,
            connection: None,
        }
    }

    fn inside_a_runtime(self) -> Remote {
        Remote {
            face: Face::Async,
            connection: None,
            ..self
        }
    }

    /// `Err`: this process has to do the work; with what the user should know about the agent.
    async fn ask(&mut self, call: &Call) -> Result<Answered, Option<Note>> {
        loop {
            let used = self.connection.take();
            let is_new = used.is_none();
            let mut connection = match used {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            match connection.ask(call, &self.fingerprint).await {
                Ok(Heard::Answered(answered)) => {
                    if is_busy(&answered.reply) {
                        return if asks_for_the_agent(&call.request) {
                            Ok(*answered)
                        } else {
                            let text = "going without the agent: it is busy";
                            Err(Some(Note::Warning(text.to_owned())))
                        };
                    }
                    self.connection = Some(connection);
                    let is_ours = matches!(answered.reply, Reply::RunInProcess);
                    return if is_ours { Err(None) } else { Ok(*answered) };
                }
                // A connection that was closed for its silence is worth another one.
                Ok(Heard::Lost) if !is_new && !is_about_a_prompt(&call.request) => {}
                Ok(Heard::Lost) => return Err(None),
                Ok(Heard::UnknownVersion { min, max }) => return Err(Some(unknown(min, max))),
                Err(error) => return Ok(without_notes(Reply::Failed(error))),
            }
        }
    }

    async fn connect(&self) -> Result<Connection, Option<Note>> {
        match Connection::with(self.face, &self.address).await {
            Ok(connection) => connection.ok_or(None),
            Err(error) => {
                let text = format!("going without the agent: {error}");
                Err(Some(Note::Warning(text)))
            }
        }
    }
}

/// Stops the agent at this address and waits until it is gone. `false`: none is running.
pub async fn stop(address: &Address) -> Result<bool> {
    let Some(mut connection) = Connection::open(address).await? else {
        return Ok(false);
    };
    match connection.ask(&stop_request(), "").await? {
        Heard::Answered(answered) => {
            if let Reply::Failed(error) = answered.reply {
                return Err(error);
            }
            connection.closed().await;
            Ok(true)
        }
        Heard::Lost => Ok(true),
        Heard::UnknownVersion { .. } => {
            let pid = address
                .pid()
                .map_or_else(String::new, |pid| format!(", pid {pid},"));
            let message = format!(
                "the running agent{pid} is of another version and cannot be stopped from here"
            );
            Err(Error::new(Code::Unsupported, message)
                .hint("end its process, or run the `fob agent stop` of its version"))
        }
    }
}

pub(super) fn stop_request() -> Call {
    let caller = Caller::here("fob", Person::Absent);
    Call {
        caller,
        request: Control::Stop.into(),
    }
}

fn is_busy(reply: &Reply) -> bool {
    matches!(reply, Reply::Failed(error) if error.code == Code::AgentBusy)
}

/// What this process could say of its own agent is no answer.
fn asks_for_the_agent(request: &Request) -> bool {
    matches!(request, Request::Look(Look::Status) | Request::Control(_))
}

/// Such a request makes sense only to the agent that raised the prompt.
fn is_about_a_prompt(request: &Request) -> bool {
    matches!(
        request,
        Request::Control(
            Control::Answer { .. }
                | Control::Cancel { .. }
                | Control::LookAt { .. }
                | Control::Follow { .. }
        )
    )
}

/// Of an agent that is lost nothing is known.
fn state_in(answered: Option<Answered>) -> PromptState {
    let reply = answered.map(|answered| answered.reply);
    if let Some(Reply::Prompt(state)) = reply {
        state
    } else {
        PromptState::Closed
    }
}

fn unknown(min: u32, max: u32) -> Note {
    let versions = if min == max {
        max.to_string()
    } else {
        format!("{min} to {max}")
    };
    Note::Warning(format!(
        "the running agent speaks version {versions} of the protocol and this `fob` does not, so \
         it \
         goes without the agent; stop the agent and start it again"
    ))
}

fn without_notes(reply: Reply) -> Answered {
    Answered {
        notes: Vec::new(),
        reply,
    }
}

fn after(note: Option<Note>, mut answered: Answered) -> Answered {
    answered.notes.splice(0..0, note);
    answered
}
