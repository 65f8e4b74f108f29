//! Where a child's credentials come from: the agent that the sign-in went through, asked in the
//! child's name, with nobody to answer a prompt. A running agent may end, and another one start:
//! meanwhile there is one in this process.

use crate::conversation::{Alone, Way};
use keyfob_core::agent::Visitor;
use keyfob_core::agent::api::{Call, Caller, Credentials, Person, Reply, Request, SessionRequest};
use keyfob_core::agent::socket::{Address, AsyncClient, Heard};
use keyfob_core::error::{Code, Error, Result};
use std::ffi::OsStr;
use std::path::Path;
use std::pin::Pin;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::Mutex;

/// For another process that signs in to the same identity: longer than an answer may take, so that
/// the next question finds what comes of it.
const WAIT_SECONDS: u32 = 5;

type Asking = Pin<Box<dyn Future<Output = Result<Credentials>> + Send>>;

/// In whose name is asked: the command's, with its process once there is one.
#[derive(Debug)]
pub struct AskingChild {
    program: String,
    pid: AtomicU32,
}

impl AskingChild {
    pub fn to_be(program: &OsStr) -> AskingChild {
        let name = Path::new(program).file_name().unwrap_or(program);
        AskingChild {
            program: name.to_string_lossy().into_owned(),
            pid: AtomicU32::new(std::process::id()),
        }
    }

    pub fn is(&self, child: &Child) {
        self.pid.store(child.id(), Ordering::Relaxed);
    }

    fn caller(&self) -> Caller {
        Caller {
            program: self.program.clone(),
            pid: self.pid.load(Ordering::Relaxed),
            person: Person::Absent,
        }
    }
}

pub fn credentials_source(
    way: Way,
    identity: String,
    child: Arc<AskingChild>,
) -> Result<impl Fn() -> Asking + Send + Sync + 'static> {
    let source = Arc::new(Source::of(way)?);
    Ok(move || -> Asking {
        let (source, caller, identity) = (source.clone(), child.caller(), identity.clone());
        Box::pin(async move { credentials(source.ask(caller, identity).await?) })
    })
}

#[derive(Debug)]
struct Source {
    /// `None`: the sign-in was done in this process, and so is the rest.
    agent: Option<Running>,
    /// The agent in this process, once it was needed.
    here: Mutex<Here>,
}

#[derive(Debug)]
struct Running {
    address: Address,
    surroundings: String,
    client: Mutex<Option<AsyncClient>>,
}

/// One of the two is there, until opening it has failed.
#[derive(Debug)]
struct Here {
    alone: Option<Box<Alone>>,
    visitor: Option<Arc<Visitor>>,
}

impl Source {
    fn of(way: Way) -> Result<Source> {
        Ok(match way {
            Way::InProcess(visitor) => Source {
                agent: None,
                here: Mutex::new(Here {
                    alone: None,
                    visitor: Some(Arc::new(visitor)),
                }),
            },
            Way::Agent(alone) => Source {
                agent: Some(Running {
                    address: Address::of(alone.config.path(), &alone.environment)?,
                    surroundings: alone.environment.surroundings(),
                    client: Mutex::default(),
                }),
                here: Mutex::new(Here {
                    alone: Some(alone),
                    visitor: None,
                }),
            },
        })
    }

    /// A person is waited for by nobody, another process that is just renewing the same session a
    /// moment.
    async fn ask(&self, caller: Caller, identity: String) -> Result<Reply> {
        let call = |wait_seconds| {
            let request = Request::Session(SessionRequest::Credentials {
                identity: identity.clone(),
                wait_seconds,
            });
            Call {
                caller: caller.clone(),
                request,
            }
        };
        if let Some(agent) = &self.agent
            && let Some(reply) = agent.ask(&call(0)).await?
        {
            return Ok(reply);
        }
        let visitor = self.here().await?;
        Ok(visitor.ask(call(WAIT_SECONDS)).await.reply)
    }

    async fn here(&self) -> Result<Arc<Visitor>> {
        let mut here = self.here.lock().await;
        if let Some(alone) = here.alone.take() {
            here.visitor = Some(Arc::new(alone.visitor()?));
        }
        here.visitor.clone().ok_or_else(|| {
            Error::new(
                Code::ProcessFailed,
                "there is no agent, and none could be opened",
            )
        })
    }
}

impl Running {
    /// `None`: it is not there, or does not do this for us.
    async fn ask(&self, call: &Call) -> Result<Option<Reply>> {
        let mut client = self.client.lock().await;
        // A connection that was closed for its silence is worth another one.
        for _ in 0..2 {
            let connected = match client.take() {
                Some(connected) => Some(connected),
                // What is there and is not ours is not asked.
                None => AsyncClient::connect(&self.address).await.unwrap_or(None),
            };
            let Some(mut connected) = connected else {
                return Ok(None);
            };
            match connected.ask(call, &self.surroundings).await? {
                Heard::Answered(answered) => {
                    *client = Some(connected);
                    return Ok(
                        Some(answered.reply).filter(|reply| !matches!(reply, Reply::RunInProcess))
                    );
                }
                Heard::UnknownVersion { .. } => return Ok(None),
                Heard::Lost => {}
            }
        }
        Ok(None)
    }
}

fn credentials(reply: Reply) -> Result<Credentials> {
    match reply {
        Reply::Credentials(credentials) => Ok(credentials),
        Reply::Failed(error) => Err(error),
        Reply::Needs(prompt) => Err(prompt.unanswered),
        Reply::SignedIn(_)
        | Reply::Variables(_)
        | Reply::Whoami(_)
        | Reply::Configured(_)
        | Reply::Audit(_)
        | Reply::AuditVerified(_)
        | Reply::Removed(_)
        | Reply::Repaired(_)
        | Reply::DatabaseToken(_)
        | Reply::Console(_)
        | Reply::Snapshot(_)
        | Reply::Stopping
        | Reply::RunInProcess => Err(Error::new(
            Code::Unsupported,
            "the agent answered something else than credentials",
        )
        .hint("the agent and `fob` are of different versions: restart the agent")),
    }
}
