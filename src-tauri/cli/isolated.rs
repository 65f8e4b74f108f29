//! `fob console --isolated`: a browser profile for each identity, so that the consoles of several
//! are open beside each other.

use crate::desktop::browser::{LauncherRun, launched};
use keyfob_core::error::{Code, Error, Result};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Command;

/// In a profile of its own, kept in this folder, with the first browser that is installed.
/// `wanted`: the program of `BROWSER`.
pub fn browse(address: &str, folder: &Path, wanted: Option<&OsStr>) -> Result<()> {
    for (program, family) in browsers(wanted) {
        let mut command = Command::new(&program);
        match family {
            Family::Chromium => {
                let mut data = OsString::from("--user-data-dir=");
                data.push(folder);
                command.args([data, "--no-first-run".into()]);
            }
            Family::Firefox => {
                command.arg("--new-instance").arg("--profile").arg(folder);
            }
        }
        match launched(command.arg(address)) {
            LauncherRun::Missing => {}
            LauncherRun::Failed(why) => {
                let message = format!("{} cannot be started: {why}", program.to_string_lossy());
                return Err(Error::new(Code::ProcessFailed, message));
            }
            LauncherRun::Running => return Ok(()),
        }
    }
    let message =
        "no browser was found that keeps profiles apart (Chromium, Chrome, Edge, Brave or Firefox)";
    Err(Error::new(Code::ProcessFailed, message)
        .hint("leave out --isolated, or set BROWSER to one of them"))
}

#[derive(Clone, Copy)]
enum Family {
    Chromium,
    Firefox,
}

/// The wanted one first, where it is of a kind that is known.
fn browsers(wanted: Option<&OsStr>) -> Vec<(OsString, Family)> {
    const KNOWN: [(&str, Family); 8] = [
        ("google-chrome", Family::Chromium),
        ("google-chrome-stable", Family::Chromium),
        ("chromium", Family::Chromium),
        ("chromium-browser", Family::Chromium),
        ("microsoft-edge", Family::Chromium),
        ("brave-browser", Family::Chromium),
        ("firefox", Family::Firefox),
        ("firefox-esr", Family::Firefox),
    ];
    const BUNDLES: [(&str, Family); 3] = [
        (
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
            Family::Chromium,
        ),
        (
            "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
            Family::Chromium,
        ),
        (
            "/Applications/Firefox.app/Contents/MacOS/firefox",
            Family::Firefox,
        ),
    ];
    let known = if cfg!(target_os = "macos") {
        &BUNDLES[..]
    } else {
        &KNOWN[..]
    };
    let wanted = wanted.and_then(|program| {
        let name = Path::new(program).file_stem()?.to_str()?;
        let (_, family) = KNOWN.iter().find(|(known, _)| *known == name)?;
        Some((program.to_owned(), *family))
    });
    let known = known
        .iter()
        .map(|(program, family)| (program.into(), *family));
    wanted.into_iter().chain(known).collect()
}
