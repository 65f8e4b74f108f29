//! `aws/permission-set`: a session of the role that a permission set of an IAM Identity Center is
//! in an account.

use super::assigned;
use super::identity_center::other_region;
use super::obtain::{Obtain, Refusal};
use crate::ask::Note;
use crate::aws::{Fault, FaultKind, Portal, PortalAccount, Principal};
use crate::config::{AccountReference, AssignedAccount, PermissionSet, only_of_name};
use crate::error::{Code, Error};
use crate::foreign::Foreign;
use crate::ids::AccountId;
use crate::secret::{Origin, Session, SignIn};
use std::time::Duration;

/// So many accounts or roles are named to a person who has to choose another one.
const MOST_NAMED: usize = 8;
/// The accounts by their names.
const LISTED_ANEW_AFTER: Duration = Duration::from_secs(12 * 60 * 60);

pub(super) async fn obtain(
    it: Obtain<'_>,
    set: &PermissionSet,
    sign_in: &SignIn,
) -> Result<Session, Refusal> {
    if let Some(asked) = it.duration {
        it.trail.notes.push(Note::Warning(format!(
            "{asked} was asked for: how long the session lasts is set in the permission set"
        )));
    }
    let portal = portal(&it, sign_in);
    let known = known_account(&it, set);
    let mut account = match known.clone() {
        Some(account) => account,
        None => self::account(&it, set, portal).await?,
    };
    let role = &set.name;
    let mut granted = portal.role_credentials(&account, role).await;
    if known.is_some() && granted.as_ref().is_err_and(is_not_there) {
        // The name may be another account's by now.
        let now = self::account(&it, set, portal).await?;
        if now != account {
            account = now;
            granted = portal.role_credentials(&account, role).await;
        }
    }
    match granted {
        Ok(granted) => {
            let owner = Principal {
                arn: Foreign::default(),
                account: Some(account),
            };
            Ok(granted.into_session(Origin::IdentityCenter, owner))
        }
        Err(fault) if is_not_there(&fault) => {
            let error = not_assigned(&it, &account, role, portal, fault).await;
            Err(Refusal::Failed(error))
        }
        Err(fault) => Err(refused(&it, fault)),
    }
}

fn is_not_there(fault: &Fault) -> bool {
    matches!(fault.kind, FaultKind::Denied | FaultKind::NotThere)
}

/// Of a name that was listed not long ago.
fn known_account(it: &Obtain<'_>, set: &PermissionSet) -> Option<AccountId> {
    let name = match &set.account {
        AccountReference::Id(_) => return None,
        AccountReference::Name(name) => name,
    };
    let (accounts, listed_at) = it.world.assigned_by(it.chain.source()).accounts()?;
    let is_young = listed_at + LISTED_ANEW_AFTER > it.world.clock.now();
    only_of_name(&accounts, name).filter(|_| is_young).cloned()
}

fn portal<'a>(it: &Obtain<'a>, sign_in: &'a SignIn) -> Portal<'a> {
    Portal {
        aws: &it.world.aws,
        place: it.place_of_provider(),
        token: &sign_in.token,
    }
}

/// The sign-in that was just made, or was good a moment ago.
fn refused(it: &Obtain<'_>, fault: Fault) -> Refusal {
    if fault.kind == FaultKind::SignInOver {
        let name = &it.chain.source().name;
        let message =
            format!("AWS does not accept the sign-in of {name}, although it was just made");
        let hint = other_region(it.chain.source());
        let error = Error::new(Code::SessionExpired, message).hint(hint);
        return Refusal::Parent(fault.code.into_iter().fold(error, Error::aws_code));
    }
    Refusal::Failed(fault.into_error(&it.chain.source().region))
}

async fn account(
    it: &Obtain<'_>,
    set: &PermissionSet,
    portal: Portal<'_>,
) -> Result<AccountId, Refusal> {
    let wanted = match &set.account {
        AccountReference::Id(id) => return Ok(id.clone()),
        AccountReference::Name(name) => name,
    };
    let accounts = assigned::accounts(portal).await;
    let accounts = accounts.map_err(|fault| refused(it, fault))?;
    let listed = accounts.iter().map(|it| AssignedAccount {
        id: it.id.clone(),
        name: it.name.to_string(),
        roles: Vec::new(),
    });
    let by = it.world.assigned_by(it.chain.source());
    if let Err(error) = by.keep_accounts(listed.collect()) {
        tracing::warn!(%error, "accounts not kept");
    }
    let is_it = |account: &&PortalAccount| account.name.as_str() == wanted;
    let of_it: Vec<_> = accounts
        .iter()
        .filter(is_it)
        .map(|it| it.id.clone())
        .collect();
    let error = match of_it.as_slice() {
        [id] => return Ok(id.clone()),
        [] => {
            let name = &it.chain.source().name;
            let message = format!("{name} gives you no account of the name `{wanted}`");
            Error::new(Code::InvalidInput, message).hint(accounts_of(&accounts, wanted))
        }
        [_, _, ..] => {
            let ids = of_it.iter().map(ToString::to_string);
            let ids: Vec<String> = ids.collect();
            let message = format!(
                "several accounts have the name `{wanted}`: {}",
                ids.join(", ")
            );
            Error::new(Code::InvalidInput, message)
                .hint("write `account: { id: … }` in place of the name")
        }
    };
    Err(Refusal::Failed(error))
}

/// The account and role by name, and those that are near.
async fn not_assigned(
    it: &Obtain<'_>,
    account: &AccountId,
    role: &str,
    portal: Portal<'_>,
    fault: Fault,
) -> Error {
    let provider = &it.chain.source().name;
    let said = fault.into_error(portal.place.region);
    let message = format!(
        "{provider} gives you no permission set {role} in the account {account}: {}",
        said.message
    );
    let error = Error {
        code: Code::AccessDenied,
        message,
        ..said
    };
    match portal.account_roles(account).await {
        Ok(roles) if !roles.is_empty() => {
            let roles = nearest(roles.iter().map(ToString::to_string), role);
            error.hint(format!("assigned to you there: {}", roles.join(", ")))
        }
        Ok(_) | Err(_) => match portal.accounts().await {
            Ok(accounts) => error.hint(accounts_of(&accounts, &account.to_string())),
            Err(_) => error,
        },
    }
}

fn accounts_of(accounts: &[PortalAccount], wanted: &str) -> String {
    let shown = accounts.iter().map(|it| format!("{} ({})", it.id, it.name));
    match nearest(shown, wanted).as_slice() {
        [] => "no account is assigned to you".to_owned(),
        shown => format!("assigned to you: {}", shown.join(", ")),
    }
}

/// The nearest first.
fn nearest(names: impl Iterator<Item = String>, wanted: &str) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort_by_cached_key(|name| strsim::damerau_levenshtein(name, wanted));
    if names.len() > MOST_NAMED {
        names.truncate(MOST_NAMED);
        names.push("…".to_owned());
    }
    names
}
