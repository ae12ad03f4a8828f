//! What an import leaves beside its file, so that it can go on and bad rows can be mended: `FILE.progress` and
//! `FILE.rejected.csv`. Rejected rows are on disk before the progress says that they were answered.

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

/// What became of rows.
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
    /// Of the file that it belongs to.
    bytes: u64,
    sha256: String,
    answered_through_row: u64,
    counts: Counts,
    /// The length of `FILE.rejected.csv` then.
    rejected_bytes: u64,
}

/// Keeps the progress and the rejected rows of one import.
#[derive(Debug)]
pub(super) struct ProgressFile {
    /// None for an import that only looks.
    files: Option<Files>,
    progress: Progress,
}

#[derive(Debug)]
struct Files {
    progress: PathBuf,
    rejected: PathBuf,
    open: Option<File>,
}

impl ProgressFile {
    /// One that keeps nothing.
    pub(super) fn nothing() -> Self {
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

    /// Finds out how far an earlier run came.
    pub(super) fn open(source: &Source, from_start: bool) -> Result<Self, CommandError> {
        let files = Files {
            progress: beside(&source.path, ".progress"),
            rejected: beside(&source.path, ".rejected.csv"),
            open: None,
        };
        let mut fresh = Self::nothing().progress;
        fresh.bytes = u64::try_from(source.bytes.len()).unwrap_or(u64::MAX);
        fresh.sha256.clone_from(&source.sha256);
        let earlier = if from_start {
            None
        } else {
            earlier(&files.progress)?
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
                        "{} has changed since the import that stopped; beginning with the first row",
                        source.path.display()
                    ));
                }
                set_aside(&files.rejected)?;
                Self {
                    files: Some(files),
                    progress: fresh,
                }
            }
        };
        progress.forget_unanswered()?;
        Ok(progress)
    }

    /// The last row that was answered; 0 when none was.
    pub(super) fn answered_through(&self) -> u64 {
        self.progress.answered_through_row
    }

    /// What became of all rows so far, in earlier runs too.
    pub(super) fn counts(&self) -> Counts {
        self.progress.counts
    }

    /// Where the rejected rows are, when there are any.
    pub(super) fn rejected_file(&self) -> Option<&Path> {
        let files = self.files.as_ref()?;
        (self.progress.rejected_bytes > 0).then_some(files.rejected.as_path())
    }

    /// Notes that the rows up to this one were answered. `rejected` are CSV lines.
    pub(super) fn note(
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

    /// Everything was answered: there is nothing to go on with.
    pub(super) fn finish(&self) -> Result<(), CommandError> {
        match &self.files {
            Some(files) => remove(&files.progress),
            None => Ok(()),
        }
    }

    /// Rows that were written as rejected, but not noted as answered, will be answered again.
    fn forget_unanswered(&mut self) -> Result<(), CommandError> {
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
        if self.open.is_none() {
            // It holds telephone numbers: nobody else's business.
            let mut options = File::options();
            self.open = Some(options.create(true).append(true).mode(0o600).open(path)?);
        }
        let Some(file) = &mut self.open else {
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

fn earlier(path: &Path) -> Result<Option<Progress>, CommandError> {
    match std::fs::read(path) {
        Ok(text) => match serde_json::from_slice(&text) {
            Ok(progress) => Ok(Some(progress)),
            Err(error) => Err(CommandError::usage(format!(
                "cannot understand {}: {error}",
                path.display()
            ))
            .hint("--from-start begins with the first row; doing so does no harm")),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CommandError::io(
            &format!("cannot read {}", path.display()),
            &error,
        )),
    }
}

/// An earlier import's rejected rows may have been mended and not imported yet.
fn set_aside(rejected: &Path) -> Result<(), CommandError> {
    if !rejected.exists() {
        return Ok(());
    }
    let aside = beside(rejected, ".before");
    std::fs::rename(rejected, &aside).map_err(|error| cannot_write(&aside, &error))?;
    remark(&format!(
        "the rejected rows of an earlier import are in {} now",
        aside.display()
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
