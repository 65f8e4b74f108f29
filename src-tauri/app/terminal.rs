//! A terminal window with a program in it, in whatever terminal this desktop has.

use crate::desktop::browser::{LauncherRun, launched};
use keyfob_core::error::{Code, Error, Result};
use std::ffi::OsString;
use std::process::Command;

/// The first that is installed opens. Each takes the program and its arguments as words of its own.
const TERMINALS: &[(&str, &[&str])] = if cfg!(windows) {
    &[
        ("wt.exe", &["new-tab"]),
        ("cmd.exe", &["/c", "start", "Keyfob"]),
    ]
} else if cfg!(target_os = "macos") {
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

const IN_TERMINAL_APP: &str = "on run words
    set line to \"exec\"
    repeat with word in words
        set line to line & \" \" & quoted form of word
    end repeat
    tell application \"Terminal\"
        do script line
        activate
    end tell
end run";

pub fn open(command: &[OsString]) -> Result<()> {
    let mut why = "none of the terminals that Keyfob knows is installed".to_owned();
    for (program, words) in TERMINALS {
        match launched(Command::new(program).args(*words).args(command)) {
            LauncherRun::Missing => {}
            LauncherRun::Failed(cause) => why = format!("{program}: {cause}"),
            LauncherRun::Running => return Ok(()),
        }
    }
    let command: Vec<_> = command.iter().map(|it| it.to_string_lossy()).collect();
    let message = format!("a terminal cannot be opened ({why})");
    Err(Error::new(Code::ProcessFailed, message).hint(format!(
        "in a terminal of your own: {}",
        shell_words::join(command)
    )))
}
