//! Statements that end sessions, look up a number, or record a refused access.

use aikagi_domain::session::{SessionRecord, TokenDigest};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_ledger::LedgerError;
use aikagi_ledger::Statement as _;
use aikagi_ledger::audit::{AuditAction, AuditOutcome, Noted, RefusedEvent};
use aikagi_mesh::telemetry::trace_id;
use chrono::{DateTime, Utc};

use super::Store;

impl Store {
    /// SESS-2, INV-3: ends a session permanently, so that a stale Redis cannot restore it. `action` is a logout, or the end of
    /// another session by its subscriber.
    pub(crate) async fn end_session(
        &self,
        digest: &TokenDigest,
        record: &SessionRecord,
        action: AuditAction,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        sqlx::query!(
            r#"
            WITH ended AS (
                INSERT INTO ended_sessions (token_digest, expires_time) VALUES ($1, $2)
                ON CONFLICT DO NOTHING
                RETURNING token_digest
            )
            INSERT INTO audit_events (occurred_time, actor, action, line_id, number, outcome, reason, trace_id)
            SELECT $3, $4, $5, $6, $7, $8, NULL, $9 FROM ended
            "#,
            digest.0.as_slice(),
            record.ends,
            now,
            record.account.masked(),
            action.as_str(),
            record.line_id,
            record.account.as_str(),
            AuditOutcome::Done.as_str(),
            trace_id(),
        )
        .execute(&self.ledger)
        .statement("end_session", "ended_sessions")
        .await?;
        Ok(())
    }

    /// SESS-7, INV-3: begins a new generation for the account of a session. This ends all sessions of the earlier
    /// generation. Returns the new generation. `None` if the session has ended.
    pub(crate) async fn end_other_sessions(
        &self,
        digest: &TokenDigest,
        record: &SessionRecord,
        now: DateTime<Utc>,
    ) -> Result<Option<i64>, LedgerError> {
        sqlx::query_scalar!(
            r#"
            WITH begun AS (
                UPDATE credentials SET session_generation = session_generation + 1
                WHERE number = $1 AND epoch = $2 AND session_generation = $3
                  AND EXISTS (SELECT FROM numbers WHERE numbers.number = $1 AND line_id = $4)
                  AND NOT EXISTS (SELECT FROM ended_sessions WHERE token_digest = $5)
                RETURNING session_generation
            ), event AS (
                INSERT INTO audit_events
                    (occurred_time, actor, action, line_id, number, outcome, reason, trace_id)
                SELECT $6, $7, $8, $4, $1, $9, NULL, $10 FROM begun
            )
            SELECT session_generation AS "session_generation!" FROM begun
            "#,
            record.account.as_str(),
            record.epoch.0,
            record.generation,
            record.line_id,
            digest.0.as_slice(),
            now,
            record.account.masked(),
            AuditAction::EndSessions.as_str(),
            AuditOutcome::Done.as_str(),
            trace_id(),
        )
        .fetch_optional(&self.ledger)
        .statement("end_other_sessions", "credentials")
        .await
    }

    /// Returns true if a number is on a line.
    pub(crate) async fn is_on_a_line(&self, number: &TelephoneNumber) -> Result<bool, LedgerError> {
        let found = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM numbers WHERE number = $1) AS "found!""#,
            number.as_str(),
        )
        .fetch_one(&self.ledger)
        .statement("is_on_a_line", "numbers")
        .await?;
        Ok(found)
    }

    /// OPS-3, OPS-6, SESS-4: writes or counts the refusal of a session's access to a number's settings.
    pub(crate) async fn note_refused_access(
        &self,
        record: &SessionRecord,
        reason: &'static str,
        now: DateTime<Utc>,
    ) -> Result<Noted, LedgerError> {
        let action = AuditAction::CheckAccess;
        let event = RefusedEvent {
            line_id: Some(record.line_id),
            ..RefusedEvent::of_account(&record.account, action, reason, now, trace_id())
        };
        self.refusals.note(event).await
    }

    /// SESS-2: ends all sessions of an account. Returns false if the number is on no line.
    pub(crate) async fn end_sessions(
        &self,
        number: &TelephoneNumber,
        actor: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, LedgerError> {
        let ended = sqlx::query!(
            r#"
            WITH ended AS (
                UPDATE credentials SET session_generation = session_generation + 1
                WHERE number = $1
                RETURNING number
            )
            INSERT INTO audit_events (occurred_time, actor, action, line_id, number, outcome, reason, trace_id)
            SELECT $2, $3, $4, line_id, number, $5, NULL, $6 FROM ended JOIN numbers USING (number)
            "#,
            number.as_str(),
            now,
            actor,
            AuditAction::EndSessions.as_str(),
            AuditOutcome::Done.as_str(),
            trace_id(),
        )
        .execute(&self.ledger)
        .statement("end_sessions", "credentials")
        .await?;
        Ok(ended.rows_affected() > 0)
    }
}
