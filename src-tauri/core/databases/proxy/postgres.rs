//! The start of a connection in PostgreSQL's protocol, on both sides. The client's parameters go on
//! as they came; what the server asks for is given in place of the client.

use super::super::DatabaseToken;
use super::login::ServedDatabase;
use super::parting::{Parting, part};
use super::postgres_message::{
    AUTHENTICATION, BackendMessage, ERROR, NOTICE, PROTOCOL, fatal, length,
};
use super::server::{connect, no_tls, not_understood, secured, too_slow};
use crate::error::{Code, Error, Result};
use crate::foreign::Foreign;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use zeroize::Zeroizing;

/// For a client to say what it wants.
const START_LIMIT: Duration = Duration::from_secs(10);
/// For a server to accept a login: what PAM asks may be far away.
const SIGN_IN_LIMIT: Duration = Duration::from_secs(30);
/// PostgreSQL's own.
const LONGEST_START: usize = 10_000;
/// TLS and GSS may be asked for once each.
const MOST_REQUESTS: usize = 3;
const TLS_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;
const LONGEST_CANCEL: usize = 12 + 256;
/// Of a server, kept for the client until the login is accepted, but for one more message.
const MOST_SAID: usize = 1 << 16;
const TERMINATE: &[u8] = b"X\0\0\0\x04";

pub async fn serve(mut client: TcpStream, database: &ServedDatabase) {
    let parted = match begin(&mut client, database).await {
        Ok(Some(server)) => return database.threads.copy(client, server).await,
        Ok(None) | Err(Parting::Gone) => return,
        Err(parted) => parted,
    };
    match parted {
        Parting::Gone => {}
        Parting::Refused(error) => {
            tracing::info!(database = database.name, %error, "a connection was refused");
            part(client, &fatal(&error).bytes()).await;
        }
        Parting::Said { message, .. } => part(client, &message).await,
    }
}

/// What a client begins with.
enum Start {
    /// With the code of the version before the parameters.
    Session(Vec<u8>),
    /// Whole.
    Cancel(Vec<u8>),
}

/// The server that is signed in to; `None` after a request that needs no more.
async fn begin(
    client: &mut TcpStream,
    database: &ServedDatabase,
) -> Result<Option<TlsStream<TcpStream>>, Parting> {
    let start = timeout(START_LIMIT, start(client, database)).await;
    let parameters = match start.unwrap_or_else(|_| Err(no_start("nothing came").into()))? {
        Start::Session(parameters) => parameters,
        Start::Cancel(request) => {
            cancel(client, database, &request).await?;
            return Ok(None);
        }
    };
    let parameters = Parameters::read(&parameters)?;
    database.refuse_user(&parameters.user(), "psql -U, or PGUSER")?;
    let login = database.login().await?;
    let signed_in = match sign_in(database, &parameters, &login).await {
        Err(Parting::Said {
            refuses_login: true,
            ..
        }) if database.has_password => {
            let login = database.login_after(&login).await?;
            sign_in(database, &parameters, &login).await
        }
        first => first,
    };
    let (server, said) = signed_in.map(|it| (it.server, it.said))?;
    client.write_all(&said).await?;
    Ok(Some(server))
}

async fn start(client: &mut TcpStream, database: &ServedDatabase) -> Result<Start, Parting> {
    for _ in 0..MOST_REQUESTS {
        let first = client.read_u32().await?;
        let length = first as usize;
        if !(8..=LONGEST_START).contains(&length) {
            return Err(not_started(first).into());
        }
        let mut body = vec![0; length - 4];
        client.read_exact(&mut body).await?;
        let code = body
            .first_chunk()
            .map_or(0, |code| u32::from_be_bytes(*code));
        match code {
            TLS_REQUEST | GSS_REQUEST if length == 8 => client.write_all(b"N").await?,
            CANCEL_REQUEST if (12..=LONGEST_CANCEL).contains(&length) => {
                return Ok(Start::Cancel([&first.to_be_bytes()[..], &body].concat()));
            }
            _ if code >> 16 == 3 => return Ok(Start::Session(body)),
            _ => {
                tracing::debug!(database = database.name, code, "an unknown start");
                return Err(no_start("it speaks another version").into());
            }
        }
    }
    Err(no_start("it asks for TLS over and over").into())
}

fn no_start(why: &str) -> Error {
    let message = format!("this is no start of a PostgreSQL connection: {why}");
    Error::new(Code::InvalidInput, message).hint("connect with a client of PostgreSQL")
}

/// TLS without a question begins with its own kind of record.
fn not_started(first: u32) -> Error {
    const HANDSHAKE: u8 = 0x16;
    if first.to_be_bytes()[0] == HANDSHAKE {
        return no_start("it is TLS, which this port leaves to the way to the server")
            .hint("sslmode=disable or prefer, and no sslnegotiation=direct");
    }
    no_start("it has no length that one has")
}

/// The version, and pairs of texts that end with a zero byte.
struct Parameters<'a> {
    version: &'a [u8],
    pairs: Vec<[&'a [u8]; 2]>,
}

impl Parameters<'_> {
    fn read(body: &[u8]) -> Result<Parameters<'_>> {
        let broken = || no_start("its parameters are broken");
        let (version, rest) = body.split_at_checked(4).ok_or_else(broken)?;
        let texts = rest.strip_suffix(&[0]).ok_or_else(broken)?;
        let texts = texts.strip_suffix(&[0]).ok_or_else(broken)?;
        let texts: Vec<&[u8]> = texts.split(|b| *b == 0).collect();
        let pairs = texts.chunks(2).map(|pair| match pair {
            [name, value] if !name.is_empty() => Ok([*name, *value]),
            _ => Err(broken()),
        });
        Ok(Parameters {
            version,
            pairs: pairs.collect::<Result<_>>()?,
        })
    }

    fn value(&self, name: &str) -> Option<&[u8]> {
        let mut pairs = self.pairs.iter();
        pairs.find_map(|[key, value]| (*key == name.as_bytes()).then_some(*value))
    }

    fn user(&self) -> String {
        String::from_utf8_lossy(self.value("user").unwrap_or_default()).into_owned()
    }

    /// With the user of the login: a secret's may change with its password, and the database that
    /// is meant when none is named does not.
    fn message(&self, user: &str) -> Vec<u8> {
        let mut body = self.version.to_vec();
        let mut put = |name: &[u8], value: &[u8]| {
            for text in [name, value] {
                body.extend_from_slice(text);
                body.push(0);
            }
        };
        put(b"user", user.as_bytes());
        if self.value("database").is_none_or(<[u8]>::is_empty) {
            put(b"database", self.user().as_bytes());
        }
        for [name, value] in &self.pairs {
            let is_put = *name == b"user" || *name == b"database" && value.is_empty();
            if !is_put {
                put(name, value);
            }
        }
        body.push(0);
        [&length(body.len())[..], &body].concat()
    }
}

async fn cancel(
    client: &mut TcpStream,
    database: &ServedDatabase,
    request: &[u8],
) -> Result<(), Parting> {
    let mut server = secure_connection(database).await?;
    server.write_all(request).await?;
    server.flush().await?;
    // The server answers by closing, once it is done.
    let _ = timeout(START_LIMIT, copy_bidirectional(client, &mut server)).await;
    Ok(())
}

async fn secure_connection(database: &ServedDatabase) -> Result<TlsStream<TcpStream>, Parting> {
    let mut plain = connect(database).await?;
    let request = [8_u32.to_be_bytes(), TLS_REQUEST.to_be_bytes()].concat();
    let answer = async {
        plain.write_all(&request).await?;
        plain.read_u8().await
    };
    let answer = timeout(START_LIMIT, answer).await;
    match answer.map_err(|_| too_slow(database))? {
        Ok(b'S') => Ok(secured(plain, database).await?),
        Ok(b'N') => Err(no_tls(database).into()),
        Ok(_) | Err(_) => Err(not_understood(database, "it answers no request for TLS").into()),
    }
}

struct PostgresSession {
    server: TlsStream<TcpStream>,
    /// For the client, up to the acceptance of the login.
    said: Vec<u8>,
}

async fn sign_in(
    database: &ServedDatabase,
    parameters: &Parameters<'_>,
    login: &DatabaseToken,
) -> Result<PostgresSession, Parting> {
    let mut server = secure_connection(database).await?;
    server.write_all(&parameters.message(&login.user)).await?;
    let mut dialogue = Dialogue {
        database,
        login,
        scram: None,
    };
    let mut said = Vec::new();
    let accepted = async {
        loop {
            let message = BackendMessage::read(&mut server).await.map_err(|_| {
                not_understood(
                    database,
                    "it closed the connection before it accepted a login",
                )
            })?;
            let unknown = || not_understood(database, "its message is not known");
            let message = message.ok_or_else(unknown)?;
            match message.kind {
                AUTHENTICATION => match dialogue.answer(&message)? {
                    LoginStep::Accepted => {
                        said.extend_from_slice(&message.bytes());
                        return Ok(());
                    }
                    LoginStep::Nothing => {}
                    LoginStep::With(answer) => {
                        server.write_all(&answer).await?;
                        server.flush().await?;
                    }
                },
                NOTICE | PROTOCOL if said.len() < MOST_SAID => {
                    said.extend_from_slice(&message.bytes());
                }
                NOTICE | PROTOCOL => {
                    let what = "it says more than any does before it accepts a login";
                    return Err(not_understood(database, what).into());
                }
                ERROR => return Err(refused(database, message)),
                _ => return Err(unknown().into()),
            }
        }
    };
    let accepted = timeout(SIGN_IN_LIMIT, accepted).await;
    accepted.map_err(|_| too_slow(database))??;
    Ok(PostgresSession { server, said })
}

/// `None`: only whether it is there.
pub async fn try_out(
    database: &ServedDatabase,
    login: Option<&DatabaseToken>,
) -> Result<(), Parting> {
    let Some(login) = login else {
        return secure_connection(database).await.map(drop);
    };
    let parameters = Parameters {
        version: &[0, 3, 0, 0],
        pairs: vec![[b"user", database.user.as_bytes()]],
    };
    let mut server = sign_in(database, &parameters, login).await?.server;
    server.write_all(TERMINATE).await?;
    server.flush().await?;
    Ok(())
}

/// What a server said in place of accepting a login.
pub fn refusal(message: &[u8]) -> Error {
    let message = BackendMessage {
        kind: ERROR,
        body: message.get(5..).unwrap_or_default().to_vec(),
    };
    let text = |name| {
        let field = message.field(name).map(String::from_utf8_lossy);
        field.map(|it| Foreign::new(&it))
    };
    let error = Error::new(Code::AccessDenied, text(b'M').unwrap_or_default());
    match text(b'H') {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// In the server's words, and what to do where it is the login that it refuses.
fn refused(database: &ServedDatabase, message: BackendMessage) -> Parting {
    let state = message.field(b'C').unwrap_or_default();
    let refuses_login = state.starts_with(b"28");
    let message = if refuses_login && !database.has_password {
        message.hinted(&iam_hint(database))
    } else {
        message
    };
    Parting::Said {
        message: message.bytes(),
        refuses_login,
    }
}

fn iam_hint(database: &ServedDatabase) -> String {
    let user = &database.user;
    format!(
        "check that IAM authentication is enabled for the database, {user} is allowed it (GRANT \
         rds_iam TO {user}) and the identity may rds-db:connect as {user}; `fob rds token --help` \
         lists all"
    )
}

/// What the server asks for, and the login that it gets.
struct Dialogue<'a> {
    database: &'a ServedDatabase,
    login: &'a DatabaseToken,
    scram: Option<ScramSha256>,
}

enum LoginStep {
    Accepted,
    Nothing,
    With(Zeroizing<Vec<u8>>),
}

impl Dialogue<'_> {
    fn answer(&mut self, message: &BackendMessage) -> Result<LoginStep> {
        let (secret, rest) = (self.login.token.expose(), message.body.get(4..));
        let rest = rest.unwrap_or_default();
        let is_token = !self.database.has_password;
        match message.code() {
            Some(0) => Ok(LoginStep::Accepted),
            Some(3) => Ok(zero_ended(secret.as_bytes())),
            Some(5 | 10) if is_token => Err(self.no_iam()),
            Some(5) => {
                let salt = rest.try_into().map_err(|_| self.broken())?;
                let hash = md5_hash(self.login.user.as_bytes(), secret.as_bytes(), salt);
                Ok(zero_ended(hash.as_bytes()))
            }
            Some(10)
                if rest
                    .split(|b| *b == 0)
                    .any(|it| it == SCRAM_SHA_256.as_bytes()) =>
            {
                let scram = ScramSha256::new(secret.as_bytes(), ChannelBinding::unsupported());
                let first = scram.message();
                let size = u32::try_from(first.len()).map_err(|_| self.broken())?;
                let mut body = [SCRAM_SHA_256.as_bytes(), &[0]].concat();
                body.extend_from_slice(&size.to_be_bytes());
                body.extend_from_slice(first);
                self.scram = Some(scram);
                Ok(response(&body))
            }
            Some(11) => {
                let scram = self.scram.as_mut();
                let next =
                    scram.and_then(|it| it.update(rest).ok().map(|()| response(it.message())));
                next.ok_or_else(|| self.broken())
            }
            // Also the server knows the password.
            Some(12) => {
                let scram = self.scram.as_mut();
                let finished = scram.and_then(|it| it.finish(rest).ok());
                let finished = finished.map(|()| LoginStep::Nothing);
                finished.ok_or_else(|| self.broken())
            }
            Some(_) | None => Err(not_understood(
                self.database,
                "it asks for another proof than a password",
            )),
        }
    }

    fn broken(&self) -> Error {
        not_understood(self.database, "its request for a password is broken")
    }

    fn no_iam(&self) -> Error {
        let ServedDatabase { name, user, .. } = self.database;
        let message = format!("{name} takes no token for {user}: it asks for a password");
        Error::new(Code::AccessDenied, message).hint(iam_hint(self.database))
    }
}

fn zero_ended(text: &[u8]) -> LoginStep {
    let mut body = Zeroizing::new(Vec::with_capacity(text.len() + 1));
    body.extend_from_slice(text);
    body.push(0);
    response(&body)
}

fn response(body: &[u8]) -> LoginStep {
    let mut message = Zeroizing::new(Vec::with_capacity(body.len() + 5));
    message.push(b'p');
    message.extend_from_slice(&length(body.len()));
    message.extend_from_slice(body);
    LoginStep::With(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: &[u8] = &[0, 3, 0, 2];

    fn body(rest: &[u8]) -> Vec<u8> {
        [VERSION, rest].concat()
    }

    #[test]
    fn parameters_go_on_as_they_came_but_for_the_user() {
        let read = body(b"user\0app\0options\0-c a=b\0application_name\0\0\0");
        let parameters = Parameters::read(&read).expect("good ones");
        assert_eq!(parameters.user(), "app");
        let rest = b"user\0app2\0database\0app\0options\0-c a=b\0application_name\0\0\0";
        let body = body(rest);
        let message = [&length(body.len())[..], &body].concat();
        assert_eq!(parameters.message("app2"), message);
    }

    #[test]
    fn broken_parameters_are_refused() {
        for broken in [
            &b""[..],
            b"\0",
            b"user",
            b"user\0app",
            b"user\0app\0",
            b"user\0\0",
            b"\0app\0\0",
        ] {
            let body = body(broken);
            let read = Parameters::read(&body).map(|it| it.pairs.len());
            let code = read.map_err(|error| error.code);
            assert_eq!(code, Err(Code::InvalidInput), "{broken:?}");
        }
        assert!(Parameters::read(&[0, 3]).is_err());
    }
}
