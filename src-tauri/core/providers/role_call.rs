//! `AssumeRole`, signed by a session or by long-lived keys.

use super::obtain::denied_hints;
use crate::aws::{Aws, Fault, FaultKind, Granted, Mfa, Place, RoleRequest, Signer, Vouched};
use crate::config::{AssumeRole, Link};
use crate::duration::SessionDuration;
use crate::error::Error;
use crate::secret::Secret;

pub(super) struct RoleCall<'a> {
    pub link: &'a Link,
    pub role: &'a AssumeRole,
    pub duration: SessionDuration,
    pub place: Place<'a>,
}

impl RoleCall<'_> {
    pub async fn send(
        &self,
        aws: &Aws,
        signer: Signer<'_>,
        mfa: Option<Mfa<'_>>,
    ) -> Result<Granted, Fault> {
        let request = RoleRequest {
            role: self.role,
            duration: self.duration,
            mfa,
        };
        aws.assume_role(signer, self.place, request).await
    }

    pub async fn send_with_token(&self, aws: &Aws, token: &Secret) -> Result<Granted, Fault> {
        let request = RoleRequest {
            role: self.role,
            duration: self.duration,
            mfa: None,
        };
        request.with_web_identity(aws, self.place, token).await
    }

    pub async fn send_with_assertion(
        &self,
        aws: &Aws,
        vouched: Vouched<'_>,
    ) -> Result<Granted, Fault> {
        let request = RoleRequest {
            role: self.role,
            duration: self.duration,
            mfa: None,
        };
        request.with_saml(aws, self.place, vouched).await
    }

    /// What AWS says of the role itself.
    pub fn refused(&self, fault: Fault) -> Error {
        let kind = fault.kind.clone();
        let error = fault.into_error(&self.link.region);
        if kind != FaultKind::DurationRefused {
            return denied_hints(
                error,
                "identity policy, SCP, and the role's trust policy and external id",
            );
        }
        let message = format!(
            "{} does not allow a session of {}: {}",
            self.role.role_arn, self.duration, error.message
        );
        Error { message, ..error }.hint(format!(
            "set principal.duration of {} to less, or raise the role's MaxSessionDuration",
            self.link.name
        ))
    }
}
