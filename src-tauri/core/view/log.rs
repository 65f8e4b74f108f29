//! An [`Event`] in words, for the log of a headless agent.

use super::notice::requested;
use super::time::{in_time, in_units, rfc3339, time_left, until};
use crate::agent::api::{AgedKey, Event, Prompt};
use std::time::SystemTime;

const NOT_RENEWED: &str = "and cannot be renewed automatically";
const UNUSABLE: &str =
    "the changed configuration cannot be used; the last valid version stays in effect";

/// One line, where there is something to say: a pool's connections would fill the log.
pub fn log_line(event: &Event, now: SystemTime) -> Option<String> {
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
            let left = in_units(time_left(*expires_at, now));
            format!("{identity}: renewals keep failing, {left} left: {cause}")
        }
        Event::NotRenewed { identity, cause } => {
            format!("{identity}: not renewed, tried again: {cause}")
        }
        Event::KeysRevoked { identity, error } | Event::RenewalRefused { identity, error } => {
            format!("{identity}: no longer renewed: {error}")
        }
        Event::ExpiresSoon {
            identity,
            expires_at,
        } => {
            let end = in_time(*expires_at, now);
            format!("{identity}: expires {end} {NOT_RENEWED}: `fob login {identity} --force`")
        }
        Event::SignInEndsSoon {
            provider: name,
            identity,
            expires_at,
        } => {
            let (end, how) = (in_time(*expires_at, now), "--force-all");
            format!("{name}: the sign-in ends {end} {NOT_RENEWED}: `fob login {identity} {how}`")
        }
        Event::KeyIsOld(key) => old_key(key, now),
        Event::KeysStored { identity } => format!("{identity}: access keys were stored"),
        Event::Expired { identity } => format!("{identity}: expired; `fob login {identity}`"),
        Event::PromptOpened(prompt) => prompt_opened(prompt),
        Event::PromptNotWaitedFor { identity, .. } => {
            format!("{identity}: no program waits for the prompt any more")
        }
        Event::PromptClosed { identity, .. } => format!("{identity}: the prompt was closed"),
        Event::WaitsForHolder { identity, holder } => format!("{identity}: {holder}"),
        Event::Rotating(_) | Event::DatabaseConnections { .. } => return None,
        Event::ConfigurationChanged => "the changed configuration is in effect".to_owned(),
        Event::ConfigurationBroken { error } => format!("{UNUSABLE}: {error}"),
    };
    Some(format!("{} {what}", rfc3339(now)))
}

fn prompt_opened(prompt: &Prompt) -> String {
    let (identity, what) = (&prompt.identity, requested(prompt));
    format!("{identity}: waiting for {what}")
}

fn old_key(key: &AgedKey, now: SystemTime) -> String {
    let (name, id) = (&key.identity, &key.access_key_id);
    let age = in_units(time_left(now, key.since));
    format!("{name}: access key {id} is {age} old; `fob user rotate {name}`")
}
