//! What `fob doctor` has found: a line for each check, which needs no colour to be understood.

use crate::terminal::{one_line, paint};
use clap::builder::styling::AnsiColor;
use keyfob_core::doctor::{CheckStatus, Checked};
use std::fmt::Write as _;

pub fn checks(found: &[Checked]) -> String {
    let mut text = String::new();
    for it in found {
        let status = match it.status {
            CheckStatus::Ok => paint(AnsiColor::Green, "ok     "),
            CheckStatus::Warning => paint(AnsiColor::Yellow, "warning"),
            CheckStatus::Broken => paint(AnsiColor::Red, "broken "),
        };
        let (name, detail) = (one_line(&it.name), one_line(&it.detail));
        let _ = write!(text, "{status} {name}: {detail}");
        if let Some(remedy) = &it.remedy {
            let _ = write!(text, " → {}", one_line(remedy));
        }
        text.push('\n');
    }
    text
}
