//! The audit trail (OPS-3): one event for each decision, in the transaction of the change that it records.

use aikagi_domain::telephone::TelephoneNumber;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::LedgerError;

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
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
}

impl Action {
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
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused.
    Refused,
}

impl Outcome {
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
    pub action: Action,
    /// On which line.
    pub line_id: Option<i64>,
    /// For which number; one that is on no line is not kept.
    pub number: Option<&'a TelephoneNumber>,
    /// How it ended.
    pub outcome: Outcome,
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
    .await?;
    Ok(())
}
