//! How things stand, as far as the agent knows: the running agent, its sessions with what only it
//! knows of them, and the prompts that wait.

use super::Role;
use super::api::{LastCaller, ListedProvider, OpenPrompt, Reply, Running, Snapshot, State};
use super::flight::{Stage, Waiter};
use super::owner::Owner;
use crate::auth::refresh::Watch;
use crate::error::Error;
use std::collections::HashMap;
use std::time::SystemTime;

impl Owner {
    pub(super) fn tell_status(&self, waiter: Waiter, is_elsewhere: bool) {
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
            // The caller's environment may hold the passphrase.
            if is_elsewhere && auth.passphrase_prompt(0).await.is_some() {
                return waiter.answer(Vec::new(), Reply::RunInProcess);
            }
            let (mut identities, keyring, notes) = auth.list().await;
            for it in &mut identities {
                let Some(known) = known.get(&it.name.to_ascii_lowercase()).cloned() else {
                    continue;
                };
                // What AWS refused shows only when it is tried, and an end stays one when the clock
                // is set back.
                let seen = |state: &State| {
                    matches!(state, State::Revoked | State::Denied | State::Expired)
                };
                it.state = known.state.filter(seen).unwrap_or(it.state);
                it.next_refresh = known.next_refresh;
                it.failing = known.failing;
                it.last_caller = known.last_caller;
            }
            let providers = auth
                .config()
                .providers()
                .iter()
                .map(|provider| ListedProvider {
                    name: provider.name.to_string(),
                    kind: provider.kind.clone(),
                });
            let snapshot = Snapshot {
                agent,
                providers: providers.collect(),
                identities,
                prompts,
                keyring,
            };
            waiter.answer(notes, Reply::Snapshot(snapshot));
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
