//! Lines of a connection, each of a bounded length.

use tokio::io::{AsyncRead, AsyncReadExt};
use zeroize::Zeroizing;

/// The longest line that is read, in bytes without its end. Asterisk's own lines are far shorter.
const LONGEST: usize = 1024;

/// A line that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The other end closed the connection, in the middle of a line or between two.
    #[error("the connection was closed")]
    Closed,
    /// A line is longer than any of Asterisk's.
    #[error("a line is longer than {LONGEST} bytes")]
    TooLong,
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
}

/// Reads lines that end in a line feed. It holds one line at most, and wipes it: what callers key is in there.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    /// What was read; the first `taken` bytes of it were given out.
    buffer: Zeroizing<Vec<u8>>,
    taken: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Lines of this input.
    pub fn new(input: R) -> Self {
        Self {
            input,
            buffer: Zeroizing::new(Vec::with_capacity(LONGEST + 1)),
            taken: 0,
        }
    }

    /// The next line, without its end. Dropped before it is done, it has lost nothing.
    pub async fn next(&mut self) -> Result<&[u8], LineError> {
        self.forget_taken();
        let mut searched = 0;
        let end = loop {
            let unread = self.buffer.get(searched..).unwrap_or_default();
            if let Some(at) = unread.iter().position(|byte| *byte == b'\n') {
                break searched + at;
            }
            searched = self.buffer.len();
            let room = (LONGEST + 1).saturating_sub(searched);
            if room == 0 {
                return Err(LineError::TooLong);
            }
            // Never more than there is room for, so that the buffer does not grow and leave copies behind.
            let mut input = (&mut self.input).take(room as u64);
            if input.read_buf(&mut *self.buffer).await? == 0 {
                return Err(LineError::Closed);
            }
        };
        self.taken = end + 1;
        Ok(self.buffer.get(..end).unwrap_or_default())
    }

    fn forget_taken(&mut self) {
        let kept = self.buffer.len().saturating_sub(self.taken);
        self.buffer.copy_within(self.taken.., 0);
        if let Some(rest) = self.buffer.get_mut(kept..) {
            rest.fill(0);
        }
        self.buffer.truncate(kept);
        self.taken = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(input: &[u8]) -> (Vec<Vec<u8>>, LineError) {
        let mut lines = Lines::new(input);
        let mut found = Vec::new();
        loop {
            match lines.next().await {
                Ok(line) => found.push(line.to_vec()),
                Err(error) => return (found, error),
            }
        }
    }

    /// A line ends with a line feed and with nothing else; what comes before the end of the connection is none.
    #[tokio::test]
    async fn lines_end_with_a_line_feed() {
        let (lines, end) = all(b"one\n\ntwo\r\nthr\ree\nfour").await;
        assert_eq!(lines, [&b"one"[..], b"", b"two\r", b"thr\ree"]);
        assert!(matches!(end, LineError::Closed));
    }

    /// A line of the longest length is read, one byte more is refused, however it goes on.
    #[tokio::test]
    async fn a_line_has_a_longest_length() {
        let longest = [&[b'x'; LONGEST][..], b"\n", &[b'y'; LONGEST], b"\n"].concat();
        let (lines, _) = all(&longest).await;
        assert_eq!(lines.len(), 2);
        let (lines, end) = all(&[b'x'; 10 * LONGEST]).await;
        assert!(lines.is_empty());
        assert!(matches!(end, LineError::TooLong));
    }

    /// The buffer neither grows nor moves, so that nothing of a line is left in memory that was given back.
    #[tokio::test]
    async fn the_buffer_stays_as_it_is() {
        let mut lines = Lines::new(tokio::io::repeat(b'x').take(LONGEST as u64));
        let before = lines.buffer.as_ptr();
        assert!(lines.next().await.is_err());
        assert_eq!(lines.buffer.as_ptr(), before);
    }
}
