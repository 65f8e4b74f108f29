//! `fob rds list`: the databases of the configuration. Writes nothing.

use crate::conversation::expect_reply;
use crate::invocation::Invocation;
use crate::rds_args::TableFormat;
use crate::render;
use crate::stop::Stop;
use crate::terminal::{Shape, print_json};
use keyfob_core::agent::api::Look;
use keyfob_core::clock::Clock;

pub fn list(invocation: &Invocation, format: Option<TableFormat>) -> Result<u8, Stop> {
    let mut conversation = invocation.conversation(invocation.config()?)?;
    let list = expect_reply!(conversation.ask(Look::List, None)?, Snapshot)?;
    let default = match invocation.terminal.shape {
        Shape::Json => TableFormat::Json,
        Shape::Text => TableFormat::Table,
    };
    match format.unwrap_or(default) {
        TableFormat::Json => print_json(&render::DatabasesJson::of(&list.databases))?,
        TableFormat::Table => {
            let now = Clock::system().now();
            let text = render::databases_table(&list.databases, now);
            invocation.terminal.data(&text)?;
        }
    }
    Ok(0)
}
