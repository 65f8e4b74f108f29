//! `aws/user`: what an IAM user's long-lived keys sign, `GetSessionToken` or a role's
//! `AssumeRole`, with an MFA code where a device is known, and new keys where AWS no longer knows
//! the stored ones.

use super::keys::{self, FoundKeys};
use super::new_keys::{ask_for_new, why_none};
use super::obtain::{Obtain, denied_hints};
use super::revoked::{self, Refused};
use super::role_call::RoleCall;
use crate::ask::{Note, Person, Prompt, PromptKind, WhyKeys};
use crate::aws::{Fault, FaultKind, Granted, Mfa, Principal, Signer};
use crate::config::{HandedOut, Kind, Link, User};
use crate::duration::{SessionDuration, SessionKind};
use crate::error::{Code, Error, Result};
use crate::ids::{MfaArn, MfaCode};
use crate::secret::{Keys, LongLived, Session};
use crate::world::World;
use std::time::{Duration, SystemTime};

/// How often a person may get an MFA code wrong before the sign-in fails.
const MFA_ATTEMPTS: u32 = 3;
/// How long a device shows one code, counted from the epoch on.
const CODE_SECONDS: u64 = 30;

/// What the keys are to sign.
pub(super) enum Wanted<'a> {
    /// The user's own session.
    OwnSession,
    /// Nothing: they are handed out themselves.
    OwnKeys,
    Role(RoleCall<'a>),
}

/// `it` is about the user's link, whatever is wanted.
pub(super) async fn obtain<'a>(
    mut it: Obtain<'a>,
    user: &User,
    wanted: &Wanted<'a>,
) -> Result<Session> {
    let (mut replaced_meanwhile, mut codes) = (false, Codes::default());
    // Keys that AWS no longer knows cost no code.
    let mut is_checked = false;
    loop {
        let signs_at = wanted.link(&it);
        let (found, remembered) = keys::find(it.world, it.name(), user, signs_at).await?;
        let Some(found) = found else {
            let why = why_none(it.world, it.name()).await;
            let unanswered = missing_keys(&it, why);
            ask_for_new(&mut it, why, unanswered, &remembered).await?;
            is_checked = true;
            continue;
        };
        let device = wanted.device(user, &remembered);
        let is_code_typed = device.is_some() && Codes::come_of_a_person(&it, user);
        let unknown = if is_code_typed && !std::mem::replace(&mut is_checked, true) {
            revoked::unknown(&it, &found).await
        } else {
            None
        };
        let fault = match unknown {
            Some(fault) => fault,
            None => {
                let code = match &device {
                    Some(device) => Some(codes.next(&mut it, user, device).await?),
                    None => None,
                };
                let mfa = device.as_ref().zip(code.as_ref());
                let mfa = mfa.map(|(device, code)| Mfa { device, code });
                let written = user.session_duration.or(remembered.session_duration);
                match wanted.call(&mut it, &found.keys, mfa, written).await {
                    Ok(granted) => {
                        keys::accepted(&it, &found, signs_at).await?;
                        return Ok(granted.into_session(found.origin, owner(remembered)));
                    }
                    Err(fault) => fault,
                }
            }
        };
        match (&fault.kind, device) {
            (FaultKind::UnknownKeys, _) => match refused(&mut it, &found, fault).await? {
                None if replaced_meanwhile => return Err(stale(&found)),
                None => replaced_meanwhile = true,
                Some(unanswered) => {
                    ask_for_new(&mut it, WhyKeys::Revoked, unanswered, &remembered).await?;
                }
            },
            (FaultKind::MfaRefused, Some(_)) => codes.refused(&it, user, fault)?,
            (_, _) => return Err(final_error(&it, wanted, &found, fault)),
        }
    }
}

/// The error where there is no person to ask for new keys; `None`: others were stored meanwhile.
async fn refused(it: &mut Obtain<'_>, found: &FoundKeys, fault: Fault) -> Result<Option<Error>> {
    match revoked::refused(it.world, it.chain, found, fault).await? {
        Refused::Replaced => Ok(None),
        Refused::NotOurs(error, happened) => {
            it.trail.happened.push(happened);
            Err(error)
        }
        Refused::Revoked(unanswered, happened) => {
            it.trail.happened.push(happened);
            Ok(Some(unanswered))
        }
    }
}

impl<'a> Wanted<'a> {
    pub fn own(user: &User) -> Wanted<'a> {
        match user.hands_out {
            HandedOut::Session => Wanted::OwnSession,
            HandedOut::LongLivedKeys => Wanted::OwnKeys,
        }
    }

    fn device(&self, user: &User, remembered: &LongLived) -> Option<MfaArn> {
        match self {
            Wanted::OwnSession | Wanted::Role(_) => user.mfa_arn.as_ref(),
            Wanted::OwnKeys => return None,
        }
        .or(remembered.mfa_arn.as_ref())
        .cloned()
    }

    /// Of the call that the keys sign.
    fn link(&self, it: &Obtain<'a>) -> &'a Link {
        match self {
            Wanted::OwnSession | Wanted::OwnKeys => it.link(),
            Wanted::Role(role) => role.link,
        }
    }

    /// `written`: how long the user's own session shall last.
    async fn call(
        &self,
        it: &mut Obtain<'_>,
        keys: &Keys,
        mfa: Option<Mfa<'_>>,
        written: Option<SessionDuration>,
    ) -> Result<Granted, Fault> {
        match self {
            Wanted::OwnSession => {
                let duration = it.bounded(written, SessionKind::IamUser);
                let aws = &it.world.aws;
                let granted = aws.session_token(keys, it.place(), duration, mfa).await?;
                if mfa.is_none() {
                    it.trail.notes.push(without_mfa(it.name()));
                }
                Ok(granted)
            }
            Wanted::OwnKeys => {
                let (aws, signer) = (&it.world.aws, Signer::LongLived(keys));
                let owner = aws.caller_identity(signer, it.place()).await?;
                it.trail.notes.push(keys_handed_out(it.name()));
                Ok(Granted::nothing_but(keys, owner, it.world.clock.now()))
            }
            Wanted::Role(role) => role.send(&it.world.aws, Signer::LongLived(keys), mfa).await,
        }
    }
}

/// With stored keys, unless a person has to read a code off a device.
pub(super) async fn renews_alone(
    world: &World,
    link: &Link,
    user: &User,
    gives: HandedOut,
) -> Result<bool> {
    let (found, remembered) = keys::find(world, &link.name, user, link).await?;
    let device = user.mfa_arn.is_some() || remembered.mfa_arn.is_some();
    let needs_a_code = device && gives == HandedOut::Session;
    Ok(found.is_some() && (!needs_a_code || user.mfa_process.is_some()))
}

/// The keys themselves, where programs get them in place of a session.
pub async fn handed_out(world: &World, link: &Link) -> Result<Option<Session>> {
    let Kind::User(user) = &link.kind else {
        return Ok(None);
    };
    if user.hands_out == HandedOut::Session {
        return Ok(None);
    }
    let (found, remembered) = keys::find(world, &link.name, user, link).await?;
    let owner = owner(remembered);
    Ok(found.map(|it| {
        Granted::nothing_but(&it.keys, owner.clone(), world.clock.now())
            .into_session(it.origin, owner)
    }))
}

/// The MFA codes of one sign-in.
#[derive(Default)]
struct Codes {
    refusals: u32,
    last_refusal: Option<(String, Error)>,
    /// How often the program of `mfa_process` was run.
    runs: u32,
}

impl Codes {
    /// Typed, or given with the call.
    fn come_of_a_person(it: &Obtain<'_>, user: &User) -> bool {
        it.trail.caller.person == Person::Present && user.mfa_process.is_none()
    }

    async fn next(&mut self, it: &mut Obtain<'_>, user: &User, device: &MfaArn) -> Result<MfaCode> {
        if let Some(code) = it.mfa_code.take() {
            return code.parse();
        }
        if let Some(command) = &user.mfa_process {
            if self.runs > 0 {
                wait_for_the_next_code(it).await;
            }
            self.runs += 1;
            let notes = &mut it.trail.notes;
            return it.world.aws.mfa_code(command, it.ask, notes).await;
        }
        loop {
            let (refused, unanswered) = match &self.last_refusal {
                Some((refused, error)) => (Some(refused.clone()), error.clone()),
                None => (None, no_code(it.name(), it.chain.identity.as_str())),
            };
            let prompt = Prompt {
                kind: PromptKind::Mfa {
                    device: device.clone(),
                    refused,
                },
                attempt: self.refusals + 1,
                unanswered: unanswered.step(it.step),
                refused_key: None,
            };
            it.trail.record(it.world).await;
            match it.ask.mfa_code(prompt).await?.parse::<MfaCode>() {
                Ok(code) => return Ok(code),
                Err(error) => self.refuse(error.message.clone(), error)?,
            }
        }
    }

    /// Only the code is requested again: of a program once, as it may have given one that was used
    /// already.
    fn refused(&mut self, it: &Obtain<'_>, user: &User, fault: Fault) -> Result<()> {
        let said = fault.message.as_str().trim_end_matches([' ', '.']);
        let said = format!("{said}: a code can be used once, wait for the next one");
        let error = fault.into_error(&it.link().region);
        match user.mfa_process {
            Some(_) if self.runs > 1 => Err(error),
            Some(_) => Ok(()),
            None => self.refuse(said, error),
        }
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

async fn wait_for_the_next_code(it: &mut Obtain<'_>) {
    let clock = &it.world.clock;
    let now = clock.now().duration_since(SystemTime::UNIX_EPOCH);
    let left = CODE_SECONDS - now.unwrap_or_default().as_secs() % CODE_SECONDS;
    tracing::info!(identity = it.name(), "waiting for the next mfa code");
    clock.pause(Duration::from_secs(left)).await;
    it.trail.notes.push(Note::Info(format!(
        "AWS refused the MFA code, as it does where one is used twice: waited {left} s for the \
         next one"
    )));
}

/// People take the refusals for a broken key.
fn without_mfa(name: &str) -> Note {
    Note::Info(format!(
        "{name} has no MFA device here: AWS refuses IAM calls (aws iam …) from its session; \
         credentials.mfa_arn in the configuration names one, and `session: {{ kind: keys }}` hands \
         out the access key itself"
    ))
}

fn keys_handed_out(name: &str) -> Note {
    Note::Info(format!(
        "{name} hands out its long-lived access key itself (session.kind: keys)"
    ))
}

/// A role that is assumed with the user's keys needs a code of its own.
fn no_code(name: &str, target: &str) -> Error {
    Error::new(
        Code::PersonNeeded,
        format!("an MFA code is needed for identity: {name}"),
    )
    .hint(format!("fob login {target}"))
    .hint("where nobody can be asked: --mfa-code, or credentials.mfa_process in the configuration")
}

fn missing_keys(it: &Obtain<'_>, why: WhyKeys) -> Error {
    let name = it.name();
    let required = format!("AWS credentials are required for identity: {name}");
    // An earlier sign-in cleared them.
    let restore = (why == WhyKeys::Revoked).then(|| revoked::restore(name));
    let message = match &restore {
        Some(_) => format!("{required}; AWS no longer accepts the ones that were stored"),
        None => required,
    };
    let error = Error::new(Code::PersonNeeded, message);
    // Keys that are written, and are empty or placeholders.
    let config = it.world.config();
    let unusable = config
        .problems()
        .iter()
        .filter(|it| it.is_about_credentials_of(name));
    let error = unusable.fold(error, |error, it| {
        error.hint(format!("{}: {}", config.path().display(), it))
    });
    let error = error.hint(format!("fob user configure {name}"));
    restore.into_iter().fold(error, Error::hint)
}

/// What neither a new code nor new keys would mend.
fn final_error(it: &Obtain<'_>, wanted: &Wanted<'_>, found: &FoundKeys, fault: Fault) -> Error {
    let kind = fault.kind.clone();
    let error = match wanted {
        Wanted::OwnSession | Wanted::OwnKeys => denied_hints(
            fault.into_error(&it.link().region),
            "identity policy and SCP",
        ),
        Wanted::Role(role) => role.refused(fault),
    };
    match kind {
        FaultKind::MfaRefused => error.hint(
            "AWS wants an MFA code: set credentials.mfa_arn in the configuration, or store it with \
             `fob user configure`",
        ),
        FaultKind::SecretMismatch => error
            .hint(format!("the keys came from {}", found.place))
            .hint(format!("fob user configure {}", it.name())),
        FaultKind::Misused
            if it
                .world
                .aws
                .refuse_examples(&found.keys, it.place())
                .is_err() =>
        {
            error.hint(format!("the keys came from {}", found.place))
        }
        _ => error,
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
