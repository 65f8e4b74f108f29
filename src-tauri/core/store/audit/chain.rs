//! The chain of the audit log's lines: where it ends, how it goes on, where it is broken. Pure:
//! bytes in, verdict out. Of a line it reads only what links it, so that events of a newer Keyfob
//! are links like any other.

use super::seal::SealKey;
use crate::encode::hex;
use crate::error::Code;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// More is of no use to a reader.
const MOST_DAMAGE: usize = 100;

/// The last line: its number and its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LogEnd {
    pub count: u32,
    pub hash: String,
}

/// What the keyring keeps.
#[derive(Serialize, Deserialize)]
pub(super) struct HeadText {
    pub v: u32,
    #[serde(flatten)]
    pub head: LogEnd,
    /// `None`: an older Keyfob wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<SealKey>,
}

#[derive(Debug)]
pub(super) struct LogFile {
    pub path: PathBuf,
    pub content: Vec<u8>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ChainedLine {
    pub number: u32,
    previous: String,
    /// The hash of what a killed process left half written before this line.
    torn: Option<String>,
    /// The first line that was kept when older ones were dropped.
    pub oldest: Option<u32>,
    /// How what it tells of failed.
    error: Option<String>,
}

/// Whether the log is as it was written, as far as it can be known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub lines: u32,
    pub damage: Vec<Damage>,
    /// Half a line each, left by a process that was killed while it wrote: no damage.
    pub torn: Vec<AuditPlace>,
    pub head: HeadState,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    #[serde(flatten)]
    pub place: AuditPlace,
    pub what: DamageKind,
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DamageKind {
    Changed,
    /// Lines before this one.
    Missing,
    Reordered,
    /// Lines after this one.
    Cut,
    /// This line: another program wrote it.
    Forged,
}

/// A line of a file, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPlace {
    pub file: String,
    pub line: u32,
}

/// What the keyring says of the last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum HeadState {
    /// It remembers this line or, where there is damage, another one.
    Known,
    /// The last lines were written while it could not be reached: that they are all there is not
    /// certain.
    Behind {
        lines: u32,
    },
    Unknown {
        why: String,
    },
}

pub(super) fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Before the first line.
fn start() -> LogEnd {
    LogEnd {
        count: 0,
        hash: "0".repeat(64),
    }
}

/// The hash of a rest that [`end`] found, for the line that closes it off.
pub(super) fn torn(rest: &[u8]) -> Option<String> {
    (!rest.is_empty()).then(|| hash(rest.strip_suffix(b"\n").unwrap_or(rest)))
}

pub(super) fn first(content: &[u8]) -> Option<ChainedLine> {
    whole_lines(content).find_map(|(_, line)| parse(line))
}

/// The last line that is one, and what stands behind it.
pub(super) fn end(content: &[u8]) -> (Option<LogEnd>, &[u8]) {
    let rest = unended(content);
    if let Some(link) = parse(rest) {
        return (
            Some(LogEnd {
                count: link.number,
                hash: hash(rest),
            }),
            &[],
        );
    }
    let mut end = content.len() - rest.len();
    while end > 0 {
        let begin = content[..end - 1]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let line = &content[begin..end - 1];
        if let Some(link) = parse(line) {
            return (
                Some(LogEnd {
                    count: link.number,
                    hash: hash(line),
                }),
                &content[end..],
            );
        }
        end = begin;
    }
    (None, content)
}

/// What the next line follows. Where the keyring remembers another end than the file has, the next
/// line follows the keyring's, so that a tampered end cannot pass for good by being written on.
pub(super) fn go_on(last: Option<LogEnd>, known: Option<&LogEnd>, content: &[u8]) -> LogEnd {
    match (last, known) {
        (None, None) => start(),
        (Some(last), None) => last,
        (None, Some(known)) => known.clone(),
        (Some(last), Some(known)) if known.count >= last.count => known.clone(),
        (Some(last), Some(known)) => {
            let found = whole_lines(content)
                .find(|(_, line)| parse(line).is_some_and(|it| it.number == known.count));
            match found {
                Some((_, line)) if hash(line) != known.hash => LogEnd {
                    count: last.count,
                    hash: known.hash.clone(),
                },
                Some(_) | None => last,
            }
        }
    }
}

/// Whether a line was written by a program that cannot read the keyring. Lines that say themselves
/// that the keyring could not be read have no seal.
pub(super) fn is_forged(line: &[u8], seal: Option<&SealKey>) -> bool {
    let (Some(seal), Some(found)) = (seal, parse(line)) else {
        return false;
    };
    let keyring_failed = [Code::KeyringLocked, Code::KeyringUnavailable].map(Code::as_str);
    let is_without = found
        .error
        .is_some_and(|error| keyring_failed.contains(&&*error));
    !is_without && !seal.vouches_for(found.number, line)
}

/// `newest` is where lines would be added. `head`: the keyring's, or why it is not known.
pub(super) fn examine(
    files: &[LogFile],
    newest: &Path,
    kept: Result<Option<&HeadText>, &str>,
) -> Verdict {
    let numbers = files
        .iter()
        .flat_map(|file| whole_lines(&file.content))
        .filter_map(|(_, line)| Some(parse(line)?.number));
    let mut examination = Examination {
        numbers: numbers.collect(),
        hashes: HashMap::new(),
        last: None,
        first: None,
        oldest: 1,
        junk: None,
        seal: kept.ok().flatten().and_then(|kept| kept.seal.clone()),
        forged: Vec::new(),
        verdict: Verdict {
            lines: 0,
            damage: Vec::new(),
            torn: Vec::new(),
            head: HeadState::Known,
        },
    };
    for file in files {
        let place = |line| AuditPlace {
            file: file.path.display().to_string(),
            line,
        };
        for (line, bytes) in whole_lines(&file.content) {
            examination.step(place(line), bytes);
        }
        let rest = unended(&file.content);
        if !rest.is_empty() && parse(rest).is_none() {
            let lines = number(file.content.split(|byte| *byte == b'\n').count());
            // With what an attempt at closing it off left, if that was killed as well.
            let torn = examination
                .junk
                .take()
                .map_or_else(|| place(lines), |(place, ..)| place);
            examination.verdict.torn.push(torn);
        }
    }
    examination.close_junk(None);
    examination.front();
    examination.compare(newest, kept.map(|kept| kept.map(|kept| &kept.head)));
    examination.tell_forged();
    examination.verdict.damage.truncate(MOST_DAMAGE);
    examination.verdict
}

#[derive(Clone)]
struct LastLine {
    place: AuditPlace,
    end: LogEnd,
}

struct Examination {
    /// Of all lines, wherever they stand.
    numbers: BTreeSet<u32>,
    hashes: HashMap<u32, (AuditPlace, String)>,
    last: Option<LastLine>,
    first: Option<(AuditPlace, u32)>,
    oldest: u32,
    /// Lines that are none, since the last that is one.
    junk: Option<(AuditPlace, Vec<u8>, u32)>,
    seal: Option<SealKey>,
    /// Told behind what the chain shows, of lines that are whole otherwise.
    forged: Vec<Damage>,
    verdict: Verdict,
}

impl Examination {
    fn step(&mut self, place: AuditPlace, bytes: &[u8]) {
        let Some(link) = parse(bytes) else {
            let (_, junk, lines) = self.junk.get_or_insert_with(|| (place, Vec::new(), 0));
            if *lines > 0 {
                junk.push(b'\n');
            }
            junk.extend(bytes);
            *lines += 1;
            return;
        };
        let unreadable = self.close_junk(link.torn.as_deref());
        match self.last.clone() {
            Some(before) => self.follow(&place, &link, &before, unreadable),
            None if link.number == 1 && link.previous != start().hash => {
                self.damaged(
                    &place,
                    DamageKind::Changed,
                    "the first line follows another one".to_owned(),
                );
            }
            None => {}
        }
        if is_forged(bytes, self.seal.as_ref()) {
            let detail = format!("line {} lacks the seal of the keyring's key", link.number);
            self.forged.push(Damage {
                place: place.clone(),
                what: DamageKind::Forged,
                detail,
            });
        }
        let end = LogEnd {
            count: link.number,
            hash: hash(bytes),
        };
        self.first
            .get_or_insert_with(|| (place.clone(), link.number));
        self.oldest = link.oldest.unwrap_or(self.oldest);
        self.hashes
            .insert(link.number, (place.clone(), end.hash.clone()));
        self.last = Some(LastLine { place, end });
        self.verdict.lines += 1;
    }

    /// `unreadable`: so many lines stand between these two that are none.
    fn follow(
        &mut self,
        place: &AuditPlace,
        link: &ChainedLine,
        before: &LastLine,
        unreadable: u32,
    ) {
        let last = &before.end;
        let Some(gap) = link.number.checked_sub(last.count.saturating_add(1)) else {
            return self.reordered(place, link.number);
        };
        if gap == 0 {
            if link.previous != last.hash {
                let detail = format!("line {} is not as it was written", last.count);
                self.damaged(&before.place, DamageKind::Changed, detail);
            }
            return;
        }
        // A forged number can be anything: only what is there is counted.
        let missing = gap - number(self.numbers.range(last.count + 1..link.number).count());
        if missing == 0 {
            self.reordered(place, link.number);
        } else if missing > unreadable {
            self.missing(place, last.count + 1, link.number - 1);
        }
    }

    /// How many lines before this one cannot be read without having been torn.
    fn close_junk(&mut self, torn: Option<&str>) -> u32 {
        let Some((place, bytes, lines)) = self.junk.take() else {
            return 0;
        };
        if torn.is_some_and(|torn| torn == hash(&bytes)) {
            self.verdict.torn.push(place);
            return 0;
        }
        self.damaged(
            &place,
            DamageKind::Changed,
            "this is not a line of the audit log".to_owned(),
        );
        lines
    }

    fn front(&mut self) {
        if let Some((place, first)) = self.first.clone()
            && first > self.oldest
        {
            self.missing(&place, self.oldest, first - 1);
        }
    }

    fn compare(&mut self, newest: &Path, known: Result<Option<&LogEnd>, &str>) {
        let count = self.numbers.iter().max().copied().unwrap_or_default();
        let place = match &self.last {
            Some(last) => last.place.clone(),
            None => AuditPlace {
                file: newest.display().to_string(),
                line: 0,
            },
        };
        self.verdict.head = match known {
            Err(why) => HeadState::Unknown {
                why: why.to_owned(),
            },
            Ok(None) if count == 0 => HeadState::Known,
            Ok(None) => HeadState::Unknown {
                why: "the keyring remembers no end of the log".to_owned(),
            },
            Ok(Some(known)) if known.count > count => {
                let lines = range(count + 1, known.count);
                self.damaged(
                    &place,
                    DamageKind::Cut,
                    format!("{lines} missing after this one"),
                );
                HeadState::Known
            }
            Ok(Some(known)) => {
                let found = self
                    .hashes
                    .get(&known.count)
                    .filter(|(_, hash)| *hash != known.hash);
                if let Some((place, _)) = found.cloned() {
                    let detail =
                        format!("line {} is not the one the keyring remembers", known.count);
                    self.damaged(&place, DamageKind::Changed, detail);
                }
                match count - known.count {
                    0 => HeadState::Known,
                    lines => HeadState::Behind { lines },
                }
            }
        };
    }

    fn tell_forged(&mut self) {
        for forged in std::mem::take(&mut self.forged) {
            let is_known = |it: &Damage| it.place == forged.place;
            if !self.verdict.damage.iter().any(is_known) {
                self.verdict.damage.push(forged);
            }
        }
    }

    fn missing(&mut self, place: &AuditPlace, from: u32, to: u32) {
        self.damaged(
            place,
            DamageKind::Missing,
            format!("{} missing before this one", range(from, to)),
        );
    }

    /// One exchange shows in up to three places: reported once.
    fn reordered(&mut self, place: &AuditPlace, number: u32) {
        if self
            .verdict
            .damage
            .last()
            .is_none_or(|last| last.what != DamageKind::Reordered)
        {
            self.damaged(
                place,
                DamageKind::Reordered,
                format!("line {number} does not belong here"),
            );
        }
    }

    fn damaged(&mut self, place: &AuditPlace, what: DamageKind, detail: String) {
        self.verdict.damage.push(Damage {
            place: place.clone(),
            what,
            detail,
        });
    }
}

/// Lines with their numbers; one that lacks only its end counts.
fn whole_lines(content: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let lines = content.split_inclusive(|byte| *byte == b'\n').zip(1..);
    lines.filter_map(|(line, number)| match line.strip_suffix(b"\n") {
        Some(line) => Some((number, line)),
        None => parse(line).map(|_| (number, line)),
    })
}

fn unended(content: &[u8]) -> &[u8] {
    content
        .rsplit(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default()
}

fn parse(line: &[u8]) -> Option<ChainedLine> {
    serde_json::from_slice(line).ok()
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn range(from: u32, to: u32) -> String {
    if from == to {
        format!("line {from} is")
    } else {
        format!("lines {from} to {to} are")
    }
}
