//! The app's state: which configuration the agent works for, who asks it from which window, and
//! what is shown. One agent at a time is hosted here; without a usable configuration there is none.

use crate::demonstration::Shown;
use crate::notices;
use crate::outside::Clipboard;
use crate::preferences::Preferences;
use crate::snapshot::{AppSnapshot, Configuration, SnapshotChanged, Tray, View};
use crate::tray;
use keyfob_core::agent::api::{
    Call, Caller, Check, Configure, Control, Look, Maintain, Note, Person, Refresh, Reply, Request,
    Secret, TypedKeys,
};
use keyfob_core::agent::hosting::{self, Other};
use keyfob_core::agent::socket::{Address, Opened};
use keyfob_core::agent::{Agent, Client, Role};
use keyfob_core::clock::Clock;
use keyfob_core::config::{Change, Config, Import, ImportedKeys, import};
use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error, Result};
use keyfob_core::world::World;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tauri::async_runtime::JoinHandle;
use tauri::{AppHandle, Manager};
use tauri_specta::Event as _;
use tokio::sync::Notify;

/// What happens within this time is shown at once.
const TOGETHER: Duration = Duration::from_millis(50);
/// Times left are shown in minutes.
const TICK: Duration = Duration::from_secs(60);
/// While there is no configuration to work with.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

pub struct Desk {
    app: AppHandle,
    pub environment: Environment,
    /// `--config`.
    explicit: Option<PathBuf>,
    pub clipboard: Clipboard,
    /// Something may look different now.
    changed: Notify,
    /// One agent comes or goes at a time.
    hosting: tokio::sync::Mutex<()>,
    inner: Mutex<Inner>,
}

struct Inner {
    hosted: Option<Hosted>,
    snapshot: AppSnapshot,
    tray: Tray,
    /// What was chosen in the tray and failed: a window says it, once.
    complaint: Option<Error>,
    preferences: Preferences,
    windows: HashMap<String, Window>,
    /// The file as it was when it was last tried without success.
    tried: Option<Stamp>,
}

/// When it was written, and how long it is.
type Stamp = (SystemTime, u64);

/// An open one.
struct Window {
    view: View,
    client: Option<Arc<Client>>,
    /// The secret of what was pasted into its form.
    pasted: Option<Secret>,
}

struct Hosted {
    agent: Agent,
    client: Arc<Client>,
    path: PathBuf,
    sandbox: Option<Arc<Shown>>,
    served: JoinHandle<()>,
}

impl Desk {
    pub fn new(app: AppHandle, environment: Environment, explicit: Option<PathBuf>) -> Desk {
        let place = Config::place(explicit.as_deref(), &environment);
        let path = place.map_or_else(|_| String::new(), |(path, _)| path.display().to_string());
        let inner = Inner {
            hosted: None,
            snapshot: AppSnapshot::empty(now(), Configuration::Missing { path }),
            tray: Tray::Shown,
            complaint: None,
            preferences: Preferences::load(&environment),
            windows: HashMap::new(),
            tried: None,
        };
        Desk {
            app,
            environment,
            explicit,
            clipboard: Clipboard::default(),
            changed: Notify::new(),
            hosting: tokio::sync::Mutex::default(),
            inner: Mutex::new(inner),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn snapshot(&self) -> AppSnapshot {
        self.inner().snapshot.clone()
    }

    pub fn preferences(&self) -> Preferences {
        self.inner().preferences.clone()
    }

    pub fn change_preferences(
        &self,
        change: impl FnOnce(&mut Preferences) -> Result<()>,
    ) -> Result<()> {
        change(&mut self.inner().preferences)
    }

    pub fn set_tray(&self, tray: Tray) {
        self.inner().tray = tray;
        self.changed.notify_one();
    }

    pub fn opens(&self, label: &str, view: View) {
        self.inner().windows.insert(
            label.to_owned(),
            Window {
                view,
                client: None,
                pasted: None,
            },
        );
    }

    /// What the window was opened to show.
    pub fn opened(&self, label: &str) -> View {
        self.inner()
            .windows
            .get(label)
            .map_or(View::Identities, |window| window.view.clone())
    }

    /// What it asked for is given up with it.
    pub fn closed(&self, label: &str) {
        self.inner().windows.remove(label);
    }

    #[cfg(target_os = "linux")]
    pub fn has_no_windows(&self) -> bool {
        self.inner().windows.is_empty()
    }

    pub fn hold_pasted(&self, label: &str, secret: Option<Secret>) {
        if let Some(window) = self.inner().windows.get_mut(label) {
            window.pasted = secret;
        }
    }

    pub fn pasted(&self, label: &str) -> Option<Secret> {
        self.inner().windows.get(label)?.pasted.clone()
    }

    pub fn sandbox(&self) -> Result<Arc<Shown>> {
        let sandbox = self
            .inner()
            .hosted
            .as_ref()
            .and_then(|hosted| hosted.sandbox.clone());
        sandbox.ok_or_else(|| {
            Error::new(Code::InvalidInput, "the sandbox is not open").hint("open it first")
        })
    }

    /// The configuration file that a change is written to.
    pub fn configuration(&self) -> Result<PathBuf> {
        match &self.inner().hosted {
            Some(hosted) => Ok(hosted.path.clone()),
            None => Ok(Config::place(self.explicit.as_deref(), &self.environment)?.0),
        }
    }

    /// On behalf of a person in front of this window.
    pub async fn ask(&self, label: &str, request: Request) -> Result<(Vec<Note>, Reply)> {
        let client = {
            let Inner {
                hosted, windows, ..
            } = &mut *self.inner();
            let Some(Hosted { agent, .. }) = hosted else {
                return Err(without_agent());
            };
            let new = || Arc::new(agent.client());
            windows
                .get_mut(label)
                .map_or_else(new, |window| window.client.get_or_insert_with(new).clone())
        };
        let answered = client
            .ask(Call {
                caller: caller(Person::Present),
                request,
            })
            .await;
        match answered.reply {
            Reply::Failed(error) => Err(error),
            reply => Ok((answered.notes, reply)),
        }
    }

    /// For the app itself.
    pub async fn look(&self, request: Request) -> Option<(Vec<Note>, Reply)> {
        let client = self.inner().hosted.as_ref()?.client.clone();
        let answered = client
            .ask(Call {
                caller: caller(Person::Absent),
                request,
            })
            .await;
        Some((answered.notes, answered.reply))
    }

    pub fn changed(&self) {
        self.changed.notify_one();
    }

    /// No agent is hosted.
    pub fn is_idle(&self) -> bool {
        self.inner().hosted.is_none()
    }

    pub fn complain(&self, error: Error) {
        self.inner().complaint = Some(error);
        self.changed();
    }

    /// Nobody is in front of the screen any more: what is asked there is withdrawn.
    pub async fn withdraw_prompts(&self) {
        let prompts = self
            .snapshot()
            .agent
            .map_or_else(Vec::new, |agent| agent.prompts);
        for open in prompts {
            // One that was answered meanwhile is gone already.
            self.look(Request::Control(Control::Cancel {
                prompt: open.prompt.id,
            }))
            .await;
        }
        self.changed();
    }

    /// Changes the configuration file; the agent takes it over by itself.
    pub fn write(&self, changes: &[Change]) -> Result<()> {
        Config::change(&self.configuration()?, &self.environment, changes)?;
        self.changed();
        Ok(())
    }

    /// Writes these profiles of the AWS files into the configuration and stores their keys, each
    /// after STS has accepted them; keys that it does not accept are asked for when somebody signs
    /// in.
    pub async fn import(
        &self,
        label: &str,
        profiles: &[String],
    ) -> Result<(Vec<String>, Vec<Note>)> {
        let path = self.configuration()?;
        let taken: Vec<String> = match Config::load(&path, &self.environment) {
            Ok(config) => config
                .identities()
                .iter()
                .map(|identity| identity.name.to_string())
                .collect(),
            Err(error) if error.code == Code::ConfigNotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let Import {
            changes,
            keys,
            notes,
        } = import(&self.environment, profiles, &taken)?;
        self.write(&changes)?;
        self.take_over().await?;
        let mut notes: Vec<Note> = notes.into_iter().map(Note::Info).collect();
        for ImportedKeys {
            identity,
            access_key_id,
            secret,
            mfa_arn,
        } in keys
        {
            let keys = TypedKeys {
                access_key_id,
                secret_access_key: secret,
                mfa_arn,
                session_duration: None,
            };
            let configure = Configure {
                identity: identity.clone(),
                keys: Some(keys),
                check: Check::WithSts,
            };
            match self
                .ask(label, Request::Maintain(Maintain::Configure(configure)))
                .await
            {
                Ok((said, _)) => notes.extend(said),
                Err(error) => notes.push(Note::Warning(format!(
                    "the keys of {identity} were not stored: {error}"
                ))),
            }
        }
        self.refresh().await;
        let added = changes.into_iter().filter_map(|change| match change {
            Change::AddIdentity(new) => Some(new.name),
            Change::MakeDefault(_) | Change::NotifyBefore(_) => None,
        });
        Ok((added.collect(), notes))
    }

    /// After the file was written: there is an agent for it, or the reason why not.
    pub async fn take_over(&self) -> Result<()> {
        self.host_configured().await;
        self.refresh().await;
        match self.snapshot().configuration {
            Configuration::InForce { problem: None, .. } => Ok(()),
            Configuration::InForce {
                problem: Some(error),
                ..
            }
            | Configuration::Unusable { error, .. } => Err(error),
            Configuration::Missing { .. } => Err(without_agent()),
        }
    }

    /// Where no agent is hosted: that of the user's configuration, if there is one that can be
    /// used; else says why not.
    pub async fn host_configured(&self) {
        let _turn = self.hosting.lock().await;
        if !self.is_idle() {
            return;
        }
        if let Err(error) = self.try_to_host().await {
            let path = self
                .configuration()
                .unwrap_or_default()
                .display()
                .to_string();
            self.inner().snapshot.configuration = match error.code {
                Code::ConfigNotFound => Configuration::Missing { path },
                _ => Configuration::Unusable { path, error },
            };
        }
    }

    async fn try_to_host(&self) -> Result<()> {
        let path = Config::locate(self.explicit.as_deref(), &self.environment)?;
        self.host(Config::load(&path, &self.environment)?, None)
            .await
    }

    /// In place of whatever is hosted: an AWS of its own.
    pub async fn host_sandbox(&self) -> Result<()> {
        let _turn = self.hosting.lock().await;
        let shown = Arc::new(Shown::start(&self.environment)?);
        let config = Config::load(&shown.config(), &self.environment)?;
        let (identity, keys) = shown.keys();
        self.host(config, Some(shown)).await?;
        let configure = Configure {
            identity,
            keys: Some(keys),
            check: Check::WithSts,
        };
        if let Some((_, Reply::Failed(error))) = self
            .look(Request::Maintain(Maintain::Configure(configure)))
            .await
        {
            return Err(error);
        }
        self.refresh().await;
        Ok(())
    }

    pub async fn leave_sandbox(&self) {
        {
            let _turn = self.hosting.lock().await;
            self.let_go().await;
        }
        self.host_configured().await;
        self.refresh().await;
    }

    async fn host(&self, config: Config, sandbox: Option<Arc<Shown>>) -> Result<()> {
        let path = config.path().to_owned();
        let address = Address::of(&path, &self.environment)?;
        let world = World::open(config, self.environment.clone(), Clock::system())?;
        self.let_go().await;
        let listener = match hosting::open(&address, Other::IsStopped).await? {
            Opened::Ready(listener) => *listener,
            Opened::Taken { pid } => {
                let pid = pid.map_or_else(String::new, |pid| format!(", pid {pid},"));
                let message = format!("another agent{pid} keeps the place of this configuration");
                return Err(Error::new(Code::LockTimeout, message).hint("end it, then try again"));
            }
        };
        let agent = Agent::new(world, Role::Hosted);
        let client = Arc::new(agent.client());
        tauri::async_runtime::spawn(notices::tell(self.app.clone(), agent.events()));
        let (served_by, app) = (agent.clone(), self.app.clone());
        let served = tauri::async_runtime::spawn(async move {
            hosting::serve(listener, &served_by, served_by.stopped()).await;
            app.state::<Desk>().ended();
        });
        let mut inner = self.inner();
        inner.snapshot.configuration = Configuration::InForce {
            path: path.display().to_string(),
            problem: None,
        };
        inner.hosted = Some(Hosted {
            agent,
            client,
            path,
            sandbox,
            served,
        });
        Ok(())
    }

    /// Somebody told the agent to stop, `fob agent stop` or another tray: there is nothing left to
    /// be the app of.
    fn ended(&self) {
        if self.inner().hosted.is_some() {
            self.app.exit(0);
        }
    }

    /// The agent withdraws what it asks, and its address is free.
    pub async fn let_go(&self) {
        let hosted = {
            let mut inner = self.inner();
            inner
                .windows
                .values_mut()
                .for_each(|window| window.client = None);
            inner.snapshot.agent = None;
            inner.hosted.take()
        };
        let Some(hosted) = hosted else { return };
        hosted.agent.stop().await;
        // It ends by itself; a panic in there was printed there.
        let _ = hosted.served.await;
    }

    /// Looks anew at everything, and shows it.
    pub async fn refresh(&self) -> AppSnapshot {
        let complaint = self.inner().complaint.take();
        let mut notes: Vec<Note> = complaint
            .iter()
            .map(|error| Note::Warning(error.to_string()))
            .collect();
        let agent = match self.look(Request::Look(Look::Status)).await {
            Some((said, Reply::Snapshot(agent))) => {
                notes.extend(said);
                Some(agent)
            }
            Some(_) | None => None,
        };
        let snapshot = {
            let mut inner = self.inner();
            let mut configuration = inner.snapshot.configuration.clone();
            let running = agent.as_ref().and_then(|it| it.agent.as_ref());
            if let (Configuration::InForce { problem, .. }, Some(running)) =
                (&mut configuration, running)
            {
                problem.clone_from(&running.configuration_problem);
            }
            let snapshot = AppSnapshot {
                now: now(),
                configuration,
                sandbox: inner
                    .hosted
                    .as_ref()
                    .and_then(|hosted| hosted.sandbox.as_ref())
                    .map(|shown| shown.info()),
                tray: inner.tray,
                refresh: running.map_or(Refresh::Runs, |running| running.refresh),
                health: inner.snapshot.health,
                agent,
                notes,
            };
            inner.snapshot = snapshot.judged();
            inner.snapshot.clone()
        };
        tray::show(&self.app, snapshot.clone());
        if let Err(error) = SnapshotChanged(snapshot.clone()).emit(&self.app) {
            tracing::warn!(%error, "the windows do not hear what has changed");
        }
        snapshot
    }

    /// Shows what changes for as long as the app runs.
    pub async fn keep_current(&self) {
        loop {
            self.refresh().await;
            loop {
                let is_idle = self.is_idle();
                tokio::select! {
                    () = self.changed.notified() => {
                        Clock::nap(TOGETHER).await;
                        break;
                    }
                    () = Clock::nap(if is_idle { BETWEEN_LOOKS } else { TICK }) => {
                        if !is_idle || self.look_for_configuration().await {
                            break;
                        }
                    }
                }
            }
        }
    }

    /// Somebody may have written one, or mended it; `false`: it is as it was.
    async fn look_for_configuration(&self) -> bool {
        let metadata = self
            .configuration()
            .ok()
            .and_then(|path| std::fs::metadata(path).ok());
        let stamp = metadata.and_then(|it| Some((it.modified().ok()?, it.len())));
        if std::mem::replace(&mut self.inner().tried, stamp) == stamp {
            return false;
        }
        self.host_configured().await;
        true
    }
}

/// RFC 3339.
fn now() -> String {
    jiff::Timestamp::try_from(Clock::system().now())
        .map_or_else(|_| String::new(), |now| now.to_string())
}

fn caller(person: Person) -> Caller {
    Caller {
        program: "Keyfob".to_owned(),
        pid: std::process::id(),
        person,
    }
}

fn without_agent() -> Error {
    Error::new(Code::ConfigNotFound, "there is no configuration in force")
        .hint("add an access key, or mend the file")
}
