//! Bytes between a client and its server, once the two are signed in, on threads of their own: a
//! query takes as long as the way there and back, and connections that share a thread wait for each
//! other. The threads start with the first connection and sleep while there is nothing to copy.

use rustls::ClientConnection;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, BufRead, ErrorKind, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::thread;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_rustls::client::TlsStream;

/// Enough for one developer's databases.
const MOST_THREADS: usize = 4;
/// What TLS sends in one piece.
const RECORD: usize = 16 << 10;

/// One for each processor, from the first connection on until this is dropped.
#[derive(Default)]
pub(super) struct Threads {
    started: OnceLock<Vec<Thread>>,
    next: AtomicUsize,
}

struct Thread {
    runtime: Handle,
    _open: oneshot::Sender<()>,
}

impl Threads {
    /// Until both have ended, or one of the two fails; they are closed when this is dropped.
    pub async fn copy(&self, client: TcpStream, server: TlsStream<TcpStream>) {
        let (server, tls) = server.into_inner();
        let (Ok(client), Ok(server)) = (client.into_std(), server.into_std()) else {
            return;
        };
        let mut copying = JoinSet::new();
        let copy = async move {
            let mut copying = Copying {
                client: TcpStream::from_std(client)?,
                server: TcpStream::from_std(server)?,
                tls,
                to_server: Direction::Open,
                to_client: Direction::Open,
            };
            poll_fn(|cx| copying.poll(cx)).await
        };
        copying.spawn_on(copy, &self.next());
        // How it ended is for the two to know.
        let _ = copying.join_next().await;
    }

    /// In turn. A system that gives no threads leaves the caller's.
    fn next(&self) -> Handle {
        let started = self.started.get_or_init(|| {
            let count = thread::available_parallelism().map_or(1, usize::from);
            let threads = (0..count.min(MOST_THREADS)).map(|_| Thread::start());
            threads.filter_map(Result::ok).collect()
        });
        let next = self.next.fetch_add(1, Ordering::Relaxed) % started.len().max(1);
        started
            .get(next)
            .map_or_else(Handle::current, |it| it.runtime.clone())
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let started = self.started.get().map_or(0, Vec::len);
        write!(f, "Threads({started})")
    }
}

impl Thread {
    fn start() -> io::Result<Thread> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let (open, closed) = oneshot::channel();
        let started = Thread {
            runtime: runtime.handle().clone(),
            _open: open,
        };
        thread::Builder::new()
            .name("databases".to_owned())
            .spawn(move || runtime.block_on(closed))?;
        Ok(started)
    }
}

/// How far one of the two is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Open,
    /// The end is still to be passed on.
    Ending,
    Ended,
}

struct Copying {
    client: TcpStream,
    server: TcpStream,
    tls: ClientConnection,
    to_server: Direction,
    to_client: Direction,
}

impl Copying {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.copy_to_client(cx)?;
        self.copy_to_server(cx)?;
        if self.to_client == Direction::Ended && self.to_server == Direction::Ended {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }

    /// As far as it goes without waiting. TLS keeps what the client does not take yet.
    fn copy_to_client(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while self.to_client == Direction::Open {
            if self.tls.wants_read() {
                let read = self.tls.read_tls(&mut Socket(&mut self.server, cx));
                if at_once(read)?.is_none() {
                    break;
                }
                self.tls.process_new_packets().map_err(io::Error::other)?;
            }
            let mut client = Socket(&mut self.client, cx);
            let mut reader = self.tls.reader();
            match at_once(reader.fill_buf())? {
                None => {}
                Some([]) => {
                    client.shut_down()?;
                    self.to_client = Direction::Ended;
                }
                Some(bytes) => match at_once(client.write(bytes))? {
                    Some(written) => reader.consume(written),
                    None => break,
                },
            }
        }
        Ok(())
    }

    fn copy_to_server(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        loop {
            let mut server = Socket(&mut self.server, cx);
            while self.tls.wants_write() {
                if at_once(self.tls.write_tls(&mut server))?.is_none() {
                    return Ok(());
                }
            }
            match self.to_server {
                Direction::Open => {}
                Direction::Ending => {
                    self.to_server = Direction::Ended;
                    return server.shut_down();
                }
                Direction::Ended => return Ok(()),
            }
            let mut space = [MaybeUninit::uninit(); RECORD];
            let mut read = ReadBuf::uninit(&mut space);
            match Pin::new(&mut self.client).poll_read(cx, &mut read) {
                Poll::Ready(done) => done?,
                Poll::Pending => return Ok(()),
            }
            if read.filled().is_empty() {
                self.tls.send_close_notify();
                self.to_server = Direction::Ending;
            } else {
                self.tls.writer().write_all(read.filled())?;
            }
        }
    }
}

/// `None`: it would have to wait, and the task is woken when it need not.
fn at_once<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(cause) if cause.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(cause) => Err(cause),
    }
}

/// As rustls reads and writes one.
struct Socket<'a, 'c>(&'a mut TcpStream, &'a mut Context<'c>);

impl Socket<'_, '_> {
    fn shut_down(&mut self) -> io::Result<()> {
        ready(Pin::new(&mut *self.0).poll_shutdown(self.1))
    }
}

fn ready<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(done) => done,
        Poll::Pending => Err(ErrorKind::WouldBlock.into()),
    }
}

impl Read for Socket<'_, '_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let mut space = ReadBuf::new(space);
        ready(Pin::new(&mut *self.0).poll_read(self.1, &mut space))?;
        Ok(space.filled().len())
    }
}

impl Write for Socket<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        ready(Pin::new(&mut *self.0).poll_write(self.1, bytes))
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        ready(Pin::new(&mut *self.0).poll_write_vectored(self.1, pieces))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
