//! What is done once for the one who asked: storing keys, logging out, clearing up. Nobody shares
//! the outcome.

use super::Role;
use super::api::{
    self, Answer, Caller, Check, Cleanup, Configure, Event, Logout, Maintain, Note, Person,
    PromptKind, Reply, Request, TypedKeys, WhyKeys,
};
use super::flight::Waiter;
use super::owner::{Message, Owner};
use super::prompts::{About, Ticket};
use crate::auth::{Auth, Mode, Prompt, Rejected};
use crate::error::{Code, Error, Result};

const PASSPHRASE_ATTEMPTS: u32 = 3;

/// What is left to do, also while a question about it is open.
#[derive(Clone, Debug)]
pub(super) enum Errand {
    Configure {
        identity: String,
        keys: Option<TypedKeys>,
        check: Check,
        mismatches: u32,
    },
    Upkeep {
        upkeep: Upkeep,
        passphrases: u32,
    },
}

/// What is done with what is stored, without a sign-in.
#[derive(Clone, Debug)]
pub(super) enum Upkeep {
    Logout(Logout),
    Cleanup(Cleanup),
    Repair(Option<String>),
}

#[derive(Debug)]
pub(super) enum Stopped {
    Done(Reply),
    /// For want of an answer; `identity` is empty where it is about none.
    Needs {
        identity: String,
        prompt: Prompt,
        errand: Errand,
    },
}

impl Errand {
    pub fn configure(configure: Configure) -> Errand {
        let Configure {
            identity,
            keys,
            check,
        } = configure;
        Errand::Configure {
            identity,
            keys,
            check,
            mismatches: 0,
        }
    }

    pub fn upkeep(upkeep: Upkeep) -> Errand {
        Errand::Upkeep {
            upkeep,
            passphrases: 0,
        }
    }

    pub async fn run(self, auth: &Auth, caller: &Caller, notes: &mut Vec<Note>) -> Result<Stopped> {
        match self {
            Errand::Configure {
                identity,
                keys: Some(keys),
                check,
                mismatches,
            } => store_keys(auth, caller, (identity, check, mismatches), &keys, notes).await,
            Errand::Configure {
                identity,
                keys: None,
                check,
                mismatches,
            } => {
                let kind = auth.configure_form(&identity, notes).await?;
                let unanswered = Error::new(
                    Code::PersonNeeded,
                    format!("access keys are needed for identity: {identity}"),
                )
                .hint("pass them with --stdin, --csv or --profile");
                let prompt = Prompt {
                    kind,
                    attempt: 1,
                    unanswered,
                };
                ask_for_keys(caller, (identity, check, mismatches), prompt)
            }
            Errand::Upkeep {
                upkeep,
                passphrases,
            } => keep_up(auth, caller, upkeep, passphrases, notes).await,
        }
    }

    pub async fn answer(
        self,
        auth: &Auth,
        caller: &Caller,
        answer: Answer,
        notes: &mut Vec<Note>,
    ) -> Result<Stopped> {
        match (self, answer) {
            (
                Errand::Configure {
                    identity,
                    check,
                    mismatches,
                    ..
                },
                Answer::Keys(keys),
            ) => {
                Errand::Configure {
                    identity,
                    keys: Some(keys),
                    check,
                    mismatches,
                }
                .run(auth, caller, notes)
                .await
            }
            (errand @ Errand::Upkeep { .. }, Answer::Passphrase(passphrase)) => {
                match auth.provide_passphrase(passphrase).await {
                    Err(error) if error.code != Code::KeyringLocked => Err(error),
                    Ok(()) | Err(_) => errand.run(auth, caller, notes).await,
                }
            }
            (Errand::Upkeep { .. }, other @ (Answer::MfaCode(_) | Answer::Keys(_)))
            | (Errand::Configure { .. }, other @ (Answer::MfaCode(_) | Answer::Passphrase(_))) => {
                Err(Error::new(
                    Code::InvalidInput,
                    format!("{} was not what was asked for", other.noun()),
                ))
            }
        }
    }
}

/// An errand that needs an answer.
#[derive(Debug)]
pub(super) struct Interrupted {
    waiter: Waiter,
    notes: Vec<Note>,
    /// Empty where it is about none.
    identity: String,
    prompt: Prompt,
    errand: Errand,
}

impl Owner {
    pub(super) fn errand(&mut self, waiter: Waiter, errand: Errand, answer: Option<Answer>) {
        let (auth, post, role) = (self.auth.clone(), self.post.clone(), self.role);
        tokio::spawn(async move {
            let (mut notes, caller) = (Vec::new(), waiter.call.caller.clone());
            if role == Role::Hosted
                && caller.person == Person::Absent
                && auth.passphrase_prompt(0).await.is_some()
            {
                // The caller's environment may hold the passphrase.
                return waiter.answer(notes, Reply::RunInProcess);
            }
            let stopped = match answer {
                None => errand.run(&auth, &caller, &mut notes).await,
                Some(answer) => errand.answer(&auth, &caller, answer, &mut notes).await,
            };
            let tell = |message| drop(post.upgrade().map(|post| post.send(message)));
            match stopped {
                Ok(Stopped::Done(reply)) => {
                    if let (Reply::Removed(report), Request::Maintain(Maintain::Logout(logout))) =
                        (&reply, &waiter.call.request)
                        && logout.mode == Mode::Run
                    {
                        tell(Message::SignedOut(report.identities.clone()));
                    }
                    if let Reply::Configured(configured) = &reply {
                        tell(Message::KeysStored(configured.identity.clone()));
                    }
                    waiter.answer(notes, reply);
                }
                Ok(Stopped::Needs {
                    identity,
                    prompt,
                    errand,
                }) => {
                    tell(Message::ErrandAsks(Box::new(Interrupted {
                        waiter,
                        notes,
                        identity,
                        prompt,
                        errand,
                    })));
                }
                Err(error) => waiter.answer(notes, Reply::Failed(error)),
            }
        });
    }

    pub(super) fn errand_asks(&mut self, interrupted: Interrupted) {
        let Interrupted {
            waiter,
            notes,
            identity,
            prompt:
                Prompt {
                    kind,
                    attempt,
                    unanswered,
                },
            errand,
        } = interrupted;
        let about = About::Errand {
            errand: Box::new(errand),
            unanswered: unanswered.clone(),
        };
        let caller = waiter.call.caller.clone();
        let ticket = Ticket {
            visitor: waiter.visitor,
            call: waiter.call.clone(),
            part: waiter.part,
            about,
        };
        let id = self.tickets.issue(ticket);
        let prompt = api::Prompt {
            id,
            identity,
            kind,
            attempt,
            caller,
            unanswered,
        };
        waiter.answer(notes, Reply::Needs(Box::new(prompt)));
    }

    pub(super) fn signed_out(&mut self, identities: &[String]) {
        for identity in identities {
            let key = identity.to_ascii_lowercase();
            self.schedule.forget(&key);
            self.callers.remove(&key);
            let error = Error::new(Code::SignedOut, format!("{identity} was signed out"))
                .identity(identity);
            self.withdraw(&key, Some(&error));
            self.tell(Event::SignedOut {
                identity: identity.clone(),
            });
        }
    }
}

/// Keys whose secret does not fit are asked for once more.
async fn store_keys(
    auth: &Auth,
    caller: &Caller,
    (identity, check, mismatches): (String, Check, u32),
    typed: &TypedKeys,
    notes: &mut Vec<Note>,
) -> Result<Stopped> {
    match auth.configure(&identity, typed, check, caller).await {
        Ok((configured, said)) => {
            notes.extend(said);
            Ok(Stopped::Done(Reply::Configured(configured)))
        }
        Err(Rejected::SecretMismatch(unanswered)) if mismatches == 0 => {
            let kind = PromptKind::Keys {
                why: WhyKeys::SecretMismatch,
                mfa_arn: typed.mfa_arn.as_deref().and_then(|text| text.parse().ok()),
                session_duration: typed
                    .session_duration
                    .as_deref()
                    .and_then(|text| text.parse().ok()),
            };
            ask_for_keys(
                caller,
                (identity, check, 1),
                Prompt {
                    kind,
                    attempt: 2,
                    unanswered,
                },
            )
        }
        Err(Rejected::SecretMismatch(error) | Rejected::Final(error)) => {
            Err(error.identity(identity))
        }
    }
}

fn ask_for_keys(
    caller: &Caller,
    (identity, check, mismatches): (String, Check, u32),
    prompt: Prompt,
) -> Result<Stopped> {
    match caller.person {
        Person::Absent => Err(prompt.unanswered),
        Person::Present => {
            let errand = Errand::Configure {
                identity: identity.clone(),
                keys: None,
                check,
                mismatches,
            };
            Ok(Stopped::Needs {
                identity,
                prompt,
                errand,
            })
        }
    }
}

/// A keyring that a passphrase would open is a question first; where nobody answers, it is a
/// failure of each step.
async fn keep_up(
    auth: &Auth,
    caller: &Caller,
    upkeep: Upkeep,
    passphrases: u32,
    notes: &mut Vec<Note>,
) -> Result<Stopped> {
    if caller.person == Person::Present
        && passphrases < PASSPHRASE_ATTEMPTS
        && let Some(prompt) = auth.passphrase_prompt(passphrases).await
    {
        let errand = Errand::Upkeep {
            upkeep,
            passphrases: passphrases + 1,
        };
        return Ok(Stopped::Needs {
            identity: String::new(),
            prompt,
            errand,
        });
    }
    let reply = match upkeep {
        Upkeep::Logout(logout) => {
            let report = auth.logout(&logout, notes).await?;
            notes.extend(auth.record_removals(caller, &report).await);
            Reply::Removed(report)
        }
        Upkeep::Cleanup(cleanup) => {
            let report = auth.clean_up(cleanup).await?;
            notes.extend(auth.record_removals(caller, &report).await);
            Reply::Removed(report)
        }
        Upkeep::Repair(identity) => {
            let findings = auth.repair(identity.as_deref(), notes).await?;
            notes.extend(auth.record_repairs(caller, &findings).await);
            Reply::Repaired(findings)
        }
    };
    Ok(Stopped::Done(reply))
}
