//! An address in the browser, a file in its editor: with what the desktop has for it. A part of
//! both `fob` and `keyfob`.

use keyfob_core::clock::Clock;
use keyfob_core::error::{Code, Error, Result, shorten};
use std::ffi::OsStr;
use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// A launcher that runs longer has opened something.
const SAYS_NO_WITHIN: Duration = Duration::from_secs(3);
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(20);

/// With the first of the desktop's launchers that does not say at once that it cannot.
pub fn open(what: impl AsRef<OsStr>, noun: &str) -> Result<()> {
    let mut why = "this desktop has nothing to open it with".to_owned();
    for mut command in open::commands(what) {
        let program = command.get_program().to_string_lossy().into_owned();
        match launched(&mut command) {
            LauncherRun::Missing => {}
            LauncherRun::Failed(cause) => why = format!("{program}: {cause}"),
            LauncherRun::Running => return Ok(()),
        }
    }
    let message = format!("{noun} cannot be opened ({why})");
    Err(Error::new(Code::ProcessFailed, message)
        .hint("set a default program for it on this desktop"))
}

#[derive(Debug)]
pub enum LauncherRun {
    /// That one may not be installed.
    Missing,
    Failed(String),
    Running,
}

/// Of a program that goes on by itself.
pub fn launched(command: &mut Command) -> LauncherRun {
    command.stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    // It may be the browser itself, and outlives this process.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let Ok(child) = command.spawn() else {
        return LauncherRun::Missing;
    };
    match ended_at_once(child) {
        Ok(Some(status)) if !status.success() => LauncherRun::Failed(status.to_string()),
        Err(cause) => LauncherRun::Failed(cause.to_string()),
        Ok(Some(_) | None) => LauncherRun::Running,
    }
}

fn ended_at_once(mut child: Child) -> io::Result<Option<ExitStatus>> {
    let clock = Clock::system();
    let until = clock.now() + SAYS_NO_WITHIN;
    while clock.now() < until {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::park_timeout(LOOK);
    }
    Ok(None)
}

/// An address in the browser: of the web, encrypted, or of this process itself. Any other kind
/// starts whatever program the desktop has for it. `wanted`: the variable `BROWSER`, which has
/// precedence over the desktop's choice.
pub fn browse(address: &str, wanted: Option<&str>) -> Result<()> {
    if !is_for_a_browser(address) {
        let message = format!("{} is no address for a browser", shorten(address));
        return Err(Error::new(Code::InvalidInput, message)
            .hint("only https addresses are opened, and those of this machine"));
    }
    let mut wanted = wanted.unwrap_or_default().split(':');
    if wanted.any(|command| opened_with(command, address)) {
        return Ok(());
    }
    open(address, "the browser")
}

/// `%s` of the command is the address, which is its last word otherwise.
fn opened_with(command: &str, address: &str) -> bool {
    let mut words = shell_words::split(command).unwrap_or_default().into_iter();
    // Paths of Windows have a colon themselves.
    let Some(program) = words.next().filter(|_| cfg!(unix)) else {
        return false;
    };
    let mut words: Vec<String> = words.collect();
    if words.iter().any(|word| word.contains("%s")) {
        words = words.iter().map(|it| it.replace("%s", address)).collect();
    } else {
        words.push(address.to_owned());
    }
    let mut command = Command::new(program);
    matches!(launched(command.args(words)), LauncherRun::Running)
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
