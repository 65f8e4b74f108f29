//! An IAM user's new long-lived keys: requested from a person, checked with STS, confirmed where
//! they are another user's, stored.

use super::keys::whose;
use super::obtain::{Obtain, Trail, place};
use crate::ask::{Ask, Note, OtherUserBy, Prompt, PromptKind, TypedKeys, WhyKeys};
use crate::aws::{FaultKind, Signer};
use crate::clock::Clock;
use crate::config::{Chain, Kind, Link};
use crate::duration::SessionKind;
use crate::error::{Code, Error, Result};
use crate::files::Stamp;
use crate::foreign::Foreign;
use crate::ids::AccessKeyId;
use crate::secret::{Keys, LongLived, Session};
use crate::store::audit::{AuditEvent, AuditOutcome, Happened};
use crate::store::{StoredKeys, Ticket};
use crate::world::World;
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use std::time::Duration;

/// While a prompt for keys is open, the keyring is looked at so often.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    WithSts,
    /// `--no-check`: stored unseen.
    Skip,
}

/// Keys of another IAM user than those that are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtherUser {
    /// Unless a person confirms them.
    #[default]
    Refused,
    /// `--yes`: stored.
    Accepted,
}

/// How keys are stored.
#[derive(Clone, Copy, Debug)]
pub struct NewKeys {
    pub check: Check,
    pub other_user: OtherUser,
    pub replaces: Replaces,
}

/// The stored keys that new ones may take the place of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replaces {
    #[default]
    Own,
    /// `--replace`: also those of another configuration or endpoint.
    Others,
}

impl Replaces {
    pub fn own(&self) -> bool {
        *self == Replaces::Own
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct Configured {
    pub identity: String,
    /// Shortened: `AKIA…MPLE`.
    pub access_key_id: String,
    pub account: Option<String>,
    pub principal: Option<Foreign>,
    pub checked: bool,
}

/// Keys on their way into the keyring.
struct Entry<'a> {
    world: &'a World,
    link: &'a Link,
    ticket: &'a Ticket,
    ask: &'a Ask,
    how: NewKeys,
    /// Of the sign-in that needs them.
    step: Option<&'a str>,
}

/// In place of keys that are missing or were revoked: requested until STS accepts some, or the
/// person gives up, and stored. Keys that are stored meanwhile, by any process, answer it as well.
pub(super) async fn ask_for_new(
    it: &mut Obtain<'_>,
    why: WhyKeys,
    unanswered: Error,
    remembered: &LongLived,
) -> Result<()> {
    let refused = remembered.keys.as_ref().map(|keys| &keys.access_key_id);
    let mut prompt = Prompt {
        kind: form(it.link(), remembered, why),
        attempt: 1,
        unanswered: unanswered.step(it.step),
        refused_key: refused.cloned(),
    };
    let entry = Entry {
        world: it.world,
        link: it.link(),
        ticket: it.ticket(),
        ask: it.ask,
        how: NewKeys {
            check: Check::WithSts,
            other_user: OtherUser::Refused,
            replaces: Replaces::Own,
        },
        step: Some(it.step),
    };
    loop {
        it.trail.record(it.world).await;
        let typed = tokio::select! {
            biased;
            typed = it.ask.keys(prompt.clone()) => typed?,
            () = others_come(it.world, it.link(), refused) => None,
        };
        let Some(typed) = typed else { return Ok(()) };
        if entry.accept(&typed, &mut prompt, it.trail).await?.is_some() {
            return Ok(());
        }
    }
}

/// Returns once the keyring holds keys that AWS has not refused. Its lock file says when it was
/// written.
async fn others_come(world: &World, link: &Link, refused: Option<&AccessKeyId>) {
    let mut read_at = None;
    loop {
        let stamp = world.store.keys.stamp(&link.name);
        if read_at != Some(stamp) || stamp == Stamp::Now {
            read_at = Some(stamp);
            if others_are_stored(world, link, refused).await {
                return;
            }
        }
        Clock::nap(BETWEEN_LOOKS).await;
    }
}

/// Keys that AWS has not refused. A keyring that was closed meanwhile holds none for now.
pub async fn others_are_stored(world: &World, link: &Link, refused: Option<&AccessKeyId>) -> bool {
    let at = world.endpoint(link).ok();
    let stored = world.store.keys.find(&link.name, at.as_ref()).await;
    let keys = stored.ok().flatten().and_then(|it| it.long_lived.keys);
    keys.is_some_and(|keys| Some(&keys.access_key_id) != refused)
}

/// `fob user configure`: accepted, then stored.
pub async fn configure(
    world: &World,
    identity: &str,
    mut typed: Option<TypedKeys>,
    how: NewKeys,
    ask: &Ask,
    trail: &mut Trail,
) -> Result<Configured> {
    let chain = user_chain(world, identity, "user configure")?;
    let link = chain.source();
    let ticket = world.store.sign_outs.ticket(&link.name)?;
    let entry = Entry {
        world,
        link,
        ticket: &ticket,
        ask,
        how,
        step: None,
    };
    let message = format!("access keys are needed for identity: {identity}");
    let remembered = entry.remembered().await?;
    let why = match remembered.keys {
        Some(_) => WhyKeys::Asked,
        None => why_none(world, &link.name).await,
    };
    let mut prompt = Prompt {
        kind: form(link, &remembered, why),
        attempt: 1,
        unanswered: Error::new(Code::PersonNeeded, message)
            .hint("pass them with --stdin, --csv or --profile"),
        refused_key: None,
    };
    let long_lived = loop {
        let typed = match typed.take() {
            Some(typed) => typed,
            None => match ask.keys(prompt.clone()).await? {
                Some(typed) => typed,
                None => return Err(prompt.unanswered),
            },
        };
        let accepted = entry.accept(&typed, &mut prompt, trail).await?;
        trail.record(world).await;
        if let Some(accepted) = accepted {
            break accepted;
        }
    };
    if how.replaces == Replaces::Others {
        let name = chain.identity.as_str();
        world.store.profiles.evict(&chain.files, name).await?;
    }
    trail.notes.extend(others_come_first(link));
    let keys = long_lived.keys.as_ref();
    Ok(Configured {
        identity: chain.identity.to_string(),
        access_key_id: keys.map_or_else(String::new, |keys| keys.access_key_id.to_string()),
        account: long_lived.account.map(String::from),
        principal: long_lived.principal,
        checked: how.check == Check::WithSts,
    })
}

fn others_come_first(link: &Link) -> Option<Note> {
    let Kind::User(user) = &link.kind else {
        return None;
    };
    let place = &user.keys.as_ref()?.place;
    let text = format!("{place} also names keys for this identity, and those come first");
    Some(Note::Warning(text))
}

impl Entry<'_> {
    async fn remembered(&self) -> Result<LongLived> {
        let at = self.world.endpoint(self.link)?;
        let stored = self.world.store.keys.find(&self.link.name, Some(&at)).await;
        match (stored, self.how.replaces) {
            (Ok(stored), _) => Ok(stored.map(|it| it.long_lived).unwrap_or_default()),
            (Err(error), Replaces::Others) if error.code == Code::BelongsElsewhere => {
                Ok(LongLived::default())
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Stores these keys if they can be; else `prompt` is the next one, with the reason and what
    /// was typed beside the keys.
    async fn accept(
        &self,
        typed: &TypedKeys,
        prompt: &mut Prompt,
        trail: &mut Trail,
    ) -> Result<Option<LongLived>> {
        let before = self.remembered().await?;
        let (why, error) = match self.check(typed, &before, &prompt.kind).await {
            Ok(mut long_lived) => {
                self.confirm_the_user(typed, &before, &mut long_lived, trail)
                    .await?;
                let (_, warning) = SessionKind::IamUser.bound(long_lived.session_duration);
                trail.warn_once(warning);
                let saved = self.save(&before, &long_lived, trail).await;
                trail
                    .happened
                    .push(stored(&self.link.name, &long_lived, (&saved).into()));
                saved?;
                return Ok(Some(long_lived));
            }
            Err(rejected) => rejected,
        };
        *prompt = Prompt {
            kind: PromptKind::Keys {
                why,
                mfa_arn: or_kept(typed.mfa_arn.as_deref(), before.mfa_arn).unwrap_or_default(),
                session_duration: or_kept(
                    typed.session_duration.as_deref(),
                    before.session_duration,
                )
                .unwrap_or_default(),
            },
            attempt: prompt.attempt + 1,
            unanswered: self
                .step
                .into_iter()
                .fold(error, Error::step)
                .identity(&self.link.name),
            refused_key: prompt.refused_key.take(),
        };
        Ok(None)
    }

    /// Keys of another user than the stored ones may be a mistake, and their sessions would be too.
    /// The device that was remembered is not that user's.
    async fn confirm_the_user(
        &self,
        typed: &TypedKeys,
        before: &LongLived,
        new: &mut LongLived,
        trail: &mut Trail,
    ) -> Result<()> {
        let (Some(stored), Some(given)) = (&before.principal, &new.principal) else {
            return Ok(());
        };
        if stored == given {
            return Ok(());
        }
        let name = &self.link.name;
        if self.how.other_user == OtherUser::Refused {
            let (stored, given) = (stored.to_string(), given.to_string());
            let message = format!(
                "these keys belong to {given}, and the ones of {name} to {stored}: nothing was \
                 stored"
            );
            let unanswered = Error::new(Code::PersonNeeded, message)
                .hint(format!("if that is meant: fob user configure {name} --yes"))
                .identity(name);
            trail.record(self.world).await;
            let prompt = Prompt {
                kind: PromptKind::OtherUser {
                    stored,
                    given,
                    by: OtherUserBy::Keys,
                },
                attempt: 1,
                unanswered,
                refused_key: None,
            };
            self.ask.confirmed(prompt).await?;
        }
        if let Some(device) = new.mfa_arn.take_if(|_| typed.mfa_arn.is_none()) {
            let device = device.as_str();
            trail.notes.push(Note::Warning(format!(
                "the MFA device {device} was that of the user before and is forgotten: {name} has \
                 none now"
            )));
        }
        Ok(())
    }

    /// Stores keys, and drops the sessions that were made with others.
    async fn save(
        &self,
        before: &LongLived,
        long_lived: &LongLived,
        trail: &mut Trail,
    ) -> Result<()> {
        let world = self.world;
        let (name, now) = (self.ticket.name(), world.clock.now());
        if let Some(left) = self.put(long_lived).await? {
            trail.notes.push(Note::Warning(format!(
                "access key {left} of a rotation that was not finished is not stored any more: \
                 delete it at AWS, if it is still there"
            )));
        }
        let id = |of: &LongLived| of.keys.as_ref().map(|keys| keys.access_key_id.clone());
        if before.keys.is_none() || id(before) != id(long_lived) {
            for identity in world.config.identities() {
                let chain = world.config.chain(identity);
                if chain.is_ok_and(|chain| chain.source().name.eq_ignore_ascii_case(name)) {
                    // A sign-in that waited for these keys may have made one with them already.
                    let is_older = |session: &Session| session.issued_at <= now;
                    let name = identity.name.as_str();
                    if let Err(error) = world.store.drop_session_if(name, is_older).await {
                        let warning = format!("the session of {name} stays: {error}");
                        trail.notes.push(Note::Warning(warning));
                    }
                    trail.dropped.push(identity.name.to_string());
                }
            }
        }
        trail.notes.push(if world.config.keyring().keeps() {
            Note::Info(format!("Credentials saved to keyring: {name}"))
        } else {
            Note::Warning(format!(
                "the keys of {name} are not kept: the keyring is `memory`, and is gone when this \
                 `fob` or its agent ends"
            ))
        });
        Ok(())
    }

    /// The key of a rotation that ends with this.
    async fn put(&self, long_lived: &LongLived) -> Result<Option<AccessKeyId>> {
        let (store, name) = (&self.world.store, self.ticket.name());
        let at = self.world.endpoint(self.link)?;
        let before = store.keys.find(name, Some(&at)).await.ok().flatten();
        let is_same = |it: &&StoredKeys| it.long_lived.keys == long_lived.keys;
        let same = before.as_ref().filter(is_same);
        let since = same.and_then(|it| it.since);
        let stored = StoredKeys {
            long_lived: long_lived.clone(),
            endpoint: match self.how.check {
                Check::WithSts => Some(at.clone()),
                Check::Skip => None,
            },
            since: Some(since.unwrap_or(self.world.clock.now())),
            rotation: same.and_then(|it| it.rotation.clone()),
        };
        let replaceable = match self.how.replaces {
            Replaces::Own => Some(&at),
            Replaces::Others => {
                store.evict_others(name).await?;
                None
            }
        };
        let _not_signed_out = store.sign_outs.unless_signed_out(self.ticket).await?;
        store.keys.put(name, &stored, replaceable).await?;
        let under_way = before.filter(|_| stored.rotation.is_none());
        let left = under_way.and_then(|it| Some(it.rotation?.others()?.access_key_id.clone()));
        let id = long_lived.keys.as_ref().map(|keys| &keys.access_key_id);
        Ok(left.filter(|left| Some(left) != id))
    }

    /// Reads what was typed, and asks STS for the user of the keys.
    async fn check(
        &self,
        typed: &TypedKeys,
        before: &LongLived,
        shown: &PromptKind,
    ) -> Result<LongLived, (WhyKeys, Error)> {
        let rejected = |error| (WhyKeys::Refused, error);
        let mut long_lived = read_typed(typed, before).map_err(rejected)?;
        if let Some(keys) = &long_lived.keys {
            let refused = self.world.aws.refuse_examples(keys, place(self.link));
            refused.map_err(rejected)?;
        }
        let keys = match (&long_lived.keys, self.how.check) {
            (Some(keys), Check::WithSts) => keys,
            (Some(_), Check::Skip) | (None, _) => return Ok(long_lived),
        };
        let region = &self.link.region;
        let fault = match whose(self.world, Signer::LongLived(keys), place(self.link)).await {
            Ok(owner) => {
                long_lived.account = owner.account;
                long_lived.principal = Some(owner.arn);
                return Ok(long_lived);
            }
            Err(fault) => fault,
        };
        Err(match fault.kind {
            FaultKind::SecretMismatch => (WhyKeys::SecretMismatch, fault.into_error(region)),
            FaultKind::UnknownKeys => {
                let replaces = matches!(
                    shown,
                    PromptKind::Keys {
                        why: WhyKeys::Revoked,
                        ..
                    }
                );
                let message = if replaces {
                    "the new keys are invalid as well: AWS does not know them"
                } else {
                    "these keys are invalid: AWS does not know the access key id"
                };
                let error = Error::new(Code::AwsCredentialsInvalid, message).hint(
                    "nothing was stored; a key made a moment ago can take some seconds to work",
                );
                rejected(fault.code.into_iter().fold(error, Error::aws_code))
            }
            _ => rejected(
                fault
                    .into_error(region)
                    .hint("the keys could not be checked, so they were not stored"),
            ),
        })
    }
}

/// Of an identity with access keys of its own; `command` of `fob` is what wants it.
pub fn user_chain(world: &World, identity: &str, command: &str) -> Result<Chain> {
    let chain = world.chain(identity)?;
    let source = chain.source();
    let message = match (&source.kind, chain.links().len()) {
        (Kind::User(_), 1) => return Ok(chain),
        (Kind::User(_), _) => format!(
            "{} is a role: its keys are those of {}",
            chain.identity, source.name
        ),
        (other, _) => format!(
            "{} takes no access keys: it signs in through {}",
            chain.identity,
            other.as_str()
        ),
    };
    let error = Error::new(Code::InvalidInput, message);
    Err(match source.kind {
        Kind::User(_) => error.hint(format!("fob {command} {}", source.name)),
        _ => error,
    })
}

/// Keys that AWS refused are set aside until others are accepted.
pub(super) async fn why_none(world: &World, name: &str) -> WhyKeys {
    match world.store.keys.set_aside(name).await {
        Ok(Some(_)) => WhyKeys::Revoked,
        // An entry that cannot be read says nothing.
        Ok(None) | Err(_) => WhyKeys::Missing,
    }
}

/// The prefilled form: what the configuration says, else what the keyring remembers.
fn form(link: &Link, remembered: &LongLived, why: WhyKeys) -> PromptKind {
    let (mfa_arn, session_duration) = match &link.kind {
        Kind::User(user) => (user.mfa_arn.clone(), user.session_duration),
        _ => (None, None),
    };
    PromptKind::Keys {
        why,
        mfa_arn: mfa_arn.or_else(|| remembered.mfa_arn.clone()),
        session_duration: remembered.session_duration.or(session_duration),
    }
}

/// Keys that AWS did not accept are not written about.
fn stored(name: &str, long_lived: &LongLived, outcome: AuditOutcome) -> Happened {
    let what = match &long_lived.keys {
        Some(keys) => format!("access key {}", keys.access_key_id),
        None => "no access key".to_owned(),
    };
    Happened {
        event: AuditEvent::KeysStored,
        identity: name.to_owned(),
        what,
        outcome,
    }
}

/// As it was typed; what was not named is kept.
fn or_kept<T: FromStr<Err = Error>>(typed: Option<&str>, kept: Option<T>) -> Result<Option<T>> {
    match typed.map(str::trim) {
        None => Ok(kept),
        Some("") => Ok(None),
        Some(text) => text.parse().map(Some),
    }
}

fn read_typed(typed: &TypedKeys, before: &LongLived) -> Result<LongLived> {
    let access_key_id = AccessKeyId::parse(&typed.access_key_id)?;
    if access_key_id.is_of_a_session() {
        return Err(Error::new(
            Code::InvalidInput,
            format!("{access_key_id} belongs to a session, not to an IAM user"),
        )
        .hint("long-lived access key ids begin with AKIA"));
    }
    Ok(LongLived {
        keys: Some(Keys {
            access_key_id,
            secret_access_key: (&typed.secret_access_key).try_into()?,
        }),
        mfa_arn: or_kept(typed.mfa_arn.as_deref(), before.mfa_arn.clone())?,
        session_duration: or_kept(typed.session_duration.as_deref(), before.session_duration)?,
        account: None,
        principal: None,
        file: typed.file.clone(),
    })
}
