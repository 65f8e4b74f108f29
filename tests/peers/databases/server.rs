//! PostgreSQL and MariaDB of Debian, with TLS, and with PAM that lets in whoever has a good token.
//! Only root can write what PAM does, and become the user of a server.

use crate::home::Home;
use rcgen::{CertificateParams, KeyPair};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Of the one user who has a password in the place of a token.
pub const PASSWORD: &str = "hunter2 höhö";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Postgres,
    Mariadb,
}

impl Engine {
    pub fn as_str(self) -> &'static str {
        match self {
            Engine::Postgres => "postgres",
            Engine::Mariadb => "mariadb",
        }
    }

    /// Whom its server runs as.
    fn user(self) -> &'static str {
        match self {
            Engine::Postgres => "postgres",
            Engine::Mariadb => "mysql",
        }
    }
}

pub struct Server {
    engine: Engine,
    pub port: u16,
    folder: TempDir,
    service: PathBuf,
    child: Child,
}

impl Server {
    pub fn start(engine: Engine) -> Server {
        let folder = TempDir::with_prefix("kfdb").expect("a folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("it is ours");
        let port = free_port();
        let below = |name: &str| folder.path().join(name);
        for (name, text) in [
            ("check.py", include_str!("check.py")),
            ("session.py", include_str!("session.py")),
            ("keys.json", "{}"),
            ("logins", ""),
            ("address", &format!("localhost:{port}")),
        ] {
            fs::write(below(name), text).expect("written");
        }
        fs::set_permissions(below("logins"), Permissions::from_mode(0o666)).expect("ours");
        let name = format!("keyfob-{port}");
        let service = Path::new("/etc/pam.d").join(&name);
        let check = below("check.py").display().to_string();
        let auth = format!(
            "auth required pam_exec.so expose_authtok quiet /usr/bin/python3 {check}\n\
             account required pam_permit.so\n"
        );
        fs::write(&service, auth).expect("these tests run as root");
        certify(folder.path(), engine);
        let child = match engine {
            Engine::Postgres => postgres(folder.path(), port, &name),
            Engine::Mariadb => mariadb(folder.path(), port),
        };
        let mut server = Server {
            engine,
            port,
            folder,
            service,
            child,
        };
        server.is_ready();
        server.make_users(&name);
        server
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// What prints a session of so many seconds.
    pub fn sessions_of(&self, seconds: u32) -> String {
        format!("/usr/bin/python3 {} {seconds}", self.path("session.py"))
    }

    /// A line for each login that PAM was asked about.
    pub fn logins(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("logins")).expect("text");
        text.lines().map(str::to_owned).collect()
    }

    /// As its administrator.
    pub fn administer(&self, sql: &str) -> bool {
        let socket = self.path("socket");
        let mut client = match self.engine {
            Engine::Postgres => {
                let mut psql = Command::new("psql");
                psql.args([
                    "-h",
                    &self.path(""),
                    "-U",
                    "postgres",
                    "-qc",
                    sql,
                    "postgres",
                ]);
                psql.env("PGPORT", self.port.to_string());
                psql
            }
            Engine::Mariadb => {
                let mut mariadb = Command::new("mariadb");
                mariadb.args([
                    "--no-defaults",
                    "--socket",
                    &socket,
                    "-u",
                    "root",
                    "-e",
                    sql,
                ]);
                mariadb
            }
        };
        let done = client.stdout(Stdio::null()).stderr(Stdio::null()).status();
        done.expect("a client").success()
    }

    /// Until a statement succeeds.
    pub fn is_so(&self, sql: &str) {
        for _ in 0..600 {
            if self.administer(sql) {
                return;
            }
            pause(Duration::from_millis(100));
        }
        panic!("never: {sql}");
    }

    fn is_ready(&mut self) {
        for _ in 0..600 {
            if self.administer("SELECT 1") {
                return;
            }
            let ended = self.child.try_wait().expect("a child of ours can be asked");
            assert!(ended.is_none(), "the server ended: {}", self.log());
            pause(Duration::from_millis(100));
        }
        panic!("the server does not answer: {}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn make_users(&self, service: &str) {
        let all: &[&str] = match self.engine {
            Engine::Postgres => &[
                "CREATE ROLE app LOGIN",
                "CREATE ROLE legacy LOGIN",
                "CREATE ROLE open LOGIN IN ROLE app",
                "CREATE DATABASE lake OWNER app",
            ],
            Engine::Mariadb => &[
                "INSTALL SONAME 'auth_pam'",
                "CREATE DATABASE lake",
                &format!("CREATE USER app@'%' IDENTIFIED VIA pam USING '{service}' REQUIRE SSL"),
                "CREATE USER legacy@'%' REQUIRE SSL",
                "GRANT ALL ON lake.* TO app@'%'",
                "GRANT ALL ON lake.* TO legacy@'%'",
            ],
        };
        for sql in all {
            assert!(self.administer(sql), "{sql}: {}", self.log());
        }
        self.set_password(PASSWORD);
    }

    pub fn set_password(&self, password: &str) {
        let sql = match self.engine {
            Engine::Postgres => format!("ALTER ROLE legacy PASSWORD '{password}'"),
            Engine::Mariadb => format!("ALTER USER legacy@'%' IDENTIFIED BY '{password}'"),
        };
        assert!(self.administer(&sql), "{}", self.log());
    }

    /// A database of the configuration, for this server.
    pub fn entry(&self, name: &str, login: &str) -> String {
        let Server { engine, port, .. } = self;
        let (engine, ca) = (engine.as_str(), self.path("server.crt"));
        format!(
            "    {name}: {{ engine: {engine}, host: localhost, port: {port}, region: eu-west-1, \
             proxy: {{ ca: {ca} }}, {login} }}\n"
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.service);
    }
}

/// A certificate for `localhost`, in the hands of the server's user.
fn certify(folder: &Path, engine: Engine) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    fs::write(folder.join("server.crt"), certificate.pem()).expect("written");
    let private = folder.join("server.key");
    fs::write(&private, key.serialize_pem()).expect("written");
    fs::set_permissions(&private, Permissions::from_mode(0o600)).expect("ours");
    let data = folder.join("data");
    fs::create_dir(&data).expect("a folder");
    let id = |flag| {
        let printed = Command::new("id").args([flag, engine.user()]).output();
        let printed = String::from_utf8(printed.expect("it runs").stdout).expect("text");
        printed
            .trim()
            .parse::<u32>()
            .expect("the server is installed")
    };
    for path in [&private, &data, &folder.to_owned()] {
        chown(path, Some(id("-u")), Some(id("-g"))).expect("these tests run as root");
    }
}

fn postgres(folder: &Path, port: u16, service: &str) -> Child {
    let programs = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed");
    let newest = programs.filter_map(|it| Some(it.ok()?.path())).max();
    let program = |name: &str| newest.as_ref().expect("a version").join("bin").join(name);
    let data = folder.join("data");
    let as_postgres = |program: PathBuf| {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command.current_dir("/").stdout(Stdio::null());
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(folder.join("log"));
        command.stderr(log.expect("a file"));
        command
    };
    let made = as_postgres(program("initdb"))
        .args(["--auth=trust", "--no-sync", "-D"])
        .arg(&data)
        .status();
    assert!(made.expect("it runs").success());
    let rules = format!(
        "local all all trust\n\
         hostssl all open 127.0.0.1/32 trust\n\
         hostssl all legacy 127.0.0.1/32 scram-sha-256\n\
         hostssl all app 127.0.0.1/32 pam pamservice={service}\n"
    );
    fs::write(data.join("pg_hba.conf"), rules).expect("written");
    let mut server = as_postgres(program("postgres"));
    server.arg("-D").arg(&data);
    for setting in [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        format!("unix_socket_directories={}", folder.display()),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", folder.join("server.crt").display()),
        format!("ssl_key_file={}", folder.join("server.key").display()),
        "fsync=off".to_owned(),
        "max_connections=300".to_owned(),
    ] {
        server.arg("-c").arg(setting);
    }
    server.spawn().expect("it starts")
}

fn mariadb(folder: &Path, port: u16) -> Child {
    let below = |name: &str| folder.join(name).display().to_string();
    let data = format!("--datadir={}", below("data"));
    let made = Command::new("mariadb-install-db")
        .args(["--no-defaults", "--user=mysql", "--skip-test-db", &data])
        .args(["--auth-root-authentication-method=normal"])
        .output()
        .expect("it runs");
    assert!(made.status.success(), "{made:?}");
    Command::new("/usr/sbin/mariadbd")
        .args(["--no-defaults", "--user=mysql", &data])
        .arg(format!("--port={port}"))
        .arg("--bind-address=127.0.0.1")
        .arg(format!("--socket={}", below("socket")))
        .arg(format!("--pid-file={}", below("pid")))
        .arg(format!("--log-error={}", below("log")))
        .arg(format!("--ssl-cert={}", below("server.crt")))
        .arg(format!("--ssl-key={}", below("server.key")))
        .arg("--pam-use-cleartext-plugin=ON")
        .args(["--plugin-load-add=auth_pam", "--max-connections=300"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts")
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

#[expect(clippy::disallowed_methods, reason = "other processes take real time")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// A person's machine with these databases, and nothing to sign in for.
pub fn home_with(databases: &str, process: &str) -> Home {
    let home = Home::new();
    // Others sign in to the same names, and keep them in the same keyring.
    let folder = home.path("");
    let realm = folder.file_name().expect("a name").display();
    home.configure(&format!(
        "auth:\n  realm: {realm}\n  identities:\n    deploy: {{ kind: aws/process, credentials: {{ process: {process:?} }} }}\n  databases:\n{databases}"
    ));
    home
}

/// `fob rds proxy` for a database, until it is dropped.
pub struct Proxy {
    pub fob: Child,
    pub port: String,
}

impl Proxy {
    pub fn of(home: &Home, fob: &str, database: &str) -> Proxy {
        let mut fob = home.bare(&[fob, "rds", "proxy", database]);
        let mut fob = fob.stdout(Stdio::piped()).spawn().expect("fob starts");
        let mut line = String::new();
        let mut printed = BufReader::new(fob.stdout.take().expect("it is piped"));
        printed.read_line(&mut line).expect("text");
        let port = line.trim().trim_end_matches('/').rsplit(':').next();
        Proxy {
            port: port.expect("an address").to_owned(),
            fob,
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.fob.kill();
        let _ = self.fob.wait();
    }
}
