//! What the page may ask for: each unpacks what was sent, makes the request, and returns. Which
//! window may call which is said in `tauri.conf.json`. Secrets come in and never go out.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a command's arguments are its own"
)]

pub mod settings;
pub mod sign_in;

use crate::actions;
use crate::actions::misunderstood;
use crate::sandbox::RunningSandbox;
use crate::snapshot::{AppSnapshot, View};
use crate::state::AppState;
use crate::windows;
use keyfob_core::agent::api::{
    Audit, Control, Logout, LongLivedKeys, Look, Maintain, Mode, Refresh, Reply, Report, Target,
};
use keyfob_core::clock::Clock;
use keyfob_core::error::{Code, Error, Result};
use std::sync::Arc;
use std::time::Duration;
use tauri::{State, WebviewWindow};

/// What this window was opened to show.
#[tauri::command]
#[specta::specta]
pub fn opened(window: WebviewWindow, state: State<'_, AppState>) -> View {
    state.windows.view(window.label())
}

#[tauri::command]
#[specta::specta]
pub fn snapshot(state: State<'_, AppState>) -> AppSnapshot {
    // Nothing reports what other programs did to the keyring.
    state.changed();
    state.snapshot()
}

/// Looks at keyring and configuration again.
#[tauri::command]
#[specta::specta]
pub async fn retry(state: State<'_, AppState>) -> Result<AppSnapshot> {
    state.host.host_configured().await;
    Ok(state.refresh().await)
}

#[tauri::command]
#[specta::specta]
pub async fn preview_logout(
    window: WebviewWindow,
    state: State<'_, AppState>,
    target: Target,
    long_lived_keys: LongLivedKeys,
) -> Result<Report> {
    let logout = Logout {
        target,
        long_lived_keys,
        mode: Mode::DryRun,
    };
    removed(&window, &state, logout).await
}

#[tauri::command]
#[specta::specta]
pub async fn log_out(
    window: WebviewWindow,
    state: State<'_, AppState>,
    target: Target,
    long_lived_keys: LongLivedKeys,
) -> Result<Report> {
    let logout = Logout {
        target,
        long_lived_keys,
        mode: Mode::Run,
    };
    let report = removed(&window, &state, logout).await;
    state.changed();
    report
}

async fn removed(window: &WebviewWindow, state: &AppState, logout: Logout) -> Result<Report> {
    let request = Maintain::Logout(logout);
    match state.request(window.label(), request.into()).await?.reply {
        Reply::Removed(report) => Ok(report),
        Reply::Needs(prompt) => Err(prompt.unanswered),
        _ => Err(misunderstood()),
    }
}

/// The audit log of the last days; all of it for `null`.
#[tauri::command]
#[specta::specta]
pub async fn activity(
    window: WebviewWindow,
    state: State<'_, AppState>,
    days: Option<u32>,
) -> Result<Audit> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let since = days.and_then(|days| Clock::system().now().checked_sub(DAY * days));
    let request = Look::Audit { since };
    match state.request(window.label(), request.into()).await?.reply {
        Reply::Audit(audit) => Ok(audit),
        _ => Err(misunderstood()),
    }
}

/// Whether sessions are renewed ahead of time.
#[tauri::command]
#[specta::specta]
pub async fn refresh(window: WebviewWindow, state: State<'_, AppState>, to: Refresh) -> Result<()> {
    state
        .request(window.label(), Control::Refresh(to).into())
        .await?;
    state.changed();
    Ok(())
}

#[tauri::command]
#[specta::specta]
pub async fn copy_environment(state: State<'_, AppState>, identity: String) -> Result<()> {
    actions::copy_environment(&state, &identity).await
}

#[tauri::command]
#[specta::specta]
pub fn copy_profile_name(state: State<'_, AppState>, identity: String) -> Result<()> {
    state.clipboard.copy(&identity)
}

#[tauri::command]
#[specta::specta]
pub async fn open_console(state: State<'_, AppState>, identity: String) -> Result<()> {
    actions::open_console(&state, &identity).await
}

#[tauri::command]
#[specta::specta]
pub async fn try_sandbox(state: State<'_, AppState>) -> Result<()> {
    let hosted = state.host.host_sandbox().await;
    state.refresh().await;
    hosted
}

#[tauri::command]
#[specta::specta]
pub async fn leave_sandbox(state: State<'_, AppState>) -> Result<()> {
    state.host.leave_sandbox().await;
    state.refresh().await;
    Ok(())
}

/// Deletes the user's access keys at the sandbox AWS.
#[tauri::command]
#[specta::specta]
pub fn sandbox_revoke(state: State<'_, AppState>, user: String) -> Result<()> {
    sandbox(&state)?.revoke(&user)
}

/// Makes one at the sandbox AWS and puts it on the clipboard, as the CSV file that AWS hands out.
#[tauri::command]
#[specta::specta]
pub fn sandbox_new_key(state: State<'_, AppState>, user: String) -> Result<()> {
    let key = sandbox(&state)?.new_key(&user)?;
    state.clipboard.copy(&key)
}

fn sandbox(state: &AppState) -> Result<Arc<RunningSandbox>> {
    let missing =
        || Error::new(Code::InvalidInput, "the sandbox is not running").hint("start it first");
    state.host.sandbox().ok_or_else(missing)
}

/// A prompt's window becomes as high as its page, in CSS pixels.
#[tauri::command]
#[specta::specta]
pub fn fit(window: WebviewWindow, height: f64) {
    // Where it does not fit, it scrolls.
    let _ = windows::fit(&window, height);
}

#[tauri::command]
#[specta::specta]
pub fn close_window(window: WebviewWindow) -> Result<()> {
    window.close().map_err(|cause| {
        let message = format!("the window cannot be closed: {cause}");
        Error::new(Code::ProcessFailed, message)
    })
}
