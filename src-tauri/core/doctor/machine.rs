//! What the checks look at: the environment and the configuration of this very process, and, found
//! out once for all of them, what the agent says and what the keyring holds. Asks no person.

use crate::agent::api::{Call, Caller, Look, Person, Reply, Snapshot};
use crate::agent::socket::{Address, Connection, Heard};
use crate::clock::Clock;
use crate::config::{Config, locate};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::sessions::Sessions;
use crate::sessions::sync::{ReadScope, read};
use crate::world::World;
use std::path::{Path, PathBuf};
use tokio::sync::OnceCell;

#[derive(Debug)]
pub struct Machine {
    pub(super) environment: Environment,
    pub(super) clock: Clock,
    pub(super) path: Result<PathBuf>,
    pub(super) config: Result<Config>,
    /// `Err`: the configuration may not be used.
    pub(super) world: Result<World>,
    agent: OnceCell<AgentAnswer>,
    keyring: OnceCell<Result<()>>,
    sessions: OnceCell<Sessions>,
}

/// What came of asking the agent of the configuration.
#[derive(Debug)]
pub(super) enum AgentAnswer {
    NotRunning,
    Status(Box<Snapshot>),
    OtherVersion,
    Failed(Error),
}

impl Machine {
    /// `explicit`: the path of the configuration, where the user named one. Opens nothing yet.
    pub fn of(explicit: Option<&Path>, environment: Environment, clock: Clock) -> Machine {
        let path = locate(explicit, &environment);
        let load = || Config::load(path.as_ref().map_err(Error::clone)?, &environment);
        let world = load().and_then(|it| World::open(it, environment.clone(), clock.clone()));
        Machine {
            config: load(),
            world,
            path,
            environment,
            clock,
            agent: OnceCell::new(),
            keyring: OnceCell::new(),
            sessions: OnceCell::new(),
        }
    }

    pub(super) async fn agent(&self) -> &AgentAnswer {
        self.agent.get_or_init(|| self.ask_the_agent()).await
    }

    async fn ask_the_agent(&self) -> AgentAnswer {
        let status = async {
            let path = self.path.as_ref().map_err(Error::clone)?;
            let address = Address::of(path, &self.environment)?;
            let Some(mut connection) = Connection::open(&address).await? else {
                return Ok(AgentAnswer::NotRunning);
            };
            let fingerprint = self.environment.fingerprint();
            Ok(
                match connection.ask(&status_request(), &fingerprint).await? {
                    Heard::Answered(answered) => match answered.reply {
                        Reply::Snapshot(snapshot) => AgentAnswer::Status(snapshot),
                        Reply::Failed(error) => AgentAnswer::Failed(error),
                        _ => AgentAnswer::OtherVersion,
                    },
                    Heard::UnknownVersion { .. } => AgentAnswer::OtherVersion,
                    Heard::Lost => AgentAnswer::NotRunning,
                },
            )
        };
        status.await.unwrap_or_else(AgentAnswer::Failed)
    }

    /// Whether the keyring can be read without a dialog of the system's.
    pub(super) async fn keyring(&self, world: &World) -> &Result<()> {
        let check = || world.store.keyring.check();
        self.keyring.get_or_init(check).await
    }

    /// What is stored for the identities; the error where the keyring cannot be read.
    pub(super) async fn sessions(&self, world: &World) -> Result<&Sessions> {
        self.keyring(world).await.clone()?;
        let sessions = self.sessions.get_or_init(async || {
            let mut sessions = Sessions::new(world);
            let reading = read(world, sessions.known(), ReadScope::All).await;
            sessions.take(reading, self.clock.now());
            sessions
        });
        Ok(sessions.await)
    }
}

fn status_request() -> Call {
    Call {
        caller: Caller::here("fob", Person::Absent),
        request: Look::Status.into(),
    }
}
