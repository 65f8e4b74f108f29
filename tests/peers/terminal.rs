//! A program on a terminal, and a person in front of it who reads and types.

use rexpect::process::WaitStatus;
use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};
use std::process::Command;

const PATIENCE_MILLISECONDS: u64 = 30_000;

pub struct Terminal(PtySession);

impl Terminal {
    /// A new terminal has no size: what is started on it is given one first.
    pub const SIZED: &[&str] = &["sh", "-c", r#"stty rows 40 cols 120 && exec "$@""#, "sh"];

    pub fn start(command: Command) -> Terminal {
        Terminal::reading(command, true)
    }

    /// `strips`: without what steers the terminal.
    pub fn reading(command: Command, strips: bool) -> Terminal {
        let options = Options::new()
            .timeout_ms(Some(PATIENCE_MILLISECONDS))
            .strip_ansi_escape_codes(strips);
        Terminal(spawn_with_options(command, options).expect("a terminal can be had"))
    }

    /// Reads until `text` appears; returns what stood before it.
    pub fn read_to(&mut self, text: &str) -> String {
        self.0
            .exp_string(text)
            .unwrap_or_else(|cause| panic!("`{text}` did not appear: {cause}"))
    }

    /// Types a line and presses Enter.
    pub fn type_line(&mut self, line: &str) {
        self.0
            .send_line(line)
            .expect("the program reads its terminal");
    }

    pub fn press_control(&mut self, key: char) {
        self.0
            .send_control(key)
            .expect("the program reads its terminal");
    }

    /// Reads to the end; returns the rest and the exit code.
    pub fn finish(mut self) -> (String, i32) {
        let rest = self
            .0
            .exp_eof()
            .unwrap_or_else(|cause| panic!("the program did not end: {cause}"));
        match self
            .0
            .process()
            .wait()
            .expect("a child of ours can be waited for")
        {
            WaitStatus::Exited(_, code) => (rest, code),
            other => panic!("the program did not exit by itself: {other:?}"),
        }
    }
}
