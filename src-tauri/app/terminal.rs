//! A terminal window with a program in it, in whatever terminal this desktop has.

#[cfg(not(windows))]
use crate::desktop::browser::{LauncherRun, launched};
use keyfob_core::error::{Code, Error, Result};
use std::ffi::OsString;
use std::process::Command;

/// The first that is installed opens. Each takes the program and its arguments as words of its own.
#[cfg(not(windows))]
const TERMINALS: &[(&str, &[&str])] = if cfg!(target_os = "macos") {
    // The words follow as arguments of the script.
    &[("osascript", &["-e", IN_TERMINAL_APP])]
} else {
    &[
        ("xdg-terminal-exec", &[]),
        ("x-terminal-emulator", &["-e"]),
        ("gnome-terminal", &["--"]),
        ("konsole", &["-e"]),
        ("xfce4-terminal", &["-x"]),
        ("foot", &[]),
        ("kitty", &[]),
        ("alacritty", &["-e"]),
        ("xterm", &["-e"]),
    ]
};

/// `word` and `line` are names of AppleScript's own, or of the Terminal's.
#[cfg(not(windows))]
const IN_TERMINAL_APP: &str = "on run argv
    set theCommand to \"exec\"
    repeat with theArgument in argv
        set theCommand to theCommand & \" \" & quoted form of (theArgument as text)
    end repeat
    tell application \"Terminal\"
        do script theCommand
        activate
    end tell
end run";

#[cfg(not(windows))]
pub fn open(command: &[OsString]) -> Result<()> {
    let mut why = "none of the terminals that Keyfob knows is installed".to_owned();
    for (program, words) in TERMINALS {
        match launched(Command::new(program).args(*words).args(command)) {
            LauncherRun::Missing => {}
            LauncherRun::Failed(cause) => why = format!("{program}: {cause}"),
            LauncherRun::Running => return Ok(()),
        }
    }
    Err(cannot_open(&why, command))
}

/// Windows opens the terminal that its user has chosen. This process has no console of its own, and
/// so nothing that the program would write to instead.
#[cfg(windows)]
pub fn open(command: &[OsString]) -> Result<()> {
    use std::os::windows::process::CommandExt;
    const CREATE_NEW_CONSOLE: u32 = 0x10;
    let (program, words) = command.split_first().expect("there is a program in it");
    let mut started = Command::new(program);
    started.args(words).creation_flags(CREATE_NEW_CONSOLE);
    let started = started.spawn();
    started
        .map(drop)
        .map_err(|cause| cannot_open(&cause.to_string(), command))
}

fn cannot_open(why: &str, command: &[OsString]) -> Error {
    let command: Vec<_> = command.iter().map(|it| it.to_string_lossy()).collect();
    let message = format!("a terminal cannot be opened ({why})");
    Error::new(Code::ProcessFailed, message).hint(format!(
        "in a terminal of your own: {}",
        shell_words::join(command)
    ))
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "macos")]
    #[test]
    fn the_script_for_the_terminal_is_one() {
        let compiled = std::process::Command::new("osacompile")
            .args(["-o", "/dev/null", "-e", super::IN_TERMINAL_APP])
            .output();
        let compiled = compiled.expect("a part of the system");
        let said = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "{said}");
    }

    #[cfg(windows)]
    #[test]
    fn the_program_in_a_new_console_gets_its_words_whole() {
        use std::ffi::OsString;
        let folder = tempfile::tempdir().expect("a folder");
        let script = folder.path().join("two words.cmd");
        let lines =
            "@echo off\r\necho [%1] [%2]>\"%~dp0words\"\r\nmove \"%~dp0words\" \"%~dp0done\"\r\n";
        std::fs::write(&script, lines).expect("written");
        let words = [script.as_os_str(), "a;b".as_ref(), "c d".as_ref()];
        super::open(&words.map(OsString::from)).expect("it starts");
        let done = folder.path().join("done");
        for _ in 0..500 {
            std::thread::park_timeout(std::time::Duration::from_millis(20));
            if done.exists() {
                break;
            }
        }
        let shown = std::fs::read_to_string(done).expect("it ran");
        assert_eq!(shown.trim_end(), "[\"a;b\"] [\"c d\"]");
    }
}
