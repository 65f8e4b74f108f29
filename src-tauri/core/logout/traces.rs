//! Which of the roles that providers assign were ever used. The others, thousands perhaps, have
//! nothing to remove, and are neither looked at one by one nor marked as signed out.

use super::plan::InMemory;
use crate::config::Identity;
use crate::store::{EntryKind, Glance};
use crate::world::World;
use std::collections::HashSet;

pub(super) struct Traces<'a> {
    glance: Glance<'a>,
    memory: &'a InMemory,
    /// Sessions and profiles, in lower case. `None`: it is not known whether there are some.
    stored: Option<HashSet<String>>,
}

impl<'a> Traces<'a> {
    /// The caller has signed out of the providers: a sign-in that begins now ends there.
    pub async fn of(world: &'a World, memory: &'a InMemory) -> Traces<'a> {
        let has_assigned = world.config.identities().iter().any(|it| it.is_assigned);
        Traces {
            glance: world.store.glance(),
            memory,
            stored: if has_assigned {
                stored(world).await
            } else {
                None
            },
        }
    }

    pub fn has(&self, identity: &Identity) -> bool {
        let name = identity.name.as_str();
        let key = identity.name.key();
        let is_stored = self.stored.as_ref().is_none_or(|it| it.contains(&key));
        let InMemory {
            sessions,
            with_tokens,
        } = self.memory;
        let is_held = sessions.contains(&key) || with_tokens.contains(&key);
        !identity.is_assigned || is_stored || is_held || self.glance.is_touched(name)
    }
}

/// Nothing where a part of it cannot be read.
async fn stored(world: &World) -> Option<HashSet<String>> {
    let entries = world.store.entries().await.ok()?.into_iter();
    let sessions = entries.filter(|it| it.kind == EntryKind::Session);
    let mut names: HashSet<String> = sessions.map(|it| it.name().to_ascii_lowercase()).collect();
    let providers = world.config.providers().iter();
    for files in providers.filter_map(|it| world.config.files(it).ok()) {
        let profiles = world.store.profiles.beside(&files).ok()?.into_iter();
        names.extend(profiles.map(|(_, name)| name.to_ascii_lowercase()));
    }
    Some(names)
}
