//! What can go wrong with Redis, without the driver's words: they may hold a key.

use aikagi_domain::fault::{Fault, FaultKind};
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why an operation gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TtlError {
    /// Redis did not answer in time, or refused. Whether the operation was done is not known.
    #[error("Redis is not available")]
    Unavailable,
    /// A stored value is not one of ours.
    #[error("a value in Redis is malformed")]
    Corrupt,
}

impl Fault for TtlError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Unavailable => FaultKind::Unavailable,
            Self::Corrupt => FaultKind::Internal,
        }
    }
}

impl From<RedisError> for TtlError {
    fn from(error: RedisError) -> Self {
        if error.code() == Some("WRONGTYPE") {
            return Self::Corrupt;
        }
        match error.kind() {
            ErrorKind::UnexpectedReturnType | ErrorKind::Parse => Self::Corrupt,
            ErrorKind::Server(kind) => {
                refused(kind);
                Self::Unavailable
            }
            // The driver's enum is open: whatever else there is, there was no answer.
            _ => Self::Unavailable,
        }
    }
}

/// Says in the log what only an operator can mend.
fn refused(kind: ServerErrorKind) {
    if matches!(
        kind,
        ServerErrorKind::NoPerm | ServerErrorKind::ResponseError | ServerErrorKind::CrossSlot
    ) {
        tracing::warn!(?kind, "Redis refused a command");
    }
}
