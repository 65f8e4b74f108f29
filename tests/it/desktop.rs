//! A home with a desktop that opens a browser, and the person who clicks in it.

use crate::home::{Home, RunningAgent, until};
use crate::screen::Terminal;
use keyfob_core::sandbox::{FaultSwitch, SandboxFault, SandboxSettings, SignInAction};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

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

    /// As [`Desktop::is_of`], where nothing opens an address.
    pub fn is_broken_for(&self, program: &mut Command) {
        fs::write(self.programs.join("xdg-open"), "#!/bin/sh\nexit 3\n").expect("written");
        // What a terminal is started with.
        for program in ["sh", "stty"] {
            let link = self.programs.join(program);
            std::os::unix::fs::symlink(Path::new("/bin").join(program), link).expect("a link");
        }
        program.env("PATH", &self.programs).env("DISPLAY", ":99");
    }

    /// A program puts on the clipboard what it is given.
    pub fn has_a_clipboard(&self) {
        let program = self.programs.join("wl-copy");
        fs::write(&program, "#!/bin/sh\n/bin/cat > \"${0%/*}/copied\"\n").expect("written");
        fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("a mode");
    }

    pub fn copied(&self) -> String {
        fs::read_to_string(self.programs.join("copied")).expect("something was copied")
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

    /// As another one than the first of the page's list.
    pub fn click_as(page: &str, principal: &str) {
        let principal = principal.replace(':', "%3A").replace('/', "%2F");
        Desktop::answer(page, &format!("principal={principal}"));
    }

    /// What a page ends with that has a text to copy.
    pub fn code_of(page: &str) -> String {
        let shown = Desktop::answer(page, "");
        let code = shown.split_once("<code>").expect("a code").1;
        code.split('<').next().unwrap_or_default().to_owned()
    }

    pub fn refuse(page: &str) {
        Desktop::answer(page, "refuse=on");
    }

    /// Posts the form of a page, and follows where that leads.
    fn answer(page: &str, form: &str) -> String {
        let answer = Desktop::request("POST", page, form);
        let location = answer
            .lines()
            .find_map(|line| line.strip_prefix("location: "));
        if let Some(back) = location {
            let answer = Desktop::request("GET", back, "");
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            return answer;
        }
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
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

/// A home with a desktop, and what `fob` is run with there.
pub struct Office {
    pub home: Home,
    pub desktop: Desktop,
}

impl Office {
    pub fn with(config: &str) -> Office {
        let home = Home::with(config);
        let desktop = Desktop::new(home.path());
        Office { home, desktop }
    }

    pub fn on_a_terminal(&self, arguments: &[&str]) -> Terminal {
        let mut fob = self.home.fob_on_a_terminal(arguments);
        self.desktop.is_of(&mut fob);
        Terminal::start(fob)
    }

    pub fn fob(&self, arguments: &[&str]) -> Command {
        let mut fob = self.home.fob(arguments);
        self.desktop.is_of(&mut fob);
        fob
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut fob = self.fob(arguments);
        let fob = fob.stdout(Stdio::piped()).stderr(Stdio::piped());
        fob.spawn().expect("fob starts")
    }

    pub fn agent(&self) -> RunningAgent {
        self.home.agent(self.fob(&["agent", "run"]))
    }

    /// A person signs in on a terminal, in the browser that is opened.
    pub fn sign_in(&self, arguments: &[&str]) -> String {
        let mut terminal = self.on_a_terminal(arguments);
        terminal.read_to("opens this address");
        Desktop::click(&self.desktop.opened());
        let (shown, exit) = terminal.finish();
        assert_eq!(exit, 0, "{shown}");
        shown
    }

    pub fn set(&self, change: impl FnOnce(&mut SandboxSettings)) {
        let sandbox = self.home.sandbox();
        let mut settings = sandbox.settings();
        change(&mut settings);
        sandbox.set_settings(settings).expect("settings");
    }

    pub fn calls(&self, action: &str) -> usize {
        self.home.calls().get(action).copied().unwrap_or_default()
    }

    /// The address of the prompt that an agent shows.
    pub fn prompted(&self) -> String {
        let mut address = None;
        until("a prompt is open", || {
            let status = self.home.json(&["status", "--json"]);
            let open = &status["prompts"][0];
            address = open["address"].as_str().map(str::to_owned);
            address.is_some()
        });
        address.expect("an address")
    }
}

/// `fob` renews a sign-in and is killed, or its agent is, while AWS takes its time with the answer.
pub fn killed_in(office: &Office, action: SignInAction, renewal: &[&str], with_an_agent: bool) {
    let agent = with_an_agent.then(|| office.agent());
    let slow = SandboxFault::Delay { milliseconds: 2000 };
    let slow = FaultSwitch::on(slow).for_action(action).times(1);
    let sandbox = office.home.sandbox();
    sandbox.inject(slow).expect("a fault");
    let mut renewal = office.start(renewal);
    until("the call is under way", || {
        sandbox.state().faults.is_empty()
    });
    match agent {
        // Dropped, it is killed.
        Some(agent) => drop(agent),
        None => renewal.kill().expect("kill -9"),
    }
    let before = office.calls(action.name());
    let _ = renewal.kill();
    renewal.wait().expect("it has ended");
    until("AWS has rotated", || office.calls(action.name()) > before);
}

/// The results of the steps of a logout, by what they are of.
pub fn steps(report: &Value, what: &str) -> Vec<String> {
    let steps = report["steps"].as_array().expect("steps").iter();
    let of_it = steps.filter(|step| step["what"] == what);
    of_it
        .map(|step| step["result"].as_str().expect("a result").to_owned())
        .collect()
}
