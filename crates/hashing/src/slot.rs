//! The state that the pool and its permits share: the slots, the queue for them, the threads and the counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use aikagi_domain::fault::{Cause, ErrorType, Fault, FaultKind};
use argon2::Params;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::cost::Cost;
use crate::metrics::QUEUE_LENGTH;
use crate::secret::Hash;
use crate::workers::Workers;

/// The shortest time after which a refused caller may try again.
const SHORTEST_RETRY: Duration = Duration::from_secs(1);

/// The queue of the pool is full, or the caller's deadline passed before a slot was free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the hashing pool is busy")]
pub struct Busy {
    /// The time after which the caller may try again.
    pub retry_after: Duration,
}

impl Fault for Busy {
    fn kind(&self) -> FaultKind {
        FaultKind::Overloaded {
            retry_after: self.retry_after,
        }
    }

    fn dependency(&self) -> Option<&str> {
        None
    }

    fn cause(&self) -> Cause {
        ErrorType::Overloaded.into()
    }

    fn operation(&self) -> &'static str {
        "permit"
    }
}

/// The state of a pool, which all its clones and permits share.
pub(crate) struct Shared {
    pub(crate) params: Params,
    /// The dearest cost of a hash that is still stored (LOGIN-10).
    pub(crate) dearest: Cost,
    /// A hash of the dearest cost, which no secret matches.
    pub(crate) decoy: Hash,
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) threads: usize,
    pub(crate) queue: usize,
    pub(crate) workers: Workers,
    waiting: AtomicUsize,
    admitted: AtomicU64,
    pub(crate) hashed: AtomicU64,
    pub(crate) verified: AtomicU64,
    pub(crate) decoys: AtomicU64,
    /// The duration of the last hash in microseconds, from which `retry_after` is estimated.
    last_micros: AtomicU64,
}

impl Shared {
    /// Creates the state of a pool with this number of slots. `workers` decides how many hashes run in parallel.
    pub(crate) fn new(
        params: Params,
        dearest: Cost,
        decoy: Hash,
        workers: Workers,
        slots: usize,
        queue: usize,
    ) -> Self {
        Self {
            params,
            dearest,
            decoy,
            slots: Arc::new(Semaphore::new(slots)),
            threads: workers.threads(),
            queue,
            workers,
            waiting: AtomicUsize::new(0),
            admitted: AtomicU64::new(0),
            hashed: AtomicU64::new(0),
            verified: AtomicU64::new(0),
            decoys: AtomicU64::new(0),
            last_micros: AtomicU64::new(0),
        }
    }

    /// The number of callers that wait for a slot.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Records how long a hash took.
    pub(crate) fn took(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.last_micros.store(micros, Ordering::Relaxed);
    }

    /// Creates the refusal of a caller. `retry_after` estimates when the callers that wait now will have been served.
    pub(crate) fn busy(&self) -> Busy {
        let last = Duration::from_micros(self.last_micros.load(Ordering::Relaxed));
        let rounds = self.waiting() / self.threads.max(1);
        let clears = last.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX));
        Busy {
            retry_after: clears.max(SHORTEST_RETRY),
        }
    }

    /// Creates a slot. `turn` was acquired from `slots`.
    pub(crate) fn slot(self: &Arc<Self>, turn: OwnedSemaphorePermit) -> Slot {
        Slot {
            shared: Arc::clone(self),
            admission: self.admitted.fetch_add(1, Ordering::Relaxed),
            _turn: turn,
        }
    }
}

/// A caller in the queue. When this is dropped, the caller leaves the queue, so a cancelled caller leaves it too.
pub(crate) struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    /// Joins the queue; `None` if it is full.
    pub(crate) fn join(shared: &'a Shared) -> Option<Self> {
        shared
            .waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| {
                (waiting < shared.queue).then_some(waiting + 1)
            })
            .ok()
            .map(|_| {
                QUEUE_LENGTH.add(1, &[]);
                Self(shared)
            })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        QUEUE_LENGTH.add(-1, &[]);
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The right to run one hash at a time. The slot moves into the work. So it stays in use until the work ends, even if
/// the caller is cancelled.
pub(crate) struct Slot {
    pub(crate) shared: Arc<Shared>,
    /// The number of slots that the pool gave out before this one. The threads serve the lowest number first.
    pub(crate) admission: u64,
    _turn: OwnedSemaphorePermit,
}
