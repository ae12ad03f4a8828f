//! The refusal of an RPC.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use tonic::Code;

use crate::reason::{ErrorReason, name_of};

/// The refusal of an RPC. All of it is sent to the caller, so it must contain no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.reason_name())]
pub struct Refusal {
    pub(crate) reason: ErrorReason,
    pub(crate) metadata: Vec<(&'static str, String)>,
    pub(crate) words: Vec<(&'static str, String)>,
    pub(crate) fields: Vec<RefusedField>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) forwarded: Option<Box<Forwarded>>,
}

/// A field that a refusal names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedField {
    pub(crate) field: Cow<'static, str>,
    pub(crate) description: &'static str,
    /// The reason for this field, if the fields of the refusal have different reasons.
    pub(crate) reason: Option<ErrorReason>,
}

/// The status of an upstream's refusal, to be sent on unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Forwarded {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) details: Bytes,
}

impl Refusal {
    /// A refusal for a reason.
    pub fn new(reason: ErrorReason) -> Self {
        Self {
            reason,
            metadata: Vec::new(),
            words: Vec::new(),
            fields: Vec::new(),
            retry_after: None,
            forwarded: None,
        }
    }

    /// Refuses a field that is missing, malformed or out of range. The description is for developers.
    pub fn invalid_field(field: impl Into<Cow<'static, str>>, description: &'static str) -> Self {
        Self::new(ErrorReason::InvalidField).field(field, description)
    }

    /// Refuses because a dependency is unavailable. The caller may try again after a second.
    pub fn unavailable() -> Self {
        Self::new(ErrorReason::Unavailable).retry_after(Duration::from_secs(1))
    }

    /// Adds a field that is refused for the reason of the whole refusal.
    #[must_use]
    pub fn field(mut self, field: impl Into<Cow<'static, str>>, description: &'static str) -> Self {
        self.fields.push(RefusedField {
            field: field.into(),
            description,
            reason: None,
        });
        self
    }

    /// Adds a refused field with its own reason, for refusals whose fields have different reasons.
    #[must_use]
    pub fn field_for(
        mut self,
        field: impl Into<Cow<'static, str>>,
        reason: ErrorReason,
        description: &'static str,
    ) -> Self {
        self.fields.push(RefusedField {
            field: field.into(),
            description,
            reason: Some(reason),
        });
        self
    }

    /// Replaces `{key}` by a number in the messages of both languages.
    #[must_use]
    pub fn saying(mut self, key: &'static str, value: u32) -> Self {
        self.words.push((key, value.to_string()));
        self
    }

    /// Adds metadata to the ErrorInfo.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.metadata.push((key, value.into()));
        self
    }

    /// Sets the time after which a retry can succeed. It is sent as RetryInfo.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// The reason.
    pub fn reason(&self) -> ErrorReason {
        self.reason
    }

    /// The name of the reason in ErrorInfo, such as `LOGIN_REFUSED`.
    pub fn reason_name(&self) -> &'static str {
        name_of(self.reason)
    }
}
