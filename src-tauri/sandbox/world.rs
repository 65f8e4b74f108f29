//! The world the sandbox plays: one account with its users, keys and MFA devices, roles of any
//! account, the sessions that were issued. Answers what is true of them; how AWS words it is not
//! its business.

use super::faults::Faults;
use super::journal::Journal;
use super::mint;
use crate::error::shorten;
use crate::error::{Code, Error, Result};
use crate::ids::AccountId;
use crate::secret::{Keys, Secret};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};
use subtle::ConstantTimeEq;

const ACCOUNT: &str = "123456789012";
const LONGEST_SESSION: u64 = 10 * 366 * 24 * 3600;

/// An MFA device of a user. Every device accepts the one code in [`Settings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mfa {
    Absent,
    Enrolled,
    /// Roles let the user in only with a code, given for the role or for the session that asks.
    RequiredForRoles,
}

/// Who may assume a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    Everybody,
    /// ARNs of users, roles, role sessions, or of an account's root, which stands for everybody in
    /// it.
    Principals(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Of any account and partition.
    pub arn: String,
    pub max_session_seconds: u32,
    /// Must be given when it is set.
    pub external_id: Option<String>,
    pub trust: Trust,
}

impl Role {
    /// As IAM makes a role when nothing else is said: for one hour at most.
    pub fn new(arn: impl Into<String>, trust: Trust) -> Role {
        Role {
            arn: arn.into(),
            max_session_seconds: 3600,
            external_id: None,
            trust,
        }
    }
}

/// The code that tells of an expired session; AWS's services use both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExpiredCode {
    #[default]
    ExpiredToken,
    ExpiredTokenException,
}

/// The code that tells of a wrong clock: the first is STS's, the second other services'.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SkewCode {
    #[default]
    SignatureDoesNotMatch,
    RequestExpired,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// New sessions last so long, whatever was asked for.
    pub session_seconds: Option<u64>,
    /// The code every MFA device accepts: six digits.
    pub mfa_code: String,
    pub expired_code: ExpiredCode,
    pub skew_code: SkewCode,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            session_seconds: None,
            mfa_code: "123456".to_owned(),
            expired_code: ExpiredCode::default(),
            skew_code: SkewCode::default(),
        }
    }
}

/// How a caller came to the credentials the call is signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// An IAM user with access keys.
    LongLived,
    /// An IAM user with a session from GetSessionToken.
    UserSession,
    /// A session of this role.
    RoleSession { role: String, assumed: Assumed },
}

/// What a role was assumed with. The console bounds its own sessions by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assumed {
    WithKeys,
    WithSession,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MfaProof {
    Given,
    None,
}

/// Who signed a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Requester {
    pub arn: String,
    /// `AIDA…`, or `AROA…:session`.
    pub id: String,
    pub account: String,
    pub standing: Standing,
    pub proof: MfaProof,
}

impl Requester {
    /// Whether this ARN, written in a trust policy or named for revocation, means this caller.
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
pub(super) struct User {
    pub arn: String,
    pub id: String,
    pub mfa: Mfa,
    /// The oldest first.
    pub keys: Vec<Keys>,
}

#[derive(Debug)]
pub(super) struct Session {
    pub keys: Keys,
    pub token: Secret,
    pub caller: Requester,
    pub expires_at: SystemTime,
}

/// Somebody whom a token lets into the console.
#[derive(Debug)]
struct Visitor {
    caller: Requester,
    until: SystemTime,
}

/// What a call is checked against.
pub(super) struct Credential<'a> {
    pub secret: &'a Secret,
    pub caller: Requester,
    /// `None`: long-lived.
    pub expires_at: Option<SystemTime>,
}

#[derive(Debug)]
pub(super) struct World {
    account: String,
    users: BTreeMap<String, User>,
    /// By ARN, with the unique id.
    roles: BTreeMap<String, (Role, String)>,
    /// By access key id. Expired ones stay: AWS tells them from unknown ones.
    sessions: BTreeMap<String, Session>,
    /// By token.
    visitors: BTreeMap<String, Visitor>,
    settings: Settings,
    pub faults: Faults,
    pub journal: Journal,
}

impl World {
    /// One user with a key and an MFA device, one role that everybody may assume.
    pub fn of_a_demo() -> Result<World> {
        let mut world = World {
            account: ACCOUNT.to_owned(),
            users: BTreeMap::new(),
            roles: BTreeMap::new(),
            sessions: BTreeMap::new(),
            visitors: BTreeMap::new(),
            settings: Settings::default(),
            faults: Faults::default(),
            journal: Journal::default(),
        };
        world.add_user("kim")?;
        world.create_key("kim")?;
        world.set_mfa("kim", Mfa::Enrolled)?;
        world.add_role(Role::new(
            "arn:aws:iam::420000000025:role/deploy",
            Trust::Everybody,
        ))?;
        Ok(world)
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
        let user = User {
            arn: arn.clone(),
            id: mint::unique_id("AIDA"),
            mfa: Mfa::Absent,
            keys: Vec::new(),
        };
        self.users.insert(name.to_owned(), user);
        Ok(arn)
    }

    pub fn set_mfa(&mut self, user: &str, mfa: Mfa) -> Result<()> {
        self.user_mut(user)?.mfa = mfa;
        Ok(())
    }

    pub fn create_key(&mut self, user: &str) -> Result<Keys> {
        let keys = mint::long_lived_keys();
        self.user_mut(user)?.keys.push(keys.clone());
        Ok(keys)
    }

    pub fn keys_of(&self, user: &str) -> Vec<Keys> {
        self.users
            .get(user)
            .map(|user| user.keys.clone())
            .unwrap_or_default()
    }

    pub fn revoke_key(&mut self, id: &str) -> Result<()> {
        let holder = self.users.values_mut().find(|user| {
            user.keys
                .iter()
                .any(|keys| keys.access_key_id.as_str() == id)
        });
        let holder = holder
            .ok_or_else(|| invalid(format!("the sandbox has no access key `{}`", shorten(id))))?;
        holder.keys.retain(|keys| keys.access_key_id.as_str() != id);
        Ok(())
    }

    pub fn revoke_sessions(&mut self, principal: &str) -> usize {
        let before = self.sessions.len();
        self.sessions
            .retain(|_, session| !session.caller.is(principal));
        before - self.sessions.len()
    }

    pub fn add_role(&mut self, role: Role) -> Result<()> {
        if !is_role_arn(&role.arn) {
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
            .insert(role.arn.clone(), (role, mint::unique_id("AROA")));
        Ok(())
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn set_settings(&mut self, settings: Settings) -> Result<()> {
        if settings.mfa_code.len() != 6 || !settings.mfa_code.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid("an MFA code is six digits"));
        }
        if settings
            .session_seconds
            .is_some_and(|seconds| seconds > LONGEST_SESSION)
        {
            return Err(invalid("a session lasts at most ten years"));
        }
        self.settings = settings;
        Ok(())
    }

    pub fn users(&self) -> impl Iterator<Item = (&String, &User)> {
        self.users.iter()
    }

    pub fn roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.values().map(|(role, _)| role)
    }

    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.values()
    }

    /// The user an MFA device belongs to is the caller: its serial number and what the user must do
    /// with it.
    pub fn mfa_of(&self, caller: &Requester) -> (Mfa, String) {
        let owner = self.users.iter().find(|(_, user)| user.arn == caller.arn);
        owner.map_or((Mfa::Absent, String::new()), |(name, user)| {
            (user.mfa, self.mfa_serial(name))
        })
    }

    /// Long-lived keys come without a token, a session's only with its own.
    pub fn credential(&self, id: &str, token: Option<&str>) -> Option<Credential<'_>> {
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
            let keys = user
                .keys
                .iter()
                .find(|keys| keys.access_key_id.as_str() == id)?;
            let caller = Requester {
                arn: user.arn.clone(),
                id: user.id.clone(),
                account: self.account.clone(),
                standing: Standing::LongLived,
                proof: MfaProof::None,
            };
            Some(Credential {
                secret: &keys.secret_access_key,
                caller,
                expires_at: None,
            })
        })
    }

    /// The role with its unique id, if there is one and it lets this caller in.
    pub fn role_for(
        &self,
        caller: &Requester,
        arn: &str,
        external_id: Option<&str>,
    ) -> Option<(&Role, &str)> {
        let (role, id) = self.roles.get(arn)?;
        let trusted = match &role.trust {
            Trust::Everybody => true,
            Trust::Principals(principals) => {
                principals.iter().any(|principal| caller.is(principal))
            }
        };
        let external_id_matches =
            role.external_id.is_none() || role.external_id.as_deref() == external_id;
        (trusted && external_id_matches).then_some((role, id))
    }

    /// Makes a session that lasts as long as was asked, unless the settings say otherwise.
    pub fn issue(&mut self, caller: Requester, asked: Duration, now: SystemTime) -> &Session {
        let life = self
            .settings
            .session_seconds
            .map_or(asked, Duration::from_secs);
        let keys = mint::session_keys();
        let session = Session {
            token: mint::session_token(),
            caller,
            // AWS tells the expiry in whole seconds; it is also meant in whole seconds.
            expires_at: SystemTime::UNIX_EPOCH
                + Duration::from_secs(seconds_since_epoch(now + life)),
            keys: keys.clone(),
        };
        self.sessions
            .entry(keys.access_key_id.as_str().to_owned())
            .insert_entry(session)
            .into_mut()
    }

    /// The token lets this caller into the console until then.
    pub fn let_in(
        &mut self,
        token: String,
        caller: Requester,
        until: SystemTime,
        now: SystemTime,
    ) -> String {
        self.visitors.retain(|_, visitor| visitor.until > now);
        self.visitors
            .insert(token.clone(), Visitor { caller, until });
        token
    }

    pub fn let_in_with(&self, token: &str, now: SystemTime) -> Option<&Requester> {
        self.visitors
            .get(token)
            .filter(|visitor| visitor.until > now)
            .map(|visitor| &visitor.caller)
    }

    fn user_mut(&mut self, name: &str) -> Result<&mut User> {
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

fn is_role_arn(arn: &str) -> bool {
    RoleArn::parse(arn).is_some()
}

/// For showing; a moment beyond what can be shown is the last that can.
pub(super) fn timestamp(time: SystemTime) -> jiff::Timestamp {
    jiff::Timestamp::try_from(time).unwrap_or(jiff::Timestamp::MAX)
}

fn seconds_since_epoch(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidInput, message)
}
