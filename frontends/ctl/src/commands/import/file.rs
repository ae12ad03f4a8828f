//! The CSV file.
//!
//! The import reads the whole file into memory first. A later change of the file has no effect.
//!
//! Each line is a row, because no field contains a line end. Therefore an unclosed quote affects only its own row.

use std::fs::{File, TryLockError};
use std::io::Read as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use memchr::memchr_iter;
use sha2::{Digest as _, Sha256};

use super::form::{self, Form, is_blank, line_at};
use super::row::{Columns, fields};
use crate::error::{CommandError, ExitKind};

/// The file to import.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
    pub(super) columns: Columns,
    /// The SHA-256 of the content in hexadecimal. A progress file contains it, to identify the imported file.
    pub(super) sha256: String,
    form: Form,
    /// The locked file. The lock prevents a second import of the same file at the same time.
    _lock: File,
}

/// A row of the file before parsing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RawRow {
    /// The line number in the file. The header is line 1.
    pub(super) number: u64,
    /// The range of the row's bytes, without the line end.
    pub(super) bytes: Range<usize>,
}

impl Source {
    /// Locks and reads the file, and parses its header.
    ///
    /// A file that is not regular, such as a pipe, is refused, except in a dry run. Its rows can be read only once, so an
    /// interrupted import could not continue.
    pub(super) fn open(path: &Path, dry_run: bool) -> Result<Self, CommandError> {
        let shown = path.display();
        let cannot = |error| CommandError::io(&format!("cannot read {shown}"), &error);
        let mut file = File::open(path).map_err(|error| {
            let error = cannot(error);
            CommandError::usage(error.message)
        })?;
        if !dry_run && !file.metadata().map_err(cannot)?.is_file() {
            return Err(
                CommandError::usage(format!("{shown} is not a regular file")).hint(
                    "save the rows to a file first, so that an interrupted import can continue",
                ),
            );
        }
        file.try_lock().map_err(|error| not_locked(path, error))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(cannot)?;
        let form = form::of_file(&bytes)
            .map_err(|text| CommandError::usage(format!("{shown}: {text}")))?;
        let header = fields(bytes.get(form.header.clone()).unwrap_or_default());
        let columns = Columns::of_header(&header).map_err(|text| {
            CommandError::usage(format!("{shown}:{}: {text}", form.line)).hint(
                "the first line must be contract_number,subscribed_numbers,unsubscribed_numbers",
            )
        })?;
        let sha256 = HEXLOWER.encode(&Sha256::digest(&bytes));
        Ok(Self {
            path: path.to_owned(),
            columns,
            sha256,
            form,
            bytes,
            _lock: file,
        })
    }

    /// Iterates over the rows. Skips lines without content.
    pub(super) fn rows(&self) -> impl Iterator<Item = RawRow> {
        let all = self.text(&(0..self.form.end));
        let mut position = self.form.body;
        let mut number = self.form.line;
        std::iter::from_fn(move || {
            while position < all.len() {
                let (bytes, next) = line_at(all, position);
                position = next;
                number += 1;
                if !is_blank(self.text(&bytes)) {
                    return Some(RawRow { number, bytes });
                }
            }
            None
        })
    }

    /// Counts the lines after the header. This is an upper bound of the number of rows, because it includes empty
    /// lines.
    pub(super) fn count(&self) -> u64 {
        let body = self.text(&(self.form.body..self.form.end));
        let ends = memchr_iter(b'\n', body).count();
        let last = usize::from(body.last().is_some_and(|byte| *byte != b'\n'));
        u64::try_from(ends + last).unwrap_or(u64::MAX)
    }

    /// Returns the bytes of a part of the file.
    pub(super) fn text(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }
}

/// Creates the error for a file that cannot be locked.
fn not_locked(path: &Path, error: TryLockError) -> CommandError {
    let shown = path.display();
    match error {
        TryLockError::WouldBlock => CommandError::new(
            ExitKind::Refused,
            format!("another aikagictl is importing {shown}"),
        ),
        TryLockError::Error(error) => CommandError::io(&format!("cannot lock {shown}"), &error)
            .hint("copy the file to a file system with locks, such as a local one, and import the copy"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) const HEADER: &str =
        "contract_number,subscribed_numbers,unsubscribed_numbers\n";

    pub(in super::super) fn source(content: &[u8]) -> Result<Source, CommandError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        Source::open(file.path(), false)
    }

    fn rows(content: &str) -> Vec<(u64, String)> {
        let source = source(content.as_bytes()).unwrap();
        source
            .rows()
            .map(|row| {
                (
                    row.number,
                    String::from_utf8_lossy(source.text(&row.bytes)).into_owned(),
                )
            })
            .collect()
    }

    /// OPS-1: a row has the number of its line in the file. Line ends may be LF or CRLF, and empty lines are counted.
    #[test]
    fn a_row_has_its_line_number() {
        let expected = [(2, "a,b,c".to_owned()), (4, "d,\"e,f".to_owned())];
        for content in [
            format!("{HEADER}a,b,c\n\nd,\"e,f"),
            format!("\u{feff}{HEADER}a,b,c\n  \nd,\"e,f\n\n"),
            format!("{HEADER}a,b,c\n\nd,\"e,f\n").replace('\n', "\r\n"),
            format!("{HEADER}a,b,c\n,,\nd,\"e,f\n,,\n,,\n\u{1a}"),
        ] {
            assert_eq!(rows(&content), expected, "{content:?}");
        }
        assert_eq!(rows(HEADER), []);
        assert_eq!(rows(HEADER.trim_end()), []);
    }

    /// OPS-1: a file with a wrong header or in another encoding is refused completely.
    #[test]
    fn a_file_without_its_header_is_refused() {
        for (content, expected) in [
            (b"".as_slice(), "contract_number"),
            (b"0312340001,,\n", "contract_number"),
            (
                b"contract_number,subscribed_numbers\n",
                "unsubscribed_numbers",
            ),
            (b"\xff\xfec\0o\0", "UTF-16"),
            (
                b"contract_number,subscribed_numbers,unsubscribed_numbers,name\n",
                "name",
            ),
            (
                b"contract_number,contract_number,subscribed_numbers,unsubscribed_numbers\n",
                "twice",
            ),
        ] {
            let error = source(content).unwrap_err();
            assert_eq!(error.kind, ExitKind::Usage);
            assert!(error.message.contains(expected), "{}", error.message);
        }
    }

    #[test]
    fn a_file_is_not_imported_twice_at_the_same_time() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), HEADER).unwrap();
        let held = Source::open(file.path(), false).unwrap();
        assert_eq!(
            Source::open(file.path(), false).unwrap_err().kind,
            ExitKind::Refused
        );
        drop(held);
        Source::open(file.path(), false).unwrap();
    }

    /// A file system without locks is not reported as another import.
    #[test]
    fn a_failed_lock_is_not_a_held_lock() {
        let path = Path::new("lines.csv");
        let held = not_locked(path, TryLockError::WouldBlock);
        assert_eq!(held.kind, ExitKind::Refused);
        assert!(held.message.contains("another aikagictl"));
        let unsupported = std::io::ErrorKind::Unsupported.into();
        let failed = not_locked(path, TryLockError::Error(unsupported));
        assert_eq!(failed.kind, ExitKind::Fault);
        assert_eq!(failed.message, "cannot lock lines.csv: unsupported");
        assert!(failed.hint.is_some());
    }
}
