//! A client that speaks PostgreSQL byte by byte.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// Longer than anything here takes: what hangs fails.
const PATIENCE: Duration = Duration::from_secs(60);
const TLS_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

pub struct Client(pub TcpStream);

impl Client {
    pub fn of(port: u16) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        Client(stream)
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("sent");
    }

    pub fn read(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).expect("it answers");
        bytes
    }

    /// To the end of the connection.
    pub fn rest(mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let ended = self.0.read_to_end(&mut bytes).map_err(|cause| cause.kind());
        // Windows says that what was sent last was not read.
        let unread = cfg!(windows) && ended == Err(ErrorKind::ConnectionReset);
        assert!(ended.is_ok() || unread, "{ended:?}");
        bytes
    }

    /// Asks for TLS and for GSS as libpq does, and gets neither.
    pub fn asks_for_encryption(&mut self) {
        for code in [GSS_REQUEST, TLS_REQUEST] {
            self.send(&[8_u32.to_be_bytes(), code.to_be_bytes()].concat());
            assert_eq!(self.read(1), b"N");
        }
    }

    /// The type and the body.
    pub fn message(&mut self) -> (u8, Vec<u8>) {
        let kind = self.read(1)[0];
        let length = self.read(4).try_into().expect("four bytes");
        let length = u32::from_be_bytes(length) as usize;
        (kind, self.read(length - 4))
    }

    /// The fields of the error that ends the connection.
    pub fn error(mut self) -> BTreeMap<char, String> {
        let (kind, body) = self.message();
        assert_eq!(kind, b'E', "{}", String::from_utf8_lossy(&body));
        assert!(self.rest().is_empty());
        let fields = body.split(|b| *b == 0).filter(|field| !field.is_empty());
        let field = |field: &[u8]| {
            let text = String::from_utf8_lossy(&field[1..]).into_owned();
            (char::from(field[0]), text)
        };
        fields.map(field).collect()
    }

    /// What the server said up to the end of the start.
    pub fn starts(port: u16, user: &str) -> Client {
        let mut client = Client::of(port);
        client.send(&startup(&[("user", user), ("database", "lake")]));
        client
    }

    /// With the login accepted, and the echo of the server behind it.
    pub fn is_in(&mut self) {
        assert_eq!(self.message(), (b'R', vec![0; 4]));
        assert_eq!(self.message(), (b'S', b"server\0test\0".to_vec()));
        assert_eq!(self.message(), (b'Z', b"I".to_vec()));
        self.send(b"ping");
        assert_eq!(self.read(4), b"ping");
    }

    /// Says no more.
    pub fn ends(&self) {
        self.0.shutdown(Shutdown::Write).expect("shut down");
    }
}

pub fn startup(parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    for (name, value) in parameters {
        body.extend_from_slice(format!("{name}\0{value}\0").as_bytes());
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).expect("short");
    [&length.to_be_bytes()[..], &body].concat()
}
