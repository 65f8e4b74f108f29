//! An IAM user's long-lived keys: where they are found, checked before they are stored, cleared
//! only when AWS confirms that it no longer knows them and only if they are still the stored ones.

use super::prompt::{Note, TypedKeys, WhyKeys};
use super::record::Caller;
use super::{Auth, in_default_region, name_at, place_at};
use crate::aws::{Fault, FaultKind, Place, Signer};
use crate::config::{Chain, Kind, User};
use crate::error::{Code, Error, Result};
use crate::ids::AccessKeyId;
use crate::secret::{Keys, LongLived, Origin};
use crate::store::audit::{AuditEvent, AuditOutcome, Happened};
use crate::store::{ClearedKeys, Ticket};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    WithSts,
    /// `--no-check`: stored unseen.
    Skip,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct Configured {
    pub identity: String,
    /// Shortened: `AKIA…MPLE`.
    pub access_key_id: String,
    pub account: Option<String>,
    pub principal: Option<String>,
    pub checked: bool,
}

/// Keys that can sign, and where they were.
#[derive(Clone, Debug)]
pub(super) struct FoundKeys {
    pub keys: Keys,
    pub origin: Origin,
    /// For messages: `the keyring`, `config.yaml line 12`, `the environment variable DEV_KEY`.
    pub place: String,
}

/// Typed keys that were not taken.
#[derive(Clone, Debug)]
pub enum Rejected {
    /// Worth asking once more: the key id is known, the secret is not its own.
    SecretMismatch(Error),
    Final(Error),
}

impl From<Error> for Rejected {
    fn from(error: Error) -> Rejected {
        Rejected::Final(error)
    }
}

/// What came of keys that AWS refused.
pub(super) enum Refused {
    /// Somebody stored other keys meanwhile.
    Replaced,
    /// Confirmed; nothing is left to sign with. The error for those who cannot ask for new ones.
    Revoked(Error, Happened),
    /// Confirmed; they are not kept in the keyring, so they stay where they are.
    NotOurs(Error, Happened),
}

impl Auth {
    /// The configuration's keys come first, and then the keyring is not asked at all; else the
    /// keyring's, with what it remembers beside them.
    pub(super) async fn find_keys(
        &self,
        name: &str,
        user: &User,
        notes: &mut Vec<Note>,
    ) -> Result<(Option<FoundKeys>, LongLived)> {
        if let Some(written) = &user.keys {
            let found = FoundKeys {
                keys: written.keys.clone(),
                origin: written.origin,
                place: written.place.clone(),
            };
            return Ok((Some(found), nothing_remembered()));
        }
        let remembered = self
            .store
            .long_lived(name)
            .await?
            .note(notes)
            .unwrap_or_else(nothing_remembered);
        let found = remembered.keys.clone().map(|keys| FoundKeys {
            keys,
            origin: Origin::Keyring,
            place: "the keyring".to_owned(),
        });
        Ok((found, remembered))
    }

    /// Signs a call that everybody is allowed, at the partition's default region.
    pub(super) async fn check_keys(
        &self,
        keys: &Keys,
        place: Place<'_>,
    ) -> std::result::Result<crate::aws::Principal, Fault> {
        let region = place.region.partition().default_region();
        self.aws
            .caller_identity(Signer::LongLived(keys), in_default_region(place, &region))
            .await
    }

    /// Reads what was typed, and asks STS whose keys they are.
    pub(super) async fn accept_typed(
        &self,
        typed: &TypedKeys,
        place: Place<'_>,
        why: WhyKeys,
        check: Check,
    ) -> std::result::Result<LongLived, Rejected> {
        let mut long_lived = read_typed(typed)?;
        let Some(keys) = &long_lived.keys else {
            return Ok(long_lived);
        };
        match check {
            Check::Skip => return Ok(long_lived),
            Check::WithSts => {}
        }
        match self.check_keys(keys, place).await {
            Ok(caller) => {
                long_lived.account = caller.account;
                long_lived.principal = Some(caller.arn);
                Ok(long_lived)
            }
            Err(fault) if fault.kind == FaultKind::SecretMismatch => {
                Err(Rejected::SecretMismatch(fault.into_error(place.region)))
            }
            Err(fault) if fault.kind == FaultKind::UnknownKeys => {
                let message = match why {
                    WhyKeys::Revoked => "the new keys are invalid as well: AWS does not know them",
                    WhyKeys::Missing | WhyKeys::Asked | WhyKeys::SecretMismatch => {
                        "these keys are invalid: AWS does not know the access key id"
                    }
                };
                let error = Error::new(Code::AwsCredentialsInvalid, message).hint(
                    "nothing was stored; a key made a moment ago can take some seconds to work",
                );
                Err(Rejected::Final(match fault.code {
                    Some(code) => error.aws_code(code),
                    None => error,
                }))
            }
            Err(fault) => {
                Err(Rejected::Final(fault.into_error(place.region).hint(
                    "the keys could not be checked, so they were not stored",
                )))
            }
        }
    }

    /// Stores keys and forgets the sessions that were made with others.
    pub(super) async fn save_keys(
        &self,
        ticket: &Ticket,
        long_lived: &LongLived,
    ) -> Result<Vec<Note>> {
        let name = ticket.name();
        let before = self
            .store
            .long_lived(name)
            .await
            .ok()
            .and_then(|entry| entry.value?.keys);
        let mut notes = Vec::new();
        {
            let _not_signed_out = self.store.sign_outs.unless_signed_out(ticket).await?;
            let stored = self.store.put_long_lived(name, long_lived).await?;
            stored.note(&mut notes);
        }
        let replaced = before.is_none_or(|before| {
            long_lived
                .keys
                .as_ref()
                .is_none_or(|keys| keys.access_key_id != before.access_key_id)
        });
        if replaced {
            for identity in self.config.identities() {
                let built_on = self
                    .config
                    .chain(identity)
                    .is_ok_and(|chain| chain.source().name.eq_ignore_ascii_case(name));
                if built_on {
                    self.drop_session(identity.name.as_str()).await?;
                }
            }
        }
        notes.push(Note::Info(format!("Credentials saved to keyring: {name}")));
        Ok(notes)
    }

    /// AWS refused long-lived keys. Confirmed first, with the keys themselves, where every account
    /// can be reached: any other answer than "unknown" keeps them.
    pub(super) async fn keys_refused(
        &self,
        chain: &Chain,
        found: &FoundKeys,
        fault: Fault,
        notes: &mut Vec<Note>,
    ) -> Result<Refused> {
        let name = name_at(chain, 0);
        let place = place_at(chain, 0);
        match self.check_keys(&found.keys, place).await {
            Err(again) if again.kind == FaultKind::UnknownKeys => {}
            Err(other) => return Err(other.into_error(place.region)),
            Ok(_) => {
                let region_fault = Fault {
                    kind: FaultKind::RegionNotEnabled,
                    ..fault
                };
                return Err(region_fault
                    .into_error(place.region)
                    .hint("the keys themselves are good and were kept"));
            }
        }
        let message = "aws credentials are invalid or have been revoked";
        let error = Error::new(
            Code::AwsCredentialsInvalid,
            format!("{message} (identity {name}, keys from {})", found.place),
        )
        .hint("they were rotated or revoked at AWS")
        .aws_code(fault.code.unwrap_or_default());
        let key = &found.keys.access_key_id;
        let happened = |what: String, outcome| Happened {
            event: AuditEvent::Revocation,
            identity: name.to_owned(),
            what: format!("access key {key} of {}: {what}", found.place),
            outcome,
        };
        match found.origin {
            Origin::Keyring => {}
            Origin::Configuration
            | Origin::Environment
            | Origin::ContainerRole
            | Origin::InstanceRole
            | Origin::Process
            | Origin::Typed => {
                let error = error.hint(format!(
                    "replace them in {}; the keyring was not touched",
                    found.place
                ));
                return Ok(Refused::NotOurs(
                    error,
                    happened("left there".to_owned(), AuditOutcome::Ok),
                ));
            }
        }
        let error = error.hint(format!("fob user configure --identity {name}"));
        let cleared = self
            .store
            .clear_revoked_keys(name, &found.keys.access_key_id)
            .await
            .map(|cleared| cleared.note(notes));
        let outcome = AuditOutcome::from(&cleared);
        let error = match cleared {
            Ok(ClearedKeys::Changed) => return Ok(Refused::Replaced),
            Ok(ClearedKeys::Cleared | ClearedKeys::Absent) => {
                tracing::info!(identity = name, "revoked keys cleared");
                error.hint("stale credentials were cleared from the keyring")
            }
            Err(failure) => error.hint(format!(
                "stale credentials could not be cleared from the keyring: {failure}"
            )),
        };
        Ok(Refused::Revoked(
            error.for_want_of_a_person(),
            happened("cleared".to_owned(), outcome),
        ))
    }

    /// `fob user configure`: checked, then stored.
    pub async fn configure(
        &self,
        identity: &str,
        typed: &TypedKeys,
        check: Check,
        caller: &Caller,
    ) -> std::result::Result<(Configured, Vec<Note>), Rejected> {
        let chain = self.user_chain(identity)?;
        let ticket = self.store.sign_outs.ticket(name_at(&chain, 0))?;
        let long_lived = self
            .accept_typed(typed, place_at(&chain, 0), WhyKeys::Asked, check)
            .await?;
        let saved = self.save_keys(&ticket, &long_lived).await;
        let happened = keys_stored(name_at(&chain, 0), &long_lived, (&saved).into());
        let recorded = self.record(caller, &[happened]).await;
        let mut notes = saved?;
        notes.extend(recorded);
        if let Kind::User(User {
            keys: Some(written),
            ..
        }) = &chain.source().kind
        {
            let warning = format!(
                "{} also names keys for this identity, and those come first",
                written.place
            );
            notes.push(Note::Warning(warning));
        }
        let configured = Configured {
            identity: chain.identity.to_string(),
            access_key_id: long_lived
                .keys
                .as_ref()
                .map(|keys| keys.access_key_id.to_string())
                .unwrap_or_default(),
            account: long_lived.account.map(String::from),
            principal: long_lived.principal,
            checked: check == Check::WithSts,
        };
        Ok((configured, notes))
    }

    /// What the form of `fob user configure` starts with.
    pub async fn configure_form(
        &self,
        identity: &str,
        notes: &mut Vec<Note>,
    ) -> Result<super::PromptKind> {
        let chain = self.user_chain(identity)?;
        let remembered = self
            .store
            .long_lived(name_at(&chain, 0))
            .await?
            .note(notes)
            .unwrap_or_else(nothing_remembered);
        Ok(form(&chain, &remembered, WhyKeys::Asked))
    }

    fn user_chain(&self, identity: &str) -> Result<Chain> {
        let chain = self.chain(identity)?;
        match (&chain.source().kind, chain.links().len() == 1) {
            (Kind::User(_), true) => Ok(chain),
            (Kind::User(_), false) => Err(Error::new(
                Code::InvalidInput,
                format!(
                    "{} is a role: its keys are those of {}",
                    chain.identity,
                    chain.source().name
                ),
            )
            .hint(format!("fob user configure {}", chain.source().name))),
            (other, _) => Err(Error::new(
                Code::InvalidInput,
                format!(
                    "{} takes no access keys: it signs in through {}",
                    chain.identity,
                    other.as_str()
                ),
            )),
        }
    }
}

/// The prefilled form: what the configuration says, else what the keyring remembers.
pub(super) fn form(chain: &Chain, remembered: &LongLived, why: WhyKeys) -> super::PromptKind {
    let (mfa_arn, session_duration) = match &chain.source().kind {
        Kind::User(user) => (user.mfa_arn.clone(), user.session_duration),
        Kind::Ambient
        | Kind::Process(_)
        | Kind::IdentityCenter(_)
        | Kind::Saml(_)
        | Kind::GithubOidc(_)
        | Kind::WebIdentity(_)
        | Kind::PermissionSet(_)
        | Kind::AssumeRole(_)
        | Kind::AssumeRoot(_) => (None, None),
    };
    super::PromptKind::Keys {
        why,
        mfa_arn: mfa_arn.or_else(|| remembered.mfa_arn.clone()),
        session_duration: remembered.session_duration.or(session_duration),
    }
}

/// Keys that AWS did not take were never ours to write about.
pub(super) fn keys_stored(name: &str, long_lived: &LongLived, outcome: AuditOutcome) -> Happened {
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

fn nothing_remembered() -> LongLived {
    LongLived {
        keys: None,
        mfa_arn: None,
        session_duration: None,
        account: None,
        principal: None,
    }
}

fn read_typed(typed: &TypedKeys) -> Result<LongLived> {
    let access_key_id = AccessKeyId::parse(&typed.access_key_id)?;
    if access_key_id.is_of_a_session() {
        return Err(Error::new(
            Code::InvalidInput,
            format!("{access_key_id} belongs to a session, not to an IAM user"),
        )
        .hint("long-lived access key ids begin with AKIA"));
    }
    let filled = |text: &Option<String>| {
        text.as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    Ok(LongLived {
        keys: Some(Keys {
            access_key_id,
            secret_access_key: typed.secret_access_key.as_typed()?,
        }),
        mfa_arn: filled(&typed.mfa_arn)
            .map(|text| text.parse())
            .transpose()?,
        session_duration: filled(&typed.session_duration)
            .map(|text| text.parse())
            .transpose()?,
        account: None,
        principal: None,
    })
}
