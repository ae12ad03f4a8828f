//! The statements of a unit migration (MIG-4).

use std::collections::BTreeMap;

use aikagi_domain::credential::{CredentialRules, Epoch};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit_migration::{UnitMigrationPlan, is_ready};
use aikagi_ledger::audit::{self, AuditAction, AuditEvent, AuditOutcome, RefusedEvent};
use aikagi_ledger::line::{StoredLine, lock_line};
use aikagi_ledger::{Connection, LedgerError, Statement as _};
use aikagi_mesh::telemetry::trace_id;
use aikagi_refusal::{ErrorReason, Failure, Refusal};
use chrono::{DateTime, Utc};

use super::directory::void;
use super::lines::lock_credentials;
use super::{Store, texts};

/// A unit migration whose passwords are verified, with the state on which it was decided.
#[derive(Debug)]
pub(crate) struct ProvenMigration<'a> {
    /// The account of the session.
    pub(crate) account: &'a TelephoneNumber,
    /// The line in the state in which the migration was planned.
    pub(crate) stored: &'a StoredLine,
    /// The plan of the migration.
    pub(crate) plan: &'a UnitMigrationPlan,
    /// The epochs that the required accounts had when their passwords were verified.
    pub(crate) proven: &'a BTreeMap<TelephoneNumber, Epoch>,
    pub(crate) rules: &'a CredentialRules,
}

impl Store {
    /// MIG-3, MIG-4, INV-5: migrates in one transaction that locks the line. `seal` seals an account's hash for its new
    /// epoch (INV-9).
    ///
    /// Fails with `CHANGED_MEANWHILE` and changes nothing if the line or a verified credential has changed.
    pub(crate) async fn migrate(
        &self,
        migration: &ProvenMigration<'_>,
        seal: impl Fn(&TelephoneNumber, Epoch) -> Result<Vec<u8>, Failure>,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let mut transaction = self.ledger.begin().await?;
        let changed = unchanged_since(&mut transaction, migration, now)
            .await?
            .ok_or_else(|| Refusal::new(ErrorReason::ChangedMeanwhile))?;
        let accounts: Vec<&TelephoneNumber> = migration
            .plan
            .logins
            .iter()
            .map(|login| &login.number)
            .collect();
        let epochs = next_epochs(&mut transaction, accounts.len()).await?;
        let hashes = accounts
            .iter()
            .zip(&epochs)
            .map(|(number, epoch)| seal(number, Epoch(*epoch)))
            .collect::<Result<Vec<_>, _>>()?;
        replace(&mut transaction, &accounts, &epochs, &hashes, changed).await?;
        void(&mut transaction, &migration.plan.voided).await?;
        set_unit(&mut transaction, migration).await?;
        let direction = direction(migration.plan);
        let (line_id, account) = (migration.stored.line_id, migration.account);
        note_done(&mut transaction, account, line_id, &direction, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// OPS-3, OPS-6: writes or counts a refused unit migration. A number that is on no line is not stored.
    pub(crate) async fn note_refused_migration(
        &self,
        account: &TelephoneNumber,
        reason: &'static str,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        let action = AuditAction::Migrate;
        let event = RefusedEvent::of_account(account, action, reason, now, trace_id());
        self.refusals.note(event).await?;
        Ok(())
    }
}

/// Locks the line and its credentials, and compares them with the state on which the migration was decided. Returns the
/// time when the session's password was last changed (PW-3). Returns `None` if the state is no longer the same.
///
/// The credentials are locked too. Otherwise a password could be killed during the migration and then become valid
/// again in a new epoch (LOGIN-2).
async fn unchanged_since(
    connection: &mut Connection,
    migration: &ProvenMigration<'_>,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, LedgerError> {
    let present = lock_line(&mut *connection, migration.stored.line_id).await?;
    if present.is_none_or(|present| present.line != migration.stored.line || present.line.closed) {
        return Ok(None);
    }
    let credentials = lock_credentials(connection, migration.stored.line_id).await?;
    let proven = migration.plan.required_numbers.iter().all(|number| {
        credentials.get(number).is_some_and(|state| {
            let credential = &state.credential;
            migration.proven.get(number) == Some(&credential.epoch)
                && is_ready(credential, now, migration.rules)
        })
    });
    let own = credentials.get(migration.account).filter(|_| proven);
    Ok(own.and_then(|state| state.credential.changed))
}

async fn next_epochs(
    connection: &mut Connection,
    accounts: usize,
) -> Result<Vec<i64>, LedgerError> {
    let epochs = sqlx::query_scalar!(
        r#"SELECT nextval('credential_epoch') AS "epoch!" FROM generate_series(1, $1::bigint)"#,
        i64::try_from(accounts).unwrap_or(i64::MAX),
    )
    .fetch_all(connection)
    .statement("next_epochs", "generate_series")
    .await?;
    Ok(epochs)
}

/// INV-1, INV-2, MIG-3, PW-3: replaces the credentials. Each new credential has a new epoch and a count of 0.
/// `changed` is when the session's password was last changed. The unit migration does not reset that time.
async fn replace(
    connection: &mut Connection,
    accounts: &[&TelephoneNumber],
    epochs: &[i64],
    sealed_hashes: &[Vec<u8>],
    changed: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let replaced = sqlx::query!(
        r#"
        UPDATE credentials AS old
        SET kind = 'PERMANENT', epoch = new.epoch, hash_epoch = new.epoch, permanent_hash = new.hash,
            changed_time = $4, failures = 0, killed_time = NULL, temporary_expires_time = NULL
        FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS new (number, epoch, hash)
        WHERE old.number = new.number
        "#,
        &texts(accounts.iter().copied()),
        epochs,
        sealed_hashes,
        changed,
    )
    .execute(connection)
    .statement("replace", "credentials")
    .await?;
    // Each number of a line has a row in `credentials`.
    if replaced.rows_affected() == accounts.len() as u64 {
        Ok(())
    } else {
        Err(LedgerError::corrupt("replace"))
    }
}

/// UNIT-2, SESS-5: sets the line's unit. The time when a unit was established does not change. The new version makes
/// all open pages of the line stale.
async fn set_unit(
    connection: &mut Connection,
    migration: &ProvenMigration<'_>,
) -> Result<(), LedgerError> {
    sqlx::query!(
        "UPDATE lines SET unit = $2, version = version + 1 WHERE line_id = $1",
        migration.stored.line_id,
        migration.plan.to.as_str(),
    )
    .execute(connection)
    .statement("set_unit", "lines")
    .await?;
    Ok(())
}

/// The old and the new unit, as the reason of the audit event.
fn direction(plan: &UnitMigrationPlan) -> String {
    format!("{}_TO_{}", plan.from.as_str(), plan.to.as_str())
}

async fn note_done(
    connection: &mut Connection,
    account: &TelephoneNumber,
    line_id: i64,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let event = AuditEvent {
        occurred: now,
        actor: &account.masked(),
        action: AuditAction::Migrate,
        line_id: Some(line_id),
        number: Some(account),
        outcome: AuditOutcome::Done,
        reason: Some(reason),
        trace_id: trace_id(),
    };
    audit::append(connection, event).await
}
