//! `fob console --isolated`: a browser profile for each identity, so that the consoles of several
//! are open beside each other.

use crate::desktop::browser::{LauncherRun, launched};
use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error, Result};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Command;

/// In a profile of its own, kept in this folder, with the first browser that is installed.
pub fn browse(address: &str, folder: &Path, environment: &Environment) -> Result<()> {
    for (program, family) in browsers(environment) {
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

/// By the names of their programs, as systems and people name them.
const KNOWN: [(&str, Family); 14] = [
    ("google-chrome", Family::Chromium),
    ("google-chrome-stable", Family::Chromium),
    ("chromium", Family::Chromium),
    ("chromium-browser", Family::Chromium),
    ("microsoft-edge", Family::Chromium),
    ("brave-browser", Family::Chromium),
    ("firefox", Family::Firefox),
    ("firefox-esr", Family::Firefox),
    ("Google Chrome", Family::Chromium),
    ("Microsoft Edge", Family::Chromium),
    ("Brave Browser", Family::Chromium),
    ("chrome", Family::Chromium),
    ("msedge", Family::Chromium),
    ("brave", Family::Chromium),
];

const BUNDLES: [&str; 3] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "/Applications/Firefox.app/Contents/MacOS/firefox",
];

/// Installers put no browser on the PATH there. A variable with a folder, and what lies below it.
const ON_WINDOWS: [(&str, &str); 5] = [
    ("PROGRAMFILES", r"Google\Chrome\Application\chrome.exe"),
    ("LOCALAPPDATA", r"Google\Chrome\Application\chrome.exe"),
    ("PROGRAMFILES", r"Mozilla Firefox\firefox.exe"),
    ("PROGRAMFILES", r"Microsoft\Edge\Application\msedge.exe"),
    (
        "PROGRAMFILES(X86)",
        r"Microsoft\Edge\Application\msedge.exe",
    ),
];

/// That of `BROWSER` first, where it is of a kind that is known.
fn browsers(environment: &Environment) -> Vec<(OsString, Family)> {
    let wanted = environment.raw("BROWSER").map(OsStr::to_owned);
    let installed: Vec<OsString> = if cfg!(windows) {
        let of = |(folder, file): &(&str, &str)| Some(environment.path(folder)?.join(file));
        ON_WINDOWS.iter().filter_map(of).map(Into::into).collect()
    } else if cfg!(target_os = "macos") {
        BUNDLES.map(OsString::from).into()
    } else {
        KNOWN.map(|(name, _)| OsString::from(name)).into()
    };
    let family = |program: &OsString| {
        let name = Path::new(program).file_stem()?.to_str()?;
        KNOWN.iter().find_map(|it| (it.0 == name).then_some(it.1))
    };
    let all = wanted.into_iter().chain(installed);
    all.filter_map(|program| Some((program.clone(), family(&program)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wanted_browser_comes_first_and_every_other_is_of_a_known_kind() {
        let root = if cfg!(windows) { r"C:\files" } else { "/files" };
        let environment = Environment::of([
            ("BROWSER", "/opt/x/brave"),
            ("PROGRAMFILES", root),
            ("LOCALAPPDATA", root),
            ("PROGRAMFILES(X86)", root),
        ]);
        let found = browsers(&environment);
        assert!(matches!(&found[0], (first, Family::Chromium) if first == "/opt/x/brave"));
        let kinds = |family: fn(&Family) -> bool| found.iter().any(|(_, it)| family(it));
        assert!(kinds(|it| matches!(it, Family::Firefox)));
        let others = browsers(&Environment::of([("BROWSER", "xdg-open")]));
        assert!(others.iter().all(|(program, _)| program != "xdg-open"));
        assert_eq!(others.is_empty(), cfg!(windows), "it depends on folders");
    }
}
