//! An IAM user's long-lived keys: where they are found, and the user they belong to.

use super::obtain::{Obtain, place};
use crate::aws::{Fault, FaultKind, Place, Principal, Signer, Tries};
use crate::config::{Link, User};
use crate::error::Result;
use crate::ids::AccessKeyId;
use crate::secret::{Keys, LongLived, Origin, Session};
use crate::world::World;

/// Keys that can sign, and where they were.
#[derive(Clone, Debug)]
pub(super) struct FoundKeys {
    pub keys: Keys,
    pub origin: Origin,
    /// By the endpoint that they are for; before that they are bound to none.
    pub is_accepted: bool,
    /// For messages: `the keyring`, `config.yaml line 12`, `the environment variable DEV_KEY`.
    pub place: String,
}

/// The configuration's keys come first, and then the keyring is not read at all; else the
/// keyring's, with what it remembers beside them. `signs_at`: the link of the call.
pub(super) async fn find(
    world: &World,
    name: &str,
    user: &User,
    signs_at: &Link,
) -> Result<(Option<FoundKeys>, LongLived)> {
    if let Some(written) = &user.keys {
        let found = FoundKeys {
            keys: written.keys.clone(),
            origin: written.origin,
            is_accepted: true,
            place: written.place.clone(),
        };
        return Ok((Some(found), LongLived::default()));
    }
    let at = world.endpoint(signs_at)?;
    let Some(stored) = world.store.keys.find(name, Some(&at)).await? else {
        return Ok((None, LongLived::default()));
    };
    let found = stored.long_lived.keys.clone().map(|keys| FoundKeys {
        keys,
        origin: Origin::Keyring,
        is_accepted: stored.endpoint.is_some(),
        place: "the keyring".to_owned(),
    });
    Ok((found, stored.long_lived))
}

/// The endpoint took a call that was signed with them.
pub(super) async fn accepted(it: &Obtain<'_>, found: &FoundKeys, signs_at: &Link) -> Result<()> {
    if found.is_accepted {
        return Ok(());
    }
    let (keys, id) = (&it.world.store.keys, &found.keys.access_key_id);
    keys.accepted(it.name(), id, &it.world.endpoint(signs_at)?)
        .await
}

/// Signs a call that every principal is allowed, at the partition's default region.
pub async fn whose(
    world: &World,
    signer: Signer<'_>,
    place: Place<'_>,
) -> Result<Principal, Fault> {
    let region = &place.region.partition().default_region();
    let place = Place { region, ..place };
    world.aws.caller_identity(signer, place).await
}

/// The principal of a session, or AWS's word that it does not know it.
pub async fn session_owner(
    world: &World,
    link: &Link,
    session: &Session,
) -> Result<Principal, Fault> {
    owner(world, link, Signer::Session(session)).await
}

async fn owner(world: &World, link: &Link, signer: Signer<'_>) -> Result<Principal, Fault> {
    let place = Place {
        tries: Tries::One,
        ..place(link)
    };
    match world.aws.caller_identity(signer, place).await {
        Err(fault) if fault.kind == FaultKind::UnknownKeys => {
            Err(confirmed(world, signer, place, fault).await)
        }
        answer => answer,
    }
}

/// The long-lived keys of an IAM user, and AWS's word on them.
#[derive(Debug)]
pub struct StandingKeys {
    pub id: AccessKeyId,
    pub place: String,
    pub owner: Result<Principal, Fault>,
}

/// `None`: there are none. Whatever AWS says, they stay where they are.
pub async fn standing_keys(
    world: &World,
    user: &User,
    link: &Link,
) -> Result<Option<StandingKeys>> {
    let (Some(found), _) = find(world, &link.name, user, link).await? else {
        return Ok(None);
    };
    Ok(Some(StandingKeys {
        owner: owner(world, link, Signer::LongLived(&found.keys)).await,
        id: found.keys.access_key_id,
        place: found.place,
    }))
}

/// A region that says it does not know the credentials may not be enabled for the account: what
/// the partition's default region says counts.
pub(super) async fn confirmed(
    world: &World,
    signer: Signer<'_>,
    place: Place<'_>,
    fault: Fault,
) -> Fault {
    match whose(world, signer, place).await {
        Err(again) if again.kind == FaultKind::UnknownKeys => fault,
        Err(other) => other,
        Ok(_) => Fault {
            kind: FaultKind::RegionNotEnabled,
            ..fault
        },
    }
}
