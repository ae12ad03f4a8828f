//! The SQL statements of this service.

use aikagi_domain::credential::Epoch;
use aikagi_domain::dialog::{SettingDenial, check_setting};
use aikagi_domain::fault::InternalFault;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::{AuthUnit, UnitChoice};
use aikagi_ledger::audit::{self, AuditAction, AuditEvent, AuditOutcome, Refusals, RefusedEvent};
use aikagi_ledger::line::{StoredLine, lock_line_of, read_line_of};
use aikagi_ledger::{Connection, Ledger, LedgerError, Statement as _};
use aikagi_mesh::telemetry::trace_id;
use aikagi_refusal::{ErrorReason, Failure, Refusal};
use chrono::{DateTime, Utc};

use crate::setting::SettingRequest;

/// The ledger, with the statements of this service. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    ledger: Ledger,
    refusals: Refusals,
}

/// A committed temporary password.
pub(crate) struct Committed {
    /// The account.
    pub(crate) account: TelephoneNumber,
    /// The epoch of its new credential (INV-1).
    pub(crate) epoch: Epoch,
}

impl Store {
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self {
            refusals: Refusals::new(ledger.clone()),
            ledger,
        }
    }

    /// The counts of repeated refusals.
    pub(crate) fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Reads the present state of a number's line. Returns `None` if the number is on no line.
    pub(crate) async fn line_of(
        &self,
        number: &TelephoneNumber,
    ) -> Result<Option<StoredLine>, LedgerError> {
        read_line_of(&self.ledger, number).await
    }

    /// IVR-10, UNIT-2, INV-5: makes the temporary password the account's credential, in one transaction that locks the
    /// line. The transaction repeats the checks of the call's turns, now on the locked line.
    pub(crate) async fn set_temporary(
        &self,
        request: &SettingRequest,
        now: DateTime<Utc>,
        expires: DateTime<Utc>,
    ) -> Result<Committed, Failure> {
        let mut transaction = self.ledger.begin().await?;
        let stored = match &request.caller {
            Some(caller) => lock_line_of(&mut transaction, caller).await?,
            None => None,
        };
        let line = stored.as_ref().map(|stored| &stored.line);
        let account = match check_setting(
            request.caller.as_ref(),
            line,
            request.unit,
            request.target.as_ref(),
        ) {
            Ok(account) => account,
            Err(denied) => {
                transaction.rollback().await?;
                let line_id = stored.map(|stored| stored.line_id);
                self.note_refusal(
                    &request.actor,
                    request.caller.as_ref(),
                    line_id,
                    reason(denied),
                    now,
                )
                .await?;
                return Err(refusal(denied).into());
            }
        };
        let stored = stored.ok_or(InternalFault("a number on no line passed check_setting"))?;
        // `check_setting` has already refused a unit other than the established one.
        let choice = stored
            .line
            .state
            .choose(request.unit)
            .map_err(|_| InternalFault("another unit passed check_setting"))?;
        choose_unit(&mut transaction, &stored, request.unit, choice).await?;
        let epoch = make_temporary(&mut transaction, &account, expires).await?;
        let event = AuditEvent {
            occurred: now,
            actor: &actor(&request.actor, request.caller.as_ref()),
            action: AuditAction::SetTemporaryPassword,
            line_id: Some(stored.line_id),
            number: Some(&account),
            outcome: AuditOutcome::Done,
            reason: Some(request.unit.as_str()),
            trace_id: trace_id(),
        };
        audit::append(&mut transaction, event).await?;
        transaction.commit().await?;
        Ok(Committed { account, epoch })
    }

    /// OPS-3, OPS-6: writes or counts a refused request to set a password. A number that is on no line is not stored.
    pub(crate) async fn note_refusal(
        &self,
        workload: &str,
        caller: Option<&TelephoneNumber>,
        line_id: Option<i64>,
        reason: &'static str,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        let event = RefusedEvent {
            occurred: now,
            actor: actor(workload, caller),
            action: AuditAction::SetTemporaryPassword,
            line_id,
            number: caller,
            reason,
            reason_without_line: None,
            trace_id: trace_id(),
            decoy: None,
        };
        self.refusals.note(event).await?;
        Ok(())
    }
}

/// The actor of an audit event: the masked caller, and the workload that made the request.
fn actor(workload: &str, caller: Option<&TelephoneNumber>) -> String {
    match caller {
        Some(caller) => format!("{} via {workload}", caller.masked()),
        None => workload.to_owned(),
    }
}

/// The reason that the audit trail has if the caller may not set the password.
fn reason(denied: SettingDenial) -> &'static str {
    match denied {
        SettingDenial::Caller => "CALLER_REFUSED",
        SettingDenial::Unit => "UNIT_REFUSED",
        SettingDenial::Target => "TARGET_REFUSED",
    }
}

/// IVR-11: the refusal if the caller may not set the password.
fn refusal(denied: SettingDenial) -> Refusal {
    let target_refused =
        |field| Refusal::new(ErrorReason::TargetRefused).field(field, "is not allowed");
    match denied {
        SettingDenial::Caller => Refusal::new(ErrorReason::CallerRefused),
        SettingDenial::Unit => target_refused("unit"),
        SettingDenial::Target => target_refused("target_number"),
    }
}

/// UNIT-2: gives the line its unit. If the line had another unit, the temporary passwords of that unit are voided.
async fn choose_unit(
    connection: &mut Connection,
    stored: &StoredLine,
    unit: AuthUnit,
    choice: UnitChoice,
) -> Result<(), LedgerError> {
    match choice {
        UnitChoice::Keep => return Ok(()),
        UnitChoice::First => {}
        UnitChoice::Replace => {
            sqlx::query!(
                r#"
                UPDATE credentials
                SET kind = 'NONE', epoch = nextval('credential_epoch'), failures = 0, killed_time = NULL,
                    temporary_expires_time = NULL
                WHERE kind <> 'NONE' AND number IN (SELECT number FROM numbers WHERE line_id = $1)
                "#,
                stored.line_id,
            )
            .execute(&mut *connection)
            .statement("choose_unit", "credentials")
            .await?;
        }
    }
    sqlx::query!(
        "UPDATE lines SET unit = $2, version = version + 1 WHERE line_id = $1",
        stored.line_id,
        unit.as_str(),
    )
    .execute(connection)
    .statement("choose_unit", "lines")
    .await?;
    Ok(())
}

/// IVR-10, INV-1, INV-2: replaces the account's credential. The new credential has a new epoch and a count of 0. A
/// permanent password is retired, and its hash stays for PW-2.
async fn make_temporary(
    connection: &mut Connection,
    account: &TelephoneNumber,
    expires: DateTime<Utc>,
) -> Result<Epoch, LedgerError> {
    let row = sqlx::query!(
        r#"
        UPDATE credentials
        SET kind = 'TEMPORARY', epoch = nextval('credential_epoch'), failures = 0, killed_time = NULL,
            temporary_expires_time = $2
        WHERE number = $1
        RETURNING epoch
        "#,
        account.as_str(),
        expires,
    )
    .fetch_optional(connection)
    .statement("make_temporary", "credentials")
    .await?;
    // Each number of a line has a row in `credentials`.
    row.map(|row| Epoch(row.epoch))
        .ok_or_else(|| LedgerError::corrupt("make_temporary"))
}
