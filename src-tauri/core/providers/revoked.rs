//! Long-lived keys that AWS no longer knows: cleared only when AWS confirms it, and only if they
//! are still the stored ones.

use super::keys::{FoundKeys, confirmed};
use super::obtain::{Obtain, place};
use crate::aws::{Fault, FaultKind, Place, Signer, Tries};
use crate::config::Chain;
use crate::error::{Code, Error, Result};
use crate::secret::Origin;
use crate::store::ClearedKeys;
use crate::store::audit::{AuditEvent, AuditOutcome, Happened};
use crate::world::World;

const CLEARED: &str = "stale credentials were cleared from the keyring";

/// What came of keys that AWS refused.
pub(super) enum Refused {
    /// Other keys were stored meanwhile.
    Replaced,
    /// Confirmed; nothing is left to sign with. The error where there is no person to ask for new
    /// ones.
    Revoked(Error, Happened),
    /// Confirmed; they are not kept in the keyring, so they stay where they are.
    NotOurs(Error, Happened),
}

/// AWS's word that it does not know these keys. Whatever else is wrong shows in the call that they
/// are for.
pub(super) async fn unknown(it: &Obtain<'_>, found: &FoundKeys) -> Option<Fault> {
    let place = Place {
        tries: Tries::One,
        ..it.place()
    };
    let signer = Signer::LongLived(&found.keys);
    let asked = it.world.aws.caller_identity(signer, place).await;
    asked
        .err()
        .filter(|fault| fault.kind == FaultKind::UnknownKeys)
}

fn still_unknown(fault: Fault, place: Place<'_>) -> Result<Fault> {
    match fault.kind {
        FaultKind::UnknownKeys => Ok(fault),
        FaultKind::RegionNotEnabled => {
            let error = fault.into_error(place.region);
            Err(error.hint("the keys themselves are good and were kept"))
        }
        _ => Err(fault.into_error(place.region)),
    }
}

/// AWS refused long-lived keys. Confirmed first, with the keys themselves, where every account can
/// be reached: any other answer than "unknown" keeps them.
pub(super) async fn refused(
    world: &World,
    chain: &Chain,
    found: &FoundKeys,
    fault: Fault,
) -> Result<Refused> {
    let link = chain.source();
    let (name, place) = (link.name.as_str(), place(link));
    let fault = confirmed(world, Signer::LongLived(&found.keys), place, fault).await;
    let error = unknown_to_aws(name, found, still_unknown(fault, place)?);
    let key = &found.keys.access_key_id;
    let happened = |what: &str, outcome| Happened {
        event: AuditEvent::Revocation,
        identity: name.to_owned(),
        what: format!("access key {key} of {}: {what}", found.place),
        outcome,
    };
    if found.origin != Origin::Keyring {
        let place = &found.place;
        let hint = format!("replace them in {place}; the keyring was not touched");
        let left = happened("left there", AuditOutcome::Ok);
        return Ok(Refused::NotOurs(error.hint(hint), left));
    }
    let at = world.endpoint(link)?;
    let cleared = world.store.keys.clear_revoked(name, key, &at).await;
    let outcome = AuditOutcome::from(&cleared);
    let error = error.hint(format!("fob user configure --identity {name}"));
    let (became, error) = match cleared {
        Ok(ClearedKeys::Changed) => return Ok(Refused::Replaced),
        Ok(ClearedKeys::Cleared) => ("set aside", error.hint(CLEARED).hint(restore(name))),
        Ok(ClearedKeys::Absent) => ("absent", error.hint(CLEARED)),
        Ok(ClearedKeys::NeverAccepted) => {
            let kept = format!("the keyring keeps them, because {at} has never accepted them");
            ("kept", error.hint(kept))
        }
        Err(why) => {
            let failed = format!("stale credentials could not be cleared from the keyring: {why}");
            ("cleared", error.hint(failed))
        }
    };
    let happened = happened(became, outcome);
    Ok(Refused::Revoked(error.for_want_of_a_person(), happened))
}

pub(super) fn restore(name: &str) -> String {
    format!("they are set aside for 30 days: fob repair {name} --restore")
}

fn unknown_to_aws(name: &str, found: &FoundKeys, fault: Fault) -> Error {
    let message = "aws credentials are invalid or have been revoked";
    Error::new(
        Code::AwsCredentialsInvalid,
        format!("{message} (identity {name}, keys from {})", found.place),
    )
    .hint("they were rotated or revoked at AWS")
    .aws_code(fault.code.unwrap_or_default())
}
