//! The events that a subscriber sees (SESS-8).

use aikagi_domain::credential::Epoch;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_ledger::{LedgerError, Statement as _};
use chrono::{DateTime, Utc};

use super::Store;

/// The number of events that a subscriber sees.
const SHOWN: i64 = 20;
/// The maximum number of events that are read for the account, and also for its line. It is larger than [`SHOWN`],
/// because some events are not shown, and some concern a former owner of the telephone number. The bound keeps the cost
/// of a list small.
const READ: i64 = 1_000;

/// The account that reads its events.
#[derive(Debug)]
pub(crate) struct EventReader<'a> {
    pub(crate) account: &'a TelephoneNumber,
    /// The epoch of the credential that opened the session.
    pub(crate) epoch: Epoch,
    /// The other accounts whose events the account may see (UNIT-1).
    pub(crate) users: &'a [String],
}

/// An event that a subscriber may see.
#[derive(Debug)]
pub(crate) struct RecordedEvent {
    pub(crate) occurred_time: DateTime<Utc>,
    pub(crate) actor: String,
    pub(crate) action: String,
    pub(crate) number: Option<String>,
    pub(crate) outcome: String,
    pub(crate) reason: Option<String>,
    pub(crate) repeats: Option<i64>,
    /// True if the event changed the whole line.
    pub(crate) of_line: bool,
}

impl Store {
    /// SESS-8: the last events of an account, newest first. `None` if the session has ended: the number is on no line, or its
    /// credential has another epoch.
    pub(crate) async fn own_events(
        &self,
        reader: &EventReader<'_>,
    ) -> Result<Option<Vec<RecordedEvent>>, LedgerError> {
        let mut snapshot = self.snapshot().await?;
        let line_id = sqlx::query_scalar!(
            r#"
            SELECT line_id FROM numbers JOIN credentials USING (number)
            WHERE number = $1 AND epoch = $2
            "#,
            reader.account.as_str(),
            reader.epoch.0,
        )
        .fetch_optional(&mut *snapshot)
        .statement("own_events", "numbers")
        .await?;
        let Some(line_id) = line_id else {
            return Ok(None);
        };
        // Decision 0012: only events of the present line, and only those since the number was added to it. A count of
        // refusals is written up to a minute after the refusals. So `occurred_time` decides, and not the order of the
        // events. An administrator sees the users' events only since the last change of the line's unit.
        let events = sqlx::query_as!(
            RecordedEvent,
            r#"
            WITH read AS (
                (SELECT event_id, occurred_time, actor, action, number, outcome, reason, repeats, chain
                 FROM audit_events WHERE number = $1 ORDER BY event_id DESC LIMIT $4)
                UNION
                (SELECT event_id, occurred_time, actor, action, number, outcome, reason, repeats, chain
                 FROM audit_events WHERE chain = $2 ORDER BY chain_sequence DESC LIMIT $4)
            ), here AS (
                SELECT *, outcome = 'DONE' AND action IN ('MIGRATE', 'RESET_UNIT') AS of_line
                FROM read WHERE chain = $2
            ), joined AS (
                SELECT number, max(occurred_time) AS joined_time FROM here
                WHERE outcome = 'DONE' AND action = 'ADD_NUMBER' GROUP BY number
            )
            SELECT occurred_time AS "occurred_time!", actor AS "actor!", action AS "action!", here.number,
                   outcome AS "outcome!", reason, repeats, of_line AS "of_line!"
            FROM here LEFT JOIN joined ON joined.number = CASE WHEN of_line THEN $1 ELSE here.number END
            WHERE (of_line OR here.number = $1
                   OR here.number = ANY ($3)
                      AND occurred_time >= coalesce((SELECT max(occurred_time) FROM here WHERE of_line), '-infinity'))
              AND occurred_time >= coalesce(joined_time, '-infinity')
              AND occurred_time >= coalesce(
                      (SELECT occurred_time FROM audit_events WHERE chain = $2 AND chain_sequence = 1), '-infinity')
              AND (action IN ('LOGIN', 'CHANGE_PASSWORD', 'SET_TEMPORARY_PASSWORD', 'MIGRATE')
                   OR outcome = 'DONE' AND action IN ('LOGOUT', 'END_SESSION', 'END_SESSIONS', 'RESET_UNIT')
                   OR outcome = 'REFUSED' AND action = 'VERIFY_PASSWORD' AND reason IN ('WRONG', 'KILLED'))
              AND NOT (outcome = 'REFUSED' AND action IN ('CHANGE_PASSWORD', 'MIGRATE')
                       AND reason IN ('PASSWORD_WRONG', 'PASSWORD_DEAD'))
            ORDER BY event_id DESC
            LIMIT $5
            "#,
            reader.account.as_str(),
            line_id,
            reader.users,
            READ,
            SHOWN,
        )
        .fetch_all(&mut *snapshot)
        .statement("own_events", "audit_events")
        .await?;
        snapshot.commit().await?;
        Ok(Some(events))
    }
}
