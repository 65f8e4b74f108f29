//! The start of a connection in the protocol of MySQL and MariaDB, on both sides. The server's
//! greeting goes on to the client, which is let in with any password; the login is sent to the
//! server inside TLS alone.

use super::super::DatabaseToken;
use super::login::ServedDatabase;
use super::mysql_packet::{
    CACHING_SHA2, CLEAR, ErrorForm, Greeting, HandshakeAnswer, NATIVE, NoAnswer, Packet, TLS,
    code_of, error, new_scramble, packet, switch_to, switched_to, write,
};
use super::parting::{Parting, part};
use super::server::{connect, no_tls, not_understood, secured, too_slow};
use crate::error::{Code, Error, Result, shorten};
use crate::foreign::Foreign;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA1_OUTPUT_LEN};
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use zeroize::Zeroizing;

/// For a client to answer the greeting.
const START_LIMIT: Duration = Duration::from_secs(10);
/// For a server to accept a login: what PAM asks may be far away.
const SIGN_IN_LIMIT: Duration = Duration::from_secs(30);
/// What a server says first.
const GREETING_LIMIT: Duration = Duration::from_secs(10);
/// MariaDB's PAM.
const DIALOG: &str = "dialog";
/// Of the answers of caching_sha2_password.
const KNOWN: u8 = 3;
const WANTS_PASSWORD: u8 = 4;
const ACCESS_DENIED: [u16; 2] = [1045, 1698];
const QUIT: &[u8] = &[1];

pub async fn serve(mut client: TcpStream, database: &ServedDatabase) {
    let mut next = NextPacket {
        number: 0,
        form: ErrorForm::BeforeTheGreeting,
    };
    let parted = match begin(&mut client, database, &mut next).await {
        Ok(server) => return database.threads.copy(client, server).await,
        Err(parted) => parted,
    };
    let payload = match parted {
        Parting::Gone => return,
        Parting::Refused(why) => {
            tracing::info!(database = database.name, error = %why, "a connection was refused");
            error(&why, next.form)
        }
        Parting::Said {
            mut message,
            refuses_login,
        } => {
            // The protocol has no field for a hint.
            if refuses_login && !database.has_password {
                message.extend_from_slice(format!(" ({})", iam_hint(database)).as_bytes());
            }
            message
        }
    };
    part(client, &packet(next.number, &payload)).await;
}

/// The next packet that the client expects.
struct NextPacket {
    number: u8,
    form: ErrorForm,
}

/// The server that is signed in to, as the client knows.
async fn begin(
    client: &mut TcpStream,
    database: &ServedDatabase,
    next: &mut NextPacket,
) -> Result<TlsStream<TcpStream>, Parting> {
    // First: a server waits for an answer to its greeting only so long.
    let login = database.login().await?;
    let first = Greeted::by(database).await?;
    let scramble = new_scramble();
    write(client, 0, &first.greeting.for_the_client(&scramble)).await?;
    *next = NextPacket {
        number: 2,
        form: ErrorForm::WithState,
    };
    let answering = answered(client, &scramble, next, database);
    let late = |_| refused_client("nothing came");
    let answer = timeout(START_LIMIT, answering).await.map_err(late)??;
    let signed_in = match first.sign_in(database, &answer, &login).await {
        Err(Parting::Said {
            refuses_login: true,
            ..
        }) if database.has_password => {
            let login = database.login_after(&login).await?;
            let again = Greeted::by(database).await?;
            again.sign_in(database, &answer, &login).await
        }
        first => first,
    };
    let (server, accepted) = signed_in.map(|it| (it.server, it.accepted))?;
    write(client, next.number, &accepted).await?;
    Ok(server)
}

fn refused_client(why: &str) -> Error {
    let message = format!("this is no start of a MySQL connection: {why}");
    Error::new(Code::InvalidInput, message).hint("connect with a client of MySQL or MariaDB")
}

/// The client's answer, after its plugin has given whatever proof it gives.
async fn answered(
    client: &mut TcpStream,
    scramble: &[u8],
    next: &mut NextPacket,
    database: &ServedDatabase,
) -> Result<HandshakeAnswer, Parting> {
    let packet = Packet::read(client).await?;
    let packet = packet.ok_or_else(|| refused_client("its packet has no length that one has"))?;
    let answer = HandshakeAnswer::read(&packet.payload).map_err(|why| match why {
        NoAnswer::WantsTls => {
            refused_client("it asks for TLS, which this port leaves to the way to the server")
                .hint("--ssl-mode=PREFERRED or DISABLED; MariaDB: --skip-ssl")
        }
        NoAnswer::Broken => refused_client("its answer is broken"),
    })?;
    let user = String::from_utf8_lossy(&answer.user);
    database.refuse_user(&user, "mysql --user")?;
    match answer.plugin.as_deref() {
        None | Some(NATIVE) => {}
        // The one that clients cannot do without.
        Some(CACHING_SHA2) => {
            write(client, next.number, &switch_to(CACHING_SHA2, scramble)).await?;
            let proof = Packet::read(client).await?;
            next.number += 2;
            // Without a password it waits for no word on it.
            if proof.is_some_and(|it| it.payload.len() > 1) {
                write(client, next.number, &[1, KNOWN]).await?;
                next.number += 1;
            }
        }
        Some(_) => {
            write(client, next.number, &switch_to(NATIVE, scramble)).await?;
            // One without a password is empty.
            Packet::read(client).await?;
            next.number += 2;
        }
    }
    Ok(answer)
}

/// A server that has greeted.
struct Greeted {
    stream: TcpStream,
    greeting: Greeting,
}

struct MysqlSession {
    server: TlsStream<TcpStream>,
    /// The server's word for it.
    accepted: Vec<u8>,
}

impl Greeted {
    async fn by(database: &ServedDatabase) -> Result<Greeted, Parting> {
        let mut stream = connect(database).await?;
        let unknown = || not_understood(database, "its greeting is not known");
        let packet = timeout(GREETING_LIMIT, Packet::read(&mut stream)).await;
        let packet = packet.map_err(|_| too_slow(database))?;
        let packet = packet.map_err(|_| unknown())?.ok_or_else(unknown)?;
        if code_of(&packet.payload).is_some() {
            return Err(Parting::Said {
                message: packet.payload,
                refuses_login: false,
            });
        }
        let greeting = Greeting::read(packet.payload).ok_or_else(unknown)?;
        if greeting.capabilities & TLS == 0 {
            return Err(no_tls(database).into());
        }
        Ok(Greeted { stream, greeting })
    }

    async fn sign_in(
        self,
        database: &ServedDatabase,
        answer: &HandshakeAnswer,
        login: &DatabaseToken,
    ) -> Result<MysqlSession, Parting> {
        let greeting = self.greeting;
        let mut server = secure(self.stream, database, answer).await?;
        let plugin = match greeting.plugin.as_str() {
            _ if !database.has_password => CLEAR,
            CACHING_SHA2 => CACHING_SHA2,
            _ => NATIVE,
        };
        let proofs = Proofs { database, login };
        let proof = proofs.of(plugin, &greeting.scramble)?;
        let payload = answer.with_login(&login.user, plugin, &proof);
        let accepting = async {
            write(&mut server, 2, &payload).await?;
            loop {
                let gone = "it closed the connection before it accepted a login";
                let packet = Packet::read(&mut server).await;
                let packet = packet.map_err(|_| not_understood(database, gone))?;
                let unknown = || not_understood(database, "its packet is not known");
                let Packet { number, payload } = packet.ok_or_else(unknown)?;
                match payload.as_slice() {
                    [0, ..] => return Ok(payload),
                    [0xff, ..] => return Err(refused(payload)),
                    [1, KNOWN] => {}
                    [1, WANTS_PASSWORD] => {
                        let proof = proofs.of(CLEAR, &[])?;
                        write(&mut server, number.wrapping_add(1), &proof).await?;
                    }
                    _ => {
                        let (plugin, scramble) = switched_to(&payload).ok_or_else(unknown)?;
                        let plugin = String::from_utf8_lossy(plugin);
                        let proof = proofs.of(&plugin, scramble)?;
                        write(&mut server, number.wrapping_add(1), &proof).await?;
                    }
                }
            }
        };
        let accepted = timeout(SIGN_IN_LIMIT, accepting).await;
        let accepted = accepted.map_err(|_| too_slow(database))??;
        Ok(MysqlSession { server, accepted })
    }
}

async fn secure(
    mut stream: TcpStream,
    database: &ServedDatabase,
    answer: &HandshakeAnswer,
) -> Result<TlsStream<TcpStream>, Parting> {
    write(&mut stream, 1, &answer.tls_request()).await?;
    Ok(secured(stream, database).await?)
}

/// `None`: only whether it is there.
pub async fn try_out(
    database: &ServedDatabase,
    login: Option<&DatabaseToken>,
) -> Result<(), Parting> {
    let (greeted, answer) = (Greeted::by(database).await?, HandshakeAnswer::plain());
    let Some(login) = login else {
        return secure(greeted.stream, database, &answer).await.map(drop);
    };
    let mut server = greeted.sign_in(database, &answer, login).await?.server;
    Ok(write(&mut server, 0, QUIT).await?)
}

/// What a server said in place of accepting a login, and what to do about that.
pub fn refusal(database: &ServedDatabase, message: &[u8]) -> Error {
    let refuses_login = code_of(message).is_some_and(|code| ACCESS_DENIED.contains(&code));
    let text = message.get(3..).unwrap_or_default();
    let text = match text {
        [b'#', _, _, _, _, _, text @ ..] => text,
        text => text,
    };
    let text = Foreign::new(&String::from_utf8_lossy(text));
    let error = Error::new(Code::AccessDenied, text);
    if refuses_login && !database.has_password {
        error.hint(iam_hint(database))
    } else {
        error
    }
}

fn refused(message: Vec<u8>) -> Parting {
    Parting::Said {
        refuses_login: code_of(&message).is_some_and(|code| ACCESS_DENIED.contains(&code)),
        message,
    }
}

fn iam_hint(database: &ServedDatabase) -> String {
    let user = &database.user;
    format!(
        "check that IAM authentication is enabled for the database, {user} is IDENTIFIED WITH \
         AWSAuthenticationPlugin AS 'RDS' and the identity may rds-db:connect as {user}; \
         `fob rds token --help` lists all"
    )
}

/// What a server gets as the proof of the login, inside TLS.
struct Proofs<'a> {
    database: &'a ServedDatabase,
    login: &'a DatabaseToken,
}

impl Proofs<'_> {
    fn of(&self, plugin: &str, scramble: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let secret = self.login.token.expose().as_bytes();
        let ServedDatabase { name, user, .. } = self.database;
        match plugin {
            CLEAR | DIALOG => {
                let mut text = Zeroizing::new(Vec::with_capacity(secret.len() + 1));
                text.extend_from_slice(secret);
                text.push(0);
                Ok(text)
            }
            _ if !self.database.has_password => {
                let plugin = shorten(plugin);
                let message = format!("{name} takes no token for {user}: it asks for {plugin}");
                Err(Error::new(Code::AccessDenied, message).hint(iam_hint(self.database)))
            }
            NATIVE => Ok(native(secret, scramble)),
            CACHING_SHA2 => Ok(caching_sha2(secret, scramble)),
            other => {
                let message = format!("{name} asks for {}, which is not known", shorten(other));
                Err(Error::new(Code::Unsupported, message).hint(format!(
                    "known: {NATIVE}, {CACHING_SHA2}, {CLEAR}, {DIALOG}"
                )))
            }
        }
    }
}

fn native(password: &[u8], scramble: &[u8]) -> Zeroizing<Vec<u8>> {
    let sha1 = |text: &[u8]| -> [u8; SHA1_OUTPUT_LEN] {
        let digest = ring::digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, text);
        digest.as_ref().try_into().expect("SHA-1 has 20 bytes")
    };
    let once = sha1(password);
    let mask = sha1(&[scramble, &sha1(&once)].concat());
    Zeroizing::new(once.iter().zip(mask).map(|(a, b)| a ^ b).collect())
}

fn caching_sha2(password: &[u8], scramble: &[u8]) -> Zeroizing<Vec<u8>> {
    let once = Sha256::digest(password);
    let twice = Sha256::digest(once);
    let mask = Sha256::digest([&twice[..], scramble].concat());
    Zeroizing::new(once.iter().zip(mask).map(|(a, b)| a ^ b).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the servers check them: each knows only what the password was hashed to.
    #[test]
    fn a_proof_shows_the_password_without_holding_it() {
        let (password, scramble) = (b"hunter2", b"abcdefghijklmnopqrst");
        let sha1 = |text: &[u8]| {
            let digest = ring::digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, text);
            digest.as_ref().to_vec()
        };
        let known = sha1(&sha1(password));
        let mask = sha1(&[&scramble[..], &known].concat());
        let proof = native(password, scramble);
        let once: Vec<u8> = proof.iter().zip(mask).map(|(a, b)| a ^ b).collect();
        assert_eq!(sha1(&once), known);

        let known = Sha256::digest(Sha256::digest(password));
        let mask = Sha256::digest([&known[..], scramble].concat());
        let proof = caching_sha2(password, scramble);
        let once: Vec<u8> = proof.iter().zip(mask).map(|(a, b)| a ^ b).collect();
        assert_eq!(Sha256::digest(&once), known);
    }
}
