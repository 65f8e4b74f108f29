//! Signing in to a provider alone, for the list of the roles that it assigns.

use super::climb::{Climb, end_sign_in};
use super::options::Options;
use crate::ask::Ask;
use crate::aws::FaultKind;
use crate::config::{Chain, Kind, Link, chain_of_provider};
use crate::error::{Code, Error, Result};
use crate::providers::{Trail, assigned_accounts};
use crate::world::World;
use serde::{Deserialize, Serialize};

/// What a provider assigns to the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct AssignedRoles {
    pub provider: String,
    #[cfg_attr(feature = "app", specta(type = u32))]
    pub accounts: usize,
    #[cfg_attr(feature = "app", specta(type = u32))]
    pub roles: usize,
}

/// Makes the list anew and keeps it, for the identities that are made of it; `options`: how to
/// sign in first.
pub async fn list_roles(
    world: &World,
    provider: &str,
    options: Options,
    ask: &Ask,
    trail: &mut Trail,
) -> Result<AssignedRoles> {
    let chain = chain_of_provider(&world.config, provider)?;
    require_list(&chain)?;
    let mut climb = Climb::start(world, chain, options, ask)?;
    let listed = listed(&mut climb).await;
    trail.take(climb.trail);
    listed
}

fn require_list(chain: &Chain) -> Result<()> {
    let Link { name, kind, .. } = chain.source();
    if kind.lists_roles() {
        return Ok(());
    }
    let (what, remedy) = match kind {
        Kind::IdentityCenter(_) => (
            "does not list its roles",
            "write `auto_provision_identities: true` below it",
        ),
        _ => ("has no list of roles", "an aws/iam-identity-center has one"),
    };
    Err(Error::new(Code::InvalidInput, format!("{name} {what}")).hint(remedy))
}

async fn listed(climb: &mut Climb<'_>) -> Result<AssignedRoles> {
    let world = climb.world;
    let mut sign_in = climb.signed_in(0).await?;
    climb.lift_sign_outs().await?;
    let provider = climb.chain.source().clone();
    let mut found = assigned_accounts(world, &provider, &sign_in).await;
    if matches!(&found, Err(fault) if fault.kind == FaultKind::SignInOver) {
        end_sign_in(climb, 0, &sign_in).await?;
        sign_in = climb.signed_in(0).await?;
        found = assigned_accounts(world, &provider, &sign_in).await;
    }
    let accounts = found.map_err(|fault| fault.into_error(&provider.region))?;
    let listed = AssignedRoles {
        provider: provider.name.clone(),
        accounts: accounts.len(),
        roles: accounts.iter().map(|account| account.roles.len()).sum(),
    };
    let by = world.assigned_by(&provider);
    by.keep_accounts(accounts.clone())?;
    by.keep(accounts)?;
    Ok(listed)
}
