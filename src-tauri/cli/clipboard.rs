//! Text to the clipboard: the terminal's, which may be on another machine (OSC 52), and this
//! desktop's, where a program is installed for that.

use crate::terminal::print_to_people;
use keyfob_core::encode::base64;
use std::io::{self, Write};
use std::process::{Command, Stdio};

/// Of Wayland, X11, macOS and Windows. What they were given stays after their end.
const PROGRAMS: &[&[&str]] = &[
    &["wl-copy"],
    &["xclip", "-selection", "clipboard"],
    &["xsel", "--clipboard", "--input"],
    &["pbcopy"],
    &["clip.exe"],
];

/// Returns what there is to say of it.
pub fn copy(text: &str, noun: &str) -> String {
    print_to_people(&format!("\x1b]52;c;{}\x07", base64(text)));
    let is_taken = |words: &&&[&str]| given(words, text).is_ok_and(|is_taken| is_taken);
    match PROGRAMS.iter().find(is_taken) {
        Some(_) => format!("The {noun} is on the clipboard"),
        None => format!(
            "The {noun} was sent to the terminal's clipboard, which not every terminal has (OSC 52)"
        ),
    }
}

fn given(words: &[&str], text: &str) -> io::Result<bool> {
    let mut program = Command::new(words[0])
        .args(&words[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut input) = program.stdin.take() {
        // One that has ended already says why by its status.
        let _ = input.write_all(text.as_bytes());
    }
    Ok(program.wait()?.success())
}
