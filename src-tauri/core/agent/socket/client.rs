//! The asking side: one line out, one line in. Waits for an answer as long as it takes, since a
//! person may be typing; what is lost on the way is no error, because whoever asks can do the work
//! in its own process.

use super::buffer::Buffer;
use super::{Address, LONGEST_ANSWER, peer, wire};
use crate::agent::api::{Answered, Call};
use crate::error::{Code, Error, Result};
use interprocess::local_socket::Stream;
use interprocess::local_socket::tokio::Stream as AsyncStream;
use interprocess::local_socket::traits::tokio::Stream as _;
use interprocess::local_socket::traits::{Stream as _, StreamCommon};
use std::io::{self, Read, Write};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What became of a request.
#[derive(Debug)]
pub enum Heard {
    Answered(Box<Answered>),
    /// The agent speaks these versions.
    UnknownVersion {
        min: u32,
        max: u32,
    },
    /// The agent is gone, or does not want this connection any more. Whether it did what was asked
    /// is not known.
    Lost,
}

/// Starts no runtime.
#[derive(Debug)]
pub struct Client {
    /// `None` once it was lost.
    stream: Option<Stream>,
    last_id: u32,
}

impl Client {
    /// `None`: nobody listens.
    pub fn connect(address: &Address) -> Result<Option<Client>> {
        let stream = found(address, address.name().and_then(Stream::connect))?;
        Ok(stream.map(|stream| Client {
            stream: Some(stream),
            last_id: 0,
        }))
    }

    pub fn ask(&mut self, call: &Call, surroundings: &str) -> Result<Heard> {
        self.last_id = self.last_id.wrapping_add(1);
        let question = wire::question(self.last_id, call, surroundings)?;
        let Some(mut stream) = self.stream.take() else {
            return Ok(Heard::Lost);
        };
        if stream.write_all(question.filled()).is_err() {
            return Ok(Heard::Lost);
        }
        let mut inbox = Buffer::for_lines(LONGEST_ANSWER);
        let length = loop {
            match stream.read(inbox.room()) {
                Ok(0) => return Ok(Heard::Lost),
                Ok(count) => inbox.took(count),
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Ok(Heard::Lost),
            }
            if let Some(length) = whole(&mut inbox)? {
                break length;
            }
        };
        self.stream = Some(stream);
        wire::read_answer(&inbox.filled()[..length], self.last_id)
    }
}

/// The same inside a runtime. A request that is given up ends the connection.
#[derive(Debug)]
pub struct AsyncClient {
    stream: Option<AsyncStream>,
    last_id: u32,
}

impl AsyncClient {
    /// `None`: nobody listens.
    pub async fn connect(address: &Address) -> Result<Option<AsyncClient>> {
        let connected = match address.name() {
            Ok(name) => AsyncStream::connect(name).await,
            Err(cause) => Err(cause),
        };
        Ok(found(address, connected)?.map(|stream| AsyncClient {
            stream: Some(stream),
            last_id: 0,
        }))
    }

    pub async fn ask(&mut self, call: &Call, surroundings: &str) -> Result<Heard> {
        self.last_id = self.last_id.wrapping_add(1);
        let question = wire::question(self.last_id, call, surroundings)?;
        let Some(mut stream) = self.stream.take() else {
            return Ok(Heard::Lost);
        };
        if stream.write_all(question.filled()).await.is_err() {
            return Ok(Heard::Lost);
        }
        let mut inbox = Buffer::for_lines(LONGEST_ANSWER);
        let length = loop {
            match stream.read(inbox.room()).await {
                Ok(0) | Err(_) => return Ok(Heard::Lost),
                Ok(count) => inbox.took(count),
            }
            if let Some(length) = whole(&mut inbox)? {
                break length;
            }
        };
        self.stream = Some(stream);
        wire::read_answer(&inbox.filled()[..length], self.last_id)
    }
}

/// The stream, if it leads to this user's agent: anybody else's would be told what a person types.
fn found<S: StreamCommon>(address: &Address, connected: io::Result<S>) -> Result<Option<S>> {
    use io::ErrorKind::{ConnectionRefused, NotFound};
    let unusable = |cause: &io::Error| {
        Error::file(address.path(), "ask the agent at", cause)
            .hint("pass --no-agent to go without it, or find out whose socket this is")
    };
    let stream = match connected {
        Ok(stream) => stream,
        Err(cause) if matches!(cause.kind(), NotFound | ConnectionRefused) => return Ok(None),
        Err(cause) => return Err(unusable(&cause)),
    };
    let creds = stream.peer_creds().map_err(|cause| unusable(&cause))?;
    if !peer::is_agent(&creds, address) {
        let message = format!(
            "what listens at {} is not your agent: it belongs to another user",
            address.path().display()
        );
        return Err(Error::new(Code::FilesUnwritable, message)
            .hint("nothing was sent to it; find out whose it is"));
    }
    Ok(Some(stream))
}

/// The length of the answer, once it is there.
fn whole(inbox: &mut Buffer) -> Result<Option<usize>> {
    match inbox.line() {
        None if inbox.is_full() => Err(wire::answer_too_long()),
        found => Ok(found),
    }
}
