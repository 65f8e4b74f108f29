//! What is held right now: for `whoami` and `list`. Reads only: nothing is stored, renewed or asked of a person.

use super::prompt::Note;
use super::refresh::Freshness;
use super::{Auth, fingerprint, place_at};
use crate::aws::{FaultKind, Signer};
use crate::config::{Chain, Identity, SourceKind};
use crate::credentials::{Session, moment, time_left};
use crate::error::{Code, Error, Result};
use serde::{Deserialize, Serialize};
use specta::Type;
use std::time::SystemTime;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Asks STS who this is.
    Online,
    /// Only what is remembered.
    Offline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
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

#[derive(Clone, Debug, Serialize, Deserialize, Type)]
pub struct Whoami {
    pub identity: String,
    pub provider: String,
    pub kind: String,
    pub principal: Option<String>,
    pub account: Option<String>,
    pub region: String,
    pub state: State,
    #[serde(with = "moment::optional")]
    #[specta(type = Option<String>)]
    pub expires_at: Option<SystemTime>,
    pub expires_in_seconds: Option<u32>,
    pub source: Option<String>,
    pub realm: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, Type)]
pub struct List {
    pub providers: Vec<ListedProvider>,
    pub identities: Vec<ListedIdentity>,
}

#[derive(Clone, Debug, Serialize, Deserialize, Type)]
pub struct ListedProvider {
    pub name: String,
    pub kind: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, Type)]
pub struct ListedIdentity {
    pub name: String,
    pub kind: String,
    pub provider: Option<String>,
    pub chain: Vec<String>,
    pub state: State,
    #[serde(with = "moment::optional")]
    #[specta(type = Option<String>)]
    pub expires_at: Option<SystemTime>,
    pub expires_in_seconds: Option<u32>,
    pub default: bool,
}

impl Auth {
    /// Who an identity is, and whether its credentials work: with [`Reach::Online`] AWS is asked with the very session
    /// that tools would get.
    pub async fn whoami(&self, identity: &str, reach: Reach) -> Result<(Whoami, Vec<Note>)> {
        let identity = self.config.identity(identity)?;
        let chain = self.config.chain(identity)?;
        let mut notes = Vec::new();
        let signed_out = matches!(self.store.signed_out_since(chain.identity.as_str()), Ok(Some(_)));
        let (mut state, mut session) = match (&chain.source.kind, chain.steps.is_empty(), reach) {
            _ if signed_out => (State::SignedOut, None),
            // Nothing of these is kept: what they hold shows only when they are asked.
            (SourceKind::Ambient, true, Reach::Online) => (State::Valid, Some(self.aws.ambient_credentials().await?)),
            _ => self.held(&chain, &mut notes).await,
        };
        let known = self.known_owner(&chain).await;
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

    /// Every identity with its state; nothing is asked of AWS.
    pub async fn list(&self) -> (List, Vec<Note>) {
        let mut notes = Vec::new();
        let providers = self
            .config
            .providers()
            .iter()
            .map(|provider| ListedProvider { name: provider.name.to_string(), kind: provider.kind.clone() });
        let mut list = List { providers: providers.collect(), identities: Vec::new() };
        for identity in self.config.identities() {
            list.identities.push(self.listed(identity, &mut notes).await);
        }
        (list, notes)
    }

    async fn listed(&self, identity: &Identity, notes: &mut Vec<Note>) -> ListedIdentity {
        let (state, session) = match self.config.chain(identity) {
            Ok(chain) => self.held(&chain, notes).await,
            Err(error) if error.code == Code::Unsupported => (State::Unsupported, None),
            Err(error) => {
                notes.push(Note::Warning(format!("{}: {error}", identity.name)));
                (State::Unknown, None)
            }
        };
        ListedIdentity {
            name: identity.name.to_string(),
            kind: identity.kind.clone(),
            provider: identity.provider.as_ref().map(ToString::to_string),
            chain: self.config.chain_names(identity).into_iter().map(str::to_owned).collect(),
            state,
            expires_at: session.as_ref().map(|session| session.expires_at),
            expires_in_seconds: session.as_ref().map(|session| seconds_left(session.expires_at, self.clock.now())),
            default: identity.is_default,
        }
    }

    /// The remembered session of a chain's target, and what it amounts to.
    async fn held(&self, chain: &Chain, notes: &mut Vec<Note>) -> (State, Option<Session>) {
        match self.store.signed_out_since(chain.identity.as_str()) {
            Ok(None) => {}
            Ok(Some(_)) => return (State::SignedOut, None),
            Err(error) => {
                note_once(notes, &error);
                return (State::Unknown, None);
            }
        }
        let stored = match self.store.session(chain.identity.as_str()).await {
            Ok(stored) => stored,
            Err(error) => {
                note_once(notes, &error);
                return (State::Unknown, None);
            }
        };
        let plan = fingerprint(chain, chain.steps.len());
        let Some(session) = stored.filter(|stored| stored.plan == plan).map(|stored| stored.session) else {
            return (State::NeedsSignIn, None);
        };
        let now = self.clock.now();
        let announced = self.config.notify_before().min(session.life() / 4);
        let state = match self.freshness(&session) {
            Freshness::Expired => State::Expired,
            Freshness::Due => State::Expiring,
            Freshness::Fresh if time_left(session.expires_at, now) <= announced => State::Expiring,
            Freshness::Fresh => State::Valid,
        };
        (state, Some(session))
    }

    /// Asks AWS with the session itself. Only a refusal changes the state: an unreachable AWS says nothing about it.
    async fn confirm(&self, chain: &Chain, session: &mut Session, state: State, notes: &mut Vec<Note>) -> State {
        let place = place_at(chain, chain.steps.len());
        let fault = match self.aws.caller_identity(Signer::Session(session), place).await {
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
            FaultKind::Denied | FaultKind::MfaRefused | FaultKind::SessionCannotMakeSessions => State::Denied,
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
                let place = place_at(chain, chain.steps.len());
                let caller = self.aws.caller_identity(Signer::Session(session), place).await.ok()?;
                caller.account.map(String::from)
            }
        }
    }

    /// Whose keys the keyring holds for an IAM user, as STS told when they were stored.
    async fn known_owner(&self, chain: &Chain) -> Option<(Option<String>, Option<String>)> {
        if !matches!(chain.source.kind, SourceKind::User(_)) || !chain.steps.is_empty() {
            return None;
        }
        let remembered = self.store.long_lived(&chain.source.name).await.ok().flatten()?;
        Some((remembered.principal, remembered.account.map(String::from)))
    }
}

fn note_once(notes: &mut Vec<Note>, error: &Error) {
    let note = Note::Warning(error.to_string());
    if !notes.contains(&note) {
        notes.push(note);
    }
}

fn seconds_left(expires_at: SystemTime, now: SystemTime) -> u32 {
    u32::try_from(time_left(expires_at, now).as_secs()).unwrap_or(u32::MAX)
}
