//! The statements of a migration: what it is decided on, and the change itself (MIG-4).

use std::collections::BTreeMap;

use aikagi_domain::credential::{CredentialRules, Epoch};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit_migration::{UnitMigrationPlan, is_ready};
use aikagi_ledger::audit::{self, AuditAction, AuditEvent, AuditOutcome};
use aikagi_ledger::line::{StoredLine, lock_line, read_line_of};
use aikagi_ledger::{LedgerError, Statement as _, commit};
use aikagi_mesh::telemetry::trace_id;
use aikagi_refusal::{ErrorReason, Failure, Refusal};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::directory::void;
use super::lines::lock_credentials;
use super::{Store, texts};

/// A migration that was decided, and all that it was decided on.
#[derive(Debug)]
pub(crate) struct Decided<'a> {
    /// The account whose session migrates.
    pub(crate) account: &'a TelephoneNumber,
    /// The line as it was seen.
    pub(crate) stored: &'a StoredLine,
    /// What is to be done.
    pub(crate) plan: &'a UnitMigrationPlan,
    /// The credentials whose passwords were verified: all that were asked for.
    pub(crate) proven: &'a BTreeMap<TelephoneNumber, Epoch>,
    pub(crate) rules: &'a CredentialRules,
}

impl Store {
    /// MIG-3, MIG-4, INV-5: does the whole migration in one transaction over the locked line, if the line and
    /// every credential that was proven are still what they were. `seal` seals an account's hash for its new
    /// epoch (INV-9).
    ///
    /// Refused with `CHANGED_MEANWHILE` when another change came first; nothing was changed then.
    pub(crate) async fn migrate(
        &self,
        decided: &Decided<'_>,
        seal: impl Fn(&TelephoneNumber, Epoch) -> Result<Vec<u8>, Failure>,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let mut transaction = self.ledger.begin().await?;
        let changed = unchanged_since(&mut transaction, decided, now)
            .await?
            .ok_or_else(|| Refusal::new(ErrorReason::ChangedMeanwhile))?;
        let accounts: Vec<&TelephoneNumber> = decided
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
        void(&mut transaction, &decided.plan.voided).await?;
        set_unit(&mut transaction, decided).await?;
        let way = way(decided.plan);
        let (line_id, account) = (decided.stored.line_id, decided.account);
        note(
            &mut transaction,
            account,
            line_id,
            AuditOutcome::Done,
            &way,
            now,
        )
        .await?;
        commit(transaction).await?;
        Ok(())
    }

    /// OPS-3: a migration that was decided against. A number that has left its line is not kept.
    pub(crate) async fn note_refused_migration(
        &self,
        account: &TelephoneNumber,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        let mut connection = self.ledger.acquire().await?;
        match read_line_of(&mut *connection, account).await? {
            Some(StoredLine { line_id, .. }) => {
                let outcome = AuditOutcome::Refused;
                note(&mut connection, account, line_id, outcome, reason, now).await
            }
            None => Ok(()),
        }
    }
}

/// Locks the line and its credentials, and compares them with what was decided on. If nothing has changed: when
/// the password that is carried on was last changed (PW-3).
///
/// Credentials are locked too: a password that wrong attempts kill meanwhile must not come to life again under a
/// new epoch (LOGIN-2).
async fn unchanged_since(
    connection: &mut PgConnection,
    decided: &Decided<'_>,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, LedgerError> {
    let present = lock_line(&mut *connection, decided.stored.line_id).await?;
    if present.is_none_or(|present| present.line != decided.stored.line || present.line.closed) {
        return Ok(None);
    }
    let credentials = lock_credentials(connection, decided.stored.line_id).await?;
    let proven = decided.plan.required_numbers.iter().all(|number| {
        credentials.get(number).is_some_and(|found| {
            let credential = &found.credential;
            decided.proven.get(number) == Some(&credential.epoch)
                && is_ready(credential, now, decided.rules)
        })
    });
    let own = credentials.get(decided.account).filter(|_| proven);
    Ok(own.and_then(|found| found.credential.changed))
}

async fn next_epochs(
    connection: &mut PgConnection,
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

/// INV-1, INV-2, MIG-3, PW-3: each account has another identity, with a count of its own; the password's days run on.
async fn replace(
    connection: &mut PgConnection,
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
    // Every number has its credential from the day it is on a line.
    if replaced.rows_affected() == accounts.len() as u64 {
        Ok(())
    } else {
        Err(LedgerError::corrupt("replace"))
    }
}

/// UNIT-2, SESS-5: the unit stays established from when it was; every view of the line is stale.
async fn set_unit(connection: &mut PgConnection, decided: &Decided<'_>) -> Result<(), LedgerError> {
    sqlx::query!(
        "UPDATE lines SET unit = $2, version = version + 1 WHERE line_id = $1",
        decided.stored.line_id,
        decided.plan.to.as_str(),
    )
    .execute(connection)
    .statement("set_unit", "lines")
    .await?;
    Ok(())
}

/// From which unit to which, as the audit trail has it.
fn way(plan: &UnitMigrationPlan) -> String {
    format!("{}_TO_{}", plan.from.as_str(), plan.to.as_str())
}

async fn note(
    connection: &mut PgConnection,
    account: &TelephoneNumber,
    line_id: i64,
    outcome: AuditOutcome,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let event = AuditEvent {
        occurred: now,
        actor: &account.masked(),
        action: AuditAction::Migrate,
        line_id: Some(line_id),
        number: Some(account),
        outcome,
        reason: Some(reason),
        trace_id: trace_id(),
    };
    audit::append(connection, event).await
}
