//! AWS's Security Token Service: the conditions of each action and its result, in AWS's own words.
//! Takes verified calls; the simulated AWS issues the sessions.

use super::faults::{FaultsMet, SandboxFault};
use super::protocol::{StsAction, escape, timestamp};
use super::refusal::AwsRefusal;
use super::request::Incoming;
use super::settings::ExpiredCode;
use super::simulated_aws::{
    Assumed, IssuedSession, MfaDevice, MfaProof, RoleArn, SandboxRole, SimulatedAws, Standing,
    VerifiedCaller,
};
use crate::duration::SessionKind;
use std::time::{Duration, SystemTime};

/// A call with a known signer.
pub(super) struct VerifiedCall<'a> {
    pub incoming: &'a Incoming,
    pub caller: &'a VerifiedCaller,
    pub faults: &'a FaultsMet,
    pub now: SystemTime,
}

/// The content of the action's `…Result` element.
pub(super) fn perform(
    aws: &mut SimulatedAws,
    action: StsAction,
    call: &VerifiedCall<'_>,
) -> Result<String, AwsRefusal> {
    match action {
        StsAction::GetCallerIdentity => Ok(call.caller_identity()),
        StsAction::GetSessionToken => call.session_token(aws),
        StsAction::AssumeRole => call.assume_role(aws),
    }
}

/// The refusal that a fault causes once the signer is known.
pub(super) fn refused_by(
    fault: &SandboxFault,
    action: StsAction,
    call: &VerifiedCall<'_>,
) -> Option<AwsRefusal> {
    match fault {
        SandboxFault::AccessDenied => Some(unauthorized(action, call)),
        SandboxFault::ExpiredToken => Some(AwsRefusal::expired(ExpiredCode::ExpiredToken)),
        SandboxFault::ExpiredTokenException => {
            Some(AwsRefusal::expired(ExpiredCode::ExpiredTokenException))
        }
        // Refused earlier, in the check of the code, or on the way.
        SandboxFault::Throttling
        | SandboxFault::InternalFailure
        | SandboxFault::ServiceUnavailable
        | SandboxFault::RegionNotEnabled { .. }
        | SandboxFault::WrongMfaCode
        | SandboxFault::Delay { .. }
        | SandboxFault::ClockOffset { .. }
        | SandboxFault::InvalidClient
        | SandboxFault::InvalidGrant
        | SandboxFault::UserCredentialsChanged
        | SandboxFault::Html
        | SandboxFault::Outage => None,
    }
}

/// AWS's wording for a caller without a policy that allows this.
fn unauthorized(action: StsAction, call: &VerifiedCall<'_>) -> AwsRefusal {
    let resource = call
        .incoming
        .parameter("RoleArn")
        .unwrap_or(&call.caller.arn);
    AwsRefusal::access_denied(format!(
        "User: {} is not authorized to perform: sts:{} on resource: {resource}",
        call.caller.arn,
        action.name()
    ))
}

impl VerifiedCall<'_> {
    fn caller_identity(&self) -> String {
        let VerifiedCaller {
            arn, id, account, ..
        } = self.caller;
        format!(
            "<Arn>{}</Arn><UserId>{}</UserId><Account>{account}</Account>",
            escape(arn),
            escape(id)
        )
    }

    fn session_token(&self, aws: &mut SimulatedAws) -> Result<String, AwsRefusal> {
        let requested = self.duration(SessionKind::IamUser)?;
        if self.caller.standing != Standing::LongLived {
            return Err(AwsRefusal::access_denied(
                "Cannot call GetSessionToken with session credentials",
            ));
        }
        let proof = self.mfa(aws)?;
        let caller = VerifiedCaller {
            standing: Standing::UserSession,
            proof,
            ..self.caller.clone()
        };
        Ok(credentials(aws.issue(caller, requested, self.now)))
    }

    fn assume_role(&self, aws: &mut SimulatedAws) -> Result<String, AwsRefusal> {
        let (arn, name) = (self.required("RoleArn")?, self.session_name()?);
        let requested = self.duration(SessionKind::AssumedRole)?;
        let parts = RoleArn::parse(arn)
            .ok_or_else(|| AwsRefusal::validation(format!("{arn} is invalid")))?;
        let proof = match self.mfa(aws)? {
            MfaProof::Given => MfaProof::Given,
            MfaProof::None => self.caller.proof,
        };
        let needs_mfa =
            proof == MfaProof::None && aws.mfa_of(self.caller).0 == MfaDevice::RequiredForRoles;
        let external_id = self.incoming.parameter("ExternalId");
        let Some((role, id)) = aws
            .role_for(self.caller, arn, external_id)
            .filter(|_| !needs_mfa)
        else {
            return Err(unauthorized(StsAction::AssumeRole, self));
        };
        self.check_length(requested, role)?;
        let assumed = match self.caller.standing {
            Standing::LongLived => Assumed::WithKeys,
            Standing::UserSession | Standing::RoleSession { .. } => Assumed::WithSession,
        };
        let caller = VerifiedCaller {
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
        let session = aws.issue(caller, requested, self.now);
        Ok(format!(
            "<AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser>{}",
            escape(&session.caller.id),
            escape(&session.caller.arn),
            credentials(session)
        ))
    }

    fn check_length(&self, requested: Duration, role: &SandboxRole) -> Result<(), AwsRefusal> {
        let seconds = requested.as_secs();
        let is_chained = match self.caller.standing {
            Standing::LongLived => false,
            Standing::UserSession | Standing::RoleSession { .. } => true,
        };
        if is_chained && seconds > SessionKind::ChainedRole.limits().longest.into() {
            return Err(AwsRefusal::validation(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
            ));
        }
        if seconds > role.max_session_seconds.into() {
            return Err(AwsRefusal::validation(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            ));
        }
        Ok(())
    }

    fn required(&self, name: &str) -> Result<&str, AwsRefusal> {
        let missing = || AwsRefusal::constraint(&lower_first(name), None, "not be null");
        self.incoming.parameter(name).ok_or_else(missing)
    }

    fn session_name(&self) -> Result<&str, AwsRefusal> {
        let name = self.required("RoleSessionName")?;
        let refuse = |rule| Err(AwsRefusal::constraint("roleSessionName", Some(name), rule));
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

    fn duration(&self, kind: SessionKind) -> Result<Duration, AwsRefusal> {
        let limits = kind.limits();
        let Some(text) = self.incoming.parameter("DurationSeconds") else {
            return Ok(Duration::from_secs(limits.default.into()));
        };
        let refuse = |rule: &str| Err(AwsRefusal::constraint("durationSeconds", Some(text), rule));
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

    /// Checks the MFA code, if there is one.
    fn mfa(&self, aws: &SimulatedAws) -> Result<MfaProof, AwsRefusal> {
        let parameter = |name| self.incoming.parameter(name);
        let (serial, code) = match (parameter("SerialNumber"), parameter("TokenCode")) {
            (None, None) => return Ok(MfaProof::None),
            (Some(serial), Some(code)) => (serial, code),
            (Some(_), None) | (None, Some(_)) => {
                return Err(AwsRefusal::access_denied(
                    "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
                ));
            }
        };
        if code.len() != 6 || !code.bytes().all(|b| b.is_ascii_digit()) {
            return Err(AwsRefusal::constraint(
                "tokenCode",
                Some(code),
                "satisfy regular expression pattern: [\\d]{6}",
            ));
        }
        let (mfa, own_serial) = aws.mfa_of(self.caller);
        if mfa == MfaDevice::Absent || serial != own_serial {
            return Err(AwsRefusal::access_denied(
                "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number \
                 is valid and associated with this user.",
            ));
        }
        if self.faults.has(&SandboxFault::WrongMfaCode) || code != aws.settings().mfa_code {
            return Err(AwsRefusal::wrong_mfa_code());
        }
        Ok(MfaProof::Given)
    }
}

fn credentials(session: &IssuedSession) -> String {
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
