//! From an identity to the plan for signing in to it: the links from where credentials start up to
//! the identity. Pure.

use super::configuration::Config;
use super::identity::{Below, EntrySettings, HostVariant, Identity, Provider, awaited, list_hints};
use super::kinds::{self, Kind, LOGIN, ROLE_ON_CENTER};
use super::links::{is_role_on_center, stands_alone};
use super::problem::Blocked;
use crate::error::{Code, Error, Result};
use crate::ids::{IdentityName, Partition, ProviderName, Region};
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
    /// `None`: no link names one.
    pub written_region: Option<Region>,
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

    /// Whether it is of a provider alone.
    pub fn is_of_a_provider(&self) -> bool {
        self.links.len() == 1 && self.provider.as_str() == self.identity.as_str()
    }

    /// How a person signs in to it.
    pub fn login_command(&self) -> String {
        let flag = if self.is_of_a_provider() {
            "--provider "
        } else {
            ""
        };
        format!("fob login {flag}{}", self.identity)
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
    pub hosts: HostVariant,
}

impl Link {
    fn new(name: &str, settings: &EntrySettings, before: Option<&Link>) -> Link {
        let region = settings.region.as_ref().or(before.map(|it| &it.region));
        let endpoint_url = settings.endpoint_url.as_ref();
        Link {
            name: name.to_owned(),
            kind: settings.kind.clone(),
            region: region.map_or_else(|| Partition::Aws.default_region(), Region::clone),
            endpoint_url: endpoint_url
                .or(before.and_then(|it| it.endpoint_url.as_ref()))
                .cloned(),
            hosts: settings
                .hosts
                .or(before.map(|it| it.hosts).unwrap_or_default()),
        }
    }
}

impl Link {
    /// Where a person signs in at a provider; those with the same one share a sign-in.
    pub fn sign_in_address(&self) -> Option<String> {
        self.kind
            .signs_in_at(&self.region, self.endpoint_url.as_deref())
    }

    /// The name that the sign-in of a provider goes by: that of the first with its address.
    pub fn sign_in_name(&self, config: &Config) -> String {
        let address = self.sign_in_address();
        let sources = config
            .providers()
            .iter()
            .filter_map(|it| config.source(it).ok());
        let mut same = sources.filter(|it| address.is_some() && it.sign_in_address() == address);
        same.next().map_or(self.name.clone(), |it| it.name)
    }
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

/// One link, as far as it is listed.
#[derive(Clone, Copy)]
enum ListedLink<'c> {
    Provider(&'c Provider),
    Identity(&'c Identity),
}

impl<'c> ListedLink<'c> {
    fn name(self) -> &'c str {
        match self {
            ListedLink::Provider(provider) => provider.name.as_str(),
            ListedLink::Identity(identity) => identity.name.as_str(),
        }
    }

    fn subject(self) -> Blocked {
        match self {
            ListedLink::Provider(provider) => Blocked::Provider(provider.name.key()),
            ListedLink::Identity(identity) => Blocked::Identity(identity.name.key()),
        }
    }

    fn identity(self) -> Option<&'c Identity> {
        match self {
            ListedLink::Provider(_) => None,
            ListedLink::Identity(identity) => Some(identity),
        }
    }

    /// Its kind, where that is one of another cloud.
    fn foreign_kind(self) -> Option<&'c str> {
        match self {
            ListedLink::Provider(it) => (!it.is_supported).then_some(it.kind.as_str()),
            ListedLink::Identity(it) => kinds::is_foreign(&it.kind).then_some(it.kind.as_str()),
        }
    }
}

/// Where people sign in: the providers, and the identities that stand alone and are signed in to in
/// a browser. Broken ones are left out.
pub fn sources(config: &Config) -> impl Iterator<Item = Link> {
    let providers = config.providers().iter();
    let providers = providers.filter_map(|it| config.source(it).ok());
    let own = config
        .identities()
        .iter()
        .filter(|it| it.kind == LOGIN.name);
    let own = own.filter_map(|it| Some(config.chain(it).ok()?.source().clone()));
    providers.chain(own)
}

/// The provider that has not listed its roles yet, where an identity may be one of them or stand on
/// one.
pub fn awaited_list<'c>(config: &'c Config, identity: &str) -> Option<&'c Provider> {
    let is_known = config.identity(identity);
    if is_known.is_ok_and(|it| !lacks_its_base(&listed_links(config, it))) {
        return None;
    }
    awaited(config.providers())
}

impl Config {
    /// The plan for signing in. A broken link is refused with its problems, each with line and
    /// column; a chain that uses a kind of another cloud is unsupported.
    pub fn chain(&self, identity: &Identity) -> Result<Chain> {
        let target = self.identity(identity.name.as_str())?;
        let listed = listed_links(self, target);
        check(self, &format!("the identity `{}`", target.name), &listed)?;
        let mut links: Vec<Link> = Vec::new();
        let mut written_region = None;
        for it in &listed {
            let settings = self.settings(&it.subject())?;
            written_region = settings.region.as_ref().or(written_region);
            let link = Link::new(it.name(), settings, links.last());
            links.push(link);
        }
        let source = listed.first().copied();
        let provider = match source {
            Some(ListedLink::Provider(provider)) => provider.name.clone(),
            Some(ListedLink::Identity(_)) | None => ProviderName::stand_alone(),
        };
        let source = source.map(|source| self.settings(&source.subject()));
        let region = links.last().map(|link| link.region.clone());
        Ok(Chain {
            identity: target.name.clone(),
            files: aws_files(self, &provider, source.transpose()?)?,
            provider,
            links,
            region: region.unwrap_or_else(|| Partition::Aws.default_region()),
            written_region: written_region.cloned(),
            env: self
                .settings(&ListedLink::Identity(target).subject())?
                .env
                .clone(),
        })
    }

    /// The names of a chain from the source to the identity, as far as they are known: also where
    /// it is broken.
    pub fn chain_names(&self, identity: &Identity) -> Vec<&str> {
        let Ok(target) = self.identity(identity.name.as_str()) else {
            return Vec::new();
        };
        let listed = listed_links(self, target);
        listed.into_iter().map(ListedLink::name).collect()
    }

    /// Where the chains of a provider start: what `login --provider` signs in to.
    pub fn source(&self, provider: &Provider) -> Result<Link> {
        let provider = self.provider(provider.name.as_str())?;
        self.usable()?;
        if provider.name == ProviderName::stand_alone() {
            let message = "stand-alone identities share no provider to sign in to";
            return Err(Error::new(Code::Usage, message).hint("name an identity"));
        }
        let listed = ListedLink::Provider(provider);
        check(
            self,
            &format!("the provider `{}`", provider.name),
            &[listed],
        )?;
        let settings = self.settings(&listed.subject())?;
        Ok(Link::new(listed.name(), settings, None))
    }

    /// The folder that holds the profiles of a provider's identities. A stand-alone identity may
    /// have another one: see its chain.
    pub fn files(&self, provider: &Provider) -> Result<AwsFiles> {
        let provider = self.provider(provider.name.as_str())?;
        let settings = self.settings(&ListedLink::Provider(provider).subject());
        aws_files(self, &provider.name, settings.ok())
    }

    /// Whether signing in depends on the caller's environment: `!env`, the machine's own role, a CI
    /// job's token.
    pub fn needs_the_callers_environment(&self, identity: &Identity) -> bool {
        let Ok(target) = self.identity(identity.name.as_str()) else {
            return false;
        };
        let listed = listed_links(self, target);
        let is_from_it = |it: &ListedLink<'_>| self.from_environment.contains(&it.subject());
        let source = listed
            .first()
            .and_then(|source| self.settings(&source.subject()).ok())
            .is_some_and(|it| matches!(it.kind, Kind::Ambient | Kind::GithubOidc(_)));
        source
            || listed.iter().any(is_from_it)
            || self.from_environment.contains(&Blocked::Everything)
    }
}

/// A chain of a provider alone, under its own name.
pub fn chain_of_provider(config: &Config, provider: &str) -> Result<Chain> {
    let provider = config.provider(provider)?;
    let link = config.source(provider)?;
    Ok(Chain {
        identity: link.name.parse()?,
        provider: provider.name.clone(),
        region: link.region.clone(),
        written_region: None,
        env: Vec::new(),
        files: config.files(provider)?,
        links: vec![link],
    })
}

fn aws_files(
    config: &Config,
    provider: &ProviderName,
    source: Option<&EntrySettings>,
) -> Result<AwsFiles> {
    let base = match source.and_then(|source| source.files_base.clone()) {
        Some(base) => base,
        None => config.general.files_base.clone()?,
    };
    let realm = config.realm();
    let above = if realm.is_default() {
        base.clone()
    } else {
        base.join(realm.file_name())
    };
    Ok(AwsFiles {
        folder: above.join(provider.file_name()),
        base,
        static_credentials: source.is_some_and(|source| source.static_credentials),
    })
}

/// From the source, as far as it is known, to the target.
fn listed_links<'c>(config: &'c Config, target: &'c Identity) -> Vec<ListedLink<'c>> {
    let mut listed = vec![ListedLink::Identity(target)];
    let mut below = target.below;
    while let Some(next) = below {
        match next {
            Below::Provider(at) => {
                listed.push(ListedLink::Provider(&config.providers()[at]));
                break;
            }
            // More links than identities: a circle, which has been reported.
            Below::Identity(_) if listed.len() >= config.identities().len() => break,
            Below::Identity(at) => {
                let identity = &config.identities()[at];
                listed.push(ListedLink::Identity(identity));
                below = identity.below;
            }
        }
    }
    listed.reverse();
    listed
}

fn check(config: &Config, name: &str, listed: &[ListedLink<'_>]) -> Result<()> {
    config.usable()?;
    let foreign = listed
        .iter()
        .find_map(|it| it.foreign_kind().map(|kind| (it.name(), kind)));
    if let Some((link, kind)) = foreign {
        let message = format!("{name} is not supported: `{link}` is of kind {kind}");
        return Err(Error::new(Code::Unsupported, message)
            .hint("Keyfob signs in to AWS; use the other tool here"));
    }
    let mut identities = listed.iter().filter_map(|it| it.identity());
    if let Some(it) = identities.find(|it| is_role_on_center(it, config.providers())) {
        let role = &it.name;
        let message = format!("{name} is not supported: the role of `{role}` {ROLE_ON_CENTER}");
        return Err(Error::new(Code::Unsupported, message));
    }
    let subjects = listed.iter().map(|it| it.subject());
    let mut checked = config.refuse_blocked(&format!("{name} cannot be used"), subjects);
    let is_awaited = lacks_its_base(listed);
    if is_awaited && checked.is_ok() {
        let message = format!("{name} stands on a role that is not listed yet");
        checked = Err(Error::new(Code::PersonNeeded, message));
    }
    let hints = list_hints(config.providers()).filter(|_| is_awaited);
    checked.map_err(|error| hints.fold(error, Error::hint))
}

/// It stands on something that is not known.
fn lacks_its_base(listed: &[ListedLink<'_>]) -> bool {
    let first = listed.first().and_then(|it| it.identity());
    first.is_some_and(|it| it.below.is_none() && !stands_alone(&it.kind))
}
