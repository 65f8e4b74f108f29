//! The steps of a rotation, each of which leaves the keyring with a key that works: what was done
//! at AWS is noted there before the next step begins.

use super::outcome::{OldKey, Rotated};
use super::refusals::{
    elsewhere, in_memory, missing, not_accepted, other_place, perhaps_made, refused, replaced,
    two_keys,
};
use crate::ask::{Ask, Note, Person, RotationStage};
use crate::aws::{AwsService, Fault, FaultKind, IamCall, IamKey, LOOK_AGAIN_AFTER, Signer};
use crate::config::{Kind, Link};
use crate::duration::SessionDuration;
use crate::endpoint::Endpoint;
use crate::error::{Code, Error, Result};
use crate::files::Patience;
use crate::ids::AccessKeyId;
use crate::providers::{Trail, place, whose};
use crate::secret::{Keys, LongLived, Session};
use crate::sign_in::{Options, Renewal, sign_in};
use crate::store::audit::{AuditEvent, AuditOutcome, Happened};
use crate::store::{Rotation, RotationStep, StoredKeys};
use crate::world::World;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// AWS says new keys take some seconds to be known everywhere.
const KNOWN_WITHIN: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// Between this machine's clock and AWS's, of a key that was made and did not arrive.
const SAME_TIME: Duration = Duration::from_secs(300);
/// Of a file with keys, in bytes.
const LONGEST_FILE: u64 = 1 << 16;
/// For another sign-in of the same identity.
const PATIENCE: Duration = Duration::from_secs(15);

/// The keys of a user, under the lock of their rotation.
pub(super) struct Rotating<'a> {
    world: &'a World,
    link: &'a Link,
    ask: &'a Ask,
    at: Endpoint,
    stored: StoredKeys,
    /// Those in use.
    keys: Keys,
    /// Policies may want MFA, which only a session has.
    session: Option<Session>,
    /// `None`: the account's root.
    user: Option<String>,
    /// AWS may not know those in use before then.
    known_by: SystemTime,
}

impl<'a> Rotating<'a> {
    pub async fn of(world: &'a World, link: &'a Link, ask: &'a Ask) -> Result<Rotating<'a>> {
        let name = &link.name;
        if !world.config.keyring().keeps() {
            return Err(in_memory(name));
        }
        if let Kind::User(user) = &link.kind
            && let Some(written) = &user.keys
        {
            return Err(elsewhere(name, &written.place));
        }
        let at = world.endpoint(link)?;
        let iam = world.endpoint_of(AwsService::Iam, link)?;
        if (at == Endpoint::AWS) != (iam == Endpoint::AWS) {
            return Err(other_place(name, &at, &iam));
        }
        let stored = world.store.keys.find(name, Some(&at)).await?;
        let stored = stored.ok_or_else(|| missing(name))?;
        let keys = stored.long_lived.keys.clone();
        let keys = keys.ok_or_else(|| missing(name))?;
        let session = world.store.session(name, Some(&at)).await.ok().flatten();
        let session = session.map(|it| it.session);
        let mut rotating = Rotating {
            world,
            link,
            ask,
            at,
            session: session.filter(|it| it.token.is_some() && world.is_usable(it)),
            user: None,
            known_by: SystemTime::UNIX_EPOCH,
            stored,
            keys,
        };
        rotating.user = rotating.user_name().await?;
        Ok(rotating)
    }

    async fn user_name(&self) -> Result<Option<String>> {
        let arn = match self.stored.long_lived.principal.clone() {
            Some(arn) => arn,
            None => {
                let owner = whose(self.world, Signer::LongLived(&self.keys), place(self.link));
                let owner = owner.await.map_err(|fault| self.refused(fault))?;
                owner.arn
            }
        };
        let (_, user) = arn.as_str().split_once(":user/").unzip();
        Ok(user.and_then(|it| it.rsplit('/').next()).map(str::to_owned))
    }

    /// What another process came to, which was waited for since then.
    pub fn ended_since(&self, began: SystemTime) -> Option<Rotated> {
        self.stored.since.filter(|at| *at >= began)?;
        match &self.stored.rotation {
            None => Some(self.outcome(None, OldKey::Deleted, false)),
            Some(Rotation { keep_until, .. }) => {
                let until = *keep_until;
                let old = self.stored.rotation.as_ref().and_then(Rotation::others);
                let outcome = self.outcome(old, OldKey::Kept { until }, false);
                (until > self.now()).then_some(outcome)
            }
        }
    }

    /// To its end, wherever it stands: also a key that was to be kept for longer goes now.
    pub async fn run(
        &mut self,
        keep_old: Option<SessionDuration>,
        trail: &mut Trail,
    ) -> Result<Rotated> {
        // Programs that were handed the key itself come again by then.
        let least = if self.link.kind.hands_out_keys() {
            LOOK_AGAIN_AFTER
        } else {
            Duration::ZERO
        };
        let keep = keep_old.map_or(0, SessionDuration::seconds);
        let keep_until = self.now() + Duration::from_secs(keep.into()).max(least);
        if let Some(RotationStep::Making) = self.step() {
            self.drop_lost(trail).await?;
        }
        let resumed = self.stored.rotation.is_some();
        if !resumed {
            self.make(keep_until).await?;
        }
        if let Some(RotationStep::Made(new)) = self.step() {
            self.check(&new, self.now() + KNOWN_WITHIN).await?;
            self.replace(new, keep_until, trail).await?;
        } else {
            self.keep_until(keep_until).await?;
        }
        self.end(resumed, trail).await
    }

    /// As far as it can be done without waiting; `None`: it was undone.
    pub async fn go_on(&mut self, trail: &mut Trail) -> Result<Option<Rotated>> {
        let Some(Rotation {
            step, keep_until, ..
        }) = self.stored.rotation.clone()
        else {
            return Ok(None);
        };
        match step {
            RotationStep::Making => return self.drop_lost(trail).await.map(|()| None),
            RotationStep::Made(new) => {
                self.check(&new, self.now()).await?;
                self.replace(new, keep_until, trail).await?;
            }
            RotationStep::Replaced(_) => {}
        }
        self.end(true, trail).await.map(Some)
    }

    fn step(&self) -> Option<RotationStep> {
        let rotation = self.stored.rotation.as_ref();
        rotation.map(|it| it.step.clone())
    }

    async fn make(&mut self, keep_until: SystemTime) -> Result<()> {
        self.ask.rotates(RotationStage::Making);
        let name = self.link.name.as_str();
        let listed = self.iam(IamCall::ListKeys).await;
        let mut listed = listed.map_err(|fault| self.refused(fault))?;
        if listed.len() > 1 {
            for key in &mut listed {
                if let Some(id) = &key.id {
                    // What is not said does not stand in the way of the rest.
                    let last_use = self.iam(IamCall::LastUse(id)).await;
                    key.used_at = last_use.ok().and_then(|it| it.first()?.used_at);
                }
            }
            return Err(two_keys(name, &self.keys.access_key_id, &listed));
        }
        let rotation = Rotation {
            step: RotationStep::Making,
            since: self.now(),
            keep_until,
        };
        self.note(Some(rotation.clone())).await?;
        let new = match self.iam(IamCall::MakeKey).await {
            Ok(mut answer) => answer.pop().and_then(IamKey::keys),
            Err(fault) if fault.kind == FaultKind::Unreachable => {
                return Err(perhaps_made(name, self.refused(fault)));
            }
            Err(fault) => {
                let error = self.refused(fault);
                self.note(None).await?;
                return Err(error);
            }
        };
        let Some(new) = new else {
            let odd = Error::new(Code::AwsError, "AWS's answer holds no access key");
            return Err(perhaps_made(name, odd));
        };
        let step = RotationStep::Made(new.clone());
        match self.note(Some(Rotation { step, ..rotation })).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.take_back(&new, error).await),
        }
    }

    /// Deletes a key that was made and did not arrive, as a run was killed: one that is not the
    /// stored one, was made when that run was, and was never used.
    async fn drop_lost(&mut self, trail: &mut Trail) -> Result<()> {
        let since = self.stored.rotation.as_ref().map(|it| it.since);
        let since = since.unwrap_or(SystemTime::UNIX_EPOCH);
        let listed = self.iam(IamCall::ListKeys).await;
        let listed = listed.map_err(|fault| self.refused(fault))?;
        let own = self.keys.access_key_id.clone();
        let is_of_then = |it: &IamKey| {
            it.made_at.is_some_and(|at| {
                let apart = at
                    .duration_since(since)
                    .unwrap_or_else(|early| early.duration());
                apart <= SAME_TIME
            })
        };
        let lost = listed.into_iter().filter(is_of_then);
        for id in lost.filter_map(|it| it.id).filter(|id| *id != own) {
            let last_use = self.iam(IamCall::LastUse(&id)).await;
            let last_use = last_use.map_err(|fault| self.refused(fault))?;
            if last_use.first().is_some_and(|it| it.used_at.is_none()) {
                self.delete(&id, "which no run has stored", trail).await?;
            }
        }
        self.note(None).await
    }

    /// Returns once AWS knows the keys, where the identity signs in and where every account can be
    /// reached.
    async fn check(&mut self, new: &Keys, deadline: SystemTime) -> Result<()> {
        self.ask.rotates(RotationStage::Checking);
        let (signer, place) = (Signer::LongLived(new), place(self.link));
        let mut pause = FIRST_PAUSE;
        let fault = loop {
            let known = match self.world.aws.caller_identity(signer, place).await {
                Ok(_) => whose(self.world, signer, place).await,
                Err(fault) => Err(fault),
            };
            match known {
                Ok(_) => return Ok(()),
                Err(fault) if fault.kind == FaultKind::UnknownKeys && self.now() < deadline => {
                    self.world.clock.pause(pause).await;
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
                Err(fault) => break fault,
            }
        };
        let since = self.stored.rotation.as_ref().map(|it| it.since);
        let is_young = since.is_some_and(|since| self.now() < since + KNOWN_WITHIN);
        let is_unknown = fault.kind == FaultKind::UnknownKeys;
        let error = not_accepted(&self.link.name, fault, &self.link.region);
        if is_unknown && !is_young {
            Err(self.take_back(new, error).await)
        } else {
            Err(error.hint(format!(
                "the old access key stays in use; `fob user rotate {}` goes on",
                self.link.name
            )))
        }
    }

    /// Deletes the new keys again; the error says what came of it.
    async fn take_back(&mut self, new: &Keys, error: Error) -> Error {
        let undone = match self.iam(IamCall::Delete(&new.access_key_id)).await {
            Err(fault) if fault.kind != FaultKind::NotThere => Err(fault.message.to_string()),
            Ok(_) | Err(_) => self.note(None).await.map_err(|it| it.message),
        };
        let name = &self.link.name;
        error.hint(match undone {
            Ok(()) => {
                format!("the new access key was deleted again; {name} goes on with the old one")
            }
            Err(why) => format!(
                "{name} goes on with the old access key; the new one is still to be deleted, which \
                 `fob user rotate {name}` does: {why}"
            ),
        })
    }

    async fn replace(
        &mut self,
        new: Keys,
        keep_until: SystemTime,
        trail: &mut Trail,
    ) -> Result<()> {
        self.ask.rotates(RotationStage::Replacing);
        let (now, old) = (self.now(), self.keys.clone());
        let (to, from) = (&new.access_key_id, &old.access_key_id);
        let what = format!("access key {to} in place of {from}");
        let rotation = Rotation {
            step: RotationStep::Replaced(old),
            since: now,
            keep_until,
        };
        let replaced = self.write(|stored| StoredKeys {
            long_lived: LongLived {
                keys: Some(new),
                ..stored.long_lived
            },
            since: Some(now),
            rotation: Some(rotation),
            ..stored
        });
        let replaced = replaced.await;
        self.happened(AuditEvent::Rotation, what, (&replaced).into(), trail);
        replaced?;
        self.known_by = now + KNOWN_WITHIN;
        self.make_session_anew(trail).await;
        Ok(())
    }

    /// With the new keys, where that takes no person: those who use it notice nothing.
    async fn make_session_anew(&mut self, trail: &mut Trail) {
        let name = &self.link.name;
        trail.dropped.push(name.clone());
        if self.session.is_none() || self.world.is_signed_out(name) {
            return;
        }
        let mut caller = trail.caller.clone();
        caller.person = Person::Absent;
        let options = Options {
            renewal: Renewal::Always,
            patience: Patience::AtMost(PATIENCE),
            ..Options::ahead_of_time(caller)
        };
        let ask = Ask::nobody();
        match Box::pin(sign_in(self.world, name, options, &ask)).await {
            Ok(made) => self.session = made.session.token.is_some().then_some(made.session),
            Err(failure) => trail.notes.push(Note::Info(format!(
                "the session of {name} was made with the old access key and stays in use: {}",
                failure.error
            ))),
        }
    }

    async fn keep_until(&mut self, keep_until: SystemTime) -> Result<()> {
        let rotation = self.stored.rotation.clone();
        self.note(rotation.map(|it| Rotation { keep_until, ..it }))
            .await
    }

    /// The new keys are in use.
    async fn end(&mut self, resumed: bool, trail: &mut Trail) -> Result<Rotated> {
        let Some(Rotation {
            step: RotationStep::Replaced(old),
            keep_until,
            ..
        }) = self.stored.rotation.clone()
        else {
            return Err(replaced(&self.link.name));
        };
        let file = self.stored.long_lived.file.clone();
        let old_key = if self.now() < keep_until {
            OldKey::Kept { until: keep_until }
        } else {
            match self.retire(&old, trail).await {
                Ok(()) => OldKey::Deleted,
                Err(error) => OldKey::Left {
                    error: error.hint(format!("`fob user rotate {}` deletes it", self.link.name)),
                },
            }
        };
        let is_stale = |file: &String| {
            old_key == OldKey::Deleted && still_holds(Path::new(file), &old.access_key_id)
        };
        Ok(Rotated {
            stale_file: file.filter(is_stale),
            ..self.outcome(Some(&old), old_key.clone(), resumed)
        })
    }

    async fn retire(&mut self, old: &Keys, trail: &mut Trail) -> Result<()> {
        self.ask.rotates(RotationStage::Retiring);
        let id = &old.access_key_id;
        match self.iam(IamCall::Deactivate(id)).await {
            Err(fault) if fault.kind != FaultKind::NotThere => return Err(self.refused(fault)),
            Ok(_) | Err(_) => {}
        }
        self.delete(id, "which was replaced", trail).await?;
        let of_new = |it| LongLived { file: None, ..it };
        self.write(|stored| StoredKeys {
            long_lived: of_new(stored.long_lived),
            rotation: None,
            ..stored
        })
        .await
    }

    /// One that is gone already is no failure.
    async fn delete(&self, id: &AccessKeyId, why: &str, trail: &mut Trail) -> Result<()> {
        let deleted = match self.iam(IamCall::Delete(id)).await {
            Err(fault) if fault.kind != FaultKind::NotThere => Err(self.refused(fault)),
            Ok(_) | Err(_) => Ok(()),
        };
        let what = format!("access key {id} at AWS, {why}");
        self.happened(AuditEvent::Removal, what, (&deleted).into(), trail);
        deleted
    }

    /// Signed with the keys in use; with a session where a policy denies it to them alone.
    async fn iam(&self, call: IamCall<'_>) -> Result<Vec<IamKey>, Fault> {
        let (aws, user) = (&self.world.aws, self.user.as_deref());
        let (keys, place) = (Signer::LongLived(&self.keys), place(self.link));
        let mut pause = FIRST_PAUSE;
        loop {
            let fault = match call.send(aws, keys, place, user).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            if fault.kind == FaultKind::UnknownKeys && self.now() < self.known_by {
                self.world.clock.pause(pause).await;
                pause = LONGEST_PAUSE.min(pause * 2);
                continue;
            }
            let session = self.session.as_ref().map(Signer::Session);
            let Some(session) = session.filter(|_| fault.kind == FaultKind::Denied) else {
                return Err(fault);
            };
            let answer = call.send(aws, session, place, user).await;
            return answer.map_err(|_| fault);
        }
    }

    async fn note(&mut self, rotation: Option<Rotation>) -> Result<()> {
        self.write(|stored| StoredKeys { rotation, ..stored }).await
    }

    async fn write(&mut self, change: impl FnOnce(StoredKeys) -> StoredKeys) -> Result<()> {
        let (name, id) = (&self.link.name, &self.keys.access_key_id);
        let written = self.world.store.keys.change(name, id, &self.at, change);
        self.stored = written.await?.ok_or_else(|| replaced(name))?;
        if let Some(keys) = &self.stored.long_lived.keys {
            self.keys = keys.clone();
        }
        Ok(())
    }

    fn outcome(&self, old: Option<&Keys>, old_key: OldKey, resumed: bool) -> Rotated {
        Rotated {
            identity: self.link.name.clone(),
            access_key_id: self.keys.access_key_id.to_string(),
            old_access_key_id: old.map(|keys| keys.access_key_id.to_string()),
            old_key,
            stale_file: None,
            resumed,
        }
    }

    fn happened(&self, event: AuditEvent, what: String, outcome: AuditOutcome, trail: &mut Trail) {
        trail.happened.push(Happened {
            event,
            identity: self.link.name.clone(),
            what,
            outcome,
        });
    }

    fn refused(&self, fault: Fault) -> Error {
        let is_written = matches!(&self.link.kind, Kind::User(user) if user.mfa_arn.is_some());
        let has_device = is_written || self.stored.long_lived.mfa_arn.is_some();
        let mfa = has_device && self.session.is_none();
        refused(&self.link.name, fault, &self.link.region, mfa)
    }

    fn now(&self) -> SystemTime {
        self.world.clock.now()
    }
}

/// Whether a file still has a key that AWS no longer knows. It is read no further than AWS writes.
fn still_holds(file: &Path, id: &AccessKeyId) -> bool {
    if !file.is_file() {
        return false;
    }
    let mut text = Zeroizing::new(Vec::new());
    let read = File::open(file).and_then(|it| it.take(LONGEST_FILE).read_to_end(&mut text));
    let id = id.as_str().as_bytes();
    read.is_ok() && text.windows(id.len()).any(|it| it == id)
}
