//! The order of batches that are added in parallel. If two rows have the same number, the earlier row is added (OPS-1).

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;

use aikagi_domain::telephone::TelephoneNumber;
use tokio::sync::oneshot;

/// The number of batches that are added in parallel. It must be 2, because the queue compares a batch only with the
/// previous batch.
pub(super) const PARALLEL_BATCHES: usize = 2;

/// The queue of batches. It remembers the batch that got the last turn.
#[derive(Default)]
pub(super) struct BatchQueue {
    last: Option<(Arc<HashSet<TelephoneNumber>>, oneshot::Receiver<Infallible>)>,
}

/// The turn of a batch. If the next batch contains a number of this batch, it waits until this turn is dropped.
pub(super) struct BatchTurn {
    /// Resolves when the previous batch ends. `None` if the two batches have no common number.
    before: Option<oneshot::Receiver<Infallible>>,
    _held: oneshot::Sender<Infallible>,
}

impl BatchQueue {
    /// Returns the turn of the next batch, which has these numbers.
    pub(super) fn turn(&mut self, numbers: &Arc<HashSet<TelephoneNumber>>) -> BatchTurn {
        let (held, dropped) = oneshot::channel();
        let last = self.last.replace((Arc::clone(numbers), dropped));
        BatchTurn {
            before: last
                .filter(|(others, _)| !others.is_disjoint(numbers))
                .map(|(_, dropped)| dropped),
            _held: held,
        }
    }
}

impl BatchTurn {
    /// If the previous batch and this batch have a common number, waits until the previous batch ends.
    pub(super) async fn wait(mut self) -> Self {
        if let Some(before) = self.before.take() {
            // The sender never sends. The wait ends when the sender is dropped.
            let _dropped = before.await;
        }
        self
    }
}
