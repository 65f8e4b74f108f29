//! The process of WebKit that fetches for pages on Linux: it outlives the last window with tens of
//! megabytes, and the next window starts it anew.

use rustix::process::{Pid, Signal, kill_process};
use std::fs;

/// As the process table has it.
const NAME: &str = "WebKitNetworkPr";

/// Only of this process.
pub fn end() {
    for pid in children().filter(|pid| is_it(*pid)) {
        if let Err(error) = kill_process(pid, Signal::TERM) {
            tracing::warn!(%error, "a process of WebKit that no window needs cannot be ended");
        }
    }
}

fn children() -> impl Iterator<Item = Pid> {
    let threads = fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| {
        list.split_whitespace()
            .filter_map(|pid| pid.parse().ok().and_then(Pid::from_raw))
            .collect::<Vec<_>>()
    })
}

fn is_it(pid: Pid) -> bool {
    fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero()))
        .is_ok_and(|name| name.trim_end() == NAME)
}
