//! The owner of a connection over loopback: any user of a machine can connect to any port of it.

use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};

/// The next connection of this user's; those of others are closed without a byte.
pub async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    loop {
        let (stream, client) = listener.accept().await?;
        if is_of_this_user(client, stream.local_addr()?) {
            return Ok((stream, client));
        }
        tracing::warn!(%client, "a connection of another user was closed");
    }
}

/// Whether an accepted connection comes from a process of this user, or on Linux of root. What the
/// system does not say counts as another user's.
#[cfg(target_os = "linux")]
fn is_of_this_user(client: SocketAddr, server: SocketAddr) -> bool {
    linux::owner(client, server)
        .is_some_and(|owner| owner == 0 || owner == rustix::process::geteuid().as_raw())
}

/// macOS lists the sockets of this user's processes only, Windows those of all.
#[cfg(not(target_os = "linux"))]
fn is_of_this_user(client: SocketAddr, _server: SocketAddr) -> bool {
    let held = listeners::get_all().unwrap_or_default();
    let is_the_end = |socket: SocketAddr| {
        (socket.ip().to_canonical(), socket.port()) == (client.ip().to_canonical(), client.port())
    };
    let ends = held.iter().filter(|it| {
        it.protocol == listeners::Protocol::TCP
            && it.state == listeners::SocketState::Established
            && is_the_end(it.socket)
    });
    let mut owners = ends.map(|it| it.process.pid).peekable();
    owners.peek().is_some() && owners.all(crate::kernel::is_of_this_user)
}

#[cfg(target_os = "linux")]
mod linux {
    use super::SocketAddr;
    use std::fs::File;
    use std::io::{BufRead, BufReader};
    use std::net::IpAddr;

    /// The kernel looks through all its connections for each piece that is read.
    const PIECE: usize = 64 << 10;
    /// IPv4 addresses of sockets that can speak both.
    const MAPPED: &str = "0000000000000000FFFF0000";

    /// The user whose process holds the client's end; `None` when no process does any more.
    pub fn owner(client: SocketAddr, server: SocketAddr) -> Option<u32> {
        let (client, server) = (written(client)?, written(server)?);
        ["/proc/self/net/tcp", "/proc/self/net/tcp6"]
            .into_iter()
            .find_map(|table| owner_in(File::open(table).ok()?, &client, &server))
    }

    /// Reads no further than to the connection.
    fn owner_in(table: File, client: &str, server: &str) -> Option<u32> {
        let lines = BufReader::with_capacity(PIECE, table).lines();
        lines.map_while(Result::ok).find_map(|line| {
            let mut fields = line.split_ascii_whitespace().skip(1);
            let is_it = |end: &str, of: &str| end.strip_prefix(MAPPED).unwrap_or(end) == of;
            if !is_it(fields.next()?, client) || !is_it(fields.next()?, server) {
                return None;
            }
            let owner = fields.nth(4)?.parse().ok()?;
            // Without an inode the process has closed its end, and the owner reads as root.
            (fields.nth(1)? != "0").then_some(owner)
        })
    }

    /// As the kernel writes it.
    fn written(end: SocketAddr) -> Option<String> {
        let IpAddr::V4(address) = end.ip().to_canonical() else {
            return None;
        };
        let address = u32::from_ne_bytes(address.octets());
        Some(format!("{address:08X}:{:04X}", end.port()))
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use std::net::{Ipv6Addr, TcpListener, TcpStream};

        fn ends(listener: &TcpListener) -> (TcpStream, SocketAddr, SocketAddr) {
            let server = listener.local_addr().expect("it listens");
            let stream = TcpStream::connect(("127.0.0.1", server.port())).expect("connected");
            let (accepted, client) = listener.accept().expect("accepted");
            (stream, client, accepted.local_addr().expect("connected"))
        }

        #[test]
        fn the_user_of_a_connection_is_known_as_long_as_a_process_holds_it() {
            let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
            let (stream, client, server) = ends(&listener);
            let me = rustix::process::geteuid().as_raw();
            assert_eq!(owner(client, server), Some(me));
            drop(stream);
            assert_eq!(owner(client, server), None);
        }

        #[test]
        fn an_ipv4_client_of_a_socket_that_speaks_both_is_known() {
            let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).expect("a port");
            let (_stream, client, server) = ends(&listener);
            assert!(owner(client, server).is_some());
        }
    }
}
