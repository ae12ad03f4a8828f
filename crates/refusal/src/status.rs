//! Converts refusals to gRPC statuses with `google.rpc` details, and back (OPS-4).

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use tonic::{Code, Status};
use tonic_types::{
    BadRequest, ErrorDetail, ErrorInfo, FieldViolation, LocalizedMessage, RetryInfo, StatusExt,
};

use crate::reason::{ERROR_DOMAIN, ErrorReason, name_of, named};
use crate::refusal::{Forwarded, Refusal};
use crate::table;

impl From<Refusal> for Status {
    fn from(mut refusal: Refusal) -> Self {
        if let Some(forwarded) = refusal.forwarded.take() {
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
                .map(|refused| FieldViolation {
                    reason: refused.reason.map_or("", name_of).to_owned(),
                    ..FieldViolation::new(refused.field.as_ref(), refused.description)
                })
                .collect();
            details.push(ErrorDetail::BadRequest(BadRequest::new(violations)));
        }
        if let Some(delay) = refusal.retry_after {
            details.push(ErrorDetail::RetryInfo(RetryInfo::new(Some(delay))));
        }
        let english = render(&refusal, entry.english);
        details.push(ErrorDetail::LocalizedMessage(LocalizedMessage::new(
            "ja",
            render(&refusal, entry.japanese),
        )));
        details.push(ErrorDetail::LocalizedMessage(LocalizedMessage::new(
            "en",
            english.clone(),
        )));
        Status::with_error_details_vec(entry.code, english, details)
    }
}

/// Inserts the numbers of a refusal into a message.
fn render(refusal: &Refusal, template: &str) -> String {
    refusal
        .words
        .iter()
        .fold(template.to_owned(), |text, (key, value)| {
            text.replace(&format!("{{{key}}}"), value)
        })
}

/// The reason in a status that one of our services made; `None` for any other status.
pub fn reason_of(status: &Status) -> Option<ErrorReason> {
    let info = status.get_details_error_info()?;
    if info.domain != ERROR_DOMAIN {
        return None;
    }
    named(&info.reason)
}

/// The value of a metadata key of a refusal. `None` if the status has no such key.
pub fn metadata_of(status: &Status, key: &str) -> Option<String> {
    status.get_details_error_info()?.metadata.remove(key)
}

impl Refusal {
    /// The refusal for an upstream's status. A status with one of our reasons is passed on unchanged, except
    /// `CALLER_NOT_ALLOWED`. Any other status is mapped by its code alone, because its text may come from
    /// a transport or a driver.
    pub(crate) fn forwarded(status: &Status) -> Self {
        match reason_of(status) {
            // Callers must not learn which workload may call which.
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
    fn every_reason_has_both_languages_and_is_read_from_its_status() {
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

    /// LOGIN-8: the RetryInfo of a status says when to try again.
    #[test]
    fn a_delay_is_sent_as_retry_info() {
        let refusal =
            Refusal::new(ErrorReason::TooManyAttempts).retry_after(Duration::from_secs(7));
        let status = Status::from(refusal);
        assert_eq!(status.code(), Code::ResourceExhausted);
        let info = status
            .get_details_retry_info()
            .expect("the status has a RetryInfo");
        assert_eq!(info.retry_delay, Some(Duration::from_secs(7)));
    }

    /// MIG-5: if a request has several passwords, each refused field has its own reason.
    #[test]
    fn each_field_may_have_its_own_reason() {
        let refusal = Refusal::new(ErrorReason::PasswordDead)
            .field("passwords", "some")
            .field_for("passwords[1]", ErrorReason::PasswordWrong, "wrong");
        let request = Status::from(refusal).get_details_bad_request().unwrap();
        let found: Vec<_> = request
            .field_violations
            .iter()
            .map(|violation| (violation.field.as_str(), violation.reason.as_str()))
            .collect();
        assert_eq!(
            found,
            [("passwords", ""), ("passwords[1]", "PASSWORD_WRONG")]
        );
    }
}
