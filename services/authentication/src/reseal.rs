//! The job that seals all hashes in the ledger again with the active key (INV-9). The services can run meanwhile. The
//! job needs no password. It does not seal the hashes of temporary passwords in Redis again. Therefore the old key can
//! be removed from the key ring only a day later, when these passwords have expired.

use std::path::PathBuf;

use aikagi_domain::credential::Epoch;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_hashing::seal::KeyRing;
use aikagi_ledger::{Ledger, Planning, Statement as _};
use serde::Deserialize;

use crate::attempt::permanent;

/// The number of rows that one statement reads.
const BATCH: i64 = 500;

/// The settings file of the job.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResealSettings {
    /// The ledger, as role `aikagi_reseal`.
    pub postgres: aikagi_ledger::Settings,
    /// The key ring.
    pub key_ring: PathBuf,
}

/// The result of the job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Hashes that were sealed again.
    pub sealed: u64,
    /// Hashes that were already sealed with the active key.
    pub current: u64,
    /// Hashes that a service changed during the job. Services seal with the active key.
    pub changed: u64,
}

/// Seals again all hashes that are not sealed with the active key. If it is interrupted, it can be run again.
pub async fn reseal(settings: &ResealSettings) -> anyhow::Result<Resealed> {
    let keys = KeyRing::load(&settings.key_ring)?;
    let ledger = Ledger::connect(&settings.postgres, Planning::AsNeeded)?;
    let mut done = Resealed::default();
    let mut last = String::new();
    loop {
        let rows = sqlx::query!(
            r#"
            SELECT number, permanent_hash AS "permanent_hash!", hash_epoch AS "hash_epoch!" FROM credentials
            WHERE permanent_hash IS NOT NULL AND number > $1 ORDER BY number LIMIT $2
            "#,
            last,
            BATCH,
        )
        .fetch_all(&ledger)
        .statement("reseal", "credentials")
        .await?;
        let Some(end) = rows.last() else { break };
        last.clone_from(&end.number);
        for row in rows {
            if keys.is_current(&row.permanent_hash) {
                done.current += 1;
            } else if reseal_row(
                &ledger,
                &keys,
                &row.number,
                &row.permanent_hash,
                Epoch(row.hash_epoch),
            )
            .await?
            {
                done.sealed += 1;
            } else {
                done.changed += 1;
            }
        }
    }
    Ok(done)
}

async fn reseal_row(
    ledger: &Ledger,
    keys: &KeyRing,
    number: &str,
    sealed: &[u8],
    epoch: Epoch,
) -> anyhow::Result<bool> {
    let number = TelephoneNumber::parse(number)?;
    let context = permanent(&number, epoch);
    let again = keys.seal_hash(context, &keys.open_hash(context, sealed)?)?;
    let updated = sqlx::query!(
        "UPDATE credentials SET permanent_hash = $3 WHERE number = $1 AND permanent_hash = $2",
        number.as_str(),
        sealed,
        again,
    )
    .execute(ledger)
    .statement("reseal", "credentials")
    .await?;
    Ok(updated.rows_affected() == 1)
}
