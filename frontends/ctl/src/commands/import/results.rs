//! Prints, counts and records the results of an import, in the order of the rows.

use std::path::PathBuf;

use serde::Serialize;

use super::batches::Batch;
use super::file::Source;
use super::progress_display::ProgressDisplay;
use super::progress_file::{Counts, ProgressFile};
use super::row::Rejection;
use crate::cli::Format;
use crate::error::{CommandError, ExitKind};
use crate::output::{Output, Printable, harmless};

/// The maximum number of rejected rows that are printed for people. `FILE.rejected.csv` has all of them.
const MAX_PRINTED: u64 = 20;

/// Prints, counts and records the results of an import.
pub(super) struct ResultWriter<'a> {
    source: &'a Source,
    progress: ProgressFile,
    dry_run: bool,
    output: &'a mut Output,
    pub(super) display: ProgressDisplay,
    /// The counts of this run.
    run: Counts,
    /// The counts of earlier runs.
    before: Counts,
    /// The counts of processed rows that the progress file does not have, because it could not be written.
    unrecorded: Counts,
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
            unrecorded: Counts::default(),
        }
    }

    /// Returns the number of rows that were processed in this run.
    pub(super) fn answered(&self) -> u64 {
        self.run.rows()
    }

    /// Takes the result of a batch: the number of added rows, the number of unchanged rows, and the rows that the
    /// system rejected.
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
            let fields = self.source.columns.raw_fields(text);
            let mut fields: Vec<String> =
                fields.iter().map(|field| harmless_field(field)).collect();
            fields.push(rejection.row.to_string());
            fields.push(harmless(&rejection.message()));
            lines
                .write_record(&fields)
                .map_err(|error| CommandError::new(ExitKind::Fault, error.to_string()))?;
        }
        let lines = lines
            .into_inner()
            .map_err(|error| CommandError::new(ExitKind::Fault, error.to_string()))?;
        let recorded = self.progress.record(through, counts, &lines);
        if let Err(error) = recorded {
            // The system has the rows, although the next run sends them again.
            self.run.add(counts);
            self.unrecorded.add(counts);
            return Err(error.hint("rows that were already sent may be imported, too"));
        }
        self.print(&rejected)?;
        self.run.add(counts);
        let all_rejected = self.before.rejected + self.run.rejected;
        self.display
            .advance(u64::try_from(rows).unwrap_or_default(), all_rejected);
        Ok(())
    }

    fn print(&mut self, rejected: &[Rejection]) -> Result<(), CommandError> {
        if rejected.is_empty() {
            return Ok(());
        }
        let printed = self.run.rejected;
        let (output, dry_run) = (&mut *self.output, self.dry_run);
        self.display.without_bar(|| {
            for (index, rejection) in (printed..).zip(rejected) {
                if output.format == Format::Json || dry_run || index < MAX_PRINTED {
                    output.show(&ImportOutput::Rejected(rejection))?;
                } else if index == MAX_PRINTED {
                    output.line("... more rows were rejected; see the rejected file")?;
                }
            }
            output.flush()
        })
    }

    /// Ends the import and prints the summary. `complete` is false if the import was stopped.
    pub(super) fn finish(self, complete: bool) -> Result<(), CommandError> {
        self.display.end();
        if complete {
            self.progress.finish()?;
        }
        let all = if self.dry_run {
            self.run
        } else {
            let mut all = self.progress.counts();
            all.add(self.unrecorded);
            all
        };
        self.output.show(&ImportOutput::Summary(Summary {
            file: self.source.path.clone(),
            dry_run: self.dry_run,
            finished: complete,
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
        if complete && all.rejected > 0 {
            return Err(CommandError::new(
                ExitKind::ProblemsFound,
                format!("{} rows were rejected", all.rejected),
            ));
        }
        Ok(())
    }
}

/// Converts a field of a rejected row to a text that controls no terminal. White space, which separates numbers, becomes
/// a space. Bytes that are not UTF-8 are written as `\x80`.
fn harmless_field(field: &[u8]) -> String {
    let parts = field.utf8_chunks().flat_map(|chunk| {
        let is_space = char::is_whitespace;
        let spaced = chunk.valid().replace(is_space, " ");
        let invalid = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}"));
        [harmless(&spaced)].into_iter().chain(invalid)
    });
    parts.collect()
}

/// A document of the output. The names of the variants and fields are part of the JSON output.
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
    /// The rows that were processed in all runs over this file. A dry run counts only its own rows.
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
    fn text(&self) -> String {
        match self {
            Self::Rejected(rejection) => format!("row {}: {}", rejection.row, rejection.message()),
            Self::Summary(summary) => summary.text(),
        }
    }
}

impl Summary {
    fn text(&self) -> String {
        let would = if self.dry_run { "would be " } else { "" };
        let mut text = format!(
            "{} rows: {} {would}added, {} unchanged, {} {would}rejected",
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
                "{text}\nrejected rows, which you can correct and import: {}",
                file.display()
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_a_rejected_row_controls_no_terminal() {
        let field = b"03\x1b[2J\r\n04\t05\x9b\xe3\x81 \xe5\x90\x88";
        assert_eq!(harmless_field(field), r"03\u{1b}[2J  04 05\x9b\xe3\x81 合");
    }
}
