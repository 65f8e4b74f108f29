//! The sign-ins of providers, as they were last read: one is read again only when its lock file
//! says that it was written since.

use super::state::SignInStatus;
use crate::config::{Identity, Kind, Link, sources};
use crate::files::Stamp;
use crate::providers::{SignInPlace, renews_itself};
use crate::world::World;
use crate::world::freshness::margin;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

/// By the name of the provider, or of the identity that stands alone, in lower case.
#[derive(Clone, Debug, Default)]
pub struct KnownSignIns(HashMap<String, KnownSignIn>);

#[derive(Clone, Debug)]
struct KnownSignIn {
    stamp: Stamp,
    stored: Option<SignInTimes>,
}

#[derive(Clone, Copy, Debug)]
struct SignInTimes {
    status: SignInStatus,
    due_at: SystemTime,
    life: Duration,
}

impl KnownSignIns {
    pub fn status(&self, provider: &str) -> Option<SignInStatus> {
        let known = self.0.get(&provider.to_ascii_lowercase())?;
        Some(known.stored?.status)
    }

    /// Of an identity that stands alone.
    pub fn own(&self, identity: &Identity) -> Option<SignInStatus> {
        let signs_in = identity.kind == Kind::Login.as_str();
        signs_in.then(|| self.status(identity.name.as_str()))?
    }

    /// Those to be renewed without a person, and from when on.
    pub fn due(&self) -> impl Iterator<Item = (&String, SystemTime)> {
        let renewed = self.stored().filter(|(_, it)| it.status.renews_itself);
        renewed.map(|(provider, it)| (provider, it.due_at))
    }

    /// Those that end without a person, when that is to be announced, and when they end.
    pub fn ending(&self, notice: Duration) -> impl Iterator<Item = (&String, [SystemTime; 2])> {
        let ending = self.stored().filter(|(_, it)| !it.status.renews_itself);
        ending.map(move |(provider, it)| {
            let end = it.status.expires_at;
            (provider, [end - notice.min(it.life / 4), end])
        })
    }

    fn stored(&self) -> impl Iterator<Item = (&String, SignInTimes)> {
        let all = self.0.iter();
        all.filter_map(|(provider, it)| Some((provider, it.stored?)))
    }

    pub async fn read_again(mut self, world: &World) -> KnownSignIns {
        let mut read = HashMap::new();
        for source in sources(&world.config) {
            let Some(place) = place(world, &source) else {
                continue;
            };
            let key = source.name.to_ascii_lowercase();
            let stamp = world.store.sign_ins.stamp(&place.name);
            let known = self.0.remove(&key);
            let known = known.filter(|it| it.stamp == stamp && stamp != Stamp::Now);
            let sign_in = match known {
                Some(known) => known,
                None => KnownSignIn {
                    stamp,
                    stored: stored(world, &place).await,
                },
            };
            read.insert(key, sign_in);
        }
        KnownSignIns(read)
    }
}

/// Of what a chain starts at. What cannot be read is not shown.
pub(super) async fn sign_in_status(world: &World, source: &Link) -> Option<SignInStatus> {
    let stored = stored(world, &place(world, source)?).await;
    Some(stored?.status)
}

fn place(world: &World, source: &Link) -> Option<SignInPlace> {
    source.sign_in_address()?;
    SignInPlace::of(world, source).ok()
}

async fn stored(world: &World, place: &SignInPlace) -> Option<SignInTimes> {
    let stored = place.stored(world).await.ok()??;
    let renews_itself = renews_itself(world, &stored);
    let sign_in = stored.sign_in?;
    let is_shown = renews_itself || sign_in.is_usable(world.clock.now());
    is_shown.then_some(SignInTimes {
        status: SignInStatus {
            expires_at: sign_in.expires_at,
            renews_itself,
        },
        due_at: sign_in.expires_at - margin(sign_in.life()),
        life: sign_in.life(),
    })
}
