//! The present state of a line and its credentials.

use std::collections::BTreeMap;

use aikagi_domain::credential::{Credential, CredentialKind, Epoch};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_ledger::line::{StoredLine, read_line_of};
use aikagi_ledger::{Connection, LedgerError, Statement as _};
use chrono::{DateTime, Utc};

use super::Store;

/// A line and the credentials of all its numbers, read at the same time.
#[derive(Debug)]
pub(crate) struct LineWithCredentials {
    pub(crate) stored: StoredLine,
    /// The credentials of all numbers, without secrets.
    pub(crate) credentials: BTreeMap<TelephoneNumber, CredentialState>,
}

/// The state of a number's credential.
#[derive(Debug)]
pub(crate) struct CredentialState {
    pub(crate) credential: Credential,
    /// The time at which the password was killed. `None` if it was not killed.
    pub(crate) killed: Option<DateTime<Utc>>,
    /// LOGIN-4: the number of charges that are not settled.
    pub(crate) open_charges: u32,
}

impl LineWithCredentials {
    pub(crate) fn credential(&self, number: &TelephoneNumber) -> Option<&Credential> {
        let state = self.credentials.get(number)?;
        Some(&state.credential)
    }
}

impl Store {
    /// Reads the line of a number. Returns `None` if the number is on no line.
    pub(crate) async fn line_of(
        &self,
        number: &TelephoneNumber,
    ) -> Result<Option<LineWithCredentials>, LedgerError> {
        let mut snapshot = self.snapshot().await?;
        let found = find(&mut snapshot, number).await?;
        snapshot.commit().await?;
        Ok(found)
    }
}

/// Reads the line of a number in a transaction. Returns `None` if the number is on no line.
pub(super) async fn find(
    connection: &mut Connection,
    number: &TelephoneNumber,
) -> Result<Option<LineWithCredentials>, LedgerError> {
    let Some(stored) = read_line_of(&mut *connection, number).await? else {
        return Ok(None);
    };
    let rows = sqlx::query_as!(
        CredentialRow,
        r#"
        SELECT number, kind, epoch, failures, killed_time, temporary_expires_time, changed_time,
               CASE WHEN failures = 0 THEN 0 ELSE cardinality(open_charges) END AS "open_charges!"
        FROM credentials JOIN numbers USING (number)
        WHERE line_id = $1
        "#,
        stored.line_id,
    )
    .fetch_all(connection)
    .statement("find", "credentials")
    .await?;
    let credentials = credentials(rows)?;
    // Each number of a line has a row in `credentials`.
    if credentials.len() != stored.line.members.len() {
        return Err(LedgerError::corrupt("find"));
    }
    Ok(Some(LineWithCredentials {
        stored,
        credentials,
    }))
}

/// Reads the credentials of a line, and locks them until the end of the transaction.
pub(super) async fn lock_credentials(
    connection: &mut Connection,
    line_id: i64,
) -> Result<BTreeMap<TelephoneNumber, CredentialState>, LedgerError> {
    let rows = sqlx::query_as!(
        CredentialRow,
        r#"
        SELECT number, kind, epoch, failures, killed_time, temporary_expires_time, changed_time,
               CASE WHEN failures = 0 THEN 0 ELSE cardinality(open_charges) END AS "open_charges!"
        FROM credentials JOIN numbers USING (number)
        WHERE line_id = $1
        ORDER BY number
        FOR UPDATE OF credentials
        "#,
        line_id,
    )
    .fetch_all(connection)
    .statement("lock_credentials", "credentials")
    .await?;
    credentials(rows)
}

struct CredentialRow {
    number: String,
    kind: String,
    epoch: i64,
    failures: i32,
    killed_time: Option<DateTime<Utc>>,
    temporary_expires_time: Option<DateTime<Utc>>,
    changed_time: Option<DateTime<Utc>>,
    open_charges: i32,
}

fn credentials(
    rows: Vec<CredentialRow>,
) -> Result<BTreeMap<TelephoneNumber, CredentialState>, LedgerError> {
    let credential = |row: CredentialRow| {
        let credential = Credential {
            kind: CredentialKind::parse(&row.kind)?,
            epoch: Epoch(row.epoch),
            // A constraint of the ledger refuses negative counts.
            failures: u32::try_from(row.failures).unwrap_or(0),
            killed: row.killed_time.is_some(),
            temporary_expires: row.temporary_expires_time,
            changed: row.changed_time,
        };
        let state = CredentialState {
            credential,
            killed: row.killed_time,
            open_charges: u32::try_from(row.open_charges).unwrap_or(0),
        };
        Ok((TelephoneNumber::parse(&row.number)?, state))
    };
    rows.into_iter().map(credential).collect()
}
