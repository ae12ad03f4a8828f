//! `aikagictl import` (OPS-1): adds lines in bulk from a CSV file. It shows its progress, and continues where an
//! earlier run stopped. It reports each bad row and imports the others.

mod batches;
mod file;
mod form;
mod progress_display;
mod progress_file;
mod results;
pub mod row;
mod send;

use std::sync::Arc;

use aikagi_mesh::shutdown::Shutdown;
use tokio::sync::mpsc;

use crate::cli::Import;
use crate::connection::Connection;
use crate::error::{CommandError, ExitKind};
use crate::output::{Output, remark};
use file::Source;
use progress_file::ProgressFile;
use results::ResultWriter;
use send::{BatchSender, ImportEnd};

pub(crate) async fn run(
    arguments: Import,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), CommandError> {
    let source = Arc::new(Source::open(&arguments.file, arguments.dry_run)?);
    let progress = if arguments.dry_run {
        ProgressFile::without_files()
    } else {
        ProgressFile::open(&source, arguments.from_start)?
    };
    let after = progress.answered_through();
    if after > 0 {
        remark(&format!(
            "continuing after row {after}, where an earlier run stopped (--from-start starts with the first row)"
        ));
    }
    let stop = stop_on_signals()?;
    // With a capacity of 1 the reader prepares the next batch while earlier batches wait for their responses.
    let (produced, batches) = mpsc::channel(1);
    let reader = {
        let (source, size) = (Arc::clone(&source), arguments.batch as usize);
        tokio::task::spawn_blocking(move || batches::produce(&source, after, size, &produced))
    };
    let mut results = ResultWriter::new(&source, progress, arguments.dry_run, output);
    let sender = BatchSender {
        connection,
        dry_run: arguments.dry_run,
        window: usize::from(arguments.in_flight),
        batches,
        stop,
    };
    let end = sender.run(&mut results).await;
    drop(reader);
    match end {
        Ok(ImportEnd::Complete) => results.finish(true),
        Ok(ImportEnd::Stopped) => {
            results.finish(false)?;
            Err(
                CommandError::new(ExitKind::Interrupted, "stopped; no result is lost")
                    .hint(how_to_continue(arguments.dry_run)),
            )
        }
        Err(error) => {
            results.finish(false)?;
            let hint = error
                .hint
                .as_ref()
                .map_or_else(String::new, |hint| format!("{hint}\n  "));
            let hint = format!("{hint}{}", how_to_continue(arguments.dry_run));
            Err(error.hint(hint))
        }
    }
}

fn how_to_continue(dry_run: bool) -> &'static str {
    if dry_run {
        "nothing was changed"
    } else {
        "the results so far are kept: repeat the same command to continue"
    }
}

/// Listens for Ctrl-C. The first one stops the import after the batches that were already sent. The second one stops it
/// immediately.
fn stop_on_signals() -> Result<Shutdown, CommandError> {
    let stop = Shutdown::on_signals()
        .map_err(|error| CommandError::io("cannot listen for Ctrl-C", &error))?;
    let asked = stop.clone();
    tokio::spawn(async move {
        asked.begun().await;
        remark("stopping after the batches already sent; press Ctrl-C again to stop immediately");
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(ExitKind::Interrupted.code().into());
        }
    });
    Ok(stop)
}
