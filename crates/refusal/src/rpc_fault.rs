//! An RPC of ours to another workload that failed on the way.

use std::fmt;
use std::sync::Arc;

use aikagi_domain::fault::{Cause, ErrorType, Fault, FaultKind, describe};
use tonic::Status;

use crate::reason::ErrorReason;
use crate::refusal::Refusal;

/// An RPC to another workload that got no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcFault {
    workload: Arc<str>,
    method: String,
    error_type: ErrorType,
}

impl RpcFault {
    /// A failed RPC: the workload that was to be called, the method (`package.Service/Method`), and why it failed.
    pub fn new(workload: Arc<str>, method: impl Into<String>, error_type: ErrorType) -> Self {
        Self {
            workload,
            method: method.into(),
            error_type,
        }
    }
}

impl Fault for RpcFault {
    fn kind(&self) -> FaultKind {
        match self.error_type {
            ErrorType::Deadline => FaultKind::DeadlineExceeded,
            _ => FaultKind::Unavailable,
        }
    }

    fn dependency(&self) -> Option<&str> {
        Some(&self.workload)
    }

    fn cause(&self) -> Cause {
        self.error_type.into()
    }

    fn operation(&self) -> &str {
        &self.method
    }
}

impl std::error::Error for RpcFault {}

impl fmt::Display for RpcFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe(self, f)
    }
}

/// The status that tells the caller's code of the fault. The fault itself is its source, for
/// [`Failure::forwarded`](crate::Failure::forwarded); it never goes to the wire.
impl From<RpcFault> for Status {
    fn from(fault: RpcFault) -> Self {
        let refusal = match fault.error_type {
            ErrorType::Deadline => Refusal::new(ErrorReason::DeadlineExceeded),
            _ => Refusal::unavailable(),
        };
        let mut status = Self::from(refusal);
        status.set_source(Arc::new(fault));
        status
    }
}
