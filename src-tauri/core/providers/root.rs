//! `aws/assume-root`: one task as the root of a member account, with the session of the link below.

use super::obtain::{Obtain, Refusal};
use super::role::parent_refused;
use crate::aws::{FaultKind, Principal, Signer, assume_root};
use crate::config::AssumeRoot;
use crate::duration::SessionKind;
use crate::foreign::Foreign;
use crate::secret::Session;

pub(super) async fn obtain(
    mut it: Obtain<'_>,
    root: &AssumeRoot,
    parent: &Session,
) -> Result<Session, Refusal> {
    let duration = it.bounded(None, SessionKind::AssumeRoot);
    let (signer, place) = (Signer::Session(parent), it.place());
    let fault = match assume_root(&it.world.aws, signer, place, root, duration).await {
        Ok(granted) => {
            let owner = Principal {
                arn: Foreign::default(),
                account: Some(root.target_principal.clone()),
            };
            return Ok(granted.into_session(parent.origin, owner));
        }
        Err(fault) => fault,
    };
    match fault.kind {
        FaultKind::UnknownKeys | FaultKind::Expired => {
            Err(parent_refused(&it, parent, fault).await)
        }
        FaultKind::Denied => {
            let account = &root.target_principal;
            let error = fault.into_error(place.region).hint(format!(
                "only the management account of {account}'s organisation, or its delegated \
                 administrator for IAM, may; and root access must be enabled there"
            ));
            Err(Refusal::Failed(error))
        }
        _ => Err(Refusal::Failed(fault.into_error(place.region))),
    }
}
