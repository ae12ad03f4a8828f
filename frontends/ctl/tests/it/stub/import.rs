//! A stub of the import service. It keeps the lines by their contract number, and its stream can break or pause.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aikagi_api::units::v1 as units;
use aikagi_api::units::v1::import_service_server::ImportService;
use aikagi_refusal::Refusal;
use futures_util::stream::{BoxStream, StreamExt as _};
use tokio::sync::Notify;
use tonic::{Request, Response, Status, Streaming};

#[derive(Clone, Debug, Default)]
pub(crate) struct Importing(Arc<State>);

#[derive(Debug)]
struct State {
    lines: Mutex<BTreeMap<String, units::ImportRow>>,
    /// The number of batches that got a response.
    answered: AtomicUsize,
    /// The number of batches before the stream breaks. If it is negative, the stream does not break.
    until_break: AtomicI64,
    /// The number of batches before the stream pauses. If it is negative, the stream does not pause.
    until_pause: AtomicI64,
    paused: Notify,
    resume: Notify,
}

impl Default for State {
    fn default() -> Self {
        Self {
            lines: Mutex::default(),
            answered: AtomicUsize::default(),
            until_break: AtomicI64::new(-1),
            until_pause: AtomicI64::new(-1),
            paused: Notify::new(),
            resume: Notify::new(),
        }
    }
}

impl Importing {
    /// Returns the contract numbers of the added lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lines.lock().unwrap().keys().cloned().collect()
    }

    pub(crate) fn answered(&self) -> usize {
        self.0.answered.load(Ordering::SeqCst)
    }

    /// Breaks the stream once, after this number of batches.
    pub(crate) fn break_after(&self, batches: i64) {
        self.0.until_break.store(batches, Ordering::SeqCst);
    }

    /// Pauses once, after this number of batches, until [`Importing::resume`].
    pub(crate) fn pause_after(&self, batches: i64) {
        self.0.until_pause.store(batches, Ordering::SeqCst);
    }

    /// Waits until the stream has paused.
    pub(crate) async fn paused(&self) {
        self.0.paused.notified().await;
    }

    pub(crate) fn resume(&self) {
        self.0.resume.notify_one();
    }

    async fn respond(&self, batch: units::ImportLinesRequest) -> units::ImportLinesResponse {
        if self.0.until_pause.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.0.paused.notify_one();
            self.0.resume.notified().await;
        }
        let mut response = units::ImportLinesResponse {
            last_row_number: batch.rows.last().unwrap().row_number,
            ..units::ImportLinesResponse::default()
        };
        let mut lines = self.0.lines.lock().unwrap();
        for row in batch.rows {
            let contract = row.contract_number.clone();
            let reason = match lines.get(&contract) {
                _ if contract.len() != 10 => units::RejectionReason::ContractNumberInvalid,
                Some(known) if is_same(known, &row) => {
                    response.unchanged += 1;
                    continue;
                }
                Some(_) => units::RejectionReason::LineDiffers,
                None => {
                    response.added += 1;
                    if !batch.dry_run {
                        lines.insert(contract, row);
                    }
                    continue;
                }
            };
            response.rejected.push(units::RejectedRow {
                row_number: row.row_number,
                reason: reason.into(),
                number: contract,
            });
        }
        self.0.answered.fetch_add(1, Ordering::SeqCst);
        response
    }
}

fn is_same(one: &units::ImportRow, other: &units::ImportRow) -> bool {
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
        let responses = request.into_inner().then(move |batch| {
            let this = this.clone();
            async move {
                let batch = batch?;
                if this.0.until_break.fetch_sub(1, Ordering::SeqCst) == 0 {
                    return Err(Refusal::unavailable().into());
                }
                Ok(this.respond(batch).await)
            }
        });
        // A gRPC stream ends with its first error.
        let until_error = responses.scan(false, |ended, response| {
            let before = std::mem::replace(ended, response.is_err());
            std::future::ready((!before).then_some(response))
        });
        Ok(Response::new(until_error.boxed()))
    }
}
