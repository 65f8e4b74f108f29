//! `fob audit` and `fob audit verify`.

use crate::args::{AuditArgs, AuditCommand};
use crate::conversation::expect_reply;
use crate::invocation::Invocation;
use crate::render;
use crate::stop::Stop;
use crate::terminal::{Shape, print_json};
use keyfob_core::agent::api::{HeadState, Look};
use keyfob_core::clock::Clock;

pub fn audit(invocation: &Invocation, args: &AuditArgs) -> Result<u8, Stop> {
    match args.command {
        None => show(invocation, args),
        Some(AuditCommand::Verify) => verify(invocation),
    }
}

fn show(invocation: &Invocation, args: &AuditArgs) -> Result<u8, Stop> {
    let now = Clock::system().now();
    let since = args
        .since
        .map(|time| now.checked_sub(time.to_duration()).unwrap_or(now));
    let mut conversation = invocation.conversation(invocation.config()?)?;
    let audit = expect_reply!(conversation.ask(Look::Audit { since }, None)?, Audit)?;
    let terminal = invocation.terminal;
    match terminal.shape {
        Shape::Json => print_json(&render::AuditJson::of(&audit))?,
        Shape::Text if audit.lines.is_empty() => {
            terminal.say("There are no events in the audit log");
        }
        Shape::Text => terminal.data(&render::audit_text(&audit))?,
    }
    Ok(0)
}

fn verify(invocation: &Invocation) -> Result<u8, Stop> {
    let mut conversation = invocation.conversation(invocation.config()?)?;
    let verdict = expect_reply!(conversation.ask(Look::AuditVerify, None)?, AuditVerified)?;
    let terminal = invocation.terminal;
    terminal.show(&render::VerdictJson::of(&verdict), || {
        render::verdict_text(&verdict)
    })?;
    match &verdict.head {
        HeadState::Known => {}
        HeadState::Behind { lines } => {
            terminal.warn(&format!(
                "the keyring does not know the last {lines}: it could not be reached when they \
                 were written"
            ));
        }
        HeadState::Unknown { why } => {
            terminal.warn(&format!(
                "whether lines are missing at the end cannot be determined: {why}"
            ));
        }
    }
    Ok(u8::from(!verdict.damage.is_empty()))
}
