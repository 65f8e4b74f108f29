//! The client's side: one line out, one line in. Waits for an answer as long as it takes, since a
//! person may be typing. A connection lost on the way is no error: the caller can do the work in
//! its own process.

use super::address::Address;
use super::buffer::Buffer;
use super::peer;
use super::wire::{self, Heard, LONGEST_ANSWER};
use crate::agent::api::Call;
#[cfg(windows)]
use crate::clock::Clock;
use crate::error::{Code, Error, Result};
#[cfg(unix)]
use interprocess::local_socket::traits::Stream as _;
#[cfg(unix)]
use interprocess::local_socket::traits::tokio::Stream as _;
use interprocess::local_socket::{self as local, tokio as local_async};
use std::io::{self, Read, Write};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
#[cfg(windows)]
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// While the agent has not yet taken the connection before.
#[cfg(windows)]
const BETWEEN_TRIES: Duration = Duration::from_millis(20);
#[cfg(windows)]
const MOST_TRIES: usize = 250;

/// Whether a connection may block its thread.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Face {
    Blocking,
    Async,
}

/// For use inside a runtime. A request that is given up ends the connection.
#[derive(Debug)]
pub struct Connection {
    /// `None` once it was lost.
    stream: Option<Stream>,
    last_id: u32,
}

/// The same outside of a runtime.
#[derive(Debug)]
pub struct BlockingConnection(Connection);

impl BlockingConnection {
    /// `None`: no agent listens.
    pub fn open(address: &Address) -> Result<Option<BlockingConnection>> {
        let opened = at_once(Connection::with(Face::Blocking, address))?;
        Ok(opened.map(BlockingConnection))
    }

    pub fn ask(&mut self, call: &Call, fingerprint: &str) -> Result<Heard> {
        at_once(self.0.ask(call, fingerprint))
    }
}

impl Connection {
    /// `None`: no agent listens.
    pub async fn open(address: &Address) -> Result<Option<Connection>> {
        Connection::with(Face::Async, address).await
    }

    pub(crate) async fn with(face: Face, address: &Address) -> Result<Option<Connection>> {
        use io::ErrorKind::{ConnectionRefused, NotFound};
        let unusable = |cause: &io::Error| {
            Error::file(address.path(), "connect to the agent at", cause)
                .hint("pass --no-agent to go without it, or find out whose socket this is")
        };
        let stream = match Stream::connect(face, address).await {
            Ok(stream) => stream,
            Err(cause) if matches!(cause.kind(), NotFound | ConnectionRefused) => return Ok(None),
            Err(cause) => return Err(unusable(&cause)),
        };
        // Another user's process would learn what a person types.
        if !stream.is_this_users().map_err(|cause| unusable(&cause))? {
            let message = format!(
                "what listens at {} is not your agent: it belongs to another user",
                address.path().display()
            );
            return Err(Error::new(Code::FilesUnwritable, message)
                .hint("nothing was sent to it; find out whose it is"));
        }
        Ok(Some(Connection {
            stream: Some(stream),
            last_id: 0,
        }))
    }

    /// `fingerprint`: [of the caller's environment](crate::environment::Environment::fingerprint).
    pub async fn ask(&mut self, call: &Call, fingerprint: &str) -> Result<Heard> {
        self.last_id = self.last_id.wrapping_add(1);
        let question = wire::question(self.last_id, call, fingerprint)?;
        let Some(mut stream) = self.stream.take() else {
            return Ok(Heard::Lost);
        };
        if stream.write(question.filled()).await.is_err() {
            return Ok(Heard::Lost);
        }
        let mut inbox = Buffer::for_lines(LONGEST_ANSWER);
        let length = loop {
            match stream.read(inbox.room()).await {
                Ok(0) | Err(_) => return Ok(Heard::Lost),
                Ok(count) => inbox.took(count),
            }
            match inbox.line() {
                Some(length) => break length,
                None if inbox.is_full() => return Err(wire::answer_too_long()),
                None => {}
            }
        };
        let heard = wire::read_answer(&inbox.filled()[..length], self.last_id)?;
        self.stream = Some(stream);
        Ok(heard)
    }

    /// Returns once the agent has closed the connection.
    pub(crate) async fn closed(self) {
        if let Some(mut stream) = self.stream {
            while matches!(stream.read(&mut [0]).await, Ok(1..)) {}
        }
    }
}

/// The result of a future that only uses a blocking connection: such a future never waits.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("a blocking connection is always ready"),
    }
}

#[cfg(windows)]
fn not_a_pipe() -> io::Error {
    io::Error::other("what is there is not the pipe of an agent")
}

#[derive(Debug)]
enum Stream {
    Blocking(local::Stream),
    Async(local_async::Stream),
}

impl Stream {
    #[cfg(unix)]
    async fn connect(face: Face, address: &Address) -> io::Result<Stream> {
        let name = address.name()?;
        match face {
            Face::Blocking => local::Stream::connect(name).map(Stream::Blocking),
            Face::Async => local_async::Stream::connect(name).await.map(Stream::Async),
        }
    }

    /// The server learns which user connects, and can do nothing in the user's name.
    #[cfg(windows)]
    async fn connect(face: Face, address: &Address) -> io::Result<Stream> {
        use interprocess::os::windows::named_pipe::local_socket as pipe;
        use std::os::windows::fs::OpenOptionsExt;
        const OVERLAPPED: u32 = 0x4000_0000;
        const IDENTIFICATION: u32 = 0x0001_0000;
        const BUSY: i32 = 231;
        let mut options = std::fs::OpenOptions::new();
        options.read(true).write(true).custom_flags(OVERLAPPED);
        options.security_qos_flags(IDENTIFICATION);
        for _ in 0..MOST_TRIES {
            let handle: std::os::windows::io::OwnedHandle = match options.open(address.path()) {
                Ok(file) => file.into(),
                Err(cause) if cause.raw_os_error() == Some(BUSY) => {
                    match face {
                        #[expect(clippy::disallowed_methods, reason = "outside of a runtime")]
                        Face::Blocking => std::thread::sleep(BETWEEN_TRIES),
                        Face::Async => Clock::nap(BETWEEN_TRIES).await,
                    }
                    continue;
                }
                Err(cause) => return Err(cause),
            };
            return match face {
                Face::Blocking => pipe::Stream::try_from(handle)
                    .map(|it| Stream::Blocking(local::Stream::NamedPipe(it)))
                    .map_err(|_| not_a_pipe()),
                Face::Async => pipe::tokio::Stream::try_from(handle)
                    .map(|it| Stream::Async(local_async::Stream::NamedPipe(it)))
                    .map_err(|_| not_a_pipe()),
            };
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    fn is_this_users(&self) -> io::Result<bool> {
        match self {
            Stream::Blocking(stream) => peer::is_this_user(stream),
            Stream::Async(stream) => peer::is_this_user(stream),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Blocking(stream) => stream.write_all(bytes),
            Stream::Async(stream) => stream.write_all(bytes).await,
        }
    }

    async fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Blocking(stream) => loop {
                match stream.read(room) {
                    Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                    read => return read,
                }
            },
            Stream::Async(stream) => stream.read(room).await,
        }
    }
}
