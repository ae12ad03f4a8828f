//! A line as it stands, with the state of its credentials.

use std::collections::BTreeMap;

use aikagi_domain::credential::{Credential, CredentialKind, Epoch};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_ledger::line::{StoredLine, read_line_of};
use aikagi_ledger::{LedgerError, Statement as _, commit};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::Store;

/// A line and the credentials of all its numbers, as they are at one moment.
#[derive(Debug)]
pub(crate) struct FoundLine {
    pub(crate) stored: StoredLine,
    /// One for each member of the line, without any secret.
    pub(crate) credentials: BTreeMap<TelephoneNumber, FoundCredential>,
}

/// The state of a number's credential.
#[derive(Debug)]
pub(crate) struct FoundCredential {
    pub(crate) credential: Credential,
    /// When it was killed.
    pub(crate) killed: Option<DateTime<Utc>>,
}

impl FoundLine {
    pub(crate) fn credential(&self, number: &TelephoneNumber) -> Option<&Credential> {
        let found = self.credentials.get(number)?;
        Some(&found.credential)
    }
}

impl Store {
    /// The line that a number is on; none when it is on none.
    pub(crate) async fn line_of(
        &self,
        number: &TelephoneNumber,
    ) -> Result<Option<FoundLine>, LedgerError> {
        let mut snapshot = self.snapshot().await?;
        let found = find(&mut snapshot, number).await?;
        commit(snapshot).await?;
        Ok(found)
    }
}

/// The line that a number is on, as the transaction sees it.
pub(super) async fn find(
    connection: &mut PgConnection,
    number: &TelephoneNumber,
) -> Result<Option<FoundLine>, LedgerError> {
    let Some(stored) = read_line_of(&mut *connection, number).await? else {
        return Ok(None);
    };
    let rows = sqlx::query_as!(
        CredentialRow,
        r#"
        SELECT number, kind, epoch, failures, killed_time, temporary_expires_time, changed_time
        FROM credentials JOIN numbers USING (number)
        WHERE line_id = $1
        "#,
        stored.line_id,
    )
    .fetch_all(connection)
    .statement("find", "credentials")
    .await?;
    let credentials = credentials(rows)?;
    // Every number has its credential from the day it is on a line.
    if credentials.len() != stored.line.members.len() {
        return Err(LedgerError::corrupt("find"));
    }
    Ok(Some(FoundLine {
        stored,
        credentials,
    }))
}

/// Locks the credentials of a line until the transaction ends, and reads them.
pub(super) async fn lock_credentials(
    connection: &mut PgConnection,
    line_id: i64,
) -> Result<BTreeMap<TelephoneNumber, FoundCredential>, LedgerError> {
    let rows = sqlx::query_as!(
        CredentialRow,
        r#"
        SELECT number, kind, epoch, failures, killed_time, temporary_expires_time, changed_time
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
}

fn credentials(
    rows: Vec<CredentialRow>,
) -> Result<BTreeMap<TelephoneNumber, FoundCredential>, LedgerError> {
    let credential = |row: CredentialRow| {
        let credential = Credential {
            kind: CredentialKind::parse(&row.kind)?,
            epoch: Epoch(row.epoch),
            // The ledger's checks keep counts from being negative.
            failures: u32::try_from(row.failures).unwrap_or(0),
            killed: row.killed_time.is_some(),
            temporary_expires: row.temporary_expires_time,
            changed: row.changed_time,
        };
        let found = FoundCredential {
            credential,
            killed: row.killed_time,
        };
        Ok((TelephoneNumber::parse(&row.number)?, found))
    };
    rows.into_iter().map(credential).collect()
}
