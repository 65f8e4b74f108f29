//! The lines on the wire, written and read. Never quotes in a message what came over it.

use super::buffer::Buffer;
use crate::agent::api::{Answered, Call, Caller, Note, Reply, Request, VERSION};
use crate::error::{Code, Error, Result};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::time::Duration;

/// Bytes of a line, without its end.
pub(super) const LONGEST_REQUEST: usize = 64 << 10;
pub(super) const LONGEST_ANSWER: usize = 4 << 20;
/// From a request's first byte to its end, and for an answer to be taken.
pub(super) const MESSAGE_LIMIT: Duration = Duration::from_secs(10);

/// A request as the agent gets it.
#[derive(Debug)]
pub struct Asked {
    pub call: Call,
    /// [Of the caller's environment](crate::environment::Environment::fingerprint).
    pub fingerprint: String,
}

/// The outcome of a request as the client gets it.
#[derive(Debug)]
pub enum Heard {
    Answered(Box<Answered>),
    /// The agent speaks these versions.
    UnknownVersion {
        min: u32,
        max: u32,
    },
    /// The agent is gone, or has closed the connection. Whether it did the work is not known.
    Lost,
}

/// What lines of every version begin with.
#[derive(Deserialize)]
struct LineHead {
    v: u32,
    id: u32,
    min: Option<u32>,
    max: Option<u32>,
}

#[derive(Serialize)]
struct RequestLine<'a> {
    v: u32,
    id: u32,
    #[serde(rename = "asker")]
    caller: &'a Caller,
    #[serde(rename = "surroundings")]
    fingerprint: &'a str,
    request: &'a Request,
}

#[derive(Deserialize)]
struct Received {
    #[serde(rename = "asker")]
    caller: Caller,
    #[serde(rename = "surroundings")]
    fingerprint: String,
    request: Request,
}

#[derive(Serialize)]
struct AnswerLine<'a> {
    v: u32,
    id: u32,
    notes: &'a [Note],
    reply: &'a Reply,
}

#[derive(Serialize)]
struct Versions {
    v: u32,
    id: u32,
    min: u32,
    max: u32,
}

/// A request that came over the wire.
pub(super) enum ReadRequest {
    Asked(u32, Box<Asked>),
    /// Of a version that is not spoken here.
    Foreign(u32),
}

/// Why a connection is closed on a client that sends such a thing.
#[derive(Clone, Copy, Debug)]
pub(super) enum Flaw {
    TooLong,
    Unfinished,
    Unreadable,
}

impl Flaw {
    pub fn error(self) -> Error {
        let message = match self {
            Flaw::TooLong => format!(
                "a request to the agent has at most {} KiB",
                LONGEST_REQUEST >> 10
            ),
            Flaw::Unfinished => format!(
                "the request to the agent did not end within {} s",
                MESSAGE_LIMIT.as_secs()
            ),
            Flaw::Unreadable => "the agent cannot read the request".to_owned(),
        };
        let error = Error::new(Code::InvalidInput, message);
        match self {
            Flaw::Unreadable => error.hint(OTHER_VERSION),
            Flaw::TooLong | Flaw::Unfinished => error,
        }
    }
}

/// All places are taken.
pub(super) fn busy() -> Error {
    Error::new(
        Code::AgentBusy,
        "the agent is busy: it has as many connections as it takes",
    )
    .hint("try again in a moment; `fob agent stop` ends it if that does not help")
}

const OTHER_VERSION: &str =
    "`fob` and the agent may be of different versions: end the agent and start it again";

pub(super) fn question(id: u32, call: &Call, fingerprint: &str) -> Result<Buffer> {
    let Call { caller, request } = call;
    line(
        &RequestLine {
            v: VERSION,
            id,
            caller,
            fingerprint,
            request,
        },
        LONGEST_REQUEST,
    )
    .map_err(|cause| {
        if cause.is_io() {
            Flaw::TooLong.error()
        } else {
            unsendable(&cause)
        }
    })
}

/// The other way round. A flaw comes with the request's id, or 0 where that is not known.
pub(super) fn read_question(line: &[u8]) -> Result<ReadRequest, (u32, Flaw)> {
    let Ok(LineHead { v, id, .. }) = serde_json::from_slice(line) else {
        return Err((0, Flaw::Unreadable));
    };
    if v != VERSION {
        return Ok(ReadRequest::Foreign(id));
    }
    let Ok(Received {
        caller,
        fingerprint,
        request,
    }) = serde_json::from_slice(line)
    else {
        return Err((id, Flaw::Unreadable));
    };
    Ok(ReadRequest::Asked(
        id,
        Box::new(Asked {
            call: Call { caller, request },
            fingerprint,
        }),
    ))
}

pub(super) fn answer(id: u32, Answered { notes, reply }: &Answered) -> Buffer {
    line(
        &AnswerLine {
            v: VERSION,
            id,
            notes,
            reply,
        },
        LONGEST_ANSWER,
    )
    .unwrap_or_else(|cause| {
        let error = if cause.is_io() {
            let message = format!(
                "the agent's answer is longer than {} MiB",
                LONGEST_ANSWER >> 20
            );
            Error::new(Code::InvalidInput, message)
        } else {
            unsendable(&cause)
        };
        failure(id, error.hint("ask for less, or pass --no-agent"))
    })
}

pub(super) fn failure(id: u32, error: Error) -> Buffer {
    let answer = AnswerLine {
        v: VERSION,
        id,
        notes: &[],
        reply: &Reply::Failed(error),
    };
    line(&answer, LONGEST_ANSWER).expect("errors are short")
}

pub(super) fn versions(id: u32) -> Buffer {
    let versions = Versions {
        v: VERSION,
        id,
        min: VERSION,
        max: VERSION,
    };
    line(&versions, LONGEST_ANSWER).expect("four numbers are short")
}

/// The answer to the request `id`.
pub(super) fn read_answer(line: &[u8], id: u32) -> Result<Heard> {
    let unreadable =
        || Error::new(Code::InvalidInput, "the agent's answer cannot be read").hint(OTHER_VERSION);
    let head: LineHead = serde_json::from_slice(line).map_err(|_| unreadable())?;
    match head {
        LineHead {
            min: Some(min),
            max: Some(max),
            ..
        } => Ok(Heard::UnknownVersion { min, max }),
        // 0: what was sent could not be read so far.
        LineHead {
            v: VERSION, id: of, ..
        } if of == id || of == 0 => serde_json::from_slice(line)
            .map(|it| Heard::Answered(Box::new(it)))
            .map_err(|_| unreadable()),
        LineHead { .. } => Err(unreadable()),
    }
}

pub(super) fn answer_too_long() -> Error {
    let message = format!(
        "the agent sends more than {} MiB for an answer",
        LONGEST_ANSWER >> 20
    );
    Error::new(Code::InvalidInput, message).hint(OTHER_VERSION)
}

/// A moment before 1970 has no form on the wire. The cause quotes no value.
fn unsendable(cause: &serde_json::Error) -> Error {
    Error::new(
        Code::InvalidInput,
        format!("this cannot be passed between fob and the agent: {cause}"),
    )
}

/// An error of input and output when it would be too long.
fn line(message: &impl Serialize, longest: usize) -> serde_json::Result<Buffer> {
    let mut line = Buffer::for_lines(longest);
    serde_json::to_writer(&mut line, message)?;
    line.write_all(b"\n").map_err(serde_json::Error::io)?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::api::{Look, Person};
    use std::time::{Duration, SystemTime};

    #[test]
    fn what_has_no_form_on_the_wire_is_not_taken_for_too_long() {
        let caller = Caller {
            program: "fob".into(),
            pid: 1,
            person: Person::Absent,
            trail: None,
        };
        let far_off = SystemTime::UNIX_EPOCH + Duration::from_secs(400_000_000_000);
        let request = Request::Look(Look::Audit {
            since: Some(far_off),
        });
        let error =
            question(1, &Call { caller, request }, "").expect_err("beyond what RFC 3339 writes");
        assert!(!error.message.contains("long"), "{error}");
    }
}
