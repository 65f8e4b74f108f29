//! The end of a sign-in: those who wait learn how it ended, and a failed renewal keeps the held
//! session in use.

use super::climb::Climb;
use super::options::{Intent, Renewal};
use super::outcome::{Completed, Failure, NotRenewed};
use crate::ask::Note;
use crate::config::Gives;
use crate::error::{Code, Error, Remedy, Result};
use crate::providers::Trail;
use crate::secret::Session;
use crate::store::audit::AuditOutcome;

impl Climb<'_> {
    /// Lifts the marks of the whole chain. A target that was signed out of meanwhile is not handed
    /// over; a link below that was, stays so.
    pub(super) async fn lift_sign_outs(&self) -> Result<()> {
        let Some((target, below)) = self.tickets.split_last() else {
            return Ok(());
        };
        let sign_outs = &self.world.store.sign_outs;
        match self.options.intent {
            Intent::Use => sign_outs.unchanged(target),
            Intent::SignIn => {
                for ticket in below {
                    match sign_outs.lift(ticket).await {
                        Err(error) if error.code != Code::SignedOut => return Err(error),
                        Ok(()) | Err(_) => {}
                    }
                }
                sign_outs.lift(target).await
            }
        }
    }

    /// A failed renewal keeps the held session in use, at every link; only `--force` insists on a
    /// new one. What was signed out of meanwhile is not used any more.
    pub(super) fn keep(
        &mut self,
        at: usize,
        due: Option<Session>,
        error: Error,
    ) -> Result<Session> {
        let usable = |session: &Session| !self.is_forced(at) && self.world.is_usable(session);
        let Some(session) = due.filter(usable) else {
            return Err(error);
        };
        if !self.options.accepts(&error) || error.code == Code::SignedOut {
            return Err(error);
        }
        if !is_untried(&error) {
            let outcome = AuditOutcome::Failed { error: error.code };
            self.happened(at, self.chain.names()[..=at].join(" → "), outcome);
        }
        let name = self.name(at).to_owned();
        self.trail.notes.push(Note::Warning(format!(
            "the session of {name} could not be renewed and is used as it is: {error}"
        )));
        if at == self.target() {
            self.not_renewed = Some(error);
        } else {
            let session = session.clone();
            self.not_renewed_below.push(NotRenewed {
                name,
                session,
                error,
            });
        }
        Ok(session)
    }

    /// Tells those who wait how it ended. A failed renewal keeps the held session in use.
    pub(super) async fn finish(mut self, outcome: Result<Session>) -> Result<Completed, Failure> {
        let error = match outcome {
            Ok(session) => {
                release(&mut self, None);
                return Ok(self.completed(session).await);
            }
            Err(error) if error.context.identity.is_some() => error,
            Err(error) => error.identity(&self.chain.identity),
        };
        let held = match self.options.renewal {
            Renewal::WhenDue => self.stored(self.target()).await.ok().flatten(),
            Renewal::Always | Renewal::WholeChain => None,
        };
        let signed_out = self.world.is_signed_out(self.chain.identity.as_str());
        release(&mut self, Some(&error));
        if !self.took_over && !is_untried(&error) {
            let outcome = AuditOutcome::Failed { error: error.code };
            self.happened(self.target(), self.chain.names().join(" → "), outcome);
        }
        match held.filter(|session| self.world.is_usable(session) && !signed_out) {
            Some(session) => {
                self.trail.notes.push(Note::Warning(format!(
                    "the session could not be renewed and is used as it is: {error}"
                )));
                self.not_renewed = Some(error);
                Ok(self.completed(session).await)
            }
            None => {
                self.trail.record(self.world).await;
                let Trail { notes, dropped, .. } = self.trail;
                Err(Failure {
                    error,
                    notes,
                    dropped,
                })
            }
        }
    }

    async fn completed(mut self, session: Session) -> Completed {
        let target = self.target();
        if let Some(below) = self.parent_of(target)
            && self.is_forced(target)
            && self.chain.links()[below].kind.gives() == Gives::Session
            && !self.made.contains(&below)
        {
            let (below, target) = (self.name(below), self.name(target));
            self.trail.notes.push(Note::Info(format!(
                "the session of {below} stays: `fob login {target} --force-all` renews it as well"
            )));
        }
        self.trail.record(self.world).await;
        Completed {
            session,
            ticket: self.tickets.pop().expect("a chain has a link"),
            chain: self.chain,
            notes: self.trail.notes,
            made: self.made,
            not_renewed: self.not_renewed,
            not_renewed_below: self.not_renewed_below,
            dropped: self.trail.dropped,
        }
    }
}

fn release(climb: &mut Climb<'_>, failure: Option<&Error>) {
    for (_, lock) in std::mem::take(&mut climb.locks) {
        lock.record(failure);
    }
}

/// Nothing was tried: a program that polls leaves no trace of each time.
fn is_untried(error: &Error) -> bool {
    error.code == Code::LockTimeout
        || error.remedy == Remedy::Person
            && matches!(error.code, Code::PersonNeeded | Code::SignedOut)
}
