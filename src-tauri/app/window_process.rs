//! The process of the windows as the tray's sees it: started when there is something to show,
//! sent each snapshot, and given what only this process can do. When it ends, by itself or in a
//! crash, nothing here does: open prompts stay open.

use crate::actions;
use crate::link::{self, AppReply, AppRequest, FromWindows, ToWindows, Wish};
use crate::mutex::lock;
use crate::snapshot::{DoctorProgress, View};
use crate::state::{AppState, Snapshots};
use keyfob_core::agent::api::{Look, PromptId, Request};
use keyfob_core::clock::Clock;
use keyfob_core::doctor::{self, CheckProgress, Machine};
use keyfob_core::error::{Code, Error, Result};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;
use tauri::async_runtime::{JoinHandle, spawn};
use tauri::{AppHandle, Manager};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

/// What it is started with.
pub const WINDOWS: &str = "--windows";
const QUITS_WITHIN: Duration = Duration::from_secs(2);

/// None before the first window, and none after the last.
#[derive(Default)]
pub struct WindowProcess(Mutex<LiveProcess>);

#[derive(Default)]
struct LiveProcess {
    to: Option<UnboundedSender<ToWindows>>,
    served: Option<JoinHandle<()>>,
    /// Not on the screen yet; the process may end before they are.
    wishes: VecDeque<Wish>,
    /// Since it was started.
    opened: usize,
    is_quitting: bool,
}

pub fn show(app: &AppHandle, view: View) {
    wish(app, Wish::View(view));
}

/// A program waits.
pub fn show_prompt(app: &AppHandle, prompt: PromptId) {
    wish(app, Wish::Prompt(prompt));
}

fn wish(app: &AppHandle, wish: Wish) {
    let process = app.state::<WindowProcess>();
    let mut running = lock(&process.0);
    running.wishes.push_back(wish.clone());
    match &running.to {
        // If it is ending, the wish is carried out by the next one.
        Some(to) => drop(to.send(ToWindows::Open(wish))),
        None => start(app, &mut running),
    }
}

/// With all that is to be on the screen.
fn start(app: &AppHandle, running: &mut LiveProcess) {
    if running.is_quitting {
        return;
    }
    let (to, messages) = mpsc::unbounded_channel();
    let snapshot = app.state::<AppState>().snapshot();
    let opened = running.wishes.iter().cloned().map(ToWindows::Open);
    for message in [ToWindows::Snapshot(Box::new(snapshot))]
        .into_iter()
        .chain(opened)
    {
        // The other end is just below.
        let _ = to.send(message);
    }
    running.to = Some(to);
    running.opened = 0;
    running.served = Some(spawn(serve(app.clone(), messages)));
}

async fn serve(app: AppHandle, messages: UnboundedReceiver<ToWindows>) {
    let ended = match spawned() {
        Ok((mut child, to, from)) => {
            tokio::select! {
                () = write(to, messages) => {}
                () = read(&app, from) => {}
            }
            child.wait().await.is_ok_and(|status| status.success())
        }
        Err(error) => {
            tracing::error!(%error, "no window can be opened");
            false
        }
    };
    app.state::<AppState>().host.windows_closed();
    #[cfg(target_os = "linux")]
    spawn(crate::idle::give_code_back());
    let process = app.state::<WindowProcess>();
    let mut running = lock(&process.0);
    running.to = None;
    // One that failed before it showed anything will fail again.
    if !ended && running.opened == 0 {
        running.wishes.clear();
    }
    if !running.wishes.is_empty() {
        start(&app, &mut running);
    }
}

fn spawned() -> std::io::Result<(Child, ChildStdin, ChildStdout)> {
    let mut child = Command::new(program()?)
        .arg(WINDOWS)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let streams = child.stdin.take().zip(child.stdout.take());
    let (to, from) = streams.expect("both were asked for");
    Ok((child, to, from))
}

/// This program. Its file may have been replaced by an update since: on Linux it can be started all
/// the same.
fn program() -> std::io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    Ok(if cfg!(target_os = "linux") && !path.exists() {
        PathBuf::from("/proc/self/exe")
    } else {
        path
    })
}

/// Until the other end is closed, or the last message was sent.
async fn write(mut to: ChildStdin, mut messages: UnboundedReceiver<ToWindows>) {
    while let Some(message) = messages.recv().await {
        let line = match link::line(&message) {
            Ok(line) => line,
            Err(error) => {
                tracing::warn!(%error, "the windows cannot be sent a message");
                continue;
            }
        };
        if to.write_all(line.filled()).await.is_err() {
            return;
        }
    }
}

async fn read(app: &AppHandle, mut from: ChildStdout) {
    let mut buffer = link::incoming();
    loop {
        match link::take(&mut buffer) {
            Ok(Some(message)) => take(app, message),
            Ok(None) => match from.read(buffer.room()).await {
                Ok(0) | Err(_) => return,
                Ok(count) => buffer.took(count),
            },
            Err(error) => {
                tracing::error!(%error, "a message of the windows cannot be read");
                return;
            }
        }
    }
}

fn take(app: &AppHandle, message: FromWindows) {
    match message {
        FromWindows::Opened => {
            let process = app.state::<WindowProcess>();
            let mut running = lock(&process.0);
            running.opened += 1;
            running.wishes.pop_front();
        }
        FromWindows::Closed(label) => app.state::<AppState>().host.window_closed(&label),
        FromWindows::Asked {
            id,
            window,
            request,
        } => {
            let app = app.clone();
            spawn(async move {
                let result = Box::new(carry_out(&app, window.as_deref(), request).await);
                send(&app, ToWindows::Answered { id, result });
            });
        }
    }
}

async fn carry_out(app: &AppHandle, window: Option<&str>, request: AppRequest) -> Result<AppReply> {
    let state: &AppState = &app.state::<AppState>();
    let done = match request {
        AppRequest::Agent(request) => {
            let changes = !matches!(request, Request::Look(_));
            let answered = state.host.request_for_person(window, request).await;
            if changes {
                state.changed();
            }
            return answered.map(|it| AppReply::Answered(Box::new(it)));
        }
        AppRequest::Import(profiles) => {
            let answered = actions::import(state, profiles).await?;
            return Ok(AppReply::Answered(Box::new(answered)));
        }
        AppRequest::Retry => {
            state.host.host_configured().await;
            // The status says what came of it.
            let _ = state.host.request_for_person(None, Look::List.into()).await;
            return Ok(AppReply::Snapshot(Box::new(state.refresh().await)));
        }
        AppRequest::Look => {
            state.changed();
            Ok(())
        }
        AppRequest::Edit(changes) => actions::edit(state, changes).await,
        AppRequest::CopyEnvironment(identity) => actions::copy_environment(state, &identity).await,
        AppRequest::CopyProfileName(identity) => state.clipboard.copy(&identity),
        AppRequest::Doctor => return examine(app, state, Fixes::Nothing).await,
        AppRequest::FixWhatIsSafe => return examine(app, state, Fixes::WhatIsSafe).await,
        AppRequest::CopyText(text) => state.clipboard.copy(&text),
        AppRequest::OpenConsole(identity) => actions::open_console(state, &identity).await,
        AppRequest::CopyDatabaseToken(name) => actions::copy_database_token(state, &name).await,
        AppRequest::OpenDatabaseTerminal(name) => {
            actions::open_database_terminal(state, &name).await
        }
        AppRequest::ShowNotices(kinds) => {
            lock(&state.preferences).show_only(&kinds, &state.host.environment)
        }
        AppRequest::TrySandbox => {
            let hosted = state.host.host_sandbox().await;
            state.refresh().await;
            hosted
        }
        AppRequest::LeaveSandbox => {
            state.host.leave_sandbox().await;
            state.refresh().await;
            Ok(())
        }
        AppRequest::SandboxRevoke(user) => sandbox(state)?.revoke(&user),
        AppRequest::SandboxNewKey(user) => {
            let key = sandbox(state)?.new_key(&user)?;
            state.clipboard.copy(&key)
        }
    };
    done.map(|()| AppReply::Done)
}

enum Fixes {
    Nothing,
    WhatIsSafe,
}

/// In this process, whose environment is that of the agent.
async fn examine(app: &AppHandle, state: &AppState, fixes: Fixes) -> Result<AppReply> {
    let environment = state.host.environment.clone();
    let machine = Machine::of(Some(&state.host.path()?), environment, Clock::system());
    let report = |it: CheckProgress<'_>| {
        let progress = DoctorProgress {
            found: it.found.to_vec(),
            open: u32::try_from(it.open).unwrap_or(u32::MAX),
        };
        send(app, ToWindows::Checked(progress));
    };
    let found = doctor::examine(&machine, report).await;
    Ok(AppReply::Checked(match fixes {
        Fixes::Nothing => found,
        Fixes::WhatIsSafe => doctor::fix(&machine, found).await,
    }))
}

fn sandbox(state: &AppState) -> Result<std::sync::Arc<crate::sandbox::AppSandbox>> {
    let missing =
        || Error::new(Code::InvalidInput, "the sandbox is not running").hint("start it first");
    state.host.sandbox().ok_or_else(missing)
}

fn send(app: &AppHandle, message: ToWindows) {
    let process = app.state::<WindowProcess>();
    if let Some(to) = &lock(&process.0).to {
        // One that has just ended has nothing to show.
        let _ = to.send(message);
    }
}

/// Sends each new snapshot to the windows, for as long as the app runs.
pub async fn follow(app: AppHandle, mut snapshots: Snapshots) {
    while let Some(snapshot) = snapshots.next().await {
        send(&app, ToWindows::Snapshot(Box::new(snapshot)));
    }
}

/// The windows are closed without a word: the user wants it so.
pub async fn quit(app: &AppHandle) {
    let served = {
        let process = app.state::<WindowProcess>();
        let mut running = lock(&process.0);
        running.is_quitting = true;
        running.wishes.clear();
        if let Some(to) = &running.to {
            let _ = to.send(ToWindows::Quit);
        }
        running.served.take()
    };
    if let Some(served) = served {
        tokio::select! {
            _ = served => {}
            () = Clock::nap(QUITS_WITHIN) => {}
        }
    }
}
