//! What `./x bench` measures `fob credential-process` against: the least a client of the agent can
//! do. Takes the socket's path and a request, writes that one line, reads one line and prints it.

use std::io::{BufRead, BufReader, Write, stdout};
use std::os::unix::net::UnixStream;

fn main() -> std::io::Result<()> {
    let mut words = std::env::args().skip(1);
    let socket = words.next().unwrap_or_default();
    let request = words.next().unwrap_or_default() + "\n";
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    BufReader::new(stream).read_until(b'\n', &mut answer)?;
    stdout().write_all(&answer)
}
