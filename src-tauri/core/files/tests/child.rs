//! Tests that need another process run themselves again in one: a child is this test binary with
//! one test and a role.

use crate::environment::Environment;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

const ROLE: &str = "KEYFOB_TEST_ROLE";
const FOLDER: &str = "KEYFOB_TEST_FOLDER";

/// What a child was started for; `None` in the test itself.
pub struct Role {
    pub name: String,
    pub folder: PathBuf,
}

pub fn role() -> Option<Role> {
    let environment = Environment::capture();
    let name = environment.var(ROLE).expect("text")?.to_owned();
    Some(Role {
        name,
        folder: environment
            .raw(FOLDER)
            .map(PathBuf::from)
            .unwrap_or_default(),
    })
}

/// `module` is `module_path!()`. The child's output can be read, and it may read until its input is
/// closed.
pub fn command(module: &str, test: &str, role: &str, folder: &Path) -> Command {
    let (_crate, path) = module.split_once("::").expect("a module of the crate");
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command
        .args([
            &format!("{path}::{test}"),
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(ROLE, role)
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

pub fn start(module: &str, test: &str, role: &str, folder: &Path) -> Child {
    command(module, test, role, folder)
        .spawn()
        .expect("a child")
}

/// Reads the child's output up to a line that ends in `word`.
pub fn wait_for(child: &mut Child, word: &str) {
    let lines = BufReader::new(child.stdout.as_mut().expect("piped")).lines();
    let found = lines.map_while(Result::ok).any(|line| line.ends_with(word));
    assert!(found, "the child ended without saying {word}");
}

/// In a child: a line for [`wait_for`].
pub fn say(word: &str) {
    writeln!(std::io::stdout(), "\n{word}").expect("a pipe");
}

/// In a child: says `word`, then does nothing until it is killed or its input is closed.
pub fn stay_after(word: &str) {
    say(word);
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

#[expect(clippy::disallowed_methods, reason = "real processes take real time")]
pub fn pause(time: std::time::Duration) {
    std::thread::sleep(time);
}

pub fn finish(children: Vec<Child>) {
    for child in children {
        assert_passed(&child.wait_with_output().expect("a child"));
    }
}

/// The one test ran: a name that matches none would end well, too.
pub fn assert_passed(output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains(" 1 passed;"),
        "{said}"
    );
}

/// The permission bits of a path.
#[cfg(unix)]
pub fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(path).expect("metadata").permissions(),
    ) & 0o7777
}
