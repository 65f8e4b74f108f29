//! `aws/ambient`: what the machine itself has, checked with AWS. Nothing of it is stored.

use super::obtain::Obtain;
use crate::ask::Note;
use crate::aws::{FaultKind, Signer};
use crate::error::Result;
use crate::secret::Session;

pub(super) async fn obtain(it: Obtain<'_>) -> Result<Session> {
    let aws = &it.world.aws;
    let found = aws.ambient_credentials().await?;
    it.trail.notes.extend(found.warning());
    let session = found.session;
    let source = session.origin;
    let signer = Signer::Session(&session);
    let fault = match aws.caller_identity(signer, it.place()).await {
        Ok(owner) => {
            return Ok(Session {
                principal: Some(owner.arn),
                account: owner.account.or(session.account.clone()),
                ..session
            });
        }
        Err(fault) => fault,
    };
    let is_of_the_keys = matches!(
        fault.kind,
        FaultKind::UnknownKeys
            | FaultKind::Expired
            | FaultKind::SecretMismatch
            | FaultKind::ClockSkew(_)
            | FaultKind::Misused
    );
    let error = fault.into_error(&it.link().region);
    if is_of_the_keys {
        return Err(error.hint(format!("these credentials come from: {source}")));
    }
    // Nothing was said about the credentials.
    it.trail.notes.push(Note::Warning(format!(
        "the credentials ({source}) could not be checked: {error}"
    )));
    Ok(session)
}
