//! Tokens and the port of a database: against the bare computation of a signature, against the warm
//! `credential-process`, and against the same client that speaks TLS to the server itself. Both ends
//! and what is between them share this machine's processors, so a plain forwarder that others wrote
//! stands in the port's place as well.

use crate::database_server::{Engine, Proxy, Server, free_port, home_with};
use crate::figures::{Figure, median, milliseconds, ratio, timed};
use crate::home::Home;
use crate::process::{Process, time_on_processors, wait};
use crate::stage::FOB;
use hmac::{Hmac, KeyInit, Mac};
use keyfob_core::aws::{DatabaseLogin, sign_token};
use keyfob_core::clock::Clock;
use keyfob_core::config::DatabaseHost;
use keyfob_core::encode::hex;
use keyfob_core::ids::AccessKeyId;
use keyfob_core::secret::{Keys, Origin, SecretAccessKey, Session, SessionToken};
use sha2::{Digest, Sha256};
use std::process::{Command, Stdio};
use std::time::Duration;

const RUNS: usize = 101;
const SECONDS: &str = "1";
/// Of each way in turns: what a processor does in a second changes from one to the next.
const TURNS: usize = 9;
const SIGNINGS: u32 = 200;
const SIGNING_LIMIT: f64 = 3.0;
const TOKEN_LIMIT: f64 = 1.2;
const CONNECTION_LIMIT: f64 = 1.5;
const THROUGHPUT_LIMIT: f64 = 0.9;
/// A user whom the server lets in unasked: what its PAM takes is not measured.
const LOGIN: &str = "user: open, via: { identity: deploy }";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

pub fn databases() -> Vec<Figure> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("NOT RUN: databases. Only root can become the user of a server.");
        return Vec::new();
    }
    let server = Server::start(Engine::Postgres);
    let entry = server.entry("orders", LOGIN);
    let home = home_with(&entry, &server.sessions_of(7200));
    let agent = Process::start(&mut home.bare(&[&FOB, "agent", "run"]));
    let mut figures = vec![signing(), token(&home)];
    let proxy = Proxy::of(&home, &FOB, "orders");
    let (forwarder, other) = forwarder(&server);
    let place = [
        format!("host=localhost port={} sslmode=verify-full", server.port),
        format!("sslrootcert={}", server.path("server.crt")),
        "user=open dbname=lake".to_owned(),
    ];
    let direct = place.join(" ");
    // Plain as far as there: `stunnel` would pass a request for TLS on, inside its own.
    let behind =
        |port: &str| format!("host=127.0.0.1 port={port} sslmode=disable user=open dbname=lake");
    let ways = [
        Way::new(direct, None),
        Way::new(behind(&proxy.port), Some(proxy.fob.id())),
        Way::new(behind(&other), Some(forwarder.id())),
    ];
    home.run(&["pgbench", "-i", "-q", &ways[0].place]).ok();
    let [alone, proxied, _] = in_turns(&home, &ways, &["-S", "-C"]);
    let more = middle(alone.iter().zip(&proxied).map(|(it, to)| it / to));
    let set_up = format!("{:.2} ms", 1000.0 / middle(proxied));
    let what = "a connection through the port, to one over TLS (`pgbench -C`)";
    figures.push(
        Figure::new(what, Some(more), set_up)
            .limit(format!("{CONNECTION_LIMIT}"), more <= CONNECTION_LIMIT),
    );
    for (script, name) in [
        (&[][..], "`pgbench`"),
        (&["-S"], "`pgbench -S`, reads alone,"),
    ] {
        figures.extend(throughput(&home, &ways, script, name));
    }
    drop((forwarder, proxy, agent));
    figures
}

/// How many transactions of four clients the port lets through in a second, and what each costs it.
fn throughput(home: &Home, ways: &[Way; 3], script: &[&str], name: &str) -> [Figure; 3] {
    let how = [&["-c", "4", "-j", "2"], script].concat();
    let before = ways.each_ref().map(Way::busy);
    let [alone, proxied, others] = in_turns(home, ways, &how);
    let to = |what: &str, to: &[f64]| {
        let ratio = middle(proxied.iter().zip(to).map(|(it, to)| it / to));
        let [it, to] = [&proxied, to].map(|it| middle(it.iter().copied()));
        Figure::new(
            format!("{name} through the port, to {what}"),
            Some(ratio),
            format!("{it:.0} a second, to {to:.0}"),
        )
        .limit(
            format!("at least {THROUGHPUT_LIMIT}"),
            ratio >= THROUGHPUT_LIMIT,
        )
    };
    let each = |way: usize, transactions: &[f64]| {
        let busy = ways[way].busy().saturating_sub(before[way]);
        busy.as_secs_f64() * 1e6 / transactions.iter().sum::<f64>()
    };
    let [it, stunnel] = [each(1, &proxied), each(2, &others)];
    [
        to("directly over TLS", &alone),
        to("through `stunnel`", &others),
        Figure::new(
            format!("{name} processor time of the port, to that of `stunnel`"),
            Some(it / stunnel),
            format!("{it:.1} µs a transaction, to {stunnel:.1}"),
        )
        .limit("1", it <= stunnel),
    ]
}

/// A token, to the hashes that a signature of version 4 cannot do without.
fn signing() -> Figure {
    let now = Clock::system().now();
    let token = "t".repeat(400);
    let session = Session {
        keys: Keys {
            access_key_id: AccessKeyId::parse("ASIAIOSFODNN7EXAMPLE").expect("a key id"),
            secret_access_key: SecretAccessKey::parse(SECRET).expect("a secret"),
        },
        token: Some(SessionToken::parse(&token).expect("a token")),
        issued_at: now,
        expires_at: now + Duration::from_secs(3600),
        principal: None,
        account: None,
        origin: Origin::Keyring,
    };
    let region = "eu-central-1".parse().expect("a region");
    let host = "orders.abc.eu-central-1.rds.amazonaws.com";
    let host = DatabaseHost::read(host, None).expect("a host");
    let login = DatabaseLogin::new(host, 5432, "app", &region).expect("a login");
    let signed = sign_token(&session, &login, now).expect("signed").token;
    let request = format!(
        "GET\n/\n{}\nhost:h\n\nhost\n",
        "q".repeat(signed.length() as usize)
    );
    let took = |work: &dyn Fn()| {
        let once = || timed(|| (0..SIGNINGS).for_each(|_| work()));
        let mut times: Vec<Duration> = (0..RUNS).map(|_| once()).collect();
        median(&mut times) / SIGNINGS
    };
    let bare = took(&|| drop(std::hint::black_box(bare_signature(&request))));
    let token = took(&|| drop(std::hint::black_box(sign_token(&session, &login, now))));
    let more = ratio(token, bare);
    let value = format!("{:.1} µs", token.as_secs_f64() * 1e6);
    Figure::new(
        "signing a token, to the bare hashes of its signature",
        Some(more),
        value,
    )
    .limit(format!("{SIGNING_LIMIT}"), more <= SIGNING_LIMIT)
}

fn bare_signature(request: &str) -> String {
    let hmac = |key: &[u8], text: &str| {
        let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
        hmac.update(text.as_bytes());
        hmac.finalize().into_bytes().to_vec()
    };
    let scope = "20261118/eu-central-1/rds-db/aws4_request";
    let hashed = hex(&Sha256::digest(request.as_bytes()));
    let to_sign = format!("AWS4-HMAC-SHA256\n20261118T110640Z\n{scope}\n{hashed}");
    let start = format!("AWS4{SECRET}").into_bytes();
    let key = scope.split('/').fold(start, |key, part| hmac(&key, part));
    hex(&hmac(&key, &to_sign))
}

/// One that an agent holds.
fn token(home: &Home) -> Figure {
    let took = |words: &[&str]| {
        let once = || {
            let ran = home.bare(words).output().expect("fob starts");
            assert!(ran.status.success());
        };
        once();
        let mut times: Vec<Duration> = (0..RUNS).map(|_| timed(once)).collect();
        median(&mut times)
    };
    let process = took(&[&FOB, "credential-process", "deploy"]);
    let token = took(&[&FOB, "rds", "token", "orders"]);
    let more = ratio(token, process);
    Figure::new(
        "a token that the agent holds, to the warm `credential-process`",
        Some(more),
        milliseconds(token),
    )
    .limit(format!("{TOKEN_LIMIT}"), more <= TOKEN_LIMIT)
}

/// A way to the server, and the process that stands on it.
struct Way {
    place: String,
    stands_on_it: Option<u32>,
}

impl Way {
    fn new(place: String, stands_on_it: Option<u32>) -> Way {
        Way {
            place,
            stands_on_it,
        }
    }

    fn busy(&self) -> Duration {
        self.stands_on_it
            .map(time_on_processors)
            .unwrap_or_default()
    }
}

/// Transactions a second, turn by turn.
fn in_turns(home: &Home, ways: &[Way; 3], how: &[&str]) -> [Vec<f64>; 3] {
    let mut all = [const { Vec::new() }; 3];
    for _ in 0..TURNS {
        for (way, figures) in ways.iter().zip(&mut all) {
            figures.push(per_second(home, &way.place, how));
        }
    }
    all
}

fn middle(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn per_second(home: &Home, place: &str, how: &[&str]) -> f64 {
    let words = [&["pgbench", "-n", "-T", SECONDS], how, &[place]].concat();
    let said = home.run(&words).ok();
    let mut figures = said.lines().filter_map(|line| line.strip_prefix("tps = "));
    let figure = figures.next().and_then(|rest| rest.split(' ').next());
    figure
        .and_then(|it| it.parse().ok())
        .expect("pgbench says it")
}

/// `stunnel`, which speaks TLS to the server and copies bytes, and its port.
fn forwarder(server: &Server) -> (Process, String) {
    let (port, settings) = (free_port().to_string(), server.path("stunnel.conf"));
    let certificate = server.path("server.crt");
    let text = format!(
        "foreground = yes\npid =\ndebug = 3\n[database]\nclient = yes\nprotocol = pgsql\n\
         accept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{}\n\
         CAfile = {certificate}\nverifyChain = yes\ncheckHost = localhost\n",
        server.port
    );
    std::fs::write(&settings, text).expect("the folder is ours");
    let mut stunnel = Command::new("stunnel4");
    let stunnel = stunnel
        .arg(&settings)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let process = Process::of(stunnel.spawn().expect("`./x bench` installs it"));
    let listens = || std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_ok();
    while !listens() {
        wait(Duration::from_millis(50));
    }
    (process, port)
}
