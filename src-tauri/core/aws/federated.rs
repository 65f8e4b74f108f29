//! Roles for those whom an identity provider vouches for, and tasks as the root of a member
//! account.

use super::callee::AwsService;
use super::client::{Aws, Place, Signer};
use super::fault::Fault;
use super::sts::{Granted, RoleRequest, misused, seconds};
use crate::config::AssumeRoot;
use crate::duration::SessionDuration;
use crate::saml::{LONGEST_ASSERTION, SamlAssertion};
use crate::secret::Secret;
use aws_sdk_sts::Client;
use aws_sdk_sts::types::PolicyDescriptorType;
use zeroize::Zeroizing;

impl RoleRequest<'_> {
    /// `AssumeRoleWithWebIdentity`: nothing is signed.
    pub async fn with_web_identity(
        &self,
        aws: &Aws,
        place: Place<'_>,
        token: &Secret,
    ) -> Result<Granted, Fault> {
        let config = aws.config(AwsService::Sts, place).map_err(misused)?;
        let issued_at = aws.clock.now();
        let answer = Client::new(&config)
            .assume_role_with_web_identity()
            .role_arn(&self.role.role_arn)
            .role_session_name(&self.role.session_name)
            .web_identity_token(token.expose())
            .duration_seconds(seconds(self.duration))
            .send()
            .await
            .map_err(|error| aws.fault(&error, AwsService::Sts, place))?;
        let user = answer.assumed_role_user();
        let principal = user.map(|user| user.arn().into());
        Granted::read(answer.credentials(), principal, issued_at)
    }

    /// `AssumeRoleWithSAML`: nothing is signed. `provider`: its ARN.
    pub async fn with_saml(
        &self,
        aws: &Aws,
        place: Place<'_>,
        vouched: Vouched<'_>,
    ) -> Result<Granted, Fault> {
        let config = aws.config(AwsService::Sts, place).map_err(misused)?;
        let issued_at = aws.clock.now();
        let answer = Client::new(&config)
            .assume_role_with_saml()
            .role_arn(&self.role.role_arn)
            .principal_arn(vouched.provider)
            .saml_assertion(in_one_line(vouched.assertion).as_str())
            .duration_seconds(seconds(self.duration))
            .send()
            .await
            .map_err(|error| aws.fault(&error, AwsService::Sts, place))?;
        let user = answer.assumed_role_user();
        let principal = user.map(|user| user.arn().into());
        Granted::read(answer.credentials(), principal, issued_at)
    }
}

/// By a SAML provider, which is named by its ARN.
#[derive(Clone, Copy, Debug)]
pub struct Vouched<'a> {
    pub provider: &'a str,
    pub assertion: &'a Secret,
}

/// What an assertion says; `None`: it is none.
pub fn assertion(text: &Secret) -> Option<SamlAssertion> {
    let fits = text.expose().len() <= LONGEST_ASSERTION;
    fits.then(|| SamlAssertion::read(&in_one_line(text)))?
}

/// Base64 is often printed in lines.
fn in_one_line(text: &Secret) -> Zeroizing<String> {
    let words: Vec<&str> = text.expose().split_ascii_whitespace().collect();
    Zeroizing::new(words.concat())
}

/// `AssumeRoot`, signed by a session of the management account or of a delegated administrator.
pub async fn assume_root(
    aws: &Aws,
    signer: Signer<'_>,
    place: Place<'_>,
    root: &AssumeRoot,
    duration: SessionDuration,
) -> Result<Granted, Fault> {
    let client = aws.sts(signer, place).map_err(misused)?;
    let issued_at = aws.clock.now();
    let policy = PolicyDescriptorType::builder().arn(&root.task_policy_arn);
    let answer = client
        .assume_root()
        .target_principal(root.target_principal.to_string())
        .task_policy_arn(policy.build())
        .duration_seconds(seconds(duration))
        .send()
        .await
        .map_err(|error| aws.fault(&error, AwsService::Sts, place))?;
    Granted::read(answer.credentials(), None, issued_at)
}
