//! What is held right now: for `whoami` and `list`. Reads only: nothing is stored, renewed or asked
//! of a person.

use super::prompt::Note;
use super::refresh::Freshness;
use super::{Auth, fingerprint, place_at};
use crate::aws::{FaultKind, Signer};
use crate::clock::moment;
use crate::config::{AccountReference, Chain, Identity, Kind, PermissionSet};
use crate::duration::time_left;
use crate::error::{Code, Error, Result};
use crate::secret::Session;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Asks STS who this is.
    Online,
    /// Only what is remembered.
    Offline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum State {
    Valid,
    /// Due for renewal, or announced.
    Expiring,
    Expired,
    /// Nothing usable is held; also: keys stored, no session.
    NeedsSignIn,
    SignedOut,
    Revoked,
    Denied,
    /// The keyring cannot be read.
    Unknown,
    Unsupported,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Whoami {
    pub identity: String,
    pub provider: String,
    pub kind: String,
    pub principal: Option<String>,
    pub account: Option<String>,
    pub region: String,
    pub state: State,
    #[serde(with = "moment::optional")]
    pub expires_at: Option<SystemTime>,
    pub expires_in_seconds: Option<u32>,
    pub source: Option<String>,
    pub realm: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct ListedProvider {
    pub name: String,
    pub kind: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct IdentityStatus {
    pub name: String,
    pub kind: String,
    pub provider: Option<String>,
    /// From the source to the identity.
    pub chain: Vec<String>,
    /// What the chain ends with: the role's ARN, the permission set's name.
    pub role: Option<String>,
    /// Twelve digits, as far as it is known.
    pub account: Option<String>,
    /// Of the session that is held: where it comes from, and its time.
    pub source: Option<String>,
    pub state: State,
    #[serde(with = "moment::optional")]
    #[cfg_attr(feature = "app", specta(type = Option<String>))]
    pub issued_at: Option<SystemTime>,
    #[serde(with = "moment::optional")]
    #[cfg_attr(feature = "app", specta(type = Option<String>))]
    pub expires_at: Option<SystemTime>,
    pub expires_in_seconds: Option<u32>,
    pub default: bool,
    /// When the agent renews it; `None` where it does not, or a person is needed.
    #[serde(with = "moment::optional")]
    #[cfg_attr(feature = "app", specta(type = Option<String>))]
    pub next_refresh: Option<SystemTime>,
    /// Why the last renewal failed.
    pub failing: Option<Error>,
    #[serde(rename = "last_asker")]
    pub last_caller: Option<LastCaller>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct LastCaller {
    pub program: String,
    pub pid: u32,
    #[serde(with = "moment")]
    #[cfg_attr(feature = "app", specta(type = String))]
    pub at: SystemTime,
}

impl Auth {
    /// Who an identity is, and whether its credentials work: with [`Reach::Online`] AWS is asked
    /// with the very session that tools would get.
    pub async fn whoami(&self, identity: &str, reach: Reach) -> Result<(Whoami, Vec<Note>)> {
        let identity = self.config.identity(identity)?;
        let chain = self.config.chain(identity)?;
        let mut notes = Vec::new();
        let signed_out = matches!(
            self.store.sign_outs.since(chain.identity.as_str()),
            Ok(Some(_))
        );
        let (mut state, mut session) = match (&chain.source().kind, chain.links().len() == 1, reach)
        {
            _ if signed_out => (State::SignedOut, None),
            // Nothing of these is kept: what they hold shows only when they are asked.
            (Kind::Ambient, true, Reach::Online) => {
                (State::Valid, Some(self.aws.ambient_credentials().await?))
            }
            _ => self.held(&chain, &mut notes).await.unwrap_or_else(|error| {
                note_once(&mut notes, &error);
                (State::Unknown, None)
            }),
        };
        let known = self.known_owner(&chain, &mut notes).await;
        let mut whoami = Whoami {
            identity: chain.identity.to_string(),
            provider: chain.provider.to_string(),
            kind: identity.kind.clone(),
            principal: known.as_ref().and_then(|(principal, _)| principal.clone()),
            account: known.as_ref().and_then(|(_, account)| account.clone()),
            region: chain.region.to_string(),
            state,
            expires_at: None,
            expires_in_seconds: None,
            source: None,
            realm: self.config.realm().to_string(),
        };
        if let Some(session) = &mut session {
            let usable = matches!(state, State::Valid | State::Expiring);
            if usable && reach == Reach::Online {
                state = self.confirm(&chain, session, state, &mut notes).await;
            }
            whoami.state = state;
            whoami.principal = session.principal.clone().or(whoami.principal);
            whoami.account = session.account.clone().map(String::from).or(whoami.account);
            whoami.expires_at = Some(session.expires_at);
            whoami.expires_in_seconds = Some(seconds_left(session.expires_at, self.clock.now()));
            whoami.source = Some(session.origin.to_string());
        }
        Ok((whoami, notes))
    }

    /// Every identity with its state; nothing is requested of AWS. With why the keyring cannot be
    /// read, if so.
    pub async fn list(&self) -> (Vec<IdentityStatus>, Option<Error>, Vec<Note>) {
        let mut notes = Vec::new();
        let (mut identities, mut keyring) = (Vec::new(), None);
        for identity in self.config.identities() {
            identities.push(self.listed(identity, &mut notes, &mut keyring).await);
        }
        (identities, keyring, notes)
    }

    async fn listed(
        &self,
        identity: &Identity,
        notes: &mut Vec<Note>,
        keyring: &mut Option<Error>,
    ) -> IdentityStatus {
        let chain = self.config.chain(identity);
        let (state, session) = match &chain {
            Ok(chain) => self.held(chain, notes).await.unwrap_or_else(|error| {
                note_once(notes, &error);
                keyring.get_or_insert(error);
                (State::Unknown, None)
            }),
            Err(error) if error.code == Code::Unsupported => (State::Unsupported, None),
            Err(error) => {
                notes.push(Note::Warning(format!("{}: {error}", identity.name)));
                (State::Unknown, None)
            }
        };
        let end = chain.as_ref().ok().map(|chain| &chain.target().kind);
        let held = session.as_ref();
        IdentityStatus {
            role: end.and_then(|end| match end {
                Kind::AssumeRole(role) => Some(role.role_arn.clone()),
                Kind::PermissionSet(set) => Some(set.name.clone()),
                Kind::AssumeRoot(root) => Some(root.task_policy_arn.clone()),
                Kind::User(_)
                | Kind::Ambient
                | Kind::Process(_)
                | Kind::IdentityCenter(_)
                | Kind::Saml(_)
                | Kind::GithubOidc(_)
                | Kind::WebIdentity(_) => None,
            }),
            account: held
                .and_then(|session| session.account.as_ref())
                .map(ToString::to_string)
                .or_else(|| match end? {
                    Kind::AssumeRole(role) => account_of(&role.role_arn),
                    Kind::PermissionSet(PermissionSet {
                        account: AccountReference::Id(id),
                        ..
                    }) => Some(id.to_string()),
                    Kind::AssumeRoot(root) => Some(root.target_principal.to_string()),
                    Kind::PermissionSet(PermissionSet {
                        account: AccountReference::Name(_),
                        ..
                    })
                    | Kind::User(_)
                    | Kind::Ambient
                    | Kind::Process(_)
                    | Kind::IdentityCenter(_)
                    | Kind::Saml(_)
                    | Kind::GithubOidc(_)
                    | Kind::WebIdentity(_) => None,
                }),
            source: held.map(|session| session.origin.to_string()),
            issued_at: held.map(|session| session.issued_at),
            name: identity.name.to_string(),
            kind: identity.kind.clone(),
            provider: identity.provider.as_ref().map(ToString::to_string),
            chain: self
                .config
                .chain_names(identity)
                .into_iter()
                .map(str::to_owned)
                .collect(),
            state,
            expires_at: held.map(|session| session.expires_at),
            expires_in_seconds: held
                .map(|session| seconds_left(session.expires_at, self.clock.now())),
            default: identity.is_default,
            next_refresh: None,
            failing: None,
            last_caller: None,
        }
    }

    /// The remembered session of a chain's target, and what it amounts to.
    async fn held(&self, chain: &Chain, notes: &mut Vec<Note>) -> Result<(State, Option<Session>)> {
        if self
            .store
            .sign_outs
            .since(chain.identity.as_str())?
            .is_some()
        {
            return Ok((State::SignedOut, None));
        }
        let stored = self.store.session(chain.identity.as_str()).await?;
        let stored = stored.note(notes);
        let plan = fingerprint(chain, chain.links().len() - 1);
        let Some(session) = stored
            .filter(|stored| stored.plan == plan)
            .map(|stored| stored.session)
        else {
            return Ok((State::NeedsSignIn, None));
        };
        let now = self.clock.now();
        let announced = self.config.notify_before().min(session.life() / 4);
        let state = match self.freshness(&session) {
            Freshness::Expired => State::Expired,
            Freshness::Due => State::Expiring,
            Freshness::Fresh if time_left(session.expires_at, now) <= announced => State::Expiring,
            Freshness::Fresh => State::Valid,
        };
        Ok((state, Some(session)))
    }

    /// Asks AWS with the session itself. Only a refusal changes the state: an unreachable AWS says
    /// nothing about it.
    async fn confirm(
        &self,
        chain: &Chain,
        session: &mut Session,
        state: State,
        notes: &mut Vec<Note>,
    ) -> State {
        let place = place_at(chain, chain.links().len() - 1);
        let fault = match self
            .aws
            .caller_identity(Signer::Session(session), place)
            .await
        {
            Ok(caller) => {
                session.principal = Some(caller.arn);
                session.account = caller.account;
                return state;
            }
            Err(fault) => fault,
        };
        let refused = match fault.kind {
            FaultKind::UnknownKeys | FaultKind::SecretMismatch => State::Revoked,
            FaultKind::Expired => State::Expired,
            FaultKind::Denied | FaultKind::MfaRefused | FaultKind::SessionCannotMakeSessions => {
                State::Denied
            }
            FaultKind::ClockSkew(_)
            | FaultKind::Unreachable
            | FaultKind::RegionNotEnabled
            | FaultKind::DurationRefused
            | FaultKind::Other => state,
        };
        note_once(notes, &fault.into_error(place.region));
        refused
    }

    /// The account a session belongs to; asked of AWS only where nothing has told it yet.
    pub async fn account(&self, chain: &Chain, session: &Session) -> Option<String> {
        match &session.account {
            Some(account) => Some(account.to_string()),
            None => {
                let place = place_at(chain, chain.links().len() - 1);
                let caller = self
                    .aws
                    .caller_identity(Signer::Session(session), place)
                    .await
                    .ok()?;
                caller.account.map(String::from)
            }
        }
    }

    /// Whose keys the keyring holds for an IAM user, as STS told when they were stored.
    async fn known_owner(
        &self,
        chain: &Chain,
        notes: &mut Vec<Note>,
    ) -> Option<(Option<String>, Option<String>)> {
        if !matches!(chain.source().kind, Kind::User(_)) || chain.links().len() > 1 {
            return None;
        }
        let remembered = self
            .store
            .long_lived(&chain.source().name)
            .await
            .ok()?
            .note(notes)?;
        Some((remembered.principal, remembered.account.map(String::from)))
    }
}

fn note_once(notes: &mut Vec<Note>, error: &Error) {
    let note = Note::Warning(error.to_string());
    if !notes.contains(&note) {
        notes.push(note);
    }
}

/// `arn:aws:iam::123456789012:role/deploy`
fn account_of(arn: &str) -> Option<String> {
    arn.split(':')
        .nth(4)
        .filter(|account| !account.is_empty())
        .map(str::to_owned)
}

fn seconds_left(expires_at: SystemTime, now: SystemTime) -> u32 {
    u32::try_from(time_left(expires_at, now).as_secs()).unwrap_or(u32::MAX)
}
