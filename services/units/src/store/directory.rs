//! Changes of lines by operators. Each change and its audit event are one transaction (OPS-1, INV-5).

use std::collections::BTreeSet;

use aikagi_domain::directory::{Change, ChangeDenial, ChangePlan};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::{AuthUnit, Line, Member};
use aikagi_ledger::audit::{self, AuditAction, AuditEvent, AuditOutcome};
use aikagi_ledger::line::{StoredLine, lock_line_of, read_line_of};
use aikagi_ledger::{Connection, LedgerError, Statement as _};
use aikagi_mesh::telemetry::trace_id;
use chrono::{DateTime, Utc};

use super::lines::{LineWithCredentials, find};
use super::{Store, texts};

/// A line to be added. It contains no number twice.
#[derive(Debug)]
pub(crate) struct NewLine {
    pub(crate) contract: Member,
    pub(crate) additional: Vec<Member>,
}

impl NewLine {
    /// All numbers, the contract number first.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> + Clone {
        std::iter::once(&self.contract).chain(&self.additional)
    }

    pub(crate) fn numbers(&self) -> impl Iterator<Item = &TelephoneNumber> + Clone {
        self.members().map(|member| &member.number)
    }
}

/// A change of a line that an operator requests.
#[derive(Debug)]
pub(crate) struct LineChange<'a> {
    /// A number of the line.
    pub(crate) line_number: &'a TelephoneNumber,
    pub(crate) change: Change,
    pub(crate) actor: &'a str,
}

/// The reason why nothing was changed.
#[derive(Debug)]
pub(crate) enum NotChanged {
    /// No line has the number.
    NoLine,
    /// The state of the line does not allow the change.
    Refused(ChangeDenial),
    /// This number is already on an open line.
    Taken(TelephoneNumber),
}

impl NotChanged {
    /// The reason in the audit trail.
    fn reason(&self) -> &'static str {
        match self {
            Self::NoLine => "LINE_NOT_FOUND",
            Self::Refused(ChangeDenial::LineClosed) => "LINE_CLOSED",
            Self::Refused(ChangeDenial::ContractNumberStays) => "CONTRACT_NUMBER_STAYS",
            Self::Refused(ChangeDenial::NumberNotOnLine) => "NUMBER_NOT_THERE",
            Self::Refused(ChangeDenial::NumberOnLine) | Self::Taken(_) => "NUMBER_TAKEN",
        }
    }
}

/// The data that all audit events of one change share.
struct Decision<'a> {
    actor: &'a str,
    action: AuditAction,
    now: DateTime<Utc>,
}

impl Decision<'_> {
    async fn note(
        &self,
        connection: &mut Connection,
        line_id: Option<i64>,
        number: Option<&TelephoneNumber>,
        refused: Option<&NotChanged>,
    ) -> Result<(), LedgerError> {
        let event = AuditEvent {
            occurred: self.now,
            actor: self.actor,
            action: self.action,
            line_id,
            number,
            outcome: refused.map_or(AuditOutcome::Done, |_| AuditOutcome::Refused),
            reason: refused.map(NotChanged::reason),
            trace_id: trace_id(),
        };
        audit::append(connection, event).await
    }
}

impl Store {
    /// OPS-1, INV-5: adds a line without a unit (UNIT-2), its numbers and their credentials. One transaction writes
    /// them and the audit event. The inner error says why nothing was added.
    pub(crate) async fn add_line(
        &self,
        line: &NewLine,
        actor: &str,
        now: DateTime<Utc>,
    ) -> Result<Result<LineWithCredentials, NotChanged>, LedgerError> {
        let decision = Decision {
            actor,
            action: AuditAction::AddLine,
            now,
        };
        let mut transaction = self.ledger.begin().await?;
        release_numbers(&mut transaction, line.numbers(), &decision).await?;
        let taken = match insert_line(&mut transaction, &line.contract.number).await? {
            Some(line_id) => insert_numbers(&mut transaction, line_id, line.members()).await?,
            None => Some(line.contract.number.clone()),
        };
        if let Some(taken) = taken {
            transaction.rollback().await?;
            return Ok(Err(self.note_taken(taken, &decision).await?));
        }
        let contract = &line.contract.number;
        let added = find(&mut transaction, contract)
            .await?
            .ok_or_else(|| LedgerError::corrupt("find"))?;
        let line_id = Some(added.stored.line_id);
        decision
            .note(&mut transaction, line_id, Some(contract), None)
            .await?;
        transaction.commit().await?;
        Ok(Ok(added))
    }

    /// OPS-1, OPS-2, INV-5: changes a line, in one transaction that locks the line and writes the audit event. Returns
    /// the line after the change. If the line is already in the requested state, no event is written. The inner error
    /// says why nothing was changed.
    pub(crate) async fn change_line(
        &self,
        line_change: LineChange<'_>,
        now: DateTime<Utc>,
    ) -> Result<Result<LineWithCredentials, NotChanged>, LedgerError> {
        let decision = Decision {
            actor: line_change.actor,
            action: action(&line_change.change),
            now,
        };
        let mut transaction = self.ledger.begin().await?;
        let Some(stored) = lock_line_of(&mut transaction, line_change.line_number).await? else {
            decision
                .note(&mut transaction, None, None, Some(&NotChanged::NoLine))
                .await?;
            transaction.commit().await?;
            return Ok(Err(NotChanged::NoLine));
        };
        match line_change.change.decide(&stored.line) {
            Ok(None) => {}
            Ok(Some(plan)) => {
                if let Some(taken) = apply(
                    &mut transaction,
                    &stored,
                    &line_change.change,
                    &plan,
                    &decision,
                )
                .await?
                {
                    transaction.rollback().await?;
                    return Ok(Err(self.note_taken(taken, &decision).await?));
                }
            }
            Err(refused) => {
                let refused = NotChanged::Refused(refused);
                decision
                    .note(
                        &mut transaction,
                        Some(stored.line_id),
                        Some(line_change.line_number),
                        Some(&refused),
                    )
                    .await?;
                transaction.commit().await?;
                return Ok(Err(refused));
            }
        }
        // No change removes the contract number from the line.
        let changed = find(&mut transaction, &stored.line.contract_number)
            .await?
            .ok_or_else(|| LedgerError::corrupt("find"))?;
        transaction.commit().await?;
        Ok(Ok(changed))
    }

    /// OPS-3: writes the audit event of a change that was refused because the number `taken` is on an open line. The
    /// event belongs to that line.
    async fn note_taken(
        &self,
        taken: TelephoneNumber,
        decision: &Decision<'_>,
    ) -> Result<NotChanged, LedgerError> {
        let mut connection = self.ledger.acquire().await?;
        let on = read_line_of(&mut connection, &taken).await?;
        let refused = NotChanged::Taken(taken.clone());
        let (line_id, number) = match &on {
            Some(stored) => (Some(stored.line_id), Some(&taken)),
            None => (None, None),
        };
        decision
            .note(&mut connection, line_id, number, Some(&refused))
            .await?;
        Ok(refused)
    }
}

fn action(change: &Change) -> AuditAction {
    match change {
        Change::Close => AuditAction::CloseLine,
        Change::AddNumber(_) => AuditAction::AddNumber,
        Change::RemoveNumber(_) => AuditAction::RemoveNumber,
        Change::Subscribe(member) if member.subscribed => AuditAction::SubscribeNumber,
        Change::Subscribe(_) => AuditAction::UnsubscribeNumber,
        Change::ResetUnit => AuditAction::ResetUnit,
    }
}

/// Writes a change of the locked line, and its audit event.
///
/// Returns a number if it is already on another open line. Then the caller must roll back the transaction.
async fn apply(
    connection: &mut Connection,
    stored: &StoredLine,
    change: &Change,
    plan: &ChangePlan,
    decision: &Decision<'_>,
) -> Result<Option<TelephoneNumber>, LedgerError> {
    let line_id = stored.line_id;
    let concerned = match change {
        Change::Close | Change::ResetUnit => &stored.line.contract_number,
        Change::AddNumber(member) => {
            release_numbers(connection, [&member.number], decision).await?;
            let taken = insert_numbers(connection, line_id, std::iter::once(member)).await?;
            if taken.is_some() {
                return Ok(taken);
            }
            &member.number
        }
        Change::RemoveNumber(number) => {
            delete_number(connection, number).await?;
            number
        }
        Change::Subscribe(member) => {
            set_subscribed(connection, member).await?;
            &member.number
        }
    };
    void(connection, &plan.voided).await?;
    write_line(connection, line_id, &plan.line, decision.now).await?;
    decision
        .note(connection, Some(line_id), Some(concerned), None)
        .await?;
    Ok(None)
}

/// OPS-1: removes the closed lines that have one of the numbers, with all their numbers. After that, the numbers can be
/// used again. The audit events stay. Returns the ids and contract numbers of the removed lines.
pub(super) async fn remove_closed_lines(
    connection: &mut Connection,
    numbers: &[String],
) -> Result<Vec<(i64, TelephoneNumber)>, LedgerError> {
    let closed = sqlx::query!(
        r#"
        SELECT line_id, contract_number FROM lines
        WHERE closed_time IS NOT NULL
          AND line_id IN (SELECT line_id FROM numbers WHERE number = ANY ($1))
        ORDER BY line_id
        FOR UPDATE
        "#,
        numbers,
    )
    .fetch_all(&mut *connection)
    .statement("remove_closed_lines", "lines")
    .await?;
    if closed.is_empty() {
        return Ok(Vec::new());
    }
    let line_ids: Vec<i64> = closed.iter().map(|line| line.line_id).collect();
    sqlx::query!("DELETE FROM numbers WHERE line_id = ANY ($1)", &line_ids)
        .execute(&mut *connection)
        .statement("remove_closed_lines", "numbers")
        .await?;
    sqlx::query!("DELETE FROM lines WHERE line_id = ANY ($1)", &line_ids)
        .execute(connection)
        .statement("remove_closed_lines", "lines")
        .await?;
    let removed = closed.into_iter().map(|line| {
        let number = TelephoneNumber::parse(&line.contract_number)?;
        Ok((line.line_id, number))
    });
    removed.collect()
}

/// Removes the closed lines that have one of the numbers. Writes an audit event for each removed line.
async fn release_numbers<'a>(
    connection: &mut Connection,
    numbers: impl IntoIterator<Item = &'a TelephoneNumber>,
    decision: &Decision<'_>,
) -> Result<(), LedgerError> {
    for (line_id, number) in remove_closed_lines(connection, &texts(numbers)).await? {
        let removal = Decision {
            action: AuditAction::RemoveLine,
            ..*decision
        };
        removal
            .note(connection, Some(line_id), Some(&number), None)
            .await?;
    }
    Ok(())
}

/// Inserts a line. Returns `None` if the number is already the contract number of a line.
async fn insert_line(
    connection: &mut Connection,
    contract: &TelephoneNumber,
) -> Result<Option<i64>, LedgerError> {
    let line_id = sqlx::query_scalar!(
        "INSERT INTO lines (contract_number) VALUES ($1) ON CONFLICT DO NOTHING RETURNING line_id",
        contract.as_str(),
    )
    .fetch_optional(connection)
    .statement("insert_line", "lines")
    .await?;
    Ok(line_id)
}

/// Inserts numbers with their credentials. Returns a number if it is already on a line. Waits for a parallel
/// transaction that inserts one of the numbers.
async fn insert_numbers<'a>(
    connection: &mut Connection,
    line_id: i64,
    members: impl Iterator<Item = &'a Member> + Clone,
) -> Result<Option<TelephoneNumber>, LedgerError> {
    let numbers = texts(members.clone().map(|member| &member.number));
    let subscribed: Vec<bool> = members.clone().map(|member| member.subscribed).collect();
    // The statement sorts the numbers, so that two parallel transactions with common numbers do not deadlock.
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
    .statement("insert_numbers", "numbers")
    .await?;
    let inserted = BTreeSet::from_iter(inserted);
    for member in members {
        if !inserted.contains(member.number.as_str()) {
            return Ok(Some(member.number.clone()));
        }
    }
    sqlx::query!(
        "INSERT INTO credentials (number) SELECT unnest($1::text[])",
        &numbers,
    )
    .execute(connection)
    .statement("insert_numbers", "credentials")
    .await?;
    Ok(None)
}

/// Deletes a number. The foreign key deletes its credential too.
async fn delete_number(
    connection: &mut Connection,
    number: &TelephoneNumber,
) -> Result<(), LedgerError> {
    sqlx::query!("DELETE FROM numbers WHERE number = $1", number.as_str())
        .execute(connection)
        .statement("delete_number", "numbers")
        .await?;
    Ok(())
}

async fn set_subscribed(connection: &mut Connection, member: &Member) -> Result<(), LedgerError> {
    sqlx::query!(
        "UPDATE numbers SET subscribed = $2 WHERE number = $1",
        member.number.as_str(),
        member.subscribed,
    )
    .execute(connection)
    .statement("set_subscribed", "numbers")
    .await?;
    Ok(())
}

/// UNIT-2, SESS-5: writes the state of the line after the change. The new version makes all open pages of the line
/// stale.
async fn write_line(
    connection: &mut Connection,
    line_id: i64,
    after: &Line,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let unit = after.state.unit().map(AuthUnit::as_str);
    sqlx::query!(
        r#"
        UPDATE lines
        SET unit = $2, unit_established_time = CASE WHEN $2::text IS NOT NULL THEN unit_established_time END,
            closed_time = CASE WHEN $3 THEN $4::timestamptz END, version = version + 1
        WHERE line_id = $1
        "#,
        line_id,
        unit,
        after.closed,
        now,
    )
    .execute(connection)
    .statement("write_line", "lines")
    .await?;
    Ok(())
}

/// INV-1, SESS-2: voids the credentials of numbers that are no longer accounts. This ends their sessions. It also
/// removes the hash, so that a number that becomes an account again has no last password (PW-2).
pub(super) async fn void(
    connection: &mut Connection,
    numbers: &[TelephoneNumber],
) -> Result<(), LedgerError> {
    if numbers.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
        UPDATE credentials
        SET kind = 'NONE', epoch = nextval('credential_epoch'), failures = 0, killed_time = NULL,
            temporary_expires_time = NULL, permanent_hash = NULL, hash_epoch = NULL, changed_time = NULL
        WHERE number = ANY ($1)
        "#,
        &texts(numbers),
    )
    .execute(connection)
    .statement("void", "credentials")
    .await?;
    Ok(())
}
