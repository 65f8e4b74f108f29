//! One step of the climb: the AWS call that makes its session, and what each refusal of that call
//! leads to.

use super::keys::{FoundKeys, Refused, form};
use super::login::{SignIn, Stop, unsupported};
use super::prompt::{Note, Prompt, PromptKind, WhyKeys};
use super::{Auth, fingerprint, in_default_region, name_at, place_at};
use crate::aws::{Fault, FaultKind, Mfa, Place, Principal, Signer, Tries};
use crate::config::{AssumeRole, Chain, Kind, User};
use crate::duration::{SessionDuration, SessionKind};
use crate::error::{Code, Error};
use crate::files::Patience;
use crate::ids::{MfaArn, MfaCode};
use crate::secret::{LongLived, Origin, Session};
use crate::store::StoredSession;
use crate::store::audit::{AuditEvent, AuditOutcome, Happened};
use jiff::Timestamp;

/// How often a person may get an MFA code wrong before it is given up.
const MFA_ATTEMPTS: u32 = 3;

impl SignIn {
    /// Makes the session of one step and stores it. The one match over what a step can be.
    pub(super) async fn make(
        &mut self,
        auth: &Auth,
        position: usize,
        parent: Option<&Session>,
    ) -> std::result::Result<Session, Stop> {
        let names = self.chain.names();
        let step = match position.checked_sub(1) {
            None => names[0].to_owned(),
            Some(below) => format!("{} → {}", names[below], names[position]),
        };
        tracing::debug!(identity = %self.chain.identity, step, "making a session");
        let made = match (position.checked_sub(1), parent) {
            (Some(_), Some(parent)) => match self.chain.links()[position].kind.clone() {
                Kind::AssumeRole(role) => self.assume_role(auth, position, &role, parent).await,
                Kind::PermissionSet(_)
                | Kind::AssumeRoot(_)
                | Kind::User(_)
                | Kind::Ambient
                | Kind::Process(_)
                | Kind::IdentityCenter(_)
                | Kind::Saml(_)
                | Kind::GithubOidc(_)
                | Kind::WebIdentity(_) => Err(Stop::Failed(unsupported(&self.chain))),
            },
            (Some(_), None) | (None, _) => self.start(auth).await,
        };
        let session = made.map_err(|stop| match stop {
            Stop::Failed(error) if error.context.step.is_none() => {
                Stop::Failed(at_step(error, position, &step))
            }
            Stop::Needs(prompt) => Stop::Needs(Prompt {
                unanswered: prompt.unanswered.step(&step),
                ..prompt
            }),
            Stop::Failed(_) | Stop::ClimbAgain => stop,
        })?;
        self.made.insert(position);
        // What the machine itself has is asked for anew each time; it has its own ways of renewing.
        let kept = session.token.is_some()
            && !(position == 0 && matches!(self.chain.source().kind, Kind::Ambient));
        if kept {
            let stored = StoredSession {
                session: session.clone(),
                plan: fingerprint(&self.chain, position),
            };
            auth.store
                .put_session(&self.tickets[position], &stored)
                .await?
                .note(&mut self.notes);
        } else {
            auth.store.sign_outs.unchanged(&self.tickets[position])?;
        }
        if kept || position == self.chain.links().len() - 1 {
            let until = Timestamp::try_from(session.expires_at)
                .map(|end| end.strftime("%FT%TZ").to_string());
            let until = until.unwrap_or_else(|_| "the end of time".to_owned());
            self.happened(
                position,
                format!("{step}: session until {until}"),
                AuditOutcome::Ok,
            );
        }
        Ok(session)
    }

    async fn start(&mut self, auth: &Auth) -> std::result::Result<Session, Stop> {
        match self.chain.source().kind.clone() {
            Kind::User(user) => self.user_session(auth, &user).await,
            Kind::Ambient => Ok(auth.aws.ambient_credentials().await?),
            Kind::Process(process) => Ok(auth.aws.process_credentials(&process.command).await?),
            Kind::IdentityCenter(_)
            | Kind::Saml(_)
            | Kind::GithubOidc(_)
            | Kind::WebIdentity(_)
            | Kind::PermissionSet(_)
            | Kind::AssumeRole(_)
            | Kind::AssumeRoot(_) => Err(Stop::Failed(unsupported(&self.chain))),
        }
    }

    /// An IAM user: `GetSessionToken` with the long-lived keys, and the recovery from keys that AWS
    /// no longer knows.
    async fn user_session(
        &mut self,
        auth: &Auth,
        user: &User,
    ) -> std::result::Result<Session, Stop> {
        let mut replaced_meanwhile = false;
        loop {
            let (found, remembered) = auth
                .find_keys(name_at(&self.chain, 0), user, &mut self.notes)
                .await?;
            let Some(found) = found else {
                return Err(Stop::Needs(self.missing_keys(&remembered)));
            };
            let duration = self.duration(
                0,
                user.session_duration.or(remembered.session_duration),
                SessionKind::IamUser,
            );
            let device = user.mfa_arn.clone().or_else(|| remembered.mfa_arn.clone());
            let code = match &device {
                Some(device) => Some(self.mfa_code(auth, user, device).await?),
                None => None,
            };
            let mfa = device
                .as_ref()
                .zip(code.as_ref())
                .map(|(device, code)| Mfa { device, code });
            let place = place_for(&self.chain, 0, self.options.patience);
            let fault = match auth
                .aws
                .session_token(&found.keys, place, duration, mfa)
                .await
            {
                Ok(granted) => return Ok(granted.into_session(found.origin, owner(remembered))),
                Err(fault) => fault,
            };
            match (&fault.kind, device) {
                (FaultKind::UnknownKeys, _) => {
                    match auth
                        .keys_refused(&self.chain, &found, fault, &mut self.notes)
                        .await?
                    {
                        Refused::Replaced if !replaced_meanwhile => replaced_meanwhile = true,
                        Refused::Replaced => return Err(Stop::Failed(stale(&found))),
                        Refused::NotOurs(error, happened) => {
                            self.happened.push(happened);
                            return Err(Stop::Failed(error));
                        }
                        Refused::Revoked(unanswered, happened) => {
                            self.happened.push(happened);
                            let kind = form(&self.chain, &remembered, WhyKeys::Revoked);
                            return Err(Stop::Needs(Prompt {
                                kind,
                                attempt: 1,
                                unanswered,
                            }));
                        }
                    }
                }
                (FaultKind::MfaRefused, Some(device)) => {
                    return Err(self.mfa_refused(user, device, fault));
                }
                (FaultKind::MfaRefused, None) => {
                    return Err(Stop::Failed(fault.into_error(&self.chain.source().region).hint(
                        "AWS wants an MFA code: set credentials.mfa_arn in the configuration, or store it with `fob user configure`",
                    )));
                }
                (FaultKind::SecretMismatch, _) => {
                    let error = fault.into_error(&self.chain.source().region);
                    let name = name_at(&self.chain, 0);
                    return Err(Stop::Failed(
                        error
                            .hint(format!("the keys came from {}", found.place))
                            .hint(format!("fob user configure {name}")),
                    ));
                }
                _ => {
                    return Err(Stop::Failed(denied_hints(
                        fault.into_error(&self.chain.source().region),
                        "identity policy and SCP",
                    )));
                }
            }
        }
    }

    fn missing_keys(&self, remembered: &LongLived) -> Prompt {
        let name = name_at(&self.chain, 0);
        let unanswered = Error::new(
            Code::PersonNeeded,
            format!("AWS credentials are required for identity: {name}"),
        )
        .hint(format!("fob user configure {name}"));
        Prompt {
            kind: form(&self.chain, remembered, WhyKeys::Missing),
            attempt: 1,
            unanswered,
        }
    }

    /// The duration asked of AWS for a step, and a warning, once, when it had to be moved into the
    /// limits.
    fn duration(
        &mut self,
        position: usize,
        written: Option<SessionDuration>,
        kind: SessionKind,
    ) -> SessionDuration {
        let asked = if position == self.chain.links().len() - 1 {
            self.options.duration.or(written)
        } else {
            written
        };
        let (duration, warning) = kind.bound(asked);
        if let Some(warning) = warning
            .map(Note::Warning)
            .filter(|warning| !self.notes.contains(warning))
        {
            self.notes.push(warning);
        }
        duration
    }

    async fn mfa_code(
        &mut self,
        auth: &Auth,
        user: &User,
        device: &MfaArn,
    ) -> std::result::Result<MfaCode, Stop> {
        if let Some(code) = self.mfa_code.take() {
            return Ok(code.parse()?);
        }
        if let Some(command) = &user.mfa_process {
            return Ok(auth.aws.mfa_code(command).await?);
        }
        let name = name_at(&self.chain, 0);
        let unanswered = Error::new(Code::PersonNeeded, format!("an MFA code is needed for identity: {name}"))
            .hint(format!("fob login {name}"))
            .hint("where nobody can be asked: --mfa-code, or credentials.mfa_process in the configuration");
        let kind = PromptKind::Mfa {
            device: device.clone(),
            refused: None,
        };
        Err(Stop::Needs(Prompt {
            kind,
            attempt: self.mfa_refusals + 1,
            unanswered,
        }))
    }

    /// Only the code is asked for again.
    fn mfa_refused(&mut self, user: &User, device: MfaArn, fault: Fault) -> Stop {
        self.mfa_refusals += 1;
        let refused = fault.message.clone();
        let error = fault.into_error(&self.chain.source().region);
        if user.mfa_process.is_some() || self.mfa_refusals >= MFA_ATTEMPTS {
            return Stop::Failed(error);
        }
        let kind = PromptKind::Mfa {
            device,
            refused: Some(refused),
        };
        Stop::Needs(Prompt {
            kind,
            attempt: self.mfa_refusals + 1,
            unanswered: error,
        })
    }

    async fn assume_role(
        &mut self,
        auth: &Auth,
        position: usize,
        role: &AssumeRole,
        parent: &Session,
    ) -> std::result::Result<Session, Stop> {
        // A machine's role is a role's session already, which only shows once it is there.
        let limits = match parent.origin {
            Origin::ContainerRole | Origin::InstanceRole => SessionKind::ChainedRole,
            Origin::Keyring
            | Origin::Configuration
            | Origin::Environment
            | Origin::Process
            | Origin::Typed => role.limits,
        };
        let duration = self.duration(position, role.duration, limits);
        let place = place_for(&self.chain, position, self.options.patience);
        let fault = match auth.aws.assume_role(parent, place, role, duration).await {
            Ok(granted) => {
                return Ok(granted.into_session(
                    parent.origin,
                    Principal {
                        arn: String::new(),
                        account: None,
                    },
                ));
            }
            Err(fault) => fault,
        };
        let region = place.region.clone();
        match fault.kind {
            FaultKind::UnknownKeys | FaultKind::Expired => {
                self.parent_refused(auth, position, parent, fault).await
            }
            FaultKind::DurationRefused => {
                let error = fault.into_error(&region);
                let message = format!(
                    "{} does not allow a session of {duration}: {}",
                    role.role_arn, error.message
                );
                Err(Stop::Failed(Error { message, ..error }.hint(format!(
                    "set principal.duration of {} to less, or raise the role's MaxSessionDuration",
                    name_at(&self.chain, position)
                ))))
            }
            _ => Err(Stop::Failed(denied_hints(
                fault.into_error(&region),
                "identity policy, SCP, and the role's trust policy and external id",
            ))),
        }
    }

    /// The session below was refused: dropped, and the chain climbed once more.
    async fn parent_refused(
        &mut self,
        auth: &Auth,
        position: usize,
        parent: &Session,
        fault: Fault,
    ) -> std::result::Result<Session, Stop> {
        let place = place_for(&self.chain, position, self.options.patience);
        if fault.kind == FaultKind::UnknownKeys {
            let default = place.region.partition().default_region();
            let elsewhere = in_default_region(place, &default);
            match auth
                .aws
                .caller_identity(Signer::Session(parent), elsewhere)
                .await
            {
                Ok(_) => {
                    let fault = Fault {
                        kind: FaultKind::RegionNotEnabled,
                        ..fault
                    };
                    return Err(Stop::Failed(
                        fault
                            .into_error(place.region)
                            .hint("the session itself is good and was kept"),
                    ));
                }
                Err(again) if matches!(again.kind, FaultKind::UnknownKeys | FaultKind::Expired) => {
                }
                Err(other) => return Err(Stop::Failed(other.into_error(place.region))),
            }
        }
        let below = position - 1;
        if self.climbed_again {
            let message = format!(
                "AWS does not accept the session of {}, although it was just made",
                name_at(&self.chain, below)
            );
            return Err(Stop::Failed(
                Error::new(Code::SessionExpired, message).aws_code(fault.code.unwrap_or_default()),
            ));
        }
        self.climbed_again = true;
        if self
            .stored(auth, below)
            .await?
            .is_some_and(|stored| stored.keys.access_key_id == parent.keys.access_key_id)
        {
            tracing::info!(
                identity = name_at(&self.chain, below),
                "session refused by aws dropped"
            );
            auth.drop_session(name_at(&self.chain, below)).await?;
            let (identity, what) = (
                name_at(&self.chain, below).to_owned(),
                "session dropped".to_owned(),
            );
            self.happened.push(Happened {
                event: AuditEvent::Revocation,
                identity,
                what,
                outcome: AuditOutcome::Ok,
            });
        }
        Err(Stop::ClimbAgain)
    }
}

/// Who waits for nobody is not waited for either.
fn place_for(chain: &Chain, position: usize, patience: Patience) -> Place<'_> {
    let tries = match patience {
        Patience::NotAtAll => Tries::One,
        Patience::AtMost(_) | Patience::Forever => Tries::Several,
    };
    Place {
        tries,
        ..place_at(chain, position)
    }
}

fn owner(remembered: LongLived) -> Principal {
    Principal {
        arn: remembered.principal.unwrap_or_default(),
        account: remembered.account,
    }
}

fn at_step(error: Error, position: usize, step: &str) -> Error {
    let message = if position == 0 {
        error.message.clone()
    } else {
        format!("{step}: {}", error.message)
    };
    Error { message, ..error }.step(step)
}

fn denied_hints(error: Error, where_to_look: &str) -> Error {
    match error.code {
        Code::AccessDenied => error.hint(format!("look at: {where_to_look}")),
        _ => error,
    }
}

fn stale(found: &FoundKeys) -> Error {
    Error::new(
        Code::AwsCredentialsInvalid,
        format!("the keys in {} changed twice while signing in", found.place),
    )
    .hint("try again")
}
