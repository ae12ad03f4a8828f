//! Reads a line from the ledger, and locks it before a change (INV-5).

use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::{AuthUnit, Line, Member, UnitState};
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

use crate::{Connection, LedgerError, Statement as _};

/// A line in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLine {
    /// The id of the row.
    pub line_id: i64,
    /// The line. Its members are sorted, with the contract number first.
    pub line: Line,
    /// When the unit was established (UNIT-2).
    pub unit_established: Option<DateTime<Utc>>,
    /// When the line was closed.
    pub closed: Option<DateTime<Utc>>,
}

/// INV-5: locks the line of a number until the end of the transaction, and then reads it. `None` if the number is on no
/// line.
///
/// Fails with a conflict if another change holds the lock for too long, or removes the number from the line while this
/// transaction waits.
pub async fn lock_line_of(
    transaction: &mut Connection,
    number: &TelephoneNumber,
) -> Result<Option<StoredLine>, LedgerError> {
    let found = sqlx::query_scalar!(
        r#"
        SELECT line_id FROM lines
        WHERE line_id = (SELECT line_id FROM numbers WHERE number = $1)
        FOR NO KEY UPDATE
        "#,
        number.as_str(),
    )
    .fetch_optional(&mut *transaction)
    .statement("lock_line_of", "lines")
    .await?;
    let Some(line_id) = found else {
        return Ok(None);
    };
    // The line is read after it is locked, so that no other transaction can change it.
    match read_line(transaction, line_id).await? {
        Some(stored) if stored.line.has(number) => Ok(Some(stored)),
        Some(_) | None => Err(LedgerError::conflict("lock_line_of")),
    }
}

/// INV-5: locks a line until the end of the transaction, and then reads it. `None` if the line does not exist.
pub async fn lock_line(
    transaction: &mut Connection,
    line_id: i64,
) -> Result<Option<StoredLine>, LedgerError> {
    let found = sqlx::query_scalar!(
        "SELECT line_id FROM lines WHERE line_id = $1 FOR NO KEY UPDATE",
        line_id,
    )
    .fetch_optional(&mut *transaction)
    .statement("lock_line", "lines")
    .await?;
    match found {
        Some(line_id) => read_line(transaction, line_id).await,
        None => Ok(None),
    }
}

/// Reads the line of a number without a lock, from one snapshot. `None` if the number is on no line.
pub async fn read_line_of(
    executor: impl PgExecutor<'_>,
    number: &TelephoneNumber,
) -> Result<Option<StoredLine>, LedgerError> {
    sqlx::query_as!(
        LineRow,
        r#"
        SELECT l.line_id, l.contract_number, l.unit, l.unit_established_time, l.closed_time, l.version,
            array_agg(n.number ORDER BY n.number <> l.contract_number, n.number) AS "numbers!",
            array_agg(n.subscribed ORDER BY n.number <> l.contract_number, n.number) AS "subscribed!"
        FROM lines AS l JOIN numbers AS n USING (line_id)
        WHERE l.line_id = (SELECT line_id FROM numbers WHERE number = $1)
        GROUP BY l.line_id
        "#,
        number.as_str(),
    )
    .fetch_optional(executor)
    .statement("read_line_of", "lines")
    .await?
    .map(StoredLine::try_from)
    .transpose()
}

/// Reads a line without a lock, from one snapshot. `None` if the line does not exist.
pub async fn read_line(
    executor: impl PgExecutor<'_>,
    line_id: i64,
) -> Result<Option<StoredLine>, LedgerError> {
    sqlx::query_as!(
        LineRow,
        r#"
        SELECT l.line_id, l.contract_number, l.unit, l.unit_established_time, l.closed_time, l.version,
            array_agg(n.number ORDER BY n.number <> l.contract_number, n.number) AS "numbers!",
            array_agg(n.subscribed ORDER BY n.number <> l.contract_number, n.number) AS "subscribed!"
        FROM lines AS l JOIN numbers AS n USING (line_id)
        WHERE l.line_id = $1
        GROUP BY l.line_id
        "#,
        line_id,
    )
    .fetch_optional(executor)
    .statement("read_line", "lines")
    .await?
    .map(StoredLine::try_from)
    .transpose()
}

struct LineRow {
    line_id: i64,
    contract_number: String,
    unit: Option<String>,
    unit_established_time: Option<DateTime<Utc>>,
    closed_time: Option<DateTime<Utc>>,
    version: i64,
    numbers: Vec<String>,
    subscribed: Vec<bool>,
}

impl TryFrom<LineRow> for StoredLine {
    type Error = LedgerError;

    fn try_from(row: LineRow) -> Result<Self, LedgerError> {
        let members = row
            .numbers
            .iter()
            .zip(row.subscribed)
            .map(|(number, subscribed)| {
                Ok(Member {
                    number: TelephoneNumber::parse(number)?,
                    subscribed,
                })
            });
        Ok(Self {
            line_id: row.line_id,
            line: Line {
                contract_number: TelephoneNumber::parse(&row.contract_number)?,
                members: members.collect::<Result<_, LedgerError>>()?,
                state: unit_state(row.unit.as_deref(), row.unit_established_time)?,
                closed: row.closed_time.is_some(),
                version: row.version,
            },
            unit_established: row.unit_established_time,
            closed: row.closed_time,
        })
    }
}

/// UNIT-2: the unit state of a line, from the columns `unit` and `unit_established_time`.
pub fn unit_state(
    unit: Option<&str>,
    established: Option<DateTime<Utc>>,
) -> Result<UnitState, LedgerError> {
    match (unit.map(AuthUnit::parse).transpose()?, established) {
        (None, None) => Ok(UnitState::Unset),
        (Some(unit), None) => Ok(UnitState::Chosen(unit)),
        (Some(unit), Some(_)) => Ok(UnitState::Established(unit)),
        (None, Some(_)) => Err(LedgerError::corrupt("unit_state")),
    }
}
