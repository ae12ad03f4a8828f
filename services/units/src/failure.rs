//! Why a call to this service fails, and the refusal that its caller gets.

use std::time::Duration;

use aikagi_hashing::seal::SealError;
use aikagi_hashing::{Busy, HashError};
use aikagi_ledger::LedgerError;
use aikagi_mesh::errors::{ErrorReason, Refusal};

/// Why a call fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The caller's own doing, with all that it may know.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The hashing pool is full; nothing was changed.
    #[error("the hashing pool is full")]
    Busy(Duration),
    /// PostgreSQL.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A new hash could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A new hash could not be made.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The caller went away, or sent what cannot be read, in the middle of its stream.
    #[error("the caller's stream broke off")]
    CallerGone,
    /// A fault of ours.
    #[error("{0}")]
    Internal(&'static str),
}

impl From<Busy> for Failure {
    fn from(busy: Busy) -> Self {
        Self::Busy(busy.retry_after)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal,
            Failure::Busy(retry_after) => {
                Self::new(ErrorReason::Overloaded).retry_after(retry_after)
            }
            // What operators ask for is not decided on a view: it can be sent again as it is.
            Failure::Ledger(LedgerError::Unavailable | LedgerError::Conflict) => {
                tracing::warn!(error = %failure, "the ledger does not answer");
                Self::unavailable()
            }
            Failure::CallerGone => Self::invalid_field("request", "the stream broke off"),
            Failure::Ledger(LedgerError::Corrupt | LedgerError::Other)
            | Failure::Seal(_)
            | Failure::Hash(_)
            | Failure::Internal(_) => {
                tracing::error!(error = %failure, "a fault of ours");
                Self::new(ErrorReason::Internal)
            }
        }
    }
}
