//! The error of a command. It has a kind, which determines the exit code, and a text for the operator.

use std::io;

use aikagi_refusal::reason_of;
use serde::Serialize;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The kind of an error, for scripts. It is part of the JSON output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExitKind {
    /// An error in this program or in the system.
    Fault,
    /// Invalid arguments, settings or numbers.
    Usage,
    /// No permission, or the present state does not allow the command.
    Refused,
    /// No line has the number.
    NotFound,
    /// The system cannot be reached or is not ready.
    Unavailable,
    /// The command finished and found problems.
    #[serde(rename = "not_whole")]
    ProblemsFound,
    /// Stopped by Ctrl-C.
    Interrupted,
    /// The program that reads the standard output, such as `head`, has closed it.
    OutputClosed,
}

impl ExitKind {
    /// The exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::OutputClosed => 0,
            Self::Fault => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::NotFound => 4,
            Self::Unavailable => 5,
            Self::ProblemsFound => 6,
            Self::Interrupted => 130,
        }
    }
}

/// The error of a command.
#[derive(Debug, Clone, Serialize, thiserror::Error)]
#[error("{message}")]
pub(crate) struct CommandError {
    pub(crate) kind: ExitKind,
    /// What happened, for people.
    pub(crate) message: String,
    /// The stable reason of a refusal, such as `LINE_CLOSED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// What the operator can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

impl CommandError {
    pub(crate) fn new(kind: ExitKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            reason: None,
            hint: None,
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitKind::Usage, message)
    }

    /// Creates the error of a failed operation on a file or a stream. `failure` says what failed.
    pub(crate) fn io(failure: &str, error: &io::Error) -> Self {
        Self::new(ExitKind::Fault, format!("{failure}: {error}"))
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<Status> for CommandError {
    fn from(status: Status) -> Self {
        let kind = match status.code() {
            Code::InvalidArgument | Code::OutOfRange => ExitKind::Usage,
            Code::NotFound => ExitKind::NotFound,
            Code::PermissionDenied
            | Code::Unauthenticated
            | Code::FailedPrecondition
            | Code::AlreadyExists
            | Code::Aborted => ExitKind::Refused,
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Cancelled => ExitKind::Unavailable,
            Code::Ok | Code::Unknown | Code::Unimplemented | Code::Internal | Code::DataLoss => {
                ExitKind::Fault
            }
        };
        let mut message = status.message().to_owned();
        if let Some(info) = status.get_details_error_info()
            && let Some(number) = info.metadata.get("number")
        {
            message = format!("{message} ({number})");
        }
        for violation in status
            .get_details_bad_request()
            .map(|bad| bad.field_violations)
            .unwrap_or_default()
        {
            message = format!(
                "{message}\n  {}: {}",
                violation.field, violation.description
            );
        }
        let reason = reason_of(&status).map(|reason| aikagi_refusal::name_of(reason).to_owned());
        let hint = match (status.code(), reason.as_deref()) {
            (Code::Unimplemented, _) => Some(
                "the system is older than this aikagictl: use an aikagictl of the same release",
            ),
            (_, Some("CALLER_NOT_ALLOWED")) => Some(
                "your certificate does not identify an operator: run `aikagictl doctor` to see its identity",
            ),
            (_, Some("LINE_NOT_FOUND")) => {
                Some("run `aikagictl explain NUMBER`: it names the remedy for a number on no line")
            }
            (_, Some("LINE_CLOSED")) => {
                Some("the numbers of a closed line can be added to another line")
            }
            (_, Some("CONTRACT_NUMBER_STAYS")) => {
                Some("close the line (`aikagictl line close`) and add a new line")
            }
            (_, Some("NUMBER_TAKEN")) => {
                Some("run `aikagictl line show NUMBER` to see the number's line")
            }
            (_, Some("INTERNAL")) => Some("see the services' logs"),
            _ => None,
        };
        Self {
            kind,
            message,
            reason,
            hint: hint.map(str::to_owned),
        }
    }
}
