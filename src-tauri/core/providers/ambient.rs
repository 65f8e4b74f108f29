//! `aws/ambient`: what the machine itself has. Nothing of it is stored.

use crate::error::Result;
use crate::secret::Session;
use crate::world::World;

pub(super) async fn obtain(world: &World) -> Result<Session> {
    world.aws.ambient_credentials().await
}
