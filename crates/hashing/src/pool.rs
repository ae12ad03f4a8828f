//! Who may hash, and when.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aikagi_domain::fault::{Fault, FaultKind};
use argon2::Params;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::arena::{Arena, decoy};
use crate::measure::{SHED, WAIT, WAITING};
use crate::permit::Permit;
use crate::secret::Hash;
use crate::{Settings, SettingsError};

/// The least time after which a refused caller may come again.
const SHORTEST_RETRY: Duration = Duration::from_secs(1);

/// A bounded number of hashing threads with a bounded queue in front of them. Clones share both.
///
/// INV-6: a permit is taken before an attempt is charged, so what is refused here costs nobody an attempt.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) params: Params,
    pub(crate) decoy: Hash,
    slots: Arc<Semaphore>,
    threads: usize,
    queue: usize,
    waiting: AtomicUsize,
    arenas: Mutex<Vec<Arena>>,
    pub(crate) hashed: AtomicU64,
    pub(crate) verified: AtomicU64,
    pub(crate) decoys: AtomicU64,
    /// What the last hash took; an estimate for those who are refused.
    pub(crate) last_micros: AtomicU64,
}

/// The pool is full, or the caller's deadline came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the hashing pool is busy")]
pub struct Busy {
    /// When trying again can help.
    pub retry_after: Duration,
}

impl Fault for Busy {
    fn kind(&self) -> FaultKind {
        FaultKind::Overloaded {
            retry_after: self.retry_after,
        }
    }
}

/// Argon2 runs since the pool was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// New hashes.
    pub hashed: u64,
    /// Passwords compared with a hash of their account.
    pub verified: u64,
    /// Passwords compared with the decoy.
    pub decoys: u64,
}

impl Pool {
    /// Makes the pool and its decoy. The threads are tokio's blocking ones; working memory comes with the first
    /// hash that needs it.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let params = settings.params()?;
        // What has not happened yet is known to be none.
        SHED.add(0, &[]);
        WAITING.add(0, &[]);
        let decoy = decoy(&params).map_err(|_| SettingsError::NoRandomness)?;
        Ok(Self(Arc::new(Shared {
            params,
            decoy,
            slots: Arc::new(Semaphore::new(settings.threads())),
            threads: settings.threads(),
            queue: settings.queue,
            waiting: AtomicUsize::new(0),
            arenas: Mutex::default(),
            hashed: AtomicU64::new(0),
            verified: AtomicU64::new(0),
            decoys: AtomicU64::new(0),
            last_micros: AtomicU64::new(0),
        })))
    }

    /// Waits for leave to hash. Refused at once when `threads` are running and `queue` are waiting; waiting ends
    /// at the deadline, and past it nothing is begun (INV-11).
    pub async fn permit(&self, deadline: Option<Instant>) -> Result<Permit, Busy> {
        let begun = Instant::now();
        let permit = self.wait(deadline).await;
        match &permit {
            Ok(_) => WAIT.record(begun.elapsed().as_secs_f64(), &[]),
            Err(_) => SHED.add(1, &[]),
        }
        permit
    }

    async fn wait(&self, deadline: Option<Instant>) -> Result<Permit, Busy> {
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(self.0.busy());
        }
        let slots = Arc::clone(&self.0.slots);
        if let Ok(slot) = Arc::clone(&slots).try_acquire_owned() {
            return Ok(Permit::new(self.0.slot(slot)));
        }
        let Some(_waiting) = Waiting::join(&self.0) else {
            return Err(self.0.busy());
        };
        let acquired = match deadline {
            Some(deadline) => timeout_at(deadline, slots.acquire_owned())
                .await
                .map_err(|_| self.0.busy())?,
            None => slots.acquire_owned().await,
        };
        // The semaphore is never closed; were it, there would be nothing to wait for.
        let slot = acquired.map_err(|_| self.0.busy())?;
        Ok(Permit::new(self.0.slot(slot)))
    }

    /// Argon2 runs since the pool was made, of every kind.
    pub fn count(&self) -> u64 {
        let counts = self.counts();
        counts.hashed + counts.verified + counts.decoys
    }

    /// Argon2 runs since the pool was made, by kind.
    pub fn counts(&self) -> Counts {
        Counts {
            hashed: self.0.hashed.load(Ordering::Relaxed),
            verified: self.0.verified.load(Ordering::Relaxed),
            decoys: self.0.decoys.load(Ordering::Relaxed),
        }
    }

    /// Callers that wait for a permit at this moment.
    pub fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("threads", &self.0.threads)
            .field("queue", &self.0.queue)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn busy(&self) -> Busy {
        let last = Duration::from_micros(self.last_micros.load(Ordering::Relaxed));
        let ahead = self.waiting.load(Ordering::Relaxed) / self.threads.max(1);
        let clears = last.saturating_mul(u32::try_from(ahead).unwrap_or(u32::MAX));
        Busy {
            retry_after: clears.max(SHORTEST_RETRY),
        }
    }

    fn slot(self: &Arc<Self>, turn: OwnedSemaphorePermit) -> Slot {
        let arena = self
            .arenas
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
            .unwrap_or_default();
        Slot {
            arena,
            shared: Arc::clone(self),
            _turn: turn,
        }
    }
}

/// A place in the queue, given up on drop, so that a caller who goes away frees it.
struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn join(shared: &'a Shared) -> Option<Self> {
        shared
            .waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| {
                (waiting < shared.queue).then_some(waiting + 1)
            })
            .ok()
            .map(|_| {
                WAITING.add(1, &[]);
                Self(shared)
            })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        WAITING.add(-1, &[]);
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One thread's turn with its memory. Whoever holds it hashes; it moves into the blocking work, so that the turn
/// lasts as long as the work does, whatever becomes of the caller.
pub(crate) struct Slot {
    pub(crate) arena: Arena,
    pub(crate) shared: Arc<Shared>,
    // Fields drop after `Drop::drop` has run: the arena is back before the next one may start.
    _turn: OwnedSemaphorePermit,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared
            .arenas
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(std::mem::take(&mut self.arena));
    }
}
