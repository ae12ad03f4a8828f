//! Errors of Redis, as classes. No text of the driver leaves this module, because it can contain a key or a value.

use std::fmt;
use std::io;
use std::sync::{Arc, LazyLock};

use aikagi_domain::fault::{
    Cause, ErrorType, FAILURES, FAILURES_DESCRIPTION, Fault, FaultKind, describe,
};
use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// The dependency's name in logs and metrics.
pub(crate) const DEPENDENCY: &str = "redis";

static FAILED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    global::meter("aikagi")
        .u64_counter(FAILURES)
        .with_description(FAILURES_DESCRIPTION)
        .build()
});

/// The failure of a Redis operation. Unless the value is malformed, Redis may have run the operation or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TtlError {
    cause: Cause,
    operation: &'static str,
}

impl TtlError {
    /// The stored value is not in our format.
    pub(crate) fn malformed(operation: &'static str) -> Self {
        Self::counted(ErrorType::Malformed.into(), operation)
    }

    /// Redis did not respond within the time limit.
    pub(crate) fn late(operation: &'static str) -> Self {
        Self::counted(ErrorType::Timeout.into(), operation)
    }

    /// Converts an error of the driver. `operation` is the name of the command.
    pub(crate) fn of(error: &RedisError, operation: &'static str) -> Self {
        Self::counted(cause_of(error), operation)
    }

    /// Creates an error, and counts it in the metric of failures.
    pub(crate) fn counted(cause: Cause, operation: &'static str) -> Self {
        let labels = [
            KeyValue::new("aikagi.dependency", DEPENDENCY),
            KeyValue::new("error.type", cause.error_type.as_str()),
        ];
        FAILED.add(1, &labels);
        Self { cause, operation }
    }
}

/// Exports the metric of failures as 0 at start, so that a dashboard can tell "none" from "no data".
pub(crate) fn export_failures() {
    FAILED.add(0, &[]);
}

impl Fault for TtlError {
    fn kind(&self) -> FaultKind {
        match self.cause.error_type {
            ErrorType::Malformed => FaultKind::Internal,
            _ => FaultKind::Unavailable,
        }
    }

    fn dependency(&self) -> Option<&str> {
        Some(DEPENDENCY)
    }

    fn cause(&self) -> Cause {
        self.cause
    }

    fn operation(&self) -> &str {
        self.operation
    }
}

impl std::error::Error for TtlError {}

impl fmt::Display for TtlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe(self, f)
    }
}

/// The class of an error of the driver.
fn cause_of(error: &RedisError) -> Cause {
    let error_type = match error.kind() {
        ErrorKind::UnexpectedReturnType | ErrorKind::Parse => ErrorType::Malformed,
        ErrorKind::AuthenticationFailed => ErrorType::Login,
        ErrorKind::MasterNameNotFoundBySentinel
        | ErrorKind::NoValidReplicasFoundBySentinel
        | ErrorKind::ClusterConnectionNotFound => ErrorType::ClusterDown,
        ErrorKind::Server(kind) => of_server(kind),
        ErrorKind::Extension => of_code(error.code().unwrap_or_default()),
        // The driver reports TLS errors as client errors.
        ErrorKind::InvalidClientConfig | ErrorKind::Client => ErrorType::Tls,
        ErrorKind::Io => of_connection(error),
        // The driver's enum is not exhaustive. The other kinds mean that there was no response.
        _ => ErrorType::Connect,
    };
    Cause::with_code(error_type, error.code().unwrap_or_default())
}

fn of_server(kind: ServerErrorKind) -> ErrorType {
    match kind {
        ServerErrorKind::BusyLoading => ErrorType::Loading,
        ServerErrorKind::ReadOnly => ErrorType::ReadOnly,
        ServerErrorKind::NoPerm => ErrorType::NoPermission,
        ServerErrorKind::ClusterDown
        | ServerErrorKind::MasterDown
        | ServerErrorKind::TryAgain
        | ServerErrorKind::Moved
        | ServerErrorKind::Ask => ErrorType::ClusterDown,
        _ => ErrorType::Command,
    }
}

/// The class of a code for which the driver has no kind.
fn of_code(code: &str) -> ErrorType {
    match code {
        "WRONGTYPE" => ErrorType::Malformed,
        "WRONGPASS" | "NOAUTH" => ErrorType::Login,
        "OOM" => ErrorType::OutOfMemory,
        // Redis cannot save to its disk, so it accepts no change.
        "MISCONF" => ErrorType::Disk,
        "NOREPLICAS" => ErrorType::NotDurable,
        // A script or a function has run too long.
        "BUSY" => ErrorType::Timeout,
        _ => ErrorType::Command,
    }
}

fn of_connection(error: &RedisError) -> ErrorType {
    let source = std::error::Error::source(error);
    let source =
        source.and_then(|source| source.downcast_ref::<Arc<dyn std::error::Error + Send + Sync>>());
    match source.and_then(|source| source.downcast_ref::<io::Error>()) {
        // An error of rustls is wrapped in an error of this kind.
        Some(error) if error.kind() == io::ErrorKind::InvalidData => ErrorType::Tls,
        Some(error) if error.kind() == io::ErrorKind::TimedOut => ErrorType::Timeout,
        None if error.is_timeout() => ErrorType::Timeout,
        Some(_) | None => ErrorType::Connect,
    }
}

#[cfg(test)]
mod tests {
    use redis::make_extension_error;

    use super::*;

    /// INV-8: an error of Redis has a class and a code. Its text is not in the fault.
    #[test]
    fn an_error_of_redis_has_a_class_and_a_code() {
        for (code, expected) in [
            ("WRONGTYPE", ErrorType::Malformed),
            ("WRONGPASS", ErrorType::Login),
            ("NOAUTH", ErrorType::Login),
            ("OOM", ErrorType::OutOfMemory),
            ("MISCONF", ErrorType::Disk),
            ("NOREPLICAS", ErrorType::NotDurable),
            ("BUSY", ErrorType::Timeout),
            ("UNHEARDOF", ErrorType::Command),
        ] {
            let error = make_extension_error(code.to_owned(), Some("of call:secret".to_owned()));
            let fault = TtlError::of(&error, "HGET");
            assert_eq!(fault.cause(), Cause::with_code(expected, code));
            assert_eq!(fault.to_string(), format!("redis: {expected} ({code})"));
        }
        for (kind, expected) in [
            (ErrorKind::AuthenticationFailed, ErrorType::Login),
            (ErrorKind::Parse, ErrorType::Malformed),
            (ErrorKind::UnexpectedReturnType, ErrorType::Malformed),
            (ErrorKind::ClusterConnectionNotFound, ErrorType::ClusterDown),
            (
                ErrorKind::MasterNameNotFoundBySentinel,
                ErrorType::ClusterDown,
            ),
            (ServerErrorKind::BusyLoading.into(), ErrorType::Loading),
            (ServerErrorKind::ReadOnly.into(), ErrorType::ReadOnly),
            (ServerErrorKind::NoPerm.into(), ErrorType::NoPermission),
            (ServerErrorKind::ClusterDown.into(), ErrorType::ClusterDown),
            (ServerErrorKind::ResponseError.into(), ErrorType::Command),
        ] {
            let error = RedisError::from((kind, "of call:secret"));
            assert_eq!(
                TtlError::of(&error, "HGET").cause().error_type,
                expected,
                "{kind:?}"
            );
        }
        for (kind, expected) in [
            (io::ErrorKind::ConnectionRefused, ErrorType::Connect),
            (io::ErrorKind::BrokenPipe, ErrorType::Connect),
            (io::ErrorKind::TimedOut, ErrorType::Timeout),
            (io::ErrorKind::InvalidData, ErrorType::Tls),
        ] {
            let error = RedisError::from(io::Error::from(kind));
            assert_eq!(
                TtlError::of(&error, "HGET").cause().error_type,
                expected,
                "{kind:?}"
            );
        }
    }

    #[test]
    fn only_a_malformed_value_is_internal() {
        assert_eq!(TtlError::malformed("HMGET").kind(), FaultKind::Internal);
        assert_eq!(TtlError::late("HMGET").kind(), FaultKind::Unavailable);
    }
}
