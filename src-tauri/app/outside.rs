//! What leaves the app at the user's click: text on the clipboard, an address in the browser, a
//! file in its editor. The page may do none of it by itself.

use crate::desktop::browser;
use crate::mutex::lock;
use crate::terminal;
use keyfob_core::agent::api::{Secret, Variables};
use keyfob_core::error::{Code, Error, Result};
use std::ffi::{OsStr, OsString};
use std::sync::Mutex;
use zeroize::Zeroizing;

/// Opened when first needed. On X11 and Wayland what was copied is there as long as this is.
#[derive(Default)]
pub struct Clipboard(Mutex<Option<arboard::Clipboard>>);

impl Clipboard {
    pub fn copy(&self, text: &str) -> Result<()> {
        let mut held = lock(&self.0);
        let failed = |cause: arboard::Error| {
            let message = format!("the clipboard cannot be used: {cause}");
            Error::new(Code::ProcessFailed, message).hint("try again")
        };
        if held.is_none() {
            *held = Some(arboard::Clipboard::new().map_err(failed)?);
        }
        let Some(clipboard) = held.as_mut() else {
            return Ok(());
        };
        let copied = clipboard.set_text(text);
        if copied.is_err() {
            // The display it was opened on may be gone.
            *held = None;
        }
        copied.map_err(failed)
    }
}

/// See [`crate::desktop::browser::open`].
pub async fn open(what: impl AsRef<OsStr>, noun: &'static str) -> Result<()> {
    let what = what.as_ref().to_owned();
    in_the_background(move || browser::open(what, noun)).await
}

/// See [`crate::desktop::browser::browse`].
pub async fn browse(address: &str) -> Result<()> {
    let address = address.to_owned();
    in_the_background(move || browser::browse(&address, None)).await
}

/// See [`terminal::open`].
pub async fn open_terminal(command: Vec<OsString>) -> Result<()> {
    in_the_background(move || terminal::open(&command)).await
}

/// A secret that the user wants copied.
pub fn copy_secret(clipboard: &Clipboard, secret: &Secret) -> Result<()> {
    clipboard.copy(secret.expose())
}

async fn in_the_background(work: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    let done = tauri::async_runtime::spawn_blocking(work).await;
    done.unwrap_or_else(|cause| Err(Error::new(Code::ProcessFailed, cause.to_string())))
}

/// Lines for the usual shell of this system.
pub fn shell_lines(variables: &Variables) -> Zeroizing<String> {
    let mut lines = Zeroizing::new(String::new());
    let gone = if cfg!(windows) {
        ("Remove-Item Env:", " -ErrorAction SilentlyContinue")
    } else {
        ("unset ", "")
    };
    for name in &variables.remove {
        lines.extend([gone.0, name, gone.1, "\n"]);
    }
    for variable in &variables.set {
        let value = variable.value.expose();
        if cfg!(windows) {
            let quoted = Zeroizing::new(value.replace('\'', "''"));
            lines.extend(["$env:", &variable.name, " = '", &quoted, "'\n"]);
        } else {
            let quoted = shell_words::quote(value);
            lines.extend(["export ", &variable.name, "=", &quoted, "\n"]);
        }
    }
    lines
}

#[cfg(test)]
#[cfg(not(windows))]
mod tests {
    use super::*;
    use keyfob_core::agent::api::Variable;

    #[test]
    fn a_shell_reads_back_what_was_copied() {
        let set = vec![Variable {
            name: "AWS_PROFILE".to_owned(),
            value: Secret::new("it's $(mine)"),
        }];
        let variables = Variables {
            set,
            remove: vec!["AWS_ACCESS_KEY_ID".to_owned()],
            withheld: Vec::new(),
            expires_at: None,
        };
        let script = format!(
            "{}printf %s \"$AWS_PROFILE${{AWS_ACCESS_KEY_ID-gone}}\"",
            *shell_lines(&variables)
        );
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .env("AWS_ACCESS_KEY_ID", "x")
            .output();
        assert_eq!(output.expect("a shell").stdout, b"it's $(mine)gone");
    }
}
