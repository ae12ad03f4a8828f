//! Batches over the stream, several in flight, answered in order. When the system goes away, what was not answered is
//! sent again after a while: sending twice does no harm.

use std::collections::VecDeque;
use std::time::Duration;

use aikagi_api::units::v1::{ImportLinesRequest, ImportLinesResponse};
use aikagi_mesh::shutdown::Shutdown;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::batches::Batch;
use super::results::ResultWriter;
use super::row::Rejection;
use crate::connection::Connection;
use crate::error::{CommandError, ExitKind};

/// How often it is tried again without an answer in between.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// The longest that a batch may take.
const ANSWER: Duration = Duration::from_mins(2);

/// How an import ended, if nothing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Every row was answered.
    All,
    /// At the operator's word.
    Stopped,
}

/// An import in progress.
pub(super) struct Sending<'a> {
    pub(super) connection: &'a Connection,
    pub(super) dry_run: bool,
    /// So many batches are sent before the first of them is answered.
    pub(super) window: usize,
    pub(super) batches: mpsc::Receiver<Batch>,
    pub(super) stop: Shutdown,
}

/// What was sent, or stands behind what was sent, and was not answered yet.
#[derive(Default)]
struct Waiting {
    batches: VecDeque<Batch>,
    exhausted: bool,
}

impl Waiting {
    /// Takes the next batch of the file; none when that is at its end.
    fn take(&mut self, read: Option<Batch>) -> Option<&Batch> {
        self.exhausted = read.is_none();
        self.batches.extend(read);
        if self.exhausted {
            None
        } else {
            self.batches.back()
        }
    }
}

impl Sending<'_> {
    /// Sends everything; keeps at it for a while when the system goes away.
    pub(super) async fn run(
        mut self,
        results: &mut ResultWriter<'_>,
    ) -> Result<Ended, CommandError> {
        let mut waiting = Waiting::default();
        let mut failures = 0;
        loop {
            let before = results.answered();
            let error = match self.stream(&mut waiting, results).await {
                Ok(ended) => return Ok(ended),
                Err(error) if error.kind == ExitKind::Unavailable => error,
                Err(error) => return Err(error),
            };
            failures = if results.answered() > before {
                1
            } else {
                failures + 1
            };
            if failures >= TRIES || self.stop.has_begun() {
                return Err(error);
            }
            let pause = (FIRST_PAUSE * 2_u32.pow(failures - 1)).min(LONGEST_PAUSE);
            results.display.tell(&format!(
                "{}; trying again in {:.1} s ({failures} of {TRIES})",
                error.message,
                pause.as_secs_f32()
            ));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.begun() => return Err(error),
            }
        }
    }

    /// Sends over one stream until everything is answered, or it breaks.
    async fn stream(
        &mut self,
        waiting: &mut Waiting,
        results: &mut ResultWriter<'_>,
    ) -> Result<Ended, CommandError> {
        // A stream begins with something to send.
        loop {
            settle(waiting, results)?;
            if !waiting.batches.is_empty() {
                break;
            }
            if let Some(ended) = self.ended(waiting) {
                return Ok(ended);
            }
            waiting.take(self.batches.recv().await);
        }
        let (sender, receiver) = mpsc::channel(self.window);
        for batch in waiting
            .batches
            .iter()
            .filter(|batch| !batch.rows.is_empty())
        {
            self.send(&sender, batch).await?;
        }
        let mut client = self.connection.import();
        let requests = ReceiverStream::new(receiver);
        let mut answers = self.connection.call(client.import_lines(requests)).await?;
        loop {
            settle(waiting, results)?;
            if waiting.batches.is_empty()
                && let Some(ended) = self.ended(waiting)
            {
                drop(sender);
                // The system may have something to say about the whole.
                return match next(&mut answers).await {
                    Ok(None) => Ok(ended),
                    Ok(Some(_)) => Err(out_of_step()),
                    Err(status) => Err(self.connection.explained(status).await),
                };
            }
            let may_read =
                waiting.batches.len() < self.window && !waiting.exhausted && !self.stop.has_begun();
            tokio::select! {
                answer = next(&mut answers), if !waiting.batches.is_empty() => match answer {
                    Ok(Some(answer)) => take(answer, waiting, results)?,
                    Ok(None) => return Err(CommandError::new(ExitKind::Unavailable, "the system ended the stream")),
                    Err(status) => return Err(self.connection.explained(status).await),
                },
                read = self.batches.recv(), if may_read => {
                    if let Some(batch) = waiting.take(read).filter(|batch| !batch.rows.is_empty()) {
                        self.send(&sender, batch).await?;
                    }
                }
                () = self.stop.begun(), if may_read => {}
            }
        }
    }

    /// How it ended, when nothing more will be read.
    fn ended(&self, waiting: &Waiting) -> Option<Ended> {
        match (waiting.exhausted, self.stop.has_begun()) {
            (true, _) => Some(Ended::All),
            (false, true) => Some(Ended::Stopped),
            (false, false) => None,
        }
    }

    async fn send(
        &self,
        sender: &mpsc::Sender<ImportLinesRequest>,
        batch: &Batch,
    ) -> Result<(), CommandError> {
        let request = ImportLinesRequest {
            rows: batch.rows.clone(),
            dry_run: self.dry_run,
        };
        sender.send(request).await.map_err(|_gone| {
            CommandError::new(ExitKind::Unavailable, "the system ended the stream")
        })
    }
}

/// Batches that had nothing to send are answered as soon as those before them are.
fn settle(waiting: &mut Waiting, results: &mut ResultWriter<'_>) -> Result<(), CommandError> {
    while let Some(batch) = waiting.batches.pop_front_if(|batch| batch.rows.is_empty()) {
        results.take(batch, 0, 0, Vec::new())?;
    }
    Ok(())
}

fn take(
    answer: ImportLinesResponse,
    waiting: &mut Waiting,
    results: &mut ResultWriter<'_>,
) -> Result<(), CommandError> {
    let batch = waiting.batches.pop_front().ok_or_else(out_of_step)?;
    let last = batch.rows.last().map(|row| row.row_number);
    let told = u64::from(answer.added) + u64::from(answer.unchanged);
    let complete = told + u64::try_from(answer.rejected.len()).unwrap_or_default()
        == u64::try_from(batch.rows.len()).unwrap_or_default();
    if last != Some(answer.last_row_number) || !complete {
        return Err(out_of_step());
    }
    let rejected = answer
        .rejected
        .into_iter()
        .map(|row| {
            let reason = row.reason();
            Rejection::answered(row.row_number, reason, row.number)
        })
        .collect();
    results.take(batch, answer.added, answer.unchanged, rejected)
}

fn out_of_step() -> CommandError {
    CommandError::new(
        ExitKind::Fault,
        "the system's answers do not fit what was sent",
    )
}

async fn next(
    answers: &mut Streaming<ImportLinesResponse>,
) -> Result<Option<ImportLinesResponse>, Status> {
    tokio::time::timeout(ANSWER, answers.message())
        .await
        .unwrap_or_else(|_elapsed| {
            Err(Status::deadline_exceeded(
                "a batch was not answered in time",
            ))
        })
}
