//! The job that removes old months of the audit trail (OPS-3). It has its own role, because no service may remove audit
//! events.

use aikagi_ledger::{Ledger, Planning};
use aikagi_mesh::clock::Clock;
use chrono::Months;
use serde::Deserialize;

/// The settings file of the job.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionSettings {
    /// The ledger, as role `aikagi_retention`.
    pub postgres: aikagi_ledger::Settings,
    /// The number of whole months to keep before the present month. At least 1.
    pub keep_months: u32,
}

/// Removes all months of the audit trail that are older than the months to keep. Returns the number of removed months.
pub async fn remove_old_months(
    settings: &RetentionSettings,
    clock: &dyn Clock,
) -> anyhow::Result<u32> {
    anyhow::ensure!(
        settings.keep_months >= 1,
        "setting `keep_months`: must be at least 1"
    );
    let before = clock
        .now()
        .checked_sub_months(Months::new(settings.keep_months))
        .ok_or_else(|| anyhow::anyhow!("setting `keep_months`: is too large"))?;
    let ledger = Ledger::connect(&settings.postgres, Planning::AsNeeded)?;
    Ok(crate::store::audit::remove_months(&ledger, before).await?)
}
