//! MySQL's side of it.

use super::server::{ANY, Asks, Settings};
use super::serving;
use crate::home::{code, text};
use std::io::{self, Read, Write};
use std::net::TcpStream as Plain;
use std::sync::Mutex;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

const TLS: u32 = 1 << 11;
/// The protocol of 4.1, databases, secure connections, plugins.
const CLIENT: u32 = 1 << 9 | 1 << 3 | 1 << 15 | 1 << 19;
const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
const NATIVE: &str = "mysql_native_password";
const SHA2: &str = "caching_sha2_password";

fn packet(number: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_le_bytes();
    [&length[..3], &[number], payload].concat()
}

fn greeting(capabilities: u32) -> Vec<u8> {
    let [a, b, c, d] = capabilities.to_le_bytes();
    let mut payload = b"\x0a8.0.99-test\0\x07\0\0\0abcdefgh\0".to_vec();
    payload.extend_from_slice(&[a, b, 45, 2, 0, c, d, 21]);
    payload.extend_from_slice(&[0; 10]);
    payload.extend_from_slice(b"ijklmnopqrst\0caching_sha2_password\0");
    payload
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let length = stream.read_u32_le().await? & 0x00ff_ffff;
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).await?;
    Ok(payload)
}

/// What comes after the start it sends back.
pub async fn serve(
    mut stream: TcpStream,
    settings: &Settings,
    tls: &TlsAcceptor,
    seen: &Mutex<Vec<Vec<u8>>>,
) -> io::Result<()> {
    let capabilities = CLIENT | 1 << 21;
    match settings.asks_for {
        Asks::NoTls => {
            stream
                .write_all(&packet(0, &greeting(capabilities)))
                .await?;
        }
        Asks::Http => return stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await,
        Asks::Nothing => {
            let blocked = b"\xff\x69\x04Host is blocked";
            return stream.write_all(&packet(0, blocked)).await;
        }
        Asks::ClearText | Asks::Md5 | Asks::Scram | Asks::Chatters => {
            let greeting = greeting(capabilities | TLS);
            stream.write_all(&packet(0, &greeting)).await?;
        }
    }
    read(&mut stream).await?;
    let mut stream = tls.accept(stream).await?;
    let answer = read(&mut stream).await?;
    seen.lock().expect("no panic").push(answer);
    if settings.asks_for == Asks::Md5 {
        let switch = [&[0xfe], NATIVE.as_bytes(), b"\0abcdefghijklmnopqrst\0"].concat();
        stream.write_all(&packet(3, &switch)).await?;
        stream.flush().await?;
        read(&mut stream).await?;
        return Ok(());
    }
    if settings.refused.contains(&ANY) {
        let denied = b"\xff\x15\x04#28000Access denied";
        stream.write_all(&packet(3, denied)).await?;
        return stream.shutdown().await;
    }
    stream.write_all(&packet(3, OK)).await?;
    stream.flush().await?;
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes).await?;
    stream.write_all(&bytes).await?;
    stream.shutdown().await
}

struct Client(Plain);

impl Client {
    fn of(port: u16) -> Client {
        let stream = Plain::connect(("127.0.0.1", port)).expect("connected");
        let patience = Some(Duration::from_secs(60));
        stream.set_read_timeout(patience).expect("set");
        Client(stream)
    }

    fn packet(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 4];
        self.0.read_exact(&mut head).expect("it answers");
        let [a, b, c, number] = head;
        let mut payload = vec![0; u32::from_le_bytes([a, b, c, 0]) as usize];
        self.0.read_exact(&mut payload).expect("it answers");
        (number, payload)
    }

    fn send(&mut self, number: u8, payload: &[u8]) {
        self.0.write_all(&packet(number, payload)).expect("sent");
    }

    fn answers(&mut self, capabilities: u32, user: &str, plugin: &str) {
        let mut payload = capabilities.to_le_bytes().to_vec();
        payload.extend_from_slice(&[7; 28]);
        payload.extend_from_slice(format!("{user}\0\0lake\0{plugin}\0").as_bytes());
        self.send(1, &payload);
    }

    /// The error that ends the connection: its number, its code, and its words.
    fn error(mut self) -> (u8, u16, String) {
        let (number, payload) = self.packet();
        assert_eq!(payload[0], 0xff, "{payload:?}");
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).expect("it ends");
        assert!(rest.is_empty());
        (
            number,
            u16::from_le_bytes([payload[1], payload[2]]),
            text(&payload[3..]),
        )
    }
}

fn of_mysql(asks_for: Asks) -> Settings {
    Settings {
        engine: "mysql",
        ..Settings::asking(asks_for)
    }
}

#[test]
fn a_client_is_let_in_whatever_its_plugin_proves() {
    let (_home, server, proxy) = serving(of_mysql(Asks::ClearText));
    for (plugin, number) in [(NATIVE, 2), (SHA2, 5), ("client_ed25519", 4)] {
        let mut client = Client::of(proxy.port);
        let (_, greeting) = client.packet();
        assert!(greeting.starts_with(b"\x0a8.0.99-test\0\x07\0\0\0"));
        assert!(greeting.ends_with(b"mysql_native_password\0"));
        let low = u16::from_le_bytes([greeting[26], greeting[27]]);
        assert_eq!(u32::from(low) & TLS, 0, "TLS is offered");
        client.answers(CLIENT, "app", plugin);
        if plugin != NATIVE {
            let (number, switch) = client.packet();
            let to = if plugin == SHA2 { SHA2 } else { NATIVE };
            assert!(number == 2 && switch[1..].starts_with(to.as_bytes()));
            client.send(3, &[7; 32]);
        }
        if plugin == SHA2 {
            assert_eq!(client.packet(), (4, vec![1, 3]));
        }
        assert_eq!(client.packet(), (number, OK.to_vec()), "{plugin}");
        client.0.write_all(b"ping").expect("sent");
        let mut back = Vec::new();
        client.0.read_to_end(&mut back).expect("it answers");
        assert_eq!(back, b"ping");
    }
    let seen = server.seen().clone();
    let token = format!("localhost:{}/?Action=connect&DBUser=app&", server.port);
    for answer in &seen {
        let said = text(answer);
        assert!(
            said.contains(&token) && said.contains("mysql_clear_password"),
            "{said}"
        );
        assert!(
            said.contains("app\0") && said.contains("\0lake\0"),
            "{said}"
        );
    }
    assert_eq!(seen.len(), 3);
}

#[test]
fn what_is_no_answer_or_of_another_user_is_refused() {
    let (_home, server, proxy) = serving(of_mysql(Asks::ClearText));
    let refused = |capabilities, user: &str| {
        let mut client = Client::of(proxy.port);
        client.packet();
        client.answers(capabilities, user, NATIVE);
        client.error()
    };
    let (number, code, words) = refused(CLIENT, "root");
    assert_eq!((number, code), (2, 1045));
    assert!(
        words.starts_with("#28000") && words.contains("connect as app"),
        "{words}"
    );
    let (_, code, words) = refused(CLIENT | TLS, "app");
    assert!(code == 1043 && words.contains("it asks for TLS"), "{words}");
    let (_, code, words) = refused(0, "app");
    assert!(code == 1043 && words.contains("broken"), "{words}");
    for garbage in [&[0xff; 4096][..], b"GET / HTTP/1.1\r\n\r\n", &[0; 8]] {
        let mut client = Client::of(proxy.port);
        client.packet();
        client.0.write_all(garbage).expect("sent");
        assert_eq!(client.error().1, 1043);
    }
    assert!(server.seen().is_empty());
}

#[test]
fn a_server_that_is_not_the_right_one_gets_no_login() {
    for (asks, words) in [
        (Asks::NoTls, "offers no TLS"),
        (Asks::Http, "does not speak as mysql"),
        (Asks::Nothing, "Host is blocked"),
    ] {
        let (_home, server, proxy) = serving(of_mysql(asks));
        let (number, _, said) = Client::of(proxy.port).error();
        assert!(number == 0 && said.contains(words), "{said}");
        assert!(server.seen().is_empty());
    }
    let settings = Settings {
        certified: "other.example",
        ..of_mysql(Asks::ClearText)
    };
    let refusing = Settings {
        refused: vec![ANY],
        ..of_mysql(Asks::ClearText)
    };
    for (settings, words) in [
        (settings, "is for another name"),
        (of_mysql(Asks::Md5), "takes no token for app"),
        (refusing, "Access denied (check that IAM"),
    ] {
        let (_home, _server, proxy) = serving(settings);
        let mut client = Client::of(proxy.port);
        client.packet();
        client.answers(CLIENT, "app", NATIVE);
        let (number, _, said) = client.error();
        assert!(number == 2 && said.contains(words), "{said}");
    }
}

#[test]
fn an_identity_that_is_signed_out_is_an_error_before_the_greeting() {
    let (home, server, proxy) = serving(of_mysql(Asks::ClearText));
    assert_eq!(code(&home.run(&["logout", "dev"])), 0);
    let (number, code, said) = Client::of(proxy.port).error();
    assert_eq!((number, code), (0, 1045));
    assert!(
        said.contains("signed out") && said.contains("fob login dev"),
        "{said}"
    );
    assert!(server.seen().is_empty());
}
