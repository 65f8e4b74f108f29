//! A sign-in is one function: down the chain from the target to the first fresh session, then up
//! again, one AWS call a link. Each link is made under its own sign-in lock, so that fifty
//! processes that start together make one call and show one prompt; those who waited take over the
//! outcome, failures too. Dropping the function's future frees its locks and withdraws its prompt.

mod climb;
mod finish;
mod locks;
mod options;
mod outcome;
mod provider;
mod shared;

pub use options::{HeldSession, Intent, Options, Renewal};
pub use outcome::{Completed, Failure, NotRenewed, SignedIn};
pub use provider::{AssignedRoles, list_roles};

use crate::ask::{Ask, Caller};
use crate::error::Result;
use crate::world::World;
use climb::Climb;

/// Signs in to an identity: what is held and fresh is used, the rest is made.
pub async fn sign_in(
    world: &World,
    identity: &str,
    options: Options,
    ask: &Ask,
) -> Result<Completed, Failure> {
    let mut climb = started(world, identity, options, ask).map_err(|error| Failure {
        error,
        notes: Vec::new(),
        dropped: Vec::new(),
    })?;
    let outcome = match climb.with_an_open_keyring().await {
        Ok(session) => climb.known_to_aws(session).await,
        Err(error) => Err(error),
    };
    let outcome = match outcome {
        Ok(session) => climb.lift_sign_outs().await.map(|()| session),
        Err(error) => Err(error),
    };
    climb.finish(outcome).await
}

/// Whether an identity's session can be made again without a person.
pub async fn renews_alone(world: &World, identity: &str, caller: Caller) -> Result<bool> {
    let (options, ask) = (Options::ahead_of_time(caller), Ask::nobody());
    let mut climb = started(world, identity, options, &ask)?;
    climb.renewable(climb.target()).await
}

/// Renews the sign-in that an identity stands on, without a person, unless another process does.
pub async fn renew_sign_in(world: &World, identity: &str, caller: Caller) -> Result<()> {
    let (options, ask) = (Options::ahead_of_time(caller), Ask::nobody());
    let mut climb = started(world, identity, options, &ask)?;
    let renewed = climb.signed_in(0).await;
    climb.trail.record(world).await;
    renewed.map(drop)
}

fn started<'a>(
    world: &'a World,
    identity: &str,
    options: Options,
    ask: &'a Ask,
) -> Result<Climb<'a>> {
    Climb::start(world, world.chain(identity)?, options, ask)
}
