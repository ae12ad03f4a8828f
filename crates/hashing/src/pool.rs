//! Who may hash, and when.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::{Instant, timeout_at};

use crate::arena::decoy;
use crate::measure::{SHED, WAIT, WAITING};
use crate::permit::Permit;
use crate::slot::{Busy, Shared, Waiting};
use crate::{Settings, SettingsError};

/// A bounded number of hashing threads with a bounded queue in front of them. Clones share both.
///
/// INV-6: a permit is taken before an attempt is charged, so what is refused here costs nobody an attempt.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

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
        Ok(Self(Arc::new(Shared::new(
            params,
            decoy,
            settings.threads(),
            settings.queue,
        ))))
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
        self.0.waiting()
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
