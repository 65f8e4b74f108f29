//! The sign-in of a provider, shared by all that stand on it: looked at without a lock while it is
//! good; renewed or made under its own, which is given up at once, so that sessions of several
//! identities are then made side by side.

use super::climb::{Climb, at_step, in_utc, marked, step};
use super::locks::outcome_of_others;
use crate::ask::Note;
use crate::error::{Code, Result};
use crate::files::Patience;
use crate::providers::{self, renews_itself};
use crate::secret::{Secret, SignIn};
use crate::store::StoredSignIn;
use crate::store::audit::AuditOutcome;
use crate::world::freshness::{Freshness, sign_in_freshness};

impl Climb<'_> {
    /// The one that is held, or a new one.
    pub(super) async fn signed_in(&mut self, at: usize) -> Result<SignIn> {
        self.refuse_signed_out(at)?;
        let held = stored(self, at).await?.and_then(|it| it.sign_in);
        let held = held.filter(|held| held.is_usable(self.world.clock.now()));
        if let Some(held) = held.clone().filter(|held| is_good(self, at, held)) {
            return Ok(held);
        }
        match lock(self, at, held.is_some()).await {
            // Another process is renewing it.
            Err(error) if error.code == Code::LockTimeout => return held.ok_or(error),
            locked => locked?,
        }
        let (since, outcome) = outcome_of_others(self, at)?;
        let stored = stored(self, at).await?;
        let now = stored.as_ref().and_then(|stored| stored.sign_in.clone());
        let is_news = |it: &SignIn| since.is_some_and(|since| it.issued_at >= since);
        if let Some(now) = now.filter(|it| is_news(it) || is_good(self, at, it)) {
            self.locks.remove(&at);
            return Ok(now);
        }
        if let Some(error) = outcome {
            self.took_over = true;
            return held.ok_or(error);
        }
        let made = make(self, at, stored).await;
        if let Some(lock) = self.locks.remove(&at) {
            lock.record(made.as_ref().err());
        }
        match (made, held) {
            (Err(error), Some(held)) if !self.is_forced(at) && self.options.accepts(&error) => {
                self.trail.notes.push(Note::Warning(format!(
                    "the sign-in of {} could not be renewed and is used as it is: {error}",
                    self.name(at)
                )));
                Ok(held)
            }
            (made, _) => made,
        }
    }
}

impl Climb<'_> {
    /// Held in this process, or a new one: with that of a request, or by a person.
    pub(super) async fn asserted(&mut self, at: usize) -> Result<Secret> {
        self.refuse_signed_out(at)?;
        let held = |climb: &Self| {
            let now = climb.world.clock.now();
            climb.world.assertions.held(climb.name(at), now)
        };
        let is_given = self.options.assertion.is_some();
        if let Some(held) = held(self).filter(|_| !is_given) {
            return Ok(held);
        }
        self.lock_or_say(at, self.options.patience).await?;
        let (_, outcome) = outcome_of_others(self, at)?;
        if let Some(held) = held(self).filter(|_| !is_given) {
            self.locks.remove(&at);
            return Ok(held);
        }
        if let Some(error) = outcome.filter(|_| !is_given) {
            self.took_over = true;
            return Err(error);
        }
        let step = step(&self.chain, at);
        let ask = marked(self.ask, &self.locks, &self.options.caller);
        let made = providers::asserted(self.obtain(at, &step, &ask)).await;
        let made = made.map_err(|error| at_step(error, at, &step));
        if let Some(lock) = self.locks.remove(&at) {
            lock.record(made.as_ref().err());
        }
        made
    }
}

async fn stored(climb: &Climb<'_>, at: usize) -> Result<Option<StoredSignIn>> {
    providers::stored_sign_in(climb.world, &climb.chain.links()[at]).await
}

/// Not to be renewed yet, or not to be renewed at all.
fn is_good(climb: &Climb<'_>, at: usize, held: &SignIn) -> bool {
    match sign_in_freshness(held, climb.world.clock.now()) {
        Freshness::Fresh => !climb.is_forced(at),
        Freshness::Due => held.refresh_token.is_none() && !climb.is_forced(at),
        Freshness::Expired => false,
    }
}

async fn lock(climb: &mut Climb<'_>, at: usize, is_held: bool) -> Result<()> {
    if climb.locks.contains_key(&at) {
        return Ok(());
    }
    if is_held && !climb.is_forced(at) {
        climb.renewing.insert(at);
        climb.lock(at, Patience::NotAtAll).await
    } else {
        climb.lock_or_say(at, climb.options.patience).await
    }
}

async fn make(climb: &mut Climb<'_>, at: usize, stored: Option<StoredSignIn>) -> Result<SignIn> {
    // One that is to be made anew although it is good, and that only a person can renew.
    let is_of_no_use = |it: &StoredSignIn| climb.is_forced(at) && !renews_itself(climb.world, it);
    let stored = stored.map(|it| StoredSignIn {
        sign_in: it.sign_in.clone().filter(|_| !is_of_no_use(&it)),
        ..it
    });
    let step = step(&climb.chain, at);
    tracing::debug!(identity = %climb.chain.identity, step, "making a sign-in");
    let ask = marked(climb.ask, &climb.locks, &climb.options.caller);
    let made = providers::signed_in(climb.obtain(at, &step, &ask), stored).await;
    let made = made.map_err(|error| at_step(error, at, &step))?;
    let until = in_utc(made.expires_at);
    let what = format!("{step}: sign-in until {until}");
    climb.happened(at, what, AuditOutcome::Ok);
    Ok(made)
}
