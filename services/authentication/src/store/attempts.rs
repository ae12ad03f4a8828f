//! Attempts. An attempt is charged before the password is compared, and settled after that (INV-2, INV-6).

use aikagi_domain::credential::{CredentialKind, CredentialRules, Epoch};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::AuthUnit;
use aikagi_ledger::LedgerError;
use aikagi_ledger::Statement as _;
use aikagi_ledger::audit::{AuditAction, AuditOutcome};
use aikagi_mesh::telemetry::trace_id;
use chrono::{DateTime, Utc};

use super::Store;
use super::charge::{Charge, Charged, OpenCharge};
use super::decoys::decoy_of;
use crate::metrics;

impl Store {
    /// INV-2, LOGIN-4: charges one attempt in one conditional statement, before the password is compared.
    ///
    /// Returns `None` if no secret is live, if no attempt is left, or if the number is on another line than
    /// [`Charge::line_id`]. Then a decoy is charged, which takes the same time (LOGIN-5).
    /// The number chooses the decoy, so parallel attempts at one number wait for one another in both cases.
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
                SET failures = failures + 1, wrong_attempts = wrong_attempts + 1,
                    open_charges = CASE WHEN failures = 0 THEN '{}' ELSE open_charges END
                        || $6::bigint
                WHERE number = $1
                  AND killed_time IS NULL
                  AND (kind = 'TEMPORARY' AND failures < $2 AND temporary_expires_time > $4
                       OR kind = 'PERMANENT' AND failures < $3)
                  AND ($5::bigint IS NULL
                       OR EXISTS (SELECT FROM numbers WHERE numbers.number = $1 AND line_id = $5))
                RETURNING *
            ), decoy AS (
                UPDATE decoy_credentials
                SET failures = failures % 2 + 1, wrong_attempts = (wrong_attempts + 1) % 1000000000,
                    open_charges = CASE WHEN failures >= 0 THEN '{}' ELSE open_charges END
                        || $6::bigint
                WHERE number = $7 AND NOT EXISTS (SELECT FROM charged)
                RETURNING *
            )
            SELECT kind AS "kind!", epoch AS "epoch!", failures AS "failures!", reset_round AS "reset_round!",
                   CASE WHEN kind = 'PERMANENT' THEN permanent_hash END AS permanent_hash,
                   temporary_expires_time, changed_time, last_login_time, wrong_attempts AS "wrong_attempts!",
                   session_generation AS "session_generation!", line_id AS "line_id!", unit,
                   closed_time IS NOT NULL AS "closed!",
                   contract_number = numbers.number AS "is_contract_number!", subscribed AS "subscribed!",
                   false AS "is_decoy!"
            FROM charged JOIN numbers USING (number) JOIN lines USING (line_id)
            UNION ALL
            SELECT kind, epoch, failures, reset_round, CASE WHEN kind = 'PERMANENT' THEN permanent_hash END,
                   temporary_expires_time, changed_time, last_login_time, wrong_attempts, session_generation, line_id,
                   unit, closed_time IS NOT NULL, contract_number = decoy_numbers.number, subscribed, true
            FROM decoy JOIN decoy_numbers USING (number) JOIN decoy_lines USING (line_id)
            "#,
            charge.number.as_str(),
            limit(rules, CredentialKind::Temporary),
            limit(rules, CredentialKind::Permanent),
            now,
            charge.line_id,
            charge.id,
            decoy_of(charge.number),
        )
        .fetch_optional(&self.ledger)
        .statement("charge", "credentials")
        .await?;
        let Some(row) = row.filter(|row| !row.is_decoy) else {
            return Ok(None);
        };
        let unit = row.unit.as_deref().map(AuthUnit::parse).transpose()?;
        let role = unit.and_then(|unit| unit.role(row.is_contract_number, row.subscribed));
        Ok(Some(Charged {
            kind: CredentialKind::parse(&row.kind)?,
            epoch: Epoch(row.epoch),
            failures: count(row.failures),
            reset_round: row.reset_round,
            charge_id: charge.id,
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

    /// LOGIN-3: settles a right password at login, which sets the count to 0. Returns false if the credential has
    /// changed since the charge.
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
                    last_login_time = $3, open_charges = '{}'
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
        .fetch_one(&self.ledger)
        .statement("settle_login", "credentials")
        .await?;
        Ok(settled.settled)
    }

    /// LOGIN-10: replaces the hash of the charged password with a hash of the same password. Returns false if the stored
    /// hash has changed since the charge.
    pub(crate) async fn renew_hash(
        &self,
        number: &TelephoneNumber,
        charged: &Charged,
        renewed: &[u8],
        now: DateTime<Utc>,
    ) -> Result<bool, LedgerError> {
        let stored = sqlx::query!(
            r#"
            WITH renewed AS (
                UPDATE credentials SET permanent_hash = $4
                WHERE number = $1 AND epoch = $2 AND permanent_hash = $3
                RETURNING number
            )
            INSERT INTO audit_events (occurred_time, actor, action, line_id, number, outcome, reason, trace_id)
            SELECT $5, $6, $7, $8, number, $9, NULL, $10 FROM renewed
            "#,
            number.as_str(),
            charged.epoch.0,
            charged.permanent_hash,
            renewed,
            now,
            number.masked(),
            AuditAction::RenewHash.as_str(),
            charged.line_id,
            AuditOutcome::Done.as_str(),
            trace_id(),
        )
        .execute(&self.ledger)
        .statement("renew_hash", "credentials")
        .await?;
        Ok(stored.rows_affected() == 1)
    }

    /// LOGIN-6: settles a right password in a session. This refunds the attempt's own charge, unless a login has set
    /// the count to 0 since the charge. Returns false if the credential has changed since the charge.
    pub(crate) async fn settle_verified(
        &self,
        number: &TelephoneNumber,
        charged: &Charged,
        now: DateTime<Utc>,
    ) -> Result<bool, LedgerError> {
        let row = sqlx::query!(
            r#"
            WITH refunded AS (
                UPDATE credentials
                SET failures = greatest(failures - 1, 0), wrong_attempts = greatest(wrong_attempts - 1, 0),
                    killed_time = NULL, open_charges = array_remove(open_charges, $12)
                WHERE number = $1 AND epoch = $2 AND reset_round = $3 AND $12 = ANY (open_charges)
                RETURNING number
            ), present AS (
                SELECT number FROM refunded
                UNION ALL
                -- The lock shows the row as committed by now, not as at the start of this statement. It comes before the
                -- lock of the audit chain, as in all statements.
                SELECT number FROM (
                    SELECT number FROM credentials
                    WHERE number = $1 AND epoch = $2 AND NOT EXISTS (SELECT FROM refunded)
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
            charged.charge_id,
        )
        .fetch_one(&self.ledger)
        .statement("settle_verified", "credentials")
        .await?;
        Ok(row.present)
    }

    /// LOGIN-4: refunds a charge after a fault of ours. Returns false if the charge is not open, for example because it
    /// was refunded before. Then nothing changes.
    ///
    /// Clears `killed_time` too: a replica of 0.1.0 kills although another charge is open.
    pub(crate) async fn refund(&self, charge: &OpenCharge) -> Result<bool, LedgerError> {
        let refunded = sqlx::query!(
            r#"
            UPDATE credentials
            SET failures = greatest(failures - 1, 0), wrong_attempts = greatest(wrong_attempts - 1, 0),
                killed_time = NULL, open_charges = array_remove(open_charges, $2)
            WHERE number = $1 AND $2 = ANY (open_charges)
            "#,
            charge.number.as_str(),
            charge.charge_id,
        )
        .execute(&self.ledger)
        .statement("refund", "credentials")
        .await?;
        Ok(refunded.rows_affected() == 1)
    }

    /// LOGIN-2: settles a wrong password. The attempt stays charged. Returns true if this kills the password: no
    /// attempt is left, and no other charge is open.
    pub(crate) async fn settle_wrong(
        &self,
        number: &TelephoneNumber,
        charged: &Charged,
        action: AuditAction,
        rules: &CredentialRules,
        now: DateTime<Utc>,
    ) -> Result<bool, LedgerError> {
        let settled = sqlx::query!(
            r#"
            WITH settled AS (
                UPDATE credentials
                SET open_charges = array_remove(open_charges, $10),
                    killed_time = CASE WHEN failures >= $4 AND open_charges = ARRAY[$10::bigint]
                                       THEN $3::timestamptz END
                WHERE number = $1 AND epoch = $2 AND $10 = ANY (open_charges) AND killed_time IS NULL
                RETURNING killed_time
            ), killed AS (
                SELECT FROM settled WHERE killed_time IS NOT NULL
            ), event AS (
                INSERT INTO audit_events
                    (occurred_time, actor, action, line_id, number, outcome, reason, trace_id)
                SELECT $3, $5, $6, $7, $1, $8, CASE WHEN EXISTS (SELECT FROM killed) THEN 'KILLED' ELSE 'WRONG' END, $9
            )
            SELECT EXISTS (SELECT FROM killed) AS "killed!"
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
            charged.charge_id,
        )
        .fetch_one(&self.ledger)
        .statement("settle_wrong", "credentials")
        .await?;
        if settled.killed {
            metrics::killed(charged.kind);
            if charged.is_besieged(rules) {
                metrics::besieged();
            }
        }
        Ok(settled.killed)
    }

    /// PW-2: the sealed hash of the last permanent password, and the epoch for which it is sealed.
    ///
    /// The outer option is `None` if the credential no longer has the epoch `epoch`. The inner option is `None` if
    /// the account never had a permanent password.
    #[allow(
        clippy::type_complexity,
        reason = "the two options have different meanings"
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
        .fetch_optional(&self.ledger)
        .statement("last_permanent", "credentials")
        .await?;
        Ok(row.map(|row| row.permanent_hash.zip(row.hash_epoch.map(Epoch))))
    }
}

fn limit(rules: &CredentialRules, kind: CredentialKind) -> i32 {
    i32::try_from(rules.limit(kind)).unwrap_or(i32::MAX)
}

/// Converts a stored count. A constraint of the ledger refuses negative counts.
fn count(stored: i32) -> u32 {
    u32::try_from(stored).unwrap_or(0)
}
