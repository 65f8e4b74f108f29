//! Requests in, replies out. [`Agent`] owns the auth manager and the sign-ins that wait for a person; who asks sees only
//! [`api`].

pub mod api;
pub mod pasted;

use crate::auth::{Auth, Intent, Options, Outcome, Patience, Prompt, Rejected, SignIn};
use crate::config::SourceKind;
use crate::credentials::Session;
use crate::error::{Code, Error, Result};
use api::{
    Answer, Answered, Asker, Call, Check, Cleanup, Configure, Logout, Note, Person, PromptId, PromptKind, Renewal,
    Reply, Request, TypedKeys, VariablesForm, WhyKeys,
};
use std::collections::HashMap;
use std::time::Duration;

const PASSPHRASE_ATTEMPTS: u32 = 3;

/// The agent in the asking process itself; a socket slips in behind the same [`Call`] and [`Answered`].
#[derive(Debug)]
pub struct Agent {
    auth: Auth,
    waiting: HashMap<PromptId, Waiting>,
    prompts: PromptId,
}

/// What a prompt interrupted.
#[derive(Debug)]
struct Waiting {
    asker: Asker,
    unanswered: Error,
    work: Work,
}

#[derive(Debug)]
enum Work {
    SignIn(Box<SignIn>, Purpose),
    Configure { identity: String, check: Check, mismatches: u32 },
    Upkeep { upkeep: Upkeep, passphrases: u32 },
}

/// What is done with what is stored, without a sign-in.
#[derive(Clone, Debug)]
enum Upkeep {
    Logout(Logout),
    Cleanup(Cleanup),
    Repair(Option<String>),
}

/// What the session is for once it is there.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    Login,
    Credentials,
    Variables(VariablesForm),
}

impl Agent {
    pub fn in_process(auth: Auth) -> Agent {
        Agent { auth, waiting: HashMap::new(), prompts: 0 }
    }

    pub async fn ask(&mut self, call: Call) -> Answered {
        let mut notes = Vec::new();
        let reply = self.reply(call, &mut notes).await.unwrap_or_else(Reply::Failed);
        notes.extend(self.auth.take_warnings());
        Answered { notes, reply }
    }

    async fn reply(&mut self, call: Call, notes: &mut Vec<Note>) -> Result<Reply> {
        let Call { asker, request } = call;
        match request {
            Request::Login(login) => {
                let options = Options {
                    duration: login.duration,
                    renewal: login.renewal,
                    mfa_code: login.mfa_code,
                    asker: asker.clone(),
                    intent: Intent::SignIn,
                    patience: Patience::Forever,
                };
                self.sign_in(asker, &login.identity, options, Purpose::Login, notes).await
            }
            Request::Credentials { identity, wait_seconds } => {
                let options = unattended(&asker, Patience::AtMost(Duration::from_secs(wait_seconds.into())));
                self.sign_in(asker, &identity, options, Purpose::Credentials, notes).await
            }
            Request::Variables { identity, form } => self.variables(asker, &identity, form, notes).await,
            Request::Whoami { identity, reach } => {
                let (whoami, said) = self.auth.whoami(&identity, reach).await?;
                notes.extend(said);
                Ok(Reply::Whoami(whoami))
            }
            Request::List => {
                let (list, said) = self.auth.list().await;
                notes.extend(said);
                Ok(Reply::List(list))
            }
            Request::Audit { since } => Ok(Reply::Audit(self.auth.audit(since)?)),
            Request::AuditVerify => Ok(Reply::AuditVerified(self.auth.verify_audit().await?)),
            Request::Configure(configure) => self.configure(asker, configure, notes).await,
            Request::Logout(logout) => self.upkeep(asker, Upkeep::Logout(logout), 0, notes).await,
            Request::Cleanup(cleanup) => self.upkeep(asker, Upkeep::Cleanup(cleanup), 0, notes).await,
            Request::Repair { identity } => self.upkeep(asker, Upkeep::Repair(identity), 0, notes).await,
            Request::Answer { prompt, answer } => self.answer(prompt, answer, notes).await,
            Request::Cancel { prompt } => {
                let waiting = self.take(prompt)?;
                let error = match waiting.work {
                    Work::SignIn(sign_in, _) => sign_in.cancel(&self.auth, waiting.unanswered).await,
                    Work::Configure { .. } | Work::Upkeep { .. } => waiting.unanswered,
                };
                Err(error)
            }
        }
    }

    async fn sign_in(
        &mut self,
        asker: Asker,
        identity: &str,
        options: Options,
        purpose: Purpose,
        notes: &mut Vec<Note>,
    ) -> Result<Reply> {
        let mut sign_in = Box::new(SignIn::new(&self.auth, identity, options)?);
        let outcome = sign_in.run(&self.auth).await;
        self.after(asker, sign_in, purpose, outcome, notes).await
    }

    async fn after(
        &mut self,
        asker: Asker,
        mut sign_in: Box<SignIn>,
        purpose: Purpose,
        outcome: Result<Outcome>,
        notes: &mut Vec<Note>,
    ) -> Result<Reply> {
        notes.extend(sign_in.take_notes());
        match outcome? {
            Outcome::Needs(prompt) => {
                let identity = sign_in.chain().identity.to_string();
                Ok(self.wait(asker, identity, prompt, Work::SignIn(sign_in, purpose)))
            }
            Outcome::Done(session) => self.deliver(&sign_in, purpose, session).await,
        }
    }

    async fn deliver(&self, sign_in: &SignIn, purpose: Purpose, session: Session) -> Result<Reply> {
        let chain = sign_in.chain();
        match purpose {
            Purpose::Login => {
                self.auth.write_profile(sign_in, &session).await?;
                Ok(Reply::SignedIn(api::SignedIn {
                    identity: chain.identity.to_string(),
                    provider: chain.provider.to_string(),
                    chain: chain.names().into_iter().map(str::to_owned).collect(),
                    account: self.auth.account(chain, &session).await,
                    region: chain.region.to_string(),
                    expires_at: session.expires_at,
                    source: session.origin.to_string(),
                }))
            }
            Purpose::Credentials => {
                if sign_in.made_one() {
                    self.auth.renew_files(sign_in, &session).await?;
                }
                Ok(Reply::Credentials(api::Credentials {
                    access_key_id: session.keys.access_key_id.as_str().to_owned(),
                    secret_access_key: session.keys.secret_access_key,
                    session_token: session.token,
                    expires_at: session.expires_at,
                    account: session.account.map(String::from),
                }))
            }
            Purpose::Variables(form) => Ok(Reply::Variables(self.auth.variables(chain, form, Some(&session))?)),
        }
    }

    /// A profile renews itself, so nobody is signed in for it; the session's own keys, and what the machine itself has,
    /// must be there now.
    async fn variables(
        &mut self,
        asker: Asker,
        identity: &str,
        form: VariablesForm,
        notes: &mut Vec<Note>,
    ) -> Result<Reply> {
        let chain = self.auth.chain(identity)?;
        if form == VariablesForm::Profile && !matches!(chain.source.kind, SourceKind::Ambient) {
            return Ok(Reply::Variables(self.auth.variables(&chain, form, None)?));
        }
        let options = unattended(&asker, Patience::Forever);
        self.sign_in(asker, identity, options, Purpose::Variables(form), notes).await
    }

    async fn configure(&mut self, asker: Asker, configure: Configure, notes: &mut Vec<Note>) -> Result<Reply> {
        let Configure { identity, keys, check } = configure;
        match keys {
            Some(keys) => self.store_keys(asker, identity, check, &keys, 1, notes).await,
            None => {
                let kind = self.auth.configure_form(&identity).await?;
                let unanswered =
                    Error::new(Code::PersonNeeded, format!("access keys are needed for identity: {identity}"))
                        .hint("pass them with --stdin, --csv or --profile");
                let prompt = Prompt { kind, attempt: 1, unanswered };
                self.ask_for_keys(asker, identity, check, 0, prompt)
            }
        }
    }

    /// Keys whose secret does not fit are asked for once more.
    async fn store_keys(
        &mut self,
        asker: Asker,
        identity: String,
        check: Check,
        typed: &TypedKeys,
        mismatches: u32,
        notes: &mut Vec<Note>,
    ) -> Result<Reply> {
        match self.auth.configure(&identity, typed, check, &asker).await {
            Ok((configured, said)) => {
                notes.extend(said);
                Ok(Reply::Configured(configured))
            }
            Err(Rejected::SecretMismatch(unanswered)) if mismatches == 0 => {
                let kind = PromptKind::Keys {
                    why: WhyKeys::SecretMismatch,
                    mfa_arn: typed.mfa_arn.as_deref().and_then(|text| text.parse().ok()),
                    session_duration: typed.session_duration.as_deref().and_then(|text| text.parse().ok()),
                };
                self.ask_for_keys(asker, identity, check, 1, Prompt { kind, attempt: 2, unanswered })
            }
            Err(Rejected::SecretMismatch(error) | Rejected::Final(error)) => Err(error.identity(identity)),
        }
    }

    fn ask_for_keys(
        &mut self,
        asker: Asker,
        identity: String,
        check: Check,
        mismatches: u32,
        prompt: Prompt,
    ) -> Result<Reply> {
        match asker.person {
            Person::Absent => Err(prompt.unanswered),
            Person::Present => {
                let work = Work::Configure { identity: identity.clone(), check, mismatches };
                Ok(self.wait(asker, identity, prompt, work))
            }
        }
    }

    /// A keyring that a passphrase would open is a question first; where nobody answers, it is a failure of each step.
    async fn upkeep(&mut self, asker: Asker, upkeep: Upkeep, passphrases: u32, notes: &mut Vec<Note>) -> Result<Reply> {
        if asker.person == Person::Present
            && passphrases < PASSPHRASE_ATTEMPTS
            && let Some(prompt) = self.auth.passphrase_prompt(passphrases).await
        {
            let work = Work::Upkeep { upkeep, passphrases: passphrases + 1 };
            return Ok(self.wait(asker, String::new(), prompt, work));
        }
        match upkeep {
            Upkeep::Logout(logout) => {
                let report = self.auth.logout(&logout).await?;
                notes.extend(self.auth.record_removals(&asker, &report).await);
                Ok(Reply::Removed(report))
            }
            Upkeep::Cleanup(cleanup) => {
                let report = self.auth.clean_up(cleanup).await?;
                notes.extend(self.auth.record_removals(&asker, &report).await);
                Ok(Reply::Removed(report))
            }
            Upkeep::Repair(identity) => {
                let findings = self.auth.repair(identity.as_deref()).await?;
                notes.extend(self.auth.record_repairs(&asker, &findings).await);
                Ok(Reply::Repaired(findings))
            }
        }
    }

    fn wait(&mut self, asker: Asker, identity: String, prompt: Prompt, work: Work) -> Reply {
        self.prompts += 1;
        let id = self.prompts;
        let Prompt { kind, attempt, unanswered } = prompt;
        let waiting = Waiting { asker: asker.clone(), unanswered: unanswered.clone(), work };
        self.waiting.insert(id, waiting);
        Reply::Needs(Box::new(api::Prompt { id, identity, kind, attempt, asker, unanswered }))
    }

    async fn answer(&mut self, prompt: PromptId, answer: Answer, notes: &mut Vec<Note>) -> Result<Reply> {
        let Waiting { asker, work, .. } = self.take(prompt)?;
        match (work, answer) {
            (Work::SignIn(mut sign_in, purpose), answer) => {
                let outcome = sign_in.answer(&self.auth, answer).await;
                self.after(asker, sign_in, purpose, outcome, notes).await
            }
            (Work::Configure { identity, check, mismatches }, Answer::Keys(typed)) => {
                self.store_keys(asker, identity, check, &typed, mismatches, notes).await
            }
            (Work::Upkeep { upkeep, passphrases }, Answer::Passphrase(passphrase)) => {
                match self.auth.provide_passphrase(passphrase).await {
                    Err(error) if error.code != Code::KeyringLocked => Err(error),
                    Ok(()) | Err(_) => self.upkeep(asker, upkeep, passphrases, notes).await,
                }
            }
            (Work::Upkeep { .. }, other @ (Answer::MfaCode(_) | Answer::Keys(_)))
            | (Work::Configure { .. }, other @ (Answer::MfaCode(_) | Answer::Passphrase(_))) => {
                Err(Error::new(Code::InvalidInput, format!("{} was not what was asked for", other.noun())))
            }
        }
    }

    fn take(&mut self, prompt: PromptId) -> Result<Waiting> {
        self.waiting.remove(&prompt).ok_or_else(|| {
            Error::new(Code::InvalidInput, "this prompt is no longer open").hint("it was answered or closed; ask again")
        })
    }
}

fn unattended(asker: &Asker, patience: Patience) -> Options {
    let asker = Asker { person: Person::Absent, ..asker.clone() };
    Options { duration: None, renewal: Renewal::WhenDue, mfa_code: None, asker, intent: Intent::Use, patience }
}
