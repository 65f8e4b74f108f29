//! The roles that an IAM Identity Center assigns: which of them are identities of the configuration.

use crate::link::AppRequest;
use crate::windows::Windows;
use keyfob_core::config::{
    AccountReference, AutoProvision, Change, Config, Identity, Kind, NewIdentity, NewKind,
};
use keyfob_core::error::{Code, Error, Result};
use serde::Serialize;
use specta::Type;
use tauri::State;

/// A role that is an identity without a line in the configuration.
#[derive(Debug, Serialize, Type)]
pub struct AssignedRole {
    identity: String,
    /// Twelve digits.
    account: String,
    role: String,
}

/// In the order of the last list. `null`: only what is written is an identity.
#[tauri::command]
#[specta::specta]
pub async fn assigned_roles(
    state: State<'_, Windows>,
    provider: String,
) -> Result<Option<Vec<AssignedRole>>> {
    let config = Config::load(&state.configuration(), &state.environment)?;
    let source = config.source(config.provider(&provider)?)?;
    if !source.kind.lists_roles() {
        return Ok(None);
    }
    assigned(&config, &provider)
        .collect::<Result<_>>()
        .map(Some)
}

/// Writes an entry for each of these, and no other that is assigned is an identity any more.
#[tauri::command]
#[specta::specta]
pub async fn keep_roles(
    state: State<'_, Windows>,
    provider: String,
    identities: Vec<String>,
) -> Result<()> {
    let config = Config::load(&state.configuration(), &state.environment)?;
    let roles = assigned(&config, &provider).collect::<Result<Vec<_>>>()?;
    let chosen = |name: &String| {
        let found = roles.iter().find(|it| it.identity == *name);
        found.ok_or_else(|| {
            let message = format!("{name} is not assigned any more");
            Error::new(Code::InvalidInput, message).hint("refresh the list, then choose again")
        })
    };
    let mut changes = vec![Change::AutoProvision(AutoProvision {
        provider: provider.clone(),
        is_on: false,
    })];
    for name in &identities {
        let AssignedRole {
            identity,
            account,
            role,
        } = chosen(name)?;
        changes.push(Change::AddIdentity(NewIdentity {
            name: identity.clone(),
            is_default: false,
            kind: NewKind::PermissionSet {
                provider: provider.clone(),
                role_name: role.clone(),
                account: account.clone(),
                region: None,
            },
        }));
    }
    state.ask(AppRequest::Edit(changes)).await.map(drop)
}

/// Every role that is assigned is an identity, once it is listed.
#[tauri::command]
#[specta::specta]
pub async fn keep_all_roles(state: State<'_, Windows>, provider: String) -> Result<()> {
    let change = Change::AutoProvision(AutoProvision {
        provider,
        is_on: true,
    });
    state.ask(AppRequest::Edit(vec![change])).await.map(drop)
}

fn assigned<'c>(
    config: &'c Config,
    provider: &str,
) -> impl Iterator<Item = Result<AssignedRole>> + 'c {
    let provider = provider.to_owned();
    let is_of_it = move |it: &&Identity| {
        let of = it.provider.as_ref();
        it.is_assigned && of.is_some_and(|of| of.as_str().eq_ignore_ascii_case(&provider))
    };
    config
        .identities()
        .iter()
        .filter(is_of_it)
        .filter_map(|it| role(config, it).transpose())
}

/// `None`: no permission set of an account by its number, as all that are listed are.
fn role(config: &Config, identity: &Identity) -> Result<Option<AssignedRole>> {
    let chain = config.chain(identity)?;
    let Kind::PermissionSet(set) = &chain.target().kind else {
        return Ok(None);
    };
    let AccountReference::Id(account) = &set.account else {
        return Ok(None);
    };
    Ok(Some(AssignedRole {
        identity: identity.name.to_string(),
        account: account.to_string(),
        role: set.name.clone(),
    }))
}
