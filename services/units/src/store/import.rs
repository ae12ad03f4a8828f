//! Adds batches of new lines. Each batch is one transaction (OPS-1, INV-5).

use std::collections::{BTreeMap, BTreeSet};

use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::Member;
use aikagi_ledger::audit::{self, AuditAction, AuditEvent, AuditOutcome};
use aikagi_ledger::{Connection, LedgerError, Statement as _};
use aikagi_mesh::telemetry::trace_id;
use chrono::{DateTime, Utc};

use super::directory::{NewLine, remove_closed_lines};
use super::{Store, texts};

/// The maximum number of tries for a batch. A try fails if a parallel change adds one of the batch's numbers.
const MAX_TRIES: u32 = 3;

/// Lines to be added. No number is in two lines.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) lines: Vec<&'a NewLine>,
    pub(crate) actor: &'a str,
    pub(crate) now: DateTime<Utc>,
    /// If true, nothing is changed.
    pub(crate) dry_run: bool,
}

/// The result for one line of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LineResult {
    /// The line is new.
    Added,
    /// The same line exists already.
    Unchanged,
    /// The line exists already, with other numbers or other subscriptions.
    Differs,
    /// This number is on another open line.
    Taken(TelephoneNumber),
}

impl Store {
    /// OPS-1, OPS-3: adds the lines of a batch that can be added, in one transaction with their audit events. Returns
    /// the results in the order of the lines.
    pub(crate) async fn import(&self, batch: &Batch<'_>) -> Result<Vec<LineResult>, LedgerError> {
        for _ in 0..MAX_TRIES {
            if let Some(results) = self.try_import(batch).await? {
                return Ok(results);
            }
        }
        Err(LedgerError::conflict("import"))
    }

    /// Tries to add the lines. Returns `None` and adds nothing if a parallel change has added one of the numbers.
    async fn try_import(&self, batch: &Batch<'_>) -> Result<Option<Vec<LineResult>>, LedgerError> {
        let numbers = texts(batch.lines.iter().flat_map(|line| line.numbers()));
        let mut transaction = self.ledger.begin().await?;
        if !batch.dry_run {
            remove_closed(&mut transaction, &numbers, batch).await?;
        }
        let existing = existing_lines(&mut transaction, &numbers).await?;
        let results: Vec<LineResult> = batch
            .lines
            .iter()
            .map(|line| existing.result_of(line))
            .collect();
        if batch.dry_run {
            transaction.rollback().await?;
            return Ok(Some(results));
        }
        let new: Vec<&NewLine> = batch
            .lines
            .iter()
            .zip(&results)
            .filter(|(_, result)| **result == LineResult::Added)
            .map(|(line, _)| *line)
            .collect();
        if !insert(&mut transaction, &new, batch).await? {
            transaction.rollback().await?;
            return Ok(None);
        }
        transaction.commit().await?;
        Ok(Some(results))
    }
}

/// The open lines that have a number of a batch.
struct ExistingLines {
    /// The line ids of the batch's numbers. A number that is on no line is missing.
    line_of: BTreeMap<String, i64>,
    /// The lines whose contract number is in the batch, by id: the contract number, and all numbers of the line. The
    /// flag is true if the number is subscribed.
    members_of: BTreeMap<i64, (String, BTreeSet<(String, bool)>)>,
}

impl ExistingLines {
    fn result_of(&self, line: &NewLine) -> LineResult {
        let contract = line.contract.number.as_str();
        let same_contract = self
            .line_of
            .get(contract)
            .and_then(|line_id| self.members_of.get(line_id))
            .filter(|(name, _)| name == contract);
        if let Some((_, existing)) = same_contract {
            let members = line.members();
            let members: BTreeSet<(String, bool)> = members
                .map(|member| (member.number.as_str().to_owned(), member.subscribed))
                .collect();
            return if members == *existing {
                LineResult::Unchanged
            } else {
                LineResult::Differs
            };
        }
        line.numbers()
            .find(|number| self.line_of.contains_key(number.as_str()))
            .map_or(LineResult::Added, |number| {
                LineResult::Taken(number.clone())
            })
    }
}

async fn existing_lines(
    connection: &mut Connection,
    numbers: &[String],
) -> Result<ExistingLines, LedgerError> {
    let rows = sqlx::query!(
        r#"
        SELECT found.number, line_id, contract_number FROM numbers AS found JOIN lines USING (line_id)
        WHERE found.number = ANY ($1) AND closed_time IS NULL
        "#,
        numbers,
    )
    .fetch_all(&mut *connection)
    .statement("existing_lines", "numbers")
    .await?;
    let mut existing = ExistingLines {
        line_of: BTreeMap::new(),
        members_of: BTreeMap::new(),
    };
    for row in rows {
        if row.number == row.contract_number {
            let members = (row.contract_number, BTreeSet::new());
            existing.members_of.insert(row.line_id, members);
        }
        existing.line_of.insert(row.number, row.line_id);
    }
    let named: Vec<i64> = existing.members_of.keys().copied().collect();
    if named.is_empty() {
        return Ok(existing);
    }
    let rows = sqlx::query!(
        "SELECT line_id, number, subscribed FROM numbers WHERE line_id = ANY ($1)",
        &named,
    )
    .fetch_all(connection)
    .statement("existing_lines", "numbers")
    .await?;
    for row in rows {
        if let Some((_, members)) = existing.members_of.get_mut(&row.line_id) {
            members.insert((row.number, row.subscribed));
        }
    }
    Ok(existing)
}

async fn remove_closed(
    connection: &mut Connection,
    numbers: &[String],
    batch: &Batch<'_>,
) -> Result<(), LedgerError> {
    for (line_id, number) in remove_closed_lines(connection, numbers).await? {
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

/// Inserts lines with their numbers, credentials and audit events. Returns false if a parallel change has added one of
/// the numbers. Then the caller must roll back the transaction.
async fn insert(
    connection: &mut Connection,
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
