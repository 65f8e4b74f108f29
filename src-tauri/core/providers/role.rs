//! `aws/assume-role`: with the session of the link below, or, for more than an hour, with the
//! long-lived keys of the user below.

use super::obtain::{Obtain, Refusal};
use super::role_call::RoleCall;
use super::user::{self, Wanted};
use crate::aws::{Fault, FaultKind, Place, Principal, Signer};
use crate::config::{AssumeRole, User};
use crate::duration::SessionKind;
use crate::error::{Code, Error, Result};
use crate::foreign::Foreign;
use crate::secret::Session;

pub(super) async fn obtain(
    mut it: Obtain<'_>,
    role: &AssumeRole,
    parent: &Session,
) -> Result<Session, Refusal> {
    // Whether a machine or a program has keys or a session only shows once they are there.
    let limits = match parent.token {
        Some(_) => SessionKind::ChainedRole,
        None => role.limits,
    };
    let call = call(&mut it, role, limits);
    let signer = Signer::Session(parent);
    let fault = match call.send(&it.world.aws, signer, None).await {
        Ok(granted) => {
            let owner = Principal {
                arn: Foreign::default(),
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
        _ => Err(Refusal::Failed(call.refused(fault))),
    }
}

/// The keys are found, prompted for and replaced as for the user's own session.
pub(super) async fn obtain_with_keys(
    mut it: Obtain<'_>,
    role: &AssumeRole,
    user: &User,
) -> Result<Session> {
    let wanted = Wanted::Role(call(&mut it, role, role.limits));
    user::obtain(Obtain { at: 0, ..it }, user, &wanted).await
}

pub(super) fn call<'a>(
    it: &mut Obtain<'a>,
    role: &'a AssumeRole,
    limits: SessionKind,
) -> RoleCall<'a> {
    RoleCall {
        link: it.link(),
        role,
        duration: it.bounded(role.duration, limits),
        place: it.place(),
    }
}

/// Confirmed where every account can be reached: a region that is not enabled refuses good
/// sessions.
pub(super) async fn parent_refused(it: &Obtain<'_>, parent: &Session, fault: Fault) -> Refusal {
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
