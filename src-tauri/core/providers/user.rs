//! `aws/user`: `GetSessionToken` with an IAM user's long-lived keys, an MFA code where a device is
//! known, and new keys where AWS no longer knows the stored ones.

use super::keys::{self, FoundKeys, Refused};
use super::obtain::{Obtain, denied_hints};
use crate::ask::{Note, Prompt, PromptKind, WhyKeys};
use crate::aws::{Fault, FaultKind, Mfa, Principal};
use crate::config::User;
use crate::duration::SessionKind;
use crate::error::{Code, Error, Result};
use crate::ids::{MfaArn, MfaCode};
use crate::secret::{LongLived, Session};
use crate::world::World;

/// How often a person may get an MFA code wrong before the sign-in fails.
const MFA_ATTEMPTS: u32 = 3;

pub(super) async fn obtain(mut it: Obtain<'_>, user: &User) -> Result<Session> {
    let (mut replaced_meanwhile, mut codes) = (false, Codes::default());
    loop {
        let (found, remembered) =
            keys::find(it.world, it.name(), user, &mut it.trail.notes).await?;
        let Some(found) = found else {
            let unanswered = missing_keys(it.name());
            keys::ask_for_new(&mut it, WhyKeys::Missing, unanswered, &remembered).await?;
            continue;
        };
        let written = user.session_duration.or(remembered.session_duration);
        let duration = it.bounded(written, SessionKind::IamUser);
        let device = user.mfa_arn.clone().or_else(|| remembered.mfa_arn.clone());
        let code = match &device {
            Some(device) => Some(codes.next(&mut it, user, device).await?),
            None => None,
        };
        let mfa = device
            .as_ref()
            .zip(code.as_ref())
            .map(|(device, code)| Mfa { device, code });
        let aws = &it.world.aws;
        let fault = match aws
            .session_token(&found.keys, it.place(), duration, mfa)
            .await
        {
            Ok(granted) => return Ok(granted.into_session(found.origin, owner(remembered))),
            Err(fault) => fault,
        };
        match (&fault.kind, device) {
            (FaultKind::UnknownKeys, _) => {
                match keys::refused(it.world, it.chain, &found, fault, &mut it.trail.notes).await? {
                    Refused::Replaced if !replaced_meanwhile => replaced_meanwhile = true,
                    Refused::Replaced => return Err(stale(&found)),
                    Refused::NotOurs(error, happened) => {
                        it.trail.happened.push(happened);
                        return Err(error);
                    }
                    Refused::Revoked(unanswered, happened) => {
                        it.trail.happened.push(happened);
                        let why = WhyKeys::Revoked;
                        keys::ask_for_new(&mut it, why, unanswered, &remembered).await?;
                    }
                }
            }
            (FaultKind::MfaRefused, Some(_)) => codes.refused(&it, user, fault)?,
            (_, _) => return Err(final_error(&it, &found, fault)),
        }
    }
}

/// With stored keys, unless a person has to read a code off a device.
pub(super) async fn renews_alone(
    world: &World,
    name: &str,
    user: &User,
    notes: &mut Vec<Note>,
) -> Result<bool> {
    let (found, remembered) = keys::find(world, name, user, notes).await?;
    let device = user.mfa_arn.is_some() || remembered.mfa_arn.is_some();
    Ok(found.is_some() && (!device || user.mfa_process.is_some()))
}

/// The MFA codes of one sign-in.
#[derive(Default)]
struct Codes {
    refusals: u32,
    last_refusal: Option<(String, Error)>,
}

impl Codes {
    async fn next(&mut self, it: &mut Obtain<'_>, user: &User, device: &MfaArn) -> Result<MfaCode> {
        if let Some(code) = it.mfa_code.take() {
            return code.parse();
        }
        if let Some(command) = &user.mfa_process {
            return it.world.aws.mfa_code(command).await;
        }
        loop {
            let (refused, unanswered) = match &self.last_refusal {
                Some((refused, error)) => (Some(refused.clone()), error.clone()),
                None => (None, no_code(it.name())),
            };
            let prompt = Prompt {
                kind: PromptKind::Mfa {
                    device: device.clone(),
                    refused,
                },
                attempt: self.refusals + 1,
                unanswered: unanswered.step(it.step),
            };
            it.trail.record(it.world).await;
            match it.ask.mfa_code(prompt).await?.parse::<MfaCode>() {
                Ok(code) => return Ok(code),
                Err(error) => self.refuse(error.message.clone(), error)?,
            }
        }
    }

    /// Only the code is requested again.
    fn refused(&mut self, it: &Obtain<'_>, user: &User, fault: Fault) -> Result<()> {
        let said = fault.message.clone();
        let error = fault.into_error(&it.link().region);
        if user.mfa_process.is_some() {
            return Err(error);
        }
        self.refuse(said, error)
    }

    fn refuse(&mut self, said: String, error: Error) -> Result<()> {
        self.refusals += 1;
        if self.refusals >= MFA_ATTEMPTS {
            return Err(error);
        }
        self.last_refusal = Some((said, error));
        Ok(())
    }
}

fn no_code(name: &str) -> Error {
    Error::new(
        Code::PersonNeeded,
        format!("an MFA code is needed for identity: {name}"),
    )
    .hint(format!("fob login {name}"))
    .hint("where nobody can be asked: --mfa-code, or credentials.mfa_process in the configuration")
}

fn missing_keys(name: &str) -> Error {
    Error::new(
        Code::PersonNeeded,
        format!("AWS credentials are required for identity: {name}"),
    )
    .hint(format!("fob user configure {name}"))
}

/// What neither a new code nor new keys would mend.
fn final_error(it: &Obtain<'_>, found: &FoundKeys, fault: Fault) -> Error {
    let kind = fault.kind.clone();
    let error = fault.into_error(&it.link().region);
    match kind {
        FaultKind::MfaRefused => error.hint(
            "AWS wants an MFA code: set credentials.mfa_arn in the configuration, or store it with `fob user configure`",
        ),
        FaultKind::SecretMismatch => error
            .hint(format!("the keys came from {}", found.place))
            .hint(format!("fob user configure {}", it.name())),
        _ => denied_hints(error, "identity policy and SCP"),
    }
}

fn owner(remembered: LongLived) -> Principal {
    Principal {
        arn: remembered.principal.unwrap_or_default(),
        account: remembered.account,
    }
}

fn stale(found: &FoundKeys) -> Error {
    let message = format!("the keys in {} changed twice while signing in", found.place);
    Error::new(Code::AwsCredentialsInvalid, message).hint("try again")
}
