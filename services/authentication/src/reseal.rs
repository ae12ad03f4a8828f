//! The job that seals all hashes in the ledger again with the active key (INV-9). The services can run meanwhile. The
//! job needs no password. It does not seal the hashes of temporary passwords in Redis again. Therefore the old key can
//! be removed from the key ring only a day later, when these passwords have expired.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aikagi_domain::credential::Epoch;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_hashing::Cost;
use aikagi_hashing::seal::KeyRing;
use aikagi_ledger::{Ledger, LedgerError, Planning, Statement as _};
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Hashes that were sealed again.
    pub sealed: u64,
    /// Hashes that were already sealed with the active key.
    pub current: u64,
    /// Hashes that a service changed during the job. Services seal with the active key.
    pub changed: u64,
    /// The number of hashes of each cost (LOGIN-10).
    pub costs: BTreeMap<Cost, u64>,
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
            let sealed = &row.permanent_hash;
            let number = TelephoneNumber::parse(&row.number)?;
            let context = permanent(&number, Epoch(row.hash_epoch));
            let hash = keys.open_hash(context, sealed)?;
            *done.costs.entry(Cost::of(&hash)?).or_default() += 1;
            if keys.is_current(sealed) {
                done.current += 1;
                continue;
            }
            let again = keys.seal_hash(context, &hash)?;
            if replace(&ledger, &number, sealed, &again).await? {
                done.sealed += 1;
            } else {
                done.changed += 1;
            }
        }
    }
    Ok(done)
}

/// Returns false if a service has changed the hash in the meantime.
async fn replace(
    ledger: &Ledger,
    number: &TelephoneNumber,
    sealed: &[u8],
    again: &[u8],
) -> Result<bool, LedgerError> {
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
