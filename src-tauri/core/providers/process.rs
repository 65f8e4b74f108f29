//! `aws/process`: a program that prints credentials in the AWS SDKs' process protocol.

use super::obtain::Obtain;
use crate::config::Process;
use crate::error::Result;
use crate::secret::Session;

pub(super) async fn obtain(it: Obtain<'_>, process: &Process) -> Result<Session> {
    let (aws, notes) = (&it.world.aws, &mut it.trail.notes);
    aws.process_credentials(&process.command, it.ask, notes)
        .await
}
