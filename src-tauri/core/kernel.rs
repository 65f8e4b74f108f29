//! What the kernel says of a running process: its program, what started it, its terminal. What a
//! process says of itself is not asked for. On systems other than Linux nothing is known.

use crate::foreign::Foreign;

/// A running program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningProgram {
    /// The file that runs; where that may not be seen, the name in the process table.
    pub program: Foreign,
    /// The path of that file, the programs that started it, and its terminal.
    pub trail: Foreign,
}

#[cfg(target_os = "linux")]
pub use linux::{parent_of, process, program_of};

#[cfg(not(target_os = "linux"))]
pub fn process(_pid: u32) -> Option<RunningProgram> {
    None
}

#[cfg(not(target_os = "linux"))]
pub fn program_of(_pid: u32) -> Option<Foreign> {
    None
}

#[cfg(not(target_os = "linux"))]
pub fn parent_of(_pid: u32) -> Option<u32> {
    None
}

#[cfg(target_os = "linux")]
mod linux {
    use super::{Foreign, RunningProgram};
    use crate::foreign::{shorten, shorten_to};
    use std::path::{Path, PathBuf};

    /// The shell, the editor and the terminal it is in.
    const MOST_PARENTS: usize = 3;
    const LONGEST_PATH: usize = 200;

    pub fn process(pid: u32) -> Option<RunningProgram> {
        let stat = Stat::of(pid)?;
        let file = file_of(pid);
        let path = file.as_ref().map_or_else(
            || "its path is not shown by the system".to_owned(),
            |file| shorten_to(LONGEST_PATH, &file.to_string_lossy()),
        );
        let mut parents = Vec::new();
        let mut next = stat.parent;
        while next > 1 && parents.len() < MOST_PARENTS {
            let Some(parent) = Stat::of(next) else { break };
            parents.push(named(next, &parent));
            next = parent.parent;
        }
        let started_by = if parents.is_empty() {
            String::new()
        } else {
            format!(", started by {}", parents.join(" ← "))
        };
        let terminal = stat.terminal.as_ref();
        let terminal = terminal.map_or_else(String::new, |name| format!(", on {name}"));
        Some(RunningProgram {
            program: named(pid, &stat).into(),
            trail: format!("{path}{started_by}{terminal}").into(),
        })
    }

    pub fn program_of(pid: u32) -> Option<Foreign> {
        Some(named(pid, &Stat::of(pid)?).into())
    }

    pub fn parent_of(pid: u32) -> Option<u32> {
        Some(Stat::of(pid)?.parent)
    }

    /// `None` for what the system shows to its owner alone: as `fob`, which keeps debuggers out.
    fn file_of(pid: u32) -> Option<PathBuf> {
        std::fs::read_link(format!("/proc/{pid}/exe")).ok()
    }

    fn named(pid: u32, stat: &Stat) -> String {
        let file = file_of(pid);
        let name = file.as_deref().and_then(Path::file_name);
        let name = name.map(|name| name.to_string_lossy());
        let name = name.as_deref().unwrap_or(&stat.name);
        // As the kernel writes it once the file was replaced or removed.
        shorten(name.trim_end_matches(" (deleted)"))
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Stat {
        name: String,
        parent: u32,
        terminal: Option<String>,
    }

    impl Stat {
        fn of(pid: u32) -> Option<Stat> {
            let bytes = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
            Stat::parse(&String::from_utf8_lossy(&bytes))
        }

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
