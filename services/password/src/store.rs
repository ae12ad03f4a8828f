//! The SQL statements of this service. No statement reads a hash: the role has no right to read one.

use aikagi_domain::credential::Epoch;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::Line;
use aikagi_hashing::seal::SealError;
use aikagi_ledger::audit::{self, AuditAction, AuditEvent, AuditOutcome, Refusals, RefusedEvent};
use aikagi_ledger::line::{StoredLine, lock_line_of};
use aikagi_ledger::{Connection, Ledger, LedgerError, Statement as _};
use aikagi_mesh::telemetry::trace_id;
use aikagi_refusal::{ErrorReason, Failure, Refusal};
use chrono::{DateTime, Utc};

/// The ledger, with the statements of this service. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    ledger: Ledger,
    refusals: Refusals,
}

impl Store {
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self {
            refusals: Refusals::new(ledger.clone()),
            ledger,
        }
    }

    /// The counts of repeated refusals.
    pub(crate) fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// PW-5, INV-5: gives the account a new permanent password, in one transaction that locks its line. `seal` seals
    /// the hash for the new epoch (INV-9). Returns the new epoch.
    ///
    /// Fails with `CHANGED_MEANWHILE` and changes nothing if the credential no longer has the epoch `expected`, or if
    /// the number is no longer an account.
    pub(crate) async fn change(
        &self,
        account: &TelephoneNumber,
        expected: Epoch,
        seal: impl FnOnce(Epoch) -> Result<Vec<u8>, SealError>,
        now: DateTime<Utc>,
    ) -> Result<Epoch, Failure> {
        let mut transaction = self.ledger.begin().await?;
        let stored = lock_line_of(&mut transaction, account)
            .await?
            .filter(|stored| is_account(&stored.line, account))
            .ok_or_else(|| Refusal::new(ErrorReason::ChangedMeanwhile))?;
        let epoch = next_epoch(&mut transaction).await?;
        let sealed_hash = seal(epoch)?;
        if !replace(
            &mut transaction,
            account,
            expected,
            epoch,
            &sealed_hash,
            now,
        )
        .await?
        {
            return Err(Refusal::new(ErrorReason::ChangedMeanwhile).into());
        }
        establish(&mut transaction, &stored, now).await?;
        note_change(&mut transaction, account, stored.line_id, now).await?;
        transaction.commit().await?;
        Ok(epoch)
    }

    /// OPS-3, OPS-6: writes or counts a refused change. A number that is on no line is not stored.
    pub(crate) async fn note_refusal(
        &self,
        account: &TelephoneNumber,
        reason: &'static str,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        let event = RefusedEvent::of_account(
            account,
            AuditAction::ChangePassword,
            reason,
            now,
            trace_id(),
        );
        self.refusals.note(event).await?;
        Ok(())
    }
}

/// UNIT-1: true if the number is an account in the line's present unit.
fn is_account(line: &Line, number: &TelephoneNumber) -> bool {
    let role = line.state.unit().and_then(|unit| line.role(unit, number));
    role.is_some() && !line.closed
}

async fn next_epoch(connection: &mut Connection) -> Result<Epoch, LedgerError> {
    let epoch = sqlx::query_scalar!(r#"SELECT nextval('credential_epoch') AS "epoch!""#)
        .fetch_one(connection)
        .statement("next_epoch", "none")
        .await?;
    Ok(Epoch(epoch))
}

/// INV-1, INV-2, LOGIN-7: replaces the credential. The new credential has a new epoch and a count of 0, and the old
/// password is no longer valid. Returns false if the credential no longer has the epoch `expected`.
async fn replace(
    connection: &mut Connection,
    account: &TelephoneNumber,
    expected: Epoch,
    epoch: Epoch,
    sealed_hash: &[u8],
    now: DateTime<Utc>,
) -> Result<bool, LedgerError> {
    let replaced = sqlx::query!(
        r#"
        UPDATE credentials
        SET kind = 'PERMANENT', epoch = $3, hash_epoch = $3, permanent_hash = $4, changed_time = $5,
            failures = 0, killed_time = NULL, temporary_expires_time = NULL
        WHERE number = $1 AND epoch = $2
        "#,
        account.as_str(),
        expected.0,
        epoch.0,
        sealed_hash,
        now,
    )
    .execute(connection)
    .statement("replace", "credentials")
    .await?;
    Ok(replaced.rows_affected() == 1)
}

/// UNIT-2: the first permanent password in a unit establishes the unit.
async fn establish(
    connection: &mut Connection,
    stored: &StoredLine,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    sqlx::query!(
        r#"
        UPDATE lines SET unit_established_time = $2, version = version + 1
        WHERE line_id = $1 AND unit_established_time IS NULL
        "#,
        stored.line_id,
        now,
    )
    .execute(connection)
    .statement("establish", "lines")
    .await?;
    Ok(())
}

async fn note_change(
    connection: &mut Connection,
    account: &TelephoneNumber,
    line_id: i64,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let event = AuditEvent {
        occurred: now,
        actor: &account.masked(),
        action: AuditAction::ChangePassword,
        line_id: Some(line_id),
        number: Some(account),
        outcome: AuditOutcome::Done,
        reason: None,
        trace_id: trace_id(),
    };
    audit::append(connection, event).await
}
