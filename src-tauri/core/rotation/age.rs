//! Keys that were in use for so long that they should be replaced: each is announced once.

use crate::clock::moment;
use crate::world::World;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// A stored access key that is older than the configuration wants.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AgedKey {
    pub identity: String,
    /// Shortened.
    pub access_key_id: String,
    #[serde(with = "moment")]
    pub since: SystemTime,
}

/// `None` also where it was announced before, by any process.
pub(super) async fn unannounced(world: &World, identity: &str) -> Option<AgedKey> {
    let old_after = world.config.notify().key_age?;
    let stored = world.store.keys.find(identity, None).await.ok()??;
    let (since, keys) = (stored.since?, stored.long_lived.keys?);
    let is_old = since + old_after <= world.clock.now();
    let is_new_to_people = || world.store.keys.announced(identity, &keys.access_key_id);
    (is_old && is_new_to_people()).then(|| AgedKey {
        identity: identity.to_owned(),
        access_key_id: keys.access_key_id.to_string(),
        since,
    })
}
