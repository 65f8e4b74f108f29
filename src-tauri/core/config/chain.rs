//! From an identity to the plan for signing in to it: where credentials start and the steps up to the target. Pure.

use super::{IdentityName, ProviderName, Region};
use crate::credentials::{AccountId, Keys, MfaArn, Origin, SessionDuration, SessionKind};
use std::path::PathBuf;

/// `[provider, identity…, target]`, or `[identity]` for `aws/user`, `aws/ambient`, `aws/process`.
#[derive(Clone, Debug)]
pub struct Chain {
    pub identity: IdentityName,
    /// `aws-user` for stand-alone identities.
    pub provider: ProviderName,
    pub source: Source,
    /// From the source up to the target; empty when the target is the source itself.
    pub steps: Vec<Step>,
    /// The target's region: nearest one up the chain, else us-east-1.
    pub region: Region,
    pub env: Vec<(String, String)>,
    pub files: AwsFiles,
}

impl Chain {
    /// Every name from the source to the target, as shown: `corp-sso → org-admin → deploy`.
    pub fn names(&self) -> Vec<&str> {
        std::iter::once(self.source.name.as_str()).chain(self.steps.iter().map(|step| step.identity.as_str())).collect()
    }
}

/// Where credentials start.
#[derive(Clone, Debug)]
pub struct Source {
    /// A provider's name, or that of a stand-alone identity.
    pub name: String,
    pub kind: SourceKind,
    pub region: Region,
    pub endpoint_url: Option<String>,
    /// `session.duration` as written; limits are applied when signing in.
    pub session_duration: Option<SessionDuration>,
}

#[derive(Clone, Debug)]
pub enum SourceKind {
    User(User),
    Ambient,
    /// A program that prints credentials in the AWS SDKs' process protocol.
    Process {
        command: String,
    },
    IdentityCenter(IdentityCenter),
    Saml(Saml),
    GithubOidc {
        audience: String,
    },
    WebIdentity {
        token_file: PathBuf,
    },
}

impl SourceKind {
    /// The `kind` as written in the configuration.
    pub fn kind(&self) -> &'static str {
        match self {
            SourceKind::User(_) => "aws/user",
            SourceKind::Ambient => "aws/ambient",
            SourceKind::Process { .. } => "aws/process",
            SourceKind::IdentityCenter(_) => "aws/iam-identity-center",
            SourceKind::Saml(_) => "aws/saml",
            SourceKind::GithubOidc { .. } => "github/oidc",
            SourceKind::WebIdentity { .. } => "aws/web-identity",
        }
    }
}

#[derive(Clone, Debug)]
pub struct User {
    pub keys: Option<ConfiguredKeys>,
    pub mfa_arn: Option<MfaArn>,
    /// A program that prints the six digits.
    pub mfa_process: Option<String>,
}

/// Long-lived keys written in the file, or named there with `!env`.
#[derive(Clone, Debug)]
pub struct ConfiguredKeys {
    pub keys: Keys,
    /// `Configuration` or `Environment`.
    pub origin: Origin,
    /// For messages: `config.yaml line 12`, or `the environment variable DEV_KEY`.
    pub place: String,
}

#[derive(Clone, Debug)]
pub struct IdentityCenter {
    pub start_url: String,
    pub auto_provision_identities: bool,
    pub console_session_duration: Option<SessionDuration>,
}

#[derive(Clone, Debug)]
pub struct Saml {
    pub url: String,
}

/// One identity reached from the one before it.
#[derive(Clone, Debug)]
pub struct Step {
    pub identity: IdentityName,
    pub kind: StepKind,
    pub region: Region,
    pub endpoint_url: Option<String>,
}

#[derive(Clone, Debug)]
pub enum StepKind {
    PermissionSet(PermissionSet),
    AssumeRole(AssumeRole),
    AssumeRoot(AssumeRoot),
}

impl StepKind {
    pub fn kind(&self) -> &'static str {
        match self {
            StepKind::PermissionSet(_) => "aws/permission-set",
            StepKind::AssumeRole(_) => "aws/assume-role",
            StepKind::AssumeRoot(_) => "aws/assume-root",
        }
    }
}

#[derive(Clone, Debug)]
pub struct PermissionSet {
    pub name: String,
    pub account: AccountReference,
}

#[derive(Clone, Debug)]
pub enum AccountReference {
    Id(AccountId),
    Name(String),
}

#[derive(Clone, Debug)]
pub struct AssumeRole {
    pub role_arn: String,
    /// Already made valid: 2 to 64 of `[\w+=,.@-]`; `fob-<identity>` when none is written.
    pub session_name: String,
    pub external_id: Option<String>,
    pub duration: Option<SessionDuration>,
    /// `ChainedRole` when the step before is itself a role's session.
    pub limits: SessionKind,
}

#[derive(Clone, Debug)]
pub struct AssumeRoot {
    pub target_principal: AccountId,
    pub task_policy_arn: String,
}

/// Where the profile for AWS tools is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsFiles {
    /// `spec.files.base_path`, or what stands in for it.
    pub base: PathBuf,
    /// `<base>[/<realm>]/<provider>`.
    pub folder: PathBuf,
    /// Session keys are also written to `<folder>/credentials`.
    pub static_credentials: bool,
}
