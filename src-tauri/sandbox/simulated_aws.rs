//! The simulated AWS: one account with its users, keys and MFA devices, roles of any account,
//! issued sessions, what people signed in to. Holds what is true of them; AWS's wording is
//! elsewhere.

use super::dpop::SeenProofs;
use super::faults::Faults;
use super::grants::Grants;
use super::identity_center::SimulatedCenter;
use super::jose::SigningKey;
use super::journal::Journal;
use super::random;
use super::settings::SandboxSettings;
use crate::error::{Code, Error, Result, shorten};
use crate::ids::AccountId;
use crate::secret::{Keys, Secret, SecretAccessKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};
use subtle::ConstantTimeEq;

const ACCOUNT: &str = "123456789012";

/// An MFA device of a user. Every device accepts the one code in [`SandboxSettings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MfaDevice {
    Absent,
    Enrolled,
    /// The user can assume roles only with a code, given for the role or for the calling session.
    RequiredForRoles,
}

/// The principals that may assume a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleTrust {
    Everybody,
    /// ARNs of users, roles, role sessions, or of an account's root, which stands for all of it.
    Principals(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxRole {
    /// Of any account and partition.
    pub arn: String,
    pub max_session_seconds: u32,
    /// Must be given when it is set.
    pub external_id: Option<String>,
    pub trust: RoleTrust,
}

impl SandboxRole {
    /// As IAM makes a role by default: for one hour at most.
    pub fn new(arn: impl Into<String>, trust: RoleTrust) -> SandboxRole {
        SandboxRole {
            arn: arn.into(),
            max_session_seconds: 3600,
            external_id: None,
            trust,
        }
    }
}

/// The kind of credentials a call is signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// An IAM user with access keys.
    LongLived,
    /// An IAM user with a session from GetSessionToken.
    UserSession,
    /// A session of this role.
    RoleSession { role: String, assumed: Assumed },
    /// No credentials: an identity provider vouches for the caller.
    Federated(Federated),
}

/// What an identity provider says of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Federated {
    pub session_name: String,
    /// No session lasts longer.
    pub ends_at: Option<SystemTime>,
    /// Elements of the answer.
    pub says: String,
}

/// What a role was assumed with. The console bounds its own sessions by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assumed {
    WithKeys,
    WithSession,
    /// By a person who signed in, without any keys.
    BySignIn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MfaProof {
    Given,
    None,
}

/// The signer of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VerifiedCaller {
    pub arn: String,
    /// `AIDA…`, or `AROA…:session`.
    pub id: String,
    pub account: String,
    pub standing: Standing,
    pub proof: MfaProof,
}

impl VerifiedCaller {
    /// Whether this ARN of a trust policy or a revocation means this caller.
    fn is(&self, principal: &str) -> bool {
        let root = |account: &str| {
            principal.starts_with("arn:aws") && principal.ends_with(&format!("::{account}:root"))
        };
        let of_role =
            matches!(&self.standing, Standing::RoleSession { role, .. } if role == principal);
        self.arn == principal || of_role || root(&self.account)
    }
}

#[derive(Debug)]
pub(super) struct SandboxUser {
    pub arn: String,
    pub id: String,
    pub mfa: MfaDevice,
    /// The oldest first.
    pub keys: Vec<UserKey>,
}

#[derive(Debug)]
pub(super) struct UserKey {
    pub keys: Keys,
    pub is_active: bool,
    pub made_at: SystemTime,
    pub used_at: Option<SystemTime>,
    /// `None`: as soon as it was made, whatever the clock says.
    known_from: Option<SystemTime>,
}

impl UserKey {
    fn is_accepted(&self, now: SystemTime) -> bool {
        self.is_active && self.known_from.is_none_or(|from| from <= now)
    }

    pub fn id(&self) -> &str {
        self.keys.access_key_id.as_str()
    }
}

#[derive(Debug)]
pub(super) struct IssuedSession {
    pub keys: Keys,
    pub token: Secret,
    pub caller: VerifiedCaller,
    pub expires_at: SystemTime,
}

/// A token that opens the console.
#[derive(Debug)]
struct ConsoleToken {
    caller: VerifiedCaller,
    until: SystemTime,
}

/// The stored side of a call's signature.
pub(super) struct Credential<'a> {
    pub secret: &'a SecretAccessKey,
    pub caller: VerifiedCaller,
    /// `None`: long-lived.
    pub expires_at: Option<SystemTime>,
}

/// An OpenID Connect provider that the roles of all accounts know.
#[derive(Debug)]
pub(super) struct IdentityProvider {
    pub issuer: String,
    pub key: SigningKey,
}

#[derive(Debug)]
pub(super) struct SimulatedAws {
    account: String,
    users: BTreeMap<String, SandboxUser>,
    /// By ARN, with the unique id.
    roles: BTreeMap<String, (SandboxRole, String)>,
    /// By access key id. Expired ones stay: AWS distinguishes them from unknown ones.
    sessions: BTreeMap<String, IssuedSession>,
    console: BTreeMap<String, ConsoleToken>,
    pub identity_center: SimulatedCenter,
    /// Of the console's sign-in for programs.
    pub login: Grants,
    pub proofs: SeenProofs,
    pub identity_provider: IdentityProvider,
    settings: SandboxSettings,
    pub faults: Faults,
    pub journal: Journal,
}

impl SimulatedAws {
    /// One user with a key and an MFA device, one role that every caller may assume.
    pub fn with_one_user(url: String, now: SystemTime) -> Result<SimulatedAws> {
        let mut aws = SimulatedAws {
            account: ACCOUNT.to_owned(),
            users: BTreeMap::new(),
            roles: BTreeMap::new(),
            sessions: BTreeMap::new(),
            console: BTreeMap::new(),
            identity_center: SimulatedCenter::default(),
            login: Grants::default(),
            proofs: SeenProofs::default(),
            identity_provider: IdentityProvider {
                issuer: url,
                key: SigningKey::new(),
            },
            settings: SandboxSettings::default(),
            faults: Faults::default(),
            journal: Journal::default(),
        };
        aws.add_user("kim")?;
        aws.create_key("kim", now)?;
        aws.set_mfa("kim", MfaDevice::Enrolled)?;
        aws.add_role(SandboxRole::new(
            "arn:aws:iam::420000000025:role/deploy",
            RoleTrust::Everybody,
        ))?;
        Ok(aws)
    }

    pub fn account(&self) -> &str {
        &self.account
    }

    pub fn mfa_serial(&self, user: &str) -> String {
        format!("arn:aws:iam::{}:mfa/{user}", self.account)
    }

    pub fn add_user(&mut self, name: &str) -> Result<String> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
        if !(1..=64).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(invalid(format!(
                "`{}` cannot be the name of an IAM user",
                shorten(name)
            )));
        }
        if self.users.contains_key(name) {
            return Err(invalid(format!("the sandbox has a user `{name}` already")));
        }
        let arn = format!("arn:aws:iam::{}:user/{name}", self.account);
        let user = SandboxUser {
            arn: arn.clone(),
            id: random::unique_id("AIDA"),
            mfa: MfaDevice::Absent,
            keys: Vec::new(),
        };
        self.users.insert(name.to_owned(), user);
        Ok(arn)
    }

    pub fn set_mfa(&mut self, user: &str, mfa: MfaDevice) -> Result<()> {
        self.user_mut(user)?.mfa = mfa;
        Ok(())
    }

    pub fn create_key(&mut self, user: &str, now: SystemTime) -> Result<Keys> {
        let keys = random::keys("AKIA");
        let delay = self.settings.key_delay_seconds;
        self.user_mut(user)?.keys.push(UserKey {
            keys: keys.clone(),
            is_active: true,
            made_at: now,
            used_at: None,
            known_from: delay.map(|delay| now + Duration::from_secs(delay)),
        });
        Ok(keys)
    }

    pub fn keys_of(&self, user: &str) -> Vec<Keys> {
        let keys = self.users.get(user).into_iter().flat_map(|it| &it.keys);
        keys.map(|it| it.keys.clone()).collect()
    }

    pub fn key_mut(&mut self, id: &str) -> Option<&mut UserKey> {
        let mut keys = self.users.values_mut().flat_map(|user| &mut user.keys);
        keys.find(|it| it.id() == id)
    }

    pub fn revoke_key(&mut self, id: &str) -> Result<()> {
        let is_it = |key: &UserKey| key.id() == id;
        let mut users = self.users.values_mut();
        let holder = users.find(|user| user.keys.iter().any(is_it));
        let missing = || invalid(format!("the sandbox has no access key `{}`", shorten(id)));
        holder.ok_or_else(missing)?.keys.retain(|keys| !is_it(keys));
        Ok(())
    }

    pub fn revoke_sessions(&mut self, principal: &str) -> usize {
        let before = self.sessions.len();
        self.sessions
            .retain(|_, session| !session.caller.is(principal));
        before - self.sessions.len()
    }

    pub fn end_sign_ins(&mut self) -> usize {
        self.identity_center.grants.end() + self.login.end()
    }

    pub fn add_role(&mut self, role: SandboxRole) -> Result<()> {
        if RoleArn::parse(&role.arn).is_none() {
            return Err(
                invalid(format!("`{}` is not the ARN of a role", shorten(&role.arn)))
                    .hint("a role's ARN looks like arn:aws:iam::420000000025:role/deploy"),
            );
        }
        if !(3600..=43_200).contains(&role.max_session_seconds) {
            return Err(invalid(
                "a role's longest session is between 3600 and 43200 seconds",
            ));
        }
        self.roles
            .insert(role.arn.clone(), (role, random::unique_id("AROA")));
        Ok(())
    }

    pub fn settings(&self) -> &SandboxSettings {
        &self.settings
    }

    pub fn set_settings(&mut self, settings: SandboxSettings) -> Result<()> {
        settings.check()?;
        self.settings = settings;
        Ok(())
    }

    pub fn users(&self) -> impl Iterator<Item = (&String, &SandboxUser)> {
        self.users.iter()
    }

    pub fn roles(&self) -> impl Iterator<Item = &SandboxRole> {
        self.roles.values().map(|(role, _)| role)
    }

    pub fn sessions(&self) -> impl Iterator<Item = &IssuedSession> {
        self.sessions.values()
    }

    /// The caller's MFA device and its serial number.
    pub fn mfa_of(&self, caller: &VerifiedCaller) -> (MfaDevice, String) {
        let owner = self.users.iter().find(|(_, user)| user.arn == caller.arn);
        owner.map_or((MfaDevice::Absent, String::new()), |(name, user)| {
            (user.mfa, self.mfa_serial(name))
        })
    }

    /// Long-lived keys come without a token, a session's only with its own.
    pub fn credential(
        &self,
        id: &str,
        token: Option<&str>,
        now: SystemTime,
    ) -> Option<Credential<'_>> {
        if let Some(token) = token {
            let session = self.sessions.get(id)?;
            let is_its_own = bool::from(session.token.expose().as_bytes().ct_eq(token.as_bytes()));
            return is_its_own.then(|| Credential {
                secret: &session.keys.secret_access_key,
                caller: session.caller.clone(),
                expires_at: Some(session.expires_at),
            });
        }
        self.users.values().find_map(|user| {
            let key = user
                .keys
                .iter()
                .find(|it| it.id() == id && it.is_accepted(now))?;
            Some(Credential {
                secret: &key.keys.secret_access_key,
                caller: VerifiedCaller {
                    arn: user.arn.clone(),
                    id: user.id.clone(),
                    account: self.account.clone(),
                    standing: Standing::LongLived,
                    proof: MfaProof::None,
                },
                expires_at: None,
            })
        })
    }

    /// The role with its unique id, if there is one and its trust policy accepts this caller.
    pub fn role_for(
        &self,
        caller: &VerifiedCaller,
        arn: &str,
        external_id: Option<&str>,
    ) -> Option<(&SandboxRole, &str)> {
        let (role, id) = self.roles.get(arn)?;
        let trusted = match &role.trust {
            RoleTrust::Everybody => true,
            RoleTrust::Principals(arns) => arns.iter().any(|arn| caller.is(arn)),
        };
        let external_id_matches =
            role.external_id.is_none() || role.external_id.as_deref() == external_id;
        (trusted && external_id_matches).then_some((role, id))
    }

    /// A new session of the requested length, unless the settings say otherwise.
    pub fn issue(
        &mut self,
        caller: VerifiedCaller,
        requested: Duration,
        now: SystemTime,
    ) -> &IssuedSession {
        let life = self
            .settings
            .session_seconds
            .map_or(requested, Duration::from_secs);
        let keys = random::keys("ASIA");
        let session = IssuedSession {
            token: random::session_token(),
            caller,
            // An expiry at AWS is in whole seconds.
            expires_at: SystemTime::UNIX_EPOCH
                + Duration::from_secs(seconds_since_epoch(now + life)),
            keys: keys.clone(),
        };
        self.sessions
            .entry(keys.access_key_id.as_str().to_owned())
            .insert_entry(session)
            .into_mut()
    }

    /// A new token that opens the console for this caller until then.
    pub fn console_token(
        &mut self,
        caller: VerifiedCaller,
        until: SystemTime,
        now: SystemTime,
    ) -> String {
        let token = random::signin_token();
        self.console.retain(|_, opened| opened.until > now);
        self.console
            .insert(token.clone(), ConsoleToken { caller, until });
        token
    }

    pub fn console_caller(&self, token: &str, now: SystemTime) -> Option<&VerifiedCaller> {
        let opened = self.console.get(token).filter(|opened| opened.until > now);
        opened.map(|opened| &opened.caller)
    }

    fn user_mut(&mut self, name: &str) -> Result<&mut SandboxUser> {
        self.users
            .get_mut(name)
            .ok_or_else(|| invalid(format!("the sandbox has no user `{}`", shorten(name))))
    }
}

/// `arn:PARTITION:iam::ACCOUNT:role/[PATH/]NAME`, taken apart.
pub(super) struct RoleArn<'a> {
    pub partition: &'a str,
    pub account: &'a str,
    pub name: &'a str,
}

impl RoleArn<'_> {
    pub fn parse(arn: &str) -> Option<RoleArn<'_>> {
        let ["arn", partition, "iam", "", account, resource] =
            arn.split(':').collect::<Vec<_>>()[..]
        else {
            return None;
        };
        let name = resource.strip_prefix("role/")?.rsplit('/').next()?;
        let known = matches!(partition, "aws" | "aws-cn" | "aws-us-gov");
        let sound = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
        let has_account = account.parse::<AccountId>().is_ok();
        (known && sound && has_account).then_some(RoleArn {
            partition,
            account,
            name,
        })
    }
}

pub(super) fn seconds_since_epoch(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidInput, message)
}
