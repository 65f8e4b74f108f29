//! Questions to a person, the answers that may come back, and [`Ask`], the handle to ask by. A
//! sign-in waits for an answer on a task of its own, with its locks held; shells see prompts as
//! data.

use crate::clock::moment;
use crate::duration::SessionDuration;
pub use crate::error::Note;
use crate::error::{Code, Error, Result};
use crate::files;
use crate::foreign::Foreign;
use crate::ids::{AccessKeyId, MfaArn};
use crate::kernel::{self, RunningProgram};
use crate::secret::{Secret, on_the_wire};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::SystemTime;
use tokio::sync::{mpsc, oneshot};

/// Whether a person can answer a prompt where the request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Person {
    Present,
    Absent,
}

/// Signing in cannot go on without a person.
#[derive(Clone, Debug)]
pub struct Prompt {
    pub kind: PromptKind,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// The error where no person answers.
    pub unanswered: Error,
    /// Of a prompt for keys: those that AWS refused. Others that are stored answer it.
    pub refused_key: Option<AccessKeyId>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum PromptKind {
    /// The form of long-lived keys, prefilled.
    Keys {
        why: WhyKeys,
        mfa_arn: Option<MfaArn>,
        session_duration: Option<SessionDuration>,
    },
    /// Six digits; `refused` says why the last ones were not taken.
    Mfa {
        device: MfaArn,
        refused: Option<String>,
    },
    KeyringPassphrase {
        path: String,
        purpose: PassphraseUse,
        refused: Option<String>,
    },
    /// What a program of the configuration says while it runs. It ends with the program, without an
    /// answer.
    Program { program: String, says: Foreign },
    /// The keys, or the sign-in in the browser, are those of another user than the stored ones.
    OtherUser {
        stored: String,
        given: String,
        #[serde(default, skip_serializing_if = "OtherUserBy::is_keys")]
        by: OtherUserBy,
    },
    /// What a page at this address ends with is brought here by a person.
    Paste {
        what: PasteKind,
        address: String,
        /// Why it is not done in a browser of this machine.
        why: Option<String>,
        /// The app shows the page, and brings what it ends with.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        in_a_window: bool,
        /// Why the last one was not taken.
        refused: Option<String>,
        #[serde(with = "moment")]
        #[cfg_attr(feature = "app", specta(type = String))]
        expires_at: SystemTime,
    },
    /// A sign-in in the browser; no person answers it here, it ends by itself.
    Browser {
        address: String,
        /// Which the page shows as well; empty: the address is for a browser on this machine.
        code: String,
        /// Why it goes by a code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why_code: Option<String>,
        /// Why the client that is shown it opens no browser.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unopened: Option<String>,
        #[serde(with = "moment")]
        #[cfg_attr(feature = "app", specta(type = String))]
        expires_at: SystemTime,
    },
}

impl PromptKind {
    /// Whether it is to be read, and no more.
    pub fn is_only_shown(&self) -> bool {
        matches!(self, PromptKind::Program { .. })
    }

    /// Whether what waits for it gives up at a time of its own.
    pub fn ends_by_itself(&self) -> bool {
        matches!(self, PromptKind::Browser { .. } | PromptKind::Paste { .. })
    }

    /// Whether only the app can show it.
    pub fn is_in_a_window(&self) -> bool {
        matches!(
            self,
            PromptKind::Paste {
                in_a_window: true,
                ..
            }
        )
    }

    /// Whether what it asks for is entered where it is shown.
    pub fn is_answered_here(&self) -> bool {
        !matches!(
            self,
            PromptKind::Program { .. } | PromptKind::Browser { .. }
        )
    }
}

/// What another user than before was given with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum OtherUserBy {
    #[default]
    Keys,
    SignIn,
}

impl OtherUserBy {
    pub fn is_keys(&self) -> bool {
        *self == OtherUserBy::Keys
    }
}

/// What is pasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum PasteKind {
    /// Which AWS's page shows after a sign-in.
    SignInCode,
    /// Which an identity provider's page sends to AWS after a sign-in (SAML).
    SamlAssertion,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum WhyKeys {
    /// Nothing is stored.
    Missing,
    /// AWS no longer accepts the stored ones; they were cleared.
    Revoked,
    /// The secret typed last does not belong to its key id.
    SecretMismatch,
    /// The keys typed last were not accepted; the prompt's error says why.
    Refused,
    /// `fob user configure`.
    Asked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum PassphraseUse {
    New,
    Existing,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Keys(TypedKeys),
    MfaCode(String),
    Passphrase(#[serde(with = "on_the_wire")] Secret),
    Pasted(#[serde(with = "on_the_wire")] Secret),
    /// Yes.
    Confirmed,
}

/// Keys as a person typed or pasted them; checked by the agent, no matter which client sent them.
/// A device or duration that is not named (`None`) stays as it was remembered; an empty one is
/// forgotten, because a form shows what was remembered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TypedKeys {
    pub access_key_id: String,
    #[serde(with = "on_the_wire")]
    pub secret_access_key: Secret,
    #[serde(default)]
    pub mfa_arn: Option<String>,
    #[serde(default)]
    pub session_duration: Option<String>,
    /// The file that the keys were read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

impl Answer {
    /// Names what was answered, and not its content.
    pub fn noun(&self) -> &'static str {
        match self {
            Answer::Keys(_) => "access keys",
            Answer::MfaCode(_) => "an MFA code",
            Answer::Passphrase(_) => "a passphrase",
            Answer::Pasted(_) => "a pasted text",
            Answer::Confirmed => "a yes",
        }
    }

    fn is_unexpected(&self) -> Error {
        let message = format!(
            "the answer is {}, which is not what the prompt asks for",
            self.noun()
        );
        Error::new(Code::InvalidInput, message)
    }
}

/// The program that something is done for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct Caller {
    /// As people know it: `terraform`.
    pub program: Foreign,
    pub pid: u32,
    pub person: Person,
    /// Its path, the programs that started it, and its terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<Foreign>,
}

impl Caller {
    /// This very process.
    pub fn here(program: &str, person: Person) -> Caller {
        Caller {
            program: program.into(),
            pid: std::process::id(),
            person,
            trail: None,
        }
    }

    /// What the kernel says of the process, in place of what it reported; the report stands only
    /// where the kernel is not asked.
    #[must_use]
    pub fn as_the_kernel_says(self) -> Caller {
        match kernel::process(self.pid) {
            Some(RunningProgram { program, trail }) => Caller {
                program,
                trail: Some(trail),
                ..self
            },
            None if cfg!(target_os = "linux") => Caller {
                program: "a program that has ended".into(),
                trail: None,
                ..self
            },
            None => self,
        }
    }
}

/// The handle to a person; clones ask the same one. Dropping a question withdraws it.
#[derive(Clone, Debug)]
pub struct Ask {
    messages: Option<mpsc::UnboundedSender<AskMessage>>,
    marks: Vec<Mark>,
}

/// Says so when a question is dropped before its answer came.
struct Withdrawal<'a>(Option<&'a mpsc::UnboundedSender<AskMessage>>);

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        if let Some(messages) = self.0 {
            // The job's prompts may be shown no more.
            let _ = messages.send(AskMessage::Withdrawn);
        }
    }
}

/// What a job says to those who show its prompts.
#[derive(Debug)]
pub enum AskMessage {
    Question(Box<Question>),
    /// The last question needs no answer any more.
    Withdrawn,
    /// Another process does the same and waits for a person there.
    WaitsForHolder(String),
    /// A rotation begins the next of its steps.
    Rotating(RotationStage),
}

/// The steps of a rotation of an access key, as people follow them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum RotationStage {
    Making,
    /// AWS takes some seconds to know it.
    Checking,
    /// Stored in place of the old one, and a session made with it.
    Replacing,
    /// The old one is deleted.
    Retiring,
}

/// A file that stands while a question is open, for other processes to see.
#[derive(Clone, Debug)]
pub struct Mark {
    pub path: PathBuf,
    pub text: Vec<u8>,
}

/// Removes the files when the question is over.
struct StandingMarks<'a>(&'a [Mark]);

impl StandingMarks<'_> {
    fn set(marks: &[Mark]) -> StandingMarks<'_> {
        for Mark { path, text } in marks {
            if let Err(error) = files::replace(path, text) {
                tracing::warn!(%error, "others cannot see that a prompt is open");
            }
        }
        StandingMarks(marks)
    }
}

impl Drop for StandingMarks<'_> {
    fn drop(&mut self) {
        for Mark { path, .. } in self.0 {
            // Left behind, it names a process that no longer holds the lock.
            let _ = files::remove(path);
        }
    }
}

/// A prompt that waits for its answer.
#[derive(Debug)]
pub struct Question {
    pub prompt: Prompt,
    answer: oneshot::Sender<Outcome>,
}

/// How a question ends.
#[derive(Debug)]
enum Outcome {
    Answered(Answer),
    /// What it asks for was stored meanwhile.
    Stored,
    Closed(Error),
}

impl Question {
    pub fn answer(self, answer: Answer) {
        // Dropped meanwhile: the answer is not needed.
        let _ = self.answer.send(Outcome::Answered(answer));
    }

    pub fn is_stored(self) {
        let _ = self.answer.send(Outcome::Stored);
    }

    /// Without an answer; `because` is what the question's job fails with.
    pub fn close(self, because: Error) {
        let _ = self.answer.send(Outcome::Closed(because));
    }
}

impl Ask {
    /// Every question fails with the error for want of a person.
    pub fn nobody() -> Ask {
        Ask {
            messages: None,
            marks: Vec::new(),
        }
    }

    /// With the questions as they come.
    pub fn open() -> (Ask, mpsc::UnboundedReceiver<AskMessage>) {
        let (messages, received) = mpsc::unbounded_channel();
        (
            Ask {
                messages: Some(messages),
                marks: Vec::new(),
            },
            received,
        )
    }

    /// The same person, with these files while a question is open.
    #[must_use]
    pub fn marked(&self, marks: Vec<Mark>) -> Ask {
        Ask {
            messages: self.messages.clone(),
            marks,
        }
    }

    /// Says which process is waited for.
    pub fn waits_for(&self, holder: String) {
        self.say(AskMessage::WaitsForHolder(holder));
    }

    /// Says which step a rotation begins.
    pub fn rotates(&self, stage: RotationStage) {
        self.say(AskMessage::Rotating(stage));
    }

    fn say(&self, message: AskMessage) {
        if let Some(messages) = &self.messages {
            // The shell may have gone.
            let _ = messages.send(message);
        }
    }

    /// `None`: some are stored that AWS has not refused.
    pub async fn keys(&self, prompt: Prompt) -> Result<Option<TypedKeys>> {
        let Some(answer) = self.ask(prompt).await? else {
            return Ok(None);
        };
        let Answer::Keys(keys) = answer else {
            return Err(answer.is_unexpected());
        };
        Ok(Some(keys))
    }

    pub async fn mfa_code(&self, prompt: Prompt) -> Result<String> {
        let answer = self.answer(prompt).await?;
        let Answer::MfaCode(code) = answer else {
            return Err(answer.is_unexpected());
        };
        Ok(code)
    }

    pub async fn passphrase(&self, prompt: Prompt) -> Result<Secret> {
        let answer = self.answer(prompt).await?;
        let Answer::Passphrase(passphrase) = answer else {
            return Err(answer.is_unexpected());
        };
        Ok(passphrase)
    }

    pub async fn pasted(&self, prompt: Prompt) -> Result<Secret> {
        let answer = self.answer(prompt).await?;
        let Answer::Pasted(text) = answer else {
            return Err(answer.is_unexpected());
        };
        Ok(text)
    }

    pub async fn confirmed(&self, prompt: Prompt) -> Result<()> {
        match self.answer(prompt).await? {
            Answer::Confirmed => Ok(()),
            other @ (Answer::Keys(_)
            | Answer::MfaCode(_)
            | Answer::Passphrase(_)
            | Answer::Pasted(_)) => Err(other.is_unexpected()),
        }
    }

    async fn answer(&self, prompt: Prompt) -> Result<Answer> {
        let unanswered = prompt.unanswered.clone();
        self.ask(prompt).await?.ok_or(unanswered)
    }

    /// Whether there is a person to ask.
    pub fn reaches_a_person(&self) -> bool {
        self.messages.is_some()
    }

    /// Shows what is not answered here, until this is dropped. Ready only once a person closes it.
    pub async fn show(&self, prompt: Prompt) -> Error {
        // Others wait for a program, not for a person.
        let marks = if prompt.kind.is_only_shown() {
            Vec::new()
        } else {
            self.marks.clone()
        };
        match self.marked(marks).outcome(prompt).await {
            Some(Outcome::Closed(because)) => because,
            Some(Outcome::Answered(_) | Outcome::Stored) | None => std::future::pending().await,
        }
    }

    async fn ask(&self, prompt: Prompt) -> Result<Option<Answer>> {
        let unanswered = prompt.unanswered.clone();
        match self.outcome(prompt).await {
            Some(Outcome::Answered(answer)) => Ok(Some(answer)),
            Some(Outcome::Stored) => Ok(None),
            Some(Outcome::Closed(because)) => Err(because),
            None => Err(unanswered),
        }
    }

    /// `None`: there is no person.
    async fn outcome(&self, prompt: Prompt) -> Option<Outcome> {
        let messages = self.messages.as_ref()?;
        let (answer, answered) = oneshot::channel();
        let question = AskMessage::Question(Box::new(Question { prompt, answer }));
        messages.send(question).ok()?;
        let _marks = StandingMarks::set(&self.marks);
        let mut withdrawal = Withdrawal(Some(messages));
        let outcome = answered.await.ok();
        withdrawal.0 = None;
        outcome
    }
}
