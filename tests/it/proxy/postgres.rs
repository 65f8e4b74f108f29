//! PostgreSQL's side of it.

use super::client::{Client, startup};
use super::server::{Asks, Server, Settings};
use super::{Proxy, home_with, serving};
use crate::databases::Secrets;
use crate::home::{DEV, Home, code, text, until};
use crate::support::prints;
use serde_json::json;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

#[test]
fn a_client_is_let_in_without_a_password_and_its_parameters_go_on() {
    let (_home, server, proxy) = serving(Settings::good());
    let mut client = Client::of(proxy.port);
    client.asks_for_encryption();
    let parameters = [
        ("user", "app"),
        ("application_name", "test"),
        ("options", "-c a=b"),
    ];
    client.send(&startup(&parameters));
    client.is_in();
    let seen = server.seen().clone();
    let started = text(&seen[0][4..]);
    assert_eq!(
        started,
        "user\0app\0database\0app\0application_name\0test\0options\0-c a=b\0\0"
    );
    let token = text(&seen[1]);
    let begins = format!("localhost:{}/?Action=connect&DBUser=app&", server.port);
    assert!(token.starts_with(&begins), "{token}");
    client.ends();
    assert!(client.rest().is_empty());
}

#[test]
fn more_than_any_buffer_holds_goes_both_ways_and_the_end_comes_after_it() {
    let (_home, _server, proxy) = serving(Settings::good());
    let mut client = Client::starts(proxy.port, "app");
    client.is_in();
    let sent: Vec<u8> = (0..4_000_000_u32).flat_map(u32::to_be_bytes).collect();
    let sending = Client(client.0.try_clone().expect("a handle"));
    let came = std::thread::scope(|scope| {
        scope.spawn(|| {
            (&sending.0).write_all(&sent).expect("sent");
            sending.ends();
        });
        // The server sends back what it gets: nothing moves any more until it is read.
        crate::home::pause(Duration::from_millis(300));
        client.rest()
    });
    assert!(came == sent, "{} of {}", came.len(), sent.len());
}

#[test]
fn connections_share_a_token_and_stay_apart() {
    let (home, server, proxy) = serving(Settings::good());
    let mut clients: Vec<Client> = (0..20).map(|_| Client::starts(proxy.port, "app")).collect();
    clients.iter_mut().for_each(Client::is_in);
    let seen = server.seen().clone();
    let tokens: Vec<_> = seen
        .iter()
        .filter(|it| it.starts_with(b"localhost:"))
        .collect();
    assert_eq!(tokens.len(), 20);
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert_eq!(
        home.calls().into_keys().collect::<Vec<_>>(),
        ["GetSessionToken"]
    );
}

#[test]
fn another_user_is_refused_with_the_right_one_and_the_server_hears_nothing() {
    let (_home, server, proxy) = serving(Settings::good());
    for user in ["root", "APP", "app'", "äpp", ""] {
        let error = Client::starts(proxy.port, user).error();
        assert_eq!(
            (error[&'S'].as_str(), error[&'C'].as_str()),
            ("FATAL", "28000")
        );
        assert!(
            error[&'M'].contains(&format!("names `{user}`")),
            "{error:?}"
        );
        assert!(error[&'H'].contains("connect as app"), "{error:?}");
    }
    let nobody = [&9_u32.to_be_bytes()[..], &196_608_u32.to_be_bytes(), &[0]].concat();
    let mut client = Client::of(proxy.port);
    client.send(&nobody);
    assert_eq!(client.error()[&'C'], "08P01");
    assert!(server.seen().is_empty());
}

#[test]
fn what_is_no_start_of_a_connection_is_refused_and_others_are_served() {
    let (_home, server, proxy) = serving(Settings::good());
    let version_two = [8_u32.to_be_bytes(), 131_072_u32.to_be_bytes()].concat();
    let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    let tls_again = [8_u32.to_be_bytes(), 80_877_103_u32.to_be_bytes()]
        .concat()
        .repeat(4);
    for (bytes, words) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "no length that one has"),
        (&[0; 8], "no length that one has"),
        (&[0xff; 4096], "no length that one has"),
        (tls, "it is TLS"),
        (&version_two, "another version"),
        (
            &[
                &12_u32.to_be_bytes()[..],
                &196_608_u32.to_be_bytes(),
                b"user",
            ]
            .concat(),
            "parameters",
        ),
    ] {
        let mut client = Client::of(proxy.port);
        client.send(bytes);
        let error = client.error();
        assert_eq!(error[&'C'], "08P01", "{error:?}");
        assert!(error[&'M'].contains(words), "{words}: {error:?}");
    }
    let mut client = Client::of(proxy.port);
    client.send(&tls_again);
    assert_eq!(client.read(3), b"NNN");
    assert_eq!(client.error()[&'C'], "08P01");
    // Half a message, and nothing at all: closed without a word.
    for bytes in [&b"\0\0\0\x20\0\x03"[..], b""] {
        let mut client = Client::of(proxy.port);
        client.send(bytes);
        client.ends();
        assert!(client.rest().is_empty());
    }
    // One that never stops sending is cut off.
    let mut endless = Client::of(proxy.port);
    let megabyte = vec![b'x'; 1 << 20];
    let sent = (0..1024).take_while(|_| endless.0.write_all(&megabyte).is_ok());
    assert!(sent.count() < 1024);
    assert!(server.seen().is_empty());
    Client::starts(proxy.port, "app").is_in();
}

#[test]
fn a_request_to_cancel_goes_to_the_server() {
    let (_home, server, proxy) = serving(Settings::good());
    let mut client = Client::of(proxy.port);
    let request = [80_877_102_u32, 4711, 0x1234_5678]
        .map(u32::to_be_bytes)
        .concat();
    client.send(&16_u32.to_be_bytes());
    client.send(&request);
    assert!(client.rest().is_empty());
    assert_eq!(*server.seen(), [request]);
}

#[test]
fn a_server_that_is_not_the_right_one_gets_no_login() {
    let good = Settings::good;
    let not_there = TcpListener::bind("127.0.0.1:0").expect("a port");
    for (settings, words, remedy) in [
        (Settings::asking(Asks::NoTls), "offers no TLS", "TLS"),
        (
            Settings::asking(Asks::Http),
            "does not speak as postgres",
            "engine",
        ),
        (
            Settings {
                certified: "other.example",
                ..good()
            },
            "is for another name",
            "endpoint",
        ),
        (
            Settings {
                host: "127.0.0.1",
                ..good()
            },
            "is for another name",
            "endpoint",
        ),
        (
            Settings {
                is_expired: true,
                ..good()
            },
            "has expired",
            "renew",
        ),
        (
            Settings {
                is_authority: true,
                ..good()
            },
            "is not valid: CaUsedAsEndEntity",
            "CA:FALSE",
        ),
        (
            Settings::asking(Asks::Chatters),
            "says more than any",
            "engine",
        ),
    ] {
        let (_home, server, proxy) = serving(settings.clone());
        let error = Client::starts(proxy.port, "app").error();
        assert_eq!(error[&'C'], "08001", "{settings:?}: {error:?}");
        assert!(error[&'M'].contains(words), "{settings:?}: {error:?}");
        assert!(error[&'H'].contains(remedy), "{settings:?}: {error:?}");
        let seen = server.seen().clone();
        assert!(
            !seen.iter().any(|it| it.starts_with(b"localhost:")),
            "{settings:?}"
        );
    }
    // Certificates of others: nobody here vouches for the server's.
    let other = Server::start(good());
    let mut server = Server::start(good());
    server.certificate.clone_from(&other.certificate);
    let home = home_with(&server, "");
    let error = Client::starts(Proxy::of(&home).port, "app").error();
    assert!(
        error[&'M'].contains("nobody who is trusted here"),
        "{error:?}"
    );
    assert!(
        error[&'H'].contains("truststore.pki.rds.amazonaws.com"),
        "{error:?}"
    );
    // Nobody listens.
    server.port = not_there.local_addr().expect("an address").port();
    drop(not_there);
    let home = home_with(&server, "");
    let error = Client::starts(Proxy::of(&home).port, "app").error();
    assert!(error[&'M'].contains("cannot be reached"), "{error:?}");
}

#[test]
fn a_server_that_takes_no_token_is_said_in_words() {
    for asks in [Asks::Md5, Asks::Scram] {
        let (_home, server, proxy) = serving(Settings::asking(asks));
        let error = Client::starts(proxy.port, "app").error();
        assert!(error[&'M'].contains("takes no token for app"), "{error:?}");
        assert!(error[&'H'].contains("GRANT rds_iam TO app"), "{error:?}");
        assert_eq!(server.seen().len(), 1);
    }
    let (_home, _server, proxy) = serving(Settings::asking(Asks::Nothing));
    let error = Client::starts(proxy.port, "app").error();
    assert!(
        error[&'M'].contains("closed the connection before"),
        "{error:?}"
    );
}

#[test]
fn an_identity_that_is_signed_out_is_an_error_with_the_remedy_until_it_is_not() {
    let (home, server, proxy) = serving(Settings::good());
    Client::starts(proxy.port, "app").is_in();
    assert_eq!(code(&home.run(&["logout", "dev"])), 0);
    let error = Client::starts(proxy.port, "app").error();
    assert_eq!(error[&'C'], "28000");
    assert!(error[&'M'].contains("signed out"), "{error:?}");
    assert!(error[&'H'].contains("fob login dev"), "{error:?}");
    assert_eq!(code(&home.run(&["login", "dev"])), 0);
    Client::starts(proxy.port, "app").is_in();
    assert_eq!(server.seen().len(), 4);
}

#[test]
fn a_person_who_is_needed_is_an_error_and_no_wait() {
    let server = Server::start(Settings::good());
    let home = home_with(&server, "");
    let keyless = Home::with(&std::fs::read_to_string(home.config()).expect("readable"));
    let proxy = Proxy::of(&keyless);
    let error = Client::starts(proxy.port, "app").error();
    assert_eq!(error[&'C'], "28000", "{error:?}");
    assert!(error[&'H'].contains("dev"), "{error:?}");
    assert!(server.seen().is_empty());
}

const SECRET: &str =
    r#", password_secret: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-x1""#;

fn with_secret(settings: Settings, secrets: &Secrets) -> (Home, Server, Proxy) {
    let server = Server::start(settings);
    let home = home_with(&server, SECRET);
    let proxy = Proxy::run(&home, &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secrets.url)]);
    (home, server, proxy)
}

#[test]
fn a_password_that_the_server_refuses_is_read_again_once() {
    let secrets = Secrets::with("old");
    let settings = Settings {
        refused: vec!["old"],
        ..Settings::good()
    };
    let (_home, server, proxy) = with_secret(settings, &secrets);
    // Before the rotation came through: refused twice, and the server's own words.
    let error = Client::starts(proxy.port, "app").error();
    assert_eq!(error[&'M'], "password authentication failed");
    assert_eq!(secrets.calls().len(), 2);
    let new = json!({"username": "app_clone", "password": "new"}).to_string();
    secrets.answers(200, json!({ "SecretString": new }));
    Client::starts(proxy.port, "app").is_in();
    Client::starts(proxy.port, "app").is_in();
    assert_eq!(secrets.calls().len(), 3);
    let seen = server.seen().clone();
    let last = text(&seen[seen.len() - 2][4..]);
    assert_eq!(last, "user\0app_clone\0database\0lake\0\0");
}

#[test]
fn a_password_is_hashed_where_the_server_asks_for_that() {
    let secrets = Secrets::with("old");
    let (_home, server, proxy) = with_secret(Settings::asking(Asks::Md5), &secrets);
    Client::starts(proxy.port, "app").is_in();
    let seen = server.seen().clone();
    assert_eq!(text(&seen[1]), "md53bfc6675fa441177a73f00ec01324b08");
}

#[test]
fn a_configuration_is_trusted_before_a_port_is_opened_and_at_each_connection_after_a_refusal() {
    let server = Server::start(Settings::good());
    let home = Home::with(DEV);
    let keys = home.path().join("session.json");
    let session = r#"{"Version":1,"AccessKeyId":"ASIAX2LQM4W7KD3TNB5Z","SecretAccessKey":"not-a-real-secret","SessionToken":"token","Expiration":"2099-01-01T00:00:00Z"}"#;
    fs::write(&keys, session).expect("written");
    let cloned = home.path().join("cloned.yaml");
    let config = format!(
        "auth:\n  realm: cloned\n  identities:\n    dev: {{ kind: aws/process, credentials: {{ region: eu-west-1, process: {} }} }}\n  databases:\n    orders: {{ engine: postgres, host: localhost, port: {}, user: app, via: {{ identity: dev }}, proxy: {{ ca: {} }} }}\n",
        prints(&keys),
        server.port,
        server.certificate.display()
    );
    fs::write(&cloned, config).expect("written");
    let path = cloned.display().to_string();
    let run = |arguments: &[&str]| home.run(&[&["--config", &path], arguments].concat());
    let refused = run(&["rds", "proxy", "orders"]);
    assert_eq!(code(&refused), 3, "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("fob trust"), "{refused:?}");
    assert_eq!(code(&run(&["trust", "--yes"])), 0);
    let proxy = Proxy::run(&home, &[("FOB_CONFIG", &path)]);
    assert_eq!(code(&run(&["trust", "--remove"])), 0);
    for _ in 0..2 {
        let error = Client::starts(proxy.port, "app").error();
        assert!(error[&'M'].contains("is not trusted yet"), "{error:?}");
    }
    assert_eq!(code(&run(&["trust", "--yes"])), 0);
    Client::starts(proxy.port, "app").is_in();
}

#[test]
fn ports_that_cannot_be_are_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").port().to_string();
    let two = format!(
        "{DEV}  databases:
    orders: {{ engine: postgres, host: localhost, user: app, via: {{ identity: dev }} }}
    shop: {{ engine: mysql, host: localhost, user: app, via: {{ identity: dev }} }}\n"
    );
    let home = Home::signed_up(&two);
    for (arguments, exit, words) in [
        (&["orders", "--port", &taken][..], 1, taken.as_str()),
        (&["orders", "shop", "--port", "15432"], 2, "single database"),
        (&["orders", "Orders"], 2, "named twice"),
        (&["order"], 1, "did you mean `orders`?"),
        (&["orders", "--port", "0"], 2, "--port"),
        (&["orders", "--port", "70000"], 2, "--port"),
        (&["orders", "--ca", "/nowhere.pem"], 2, "/nowhere.pem"),
        (&[], 2, "NAME"),
    ] {
        let ran = home.run(&[&["rds", "proxy"], arguments].concat());
        let said = text(&ran.stderr);
        assert_eq!(code(&ran), exit, "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    let twice = two.replace("user: app", "user: app, proxy: { port: 15432 }");
    let said = text(&Home::with(&twice).run(&["validate"]).stdout);
    assert!(said.contains("the port 15432 is that of orders"), "{said}");
}

#[test]
fn an_agent_listens_on_the_port_of_the_configuration() {
    let server = Server::start(Settings::good());
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    let home = home_with(&server, "");
    let config = std::fs::read_to_string(home.config()).expect("readable");
    let with_port = config.replace("proxy: { ", &format!("proxy: {{ port: {port}, "));
    std::fs::write(home.config(), &with_port).expect("written");
    let _agent = home.start_agent();
    let shown = || home.json(&["rds", "list", "--json"])["databases"][0]["proxy"].clone();
    let problem = shown()["problem"]["message"].clone();
    assert!(
        problem
            .as_str()
            .is_some_and(|it| it.contains(&port.to_string())),
        "{problem}"
    );
    // Once the other program has gone, and somebody has changed the file.
    drop(free);
    std::fs::write(home.config(), format!("{with_port}# changed\n")).expect("written");
    until("the agent listens", || shown()["problem"].is_null());
    assert_eq!(shown()["connections"], 0);
    let mut client = Client::starts(port, "app");
    client.is_in();
    assert_eq!(shown()["connections"], 1);
    assert_eq!(
        home.calls().into_keys().collect::<Vec<_>>(),
        ["GetSessionToken"]
    );
    // Without the key in the configuration the port is closed, with its connections.
    std::fs::write(home.config(), &config).expect("written");
    until("the port is closed", || shown().is_null());
    assert!(client.rest().is_empty());
}

/// What `fob` holds by itself, in bytes.
#[cfg(target_os = "linux")]
fn held_by(proxy: &Proxy) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", proxy.fob.id()));
    let status = status.expect("it is running");
    let mut words = status
        .lines()
        .filter_map(|line| line.strip_prefix("RssAnon:"));
    let kilobytes = words.next().and_then(|line| line.split_whitespace().next());
    kilobytes
        .and_then(|it| it.parse::<u64>().ok())
        .expect("a number")
        * 1024
}

#[test]
#[cfg(target_os = "linux")]
fn two_hundred_idle_connections_take_less_than_ten_megabytes() {
    let (_home, _server, proxy) = serving(Settings::good());
    // What the first one brings along is there for all.
    let mut first = Client::starts(proxy.port, "app");
    first.is_in();
    let before = held_by(&proxy);
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..200 {
        let mut client = Client::starts(proxy.port, "app");
        client.is_in();
        clients.push(client);
    }
    let more = held_by(&proxy).saturating_sub(before);
    assert!(more < 10_000_000, "{more}");
    for client in &mut clients {
        client.send(b"ping");
    }
    assert!(clients.iter_mut().all(|client| client.read(4) == b"ping"));
}
