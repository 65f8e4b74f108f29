//! Who an identity is, and whether its credentials work. Nothing is stored or renewed, and no
//! person is prompted; a session that AWS no longer knows is dropped.

use super::record::Record;
use super::sign_ins::sign_in_status;
use super::state::{Reach, State, Whoami, seconds_left};
use crate::ask::Note;
use crate::aws::FaultKind;
use crate::config::{Chain, Kind, Link};
use crate::error::{Error, Result};
use crate::providers::{handed_out, session_owner};
use crate::secret::Session;
use crate::world::{RefusedSession, World};

/// Who an identity is, and whether its credentials work: with [`Reach::Online`] AWS is called
/// with the very session that tools would get.
pub async fn whoami(world: &World, record: &Record, reach: Reach) -> Result<(Whoami, Vec<Note>)> {
    let identity = world.config.identity(record.name.as_str())?;
    let chain = world.config.chain(identity)?;
    let mut notes = Vec::new();
    let hands_out_keys = chain.target().kind.hands_out_keys();
    let is_ambient = matches!(chain.target().kind, Kind::Ambient);
    let state = record.state(world.clock.now());
    let (mut state, mut session) = match state {
        // Nothing of these is kept: what they hold shows only when it is looked for.
        State::NeedsSignIn if is_ambient && reach == Reach::Online => {
            let found = world.aws.ambient_credentials().await?;
            notes.extend(found.warning());
            (State::Valid, Some(found.session))
        }
        State::Valid if hands_out_keys => (state, handed_out(world, chain.target()).await?),
        _ => (state, record.session().cloned()),
    };
    if let Some(error) = &record.unreadable {
        note_once(&mut notes, error);
    }
    let known = known_owner(world, &chain).await;
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
        realm: world.config.realm().to_string(),
        hands_out_keys: hands_out_keys && session.is_some(),
        sign_in: sign_in_status(world, chain.source()).await,
    };
    if let Some(session) = &mut session {
        let usable = matches!(state, State::Valid | State::Expiring);
        if usable && reach == Reach::Online {
            state = confirm(world, &chain, session, state, &mut notes).await;
        }
        whoami.state = state;
        whoami.principal = session
            .principal
            .clone()
            .map(String::from)
            .or(whoami.principal);
        whoami.account = session.account.clone().map(String::from).or(whoami.account);
        if !hands_out_keys {
            whoami.expires_at = Some(session.expires_at);
            whoami.expires_in_seconds = Some(seconds_left(session.expires_at, world.clock.now()));
        }
        whoami.source = Some(session.origin.to_string());
    }
    Ok((whoami, notes))
}

/// Asks AWS with the session itself. Only a refusal changes the state: an unreachable AWS says
/// nothing about it.
async fn confirm(
    world: &World,
    chain: &Chain,
    session: &mut Session,
    state: State,
    notes: &mut Vec<Note>,
) -> State {
    let link = chain.target();
    let fault = match session_owner(world, link, session).await {
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
        | FaultKind::AnswerExpired
        | FaultKind::Misused
        | FaultKind::SignInOver
        | FaultKind::ClientUnknown
        | FaultKind::TokenRefused
        | FaultKind::NotYet
        | FaultKind::TooOften
        | FaultKind::NotThere
        | FaultKind::Other => state,
    };
    if fault.ends_a_session()
        && let Err(error) = drop_refused(world, link, session, refused).await
    {
        note_once(notes, &error);
    }
    note_once(notes, &fault.into_error(&link.region));
    refused
}

/// For the next process to know as well.
async fn drop_refused(world: &World, link: &Link, session: &Session, state: State) -> Result<()> {
    let came = world.drop_refused_session(link, session).await?;
    match (came, state) {
        (RefusedSession::Dropped, State::Revoked) => {
            world.store.sign_outs.refused(&link.name).await
        }
        (_, _) => Ok(()),
    }
}

/// The account a session belongs to; requested from AWS only where it is not known yet.
pub async fn account(world: &World, chain: &Chain, session: &Session) -> Option<String> {
    match &session.account {
        Some(account) => Some(account.to_string()),
        None => {
            let caller = session_owner(world, chain.target(), session).await.ok()?;
            caller.account.map(String::from)
        }
    }
}

/// The owner of the keys in the keyring for an IAM user, as STS named it when they were stored.
async fn known_owner(world: &World, chain: &Chain) -> Option<(Option<String>, Option<String>)> {
    if !matches!(chain.target().kind, Kind::User(_)) {
        return None;
    }
    let (user, keys) = (chain.target(), &world.store.keys);
    let at = world.endpoint(user).ok()?;
    let remembered = keys.find(&user.name, Some(&at)).await.ok()??.long_lived;
    Some((
        remembered.principal.map(String::from),
        remembered.account.map(String::from),
    ))
}

fn note_once(notes: &mut Vec<Note>, error: &Error) {
    let note = Note::Warning(error.to_string());
    if !notes.contains(&note) {
        notes.push(note);
    }
}
