//! Signing in, recovering, renewing, signing out: the rules, and the order things are done in.
//! [`World`] is everything outside the process; [`Auth`] is the auth manager over it. Whatever
//! needs a person comes back as [`Outcome::Needs`]; nothing here asks, prints or opens anything.

mod cleanup;
mod console;
mod database;
mod keys;
mod login;
mod logout;
mod memory;
mod profile;
mod prompt;
mod record;
pub mod refresh;
mod report;
mod status;
mod step;

pub use cleanup::{Cleanup, Finding, Health};
pub use console::{ConsoleLink, ConsoleTarget};
pub use database::{DatabaseChoice, DatabaseTarget, DatabaseToken};
pub use keys::{Check, Configured, Rejected};
pub use login::{Intent, Options, Outcome, Renewal, SignIn, SignedIn};
pub use logout::{Depth, Logout, LongLivedKeys, Mode, Removal, Target, removals};
pub use profile::{Variable, Variables, VariablesForm};
pub use prompt::{Answer, Note, PassphraseUse, Person, Prompt, PromptKind, TypedKeys, WhyKeys};
pub use record::{Audit, Audited, Caller};
pub use report::{OtherSession, Report, Step as RemovalStep, StepResult, Subject, What};
pub use status::{IdentityStatus, LastCaller, ListedProvider, Reach, State, Whoami};

use crate::aws::{Aws, Place, Tries};
use crate::clock::Clock;
use crate::config::{Chain, Config, KeyringChoice, Kind};
use crate::environment::Environment;
use crate::error::{Code, Error, Result};
pub use crate::files::Patience;
use crate::ids::Region;
use crate::secret::Secret;
pub use crate::store::audit::{
    AuditCaller, AuditEvent, AuditLine, AuditOutcome, AuditPlace, Damage, DamageKind, Happened,
    HeadState, Verdict,
};
use crate::store::{Keyring, SignInLock, Store, StoreScope};
use memory::Memory;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Everything outside the process.
#[derive(Debug)]
pub struct World {
    pub environment: Environment,
    pub clock: Clock,
}

impl World {
    pub fn system(environment: Environment) -> World {
        World {
            environment,
            clock: Clock::system(),
        }
    }
}

/// The auth manager: the configuration, and the doors to what it speaks of.
#[derive(Debug)]
pub struct Auth {
    config: Config,
    environment: Environment,
    clock: Clock,
    aws: Aws,
    store: Store,
    memory: Arc<Memory>,
}

impl Auth {
    /// Opens nothing yet: the keyring is reached when something is first asked of it.
    pub fn new(config: Config, world: World) -> Result<Auth> {
        config.usable()?;
        let World { environment, clock } = world;
        let keyring = Keyring::open(config.keyring(), &environment)?;
        let memory = Arc::new(Memory::new(clock.clone()));
        Auth::over(config, World { environment, clock }, keyring, memory)
    }

    /// The same with another configuration. What is held stays held, and the keyring open, unless
    /// it is kept elsewhere now.
    pub fn reconfigured(&self, config: Config) -> Result<Auth> {
        config.usable()?;
        let world = World {
            environment: self.environment.clone(),
            clock: self.clock.clone(),
        };
        if config.keyring() == self.config.keyring() && config.realm() == self.config.realm() {
            return Auth::over(
                config,
                world,
                self.store.keyring.clone(),
                self.memory.clone(),
            );
        }
        Auth::new(config, world)
    }

    fn over(config: Config, world: World, keyring: Keyring, memory: Arc<Memory>) -> Result<Auth> {
        let World { environment, clock } = world;
        let store = Store::open(StoreScope {
            keyring,
            realm: config.realm().to_string(),
            configuration: config.path().to_owned(),
            state_folder: environment.state_folder()?,
            clock: clock.clone(),
        });
        Ok(Auth {
            aws: Aws::new(environment.clone(), clock.clone()),
            config,
            environment,
            clock,
            store,
            memory,
        })
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The file that a passphrase would open, and whether it is a new one.
    async fn needs_passphrase(&self) -> Option<(String, PassphraseUse)> {
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
        let kind = PromptKind::KeyringPassphrase {
            path,
            purpose,
            refused,
        };
        let unanswered = Error::new(Code::KeyringLocked, message).for_want_of_a_person();
        Some(Prompt {
            kind,
            attempt: refusals + 1,
            unanswered,
        })
    }

    pub async fn provide_passphrase(&self, passphrase: Secret) -> Result<()> {
        self.store.keyring.provide_passphrase(passphrase).await
    }

    async fn sign_in_lock(&self, identity: &str, patience: Patience) -> Result<SignInLock> {
        let folder = self.store.sign_in_locks_folder();
        SignInLock::acquire(&folder, identity, patience, &self.clock).await
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
}

/// The name at a position of the chain: 0 is the source, the last one the target.
fn name_at(chain: &Chain, position: usize) -> &str {
    &chain.links()[position].name
}

fn place_at(chain: &Chain, position: usize) -> Place<'_> {
    let link = &chain.links()[position];
    Place {
        region: &link.region,
        endpoint_url: link.endpoint_url.as_deref(),
        tries: Tries::Several,
    }
}

/// The same endpoint, asked in the region that every account has enabled.
fn in_default_region<'a>(place: Place<'a>, region: &'a Region) -> Place<'a> {
    Place {
        region,
        endpoint_url: place.endpoint_url,
        tries: place.tries,
    }
}

/// What a stored session was made by: a session of a role that has since been written differently
/// is not taken for this one. Durations are left out: a shorter or longer one counts from the next
/// sign-in on.
fn fingerprint(chain: &Chain, position: usize) -> String {
    let source = chain.source();
    let mut parts = vec![source.kind.as_str().to_owned(), source.name.to_lowercase()];
    for (position, link) in chain.links()[..=position].iter().enumerate() {
        parts.push(place_text(chain, position));
        match &link.kind {
            Kind::User(user) => parts.push(format!("{:?}", user.mfa_arn)),
            Kind::Ambient | Kind::IdentityCenter(_) | Kind::Saml(_) => {}
            Kind::Process(process) => parts.push(process.command.clone()),
            Kind::GithubOidc(oidc) => parts.push(oidc.audience.clone()),
            Kind::WebIdentity(web) => parts.push(web.token_file.display().to_string()),
            Kind::AssumeRole(role) => {
                parts.extend([
                    role.role_arn.clone(),
                    role.session_name.clone(),
                    format!("{:?}", role.external_id),
                ]);
            }
            Kind::PermissionSet(set) => parts.push(format!("{set:?}")),
            Kind::AssumeRoot(root) => parts.push(format!("{root:?}")),
        }
    }
    let digest = Sha256::digest(parts.join("\n").as_bytes());
    let (start, _) = digest
        .split_first_chunk::<8>()
        .expect("a digest has 32 bytes");
    format!("{:016x}", u64::from_be_bytes(*start))
}

fn place_text(chain: &Chain, position: usize) -> String {
    place_at(chain, position)
        .endpoint_url
        .unwrap_or_default()
        .to_owned()
}
