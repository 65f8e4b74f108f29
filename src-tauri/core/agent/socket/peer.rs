//! The process at the other end of a connection: whether it is this user's, and whether it is the
//! caller that a request names.

use super::address::{self, Address};
use crate::agent::api::Caller;
use crate::environment::program_of;
use interprocess::local_socket::PeerCreds;

/// The same user and no other: root has no business here either, unless it is root's own agent.
#[cfg(unix)]
pub(super) fn is_this_user(peer: &PeerCreds) -> bool {
    peer.euid() == Some(address::me())
}

/// The pipe's access list has seen to it.
#[cfg(not(unix))]
pub(super) fn is_this_user(_peer: &PeerCreds) -> bool {
    true
}

/// Whether the process that listens is the agent, and not another user's in its place.
#[cfg(unix)]
pub(super) fn is_agent(peer: &PeerCreds, _address: &Address) -> bool {
    is_this_user(peer)
}

/// Any user may make a pipe of any name, but only this user can leave a process id in this user's
/// folder.
#[cfg(not(unix))]
pub(super) fn is_agent(peer: &PeerCreds, address: &Address) -> bool {
    peer.pid().is_some_and(|pid| address.pid() == Some(pid))
}

/// The process at the other end, as it was when it connected, as far as the system tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pid: Option<u32>,
    parent: Option<u32>,
}

impl Peer {
    #[cfg(target_os = "linux")]
    pub fn of(peer: &PeerCreds) -> Peer {
        let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok());
        Peer {
            pid,
            parent: pid.and_then(parent_of),
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub fn of(_peer: &PeerCreds) -> Peer {
        Peer {
            pid: None,
            parent: None,
        }
    }

    /// The caller: the one reported, if it is this process, the one that started it
    /// (`credential-process`) or one that it started (`exec`), and otherwise this process.
    pub fn confirm(self, reported: Caller) -> Caller {
        match self.instead_of(reported.pid, parent_of) {
            None => reported,
            Some(pid) => {
                let program = program_of(pid).unwrap_or_else(|| "an unknown program".to_owned());
                Caller {
                    program,
                    pid,
                    person: reported.person,
                }
            }
        }
    }

    fn instead_of(self, reported: u32, parent_of: impl Fn(u32) -> Option<u32>) -> Option<u32> {
        let is_other = |pid: &u32| *pid != reported && self.parent != Some(reported);
        self.pid
            .filter(|pid| is_other(pid) && parent_of(reported) != Some(*pid))
    }
}

#[cfg(target_os = "linux")]
fn parent_of(pid: u32) -> Option<u32> {
    parent_in(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

#[cfg(not(target_os = "linux"))]
fn parent_of(_pid: u32) -> Option<u32> {
    None
}

/// The fourth field of `/proc/PID/stat`. The second, the program's name in parentheses, may hold
/// anything.
#[cfg(target_os = "linux")]
fn parent_in(stat: &str) -> Option<u32> {
    let (_, after_the_name) = stat.rsplit_once(')')?;
    after_the_name.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_vouches_for_itself_its_parent_and_its_children() {
        let parent_of = |pid| (pid == 700).then_some(70);
        let instead = |pid, parent| {
            [70, 7, 700, 1, 0].map(|it| Peer { pid, parent }.instead_of(it, parent_of))
        };
        assert_eq!(
            instead(Some(70), Some(7)),
            [None, None, None, Some(70), Some(70)]
        );
        assert_eq!(
            instead(Some(70), None),
            [None, Some(70), None, Some(70), Some(70)]
        );
        assert_eq!(instead(None, None), [None; 5], "nothing is known");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_parent_is_read_whatever_the_program_is_called() {
        assert_eq!(parent_in("70 (fob) S 7 70 70 0 -1"), Some(7));
        assert_eq!(parent_in("70 (a) b) S 9 1 (x) R 7 70 70 0 -1"), Some(7));
        assert_eq!(parent_in("70 (fob"), None);
        let own = std::fs::read_to_string("/proc/self/stat").expect("readable");
        assert_eq!(parent_in(&own), Some(std::os::unix::process::parent_id()));
    }
}
