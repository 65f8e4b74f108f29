//! Talking to the agent: a request goes in, prompts in between are put to the person, the reply
//! comes out. The agent is the one that runs for this configuration, or else one in this process:
//! commands cannot tell. Knows no command, and of the agent nothing but its interface.

use crate::prompt;
use crate::stop::Stop;
use crate::terminal::Terminal;
use keyfob_core::agent::api::{
    Answered, Call, Caller, Control, Note, Person, Prompt, Reply, Request,
};
use keyfob_core::agent::socket::{Client, Heard};
use keyfob_core::agent::{Agent, Role, Visitor};
use keyfob_core::clock::Clock;
use keyfob_core::config::Config;
use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error};
use keyfob_core::world::World;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use tokio::runtime::Runtime;

/// What is over sooner needs no spinner.
const SHORT: Duration = Duration::from_millis(300);
/// Of the spinner.
const TURN: Duration = Duration::from_millis(120);

#[derive(Debug)]
pub struct Conversation {
    door: Door,
    terminal: Terminal,
    caller: Caller,
}

#[derive(Debug)]
enum Door {
    /// The running agent, and what it takes to do without it.
    Agent(Client, Box<Alone>),
    InProcess(Visitor, Runtime),
    Closed,
}

/// How a sign-in was done, and so how its session is asked for again.
#[derive(Debug)]
pub enum Way {
    Agent(Box<Alone>),
    InProcess(Visitor),
}

/// What an agent in this process is made of.
#[derive(Debug)]
pub struct Alone {
    pub config: Config,
    pub environment: Environment,
}

impl Alone {
    fn open(self) -> Result<Door, Stop> {
        let runtime = runtime()?;
        let visitor = {
            let _runtime = runtime.enter();
            self.visitor()?
        };
        Ok(Door::InProcess(visitor, runtime))
    }

    /// Of an agent in the runtime that this is called in.
    pub fn visitor(self) -> Result<Visitor, Error> {
        let world = World::open(self.config, self.environment, Clock::system())?;
        Ok(Agent::new(world, Role::InProcess).visitor())
    }
}

impl Conversation {
    /// With the running agent, if `client` leads to one.
    pub fn new(
        client: Option<Client>,
        alone: Alone,
        terminal: Terminal,
        person: Person,
    ) -> Result<Conversation, Stop> {
        let door = match client {
            Some(client) => Door::Agent(client, Box::new(alone)),
            None => alone.open()?,
        };
        let caller = Caller {
            program: "fob".to_owned(),
            pid: std::process::id(),
            person,
        };
        Ok(Conversation {
            door,
            terminal,
            caller,
        })
    }

    /// The same, on somebody else's behalf.
    pub fn on_behalf_of(self, caller: Caller) -> Conversation {
        Conversation { caller, ..self }
    }

    /// Asks until the agent needs nobody any more. `doing` is shown when it takes long: "Signing in
    /// to dev".
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers make it for this, and it may be asked again"
    )]
    pub fn ask(&mut self, request: Request, doing: Option<&str>) -> Result<Reply, Stop> {
        let mut next = request.clone();
        loop {
            let Some(Answered { notes, reply }) = self.send(next, doing) else {
                self.go_alone()?;
                next = request.clone();
                continue;
            };
            for note in &notes {
                self.terminal.note(note);
            }
            match reply {
                Reply::Failed(error) => return Err(error.into()),
                Reply::Needs(prompt) => next = self.answer(&prompt)?,
                Reply::RunInProcess => return Err(misunderstood()),
                Reply::SignedIn(_)
                | Reply::Credentials(_)
                | Reply::Variables(_)
                | Reply::Whoami(_)
                | Reply::Configured(_)
                | Reply::Audit(_)
                | Reply::AuditVerified(_)
                | Reply::Removed(_)
                | Reply::DatabaseToken(_)
                | Reply::Console(_)
                | Reply::Snapshot(_)
                | Reply::Stopping
                | Reply::Repaired(_) => return Ok(reply),
            }
        }
    }

    /// For what is asked once nobody is left to answer: the way to the agent, and the runtime to go
    /// it in.
    pub fn leave(self) -> Result<(Way, Runtime), Stop> {
        match self.door {
            Door::Agent(_, alone) => Ok((Way::Agent(alone), runtime()?)),
            Door::InProcess(visitor, runtime) => Ok((Way::InProcess(visitor), runtime)),
            Door::Closed => Err(misunderstood()),
        }
    }

    fn answer(&mut self, prompt: &Prompt) -> Result<Request, Stop> {
        match self.caller.person {
            Person::Absent => Err(prompt.unanswered.clone().into()),
            Person::Present if prompt::is_final(prompt) => {
                self.send(
                    Request::Control(Control::Cancel { prompt: prompt.id }),
                    None,
                );
                Err(prompt.unanswered.clone().into())
            }
            Person::Present => match prompt::ask(prompt, self.terminal) {
                Ok(answer) => Ok(Request::Control(Control::Answer {
                    prompt: prompt.id,
                    answer,
                })),
                Err(prompt::Unanswered::Closed) => {
                    Ok(Request::Control(Control::Cancel { prompt: prompt.id }))
                }
                Err(prompt::Unanswered::Interrupted) => {
                    self.send(
                        Request::Control(Control::Cancel { prompt: prompt.id }),
                        None,
                    );
                    Err(Stop::Interrupted)
                }
                Err(prompt::Unanswered::Failed(error)) => Err(error.into()),
            },
        }
    }

    /// `None`: it has to be done in this process.
    fn send(&mut self, request: Request, doing: Option<&str>) -> Option<Answered> {
        let call = Call {
            caller: self.caller.clone(),
            request,
        };
        let terminal = self.terminal;
        match &mut self.door {
            Door::InProcess(visitor, runtime) => Some(while_busy(terminal, doing, || {
                runtime.block_on(visitor.ask(call))
            })),
            Door::Agent(client, alone) => {
                let surroundings = alone.environment.surroundings();
                let heard = while_busy(terminal, doing, || client.ask(&call, &surroundings));
                heard_of(heard, terminal)
            }
            Door::Closed => None,
        }
    }

    fn go_alone(&mut self) -> Result<(), Stop> {
        match std::mem::replace(&mut self.door, Door::Closed) {
            Door::Agent(_, alone) => self.door = alone.open()?,
            Door::InProcess(..) | Door::Closed => return Err(misunderstood()),
        }
        Ok(())
    }
}

/// The answer, unless it has to be found without the agent; why, is told where a person can do
/// something about it.
pub fn heard_of(heard: Result<Heard, Error>, terminal: Terminal) -> Option<Answered> {
    match heard {
        Ok(Heard::Answered(answered)) => {
            Some(*answered).filter(|it| !matches!(it.reply, Reply::RunInProcess))
        }
        Ok(Heard::Lost) => None,
        Ok(Heard::UnknownVersion { min, max }) => {
            let versions = if min == max {
                max.to_string()
            } else {
                format!("{min} to {max}")
            };
            terminal.note(&Note::Warning(format!(
                "the running agent speaks version {versions} of the protocol, and this `fob` does not: going without it; \
                 end it and start it again"
            )));
            None
        }
        Err(error) => Some(Answered {
            notes: Vec::new(),
            reply: Reply::Failed(error),
        }),
    }
}

/// With a spinner once it takes long; `doing` says what.
fn while_busy<T>(terminal: Terminal, doing: Option<&str>, work: impl FnOnce() -> T) -> T {
    let Some(doing) = doing else { return work() };
    std::thread::scope(|scope| {
        let (over, waits) = mpsc::channel::<()>();
        scope.spawn(move || {
            if waits.recv_timeout(SHORT) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let mut busy = terminal.busy(doing);
            loop {
                busy.turn();
                if waits.recv_timeout(TURN) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        let done = work();
        drop(over);
        done
    })
}

/// What an agent of another version may answer.
pub fn misunderstood() -> Stop {
    Error::new(
        Code::Unsupported,
        "the agent answered something else than it was asked",
    )
    .hint("the agent and `fob` are of different versions: restart the agent, or use `--no-agent`")
    .into()
}

pub fn runtime() -> Result<Runtime, Stop> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| {
            Error::new(
                Code::FilesUnwritable,
                format!("cannot wait for the network: {cause}"),
            )
            .into()
        })
}

/// The one reply a request asks for.
#[macro_export]
macro_rules! expect_reply {
    ($reply:expr, $variant:ident) => {
        match $reply {
            keyfob_core::agent::api::Reply::$variant(it) => Ok(it),
            _ => Err($crate::conversation::misunderstood()),
        }
    };
}
