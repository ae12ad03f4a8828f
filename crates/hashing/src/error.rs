//! Errors of hashing.

use aikagi_domain::fault::{Cause, ErrorType, Fault, FaultKind};

/// Why a hash could not be made or compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The stored hash is not a PHC string of Argon2id, so no password can be compared with it.
    #[error("the stored hash is malformed")]
    Malformed,
    /// No hash was computed: the process is stopping, or the operating system provides no random bytes.
    #[error("hashing failed")]
    Failed,
}

impl Fault for HashError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Malformed | Self::Failed => FaultKind::Internal,
        }
    }

    fn dependency(&self) -> Option<&str> {
        None
    }

    fn cause(&self) -> Cause {
        ErrorType::Hash.into()
    }

    fn operation(&self) -> &'static str {
        match self {
            Self::Malformed => "compare with a stored hash",
            Self::Failed => "hash",
        }
    }
}
