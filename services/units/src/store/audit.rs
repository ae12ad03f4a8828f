//! The audit trail: its events, chains and months (OPS-2, OPS-3).

use aikagi_domain::telephone::TelephoneNumber;
use aikagi_ledger::line::read_line_of;
use aikagi_ledger::{Connection, Ledger, LedgerError, Statement as _, Transaction};
use chrono::{DateTime, Months, NaiveDate, Utc};

use super::Store;

/// A recorded event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredEvent {
    pub(crate) event_id: i64,
    pub(crate) occurred_time: DateTime<Utc>,
    pub(crate) actor: String,
    pub(crate) action: String,
    pub(crate) line_id: Option<i64>,
    pub(crate) number: Option<String>,
    pub(crate) outcome: String,
    pub(crate) reason: Option<String>,
    pub(crate) trace_id: Option<String>,
    pub(crate) repeats: Option<i64>,
    pub(crate) chain: i64,
    pub(crate) chain_sequence: i64,
    pub(crate) chain_hash: Vec<u8>,
}

/// The passwords that were refused at a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RefusedPasswords {
    pub(crate) refused: i64,
    /// How many of them killed a password (LOGIN-2).
    pub(crate) killed: i64,
}

/// A filter of events. A condition that is `None` or empty matches all events.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    pub(crate) number: Option<TelephoneNumber>,
    pub(crate) actions: Vec<String>,
    pub(crate) outcome: Option<String>,
    pub(crate) since: Option<DateTime<Utc>>,
    pub(crate) until: Option<DateTime<Utc>>,
    pub(crate) after_event_id: i64,
}

/// The base and the head of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChainBounds {
    pub(crate) chain: i64,
    pub(crate) base_sequence: i64,
    pub(crate) base_hash: Vec<u8>,
    pub(crate) head_sequence: i64,
    pub(crate) head_hash: Vec<u8>,
}

/// Reads the chains in order, in one snapshot of the ledger.
pub(crate) struct ChainReader {
    snapshot: Transaction,
    /// The chain to read. `None` for all chains.
    only: Option<i64>,
    /// The chain and the sequence number of the last event that was read.
    last: (i64, i64),
}

/// A page of events, with the bounds of the chains that start in it.
#[derive(Debug)]
pub(crate) struct ChainPage {
    pub(crate) bounds: Vec<ChainBounds>,
    pub(crate) events: Vec<StoredEvent>,
    /// True if no page follows.
    pub(crate) last: bool,
}

/// The statement that lists events, in ascending or descending order.
macro_rules! select_events {
    ($order:tt, $filter:expr, $line:expr, $limit:expr) => {
        sqlx::query_as!(
            StoredEvent,
            "SELECT event_id, occurred_time, actor, action, line_id, number, outcome, reason, trace_id,
                repeats, chain, chain_sequence, chain_hash
             FROM audit_events
             WHERE ($1::text IS NULL OR number = $1 OR chain = $2)
               AND (cardinality($3::text[]) = 0 OR action = ANY ($3))
               AND ($4::text IS NULL OR outcome = $4)
               AND ($5::timestamptz IS NULL OR occurred_time >= $5)
               AND ($6::timestamptz IS NULL OR occurred_time < $6)
               AND event_id > $7
             ORDER BY event_id "
                + $order
                + " LIMIT $8",
            $filter.number.as_ref().map(TelephoneNumber::as_str),
            $line,
            &$filter.actions,
            $filter.outcome,
            $filter.since,
            $filter.until,
            $filter.after_event_id,
            $limit,
        )
    };
}

impl Store {
    /// OPS-2: returns the oldest or the newest events that match, at most `limit`. The oldest event comes first.
    pub(crate) async fn audit_events(
        &self,
        filter: &Filter,
        newest: bool,
        limit: i64,
    ) -> Result<Vec<StoredEvent>, LedgerError> {
        let mut snapshot = self.snapshot().await?;
        let line = match &filter.number {
            Some(number) => read_line_of(&mut *snapshot, number).await?,
            None => None,
        };
        let line_id = line.map(|stored| stored.line_id);
        let mut events = if newest {
            let select = select_events!("DESC", filter, line_id, limit);
            select
                .fetch_all(&mut *snapshot)
                .statement("audit_events", "audit_events")
                .await?
        } else {
            let select = select_events!("ASC", filter, line_id, limit);
            select
                .fetch_all(&mut *snapshot)
                .statement("audit_events", "audit_events")
                .await?
        };
        snapshot.commit().await?;
        if newest {
            events.reverse();
        }
        Ok(events)
    }

    /// OPS-7: counts the passwords that were refused at a number since a time.
    pub(crate) async fn refused_passwords(
        &self,
        number: &TelephoneNumber,
        since: DateTime<Utc>,
    ) -> Result<RefusedPasswords, LedgerError> {
        sqlx::query_as!(
            RefusedPasswords,
            r#"
            SELECT coalesce(sum(coalesce(repeats, 1)), 0)::bigint AS "refused!",
                   count(*) FILTER (WHERE reason = 'KILLED') AS "killed!"
            FROM audit_events
            WHERE number = $1 AND action IN ('LOGIN', 'VERIFY_PASSWORD') AND outcome = 'REFUSED'
              AND occurred_time >= $2
            "#,
            number.as_str(),
            since,
        )
        .fetch_one(&self.ledger)
        .statement("refused_passwords", "audit_events")
        .await
    }

    /// OPS-3: returns a reader of the chain of a number's line, or of all chains if `number` is `None`. Returns `None`
    /// if the number is on no line.
    pub(crate) async fn chains(
        &self,
        number: Option<&TelephoneNumber>,
    ) -> Result<Option<ChainReader>, LedgerError> {
        let mut snapshot = self.snapshot().await?;
        let only = match number {
            Some(number) => match read_line_of(&mut *snapshot, number).await? {
                Some(stored) => Some(stored.line_id),
                None => return Ok(None),
            },
            None => None,
        };
        // A client verifies hashes between two pages, which can take long.
        sqlx::query("SET LOCAL idle_in_transaction_session_timeout = '60s'")
            .execute(&mut *snapshot)
            .statement("chains", "none")
            .await?;
        Ok(Some(ChainReader {
            snapshot,
            only,
            last: (i64::MIN, 0),
        }))
    }

    /// OPS-3: creates the partitions of this month and of the next `ahead` months.
    pub(crate) async fn open_months(
        &self,
        now: DateTime<Utc>,
        ahead: u32,
    ) -> Result<(), LedgerError> {
        let mut connection = self.ledger.acquire().await?;
        for month in 0..=ahead {
            let Some(day) = now.date_naive().checked_add_months(Months::new(month)) else {
                break;
            };
            open_month(&mut connection, day).await?;
        }
        Ok(())
    }
}

async fn open_month(connection: &mut Connection, day: NaiveDate) -> Result<(), LedgerError> {
    sqlx::query!(r#"SELECT audit_open_month($1) AS "opened!""#, day)
        .fetch_one(connection)
        .statement("open_month", "none")
        .await?;
    Ok(())
}

impl ChainReader {
    /// Reads the next page, with at most `size` events.
    pub(crate) async fn page(&mut self, size: i64) -> Result<ChainPage, LedgerError> {
        let (chain, sequence) = self.last;
        let events = sqlx::query_as!(
            StoredEvent,
            r#"
            SELECT event_id, occurred_time, actor, action, line_id, number, outcome, reason, trace_id,
                repeats, chain, chain_sequence, chain_hash
            FROM audit_events
            WHERE (chain, chain_sequence) > ($1, $2) AND ($3::bigint IS NULL OR chain = $3)
            ORDER BY chain, chain_sequence
            LIMIT $4
            "#,
            chain,
            sequence,
            self.only,
            size,
        )
        .fetch_all(&mut *self.snapshot)
        .statement("page", "audit_events")
        .await?;
        let more = i64::try_from(events.len()).is_ok_and(|read| read == size);
        let through = events.last().filter(|_| more);
        let bounds = sqlx::query_as!(
            ChainBounds,
            r#"
            SELECT chain, base_sequence, base_hash, head_sequence, head_hash FROM audit_chains
            WHERE chain > $1 AND chain <= $2 AND ($3::bigint IS NULL OR chain = $3)
            ORDER BY chain
            "#,
            chain,
            through.map_or(i64::MAX, |event| event.chain),
            self.only,
        )
        .fetch_all(&mut *self.snapshot)
        .statement("page", "audit_chains")
        .await?;
        if let Some(event) = through {
            self.last = (event.chain, event.chain_sequence);
        }
        Ok(ChainPage {
            bounds,
            last: !more,
            events,
        })
    }
}

/// OPS-3: removes the months that ended before this time. Returns the number of removed months. Needs the role
/// `aikagi_retention`.
pub(crate) async fn remove_months(
    ledger: &Ledger,
    before: DateTime<Utc>,
) -> Result<u32, LedgerError> {
    let removed = sqlx::query_scalar!(
        r#"SELECT audit_remove_months(date_trunc('month', $1::timestamptz AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')
            AS "removed!""#,
        before,
    )
    .fetch_one(ledger)
    .statement("remove_months", "none")
    .await?;
    u32::try_from(removed).map_err(|_negative| LedgerError::corrupt("remove_months"))
}
