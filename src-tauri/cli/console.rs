//! `fob console`: the AWS console in a browser, signed in as an identity, or the link to it on
//! stdout.

use crate::args::ConsoleArgs;
use crate::conversation::{expect_reply, runtime};
use crate::desktop::{browser, browser_link};
use crate::invocation::Invocation;
use crate::isolated;
use crate::stop::Stop;
use crate::terminal::{Shape, print_exact};
use keyfob_core::agent::api::{ConsoleLink, Request, Secret, SessionRequest};
use keyfob_core::clock::Clock;
use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error, Result};
use keyfob_core::files::{create_folder, file_name};
use keyfob_core::view::time::{in_time, rfc3339};
use serde::Serialize;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::pin::pin;
use zeroize::Zeroizing;

#[derive(Serialize)]
struct LinkJson<'a> {
    identity: &'a str,
    url: &'a str,
    expires_at: String,
}

pub fn console(invocation: &Invocation, args: &ConsoleArgs) -> Result<u8, Stop> {
    if !args.print
        && let Some(why) = invocation.environment.browser().why_not()
    {
        return Err(
            Error::new(Code::ProcessFailed, format!("no browser: {why}"))
                .hint("--print prints the link, to be opened elsewhere")
                .into(),
        );
    }
    let name = args.named.name.as_deref();
    let (identity, mut conversation) = invocation.about(name, invocation.person)?;
    let doing = format!("Getting a link into the console for {identity}");
    let request = Request::Session(SessionRequest::Console {
        identity,
        destination: args.destination.clone(),
        duration: args.duration,
    });
    let link = expect_reply!(conversation.ask(request, Some(&doing))?, Console)?;
    if args.print {
        return print(invocation, &link);
    }
    let identity = link.identity;
    let folder = args.isolated.then(|| profile(invocation, &identity));
    let folder = folder.transpose()?;
    let environment = invocation.environment.clone();
    runtime()?.block_on(opened(link.url, folder, environment))?;
    let terminal = invocation.terminal;
    terminal.say(&format!(
        "The AWS console is open in the browser as {identity}"
    ));
    Ok(0)
}

fn print(invocation: &Invocation, link: &ConsoleLink) -> Result<u8, Stop> {
    let url = link.url.expose();
    let text = match invocation.terminal.shape {
        Shape::Text => format!("{url}\n"),
        Shape::Json => {
            let json = LinkJson {
                identity: &link.identity,
                url,
                expires_at: rfc3339(link.expires_at),
            };
            let json = serde_json::to_string_pretty(&json);
            format!("{}\n", json.expect("plain structs always serialize"))
        }
    };
    let ends = in_time(link.expires_at, Clock::system().now());
    invocation.terminal.warn(&format!(
        "anyone who opens this link is signed in as {}; the link ends {ends}",
        link.identity
    ));
    print_exact(&Zeroizing::new(text))?;
    Ok(0)
}

/// The folder of the identity's own browser profile.
fn profile(invocation: &Invocation, identity: &str) -> Result<PathBuf> {
    let all = invocation.environment.state_folder()?.join("browser");
    let folder = all.join(file_name(identity));
    create_folder(&folder)?;
    Ok(folder)
}

/// Once the browser has fetched the link.
async fn opened(link: Secret, profile: Option<PathBuf>, environment: Environment) -> Result<()> {
    let (address, served) = browser_link::address(link).await?;
    let opening = tokio::task::spawn_blocking(move || match profile {
        Some(folder) => isolated::browse(&address, &folder, &environment),
        None => {
            let wanted = environment.raw("BROWSER").and_then(OsStr::to_str);
            browser::browse(&address, wanted)
        }
    });
    let mut served = pin!(served);
    let was_fetched = tokio::select! {
        fetched = &mut served => fetched,
        opened = opening => {
            opened.unwrap_or_else(|_| Err(never_came()))?;
            served.await
        }
    };
    if was_fetched {
        Ok(())
    } else {
        Err(never_came())
    }
}

fn never_came() -> Error {
    let message = "the browser did not open the link within a minute";
    Error::new(Code::ProcessFailed, message).hint("--print prints the link, to be opened by hand")
}
