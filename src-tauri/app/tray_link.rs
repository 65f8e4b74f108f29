//! The way from the process of the windows to the tray's: requests and their answers, and what is
//! to be shown.

use crate::link::{self, AppReply, AppRequest, FromWindows, ToWindows};
use crate::mutex::lock;
use keyfob_core::agent::socket::Buffer;
use keyfob_core::error::{Code, Error, Result};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::oneshot;

pub struct TrayLink {
    to: Mutex<File>,
    next: AtomicU64,
    /// `None`: the tray's process has ended.
    waiting: Mutex<Option<HashMap<u64, AnswerSender>>>,
}

type AnswerSender = oneshot::Sender<Result<AppReply>>;

/// What the tray's process sends, in turn.
pub struct TrayMessages {
    from: File,
    buffer: Buffer,
}

/// Over the standard streams that this process was started with. No process that WebKit starts gets
/// them.
pub fn open() -> io::Result<(TrayLink, TrayMessages)> {
    let (from, to) = streams()?;
    let link = TrayLink {
        to: Mutex::new(to),
        next: AtomicU64::default(),
        waiting: Mutex::new(Some(HashMap::new())),
    };
    let incoming = TrayMessages {
        from,
        buffer: link::incoming(),
    };
    Ok((link, incoming))
}

#[cfg(unix)]
fn streams() -> io::Result<(File, File)> {
    use std::os::fd::AsFd;
    let from = io::stdin().as_fd().try_clone_to_owned()?;
    let to = io::stdout().as_fd().try_clone_to_owned()?;
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    rustix::stdio::dup2_stdout(&nothing)?;
    Ok((from.into(), to.into()))
}

#[cfg(windows)]
fn streams() -> io::Result<(File, File)> {
    use std::os::windows::io::AsHandle;
    let from = io::stdin().as_handle().try_clone_to_owned()?;
    let to = io::stdout().as_handle().try_clone_to_owned()?;
    Ok((from.into(), to.into()))
}

impl TrayMessages {
    /// `None`: the tray's process has ended.
    pub fn next(&mut self) -> Option<ToWindows> {
        loop {
            match link::take(&mut self.buffer) {
                Ok(Some(message)) => return Some(message),
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, "the tray's message cannot be read");
                    return None;
                }
            }
            match self.from.read(self.buffer.room()) {
                Ok(0) => return None,
                Ok(count) => self.buffer.took(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }
}

impl TrayLink {
    /// What cannot be sent is answered by the end of the tray's process.
    pub fn tell(&self, message: &FromWindows) {
        let sent = link::line(message).and_then(|line| lock(&self.to).write_all(line.filled()));
        if let Err(error) = sent {
            tracing::warn!(%error, "the tray cannot be reached");
        }
    }

    pub async fn ask(&self, window: Option<String>, request: AppRequest) -> Result<AppReply> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (waiter, answer) = oneshot::channel();
        match &mut *lock(&self.waiting) {
            Some(waiting) => waiting.insert(id, waiter),
            None => return Err(ended()),
        };
        self.tell(&FromWindows::Asked {
            id,
            window,
            request,
        });
        answer.await.unwrap_or_else(|_| Err(ended()))
    }

    pub fn answered(&self, id: u64, result: Result<AppReply>) {
        let waiter = lock(&self.waiting)
            .as_mut()
            .and_then(|waiting| waiting.remove(&id));
        if let Some(waiter) = waiter {
            // Its window may have been closed.
            let _ = waiter.send(result);
        }
    }

    /// The tray's process has ended: nothing more is answered.
    pub fn ended(&self) {
        *lock(&self.waiting) = None;
    }
}

fn ended() -> Error {
    Error::new(Code::ProcessFailed, "Keyfob has ended").hint("start it again")
}
