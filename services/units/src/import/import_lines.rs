//! Lines in bulk, batch by batch: each is committed and then answered, in order (OPS-1).

use std::collections::HashSet;

use aikagi_api::units::v1::{ImportLinesRequest, ImportLinesResponse, RejectionReason};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_mesh::errors::Refusal;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;

use super::row::{ReadRow, read, rejected};
use crate::Units;
use crate::failure::Failure;
use crate::store::import::{Batch, Fate};

const MOST_ROWS: usize = 5000;
const MOST_NUMBERS: usize = 50_000;
/// Batches that are added at once.
const AT_ONCE: usize = 2;

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
        let answers = batches
            .take_until(Box::pin(stopped))
            .map(|batch| add(&service, &actor, batch))
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
    batch: Result<ImportLinesRequest, Failure>,
) -> Result<ImportLinesResponse, Failure> {
    let batch = batch?;
    check_size(&batch)?;
    let mut answer = ImportLinesResponse {
        last_row_number: batch.rows.last().map_or(0, |row| row.row_number),
        ..ImportLinesResponse::default()
    };
    let mut rows = Vec::with_capacity(batch.rows.len());
    for row in &batch.rows {
        match read(row) {
            Ok(row) => rows.push(row),
            Err(bad) => answer.rejected.push(bad),
        }
    }
    let rows = without_repetitions(rows, &mut answer);
    let batch = Batch {
        lines: rows.iter().map(|row| &row.line).collect(),
        actor,
        now: service.clock.now(),
        dry_run: batch.dry_run,
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

/// The rows none of whose numbers stands in an earlier one; the others are rejected.
fn without_repetitions(rows: Vec<ReadRow>, answer: &mut ImportLinesResponse) -> Vec<ReadRow> {
    let mut seen: HashSet<TelephoneNumber> = HashSet::new();
    let mut kept = Vec::with_capacity(rows.len());
    for row in rows {
        let taken = row
            .line
            .numbers()
            .find(|number| seen.contains(*number))
            .map(|number| number.as_str().to_owned());
        if let Some(number) = taken {
            let reason = RejectionReason::NumberTaken;
            answer
                .rejected
                .push(rejected(row.row_number, reason, &number));
        } else {
            seen.extend(row.line.numbers().cloned());
            kept.push(row);
        }
    }
    kept
}
