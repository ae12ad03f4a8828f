//! The lines of a connection, with a maximum length.

use tokio::io::{AsyncRead, AsyncReadExt};
use zeroize::Zeroizing;

/// The maximum length of a line, in bytes without its end. Asterisk's own lines are far shorter.
const MAX_LENGTH: usize = 1024;

/// Why no line was read.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The other end closed the connection, between two lines or within a line.
    #[error("the connection was closed")]
    Closed,
    /// A line is longer than the maximum.
    #[error("a line is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
}

/// Reads lines that end in a line feed. The buffer has space for one line. It is wiped, because lines
/// contain keys.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    /// The bytes read and not yet dropped.
    buffer: Zeroizing<Vec<u8>>,
    /// The number of bytes at the start of the buffer that were already returned.
    taken: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Reads lines from this input.
    pub fn new(input: R) -> Self {
        Self {
            input,
            buffer: Zeroizing::new(Vec::with_capacity(MAX_LENGTH + 1)),
            taken: 0,
        }
    }

    /// Reads the next line and returns it without its end. Cancel-safe: dropping the future loses no input.
    pub async fn next(&mut self) -> Result<&[u8], LineError> {
        self.drop_taken();
        let mut searched = 0;
        let end = loop {
            let unread = self.buffer.get(searched..).unwrap_or_default();
            if let Some(at) = unread.iter().position(|byte| *byte == b'\n') {
                break searched + at;
            }
            searched = self.buffer.len();
            let room = (MAX_LENGTH + 1).saturating_sub(searched);
            if room == 0 {
                return Err(LineError::TooLong);
            }
            // Reads no more than fits: a buffer that grows would leave copies of keys in freed memory.
            let mut input = (&mut self.input).take(room as u64);
            if input.read_buf(&mut *self.buffer).await? == 0 {
                return Err(LineError::Closed);
            }
        };
        self.taken = end + 1;
        Ok(self.buffer.get(..end).unwrap_or_default())
    }

    fn drop_taken(&mut self) {
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

    /// Only a line feed ends a line. Bytes without a line feed at the end are not a line.
    #[tokio::test]
    async fn lines_end_with_a_line_feed() {
        let (lines, end) = all(b"one\n\ntwo\r\nthr\ree\nfour").await;
        assert_eq!(lines, [&b"one"[..], b"", b"two\r", b"thr\ree"]);
        assert!(matches!(end, LineError::Closed));
    }

    /// A line of the maximum length is read. A longer line is refused before its end arrives.
    #[tokio::test]
    async fn the_length_of_a_line_is_limited() {
        let longest = [&[b'x'; MAX_LENGTH][..], b"\n", &[b'y'; MAX_LENGTH], b"\n"].concat();
        let (lines, _) = all(&longest).await;
        assert_eq!(lines.len(), 2);
        let (lines, end) = all(&[b'x'; 10 * MAX_LENGTH]).await;
        assert!(lines.is_empty());
        assert!(matches!(end, LineError::TooLong));
    }

    /// The buffer neither grows nor moves, so that no part of a line remains in freed memory.
    #[tokio::test]
    async fn the_buffer_does_not_move() {
        let mut lines = Lines::new(tokio::io::repeat(b'x').take(MAX_LENGTH as u64));
        let before = lines.buffer.as_ptr();
        assert!(lines.next().await.is_err());
        assert_eq!(lines.buffer.as_ptr(), before);
    }
}
