//! Permits to hash, and the hashing itself.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::arena::Arena;
use crate::cost::Cost;
use crate::error::HashError;
use crate::secret::{Hash, SecretBytes};
use crate::slot::{Shared, Slot};

/// A permit to run hashes on the pool, held until it is dropped. It runs one operation at a time.
///
/// If the caller is cancelled during an operation, the operation still runs to its end. Then its slot becomes free.
pub struct Permit(Option<Slot>);

impl Permit {
    pub(crate) fn new(slot: Slot) -> Self {
        Self(Some(slot))
    }

    /// Hashes the secret with a new salt and the pool's parameters.
    pub async fn hash(&mut self, secret: SecretBytes) -> Result<Hash, HashError> {
        self.work(move |shared, arena| {
            shared.hashed.fetch_add(1, Ordering::Relaxed);
            arena.hash(&shared.params, &secret)
        })
        .await
    }

    /// Returns true if the hash was made from this secret. Does the work of the dearest cost that is still stored,
    /// whatever the cost of this hash is (LOGIN-10).
    ///
    /// Fails with [`HashError::Malformed`] if the hash is not an Argon2id hash.
    pub async fn verify(&mut self, secret: SecretBytes, hash: &Hash) -> Result<bool, HashError> {
        let hash = hash.clone();
        self.work(move |shared, arena| {
            shared.verified.fetch_add(1, Ordering::Relaxed);
            arena.verify(&secret, &hash, shared.dearest)
        })
        .await
    }

    /// Does the same work as [`verify`](Self::verify) with a hash that no secret matches. Always returns false (INV-10,
    /// LOGIN-5).
    pub async fn verify_decoy(&mut self, secret: SecretBytes) -> Result<bool, HashError> {
        self.work(move |shared, arena| {
            shared.decoys.fetch_add(1, Ordering::Relaxed);
            let dearest = shared.dearest;
            arena.verify(&secret, &shared.decoy, dearest).map(|_| false)
        })
        .await
    }

    /// True if the hash has the cost of the present settings.
    pub fn has_present_cost(&self, hash: &Hash) -> bool {
        let present = self.0.as_ref().map(|slot| Cost::from(&slot.shared.params));
        Cost::of(hash).ok() == present
    }

    async fn work<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Shared, &mut Arena) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let slot = self.0.take().ok_or(HashError::Failed)?;
        let span = tracing::info_span!("aikagi.hashing.duration", otel.name = "hash");
        let (done, result) = oneshot::channel();
        let shared = Arc::clone(&slot.shared);
        let admission = slot.admission;
        shared.workers.submit(admission, move |arena| {
            let started = Instant::now();
            let outcome = span.in_scope(|| work(&slot.shared, arena));
            slot.shared.took(started.elapsed());
            // If the caller was cancelled, this drops the slot, which is then free.
            let _ = done.send((slot, outcome));
        });
        let (slot, outcome) = result.await.map_err(|_| HashError::Failed)?;
        self.0 = Some(slot);
        outcome
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit(..)")
    }
}
