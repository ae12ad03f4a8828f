//! The audit trail (OPS-3): one event for each decision, in the transaction of the change that it records.

use crate::statement;
use aikagi_domain::telephone::TelephoneNumber;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use tracing::Instrument as _;

use crate::LedgerError;

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditAction {
    /// A temporary password by telephone (IVR-*).
    SetTemporaryPassword,
    /// A login (LOGIN-*).
    Login,
    /// A password typed elsewhere than at login (LOGIN-6).
    VerifyPassword,
    /// A session ended by its owner, or by its last wrong attempt (SESS-2).
    Logout,
    /// An account's sessions ended at an operator's word (SESS-2).
    EndSessions,
    /// A permanent password set or changed (PW-*).
    ChangePassword,
    /// A line's unit changed on the site (MIG-*).
    Migrate,
    /// A line added (OPS-1).
    AddLine,
    /// A line closed (OPS-1).
    CloseLine,
    /// A closed line removed, because one of its numbers is used anew (OPS-1).
    RemoveLine,
    /// A number added to a line (OPS-1).
    AddNumber,
    /// A number taken off its line (OPS-1).
    RemoveNumber,
    /// A number given the option service (OPS-1).
    SubscribeNumber,
    /// The option service taken from a number (OPS-1).
    UnsubscribeNumber,
    /// A line taken back to having no unit (OPS-2).
    ResetUnit,
    /// Access to a number's settings refused to a session (SESS-4).
    CheckAccess,
}

impl AuditAction {
    /// The name in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SetTemporaryPassword => "SET_TEMPORARY_PASSWORD",
            Self::Login => "LOGIN",
            Self::VerifyPassword => "VERIFY_PASSWORD",
            Self::Logout => "LOGOUT",
            Self::EndSessions => "END_SESSIONS",
            Self::ChangePassword => "CHANGE_PASSWORD",
            Self::Migrate => "MIGRATE",
            Self::AddLine => "ADD_LINE",
            Self::CloseLine => "CLOSE_LINE",
            Self::RemoveLine => "REMOVE_LINE",
            Self::AddNumber => "ADD_NUMBER",
            Self::RemoveNumber => "REMOVE_NUMBER",
            Self::SubscribeNumber => "SUBSCRIBE_NUMBER",
            Self::UnsubscribeNumber => "UNSUBSCRIBE_NUMBER",
            Self::ResetUnit => "RESET_UNIT",
            Self::CheckAccess => "CHECK_ACCESS",
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It was refused.
    Refused,
}

impl AuditOutcome {
    /// The name in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::Refused => "REFUSED",
        }
    }
}

/// A decision.
#[derive(Debug, Clone)]
pub struct AuditEvent<'a> {
    /// When.
    pub occurred: DateTime<Utc>,
    /// Who: an account, masked, or a workload.
    pub actor: &'a str,
    /// What.
    pub action: AuditAction,
    /// On which line.
    pub line_id: Option<i64>,
    /// For which number; one that is on no line is not kept.
    pub number: Option<&'a TelephoneNumber>,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// Why, where that is not said by the outcome.
    pub reason: Option<&'a str>,
    /// The trace in which it was decided.
    pub trace_id: Option<String>,
}

/// Appends an event, in the transaction of its change.
pub async fn append(
    connection: &mut PgConnection,
    event: AuditEvent<'_>,
) -> Result<(), LedgerError> {
    sqlx::query!(
        r#"
        INSERT INTO audit_events (occurred_time, actor, action, line_id, number, outcome, reason, trace_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        event.occurred,
        event.actor,
        event.action.as_str(),
        event.line_id,
        event.number.map(TelephoneNumber::as_str),
        event.outcome.as_str(),
        event.reason,
        event.trace_id,
    )
    .execute(connection)
    .instrument(statement("append", "audit_events"))
    .await?;
    Ok(())
}
