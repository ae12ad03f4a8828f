//! The order of batches that are added at once: of rows that name the same number, the earlier one counts (OPS-1).

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;

use aikagi_domain::telephone::TelephoneNumber;
use tokio::sync::oneshot;

/// Batches that are added at once. The queue relies on it: of two, only the one before can be in the way.
pub(super) const AT_ONCE: usize = 2;

/// Knows the batch that was taken last.
#[derive(Default)]
pub(super) struct Queue {
    last: Option<(Arc<HashSet<TelephoneNumber>>, oneshot::Receiver<Infallible>)>,
}

/// Where a batch stands; the next one may wait until it is dropped.
pub(super) struct Place {
    before: Option<oneshot::Receiver<Infallible>>,
    _held: oneshot::Sender<Infallible>,
}

impl Queue {
    /// The place of the next batch, which has these numbers.
    pub(super) fn place(&mut self, numbers: &Arc<HashSet<TelephoneNumber>>) -> Place {
        let (held, given_up) = oneshot::channel();
        let last = self.last.replace((Arc::clone(numbers), given_up));
        Place {
            before: last
                .filter(|(others, _)| !others.is_disjoint(numbers))
                .map(|(_, given_up)| given_up),
            _held: held,
        }
    }
}

impl Place {
    /// Waits while a batch before it has one of its numbers.
    pub(super) async fn reached(mut self) -> Self {
        if let Some(before) = self.before.take() {
            let _given_up = before.await;
        }
        self
    }
}
