//! Where answers are taken: told, counted, and noted on disk, in the order of the rows.

use std::path::PathBuf;

use serde::Serialize;

use super::batches::Batch;
use super::file::Source;
use super::progress_display::ProgressDisplay;
use super::progress_file::{Counts, ProgressFile};
use super::row::Rejection;
use crate::cli::Format;
use crate::error::{CommandError, ExitKind};
use crate::output::{Output, Printable};

/// So many rejected rows are told to people as they come; the file has them all.
const TOLD: u64 = 20;

/// Takes answers.
pub(super) struct ResultWriter<'a> {
    source: &'a Source,
    progress: ProgressFile,
    dry_run: bool,
    output: &'a mut Output,
    pub(super) display: ProgressDisplay,
    /// Of this run alone.
    run: Counts,
    before: Counts,
}

impl<'a> ResultWriter<'a> {
    pub(super) fn new(
        source: &'a Source,
        progress: ProgressFile,
        dry_run: bool,
        output: &'a mut Output,
    ) -> Self {
        let before = progress.counts();
        Self {
            display: ProgressDisplay::start(source.count(), before.rows()),
            source,
            progress,
            dry_run,
            output,
            run: Counts::default(),
            before,
        }
    }

    /// How many rows this run has had answered.
    pub(super) fn answered(&self) -> u64 {
        self.run.rows()
    }

    /// Takes the answer to a batch: what was added, what stood already, and why the rest was rejected.
    pub(super) fn take(
        &mut self,
        batch: Batch,
        added: u32,
        unchanged: u32,
        mut rejected: Vec<Rejection>,
    ) -> Result<(), CommandError> {
        let through = batch.last_row();
        let rows = batch.raw.len();
        rejected.extend(batch.rejected);
        rejected.sort_by_key(|rejection| rejection.row);
        let counts = Counts {
            added: added.into(),
            unchanged: unchanged.into(),
            rejected: u64::try_from(rejected.len()).unwrap_or(u64::MAX),
        };
        let mut lines = csv::Writer::from_writer(Vec::new());
        let mut raw = batch.raw.iter();
        for rejection in &rejected {
            let text = raw
                .find(|raw| raw.number == rejection.row)
                .map(|raw| self.source.text(&raw.bytes))
                .unwrap_or_default();
            let mut fields = self.source.columns.as_they_stand(text).to_vec();
            fields.push(rejection.row.to_string().into_bytes());
            fields.push(rejection.words().into_bytes());
            lines
                .write_record(&fields)
                .map_err(|error| CommandError::new(ExitKind::Fault, error.to_string()))?;
        }
        let lines = lines
            .into_inner()
            .map_err(|error| CommandError::new(ExitKind::Fault, error.to_string()))?;
        self.progress.note(through, counts, &lines)?;
        self.tell(&rejected)?;
        self.run.add(counts);
        let all_rejected = self.before.rejected + self.run.rejected;
        self.display
            .advance(u64::try_from(rows).unwrap_or_default(), all_rejected);
        Ok(())
    }

    fn tell(&mut self, rejected: &[Rejection]) -> Result<(), CommandError> {
        if rejected.is_empty() {
            return Ok(());
        }
        let told = self.run.rejected;
        let (output, dry_run) = (&mut *self.output, self.dry_run);
        self.display.aside(|| {
            for (index, rejection) in (told..).zip(rejected) {
                if output.format == Format::Json || dry_run || index < TOLD {
                    output.show(&ImportOutput::Rejected(rejection))?;
                } else if index == TOLD {
                    output.line("... and more: all of them are in the file of rejected rows")?;
                }
            }
            output.flush()
        })
    }

    /// Ends the import, as a whole or where it was stopped.
    pub(super) fn finish(self, whole: bool) -> Result<(), CommandError> {
        self.display.end();
        if whole {
            self.progress.finish()?;
        }
        let all = if self.dry_run {
            self.run
        } else {
            self.progress.counts()
        };
        self.output.show(&ImportOutput::Summary(Summary {
            file: self.source.path.clone(),
            dry_run: self.dry_run,
            finished: whole,
            rows: all.rows(),
            added: all.added,
            unchanged: all.unchanged,
            rejected: all.rejected,
            rejected_file: self.progress.rejected_file().map(PathBuf::from),
            rows_of_this_run: self.run.rows(),
            seconds: self.display.elapsed().as_secs_f64(),
            rows_per_second: self.display.rate(),
        }))?;
        self.output.flush()?;
        if whole && all.rejected > 0 {
            return Err(CommandError::new(
                ExitKind::ProblemsFound,
                format!("{} rows were rejected", all.rejected),
            ));
        }
        Ok(())
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ImportOutput<'a> {
    Rejected(&'a Rejection),
    Summary(Summary),
}

#[derive(Serialize)]
struct Summary {
    file: PathBuf,
    dry_run: bool,
    finished: bool,
    /// Of all runs over this file; of a dry run its own.
    rows: u64,
    added: u64,
    unchanged: u64,
    rejected: u64,
    rejected_file: Option<PathBuf>,
    rows_of_this_run: u64,
    seconds: f64,
    rows_per_second: u64,
}

impl Printable for ImportOutput<'_> {
    fn words(&self) -> String {
        match self {
            Self::Rejected(rejection) => format!("row {}: {}", rejection.row, rejection.words()),
            Self::Summary(summary) => summary.words(),
        }
    }
}

impl Summary {
    fn words(&self) -> String {
        let would = if self.dry_run { "would be " } else { "" };
        let mut text = format!(
            "{} rows: {} {would}added, {} stood already, {} {would}rejected",
            self.rows, self.added, self.unchanged, self.rejected
        );
        if self.rows_of_this_run > 0 {
            text = format!(
                "{text}\n{} rows in {:.1} s: {} rows/s",
                self.rows_of_this_run, self.seconds, self.rows_per_second
            );
        }
        if let Some(file) = &self.rejected_file {
            text = format!(
                "{text}\nrejected rows, to be mended and imported by themselves: {}",
                file.display()
            );
        }
        text
    }
}
