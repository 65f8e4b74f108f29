//! The reply to each request, once what it needs is there. One total match a group.

use super::api::{self, Configure, Credentials, Maintain, Note, Person, Reply, SessionRequest};
use super::edits;
use super::waiter::{Part, Waiter};
use crate::ask::{Ask, Caller};
use crate::config::{Chain, Kind};
use crate::console;
use crate::databases::{self, Tokens};
use crate::duration::{SessionDuration, SessionKind};
use crate::environment::BrowserUse;
use crate::error::{Code, Error, Result};
use crate::logout::{self, InMemory};
use crate::providers::{self, NewKeys, Trail};
use crate::rotation;
use crate::secret::{Secret, Session};
use crate::sessions::{self, variables, write_profile};
use crate::sign_in::{self, Completed, Options};
use crate::store::Mode;
use crate::world::World;
use std::time::Duration;

/// How often a person may get the passphrase of the keyring wrong.
const PASSPHRASE_ATTEMPTS: u32 = 3;

/// What is given to a caller of a session that is held.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub world: &'a World,
    pub tokens: &'a Tokens,
    pub session: &'a Session,
    pub chain: &'a Chain,
    /// Made for those who waited for it.
    pub is_new: bool,
}

impl Given<'_> {
    /// Writes nothing.
    pub async fn give(&self, request: &SessionRequest, notes: &mut Vec<Note>) -> Result<Reply> {
        let Given {
            world,
            tokens,
            session,
            chain,
            is_new,
        } = *self;
        match request {
            SessionRequest::Login(login) => {
                let asked = login.duration.filter(|_| !is_new);
                notes.extend(asked.and_then(|asked| of_another_duration(session, chain, asked)));
                Ok(Reply::SignedIn(api::SignedIn {
                    identity: chain.identity.to_string(),
                    provider: chain.provider.to_string(),
                    chain: chain.names().into_iter().map(str::to_owned).collect(),
                    account: sessions::account(world, chain, session).await,
                    region: chain.region.to_string(),
                    expires_at: session.expires_at,
                    source: session.origin.to_string(),
                    kept: !is_new,
                    hands_out_keys: chain.target().kind.hands_out_keys(),
                }))
            }
            SessionRequest::Credentials { .. } => Ok(Reply::Credentials(Credentials {
                access_key_id: session.keys.access_key_id.as_str().to_owned(),
                secret_access_key: session.keys.secret_access_key.clone().into(),
                session_token: session.token.clone().map(Secret::from),
                expires_at: session.expires_at,
                account: session.account.clone().map(String::from),
            })),
            SessionRequest::Variables { form, .. } => {
                let variables = variables(world, chain, *form, Some(session))?;
                Ok(Reply::Variables(variables.note(notes)))
            }
            SessionRequest::DatabaseToken(wanted) => {
                let target = databases::database(world, wanted)?;
                let given =
                    databases::database_token(world, tokens, session, &target, wanted.renewal);
                let (token, more) = given.await?;
                notes.extend(more);
                Ok(Reply::DatabaseToken(token))
            }
            SessionRequest::Console {
                identity,
                destination,
                duration,
            } => {
                let target = console::console(world, identity, destination.as_deref(), *duration)?;
                let (link, more) = console::console_link(world, session, &target).await?;
                notes.extend(more);
                Ok(Reply::Console(link))
            }
        }
    }
}

/// A session that is held is used as it is, whatever duration was requested.
fn of_another_duration(session: &Session, chain: &Chain, asked: SessionDuration) -> Option<Note> {
    const SAME: Duration = Duration::from_secs(60);
    let limits = match &chain.target().kind {
        Kind::User(_) => SessionKind::IamUser,
        Kind::AssumeRole(role) => role.limits,
        // How long theirs lasts is set elsewhere.
        _ => return None,
    };
    let (wanted, _) = limits.bound(Some(asked));
    let differs = wanted.to_duration().abs_diff(session.life()) > SAME;
    let identity = &chain.identity;
    let warning = || {
        Note::Warning(format!(
            "`--duration` counts for a new session, and the one of {identity} that is held is \
             used: `fob login {identity} --duration {asked} --force` makes a new one"
        ))
    };
    differs.then(warning)
}

/// To all that waited for the sign-in, each its own reply. The profile is written for a login, and
/// again where a file holds the session itself.
pub(super) async fn hand_over(
    world: &World,
    tokens: &Tokens,
    completed: &Completed,
    mut waiters: Vec<Waiter>,
) {
    // What takes a call to AWS comes last: no other waits for it.
    waiters.sort_by_key(Waiter::calls_aws);
    let Completed {
        chain,
        session,
        ticket,
        notes,
        made,
        ..
    } = completed;
    let mut notes = notes.clone();
    let login = waiters.iter().find(|it| it.is_login());
    let is_login = login.is_some();
    if let Some(login) = login {
        let mut trail = Trail::of(login.call.caller.clone());
        rotation::go_on(world, &chain.source().name, &mut trail).await;
        trail.record(world).await;
        notes.append(&mut trail.notes);
    }
    let written = if is_login || !made.is_empty() && chain.files.static_credentials {
        let written = write_profile(world, chain, ticket, session).await;
        let written = written.map(|written| written.note(&mut notes));
        written.inspect_err(|error| tracing::warn!(%error, "profile not written"))
    } else {
        Ok(())
    };
    let held = Given {
        world,
        tokens,
        session,
        chain,
        is_new: made.contains(&(chain.links().len() - 1)),
    };
    for waiter in waiters {
        let Some(request) = waiter.session_request() else {
            continue;
        };
        let mut notes = waiter.notes_for_it(&notes);
        let held = Given {
            is_new: held.is_new || waiter.part == Part::Answered,
            ..held
        };
        let reply = match &written {
            Err(error) if waiter.is_login() || error.code == Code::SignedOut => Err(error.clone()),
            written => {
                let unwritten = written.as_ref().err().map(ToString::to_string);
                notes.extend(unwritten.map(Note::Warning));
                held.give(request, &mut notes).await
            }
        };
        waiter.answer(notes, reply.unwrap_or_else(Reply::Failed));
    }
}

/// What upkeep has come to, beside its reply.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Identities that lost their stored session.
    pub dropped: Vec<String>,
    pub signed_out: Vec<String>,
    /// The configuration file was changed.
    pub is_edited: bool,
    /// Of this identity.
    pub keys_stored: Option<String>,
}

/// Changes what is stored.
pub(super) async fn maintain(
    world: &World,
    request: Maintain,
    caller: Caller,
    ask: &Ask,
    memory: &InMemory,
) -> (Vec<Note>, Result<Reply>, Effects) {
    let mut trail = Trail::of(caller);
    let mut effects = Effects::default();
    let is_logout = matches!(request, Maintain::Logout(_));
    let reply = match request {
        Maintain::Configure(Configure {
            identity,
            keys,
            check,
            other_user,
            replaces,
        }) => {
            let how = NewKeys {
                check,
                other_user,
                replaces,
            };
            let configured =
                providers::configure(world, &identity, keys, how, ask, &mut trail).await;
            effects.keys_stored = configured.as_ref().ok().map(|it| it.identity.clone());
            configured.map(Reply::Configured)
        }
        Maintain::Edit { changes } => {
            effects.is_edited = true;
            edits::change(world, &changes).await
        }
        Maintain::Import { profiles } => {
            effects.is_edited = true;
            edits::import(world, &profiles, &mut trail).await
        }
        Maintain::ListRoles { provider, browser } => {
            effects.is_edited = true;
            match unlock(world, ask, &trail.caller).await {
                Ok(()) => list_roles(world, &provider, browser, ask, &mut trail).await,
                Err(error) => Err(error),
            }
        }
        request => match unlock(world, ask, &trail.caller).await {
            Ok(()) => clear(world, request, ask, memory, &mut trail).await,
            Err(error) => Err(error),
        },
    };
    if let (Ok(Reply::Removed(report)), true) = (&reply, is_logout)
        && report.mode == Mode::Run
    {
        effects.signed_out.clone_from(&report.identities);
    }
    if let Ok(Reply::Rotated(rotated)) = &reply {
        effects.keys_stored = Some(rotated.identity.clone());
    }
    trail.record(world).await;
    effects.dropped = trail.dropped;
    (trail.notes, reply, effects)
}

async fn list_roles(
    world: &World,
    provider: &str,
    browser: BrowserUse,
    ask: &Ask,
    trail: &mut Trail,
) -> Result<Reply> {
    let options = Options::of_a_person(trail.caller.clone(), browser);
    let listed = sign_in::list_roles(world, provider, options, ask, trail);
    listed.await.map(Reply::RolesListed)
}

async fn clear(
    world: &World,
    request: Maintain,
    ask: &Ask,
    memory: &InMemory,
    trail: &mut Trail,
) -> Result<Reply> {
    let (recorded, reply) = match request {
        Maintain::Rotate(wanted) => {
            let rotated = rotation::rotate(world, &wanted, ask, trail).await?;
            (None, Reply::Rotated(rotated))
        }
        Maintain::Logout(logout) => {
            let report = logout::logout(world, &logout, memory).await?;
            let recorded = logout::record_removals(world, &trail.caller, &report).await;
            (recorded, Reply::Removed(report))
        }
        Maintain::Cleanup(cleanup) => {
            let report = logout::clean_up(world, cleanup).await?;
            let recorded = logout::record_removals(world, &trail.caller, &report).await;
            (recorded, Reply::Removed(report))
        }
        Maintain::Repair { identity, recover } => {
            let identity = identity.as_deref();
            for identity in repaired(world, identity)? {
                rotation::go_on(world, identity, trail).await;
            }
            let findings = logout::repair(world, identity, recover, &mut trail.notes).await?;
            let recorded = logout::record_repairs(world, &trail.caller, &findings).await;
            (recorded, Reply::Repaired(findings))
        }
        Maintain::Configure(_)
        | Maintain::Edit { .. }
        | Maintain::Import { .. }
        | Maintain::ListRoles { .. } => {
            return Err(Error::new(Code::Unsupported, "this clears nothing"));
        }
    };
    trail.notes.extend(recorded);
    Ok(reply)
}

/// The identities whose keys may be in a rotation.
fn repaired<'a>(world: &'a World, identity: Option<&str>) -> Result<Vec<&'a str>> {
    let identities = match identity {
        Some(name) => std::slice::from_ref(world.config.identity(name)?),
        None => world.config.identities(),
    };
    Ok(identities.iter().map(|it| it.name.as_str()).collect())
}

/// A keyring that a passphrase would open is a question first; where there is no person, it is a
/// failure of each step.
async fn unlock(world: &World, ask: &Ask, caller: &Caller) -> Result<()> {
    if caller.person == Person::Absent {
        return Ok(());
    }
    for refusals in 0..PASSPHRASE_ATTEMPTS {
        let Some(prompt) = world.passphrase_prompt(refusals).await else {
            return Ok(());
        };
        match world
            .provide_passphrase(ask.passphrase(prompt).await?)
            .await
        {
            Err(error) if error.code != Code::KeyringLocked => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
