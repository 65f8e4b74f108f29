//! An agent for everybody: it has the address of its configuration, and what comes in over the
//! socket is asked of it. Whether another agent keeps that address or gives it up is the host's to
//! say.

use super::api::{Call, Caller, Control, Person, Request};
use super::socket::{Address, AsyncClient, Client, Heard, Listener, Opened};
use super::{Agent, Visitor};
use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use std::sync::Arc;
use std::time::Duration;

/// For an address that is taken while nobody listens there: longer than the last answers of an
/// agent may take.
const LOOKS: u32 = 100;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// What happens to an agent that runs already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    Stays,
    /// It is told to stop, and ends.
    HandsOver,
}

/// Needs a tokio runtime around it. One that has just been told to stop has the address until its
/// last answers are sent, and one that is just starting listens in a moment.
pub async fn open(address: &Address, other: Other) -> Result<Opened> {
    for _ in 0..LOOKS {
        match Listener::open(address)? {
            Opened::Ready(listener) => return Ok(Opened::Ready(listener)),
            Opened::Taken { pid } => match (Client::connect(address)?, other) {
                (Some(_), Other::Stays) => return Ok(Opened::Taken { pid }),
                (Some(_), Other::HandsOver) => stop(address).await?,
                (None, Other::Stays | Other::HandsOver) => {}
            },
        }
        Clock::nap(BETWEEN_LOOKS).await;
    }
    Listener::open(address)
}

/// Answers until `until` is ready.
pub async fn serve(listener: Listener, agent: &Agent, until: impl Future<Output = ()>) {
    let answer = |visitor: Arc<Visitor>, asked: super::socket::Asked| async move {
        visitor.ask_from(Some(asked.surroundings), asked.call).await
    };
    listener
        .serve(&Clock::system(), || agent.visitor(), answer, until)
        .await;
}

async fn stop(address: &Address) -> Result<()> {
    let Some(mut client) = AsyncClient::connect(address).await? else {
        return Ok(());
    };
    let caller = Caller {
        program: "keyfob".to_owned(),
        pid: std::process::id(),
        person: Person::Absent,
    };
    match client
        .ask(
            &Call {
                caller,
                request: Request::Control(Control::Stop),
            },
            "",
        )
        .await?
    {
        Heard::Answered(_) | Heard::Lost => Ok(()),
        Heard::UnknownVersion { .. } => {
            let pid = address
                .pid()
                .map_or_else(String::new, |pid| format!(", pid {pid},"));
            let message =
                format!("an agent of another version runs{pid} and cannot be told to stop");
            Err(Error::new(Code::Unsupported, message).hint("end its process, then try again"))
        }
    }
}
