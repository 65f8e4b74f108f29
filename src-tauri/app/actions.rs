//! What is done for an identity at the tray's or a window's wish, and how the configuration file is
//! changed: by the agent that works for it, or, before there is one, here.

use crate::desktop::browser_link;
use crate::host::caller;
use crate::outside;
use crate::state::AppState;
use keyfob_core::agent::api::{
    Answered, DatabaseChoice, DatabaseToken, DatabaseTokenRequest, Maintain, OpenedWith, Renewal,
    Reply, SessionRequest, VariablesForm,
};
use keyfob_core::agent::edits::{self, Imported};
use keyfob_core::config::Change;
use keyfob_core::error::{Code, Error, Result};
use std::ffi::OsString;
use std::iter::once;
use tauri::async_runtime::spawn;

pub async fn copy_environment(state: &AppState, identity: &str) -> Result<()> {
    let request = SessionRequest::Variables {
        identity: identity.to_owned(),
        form: VariablesForm::Profile,
    };
    match state
        .host
        .request_for_person(None, request.into())
        .await?
        .reply
    {
        Reply::Variables(variables) => state.clipboard.copy(&outside::shell_lines(&variables)),
        _ => Err(misunderstood()),
    }
}

pub async fn open_console(state: &AppState, identity: &str) -> Result<()> {
    let request = SessionRequest::Console {
        identity: identity.to_owned(),
        destination: None,
        duration: None,
    };
    match state
        .host
        .request_for_person(None, request.into())
        .await?
        .reply
    {
        Reply::Console(link) => {
            let (address, served) = browser_link::address(link.url).await?;
            spawn(served);
            outside::browse(&address).await
        }
        Reply::Needs(prompt) => Err(prompt.unanswered),
        _ => Err(misunderstood()),
    }
}

/// Or the password.
pub async fn copy_database_token(state: &AppState, name: &str) -> Result<()> {
    let held = database_token(state, name).await?;
    outside::copy_secret(&state.clipboard, &held.token)
}

/// With the variables that the database's clients read. What keeps it from opening is said here,
/// and not in a terminal that closes again.
pub async fn open_database_terminal(state: &AppState, name: &str) -> Result<()> {
    database_token(state, name).await?;
    let environment = &state.host.environment;
    let words = ["rds", "exec", name].map(OsString::from);
    let command = once(environment.program().into()).chain(words);
    outside::open_terminal(command.collect()).await
}

async fn database_token(state: &AppState, name: &str) -> Result<DatabaseToken> {
    let request = SessionRequest::DatabaseToken(DatabaseTokenRequest {
        database: DatabaseChoice::Named(name.to_owned()),
        renewal: Renewal::WhenDue,
        with: OpenedWith::Either,
    });
    let answered = state.host.request_for_person(None, request.into()).await;
    state.changed();
    match answered?.reply {
        Reply::DatabaseToken(held) => Ok(held),
        Reply::Needs(prompt) => Err(prompt.unanswered),
        _ => Err(misunderstood()),
    }
}

pub async fn use_as_default(state: &AppState, identity: String) -> Result<()> {
    edit(state, vec![Change::MakeDefault(identity)]).await
}

pub async fn edit(state: &AppState, changes: Vec<Change>) -> Result<()> {
    if state.host.is_idle() {
        edits::change_file(&state.host.path()?, &state.host.environment, &changes).await?;
        return state.take_over().await;
    }
    let answered = state
        .host
        .request(Maintain::Edit { changes }.into())
        .await?;
    state.refresh().await;
    match answered.reply {
        Reply::Edited {
            problem: Some(error),
        } => Err(error),
        Reply::Edited { problem: None } => Ok(()),
        _ => Err(misunderstood()),
    }
}

/// Profiles of the files of AWS tools, with their keys.
pub async fn import(state: &AppState, profiles: Vec<String>) -> Result<Answered> {
    if state.host.is_idle() {
        let environment = state.host.environment.clone();
        let Imported { identities, notes } =
            edits::import_first(&state.host.path()?, environment, &profiles, &caller()).await?;
        state.take_over().await?;
        let reply = Reply::Imported { identities };
        return Ok(Answered { notes, reply });
    }
    let answered = state
        .host
        .request_for_person(None, Maintain::Import { profiles }.into())
        .await;
    state.refresh().await;
    answered
}

/// The agent is in this process: nothing can be of another version.
pub fn misunderstood() -> Error {
    Error::new(Code::Unsupported, "the agent cannot do this for a window").hint(
        "the configuration takes values from an environment that the tray app does not have: use \
         `fob`",
    )
}
