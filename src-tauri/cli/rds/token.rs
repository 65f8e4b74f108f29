//! `fob rds token`: an auth token for a database, or its password, on stdout and nothing else.
//! Never prompts.

use crate::conversation::{Conversation, expect_reply, this_program};
use crate::interrupt;
use crate::invocation::Invocation;
use crate::rds_args::RdsTokenArgs;
use crate::stop::Stop;
use crate::terminal::{Shape, print_exact};
use keyfob_core::agent::api::{
    DatabaseChoice, DatabaseToken, DatabaseTokenRequest, OpenedWith, Person, Renewal,
    SessionRequest,
};
use keyfob_core::config::Config;
use keyfob_core::encode::percent;
use keyfob_core::error::{Code, Error, Result};
use keyfob_core::ids::Region;
use keyfob_core::view::time::rfc3339;
use serde::Serialize;
use zeroize::Zeroizing;

/// The port where neither a database nor --port says one.
const POSTGRES: u16 = 5432;

#[derive(Serialize)]
struct TokenJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
    expires_at: String,
    host: &'a str,
    port: u16,
    user: &'a str,
    region: &'a str,
    identity: &'a str,
}

pub fn token(invocation: &Invocation, args: &RdsTokenArgs) -> Result<u8, Stop> {
    let (database, mut conversation) = chosen(invocation, args)?;
    let renewal = if args.force {
        Renewal::Always
    } else {
        Renewal::WhenDue
    };
    let with = if args.password {
        OpenedWith::Password
    } else {
        OpenedWith::Token
    };
    let request = SessionRequest::DatabaseToken(DatabaseTokenRequest {
        database,
        renewal,
        with,
    });
    let it = expect_reply!(conversation.ask(request, None)?, DatabaseToken)?;
    print_exact(&match invocation.terminal.shape {
        Shape::Text if args.url_encoded => {
            Zeroizing::new(format!("{}\n", *Zeroizing::new(percent(it.token.expose()))))
        }
        Shape::Text => Zeroizing::new(format!("{}\n", it.token.expose())),
        Shape::Json => json(&it, args.password),
    })?;
    Ok(0)
}

/// One that is written out, or one of the configuration, be it with another host.
fn chosen(
    invocation: &Invocation,
    args: &RdsTokenArgs,
) -> Result<(DatabaseChoice, Conversation), Stop> {
    // An agent knows its databases: nothing has to be read here.
    if let (None, Some(name), None, Person::Absent) = (
        &args.host,
        &args.name,
        &invocation.identity,
        invocation.person,
    ) {
        let conversation = invocation.conversation_for(this_program(Person::Absent))?;
        return Ok((DatabaseChoice::Named(name.clone()), conversation));
    }
    interrupt::exit_on_ctrl_c();
    if let (Some(host), Some(user)) = (&args.host, &args.user) {
        let (identity, conversation) = invocation.about(args.name.as_deref(), invocation.person)?;
        let written = DatabaseChoice::Written {
            identity,
            host: host.clone(),
            port: args.port.unwrap_or(POSTGRES),
            user: user.clone(),
            region: args.region.clone(),
        };
        return Ok((written, conversation));
    }
    if invocation.identity.is_some() {
        let message = "a database in the configuration has an identity of its own";
        return Err(Error::new(Code::Usage, message)
            .hint("leave out `-i`; it is for --host with --user")
            .into());
    }
    if let (Some(_), None) = (&args.host, &args.name) {
        let message = "--host comes with --user, or with the name of a database";
        return Err(Error::new(Code::Usage, message)
            .hint("fob rds token NAME --host ENDPOINT")
            .into());
    }
    let config = invocation.config()?;
    let name = named(&config, args.name.as_deref())?;
    let database = match &args.host {
        None => DatabaseChoice::Named(name),
        Some(host) => {
            let it = config.database(&name)?;
            DatabaseChoice::Written {
                identity: it.identity.to_string(),
                host: host.clone(),
                port: args.port.unwrap_or(it.engine.default_port()),
                user: it.user.clone(),
                region: args
                    .region
                    .clone()
                    .or(it.region.as_ref().map(Region::to_string)),
            }
        }
    };
    Ok((database, invocation.conversation(config)?))
}

/// The one that was named, or the only one there is.
fn named(config: &Config, name: Option<&str>) -> Result<String> {
    const HOW: &str = "or describe one with --host and --user";
    match (name, config.databases()) {
        (Some(name), _) => Ok(name.to_owned()),
        (None, [only]) => Ok(only.name.to_string()),
        (None, []) => Err(Error::new(
            Code::Usage,
            "the configuration has no database that can be used",
        )
        .hint(format!(
            "add one under `databases:` in {}",
            config.path().display()
        ))
        .hint(HOW)),
        (None, all) => {
            let mut names: Vec<&str> = all.iter().map(|it| it.name.as_str()).collect();
            names.sort_unstable();
            Err(Error::new(
                Code::Usage,
                format!(
                    "the configuration has several databases: {}",
                    names.join(", ")
                ),
            )
            .hint("name one")
            .hint(HOW))
        }
    }
}

fn json(it: &DatabaseToken, is_password: bool) -> Zeroizing<String> {
    let text = Some(it.token.expose());
    let output = TokenJson {
        token: text.filter(|_| !is_password),
        password: text.filter(|_| is_password),
        expires_at: rfc3339(it.expires_at),
        host: &it.host,
        port: it.port,
        user: &it.user,
        region: &it.region,
        identity: &it.identity,
    };
    let mut text = Zeroizing::new(
        serde_json::to_string_pretty(&output).expect("plain structs always serialize"),
    );
    text.push('\n');
    text
}
