//! The audit trail (OPS-3): one event per decision, in the same transaction as the change. Repeated refusals are counted
//! ([`Refusals`]).

mod refusals;

use aikagi_domain::telephone::TelephoneNumber;
use chrono::{DateTime, Utc};

pub use refusals::{Noted, Refusals, RefusedEvent};

use crate::{Connection, LedgerError, Statement as _};

/// The action that an event records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditAction {
    /// Setting a temporary password by telephone (IVR-*).
    SetTemporaryPassword,
    /// A login (LOGIN-*).
    Login,
    /// The check of a password in a session (LOGIN-6).
    VerifyPassword,
    /// The end of a session by its owner, or by its last wrong attempt (SESS-2).
    Logout,
    /// The end of one other session of the account by its subscriber (SESS-7).
    EndSession,
    /// The end of all sessions of an account by an operator (SESS-2), or of all other ones by its subscriber (SESS-7).
    EndSessions,
    /// Setting or changing a permanent password (PW-*).
    ChangePassword,
    /// A unit migration (MIG-*).
    Migrate,
    /// Adding a line (OPS-1).
    AddLine,
    /// Closing a line (OPS-1).
    CloseLine,
    /// Removing a closed line, because one of its numbers is used again (OPS-1).
    RemoveLine,
    /// Adding a number to a line (OPS-1).
    AddNumber,
    /// Removing a number from its line (OPS-1).
    RemoveNumber,
    /// Subscribing a number to the option service (OPS-1).
    SubscribeNumber,
    /// Unsubscribing a number from the option service (OPS-1).
    UnsubscribeNumber,
    /// Removing the unit of a line (OPS-2).
    ResetUnit,
    /// Computing the hash of a password again with the present cost (LOGIN-10).
    RenewHash,
    /// A refused access of a session to a number's settings (SESS-4).
    CheckAccess,
}

impl AuditAction {
    /// The name stored in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SetTemporaryPassword => "SET_TEMPORARY_PASSWORD",
            Self::Login => "LOGIN",
            Self::VerifyPassword => "VERIFY_PASSWORD",
            Self::Logout => "LOGOUT",
            Self::EndSession => "END_SESSION",
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
            Self::RenewHash => "RENEW_HASH",
            Self::CheckAccess => "CHECK_ACCESS",
        }
    }
}

/// The outcome of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditOutcome {
    /// The action was done.
    Done,
    /// The action was refused.
    Refused,
}

impl AuditOutcome {
    /// The name stored in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::Refused => "REFUSED",
        }
    }
}

/// An event of the audit trail.
#[derive(Debug, Clone)]
pub struct AuditEvent<'a> {
    /// The time of the decision.
    pub occurred: DateTime<Utc>,
    /// Who acted: a masked account or a workload.
    pub actor: &'a str,
    /// The action.
    pub action: AuditAction,
    /// The line concerned.
    pub line_id: Option<i64>,
    /// The number concerned. A number that is on no line is not stored.
    pub number: Option<&'a TelephoneNumber>,
    /// The outcome.
    pub outcome: AuditOutcome,
    /// The reason, if the outcome alone does not explain the decision.
    pub reason: Option<&'a str>,
    /// The trace of the request.
    pub trace_id: Option<String>,
}

/// Appends an event. Call this in the transaction of the change.
pub async fn append(connection: &mut Connection, event: AuditEvent<'_>) -> Result<(), LedgerError> {
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
    .statement("append", "audit_events")
    .await?;
    Ok(())
}
