//! A child that this process waits for: it lives in the same process group, on the same terminal,
//! and this process ends as it does.

use keyfob_core::error::{Code, Error, Result};
use std::process::Child;
#[cfg(not(unix))]
use std::process::ExitStatus;

fn cannot_wait(cause: impl std::fmt::Display) -> Error {
    Error::new(
        Code::ProcessFailed,
        format!("cannot wait for the command: {cause}"),
    )
}

/// To the end; its exit code, and 128+n for signal n.
#[cfg(unix)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "the child is gone afterwards"
)]
pub fn wait(child: Child) -> Result<i32> {
    use rustix::io::Errno;
    use rustix::process::{Pid, WaitOptions, waitpid};

    let pid = Pid::from_child(&child);
    loop {
        let status = match waitpid(Some(pid), WaitOptions::UNTRACED) {
            Ok(Some((_, status))) => status,
            Ok(None) | Err(Errno::INTR) => continue,
            Err(cause) => return Err(cannot_wait(cause)),
        };
        if status.stopped() {
            stop_with(pid);
        }
        let code = status
            .exit_status()
            .or_else(|| status.terminating_signal().map(|signal| 128 + signal));
        if let Some(code) = code {
            return Ok(code);
        }
    }
}

/// A shell that suspends itself has a process group of its own: the user gets the terminal back
/// only if this process stops, too. Children in our group are stopped by the same Ctrl+Z.
#[cfg(unix)]
fn stop_with(child: rustix::process::Pid) {
    use rustix::process::{Signal, getpgid, getpgrp, getpid, kill_process};

    if getpgid(Some(child)).is_ok_and(|group| group != getpgrp()) {
        // Returns once this process is woken.
        let _ = kill_process(getpid(), Signal::STOP);
        let _ = kill_process(child, Signal::CONT);
    }
}

#[cfg(not(unix))]
pub fn wait(mut child: Child) -> Result<i32> {
    child.wait().map(exit_code).map_err(cannot_wait)
}

/// It has 32 bits here.
#[cfg(not(unix))]
pub fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(1)
}
