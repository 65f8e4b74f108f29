//! From an identity to the plan for signing in to it: where credentials start and the steps up to
//! the target. Pure.

use super::kinds;
use super::problem::Blocks;
use super::{Below, Config, Identity, Provider};
use crate::duration::{SessionDuration, SessionKind};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, MfaArn};
use crate::ids::{IdentityName, Partition, ProviderName, Region};
use crate::secret::{Keys, Origin};
use std::path::PathBuf;

/// Where credentials start, and every link from there up to the identity.
#[derive(Clone, Debug)]
pub struct Chain {
    pub identity: IdentityName,
    /// `aws-user` for stand-alone identities.
    pub provider: ProviderName,
    /// Never empty: the source is the first, the identity the last, and both may be one.
    links: Vec<Link>,
    /// The target's region: nearest one up the chain, else us-east-1.
    pub region: Region,
    pub env: Vec<(String, String)>,
    pub files: AwsFiles,
}

impl Chain {
    /// From the source to the target.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    pub fn source(&self) -> &Link {
        self.links.first().expect("a chain has a link")
    }

    pub fn target(&self) -> &Link {
        self.links.last().expect("a chain has a link")
    }

    /// Every name from the source to the target, as shown: `corp-sso → org-admin → deploy`.
    pub fn names(&self) -> Vec<&str> {
        self.links.iter().map(|link| link.name.as_str()).collect()
    }
}

/// A provider or an identity, with what it inherits from the links before it.
#[derive(Clone, Debug)]
pub struct Link {
    pub name: String,
    pub kind: Kind,
    pub region: Region,
    pub endpoint_url: Option<String>,
}

#[derive(Clone, Debug)]
pub enum Kind {
    User(User),
    Ambient,
    Process(Process),
    IdentityCenter(IdentityCenter),
    Saml(Saml),
    GithubOidc(GithubOidc),
    WebIdentity(WebIdentity),
    PermissionSet(PermissionSet),
    AssumeRole(AssumeRole),
    AssumeRoot(AssumeRoot),
}

impl Kind {
    /// The `kind` as written in the configuration.
    pub fn as_str(&self) -> &'static str {
        match self {
            Kind::User(_) => kinds::USER,
            Kind::Ambient => kinds::AMBIENT,
            Kind::Process(_) => kinds::PROCESS,
            Kind::IdentityCenter(_) => kinds::IDENTITY_CENTER,
            Kind::Saml(_) => kinds::SAML,
            Kind::GithubOidc(_) => kinds::GITHUB_OIDC,
            Kind::WebIdentity(_) => kinds::WEB_IDENTITY,
            Kind::PermissionSet(_) => kinds::PERMISSION_SET,
            Kind::AssumeRole(_) => kinds::ASSUME_ROLE,
            Kind::AssumeRoot(_) => kinds::ASSUME_ROOT,
        }
    }
}

#[derive(Clone, Debug)]
pub struct User {
    pub keys: Option<ConfiguredKeys>,
    pub mfa_arn: Option<MfaArn>,
    /// A program that prints the six digits.
    pub mfa_process: Option<String>,
    /// As written; limits are applied when signing in.
    pub session_duration: Option<SessionDuration>,
}

/// A program that prints credentials in the AWS SDKs' process protocol.
#[derive(Clone, Debug)]
pub struct Process {
    pub command: String,
}

#[derive(Clone, Debug)]
pub struct GithubOidc {
    pub audience: String,
}

#[derive(Clone, Debug)]
pub struct WebIdentity {
    pub token_file: PathBuf,
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
    /// As written; limits are applied when signing in.
    pub session_duration: Option<SessionDuration>,
    pub console_session_duration: Option<SessionDuration>,
}

#[derive(Clone, Debug)]
pub struct Saml {
    pub url: String,
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

/// Where a chain starts, as written: a provider or a stand-alone identity.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub kind: Kind,
    pub region: Option<Region>,
    pub endpoint_url: Option<String>,
    pub base: Option<PathBuf>,
    pub static_credentials: bool,
}

/// A link above the source, as written.
#[derive(Clone, Debug)]
pub(super) struct Rise {
    pub kind: Kind,
    pub region: Option<Region>,
    pub endpoint_url: Option<String>,
}

/// What an identity adds to a chain.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Start(Start),
    Rise(Rise),
}

impl Start {
    fn link(&self, name: &str) -> Link {
        Link {
            name: name.to_owned(),
            kind: self.kind.clone(),
            region: self
                .region
                .clone()
                .unwrap_or_else(|| Partition::Aws.default_region()),
            endpoint_url: self.endpoint_url.clone(),
        }
    }
}

/// The identities of a chain from the target down, and the provider below them.
struct Descent<'c> {
    identities: Vec<&'c Identity>,
    provider: Option<&'c Provider>,
}

impl Config {
    /// The plan for signing in. A broken link is refused with its problems, each with line and
    /// column; a chain that uses a kind of another cloud is unsupported.
    pub fn chain(&self, identity: &Identity) -> Result<Chain> {
        let descent = self.descend(self.identity(identity.name.as_str())?);
        self.check(&descent)?;
        // What has no part has an error, so `check` has refused it.
        let broken = || {
            Error::new(
                Code::ConfigInvalid,
                format!("the identity `{}` cannot be used", identity.name),
            )
        };
        let (below, above) = match (descent.provider, descent.identities.as_slice()) {
            (Some(provider), all) => ((provider.name.as_str(), provider.start.as_ref()), all),
            (None, [above @ .., lowest]) => match &lowest.part {
                Some(Part::Start(start)) => ((lowest.name.as_str(), Some(start)), above),
                Some(Part::Rise(_)) | None => return Err(broken()),
            },
            (None, []) => return Err(broken()),
        };
        let (name, Some(start)) = below else {
            return Err(broken());
        };
        let source = start.link(name);
        let (mut region, mut endpoint_url) = (source.region.clone(), source.endpoint_url.clone());
        let mut links = vec![source];
        for link in above.iter().rev() {
            let Some(Part::Rise(rise)) = &link.part else {
                return Err(broken());
            };
            region = rise.region.clone().unwrap_or(region);
            endpoint_url = rise.endpoint_url.clone().or(endpoint_url);
            links.push(Link {
                name: link.name.to_string(),
                kind: rise.kind.clone(),
                region: region.clone(),
                endpoint_url: endpoint_url.clone(),
            });
        }
        let provider = descent
            .provider
            .map_or_else(ProviderName::stand_alone, |provider| provider.name.clone());
        let files = self.aws_files(&provider, Some(start))?;
        let Some(target) = descent.identities.first() else {
            return Err(broken());
        };
        Ok(Chain {
            identity: target.name.clone(),
            provider,
            links,
            region,
            env: target.env.clone(),
            files,
        })
    }

    /// The names of a chain from the start to the identity, as far as they are known: also where it
    /// is broken.
    pub fn chain_names(&self, identity: &Identity) -> Vec<&str> {
        let Ok(target) = self.identity(identity.name.as_str()) else {
            return Vec::new();
        };
        let descent = self.descend(target);
        let mut names: Vec<&str> = descent
            .identities
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        names.extend(descent.provider.map(|provider| provider.name.as_str()));
        names.reverse();
        names
    }

    /// Where the chains of a provider start: what `login --provider` signs in to.
    pub fn source(&self, provider: &Provider) -> Result<Link> {
        let provider = self.provider(provider.name.as_str())?;
        self.check(&Descent {
            identities: Vec::new(),
            provider: Some(provider),
        })?;
        match &provider.start {
            Some(start) => Ok(start.link(provider.name.as_str())),
            None => Err(Error::new(
                Code::Usage,
                "stand-alone identities share no provider to sign in to",
            )
            .hint("name an identity")),
        }
    }

    /// The folder that holds the profiles of a provider's identities. A stand-alone identity may
    /// have another one: see its chain.
    pub fn files(&self, provider: &Provider) -> Result<AwsFiles> {
        let provider = self.provider(provider.name.as_str())?;
        self.aws_files(&provider.name, provider.start.as_ref())
    }

    fn aws_files(&self, provider: &ProviderName, start: Option<&Start>) -> Result<AwsFiles> {
        let base = match start.and_then(|start| start.base.clone()) {
            Some(base) => base,
            None => self.general.files_base.clone()?,
        };
        let realm = &self.general.realm;
        let above = if realm.is_default() {
            base.clone()
        } else {
            base.join(realm.file_name())
        };
        let static_credentials = start.is_some_and(|start| start.static_credentials);
        Ok(AwsFiles {
            folder: above.join(provider.file_name()),
            base,
            static_credentials,
        })
    }

    fn descend<'c>(&'c self, target: &'c Identity) -> Descent<'c> {
        let mut descent = Descent {
            identities: vec![target],
            provider: None,
        };
        let mut below = target.below;
        while let Some(next) = below {
            match next {
                Below::Provider(at) => {
                    descent.provider = Some(&self.providers[at]);
                    break;
                }
                // More links than identities: a circle, which has been reported.
                Below::Identity(_) if descent.identities.len() >= self.identities.len() => break,
                Below::Identity(at) => {
                    descent.identities.push(&self.identities[at]);
                    below = self.identities[at].below;
                }
            }
        }
        descent
    }

    fn check(&self, descent: &Descent<'_>) -> Result<()> {
        self.usable()?;
        let name = match (descent.identities.first(), descent.provider) {
            (Some(target), _) => format!("the identity `{}`", target.name),
            (None, Some(provider)) => format!("the provider `{}`", provider.name),
            (None, None) => return Ok(()),
        };
        let foreign_identity = descent
            .identities
            .iter()
            .rev()
            .find(|it| kinds::is_foreign(&it.kind));
        let foreign = match descent.provider.filter(|provider| !provider.is_supported) {
            Some(provider) => Some((provider.name.as_str(), provider.kind.as_str())),
            None => foreign_identity.map(|it| (it.name.as_str(), it.kind.as_str())),
        };
        if let Some((link, kind)) = foreign {
            let message = format!("{name} is not supported: `{link}` is of kind {kind}");
            return Err(Error::new(Code::Unsupported, message)
                .hint("Keyfob signs in to AWS; use the other tool here"));
        }
        let identities = descent
            .identities
            .iter()
            .map(|it| Blocks::Identity(it.name.key()));
        let provider = descent
            .provider
            .map(|provider| Blocks::Provider(provider.name.key()));
        self.refuse_blocked(
            &format!("{name} cannot be used"),
            identities.chain(provider),
        )
    }
}
