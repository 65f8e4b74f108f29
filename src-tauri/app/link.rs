//! What the tray's process and the process of the windows send each other, over pipes that only the
//! two hold: one line of JSON a message. Both are the same program, so there are no versions.

use crate::snapshot::{AppSnapshot, DoctorProgress, View};
use keyfob_core::agent::api::{Answered, PromptId, Request};
use keyfob_core::agent::socket::Buffer;
use keyfob_core::config::Change;
use keyfob_core::doctor::Checked;
use keyfob_core::error::{Error, Result};
use keyfob_core::view::notice::NoticeKind;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io;

/// In bytes. A thousand identities take about half a megabyte.
const LONGEST: usize = 16 << 20;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ToWindows {
    /// The first message of all, and whenever something has changed.
    Snapshot(Box<AppSnapshot>),
    Open(Wish),
    Checked(DoctorProgress),
    Answered {
        id: u64,
        result: Box<Result<AppReply>>,
    },
    /// The user quits.
    Quit,
}

/// What is to be on the screen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Wish {
    /// In the main window.
    View(View),
    /// In a window of its own where the main one is not open.
    Prompt(PromptId),
}

#[derive(Debug, Serialize, Deserialize)]
pub enum FromWindows {
    /// The oldest wish was carried out.
    Opened,
    /// The window with this label.
    Closed(String),
    Asked {
        id: u64,
        window: Option<String>,
        request: AppRequest,
    },
}

/// What only the tray's process can do.
#[derive(Debug, Serialize, Deserialize)]
pub enum AppRequest {
    /// For the person in front of the window.
    Agent(Request),
    /// Something may look different now.
    Look,
    /// Reads keyring and configuration again.
    Retry,
    Edit(Vec<Change>),
    Import(Vec<String>),
    CopyEnvironment(String),
    CopyProfileName(String),
    OpenConsole(String),
    CopyDatabaseToken(String),
    OpenDatabaseTerminal(String),
    /// Each of its checks is sent as soon as it is known.
    Doctor,
    /// The same, and then what loses nothing is fixed.
    FixWhatIsSafe,
    CopyText(String),
    ShowNotices(Vec<NoticeKind>),
    TrySandbox,
    LeaveSandbox,
    SandboxRevoke(String),
    SandboxNewKey(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum AppReply {
    Done,
    Answered(Box<Answered>),
    Snapshot(Box<AppSnapshot>),
    Checked(Vec<Checked>),
}

/// With the end of the line.
pub fn line(message: &impl Serialize) -> io::Result<Buffer> {
    let mut buffer = Buffer::for_lines(LONGEST);
    serde_json::to_writer(&mut buffer, message)?;
    io::Write::write_all(&mut buffer, b"\n")?;
    Ok(buffer)
}

/// For the messages that come in.
pub fn incoming() -> Buffer {
    Buffer::for_lines(LONGEST)
}

/// The next message that has come in whole.
pub fn take<T: DeserializeOwned>(buffer: &mut Buffer) -> io::Result<Option<T>> {
    let Some(length) = buffer.line() else {
        return if buffer.is_full() {
            Err(io::ErrorKind::FileTooLarge.into())
        } else {
            Ok(None)
        };
    };
    let message = serde_json::from_slice(&buffer.filled()[..length])?;
    buffer.discard(length);
    Ok(Some(message))
}

impl AppReply {
    pub fn answered(self) -> Result<Answered> {
        match self {
            AppReply::Answered(answered) => Ok(*answered),
            AppReply::Done | AppReply::Snapshot(_) | AppReply::Checked(_) => Err(unexpected()),
        }
    }

    pub fn snapshot(self) -> Result<AppSnapshot> {
        match self {
            AppReply::Snapshot(snapshot) => Ok(*snapshot),
            AppReply::Done | AppReply::Answered(_) | AppReply::Checked(_) => Err(unexpected()),
        }
    }

    pub fn checked(self) -> Result<Vec<Checked>> {
        match self {
            AppReply::Checked(found) => Ok(found),
            AppReply::Done | AppReply::Answered(_) | AppReply::Snapshot(_) => Err(unexpected()),
        }
    }
}

fn unexpected() -> Error {
    crate::actions::misunderstood()
}
