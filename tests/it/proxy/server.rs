//! A database server as far as the start of a connection goes: what it asks for is set, and what it
//! got is noted. What comes after the start it sends back.

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub const ANY: &str = "*";

#[derive(Clone, Debug)]
pub struct Settings {
    pub engine: &'static str,
    /// As the configuration names it, and as the certificate does.
    pub host: &'static str,
    pub certified: &'static str,
    pub is_expired: bool,
    /// It signs others.
    pub is_authority: bool,
    pub asks_for: Asks,
    /// Passwords that it refuses; also [`ANY`].
    pub refused: Vec<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    ClearText,
    Md5,
    Scram,
    /// It closes the connection in place of asking.
    Nothing,
    /// It says things without an end.
    Chatters,
    /// It answers that it has no TLS.
    NoTls,
    /// It is no PostgreSQL.
    Http,
}

impl Settings {
    pub fn good() -> Settings {
        Settings {
            engine: "postgres",
            host: "localhost",
            certified: "localhost",
            is_expired: false,
            is_authority: false,
            asks_for: Asks::ClearText,
            refused: Vec::new(),
        }
    }

    pub fn asking(asks_for: Asks) -> Settings {
        Settings {
            asks_for,
            ..Settings::good()
        }
    }
}

pub struct Server {
    pub engine: &'static str,
    pub host: &'static str,
    pub port: u16,
    pub certificate: PathBuf,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    _folder: tempfile::TempDir,
}

impl Server {
    pub fn start(settings: Settings) -> Server {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([settings.certified.to_owned()]).expect("a name");
        if settings.is_expired {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        }
        if settings.is_authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let certificate = params.self_signed(&key).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, certificate.pem()).expect("written");
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .expect("a certificate");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("set");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::default();
        let noted = Arc::clone(&seen);
        let Settings { engine, host, .. } = settings;
        std::thread::spawn(move || {
            crate::home::wait_for(serve(listener, Arc::new(settings), tls, noted));
        });
        Server {
            engine,
            host,
            port,
            certificate: path,
            seen,
            _folder: folder,
        }
    }

    /// What came to it: the start of each connection, and each password.
    pub fn seen(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.seen.lock().expect("no panic")
    }
}

async fn serve(
    listener: std::net::TcpListener,
    settings: Arc<Settings>,
    tls: ServerConfig,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
) {
    let listener = TcpListener::from_std(listener).expect("in a runtime");
    let tls = TlsAcceptor::from(Arc::new(tls));
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let (settings, tls, seen) = (settings.clone(), tls.clone(), seen.clone());
        // What goes wrong is what the test is about.
        tokio::spawn(async move {
            match settings.engine {
                "postgres" => postgres(stream, &settings, &tls, &seen).await,
                _ => super::mysql::serve(stream, &settings, &tls, &seen).await,
            }
        });
    }
}

async fn postgres(
    mut stream: TcpStream,
    settings: &Settings,
    tls: &TlsAcceptor,
    seen: &Mutex<Vec<Vec<u8>>>,
) -> io::Result<()> {
    let note = |bytes: Vec<u8>| seen.lock().expect("no panic").push(bytes);
    let mut request = [0; 8];
    stream.read_exact(&mut request).await?;
    match settings.asks_for {
        Asks::NoTls => {
            note(b"no TLS".to_vec());
            return stream.write_all(b"N").await;
        }
        Asks::Http => return stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await,
        Asks::ClearText | Asks::Md5 | Asks::Scram | Asks::Nothing | Asks::Chatters => {}
    }
    stream.write_all(b"S").await?;
    let mut stream = tls.accept(stream).await?;
    let length = stream.read_u32().await? as usize;
    let mut start = vec![0; length - 4];
    stream.read_exact(&mut start).await?;
    let is_cancel = start.starts_with(&80_877_102_u32.to_be_bytes());
    note(start);
    let asks: &[u8] = match settings.asks_for {
        _ if is_cancel => return Ok(()),
        Asks::ClearText => b"R\0\0\0\x08\0\0\0\x03",
        Asks::Md5 => b"R\0\0\0\x0c\0\0\0\x05salt",
        Asks::Scram => b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0",
        Asks::Chatters => loop {
            stream
                .write_all(b"N\0\0\0\x1bSNOTICE\0C00000\0Mhello\0\0")
                .await?;
        },
        Asks::Nothing | Asks::NoTls | Asks::Http => return Ok(()),
    };
    stream.write_all(asks).await?;
    stream.flush().await?;
    assert_eq!(stream.read_u8().await?, b'p');
    let length = stream.read_u32().await? as usize;
    let mut password = vec![0; length - 4];
    stream.read_exact(&mut password).await?;
    password.pop();
    note(password.clone());
    let is_refused = |it: &&str| *it == ANY || it.as_bytes() == password;
    if settings.refused.iter().any(is_refused) {
        let fields = b"SFATAL\0C28P01\0Mpassword authentication failed\0\0";
        stream.write_all(b"E\0\0\0").await?;
        stream
            .write_u8(u8::try_from(fields.len() + 4).expect("short"))
            .await?;
        stream.write_all(fields).await?;
        return stream.shutdown().await;
    }
    stream
        .write_all(b"R\0\0\0\x08\0\0\0\0S\0\0\0\x10server\0test\0Z\0\0\0\x05I")
        .await?;
    stream.flush().await?;
    let mut bytes = [0; 4096];
    loop {
        let read = stream.read(&mut bytes).await?;
        if read == 0 {
            return stream.shutdown().await;
        }
        stream.write_all(&bytes[..read]).await?;
        stream.flush().await?;
    }
}
