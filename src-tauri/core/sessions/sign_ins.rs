//! The sign-ins of providers, as they were last read: one is read again only when its lock file says
//! that it was written since.

use super::state::SignInStatus;
use crate::config::Link;
use crate::files::Stamp;
use crate::providers::{SignInPlace, gives_a_sign_in, renews_itself};
use crate::world::World;
use std::collections::HashMap;

/// By provider in lower case.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownSignIns(HashMap<String, KnownSignIn>);

#[derive(Clone, Debug)]
struct KnownSignIn {
    stamp: Stamp,
    status: Option<SignInStatus>,
}

impl KnownSignIns {
    pub fn status(&self, provider: &str) -> Option<SignInStatus> {
        self.0.get(&provider.to_ascii_lowercase())?.status
    }

    pub async fn read_again(mut self, world: &World) -> KnownSignIns {
        let mut read = HashMap::new();
        for provider in world.config.providers() {
            let Ok(source) = world.config.source(provider) else {
                continue;
            };
            let Some(place) = place(world, &source) else {
                continue;
            };
            let key = provider.name.key();
            let stamp = world.store.sign_ins.stamp(&place.name);
            let known = self.0.remove(&key);
            let known = known.filter(|it| it.stamp == stamp && stamp != Stamp::Now);
            let sign_in = match known {
                Some(known) => known,
                None => KnownSignIn {
                    stamp,
                    status: stored(world, &place).await,
                },
            };
            read.insert(key, sign_in);
        }
        KnownSignIns(read)
    }
}

/// Of the provider that a chain starts at. What cannot be read is not shown.
pub(super) async fn sign_in_status(world: &World, source: &Link) -> Option<SignInStatus> {
    stored(world, &place(world, source)?).await
}

fn place(world: &World, source: &Link) -> Option<SignInPlace> {
    let gives = gives_a_sign_in(&source.kind);
    gives.then(|| SignInPlace::of(world, source).ok())?
}

async fn stored(world: &World, place: &SignInPlace) -> Option<SignInStatus> {
    let stored = place.stored(world).await.ok()??;
    let renews_itself = renews_itself(world, &stored);
    let expires_at = stored.sign_in?.expires_at;
    let is_shown = renews_itself || expires_at > world.clock.now();
    is_shown.then_some(SignInStatus {
        expires_at,
        renews_itself,
    })
}
