//! A provider's sign-in, whatever its kind: renewed without a person where that works, else made by
//! one, and stored before anything is done with it. The caller holds its lock.

use super::identity_center;
use super::obtain::Obtain;
use super::sign_in_place::SignInPlace;
use crate::ask::Note;
use crate::aws::{Fault, FaultKind};
use crate::config::{IdentityCenter, Link};
use crate::error::{Code, Error, Result};
use crate::secret::{ClientRegistration, Secret, SignIn};
use crate::store::StoredSignIn;
use crate::store::audit::{AuditEvent, AuditOutcome, Happened};
use crate::world::World;

/// `stored`: what there is, which is not good enough.
pub(super) async fn signed_in(
    mut it: Obtain<'_>,
    center: &IdentityCenter,
    stored: Option<StoredSignIn>,
) -> Result<SignIn> {
    let StoredSignIn {
        sign_in: mut held,
        mut client,
        ..
    } = match stored {
        Some(stored) => stored,
        None => nothing(&it)?,
    };
    let now = it.world.clock.now();
    if let Some((client_known, refresh_token)) = renewal(held.as_ref(), client.as_ref(), it.world) {
        match identity_center::renewed(&it, client_known, refresh_token).await {
            Ok(renewed) => return kept(&it, renewed, client).await,
            Err(fault) if fault.ends_a_sign_in() => {
                client = client.filter(|_| fault.kind != FaultKind::ClientUnknown);
                held = over(&mut it, held, client.as_ref(), fault).await?;
            }
            Err(fault) => return Err(fault.into_error(&it.link().region)),
        }
    }
    if let Some(usable) = held.filter(|held| held.is_usable(now)) {
        return Ok(usable);
    }
    let unanswered = needs_a_person(&it);
    if !it.ask.reaches_a_person() {
        return Err(unanswered);
    }
    it.trail.record(it.world).await;
    if client.is_some() {
        // One that AWS does not know leads to no answer at all: only a sign-in that it took part in
        // keeps it.
        put(&it, None, None).await?;
    }
    let (made, client) = identity_center::by_a_person(&it, center, client, unanswered).await?;
    kept(&it, made, Some(client)).await
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

/// Whether it can be renewed without a person, as far as is known here.
pub fn renews_itself(world: &World, stored: &StoredSignIn) -> bool {
    renewal(stored.sign_in.as_ref(), stored.client.as_ref(), world).is_some()
}

fn renewal<'a>(
    held: Option<&'a SignIn>,
    client: Option<&'a ClientRegistration>,
    world: &World,
) -> Option<(&'a ClientRegistration, &'a Secret)> {
    let now = world.clock.now();
    let client = client.filter(|client| client.expires_at > now)?;
    Some((client, held?.refresh_token.as_ref()?))
}

fn nothing(it: &Obtain<'_>) -> Result<StoredSignIn> {
    let place = SignInPlace::of(it.world, it.link())?;
    Ok(StoredSignIn {
        sign_in: None,
        client: None,
        address: place.address,
        endpoint: place.endpoint,
    })
}

/// AWS renews it no more: what is left of it is used to its end.
async fn over(
    it: &mut Obtain<'_>,
    held: Option<SignIn>,
    client: Option<&ClientRegistration>,
    fault: Fault,
) -> Result<Option<SignIn>> {
    let (name, now) = (it.name(), it.world.clock.now());
    let left = held.filter(|held| held.is_usable(now)).map(|held| SignIn {
        refresh_token: None,
        ..held
    });
    put(it, left.clone(), client.cloned()).await?;
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

async fn kept(it: &Obtain<'_>, made: SignIn, client: Option<ClientRegistration>) -> Result<SignIn> {
    put(it, Some(made.clone()), client).await?;
    Ok(made)
}

async fn put(
    it: &Obtain<'_>,
    sign_in: Option<SignIn>,
    client: Option<ClientRegistration>,
) -> Result<()> {
    let place = SignInPlace::of(it.world, it.link())?;
    let stored = StoredSignIn {
        sign_in,
        client,
        ..nothing(it)?
    };
    let sign_ins = &it.world.store.sign_ins;
    sign_ins.put(&place.name, it.ticket(), &stored).await
}

fn needs_a_person(it: &Obtain<'_>) -> Error {
    let (name, identity) = (it.name(), &it.chain.identity);
    let message = format!("a sign-in in the browser is needed for {name}");
    Error::new(Code::PersonNeeded, message)
        .hint(format!("fob login {identity}"))
        .step(it.step)
}
