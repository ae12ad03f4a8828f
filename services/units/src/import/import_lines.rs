//! `ImportLines`: adds lines in batches. The response to a batch is sent after its commit. Responses have the order of
//! the batches (OPS-1).

use std::collections::HashSet;
use std::sync::Arc;

use aikagi_api::units::v1::{ImportLinesRequest, ImportLinesResponse, RejectionReason};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_refusal::{Failure, Refusal};
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;

use super::queue::{BatchQueue, PARALLEL_BATCHES};
use super::row::{ReadRow, read, rejected};
use crate::Units;
use crate::store::import::{Batch, LineResult};

/// The maximum number of rows in one batch.
const MAX_ROWS: usize = 5000;
/// The maximum number of telephone numbers in one batch.
const MAX_NUMBERS: usize = 50_000;

/// The response to a batch, or the failure that ends the import.
pub(crate) type BatchResult = Result<ImportLinesResponse, Failure>;

/// Adds batches until the last batch, until one fails, or until shutdown. A batch that has started runs to its end,
/// even if the RPC is cancelled.
pub(crate) fn import_lines<S>(
    service: &Units,
    actor: String,
    batches: S,
) -> mpsc::Receiver<BatchResult>
where
    S: Stream<Item = Result<ImportLinesRequest, Failure>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(PARALLEL_BATCHES);
    let service = service.clone();
    let shutdown = service.shutdown.clone();
    let stop = shutdown.clone();
    shutdown.run_to_end(async move {
        // After shutdown has begun, no batch is read. The caller continues at another replica.
        let stopped = async move { stop.begun().await };
        let mut queue = BatchQueue::default();
        let results = batches
            .take_until(Box::pin(stopped))
            .map(|batch| {
                let batch = batch.and_then(|batch| Ok(ReadBatch::of(&batch)?));
                let batch = batch.map(|batch| (queue.turn(&batch.numbers), batch));
                let (service, actor) = (&service, actor.as_str());
                async move {
                    let (turn, batch) = batch?;
                    let _turn = turn.wait().await;
                    add(service, actor, batch).await
                }
            })
            .buffered(PARALLEL_BATCHES);
        let mut results = std::pin::pin!(results);
        while let Some(result) = results.next().await {
            let ends = result.is_err();
            if sender.send(result).await.is_err() || ends {
                return;
            }
        }
        if service.shutdown.has_begun() {
            // If the RPC is cancelled, nobody needs the refusal.
            drop(sender.send(Err(Refusal::unavailable().into())).await);
        }
    });
    receiver
}

async fn add(
    service: &Units,
    actor: &str,
    batch: ReadBatch,
) -> Result<ImportLinesResponse, Failure> {
    let ReadBatch {
        rows,
        dry_run,
        mut response,
        ..
    } = batch;
    let batch = Batch {
        lines: rows.iter().map(|row| &row.line).collect(),
        actor,
        now: service.clock.now(),
        dry_run,
    };
    let results = service.store.import(&batch).await?;
    for (row, result) in rows.iter().zip(results) {
        match result {
            LineResult::Added => response.added += 1,
            LineResult::Unchanged => response.unchanged += 1,
            LineResult::Differs => response.rejected.push(rejected(
                row.row_number,
                RejectionReason::LineDiffers,
                row.line.contract.number.as_str(),
            )),
            LineResult::Taken(number) => response.rejected.push(rejected(
                row.row_number,
                RejectionReason::NumberTaken,
                number.as_str(),
            )),
        }
    }
    response.rejected.sort_by_key(|row| row.row_number);
    Ok(response)
}

/// A batch after its rows were read.
struct ReadBatch {
    /// The well-formed rows. No number is in two rows.
    rows: Vec<ReadRow>,
    /// All numbers of these rows.
    numbers: Arc<HashSet<TelephoneNumber>>,
    dry_run: bool,
    /// The response so far: the number of the last row, and the rejected rows.
    response: ImportLinesResponse,
}

impl ReadBatch {
    fn of(batch: &ImportLinesRequest) -> Result<Self, Refusal> {
        check_size(batch)?;
        let mut response = ImportLinesResponse {
            last_row_number: batch.rows.last().map_or(0, |row| row.row_number),
            ..ImportLinesResponse::default()
        };
        let mut rows = Vec::with_capacity(batch.rows.len());
        let mut numbers: HashSet<TelephoneNumber> = HashSet::new();
        for row in &batch.rows {
            let row = match read(row) {
                Ok(row) => row,
                Err(bad) => {
                    response.rejected.push(bad);
                    continue;
                }
            };
            if let Some(number) = row.line.numbers().find(|number| numbers.contains(*number)) {
                let reason = RejectionReason::NumberTaken;
                response
                    .rejected
                    .push(rejected(row.row_number, reason, number.as_str()));
                continue;
            }
            numbers.extend(row.line.numbers().cloned());
            rows.push(row);
        }
        Ok(Self {
            rows,
            numbers: Arc::new(numbers),
            dry_run: batch.dry_run,
            response,
        })
    }
}

fn check_size(batch: &ImportLinesRequest) -> Result<(), Refusal> {
    let numbers = batch
        .rows
        .iter()
        .map(|row| 1 + row.subscribed_numbers.len() + row.unsubscribed_numbers.len());
    if batch.rows.len() > MAX_ROWS || numbers.sum::<usize>() > MAX_NUMBERS {
        return Err(Refusal::invalid_field(
            "rows",
            "must be at most 5,000 rows with 50,000 numbers in one batch",
        ));
    }
    Ok(())
}
