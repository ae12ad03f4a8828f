//! Measures one hash with the default parameters, computed as the services compute it.

use aikagi_client::samples::PERMANENT;
use aikagi_hashing::{Hash, Permit, Pool, SecretBytes, Settings};
use anyhow::{Context, Result};
use tokio::time::Instant;

/// A permit to hash, and a hash to compare with.
pub(super) struct OneHash {
    permit: Permit,
    hash: Hash,
}

impl OneHash {
    pub(super) async fn of(settings: &Settings) -> Result<Self> {
        let pool = Pool::new(settings).context("cannot start a hashing pool")?;
        let mut permit = pool.permit(None).await.context("the pool is busy")?;
        let hash = permit
            .hash(secret())
            .await
            .context("cannot compute a hash")?;
        Ok(Self { permit, hash })
    }

    /// The time of one comparison, in milliseconds.
    pub(super) async fn time(&mut self) -> Result<f64> {
        let begun = Instant::now();
        let compared = self.permit.verify(secret(), &self.hash).await;
        compared.context("cannot compare a password with a hash")?;
        Ok(begun.elapsed().as_secs_f64() * 1e3)
    }
}

fn secret() -> SecretBytes {
    SecretBytes::from(PERMANENT.as_bytes().to_vec())
}
