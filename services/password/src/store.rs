//! The statements that this service alone needs. None reads a hash: the role may not.

use aikagi_domain::credential::Epoch;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::Line;
use aikagi_hashing::seal::SealError;
use aikagi_ledger::LedgerError;
use aikagi_ledger::audit::{self, AuditAction, AuditEvent, AuditOutcome};
use aikagi_ledger::line::{StoredLine, lock_line_of, read_line_of};
use aikagi_ledger::statement;
use aikagi_mesh::telemetry::trace_id;
use aikagi_refusal::{ErrorReason, Failure, Refusal};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use tracing::Instrument as _;

/// The ledger, as this service sees it.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pool: PgPool,
}

impl Store {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub(crate) async fn check(&self) -> Result<(), LedgerError> {
        aikagi_ledger::check(&self.pool).await
    }

    /// PW-5, INV-5: gives the account a new permanent password in one transaction over its locked line, if its
    /// credential is still the expected one. `seal` seals the hash for the new epoch (INV-9), which is
    /// returned.
    ///
    /// Refused with `CHANGED_MEANWHILE` when another change came first; nothing was changed then.
    pub(crate) async fn change(
        &self,
        account: &TelephoneNumber,
        expected: Epoch,
        seal: impl FnOnce(Epoch) -> Result<Vec<u8>, SealError>,
        now: DateTime<Utc>,
    ) -> Result<Epoch, Failure> {
        let mut transaction = self.pool.begin().await.map_err(LedgerError::from)?;
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
        note(
            &mut transaction,
            account,
            stored.line_id,
            AuditOutcome::Done,
            None,
            now,
        )
        .await?;
        transaction.commit().await.map_err(LedgerError::from)?;
        Ok(epoch)
    }

    /// OPS-3: a change that was decided against. A number that has left its line is not kept.
    pub(crate) async fn note_refusal(
        &self,
        account: &TelephoneNumber,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        let mut connection = self.pool.acquire().await?;
        match read_line_of(&mut *connection, account).await? {
            Some(StoredLine { line_id, .. }) => {
                let (outcome, reason) = (AuditOutcome::Refused, Some(reason));
                note(&mut connection, account, line_id, outcome, reason, now).await
            }
            None => Ok(()),
        }
    }
}

/// UNIT-1: whether the number may log in as the line stands.
fn is_account(line: &Line, number: &TelephoneNumber) -> bool {
    let role = line.state.unit().and_then(|unit| line.role(unit, number));
    role.is_some() && !line.closed
}

async fn next_epoch(connection: &mut PgConnection) -> Result<Epoch, LedgerError> {
    let epoch = sqlx::query_scalar!(r#"SELECT nextval('credential_epoch') AS "epoch!""#)
        .fetch_one(connection)
        .instrument(statement("next_epoch", "none"))
        .await?;
    Ok(Epoch(epoch))
}

/// INV-1, INV-2, LOGIN-7: another identity, with a count of its own; what was live before is dead. False when
/// the credential is not the expected one any more.
async fn replace(
    connection: &mut PgConnection,
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
    .instrument(statement("replace", "credentials"))
    .await?;
    Ok(replaced.rows_affected() == 1)
}

/// UNIT-2: the unit's first permanent password establishes it.
async fn establish(
    connection: &mut PgConnection,
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
    .instrument(statement("establish", "lines"))
    .await?;
    Ok(())
}

async fn note(
    connection: &mut PgConnection,
    account: &TelephoneNumber,
    line_id: i64,
    outcome: AuditOutcome,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let event = AuditEvent {
        occurred: now,
        actor: &account.masked(),
        action: AuditAction::ChangePassword,
        line_id: Some(line_id),
        number: Some(account),
        outcome,
        reason,
        trace_id: trace_id(),
    };
    audit::append(connection, event).await
}
