//! A program on a console, and a person in front of it who reads and types.

use crate::home::until;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::windows::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

pub struct Terminal {
    child: Running,
    /// What this process made for it.
    console: Option<Box<dyn MasterPty + Send>>,
    keys: Box<dyn Write + Send>,
    chunks: Receiver<Vec<u8>>,
    written: Vec<u8>,
    /// How much of what is shown was read.
    read: usize,
    strips: bool,
}

/// Ends with what holds it.
struct Running(Box<dyn Child + Send + Sync>);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.0.kill();
    }
}

impl Terminal {
    pub fn start(command: Command) -> Terminal {
        Terminal::reading(command, true)
    }

    /// `strips`: without what steers the console.
    #[expect(clippy::needless_pass_by_value, reason = "as on Unix")]
    pub fn reading(command: Command, strips: bool) -> Terminal {
        let under_wine = std::env::vars_os().find(|(name, _)| name == "KEYFOB_CONSOLE");
        match under_wine {
            Some((_, helper)) => Terminal::through(&helper, &command, strips),
            None => Terminal::on_a_console(&command, strips),
        }
    }

    fn on_a_console(command: &Command, strips: bool) -> Terminal {
        let size = PtySize {
            rows: 40,
            cols: 120,
            ..PtySize::default()
        };
        let pair = native_pty_system()
            .openpty(size)
            .expect("a console can be had");
        let mut builder = CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        builder.env_clear();
        for (name, value) in variables(command) {
            builder.env(name, value);
        }
        if let Some(folder) = command.get_current_dir() {
            builder.cwd(folder);
        }
        let child = pair.slave.spawn_command(builder).expect("it starts");
        let output = pair.master.try_clone_reader().expect("it is shown");
        let keys = pair.master.take_writer().expect("it is read");
        let mut terminal = Terminal::of(child, keys, output, strips);
        terminal.console = Some(pair.master);
        terminal
    }

    /// See `tests/systems/console.c`.
    fn through(helper: &OsStr, command: &Command, strips: bool) -> Terminal {
        const CREATE_NO_WINDOW: u32 = 0x0800_0000;
        let mut started = Command::new(helper);
        started.arg(command.get_program()).args(command.get_args());
        started.env_clear().envs(variables(command));
        if let Some(folder) = command.get_current_dir() {
            started.current_dir(folder);
        }
        // A console of its own.
        started.creation_flags(CREATE_NO_WINDOW);
        started.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = started.spawn().expect("it starts");
        let keys = child.stdin.take().expect("it was piped");
        let output = child.stdout.take().expect("it was piped");
        Terminal::of(Box::new(child), Box::new(keys), Box::new(output), strips)
    }

    fn of(
        child: Box<dyn Child + Send + Sync>,
        keys: Box<dyn Write + Send>,
        mut output: Box<dyn Read + Send>,
        strips: bool,
    ) -> Terminal {
        let (sender, chunks) = channel();
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut chunk) {
                if sender.send(chunk[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Terminal {
            child: Running(child),
            console: None,
            keys,
            chunks,
            written: Vec::new(),
            read: 0,
            strips,
        }
    }

    /// Reads until `text` appears; returns what stood before it.
    pub fn read_to(&mut self, text: &str) -> String {
        loop {
            let shown = shown(&self.written, self.strips);
            let unread = shown.get(self.read..).unwrap_or_default();
            if let Some(at) = unread.find(text) {
                self.read += at + text.len();
                return unread[..at].to_owned();
            }
            match self.chunks.recv_timeout(PATIENCE) {
                Ok(chunk) => self.written.extend(chunk),
                Err(cause) => panic!("`{text}` did not appear: {cause}: {unread}"),
            }
        }
    }

    /// Types a line and presses Enter.
    pub fn type_line(&mut self, line: &str) {
        self.press(format!("{line}\r").as_bytes());
    }

    pub fn press_control(&mut self, key: char) {
        self.press(&[key as u8 & 0x1f]);
    }

    fn press(&mut self, keys: &[u8]) {
        // Keys that are pressed after its end reach nobody.
        let _ = self.keys.write_all(keys).and_then(|()| self.keys.flush());
    }

    /// Reads to the end; returns the rest and the exit code.
    pub fn finish(mut self) -> (String, i32) {
        let mut ended = None;
        until("the program ends", || {
            ended = self.child.0.try_wait().expect("a child of ours");
            ended.is_some()
        });
        // Only then does what is shown end.
        drop((self.console, self.keys));
        self.written.extend(self.chunks.into_iter().flatten());
        let shown = shown(&self.written, self.strips);
        let rest = shown.get(self.read..).unwrap_or_default();
        let ended = ended.expect("it has ended");
        (rest.to_owned(), ended.exit_code().cast_signed())
    }
}

fn variables(command: &Command) -> impl Iterator<Item = (&OsStr, &OsStr)> {
    let variables = command.get_envs();
    variables.filter_map(|(name, value)| Some((name, value?)))
}

fn shown(written: &[u8], strips: bool) -> String {
    let text = String::from_utf8_lossy(written);
    if strips {
        anstream::adapter::strip_str(&text).to_string()
    } else {
        text.into_owned()
    }
}
