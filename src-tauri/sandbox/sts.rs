//! AWS's Security Token Service: what each action demands of its caller and what it gives, in AWS's
//! own words. Who called was proven before; sessions are issued by the world.

use super::faults::{Fault, Struck};
use super::refusal::{Refusal, escape};
use super::request::Incoming;
use super::world::{
    Assumed, ExpiredCode, Mfa, MfaProof, Requester, RoleArn, Session, Standing, World, timestamp,
};
use crate::duration::SessionKind;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

pub(super) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
pub(super) const VERSION: &str = "2011-06-15";
pub(super) const SERVICE: &str = "sts";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    GetCallerIdentity,
    GetSessionToken,
    AssumeRole,
}

impl Action {
    pub const ALL: [Action; 3] = [
        Action::GetCallerIdentity,
        Action::GetSessionToken,
        Action::AssumeRole,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Action::GetCallerIdentity => "GetCallerIdentity",
            Action::GetSessionToken => "GetSessionToken",
            Action::AssumeRole => "AssumeRole",
        }
    }
}

/// A call whose signer is known.
pub(super) struct Proven<'a> {
    pub incoming: &'a Incoming,
    pub caller: &'a Requester,
    pub struck: &'a Struck,
    pub now: SystemTime,
}

/// The content of the action's `…Result` element.
pub(super) fn perform(
    world: &mut World,
    action: Action,
    call: &Proven<'_>,
) -> Result<String, Refusal> {
    match action {
        Action::GetCallerIdentity => Ok(call.caller_identity()),
        Action::GetSessionToken => call.session_token(world),
        Action::AssumeRole => call.assume_role(world),
    }
}

/// What a fault makes of a call whose signer is known.
pub(super) fn refused_by(fault: &Fault, action: Action, call: &Proven<'_>) -> Option<Refusal> {
    match fault {
        Fault::AccessDenied => Some(unauthorized(action, call)),
        Fault::ExpiredToken => Some(Refusal::expired(ExpiredCode::ExpiredToken)),
        Fault::ExpiredTokenException => Some(Refusal::expired(ExpiredCode::ExpiredTokenException)),
        // Met at the door, in the check of the code, or on the way.
        Fault::Throttling
        | Fault::InternalFailure
        | Fault::ServiceUnavailable
        | Fault::RegionNotEnabled { .. }
        | Fault::WrongMfaCode
        | Fault::Delay { .. }
        | Fault::ClockOffset { .. }
        | Fault::Outage => None,
    }
}

/// AWS's wording for a caller that no policy lets do this.
fn unauthorized(action: Action, call: &Proven<'_>) -> Refusal {
    let resource = call
        .incoming
        .parameter("RoleArn")
        .unwrap_or(&call.caller.arn);
    Refusal::access_denied(format!(
        "User: {} is not authorized to perform: sts:{} on resource: {resource}",
        call.caller.arn,
        action.name()
    ))
}

/// A whole answer of the query protocol.
pub(super) fn to_xml(action: Action, result: &str, request_id: &str) -> String {
    let name = action.name();
    format!(
        "<{name}Response xmlns=\"{NAMESPACE}\">\n  <{name}Result>{result}</{name}Result>\n  <ResponseMetadata>\n    \
         <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</{name}Response>\n"
    )
}

impl Proven<'_> {
    fn caller_identity(&self) -> String {
        let Requester {
            arn, id, account, ..
        } = self.caller;
        format!(
            "<Arn>{}</Arn><UserId>{}</UserId><Account>{account}</Account>",
            escape(arn),
            escape(id)
        )
    }

    fn session_token(&self, world: &mut World) -> Result<String, Refusal> {
        let asked = self.duration(SessionKind::IamUser)?;
        if self.caller.standing != Standing::LongLived {
            return Err(Refusal::access_denied(
                "Cannot call GetSessionToken with session credentials",
            ));
        }
        let proof = self.mfa(world)?;
        let caller = Requester {
            standing: Standing::UserSession,
            proof,
            ..self.caller.clone()
        };
        Ok(credentials(world.issue(caller, asked, self.now)))
    }

    fn assume_role(&self, world: &mut World) -> Result<String, Refusal> {
        let (arn, name) = (self.required("RoleArn")?, self.session_name()?);
        let asked = self.duration(SessionKind::AssumedRole)?;
        let parts =
            RoleArn::parse(arn).ok_or_else(|| Refusal::validation(format!("{arn} is invalid")))?;
        let proof = match self.mfa(world)? {
            MfaProof::Given => MfaProof::Given,
            MfaProof::None => self.caller.proof,
        };
        let external_id = self.incoming.parameter("ExternalId");
        let locked_out =
            proof == MfaProof::None && world.mfa_of(self.caller).0 == Mfa::RequiredForRoles;
        let Some((role, id)) = world
            .role_for(self.caller, arn, external_id)
            .filter(|_| !locked_out)
        else {
            return Err(unauthorized(Action::AssumeRole, self));
        };
        let is_chained = matches!(self.caller.standing, Standing::RoleSession { .. });
        let bound = |kind: SessionKind| Duration::from_secs(kind.limits().longest.into());
        if is_chained && asked > bound(SessionKind::ChainedRole) {
            return Err(Refusal::validation(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
            ));
        }
        if asked > Duration::from_secs(role.max_session_seconds.into()) {
            return Err(Refusal::validation(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            ));
        }
        let assumed = match self.caller.standing {
            Standing::LongLived => Assumed::WithKeys,
            Standing::UserSession | Standing::RoleSession { .. } => Assumed::WithSession,
        };
        let caller = Requester {
            arn: format!(
                "arn:{}:sts::{}:assumed-role/{}/{name}",
                parts.partition, parts.account, parts.name
            ),
            id: format!("{id}:{name}"),
            account: parts.account.to_owned(),
            standing: Standing::RoleSession {
                role: arn.to_owned(),
                assumed,
            },
            // A role session never counts as signed in with MFA.
            proof: MfaProof::None,
        };
        let session = world.issue(caller, asked, self.now);
        let Requester { arn, id, .. } = &session.caller;
        Ok(format!(
            "<AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser>{}",
            escape(id),
            escape(arn),
            credentials(session)
        ))
    }

    fn required(&self, name: &str) -> Result<&str, Refusal> {
        let missing = || Refusal::constraint(&lower_first(name), None, "not be null");
        self.incoming.parameter(name).ok_or_else(missing)
    }

    fn session_name(&self) -> Result<&str, Refusal> {
        let name = self.required("RoleSessionName")?;
        let refuse = |rule| Err(Refusal::constraint("roleSessionName", Some(name), rule));
        if !name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
        {
            return refuse("satisfy regular expression pattern: [\\w+=,.@-]*");
        }
        match name.len() {
            0..2 => refuse("have length greater than or equal to 2"),
            2..=64 => Ok(name),
            65.. => refuse("have length less than or equal to 64"),
        }
    }

    fn duration(&self, kind: SessionKind) -> Result<Duration, Refusal> {
        let limits = kind.limits();
        let Some(text) = self.incoming.parameter("DurationSeconds") else {
            return Ok(Duration::from_secs(limits.default.into()));
        };
        let refuse = |rule: &str| Err(Refusal::constraint("durationSeconds", Some(text), rule));
        match text.parse::<i64>() {
            Err(_) => refuse("be an integer"),
            Ok(seconds) if seconds < limits.shortest.into() => refuse(&format!(
                "have value greater than or equal to {}",
                limits.shortest
            )),
            Ok(seconds) if seconds > limits.longest.into() => refuse(&format!(
                "have value less than or equal to {}",
                limits.longest
            )),
            Ok(seconds) => Ok(Duration::from_secs(seconds.unsigned_abs())),
        }
    }

    /// Checks the MFA code, if the call carries one.
    fn mfa(&self, world: &World) -> Result<MfaProof, Refusal> {
        let parameter = |name| self.incoming.parameter(name);
        let (serial, code) = match (parameter("SerialNumber"), parameter("TokenCode")) {
            (None, None) => return Ok(MfaProof::None),
            (Some(serial), Some(code)) => (serial, code),
            (Some(_), None) | (None, Some(_)) => {
                return Err(Refusal::access_denied(
                    "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
                ));
            }
        };
        if code.len() != 6 || !code.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Refusal::constraint(
                "tokenCode",
                Some(code),
                "satisfy regular expression pattern: [\\d]{6}",
            ));
        }
        let (mfa, own_serial) = world.mfa_of(self.caller);
        if mfa == Mfa::Absent || serial != own_serial {
            return Err(Refusal::access_denied(
                "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number \
                 is valid and associated with this user.",
            ));
        }
        if self.struck.by(&Fault::WrongMfaCode) || code != world.settings().mfa_code {
            return Err(Refusal::wrong_mfa_code());
        }
        Ok(MfaProof::Given)
    }
}

fn credentials(session: &Session) -> String {
    format!(
        "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken>\
         <Expiration>{}</Expiration></Credentials>",
        session.keys.access_key_id.as_str(),
        session.keys.secret_access_key.expose(),
        session.token.expose(),
        timestamp(session.expires_at)
    )
}

fn lower_first(name: &str) -> String {
    name[..1].to_ascii_lowercase() + &name[1..]
}
