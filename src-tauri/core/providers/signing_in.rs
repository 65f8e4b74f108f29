//! A sign-in that a person made, whatever its kind: renewed without one where that works, else made
//! by one, and stored before anything is done with it. The caller holds its lock.

use super::browser::{BrowserSignIn, Made};
use super::obtain::Obtain;
use super::sign_in_place::{SignInPlace, signed_out_as};
use super::{identity_center, login};
use crate::ask::{Note, OtherUserBy, Prompt, PromptKind};
use crate::aws::{Fault, FaultKind};
use crate::config::{IdentityCenter, Kind, Link};
use crate::error::{Code, Error, Result};
use crate::foreign::Foreign;
use crate::ids::AccountId;
use crate::secret::{ClientRegistration, Session, SignIn};
use crate::store::StoredSignIn;
use crate::store::audit::{AuditEvent, AuditOutcome, Happened};
use crate::world::World;

/// Where a person signs in.
#[derive(Clone, Copy)]
pub(super) enum SignsInAt<'a> {
    IdentityCenter(&'a IdentityCenter),
    Console,
}

/// The sign-in of a provider, for the links above it; `stored`: what there is, which is not good
/// enough.
pub(super) async fn signed_in(
    mut it: Obtain<'_>,
    center: &IdentityCenter,
    stored: Option<StoredSignIn>,
) -> Result<SignIn> {
    let at = SignsInAt::IdentityCenter(center);
    match renewed_or_left(&mut it, at, stored).await? {
        WithoutAPerson::Renewed(made) => Ok(made.sign_in),
        WithoutAPerson::Left(StoredSignIn {
            sign_in: Some(usable),
            ..
        }) => Ok(usable),
        WithoutAPerson::Left(left) => Ok(by_a_person(&mut it, at, left).await?.sign_in),
    }
}

/// A session of the console's sign-in, which is its token.
pub(super) async fn session(mut it: Obtain<'_>) -> Result<Session> {
    let at = SignsInAt::Console;
    let stored = stored_sign_in(it.world, it.link()).await?;
    let stored = stored.map(|stored| StoredSignIn {
        sign_in: stored.sign_in.filter(|_| !it.signs_in_anew),
        ..stored
    });
    let known = stored.as_ref().and_then(|it| it.principal.clone());
    let made = match renewed_or_left(&mut it, at, stored).await? {
        WithoutAPerson::Renewed(made) => made,
        WithoutAPerson::Left(left) => by_a_person(&mut it, at, left).await?,
    };
    let principal = made.principal.or(known);
    let session = made
        .session
        .expect("the console gives a session with each token");
    Ok(Session {
        account: principal
            .as_ref()
            .and_then(|arn| AccountId::of_arn(arn.as_str())),
        principal,
        ..session
    })
}

enum WithoutAPerson {
    Renewed(Made),
    /// What a person's sign-in starts from.
    Left(StoredSignIn),
}

async fn renewed_or_left(
    it: &mut Obtain<'_>,
    at: SignsInAt<'_>,
    stored: Option<StoredSignIn>,
) -> Result<WithoutAPerson> {
    let mut stored = match stored {
        Some(stored) => stored,
        None => nothing(it)?,
    };
    let now = it.world.clock.now();
    match renewed(it, at, &stored).await {
        Some(Ok(made)) => {
            keep(it, at, &made, stored.principal).await?;
            return Ok(WithoutAPerson::Renewed(made));
        }
        Some(Err(fault)) if fault.ends_a_sign_in() => stored = over(it, at, stored, fault).await?,
        Some(Err(fault)) => return Err(fault.into_error(&it.link().region)),
        None => {}
    }
    stored.sign_in = stored.sign_in.filter(|held| held.is_usable(now));
    Ok(WithoutAPerson::Left(stored))
}

/// `None`: what there is cannot be renewed without a person.
async fn renewed(
    it: &Obtain<'_>,
    at: SignsInAt<'_>,
    stored: &StoredSignIn,
) -> Option<Result<Made, Fault>> {
    let now = it.world.clock.now();
    let client = stored.client.as_ref().filter(|it| it.expires_at > now)?;
    let held = stored.sign_in.as_ref()?;
    Some(match at {
        SignsInAt::IdentityCenter(_) => {
            let token = held.refresh_token.as_ref()?;
            identity_center::renewed(it.world, it.link(), client, token).await
        }
        SignsInAt::Console => login::renewed(it.world, it.link(), client, held).await,
    })
}

async fn by_a_person(it: &mut Obtain<'_>, at: SignsInAt<'_>, left: StoredSignIn) -> Result<Made> {
    let unanswered = needs_a_person(it);
    if !it.ask.reaches_a_person() {
        return Err(unanswered);
    }
    it.trail.record(it.world).await;
    let person = BrowserSignIn { it, unanswered };
    let made = match at {
        SignsInAt::IdentityCenter(center) => {
            if left.client.is_some() {
                // One that AWS does not know leads to no answer at all: only a sign-in that it took
                // part in keeps it.
                let without = StoredSignIn {
                    client: None,
                    ..left.clone()
                };
                put(it, without).await?;
            }
            identity_center::by_a_person(&person, center, left.client).await?
        }
        SignsInAt::Console => {
            let made = login::by_a_person(&person).await?;
            agreed(&person, left.principal.as_ref(), &made).await?;
            made
        }
    };
    keep(it, at, &made, left.principal).await?;
    Ok(made)
}

/// Ended at AWS: it would go on there although nothing here knows it.
async fn unwanted(it: &Obtain<'_>, at: SignsInAt<'_>, made: &Made) {
    let (world, link) = (it.world, it.link());
    let ended = match at {
        SignsInAt::IdentityCenter(_) => {
            identity_center::ended(world, link, &made.sign_in, Some(&made.client)).await
        }
        SignsInAt::Console => login::ended(world, link, made).await,
    };
    if let Err(fault) = ended {
        let identity = it.name();
        tracing::warn!(identity, code = ?fault.code, "unwanted sign-in not ended at aws");
    }
}

/// The browser may be signed in as another user than last time: nothing is replaced before the
/// person has agreed.
async fn agreed(person: &BrowserSignIn<'_>, before: Option<&Foreign>, made: &Made) -> Result<()> {
    let (it, name) = (person.it, person.name());
    let (Some(stored), Some(given)) = (before, &made.principal) else {
        return Ok(());
    };
    if stored == given {
        return Ok(());
    }
    let message = format!(
        "the browser signed in as {given}, and {name} was signed in to as {stored}: nothing was \
         replaced"
    );
    let unanswered = Error::new(Code::Cancelled, message)
        .hint(format!(
            "sign in to the console as {stored}, then: fob login {name}"
        ))
        .hint(format!(
            "if the other user is meant: fob logout {name}, then fob login {name}"
        ));
    let prompt = Prompt {
        unanswered,
        ..person.prompt(PromptKind::OtherUser {
            stored: stored.to_string(),
            given: given.to_string(),
            by: OtherUserBy::SignIn,
        })
    };
    let answer = it.ask.confirmed(prompt).await;
    if answer.is_err() {
        unwanted(it, SignsInAt::Console, made).await;
    }
    answer
}

/// Whether something was left to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedAtAws {
    Now,
    Before,
}

/// Ends a sign-in at AWS.
pub async fn end_sign_in(
    world: &World,
    link: &Link,
    stored: &StoredSignIn,
) -> Result<EndedAtAws, Fault> {
    let ended = match (&stored.sign_in, &stored.client) {
        (None, _) => return Ok(EndedAtAws::Before),
        (Some(sign_in), Some(client)) if matches!(link.kind, Kind::Login) => {
            let held = world
                .store
                .session(&link.name, Some(&stored.endpoint))
                .await;
            let session = held.ok().flatten().map(|held| held.session);
            let held = Made {
                sign_in: sign_in.clone(),
                client: client.clone(),
                principal: None,
                session: session.filter(|session| world.is_usable(session)),
            };
            login::ended(world, link, &held).await
        }
        (Some(sign_in), client) => {
            identity_center::ended(world, link, sign_in, client.as_ref()).await
        }
    };
    match ended {
        Ok(()) => Ok(EndedAtAws::Now),
        Err(fault) if fault.ends_a_sign_in() => Ok(EndedAtAws::Before),
        Err(fault) => Err(fault),
    }
}

/// What is stored for signing in with: what a sign-out could not remove is not what signing in
/// again gives. Made since, it is that: by a sign-in that is still under way, or of a provider that
/// signs in at the same place.
pub async fn stored_sign_in(world: &World, link: &Link) -> Result<Option<StoredSignIn>> {
    let stored = SignInPlace::of(world, link)?.stored(world).await?;
    let signed_out_at = world.store.sign_outs.since(&signed_out_as(link))?;
    let is_left = |it: &SignIn| signed_out_at.is_some_and(|at| it.issued_at <= at);
    Ok(stored.map(|stored| StoredSignIn {
        sign_in: stored.sign_in.filter(|it| !is_left(it)),
        ..stored
    }))
}

/// Whether a session can be made with the sign-in as it is, or renewed without a person.
pub(super) async fn renews_alone(world: &World, link: &Link) -> Result<bool> {
    let stored = SignInPlace::of(world, link)?.stored(world).await?;
    let Some(stored) = stored else {
        return Ok(false);
    };
    let now = world.clock.now();
    let is_usable = stored.sign_in.as_ref().is_some_and(|it| it.is_usable(now));
    Ok(is_usable || renews_itself(world, &stored))
}

/// Whether its end can be put off without a person, as far as is known here.
pub fn renews_itself(world: &World, stored: &StoredSignIn) -> bool {
    let now = world.clock.now();
    let is_known = stored.client.as_ref().is_some_and(|it| it.expires_at > now);
    let sign_in = stored.sign_in.as_ref();
    is_known && sign_in.is_some_and(|it| it.refresh_token.is_some())
}

fn nothing(it: &Obtain<'_>) -> Result<StoredSignIn> {
    let place = SignInPlace::of(it.world, it.link())?;
    Ok(StoredSignIn {
        sign_in: None,
        client: None,
        principal: None,
        address: place.address,
        endpoint: place.endpoint,
    })
}

/// AWS renews it no more: what is left of it is used to its end.
async fn over(
    it: &mut Obtain<'_>,
    at: SignsInAt<'_>,
    stored: StoredSignIn,
    fault: Fault,
) -> Result<StoredSignIn> {
    let (name, now) = (it.name(), it.world.clock.now());
    let (sign_in, client) = match at {
        SignsInAt::IdentityCenter(_) => {
            let held = stored.sign_in.filter(|held| held.is_usable(now));
            let left = held.map(|held| SignIn {
                refresh_token: None,
                ..held
            });
            let known = |_: &ClientRegistration| fault.kind != FaultKind::ClientUnknown;
            (left, stored.client.filter(known))
        }
        SignsInAt::Console => (None, None),
    };
    let left = StoredSignIn {
        sign_in,
        client,
        ..stored
    };
    put(it, left.clone()).await?;
    let why = fault.into_error(&it.link().region).message;
    let warning = format!(
        "the sign-in of {name} cannot be renewed any more and was cleared: {why}; it was ended at \
         AWS, or a renewal was interrupted"
    );
    tracing::info!(provider = name, "sign-in cleared");
    it.trail.notes.push(Note::Warning(warning));
    it.trail.happened.push(Happened {
        event: AuditEvent::Revocation,
        identity: name.to_owned(),
        what: "sign-in cleared".to_owned(),
        outcome: AuditOutcome::Ok,
    });
    Ok(left)
}

/// `before`: who signed in last, where the answer does not say it.
async fn keep(
    it: &Obtain<'_>,
    at: SignsInAt<'_>,
    made: &Made,
    before: Option<Foreign>,
) -> Result<()> {
    let stored = StoredSignIn {
        sign_in: Some(made.sign_in.clone()),
        client: Some(made.client.clone()),
        principal: made.principal.clone().or(before),
        ..nothing(it)?
    };
    let kept = put(it, stored).await;
    if matches!(&kept, Err(error) if error.code == Code::SignedOut) {
        unwanted(it, at, made).await;
    }
    kept
}

async fn put(it: &Obtain<'_>, stored: StoredSignIn) -> Result<()> {
    let name = SignInPlace::of(it.world, it.link())?.name;
    let sign_ins = &it.world.store.sign_ins;
    sign_ins.put(&name, it.ticket(), &stored).await
}

fn needs_a_person(it: &Obtain<'_>) -> Error {
    let name = it.name();
    let message = format!("a sign-in in the browser is needed for {name}");
    Error::new(Code::PersonNeeded, message)
        .hint(it.chain.login_command())
        .step(it.step)
}
