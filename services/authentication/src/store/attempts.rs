//! Attempts: charged before the password is looked at, settled after (INV-2, INV-6).

use aikagi_domain::credential::{Credential, CredentialKind, CredentialRules, Epoch};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::AuthUnit;
use aikagi_ledger::LedgerError;
use aikagi_ledger::audit::{AuditAction, AuditOutcome};
use aikagi_ledger::statement;
use aikagi_mesh::telemetry::trace_id;
use chrono::{DateTime, Utc};
use tracing::Instrument as _;

use super::Store;

/// What is to be charged.
pub(crate) struct Charge<'a> {
    pub(crate) number: &'a TelephoneNumber,
    /// Only if the number is on this line.
    pub(crate) line_id: Option<i64>,
}

/// A credential after an attempt was charged to it.
pub(crate) struct Charged {
    pub(crate) kind: CredentialKind,
    pub(crate) epoch: Epoch,
    /// With this attempt.
    pub(crate) failures: u32,
    pub(crate) reset_round: i64,
    /// Sealed; of kind permanent only.
    pub(crate) permanent_hash: Option<Vec<u8>>,
    pub(crate) temporary_expires: Option<DateTime<Utc>>,
    pub(crate) changed: Option<DateTime<Utc>>,
    pub(crate) last_login: Option<DateTime<Utc>>,
    /// Without this attempt (SESS-6).
    pub(crate) wrong_attempts_before: u32,
    pub(crate) generation: i64,
    pub(crate) line_id: i64,
    /// The number may log in under its line's unit (UNIT-1).
    pub(crate) is_account: bool,
}

impl Charged {
    /// The credential as it was when the attempt was charged.
    pub(crate) fn credential(&self) -> Credential {
        Credential {
            kind: self.kind,
            epoch: self.epoch,
            failures: self.failures,
            killed: false,
            temporary_expires: self.temporary_expires,
            changed: self.changed,
        }
    }
}

impl Store {
    /// INV-2, LOGIN-4: charges one attempt, in one conditional statement, before any password is looked at.
    /// None when there is no live secret or no attempt is left; then a decoy is charged (LOGIN-5).
    pub(crate) async fn charge(
        &self,
        charge: &Charge<'_>,
        rules: &CredentialRules,
        now: DateTime<Utc>,
    ) -> Result<Option<Charged>, LedgerError> {
        let row = sqlx::query!(
            r#"
            WITH charged AS (
                UPDATE credentials
                SET failures = failures + 1, wrong_attempts = wrong_attempts + 1
                WHERE number = $1
                  AND killed_time IS NULL
                  AND (kind = 'TEMPORARY' AND failures < $2 AND temporary_expires_time > $4
                       OR kind = 'PERMANENT' AND failures < $3)
                  AND ($5::bigint IS NULL
                       OR EXISTS (SELECT FROM numbers WHERE numbers.number = $1 AND line_id = $5))
                RETURNING *
            ), decoy AS (
                UPDATE decoy_charges SET charges = charges + 1
                WHERE slot = pg_backend_pid() % 64 AND NOT EXISTS (SELECT FROM charged)
            )
            SELECT kind, epoch, failures, reset_round,
                   CASE WHEN kind = 'PERMANENT' THEN permanent_hash END AS permanent_hash,
                   temporary_expires_time, changed_time, last_login_time, wrong_attempts, session_generation,
                   line_id, unit, closed_time IS NOT NULL AS "closed!",
                   contract_number = numbers.number AS "is_contract_number!", subscribed
            FROM charged JOIN numbers USING (number) JOIN lines USING (line_id)
            "#,
            charge.number.as_str(),
            limit(rules, CredentialKind::Temporary),
            limit(rules, CredentialKind::Permanent),
            now,
            charge.line_id,
        )
        .fetch_optional(&self.pool)
        .instrument(statement("charge", "credentials"))
        .await?;
        let Some(row) = row else { return Ok(None) };
        let unit = row.unit.as_deref().map(AuthUnit::parse).transpose()?;
        let role = unit.and_then(|unit| unit.role(row.is_contract_number, row.subscribed));
        Ok(Some(Charged {
            kind: CredentialKind::parse(&row.kind)?,
            epoch: Epoch(row.epoch),
            failures: count(row.failures),
            reset_round: row.reset_round,
            permanent_hash: row.permanent_hash,
            temporary_expires: row.temporary_expires_time,
            changed: row.changed_time,
            last_login: row.last_login_time,
            wrong_attempts_before: count(row.wrong_attempts).saturating_sub(1),
            generation: row.session_generation,
            line_id: row.line_id,
            is_account: role.is_some() && !row.closed,
        }))
    }

    /// LOGIN-3: the right password at login sets the count to 0. False when the credential is another one
    /// by now.
    pub(crate) async fn settle_login(
        &self,
        number: &TelephoneNumber,
        charged: &Charged,
        now: DateTime<Utc>,
    ) -> Result<bool, LedgerError> {
        let settled = sqlx::query!(
            r#"
            WITH settled AS (
                UPDATE credentials
                SET failures = 0, reset_round = reset_round + 1, killed_time = NULL, wrong_attempts = 0,
                    last_login_time = $3
                WHERE number = $1 AND epoch = $2
                RETURNING number
            ), event AS (
                INSERT INTO audit_events
                    (occurred_time, actor, action, line_id, number, outcome, reason, trace_id)
                SELECT $3, $4, $5, $6, $1, CASE WHEN EXISTS (SELECT FROM settled) THEN $7 ELSE $8 END,
                       CASE WHEN EXISTS (SELECT FROM settled) THEN $9 ELSE 'SUPERSEDED' END, $10
            )
            SELECT EXISTS (SELECT FROM settled) AS "settled!"
            "#,
            number.as_str(),
            charged.epoch.0,
            now,
            number.masked(),
            AuditAction::Login.as_str(),
            charged.line_id,
            AuditOutcome::Done.as_str(),
            AuditOutcome::Refused.as_str(),
            charged.kind.as_str(),
            trace_id(),
        )
        .fetch_one(&self.pool)
        .instrument(statement("settle_login", "credentials"))
        .await?;
        Ok(settled.settled)
    }

    /// LOGIN-6: the right password elsewhere gives back just its own charge, unless a login has set the
    /// count to 0 meanwhile. False when the credential is another one by now.
    pub(crate) async fn settle_elsewhere(
        &self,
        number: &TelephoneNumber,
        charged: &Charged,
        now: DateTime<Utc>,
    ) -> Result<bool, LedgerError> {
        let row = sqlx::query!(
            r#"
            WITH given_back AS (
                UPDATE credentials
                SET failures = greatest(failures - 1, 0), wrong_attempts = greatest(wrong_attempts - 1, 0),
                    killed_time = NULL
                WHERE number = $1 AND epoch = $2 AND reset_round = $3
                RETURNING number
            ), present AS (
                SELECT number FROM given_back
                UNION ALL
                -- Locked, for what was committed while this statement waited counts; and before the event's chain, as
                -- everywhere.
                SELECT number FROM (
                    SELECT number FROM credentials
                    WHERE number = $1 AND epoch = $2 AND NOT EXISTS (SELECT FROM given_back)
                    FOR NO KEY UPDATE
                ) AS kept
            ), event AS (
                INSERT INTO audit_events
                    (occurred_time, actor, action, line_id, number, outcome, reason, trace_id)
                SELECT $4, $5, $6, $7, $1, CASE WHEN EXISTS (SELECT FROM present) THEN $8 ELSE $9 END,
                       CASE WHEN EXISTS (SELECT FROM present) THEN $10 ELSE 'SUPERSEDED' END, $11
            )
            SELECT EXISTS (SELECT FROM present) AS "present!"
            "#,
            number.as_str(),
            charged.epoch.0,
            charged.reset_round,
            now,
            number.masked(),
            AuditAction::VerifyPassword.as_str(),
            charged.line_id,
            AuditOutcome::Done.as_str(),
            AuditOutcome::Refused.as_str(),
            charged.kind.as_str(),
            trace_id(),
        )
        .fetch_one(&self.pool)
        .instrument(statement("settle_elsewhere", "credentials"))
        .await?;
        Ok(row.present)
    }

    /// Gives a charge back: the fault was ours, before the password was looked at (LOGIN-4). Nor does such a charge
    /// help to kill: with it there were fewer wrong attempts than it takes.
    pub(crate) async fn give_back(
        &self,
        number: &TelephoneNumber,
        charged: &Charged,
    ) -> Result<(), LedgerError> {
        sqlx::query!(
            r#"
            UPDATE credentials
            SET failures = greatest(failures - 1, 0), wrong_attempts = greatest(wrong_attempts - 1, 0),
                killed_time = NULL
            WHERE number = $1 AND epoch = $2 AND reset_round = $3
            "#,
            number.as_str(),
            charged.epoch.0,
            charged.reset_round,
        )
        .execute(&self.pool)
        .instrument(statement("give_back", "credentials"))
        .await?;
        Ok(())
    }

    /// LOGIN-2: a wrong password stays charged; the last one kills.
    pub(crate) async fn settle_wrong(
        &self,
        number: &TelephoneNumber,
        charged: &Charged,
        action: AuditAction,
        rules: &CredentialRules,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        sqlx::query!(
            r#"
            WITH killed AS (
                UPDATE credentials SET killed_time = $3
                WHERE number = $1 AND epoch = $2 AND failures >= $4 AND killed_time IS NULL
                RETURNING number
            )
            INSERT INTO audit_events (occurred_time, actor, action, line_id, number, outcome, reason, trace_id)
            SELECT $3, $5, $6, $7, $1, $8, CASE WHEN EXISTS (SELECT FROM killed) THEN 'KILLED' ELSE 'WRONG' END, $9
            "#,
            number.as_str(),
            charged.epoch.0,
            now,
            limit(rules, charged.kind),
            number.masked(),
            action.as_str(),
            charged.line_id,
            AuditOutcome::Refused.as_str(),
            trace_id(),
        )
        .execute(&self.pool)
        .instrument(statement("settle_wrong", "credentials"))
        .await?;
        Ok(())
    }

    /// OPS-3: a login with nothing to try. A number that is on no line is not kept.
    pub(crate) async fn note_refused_login(
        &self,
        number: &TelephoneNumber,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        sqlx::query!(
            r#"
            INSERT INTO audit_events (occurred_time, actor, action, line_id, number, outcome, reason, trace_id)
            SELECT $2, $3, $4, numbers.line_id, numbers.number, $5,
                   CASE WHEN numbers.number IS NULL THEN 'UNKNOWN_NUMBER' ELSE 'NOTHING_LIVE' END, $6
            FROM (SELECT) AS always LEFT JOIN numbers ON numbers.number = $1
            "#,
            number.as_str(),
            now,
            number.masked(),
            AuditAction::Login.as_str(),
            AuditOutcome::Refused.as_str(),
            trace_id(),
        )
        .execute(&self.pool)
        .instrument(statement("note_refused_login", "audit_events"))
        .await?;
        Ok(())
    }

    /// The sealed hash of the last permanent password and the epoch of its sealing. The outer none: the
    /// credential is another one by now; the inner: there never was one.
    #[allow(
        clippy::type_complexity,
        reason = "two nones that mean different things"
    )]
    pub(crate) async fn last_permanent(
        &self,
        number: &TelephoneNumber,
        epoch: Epoch,
    ) -> Result<Option<Option<(Vec<u8>, Epoch)>>, LedgerError> {
        let row = sqlx::query!(
            "SELECT permanent_hash, hash_epoch FROM credentials WHERE number = $1 AND epoch = $2",
            number.as_str(),
            epoch.0,
        )
        .fetch_optional(&self.pool)
        .instrument(statement("last_permanent", "credentials"))
        .await?;
        Ok(row.map(|row| row.permanent_hash.zip(row.hash_epoch.map(Epoch))))
    }
}

fn limit(rules: &CredentialRules, kind: CredentialKind) -> i32 {
    i32::try_from(rules.limit(kind)).unwrap_or(i32::MAX)
}

/// The ledger's checks keep counts from being negative.
fn count(stored: i32) -> u32 {
    u32::try_from(stored).unwrap_or(0)
}
