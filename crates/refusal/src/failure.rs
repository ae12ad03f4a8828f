//! Why an RPC fails. This module alone maps a fault to the refusal that the caller receives, and it alone
//! logs faults of RPCs.

use std::sync::LazyLock;
use std::time::Instant;

use aikagi_domain::fault::{Cause, ErrorType, Fault, FaultKind, InternalFault, StatusCode};
use tonic::Status;

use crate::first_of_minute::FirstOfMinute;
use crate::reason::ErrorReason;
use crate::refusal::Refusal;
use crate::rpc_fault::RpcFault;
use crate::status::reason_of;

/// Limits the log to one line per minute for each dependency, class and operation.
static LOGGED: LazyLock<FirstOfMinute<(String, ErrorType, String)>> =
    LazyLock::new(FirstOfMinute::default);

/// Why an RPC fails.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A refusal of this service or of an upstream. The caller may see all of it.
    #[error(transparent)]
    Refused(Refusal),
    /// A fault of this program or of a dependency.
    #[error("{0}")]
    Fault(Box<dyn Fault>),
}

impl Failure {
    /// Converts the status with which an RPC to an upstream failed.
    ///
    /// - A status with an [`RpcFault`] as its source becomes that fault: the RPC got no response.
    /// - A refusal of the upstream is passed on unchanged, except `CALLER_NOT_ALLOWED`.
    /// - Any other status is mapped by its code alone, because its text may come from a transport or a
    ///   driver. If the code maps to `INTERNAL`, the result is a fault.
    pub fn forwarded(status: &Status) -> Self {
        let source = std::error::Error::source(status);
        let fault = source.and_then(|source| source.downcast_ref::<RpcFault>());
        if let Some(fault) = fault {
            return fault.clone().into();
        }
        let refusal = Refusal::forwarded(status);
        // The upstream gave no reason, or one that outside callers must not see. Nobody has logged this
        // failure, so it becomes a fault, which is logged.
        let unexplained = matches!(
            reason_of(status),
            Some(ErrorReason::CallerNotAllowed) | None
        );
        if unexplained && refusal.reason() == ErrorReason::Internal {
            return InternalFault("an upstream gave no reason that can be forwarded").into();
        }
        refusal.into()
    }

    /// Turns a conflict with another change into a refusal with this reason. Other failures stay as they
    /// are. Use it for RPCs whose caller decided on the basis of a view that is stale after the other
    /// change.
    #[must_use]
    pub fn conflict_as(self, reason: ErrorReason) -> Self {
        match self {
            Self::Fault(fault) if fault.kind() == FaultKind::Conflict => {
                Refusal::new(reason).into()
            }
            failure => failure,
        }
    }

    /// Logs the fault, if this is one. Use it for RPCs that succeed in spite of the fault.
    pub fn report(&self) {
        match self {
            Self::Refused(_) => {}
            Self::Fault(fault) => report(fault.as_ref()),
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

/// OPS-4: the only mapping from faults to refusals. It logs the fault.
impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let fault = match failure {
            Failure::Refused(refusal) => return refusal,
            Failure::Fault(fault) => fault,
        };
        report(fault.as_ref());
        match fault.kind() {
            FaultKind::Unavailable | FaultKind::Conflict => Self::unavailable(),
            FaultKind::DeadlineExceeded => Self::new(ErrorReason::DeadlineExceeded),
            FaultKind::Overloaded { retry_after } => {
                Self::new(ErrorReason::Overloaded).retry_after(retry_after)
            }
            FaultKind::Internal => Self::new(ErrorReason::Internal),
        }
    }
}

/// Converts an upstream's status to the status for our own caller, as [`Failure::forwarded`] describes.
/// A fault is logged.
pub fn forward(status: &Status) -> Status {
    Refusal::from(Failure::forwarded(status)).into()
}

/// Logs an internal fault and returns its refusal. `expectation` says what is wrong, such as "a request has no peer
/// address". It contains no value.
pub fn internal(expectation: &'static str) -> Refusal {
    Failure::from(InternalFault(expectation)).into()
}

/// Logs a fault. Internal faults are logged each time. Overload is not logged, because metrics count it.
/// Other faults can occur in thousands during an outage, so they are logged once a minute.
fn report(fault: &dyn Fault) {
    let Cause { error_type, code } = fault.cause();
    let code = code.as_ref().map(StatusCode::as_str);
    let (dependency, operation) = (fault.dependency(), fault.operation());
    match fault.kind() {
        FaultKind::Unavailable | FaultKind::DeadlineExceeded | FaultKind::Conflict => {
            let kind = (
                dependency.unwrap_or_default().to_owned(),
                error_type,
                operation.to_owned(),
            );
            if let Some(suppressed) = LOGGED.admit(kind, Instant::now()) {
                tracing::warn!(
                    dependency,
                    error.type = error_type.as_str(),
                    db.response.status_code = code,
                    operation,
                    suppressed,
                    "operation failed"
                );
            }
        }
        FaultKind::Overloaded { .. } => {}
        FaultKind::Internal => {
            let names = fault.refused_by();
            tracing::error!(
                dependency,
                error.type = error_type.as_str(),
                db.response.status_code = code,
                operation,
                db.collection.name = names.and_then(|names| names.table.as_deref()),
                constraint = names.and_then(|names| names.constraint.as_deref()),
                "internal error"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::time::Duration;

    use aikagi_domain::fault::describe;
    use aikagi_fixtures::LogLines;
    use tonic_types::StatusExt as _;
    use tracing::Level;

    use super::*;

    #[derive(Debug)]
    struct TestFault(FaultKind);

    impl Fault for TestFault {
        fn kind(&self) -> FaultKind {
            self.0
        }

        fn dependency(&self) -> Option<&str> {
            Some("redis")
        }

        fn cause(&self) -> Cause {
            ErrorType::Connect.into()
        }

        fn operation(&self) -> &'static str {
            "PING"
        }
    }

    impl fmt::Display for TestFault {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            describe(self, f)
        }
    }

    fn refusal(kind: FaultKind) -> Refusal {
        Failure::from(TestFault(kind)).into()
    }

    /// OPS-4, LOGIN-4: each kind of fault has one reason. If a retry can succeed, the status says when.
    #[test]
    fn each_kind_of_fault_has_one_reason() {
        let overloaded = FaultKind::Overloaded {
            retry_after: Duration::from_secs(7),
        };
        for (kind, reason, retry) in [
            (FaultKind::Unavailable, ErrorReason::Unavailable, Some(1)),
            (FaultKind::Conflict, ErrorReason::Unavailable, Some(1)),
            (
                FaultKind::DeadlineExceeded,
                ErrorReason::DeadlineExceeded,
                None,
            ),
            (overloaded, ErrorReason::Overloaded, Some(7)),
            (FaultKind::Internal, ErrorReason::Internal, None),
        ] {
            let refusal = refusal(kind);
            assert_eq!(refusal.reason(), reason, "{kind:?}");
            let info = Status::from(refusal).get_details_retry_info();
            let delay = info.and_then(|info| info.retry_delay);
            assert_eq!(delay, retry.map(Duration::from_secs), "{kind:?}");
        }
        assert_eq!(internal("a row").reason(), ErrorReason::Internal);
    }

    /// PW-5, MIG-4: `conflict_as` changes the reason of a conflict and of nothing else.
    #[test]
    fn only_a_conflict_gets_the_given_reason() {
        let reason = |kind| {
            let failure = Failure::from(TestFault(kind)).conflict_as(ErrorReason::ChangedMeanwhile);
            Refusal::from(failure).reason()
        };
        assert_eq!(reason(FaultKind::Conflict), ErrorReason::ChangedMeanwhile);
        assert_eq!(reason(FaultKind::Unavailable), ErrorReason::Unavailable);
        assert_eq!(reason(FaultKind::Internal), ErrorReason::Internal);
        let own = Failure::from(Refusal::new(ErrorReason::StaleView));
        let own = Refusal::from(own.conflict_as(ErrorReason::ChangedMeanwhile));
        assert_eq!(own.reason(), ErrorReason::StaleView);
    }

    #[test]
    fn a_transports_text_is_not_forwarded() {
        let status = forward(&Status::unavailable("tcp connect error 10.1.2.3"));
        assert_eq!(reason_of(&status), Some(ErrorReason::Unavailable));
        assert!(!status.message().contains("10.1.2.3"));
        let own = Status::from(Refusal::invalid_field("number", "malformed"));
        assert_eq!(forward(&own).details(), own.details());
        let Failure::Refused(refused) = Failure::forwarded(&own) else {
            panic!("expected a refusal");
        };
        assert_eq!(refused.reason(), ErrorReason::InvalidField);
    }

    /// INV-7: if an upstream does not allow this workload, the system is set up wrongly. The caller receives
    /// `INTERNAL` and does not learn which workload was not allowed.
    #[test]
    fn an_unexplained_refusal_is_a_fault() {
        for status in [
            Status::from(Refusal::new(ErrorReason::CallerNotAllowed)),
            Status::unknown("tcp connect error 10.1.2.3"),
        ] {
            let failure = Failure::forwarded(&status);
            assert!(matches!(&failure, Failure::Fault(_)), "{failure:?}");
            assert_eq!(Refusal::from(failure).reason(), ErrorReason::Internal);
        }
    }

    /// INV-11: an RPC to an upstream that got no response is forwarded as a fault with its cause.
    #[test]
    fn a_failed_rpc_stays_a_fault() {
        for (error_type, reason) in [
            (ErrorType::Connect, ErrorReason::Unavailable),
            (ErrorType::Deadline, ErrorReason::DeadlineExceeded),
        ] {
            let status = Status::from(RpcFault::new("units".into(), "a.B/C", error_type));
            assert_eq!(reason_of(&status), Some(reason));
            let Failure::Fault(fault) = Failure::forwarded(&status) else {
                panic!("expected a fault");
            };
            let found = (fault.dependency(), fault.operation(), fault.to_string());
            let expected = format!("units: {error_type}");
            assert_eq!(found, (Some("units"), "a.B/C", expected));
            assert_eq!(Refusal::from(Failure::Fault(fault)).reason(), reason);
        }
    }

    /// OPS-3: a fault that many callers notice is logged once a minute. A fault that a person must repair is
    /// logged each time.
    #[test]
    fn an_outage_is_logged_once_a_minute() {
        let lines = LogLines::record();
        for _ in 0..3 {
            refusal(FaultKind::Unavailable);
        }
        let [line] = &lines.of("operation failed")[..] else {
            panic!("{:#?}", lines.all());
        };
        assert_eq!(line.level, Level::WARN);
        let names = ["dependency", "error.type", "operation", "suppressed"];
        let values = names.map(|field| line.field(field));
        assert_eq!(values, ["redis", "connect", "PING", "0"]);
        for _ in 0..2 {
            internal("a row");
        }
        let errors = lines.of("internal error");
        assert_eq!(errors.len(), 2);
        assert_eq!(errors[0].level, Level::ERROR);
        assert_eq!(errors[0].field("operation"), "a row");
        assert_eq!(lines.all().len(), 3);
    }

    /// LOGIN-4, OPS-3: a refusal is caused by the caller, and a metric counts the requests that a full pool
    /// sheds. Neither is logged.
    #[test]
    fn refusals_and_overload_are_not_logged() {
        let lines = LogLines::record();
        let _refusal = Refusal::from(Failure::from(Refusal::new(ErrorReason::LoginRefused)));
        refusal(FaultKind::Overloaded {
            retry_after: Duration::from_secs(1),
        });
        assert_eq!(lines.all(), []);
    }
}
