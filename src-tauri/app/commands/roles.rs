//! The roles that an IAM Identity Center assigns: which of them are identities of the
//! configuration.

use crate::link::AppRequest;
use crate::windows::Windows;
use keyfob_core::config::{AssignedRole, Config};
use keyfob_core::error::Result;
use tauri::State;

/// `null`: only what is written is an identity.
#[tauri::command]
#[specta::specta]
pub async fn assigned_roles(
    state: State<'_, Windows>,
    provider: String,
) -> Result<Option<Vec<AssignedRole>>> {
    let config = Config::load(&state.configuration(), &state.environment)?;
    AssignedRole::all(&config, &provider)
}

#[tauri::command]
#[specta::specta]
pub async fn keep_roles(
    state: State<'_, Windows>,
    provider: String,
    identities: Vec<String>,
) -> Result<()> {
    let config = Config::load(&state.configuration(), &state.environment)?;
    let changes = AssignedRole::keep(&config, &provider, &identities)?;
    state.ask(AppRequest::Edit(changes)).await.map(drop)
}

#[tauri::command]
#[specta::specta]
pub async fn keep_all_roles(state: State<'_, Windows>, provider: String) -> Result<()> {
    let changes = vec![AssignedRole::keep_all(&provider)];
    state.ask(AppRequest::Edit(changes)).await.map(drop)
}
