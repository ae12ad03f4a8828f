//! What a fault is: an RPC fails, and its caller did nothing wrong. A crate that speaks with a store implements
//! [`Fault`] for its error; `aikagi_refusal` alone turns a fault into a refusal.

use std::time::Duration;

/// What a fault means to the caller of the RPC that it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// A dependency does not answer, or not in time. Whether the operation was done is unknown.
    Unavailable,
    /// Another change was in the way. Nothing was changed, and trying again can help.
    Conflict,
    /// This replica has no capacity left. Nothing was begun (LOGIN-4).
    Overloaded {
        /// When trying again can help.
        retry_after: Duration,
    },
    /// A person must act: a value, a statement or this program is wrong.
    Internal,
}

/// A fault of ours, or of a dependency.
pub trait Fault: std::error::Error + Send + Sync + 'static {
    /// What the fault means to the caller.
    fn kind(&self) -> FaultKind;
}

/// Something that this program takes for granted does not hold. The text names it, and holds no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InternalFault(pub &'static str);

impl Fault for InternalFault {
    fn kind(&self) -> FaultKind {
        FaultKind::Internal
    }
}
