//! The app's state: the snapshot that tray and windows show, made anew when something may have
//! changed. They subscribe to it; it knows none of them.

use crate::host::{Host, without_agent};
use crate::mutex::lock;
use crate::outside::Clipboard;
use crate::preferences::Preferences;
use crate::snapshot::{AppSnapshot, Configuration, TrayHost};
use keyfob_core::agent::api::{Control, Look, Refresh, Reply};
use keyfob_core::clock::Clock;
use keyfob_core::config::Trust;
use keyfob_core::error::Result;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;
use tokio::sync::broadcast::{self, error::RecvError};

/// Changes within this time are shown at once.
const TOGETHER: Duration = Duration::from_millis(50);
/// While there is no configuration to work with, or no keyring.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
const UNREAD_SNAPSHOTS: usize = 64;

pub struct AppState {
    pub host: Host,
    pub clipboard: Clipboard,
    pub preferences: Mutex<Preferences>,
    /// Something may look different now.
    changed: Notify,
    snapshot: Mutex<AppSnapshot>,
    /// One at a time: a slower one would show what was before.
    refreshing: tokio::sync::Mutex<()>,
    snapshots: broadcast::Sender<AppSnapshot>,
}

/// A configuration file: when it was written, and its length.
#[derive(Clone, Copy, PartialEq, Eq)]
struct FileStamp {
    modified: SystemTime,
    length: u64,
    /// When a configuration was last trusted.
    trusted: Option<SystemTime>,
}

impl AppState {
    pub fn new(host: Host) -> AppState {
        let home = host.environment.home();
        let snapshot = AppSnapshot {
            home: home.map_or_else(|_| String::new(), |home| home.display().to_string()),
            ..AppSnapshot::empty(now(), host.configuration())
        };
        AppState {
            clipboard: Clipboard::default(),
            preferences: Mutex::new(Preferences::load(&host.environment)),
            changed: Notify::new(),
            snapshot: Mutex::new(snapshot),
            refreshing: tokio::sync::Mutex::default(),
            snapshots: broadcast::channel(UNREAD_SNAPSHOTS).0,
            host,
        }
    }

    pub fn snapshot(&self) -> AppSnapshot {
        lock(&self.snapshot).clone()
    }

    pub fn subscribe(&self) -> Snapshots {
        Snapshots(self.snapshots.subscribe())
    }

    pub fn changed(&self) {
        self.changed.notify_one();
    }

    pub fn set_tray_host(&self, tray: TrayHost) {
        lock(&self.snapshot).tray = tray;
        self.changed();
    }

    /// The screen is locked: no prompt can be answered there.
    pub async fn withdraw_prompts(&self) {
        let prompts = self
            .snapshot()
            .agent
            .map_or_else(Vec::new, |agent| agent.prompts);
        for open in prompts {
            let prompt = open.prompt.id;
            // One that was answered meanwhile is gone already.
            let _ = self.host.request(Control::Cancel { prompt }.into()).await;
        }
        self.changed();
    }

    /// Makes the snapshot anew, and shows it.
    pub async fn refresh(&self) -> AppSnapshot {
        let _refreshing = self.refreshing.lock().await;
        let (mut agent, mut notes) = (None, Vec::new());
        if let Ok(answered) = self.host.request(Look::Status.into()).await
            && let Reply::Snapshot(it) = answered.reply
        {
            notes = answered.notes;
            agent = Some(*it);
        }
        let running = agent.as_ref().and_then(|it| it.agent.as_ref());
        let mut configuration = self.host.configuration();
        if let (Configuration::InForce { problem, .. }, Some(running)) =
            (&mut configuration, running)
        {
            problem.clone_from(&running.configuration_problem);
        }
        let snapshot = {
            let mut shown = lock(&self.snapshot);
            let snapshot = AppSnapshot {
                now: now(),
                home: shown.home.clone(),
                configuration,
                sandbox: self.host.sandbox().map(|sandbox| sandbox.info()),
                tray: shown.tray,
                refresh: running.map_or(Refresh::Runs, |running| running.refresh),
                health: shown.health,
                agent,
                notes,
            };
            *shown = snapshot.judged();
            shown.clone()
        };
        // Neither tray nor windows may be there yet.
        let _ = self.snapshots.send(snapshot.clone());
        snapshot
    }

    /// After the file was written: an agent is hosted for it, or this is why not.
    pub async fn take_over(&self) -> Result<()> {
        self.host.host_configured().await;
        match self.refresh().await.configuration {
            Configuration::InForce { problem: None, .. } => Ok(()),
            Configuration::InForce {
                problem: Some(error),
                ..
            }
            | Configuration::Unusable { error, .. } => Err(error),
            Configuration::Missing { .. } => Err(without_agent()),
        }
    }

    /// Runs for as long as the app does.
    pub async fn keep_current(&self) {
        let mut tried = None;
        loop {
            self.refresh().await;
            loop {
                let is_idle = self.host.is_idle();
                let snapshot = self.snapshot();
                let pause = if is_idle || snapshot.is_keyring_closed() {
                    BETWEEN_LOOKS
                } else {
                    snapshot.reads_the_same_for(Clock::system().now())
                };
                tokio::select! {
                    () = self.changed.notified() => {
                        Clock::nap(TOGETHER).await;
                        break;
                    }
                    () = Clock::nap(pause) => {
                        if !is_idle || self.look_for_configuration(&mut tried).await {
                            break;
                        }
                    }
                }
            }
        }
    }

    /// A file may have appeared, or been corrected; `false`: it is as it was when last tried.
    async fn look_for_configuration(&self, tried: &mut Option<FileStamp>) -> bool {
        let path = self.host.path().ok();
        let metadata = path.and_then(|path| std::fs::metadata(path).ok());
        let trust = Trust::of(&self.host.environment).ok();
        let stamp = metadata.and_then(|it| {
            Some(FileStamp {
                modified: it.modified().ok()?,
                length: it.len(),
                trusted: trust.and_then(|it| it.changed_at()),
            })
        });
        if std::mem::replace(tried, stamp) == stamp {
            return false;
        }
        self.host.host_configured().await;
        true
    }
}

pub struct Snapshots(broadcast::Receiver<AppSnapshot>);

impl Snapshots {
    /// `None`: there will be no more.
    pub async fn next(&mut self) -> Option<AppSnapshot> {
        loop {
            match self.0.recv().await {
                Ok(snapshot) => return Some(snapshot),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

/// RFC 3339.
fn now() -> String {
    jiff::Timestamp::try_from(Clock::system().now())
        .map_or_else(|_| String::new(), |now| now.to_string())
}
