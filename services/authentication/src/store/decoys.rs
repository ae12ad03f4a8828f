//! Decoys: what a login that finds nothing to charge does in place of a charge and its settlement (LOGIN-5).

use aikagi_domain::telephone::TelephoneNumber;
use aikagi_ledger::LedgerError;
use aikagi_ledger::Statement as _;
use aikagi_ledger::audit::{AuditAction, Noted, RefusedEvent};
use aikagi_mesh::telemetry::trace_id;
use chrono::{DateTime, Utc};

use super::Store;

impl Store {
    /// OPS-3, OPS-6: writes or counts the refusal of a login that charged a decoy. A number that is on no line is not
    /// stored.
    ///
    /// LOGIN-5: settles the decoy. If the refusal is only counted, writes a decoy event as well. So the refusal takes
    /// as long as [`settle_wrong`](Self::settle_wrong). The conditions of the update are always true, and its `CASE` never
    /// is: they only cost what those of a credential cost.
    pub(crate) async fn note_refused_login(
        &self,
        number: &TelephoneNumber,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        let (action, reason) = (AuditAction::Login, "NOTHING_LIVE");
        let event = RefusedEvent {
            reason_without_line: Some("UNKNOWN_NUMBER"),
            decoy: Some(decoy_of(number)),
            ..RefusedEvent::of_account(number, action, reason, now, trace_id())
        };
        if self.refusals.note(event).await? == Noted::Written {
            return Ok(());
        }
        sqlx::query!(
            r#"
            WITH settled AS (
                UPDATE decoy_credentials
                SET open_charges = array_remove(open_charges, open_charges[1]),
                    killed_time = CASE WHEN failures < 0 AND open_charges = ARRAY[epoch]
                                       THEN $2::timestamptz END
                WHERE number = $5 AND epoch >= 0 AND killed_time IS NULL
                RETURNING killed_time
            )
            SELECT count(*) AS "settled!" FROM settled, audit_decoy($1, $2, $3, $4)
            "#,
            number.as_str(),
            now,
            number.masked(),
            trace_id(),
            decoy_of(number),
        )
        .fetch_one(&self.ledger)
        .statement("decoy_event", "decoy_events")
        .await?;
        Ok(())
    }
}

/// The decoy of a number (LOGIN-5). All attempts at one number have the same decoy.
pub(super) fn decoy_of(number: &TelephoneNumber) -> String {
    const DECOYS: u32 = 64;
    // The hash FNV-1a.
    let bytes = number.as_str().bytes();
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    format!("0{:09}", (hash ^ (hash >> 16)) % DECOYS)
}
