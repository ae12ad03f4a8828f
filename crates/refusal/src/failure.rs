//! Why an RPC fails, and the one mapping from a fault to the refusal that its caller gets.

use aikagi_domain::fault::{Fault, FaultKind};

use crate::reason::ErrorReason;
use crate::refusal::Refusal;

/// Why an RPC fails.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The caller's doing, or an upstream's refusal, with all that the caller may know.
    #[error(transparent)]
    Refused(Refusal),
    /// A fault of ours, or of a dependency.
    #[error("{0}")]
    Fault(Box<dyn Fault>),
}

impl Failure {
    /// Turns a conflict with another change into a refusal with this reason, and leaves any other failure as it is.
    /// For RPCs whose caller decided on a view that the other change made stale.
    #[must_use]
    pub fn conflict_as(self, reason: ErrorReason) -> Self {
        match self {
            Self::Fault(fault) if fault.kind() == FaultKind::Conflict => {
                Refusal::new(reason).into()
            }
            failure => failure,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<F: Fault> From<F> for Failure {
    fn from(fault: F) -> Self {
        Self::Fault(Box::new(fault))
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let fault = match failure {
            Failure::Refused(refusal) => return refusal,
            Failure::Fault(fault) => fault,
        };
        match fault.kind() {
            FaultKind::Unavailable | FaultKind::Conflict => {
                tracing::warn!(error = %fault, "operation failed");
                Self::unavailable()
            }
            FaultKind::Overloaded { retry_after } => {
                Self::new(ErrorReason::Overloaded).retry_after(retry_after)
            }
            FaultKind::Internal => {
                tracing::error!(error = %fault, "internal error");
                Self::new(ErrorReason::Internal)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aikagi_domain::fault::InternalFault;
    use tonic::Status;
    use tonic_types::StatusExt as _;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("a fault")]
    struct Made(FaultKind);

    impl Fault for Made {
        fn kind(&self) -> FaultKind {
            self.0
        }
    }

    fn refusal(kind: FaultKind) -> Refusal {
        Failure::from(Made(kind)).into()
    }

    /// OPS-4, LOGIN-4: a fault has one refusal, and says when trying again can help.
    #[test]
    fn a_fault_has_one_refusal() {
        let overloaded = FaultKind::Overloaded {
            retry_after: Duration::from_secs(7),
        };
        for (kind, reason, retry) in [
            (FaultKind::Unavailable, ErrorReason::Unavailable, Some(1)),
            (FaultKind::Conflict, ErrorReason::Unavailable, Some(1)),
            (overloaded, ErrorReason::Overloaded, Some(7)),
            (FaultKind::Internal, ErrorReason::Internal, None),
        ] {
            let refusal = refusal(kind);
            assert_eq!(refusal.reason(), reason, "{kind:?}");
            let info = Status::from(refusal).get_details_retry_info();
            let delay = info.and_then(|info| info.retry_delay);
            assert_eq!(delay, retry.map(Duration::from_secs), "{kind:?}");
        }
        let internal = Refusal::from(Failure::from(InternalFault("no row")));
        assert_eq!(internal.reason(), ErrorReason::Internal);
    }

    /// PW-5, MIG-4: a conflict becomes a refusal only where the caller decided on a view.
    #[test]
    fn a_conflict_alone_becomes_a_refusal() {
        let reason = |kind| {
            let failure = Failure::from(Made(kind)).conflict_as(ErrorReason::ChangedMeanwhile);
            Refusal::from(failure).reason()
        };
        assert_eq!(reason(FaultKind::Conflict), ErrorReason::ChangedMeanwhile);
        assert_eq!(reason(FaultKind::Unavailable), ErrorReason::Unavailable);
        assert_eq!(reason(FaultKind::Internal), ErrorReason::Internal);
        let own = Failure::from(Refusal::new(ErrorReason::StaleView));
        let own = Refusal::from(own.conflict_as(ErrorReason::ChangedMeanwhile));
        assert_eq!(own.reason(), ErrorReason::StaleView);
    }
}
