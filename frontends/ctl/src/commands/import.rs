//! `aikagictl import` (OPS-1): lines in bulk from CSV. It shows its progress, goes on where it stopped, and reports
//! each bad row while the good ones are kept.

mod batches;
mod file;
mod progress_display;
mod progress_file;
mod results;
mod row;
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
use send::{Ended, Sending};

pub(crate) async fn run(
    wanted: Import,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), CommandError> {
    let source = Arc::new(Source::open(&wanted.file)?);
    let progress = if wanted.dry_run {
        ProgressFile::nothing()
    } else {
        ProgressFile::open(&source, wanted.from_start)?
    };
    let after = progress.answered_through();
    if after > 0 {
        remark(&format!(
            "going on after row {after}, where an earlier run stopped (--from-start begins anew)"
        ));
    }
    let stop = stop_on_signals()?;
    // One is being put together while the others wait for their answers.
    let (produced, batches) = mpsc::channel(1);
    let reading = {
        let (source, size) = (Arc::clone(&source), wanted.batch as usize);
        tokio::task::spawn_blocking(move || batches::produce(&source, after, size, &produced))
    };
    let mut results = ResultWriter::new(&source, progress, wanted.dry_run, output);
    let sending = Sending {
        connection,
        dry_run: wanted.dry_run,
        window: usize::from(wanted.in_flight),
        batches,
        stop,
    };
    let ended = sending.run(&mut results).await;
    drop(reading);
    match ended {
        Ok(Ended::All) => results.finish(true),
        Ok(Ended::Stopped) => {
            results.finish(false)?;
            Err(
                CommandError::new(ExitKind::Interrupted, "stopped; nothing is lost")
                    .hint(go_on(wanted.dry_run)),
            )
        }
        Err(error) => {
            results.finish(false)?;
            let hint = error
                .hint
                .as_ref()
                .map_or_else(String::new, |hint| format!("{hint}\n  "));
            let again = format!("{hint}{}", go_on(wanted.dry_run));
            Err(error.hint(again))
        }
    }
}

fn go_on(dry_run: bool) -> &'static str {
    if dry_run {
        "nothing was changed"
    } else {
        "what was answered is kept: the same command goes on from there"
    }
}

/// The first Ctrl-C stops at the next batch, a second one at once.
fn stop_on_signals() -> Result<Shutdown, CommandError> {
    let stop = Shutdown::on_signals()
        .map_err(|error| CommandError::io("cannot listen for Ctrl-C", &error))?;
    let asked = stop.clone();
    tokio::spawn(async move {
        asked.begun().await;
        remark("stopping when what was sent is answered; Ctrl-C again stops at once");
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(ExitKind::Interrupted.code().into());
        }
    });
    Ok(stop)
}
