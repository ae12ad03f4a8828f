//! What a refused call answers: a gRPC status with `google.rpc` details (OPS-4). Services make a
//! [`Refusal`]; this module alone turns it into a status.

mod table;

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::{
    BadRequest, ErrorDetail, ErrorInfo, FieldViolation, LocalizedMessage, RetryInfo, StatusExt,
};

pub use crate::v1::ErrorReason;

/// The `domain` of every ErrorInfo.
pub const ERROR_DOMAIN: &str = "aikagi";

const REASON_PREFIX: &str = "ERROR_REASON_";

/// A call refused, with all that its caller may know. Nothing secret goes in: everything comes out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.reason_name())]
pub struct Refusal {
    reason: ErrorReason,
    metadata: Vec<(&'static str, String)>,
    words: Vec<(&'static str, String)>,
    fields: Vec<Concerned>,
    retry_after: Option<Duration>,
    forwarded: Option<Box<Forwarded>>,
}

/// A field that a refusal concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Concerned {
    field: Cow<'static, str>,
    description: &'static str,
    /// Why, where that differs from field to field.
    reason: Option<ErrorReason>,
}

/// A refusal as an upstream has rendered it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Forwarded {
    code: Code,
    message: String,
    details: Bytes,
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

    /// What an upstream refused with: its own refusal, to the byte, if it is one of ours, else the least
    /// that says what kind it was. Texts of transports and drivers stop here.
    pub fn forwarded(status: &Status) -> Self {
        match reason_of(status) {
            // Who may call whom inside is not the outside's business.
            Some(ErrorReason::CallerNotAllowed) | None => Self::from(status.code()),
            Some(reason) => Self {
                forwarded: Some(Box::new(Forwarded {
                    code: status.code(),
                    message: status.message().to_owned(),
                    details: Bytes::copy_from_slice(status.details()),
                })),
                ..Self::new(reason)
            },
        }
    }

    /// A field that is missing, malformed or out of range; the description is for developers.
    pub fn invalid_field(field: impl Into<Cow<'static, str>>, description: &'static str) -> Self {
        Self::new(ErrorReason::InvalidField).field(field, description)
    }

    /// A store or an upstream that does not answer.
    pub fn unavailable() -> Self {
        Self::new(ErrorReason::Unavailable).retry_after(Duration::from_secs(1))
    }

    /// Names a field concerned.
    #[must_use]
    pub fn field(mut self, field: impl Into<Cow<'static, str>>, description: &'static str) -> Self {
        self.fields.push(Concerned {
            field: field.into(),
            description,
            reason: None,
        });
        self
    }

    /// Names a field concerned, and why: for refusals whose fields are not all refused for one reason.
    #[must_use]
    pub fn field_for(
        mut self,
        field: impl Into<Cow<'static, str>>,
        reason: ErrorReason,
        description: &'static str,
    ) -> Self {
        self.fields.push(Concerned {
            field: field.into(),
            description,
            reason: Some(reason),
        });
        self
    }

    /// Puts a number in place of `{key}` in the messages, and nowhere else.
    #[must_use]
    pub fn saying(mut self, key: &'static str, value: u32) -> Self {
        self.words.push((key, value.to_string()));
        self
    }

    /// Adds metadata.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.metadata.push((key, value.into()));
        self
    }

    /// Says when trying again can help.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Why.
    pub fn reason(&self) -> ErrorReason {
        self.reason
    }

    /// The reason as ErrorInfo has it, such as `LOGIN_REFUSED`.
    pub fn reason_name(&self) -> &'static str {
        name_of(self.reason)
    }

    fn render(&self, template: &str) -> String {
        self.words
            .iter()
            .fold(template.to_owned(), |text, (key, value)| {
                text.replace(&format!("{{{key}}}"), value)
            })
    }
}

/// The name of a reason as ErrorInfo has it.
pub fn name_of(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix(REASON_PREFIX).unwrap_or(name)
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        if let Some(forwarded) = refusal.forwarded {
            return Self::with_details(forwarded.code, forwarded.message, forwarded.details);
        }
        let entry = table::entry(refusal.reason);
        let metadata: HashMap<String, String> = refusal
            .metadata
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect();
        let mut details = vec![ErrorDetail::ErrorInfo(ErrorInfo::new(
            refusal.reason_name(),
            ERROR_DOMAIN,
            metadata,
        ))];
        if !refusal.fields.is_empty() {
            let violations: Vec<FieldViolation> = refusal
                .fields
                .iter()
                .map(|concerned| FieldViolation {
                    reason: concerned.reason.map_or("", name_of).to_owned(),
                    ..FieldViolation::new(concerned.field.as_ref(), concerned.description)
                })
                .collect();
            details.push(ErrorDetail::BadRequest(BadRequest::new(violations)));
        }
        if let Some(delay) = refusal.retry_after {
            details.push(ErrorDetail::RetryInfo(RetryInfo::new(Some(delay))));
        }
        let english = refusal.render(entry.english);
        details.push(ErrorDetail::LocalizedMessage(LocalizedMessage::new(
            "ja",
            refusal.render(entry.japanese),
        )));
        details.push(ErrorDetail::LocalizedMessage(LocalizedMessage::new(
            "en",
            english.clone(),
        )));
        Status::with_error_details_vec(entry.code, english, details)
    }
}

/// The reason of a status that one of our services made.
pub fn reason_of(status: &Status) -> Option<ErrorReason> {
    let info = status.get_details_error_info()?;
    if info.domain != ERROR_DOMAIN {
        return None;
    }
    ErrorReason::from_str_name(&format!("{REASON_PREFIX}{}", info.reason))
}

/// What to answer when an upstream refused: [`Refusal::forwarded`], as a status.
pub fn forward(status: &Status) -> Status {
    Refusal::forwarded(status).into()
}

/// The answer to a call, or the status of its refusal.
pub fn answer<T>(result: Result<T, impl Into<Refusal>>) -> Result<tonic::Response<T>, Status> {
    result
        .map(tonic::Response::new)
        .map_err(|failure| failure.into().into())
}

/// Gives a status that the transport made by itself a reason. Services always give one, so what has none is
/// about a request that could not be read: malformed, compressed or too large.
pub fn mend(response: Response<Body>) -> Response<Body> {
    let headers = response.headers();
    let Some(code) = headers.get(Status::GRPC_STATUS) else {
        return response;
    };
    let refusal = match Code::from_bytes(code.as_bytes()) {
        Code::Ok => return response,
        _ if headers.contains_key(Status::GRPC_STATUS_DETAILS) => return response,
        Code::Internal | Code::InvalidArgument | Code::OutOfRange | Code::Unimplemented => {
            Refusal::invalid_field("request", "malformed, compressed or too large")
        }
        code => Refusal::from(code),
    };
    Status::from(refusal).into_http()
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        match code {
            Code::Unavailable => Self::unavailable(),
            Code::DeadlineExceeded | Code::Cancelled => Self::new(ErrorReason::DeadlineExceeded),
            Code::ResourceExhausted => {
                Self::new(ErrorReason::Overloaded).retry_after(Duration::from_secs(1))
            }
            Code::Ok
            | Code::Unknown
            | Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Internal
            | Code::DataLoss
            | Code::Unauthenticated => Self::new(ErrorReason::Internal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_reason() -> impl Iterator<Item = ErrorReason> {
        (1..200).filter_map(|number| ErrorReason::try_from(number).ok())
    }

    #[test]
    fn every_reason_has_both_languages_and_comes_back_from_its_status() {
        for reason in every_reason() {
            let status = Status::from(Refusal::new(reason));
            assert_eq!(reason_of(&status), Some(reason));
            assert_ne!(status.code(), Code::Ok);
            let locales: Vec<String> = status
                .get_error_details_vec()
                .into_iter()
                .filter_map(|detail| match detail {
                    ErrorDetail::LocalizedMessage(text) if !text.message.is_empty() => {
                        Some(text.locale)
                    }
                    _ => None,
                })
                .collect();
            assert_eq!(locales, ["ja", "en"], "{reason:?}");
        }
    }

    /// LOGIN-8: the answer says when to try again, in RetryInfo.
    #[test]
    fn a_delay_travels_as_retry_info() {
        let refusal =
            Refusal::new(ErrorReason::TooManyAttempts).retry_after(Duration::from_secs(7));
        let status = Status::from(refusal);
        assert_eq!(status.code(), Code::ResourceExhausted);
        let info = status.get_details_retry_info().expect("RetryInfo");
        assert_eq!(info.retry_delay, Some(Duration::from_secs(7)));
    }

    /// OPS-4: a message that is too large or malformed is refused with a reason too.
    #[test]
    fn a_status_without_a_reason_gets_one() {
        let reason = |status: Status| {
            let mended = mend(status.into_http());
            reason_of(&Status::from_header_map(mended.headers()).expect("a status"))
        };
        assert_eq!(
            reason(Status::out_of_range("message length too large")),
            Some(ErrorReason::InvalidField)
        );
        assert_eq!(
            reason(Status::cancelled("stream reset")),
            Some(ErrorReason::DeadlineExceeded)
        );
        let own = Refusal::new(ErrorReason::Internal);
        assert_eq!(reason(own.into()), Some(ErrorReason::Internal));
        assert!(mend(Response::new(Body::empty())).headers().is_empty());
    }

    /// MIG-5: of several passwords each field says why it was refused.
    #[test]
    fn fields_may_have_reasons_of_their_own() {
        let refusal = Refusal::new(ErrorReason::PasswordDead)
            .field("passwords", "some")
            .field_for("passwords[1]", ErrorReason::PasswordWrong, "wrong");
        let request = Status::from(refusal).get_details_bad_request().unwrap();
        let told: Vec<_> = request
            .field_violations
            .iter()
            .map(|violation| (violation.field.as_str(), violation.reason.as_str()))
            .collect();
        assert_eq!(
            told,
            [("passwords", ""), ("passwords[1]", "PASSWORD_WRONG")]
        );
    }

    #[test]
    fn a_transports_text_is_not_forwarded() {
        let status = forward(&Status::unavailable("tcp connect error 10.1.2.3"));
        assert_eq!(reason_of(&status), Some(ErrorReason::Unavailable));
        assert!(!status.message().contains("10.1.2.3"));
        let own = Status::from(Refusal::invalid_field("number", "malformed"));
        assert_eq!(forward(&own).details(), own.details());
        assert_eq!(Refusal::forwarded(&own).reason(), ErrorReason::InvalidField);
    }
}
