//! Bytes on their way in or out, up to a limit. What passes may be a secret: nothing is left behind
//! when the buffer grows, moves on or goes.

use std::fmt;
use std::io;
use zeroize::{Zeroize, Zeroizing};

/// Holds most messages.
const FIRST: usize = 4 << 10;

#[derive(Default)]
pub struct Buffer {
    bytes: Zeroizing<Vec<u8>>,
    filled: usize,
    /// Up to here there is no line's end.
    searched: usize,
    limit: usize,
}

/// Never what is in it.
impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} of {})", self.filled, self.limit)
    }
}

impl Buffer {
    /// For lines of at most `longest` bytes, without their end.
    pub fn for_lines(longest: usize) -> Buffer {
        Buffer {
            limit: longest + 1,
            ..Buffer::default()
        }
    }

    pub fn filled(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    pub fn is_empty(&self) -> bool {
        self.filled == 0
    }

    pub fn is_full(&self) -> bool {
        self.filled == self.limit
    }

    /// Where the next bytes go; empty once the buffer is full. See [`Buffer::took`].
    pub fn room(&mut self) -> &mut [u8] {
        self.reserve(1);
        &mut self.bytes[self.filled..]
    }

    /// So many bytes were put into the room.
    pub fn took(&mut self, count: usize) {
        self.filled += count;
    }

    /// The length of the first line, once it is whole.
    pub fn line(&mut self) -> Option<usize> {
        let found = self.bytes[self.searched..self.filled]
            .iter()
            .position(|byte| *byte == b'\n');
        match found {
            Some(after) => Some(self.searched + after),
            None => {
                self.searched = self.filled;
                None
            }
        }
    }

    /// Moves on behind a line of this length.
    pub fn discard(&mut self, line: usize) {
        self.bytes.copy_within(line + 1..self.filled, 0);
        let left = self.filled - (line + 1);
        self.bytes[left..self.filled].zeroize();
        (self.filled, self.searched) = (left, 0);
        if self.is_empty() {
            self.bytes = Zeroizing::default();
        }
    }

    fn reserve(&mut self, more: usize) {
        let needed = (self.filled + more).min(self.limit);
        if needed > self.bytes.len() {
            let size = needed.next_power_of_two().max(FIRST).min(self.limit);
            let mut larger = Zeroizing::new(vec![0; size]);
            larger[..self.filled].copy_from_slice(self.filled());
            self.bytes = larger;
        }
    }
}

/// Fails beyond the limit.
impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.limit - self.filled {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.reserve(bytes.len());
        self.bytes[self.filled..][..bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn put(buffer: &mut Buffer, bytes: &[u8]) {
        for byte in bytes {
            buffer.room()[0] = *byte;
            buffer.took(1);
        }
    }

    #[test]
    fn lines_come_out_one_after_another_however_they_came_in() {
        let mut buffer = Buffer::for_lines(10_000);
        let long = "x".repeat(9_000);
        put(&mut buffer, format!("one\n\n{long}").as_bytes());
        assert_eq!(buffer.line(), Some(3));
        assert!(buffer.filled().starts_with(b"one\n"));
        buffer.discard(3);
        assert_eq!(buffer.line(), Some(0));
        buffer.discard(0);
        assert_eq!((buffer.line(), buffer.filled()), (None, long.as_bytes()));
        put(&mut buffer, b"\n");
        assert_eq!(buffer.line(), Some(9_000));
        buffer.discard(9_000);
        assert!(
            buffer.is_empty() && buffer.bytes.is_empty(),
            "an idle buffer holds no memory"
        );
    }

    #[test]
    fn nothing_goes_in_beyond_the_limit() {
        let mut buffer = Buffer::for_lines(5);
        assert_eq!(
            buffer.write(b"1234567").map_err(|error| error.kind()),
            Err(io::ErrorKind::FileTooLarge)
        );
        buffer
            .write_all(b"123456")
            .expect("five, and the end of the line");
        assert!(buffer.is_full() && buffer.room().is_empty());
    }

    #[test]
    fn what_was_taken_out_is_wiped() {
        let mut buffer = Buffer::for_lines(100);
        put(&mut buffer, b"s3cr3t\nrest");
        buffer.discard(6);
        assert_eq!(buffer.filled(), b"rest");
        assert!(buffer.bytes[4..].iter().all(|byte| *byte == 0));
        assert_eq!(format!("{buffer:?}"), "Buffer(4 of 101)");
    }
}
