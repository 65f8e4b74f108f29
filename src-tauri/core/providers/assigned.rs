//! What an IAM Identity Center assigns to the person who is signed in: accounts, and the roles in
//! each.

use super::obtain::place;
use crate::aws::{Fault, Portal, PortalAccount};
use crate::clock::Clock;
use crate::config::{AssignedAccount, Link};
use crate::error::{Code, Result};
use crate::secret::SignIn;
use crate::world::World;
use futures_util::future::join_all;
use std::time::Duration;

/// AWS takes so many questions for roles a second.
const A_SECOND: usize = 20;
const AT_ONCE: usize = 5;
/// A busy portal is called again, each time later.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
];

pub async fn assigned_accounts(
    world: &World,
    provider: &Link,
    sign_in: &SignIn,
) -> Result<Vec<AssignedAccount>, Fault> {
    let portal = Portal {
        aws: &world.aws,
        place: place(provider),
        token: &sign_in.token,
    };
    let found = accounts(portal).await?;
    let mut accounts = Vec::new();
    let a_batch = Duration::from_secs(1) * u32::try_from(AT_ONCE).unwrap_or(1)
        / u32::try_from(A_SECOND).unwrap_or(1);
    for batch in found.chunks(AT_ONCE) {
        let roles = batch
            .iter()
            .map(|account| patiently(portal, || portal.account_roles(&account.id)));
        let (roles, ()) = tokio::join!(join_all(roles), Clock::nap(a_batch));
        for (PortalAccount { id, name }, roles) in batch.iter().zip(roles) {
            accounts.push(AssignedAccount {
                id: id.clone(),
                name: name.to_string(),
                roles: roles?.iter().map(ToString::to_string).collect(),
            });
        }
    }
    Ok(accounts)
}

pub(super) async fn accounts(portal: Portal<'_>) -> Result<Vec<PortalAccount>, Fault> {
    patiently(portal, || portal.accounts()).await
}

async fn patiently<T, A: Future<Output = Result<T, Fault>>>(
    portal: Portal<'_>,
    ask: impl Fn() -> A,
) -> Result<T, Fault> {
    for pause in PAUSES {
        match ask().await {
            Err(fault) if is_busy(&fault, portal) => Clock::nap(pause).await,
            answered => return answered,
        }
    }
    ask().await
}

fn is_busy(fault: &Fault, portal: Portal<'_>) -> bool {
    fault.clone().into_error(portal.place.region).code == Code::Throttled
}
