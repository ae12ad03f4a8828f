//! A batch of new lines, added in one transaction (OPS-1, INV-5).

use std::collections::{BTreeMap, BTreeSet};

use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::Member;
use aikagi_ledger::audit::{self, AuditAction, AuditEvent, AuditOutcome};
use aikagi_ledger::{LedgerError, Statement as _, commit, rollback};
use aikagi_mesh::telemetry::trace_id;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::directory::{NewLine, give_way_to};
use super::{Store, texts};

/// How often a batch is begun again because somebody else added one of its numbers at the same time.
const TRIES: u32 = 3;

/// Lines that are to be added, no number in two of them.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) lines: Vec<&'a NewLine>,
    pub(crate) actor: &'a str,
    pub(crate) now: DateTime<Utc>,
    /// Only look.
    pub(crate) dry_run: bool,
}

/// What becomes of a line of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is new.
    Added,
    /// It stands already, just so.
    Unchanged,
    /// It stands already, with other numbers or another subscription.
    Differs,
    /// This number is on another open line.
    Taken(TelephoneNumber),
}

impl Store {
    /// OPS-1, OPS-3: adds those lines of a batch that can be added, in one transaction with their events, and tells
    /// for each in order what became of it.
    pub(crate) async fn import(&self, batch: &Batch<'_>) -> Result<Vec<Fate>, LedgerError> {
        for _ in 0..TRIES {
            if let Some(fates) = self.try_import(batch).await? {
                return Ok(fates);
            }
        }
        Err(LedgerError::conflict("import"))
    }

    /// None when somebody else added one of the numbers at the same time; nothing was added then.
    async fn try_import(&self, batch: &Batch<'_>) -> Result<Option<Vec<Fate>>, LedgerError> {
        let numbers = texts(batch.lines.iter().flat_map(|line| line.numbers()));
        let mut transaction = self.ledger.begin().await?;
        if !batch.dry_run {
            remove_closed(&mut transaction, &numbers, batch).await?;
        }
        let standing = standing(&mut transaction, &numbers).await?;
        let fates: Vec<Fate> = batch.lines.iter().map(|line| standing.fate(line)).collect();
        if batch.dry_run {
            rollback(transaction).await?;
            return Ok(Some(fates));
        }
        let new: Vec<&NewLine> = batch
            .lines
            .iter()
            .zip(&fates)
            .filter(|(_, fate)| **fate == Fate::Added)
            .map(|(line, _)| *line)
            .collect();
        if !insert(&mut transaction, &new, batch).await? {
            rollback(transaction).await?;
            return Ok(None);
        }
        commit(transaction).await?;
        Ok(Some(fates))
    }
}

/// The open lines that have one of a batch's numbers.
struct Standing {
    /// Of each number that is on one: its line.
    line_of: BTreeMap<String, i64>,
    /// Of each line that one of the batch's numbers names: all its numbers, and whether each is subscribed.
    members_of: BTreeMap<i64, (String, BTreeSet<(String, bool)>)>,
}

impl Standing {
    fn fate(&self, line: &NewLine) -> Fate {
        let contract = line.contract.number.as_str();
        let named = self
            .line_of
            .get(contract)
            .and_then(|line_id| self.members_of.get(line_id))
            .filter(|(name, _)| name == contract);
        if let Some((_, standing)) = named {
            let wanted = line.members();
            let wanted: BTreeSet<(String, bool)> = wanted
                .map(|member| (member.number.as_str().to_owned(), member.subscribed))
                .collect();
            return if wanted == *standing {
                Fate::Unchanged
            } else {
                Fate::Differs
            };
        }
        line.numbers()
            .find(|number| self.line_of.contains_key(number.as_str()))
            .map_or(Fate::Added, |number| Fate::Taken(number.clone()))
    }
}

async fn standing(
    connection: &mut PgConnection,
    numbers: &[String],
) -> Result<Standing, LedgerError> {
    let rows = sqlx::query!(
        r#"
        SELECT found.number, line_id, contract_number FROM numbers AS found JOIN lines USING (line_id)
        WHERE found.number = ANY ($1) AND closed_time IS NULL
        "#,
        numbers,
    )
    .fetch_all(&mut *connection)
    .statement("standing", "numbers")
    .await?;
    let mut standing = Standing {
        line_of: BTreeMap::new(),
        members_of: BTreeMap::new(),
    };
    for row in rows {
        if row.number == row.contract_number {
            let members = (row.contract_number, BTreeSet::new());
            standing.members_of.insert(row.line_id, members);
        }
        standing.line_of.insert(row.number, row.line_id);
    }
    let named: Vec<i64> = standing.members_of.keys().copied().collect();
    if named.is_empty() {
        return Ok(standing);
    }
    let rows = sqlx::query!(
        "SELECT line_id, number, subscribed FROM numbers WHERE line_id = ANY ($1)",
        &named,
    )
    .fetch_all(connection)
    .statement("standing", "numbers")
    .await?;
    for row in rows {
        if let Some((_, members)) = standing.members_of.get_mut(&row.line_id) {
            members.insert((row.number, row.subscribed));
        }
    }
    Ok(standing)
}

async fn remove_closed(
    connection: &mut PgConnection,
    numbers: &[String],
    batch: &Batch<'_>,
) -> Result<(), LedgerError> {
    for (line_id, number) in give_way_to(connection, numbers).await? {
        let event = AuditEvent {
            occurred: batch.now,
            actor: batch.actor,
            action: AuditAction::RemoveLine,
            line_id: Some(line_id),
            number: Some(&number),
            outcome: AuditOutcome::Done,
            reason: None,
            trace_id: trace_id(),
        };
        audit::append(connection, event).await?;
    }
    Ok(())
}

/// Inserts lines with their numbers, credentials and events. False when somebody else added one of the numbers
/// at the same time: nothing may be kept then.
async fn insert(
    connection: &mut PgConnection,
    lines: &[&NewLine],
    batch: &Batch<'_>,
) -> Result<bool, LedgerError> {
    let contracts = texts(lines.iter().map(|line| &line.contract.number));
    let added = sqlx::query!(
        r#"
        INSERT INTO lines (contract_number) SELECT unnest($1::text[])
        ON CONFLICT DO NOTHING
        RETURNING line_id, contract_number
        "#,
        &contracts,
    )
    .fetch_all(&mut *connection)
    .statement("insert", "lines")
    .await?;
    let line_ids: BTreeMap<&str, i64> = added
        .iter()
        .map(|row| (row.contract_number.as_str(), row.line_id))
        .collect();
    let (mut ids, mut members): (Vec<i64>, Vec<&Member>) = (Vec::new(), Vec::new());
    for line in lines {
        let Some(line_id) = line_ids.get(line.contract.number.as_str()) else {
            return Ok(false);
        };
        for member in line.members() {
            ids.push(*line_id);
            members.push(member);
        }
    }
    let numbers = texts(members.iter().map(|member| &member.number));
    let subscribed: Vec<bool> = members.iter().map(|member| member.subscribed).collect();
    let inserted = sqlx::query!(
        r#"
        INSERT INTO numbers (number, line_id, subscribed)
        SELECT * FROM unnest($1::text[], $2::bigint[], $3::boolean[])
        ON CONFLICT DO NOTHING
        "#,
        &numbers,
        &ids,
        &subscribed,
    )
    .execute(&mut *connection)
    .statement("insert", "numbers")
    .await?;
    if inserted.rows_affected() != numbers.len() as u64 {
        return Ok(false);
    }
    sqlx::query!(
        "INSERT INTO credentials (number) SELECT unnest($1::text[])",
        &numbers,
    )
    .execute(&mut *connection)
    .statement("insert", "credentials")
    .await?;
    let line_ids: Vec<i64> = added.iter().map(|row| row.line_id).collect();
    let contracts: Vec<String> = added.into_iter().map(|row| row.contract_number).collect();
    sqlx::query!(
        "SELECT audit_append_added_lines($1, $2, $3, $4, $5)",
        &line_ids,
        &contracts,
        batch.now,
        batch.actor,
        trace_id(),
    )
    .execute(connection)
    .statement("insert", "none")
    .await?;
    Ok(true)
}
