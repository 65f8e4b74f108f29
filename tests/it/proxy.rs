//! `fob rds proxy`: clients without a password on one side, on the other a small server that speaks
//! the start of connections over TLS.

pub mod client;
mod mysql;
mod postgres;
pub mod server;

use crate::home::{DEV, Home};
use serde_json::Value;
use server::{Server, Settings};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

/// A home with a database `orders`, which `server` is.
fn home_with(server: &Server, more: &str) -> Home {
    let config = format!(
        "{DEV}  databases:\n    orders: {{ engine: {}, host: {}, port: {}, user: app, via: {{ identity: dev }}, proxy: {{ ca: {} }}{more} }}\n",
        server.engine,
        server.host,
        server.port,
        server.certificate.display(),
    );
    Home::signed_up(&config)
}

/// `fob rds proxy`, until it is dropped.
struct Proxy {
    fob: Child,
    port: u16,
}

impl Proxy {
    fn of(home: &Home) -> Proxy {
        Proxy::run(home, &[])
    }

    fn run(home: &Home, variables: &[(&str, &str)]) -> Proxy {
        let mut fob = home.fob(&["rds", "proxy", "orders", "--json"]);
        fob.envs(variables.iter().copied());
        let mut fob = fob.stdout(Stdio::piped()).spawn().expect("fob starts");
        let mut lines = BufReader::new(fob.stdout.take().expect("it is piped"));
        let mut printed = String::new();
        while !printed.ends_with("}\n")
            || printed.matches('{').count() != printed.matches('}').count()
        {
            let read = lines.read_line(&mut printed).expect("text");
            assert!(read > 0, "it ended: {printed}");
        }
        let printed: Value = serde_json::from_str(&printed).expect("JSON");
        let port = printed["databases"][0]["port"].as_u64().expect("a port");
        Proxy {
            fob,
            port: port.try_into().expect("a port"),
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

fn serving(settings: Settings) -> (Home, Server, Proxy) {
    let server = Server::start(settings);
    let home = home_with(&server, "");
    let proxy = Proxy::of(&home);
    (home, server, proxy)
}
