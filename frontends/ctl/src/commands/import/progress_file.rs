//! The files that an import writes. `FILE.progress` records the processed rows, so that a later run can continue.
//! `FILE.rejected.csv` contains the rejected rows, which the operator can correct and import.
//!
//! Rejected rows are on disk before `FILE.progress` records them as processed.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::file::Source;
use super::row::REJECTED_HEADER;
use crate::error::CommandError;
use crate::output::remark;

const VERSION: u32 = 1;

/// The numbers of processed rows, by result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) added: u64,
    pub(super) unchanged: u64,
    pub(super) rejected: u64,
}

impl Counts {
    pub(super) fn rows(self) -> u64 {
        self.added + self.unchanged + self.rejected
    }

    pub(super) fn add(&mut self, more: Self) {
        self.added += more.added;
        self.unchanged += more.unchanged;
        self.rejected += more.rejected;
    }
}

/// The content of `FILE.progress`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Progress {
    version: u32,
    /// The size of the imported file in bytes.
    bytes: u64,
    /// The SHA-256 of the imported file in hexadecimal.
    sha256: String,
    answered_through_row: u64,
    counts: Counts,
    /// The size of `FILE.rejected.csv` in bytes, when this progress was recorded.
    rejected_bytes: u64,
}

/// Writes the progress and the rejected rows of an import.
#[derive(Debug)]
pub(super) struct ProgressFile {
    /// `None` for a dry run.
    files: Option<Files>,
    progress: Progress,
}

#[derive(Debug)]
struct Files {
    progress: PathBuf,
    rejected: PathBuf,
    open_rejected: Option<File>,
}

impl ProgressFile {
    /// Counts the progress in memory only, for a dry run.
    pub(super) fn without_files() -> Self {
        Self {
            files: None,
            progress: Progress {
                version: VERSION,
                bytes: 0,
                sha256: String::new(),
                answered_through_row: 0,
                counts: Counts::default(),
                rejected_bytes: 0,
            },
        }
    }

    /// Reads the progress of an earlier run over this file, or starts with the first row.
    pub(super) fn open(source: &Source, from_start: bool) -> Result<Self, CommandError> {
        let files = Files {
            progress: beside(&source.path, ".progress"),
            rejected: beside(&source.path, ".rejected.csv"),
            open_rejected: None,
        };
        let mut fresh = Self::without_files().progress;
        fresh.bytes = u64::try_from(source.bytes.len()).unwrap_or(u64::MAX);
        fresh.sha256.clone_from(&source.sha256);
        let earlier = if from_start {
            None
        } else {
            read_progress(&files.progress)?
        };
        let belongs = |earlier: &Progress| {
            (earlier.version, earlier.bytes, &earlier.sha256)
                == (VERSION, fresh.bytes, &fresh.sha256)
        };
        let mut progress = match earlier {
            Some(earlier) if belongs(&earlier) => Self {
                files: Some(files),
                progress: earlier,
            },
            other => {
                if other.is_some() {
                    remark(&format!(
                        "{} has changed since an earlier run stopped; starting with the first row",
                        source.path.display()
                    ));
                }
                rename_rejected(&files.rejected)?;
                Self {
                    files: Some(files),
                    progress: fresh,
                }
            }
        };
        progress.drop_unanswered()?;
        progress.try_files()?;
        Ok(progress)
    }

    /// Writes both files before the first row is sent. Otherwise rows could be imported whose results are lost.
    fn try_files(&mut self) -> Result<(), CommandError> {
        let Some(files) = &mut self.files else {
            return Ok(());
        };
        let is_new = std::fs::symlink_metadata(&files.rejected).is_err();
        let tried = files.append(&[]).and_then(|_| files.write(&self.progress));
        if is_new {
            // It is created again for the first rejected row.
            files.open_rejected = None;
            let _ = std::fs::remove_file(&files.rejected);
        }
        tried.map_err(|error| {
            error.hint(
                "nothing was sent: make the directory writable, or copy the file to another one, and \
                 repeat the same command",
            )
        })
    }

    /// Returns the last row that the system has processed, or 0 if there is none.
    pub(super) fn answered_through(&self) -> u64 {
        self.progress.answered_through_row
    }

    /// Returns the counts of all rows so far, including earlier runs.
    pub(super) fn counts(&self) -> Counts {
        self.progress.counts
    }

    /// Returns the file with the rejected rows, or `None` if no row was rejected.
    pub(super) fn rejected_file(&self) -> Option<&Path> {
        let files = self.files.as_ref()?;
        (self.progress.rejected_bytes > 0).then_some(files.rejected.as_path())
    }

    /// Records that all rows up to row `through` were processed. `rejected` contains the CSV lines of the rejected
    /// rows.
    pub(super) fn record(
        &mut self,
        through: u64,
        counts: Counts,
        rejected: &[u8],
    ) -> Result<(), CommandError> {
        let mut next = self.progress.clone();
        next.answered_through_row = through;
        next.counts.add(counts);
        if let Some(files) = &mut self.files {
            if !rejected.is_empty() {
                next.rejected_bytes = files.append(rejected)?;
            }
            files.write(&next)?;
        }
        self.progress = next;
        Ok(())
    }

    /// Removes `FILE.progress` after all rows were processed.
    pub(super) fn finish(&self) -> Result<(), CommandError> {
        match &self.files {
            Some(files) => remove(&files.progress),
            None => Ok(()),
        }
    }

    /// Removes the rejected rows that an earlier run has written but not recorded in `FILE.progress`. This run sends
    /// them again.
    fn drop_unanswered(&mut self) -> Result<(), CommandError> {
        let Some(files) = &mut self.files else {
            return Ok(());
        };
        let length = std::fs::metadata(&files.rejected).map_or(0, |metadata| metadata.len());
        if length > self.progress.rejected_bytes {
            let cut = File::options()
                .write(true)
                .open(&files.rejected)
                .and_then(|file| file.set_len(self.progress.rejected_bytes));
            cut.map_err(|error| cannot_write(&files.rejected, &error))?;
        }
        Ok(())
    }
}

impl Files {
    fn append(&mut self, lines: &[u8]) -> Result<u64, CommandError> {
        let path = self.rejected.clone();
        self.append_to(&path, lines)
            .map_err(|error| cannot_write(&path, &error))
    }

    fn append_to(&mut self, path: &Path, lines: &[u8]) -> std::io::Result<u64> {
        if self.open_rejected.is_none() {
            // Mode 600, because the file contains telephone numbers.
            let mut options = File::options();
            self.open_rejected = Some(options.create(true).append(true).mode(0o600).open(path)?);
        }
        let Some(file) = &mut self.open_rejected else {
            return Ok(0);
        };
        if file.seek(SeekFrom::End(0))? == 0 {
            writeln!(file, "{}", REJECTED_HEADER.join(","))?;
        }
        file.write_all(lines)?;
        file.sync_data()?;
        file.seek(SeekFrom::End(0))
    }

    fn write(&self, progress: &Progress) -> Result<(), CommandError> {
        let directory = match self.progress.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let written = tempfile::NamedTempFile::new_in(directory).and_then(|mut file| {
            serde_json::to_writer(&mut file, progress)?;
            file.as_file().sync_all()?;
            file.persist(&self.progress).map_err(|error| error.error)?;
            Ok(())
        });
        written.map_err(|error| cannot_write(&self.progress, &error))
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> CommandError {
    CommandError::io(&format!("cannot write {}", path.display()), error)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn read_progress(path: &Path) -> Result<Option<Progress>, CommandError> {
    match std::fs::read(path) {
        Ok(text) => match serde_json::from_slice(&text) {
            Ok(progress) => Ok(Some(progress)),
            Err(error) => Err(CommandError::usage(format!(
                "cannot parse {}: {error}",
                path.display()
            ))
            .hint("use --from-start to start with the first row; existing lines are not changed")),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CommandError::io(
            &format!("cannot read {}", path.display()),
            &error,
        )),
    }
}

/// Renames the file with the rejected rows of an earlier import, because the operator may have corrected them already.
fn rename_rejected(rejected: &Path) -> Result<(), CommandError> {
    if !rejected.exists() {
        return Ok(());
    }
    let before = beside(rejected, ".before");
    std::fs::rename(rejected, &before).map_err(|error| cannot_write(&before, &error))?;
    remark(&format!(
        "the rejected rows of an earlier import are now in {}",
        before.display()
    ));
    Ok(())
}

fn remove(path: &Path) -> Result<(), CommandError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(CommandError::io(
            &format!("cannot remove {}", path.display()),
            &error,
        )),
        Ok(()) | Err(_) => Ok(()),
    }
}
