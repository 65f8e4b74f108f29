//! `fob cleanup` and `fob repair`.

use crate::args::{CleanupArgs, RepairArgs};
use crate::conversation::expect_reply;
use crate::invocation::Invocation;
use crate::logout::{Confirmation, busy, confirm, removed, show};
use crate::render;
use crate::stop::Stop;
use keyfob_core::agent::api::{self, Health, LongLivedKeys, Maintain, Mode, Recover, Request};
use serde_json::json;

pub fn cleanup(invocation: &Invocation, args: &CleanupArgs) -> Result<u8, Stop> {
    let mut conversation = invocation.conversation(invocation.config()?)?;
    let long_lived_keys = if args.keychain {
        LongLivedKeys::Remove
    } else {
        LongLivedKeys::Keep
    };
    let mut ask = |mode| {
        removed(
            &mut conversation,
            Request::Maintain(Maintain::Cleanup(api::Cleanup {
                long_lived_keys,
                mode,
            })),
            busy(invocation, "Cleaning up"),
        )
    };
    if args.dry_run {
        return show(invocation, &ask(Mode::DryRun)?);
    }
    if args.keychain && !args.yes {
        confirm(invocation, Confirmation::KEYCHAIN, || ask(Mode::DryRun))?;
    }
    show(invocation, &ask(Mode::Run)?)
}

pub fn repair(invocation: &Invocation, args: &RepairArgs) -> Result<u8, Stop> {
    let config = invocation.config()?;
    let named = args.named.name.as_deref();
    let recover = match (args.restore, args.take_over) {
        (true, _) => Recover::SetAside,
        (false, true) => Recover::OfAGoneFile,
        (false, false) => Recover::Nothing,
    };
    let identity = match named.or(invocation.identity.as_deref()) {
        Some(name) => Some(config.identity(name)?.name.to_string()),
        None => None,
    };
    let mut conversation = invocation.conversation(config)?;
    let found = expect_reply!(
        conversation.ask(
            Request::Maintain(Maintain::Repair { identity, recover }),
            busy(invocation, "Checking what is stored")
        )?,
        Repaired
    )?;
    let checks = json!({ "checks": found });
    invocation
        .terminal
        .show(&checks, || render::findings(&found))?;
    Ok(u8::from(
        found.iter().any(|finding| finding.status == Health::Broken),
    ))
}
