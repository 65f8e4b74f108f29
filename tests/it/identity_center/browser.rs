//! A desktop that opens a browser, and the person who clicks in it.

use crate::home::until;
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Notes what it is to open.
const LAUNCHER: &str = "#!/bin/sh\nprintf '%s\\n' \"$1\" >> \"${0%/*}/opened\"\n";

pub struct Desktop {
    programs: PathBuf,
}

impl Desktop {
    pub fn new(home: &Path) -> Desktop {
        let programs = home.join("desktop");
        fs::create_dir(&programs).expect("a folder");
        let launcher = programs.join("xdg-open");
        fs::write(&launcher, LAUNCHER).expect("written");
        fs::set_permissions(&launcher, Permissions::from_mode(0o755)).expect("a mode");
        Desktop { programs }
    }

    /// The program is started on it.
    pub fn is_of(&self, program: &mut Command) {
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.programs.display());
        program.env("PATH", path).env("DISPLAY", ":99");
    }

    fn all(&self) -> Vec<String> {
        let opened = fs::read_to_string(self.programs.join("opened")).unwrap_or_default();
        opened.lines().map(str::to_owned).collect()
    }

    /// How often a browser was opened.
    pub fn times(&self) -> usize {
        self.all().len()
    }

    /// The address that was opened and not visited yet.
    pub fn opened(&self) -> String {
        let visited = self.programs.join("visited");
        let before = fs::read(&visited).map_or(0, |text| text.len());
        until("the browser opens", || self.times() > before);
        fs::write(visited, ".".repeat(before + 1)).expect("written");
        self.all().swap_remove(before)
    }

    /// A browser of this name is installed. It notes its arguments, the address last.
    pub fn install(&self, name: &str) {
        let browser = self.programs.join(name);
        let notes = "#!/bin/sh\nprintf '%s\\n' \"$*\" >> \"${0%/*}/opened\"\n";
        fs::write(&browser, notes).expect("written");
        fs::set_permissions(&browser, Permissions::from_mode(0o755)).expect("a mode");
    }

    /// What answers at an address, and nothing where that is gone.
    pub fn visit(page: &str) -> Option<String> {
        let (host, _) = page.split_once("://")?.1.split_once('/')?;
        TcpStream::connect(host).ok()?;
        Some(Desktop::request("GET", page, ""))
    }

    pub fn click(page: &str) {
        Desktop::answer(page, "");
    }

    pub fn refuse(page: &str) {
        Desktop::answer(page, "refuse=on");
    }

    /// Posts the form of a page, and follows where that leads.
    fn answer(page: &str, form: &str) {
        let answer = Desktop::request("POST", page, form);
        let location = answer
            .lines()
            .find_map(|line| line.strip_prefix("location: "));
        if let Some(back) = location {
            let answer = Desktop::request("GET", back, "");
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        } else {
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
    }

    fn request(method: &str, address: &str, body: &str) -> String {
        let (_, rest) = address.split_once("://").expect("an address");
        let (host, path) = rest.split_once('/').expect("a path");
        let mut stream = TcpStream::connect(host).expect("somebody listens");
        let length = body.len();
        let head = format!(
            "{method} /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        stream.write_all(head.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }
}
