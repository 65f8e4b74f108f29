//! What the kernel says of a running process: its program, what started it, its terminal. What a
//! process says of itself does not count. The terminal is known on Linux only.

use crate::foreign::{Foreign, shorten, shorten_to};
use std::path::{Path, PathBuf};

/// A running program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningProgram {
    /// The file that runs; where that may not be seen, the name in the process table.
    pub program: Foreign,
    /// The path of that file, the programs that started it, and its terminal.
    pub trail: Foreign,
}

#[cfg(target_os = "linux")]
use linux as table;
#[cfg(not(target_os = "linux"))]
use others as table;

/// The shell, the editor and the terminal it is in.
const MOST_PARENTS: usize = 3;
const LONGEST_PATH: usize = 200;

pub fn process(pid: u32) -> Option<RunningProgram> {
    let entry = table::entry(pid)?;
    let path = entry.file.as_ref().map_or_else(
        || "its path is not shown by the system".to_owned(),
        |file| shorten_to(LONGEST_PATH, &file.to_string_lossy()),
    );
    let mut parents = Vec::new();
    let mut next = entry.parent;
    while next > 1 && parents.len() < MOST_PARENTS {
        let Some(parent) = table::entry(next) else {
            break;
        };
        parents.push(parent.program());
        next = parent.parent;
    }
    let started_by = if parents.is_empty() {
        String::new()
    } else {
        format!(", started by {}", parents.join(" ← "))
    };
    let terminal = entry.terminal.as_ref();
    let terminal = terminal.map_or_else(String::new, |name| format!(", on {name}"));
    Some(RunningProgram {
        program: entry.program().into(),
        trail: format!("{path}{started_by}{terminal}").into(),
    })
}

pub fn program_of(pid: u32) -> Option<Foreign> {
    Some(table::entry(pid)?.program().into())
}

pub fn parent_of(pid: u32) -> Option<u32> {
    Some(table::entry(pid)?.parent)
}

/// A process in the system's table.
#[derive(Debug, PartialEq, Eq)]
struct TableEntry {
    /// As the process may have set it.
    name: String,
    /// `None` for what the system shows to its owner alone: as `fob`, which keeps debuggers out.
    file: Option<PathBuf>,
    /// 0: none.
    parent: u32,
    terminal: Option<String>,
}

impl TableEntry {
    fn program(&self) -> String {
        let name = self.file.as_deref().and_then(Path::file_name);
        let name = name.map(|name| name.to_string_lossy());
        let name = name.as_deref().unwrap_or(&self.name);
        // As Linux writes it once the file was replaced or removed.
        let name = name.trim_end_matches(" (deleted)");
        let is_exe = |end: &str| cfg!(windows) && end.eq_ignore_ascii_case("exe");
        let called = name.rsplit_once('.').filter(|(_, end)| is_exe(end));
        shorten(called.map_or(name, |(called, _)| called))
    }
}

#[cfg(not(target_os = "linux"))]
pub use others::is_of_this_user;
#[cfg(windows)]
pub use others::own_user;

#[cfg(not(target_os = "linux"))]
mod others {
    use super::TableEntry;
    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, Uid, UpdateKind};

    /// Of the user that this process runs as.
    pub fn is_of_this_user(pid: u32) -> bool {
        user(pid).is_some_and(|it| user(std::process::id()) == Some(it))
    }

    /// The security identifier of that user.
    #[cfg(windows)]
    pub fn own_user() -> Option<String> {
        user(std::process::id()).map(|user| user.to_string())
    }

    fn user(pid: u32) -> Option<Uid> {
        look(pid, |process| process.user_id().cloned())
    }

    pub(super) fn entry(pid: u32) -> Option<TableEntry> {
        look(pid, |process| {
            Some(TableEntry {
                name: process.name().to_string_lossy().into_owned(),
                file: process.exe().map(Into::into),
                parent: process.parent().map_or(0, Pid::as_u32),
                terminal: None,
            })
        })
    }

    fn look<T>(pid: u32, take: impl FnOnce(&sysinfo::Process) -> Option<T>) -> Option<T> {
        let pid = Pid::from_u32(pid);
        let mut system = System::new();
        let known = ProcessRefreshKind::nothing()
            .with_exe(UpdateKind::Always)
            .with_user(UpdateKind::Always);
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, known);
        take(system.process(pid)?)
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::TableEntry;

    pub(super) fn entry(pid: u32) -> Option<TableEntry> {
        let bytes = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        let Stat {
            name,
            parent,
            terminal,
        } = Stat::parse(&String::from_utf8_lossy(&bytes))?;
        Some(TableEntry {
            name,
            file: std::fs::read_link(format!("/proc/{pid}/exe")).ok(),
            parent,
            terminal,
        })
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Stat {
        name: String,
        parent: u32,
        terminal: Option<String>,
    }

    impl Stat {
        /// The second field, the name in parentheses, may hold anything.
        fn parse(stat: &str) -> Option<Stat> {
            let (before, after) = stat.rsplit_once(')')?;
            let (_, name) = before.split_once('(')?;
            let mut fields = after.split_ascii_whitespace().skip(1);
            let parent = fields.next()?.parse().ok()?;
            let terminal = fields.nth(2)?.parse().ok()?;
            Some(Stat {
                name: name.to_owned(),
                parent,
                terminal: terminal_name(terminal),
            })
        }
    }

    /// Of the device's number, in which the minor one stands on both sides of the major one.
    fn terminal_name(device: u32) -> Option<String> {
        let (major, minor) = (device >> 8 & 0xfff, device & 0xff | device >> 12 & 0xfff00);
        match major {
            136..=143 => Some(format!("pts/{}", (major - 136) * 256 + minor)),
            4 if minor < 64 => Some(format!("tty{minor}")),
            _ => None,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::foreign::shorten;
        use crate::kernel::{parent_of, process};

        #[test]
        fn a_process_is_read_whatever_it_calls_itself() {
            let stat = |text| Stat::parse(text).map(|it| (it.name, it.parent, it.terminal));
            let on = |name: &str| Some(name.to_owned());
            for (text, right) in [
                (
                    "70 (fob) S 7 70 70 34817 -1",
                    Some(("fob".to_owned(), 7, on("pts/1"))),
                ),
                (
                    "70 (a) b) S 9 1 (x) R 7 70 70 1025 -1",
                    Some(("a) b) S 9 1 (x".to_owned(), 7, on("tty1"))),
                ),
                ("70 (x) S 7 70 70 0 -1", Some(("x".to_owned(), 7, None))),
                ("70 (fob", None),
            ] {
                assert_eq!(stat(text), right, "{text}");
            }
        }

        #[test]
        fn a_program_is_named_by_the_file_that_runs() {
            let own = process(std::process::id()).expect("it runs");
            let file = std::env::current_exe().expect("it runs");
            assert!(
                own.trail.as_str().starts_with(&*file.to_string_lossy()),
                "{own:?}"
            );
            assert!(own.trail.as_str().contains(", started by "), "{own:?}");
            let name = file.file_name().expect("a file").to_string_lossy();
            assert_eq!(own.program.as_str(), shorten(&name));
            assert_eq!(
                parent_of(std::process::id()),
                Some(std::os::unix::process::parent_id())
            );
        }
    }
}
