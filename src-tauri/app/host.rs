//! The agent that is hosted here: one at a time, for the user's configuration or for the sandbox;
//! none without a usable configuration. Knows neither tray nor windows.

use crate::mutex::lock;
use crate::sandbox::AppSandbox;
use crate::snapshot::Configuration;
use keyfob_core::agent::api::{
    Answered, Call, Caller, Check, Configure, Event, Maintain, OtherUser, Person, Replaces, Reply,
    Request,
};
use keyfob_core::agent::edits;
use keyfob_core::agent::hosting::{self, Other};
use keyfob_core::agent::socket::{Address, Opened};
use keyfob_core::agent::{Agent, Client, Role};
use keyfob_core::clock::Clock;
use keyfob_core::config::{Config, Trust};
use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error, Result};
use keyfob_core::world::World;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tauri::async_runtime::{JoinHandle, spawn};
use tokio::sync::{Notify, broadcast, mpsc};

/// The events of each agent, as it comes to be hosted.
pub type EventStreams = mpsc::UnboundedReceiver<broadcast::Receiver<Event>>;

pub struct Host {
    pub environment: Environment,
    /// `--config`.
    explicit: Option<PathBuf>,
    /// One agent comes or goes at a time.
    turn: tokio::sync::Mutex<()>,
    hosting: Arc<Mutex<Hosting>>,
    event_streams: mpsc::UnboundedSender<broadcast::Receiver<Event>>,
    stopped: Arc<Notify>,
}

struct Hosting {
    configuration: Configuration,
    agent: Option<HostedAgent>,
}

struct HostedAgent {
    agent: Agent,
    /// For the app's own requests.
    own: Arc<Client>,
    /// By window.
    of_windows: HashMap<String, Arc<Client>>,
    path: PathBuf,
    sandbox: Option<Arc<AppSandbox>>,
    served: JoinHandle<()>,
}

impl Host {
    pub fn new(environment: Environment, explicit: Option<PathBuf>) -> (Host, EventStreams) {
        let place = keyfob_core::config::place(explicit.as_deref(), &environment);
        let path = place.map_or_else(|_| String::new(), |(path, _)| path.display().to_string());
        let (event_streams, streams) = mpsc::unbounded_channel();
        let hosting = Hosting {
            configuration: Configuration::Missing { path },
            agent: None,
        };
        let host = Host {
            environment,
            explicit,
            turn: tokio::sync::Mutex::default(),
            hosting: Arc::new(Mutex::new(hosting)),
            event_streams,
            stopped: Arc::default(),
        };
        (host, streams)
    }

    /// Without what the agent itself reports about it.
    pub fn configuration(&self) -> Configuration {
        lock(&self.hosting).configuration.clone()
    }

    /// The configuration file that a change is written to.
    pub fn path(&self) -> Result<PathBuf> {
        match &lock(&self.hosting).agent {
            Some(hosted) => Ok(hosted.path.clone()),
            None => Ok(keyfob_core::config::place(self.explicit.as_deref(), &self.environment)?.0),
        }
    }

    pub fn is_idle(&self) -> bool {
        lock(&self.hosting).agent.is_none()
    }

    pub fn sandbox(&self) -> Option<Arc<AppSandbox>> {
        lock(&self.hosting).agent.as_ref()?.sandbox.clone()
    }

    /// The app's own request: no prompt is raised for it.
    pub async fn request(&self, request: Request) -> Result<Answered> {
        let own = lock(&self.hosting)
            .agent
            .as_ref()
            .map(|hosted| hosted.own.clone());
        send(own, Person::Absent, request).await
    }

    /// For the person in front of this window, or at the tray. What waits for an answer is given up
    /// when the window is closed.
    pub async fn request_for_person(
        &self,
        window: Option<&str>,
        request: Request,
    ) -> Result<Answered> {
        let client = lock(&self.hosting).agent.as_mut().map(|hosted| {
            let new = || Arc::new(hosted.agent.client());
            match window {
                Some(label) => hosted
                    .of_windows
                    .entry(label.to_owned())
                    .or_insert_with(new)
                    .clone(),
                None => new(),
            }
        });
        send(client, Person::Present, request).await
    }

    pub fn window_closed(&self, label: &str) {
        if let Some(hosted) = &mut lock(&self.hosting).agent {
            hosted.of_windows.remove(label);
        }
    }

    pub fn windows_closed(&self) {
        if let Some(hosted) = &mut lock(&self.hosting).agent {
            hosted.of_windows.clear();
        }
    }

    /// Where no agent is hosted: that of the user's configuration, if it can be used.
    pub async fn host_configured(&self) {
        let _turn = self.turn.lock().await;
        if !self.is_idle() {
            return;
        }
        if let Err(error) = self.try_to_host().await {
            let file = self.path().unwrap_or_default();
            let path = file.display().to_string();
            lock(&self.hosting).configuration = if edits::is_none_yet(&file, &error) {
                Configuration::Missing { path }
            } else {
                Configuration::Unusable { path, error }
            };
        }
    }

    async fn try_to_host(&self) -> Result<()> {
        let path = keyfob_core::config::locate(self.explicit.as_deref(), &self.environment)?;
        self.host(Config::load(&path, &self.environment)?, None)
            .await
    }

    /// In place of any other agent: one for an AWS of its own.
    pub async fn host_sandbox(&self) -> Result<()> {
        let _turn = self.turn.lock().await;
        let sandbox = Arc::new(AppSandbox::start(&self.environment)?);
        let config = Config::load(&sandbox.config(), &self.environment)?;
        Trust::of(&self.environment)?.add(&config).await?;
        let (identity, keys) = sandbox.keys();
        self.host(config, Some(sandbox)).await?;
        let configure = Configure {
            identity,
            keys: Some(keys),
            check: Check::WithSts,
            other_user: OtherUser::Refused,
            replaces: Replaces::Own,
        };
        self.request(Maintain::Configure(configure).into())
            .await
            .map(drop)
    }

    pub async fn leave_sandbox(&self) {
        {
            let _turn = self.turn.lock().await;
            self.let_go().await;
        }
        self.host_configured().await;
    }

    async fn host(&self, config: Config, sandbox: Option<Arc<AppSandbox>>) -> Result<()> {
        let path = config.path().to_owned();
        let address = Address::of(&path, &self.environment)?;
        let world = World::open(config, self.environment.clone(), Clock::system())?;
        self.let_go().await;
        let listener = match hosting::open(&address, Other::IsStopped).await? {
            Opened::Ready(listener) => *listener,
            Opened::Taken { pid } => {
                let pid = pid.map_or_else(String::new, |pid| format!(" (pid {pid})"));
                let message = format!("another agent{pid} is running for this configuration");
                return Err(Error::new(Code::LockTimeout, message).hint("end it, then try again"));
            }
        };
        let agent = Agent::new(world, Role::Hosted);
        // Without the app nothing listens.
        let _ = self.event_streams.send(agent.events());
        let (serving, hosting, stopped) = (
            agent.clone(),
            self.hosting.clone(),
            Arc::clone(&self.stopped),
        );
        let served = spawn(async move {
            hosting::serve(listener, &serving, serving.stopped()).await;
            if lock(&hosting).agent.is_some() {
                stopped.notify_one();
            }
        });
        let mut hosting = lock(&self.hosting);
        hosting.configuration = Configuration::InForce {
            path: path.display().to_string(),
            problem: None,
        };
        hosting.agent = Some(HostedAgent {
            own: Arc::new(agent.client()),
            of_windows: HashMap::new(),
            agent,
            path,
            sandbox,
            served,
        });
        Ok(())
    }

    /// The agent withdraws its prompts, and its address is free.
    pub async fn let_go(&self) {
        let Some(hosted) = lock(&self.hosting).agent.take() else {
            return;
        };
        hosted.agent.stop().await;
        // It ends by itself; a panic in there was printed there.
        let _ = hosted.served.await;
        if hosted.sandbox.is_some()
            && let Ok(trust) = Trust::of(&self.environment)
        {
            // What stays behind names a folder that is gone.
            let _ = trust.remove(&hosted.path).await;
        }
    }

    /// Returns once the agent was stopped from outside, by `fob agent stop` or another tray app:
    /// this process is then of no more use.
    pub async fn stopped(&self) {
        self.stopped.notified().await;
    }
}

async fn send(client: Option<Arc<Client>>, person: Person, request: Request) -> Result<Answered> {
    let client = client.ok_or_else(without_agent)?;
    let caller = Caller { person, ..caller() };
    let answered = client.ask(Call { caller, request }).await;
    match answered.reply {
        Reply::Failed(error) => Err(error),
        reply => Ok(Answered { reply, ..answered }),
    }
}

/// The app, with a person in front of it.
pub fn caller() -> Caller {
    Caller::here("Keyfob", Person::Present)
}

pub fn without_agent() -> Error {
    Error::new(Code::ConfigNotFound, "no configuration is in use")
        .hint("add an access key, or correct the configuration file")
}
