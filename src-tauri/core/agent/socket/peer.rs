//! The process at the other end of a connection: whether it is this user's, and whether it is the
//! caller that a request names.

#[cfg(unix)]
use super::address;
use crate::agent::api::Caller;
use crate::kernel::parent_of;
use interprocess::local_socket::traits::StreamCommon;
use std::io;

/// The same user and no other: root has no business here either, unless it is root's own agent.
#[cfg(unix)]
pub(super) fn is_this_user(stream: &impl StreamCommon) -> io::Result<bool> {
    Ok(stream.peer_creds()?.euid() == Some(address::me()))
}

/// Any user may make a pipe of any name.
#[cfg(not(unix))]
pub(super) fn is_this_user(stream: &impl StreamCommon) -> io::Result<bool> {
    let peer = stream.peer_creds()?.pid();
    Ok(peer.is_some_and(crate::kernel::is_of_this_user))
}

/// The process at the other end, as it was when it connected, as far as the system tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pid: Option<u32>,
    parent: Option<u32>,
}

impl Peer {
    pub fn pid(self) -> Option<u32> {
        self.pid
    }

    /// macOS does not tell.
    pub fn of(stream: &impl StreamCommon) -> io::Result<Peer> {
        let pid = stream.peer_creds()?.pid();
        #[cfg(unix)]
        let pid = pid.and_then(|pid| u32::try_from(pid).ok());
        Ok(Peer {
            pid,
            parent: pid.and_then(parent_of),
        })
    }

    /// The caller: the process reported, if it is this one, the one that started it
    /// (`credential-process`) or one that it started (`exec`), and otherwise this one.
    pub fn confirm(self, reported: Caller) -> Caller {
        let pid = self.instead_of(reported.pid, parent_of);
        Caller {
            pid: pid.unwrap_or(reported.pid),
            ..reported
        }
        .as_the_kernel_says()
    }

    fn instead_of(self, reported: u32, parent_of: impl Fn(u32) -> Option<u32>) -> Option<u32> {
        let is_other = |pid: &u32| *pid != reported && self.parent != Some(reported);
        self.pid
            .filter(|pid| is_other(pid) && parent_of(reported) != Some(*pid))
    }
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
}
