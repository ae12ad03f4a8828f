//! The fault of an RPC to another workload.

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
    /// Takes the workload, the method (`package.Service/Method`) and the class of the cause.
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

/// The status that a client of this program returns for the fault. The fault is the source of the status,
/// for [`Failure::forwarded`](crate::Failure::forwarded). The source is never sent.
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
