//! The statements that this service alone needs. None reads a hash: the role may not.

use std::collections::{BTreeMap, BTreeSet};

use aikagi_domain::credential::CredentialKind;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::Member;
use aikagi_ledger::LedgerError;
use aikagi_ledger::audit::{self, Action, AuditEvent, Outcome};
use aikagi_ledger::line::{StoredLine, read_line_of};
use aikagi_mesh::telemetry::trace_id;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

pub(crate) mod migration;

/// The ledger, as this service sees it.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pool: PgPool,
}

/// A line that is to be added; no number is there twice.
#[derive(Debug)]
pub(crate) struct NewLine {
    pub(crate) contract: Member,
    pub(crate) additional: Vec<Member>,
}

/// What came of adding a line.
#[derive(Debug)]
pub(crate) enum Added {
    /// It was added, and stands like this.
    Line(FoundLine),
    /// Nothing was added: this number is on a line already.
    Taken(TelephoneNumber),
}

/// A line as it stands, with the state of its credentials.
#[derive(Debug)]
pub(crate) struct FoundLine {
    pub(crate) stored: StoredLine,
    /// The contract number first, then the others in order.
    pub(crate) numbers: Vec<FoundNumber>,
}

/// One number of a line and the state of its credential.
#[derive(Debug)]
pub(crate) struct FoundNumber {
    pub(crate) member: Member,
    pub(crate) kind: CredentialKind,
    pub(crate) failures: u32,
    pub(crate) killed: Option<DateTime<Utc>>,
    pub(crate) temporary_expires: Option<DateTime<Utc>>,
    /// When the permanent password was changed, if that is what the credential is.
    pub(crate) changed: Option<DateTime<Utc>>,
}

impl Store {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub(crate) async fn check(&self) -> Result<(), LedgerError> {
        aikagi_ledger::check(&self.pool).await
    }

    /// OPS-1, INV-5: adds a line without a unit (UNIT-2), its numbers and a credential for each, in one
    /// transaction with its event.
    pub(crate) async fn add_line(
        &self,
        line: &NewLine,
        actor: &str,
        now: DateTime<Utc>,
    ) -> Result<Added, LedgerError> {
        let mut transaction = self.pool.begin().await?;
        let event = AuditEvent {
            occurred: now,
            actor,
            action: Action::AddLine,
            line_id: None,
            number: Some(&line.contract.number),
            outcome: Outcome::Done,
            reason: None,
            trace_id: trace_id(),
        };
        if let Some(taken) = insert(&mut transaction, line).await? {
            transaction.rollback().await?;
            let mut connection = self.pool.acquire().await?;
            let on = read_line_of(&mut *connection, &taken).await?;
            let refused = AuditEvent {
                line_id: on.as_ref().map(|stored| stored.line_id),
                number: on.as_ref().map(|_| &taken),
                outcome: Outcome::Refused,
                reason: Some("NUMBER_TAKEN"),
                ..event
            };
            audit::append(&mut connection, refused).await?;
            return Ok(Added::Taken(taken));
        }
        let added = find(&mut transaction, &line.contract.number)
            .await?
            .ok_or(LedgerError::Corrupt)?;
        let done = AuditEvent {
            line_id: Some(added.stored.line_id),
            ..event
        };
        audit::append(&mut transaction, done).await?;
        transaction.commit().await?;
        Ok(Added::Line(added))
    }

    /// The line that a number is on, all of it as it is at one moment.
    pub(crate) async fn line_of(
        &self,
        number: &TelephoneNumber,
    ) -> Result<Option<FoundLine>, LedgerError> {
        let mut snapshot = self
            .pool
            .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .await?;
        let found = find(&mut snapshot, number).await?;
        snapshot.commit().await?;
        Ok(found)
    }
}

/// Inserts all rows of a line, or tells a number that is on a line already. Whoever adds one of the numbers at
/// the same time is waited for.
async fn insert(
    connection: &mut PgConnection,
    line: &NewLine,
) -> Result<Option<TelephoneNumber>, LedgerError> {
    let contract = &line.contract.number;
    let line_id = sqlx::query_scalar!(
        "INSERT INTO lines (contract_number) VALUES ($1) ON CONFLICT DO NOTHING RETURNING line_id",
        contract.as_str(),
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(line_id) = line_id else {
        return Ok(Some(contract.clone()));
    };
    let members = || std::iter::once(&line.contract).chain(&line.additional);
    let numbers: Vec<String> = members()
        .map(|member| member.number.as_str().to_owned())
        .collect();
    let subscribed: Vec<bool> = members().map(|member| member.subscribed).collect();
    // In order, so that two lines that share numbers do not wait for each other.
    let inserted = sqlx::query_scalar!(
        r#"
        INSERT INTO numbers (number, line_id, subscribed)
        SELECT number, $1, subscribed
        FROM unnest($2::text[], $3::boolean[]) AS new (number, subscribed)
        ORDER BY number
        ON CONFLICT DO NOTHING
        RETURNING number
        "#,
        line_id,
        &numbers,
        &subscribed,
    )
    .fetch_all(&mut *connection)
    .await?;
    let inserted = BTreeSet::from_iter(inserted);
    if let Some(taken) = members().find(|member| !inserted.contains(member.number.as_str())) {
        return Ok(Some(taken.number.clone()));
    }
    sqlx::query!(
        "INSERT INTO credentials (number) SELECT unnest($1::text[])",
        &numbers,
    )
    .execute(connection)
    .await?;
    Ok(None)
}

async fn find(
    connection: &mut PgConnection,
    number: &TelephoneNumber,
) -> Result<Option<FoundLine>, LedgerError> {
    let Some(stored) = read_line_of(&mut *connection, number).await? else {
        return Ok(None);
    };
    let rows = sqlx::query!(
        r#"
        SELECT number, kind, failures, killed_time, temporary_expires_time,
            CASE WHEN kind = 'PERMANENT' THEN changed_time END AS changed_time
        FROM credentials JOIN numbers USING (number)
        WHERE line_id = $1
        "#,
        stored.line_id,
    )
    .fetch_all(connection)
    .await?;
    let mut rows: BTreeMap<String, _> = rows
        .into_iter()
        .map(|row| (row.number.clone(), row))
        .collect();
    let numbers = stored.line.members.iter().map(|member| {
        // Every number has its credential from the day it is on a line.
        let row = rows
            .remove(member.number.as_str())
            .ok_or(LedgerError::Corrupt)?;
        Ok(FoundNumber {
            member: member.clone(),
            kind: CredentialKind::parse(&row.kind)?,
            // The ledger's checks keep counts from being negative.
            failures: u32::try_from(row.failures).unwrap_or(0),
            killed: row.killed_time,
            temporary_expires: row.temporary_expires_time,
            changed: row.changed_time,
        })
    });
    let numbers = numbers.collect::<Result<_, LedgerError>>()?;
    Ok(Some(FoundLine { stored, numbers }))
}
