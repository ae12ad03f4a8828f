//! What can go wrong with the ledger. Drivers' texts stop here: they may quote values.

use aikagi_domain::fault::{Fault, FaultKind};
use aikagi_domain::telephone::TelephoneNumberError;
use aikagi_domain::unit::UnknownName;
use sqlx::error::DatabaseError;

/// Why the ledger did not do what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// It does not answer, or not in time. Of a commit it is not known whether it was done.
    #[error("the ledger does not answer")]
    Unavailable,
    /// Another transaction was in the way; nothing was changed, and trying again can help.
    #[error("another transaction was in the way")]
    Conflict,
    /// A row holds what no row should.
    #[error("the ledger holds a value that it should not")]
    Corrupt,
    /// A statement was refused: a fault of this program, its role or its schema. The log has its state code.
    #[error("a statement failed")]
    Other,
}

impl Fault for LedgerError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Unavailable => FaultKind::Unavailable,
            Self::Conflict => FaultKind::Conflict,
            Self::Corrupt | Self::Other => FaultKind::Internal,
        }
    }
}

impl From<sqlx::Error> for LedgerError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => of_database(error.as_ref()),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => Self::Unavailable,
            sqlx::Error::RowNotFound
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_) => Self::Corrupt,
            // The driver's enum is open; the rest is misuse of the driver.
            _ => Self::Other,
        }
    }
}

fn of_database(error: &dyn DatabaseError) -> LedgerError {
    let code = error.code().unwrap_or_default();
    let kind = of_state(&code);
    if kind == LedgerError::Other {
        // The message may quote values; the code and the names of the schema do not.
        tracing::error!(
            sqlstate = %code,
            table = error.table(),
            constraint = error.constraint(),
            "the ledger refused a statement"
        );
    }
    kind
}

/// What an SQLSTATE means to a caller.
fn of_state(code: &str) -> LedgerError {
    match (code.get(..2).unwrap_or_default(), code) {
        // Serialization failure, deadlock, lock not available.
        (_, "40001" | "40P01" | "55P03") => LedgerError::Conflict,
        // Connection, credentials, resources, operator's intervention (a statement's time limit included), system;
        // a standby, a transaction that idled for too long, a database that is not there.
        ("08" | "28" | "53" | "57" | "58", _) | (_, "25006" | "25P03" | "3D000") => {
            LedgerError::Unavailable
        }
        // Data or an index is damaged.
        ("XX", _) => LedgerError::Corrupt,
        _ => LedgerError::Other,
    }
}

impl From<UnknownName> for LedgerError {
    fn from(_unknown: UnknownName) -> Self {
        Self::Corrupt
    }
}

impl From<TelephoneNumberError> for LedgerError {
    fn from(_malformed: TelephoneNumberError) -> Self {
        Self::Corrupt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_what_a_caller_can_do_about_it() {
        for (code, expected) in [
            ("40001", LedgerError::Conflict),
            ("40P01", LedgerError::Conflict),
            ("55P03", LedgerError::Conflict),
            ("57014", LedgerError::Unavailable),
            ("57P01", LedgerError::Unavailable),
            ("53300", LedgerError::Unavailable),
            ("08006", LedgerError::Unavailable),
            ("25006", LedgerError::Unavailable),
            ("28P01", LedgerError::Unavailable),
            ("XX001", LedgerError::Corrupt),
            ("23505", LedgerError::Other),
            ("42501", LedgerError::Other),
            ("", LedgerError::Other),
        ] {
            assert_eq!(of_state(code), expected, "{code}");
        }
        assert_eq!(
            LedgerError::from(sqlx::Error::PoolTimedOut),
            LedgerError::Unavailable
        );
        assert_eq!(LedgerError::from(UnknownName), LedgerError::Corrupt);
        assert_eq!(
            LedgerError::from(TelephoneNumberError),
            LedgerError::Corrupt
        );
    }
}
