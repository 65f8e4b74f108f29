//! Ways in which a connection does not come about, and the last words to a client.

use crate::error::Error;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const MOST_UNREAD: u64 = 1 << 20;
/// For a client to read its answer while it may still be sending.
const LAST_WORDS: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub enum Parting {
    /// One of the two ends is gone: there is nothing to say, or no one left to read it.
    Gone,
    Refused(Box<Error>),
    /// The server's own refusal, as it came.
    Said {
        message: Vec<u8>,
        /// Of the login.
        refuses_login: bool,
    },
}

impl From<Error> for Parting {
    fn from(error: Error) -> Parting {
        Parting::Refused(Box::new(error))
    }
}

impl From<io::Error> for Parting {
    fn from(_: io::Error) -> Parting {
        Parting::Gone
    }
}

/// What a client still sends is read, but so much only: an end that comes with unread bytes
/// would take the message with it.
pub async fn part(mut client: TcpStream, message: &[u8]) {
    let last_words = async {
        client.write_all(message).await?;
        client.shutdown().await?;
        let mut unread = client.take(MOST_UNREAD);
        tokio::io::copy(&mut unread, &mut tokio::io::sink()).await
    };
    // The client is gone, or does not listen.
    let _ = timeout(LAST_WORDS, last_words).await;
}
