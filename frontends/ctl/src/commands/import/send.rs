//! Sends batches over the stream, several in flight, and receives the responses in order.
//!
//! If the connection breaks, the sender pauses, and then sends again each batch that has no response yet. Sending a
//! batch twice is safe.

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

/// The maximum number of consecutive attempts without a response.
const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(8);
/// The maximum time to wait for the next response.
const RESPONSE_TIMEOUT: Duration = Duration::from_mins(2);

/// The end of an import without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ImportEnd {
    /// Every row was processed.
    Complete,
    /// The operator stopped the import.
    Stopped,
}

/// Sends the batches of an import.
pub(super) struct BatchSender<'a> {
    pub(super) connection: &'a Connection,
    pub(super) dry_run: bool,
    /// The maximum number of batches that wait for their responses.
    pub(super) window: usize,
    pub(super) batches: mpsc::Receiver<Batch>,
    pub(super) stop: Shutdown,
}

/// The batches that were read and have no response yet.
#[derive(Default)]
struct PendingBatches {
    batches: VecDeque<Batch>,
    /// True after the last batch of the file.
    exhausted: bool,
}

impl PendingBatches {
    /// Adds the next batch of the file and returns it. At the end of the file, `read` is `None`.
    fn add(&mut self, read: Option<Batch>) -> Option<&Batch> {
        self.exhausted = read.is_none();
        self.batches.extend(read);
        if self.exhausted {
            None
        } else {
            self.batches.back()
        }
    }
}

impl BatchSender<'_> {
    /// Sends all batches. If the system is unavailable, tries again several times.
    pub(super) async fn run(
        mut self,
        results: &mut ResultWriter<'_>,
    ) -> Result<ImportEnd, CommandError> {
        let mut pending = PendingBatches::default();
        let mut failures = 0;
        loop {
            let before = results.answered();
            let error = match self.stream(&mut pending, results).await {
                Ok(end) => return Ok(end),
                Err(error) if error.kind == ExitKind::Unavailable => error,
                Err(error) => return Err(error),
            };
            failures = if results.answered() > before {
                1
            } else {
                failures + 1
            };
            if failures >= ATTEMPTS || self.stop.has_begun() {
                return Err(error);
            }
            let pause = (FIRST_PAUSE * 2_u32.pow(failures - 1)).min(MAX_PAUSE);
            results.display.remark(&format!(
                "{}; trying again in {:.1} s ({failures} of {ATTEMPTS})",
                error.message,
                pause.as_secs_f32()
            ));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.begun() => return Err(error),
            }
        }
    }

    /// Sends batches over one stream until all have their responses, the operator stops the import, or the stream
    /// breaks.
    async fn stream(
        &mut self,
        pending: &mut PendingBatches,
        results: &mut ResultWriter<'_>,
    ) -> Result<ImportEnd, CommandError> {
        // Open a stream only if there is a batch to send.
        loop {
            settle_empty(pending, results)?;
            if !pending.batches.is_empty() {
                break;
            }
            if let Some(end) = self.end(pending) {
                return Ok(end);
            }
            pending.add(self.batches.recv().await);
        }
        let (sender, receiver) = mpsc::channel(self.window);
        for batch in pending
            .batches
            .iter()
            .filter(|batch| !batch.rows.is_empty())
        {
            self.send(&sender, batch).await?;
        }
        let mut client = self.connection.import();
        let requests = ReceiverStream::new(receiver);
        let mut responses = self.connection.call(client.import_lines(requests)).await?;
        loop {
            settle_empty(pending, results)?;
            if pending.batches.is_empty()
                && let Some(end) = self.end(pending)
            {
                drop(sender);
                // The stream may still end with an error.
                return match next(&mut responses).await {
                    Ok(None) => Ok(end),
                    Ok(Some(_)) => Err(unexpected_response()),
                    Err(status) => Err(self.connection.explain(status).await),
                };
            }
            let may_read =
                pending.batches.len() < self.window && !pending.exhausted && !self.stop.has_begun();
            tokio::select! {
                response = next(&mut responses), if !pending.batches.is_empty() => match response {
                    Ok(Some(response)) => settle(response, pending, results)?,
                    Ok(None) => return Err(stream_ended()),
                    Err(status) => return Err(self.connection.explain(status).await),
                },
                read = self.batches.recv(), if may_read => {
                    if let Some(batch) = pending.add(read).filter(|batch| !batch.rows.is_empty()) {
                        self.send(&sender, batch).await?;
                    }
                }
                () = self.stop.begun(), if may_read => {}
            }
        }
    }

    /// Returns the end of the import, or `None` if more batches will be read.
    fn end(&self, pending: &PendingBatches) -> Option<ImportEnd> {
        match (pending.exhausted, self.stop.has_begun()) {
            (true, _) => Some(ImportEnd::Complete),
            (false, true) => Some(ImportEnd::Stopped),
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
        sender.send(request).await.map_err(|_closed| stream_ended())
    }
}

/// Records the oldest batches that have no rows to send. Such a batch needs no response, but it waits for the batches
/// before it, because results are recorded in the order of the rows.
fn settle_empty(
    pending: &mut PendingBatches,
    results: &mut ResultWriter<'_>,
) -> Result<(), CommandError> {
    while let Some(batch) = pending.batches.pop_front_if(|batch| batch.rows.is_empty()) {
        results.take(batch, 0, 0, Vec::new())?;
    }
    Ok(())
}

/// Records the result of the oldest batch. Fails if the response does not match the batch.
fn settle(
    response: ImportLinesResponse,
    pending: &mut PendingBatches,
    results: &mut ResultWriter<'_>,
) -> Result<(), CommandError> {
    let batch = pending
        .batches
        .pop_front()
        .ok_or_else(unexpected_response)?;
    let last = batch.rows.last().map(|row| row.row_number);
    let accepted = u64::from(response.added) + u64::from(response.unchanged);
    let complete = accepted + u64::try_from(response.rejected.len()).unwrap_or_default()
        == u64::try_from(batch.rows.len()).unwrap_or_default();
    if last != Some(response.last_row_number) || !complete {
        return Err(unexpected_response());
    }
    let rejected = response
        .rejected
        .into_iter()
        .map(|row| {
            let reason = row.reason();
            Rejection::by_system(row.row_number, reason, row.number)
        })
        .collect();
    results.take(batch, response.added, response.unchanged, rejected)
}

fn stream_ended() -> CommandError {
    CommandError::new(ExitKind::Unavailable, "the system ended the stream")
}

fn unexpected_response() -> CommandError {
    CommandError::new(
        ExitKind::Fault,
        "the system's responses do not match the rows sent",
    )
}

async fn next(
    responses: &mut Streaming<ImportLinesResponse>,
) -> Result<Option<ImportLinesResponse>, Status> {
    tokio::time::timeout(RESPONSE_TIMEOUT, responses.message())
        .await
        .unwrap_or_else(|_elapsed| {
            Err(Status::deadline_exceeded(
                "a batch got no response within 2 minutes",
            ))
        })
}
