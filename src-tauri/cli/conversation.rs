//! Talking to the agent: a request goes in, prompts in between are put to the person, the reply comes out. Knows no
//! command, and of the agent nothing but its interface.

use crate::prompt;
use crate::stop::Stop;
use crate::terminal::Terminal;
use keyfob_core::agent::Agent;
use keyfob_core::agent::api::{Answered, Asker, Call, Person, Prompt, Reply, Request};
use keyfob_core::clock::Clock;
use keyfob_core::error::{Code, Error};
use std::time::Duration;
use tokio::runtime::Runtime;

/// What is over sooner needs no spinner.
const SHORT: Duration = Duration::from_millis(300);
/// Of the spinner.
const TURN: Duration = Duration::from_millis(120);

#[derive(Debug)]
pub struct Conversation {
    agent: Agent,
    runtime: Runtime,
    terminal: Terminal,
    person: Person,
}

impl Conversation {
    pub fn new(agent: Agent, terminal: Terminal, person: Person) -> Result<Conversation, Stop> {
        Ok(Conversation { agent, runtime: runtime()?, terminal, person })
    }

    /// Asks until the agent needs nobody any more. `doing` is shown when it takes long: "Signing in to dev".
    pub fn ask(&mut self, request: Request, doing: Option<&str>) -> Result<Reply, Stop> {
        let mut request = request;
        loop {
            let Answered { notes, reply } = self.send(request, doing);
            for note in &notes {
                self.terminal.note(note);
            }
            match reply {
                Reply::Failed(error) => return Err(error.into()),
                Reply::Needs(prompt) => request = self.answer(&prompt)?,
                Reply::SignedIn(_)
                | Reply::Credentials(_)
                | Reply::Variables(_)
                | Reply::Whoami(_)
                | Reply::List(_)
                | Reply::Configured(_)
                | Reply::Audit(_)
                | Reply::AuditVerified(_)
                | Reply::Removed(_)
                | Reply::Repaired(_) => return Ok(reply),
            }
        }
    }

    fn answer(&mut self, prompt: &Prompt) -> Result<Request, Stop> {
        match self.person {
            Person::Absent => Err(prompt.unanswered.clone().into()),
            Person::Present => match prompt::ask(prompt, self.terminal) {
                Ok(answer) => Ok(Request::Answer { prompt: prompt.id, answer }),
                Err(prompt::Unanswered::Closed) => Ok(Request::Cancel { prompt: prompt.id }),
                Err(prompt::Unanswered::Interrupted) => {
                    self.send(Request::Cancel { prompt: prompt.id }, None);
                    Err(Stop::Interrupted)
                }
                Err(prompt::Unanswered::Failed(error)) => Err(error.into()),
            },
        }
    }

    fn send(&mut self, request: Request, doing: Option<&str>) -> Answered {
        let asker = Asker { program: "fob".to_owned(), pid: std::process::id(), person: self.person };
        let mut answer = std::pin::pin!(self.agent.ask(Call { asker, request }));
        let clock = Clock::system();
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                answered = &mut answer => return answered,
                () = clock.pause(SHORT) => {}
            }
            let Some(doing) = doing else { return answer.await };
            let mut busy = self.terminal.busy(doing);
            loop {
                busy.turn();
                tokio::select! {
                    biased;
                    answered = &mut answer => return answered,
                    () = clock.pause(TURN) => {}
                }
            }
        })
    }
}

/// What an agent of another version may answer.
pub fn misunderstood() -> Stop {
    Error::new(Code::Unsupported, "the agent answered something else than it was asked")
        .hint("the agent and `fob` are of different versions: restart the agent, or use `--no-agent`")
        .into()
}

pub fn runtime() -> Result<Runtime, Stop> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| Error::new(Code::FilesUnwritable, format!("cannot wait for the network: {cause}")).into())
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
