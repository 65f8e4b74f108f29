//! `login`, `whoami`, `list`.

use crate::args::{ListFormat, LoginArgs, WhoamiArgs};
use crate::conversation::Conversation;
use crate::conversation::expect_reply;
use crate::invocation::Invocation;
use crate::render::{self, SignedInJson};
use crate::stop::Stop;
use crate::terminal::{ErrorBody, Shape, print_json, width};
use keyfob_core::agent::api::{
    self, BrowserUse, HeldSession, LONGEST_ASSERTION, Look, Maintain, Person, Reach, Renewal,
    Request, Secret, SessionDuration, SessionRequest, SignedIn, Whoami,
};
use keyfob_core::clock::Clock;
use keyfob_core::config::{Config, awaited_list};
use keyfob_core::error::{Code, Error};
use keyfob_core::view::state::{in_whole_seconds, is_usable};
use keyfob_core::view::time::{until, whole_seconds};
use serde::Serialize;
use std::io::{self, Read};
use zeroize::Zeroizing;

/// A request to an agent has at most 64 KiB.
const LONGEST_FOR_AN_AGENT: u32 = 60_000;

pub fn login(invocation: &Invocation, args: &LoginArgs) -> Result<u8, Stop> {
    let assertion = args.assertion_stdin.then(assertion).transpose()?;
    let is_too_long = |it: &Secret| it.length() > LONGEST_FOR_AN_AGENT;
    let alone = invocation.alone();
    let invocation = match &assertion {
        Some(assertion) if is_too_long(assertion) => &alone,
        Some(_) | None => invocation,
    };
    if let Some(provider) = &args.provider {
        return login_provider(invocation, args, assertion.as_ref(), provider);
    }
    list_what_is_awaited(invocation, args)?;
    let (identity, mut conversation) =
        invocation.about(args.named.name.as_deref(), invocation.person)?;
    let doing = format!("Signing in to {identity}");
    let login = api::Login {
        assertion,
        ..request(invocation, args, identity)
    };
    let signed_in = sign_in(&mut conversation, login, &doing);
    #[cfg(feature = "sandbox")]
    let signed_in =
        signed_in.map_err(|stop| crate::sandbox::with_faults(stop, &invocation.environment));
    let signed_in = signed_in?;
    let now = Clock::system().now();
    match invocation.terminal.shape {
        Shape::Json => print_json(&SignedInJson::of(&signed_in, now))?,
        Shape::Text => show(invocation, &signed_in),
    }
    Ok(0)
}

/// What a tool prints that signs in at an identity provider.
fn assertion() -> Result<Secret, Stop> {
    let mut text = Zeroizing::new(String::new());
    let longest = LONGEST_ASSERTION as u64 + 1;
    let read = io::stdin().lock().take(longest).read_to_string(&mut text);
    let refuse = |why: &str| {
        let message = format!("standard input holds no assertion: {why}");
        let error = Error::new(Code::InvalidInput, message);
        error.hint("it is the Base64 text of the form field SAMLResponse")
    };
    read.map_err(|cause| refuse(&cause.to_string()))?;
    if text.len() > LONGEST_ASSERTION {
        let why = format!("it is longer than the {LONGEST_ASSERTION} characters that AWS takes");
        return Err(refuse(&why).into());
    }
    match text.trim() {
        "" => Err(refuse("it is empty").into()),
        text => Ok(Secret::new(text)),
    }
}

/// Also the first step of `exec`, `shell` and `env --static`: a valid session is kept.
pub fn sign_in_when_due(
    conversation: &mut Conversation,
    identity: &str,
    duration: Option<SessionDuration>,
    browser: BrowserUse,
) -> Result<SignedIn, Stop> {
    let login = api::Login {
        identity: identity.to_owned(),
        duration,
        renewal: Renewal::WhenDue,
        mfa_code: None,
        assertion: None,
        held: HeldSession::Kept,
        browser,
    };
    let doing = format!("Getting a session of {identity}");
    sign_in(conversation, login, &doing)
}

fn sign_in(
    conversation: &mut Conversation,
    login: api::Login,
    doing: &str,
) -> Result<SignedIn, Stop> {
    expect_reply!(
        conversation.ask(Request::Session(SessionRequest::Login(login)), Some(doing))?,
        SignedIn
    )
}

/// A session that is held is shown to AWS where a person wants to know: programs log in often.
fn request(invocation: &Invocation, args: &LoginArgs, identity: String) -> api::Login {
    let held = match invocation.person {
        Person::Present => HeldSession::Checked,
        Person::Absent => HeldSession::Kept,
    };
    let renewal = match (args.force_all, args.force) {
        (true, _) => Renewal::WholeChain,
        (false, true) => Renewal::Always,
        (false, false) => Renewal::WhenDue,
    };
    api::Login {
        identity,
        duration: args.duration,
        renewal,
        mfa_code: args.mfa_code.clone(),
        assertion: None,
        held,
        browser: browser(invocation, args),
    }
}

fn browser(invocation: &Invocation, args: &LoginArgs) -> BrowserUse {
    if args.no_browser {
        BrowserUse::NotWanted
    } else {
        invocation.environment.browser()
    }
}

fn show(invocation: &Invocation, signed_in: &SignedIn) {
    let now = Clock::system().now();
    let headline = if signed_in.kept {
        let until = until(signed_in.expires_at, now);
        format!("Already signed in to {} until {until}", signed_in.identity)
    } else {
        "Authentication successful!".to_owned()
    };
    invocation.terminal.say(&headline);
    for line in render::signed_in_text(signed_in, now).lines() {
        invocation.terminal.say(line);
    }
}

#[derive(Debug, Serialize)]
struct ProviderLoginJson<'a> {
    provider: &'a str,
    /// How many roles the provider assigns, where it lists them.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<usize>,
    signed_in: Vec<SignedInJson>,
    failed: Vec<ErrorBody<'a>>,
}

/// Signs in to every identity that starts at the provider; one that fails does not keep the others
/// from it. Those that the provider lists are signed in to when they are used.
fn login_provider(
    invocation: &Invocation,
    args: &LoginArgs,
    assertion: Option<&Secret>,
    provider: &str,
) -> Result<u8, Stop> {
    let config = invocation.config()?;
    let provider = config.provider(provider)?;
    let lists_roles = config
        .source(provider)
        .is_ok_and(|it| it.kind.lists_roles());
    let provider = provider.name.to_string();
    let identities = starting_at(&config, &provider);
    if identities.is_empty() && !lists_roles {
        let message = format!("no identity uses the provider {provider}");
        return Err(Error::new(Code::IdentityNotFound, message)
            .hint("`fob list` shows the provider of each identity")
            .into());
    }
    let mut conversation = invocation.conversation(config)?;
    let (mut signed_in, mut failed, mut roles) = (Vec::new(), Vec::new(), None);
    if lists_roles {
        match list_roles(invocation, &mut conversation, args, &provider) {
            Ok(listed) => roles = Some(listed),
            Err(Stop::Failed(error)) => failed.push(error),
            Err(stop) => return Err(stop),
        }
    }
    for identity in identities {
        let doing = format!("Signing in to {identity}");
        let login = api::Login {
            assertion: assertion.cloned(),
            ..request(invocation, args, identity)
        };
        match sign_in(&mut conversation, login, &doing) {
            Ok(it) => {
                if invocation.terminal.shape == Shape::Text {
                    show(invocation, &it);
                }
                signed_in.push(it);
            }
            Err(Stop::Failed(error)) => failed.push(error),
            Err(stop) => return Err(stop),
        }
    }
    match invocation.terminal.shape {
        Shape::Json => {
            let now = Clock::system().now();
            let all = signed_in.iter().map(|it| SignedInJson::of(it, now));
            print_json(&ProviderLoginJson {
                provider: &provider,
                roles,
                signed_in: all.collect(),
                failed: failed.iter().map(|it| ErrorBody::of(it)).collect(),
            })?;
        }
        Shape::Text => failed.iter().for_each(|it| invocation.terminal.fail(it)),
    }
    Ok(failed.first().map_or(0, |error| error.exit_code()))
}

/// A role that a provider assigns, or one above such a role, is known once a person has signed in
/// to the provider.
fn list_what_is_awaited(invocation: &Invocation, args: &LoginArgs) -> Result<(), Stop> {
    let config = invocation.config()?;
    let named = args
        .named
        .name
        .as_deref()
        .or(invocation.identity.as_deref());
    let Some(provider) = named.and_then(|name| awaited_list(&config, name)) else {
        return Ok(());
    };
    let provider = provider.name.to_string();
    let mut conversation = invocation.conversation(config)?;
    list_roles(invocation, &mut conversation, args, &provider).map(drop)
}

/// How many there are.
fn list_roles(
    invocation: &Invocation,
    conversation: &mut Conversation,
    args: &LoginArgs,
    provider: &str,
) -> Result<usize, Stop> {
    let request = Maintain::ListRoles {
        provider: provider.to_owned(),
        browser: browser(invocation, args),
    };
    let doing = format!("Listing the roles of {provider}");
    let listed = expect_reply!(conversation.ask(request, Some(&doing))?, RolesListed)?;
    if invocation.terminal.shape == Shape::Text {
        let counted = |count: usize, noun: &str| match count {
            1 => format!("1 {noun}"),
            _ => format!("{count} {noun}s"),
        };
        let (roles, accounts) = (
            counted(listed.roles, "role"),
            counted(listed.accounts, "account"),
        );
        invocation.terminal.say(&format!(
            "Signed in to {provider}: {roles} in {accounts}, which `fob list` shows"
        ));
    }
    Ok(listed.roles)
}

/// `aws-user` stands for the IAM users: other stand-alone identities have nothing to sign in to
/// ahead of their use.
fn starting_at(config: &Config, provider: &str) -> Vec<String> {
    let of_it = config.identities().iter().filter(|it| {
        let name = it.provider.as_ref();
        !it.is_assigned && name.is_some_and(|name| name.as_str() == provider)
    });
    let signs_in = of_it.filter(|it| provider != "aws-user" || it.kind == "aws/user");
    signs_in.map(|it| it.name.to_string()).collect()
}

/// Never prompts.
pub fn whoami(invocation: &Invocation, args: &WhoamiArgs) -> Result<u8, Stop> {
    let (identity, mut conversation) =
        invocation.about(args.named.name.as_deref(), Person::Absent)?;
    let reach = if args.offline {
        Reach::Offline
    } else {
        Reach::Online
    };
    let it = expect_reply!(
        conversation.ask(Request::Look(Look::Whoami { identity, reach }), None)?,
        Whoami
    )?;
    let it = Whoami {
        expires_at: it.expires_at.map(whole_seconds),
        sign_in: it.sign_in.map(in_whole_seconds),
        ..it
    };
    let text = || render::whoami_text(&it, Clock::system().now());
    invocation.terminal.show(&it, text)?;
    Ok(u8::from(!is_usable(it.state)))
}

pub fn list(invocation: &Invocation, format: Option<ListFormat>) -> Result<u8, Stop> {
    let mut conversation = invocation.conversation(invocation.config()?)?;
    let list = expect_reply!(conversation.ask(Look::List, None)?, Snapshot)?;
    let terminal = invocation.terminal;
    let default = if terminal.shape == Shape::Json {
        ListFormat::Json
    } else {
        ListFormat::Tree
    };
    match format.unwrap_or(default) {
        ListFormat::Json => print_json(&render::ListJson::of(&list))?,
        ListFormat::Tree => terminal.data(&render::list_tree(&list, Clock::system().now()))?,
        ListFormat::Table => terminal.data(&render::list_table(&list, width()))?,
        ListFormat::Mermaid => terminal.data(&render::mermaid(&list))?,
    }
    Ok(0)
}
