//! `aws/assume-role`: `AssumeRole` with the session of the link below.

use super::obtain::{Obtain, Refusal, denied_hints};
use crate::aws::{Fault, FaultKind, Place, Principal, Signer};
use crate::config::AssumeRole;
use crate::duration::SessionKind;
use crate::error::{Code, Error, Result};
use crate::secret::{Origin, Session};

pub(super) async fn obtain(
    mut it: Obtain<'_>,
    role: &AssumeRole,
    parent: &Session,
) -> Result<Session, Refusal> {
    // A machine's role is a role's session already, which only shows once it is there.
    let limits = match parent.origin {
        Origin::ContainerRole | Origin::InstanceRole => SessionKind::ChainedRole,
        Origin::Keyring
        | Origin::Configuration
        | Origin::Environment
        | Origin::Process
        | Origin::Typed => role.limits,
    };
    let duration = it.bounded(role.duration, limits);
    let place = it.place();
    let fault = match it
        .world
        .aws
        .assume_role(parent, place, role, duration)
        .await
    {
        Ok(granted) => {
            let owner = Principal {
                arn: String::new(),
                account: None,
            };
            return Ok(granted.into_session(parent.origin, owner));
        }
        Err(fault) => fault,
    };
    match fault.kind {
        FaultKind::UnknownKeys | FaultKind::Expired => {
            Err(parent_refused(&it, parent, fault).await)
        }
        FaultKind::DurationRefused => {
            let error = fault.into_error(place.region);
            let message = format!(
                "{} does not allow a session of {duration}: {}",
                role.role_arn, error.message
            );
            Err(Refusal::Failed(Error { message, ..error }.hint(format!(
                "set principal.duration of {} to less, or raise the role's MaxSessionDuration",
                it.name()
            ))))
        }
        _ => Err(Refusal::Failed(denied_hints(
            fault.into_error(place.region),
            "identity policy, SCP, and the role's trust policy and external id",
        ))),
    }
}

/// Confirmed where every account can be reached: a region that is not enabled refuses good
/// sessions.
async fn parent_refused(it: &Obtain<'_>, parent: &Session, fault: Fault) -> Refusal {
    let place = it.place();
    if fault.kind == FaultKind::UnknownKeys {
        let default = place.region.partition().default_region();
        let elsewhere = Place {
            region: &default,
            ..place
        };
        let signer = Signer::Session(parent);
        match it.world.aws.caller_identity(signer, elsewhere).await {
            Ok(_) => {
                let fault = Fault {
                    kind: FaultKind::RegionNotEnabled,
                    ..fault
                };
                let error = fault.into_error(place.region);
                return Refusal::Failed(error.hint("the session itself is good and was kept"));
            }
            Err(again) if matches!(again.kind, FaultKind::UnknownKeys | FaultKind::Expired) => {}
            Err(other) => return Refusal::Failed(other.into_error(place.region)),
        }
    }
    let below = &it.chain.links()[it.at - 1].name;
    let message = format!("AWS does not accept the session of {below}, although it was just made");
    Refusal::Parent(
        Error::new(Code::SessionExpired, message).aws_code(fault.code.unwrap_or_default()),
    )
}
