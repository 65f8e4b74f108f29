//! How things stand: the agent, the sessions it keeps, the prompts that wait; and what happened, in
//! a line.

use super::moment::{at, left, rfc3339, until};
use super::state;
use super::table::{Cell, columns, pairs};
use keyfob_core::agent::api::{
    Event, IdentityStatus, LastCaller, OpenPrompt, PromptKind, Running, Snapshot, State, time_left,
};
use keyfob_core::error::Error;
use serde::Serialize;
use std::time::SystemTime;

const NO_AGENT: &str = "none: each `fob` works by itself; `fob agent run` starts one\n";

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
            format!(
                "{} ({})",
                at(agent.since),
                left(now.duration_since(agent.since).unwrap_or_default())
            ),
        ),
        ("Configuration", agent.configuration.clone()),
    ];
    if let Some(problem) = &agent.configuration_problem {
        rows.push((
            "Problem",
            format!("the file was changed and the last good one stays in force: {problem}"),
        ));
    }
    pairs(&rows)
}

pub fn status_text(status: &Snapshot, now: SystemTime) -> String {
    let mut text = agent_text(status, now);
    if sessions(status).next().is_some() {
        let mut rows = vec![
            ["Session", "State", "Left", "Next refresh", "Asked last by"]
                .map(Cell::new)
                .to_vec(),
        ];
        rows.extend(sessions(status).map(|it| session_row(it, now)));
        text.push('\n');
        text.push_str(&columns(&rows));
    }
    let failing = sessions(status).filter_map(|it| Some((&it.name, it.failing.as_ref()?)));
    let lines: Vec<String> = failing
        .map(|(identity, cause)| format!("{identity} was not renewed: {cause}\n"))
        .chain(status.prompts.iter().map(|open| prompt_line(open, now)))
        .collect();
    if !lines.is_empty() {
        text.push('\n');
        text.push_str(&lines.concat());
    }
    text
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
    let (shape, word, color) = state(it.state);
    vec![
        Cell::new(&it.name),
        Cell::colored(&format!("{shape} {word}"), color),
        Cell::new(
            &it.expires_at
                .map_or_else(|| "–".to_owned(), |end| left(time_left(end, now))),
        ),
        Cell::new(
            &it.next_refresh
                .map_or_else(|| "–".to_owned(), |moment| in_time(moment, now)),
        ),
        Cell::new(
            &it.last_caller
                .as_ref()
                .map_or_else(|| "–".to_owned(), |caller| asked(caller, now)),
        ),
    ]
}

fn in_time(moment: SystemTime, now: SystemTime) -> String {
    match moment.duration_since(now) {
        Ok(time) if !time.is_zero() => format!("in {}", left(time)),
        Ok(_) | Err(_) => "now".to_owned(),
    }
}

fn asked(caller: &LastCaller, now: SystemTime) -> String {
    let ago = left(now.duration_since(caller.at).unwrap_or_default());
    format!("{}, pid {}, {ago} ago", caller.program, caller.pid)
}

fn prompt_line(open: &OpenPrompt, now: SystemTime) -> String {
    let OpenPrompt { prompt, since } = open;
    let ago = left(now.duration_since(*since).unwrap_or_default());
    let (what, caller) = (wanted(&prompt.kind), &prompt.caller);
    let (identity, program, pid) = (&prompt.identity, &caller.program, caller.pid);
    format!(
        "Waiting for {ago}: {what} for {identity}, asked by {program}, pid {pid}; `fob login {identity}` answers\n"
    )
}

fn wanted(kind: &PromptKind) -> &'static str {
    match kind {
        PromptKind::Keys { .. } => "access keys",
        PromptKind::Mfa { .. } => "an MFA code",
        PromptKind::KeyringPassphrase { .. } => "the passphrase of the keyring",
        PromptKind::Browser { .. } => "a sign-in in the browser",
    }
}

/// One line for the log of a headless agent.
pub fn event(event: &Event, now: SystemTime) -> String {
    let what = match event {
        Event::SignedIn {
            identity,
            expires_at,
        } => format!("{identity}: signed in until {}", until(*expires_at, now)),
        Event::SignedOut { identity } => format!("{identity}: signed out"),
        Event::Renewed {
            identity,
            expires_at,
        } => format!("{identity}: renewed until {}", until(*expires_at, now)),
        Event::RenewalFailing {
            identity,
            expires_at,
            cause,
        } => {
            format!(
                "{identity}: renewals keep failing, {} left: {cause}",
                left(time_left(*expires_at, now))
            )
        }
        Event::KeysRevoked { identity, error } | Event::RenewalRefused { identity, error } => {
            format!("{identity}: not renewed any more: {error}")
        }
        Event::ExpiresSoon {
            identity,
            expires_at,
        } => format!(
            "{identity}: ends in {}, and a person is needed: `fob login {identity} --force`",
            left(time_left(*expires_at, now))
        ),
        Event::Expired { identity } => format!("{identity}: expired; `fob login {identity}`"),
        Event::PromptOpened(prompt) => format!(
            "{}: waiting for {}, asked by {}, pid {}; `fob login {}` answers",
            prompt.identity,
            wanted(&prompt.kind),
            prompt.caller.program,
            prompt.caller.pid,
            prompt.identity
        ),
        Event::PromptClosed { identity, .. } => format!("{identity}: the prompt is closed"),
        Event::ConfigurationChanged => "the configuration was changed and is in force".to_owned(),
        Event::ConfigurationBroken { error } => {
            format!(
                "the configuration was changed and cannot be used; the last good one stays in force: {error}"
            )
        }
    };
    format!("{} {what}", rfc3339(now))
}

#[derive(Debug, Serialize)]
pub struct AgentJson<'a> {
    agent: Option<RunningJson<'a>>,
}

#[derive(Debug, Serialize)]
pub struct StatusJson<'a> {
    agent: Option<RunningJson<'a>>,
    sessions: Vec<SessionJson<'a>>,
    prompts: Vec<PromptJson<'a>>,
}

#[derive(Debug, Serialize)]
struct RunningJson<'a> {
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
    #[serde(rename = "last_asker")]
    last_caller: Option<CallerJson<'a>>,
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
    attempt: u32,
    #[serde(rename = "asker")]
    caller: CallerJson<'a>,
}

impl AgentJson<'_> {
    pub fn of(status: &Snapshot) -> AgentJson<'_> {
        AgentJson {
            agent: status.agent.as_ref().map(RunningJson::of),
        }
    }
}

impl StatusJson<'_> {
    pub fn of(status: &Snapshot) -> StatusJson<'_> {
        StatusJson {
            agent: status.agent.as_ref().map(RunningJson::of),
            sessions: sessions(status).map(SessionJson::of).collect(),
            prompts: status.prompts.iter().map(PromptJson::of).collect(),
        }
    }
}

impl RunningJson<'_> {
    fn of(it: &Running) -> RunningJson<'_> {
        RunningJson {
            pid: it.pid,
            version: &it.version,
            since: rfc3339(it.since),
            configuration: &it.configuration,
            configuration_problem: message(it.configuration_problem.as_ref()),
        }
    }
}

impl SessionJson<'_> {
    fn of(it: &IdentityStatus) -> SessionJson<'_> {
        SessionJson {
            identity: &it.name,
            state: it.state,
            expires_at: it.expires_at.map(rfc3339),
            expires_in_seconds: it.expires_in_seconds,
            next_refresh: it.next_refresh.map(rfc3339),
            failing: message(it.failing.as_ref()),
            last_caller: it.last_caller.as_ref().map(|caller| CallerJson {
                program: &caller.program,
                pid: caller.pid,
                at: rfc3339(caller.at),
            }),
        }
    }
}

impl PromptJson<'_> {
    fn of(it: &OpenPrompt) -> PromptJson<'_> {
        let prompt = &it.prompt;
        PromptJson {
            identity: &prompt.identity,
            kind: match prompt.kind {
                PromptKind::Keys { .. } => "keys",
                PromptKind::Mfa { .. } => "mfa",
                PromptKind::KeyringPassphrase { .. } => "keyring_passphrase",
                PromptKind::Browser { .. } => "browser",
            },
            attempt: prompt.attempt,
            caller: CallerJson {
                program: &prompt.caller.program,
                pid: prompt.caller.pid,
                at: rfc3339(it.since),
            },
        }
    }
}

fn message(error: Option<&Error>) -> Option<&str> {
    error.map(|error| error.message.as_str())
}
