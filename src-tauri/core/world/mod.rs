//! Everything a sign-in reaches: the configuration, the environment, the clock, AWS, what is
//! remembered, and the audit log of it. Opens nothing until it is used.

mod assertions;
mod audit;
pub mod freshness;

pub use assertions::Assertions;
pub use audit::{Audit, Audited};

use crate::ask::{Caller, Note, PassphraseUse, Prompt, PromptKind};
use crate::aws::{Aws, AwsService, Place, Tries};
use crate::clock::Clock;
use crate::config::{
    AssignedBy, AwsFiles, Chain, Config, KeyringChoice, Kind, Link, Trust, UserSettings,
};
use crate::endpoint::Endpoint;
use crate::environment::Environment;
use crate::error::{Code, Error, Result};
use crate::files::is_gone;
use crate::ids::AccessKeyId;
use crate::secret::{Secret, Session};
use crate::store::audit::{Happened, Verdict};
use crate::store::{AwsProfile, BrokenProfile, Keyring, Noted, Store, StoreScope};
use freshness::Freshness;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// What stays when the configuration changes.
struct Base {
    environment: Environment,
    clock: Clock,
    ended: Arc<Mutex<HashSet<AccessKeyId>>>,
    assertions: Assertions,
}

#[derive(Debug)]
pub struct World {
    pub(crate) config: Config,
    pub(crate) environment: Environment,
    pub(crate) clock: Clock,
    pub(crate) aws: Aws,
    pub(crate) store: Store,
    /// Sessions that were seen at their end: they stay ended, also when the clock is set back.
    ended: Arc<Mutex<HashSet<AccessKeyId>>>,
    pub(crate) assertions: Assertions,
}

/// What came of a session that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedSession {
    Dropped,
    /// Another one is stored, or none.
    Replaced,
}

impl World {
    /// The keyring is reached when something is first read or written there. A configuration that
    /// is not trusted is refused.
    pub fn open(config: Config, environment: Environment, clock: Clock) -> Result<World> {
        may_be_used(&config, &environment)?;
        let keyring = Keyring::open(config.keyring(), &environment)?;
        let base = Base {
            environment,
            clock,
            ended: Arc::default(),
            assertions: Assertions::default(),
        };
        World::over(config, base, keyring)
    }

    /// The same with another configuration. What is held stays held, and the keyring open, unless
    /// it is kept elsewhere now.
    pub fn reconfigured(&self, config: Config) -> Result<World> {
        may_be_used(&config, &self.environment)?;
        if config.keyring() == self.config.keyring() && config.realm() == self.config.realm() {
            let keyring = self.store.keyring.clone();
            let base = Base {
                environment: self.environment.clone(),
                clock: self.clock.clone(),
                ended: self.ended.clone(),
                assertions: self.assertions.clone(),
            };
            return World::over(config, base, keyring);
        }
        World::open(config, self.environment.clone(), self.clock.clone())
    }

    fn over(config: Config, base: Base, keyring: Keyring) -> Result<World> {
        let Base {
            environment,
            clock,
            ended,
            assertions,
        } = base;
        let store = Store::open(StoreScope {
            keyring,
            realm: config.realm().to_string(),
            configuration: config.path().to_owned(),
            state_folder: environment.state_folder()?,
            clock: clock.clone(),
        });
        let for_programs = environment.without(&config.passphrase_variables());
        let aws = Aws::new(for_programs, clock.clone());
        Ok(World {
            config,
            environment,
            clock,
            aws,
            store,
            ended,
            assertions,
        })
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The plan for signing in to an identity, looked up as people type it.
    pub fn chain(&self, identity: &str) -> Result<Chain> {
        self.config.chain(self.config.identity(identity)?)
    }

    /// Into the audit log, in one go; the warning where that failed.
    pub async fn record(&self, caller: &Caller, happened: &[Happened]) -> Option<Note> {
        audit::record(&self.store.audit(), &self.environment, caller, happened).await
    }

    /// What is in the audit log since a moment.
    pub async fn audit(&self, since: Option<SystemTime>) -> Result<Audit> {
        audit::read(&self.store.audit(), since).await
    }

    pub async fn verify_audit(&self) -> Result<Verdict> {
        self.store.audit().verify().await
    }

    /// The list of the roles that a provider assigns.
    pub(crate) fn assigned_by<'a>(&'a self, provider: &'a Link) -> AssignedBy<'a> {
        AssignedBy {
            environment: &self.environment,
            realm: self.config.realm(),
            configuration: self.config.path(),
            provider: &provider.name,
            address: provider.sign_in_address().unwrap_or_default(),
        }
    }

    /// For AWS tools. The user's own settings go along; if they cannot be read, a warning says so.
    pub(crate) async fn write_profile(
        &self,
        chain: &Chain,
        session: Option<&Session>,
    ) -> Result<Noted<()>> {
        let settings = UserSettings::read(&self.environment, &self.config);
        let unread = settings
            .as_ref()
            .err()
            .map(|error| format!("your AWS settings are not part of the profile: {error}"));
        let profile = AwsProfile {
            identity: chain.identity.to_string(),
            region: chain.region.to_string(),
            program: program_for(self, chain),
            session: session.cloned(),
            settings: settings.unwrap_or_else(|_| UserSettings::none()),
        };
        let mut written = self.store.profiles.write(&chain.files, &profile).await?;
        written.warnings.extend(unread);
        Ok(written)
    }

    /// Profiles that name a `fob` which is gone. Files that cannot be read have none.
    pub(crate) fn profiles_without_program<'a>(
        &self,
        places: impl IntoIterator<Item = &'a AwsFiles>,
    ) -> Vec<BrokenProfile> {
        let mut seen = HashSet::new();
        let places = places.into_iter().filter(|it| seen.insert(&it.folder));
        let broken = places.flat_map(|files| self.store.profiles.without_program(files));
        broken.flatten().collect()
    }

    /// Signed out of, in whatever process. An unreadable mark counts as one.
    pub fn is_signed_out(&self, identity: &str) -> bool {
        !matches!(self.store.sign_outs.since(identity), Ok(None))
    }

    pub fn freshness(&self, session: &Session) -> Freshness {
        let mut ended = self.ended();
        let key_id = &session.keys.access_key_id;
        if ended.contains(key_id) {
            return Freshness::Expired;
        }
        let freshness = freshness::freshness(session, self.clock.now());
        if freshness == Freshness::Expired {
            ended.insert(key_id.clone());
        }
        freshness
    }

    /// Where the calls of a link go: what the configuration says, then the environment, then AWS.
    pub fn endpoint(&self, link: &Link) -> Result<Endpoint> {
        let service = services(&link.kind).first();
        self.endpoint_of(service.copied().unwrap_or(AwsService::Sts), link)
    }

    /// The same of one service.
    pub(crate) fn endpoint_of(&self, service: AwsService, link: &Link) -> Result<Endpoint> {
        let place = Place {
            region: &link.region,
            endpoint_url: link.endpoint_url.as_deref(),
            hosts: link.hosts,
            tries: Tries::One,
        };
        Ok(Endpoint::of(self.aws.endpoint(service, place)?))
    }

    /// What a stored session was made by: one of a role that has since been written differently,
    /// or made at another endpoint, is not taken for this one. Durations are left out: a shorter or
    /// longer one counts from the next sign-in on.
    pub fn fingerprint(&self, chain: &Chain, position: usize) -> String {
        let source = chain.source();
        let mut parts = vec![source.kind.as_str().to_owned(), source.name.to_lowercase()];
        for link in &chain.links()[..=position] {
            parts.push(match self.endpoint(link) {
                Ok(Endpoint::AWS) => String::new(),
                Ok(other) => other.to_string(),
                // No call goes out.
                Err(error) => error.message,
            });
            parts.extend(link.kind.facts().fingerprint);
        }
        let digest = Sha256::digest(parts.join("\n").as_bytes());
        let (start, _) = digest
            .split_first_chunk::<8>()
            .expect("a digest has 32 bytes");
        format!("{:016x}", u64::from_be_bytes(*start))
    }

    /// Drops a session that the endpoint of its link no longer knows: it has ended, for this
    /// process too.
    pub async fn drop_refused_session(
        &self,
        link: &Link,
        refused: &Session,
    ) -> Result<RefusedSession> {
        let (id, name) = (&refused.keys.access_key_id, &link.name);
        let at = self.endpoint(link)?;
        let is_it = |stored: &Session| stored.keys.access_key_id == *id;
        match self.store.session(name, Some(&at)).await {
            Ok(Some(stored)) if is_it(&stored.session) => {}
            Ok(_) => return Ok(RefusedSession::Replaced),
            Err(error) if error.code == Code::BelongsElsewhere => {
                return Ok(RefusedSession::Replaced);
            }
            Err(error) => return Err(error),
        }
        self.ended().insert(id.clone());
        tracing::info!(identity = name, "session refused by aws dropped");
        self.store.drop_session_if(name, is_it).await?;
        Ok(RefusedSession::Dropped)
    }

    fn ended(&self) -> MutexGuard<'_, HashSet<AccessKeyId>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_usable(&self, session: &Session) -> bool {
        self.freshness(session) != Freshness::Expired
    }

    /// The keyring file that a passphrase would open, and whether it is a new one.
    pub async fn needs_passphrase(&self) -> Option<(String, PassphraseUse)> {
        let KeyringChoice::File { path, .. } = self.config.keyring() else {
            return None;
        };
        let purpose = self.store.keyring.needs_passphrase().await.ok()??;
        Some((path.display().to_string(), purpose))
    }

    /// For what needs the keyring and is no sign-in. `None`: it is open, or no passphrase opens it,
    /// or nothing is in it.
    pub async fn passphrase_prompt(&self, refusals: u32) -> Option<Prompt> {
        let (path, purpose) = self
            .needs_passphrase()
            .await
            .filter(|(_, it)| *it == PassphraseUse::Existing)?;
        let message = format!("the keyring file {path} is locked: its passphrase is not known");
        let refused =
            (refusals > 0).then(|| format!("the passphrase does not open the keyring file {path}"));
        Some(Prompt {
            kind: PromptKind::KeyringPassphrase {
                path,
                purpose,
                refused,
            },
            attempt: refusals + 1,
            unanswered: Error::new(Code::KeyringLocked, message).for_want_of_a_person(),
            refused_key: None,
        })
    }

    pub async fn provide_passphrase(&self, passphrase: Secret) -> Result<()> {
        self.store.keyring.provide_passphrase(passphrase).await
    }
}

/// For profiles: this one; where it is gone, as after an upgrade under a running agent, the one
/// that the profile names already.
fn program_for(world: &World, chain: &Chain) -> PathBuf {
    let own = world.environment.program();
    let named = || {
        let programs = world.store.profiles.programs(&chain.files).ok()?;
        let of_it = |it: &(String, PathBuf)| it.0.eq_ignore_ascii_case(chain.identity.as_str());
        let (_, program) = programs.into_iter().find(of_it)?;
        Some(program).filter(|program| !is_gone(program))
    };
    let kept = is_gone(own).then(named).flatten();
    kept.unwrap_or_else(|| own.to_owned())
}

/// The services that a link of this kind calls; its sign-in or session is made at the first. None
/// where it gives no credentials yet: the role above it calls.
pub(crate) fn services(kind: &Kind) -> &'static [AwsService] {
    match kind {
        Kind::IdentityCenter(_) => &[AwsService::SsoOidc, AwsService::Sso],
        Kind::PermissionSet(_) => &[AwsService::Sts, AwsService::Sso],
        Kind::Login => &[AwsService::Signin, AwsService::Sts],
        Kind::Saml(_) | Kind::GithubOidc(_) => &[],
        Kind::User(_)
        | Kind::Ambient
        | Kind::Process(_)
        | Kind::WebIdentity(_)
        | Kind::AssumeRole(_)
        | Kind::AssumeRoot(_) => &[AwsService::Sts],
    }
}

fn may_be_used(config: &Config, environment: &Environment) -> Result<()> {
    config.usable()?;
    Trust::of(environment)?.check(config)
}
