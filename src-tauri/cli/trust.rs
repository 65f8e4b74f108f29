//! `fob trust`: configurations that are not the user's own file.

use crate::conversation::runtime;
use crate::file_args::TrustArgs;
use crate::invocation::Invocation;
use crate::stop::Stop;
use crate::terminal::one_line;
use crate::trust_question;
use keyfob_core::agent::api::Person;
use keyfob_core::agent::client;
use keyfob_core::agent::socket::Address;
use keyfob_core::config::{Config, Trust};
use keyfob_core::error::{Code, Error};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Serialize)]
struct TrustedJson<'a> {
    path: &'a Path,
    trusted: bool,
    parts: Vec<String>,
}

#[derive(Debug, Serialize)]
struct TrustListJson {
    configurations: Vec<String>,
}

pub fn trust(invocation: &Invocation, args: &TrustArgs) -> Result<u8, Stop> {
    let trust = Trust::of(&invocation.environment)?;
    let path = match &args.path {
        Some(path) => invocation.environment.working_directory().join(path),
        None if args.list => PathBuf::new(),
        None => invocation.config_place()?,
    };
    if args.list {
        let configurations = trust.paths()?;
        let lines = configurations.iter().map(|it| one_line(it) + "\n");
        let text = lines.collect();
        invocation
            .terminal
            .show(&TrustListJson { configurations }, || text)?;
    } else if args.remove {
        remove(invocation, &trust, &path)?;
    } else {
        let config = Config::load(&path, &invocation.environment)?;
        add(invocation, &trust, &config, args.yes)?;
    }
    Ok(0)
}

fn add(invocation: &Invocation, trust: &Trust, config: &Config, yes: bool) -> Result<(), Stop> {
    let missing = trust.missing(config)?;
    let path = one_line(&config.path().display().to_string());
    if trust.is_own(config) {
        invocation
            .terminal
            .say(&format!("{path} is your own file: it is trusted"));
    } else if missing.is_empty() {
        invocation
            .terminal
            .say(&format!("{path} is trusted already"));
    } else if yes {
        trust_question::show(config, &missing, invocation.terminal);
        runtime()?.block_on(trust.add(config))?;
    } else if invocation.person == Person::Absent {
        return Err(Error::new(
            Code::PersonNeeded,
            format!("{path} is not trusted, and there is no terminal to ask on"),
        )
        .hint("add --yes to trust it all the same")
        .into());
    } else {
        trust_question::ask(config, &invocation.environment, invocation.terminal)?;
    }
    let shown = TrustedJson {
        path: config.path(),
        trusted: true,
        parts: config
            .sensitive_parts()
            .iter()
            .map(ToString::to_string)
            .collect(),
    };
    invocation.terminal.show(&shown, String::new)
}

fn remove(invocation: &Invocation, trust: &Trust, path: &Path) -> Result<(), Stop> {
    // A file that is gone was trusted by the path it had.
    let canonical = dunce::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let address = Address::of(&canonical, &invocation.environment)?;
    let removed = runtime()?.block_on(async {
        let removed = trust.remove(&canonical).await?;
        if removed {
            client::stop(&address).await?;
        }
        Ok::<_, Error>(removed)
    })?;
    let path = one_line(&canonical.display().to_string());
    let done = if removed { "is no longer" } else { "was not" };
    invocation.terminal.say(&format!("{path} {done} trusted"));
    let shown = TrustedJson {
        path: &canonical,
        trusted: false,
        parts: Vec::new(),
    };
    invocation.terminal.show(&shown, String::new)
}
