//! How things stand, as far as the agent knows: the running agent, its sessions with what only it
//! knows of them, and the prompts that wait.

use super::Role;
use super::api::{LastCaller, OpenPrompt, Reply, Running, SessionStatus, State, Status};
use super::flight::{Stage, Waiter};
use super::owner::Owner;
use crate::auth::refresh::Watch;
use crate::error::Error;
use std::collections::HashMap;
use std::time::SystemTime;

impl Owner {
    pub(super) fn tell_status(&self, waiter: Waiter) {
        let now = self.clock.now();
        let agent = (self.role == Role::Hosted).then(|| Running {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            since: self.since,
            configuration: self.auth.config().path().display().to_string(),
            configuration_problem: self.schedule.configuration_problem().cloned(),
            refresh: self.schedule.refresh(),
        });
        let prompts = self
            .flights
            .values()
            .filter_map(|flight| match &flight.stage {
                Stage::Asking(asking) => Some(OpenPrompt {
                    prompt: asking.prompt.clone(),
                    since: asking.since,
                }),
                Stage::UnderWay => None,
            });
        let mut prompts: Vec<OpenPrompt> = prompts.collect();
        prompts.sort_by_key(|open| open.prompt.id);
        let known: HashMap<String, Known> = self
            .auth
            .config()
            .identities()
            .iter()
            .map(|identity| {
                let key = identity.name.as_str().to_ascii_lowercase();
                let watch = self.schedule.watch_of(&key);
                let known = Known {
                    state: watch.map(|watch| watch.state(now)),
                    next_refresh: watch.and_then(Watch::next_renewal),
                    failing: watch.and_then(Watch::failing).cloned(),
                    last_caller: self.callers.get(&key).cloned(),
                };
                (key, known)
            })
            .collect();
        let auth = self.auth.clone();
        tokio::spawn(async move {
            let (list, notes) = auth.list().await;
            let sessions = list.identities.into_iter().filter_map(|it| {
                let known = known
                    .get(&it.name.to_ascii_lowercase())
                    .cloned()
                    .unwrap_or_default();
                let is_idle = matches!(
                    it.state,
                    State::NeedsSignIn | State::SignedOut | State::Unsupported
                );
                // What AWS refused shows only when it is tried, and an end stays one when the clock
                // is set back.
                let seen = |state: &State| {
                    matches!(state, State::Revoked | State::Denied | State::Expired)
                };
                let state = known.state.filter(seen);
                (!is_idle || known.last_caller.is_some()).then(|| SessionStatus {
                    identity: it.name,
                    state: state.unwrap_or(it.state),
                    expires_at: it.expires_at,
                    expires_in_seconds: it.expires_in_seconds,
                    next_refresh: known.next_refresh,
                    failing: known.failing,
                    last_caller: known.last_caller,
                })
            });
            waiter.answer(
                notes,
                Reply::Status(Status {
                    agent,
                    sessions: sessions.collect(),
                    prompts,
                }),
            );
        });
    }
}

/// What only the agent knows of an identity.
#[derive(Clone, Debug, Default)]
struct Known {
    state: Option<State>,
    next_refresh: Option<SystemTime>,
    failing: Option<Error>,
    last_caller: Option<LastCaller>,
}
