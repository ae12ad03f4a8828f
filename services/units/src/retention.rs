//! Retention of the audit trail: months that are older than the operator keeps are removed (OPS-3). A job of its own
//! with a role of its own: no service can remove what happened.

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
    /// How many whole months are kept beside the present one; at least 1.
    pub keep_months: u32,
}

/// Removes the months of the audit trail that ended before those that are kept, and tells how many it were.
pub async fn remove_old_months(
    settings: &RetentionSettings,
    clock: &dyn Clock,
) -> anyhow::Result<u32> {
    anyhow::ensure!(
        settings.keep_months >= 1,
        "setting `keep_months`: at least 1 is kept"
    );
    let before = clock
        .now()
        .checked_sub_months(Months::new(settings.keep_months))
        .ok_or_else(|| anyhow::anyhow!("setting `keep_months`: too many"))?;
    let ledger = Ledger::connect(&settings.postgres, Planning::AsNeeded)?;
    Ok(crate::store::audit::remove_months(&ledger, before).await?)
}
