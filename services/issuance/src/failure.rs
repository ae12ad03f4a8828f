//! Why a call to this service fails, and the refusal that its caller gets.

use std::time::Duration;

use aikagi_domain::dialog;
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
    /// The rules do not allow the setting (IVR-11).
    #[error(transparent)]
    Denied(#[from] dialog::SettingDenial),
    /// The hashing pool is full; nothing was changed.
    #[error("the hashing pool is full")]
    Busy(Duration),
    /// The password was set, and another call has replaced it already.
    #[error("another call has replaced the password")]
    Superseded,
    /// Redis.
    #[error(transparent)]
    Ttl(#[from] TtlError),
    /// PostgreSQL.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A value could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A hash could not be made.
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

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal,
            Failure::Denied(dialog::SettingDenial::Caller) => Self::new(ErrorReason::CallerRefused),
            Failure::Denied(dialog::SettingDenial::Unit) => {
                Self::new(ErrorReason::TargetRefused).field("unit", "is not allowed")
            }
            Failure::Denied(dialog::SettingDenial::Target) => {
                Self::new(ErrorReason::TargetRefused).field("target_number", "is not allowed")
            }
            Failure::Busy(retry_after) => {
                Self::new(ErrorReason::Overloaded).retry_after(retry_after)
            }
            Failure::Superseded
            | Failure::Ttl(TtlError::Unavailable)
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
