//! The agent, the sessions it keeps and the prompts that are open.

use super::state::state_cell;
use super::table::{Cell, columns, pairs};
use keyfob_core::agent::api::{
    IdentityStatus, LastCaller, OpenPrompt, PromptKind, Running, SignInStatus, Snapshot, State,
};
use keyfob_core::error::Error;
use keyfob_core::foreign::one_line;
use keyfob_core::view::notice::requested;
use keyfob_core::view::state::sign_in_words;
use keyfob_core::view::time::{at, in_time, in_units, rfc3339, time_left};
use serde::Serialize;
use std::time::SystemTime;

const GIVEN_UP: &str = "  the program has given up; an answer signs in for its next try\n";
const NO_AGENT: &str = "not running: `fob` works without it; `fob agent run` starts it\n";

pub fn agent_text(status: &Snapshot, now: SystemTime) -> String {
    let Some(agent) = &status.agent else {
        return format!("Agent  {NO_AGENT}");
    };
    let mut rows = vec![
        (
            "Agent",
            format!("running, pid {}, version {}", agent.pid, agent.version),
        ),
        (
            "Since",
            format!("{} ({})", at(agent.since), ago(agent.since, now)),
        ),
        ("Configuration", agent.configuration.clone()),
    ];
    if let Some(problem) = &agent.configuration_problem {
        rows.push((
            "Problem",
            format!(
                "the file has changed and cannot be used; the last valid version stays in \
                effect: {problem}"
            ),
        ));
    }
    pairs(&rows)
}

pub fn status_text(status: &Snapshot, now: SystemTime) -> String {
    let mut text = agent_text(status, now);
    if sessions(status).next().is_some() {
        let mut rows = vec![
            ["Session", "State", "Left", "Next refresh", "Last caller"]
                .map(Cell::new)
                .to_vec(),
        ];
        rows.extend(sessions(status).map(|it| session_row(it, now)));
        text.push('\n');
        text.push_str(&columns(&rows));
    }
    let failing = sessions(status).filter_map(|it| Some((&it.name, it.failing.as_ref()?)));
    let sign_ins = sign_ins(status)
        .map(|(name, it)| format!("{}: {}\n", one_line(name), sign_in_words(it, now)));
    let lines: Vec<String> = sign_ins
        .chain(failing.map(|(identity, cause)| format!("{identity} was not renewed: {cause}\n")))
        .chain(status.prompts.iter().map(|open| prompt_line(open, now)))
        .collect();
    if !lines.is_empty() {
        text.push('\n');
        text.push_str(&lines.concat());
    }
    text
}

/// With the name of the provider, or of the identity that stands alone.
fn sign_ins(status: &Snapshot) -> impl Iterator<Item = (&String, &SignInStatus)> {
    let of_providers = status
        .providers
        .iter()
        .map(|it| (&it.name, it.sign_in.as_ref()));
    let own = status
        .identities
        .iter()
        .map(|it| (&it.name, it.sign_in.as_ref()));
    let all = of_providers.chain(own);
    all.filter_map(|(name, sign_in)| Some((name, sign_in?)))
}

/// Those with a session, and those that a program has wanted one of.
fn sessions(status: &Snapshot) -> impl Iterator<Item = &IdentityStatus> {
    status.identities.iter().filter(|it| {
        let is_idle = matches!(
            it.state,
            State::NeedsSignIn | State::SignedOut | State::Unsupported
        );
        !is_idle || it.last_caller.is_some()
    })
}

fn session_row(it: &IdentityStatus, now: SystemTime) -> Vec<Cell> {
    let or_dash = |text: Option<String>| Cell::new(text.as_deref().unwrap_or("–"));
    vec![
        Cell::new(&it.name),
        state_cell(it.state),
        or_dash(it.expires_at.map(|end| in_units(time_left(end, now)))),
        or_dash(it.next_refresh.map(|moment| in_time(moment, now))),
        or_dash(it.last_caller.as_ref().map(|it| last_caller(it, now))),
    ]
}

fn last_caller(caller: &LastCaller, now: SystemTime) -> String {
    let LastCaller { program, pid, at } = caller;
    format!("{program}, pid {pid}, {} ago", ago(*at, now))
}

fn prompt_line(open: &OpenPrompt, now: SystemTime) -> String {
    let OpenPrompt {
        prompt,
        is_waited_for,
        since,
    } = open;
    let what = requested(prompt);
    let address = address(&prompt.kind).map(|address| format!("  {address}\n"));
    let address = address.unwrap_or_default();
    let given_up = if *is_waited_for { "" } else { GIVEN_UP };
    format!(
        "Waiting for {}: {what}\n{address}{given_up}",
        ago(*since, now)
    )
}

/// Where a person signs in.
fn address(kind: &PromptKind) -> Option<&str> {
    match kind {
        PromptKind::Browser { address, .. } | PromptKind::Paste { address, .. } => Some(address),
        PromptKind::Keys { .. }
        | PromptKind::Mfa { .. }
        | PromptKind::KeyringPassphrase { .. }
        | PromptKind::OtherUser { .. }
        | PromptKind::Program { .. } => None,
    }
}

fn ago(moment: SystemTime, now: SystemTime) -> String {
    in_units(now.duration_since(moment).unwrap_or_default())
}

/// Less than the reply: errors as their messages, times in whole seconds, and of a prompt not what
/// it contains.
#[derive(Debug, Serialize)]
pub struct StatusJson<'a> {
    agent: Option<AgentJson<'a>>,
    /// `None`: only the agent is shown.
    #[serde(flatten)]
    work: Option<WorkJson<'a>>,
}

#[derive(Debug, Serialize)]
struct WorkJson<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sign_ins: Vec<SignInJson<'a>>,
    sessions: Vec<SessionJson<'a>>,
    prompts: Vec<PromptJson<'a>>,
}

#[derive(Debug, Serialize)]
struct SignInJson<'a> {
    provider: &'a str,
    expires_at: String,
    renews_itself: bool,
}

#[derive(Debug, Serialize)]
struct AgentJson<'a> {
    pid: u32,
    version: &'a str,
    since: String,
    configuration: &'a str,
    configuration_problem: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct SessionJson<'a> {
    identity: &'a str,
    state: State,
    expires_at: Option<String>,
    expires_in_seconds: Option<u32>,
    next_refresh: Option<String>,
    failing: Option<&'a str>,
    last_asker: Option<CallerJson<'a>>,
}

#[derive(Debug, Serialize)]
struct CallerJson<'a> {
    program: &'a str,
    pid: u32,
    at: String,
}

#[derive(Debug, Serialize)]
struct PromptJson<'a> {
    identity: &'a str,
    kind: &'static str,
    /// Of a sign-in in the browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    attempt: u32,
    asker: CallerJson<'a>,
}

impl StatusJson<'_> {
    pub fn of(status: &Snapshot) -> StatusJson<'_> {
        StatusJson {
            work: Some(WorkJson {
                sign_ins: sign_ins(status)
                    .map(|(name, it)| sign_in_json(name, it))
                    .collect(),
                sessions: sessions(status).map(session_json).collect(),
                prompts: status.prompts.iter().map(prompt_json).collect(),
            }),
            ..StatusJson::of_agent(status)
        }
    }

    pub fn of_agent(status: &Snapshot) -> StatusJson<'_> {
        StatusJson {
            agent: status.agent.as_ref().map(agent_json),
            work: None,
        }
    }
}

fn agent_json(it: &Running) -> AgentJson<'_> {
    AgentJson {
        pid: it.pid,
        version: &it.version,
        since: rfc3339(it.since),
        configuration: &it.configuration,
        configuration_problem: message(it.configuration_problem.as_ref()),
    }
}

fn sign_in_json<'a>(name: &'a str, sign_in: &SignInStatus) -> SignInJson<'a> {
    SignInJson {
        provider: name,
        expires_at: rfc3339(sign_in.expires_at),
        renews_itself: sign_in.renews_itself,
    }
}

fn session_json(it: &IdentityStatus) -> SessionJson<'_> {
    SessionJson {
        identity: &it.name,
        state: it.state,
        expires_at: it.expires_at.map(rfc3339),
        expires_in_seconds: it.expires_in_seconds,
        next_refresh: it.next_refresh.map(rfc3339),
        failing: message(it.failing.as_ref()),
        last_asker: it.last_caller.as_ref().map(|caller| CallerJson {
            program: caller.program.as_str(),
            pid: caller.pid,
            at: rfc3339(caller.at),
        }),
    }
}

fn prompt_json(it: &OpenPrompt) -> PromptJson<'_> {
    let prompt = &it.prompt;
    PromptJson {
        identity: &prompt.identity,
        kind: match prompt.kind {
            PromptKind::Keys { .. } => "keys",
            PromptKind::Mfa { .. } => "mfa",
            PromptKind::KeyringPassphrase { .. } => "keyring_passphrase",
            PromptKind::OtherUser { .. } => "other_user",
            PromptKind::Paste { .. } => "paste",
            PromptKind::Browser { .. } => "browser",
            PromptKind::Program { .. } => "program",
        },
        address: address(&prompt.kind),
        attempt: prompt.attempt,
        asker: CallerJson {
            program: prompt.caller.program.as_str(),
            pid: prompt.caller.pid,
            at: rfc3339(it.since),
        },
    }
}

fn message(error: Option<&Error>) -> Option<&str> {
    error.map(|error| error.message.as_str())
}
