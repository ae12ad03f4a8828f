//! The pool. It bounds how many hashes run in parallel, and how many callers wait.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use opentelemetry::KeyValue;
use tokio::time::{Instant, timeout_at};

use crate::arena::decoy;
use crate::engine::Engine;
use crate::metrics::{ENGINE, QUEUE_DURATION, QUEUE_LENGTH, SHED};
use crate::permit::Permit;
use crate::settings::out_of_range;
use crate::slot::{Busy, Shared, Waiting};
use crate::workers::Workers;
use crate::{Settings, SettingsError};

/// A bounded number of hashing threads with a bounded queue. Clones share both.
///
/// INV-6: a caller takes a permit before it charges an attempt, so a refusal here costs no attempt.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

/// The number of Argon2 runs since the pool was created, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// New hashes.
    pub hashed: u64,
    /// Passwords compared with the hash of their account.
    pub verified: u64,
    /// Passwords compared with the decoy.
    pub decoys: u64,
}

impl Pool {
    /// Creates the pool, its decoy and its threads. A thread's memory is allocated for its first hash.
    ///
    /// Fails if the implementations of Argon2id compute different hashes, or if the operating system refuses a thread
    /// with these settings.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let params = settings.params()?;
        // Exports these two metrics as 0 at start, so that a dashboard can tell "none" from "no data".
        SHED.add(0, &[]);
        QUEUE_LENGTH.add(0, &[]);
        let engine = Engine::select(settings.engine, &params)?;
        ENGINE.record(1, &[KeyValue::new("aikagi.hashing.engine", engine.name())]);
        tracing::info!(engine = engine.name(), "hashing engine selected");
        let dearest = settings.dearest();
        let decoy_params = dearest.params().map_err(out_of_range("former"))?;
        let decoy = decoy(&decoy_params).map_err(|_| SettingsError::NoRandomness)?;
        let workers = Workers::start(settings.threads(), engine, settings.nice, &settings.cores)?;
        let shared = Shared::new(
            params,
            dearest,
            decoy,
            workers,
            settings.slots(),
            settings.queue,
        );
        Ok(Self(Arc::new(shared)))
    }

    /// Waits for a permit to hash.
    ///
    /// Fails with [`Busy`]: immediately if all slots are in use and the queue is full, or at the deadline if no slot
    /// became free (INV-11).
    pub async fn permit(&self, deadline: Option<Instant>) -> Result<Permit, Busy> {
        let begun = Instant::now();
        let permit = self.wait(deadline).await;
        match &permit {
            Ok(_) => QUEUE_DURATION.record(begun.elapsed().as_secs_f64(), &[]),
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
        // Nothing closes the semaphore. If it were closed, waiting could not succeed.
        let slot = acquired.map_err(|_| self.0.busy())?;
        Ok(Permit::new(self.0.slot(slot)))
    }

    /// The number of Argon2 runs since the pool was created, of all kinds.
    pub fn count(&self) -> u64 {
        let counts = self.counts();
        counts.hashed + counts.verified + counts.decoys
    }

    /// The number of Argon2 runs since the pool was created, by kind.
    pub fn counts(&self) -> Counts {
        Counts {
            hashed: self.0.hashed.load(Ordering::Relaxed),
            verified: self.0.verified.load(Ordering::Relaxed),
            decoys: self.0.decoys.load(Ordering::Relaxed),
        }
    }

    /// The number of callers that wait for a permit.
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
