//! Numbers and passwords that most tests use.

/// The contract number of the line that most tests use. It is not subscribed.
pub const CONTRACT: &str = "0312340001";
/// A subscribed additional number.
pub const FIRST: &str = "0312340002";
/// Another subscribed additional number.
pub const SECOND: &str = "0312340003";
/// An additional number that is not subscribed.
pub const UNSUBSCRIBED: &str = "0312340004";
/// A subscribed number of another line.
pub const STRANGER: &str = "0451110001";
/// A number that is on no line.
pub const NOBODY: &str = "0669990000";
/// A temporary password.
pub const TEMPORARY: &str = "48151623";
/// Another temporary password.
pub const OTHER_TEMPORARY: &str = "27182818";
/// A permanent password.
pub const PERMANENT: &str = "Abc12345";
/// Another permanent password.
pub const OTHER_PERMANENT: &str = "Xyz98765";
