//! Whose outcome is taken over: a link's sign-in lock is taken before anything is made, what was
//! stored meanwhile is used, and a failure of another process's sign-in is the failure of this one.

use super::climb::{Climb, LinkState};
use super::options::{Intent, Renewal};
use crate::ask::Person;
use crate::config::Gives;
use crate::error::{Code, Error, Result};
use crate::files::Patience;
use crate::providers;
use crate::store::{SignInLock, WaitingHolder};
use crate::world::freshness::Freshness;
use std::fmt;
use std::time::SystemTime;

impl Climb<'_> {
    /// What is held for a link; takes its sign-in lock unless a fresh session makes that
    /// unnecessary.
    pub(super) async fn look(&mut self, at: usize) -> Result<LinkState> {
        self.refuse_signed_out(at)?;
        if !providers::keeps_sessions(&self.chain.links()[at].kind) {
            return Ok(LinkState::Nothing);
        }
        if self.locks.contains_key(&at) {
            return self.found(at, None).await;
        }
        let patience = match self.found(at, None).await? {
            LinkState::Fresh(session) => return Ok(LinkState::Fresh(session)),
            // Another process may be renewing it already: this one is good until then.
            LinkState::Due(session) if self.options.renewal == Renewal::WhenDue => {
                match self.lock(at, Patience::NotAtAll).await {
                    Err(error) if error.code == Code::LockTimeout => {
                        return Ok(LinkState::Fresh(session));
                    }
                    lock => lock?,
                }
                None
            }
            LinkState::Due(_) | LinkState::Nothing => Some(self.options.patience),
        };
        if let Some(patience) = patience {
            self.lock_or_say(at, patience).await?;
        }
        let (since, outcome) = outcome_of_others(self, at)?;
        match (self.found(at, since).await?, outcome) {
            (LinkState::Nothing | LinkState::Due(_), Some(error)) => {
                self.took_over = true;
                Err(error)
            }
            (found, _) => Ok(found),
        }
    }

    pub(super) async fn lock(&mut self, at: usize, patience: Patience) -> Result<()> {
        let world = self.world;
        let name = providers::lock_name(&world.config, &self.chain.links()[at]);
        let folder = world.store.sign_in_locks_folder();
        let lock = SignInLock::acquire(&folder, &name, patience, &world.clock);
        tokio::pin!(lock);
        let lock = tokio::select! {
            biased;
            lock = &mut lock => lock?,
            holder = SignInLock::holder_waits(&folder, &name) => {
                tell_of_the_holder(self, at, &holder)?;
                lock.await?
            }
        };
        self.locks.insert(at, lock);
        Ok(())
    }

    pub(super) async fn lock_or_say(&mut self, at: usize, patience: Patience) -> Result<()> {
        self.lock(at, patience)
            .await
            .map_err(|error| match patience {
                // It is tried again, without a word.
                Patience::NotAtAll => error,
                Patience::AtMost(_) | Patience::Forever if error.code == Code::LockTimeout => {
                    is_under_way(self, at, &error)
                }
                Patience::AtMost(_) | Patience::Forever => error,
            })
    }

    /// Programs are not served what was signed out of, nor is it made anew for them.
    pub(super) fn refuse_signed_out(&self, at: usize) -> Result<()> {
        let name = self.name(at);
        match (self.options.intent, signed_out_since(self, at)?) {
            (Intent::Use, Some(_)) => {
                let identity = &self.chain.identity;
                Err(Error::new(Code::SignedOut, format!("{name} is signed out"))
                    .hint(self.chain.login_command())
                    .identity(identity))
            }
            (Intent::Use, None) | (Intent::SignIn, _) => Ok(()),
        }
    }

    /// `since`: a session made after this moment counts as fresh even for `--force`, because
    /// another process just made it.
    pub(super) async fn found(
        &mut self,
        at: usize,
        since: Option<SystemTime>,
    ) -> Result<LinkState> {
        let Some(session) = self.stored(at).await? else {
            return Ok(LinkState::Nothing);
        };
        let already_made = self.made.contains(&at);
        // What a sign-out could not remove is not what signing in again gives.
        if !already_made && signed_out_since(self, at)?.is_some() {
            return Ok(LinkState::Nothing);
        }
        let just_made = since.is_some_and(|since| session.issued_at >= since) || already_made;
        Ok(match self.world.freshness(&session) {
            Freshness::Expired => LinkState::Nothing,
            Freshness::Fresh | Freshness::Due if self.is_forced(at) && !just_made => {
                LinkState::Due(session)
            }
            Freshness::Fresh => LinkState::Fresh(session),
            Freshness::Due if self.renewable(at).await? => LinkState::Due(session),
            Freshness::Due => LinkState::Fresh(session),
        })
    }
}

fn signed_out_since(climb: &Climb<'_>, at: usize) -> Result<Option<SystemTime>> {
    let name = providers::signed_out_as(&climb.chain.links()[at]);
    climb.world.store.sign_outs.since(&name)
}

/// Since when another process's sign-in was waited for, and how that failed, where that is the
/// outcome of this one as well. The caller has just taken the lock.
pub(super) fn outcome_of_others(
    climb: &Climb<'_>,
    at: usize,
) -> Result<(Option<SystemTime>, Option<Error>)> {
    let lock = &climb.locks[&at];
    let since = lock.waited_since();
    let outcome = since.and_then(|since| lock.outcome_since(since));
    climb.refuse_signed_out(at)?;
    Ok((since, outcome.filter(|error| climb.options.accepts(error))))
}

/// A person at another place is not waited for in silence, and not at all where there is none here;
/// programs wait as long as they said.
fn tell_of_the_holder(climb: &Climb<'_>, at: usize, holder: &WaitingHolder) -> Result<()> {
    let options = &climb.options;
    match (options.intent, options.caller.person) {
        // The holder has no agent, or is the one that this process goes without.
        (Intent::SignIn, _) if options.has_an_answer() => Err(is_under_way(climb, at, holder)
            .hint(
                "what was given was not used: it reaches only prompts of an agent; without \
                `--no-agent`, `fob` gives it to one that runs",
            )),
        (Intent::SignIn, Person::Absent) => Err(is_under_way(climb, at, holder)),
        (Intent::SignIn, Person::Present) => {
            let name = login_name(climb, at);
            let text = format!("A sign-in to {name} is under way: {holder}");
            climb.ask.waits_for(text);
            Ok(())
        }
        (Intent::Use, _) => Ok(()),
    }
}

fn is_under_way(climb: &Climb<'_>, at: usize, why: impl fmt::Display) -> Error {
    let name = login_name(climb, at);
    let command = if climb.chain.is_of_a_provider() {
        climb.chain.login_command()
    } else {
        format!("fob login {name}")
    };
    let message = format!("another sign-in to {name} is under way and has not ended yet: {why}");
    Error::new(Code::PersonNeeded, message).hint(format!(
        "answer it where it asks; the next call gets its result, and so does `{command}`"
    ))
}

/// The identity whose session is made, or that needs what a provider gives.
fn login_name<'a>(climb: &'a Climb<'_>, at: usize) -> &'a str {
    let link = &climb.chain.links()[at];
    if link.kind.gives() == Gives::Session {
        &link.name
    } else {
        climb.chain.identity.as_str()
    }
}
