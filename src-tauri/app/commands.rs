//! What the page may ask for: each unpacks what was sent, makes the request of the tray's process,
//! and returns. Which window may call which is said in `tauri.conf.json`. Secrets come in and never
//! go out.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a command's arguments are its own"
)]

pub mod roles;
pub mod settings;
pub mod sign_in;

use crate::actions::misunderstood;
use crate::confirmation::{NativeQuestion, confirmed};
use crate::link::AppRequest;
use crate::snapshot::{AppSnapshot, View};
use crate::windows::{self, Windows};
use keyfob_core::agent::api::{
    Audit, Control, Logout, LongLivedKeys, Look, Maintain, Mode, Refresh, Reply, Report, Rotate,
    Rotated, Target,
};
use keyfob_core::clock::Clock;
use keyfob_core::doctor::Checked;
use keyfob_core::error::{Code, Error, Result};
use std::time::Duration;
use tauri::{State, WebviewWindow};

/// What this window was opened to show.
#[tauri::command]
#[specta::specta]
pub fn opened(window: WebviewWindow, state: State<'_, Windows>) -> View {
    state.open.view(window.label())
}

#[tauri::command]
#[specta::specta]
pub async fn snapshot(state: State<'_, Windows>) -> Result<AppSnapshot> {
    // Nothing reports what other programs did to the keyring.
    state.ask(AppRequest::Look).await?;
    Ok(state.snapshot())
}

/// Looks at keyring and configuration again.
#[tauri::command]
#[specta::specta]
pub async fn retry(state: State<'_, Windows>) -> Result<AppSnapshot> {
    state.ask(AppRequest::Retry).await?.snapshot()
}

#[tauri::command]
#[specta::specta]
pub async fn preview_logout(
    window: WebviewWindow,
    state: State<'_, Windows>,
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
    state: State<'_, Windows>,
    target: Target,
    long_lived_keys: LongLivedKeys,
) -> Result<Report> {
    if long_lived_keys == LongLivedKeys::Remove {
        let of_whom = match &target {
            Target::Identity { name, .. } => format!("{name}, or of its source,"),
            Target::Provider(provider) => format!("every identity of {provider}"),
            Target::All => "every identity".to_owned(),
        };
        let question = NativeQuestion {
            title: "Forget the access keys?",
            text: format!(
                "The access keys of {of_whom} are removed from the keyring. AWS shows a secret \
                 only once: without a copy of your own you need new keys."
            ),
            yes: "Forget them",
        };
        confirmed(&window, question).await?;
    }
    let logout = Logout {
        target,
        long_lived_keys,
        mode: Mode::Run,
    };
    removed(&window, &state, logout).await
}

/// A new access key in place of the stored one, once the person agrees: copies of the old one stop
/// working.
#[tauri::command]
#[specta::specta]
pub async fn rotate_key(
    window: WebviewWindow,
    state: State<'_, Windows>,
    identity: String,
) -> Result<Rotated> {
    let question = NativeQuestion {
        title: "Rotate the access key?",
        text: format!(
            "A new access key for {identity} is made and stored, and the old one is deleted at \
             AWS: copies of it on other machines and in pipelines stop working."
        ),
        yes: "Rotate",
    };
    confirmed(&window, question).await?;
    let request = Maintain::Rotate(Rotate {
        identity,
        keep_old: None,
    });
    match state.request(window.label(), request.into()).await?.reply {
        Reply::Rotated(rotated) => Ok(rotated),
        Reply::Needs(prompt) => Err(prompt.unanswered),
        _ => Err(misunderstood()),
    }
}

async fn removed(window: &WebviewWindow, state: &Windows, logout: Logout) -> Result<Report> {
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
    state: State<'_, Windows>,
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
pub async fn refresh(window: WebviewWindow, state: State<'_, Windows>, to: Refresh) -> Result<()> {
    state
        .request(window.label(), Control::Refresh(to).into())
        .await
        .map(drop)
}

/// Looks at everything that may be wrong on this machine. Each check is reported as soon as it is
/// known; in the end all of them, in their own order.
#[tauri::command]
#[specta::specta]
pub async fn doctor(state: State<'_, Windows>) -> Result<Vec<Checked>> {
    checked(&state, AppRequest::Doctor).await
}

/// Looks again, and does what each check says that it may: nothing is lost by it.
#[tauri::command]
#[specta::specta]
pub async fn fix_what_is_safe(state: State<'_, Windows>) -> Result<Vec<Checked>> {
    checked(&state, AppRequest::FixWhatIsSafe).await
}

async fn checked(state: &Windows, request: AppRequest) -> Result<Vec<Checked>> {
    let found = state.ask(request).await?.checked()?;
    state.checked(&found);
    Ok(found)
}

/// That of a check of the last look, by its position.
#[tauri::command]
#[specta::specta]
pub async fn copy_remedy(state: State<'_, Windows>, position: u32) -> Result<()> {
    let missing = || Error::new(Code::InvalidInput, "there is no such remedy");
    let remedy = state.remedy(position).ok_or_else(missing)?;
    state.ask(AppRequest::CopyText(remedy)).await.map(drop)
}

#[tauri::command]
#[specta::specta]
pub async fn copy_environment(state: State<'_, Windows>, identity: String) -> Result<()> {
    state
        .ask(AppRequest::CopyEnvironment(identity))
        .await
        .map(drop)
}

#[tauri::command]
#[specta::specta]
pub async fn copy_profile_name(state: State<'_, Windows>, identity: String) -> Result<()> {
    state
        .ask(AppRequest::CopyProfileName(identity))
        .await
        .map(drop)
}

#[tauri::command]
#[specta::specta]
pub async fn open_console(state: State<'_, Windows>, identity: String) -> Result<()> {
    state.ask(AppRequest::OpenConsole(identity)).await.map(drop)
}

/// Or the password: to the clipboard, and never to the page.
#[tauri::command]
#[specta::specta]
pub async fn copy_database_token(state: State<'_, Windows>, database: String) -> Result<()> {
    let request = AppRequest::CopyDatabaseToken(database);
    state.ask(request).await.map(drop)
}

#[tauri::command]
#[specta::specta]
pub async fn open_database_terminal(state: State<'_, Windows>, database: String) -> Result<()> {
    let request = AppRequest::OpenDatabaseTerminal(database);
    state.ask(request).await.map(drop)
}

#[tauri::command]
#[specta::specta]
pub async fn try_sandbox(state: State<'_, Windows>) -> Result<()> {
    state.ask(AppRequest::TrySandbox).await.map(drop)
}

#[tauri::command]
#[specta::specta]
pub async fn leave_sandbox(state: State<'_, Windows>) -> Result<()> {
    state.ask(AppRequest::LeaveSandbox).await.map(drop)
}

/// Deletes the user's access keys at the sandbox AWS.
#[tauri::command]
#[specta::specta]
pub async fn sandbox_revoke(state: State<'_, Windows>, user: String) -> Result<()> {
    state.ask(AppRequest::SandboxRevoke(user)).await.map(drop)
}

/// Makes one at the sandbox AWS and puts it on the clipboard, as the CSV file that AWS hands out.
#[tauri::command]
#[specta::specta]
pub async fn sandbox_new_key(state: State<'_, Windows>, user: String) -> Result<()> {
    state.ask(AppRequest::SandboxNewKey(user)).await.map(drop)
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
