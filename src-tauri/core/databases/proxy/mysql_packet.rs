//! Packets of MySQL's protocol, as far as the start of a connection takes them: the server's
//! greeting, the client's answer to it, and errors.

use crate::encode::random_token;
use crate::error::{Code, Error};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroizing;

/// The longest is an answer with its attributes, which have 64 KiB.
const LONGEST: usize = 1 << 17;
const SCRAMBLE_BYTES: usize = 20;
const WITH_ITS_END: u8 = 21;

pub const NATIVE: &str = "mysql_native_password";
pub const CACHING_SHA2: &str = "caching_sha2_password";
pub const CLEAR: &str = "mysql_clear_password";

const WITH_DATABASE: u32 = 1 << 3;
const PROTOCOL_41: u32 = 1 << 9;
pub const TLS: u32 = 1 << 11;
const SECURE_CONNECTION: u32 = 1 << 15;
const PLUGIN_AUTH: u32 = 1 << 19;
const LONG_AUTH_DATA: u32 = 1 << 21;

#[derive(Debug)]
pub struct Packet {
    pub number: u8,
    pub payload: Vec<u8>,
}

impl Packet {
    /// `None`: no packet is as long, or empty, whatever speaks there.
    pub async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<Packet>> {
        let mut head = [0; 4];
        stream.read_exact(&mut head).await?;
        let [low, middle, high, number] = head;
        let length = u32::from_le_bytes([low, middle, high, 0]) as usize;
        if !(1..=LONGEST).contains(&length) {
            return Ok(None);
        }
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await?;
        Ok(Some(Packet { number, payload }))
    }
}

pub async fn write<S: AsyncWrite + Unpin>(
    stream: &mut S,
    number: u8,
    payload: &[u8],
) -> io::Result<()> {
    stream.write_all(&packet(number, payload)).await?;
    stream.flush().await
}

pub fn packet(number: u8, payload: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = u32::try_from(payload.len()).expect("packets are bounded");
    let [low, middle, high, _] = length.to_le_bytes();
    let mut packet = Zeroizing::new(Vec::with_capacity(payload.len() + 4));
    packet.extend_from_slice(&[low, middle, high, number]);
    packet.extend_from_slice(payload);
    packet
}

/// Before a client has said what it understands an error has no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorForm {
    BeforeTheGreeting,
    WithState,
}

pub fn error(error: &Error, form: ErrorForm) -> Vec<u8> {
    let (code, state): (u16, _) = match error.code {
        Code::InvalidInput => (1043, "08S01"),
        Code::Network | Code::Throttled => (1158, "08S01"),
        _ => (1045, "28000"),
    };
    let mut payload = vec![0xff];
    payload.extend_from_slice(&code.to_le_bytes());
    if form == ErrorForm::WithState {
        payload.push(b'#');
        payload.extend_from_slice(state.as_bytes());
    }
    payload.extend_from_slice(error.message.as_bytes());
    if !error.hints.is_empty() {
        payload.extend_from_slice(format!(" ({})", error.hints.join("; ")).as_bytes());
    }
    payload
}

/// The code of an error packet.
pub fn code_of(payload: &[u8]) -> Option<u16> {
    match payload {
        [0xff, low, high, ..] => Some(u16::from_le_bytes([*low, *high])),
        _ => None,
    }
}

/// Reads what a packet holds, from its front.
struct Contents<'a>(&'a [u8]);

impl<'a> Contents<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|b| *b == 0)?;
        let text = self.take(end);
        self.take(1)?;
        text
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|it| it[0])
    }

    /// With a length of one byte, or of up to nine.
    fn counted(&mut self) -> Option<&'a [u8]> {
        let more = match self.byte()? {
            short @ 0..=0xfa => return self.take(short.into()),
            0xfc => 2,
            0xfd => 3,
            _ => return None,
        };
        let mut length = [0; 4];
        length[..more].copy_from_slice(self.take(more)?);
        self.take(u32::from_le_bytes(length) as usize)
    }
}

/// A server's first packet.
#[derive(Debug)]
pub struct Greeting {
    /// Where the first eight bytes of the scramble are.
    scramble_at: usize,
    pub capabilities: u32,
    pub scramble: Vec<u8>,
    pub plugin: String,
    /// As it came.
    payload: Vec<u8>,
}

impl Greeting {
    pub fn read(payload: Vec<u8>) -> Option<Greeting> {
        let mut contents = Contents(&payload);
        let version = contents.byte()?;
        contents.text()?;
        contents.take(4)?;
        let scramble_at = payload.len() - contents.0.len();
        let mut scramble = contents.take(8)?.to_vec();
        contents.take(1)?;
        let low = contents.take(2)?;
        contents.take(3)?;
        let high = contents.take(2)?;
        let capabilities = u32::from_le_bytes([low[0], low[1], high[0], high[1]]);
        contents.take(11)?;
        scramble.extend_from_slice(contents.take(SCRAMBLE_BYTES - 8)?);
        contents.take(1)?;
        let plugin = contents.text().unwrap_or(NATIVE.as_bytes());
        let plugin = String::from_utf8_lossy(plugin).into_owned();
        (version == 10).then_some(Greeting {
            scramble_at,
            capabilities,
            scramble,
            plugin,
            payload,
        })
    }

    /// The same for a client of ours: without TLS, and with a scramble of its own.
    pub fn for_the_client(&self, scramble: &[u8; SCRAMBLE_BYTES]) -> Vec<u8> {
        let (first, second) = scramble.split_at(8);
        let capabilities_at = self.scramble_at + 9;
        let second_at = capabilities_at + 18;
        let without = (self.capabilities & !TLS).to_le_bytes();
        let mut payload = self.payload[..second_at].to_vec();
        payload[self.scramble_at..][..8].copy_from_slice(first);
        payload[capabilities_at..][..2].copy_from_slice(&without[..2]);
        // How long the scramble is, with its end.
        payload[capabilities_at + 7] = WITH_ITS_END;
        payload.extend_from_slice(second);
        payload.push(0);
        payload.extend_from_slice(NATIVE.as_bytes());
        payload.push(0);
        payload
    }
}

/// Letters and digits: no byte of it ends a text.
pub fn new_scramble() -> [u8; SCRAMBLE_BYTES] {
    let random = random_token::<SCRAMBLE_BYTES>();
    let mut scramble = [0; SCRAMBLE_BYTES];
    scramble.copy_from_slice(&random.as_bytes()[..SCRAMBLE_BYTES]);
    scramble
}

/// A client's answer to the greeting.
#[derive(Debug)]
pub struct HandshakeAnswer {
    capabilities: u32,
    /// The longest packet, the character set, and what MariaDB's clients say in what was free.
    fixed: Vec<u8>,
    pub user: Vec<u8>,
    database: Option<Vec<u8>>,
    pub plugin: Option<String>,
    /// Attributes, and how much is to be compressed.
    rest: Vec<u8>,
}

/// An answer that cannot be gone on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    WantsTls,
    Broken,
}

impl HandshakeAnswer {
    pub fn read(payload: &[u8]) -> Result<HandshakeAnswer, NoAnswer> {
        let mut contents = Contents(payload);
        let capabilities = contents.take(4).and_then(|it| it.first_chunk());
        let capabilities = capabilities.map_or(0, |it| u32::from_le_bytes(*it));
        if capabilities & TLS != 0 {
            return Err(NoAnswer::WantsTls);
        }
        if capabilities & PROTOCOL_41 == 0 {
            return Err(NoAnswer::Broken);
        }
        HandshakeAnswer::fields(capabilities, &mut contents).ok_or(NoAnswer::Broken)
    }

    fn fields(capabilities: u32, contents: &mut Contents<'_>) -> Option<HandshakeAnswer> {
        let has = |capability| capabilities & capability != 0;
        let fixed = contents.take(28)?.to_vec();
        let user = contents.text()?.to_vec();
        if has(LONG_AUTH_DATA) {
            contents.counted()?;
        } else if has(SECURE_CONNECTION) {
            let length = contents.byte()?;
            contents.take(length.into())?;
        } else {
            contents.text()?;
        }
        let database = if has(WITH_DATABASE) {
            Some(contents.text()?.to_vec())
        } else {
            None
        };
        let plugin = if has(PLUGIN_AUTH) {
            Some(String::from_utf8_lossy(contents.text()?).into_owned())
        } else {
            None
        };
        Some(HandshakeAnswer {
            capabilities,
            fixed,
            user,
            database,
            plugin,
            rest: contents.0.to_vec(),
        })
    }

    /// Of a client that wants nothing special.
    pub fn plain() -> HandshakeAnswer {
        const LONGEST_PACKET: u32 = 1 << 24;
        const UTF8: u8 = 45;
        let mut fixed = LONGEST_PACKET.to_le_bytes().to_vec();
        fixed.push(UTF8);
        fixed.resize(28, 0);
        HandshakeAnswer {
            capabilities: PROTOCOL_41,
            fixed,
            user: Vec::new(),
            database: None,
            plugin: None,
            rest: Vec::new(),
        }
    }

    fn towards_the_server(&self) -> [u8; 4] {
        let added = TLS | PLUGIN_AUTH | LONG_AUTH_DATA | SECURE_CONNECTION;
        (self.capabilities | added).to_le_bytes()
    }

    /// What asks a server for TLS: the front of what follows.
    pub fn tls_request(&self) -> Vec<u8> {
        [&self.towards_the_server()[..], &self.fixed].concat()
    }

    /// With a login in place of the client's.
    pub fn with_login(&self, user: &str, plugin: &str, proof: &[u8]) -> Zeroizing<Vec<u8>> {
        let texts = self.database.as_ref().map_or(0, Vec::len) + user.len() + plugin.len();
        let longest = 64 + texts + proof.len() + self.rest.len();
        let mut payload = Zeroizing::new(Vec::with_capacity(longest));
        payload.extend_from_slice(&self.tls_request());
        payload.extend_from_slice(user.as_bytes());
        payload.push(0);
        match u8::try_from(proof.len()) {
            Ok(short @ 0..=0xfa) => payload.push(short),
            Ok(_) | Err(_) => {
                let length = u32::try_from(proof.len()).expect("logins are bounded");
                payload.push(0xfd);
                payload.extend_from_slice(&length.to_le_bytes()[..3]);
            }
        }
        payload.extend_from_slice(proof);
        if let Some(database) = &self.database {
            payload.extend_from_slice(database);
            payload.push(0);
        }
        payload.extend_from_slice(plugin.as_bytes());
        payload.push(0);
        payload.extend_from_slice(&self.rest);
        payload
    }
}

/// What asks the other side for another proof.
pub fn switch_to(plugin: &str, scramble: &[u8]) -> Vec<u8> {
    [&[0xfe], plugin.as_bytes(), &[0], scramble, &[0]].concat()
}

/// The same, read: the plugin, and the scramble for it.
pub fn switched_to(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut contents = Contents(payload.strip_prefix(&[0xfe])?);
    let plugin = contents.text()?;
    Some((plugin, contents.0.strip_suffix(&[0]).unwrap_or(contents.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: u32 = TLS | PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH | LONG_AUTH_DATA;

    fn greeting() -> Vec<u8> {
        let capabilities = SERVER.to_le_bytes();
        let mut payload = b"\x0a8.0.99-test\0\x07\0\0\0abcdefgh\0".to_vec();
        payload.extend_from_slice(&capabilities[..2]);
        payload.extend_from_slice(&[45, 2, 0]);
        payload.extend_from_slice(&capabilities[2..]);
        payload.extend_from_slice(&[21, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        payload.extend_from_slice(b"ijklmnopqrst\0caching_sha2_password\0");
        payload
    }

    #[test]
    fn a_greeting_goes_on_without_tls_and_with_another_scramble() {
        let read = Greeting::read(greeting()).expect("a greeting");
        assert_eq!(
            (read.capabilities, read.plugin.as_str()),
            (SERVER, CACHING_SHA2)
        );
        assert_eq!(read.scramble, b"abcdefghijklmnopqrst");
        let ours = read.for_the_client(b"ABCDEFGHIJKLMNOPQRST");
        let again = Greeting::read(ours.clone()).expect("a greeting");
        assert_eq!(
            (again.capabilities, again.plugin.as_str()),
            (SERVER & !TLS, NATIVE)
        );
        assert_eq!(again.scramble, b"ABCDEFGHIJKLMNOPQRST");
        let kept = |payload: &[u8]| payload[..17].to_vec();
        assert_eq!(kept(&ours), kept(&greeting()));
        for end in 0..greeting().len() - CACHING_SHA2.len() - 2 {
            assert!(
                Greeting::read(greeting()[..end].to_vec()).is_none(),
                "{end}"
            );
        }
    }

    fn answer(capabilities: u32) -> Vec<u8> {
        let mut payload = capabilities.to_le_bytes().to_vec();
        payload.extend_from_slice(&[7; 28]);
        payload.extend_from_slice(b"app\0\x02xxlake\0caching_sha2_password\0attributes");
        payload
    }

    #[test]
    fn an_answer_goes_on_with_the_login_in_it() {
        let client = PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH | WITH_DATABASE;
        let read = HandshakeAnswer::read(&answer(client)).expect("an answer");
        assert_eq!(
            (read.user.as_slice(), read.plugin.as_deref()),
            (&b"app"[..], Some(CACHING_SHA2))
        );
        let sent = read.with_login("clone", CLEAR, &[b'p'; 300]);
        let flags = u32::from_le_bytes(*sent.first_chunk().expect("flags"));
        assert_eq!(flags, client | TLS | LONG_AUTH_DATA);
        assert_eq!(sent[..32], read.tls_request());
        let again = [&(flags & !TLS).to_le_bytes(), &sent[4..]].concat();
        let again = HandshakeAnswer::read(&again).expect("an answer");
        assert_eq!(
            (again.user.as_slice(), again.plugin.as_deref()),
            (&b"clone"[..], Some(CLEAR))
        );
        assert_eq!((again.database, again.rest), (read.database, read.rest));
    }

    #[test]
    fn a_broken_answer_is_none_and_one_for_tls_says_so() {
        let client = PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH | WITH_DATABASE;
        let read = |payload: &[u8]| HandshakeAnswer::read(payload).map(|it| it.user);
        assert_eq!(read(&answer(client | TLS)), Err(NoAnswer::WantsTls));
        assert_eq!(read(&answer(client & !PROTOCOL_41)), Err(NoAnswer::Broken));
        for end in 0..answer(client).len() - "attributes".len() {
            assert_eq!(read(&answer(client)[..end]), Err(NoAnswer::Broken), "{end}");
        }
    }
}
