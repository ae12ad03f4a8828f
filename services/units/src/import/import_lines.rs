//! Lines in bulk, batch by batch: each is committed and then answered, in order (OPS-1).

use std::collections::HashSet;
use std::sync::Arc;

use aikagi_api::units::v1::{ImportLinesRequest, ImportLinesResponse, RejectionReason};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_refusal::{Failure, Refusal};
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;

use super::queue::{AT_ONCE, Queue};
use super::row::{ReadRow, read, rejected};
use crate::Units;
use crate::store::import::{Batch, Fate};

const MOST_ROWS: usize = 5000;
const MOST_NUMBERS: usize = 50_000;

/// What became of a batch, or why the import ends.
pub(crate) type Answer = Result<ImportLinesResponse, Failure>;

/// Adds batches until there are no more, one fails, or the stop begins. A batch that was begun is finished though
/// the caller goes away.
pub(crate) fn import_lines<S>(service: &Units, actor: String, batches: S) -> mpsc::Receiver<Answer>
where
    S: Stream<Item = Result<ImportLinesRequest, Failure>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(AT_ONCE);
    let service = service.clone();
    let shutdown = service.shutdown.clone();
    let stop = shutdown.clone();
    shutdown.run_to_end(async move {
        // What comes after the stop is not read: its caller goes on elsewhere.
        let stopped = async move { stop.begun().await };
        let mut queue = Queue::default();
        let answers = batches
            .take_until(Box::pin(stopped))
            .map(|batch| {
                let batch = batch.and_then(|batch| Ok(ReadBatch::of(&batch)?));
                let batch = batch.map(|batch| (queue.place(&batch.numbers), batch));
                let (service, actor) = (&service, actor.as_str());
                async move {
                    let (place, batch) = batch?;
                    let _place = place.reached().await;
                    add(service, actor, batch).await
                }
            })
            .buffered(AT_ONCE);
        let mut answers = std::pin::pin!(answers);
        while let Some(answer) = answers.next().await {
            let ends = answer.is_err();
            if sender.send(answer).await.is_err() || ends {
                return;
            }
        }
        if service.shutdown.has_begun() {
            let _caller_gone = sender.send(Err(Refusal::unavailable().into())).await;
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
        mut answer,
        ..
    } = batch;
    let batch = Batch {
        lines: rows.iter().map(|row| &row.line).collect(),
        actor,
        now: service.clock.now(),
        dry_run,
    };
    let fates = service.store.import(&batch).await?;
    for (row, fate) in rows.iter().zip(fates) {
        match fate {
            Fate::Added => answer.added += 1,
            Fate::Unchanged => answer.unchanged += 1,
            Fate::Differs => answer.rejected.push(rejected(
                row.row_number,
                RejectionReason::LineDiffers,
                row.line.contract.number.as_str(),
            )),
            Fate::Taken(number) => answer.rejected.push(rejected(
                row.row_number,
                RejectionReason::NumberTaken,
                number.as_str(),
            )),
        }
    }
    answer.rejected.sort_by_key(|row| row.row_number);
    Ok(answer)
}

/// A batch whose rows were read.
struct ReadBatch {
    /// Those that can be added as far as the batch tells; no number is in two of them.
    rows: Vec<ReadRow>,
    /// All their numbers.
    numbers: Arc<HashSet<TelephoneNumber>>,
    dry_run: bool,
    /// What is known already: the last row's number, and the rows that cannot be added.
    answer: ImportLinesResponse,
}

impl ReadBatch {
    fn of(batch: &ImportLinesRequest) -> Result<Self, Refusal> {
        check_size(batch)?;
        let mut answer = ImportLinesResponse {
            last_row_number: batch.rows.last().map_or(0, |row| row.row_number),
            ..ImportLinesResponse::default()
        };
        let mut rows = Vec::with_capacity(batch.rows.len());
        let mut numbers: HashSet<TelephoneNumber> = HashSet::new();
        for row in &batch.rows {
            let row = match read(row) {
                Ok(row) => row,
                Err(bad) => {
                    answer.rejected.push(bad);
                    continue;
                }
            };
            if let Some(number) = row.line.numbers().find(|number| numbers.contains(*number)) {
                let reason = RejectionReason::NumberTaken;
                answer
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
            answer,
        })
    }
}

fn check_size(batch: &ImportLinesRequest) -> Result<(), Refusal> {
    let numbers = batch
        .rows
        .iter()
        .map(|row| 1 + row.subscribed_numbers.len() + row.unsubscribed_numbers.len());
    if batch.rows.len() > MOST_ROWS || numbers.sum::<usize>() > MOST_NUMBERS {
        return Err(Refusal::invalid_field(
            "rows",
            "more than 5,000 rows or 50,000 numbers in one batch",
        ));
    }
    Ok(())
}
