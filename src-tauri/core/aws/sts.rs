//! The Security Token Service: who signs, sessions for IAM users, roles.

use super::callee::AwsService;
use super::client::{Aws, Place, Signer};
use super::fault::{Fault, FaultKind};
use super::printed::{LOOK_AGAIN_AFTER, refuse_expired};
use crate::config::{AssumeRole, SessionTag};
use crate::duration::SessionDuration;
use crate::error::Error;
use crate::foreign::Foreign;
use crate::ids::{AccessKeyId, AccountId, MfaArn, MfaCode};
use crate::secret::{Keys, Origin, SecretAccessKey, Session, SessionToken};
use aws_sdk_sts::types::Tag;
use jiff::Timestamp;
use std::time::SystemTime;

/// The principal that STS sees behind a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub arn: Foreign,
    pub account: Option<AccountId>,
}

/// A device and the digits it shows.
#[derive(Clone, Copy, Debug)]
pub struct Mfa<'a> {
    pub device: &'a MfaArn,
    pub code: &'a MfaCode,
}

/// What `AssumeRole` is called with, by either signer.
#[derive(Clone, Copy, Debug)]
pub struct RoleRequest<'a> {
    pub role: &'a AssumeRole,
    pub duration: SessionDuration,
    /// Only long-lived keys prove a device in the call itself.
    pub mfa: Option<Mfa<'a>>,
}

impl Aws {
    /// Allowed to everybody, whatever the policies say; so its refusal speaks of the credentials
    /// alone.
    pub async fn caller_identity(
        &self,
        signer: Signer<'_>,
        place: Place<'_>,
    ) -> Result<Principal, Fault> {
        let client = self.sts(signer, place).map_err(misused)?;
        let answer = client
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| self.fault(&error, AwsService::Sts, place))?;
        let arn = answer.arn().unwrap_or_default().into();
        let account = answer.account().and_then(|id| id.parse().ok());
        Ok(Principal { arn, account })
    }

    /// `GetSessionToken`: a session with the user's own permissions.
    pub async fn session_token(
        &self,
        keys: &Keys,
        place: Place<'_>,
        duration: SessionDuration,
        mfa: Option<Mfa<'_>>,
    ) -> Result<Granted, Fault> {
        let client = self.sts(Signer::LongLived(keys), place).map_err(misused)?;
        let issued_at = self.clock.now();
        let answer = client
            .get_session_token()
            .duration_seconds(seconds(duration))
            .set_serial_number(mfa.map(|mfa| mfa.device.as_str().to_owned()))
            .set_token_code(mfa.map(|mfa| mfa.code.as_str().to_owned()))
            .send()
            .await
            .map_err(|error| self.fault(&error, AwsService::Sts, place))?;
        Granted::read(answer.credentials(), None, issued_at)
    }

    /// `AssumeRole`, signed by the step before: its session or, for a role, its long-lived keys.
    pub async fn assume_role(
        &self,
        signer: Signer<'_>,
        place: Place<'_>,
        request: RoleRequest<'_>,
    ) -> Result<Granted, Fault> {
        let RoleRequest {
            role,
            duration,
            mfa,
        } = request;
        let client = self.sts(signer, place).map_err(misused)?;
        let issued_at = self.clock.now();
        let list = |keys: &[String]| (!keys.is_empty()).then(|| keys.to_vec());
        let answer = client
            .assume_role()
            .set_tags(tags(role))
            .set_transitive_tag_keys(list(&role.transitive_tag_keys))
            .set_source_identity(role.source_identity.clone())
            .role_arn(&role.role_arn)
            .role_session_name(&role.session_name)
            .set_external_id(role.external_id.clone())
            .duration_seconds(seconds(duration))
            .set_serial_number(mfa.map(|mfa| mfa.device.as_str().to_owned()))
            .set_token_code(mfa.map(|mfa| mfa.code.as_str().to_owned()))
            .send()
            .await
            .map_err(|error| self.fault(&error, AwsService::Sts, place))?;
        Granted::read(
            answer.credentials(),
            answer.assumed_role_user().map(|user| user.arn().into()),
            issued_at,
        )
    }
}

/// What STS handed out; where the chain began is for the caller to add.
#[derive(Clone, Debug)]
pub struct Granted {
    keys: Keys,
    /// `None`: the keys are long-lived.
    token: Option<SessionToken>,
    issued_at: SystemTime,
    expires_at: SystemTime,
    principal: Option<Foreign>,
}

impl Granted {
    /// Nothing: long-lived keys as they are, once STS has said whose.
    pub fn nothing_but(keys: &Keys, owner: Principal, issued_at: SystemTime) -> Granted {
        Granted {
            keys: keys.clone(),
            token: None,
            issued_at,
            expires_at: issued_at + LOOK_AGAIN_AFTER,
            principal: Some(owner.arn),
        }
    }

    pub(super) fn read(
        credentials: Option<&aws_sdk_sts::types::Credentials>,
        principal: Option<Foreign>,
        issued_at: SystemTime,
    ) -> Result<Granted, Fault> {
        let credentials = credentials.ok_or_else(|| odd("holds no credentials"))?;
        let parts = [
            credentials.access_key_id(),
            credentials.secret_access_key(),
            credentials.session_token(),
        ];
        let expires_at = SystemTime::try_from(*credentials.expiration());
        let granted = Granted::of(parts, expires_at.ok(), issued_at)?;
        Ok(Granted {
            principal,
            ..granted
        })
    }

    /// `parts`: key id, secret and session token, of any service's answer.
    pub(super) fn of(
        parts: [&str; 3],
        expires_at: Option<SystemTime>,
        issued_at: SystemTime,
    ) -> Result<Granted, Fault> {
        let [id, secret, token] = parts;
        // What lies beyond the calendar can be neither kept nor shown.
        let expires_at = expires_at.filter(|end| Timestamp::try_from(*end).is_ok());
        let expires_at = expires_at.ok_or_else(|| odd("holds no usable expiry"))?;
        refuse_expired(expires_at, issued_at).map_err(|error| Fault {
            kind: FaultKind::AnswerExpired,
            code: None,
            message: error.message.into(),
        })?;
        let token = SessionToken::parse(token);
        Ok(Granted {
            keys: Keys {
                access_key_id: AccessKeyId::parse(id).map_err(|_| odd("holds no usable key id"))?,
                secret_access_key: SecretAccessKey::parse(secret)
                    .map_err(|_| odd("holds no usable secret"))?,
            },
            token: Some(token.map_err(|_| odd("holds no usable session token"))?),
            issued_at,
            expires_at,
            principal: None,
        })
    }

    /// The whole session. `owner` is who the session belongs to where the call itself did not say.
    pub fn into_session(self, origin: Origin, owner: Principal) -> Session {
        let account = self
            .principal
            .as_ref()
            .and_then(|arn| AccountId::of_arn(arn.as_str()))
            .or(owner.account);
        let principal = self
            .principal
            .or_else(|| (owner.arn != Foreign::default()).then_some(owner.arn));
        Session {
            keys: self.keys,
            token: self.token,
            issued_at: self.issued_at,
            expires_at: self.expires_at,
            principal,
            account,
            origin,
        }
    }
}

fn tags(role: &AssumeRole) -> Option<Vec<Tag>> {
    let tag = |tag: &SessionTag| Tag::builder().key(&tag.key).value(&tag.value).build().ok();
    (!role.tags.is_empty()).then(|| role.tags.iter().filter_map(tag).collect())
}

pub(super) fn seconds(duration: SessionDuration) -> i32 {
    i32::try_from(duration.seconds()).unwrap_or(i32::MAX)
}

pub(super) fn odd(what: &str) -> Fault {
    Fault {
        kind: FaultKind::Other,
        code: None,
        message: format!("AWS's answer {what}").into(),
    }
}

/// A variable of the environment that cannot be used: AWS was not called.
pub(super) fn misused(error: Error) -> Fault {
    Fault {
        kind: FaultKind::Misused,
        code: None,
        message: error.message.into(),
    }
}
