//! Lines in bulk: kept by their contract number, and a stream that breaks or stands still when it is told to.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aikagi_api::units::v1 as units;
use aikagi_api::units::v1::import_service_server::ImportService;
use aikagi_mesh::errors::Refusal;
use futures_util::stream::{BoxStream, StreamExt as _};
use tokio::sync::Notify;
use tonic::{Request, Response, Status, Streaming};

#[derive(Clone, Debug, Default)]
pub(crate) struct Importing(Arc<State>);

#[derive(Debug)]
struct State {
    lines: Mutex<BTreeMap<String, units::ImportRow>>,
    /// Batches that were answered.
    answered: AtomicUsize,
    /// So many batches may come before the stream breaks; below 0, any number.
    until_broken: AtomicI64,
    /// So many batches may come before one stands still; below 0, any number.
    until_still: AtomicI64,
    still: Notify,
    go_on: Notify,
}

impl Default for State {
    fn default() -> Self {
        Self {
            lines: Mutex::default(),
            answered: AtomicUsize::default(),
            until_broken: AtomicI64::new(-1),
            until_still: AtomicI64::new(-1),
            still: Notify::new(),
            go_on: Notify::new(),
        }
    }
}

impl Importing {
    /// The contract numbers of the lines added.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lines.lock().unwrap().keys().cloned().collect()
    }

    pub(crate) fn answered(&self) -> usize {
        self.0.answered.load(Ordering::SeqCst)
    }

    /// The streams break after so many batches, each time.
    pub(crate) fn break_after(&self, batches: i64) {
        self.0.until_broken.store(batches, Ordering::SeqCst);
    }

    /// A batch stands still after so many.
    pub(crate) fn stand_still_after(&self, batches: i64) {
        self.0.until_still.store(batches, Ordering::SeqCst);
    }

    pub(crate) async fn stands_still(&self) {
        self.0.still.notified().await;
    }

    pub(crate) fn go_on(&self) {
        self.0.go_on.notify_one();
    }

    async fn answer(&self, batch: units::ImportLinesRequest) -> units::ImportLinesResponse {
        if self.0.until_still.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.0.still.notify_one();
            self.0.go_on.notified().await;
        }
        let mut answer = units::ImportLinesResponse {
            last_row_number: batch.rows.last().unwrap().row_number,
            ..units::ImportLinesResponse::default()
        };
        let mut lines = self.0.lines.lock().unwrap();
        for row in batch.rows {
            let contract = row.contract_number.clone();
            let reason = match lines.get(&contract) {
                _ if contract.len() != 10 => units::RejectionReason::ContractNumberInvalid,
                Some(known) if is_alike(known, &row) => {
                    answer.unchanged += 1;
                    continue;
                }
                Some(_) => units::RejectionReason::LineDiffers,
                None => {
                    answer.added += 1;
                    if !batch.dry_run {
                        lines.insert(contract, row);
                    }
                    continue;
                }
            };
            answer.rejected.push(units::RejectedRow {
                row_number: row.row_number,
                reason: reason.into(),
                number: contract,
            });
        }
        self.0.answered.fetch_add(1, Ordering::SeqCst);
        answer
    }
}

fn is_alike(one: &units::ImportRow, other: &units::ImportRow) -> bool {
    (&one.subscribed_numbers, &one.unsubscribed_numbers)
        == (&other.subscribed_numbers, &other.unsubscribed_numbers)
}

#[tonic::async_trait]
impl ImportService for Importing {
    type ImportLinesStream = BoxStream<'static, Result<units::ImportLinesResponse, Status>>;

    async fn import_lines(
        &self,
        request: Request<Streaming<units::ImportLinesRequest>>,
    ) -> Result<Response<Self::ImportLinesStream>, Status> {
        let this = self.clone();
        let answers = request.into_inner().then(move |batch| {
            let this = this.clone();
            async move {
                let batch = batch?;
                if this.0.until_broken.fetch_sub(1, Ordering::SeqCst) == 0 {
                    return Err(Refusal::unavailable().into());
                }
                Ok(this.answer(batch).await)
            }
        });
        // A stream ends with its first error.
        let whole = answers.scan(false, |ended, answer| {
            let before = std::mem::replace(ended, answer.is_err());
            std::future::ready((!before).then_some(answer))
        });
        Ok(Response::new(whole.boxed()))
    }
}
