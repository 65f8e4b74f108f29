//! What leaves the app at the user's click: text on the clipboard, an address in the browser, a
//! file in its editor. The page may do none of it by itself.

use crate::mutex::lock;
use keyfob_core::agent::api::Variables;
use keyfob_core::error::{Code, Error, Result, shorten};
use std::ffi::OsStr;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;
use zeroize::Zeroizing;

/// A launcher that runs longer has opened something.
const SAYS_NO_WITHIN: Duration = Duration::from_secs(3);

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

/// With the first of the desktop's launchers that does not say at once that it cannot.
pub async fn open(what: impl AsRef<OsStr>, noun: &str) -> Result<()> {
    let mut why = "this desktop has nothing to open it with".to_owned();
    for command in open::commands(what) {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut command = tokio::process::Command::from(command);
        command.stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        // It may be the browser itself, and outlives this process.
        #[cfg(unix)]
        command.process_group(0);
        let ended = match command.spawn() {
            Ok(mut child) => tokio::time::timeout(SAYS_NO_WITHIN, child.wait()).await,
            // That one is not installed.
            Err(_) => continue,
        };
        match ended {
            Ok(Ok(status)) if !status.success() => why = format!("{program}: {status}"),
            Ok(Err(cause)) => why = format!("{program}: {cause}"),
            Ok(Ok(_)) | Err(_) => return Ok(()),
        }
    }
    let message = format!("{noun} cannot be opened ({why})");
    Err(Error::new(Code::ProcessFailed, message)
        .hint("set a default program for it on this desktop"))
}

/// An address in the browser: of the web, encrypted, or of this process itself. Any other kind
/// starts whatever program the desktop has for it.
pub async fn browse(address: &str) -> Result<()> {
    if !is_for_a_browser(address) {
        let message = format!("{} is no address for a browser", shorten(address));
        return Err(Error::new(Code::InvalidInput, message)
            .hint("only https addresses are opened, and those of this machine"));
    }
    open(address, "the browser").await
}

fn is_for_a_browser(address: &str) -> bool {
    let own = address
        .strip_prefix("http://127.0.0.1:")
        .is_some_and(|rest| {
            let (port, _) = rest.split_once('/').unwrap_or((rest, ""));
            !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
        });
    (own || address.starts_with("https://")) && address.bytes().all(|b| b.is_ascii_graphic())
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
    use keyfob_core::agent::api::{Secret, Variable};

    #[test]
    fn only_addresses_of_the_web_and_of_this_process_go_to_the_browser() {
        for address in [
            "https://device.sso.eu-central-1.amazonaws.com/?user_code=ABCD",
            "http://127.0.0.1:40123/0f",
        ] {
            assert!(is_for_a_browser(address), "{address}");
        }
        for address in [
            "http://device.sso.example/",
            "http://127.0.0.1:80@elsewhere/",
            "http://127.0.0.1.elsewhere/",
            "file:///etc/passwd",
            "vscode://x",
            "/usr/bin/xterm",
            "https://a b",
            "-h",
        ] {
            assert!(!is_for_a_browser(address), "{address}");
        }
    }

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
