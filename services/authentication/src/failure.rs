//! Why a call to this service fails, and the refusal that its caller gets.

use std::time::Duration;

use aikagi_domain::session::SessionTokenError;
use aikagi_hashing::seal::SealError;
use aikagi_hashing::{Busy, HashError};
use aikagi_ledger::LedgerError;
use aikagi_mesh::errors::{ErrorReason, Refusal};
use aikagi_ttl::TtlError;

/// Why a call fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The caller's own doing, with all that it may know.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The hashing pool is full; nothing was charged.
    #[error("the hashing pool is full")]
    Busy(Duration),
    /// Redis.
    #[error(transparent)]
    Ttl(#[from] TtlError),
    /// PostgreSQL.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A stored value does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A hash could not be made or compared.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// A fault of ours.
    #[error("{0}")]
    Internal(&'static str),
}

impl From<Busy> for Failure {
    fn from(busy: Busy) -> Self {
        Self::Busy(busy.retry_after)
    }
}

impl From<SessionTokenError> for Failure {
    fn from(_malformed: SessionTokenError) -> Self {
        Refusal::new(ErrorReason::SessionEnded).into()
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal,
            Failure::Busy(retry_after) => {
                Self::new(ErrorReason::Overloaded).retry_after(retry_after)
            }
            // A change that holds an account for too long says nothing of the password: it can be typed again.
            Failure::Ttl(TtlError::Unavailable)
            | Failure::Ledger(LedgerError::Unavailable | LedgerError::Conflict) => {
                tracing::warn!(error = %failure, "a store does not answer");
                Self::unavailable()
            }
            Failure::Ttl(TtlError::Corrupt)
            | Failure::Ledger(LedgerError::Corrupt | LedgerError::Other)
            | Failure::Seal(_)
            | Failure::Hash(_)
            | Failure::Internal(_) => {
                tracing::error!(error = %failure, "a fault of ours");
                Self::new(ErrorReason::Internal)
            }
        }
    }
}
