//! A program on a console, and a person in front of it who reads and types.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    console: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    chunks: Receiver<Vec<u8>>,
    written: Vec<u8>,
    /// How much of what is shown was read.
    read: usize,
    strips: bool,
}

impl Terminal {
    pub fn start(command: Command) -> Terminal {
        Terminal::reading(command, true)
    }

    /// `strips`: without what steers the console.
    #[expect(clippy::needless_pass_by_value, reason = "as on Unix")]
    pub fn reading(command: Command, strips: bool) -> Terminal {
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
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                builder.env(name, value);
            }
        }
        if let Some(folder) = command.get_current_dir() {
            builder.cwd(folder);
        }
        let child = pair.slave.spawn_command(builder).expect("it starts");
        let mut output = pair.master.try_clone_reader().expect("it is shown");
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
            child,
            keys: pair.master.take_writer().expect("it is read"),
            console: pair.master,
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
        let pressed = self.keys.write_all(keys).and_then(|()| self.keys.flush());
        pressed.expect("the program reads its console");
    }

    /// Reads to the end; returns the rest and the exit code.
    pub fn finish(mut self) -> (String, i32) {
        let ended = self
            .child
            .wait()
            .expect("a child of ours can be waited for");
        // Only then does what is shown end.
        drop((self.console, self.keys));
        self.written.extend(self.chunks.into_iter().flatten());
        let shown = shown(&self.written, self.strips);
        let rest = shown.get(self.read..).unwrap_or_default();
        (rest.to_owned(), ended.exit_code().cast_signed())
    }
}

fn shown(written: &[u8], strips: bool) -> String {
    let text = String::from_utf8_lossy(written);
    if strips {
        anstream::adapter::strip_str(&text).to_string()
    } else {
        text.into_owned()
    }
}
