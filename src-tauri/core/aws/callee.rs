//! AWS's services, by the variables that name another server for one of them.

/// A service of AWS's with an endpoint of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsService {
    Sts,
    /// Sign-ins of IAM Identity Center.
    SsoOidc,
    /// Its portal: accounts, roles and their sessions.
    Sso,
    /// The console's.
    Signin,
    SecretsManager,
    /// Users and their access keys: one for each partition.
    Iam,
}

impl AwsService {
    pub(super) fn variable(self) -> &'static str {
        match self {
            AwsService::Sts => "AWS_ENDPOINT_URL_STS",
            AwsService::SsoOidc => "AWS_ENDPOINT_URL_SSO_OIDC",
            AwsService::Sso => "AWS_ENDPOINT_URL_SSO",
            AwsService::Signin => "AWS_ENDPOINT_URL_SIGNIN",
            AwsService::SecretsManager => "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            AwsService::Iam => "AWS_ENDPOINT_URL_IAM",
        }
    }
}
