//! Requests to the agent: one goes in, prompts in between are put to the person, the reply comes
//! out. The agent is the one that runs for this configuration, or else one in this process:
//! commands cannot tell. Knows no command, and of the agent nothing but its interface.

pub use keyfob_core::agent::client::runtime;

use crate::echo::{self, EchoOff};
use crate::prompt::{self, Form};
use crate::stop::Stop;
use crate::terminal::Terminal;
use keyfob_core::agent::api::{
    Answer, Answered, Call, Caller, Control, Event, Person, Prompt, PromptState, Reply, Request,
};
use keyfob_core::agent::{Agent, BlockingClient, Client, MakeAgent, Role};
use keyfob_core::clock::Clock;
use keyfob_core::config::Config;
use keyfob_core::environment::{Environment, Shows};
use keyfob_core::error::{Code, Error};
use keyfob_core::world::World;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use tokio::runtime::Runtime;

/// What is over sooner needs no spinner.
const SHORT: Duration = Duration::from_millis(300);
/// A line stays: it is for what takes seconds, and for no refusal that comes at once.
const LONG: Duration = Duration::from_secs(2);
/// Of the spinner.
const TURN: Duration = Duration::from_millis(120);

#[derive(Debug)]
pub struct Conversation {
    client: BlockingClient,
    terminal: Terminal,
    caller: Caller,
    /// The variable `BROWSER`.
    browser: Option<String>,
    /// A form ended by itself: a person may still be typing into it.
    is_overtaken: bool,
}

/// An agent in this process, for the configuration as it was read; where that was refused, as it
/// is by the next request.
pub fn agent_here(config: Config, environment: Environment, terminal: Terminal) -> MakeAgent {
    let path = config.path().to_owned();
    let mut read = Some(config);
    MakeAgent::new(move || {
        let config = match read.take() {
            Some(config) => config,
            None => Config::load(&path, &environment)?,
        };
        client_here(config, environment.clone(), terminal)
    })
}

/// Of an agent in the runtime that this is called in.
pub fn client_here(
    config: Config,
    environment: Environment,
    terminal: Terminal,
) -> Result<Client, Error> {
    let world = World::open(
        config,
        environment.showing(Shows::Terminal),
        Clock::system(),
    )?;
    let agent = Agent::new(world, Role::InProcess);
    let mut events = agent.events();
    tokio::spawn(async move {
        while let Ok(event) = events.recv().await {
            if let Event::WaitsForHolder { holder, .. } = event {
                terminal.say_meanwhile(&holder);
            }
        }
    });
    Ok(agent.client())
}

/// `fob` itself.
pub fn this_program(person: Person) -> Caller {
    Caller::here("fob", person)
}

impl Conversation {
    pub fn new(client: BlockingClient, terminal: Terminal, caller: Caller) -> Conversation {
        Conversation {
            client,
            terminal,
            caller,
            browser: None,
            is_overtaken: false,
        }
    }

    /// For a person in front of a terminal.
    pub fn with_browser(self, wanted: Option<&str>) -> Conversation {
        let browser = wanted.map(str::to_owned);
        Conversation { browser, ..self }
    }

    /// Asks until the agent needs no person any more. `doing` is shown when it takes long: "Signing
    /// in to dev".
    pub fn ask(&mut self, request: impl Into<Request>, doing: Option<&str>) -> Result<Reply, Stop> {
        let request = request.into();
        let mut next = request.clone();
        let mut is_answer = false;
        loop {
            let Answered { notes, reply } = self.send(next, doing);
            for note in &notes {
                self.terminal.note(note);
            }
            match reply {
                Reply::Failed(error) => return Err(error.into()),
                Reply::Needs(prompt) => (next, is_answer) = (self.answer(&prompt)?, true),
                // The agent that prompted is gone: once more, with the one in this process.
                Reply::RunInProcess if is_answer => (next, is_answer) = (request.clone(), false),
                Reply::RunInProcess => return Err(misunderstood()),
                Reply::SignedIn(_)
                | Reply::Credentials(_)
                | Reply::Variables(_)
                | Reply::Whoami(_)
                | Reply::Configured(_)
                | Reply::Rotated(_)
                | Reply::Audit(_)
                | Reply::AuditVerified(_)
                | Reply::Removed(_)
                | Reply::DatabaseToken(_)
                | Reply::Console(_)
                | Reply::Snapshot(_)
                | Reply::Edited { .. }
                | Reply::Imported { .. }
                | Reply::RolesListed(_)
                | Reply::Stopping
                | Reply::Prompt(_)
                | Reply::Repaired(_) => return Ok(reply),
            }
        }
    }

    /// For requests made while the program does something else.
    pub fn into_async(self) -> Result<(Client, Runtime), Stop> {
        Ok(self.client.into_async()?)
    }

    fn answer(&mut self, prompt: &Prompt) -> Result<Request, Stop> {
        match self.caller.person {
            Person::Absent => Err(prompt.unanswered.clone().into()),
            Person::Present if prompt::is_final(prompt) => {
                self.send(cancel(prompt), None);
                Err(prompt.unanswered.clone().into())
            }
            Person::Present => match self.fill_in(prompt) {
                Ok(answer) => {
                    let prompt = prompt.id;
                    Ok(Control::Answer { prompt, answer }.into())
                }
                Err(prompt::Unanswered::Closed) => Ok(cancel(prompt)),
                Err(prompt::Unanswered::Interrupted) => {
                    self.send(cancel(prompt), None);
                    Err(Stop::Interrupted)
                }
                Err(prompt::Unanswered::Failed(error)) => Err(error.into()),
                Err(prompt::Unanswered::Overtaken) => {
                    self.is_overtaken = true;
                    Ok(Control::Follow { prompt: prompt.id }.into())
                }
            },
        }
    }

    /// The form ends when its prompt is answered or closed elsewhere.
    fn fill_in(&mut self, prompt: &Prompt) -> Result<Answer, prompt::Unanswered> {
        let look = Call {
            caller: self.caller.clone(),
            request: Control::LookAt { prompt: prompt.id }.into(),
        };
        let (terminal, browser) = (self.terminal, self.browser.as_deref());
        self.client.while_open(&look, |state| {
            let mut last = PromptState::Open;
            let mut form = Form {
                terminal,
                browser,
                is_wanted: &mut || {
                    last = state();
                    last == PromptState::Open
                },
            };
            let answer = prompt::ask(prompt, &mut form);
            if last == PromptState::Answered && prompt.kind.is_answered_here() {
                terminal.say("Answered elsewhere meanwhile");
            }
            answer
        })
    }

    fn send(&mut self, request: Request, doing: Option<&str>) -> Answered {
        let call = Call {
            caller: self.caller.clone(),
            request,
        };
        // What is typed before a field is there may be a secret.
        let _echo = match self.caller.person {
            Person::Present => Some(EchoOff::start()),
            Person::Absent => None,
        };
        let answered = while_busy(self.terminal, doing, || self.client.ask(call));
        if self.is_overtaken {
            echo::discard_typed();
        }
        answered
    }
}

fn cancel(prompt: &Prompt) -> Request {
    Control::Cancel { prompt: prompt.id }.into()
}

/// With a spinner once it takes long; `doing` says what.
fn while_busy<T>(terminal: Terminal, doing: Option<&str>, work: impl FnOnce() -> T) -> T {
    let Some(doing) = doing else { return work() };
    std::thread::scope(|scope| {
        let (over, waits) = mpsc::channel::<()>();
        scope.spawn(move || {
            let patience = if terminal.spins() { SHORT } else { LONG };
            if waits.recv_timeout(patience) != Err(RecvTimeoutError::Timeout) {
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
        "the agent's answer does not fit the request",
    )
    .hint("the agent and `fob` are of different versions: restart the agent, or use `--no-agent`")
    .into()
}

/// The one reply a request asks for.
macro_rules! expect_reply {
    ($reply:expr, $variant:ident) => {
        match $reply {
            keyfob_core::agent::api::Reply::$variant(it) => Ok(it),
            _ => Err($crate::conversation::misunderstood()),
        }
    };
}

pub(crate) use expect_reply;
