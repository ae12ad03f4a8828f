//! Why a call to this service fails, and the refusal that its caller gets.

use aikagi_ledger::LedgerError;
use aikagi_mesh::errors::{ErrorReason, Refusal};

/// Why a call fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The caller's own doing, with all that it may know.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// PostgreSQL.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal,
            // Of what this service does so far nothing is decided on a view: it can be sent again as it is.
            Failure::Ledger(LedgerError::Unavailable | LedgerError::Conflict) => {
                tracing::warn!(error = %failure, "the ledger does not answer");
                Self::unavailable()
            }
            Failure::Ledger(LedgerError::Corrupt | LedgerError::Other) => {
                tracing::error!(error = %failure, "a fault of ours");
                Self::new(ErrorReason::Internal)
            }
        }
    }
}
