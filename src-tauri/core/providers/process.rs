//! `aws/process`: a program that prints credentials in the AWS SDKs' process protocol.

use crate::ask::Ask;
use crate::config::Process;
use crate::error::Result;
use crate::secret::Session;
use crate::world::World;

pub(super) async fn obtain(world: &World, process: &Process, ask: &Ask) -> Result<Session> {
    world.aws.process_credentials(&process.command, ask).await
}
