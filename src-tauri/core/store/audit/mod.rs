//! The audit log: what was done with which identity, and for which caller, as JSON lines that each
//! carry the hash of the one before. The last line's hash and number, the head, are kept in the
//! keyring after every append, whatever the keyring: a line is written only when a sign-in was
//! tried or something stored was changed, and beside that its tenth of a second is not felt.
//! Without a keyring the line is written all the same. Never holds a secret, a whole key id or what
//! AWS said.

mod chain;
mod seal;

pub use chain::{AuditPlace, Damage, DamageKind, HeadState, Verdict};

use super::keyring::{Attributes, EntryKind, EntryName, Keyring, KeyringEntry};
use super::value;
use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::files;
use crate::files::{FileLock, Patience};
use crate::foreign::Foreign;
use crate::secret::Secret;
use chain::{HeadText, LogEnd, LogFile};
use jiff::Timestamp;
use seal::SealKey;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A file that has reached this size is moved aside before the next line.
const FULL: usize = 8 << 20;
/// `audit.jsonl` and three older ones; a fifth exists only while it is being dropped.
const OLDEST: usize = 3;
const LEAVING: usize = OLDEST + 1;
/// Those ahead may each be waiting for a keyring.
const QUEUE_LIMIT: Duration = Duration::from_mins(1);
/// What looks like damage may be an append or a rotation under way: looked at again after a moment.
const LOOKS: usize = 3;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// Of a text in a line, in characters.
const LONGEST: usize = 300;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum AuditEvent {
    /// A session was made where no usable one was held.
    SignIn,
    /// A session was made in place of one that was still usable.
    Refresh,
    /// AWS no longer accepts keys or a session.
    Revocation,
    KeysStored,
    /// Something was removed from the keyring, the files or AWS.
    Removal,
    /// Access keys were replaced by new ones.
    Rotation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum AuditOutcome {
    Ok,
    Failed { error: Code },
}

impl<T> From<&Result<T>> for AuditOutcome {
    fn from(result: &Result<T>) -> AuditOutcome {
        match result {
            Ok(_) => AuditOutcome::Ok,
            Err(error) => AuditOutcome::Failed { error: error.code },
        }
    }
}

/// Something to be written down. `what` is for people: no secret, and of a key id only its
/// `Display`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    pub event: AuditEvent,
    pub identity: String,
    pub what: String,
    pub outcome: AuditOutcome,
}

/// The program that caused it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct AuditCaller {
    pub program: Foreign,
    pub pid: u32,
    pub user: Foreign,
    /// Its path, the programs that started it, and its terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<Foreign>,
}

/// A line, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct AuditLine {
    /// Counted from 1, over all files that ever were.
    pub number: u32,
    #[cfg_attr(feature = "app", specta(type = String))]
    pub time: Timestamp,
    pub event: AuditEvent,
    pub identity: Foreign,
    pub what: Foreign,
    #[serde(flatten)]
    pub outcome: AuditOutcome,
    #[serde(rename = "asker")]
    pub caller: AuditCaller,
    /// SHA-256 of the line before, in hex.
    pub previous: String,
    /// Another program wrote it. Never part of a line as it is written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_forged: bool,
}

impl AuditLine {
    fn after(last: LogEnd, it: &Happened, caller: &AuditCaller, time: Timestamp) -> AuditLine {
        AuditLine {
            number: last.count.saturating_add(1),
            time,
            event: it.event,
            identity: bounded(&it.identity).into(),
            what: bounded(&it.what).into(),
            outcome: it.outcome,
            caller: caller.clone(),
            previous: last.hash,
            is_forged: false,
        }
    }
}

/// An [`AuditLine`] with what only [`chain`] reads.
#[derive(Serialize)]
struct WrittenLine<'a> {
    #[serde(flatten)]
    line: &'a AuditLine,
    #[serde(skip_serializing_if = "Option::is_none")]
    torn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<u32>,
}

impl WrittenLine<'_> {
    /// Without a key it has no seal.
    fn sealed(&self, key: Option<&SealKey>) -> Vec<u8> {
        let line = serde_json::to_vec(self).expect("text, numbers and enums always become JSON");
        match key {
            Some(key) => key.seal(line),
            None => line,
        }
    }
}

/// Whether the keyring is worth asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    Head,
    /// It has just failed to answer: no second wait.
    LinesOnly,
}

/// What the keyring answered.
enum Kept {
    Read(Option<HeadText>),
    /// It was not called, or did not answer: there is no key to seal with.
    NotRead,
}

impl Kept {
    /// A new one where none was made yet, for lines from `next` on.
    fn seal(&self, next: u32) -> Option<SealKey> {
        match self {
            Kept::Read(text) => {
                let kept = text.as_ref().and_then(|text| text.seal.clone());
                Some(kept.unwrap_or_else(|| SealKey::new(next)))
            }
            Kept::NotRead => None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct AuditLog {
    folder: PathBuf,
    keyring: Keyring,
    entry: EntryName,
    clock: Clock,
    full: usize,
}

impl AuditLog {
    /// Touches nothing yet. `folder` is the realm's.
    pub(super) fn new(folder: &Path, realm: &str, keyring: Keyring, clock: Clock) -> AuditLog {
        // Named as the folder is, in case two realms share one.
        let entry = EntryName::new(&files::file_name(realm), EntryKind::Audit, "head");
        AuditLog {
            folder: folder.to_owned(),
            keyring,
            entry,
            clock,
            full: FULL,
        }
    }

    /// Writes lines that belong together: one write to the disk, one to the keyring.
    pub async fn append(
        &self,
        caller: &AuditCaller,
        happened: &[Happened],
        keeping: Keeping,
    ) -> Result<()> {
        if happened.is_empty() {
            return Ok(());
        }
        let lock = self.folder.join("locks").join("audit.lock");
        let _lock = FileLock::acquire(&lock, Patience::AtMost(QUEUE_LIMIT), &self.clock).await?;
        let (kept, failure) = match keeping {
            Keeping::Head => match self.head().await {
                Ok(text) => (Kept::Read(text), None),
                Err(error) => (Kept::NotRead, Some(error)),
            },
            Keeping::LinesOnly => (Kept::NotRead, None),
        };
        let end = self.write(caller, happened, &kept)?;
        let failure = match kept {
            Kept::Read(_) => self.keep(&end).await.err(),
            Kept::NotRead => failure,
        };
        if let Some(error) = failure {
            tracing::warn!(%error, "the head of the audit log could not be kept in the keyring");
        }
        Ok(())
    }

    /// The lines from `since` on, oldest first; which of them are forged, as far as the keyring can
    /// be read. What is no line of the log is left to [`AuditLog::verify`].
    pub async fn read(&self, since: Option<SystemTime>) -> Result<Vec<AuditLine>> {
        let files = self.files()?;
        let head = if files.is_empty() {
            None
        } else {
            self.head().await.ok().flatten()
        };
        let seal = head.and_then(|head| head.seal);
        let mut lines = Vec::new();
        for file in files {
            let found = file.content.split(|byte| *byte == b'\n');
            lines.extend(found.filter_map(|text| {
                let line: AuditLine = serde_json::from_slice(text).ok()?;
                Some(AuditLine {
                    is_forged: chain::is_forged(text, seal.as_ref()),
                    ..line
                })
            }));
        }
        lines.retain(|line| since.is_none_or(|since| SystemTime::from(line.time) >= since));
        Ok(lines)
    }

    /// Writes nothing, and takes no lock for that reason.
    pub async fn verify(&self) -> Result<Verdict> {
        let mut verdict = self.look().await?;
        for _ in 1..LOOKS {
            if verdict.damage.is_empty() {
                break;
            }
            Clock::nap(BETWEEN_LOOKS).await;
            let again = self.look().await?;
            if again == verdict {
                break;
            }
            verdict = again;
        }
        Ok(verdict)
    }

    /// The keyring first: lines that are written meanwhile are then only ahead of it.
    async fn look(&self) -> Result<Verdict> {
        let head = self.head().await.map_err(|error| error.message);
        let files = self.files()?;
        Ok(chain::examine(
            &files,
            &self.path(0),
            head.as_ref().map(Option::as_ref).map_err(String::as_str),
        ))
    }

    async fn head(&self) -> Result<Option<HeadText>> {
        let Some(text) = self.keyring.read(&self.entry).await? else {
            return Ok(None);
        };
        match value::EntryHead::of(&text) {
            Some(head) => value::check_version(&self.entry, &head.version())?,
            None => return Err(value::broken(&self.entry)),
        }
        let text = serde_json::from_str(text.expose());
        text.map(Some).map_err(|_| value::broken(&self.entry))
    }

    async fn keep(&self, head: &HeadText) -> Result<()> {
        let text = serde_json::to_string(head).expect("numbers and hex always become JSON");
        let attributes = Attributes {
            configuration: None,
            version: Some(value::VERSION.to_string()),
            holds: None,
        };
        self.keyring
            .write(
                &KeyringEntry {
                    name: self.entry.clone(),
                    attributes,
                },
                Secret::new(text),
            )
            .await
    }

    /// The caller holds the log's lock.
    fn write(&self, caller: &AuditCaller, happened: &[Happened], kept: &Kept) -> Result<HeadText> {
        let time = Timestamp::try_from(self.clock.now())
            .and_then(|now| now.round(jiff::Unit::Millisecond))
            .map_err(|_| Error::new(Code::ClockSkew, "the clock shows a year that no log knows"))?;
        let known = match kept {
            Kept::Read(text) => text.as_ref().map(|text| &text.head),
            Kept::NotRead => None,
        };
        let path = self.path(0);
        let mut current = files::read(&path)?.unwrap_or_default();
        if current.len() >= self.full {
            self.shift()?;
            current.clear();
        }
        let (last, rest) = chain::end(&current);
        let is_first = last.is_none();
        let mut oldest = if is_first { self.oldest()? } else { None };
        let mut torn = chain::torn(rest);
        let mut text = if current.is_empty() || current.ends_with(b"\n") {
            Vec::new()
        } else {
            vec![b'\n']
        };
        let mut end = match last {
            Some(last) => chain::go_on(Some(last), known, &current),
            None => chain::go_on(self.last_of_older()?, known, &[]),
        };
        let seal = kept.seal(end.count.saturating_add(1));
        for it in happened {
            let line = AuditLine::after(end, it, caller, time);
            let written = WrittenLine {
                line: &line,
                torn: torn.take(),
                oldest: oldest.take(),
            };
            let line_text = written.sealed(seal.as_ref());
            end = LogEnd {
                count: line.number,
                hash: chain::hash(&line_text),
            };
            text.extend(line_text);
            text.push(b'\n');
        }
        files::append(&path, &text)?;
        if is_first || chain::first(&current).is_some_and(|first| first.oldest.is_some()) {
            self.drop_leaving()?;
        }
        Ok(HeadText {
            v: value::VERSION,
            head: end,
            seal,
        })
    }

    fn path(&self, slot: usize) -> PathBuf {
        self.folder.join(if slot == 0 {
            "audit.jsonl".to_owned()
        } else {
            format!("audit.{slot}.jsonl")
        })
    }

    /// Oldest first.
    fn files(&self) -> Result<Vec<LogFile>> {
        let mut files = Vec::new();
        for path in (0..=LEAVING).rev().map(|slot| self.path(slot)) {
            files.extend(files::read(&path)?.map(|content| LogFile { path, content }));
        }
        Ok(files)
    }

    /// Moves every file up to the first free slot, so that a process that is killed half way
    /// is continued by the next.
    fn shift(&self) -> Result<()> {
        let free = (1..LEAVING)
            .find(|slot| !self.path(*slot).exists())
            .unwrap_or(LEAVING);
        for slot in (0..free).rev() {
            let (from, to) = (self.path(slot), self.path(slot + 1));
            fs::rename(&from, &to)
                .map_err(|error| files::unwritable(&from, "move aside", &error))?;
        }
        Ok(())
    }

    /// The number of the first line that is kept, for the first line of a new file: what it says is
    /// in the chain, so a line missing at the front shows. `None`: none was dropped on purpose yet.
    fn oldest(&self) -> Result<Option<u32>> {
        if self.path(LEAVING).exists() {
            let kept = files::read(&self.path(OLDEST))?.unwrap_or_default();
            return Ok(chain::first(&kept).map(|first| first.number));
        }
        let newest = files::read(&self.path(1))?.unwrap_or_default();
        Ok(chain::first(&newest).and_then(|first| first.oldest))
    }

    fn last_of_older(&self) -> Result<Option<LogEnd>> {
        for slot in 1..=OLDEST {
            let content = files::read(&self.path(slot))?.unwrap_or_default();
            if let (Some(last), _) = chain::end(&content) {
                return Ok(Some(last));
            }
        }
        Ok(None)
    }

    /// Only once a line that says what is kept is on the disk.
    fn drop_leaving(&self) -> Result<()> {
        files::remove(&self.path(LEAVING))
    }
}

fn bounded(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests;
