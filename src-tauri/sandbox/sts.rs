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

/// A session of a role, as a call asks for it.
struct AskedFor<'a> {
    role: RoleArn<'a>,
    name: &'a str,
    requested: Duration,
    assumed: Assumed,
}

const ROOT_TASKS: [&str; 5] = [
    "IAMAuditRootUserCredentials",
    "IAMCreateRootUserPassword",
    "IAMDeleteRootUserCredentials",
    "S3UnlockBucketPolicy",
    "SQSUnlockQueuePolicy",
];

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
        StsAction::AssumeRoleWithSAML | StsAction::AssumeRoleWithWebIdentity => {
            call.assume_role_unsigned(aws, action)
        }
        StsAction::AssumeRoot => call.assume_root(aws),
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
        SandboxFault::IdpCommunicationError => Some(AwsRefusal::new(
            400,
            "IDPCommunicationError",
            "Couldn't retrieve verification key from your identity provider",
        )),
        SandboxFault::IdpRejectedClaim => Some(AwsRefusal::new(
            403,
            "IDPRejectedClaim",
            "The identity provider rejected the claim",
        )),
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
        | SandboxFault::SlowDown
        | SandboxFault::UserCredentialsChanged
        | SandboxFault::Html
        | SandboxFault::Outage => None,
    }
}

/// AWS's wording for a caller without a policy that allows this.
fn unauthorized(action: StsAction, call: &VerifiedCall<'_>) -> AwsRefusal {
    if matches!(call.caller.standing, Standing::Federated(_)) {
        return AwsRefusal::access_denied(format!(
            "Not authorized to perform sts:{}",
            action.name()
        ));
    }
    let target = call.incoming.parameter("TargetPrincipal");
    let target = target.map(|account| format!("arn:aws:iam::{account}:root"));
    let resource = target.as_deref().or(call.incoming.parameter("RoleArn"));
    AwsRefusal::access_denied(format!(
        "User: {} is not authorized to perform: sts:{} on resource: {}",
        call.caller.arn,
        action.name(),
        resource.unwrap_or(&call.caller.arn)
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
        let (role, name) = (self.role()?, self.incoming.session_name()?);
        let requested = self.duration(SessionKind::AssumedRole)?;
        let proof = match self.mfa(aws)? {
            MfaProof::Given => MfaProof::Given,
            MfaProof::None => self.caller.proof,
        };
        if proof == MfaProof::None && aws.mfa_of(self.caller).0 == MfaDevice::RequiredForRoles {
            return Err(unauthorized(StsAction::AssumeRole, self));
        }
        let assumed = match self.caller.standing {
            Standing::LongLived => Assumed::WithKeys,
            Standing::UserSession | Standing::RoleSession { .. } | Standing::Federated(_) => {
                Assumed::WithSession
            }
        };
        let session = AskedFor {
            role,
            name,
            requested,
            assumed,
        };
        self.assume(aws, StsAction::AssumeRole, &session)
    }

    /// By a caller that a provider vouches for.
    fn assume_role_unsigned(
        &self,
        aws: &mut SimulatedAws,
        action: StsAction,
    ) -> Result<String, AwsRefusal> {
        let Standing::Federated(by) = &self.caller.standing else {
            return Err(unauthorized(action, self));
        };
        let left = by
            .ends_at
            .map(|end| end.duration_since(self.now).unwrap_or_default());
        let requested = self.duration(SessionKind::AssumedRole)?;
        let session = AskedFor {
            role: self.role()?,
            name: &by.session_name,
            requested: left.map_or(requested, |left| left.min(requested)),
            assumed: Assumed::BySignIn,
        };
        Ok(self.assume(aws, action, &session)? + &by.says)
    }

    fn assume(
        &self,
        aws: &mut SimulatedAws,
        action: StsAction,
        session: &AskedFor<'_>,
    ) -> Result<String, AwsRefusal> {
        let AskedFor {
            role: parts,
            name,
            requested,
            assumed,
        } = session;
        let (arn, external_id) = (
            self.incoming.required("RoleArn")?,
            self.incoming.parameter("ExternalId"),
        );
        let Some((role, id)) = aws.role_for(self.caller, arn, external_id) else {
            return Err(unauthorized(action, self));
        };
        self.check_length(*requested, role)?;
        let caller = VerifiedCaller {
            arn: format!(
                "arn:{}:sts::{}:assumed-role/{}/{name}",
                parts.partition, parts.account, parts.name
            ),
            id: format!("{id}:{name}"),
            account: parts.account.to_owned(),
            standing: Standing::RoleSession {
                role: arn.to_owned(),
                assumed: *assumed,
            },
            // A role session never counts as signed in with MFA.
            proof: MfaProof::None,
        };
        let session = aws.issue(caller, *requested, self.now);
        Ok(format!(
            "<AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser>{}",
            escape(&session.caller.id),
            escape(&session.caller.arn),
            credentials(session)
        ))
    }

    /// From the management account, which is the sandbox's own, and not by its root.
    fn assume_root(&self, aws: &mut SimulatedAws) -> Result<String, AwsRefusal> {
        let target = self.incoming.required("TargetPrincipal")?;
        let task = self.incoming.required("TaskPolicyArn.arn")?;
        let requested = self.duration(SessionKind::AssumeRoot)?;
        let task = task.strip_prefix("arn:aws:iam::aws:policy/root-task/");
        if !task.is_some_and(|task| ROOT_TASKS.contains(&task)) {
            return Err(AwsRefusal::validation("The task policy is not supported"));
        }
        let is_member = aws
            .settings()
            .accounts
            .iter()
            .any(|member| member.id == target);
        let is_root = self.caller.arn.ends_with(":root");
        if !is_member || is_root || self.caller.account != aws.account() {
            return Err(unauthorized(StsAction::AssumeRoot, self));
        }
        let caller = VerifiedCaller {
            arn: format!("arn:aws:sts::{target}:assumed-root"),
            id: target.to_owned(),
            account: target.to_owned(),
            standing: Standing::UserSession,
            proof: MfaProof::None,
        };
        Ok(credentials(aws.issue(caller, requested, self.now)))
    }

    fn role(&self) -> Result<RoleArn<'_>, AwsRefusal> {
        let arn = self.incoming.required("RoleArn")?;
        RoleArn::parse(arn).ok_or_else(|| AwsRefusal::validation(format!("{arn} is invalid")))
    }

    fn check_length(&self, requested: Duration, role: &SandboxRole) -> Result<(), AwsRefusal> {
        let seconds = requested.as_secs();
        let is_chained = match self.caller.standing {
            Standing::LongLived | Standing::Federated(_) => false,
            Standing::UserSession | Standing::RoleSession { .. } => true,
        };
        if is_chained && seconds > SessionKind::ChainedRole.limits().longest.into() {
            return Err(AwsRefusal::validation(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed \
                 by role chaining",
            ));
        }
        if seconds > role.max_session_seconds.into() {
            return Err(AwsRefusal::validation(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            ));
        }
        Ok(())
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
                    "MultiFactorAuthentication failed, must provide both MFA serial number and one \
                     time pass code.",
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
                "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify \
                 your MFA serial number \
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
