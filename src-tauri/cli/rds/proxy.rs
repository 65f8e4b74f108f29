//! `fob rds proxy`: ports of this machine, each for a database, until Ctrl+C.

use crate::invocation::Invocation;
use crate::rds_args::RdsProxyArgs;
use crate::sign_in::sign_in_when_due;
use crate::stop::Stop;
use crate::terminal::{Shape, print_json};
use keyfob_core::agent::api::Person;
use keyfob_core::agent::proxied::{Proxy, issuers, open_proxy};
use keyfob_core::config::{Config, Database, Engine, Trust};
use keyfob_core::encode::percent;
use keyfob_core::error::{Code, Error};
use serde::Serialize;
use std::fmt::Write as _;
use std::sync::Arc;

#[derive(Serialize)]
struct PortsJson<'a> {
    databases: Vec<PortJson<'a>>,
}

#[derive(Serialize)]
struct PortJson<'a> {
    name: &'a str,
    engine: &'a str,
    host: &'a str,
    port: u16,
    user: &'a str,
}

pub fn proxy(invocation: &Invocation, args: &RdsProxyArgs) -> Result<i32, Stop> {
    let config = invocation.config()?;
    let databases = chosen(&config, args)?;
    if invocation.person == Person::Absent {
        Trust::of(&invocation.environment)?.check(&config)?;
    }
    let mut conversation = invocation.conversation(config)?;
    // Later there is no person to ask here: each connection says then what is missing.
    if invocation.person == Person::Present {
        let browser = invocation.environment.browser();
        for database in &databases {
            let identity = database.identity.as_str();
            sign_in_when_due(&mut conversation, identity, None, browser)?;
        }
    }
    let (client, runtime) = conversation.into_async()?;
    let client = Arc::new(client);
    runtime.block_on(async {
        let open = |database: &Database| {
            let ca = args.ca.as_deref().or(database.proxy_ca.as_deref());
            let issuers = issuers(ca, &invocation.environment)?;
            let port = args.port.or(database.proxy_port);
            open_proxy(&client, database, issuers, port)
        };
        let opened = databases.iter().map(open);
        let opened = opened.collect::<Result<Vec<Proxy>, Error>>()?;
        show(invocation, &databases, &opened)?;
        std::future::pending::<()>().await;
        drop(opened);
        Ok(0)
    })
}

fn chosen(config: &Config, args: &RdsProxyArgs) -> Result<Vec<Database>, Stop> {
    let mut databases: Vec<Database> = Vec::new();
    for name in &args.names {
        let database = config.database(name)?;
        if databases.iter().any(|it| it.name == database.name) {
            let message = format!("{} is named twice", database.name);
            return Err(Error::new(Code::Usage, message).into());
        }
        databases.push(database.clone());
    }
    if args.port.is_some() && databases.len() > 1 {
        let message = "--port is for a single database, and several are named";
        return Err(Error::new(Code::Usage, message)
            .hint("write `proxy: { port: … }` below each, or leave --port out for free ones")
            .into());
    }
    Ok(databases)
}

fn show(invocation: &Invocation, databases: &[Database], opened: &[Proxy]) -> Result<(), Stop> {
    let ports = databases.iter().zip(opened);
    if invocation.terminal.shape == Shape::Json {
        let ports = ports.map(|(database, proxy)| PortJson {
            name: database.name.as_str(),
            engine: database.engine.as_str(),
            host: "127.0.0.1",
            port: proxy.port(),
            user: &database.user,
        });
        return print_json(&PortsJson {
            databases: ports.collect(),
        });
    }
    let mut text = String::new();
    for (database, proxy) in ports {
        let scheme = match database.engine {
            Engine::Postgres => "postgresql",
            Engine::Mysql | Engine::Mariadb => "mysql",
        };
        let (user, port) = (percent(&database.user), proxy.port());
        let name = &database.name;
        let _ = writeln!(text, "{name}: {scheme}://{user}@127.0.0.1:{port}/");
    }
    invocation.terminal.data(&text)?;
    invocation.terminal.say("Listening until Ctrl+C");
    Ok(())
}
