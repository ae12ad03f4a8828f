//! The reasons, and their names on the wire.

pub use crate::v1::ErrorReason;

/// The `domain` of every ErrorInfo.
pub const ERROR_DOMAIN: &str = "aikagi";

const PREFIX: &str = "ERROR_REASON_";

/// The name of a reason in ErrorInfo, such as `LOGIN_REFUSED`.
pub fn name_of(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix(PREFIX).unwrap_or(name)
}

/// The reason with this name; `None` if this version does not know it.
pub(crate) fn named(name: &str) -> Option<ErrorReason> {
    ErrorReason::from_str_name(&format!("{PREFIX}{name}"))
}
