//! PostgreSQL's messages, as far as the start of a connection takes them.

use crate::error::{Code, Error};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Of a server, before it accepts a login: more than any error of its.
const LONGEST: usize = 1 << 16;

pub const AUTHENTICATION: u8 = b'R';
pub const ERROR: u8 = b'E';
pub const NOTICE: u8 = b'N';
pub const PROTOCOL: u8 = b'v';

/// A message with a type.
#[derive(Debug)]
pub struct BackendMessage {
    pub kind: u8,
    pub body: Vec<u8>,
}

impl BackendMessage {
    /// `None`: no message is as long, whatever speaks there.
    pub async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<BackendMessage>> {
        let kind = stream.read_u8().await?;
        let length = stream.read_u32().await? as usize;
        if !(4..=LONGEST).contains(&length) {
            return Ok(None);
        }
        let mut body = vec![0; length - 4];
        stream.read_exact(&mut body).await?;
        Ok(Some(BackendMessage { kind, body }))
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.body.len() + 5);
        bytes.push(self.kind);
        bytes.extend_from_slice(&length(self.body.len()));
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The number that a body begins with.
    pub fn code(&self) -> Option<u32> {
        let (code, _) = self.body.split_first_chunk()?;
        Some(u32::from_be_bytes(*code))
    }

    /// A field of an error.
    pub fn field(&self, name: u8) -> Option<&[u8]> {
        let mut fields = self.body.split(|b| *b == 0);
        fields.find_map(|field| field.strip_prefix(&[name]))
    }

    /// An error with a hint of ours, where the server gives none.
    pub fn hinted(mut self, hint: &str) -> BackendMessage {
        if self.field(b'H').is_none() && self.body.last() == Some(&0) {
            self.body.pop();
            self.body.extend_from_slice(&field(b'H', hint));
            self.body.push(0);
        }
        self
    }
}

/// With its own four bytes, as the protocol counts.
pub fn length(of_body: usize) -> [u8; 4] {
    u32::try_from(of_body + 4)
        .expect("messages are bounded")
        .to_be_bytes()
}

fn field(name: u8, text: &str) -> Vec<u8> {
    let text = text.bytes().filter(|b| *b != 0);
    [name].into_iter().chain(text).chain([0]).collect()
}

/// One that ends the connection.
pub fn fatal(error: &Error) -> BackendMessage {
    let state = match error.code {
        Code::InvalidInput => "08P01",
        Code::Network | Code::Throttled => "08001",
        _ => "28000",
    };
    let mut body = Vec::new();
    for (name, text) in [
        (b'S', "FATAL"),
        (b'V', "FATAL"),
        (b'C', state),
        (b'M', &error.message),
    ] {
        body.extend_from_slice(&field(name, text));
    }
    if !error.hints.is_empty() {
        body.extend_from_slice(&field(b'H', &error.hints.join("; ")));
    }
    body.push(0);
    BackendMessage { kind: ERROR, body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_its_fields_and_a_hint_where_the_server_gave_none() {
        let error = Error::new(Code::Network, "no\0 way").hint("a").hint("b");
        let message = fatal(&error);
        let text = |name| message.field(name).map(String::from_utf8_lossy);
        assert_eq!(text(b'C').as_deref(), Some("08001"));
        assert_eq!(text(b'M').as_deref(), Some("no way"));
        assert_eq!(text(b'H').as_deref(), Some("a; b"));
        assert_eq!(message.hinted("other").field(b'H'), Some(&b"a; b"[..]));
        let plain = fatal(&Error::new(Code::SignedOut, "out")).hinted("log in");
        assert_eq!(plain.field(b'H'), Some(&b"log in"[..]));
        assert_eq!(plain.bytes().len(), plain.body.len() + 5);
        assert!(plain.body.ends_with(b"log in\0\0"));
    }
}
