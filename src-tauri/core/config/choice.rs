//! Which of the roles that an IAM Identity Center assigns are identities: all of them, or those that
//! are written because they were chosen.

use super::edit::{AutoProvision, Change, NewIdentity, NewKind};
use super::identity::Identity;
use super::{AccountReference, Config, Kind};
use crate::error::{Code, Error, Result};
use serde::Serialize;

/// A role that is an identity without a line in the configuration.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct AssignedRole {
    identity: String,
    /// Twelve digits.
    account: String,
    role: String,
}

impl AssignedRole {
    /// In the order of the last list. `None`: only what is written is an identity.
    pub fn all(config: &Config, provider: &str) -> Result<Option<Vec<AssignedRole>>> {
        let source = config.source(config.provider(provider)?)?;
        if !source.kind.lists_roles() {
            return Ok(None);
        }
        let of_it = |it: &&Identity| {
            let of = it.provider.as_ref();
            it.is_assigned && of.is_some_and(|of| of.as_str().eq_ignore_ascii_case(provider))
        };
        let identities = config.identities().iter().filter(of_it);
        let roles = identities.filter_map(|it| role(config, it).transpose());
        roles.collect::<Result<_>>().map(Some)
    }

    /// An entry for each of these identities, and no other that is assigned is one any more.
    pub fn keep(config: &Config, provider: &str, identities: &[String]) -> Result<Vec<Change>> {
        let roles = AssignedRole::all(config, provider)?.unwrap_or_default();
        let entries = identities.iter().map(|name| {
            let found = roles.iter().find(|it| it.identity == *name);
            let role = found.ok_or_else(|| {
                let message = format!("{name} is not assigned any more");
                Error::new(Code::InvalidInput, message).hint("refresh the list, then choose again")
            })?;
            Ok(Change::AddIdentity(role.entry(provider)))
        });
        let only_written = Ok(provision(provider, false));
        [only_written].into_iter().chain(entries).collect()
    }

    /// Every role that is assigned is an identity, once it is listed.
    pub fn keep_all(provider: &str) -> Change {
        provision(provider, true)
    }

    fn entry(&self, provider: &str) -> NewIdentity {
        NewIdentity {
            name: self.identity.clone(),
            is_default: false,
            kind: NewKind::PermissionSet {
                provider: provider.to_owned(),
                role_name: self.role.clone(),
                account: self.account.clone(),
                region: None,
            },
            settings: Box::default(),
        }
    }
}

fn provision(provider: &str, is_on: bool) -> Change {
    Change::AutoProvision(AutoProvision {
        provider: provider.to_owned(),
        is_on,
    })
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
