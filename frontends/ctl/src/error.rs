//! Why a command could not be done: a kind, which is the exit code, and words that help.

use std::io;

use aikagi_mesh::errors::reason_of;
use serde::Serialize;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// What kind of end it was, as scripts are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExitKind {
    /// Something broke, here or there.
    Fault,
    /// What was asked cannot be.
    Usage,
    /// Not allowed, or not possible as things stand.
    Refused,
    /// No line has the number.
    NotFound,
    /// Not to be reached, or not ready.
    Unavailable,
    /// It was looked at, and is not as it should be.
    #[serde(rename = "not_whole")]
    ProblemsFound,
    /// By Ctrl-C.
    Interrupted,
    /// Whoever read our output has gone.
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

/// Why a command could not be done.
#[derive(Debug, Clone, Serialize, thiserror::Error)]
#[error("{message}")]
pub(crate) struct CommandError {
    pub(crate) kind: ExitKind,
    /// What happened, in words.
    pub(crate) message: String,
    /// The stable reason of a refusal, such as `LINE_CLOSED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// What would help.
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

    /// A file or a stream that does not do what it should.
    pub(crate) fn io(what: &str, error: &io::Error) -> Self {
        Self::new(ExitKind::Fault, format!("{what}: {error}"))
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
        let reason =
            reason_of(&status).map(|reason| aikagi_mesh::errors::name_of(reason).to_owned());
        let hint = match (status.code(), reason.as_deref()) {
            (Code::Unimplemented, _) => {
                Some("this system is older than this aikagictl: use one of the same release")
            }
            (_, Some("CALLER_NOT_ALLOWED")) => {
                Some("your certificate is not an operator's: `aikagictl doctor` says whose it is")
            }
            (_, Some("LINE_NOT_FOUND")) => {
                Some("`aikagictl explain NUMBER` says what can be said of a number on no line")
            }
            (_, Some("LINE_CLOSED")) => Some("its numbers can be added to another line"),
            (_, Some("CONTRACT_NUMBER_STAYS")) => {
                Some("close the line (`aikagictl line close`), and add another")
            }
            (_, Some("NUMBER_TAKEN")) => {
                Some("`aikagictl line show NUMBER` shows the line that it is on")
            }
            (_, Some("INTERNAL")) => Some("the services' logs say more"),
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
