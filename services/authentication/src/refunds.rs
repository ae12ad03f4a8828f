//! Refunds of charges (LOGIN-3, LOGIN-4, LOGIN-6). A refund that fails is tried again until it is written.
//!
//! Until then the refund is only in memory. A crash, or a stop during a long outage of the ledger, costs the account
//! one attempt (INV-6). It never gives the account an extra attempt.

use std::sync::Arc;
use std::time::Duration;

use aikagi_domain::fault::{Fault as _, FaultKind};
use aikagi_mesh::shutdown::Shutdown;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::metrics::{self, RefundResult};
use crate::store::{OpenCharge, Store};

/// The maximum number of refunds that wait to be written.
const MAX_WAITING: usize = 10_000;
/// The pause before a waiting refund is tried again.
const PAUSE: Duration = Duration::from_millis(500);
/// How long after a failed charge the ledger may still execute it, at most. By then PostgreSQL has stopped its statement
/// (`postgres.statement_timeout`).
const LATEST_CHARGE: Duration = Duration::from_secs(5);

/// Writes refunds to the ledger. Clones share the limit on waiting refunds.
#[derive(Debug, Clone)]
pub(crate) struct Refunds {
    store: Store,
    shutdown: Shutdown,
    places: Arc<Semaphore>,
    /// The places of charges of unknown result. They are apart, so that many failed charges take no place from a refund.
    places_of_unknown: Arc<Semaphore>,
    /// Only one waiting refund is tried at a time, so that the refunds do not take the ledger's connections from
    /// other statements.
    turn: Arc<Semaphore>,
    /// The pauses before the two looks for a charge of unknown result.
    pub(crate) looks: [Duration; 2],
}

impl Refunds {
    pub(crate) fn new(store: Store, shutdown: Shutdown) -> Self {
        metrics::export_refunds();
        Self {
            store,
            shutdown,
            places: Arc::new(Semaphore::new(MAX_WAITING)),
            places_of_unknown: Arc::new(Semaphore::new(MAX_WAITING)),
            turn: Arc::new(Semaphore::new(1)),
            looks: [PAUSE, LATEST_CHARGE],
        }
    }

    /// Refunds a charge. If that fails, returns, and a background task tries the refund again until it is written.
    ///
    /// A refund is lost if [`MAX_WAITING`] refunds already wait, or if a retry ends with an internal fault.
    pub(crate) async fn refund(&self, charge: OpenCharge) {
        if self.store.refund(&charge).await.is_ok() {
            metrics::refund(RefundResult::Written);
            return;
        }
        self.wait(charge, vec![PAUSE], &self.places);
    }

    /// Refunds an attempt whose charge failed, if the ledger has executed the charge after all. Returns immediately. A
    /// background task looks for the charge soon, and again when the ledger can no longer execute it.
    pub(crate) fn refund_if_charged(&self, charge: OpenCharge) {
        self.wait(charge, self.looks.to_vec(), &self.places_of_unknown);
    }

    fn wait(&self, charge: OpenCharge, pauses: Vec<Duration>, places: &Arc<Semaphore>) {
        let Ok(place) = Arc::clone(places).try_acquire_owned() else {
            metrics::refund(RefundResult::Lost);
            return;
        };
        metrics::refund(RefundResult::Waiting);
        let refunds = self.clone();
        self.shutdown.run_to_end(async move {
            let result = refunds.write(&charge, &pauses).await;
            metrics::refund(result);
            drop(place);
        });
    }

    /// Tries the refund after each of these pauses, until it is written.
    async fn write(&self, charge: &OpenCharge, pauses: &[Duration]) -> RefundResult {
        for pause in pauses {
            sleep(*pause).await;
            loop {
                let turn = self.turn.acquire().await;
                match self.store.refund(charge).await {
                    Ok(true) => return RefundResult::Written,
                    Ok(false) => break,
                    Err(error) if error.kind() == FaultKind::Internal => return RefundResult::Lost,
                    Err(_passing) => {}
                }
                drop(turn);
                sleep(PAUSE).await;
            }
        }
        RefundResult::NotCharged
    }
}
