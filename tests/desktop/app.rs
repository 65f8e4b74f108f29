//! The tray app as a process: started in a home, watched from outside, ended in the end.

use crate::desktop::{Desktop, eventually};
use crate::home::Home;
use crate::page::Page;
use crate::windows;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};

/// Only one app of a session has it.
pub const SINGLE: &str = "dev.keyfob.Keyfob.SingleInstance";
pub const MAIN: &str = "Keyfob";
/// A pattern: the title says which program needs what.
pub const PROMPT: &str = "Keyfob: .+";

pub struct App {
    child: Child,
    log: PathBuf,
    /// Where WebKit lets itself be driven.
    inspector: u16,
}

impl App {
    pub fn start(desktop: &Desktop, home: &Home, words: &[&str]) -> App {
        let log = home.path("keyfob.log");
        let file = || {
            File::options()
                .create(true)
                .append(true)
                .open(&log)
                .expect("the home is ours")
        };
        let inspector = free_port();
        let mut keyfob = App::command(home, words);
        keyfob
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .env("WEBKIT_INSPECTOR_SERVER", format!("127.0.0.1:{inspector}"));
        let child = keyfob
            .stdout(file())
            .stderr(file())
            .spawn()
            .expect("keyfob starts");
        let mut app = App {
            child,
            log,
            inspector,
        };
        eventually("the app is there", || {
            assert!(
                app.child.try_wait().expect("a child of ours").is_none(),
                "it ended: {}",
                app.said()
            );
            (desktop.owner(SINGLE) == Some(app.pid())).then_some(())
        });
        app
    }

    pub fn command(home: &Home, words: &[&str]) -> Command {
        let mut keyfob = home.command(env!("CARGO_BIN_EXE_keyfob"));
        keyfob.args(words);
        keyfob
    }

    /// Waits until programs reach its agent.
    pub fn serves(&self, home: &Home) {
        let is_it =
            || (home.json(&["status", "--json"])["agent"]["pid"] == self.pid()).then_some(());
        eventually("the app serves programs", is_it);
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The page in its first window, which has to stay open.
    pub fn page(&self) -> Page {
        windows::appears(MAIN);
        Page::of(self.inspector, "Identities")
    }

    /// The page of a prompt's window, where that is the first.
    pub fn prompt_page(&self) -> Page {
        windows::appears(PROMPT);
        Page::of(self.inspector, "Cancel")
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_none()
    }

    /// Waits until it has ended by itself.
    pub fn ends(&mut self) -> ExitStatus {
        eventually("the app ends", || {
            self.child.try_wait().expect("a child of ours")
        })
    }

    /// As at the end of a desktop session.
    pub fn terminate(&mut self) -> ExitStatus {
        send(self.pid(), Signal::TERM);
        self.ends()
    }

    /// Without a word. What it started is left.
    pub fn crash(&self) {
        send(self.pid(), Signal::KILL);
    }

    /// What draws its windows, and has nothing else to do.
    pub fn windows_process(&self) -> Option<Process> {
        children(self.pid())
            .into_iter()
            .find(|child| child.name == "keyfob")
    }

    pub fn has_children(&self) -> bool {
        !children(self.pid()).is_empty()
    }

    pub fn open_files(&self) -> usize {
        let folder = fs::read_dir(format!("/proc/{}/fd", self.pid()));
        folder.expect("a process of ours").count()
    }
}

pub struct Process {
    pub pid: u32,
    pub name: String,
}

impl Process {
    /// Without a word, as in a crash.
    pub fn kill(&self) {
        send(self.pid, Signal::KILL);
    }
}

fn send(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .expect("a process");
    // One that has ended already gets no signal.
    let _ = kill_process(pid, signal);
}

/// Those that still run.
pub fn children(parent: u32) -> Vec<Process> {
    let folders = fs::read_dir("/proc")
        .expect("a system with processes")
        .flatten();
    let of_ours = |folder: fs::DirEntry| {
        let pid = folder.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(folder.path().join("stat")).ok()?;
        let (head, tail) = stat.rsplit_once(") ")?;
        let mut fields = tail.split(' ');
        let is_running = fields.next()? != "Z";
        let of: u32 = fields.next()?.parse().ok()?;
        let name = head.split_once('(')?.1.to_owned();
        (is_running && of == parent).then_some(Process { pid, name })
    };
    folders.filter_map(of_ours).collect()
}

impl Drop for App {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("keyfob said: {}", self.said());
        }
        let windows = self.windows_process();
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(windows) = windows {
            windows.kill();
            windows::disappears(MAIN);
        }
    }
}

/// Free at this moment; nothing else on this display takes ports.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
    listener.expect("a port of this machine").port()
}
