//! The keyring: whether it keeps what is put into it.

use super::check::Checked;
use super::machine::{AgentAnswer, Machine};
use crate::ask::PassphraseUse;
use crate::error::Code;
use crate::world::World;

pub(super) async fn keyring(machine: &Machine, world: &World) -> Checked {
    const NAME: &str = "keyring";
    let which = world.config.keyring();
    let error = match machine.keyring(world).await {
        Ok(()) => match world.store.probe().await {
            Ok(()) => return Checked::ok(NAME, format!("{which}; it can be read and written")),
            Err(error) => error,
        },
        Err(error) => error.clone(),
    };
    let checked = Checked::failed(NAME, &error);
    if error.code != Code::KeyringLocked {
        return checked;
    }
    if let Some((path, PassphraseUse::New)) = world.needs_passphrase().await {
        let detail = format!("{path} is not there yet, and this shell has no passphrase for it");
        return Checked {
            detail,
            ..checked.no_worse_than_a_warning()
        };
    }
    match machine.agent().await {
        AgentAnswer::Status(status) if status.keyring.is_none() => Checked {
            detail: format!("{}; the agent has opened it", checked.detail),
            ..checked.no_worse_than_a_warning()
        },
        AgentAnswer::Status(_)
        | AgentAnswer::NotRunning
        | AgentAnswer::OtherVersion
        | AgentAnswer::Failed(_) => checked,
    }
}
