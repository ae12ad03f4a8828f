//! What the ledger says of a session's account, and sessions that were ended for good.

use aikagi_domain::credential::{CredentialKind, Epoch};
use aikagi_domain::session::{AccountState, SessionRecord, TokenDigest};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::AuthUnit;
use aikagi_ledger::LedgerError;
use aikagi_ledger::audit::{self, Action, AuditEvent, Outcome};
use aikagi_ledger::statement;
use aikagi_mesh::telemetry::trace_id;
use chrono::{DateTime, Utc};
use tracing::Instrument as _;

use super::Store;

/// A session's account at this moment.
pub(crate) struct Account {
    pub(crate) state: AccountState,
    pub(crate) unit: Option<AuthUnit>,
    pub(crate) line_version: i64,
    /// The numbers whose settings the account may change (UNIT-1).
    pub(crate) scope: Vec<TelephoneNumber>,
    /// When the permanent password was changed, if that is what is live.
    pub(crate) changed: Option<DateTime<Utc>>,
}

impl Store {
    /// The account of a session, and whether the session was ended for good.
    pub(crate) async fn account(
        &self,
        number: &TelephoneNumber,
        digest: &TokenDigest,
    ) -> Result<Option<Account>, LedgerError> {
        let row = sqlx::query!(
            r#"
            SELECT kind, epoch, session_generation, changed_time, line_id, unit, version,
                   closed_time IS NOT NULL AS "closed!", contract_number = numbers.number AS "is_contract_number!",
                   subscribed,
                   EXISTS (SELECT FROM ended_sessions WHERE token_digest = $2) AS "ended!",
                   ARRAY (SELECT others.number FROM numbers AS others
                          WHERE others.line_id = lines.line_id AND others.subscribed
                          ORDER BY others.number <> contract_number, others.number) AS "subscribed_numbers!"
            FROM credentials JOIN numbers USING (number) JOIN lines USING (line_id)
            WHERE credentials.number = $1
            "#,
            number.as_str(),
            digest.0.as_slice(),
        )
        .fetch_optional(&self.pool)
        .instrument(statement("account", "ended_sessions"))
        .await?;
        let Some(row) = row else { return Ok(None) };
        let unit = row.unit.as_deref().map(AuthUnit::parse).transpose()?;
        let role = unit.and_then(|unit| unit.role(row.is_contract_number, row.subscribed));
        let subscribed = row
            .subscribed_numbers
            .iter()
            .map(|number| TelephoneNumber::parse(number))
            .collect::<Result<Vec<_>, _>>()?;
        let permanent = CredentialKind::parse(&row.kind)? == CredentialKind::Permanent;
        Ok(Some(Account {
            state: AccountState {
                line_id: row.line_id,
                epoch: Epoch(row.epoch),
                generation: row.session_generation,
                role,
                line_closed: row.closed,
                ended: row.ended,
            },
            unit,
            line_version: row.version,
            scope: role.map_or_else(Vec::new, |role| role.scope(number, subscribed)),
            changed: row.changed_time.filter(|_| permanent),
        }))
    }

    /// SESS-2, INV-3: a session that was logged out stays so, whatever becomes of Redis.
    pub(crate) async fn end_session(
        &self,
        digest: &TokenDigest,
        record: &SessionRecord,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        sqlx::query!(
            r#"
            WITH ended AS (
                INSERT INTO ended_sessions (token_digest, expires_time) VALUES ($1, $2)
                ON CONFLICT DO NOTHING
                RETURNING token_digest
            )
            INSERT INTO audit_events (occurred_time, actor, action, line_id, number, outcome, trace_id)
            SELECT $3, $4, $5, $6, $7, $8, $9 FROM ended
            "#,
            digest.0.as_slice(),
            record.ends,
            now,
            record.account.masked(),
            Action::Logout.as_str(),
            record.line_id,
            record.account.as_str(),
            Outcome::Done.as_str(),
            trace_id(),
        )
        .execute(&self.pool)
        .instrument(statement("end_session", "ended_sessions"))
        .await?;
        Ok(())
    }

    /// Whether a number is on a line.
    pub(crate) async fn is_on_a_line(&self, number: &TelephoneNumber) -> Result<bool, LedgerError> {
        let found = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM numbers WHERE number = $1) AS "found!""#,
            number.as_str(),
        )
        .fetch_one(&self.pool)
        .instrument(statement("is_on_a_line", "numbers"))
        .await?;
        Ok(found)
    }

    /// OPS-3, SESS-4: that a session was refused access to a number's settings.
    pub(crate) async fn note_refused_access(
        &self,
        record: &SessionRecord,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        let event = AuditEvent {
            occurred: now,
            actor: &record.account.masked(),
            action: Action::CheckAccess,
            line_id: Some(record.line_id),
            number: Some(&record.account),
            outcome: Outcome::Refused,
            reason: Some(reason),
            trace_id: trace_id(),
        };
        let mut connection = self.pool.acquire().await?;
        audit::append(&mut connection, event).await
    }

    /// SESS-2: ends every session of an account. False when the number is on no line.
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
            INSERT INTO audit_events (occurred_time, actor, action, line_id, number, outcome, trace_id)
            SELECT $2, $3, $4, line_id, number, $5, $6 FROM ended JOIN numbers USING (number)
            "#,
            number.as_str(),
            now,
            actor,
            Action::EndSessions.as_str(),
            Outcome::Done.as_str(),
            trace_id(),
        )
        .execute(&self.pool)
        .instrument(statement("end_sessions", "credentials"))
        .await?;
        Ok(ended.rows_affected() > 0)
    }
}
