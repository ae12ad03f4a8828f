//! Errors of PostgreSQL, as classes. No text of the driver leaves this module, because it can quote values.

use std::fmt;
use std::sync::LazyLock;

use aikagi_domain::fault::{
    Cause, ErrorType, FAILURES, FAILURES_DESCRIPTION, Fault, FaultKind, SchemaNames, describe,
};
use aikagi_domain::telephone::TelephoneNumberError;
use aikagi_domain::unit::UnknownName;
use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};
use sqlx::error::DatabaseError;

/// The dependency's name in logs and metrics.
pub(crate) const DEPENDENCY: &str = "postgresql";

static FAILED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    global::meter("aikagi")
        .u64_counter(FAILURES)
        .with_description(FAILURES_DESCRIPTION)
        .build()
});

/// A failed operation of the ledger. If a commit fails with the kind `Unavailable`, the transaction may or may not
/// have been committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerError {
    cause: Cause,
    operation: &'static str,
    /// The table and the constraint of a refused statement.
    refused_by: Option<Box<SchemaNames>>,
}

impl LedgerError {
    /// A stored row has a value that is not allowed.
    pub fn corrupt(operation: &'static str) -> Self {
        Self::counted(ErrorType::Corrupt.into(), operation)
    }

    /// Another change came first. Nothing was changed, and a retry can succeed.
    pub fn conflict(operation: &'static str) -> Self {
        Self::counted(ErrorType::Conflict.into(), operation)
    }

    /// The service is stopping, and the statement was not run.
    pub fn stopping(operation: &'static str) -> Self {
        Self::counted(ErrorType::Shutdown.into(), operation)
    }

    /// Converts an error of the driver. `operation` is the summary of the statement.
    pub fn of(error: &sqlx::Error, operation: &'static str) -> Self {
        let mut refused_by = None;
        if let sqlx::Error::Database(error) = error {
            let names = SchemaNames {
                table: error.table().map(str::to_owned),
                constraint: error.constraint().map(str::to_owned),
            };
            refused_by = (names != SchemaNames::default()).then(|| Box::new(names));
        }
        Self {
            refused_by,
            ..Self::counted(cause_of(error), operation)
        }
    }

    pub(crate) fn counted(cause: Cause, operation: &'static str) -> Self {
        let labels = [
            KeyValue::new("aikagi.dependency", DEPENDENCY),
            KeyValue::new("error.type", cause.error_type.as_str()),
        ];
        FAILED.add(1, &labels);
        Self {
            cause,
            operation,
            refused_by: None,
        }
    }
}

/// Exports the metric of failures as 0 at start, so that a dashboard can tell "none" from "no data".
pub(crate) fn export_failures() {
    FAILED.add(0, &[]);
}

impl Fault for LedgerError {
    fn kind(&self) -> FaultKind {
        match self.cause.error_type {
            ErrorType::Conflict => FaultKind::Conflict,
            ErrorType::Corrupt | ErrorType::Statement => FaultKind::Internal,
            _ => FaultKind::Unavailable,
        }
    }

    fn dependency(&self) -> Option<&str> {
        Some(DEPENDENCY)
    }

    fn cause(&self) -> Cause {
        self.cause
    }

    fn operation(&self) -> &str {
        self.operation
    }

    fn refused_by(&self) -> Option<&SchemaNames> {
        self.refused_by.as_deref()
    }
}

impl std::error::Error for LedgerError {}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe(self, f)
    }
}

/// A stored name is unknown.
impl From<UnknownName> for LedgerError {
    fn from(_unknown: UnknownName) -> Self {
        Self::corrupt("read a row")
    }
}

/// A stored telephone number is malformed.
impl From<TelephoneNumberError> for LedgerError {
    fn from(_malformed: TelephoneNumberError) -> Self {
        Self::corrupt("read a row")
    }
}

/// Carries the cause of a missing connection. An error of the driver wraps this type.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoConnection(pub(crate) Cause);

/// The class of an error of the driver.
pub(crate) fn cause_of(error: &sqlx::Error) -> Cause {
    let error_type = match error {
        sqlx::Error::Database(error) => return of_database(error.as_ref()),
        sqlx::Error::Configuration(error) => match error.downcast_ref() {
            Some(NoConnection(cause)) => return *cause,
            None => ErrorType::Statement,
        },
        sqlx::Error::Tls(_) => ErrorType::Tls,
        // An error of the TLS library is wrapped in an error of this kind.
        sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => ErrorType::Tls,
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => ErrorType::Connect,
        sqlx::Error::PoolTimedOut => ErrorType::PoolTimeout,
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => ErrorType::Shutdown,
        sqlx::Error::BeginFailed => ErrorType::NotDurable,
        sqlx::Error::RowNotFound | sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
            ErrorType::Corrupt
        }
        // The driver's enum is not exhaustive. The other variants mean that our code misuses the driver.
        _ => ErrorType::Statement,
    };
    error_type.into()
}

fn of_database(error: &dyn DatabaseError) -> Cause {
    let code = error.code().unwrap_or_default();
    Cause::with_code(of_state(&code), &code)
}

/// The class of an SQLSTATE.
fn of_state(code: &str) -> ErrorType {
    match (code.get(..2).unwrap_or_default(), code) {
        // Serialization failure, deadlock, lock not available.
        (_, "40001" | "40P01" | "55P03") => ErrorType::Conflict,
        // The time limit of a statement, or of an idle transaction.
        (_, "57014" | "25P03") => ErrorType::StatementTimeout,
        (_, "3D000" | "57P04") => ErrorType::NoDatabase,
        (_, "25006") => ErrorType::ReadOnly,
        (_, "53300") => ErrorType::TooManyConnections,
        ("28", _) => ErrorType::Login,
        ("08", _) => ErrorType::Connect,
        // Disk full; errors of the operating system.
        (_, "53100") | ("58", _) => ErrorType::Disk,
        ("53", _) => ErrorType::OutOfMemory,
        // An operator's intervention: the server starts, stops, or ends a connection.
        ("57", _) => ErrorType::Shutdown,
        // Data or an index is damaged.
        ("XX", _) => ErrorType::Corrupt,
        _ => ErrorType::Statement,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_sqlstate_has_a_class_and_a_kind() {
        for (code, expected, kind) in [
            ("40001", ErrorType::Conflict, FaultKind::Conflict),
            ("40P01", ErrorType::Conflict, FaultKind::Conflict),
            ("55P03", ErrorType::Conflict, FaultKind::Conflict),
            ("57014", ErrorType::StatementTimeout, FaultKind::Unavailable),
            ("25P03", ErrorType::StatementTimeout, FaultKind::Unavailable),
            ("57P01", ErrorType::Shutdown, FaultKind::Unavailable),
            ("57P03", ErrorType::Shutdown, FaultKind::Unavailable),
            (
                "53300",
                ErrorType::TooManyConnections,
                FaultKind::Unavailable,
            ),
            ("53100", ErrorType::Disk, FaultKind::Unavailable),
            ("58030", ErrorType::Disk, FaultKind::Unavailable),
            ("53200", ErrorType::OutOfMemory, FaultKind::Unavailable),
            ("08006", ErrorType::Connect, FaultKind::Unavailable),
            ("25006", ErrorType::ReadOnly, FaultKind::Unavailable),
            ("28P01", ErrorType::Login, FaultKind::Unavailable),
            ("3D000", ErrorType::NoDatabase, FaultKind::Unavailable),
            ("XX001", ErrorType::Corrupt, FaultKind::Internal),
            ("23505", ErrorType::Statement, FaultKind::Internal),
            ("42501", ErrorType::Statement, FaultKind::Internal),
            ("", ErrorType::Statement, FaultKind::Internal),
        ] {
            assert_eq!(of_state(code), expected, "{code}");
            let error = LedgerError::counted(expected.into(), "test");
            assert_eq!(error.kind(), kind, "{code}");
        }
    }

    #[test]
    fn an_error_of_the_driver_itself_has_a_class_too() {
        for (error, expected) in [
            (sqlx::Error::PoolTimedOut, ErrorType::PoolTimeout),
            (sqlx::Error::PoolClosed, ErrorType::Shutdown),
            (sqlx::Error::RowNotFound, ErrorType::Corrupt),
            (
                sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into()),
                ErrorType::Connect,
            ),
            (
                sqlx::Error::InvalidArgument("x".into()),
                ErrorType::Statement,
            ),
        ] {
            let fault = LedgerError::of(&error, "charge");
            assert_eq!(fault.cause(), Cause::from(expected));
            assert_eq!(fault.operation(), "charge");
        }
        let unknown = LedgerError::from(UnknownName);
        assert_eq!(unknown.kind(), FaultKind::Internal);
        assert_eq!(
            LedgerError::from(TelephoneNumberError).to_string(),
            "postgresql: corrupt"
        );
    }
}
