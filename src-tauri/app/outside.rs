//! What leaves the app at somebody's click: text on the clipboard, an address in the browser, a file in its editor. The
//! page may do none of it by itself.

use keyfob_core::agent::api::Variables;
use keyfob_core::error::{Code, Error, Result};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::sync::Mutex;
use zeroize::Zeroizing;

/// Opened when first needed. On X11 and Wayland what was copied is there as long as this is.
#[derive(Default)]
pub struct Clipboard(Mutex<Option<arboard::Clipboard>>);

impl Clipboard {
    pub fn copy(&self, text: &str) -> Result<()> {
        let mut held = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let failed = |cause: arboard::Error| {
            Error::new(Code::ProcessFailed, format!("the clipboard cannot be used: {cause}")).hint("try again")
        };
        if held.is_none() {
            *held = Some(arboard::Clipboard::new().map_err(failed)?);
        }
        let Some(clipboard) = held.as_mut() else { return Ok(()) };
        let copied = clipboard.set_text(text);
        if copied.is_err() {
            // The display it was opened on may be gone.
            *held = None;
        }
        copied.map_err(failed)
    }
}

pub fn open(what: impl AsRef<OsStr>, noun: &str) -> Result<()> {
    open::that_detached(what).map_err(|cause| {
        Error::new(Code::ProcessFailed, format!("{noun} cannot be opened: {cause}"))
            .hint("the desktop has to know a program for it")
    })
}

/// Lines for the shell that is usual here.
pub fn shell_lines(variables: &Variables) -> Zeroizing<String> {
    let mut lines = Zeroizing::new(String::new());
    // A text takes all that is written into it.
    for name in &variables.remove {
        let _ = if cfg!(windows) {
            writeln!(lines, "Remove-Item Env:{name} -ErrorAction SilentlyContinue")
        } else {
            writeln!(lines, "unset {name}")
        };
    }
    for variable in &variables.set {
        let (name, value) = (&variable.name, variable.value.expose());
        let _ = if cfg!(windows) {
            writeln!(lines, "$env:{name} = '{}'", value.replace('\'', "''"))
        } else {
            writeln!(lines, "export {name}={}", shell_words::quote(value))
        };
    }
    lines
}
